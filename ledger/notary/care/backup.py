"""Backup beside a working notary, and restore without a fork.

A backup holds everything, the private keys too (mode 0600): keep it as you keep the office's seal. It
stands at one signed checkpoint: files first, then the entries under that checkpoint, then the
checkpoints, and the settings last. Entries and ciphertext never change and were durable before, so a
backup that is cut short is still good for what it held before, and the next one goes on from there:
what lies in the target in its size and time is not copied again, rows are added.

A restore that continued from an older checkpoint than the last one signed would fork the ledger: two
histories under one key, provable by anyone. So it is refused wherever a newer or another checkpoint is
known. What it does continue from, the first block after it says publicly, in a `recovery` statement.
"""

import contextlib
import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ledger.chain import statement as st
from ledger.chain.office import RESTORED
from ledger.chain.statement import parse_statement
from ledger.disk.files import make_folder, sync, sync_folder, write_durably
from ledger.errors import (
    Conflict,
    LedgerFault,
    NoRoom,
    NotFound,
    SealbookError,
    StorageFailed,
    Unavailable,
)
from ledger.notary.clock import Clock, ClockWatch
from ledger.notary.ports import SIGNED_IN_A_FILE, Hook, SignedCheckpoint, Step, no_hook
from ledger.notary.sequencing.blocks import BlockWriter
from ledger.notary.storage import directory as place
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.logfiles import CHECKPOINT, LogFolder
from ledger.notary.storage.office import OfficeDatabase
from ledger.notary.storage.room import DiskRoom, on_disk
from ledger.notary.storage.signedlog import FOLDER, SignedLog
from ledger.quoted import quoted

MARK = ".backup"
"""Names the ledger whose backup a directory is: only such a one is gone on with."""
_BLOCK = 1 << 20
_ROWS = 1_000
"""Rows that are copied at a time: a few mebibytes in memory."""
_COPIERS = 8
"""Files that are written side by side: each waits for the disk."""
_AHEAD = 64
"""Files that may wait for a copier."""


def backup(
    directory: Path,
    destination: Path,
    store: LedgerDatabase,
    signed: CheckpointDatabase,
    last: SignedCheckpoint,
    room: DiskRoom,
    cancelled: threading.Event,
    hook: Hook = no_hook,
) -> int:
    """Bring a directory up to the notary's state at `last`; return the number of entries in it.

    Args:
        directory: The notary's own.
        destination: New, empty, or an earlier backup of the same ledger.
        store: Its entries.
        signed: Its checkpoints.
        last: The newest signed checkpoint.
        room: What is asked before anything is written, where the destination is on the same disk.
        cancelled: Stops the copying within a moment once it is set.
        hook: Called around each durable step.

    Raises Conflict when the destination holds something else or lies in the notary's own folder;
    Unavailable when it was cancelled; NoRoom, StorageFailed.
    """
    if destination.resolve().is_relative_to(directory.resolve()):
        raise Conflict(
            f"{quoted(destination)} lies in the notary's own folder, and would be lost with it. "
            "Choose a "
            "directory on another disk."
        )
    with _storage(destination):
        make_folder(destination)
        destination.chmod(0o700)
        with place.lock(destination):
            _claim(destination, place.read_settings(directory).origin)
            if destination.stat().st_dev != directory.stat().st_dev:
                room = DiskRoom(destination, reserve=0, tight=0)
            with (
                _hooked(hook, Step.BACKUP_FILES),
                _Copying(room, cancelled, (*_UNDER_WAY, CHECKPOINT, FOLDER)) as copying,
            ):
                copying.mirror(directory, destination, _ROOT_ONLY)
            _copy_rows(store, signed, last, destination, room, cancelled, hook)
            with _hooked(hook, Step.BACKUP_SETTINGS):
                settings = (directory / place.SETTINGS).read_bytes()
                write_durably(destination / place.SETTINGS, settings)
    return last.size


_DATABASES = tuple(
    f"{name}{suffix}"
    for name in (place.LEDGER, place.CHECKPOINTS, place.OFFICE)
    for suffix in ("", "-wal", "-shm")
)
_LEFT_OUT = (place.LOCK, place.INCOMPLETE, place.READY, MARK, *_DATABASES)
_ROOT_ONLY = (*_LEFT_OUT, place.SETTINGS)
"""What a backup's files are copied without: databases follow as rows, the settings at the end."""
_UNDER_WAY = ("pending",)
"""Folders of what is no part of the ledger yet. A backup is without the published checkpoint besides:
that may be newer than the rows, and a restore publishes their last one. The files of `log/signed` are
written from the rows."""


def _claim(destination: Path, origin: str) -> None:
    """Make a directory this ledger's backup. Raises Conflict where it is something else."""
    mark = destination / MARK
    if mark.exists():
        if mark.read_bytes() != origin.encode():
            raise Conflict(f"{destination} is another ledger's backup. Choose another directory.")
        return
    found = sorted(each.name for each in destination.iterdir() if each.name != place.LOCK)
    if found:
        raise Conflict(
            f"{destination} is not empty, and no backup of this ledger. Choose an empty directory."
        )
    write_durably(mark, origin.encode(), 0o600)


def _cancel_point(cancelled: threading.Event) -> None:
    if cancelled.is_set():
        raise Unavailable(
            "The backup was stopped before its end. What it held before is good; give the command "
            "again, and it goes on from where it stopped."
        )


class _Copying:
    """Files on their way into a backup, some side by side; all are durable at the end of the block."""

    def __init__(
        self, room: DiskRoom, cancelled: threading.Event, unwanted: tuple[str, ...] = _UNDER_WAY
    ) -> None:
        self._room = room
        self._unwanted = unwanted
        self._cancelled = cancelled
        self._given_up = threading.Event()
        self._pool = ThreadPoolExecutor(_COPIERS, thread_name_prefix="backup")
        self._waiting: deque[Future[None]] = deque()
        self._folders: list[Path] = []
        self._gone: list[Path] = []

    def __enter__(self) -> "_Copying":
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
        _cancel_point(self._cancelled)
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
                        _cancel_point(self._cancelled)
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


def _copy_rows(
    store: LedgerDatabase,
    signed: CheckpointDatabase,
    last: SignedCheckpoint,
    target: Path,
    room: DiskRoom,
    cancelled: threading.Event,
    hook: Hook = no_hook,
) -> None:
    """Add the entries under `last` and the checkpoints up to it to a directory's databases.

    Raises Conflict where these hold another history, or more than this notary has.
    """
    copies = CheckpointDatabase(
        target / place.CHECKPOINTS, create=not (target / place.CHECKPOINTS).exists()
    )
    try:
        held = copies.last()
        if held is not None and held != signed.at_height(held.height):
            raise Conflict(
                f"{quoted(target)} holds a checkpoint over {held.size} entries that this "
                "notary has not "
                f"signed; its own last one is over {last.size}. If this notary was restored, it is an "
                "old copy: do not serve it. Keep that backup, and choose another directory."
            )
        with _hooked(hook, Step.BACKUP_ENTRIES):
            _copy_entries(store, last.size, target / place.LEDGER, room, cancelled)
        height = -1 if held is None else held.height
        with _hooked(hook, Step.BACKUP_CHECKPOINTS):
            while height < last.height:
                _cancel_point(cancelled)
                rows = [each for each in signed.all(height, _ROWS) if each.height <= last.height]
                with room.hold(None, 2 * sum(len(each.note) + _BESIDE for each in rows)):
                    copies.extend(rows)
                height = rows[-1].height
            _complete(SignedLog(target / place.LOG / FOLDER), copies, last.height)
    finally:
        copies.close()


def _complete(files: SignedLog, copies: CheckpointDatabase, height: int) -> None:
    """Let `log/signed` hold every checkpoint up to block `height`."""
    held = files.last()
    after = -1 if held is None else held.height
    while after < height:
        number = (after + 1) // SIGNED_IN_A_FILE
        rows = copies.all(number * SIGNED_IN_A_FILE - 1, SIGNED_IN_A_FILE)
        files.write(number, rows)
        after = rows[-1].height


def _copy_entries(
    store: LedgerDatabase, size: int, path: Path, room: DiskRoom, cancelled: threading.Event
) -> None:
    copy = LedgerDatabase(path, create=not path.exists())
    try:
        for start in range(copy.size(), size, _ROWS):
            _cancel_point(cancelled)
            rows = [each.statement for each in store.read(start, min(start + _ROWS, size))]
            with room.hold(None, 2 * sum(len(each) + _BESIDE for each in rows)):
                copy.append(start, [parse_statement(each) for each in rows])
    finally:
        copy.close()


_BESIDE = 512
"""Bytes that a row takes besides, in its indexes."""


def restore(
    source: Path,
    directory: Path,
    *,
    checkpoints: Path | None = None,
    clock: Clock,
    random: Callable[[int], bytes],
    hook: Hook = no_hook,
) -> SignedCheckpoint:
    """Make a notary's directory from a backup; return the checkpoint from which it goes on.

    Args:
        source: A directory that `backup` has made, or a whole notary directory that nobody uses.
        directory: New or empty; a surviving `checkpoints.sqlite` may lie in it, and is heeded.
        checkpoints: Another surviving `checkpoints.sqlite` to heed.
        clock: What time it is.
        random: Returns that many random bytes.
        hook: Called around each durable step.

    Raises LedgerFault when a newer or another checkpoint than the backup's last is known: going on from
    the backup would fork the ledger. Conflict when the directory is not empty; NotFound; StorageFailed.
    """
    settings = place.read_settings(source)
    strange = not (directory / place.LOCK).exists()
    make_folder(directory)

    def build(folder: Path) -> None:
        with _hooked(hook, Step.RESTORE_FILES):
            room, never = DiskRoom(directory, reserve=0, tight=0), threading.Event()
            with _Copying(room, never) as copying:
                copying.mirror(source, folder, _LEFT_OUT)
            with _opened(source) as (store, signed):
                newest = signed.last()
                if newest is None:
                    raise NotFound("The backup holds no signed checkpoint.")
                _copy_rows(store, signed, newest, folder, room, never)
        _check_copy(folder, settings.origin, known, clock, random)

    with _storage(directory), _unused(source), place.lock(directory), _tidy(directory, strange):
        place.settle(directory, hook)
        known = [
            last
            for path in (directory / place.CHECKPOINTS, checkpoints)
            if path is not None and path.exists() and (last := _last(path)) is not None
        ]
        allowed = tuple(f"{place.CHECKPOINTS}{suffix}" for suffix in ("", "-wal", "-shm"))
        place.fill(directory, allowed, build, hook)
    last = _last(directory / place.CHECKPOINTS)
    assert last is not None
    return last


def _check_copy(
    folder: Path,
    origin: str,
    known: list[SignedCheckpoint],
    clock: Clock,
    random: Callable[[int], bytes],
) -> None:
    """Refuse a copy that would fork or is not whole; leave the order for a recovery statement."""
    signed = CheckpointDatabase(folder / place.CHECKPOINTS)
    store = LedgerDatabase(folder / place.LEDGER)
    try:
        last = signed.last()
        assert last is not None
        for each in known:
            if each.size > last.size:
                raise LedgerFault(
                    f"The backup ends at {last.size} entries, but a checkpoint over {each.size} was "
                    "signed after it. Restoring would fork the ledger. Bring a newer backup, or the "
                    "`log` folder and `checkpoints.sqlite` of the lost machine: "
                    "`sealbook notary fsck --rebuild` goes on from them."
                )
            if signed.at_size(each.size) != each:
                raise LedgerFault(
                    f"The backup's checkpoint over {each.size} entries is not the one that was "
                    "signed: the backup is another ledger's, or a fork. It is not restored."
                )
        writer = BlockWriter(
            store,
            signed,
            LogFolder(folder / place.LOG),
            place.read_keys(folder, origin),
            ClockWatch(clock),
            random,
            no_hook,
            accepted=place.read_accepted(folder),
        )
        writer.recover()
        last = signed.last()
        assert last is not None
    finally:
        store.close()
        signed.close()
    office = OfficeDatabase(folder / place.OFFICE)
    try:
        office.give(st.RECOVERY, {"cause": RESTORED, "size": last.size, "root": last.root})
    finally:
        office.close()


def _last(path: Path) -> SignedCheckpoint | None:
    database = CheckpointDatabase(path)
    try:
        return database.last()
    finally:
        database.close()


def _listing(folder: Path) -> "Iterator[os.DirEntry[str]]":
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
        yield from found


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[tuple[LedgerDatabase, CheckpointDatabase]]:
    """Yield a backup's databases for reading; it may lie on a disk that nobody can write."""
    with contextlib.ExitStack() as stack:
        signed = CheckpointDatabase(source / place.CHECKPOINTS, reading=True)
        stack.callback(signed.close)
        store = LedgerDatabase(source / place.LEDGER, reading=True)
        stack.callback(store.close)
        yield store, signed


@contextlib.contextmanager
def _unused(source: Path) -> Iterator[None]:
    """Hold a source that a notary may use; one on read-only media is used by none."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(StorageFailed):
            stack.enter_context(place.lock(source))
        yield


@contextlib.contextmanager
def _tidy(directory: Path, strange: bool) -> Iterator[None]:
    """Leave nothing in a directory that no notary used before, when a restore into it is refused."""
    try:
        yield
    except SealbookError:
        shutil.rmtree(directory / place.INCOMPLETE, ignore_errors=True)
        if strange:
            (directory / place.LOCK).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _hooked(hook: Hook, step: Step) -> Iterator[None]:
    hook(step, "before")
    yield
    hook(step, "after")


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
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
