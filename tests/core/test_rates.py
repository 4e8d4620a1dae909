"""A rate gives a minute's share at once, then one each T, and remembers nobody for longer than that."""

import pytest

from ledger.notary import rates
from ledger.notary.rates import Rates


class Ticking:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_share_comes_at_once_and_then_one_each_t() -> None:
    clock = Ticking()
    counted = Rates(clock)
    assert [counted.take("a", 3) for _ in range(4)] == [0.0, 0.0, 0.0, pytest.approx(20.0)]
    assert counted.take("b", 3) == 0.0
    clock.now += 19.0
    assert counted.take("a", 3) == pytest.approx(1.0)
    clock.now += 1.0  # as long as it was told to wait
    assert [counted.take("a", 3), counted.take("a", 3)] == [0.0, pytest.approx(20.0)]
    clock.now += 3_600.0  # saves nothing up
    assert [not counted.take("a", 3) for _ in range(4)] == [True, True, True, False]


def test_whoever_waits_as_long_as_he_is_told_is_never_refused_twice() -> None:
    clock = Ticking()
    counted = Rates(clock)
    for per_minute in (1, 7, 60, 6_000, 1 << 20):
        for _ in range(50):
            wait = counted.take(f"at {per_minute}", per_minute)
            if wait:
                clock.now += wait
                assert counted.take(f"at {per_minute}", per_minute) == 0.0


def test_what_is_remembered_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST", 100)
    clock = Ticking()
    counted = Rates(clock)
    for each in range(1_000):
        counted.take(str(each), 60)
        clock.now += 0.1
        assert len(counted._due) <= 100
    for each in range(150):  # all at one moment: nothing has run out
        counted.take(f"new {each}", 60)
    assert len(counted._due) <= 100
