"""Events of the file system, as watchdog tells them: they say when to look, never what is there."""

import logging
import os
import sys
from collections.abc import Callable

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from ledger.company.capture.settling import Seen

LINUX = sys.platform == "linux"
EVENTS = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]


class Handler(FileSystemEventHandler):
    """Translates watchdog's events: `see` is told of a path, `changed` of a folder."""

    def __init__(self, see: Callable[[str, Seen], None], changed: Callable[[str], None]) -> None:
        self._see = see
        self._changed = changed

    def dispatch(self, event: FileSystemEvent) -> None:
        """Take one event, in the observer's thread."""
        path, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path or "")
        match event:
            case DirCreatedEvent() | DirDeletedEvent() | DirMovedEvent():
                self._changed(path)
                if target:
                    self._changed(target)
            case FileMovedEvent():
                self._see(path, Seen.GONE)
                self._see(target, Seen.CLOSED)
            case FileDeletedEvent():
                self._see(path, Seen.GONE)
            case FileCreatedEvent():
                self._see(path, Seen.CLOSED if _is_linked(path) else Seen.CREATED)
            case FileClosedEvent():
                self._see(path, Seen.CLOSED)
            case FileModifiedEvent():
                self._see(path, Seen.WRITTEN)


class Overflow(logging.Handler):
    """Hears that the system has dropped events: watchdog tells of it only in its log."""

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._call = call

    def emit(self, record: logging.LogRecord) -> None:
        if "overflow" in record.getMessage():
            self._call()


def make_observer() -> BaseObserver:
    if not LINUX:
        return Observer()
    from watchdog.observers.inotify import InotifyObserver

    # Full events tell a file that was moved in, whole, from one that was made and is still open.
    return InotifyObserver(generate_full_events=True)


def _is_linked(path: str) -> bool:
    """Whether a file that appears has another name as well: it was made elsewhere, whole."""
    try:
        return os.lstat(path).st_nlink > 1
    except OSError:
        return False
