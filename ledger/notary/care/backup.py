"""Backup beside a working notary, wherever its rows and files lie.

A backup is a directory as the embedded notary has it, with SQLite files and folders, whatever engine it
was made from: so it can be read, checked by `fsck`, and restored into either. It holds everything, the
private keys too (mode 0600): keep it as you keep the office's seal. It stands at one signed checkpoint:
files first, then the entries under that checkpoint, then the checkpoints and anchors up to it. Entries
and ciphertext never change and were durable before. What changes (desk, keys, settings, manifest) is
put in place at once, at the end. So a backup that is cut short is still good for what it held before,
and the next one goes on from there: what lies in the target in its size and time is not copied again,
rows are added. Before and after, the tree that the rows give is compared with what was signed.
"""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ledger.chain.statement import parse_statement
from ledger.chain.tiles import TILE_WIDTH, Tile, TileEdge
from ledger.disk.files import make_folder, sync, write_durably
from ledger.errors import Conflict, InvalidInput, LedgerFault, MalformedData
from ledger.notary.care.copying import (
    LEFT_OUT,
    MARK,
    UNDER_WAY,
    Copying,
    cancel_point,
    hooked,
    storage,
)
from ledger.notary.care.fetching import fetch_folders
from ledger.notary.care.manifest import (
    Manifest,
    digests,
    read_manifest,
    small_files,
    write_manifest,
)
from ledger.notary.care.movingfiles import FOLDERS
from ledger.notary.ports import (
    SIGNED_IN_A_FILE,
    Hook,
    SignedCheckpoint,
    SignedCopies,
    Step,
    no_hook,
)
from ledger.notary.sequencing.blocks import rebuild_tile
from ledger.notary.storage import directory as place
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.bucket import open_bucket
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.desk import StaffDesk
from ledger.notary.storage.directory import Settings
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.logfiles import CHECKPOINT, LogStore, log_folder
from ledger.notary.storage.room import DiskRoom
from ledger.notary.storage.signedlog import FOLDER
from ledger.quoted import quoted

_ROWS, _ANCHORS = 1_000, 100
"""Rows, and anchors with their tokens, that are copied at a time: a few mebibytes in memory."""


@dataclass(frozen=True, slots=True)
class Books:
    """The rows of a notary that a backup holds, and up to which checkpoint. `desk` is None where the
    disk can only be read."""

    store: LedgerDatabase
    signed: CheckpointDatabase
    anchors: AnchorDatabase | None
    desk: StaffDesk | None
    last: SignedCheckpoint


def backup(
    directory: Path,
    settings: Settings,
    destination: Path,
    books: Books,
    now: float,
    room: DiskRoom,
    cancelled: threading.Event,
    require_here: Callable[[], None],
    hook: Hook = no_hook,
) -> Manifest:
    """Bring a directory up to the notary's state at the checkpoint of its books; say what it holds.

    Args:
        directory: The notary's own.
        settings: Its notary.toml.
        destination: New, empty, or an earlier backup of the same ledger.
        books: Its rows.
        now: POSIX seconds.
        room: What is asked before anything is written, where the destination is on the same disk.
        cancelled: Stops the copying within a moment once it is set.
        require_here: Raises NotHere where the ciphertext is not here: the copy would lose what it
            has of it.
        hook: Called around each durable step.

    Raises Conflict when the destination holds something else or lies in the notary's own folder;
    LedgerFault where what it holds is not what was signed; Unavailable when it was cancelled; NoRoom,
    StorageFailed.
    """
    if destination.resolve().is_relative_to(directory.resolve()):
        raise Conflict(
            f"{quoted(destination)} lies in the notary's own folder, and would be lost with it. "
            "Choose a "
            "directory on another disk."
        )
    require_here()
    with storage(destination):
        make_folder(destination)
        destination.chmod(0o700)
        with place.lock(destination):
            place.settle(destination, no_hook)
            _claim(destination, settings.origin)
            _require_as_left(destination)
            if destination.stat().st_dev != directory.stat().st_dev:
                room = DiskRoom(destination, reserve=0, tight=0)
            unwanted = (*UNDER_WAY, CHECKPOINT, FOLDER)
            with hooked(hook, Step.BACKUP_FILES), Copying(room, cancelled, unwanted) as copying:
                _copy_folders(directory, settings, destination, copying)
                require_here()
            log = log_folder(destination / place.LOG)
            copy_rows(books, destination, log, room, cancelled, hook)
            last = books.last
            origin, root = settings.origin, last.root.hex()
            made = Manifest(
                origin, int(now), last.size, last.height, root, copying.files, copying.bytes, {}
            )
            with hooked(hook, Step.BACKUP_SETTINGS):
                _finish(directory, destination, books.desk, made)
    return made


def note_backup(directory: Path, now: float, size: int, destination: Path) -> None:
    """Note that a backup was made, for the doctor. It was made all the same where that fails."""
    with contextlib.suppress(OSError):
        place.write_last_backup(directory, place.LastBackup(int(now), size, str(destination)))


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


def _require_as_left(destination: Path) -> None:
    """Raise LedgerFault where a backup does not hold the checkpoint at which it says that it stands."""
    said = read_manifest(destination)
    if said is None:
        return
    signed = CheckpointDatabase(destination / place.CHECKPOINTS)
    try:
        found = signed.at_height(said.height)
    finally:
        signed.close()
    if found is None or (found.size, found.root.hex()) != (said.size, said.root):
        raise LedgerFault(
            f"{quoted(destination)} does not hold what its manifest says: it was altered. Choose "
            "another directory, and look at this one with `sealbook notary fsck`."
        )


def _copy_folders(directory: Path, settings: Settings, destination: Path, copying: Copying) -> None:
    """Copy folders but the keys', which come with the settings; of a bucket what lies in it instead."""
    elsewhere = FOLDERS if settings.objects is not None else ()
    without = (*LEFT_OUT, place.KEYS, *elsewhere)
    names = [
        each.name for each in directory.iterdir() if each.is_dir() and copying.wants(each.name)
    ]
    names = [each for each in names if each not in without]
    for name in names:
        if name != place.OBJECTS:
            copying.mirror(directory / name, destination / name)
    for each in destination.iterdir():
        if each.is_dir() and each.name not in (*names, *without, *FOLDERS):
            copying.drop(each)
    if settings.objects is not None:
        fetch_folders(open_bucket(settings.objects), destination, copying)
    elif place.OBJECTS in names:
        copying.mirror_ciphertext(directory / place.OBJECTS, destination / place.OBJECTS)


def _finish(directory: Path, destination: Path, desk: StaffDesk | None, made: Manifest) -> None:
    """Put desk, keys, settings and manifest in place, all at once; remove those that are no more."""

    def build(folder: Path) -> None:
        (folder / place.KEYS).mkdir(mode=0o700)
        for name in small_files(directory):
            mode = (directory / name).stat().st_mode & 0o777
            write_durably(folder / name, (directory / name).read_bytes(), mode)
        if place.is_unsettled(directory) or digests(directory) != digests(folder):
            raise Conflict(
                "Keys or settings are being changed. Give the command again in a moment."
            )
        settings = place.settings_naming(directory, database=None, objects=None)
        write_durably(folder / place.SETTINGS, settings, 0o600)
        if desk is not None:
            copy_staff_desk(desk, folder)
        write_manifest(folder, replace(made, sha256=digests(folder)))

    place.put(destination, build, no_hook)
    kept = set(small_files(directory))
    for name in list(small_files(destination)):
        if name not in kept:
            (destination / name).unlink()


def copy_rows(
    books: Books,
    target: Path,
    log: LogStore,
    room: DiskRoom,
    cancelled: threading.Event,
    hook: Hook = no_hook,
) -> None:
    """Add the entries under the books' checkpoint, the checkpoints and anchors up to it to a directory.

    `log` has the tiles and takes the copies of checkpoints. Raises Conflict where the directory holds
    another history, or more than this notary has; LedgerFault where what it holds then does not give
    the root that was signed.
    """
    signed, last = books.signed, books.last
    path = target / place.CHECKPOINTS
    copies = CheckpointDatabase(path, create=not path.exists())
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
            _copy_entries(books.store, held, last, target / place.LEDGER, log, room, cancelled)
        height = -1 if held is None else held.height
        with hooked(hook, Step.BACKUP_CHECKPOINTS):
            while height < last.height:
                cancel_point(cancelled)
                rows = [each for each in signed.all(height, _ROWS) if each.height <= last.height]
                with room.hold(None, 2 * sum(len(each.note) + _BESIDE for each in rows)):
                    copies.extend(rows)
                height = rows[-1].height
            complete(log.signed, copies, last.height)
            if books.anchors is not None:
                _copy_anchors(books.anchors, last.height, target / place.ANCHORS, room, cancelled)
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


def complete(files: SignedCopies, copies: CheckpointDatabase, height: int) -> None:
    """Let `log/signed` hold every checkpoint up to block `height`."""
    held = files.last()
    after = -1 if held is None else held.height
    while after < height:
        number = (after + 1) // SIGNED_IN_A_FILE
        rows = copies.all(number * SIGNED_IN_A_FILE - 1, SIGNED_IN_A_FILE)
        files.write(number, rows)
        after = rows[-1].height


def _copy_entries(
    store: LedgerDatabase,
    held: SignedCheckpoint | None,
    last: SignedCheckpoint,
    path: Path,
    log: LogStore,
    room: DiskRoom,
    cancelled: threading.Event,
) -> None:
    copy = LedgerDatabase(path, create=not path.exists())
    try:
        tree = tree_at(held, copy, log)
        for start in range(copy.size(), last.size, _ROWS):
            cancel_point(cancelled)
            rows = [each.statement for each in store.read(start, min(start + _ROWS, last.size))]
            with room.hold(None, 2 * sum(len(each) + _BESIDE for each in rows)):
                copy.append(start, [parse_statement(each) for each in rows])
        for start in range(tree.size, last.size, _ROWS):
            cancel_point(cancelled)
            found = copy.read(start, min(start + _ROWS, last.size))
            tree.extend(each.leaf_hash for each in found)
        if tree.root() != last.root:
            raise LedgerFault(
                f"The entries in {quoted(copy.place)} do not give the root that was signed over "
                f"{last.size} of them. Choose another directory; `sealbook notary fsck` says what is "
                "wrong here or there."
            )
    finally:
        copy.close()


def tree_at(held: SignedCheckpoint | None, copy: LedgerDatabase, log: LogStore) -> TileEdge:
    """Return the tree over what a place holds already. Raises LedgerFault where it was altered."""

    def read_tile(level: int, index: int, _: int) -> bytes:
        data = log.read_tile(level, index)
        return rebuild_tile(copy, read_tile, Tile(level, index)) if data is None else data

    if held is None:
        return TileEdge(read_tile)
    edge = copy.read(held.size - held.size % TILE_WIDTH, held.size)
    try:
        tree = TileEdge.restore(read_tile, held.size, [each.leaf_hash for each in edge])
        if tree.root() == held.root:
            return tree
    except (InvalidInput, MalformedData):
        pass
    raise LedgerFault(
        f"{quoted(copy.place)} does not hold the {held.size} entries that were signed: it was altered. "
        "Choose another directory, and look at this one with `sealbook notary fsck`."
    )


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
