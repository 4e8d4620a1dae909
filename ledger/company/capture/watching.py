"""Watched folders: events say when to look at a path, what stands there says what is recorded.

A path that has settled is compared with what the index knows of it. A new or changed file is sealed as
the next version in its matter. A file that moved keeps its matter, and the move is recorded there, as
is a deletion: each a small text, sealed like everything; evidence is never deleted.

Moves are found by the file's inode, size and time, so those made while nothing watched are found too. A
rescan at the start, and at intervals, finds what events have missed. A folder that is missing or
suddenly empty is taken for an absent disk: nothing is recorded as deleted.
"""

import contextlib
import logging
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

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
from watchdog.observers.api import BaseObserver, ObservedWatch

from ledger.company.capture.config import Provenance, Seen, Settling, Watch
from ledger.company.capture.index import Place, State
from ledger.company.capture.intake import Intake, Item, MemorySource, iso, item_key
from ledger.company.capture.journal import Journal, Kind
from ledger.company.documents import Document
from ledger.company.sealing.collecting import collect, text_of_name
from ledger.disk.files import FileSource
from ledger.errors import InvalidInput, SealbookError, SourceChanged, StorageFailed
from ledger.program import tool_name
from ledger.quoted import quoted

WORKERS = 8
"""Files that are sealed side by side; their syncs go to the disk together."""
QUEUE = 8 * WORKERS
"""Files that are being sealed or are next."""
RESCAN = 60.0
"""Seconds between rescans."""
RESCAN_SHARE = 300
"""A rescan comes at the earliest after this many times its own duration: below 0.4 % of a core."""
AGAIN, AGAIN_STORAGE = 1.0, 5.0
"""Seconds until a file that changed while it was sealed, or did not fit on the disk, is tried again."""

_LINUX = sys.platform == "linux"
_MOST = 2**63 - 1
"""What the index can hold; some file systems number with all 64 bits, or have times after 2262."""
_GONE = (FileNotFoundError, NotADirectoryError)
_EVENTS = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]


@dataclass(slots=True)
class _Root:
    watch: Watch
    identity: tuple[int, int] | None = None
    """Device and inode of the folder that is observed."""
    handle: ObservedWatch | None = None
    trouble: str = ""


class FolderWatcher:
    """Watches folders and hands what settles to the intake. `spooled` is called after each."""

    def __init__(
        self,
        watches: tuple[Watch, ...],
        intake: Intake,
        journal: Journal,
        vault_home: Path,
        clock: Callable[[], float],
        spooled: Callable[[], None],
    ) -> None:
        self._roots = [
            _Root(replace(each, folder=os.path.realpath(Path(each.folder).expanduser())))
            for each in watches
        ]
        # Of two folders, one inside the other, the inner one's rules hold.
        self._roots.sort(key=lambda root: len(root.watch.folder), reverse=True)
        self._intake = intake
        self._index = intake.index
        self._journal = journal
        self._vault = os.path.realpath(vault_home)
        self._clock = clock
        self._spooled = spooled
        self._settling = Settling(closes=_LINUX)
        self._state = threading.Condition()
        self._busy: set[str] = set()
        self._since: dict[str, float] = {}
        self._told: dict[str, str] = {}
        self._sleeping_until = 0.0
        self._stopped = False
        self._scan_at = 0.0
        self._observer = _observer()
        self._pool = ThreadPoolExecutor(WORKERS, "capture")
        self._thread = threading.Thread(target=self._run, name="folders", daemon=True)

    def start(self) -> None:
        """Watch, and rescan at once."""
        self._overflow = _Overflow(self._scan_soon)
        logging.getLogger("watchdog").addHandler(self._overflow)
        self._observer.start()
        self._thread.start()

    def stop(self) -> None:
        """End once the files that are being sealed are durable; the rest is found at the next start."""
        with self._state:
            self._stopped = True
            self._state.notify_all()
        self._thread.join(60)
        self._observer.stop()
        self._pool.shutdown(cancel_futures=True)
        logging.getLogger("watchdog").removeHandler(self._overflow)

    # --- when ---

    def see(self, path: str, seen: Seen) -> None:
        """Note what was noticed of a path."""
        root = self._root(path)
        if root is None or not self._wanted(root, path):
            return
        now = time.monotonic()
        with self._state:
            self._settling.see(path, seen, root.watch.settle, now)
            if seen is not Seen.GONE:
                self._since.setdefault(path, self._clock())
            if self._sleeping_until > now + root.watch.settle:
                self._state.notify_all()

    def _again(self, path: str, pause: float) -> None:
        with self._state:
            self._settling.again(path, pause, time.monotonic())
            self._state.notify_all()

    def _scan_soon(self) -> None:
        with self._state:
            self._scan_at = min(self._scan_at, time.monotonic() + 1.0)
            self._state.notify_all()

    def _run(self) -> None:
        while True:
            with self._state:
                if self._stopped:
                    return
                now = time.monotonic()
                scan = now >= self._scan_at
                room = self._room()
                ready = self._settling.due(now, room) if room else []
                late = [path for path in ready if path in self._busy]
                for path in late:
                    self._settling.again(path, AGAIN, now)
                ready = [path for path in ready if path not in self._busy]
                self._busy.update(ready)
                if not scan and not ready:
                    pending = self._settling.next()
                    target = self._scan_at
                    if pending is not None and room:
                        target = min(target, max(pending, now + 0.02))
                    self._sleeping_until = target
                    self._state.wait(target - now)
                    self._sleeping_until = 0.0
            for path in ready:
                self._pool.submit(self._work, path)
            if scan:
                self._scan_all()

    def _room(self) -> int:
        """Return how many more files to begin: none until half are done, so that few looks suffice."""
        room = QUEUE - len(self._busy)
        return room if room >= QUEUE // 2 else 0

    def _scan_all(self) -> None:
        begun = time.monotonic()
        for root in self._roots:
            trouble = ""
            # Where the system cannot watch, the scans have to do.
            for step in (self._observe, self._scan):
                try:
                    step(root)
                except (SealbookError, OSError) as error:
                    trouble = trouble or str(error)
            if trouble and trouble != root.trouble:
                self._fail(root.watch.folder, trouble, "invalid-input")
            root.trouble = trouble
        self._journal.set(
            folders=[{"folder": each.watch.folder, "trouble": each.trouble} for each in self._roots]
        )
        now = time.monotonic()
        with self._state:
            self._scan_at = now + max(RESCAN, RESCAN_SHARE * (now - begun))

    def _observe(self, root: _Root) -> None:
        """Have the system tell of a folder, also when it was made anew."""
        try:
            found = Path(root.watch.folder).stat()
        except OSError as error:
            raise InvalidInput(f"It cannot be watched: {error.strerror}.") from error
        if not stat.S_ISDIR(found.st_mode):
            raise InvalidInput("It is not a folder.")
        if f"{root.watch.folder}{os.sep}".startswith(self._vault + os.sep):
            raise InvalidInput("It belongs to the vault; nothing in there is captured.")
        identity = found.st_dev, found.st_ino
        if root.identity == identity:
            return
        if root.handle is not None:
            with contextlib.suppress(KeyError, OSError):
                self._observer.unschedule(root.handle)
            root.handle = None
        root.handle = self._observer.schedule(
            _Handler(self), root.watch.folder, recursive=True, event_filter=list(_EVENTS)
        )
        root.identity = identity

    def _scan(self, root: _Root) -> None:
        """Compare what stands in a folder with the index."""
        known = self._index.below(root.watch.folder)
        found: dict[str, State] = {}
        closed: list[str] = []
        for path, info in _walk(root.watch.folder, self._vault, closed):
            if self._root(path) is root and self._wanted(root, path):
                found[path] = _state(info)
        trouble = self._closed(root, closed)
        if not found and known:
            raise InvalidInput(
                trouble
                or "It is empty, and it was not before: if a disk is missing, connect it. Nothing is "
                "recorded as deleted."
            )
        for path, state in found.items():
            if known.get(path) != state:
                self._again(path, root.watch.settle)
        for path in known.keys() - found.keys():
            if self._root(path) is root and _is_gone(path):
                self.see(path, Seen.GONE)
        if trouble:
            raise InvalidInput(trouble)

    def _closed(self, root: _Root, folders: list[str]) -> str:
        """Say which folders could not be read, of those that matter; "" for none."""
        found = [each for each in folders if self._root(each + os.sep) is root]
        found = [each for each in found if root.watch.enters(_below(root, each))]
        if not found:
            return ""
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return f"{quoted(found[0])}{more} cannot be read; what is in there is not taken."

    # --- what ---

    def _work(self, path: str) -> None:
        pause = None
        try:
            self._look(path)
            self._told.pop(path, None)
        except SourceChanged:
            pause = AGAIN
        except (SealbookError, OSError) as error:
            if not _is_gone(path):
                ours = isinstance(error, SealbookError)
                why = str(error) if ours else f"It could not be read: {quoted(error)}."
                if isinstance(error, StorageFailed) or not isinstance(error, SealbookError):
                    pause = AGAIN_STORAGE
                if self._told.get(path) != why:
                    self._told[path] = why
                    self._fail(path, why, getattr(error, "code", "storage-failed"))
            else:
                pause = AGAIN
        except Exception as error:  # noqa: BLE001 - one file must not end the watch for all others
            self._fail(
                path, f"Something unexpected happened ({quoted(repr(error))}).", "unexpected"
            )
        finally:
            with self._state:
                self._busy.discard(path)
                if pause is not None:
                    self._settling.again(path, pause, time.monotonic())
                elif path not in self._settling:
                    self._since.pop(path, None)
                if pause is not None or self._room():
                    self._state.notify_all()

    def _fail(self, path: str, why: str, code: str) -> None:
        self._journal.note(Kind.FAILED, path, why, code)

    def _look(self, path: str) -> None:
        """Record what has become of a path since it was last looked at."""
        root = self._root(path)
        if root is None:
            return
        try:
            info = os.lstat(path)
        except _GONE:
            self._gone(root, path)
            return
        except OSError as error:
            raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}.") from error
        if not stat.S_ISREG(info.st_mode):
            self._gone(root, path)
            return
        known = self._index.at(path)
        if known is not None and known.state == _state(info):
            return
        if known is None:
            for before in self._index.with_state(_state(info)):
                if _is_gone(before):
                    self._moved(root, before, path, info)
                    return
        self._version(root, path)

    def _version(self, root: _Root, path: str) -> None:
        collected = collect(Path(path), tool_name())
        source = collected.documents[0].source
        assert isinstance(source, FileSource)
        info = os.lstat(path)
        state = _state_of(source)
        if _state(info) != state:
            raise SourceChanged(f"{quoted(path)} changed while it was looked at")
        known = self._index.at(path)
        self._journal.note(Kind.CAME_IN, path)
        self._take(
            Item(
                key=item_key("file", path, known.row if known else 0, *_values(state)),
                documents=collected.documents,
                title=Path(path).name,
                path=path,
                rule=root.watch.rule,
                topic=text_of_name(path),
                provenance=(("path", text_of_name(path)), *_times(info)),
                place=Place(path, state),
                receipt_beside=root.watch.receipts_beside,
            ),
        )

    def _moved(self, root: _Root, before: str, path: str, info: os.stat_result) -> None:
        known = self._index.at(before)
        if known is None or known.state is None:
            return
        self._record(root, "moved", path, Place(path, _state(info), before), known.row)

    def _gone(self, root: _Root, path: str) -> None:
        known = self._index.at(path)
        if known is None or known.state is None or not Path(root.watch.folder).is_dir():
            return
        # It may have been moved over another file, in whose matter it then stands.
        others = [each for each in self._index.with_state(known.state) if each != path]
        same = others[0] if others else ""
        self._record(root, "deleted", path, Place(path, None), known.row, same)

    def _record(
        self, root: _Root, what: str, path: str, place: Place, row: int, same: str = ""
    ) -> None:
        """Seal a small text that tells of a move or a deletion, in the file's matter."""
        at = iso(self._clock())
        fields = [("event", what), ("path", text_of_name(place.before or path))]
        if place.before:
            fields.append(("to", text_of_name(path)))
        if same:
            fields.append(("the same file stands at", text_of_name(same)))
        fields += [("noticed", at), ("by", tool_name())]
        text = "".join(f"{name}: {value}\n" for name, value in fields).encode()
        self._journal.note(Kind.CAME_IN, path, what)
        self._take(
            Item(
                key=item_key(what, path, place.before or "", row),
                documents=(
                    Document(
                        MemorySource(text),
                        f"{what}.txt",
                        modified=int(self._clock()),
                        media_type="text/plain",
                        tool=tool_name(),
                    ),
                ),
                title=f"{Path(place.before or path).name} ({what})",
                path=path,
                rule=root.watch.rule,
                topic=text_of_name(path),
                provenance=(
                    ("record", "made by this software, not a file that was found"),
                    *fields,
                ),
                place=place,
            ),
        )

    def _take(self, item: Item) -> None:
        with self._state:
            since = self._since.pop(item.path, self._clock())
        taken = self._intake.take(item)
        self._journal.expect(taken.name, since)
        self._journal.note(Kind.SEALED, item.path, identity=taken.commitment)
        self._spooled()

    def _root(self, path: str) -> _Root | None:
        for root in self._roots:
            if path.startswith(root.watch.folder.rstrip(os.sep) + os.sep):
                return root
        return None

    def _wanted(self, root: _Root, path: str) -> bool:
        if path.startswith(self._vault + os.sep):
            return False
        return root.watch.wants(_below(root, path))

    def changed(self, folder: str) -> None:
        """A folder appeared, moved or went: its files may have done so without an event each."""
        for path in self._index.below(folder):
            if _is_gone(path):
                self.see(path, Seen.GONE)
        for path, _ in _walk(folder, self._vault, []):
            self.see(path, Seen.CLOSED)


class _Handler(FileSystemEventHandler):
    """Translates watchdog's events."""

    def __init__(self, watcher: FolderWatcher) -> None:
        self._watcher = watcher

    def dispatch(self, event: FileSystemEvent) -> None:
        """Take one event, in the observer's thread."""
        path, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path or "")
        watcher = self._watcher
        match event:
            case DirCreatedEvent() | DirDeletedEvent() | DirMovedEvent():
                watcher.changed(path)
                if target:
                    watcher.changed(target)
            case FileMovedEvent():
                watcher.see(path, Seen.GONE)
                watcher.see(target, Seen.CLOSED)
            case FileDeletedEvent():
                watcher.see(path, Seen.GONE)
            case FileCreatedEvent():
                watcher.see(path, Seen.CLOSED if _is_linked(path) else Seen.CREATED)
            case FileClosedEvent():
                watcher.see(path, Seen.CLOSED)
            case FileModifiedEvent():
                watcher.see(path, Seen.WRITTEN)


class _Overflow(logging.Handler):
    """Hears that the system has dropped events: watchdog tells of it only in its log."""

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._call = call

    def emit(self, record: logging.LogRecord) -> None:
        if "overflow" in record.getMessage():
            self._call()


def _below(root: _Root, path: str) -> str:
    return os.path.relpath(path, root.watch.folder).replace(os.sep, "/")


def _observer() -> BaseObserver:
    if not _LINUX:
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


def _is_gone(path: str) -> bool:
    """Whether nothing is there; False where that cannot be told: the folder may be closed to us."""
    try:
        os.lstat(path)
    except _GONE:
        return True
    except OSError:
        return False
    return False


def _walk(folder: str, but: str, closed: list[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the regular files below a folder, without following links.

    Folders that cannot be read are put into `closed`.
    """
    if folder == but:
        return
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except _GONE:
        return
    except OSError:
        closed.append(folder)
        return
    for entry in found:
        with contextlib.suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, but, closed)
            elif entry.is_file(follow_symlinks=False):
                yield entry.path, entry.stat(follow_symlinks=False)


def _state(info: os.stat_result) -> State:
    return State(info.st_ino & _MOST, info.st_size, info.st_mtime_ns & _MOST)


def _state_of(source: FileSource) -> State:
    return State(source.inode & _MOST, source.size, source.modified_ns & _MOST)


def _values(state: State) -> tuple[int, int, int]:
    return state.inode, state.size, state.modified_ns


def _times(info: os.stat_result) -> Provenance:
    times = [("modified", iso(info.st_mtime)), ("status changed", iso(info.st_ctime))]
    born = getattr(info, "st_birthtime", None)
    if born is not None:
        times.append(("created", iso(born)))
    return tuple(times)
