"""Backup beside a working notary.

A backup holds everything, the private keys too (mode 0600): keep it as you keep the office's seal. It
stands at one signed checkpoint: files first, then the entries under that checkpoint, then the
checkpoints and anchors up to it, the desk, and the settings last. Entries and ciphertext never change
and were durable before, so a backup that is cut short is still good for what it held before, and the
next one goes on from there: what lies in the target in its size and time is not copied again, rows are
added.
"""

import threading
from pathlib import Path

from ledger.chain.statement import parse_statement
from ledger.disk.files import make_folder, sync, write_durably
from ledger.errors import (
    Conflict,
)
from ledger.notary.care.copying import (
    MARK,
    ROOT_ONLY,
    UNDER_WAY,
    Copying,
    cancel_point,
    hooked,
    storage,
)
from ledger.notary.ports import SIGNED_IN_A_FILE, Hook, SignedCheckpoint, Step, no_hook
from ledger.notary.storage import directory as place
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.desk import StaffDesk
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.logfiles import CHECKPOINT
from ledger.notary.storage.room import DiskRoom
from ledger.notary.storage.signedlog import FOLDER, SignedLog
from ledger.quoted import quoted

_ROWS, _ANCHORS = 1_000, 100
"""Rows, and anchors with their tokens, that are copied at a time: a few mebibytes in memory."""


def backup(
    directory: Path,
    destination: Path,
    store: LedgerDatabase,
    signed: CheckpointDatabase,
    anchors: AnchorDatabase | None,
    desk: StaffDesk | None,
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
        anchors: Its anchors, where it has any.
        desk: Its desk, None where the disk can only be read.
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
    with storage(destination):
        make_folder(destination)
        destination.chmod(0o700)
        with place.lock(destination):
            _claim(destination, place.read_settings(directory).origin)
            if destination.stat().st_dev != directory.stat().st_dev:
                room = DiskRoom(destination, reserve=0, tight=0)
            with (
                hooked(hook, Step.BACKUP_FILES),
                Copying(
                    room, cancelled, (*UNDER_WAY, CHECKPOINT, FOLDER, place.LAST_BACKUP)
                ) as copying,
            ):
                copying.mirror(directory, destination, ROOT_ONLY)
            copy_rows(store, signed, anchors, last, destination, room, cancelled, hook)
            with hooked(hook, Step.BACKUP_SETTINGS):
                if desk is not None:
                    copy_staff_desk(desk, destination)
                settings = (directory / place.SETTINGS).read_bytes()
                write_durably(destination / place.SETTINGS, settings)
    return last.size


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


def copy_rows(
    store: LedgerDatabase,
    signed: CheckpointDatabase,
    anchors: AnchorDatabase | None,
    last: SignedCheckpoint,
    target: Path,
    room: DiskRoom,
    cancelled: threading.Event,
    hook: Hook = no_hook,
) -> None:
    """Add the entries under `last`, the checkpoints and anchors up to it to a directory's databases.

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
        with hooked(hook, Step.BACKUP_ENTRIES):
            _copy_entries(store, last.size, target / place.LEDGER, room, cancelled)
        height = -1 if held is None else held.height
        with hooked(hook, Step.BACKUP_CHECKPOINTS):
            while height < last.height:
                cancel_point(cancelled)
                rows = [each for each in signed.all(height, _ROWS) if each.height <= last.height]
                with room.hold(None, 2 * sum(len(each.note) + _BESIDE for each in rows)):
                    copies.extend(rows)
                height = rows[-1].height
            _complete(SignedLog(target / place.LOG / FOLDER), copies, last.height)
            if anchors is not None:
                _copy_anchors(anchors, last.height, target / place.ANCHORS, room, cancelled)
    finally:
        copies.close()


def copy_staff_desk(desk: StaffDesk, target: Path) -> None:
    """Let a directory hold the desk as it is at this moment."""
    new = target / f".{place.DESK}.new"
    new.unlink(missing_ok=True)
    with desk.snapshot() as snapshot:
        snapshot.copy(new)
    with new.open("rb") as file:
        sync(file)
    place.replace_database(new, target / place.DESK)


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
            cancel_point(cancelled)
            rows = [each.statement for each in store.read(start, min(start + _ROWS, size))]
            with room.hold(None, 2 * sum(len(each) + _BESIDE for each in rows)):
                copy.append(start, [parse_statement(each) for each in rows])
    finally:
        copy.close()


def _copy_anchors(
    anchors: AnchorDatabase, height: int, path: Path, room: DiskRoom, cancelled: threading.Event
) -> None:
    copy = AnchorDatabase(path)
    try:
        after = -1
        while True:
            cancel_point(cancelled)
            found, stamps = anchors.all(after, _ANCHORS)
            if not found or after >= height:
                return
            after = found[-1].height
            kept = [each for each in found if each.height <= height]
            stamps = [each for each in stamps if each.height <= height]
            size = sum(len(each.note) + _BESIDE for each in kept)
            size += sum(len(each.entry.der) + _BESIDE for each in stamps)
            with room.hold(None, 2 * size):
                copy.extend(kept, stamps)
    finally:
        copy.close()


_BESIDE = 512
"""Bytes that a row takes besides, in its indexes."""
