"""Charts as numbers: how many deposits a day, how long depositors wait. The template draws them.

A day's deposits follow from where its blocks begin: a search by time, whose results stay, because the
time of blocks never runs backwards.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from ledger.language import day
from ledger.quoted import Words

from ..latency import Waited
from .ledger import block_at

if TYPE_CHECKING:
    from ledger.notary.notary import Notary

DAY = 86_400
DAYS = 14
_KEPT = 4 * DAYS
WIDTH, FLOOR, HEAD, LEFT = 640, 180, 30, 8
"""Of a drawing, in its own units: bars stand on FLOOR and reach up to HEAD."""
_WIDEST = 60.0
_BEYOND = 120.0
"""Seconds that a bar without an end is drawn as."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, where it is drawn, and what the table beside it says: a label and values."""

    x: float
    y: float
    width: float
    height: float
    label: Words
    values: tuple[Words, ...]


class DepositsByDay:
    """Counts the deposits of the last days. Every method may be called from any thread."""

    def __init__(self, notary: "Notary") -> None:
        self._notary = notary
        self._begin: OrderedDict[int, tuple[int, int]] = OrderedDict()

    def counted(self) -> list[tuple[int, int]]:
        """Return the days (POSIX seconds, UTC) and their deposits, today last."""
        last = self._notary.sequencer.last
        today = int(self._notary.now()) // DAY * DAY
        days = [today - DAY * back for back in range(DAYS - 1, -1, -1)]
        edges = [self._edge(each, last.height, last.size) for each in days]
        edges.append((last.height + 1, last.size))
        office = self._notary.entries.of_the_office(edges[0][1], last.size)
        found: list[tuple[int, int]] = []
        for begin, (height, start), (until, end) in zip(days, edges, edges[1:], strict=False):
            own = sum(start <= index < end for index in office)
            found.append((begin, end - start - (until - height) - own))
        return found

    def _edge(self, begin: int, newest: int, size: int) -> tuple[int, int]:
        """Return height and first entry of the first block at or after a time; the end without one."""
        if begin in self._begin:
            return self._begin[begin]
        low, high = 0, newest + 1
        while low < high:
            middle = (low + high) // 2
            if block_at(self._notary, middle).time < begin:
                low = middle + 1
            else:
                high = middle
        if low > newest:
            return low, size
        found = low, block_at(self._notary, low).start
        self._begin[begin] = found
        while len(self._begin) > _KEPT:
            self._begin.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, and what the highest of them stands for."""

    bars: tuple[Bar, ...]
    most: Words


def deposits_chart(days: Sequence[tuple[int, int]]) -> Chart:
    """Return a bar for each day."""
    values = [float(number) for _, number in days]
    texts = [(day(begin), (Words(f"{number:,}"),)) for begin, number in days]
    return _bars(values, texts)


def latency_chart(hours: Sequence[Waited]) -> Chart:
    """Return a bar for each hour: what half of the answers kept, and beside it nineteen of twenty."""
    texts = [
        (
            Words(day(each.start) + f" {each.start // 3600 % 24:02}:00"),
            (Words(f"{each.answers:,}"), _seconds(each.half), _seconds(each.most)),
        )
        for each in hours
    ]
    return _bars([each.most for each in hours], texts)


def _seconds(bound: float) -> Words:
    return Words("> 60 s" if bound == inf else f"≤ {bound:g} s")


def _bars(values: Sequence[float], texts: Sequence[tuple[Words, tuple[Words, ...]]]) -> Chart:
    """Return bars for values, each with label and cells of its row; the last cell is its own."""
    drawn = [min(value, _BEYOND) if value == inf else value for value in values]
    most = max(drawn, default=0)
    slot = min(_WIDEST, (WIDTH - 2 * LEFT) / max(1, len(drawn)))
    bars = []
    for number, (value, (label, cells)) in enumerate(zip(drawn, texts, strict=True)):
        height = round((FLOOR - HEAD) * value / (most or 1), 1)
        x = round(LEFT + slot * (number + 0.15), 1)
        bars.append(Bar(x, round(FLOOR - height, 1), round(slot * 0.7, 1), height, label, cells))
    highest = drawn.index(most) if drawn else 0
    return Chart(tuple(bars), texts[highest][1][-1] if drawn else Words(""))
