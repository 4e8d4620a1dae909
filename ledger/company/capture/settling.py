"""When a path that changes is quiet enough to be recorded."""

import enum
from itertools import islice

UNSETTLED = 10.0
"""Seconds after which a file is sealed although it never becomes quiet."""
OPEN_PATIENCE = 60.0
"""Seconds without a write after which a file that stays open is sealed."""
OPEN_LONGEST = 600.0
"""Seconds after which a file that is written to again and again is sealed as it then stands."""
GRACE = 2.0
"""Seconds for a path that disappears to come back: many programs save by delete and rename."""


class Seen(enum.Enum):
    """What was noticed of a path."""

    CREATED = "made, probably still open"
    CLOSED = "closed after writing, renamed to, or found by a scan"
    WRITTEN = "written to, still open"
    GONE = "deleted or renamed from"


class Settling:
    """Which paths are due to be looked at: a state machine over (path, event, time).

    It decides only when; what then stands at the path decides what is recorded. Times are seconds of
    one monotonic clock. `closes`: whether this system tells when a file was closed.
    """

    def __init__(self, closes: bool = True) -> None:
        self._open = OPEN_PATIENCE if closes else GRACE
        self._pending: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, path: str) -> bool:
        return path in self._pending

    def see(self, path: str, seen: Seen, settle: float, now: float) -> None:
        """Note an event; every one puts off the moment at which the path is due, within limits."""
        first, due = self._pending.get(path, (now, now))
        match seen:
            case Seen.CREATED:
                due = due if path in self._pending else now + max(self._open, settle)
            case Seen.CLOSED:
                due = max(now, min(now + settle, first + max(UNSETTLED, settle)))
            case Seen.WRITTEN:
                due = max(now, min(now + max(self._open, settle), first + OPEN_LONGEST))
            case Seen.GONE:
                due = now + max(GRACE, settle)
        self._pending[path] = first, due

    def again(self, path: str, pause: float, now: float) -> None:
        """Look once more at a path after a pause, unless an event makes it due before."""
        self._pending.setdefault(path, (now, now + pause))

    def due(self, now: float, most: int) -> list[str]:
        """Return up to `most` paths that have settled, oldest first; they are no longer pending."""
        found = list(islice((path for path, (_, due) in self._pending.items() if due <= now), most))
        for path in found:
            del self._pending[path]
        return found

    def unsettled(self, now: float) -> list[str]:
        """Return the paths that have been pending for longer than a closed file would be."""
        return [path for path, (first, _) in self._pending.items() if now - first > UNSETTLED]

    def next(self) -> float | None:
        """Return when the next path is due, None where nothing is pending."""
        return min((due for _, due in self._pending.values()), default=None)
