"""How long blocks take: counted as they are made, in bounded memory."""

from bisect import bisect_left
from dataclasses import dataclass, field

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds; a duration is counted under the first bound that it keeps, or behind all."""


@dataclass(slots=True)
class Durations:
    """How many durations kept which bound, and their sum in seconds. One thread adds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


@dataclass(frozen=True, slots=True)
class Pace:
    """`blocks`: from a block's choice to its signed checkpoint. `receipts`: on to all answers."""

    blocks: Durations
    receipts: Durations
