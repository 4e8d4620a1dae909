"""How long depositors wait for their receipts: measured by the hour, for a day, in bounded memory."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

HOUR = 3_600
HOURS = 24
BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds; an answer is counted under the first bound that it keeps."""


@dataclass(frozen=True, slots=True)
class Waited:
    """The answers of the hour that began at `start` (POSIX seconds).

    Half of them kept `half`, nineteen of twenty kept `most`: bounds in seconds, infinite beyond all.
    """

    start: int
    answers: int
    half: float
    most: float


@dataclass(slots=True)
class _Hour:
    number: int
    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))


class Latency:
    """Counts answers; for the event loop's thread. `now` gives POSIX seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._hours: dict[int, _Hour] = {}

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Count what is answered in this block, unless it fails."""
        started = monotonic()
        yield
        self.add(monotonic() - started)

    def add(self, seconds: float) -> None:
        """Count an answer that took this long."""
        number = int(self._now()) // HOUR
        hour = self._hours.get(number % HOURS)
        if hour is None or hour.number != number:
            hour = self._hours[number % HOURS] = _Hour(number)
        hour.counts[bisect_left(BOUNDS, seconds)] += 1

    def hours(self) -> list[Waited]:
        """Return the last hours in which anything was answered, in order."""
        newest = int(self._now()) // HOUR
        kept = [each for each in self._hours.values() if newest - HOURS < each.number <= newest]
        return [_waited(each) for each in sorted(kept, key=lambda each: each.number)]


def _waited(hour: _Hour) -> Waited:
    answers = sum(hour.counts)
    return Waited(hour.number * HOUR, answers, _bound(hour.counts, 0.5), _bound(hour.counts, 0.95))


def _bound(counts: list[int], share: float) -> float:
    """Return the bound that this share of the answers kept."""
    left = share * sum(counts)
    for count, bound in zip(counts, BOUNDS, strict=False):
        left -= count
        if left <= 0:
            return bound
    return float("inf")
