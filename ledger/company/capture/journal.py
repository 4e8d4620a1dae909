"""What the daemon tells of itself: events for people, counts, and status.json in the vault.

status.json (mode 0600) is replaced at most once a second, and only when something has changed. It is no
memory: a daemon that starts begins it anew.
"""

import contextlib
import enum
import json
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

STATUS = "status.json"
RECENT = 200
"""Events that are kept."""
_SHOWN = 20
"""Events in status.json. Failures stand beside them, each thing once, and what was sealed with a
notice: what goes well must not push them out."""


class Kind(enum.StrEnum):
    """What became of something."""

    LISTENING = "listening"
    CAME_IN = "came in"
    SEALED = "sealed"
    DEPOSITED = "deposited"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to `what`, at POSIX seconds; `code` and `id` name no file."""

    kind: Kind
    what: str
    why: str
    at: float
    code: str = ""
    id: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """The event by name, for a machine."""
        return {name: getattr(self, name) for name in Event.__slots__}


Listener = Callable[[Event], None]


class Journal:
    """The events and counts of one run; for any number of threads."""

    def __init__(self, home: Path, clock: Callable[[], float]) -> None:
        self._path = home / STATUS
        self._clock = clock
        self._lock = Lock()
        self._events: deque[Event] = deque(maxlen=RECENT)
        self._failures: deque[Event] = deque(maxlen=_SHOWN)
        self._notices: deque[Event] = deque(maxlen=_SHOWN)
        self._counts = dict.fromkeys(Kind, 0)
        self._state: dict[str, Any] = {"started": clock(), "pid": os.getpid()}
        self._since: dict[str, float] = {}
        self._longest = 0.0
        self._changed = True
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tell of every event: what has been noted so far, and what comes."""
        with self._lock:
            past = list(self._events)
            self._listeners.append(listener)
        for event in past:
            listener(event)

    def note(
        self, kind: Kind, what: str, why: str = "", code: str = "", identity: str = ""
    ) -> None:
        """Note an event and tell the listeners."""
        event = Event(kind, what, why, self._clock(), code, identity)
        with self._lock:
            self._events.append(event)
            if kind is Kind.FAILED:
                others = [failure for failure in self._failures if failure.what != what]
                self._failures = deque((*others, event), maxlen=_SHOWN)
            elif kind is Kind.SEALED and why:
                self._notices.append(event)
            self._counts[kind] += 1
            self._changed = True
        for each in self._listeners:
            each(event)

    def set(self, **state: Any) -> None:
        """Note how something stands: the watched folders, the notary, the clock, what waits."""
        with self._lock:
            if any(self._state.get(key) != value for key, value in state.items()):
                self._state.update(state)
                self._changed = True

    def expect(self, name: str, since: float) -> None:
        """Note since when a deposit is on its way: the delay is measured from there."""
        with self._lock:
            self._since[name] = since

    def arrived(self, name: str) -> float | None:
        """Return a deposit's delay in seconds, once."""
        with self._lock:
            since = self._since.pop(name, None)
            if since is None:
                return None
            delay = max(0.0, self._clock() - since)
            self._longest = max(self._longest, delay)
            return delay

    def snapshot(self) -> dict[str, Any]:
        """Return what status.json holds."""
        with self._lock:
            return {
                **self._state,
                "counts": {kind.value: count for kind, count in self._counts.items()},
                "longest_delay": round(self._longest, 3),
                "events": [event.facts for event in list(self._events)[-_SHOWN:]],
                "failures": [event.facts for event in self._failures],
                "notices": [event.facts for event in self._notices],
            }

    def write(self) -> None:
        """Replace status.json if anything has changed; a full disk is no reason to stop."""
        with self._lock:
            if not self._changed:
                return
            self._changed = False
        text = json.dumps(self.snapshot(), ensure_ascii=False, indent=1)
        partial = self._path.with_name(f".{STATUS}.part")
        with contextlib.suppress(OSError):
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
            partial.replace(self._path)


def read_status(home: Path) -> dict[str, Any] | None:
    """Return what the last daemon wrote, None if none has or it cannot be read."""
    try:
        value = json.loads((home / STATUS).read_text(encoding="utf-8", errors="surrogateescape"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
