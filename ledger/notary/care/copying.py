"""Files on their way into a backup or out of one."""

import contextlib
import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ledger.disk.files import not_written, sync, sync_folder
from ledger.errors import NoRoom, Unavailable
from ledger.notary.ports import Hook, Step
from ledger.notary.storage import directory as place
from ledger.notary.storage.moving import ENGINE, MOVING
from ledger.notary.storage.packshelf import FOLDER as PACKS
from ledger.notary.storage.room import DiskRoom, on_disk
from ledger.notary.storage.signedlog import FOLDER
from ledger.quoted import quoted

MARK = ".backup"
"""Names the ledger whose backup a directory is: only such a one is gone on with."""
CLAIM = "migrating"
"""The file, or object, that tells a half-done move from what lay there before."""
MANIFEST = "manifest"
"""Says what a backup holds, see `ledger.notary.care.manifest`."""
_BLOCK = 1 << 20
_COPIERS = 8
"""Files that are written side by side: each waits for the disk."""
_PASSES = 10
"""Times that ciphertext is listed and copied while some is packed or erased."""
DISCARDED = ".discarded"
"""The end of what says that an age file was erased."""
_AHEAD = 64
"""Files that may wait for a copier."""
_DATABASES = tuple(
    f"{name}{suffix}"
    for name in (
        place.LEDGER,
        place.CHECKPOINTS,
        place.ANCHORS,
        place.OFFICE,
        place.DESK,
        place.PACKS,
    )
    for suffix in ("", "-wal", "-shm")
)
LEFT_OUT = (
    place.LOCK, place.INCOMPLETE, place.READY, place.LAST_BACKUP, place.UPLOADS, MARK, MANIFEST, CLAIM,
    ENGINE, MOVING, *_DATABASES,
)  # fmt: skip
"""What is not copied as a file: rows follow as rows, and a backup belongs to no engine."""
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


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that is being read: its bytes, its mode, and when it was changed, POSIX nanoseconds."""

    size: int
    mode: int
    changed: int
    blocks: Iterator[bytes]


Opening = Callable[[], AbstractContextManager[Incoming]]
"""Opens a file; raises FileNotFoundError where there is none by now."""


class Copying:
    """Files on their way into a backup, some side by side; all are durable at the end of the block.

    `files` and `bytes` count what the copy holds of what was asked for, copied now or before.
    """

    def __init__(
        self, room: DiskRoom, cancelled: threading.Event, unwanted: tuple[str, ...] = UNDER_WAY
    ) -> None:
        self.files = self.bytes = 0
        self._room = room
        self._unwanted = unwanted
        self._cancelled = cancelled
        self._given_up = threading.Event()
        self._pool = ThreadPoolExecutor(_COPIERS, thread_name_prefix="backup")
        self._waiting: deque[Future[None]] = deque()
        self._folders: dict[Path, None] = {}
        self._gone: dict[Path, None] = {}
        self._vanished = False

    def __enter__(self) -> "Copying":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._wait()
        finally:
            self._given_up.set()
            self._pool.shutdown(cancel_futures=True)
        if kind is None:
            # Only now: what took its place is here. First what says that something was erased.
            for each in sorted(self._gone, key=lambda each: not each.name.endswith(DISCARDED)):
                if each.is_dir():
                    shutil.rmtree(each)
                else:
                    each.unlink(missing_ok=True)
            for folder in self._folders:
                sync_folder(folder)

    def mirror(
        self,
        source: Path,
        target: Path,
        without: tuple[str, ...] = (),
        later: list[Callable[[], None]] | None = None,
    ) -> None:
        """Let a folder hold what another one holds; `later` takes what copies the marks of erasing."""
        self.folder(target)
        for each in _listing(target):
            if each.name not in (*without, FOLDER) and not (
                self.wants(each.name) and os.path.lexists(source / each.name)
            ):
                self.drop(Path(each.path))
        for each in _listing(source):
            if each.name in without or not self.wants(each.name):
                continue
            if each.is_dir(follow_symlinks=False):
                self.mirror(Path(each.path), target / each.name, (), later)
            elif later is not None and each.name.endswith(DISCARDED):
                later.append(partial(self.file, Path(each.path), target / each.name))
            else:
                self.file(Path(each.path), target / each.name)

    def mirror_ciphertext(self, source: Path, target: Path) -> None:
        """Let a folder hold the ciphertext of another one, while it is packed or erased there."""

        def packs() -> set[str]:
            return {each.name for each in _listing(source / PACKS) if self.wants(each.name)}

        def loose(later: list[Callable[[], None]]) -> None:
            self.mirror(source, target, (PACKS,), later)

        def packed() -> None:
            if packs() or (target / PACKS).exists():
                self.mirror(source / PACKS, target / PACKS)

        self.ciphertext(packs, loose, packed)

    def ciphertext(
        self,
        packs: Callable[[], set[str]],
        loose: Callable[[list[Callable[[], None]]], None],
        packed: Callable[[], None],
    ) -> None:
        """Copy loose files, then packs, then what says that something was erased; again, while needed.

        A loose file goes once a pack that holds it is there, so who copies packs afterwards has it. It
        is not so where a file vanished under the copying or a pack that was seen is gone: then
        everything is listed again. Raises Unavailable where that never ends.
        """
        self._wait()
        before = self.files, self.bytes, dict(self._gone)
        for _ in range(_PASSES):
            self.files, self.bytes, self._gone = before[0], before[1], dict(before[2])
            self._vanished = False
            later: list[Callable[[], None]] = []
            seen = packs()
            loose(later)
            self._wait()
            seen |= packs()
            packed()
            self._wait()
            for each in later:
                each()
            self._wait()
            if not self._vanished and seen <= packs():
                return
        raise Unavailable(
            "Ciphertext was packed or erased all the time while it was copied. What the backup held "
            "before is good; give the command again when less is deposited or erased."
        )

    def file(self, source: Path, target: Path) -> None:
        """Copy a file unless it is there, in its size and time."""
        try:
            found = source.stat()
        except FileNotFoundError:
            self._vanished = True
            return
        if not is_held(target, found.st_size, found.st_mtime_ns):
            self.take(partial(_opened, source), target)
        self.count(found.st_size)

    def folder(self, target: Path) -> None:
        """Make a folder where there is none."""
        if not target.is_dir():
            target.mkdir(mode=0o700)
        self._folders[target] = None

    def take(self, opening: Opening, target: Path) -> None:
        """Copy what is opened then. What vanishes meanwhile was superseded or erased."""
        cancel_point(self._cancelled)
        while len(self._waiting) >= _AHEAD:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(self._copy, opening, target))

    def count(self, size: int) -> None:
        """Count a file."""
        self.files += 1
        self.bytes += size

    def drop(self, target: Path) -> None:
        """Remove a file or folder at the end."""
        self._gone[target] = None

    def wants(self, name: str) -> bool:
        """Whether a file counts: not one that is being written, nor a record on its way."""
        return not (name.startswith((".", "staged-")) or name in self._unwanted)

    def _wait(self) -> None:
        while self._waiting:
            self._waiting.popleft().result()

    def _copy(self, opening: Opening, target: Path) -> None:
        part = target.with_name(f".{target.name}.part")
        try:
            with (
                opening() as found,
                self._room.hold(None, on_disk(found.size)),
                part.open("wb") as writer,
            ):
                os.fchmod(writer.fileno(), found.mode)
                for block in found.blocks:
                    if self._given_up.is_set():
                        return
                    cancel_point(self._cancelled)
                    writer.write(block)
                sync(writer)
            os.utime(part, ns=(found.changed, found.changed))
            part.replace(target)
        except FileNotFoundError:
            self._vanished = True
        finally:
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[Incoming]:
    with source.open("rb") as reader:
        found = os.fstat(reader.fileno())
        blocks = iter(lambda: reader.read(_BLOCK), b"")
        yield Incoming(found.st_size, found.st_mode & 0o777, found.st_mtime_ns, blocks)


def is_held(target: Path, size: int, changed: int) -> bool:
    """Whether a file is there in this size and time: some disks keep no nanoseconds."""
    with contextlib.suppress(FileNotFoundError):
        there = target.stat()
        return (there.st_size, there.st_mtime_ns // 1_000) == (size, changed // 1_000)
    return False


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
        raise not_written(path, error) from error
