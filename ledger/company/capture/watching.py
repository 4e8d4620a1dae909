"""Watched folders: events say when to look at a path, what stands there says what is recorded.

A path that has settled is compared with what the index knows of it (`changes`). A rescan at the start,
and at intervals, finds what events have missed. A file that is missing is recorded as deleted only when
a walk through all watched folders has found it nowhere else: no clock decides whether it moved. A
folder that is missing or suddenly empty is taken for an absent disk: nothing is recorded as deleted.
"""

import contextlib
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ledger.company.capture.changes import Changes, Standing
from ledger.company.capture.config import Watch
from ledger.company.capture.events import EVENTS, LINUX, Handler, Overflow, make_observer
from ledger.company.capture.index import State
from ledger.company.capture.intake import Intake, Item
from ledger.company.capture.journal import Journal, Kind
from ledger.company.capture.looking import Root, is_gone, path_below, state_of_stat, walk_below
from ledger.company.capture.settling import OPEN_LONGEST, Seen, Settling
from ledger.company.sealing.renditions import may_be_rendered
from ledger.errors import InvalidInput, SealbookError, SourceChanged, StorageFailed
from ledger.quoted import Message, quoted

WORKERS = 8
"""Groups of files that are sealed side by side; their syncs go to the disk together."""
GROUP = 32
"""Small files that are sealed and spooled together."""
SMALL = 1 << 20
"""Bytes up to which a file is small: larger ones, and those that are rendered, hold up no others."""
QUEUE = WORKERS * GROUP
"""Files that are being sealed or are next."""
RESCAN = 60.0
"""Seconds between rescans."""
RESCAN_SHARE = 300
"""A rescan comes at the earliest after this many times its own duration: below 0.4 % of a core."""
SEARCH_SHARE = 20
"""A search for missing files comes at the earliest after this many times the last one's duration."""
TELL = 5.0
"""Seconds between two looks at which files stay open; the status shows the first of them."""
OPEN_SHOWN = 20
AGAIN, AGAIN_STORAGE = 1.0, 5.0
"""Seconds until a file that changed while it was sealed, or did not fit on the disk, is tried again."""


def _groups(paths: Sequence[str]) -> Iterator[list[str]]:
    """Yield the paths, those together that take little time."""
    quick: list[str] = []
    for path in paths:
        if _takes_long(path):
            yield [path]
        else:
            quick.append(path)
    for at in range(0, len(quick), GROUP):
        yield quick[at : at + GROUP]


def _takes_long(path: str) -> bool:
    try:
        return os.lstat(path).st_size > SMALL or may_be_rendered(path)
    except OSError:
        return False


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
            Root(replace(each, folder=os.path.realpath(Path(each.folder).expanduser())))
            for each in watches
        ]
        # Of two folders, one inside the other, the inner one's rules hold.
        self._roots.sort(key=lambda root: len(root.watch.folder), reverse=True)
        self._index = intake.index
        self._journal = journal
        self._vault = os.path.realpath(vault_home)
        self._clock = clock
        self._changes = Changes(intake, journal, clock, self._noticed, spooled)
        self._settling = Settling(closes=LINUX)
        self._state = threading.Condition()
        self._busy: set[str] = set()
        self._since: dict[str, float] = {}
        self._missing: set[str] = set()
        self._search_at = 0.0
        self._open: list[dict[str, object]] = []
        self._tell_at = 0.0
        self._told: dict[str, str] = {}
        self._sleeping_until = 0.0
        self._stopped = False
        self._scan_at = 0.0
        self._observer = make_observer()
        self._pool = ThreadPoolExecutor(WORKERS, "capture")
        self._thread = threading.Thread(target=self._run, name="folders", daemon=True)

    def start(self) -> None:
        """Watch, and rescan at once."""
        self._overflow = Overflow(self._scan_soon)
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
                if now >= self._tell_at:
                    self._tell_open(now)
                search = bool(self._missing) and now >= self._search_at
                if not scan and not ready and not search:
                    pending = self._settling.next()
                    target = self._scan_at
                    if self._missing:
                        target = min(target, self._search_at)
                    if self._open or len(self._settling):
                        target = min(target, self._tell_at)
                    if pending is not None and room:
                        target = min(target, max(pending, now + 0.02))
                    self._sleeping_until = target
                    self._state.wait(target - now)
                    self._sleeping_until = 0.0
            for group in _groups(ready):
                self._pool.submit(self._work, group)
            if search:
                self._search()
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
            folders=[
                {"folder": each.watch.folder, "trouble": each.trouble, "left_out": each.left_out}
                for each in self._roots
            ]
        )
        now = time.monotonic()
        with self._state:
            self._scan_at = now + max(RESCAN, RESCAN_SHARE * (now - begun))

    def _tell_open(self, now: float) -> None:
        """Say which files are written to and not sealed yet, and since when. Under the lock."""
        self._tell_at = now + TELL
        unsettled = [each for each in self._settling.unsettled(now) if each in self._since]
        self._open = [{"path": each, "since": self._since[each]} for each in unsettled[:OPEN_SHOWN]]
        self._journal.set(open=self._open, open_count=len(unsettled))

    def _search(self) -> None:
        """Look for missing files in all that is watched; those that stand nowhere were deleted."""
        begun = time.monotonic()
        with self._state:
            missing = {path: self._changes.missing(path) for path in self._missing}
        standing = self._standing({state for state in missing.values() if state is not None})
        for path, state in missing.items():
            if is_gone(path) and state in standing:
                self._again(standing[state], 0)
                continue
            with self._state:
                self._missing.discard(path)
            if not is_gone(path):
                self._again(path, 0)
            elif state is not None:
                self._pool.submit(self._work, [path], deleted=True)
        now = time.monotonic()
        with self._state:
            self._search_at = now + max(AGAIN, SEARCH_SHARE * (now - begun))

    def _standing(self, states: set[State]) -> dict[State, str]:
        """Return where files in these states stand of which the index does not know it yet."""
        found: dict[State, str] = {}
        for root in self._roots:
            for path, info in walk_below(root.watch.folder, self._vault, []):
                state = state_of_stat(info)
                if (
                    state in states
                    and self._root(path) is root
                    and self._wanted(root, path)
                    and self._changes.is_new(path, state)
                ):
                    found[state] = path
        return found

    def _observe(self, root: Root) -> None:
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
            Handler(self.see, self.changed),
            root.watch.folder,
            recursive=True,
            event_filter=list(EVENTS),
        )
        root.identity = identity

    def _scan(self, root: Root) -> None:
        """Compare what stands in a folder with the index."""
        known = self._index.below(root.watch.folder)
        found: dict[str, State] = {}
        closed: list[str] = []
        root.left_out = 0
        for path, info in walk_below(root.watch.folder, self._vault, closed):
            if self._root(path) is not root:
                continue
            if self._wanted(root, path):
                found[path] = state_of_stat(info)
            else:
                root.left_out += 1
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
            if self._root(path) is root and is_gone(path):
                self.see(path, Seen.GONE)
        if trouble:
            raise InvalidInput(trouble)

    def _closed(self, root: Root, folders: list[str]) -> Message:
        """Say which folders could not be read, of those that matter; "" for none."""
        found = [each for each in folders if self._root(each + os.sep) is root]
        found = [each for each in found if root.watch.enters(path_below(root, each))]
        if not found:
            return ""
        first, more = quoted(found[0]), len(found) - 1
        if more:
            return f"{first} and {more} more cannot be read; what is in there is not taken."
        return f"{first} cannot be read; what is in there is not taken."

    # --- one path ---

    def _work(self, paths: Sequence[str], *, deleted: bool = False) -> None:
        items: list[Item] = []
        where: list[str] = []
        try:
            standing = self._changes.standing(paths)
        except Exception as error:  # noqa: BLE001 - they are tried again
            for path in paths:
                self._end(path, error)
            return
        for path in paths:
            found: list[Item] = []
            try:
                self._look(path, standing[path], deleted, found.append)
            except Exception as error:  # noqa: BLE001 - one file must not end the watch for all others
                self._end(path, error)
                continue
            if found:
                items += found
                where.append(path)
            else:
                self._end(path)
        if not items:
            return
        try:
            outcomes = self._changes.take(items)
        except Exception as error:  # noqa: BLE001 - nor must all of these together
            outcomes = [error] * len(items)
        for path, outcome in zip(where, outcomes, strict=True):
            self._end(path, outcome)

    def _look(
        self, path: str, standing: Standing, deleted: bool, later: Callable[[Item], None]
    ) -> None:
        if root := self._root(path):
            if deleted:
                self._changes.gone(root, path)
            elif self._changes.look(
                root, path, standing, unquiet=self._is_unquiet(path), later=later
            ):
                with self._state:
                    self._missing.add(path)

    def _end(self, path: str, error: Exception | None = None) -> None:
        """Have done with a path, or try it again; tell why once."""
        pause = None
        if error is None:
            self._told.pop(path, None)
        elif isinstance(error, SourceChanged):
            pause = AGAIN
        elif not isinstance(error, SealbookError | OSError):
            self._fail(
                path, f"Something unexpected happened ({quoted(repr(error))}).", "unexpected"
            )
        elif is_gone(path):
            pause = AGAIN
        else:
            ours = isinstance(error, SealbookError)
            unread: Message = f"It could not be read: {quoted(error)}."
            why = str(error) if ours else unread
            if isinstance(error, StorageFailed) or not ours:
                pause = AGAIN_STORAGE
            if self._told.get(path) != why:
                self._told[path] = why
                self._fail(path, why, getattr(error, "code", "storage-failed"))
        with self._state:
            self._busy.discard(path)
            if pause is not None:
                self._settling.again(path, pause, time.monotonic())
            elif path not in self._settling:
                self._since.pop(path, None)
            if pause is not None or self._room() or self._missing:
                self._state.notify_all()

    def _is_unquiet(self, path: str) -> bool:
        with self._state:
            since = self._since.get(path)
        return since is not None and self._clock() - since >= OPEN_LONGEST

    def _noticed(self, path: str) -> float:
        with self._state:
            return self._since.pop(path, self._clock())

    def _fail(self, path: str, why: str, code: str) -> None:
        self._journal.note(Kind.FAILED, path, why, code)

    def _root(self, path: str) -> Root | None:
        for root in self._roots:
            if path.startswith(root.watch.folder.rstrip(os.sep) + os.sep):
                return root
        return None

    def _wanted(self, root: Root, path: str) -> bool:
        if path.startswith(self._vault + os.sep):
            return False
        return root.watch.wants(path_below(root, path))

    def changed(self, folder: str) -> None:
        """A folder appeared, moved or went: its files may have done so without an event each."""
        for path in self._index.below(folder):
            if is_gone(path):
                self.see(path, Seen.GONE)
        for path, _ in walk_below(folder, self._vault, []):
            self.see(path, Seen.CLOSED)
