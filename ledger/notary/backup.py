"""Backup beside a working notary, and restore without a fork.

A backup holds everything, the private keys too (mode 0600): keep it as you keep the office's seal. Both
databases are copied as they stood at one moment between two blocks; the files that follow hold at least
what those databases need, because entries and ciphertext never change and were durable before.

A restore that continued from an older checkpoint than the last one signed would fork the ledger: two
histories under one key, provable by anyone. So it is refused wherever a newer or another checkpoint is
known. What it does continue from, the first block after it says publicly, in a `recovery` statement.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from ledger.adapters import directory as place
from ledger.adapters.checkpoints import CheckpointDatabase
from ledger.adapters.files import sync_folder
from ledger.adapters.logfiles import CHECKPOINT, LogFolder, make_folder
from ledger.adapters.office import OfficeDatabase
from ledger.adapters.signedlog import FOLDER, SignedLog
from ledger.adapters.sqlite import LedgerDatabase
from ledger.blocks import BlockWriter
from ledger.chain import statement as st
from ledger.chain.office import RESTORED
from ledger.clock import Clock, ClockWatch
from ledger.errors import Conflict, LedgerFault, NotFound, SealbookError, StorageFailed
from ledger.ports import Hook, SignedCheckpoint, Step, no_hook
from ledger.quoted import quoted
from ledger.sequencer import Sequencer

_BLOCK = 1 << 20


def backup(
    directory: Path,
    destination: Path,
    store: LedgerDatabase,
    signed: CheckpointDatabase,
    sequencer: Sequencer,
    hook: Hook = no_hook,
) -> int:
    """Copy an open notary to an empty or new directory; return the number of entries in the copy.

    Raises Conflict when the destination is not empty or in the notary's own folder, StorageFailed.
    """
    if destination.resolve().is_relative_to(directory.resolve()):
        raise Conflict(
            f"{quoted(destination)} lies in the notary's own folder, and would be lost with it. "
            "Choose a "
            "directory on another disk."
        )
    size = height = 0

    def build(folder: Path) -> None:
        nonlocal size, height
        with sequencer.paused():
            snapshots = store.snapshot(), signed.snapshot()
            size, height = sequencer.last.size, sequencer.last.height
        with contextlib.ExitStack() as stack:
            for snapshot in snapshots:
                stack.enter_context(snapshot)
            snapshots[0].copy(folder / place.LEDGER)
            snapshots[1].copy(folder / place.CHECKPOINTS)
        for source in sorted(directory.iterdir()):
            if source.name in _LEFT_OUT or source.name.startswith(
                (place.LEDGER, place.CHECKPOINTS)
            ):
                continue
            _copy(source, folder / source.name)
        # The published checkpoint may be newer than the copies; a restore publishes their last one.
        (folder / place.LOG / CHECKPOINT).unlink(missing_ok=True)
        SignedLog(folder / place.LOG / FOLDER).truncate(height)

    with _storage(destination):
        make_folder(destination)
        destination.chmod(0o700)
        with place.lock(destination):
            place.fill(destination, (), build, hook)
    return size


_LEFT_OUT = (
    place.LOCK,
    place.OFFICE,
    f"{place.OFFICE}-wal",
    f"{place.OFFICE}-shm",
    place.INCOMPLETE,
    place.READY,
)


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
            for each in sorted(source.iterdir()):
                if each.name not in _LEFT_OUT:
                    _copy(each, folder / each.name)
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
        if last is None:
            raise NotFound("The backup holds no signed checkpoint.")
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


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a tree durably. What vanishes meanwhile was superseded or erased."""
    if source.is_dir():
        target.mkdir(mode=0o700)
        for each in _listing(source):
            if not (each.name.startswith(".") or each.name == "pending"):
                _copy(each, target / each.name)
        sync_folder(target)
        return
    try:
        with source.open("rb") as reader, target.open("xb") as writer:
            os.fchmod(writer.fileno(), os.fstat(reader.fileno()).st_mode & 0o777)
            shutil.copyfileobj(reader, writer, _BLOCK)
            writer.flush()
            os.fsync(writer.fileno())
    except FileNotFoundError:
        target.unlink(missing_ok=True)


def _listing(folder: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError):
        return list(folder.iterdir())
    return []


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
    except OSError as error:
        raise StorageFailed(
            f"{quoted(path)} could not be written ({error.strerror}); free some space or choose "
            "another place, "
            "then try again."
        ) from error
