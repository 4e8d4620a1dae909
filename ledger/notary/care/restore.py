"""Restore without a fork.

A restore that continued from an older checkpoint than the last one signed would fork the ledger: two
histories under one key, provable by anyone. So it is refused wherever a newer or another checkpoint is
known. What it does continue from, the first block after it says publicly, in a `recovery` statement.
"""

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ledger.chain.office import RESTORED, Recovery
from ledger.disk.files import make_folder
from ledger.errors import LedgerFault, NotFound, SealbookError, StorageFailed
from ledger.notary.care.backup import copy_rows, copy_staff_desk
from ledger.notary.care.copying import LEFT_OUT, Copying, hooked, storage
from ledger.notary.clock import Clock, ClockWatch
from ledger.notary.orders import StateRecovery, format_order
from ledger.notary.ports import Hook, SignedCheckpoint, Step, no_hook
from ledger.notary.selfcheck import read_trust
from ledger.notary.sequencing.blocks import BlockWriter
from ledger.notary.storage import directory as place
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.desk import open_staff_desk
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.logfiles import log_folder
from ledger.notary.storage.office import OfficeDatabase
from ledger.notary.storage.records import record_folder
from ledger.notary.storage.room import DiskRoom


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
    place.require_embedded(settings)
    place.require_files(settings)
    strange = not (directory / place.LOCK).exists()
    make_folder(directory)

    def build(folder: Path) -> None:
        with hooked(hook, Step.RESTORE_FILES):
            room, never = DiskRoom(directory, reserve=0, tight=0), threading.Event()
            with Copying(room, never) as copying:
                copying.mirror(source, folder, LEFT_OUT)
            with _opened(source) as (store, signed, anchors):
                newest = signed.last()
                if newest is None:
                    raise NotFound("The backup holds no signed checkpoint.")
                copy_rows(store, signed, anchors, newest, folder, room, never)
            _restore_staff_desk(source, folder)
        _check_copy(folder, known, clock, random)

    with storage(directory), _unused(source), place.lock(directory), _tidy(directory, strange):
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


def _restore_staff_desk(source: Path, folder: Path) -> None:
    """Copy the desk, where the backup has one; whoever was signed in signs in anew."""
    if not (source / place.DESK).exists():
        return
    origin = place.read_settings(source).origin
    waiting = record_folder(source / place.REQUESTS)
    desk = open_staff_desk(source / place.DESK, origin, waiting, reading=True)
    try:
        copy_staff_desk(desk, folder)
    finally:
        desk.close()
    desk = open_staff_desk(folder / place.DESK, origin, waiting)
    try:
        desk.shut_doors()
    finally:
        desk.close()


def _check_copy(
    folder: Path,
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
        settings = place.read_settings(folder)
        _, trust = read_trust(folder / settings.trust_file)
        writer = BlockWriter(
            store,
            signed,
            log_folder(folder / place.LOG),
            place.read_keys(folder, settings, trust),
            trust,
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
        office.give(*format_order(StateRecovery(Recovery(RESTORED, last.size, last.root))))
    finally:
        office.close()


def _last(path: Path) -> SignedCheckpoint | None:
    database = CheckpointDatabase(path)
    try:
        return database.last()
    finally:
        database.close()


@contextlib.contextmanager
def _opened(
    source: Path,
) -> Iterator[tuple[LedgerDatabase, CheckpointDatabase, AnchorDatabase | None]]:
    """Yield a backup's databases for reading; it may lie on a disk that nobody can write."""
    with contextlib.ExitStack() as stack:
        signed = CheckpointDatabase(source / place.CHECKPOINTS, reading=True)
        stack.callback(signed.close)
        store = LedgerDatabase(source / place.LEDGER, reading=True)
        stack.callback(store.close)
        anchors = None
        if (source / place.ANCHORS).exists():
            anchors = AnchorDatabase(source / place.ANCHORS, reading=True)
            stack.callback(anchors.close)
        yield store, signed, anchors


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
