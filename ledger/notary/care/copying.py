"""Files on their way into a backup or out of one."""

import contextlib
import os
import shutil
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ledger.disk.files import sync, sync_folder
from ledger.errors import NoRoom, StorageFailed, Unavailable
from ledger.notary.ports import Hook, Step
from ledger.notary.storage import directory as place
from ledger.notary.storage.room import DiskRoom, on_disk
from ledger.notary.storage.signedlog import FOLDER
from ledger.quoted import quoted

MARK = ".backup"
"""Names the ledger whose backup a directory is: only such a one is gone on with."""
_BLOCK = 1 << 20
_COPIERS = 8
"""Files that are written side by side: each waits for the disk."""
_AHEAD = 64
"""Files that may wait for a copier."""
_DATABASES = tuple(
    f"{name}{suffix}"
    for name in (place.LEDGER, place.CHECKPOINTS, place.ANCHORS, place.OFFICE, place.DESK)
    for suffix in ("", "-wal", "-shm")
)
LEFT_OUT = (place.LOCK, place.INCOMPLETE, place.READY, MARK, *_DATABASES)
ROOT_ONLY = (*LEFT_OUT, place.SETTINGS)
"""What a backup's files are copied without: databases follow as rows, the settings at the end."""
UNDER_WAY = ("pending",)
"""Folders of what is no part of the ledger yet. A backup is without the published checkpoint besides:
that may be newer than the rows, and a restore publishes their last one. The files of `log/signed` are
written from the rows."""


def cancel_point(cancelled: threading.Event) -> None:
    if cancelled.is_set():
        raise Unavailable(
            "The backup was stopped before its end. What it held before is good; give the command "
            "again, and it goes on from where it stopped."
        )


class Copying:
    """Files on their way into a backup, some side by side; all are durable at the end of the block."""

    def __init__(
        self, room: DiskRoom, cancelled: threading.Event, unwanted: tuple[str, ...] = UNDER_WAY
    ) -> None:
        self._room = room
        self._unwanted = unwanted
        self._cancelled = cancelled
        self._given_up = threading.Event()
        self._pool = ThreadPoolExecutor(_COPIERS, thread_name_prefix="backup")
        self._waiting: deque[Future[None]] = deque()
        self._folders: list[Path] = []
        self._gone: list[Path] = []

    def __enter__(self) -> "Copying":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                while self._waiting:
                    self._waiting.popleft().result()
        finally:
            self._given_up.set()
            self._pool.shutdown(cancel_futures=True)
        if kind is None:
            for each in self._gone:  # only now: what took its place is here
                if each.is_dir():
                    shutil.rmtree(each)
                else:
                    each.unlink()
            for folder in self._folders:
                sync_folder(folder)

    def mirror(self, source: Path, target: Path, without: tuple[str, ...] = ()) -> None:
        """Let a folder hold what another one holds."""
        if not target.is_dir():
            target.mkdir(mode=0o700)
        self._folders.append(target)
        for each in _listing(target):
            if each.name not in (*without, FOLDER) and not (
                self._wants(each.name) and os.path.lexists(source / each.name)
            ):
                self._gone.append(Path(each.path))
        for each in _listing(source):
            if each.name in without or not self._wants(each.name):
                continue
            if each.is_dir(follow_symlinks=False):
                self.mirror(Path(each.path), target / each.name)
            else:
                self.file(Path(each.path), target / each.name)

    def file(self, source: Path, target: Path) -> None:
        """Copy a file unless it is there, in its size and time."""
        cancel_point(self._cancelled)
        with contextlib.suppress(FileNotFoundError):
            found, there = source.stat(), None
            with contextlib.suppress(FileNotFoundError):
                there = target.stat()
            if there is not None and _stamp(there) == _stamp(found):
                return
            while len(self._waiting) >= _AHEAD:
                self._waiting.popleft().result()
            self._waiting.append(self._pool.submit(self._copy, source, target))

    def _wants(self, name: str) -> bool:
        """Whether a file counts: not one that is being written, nor a record on its way."""
        return not (name.startswith((".", "staged-")) or name in self._unwanted)

    def _copy(self, source: Path, target: Path) -> None:
        """Copy a file durably. What vanishes meanwhile was superseded or erased."""
        part = target.with_name(f".{target.name}.part")
        try:
            with source.open("rb") as reader:
                found = os.fstat(reader.fileno())
                with self._room.hold(None, on_disk(found.st_size)), part.open("wb") as writer:
                    os.fchmod(writer.fileno(), found.st_mode & 0o777)
                    while block := reader.read(_BLOCK):
                        if self._given_up.is_set():
                            return
                        cancel_point(self._cancelled)
                        writer.write(block)
                    sync(writer)
            os.utime(part, ns=(found.st_mtime_ns, found.st_mtime_ns))
            part.replace(target)
        except FileNotFoundError:
            return
        finally:
            part.unlink(missing_ok=True)


def _stamp(found: os.stat_result) -> tuple[int, int]:
    """Return what tells a file from the one that takes its place; some disks keep no nanoseconds."""
    return found.st_size, found.st_mtime_ns // 1_000


def _listing(folder: Path) -> "Iterator[os.DirEntry[str]]":
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
        yield from found


@contextlib.contextmanager
def hooked(hook: Hook, step: Step) -> Iterator[None]:
    hook(step, "before")
    yield
    hook(step, "after")


@contextlib.contextmanager
def storage(path: Path) -> Iterator[None]:
    try:
        yield
    except NoRoom as error:
        raise NoRoom(
            f"There is no more room for {quoted(path)}. What it held before is good; free some space "
            "there, then give the command again: it goes on from where it stopped."
        ) from error
    except OSError as error:
        raise StorageFailed(
            f"{quoted(path)} could not be written ({error.strerror}); free some space or choose "
            "another place, "
            "then try again."
        ) from error
