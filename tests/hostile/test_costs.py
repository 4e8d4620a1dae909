"""No parser takes more than time and memory in proportion to the size of what it is given.

Processor time is compared with processor time of the same parser, the least of several tries: a busy
machine makes a try longer, never shorter, so that a parser in proportion passes sooner or later, and
one whose cost is the square of the size (sixteen times as much for four times the bytes) never does.
"""

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from ledger.company.capture.config import Rule
from ledger.company.mail.sources import MailPolicy
from ledger.reading.header import MAX_VALUE
from ledger.recognised import MAX_SENTENCE
from tests.hostile.costs import ACCOUNT, CASES, Case, in_chinese, text

TIMES = 4
MOST = 2.5 * TIMES
"""How much longer four times the bytes may take: memory is slower where the caches end."""
SLACK = 0.004
"""Seconds: what cannot be told from starting."""
TRIES = 12
SPEED = 20e-6
"""Seconds for a byte: ten times what the slowest parser takes."""
MEMORY, AT_LEAST = 1_000, 1 << 20
"""Bytes of memory for a byte, and in any case."""


def cost(run: Callable[[], object]) -> float:
    gc.disable()
    try:
        start = time.process_time()
        run()
        return time.process_time() - start
    finally:
        gc.enable()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_four_times_the_bytes_take_about_four_times_as_long(case: Case) -> None:
    small, large = case.make(case.size), case.make(TIMES * case.size)
    low = high = float("inf")
    for _ in range(TRIES):
        low = min(low, cost(lambda: case.run(small)))
        high = min(high, cost(lambda: case.run(large)))
        if high <= MOST * low + SLACK and high <= SPEED * TIMES * case.size:
            return
    raise AssertionError(
        f"{low:.4f} s for {case.size} bytes, {high:.4f} s for {TIMES} times as many"
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_memory_is_in_proportion(case: Case) -> None:
    size = case.size // 4
    data = case.make(size)
    case.run(data)
    tracemalloc.start()
    try:
        case.run(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= AT_LEAST + MEMORY * size


@pytest.mark.parametrize(
    "reason",
    [
        text(" bytes; ", MAX_SENTENCE, "a has "),
        text(ACCOUNT, MAX_SENTENCE, "Number "),
        "".join(f"Satz {n}. Und {n}; " for n in range(60))[:MAX_SENTENCE],
    ],
    ids=["units", "words of ours", "sentences"],
)
def test_a_reason_that_nobody_here_has_said_is_given_up_at_once(reason: str) -> None:
    spent = min(cost(lambda: in_chinese(reason)) for _ in range(TRIES))
    assert spent <= 0.05 + SPEED * len(reason)


def test_a_measure_that_never_fails_would_be_none() -> None:
    square = Case("square", lambda data: [0 for _ in data for _ in data], bytes, 400)
    with pytest.raises(AssertionError):
        test_four_times_the_bytes_take_about_four_times_as_long(square)


@pytest.mark.parametrize("unit", ["(", "a:", "<", '"', "a:(", ":;"])
def test_a_sender_s_nested_address_is_no_address_and_no_error(unit: str) -> None:
    # RecursionError left the message untaken, each time that its server tried again.
    policy = MailPolicy(senders=(("@a.example", Rule(matter="a")),))
    assert policy.rule_for(text(unit, MAX_VALUE)) == policy.rule
    assert policy.rule_for('"Lin (a) <b" (c (d)) <lin@a.example>').matter == "a"


def pieces(case: Case) -> list[Any]:
    """Return what a case's input is made of: its beginning, its end, and what comes again and again."""
    made = case.make(600)
    return [made[:at] for at in (1, 2, 3, 8, 40)] + [made[-at:] for at in (1, 2, 8)] + [made]


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whatever_is_repeated_costs_in_proportion(case: Case) -> None:
    """Build inputs of up to 64 KiB out of pieces that are repeated, and hold the clock to each."""
    sample = case.make(600)
    if isinstance(sample, dict):
        pytest.skip("headers are measured by their values")
    alphabet: Any = (
        some.text(max_size=6) | some.sampled_from(list(" \t\n\"'\\.:;,=()[]{}<>-#+/*%@1aA"))
        if isinstance(sample, str)
        else some.binary(max_size=6) | some.sampled_from([bytes([each]) for each in range(256)])
    )
    piece = some.sampled_from(pieces(case)) | alphabet
    repeated = some.tuples(some.lists(piece, min_size=1, max_size=4), some.integers(1, 1 << 15))
    empty = sample[:0]

    @settings(
        max_examples=400,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(some.lists(repeated, min_size=1, max_size=4))
    def hold(parts: list[tuple[list[Any], int]]) -> None:
        data = empty
        for each, count in parts:
            unit = empty.join(each)
            data += unit * min(count, (1 << 14) // max(1, len(unit)) + 1)
        data = data[: 1 << 16]
        allowed = 0.05 + SPEED * len(data)
        spent = cost(lambda: case.run(data))
        if spent > allowed:
            spent = min(cost(lambda: case.run(data)) for _ in range(3))
        assert spent <= allowed, (spent, len(data), data[:200])

    hold()


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_changed_bytes_are_parsed_or_refused(case: Case) -> None:
    """No input makes a parser fail in another way than by an error of ours."""
    sample = case.make(600)
    if not isinstance(sample, bytes):
        pytest.skip("only bytes are changed")

    @settings(
        max_examples=2000, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(some.data())
    def hold(data: some.DataObject) -> None:
        changed = bytearray(sample)
        for _ in range(data.draw(some.integers(1, 4))):
            at = data.draw(some.integers(0, max(0, len(changed) - 1)))
            end = at + data.draw(some.integers(0, 4))
            changed[at:end] = data.draw(some.binary(max_size=4))
        case.run(bytes(changed))

    hold()
