"""What a text does not say of its original, counted while it is read."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ledger.evidence.remarks import MAX_NAME, MAX_NAMES, Remark, remark_values

_YEARS = datetime(1, 1, 1, tzinfo=UTC).timestamp(), datetime(9999, 12, 31, tzinfo=UTC).timestamp()


class Tally:
    """Counts by the words of remarks; with names, and times as Open XML writes them."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._names: dict[str, dict[str, None]] = {}
        self._times: dict[str, tuple[int, int]] = {}

    def add(
        self, what: str, name: str | None = None, date: str | None = None, times: int = 1
    ) -> None:
        """Count `what`, of somebody or some kind, at a time, if any; 0 times to name them only."""
        if times < 0:
            return
        if times:
            self._counts[what] += times
        if name and (clipped := _clipped(name)):
            self._names.setdefault(what, {})[clipped] = None
        if date and (at := _seconds(date)) is not None:
            first, last = self._times.get(what, (at, at))
            self._times[what] = min(first, at), max(last, at)

    def count(self, what: str) -> int:
        """Return how often `what` was counted."""
        return self._counts[what]

    def remarks(self, renamed: Mapping[str, str]) -> list[list[Any]]:
        """Return the remarks, in the order of the first counts, some under other words or, with "",
        not at all."""
        remarks = []
        for what, count in self._counts.items():
            names = list(self._names.get(what, ()))
            more = max(0, len(names) - MAX_NAMES)
            if word := renamed.get(what, what):
                named = tuple(names[:MAX_NAMES])
                remarks.append(Remark(word, count, named, more, self._times.get(what)))
        return remark_values(remarks)


def _clipped(name: str) -> str:
    return name.encode("utf-8", "replace")[:MAX_NAME].decode("utf-8", "ignore").strip()


def _seconds(date: str) -> int | None:
    try:
        at = datetime.fromisoformat(date.strip())
    except ValueError:
        return None
    try:
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        return None
    return int(seconds) if _YEARS[0] <= seconds <= _YEARS[1] else None
