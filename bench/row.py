"""One line of the benchmark's table."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A figure; `gate` says in words what is promised, `missed` whether the promise is broken.

    `aim` is what a figure without a gate is to become.
    """

    figure: str
    measured: str
    limit: str = ""
    ratio: str = ""
    gate: str = ""
    missed: bool = False
    aim: str = ""

    def markdown(self) -> str:
        """Return the row as a line of a Markdown table."""
        if self.gate:
            gate = f"{self.gate} {'MISSED' if self.missed else 'met'}"
        else:
            gate = f"reported, aim {self.aim}" if self.aim else "reported"
        return f"| {self.figure} | {self.measured} | {self.limit} | {self.ratio} | {gate} |"


def interleaved(
    rounds: int, measures: Sequence[Callable[[], float]]
) -> tuple[tuple[float, ...], ...]:
    """Return each measure's results, taken in turn, so that noise hits all of them alike."""
    taken = [[measure() for measure in measures] for _ in range(rounds)]
    return tuple(zip(*taken, strict=True))


def ratio(parts: Sequence[float], wholes: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(part / whole for part, whole in zip(parts, wholes, strict=True))
