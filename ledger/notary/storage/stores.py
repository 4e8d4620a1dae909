"""The stores of a notary: the one place that opens them, from its directory and its settings.

Rows lie in SQLite files of the directory, or on the PostgreSQL server that the settings name (the extra
`postgres`); its client is imported only then. Whoever needs all stores takes `open_stores`; a command
that runs beside the service takes the one that it needs. Care for files that are no notary's yet, or no
more, opens those by their paths.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ledger.disk.wholefiles import FolderFiles
from ledger.errors import Conflict, InvalidInput
from ledger.notary.health import Reason
from ledger.notary.ports import Queue
from ledger.notary.storage import directory as place
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.bucket import open_bucket
from ledger.notary.storage.bucketfiles import BucketFiles
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.desk import StaffDesk, open_staff_desk
from ledger.notary.storage.directory import Settings
from ledger.notary.storage.envelopeobjects import EnvelopeObjects, LooseEnvelopes
from ledger.notary.storage.envelopes import EnvelopeStore
from ledger.notary.storage.landmark import Landmark
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.logfiles import LogStore, log_folder
from ledger.notary.storage.moving import MOVED
from ledger.notary.storage.office import OfficeDatabase
from ledger.notary.storage.packed import PackedEnvelopes
from ledger.notary.storage.packs import PackDatabase
from ledger.notary.storage.packshelf import FOLDER as PACK_FOLDER
from ledger.notary.storage.packshelf import PackShelf
from ledger.notary.storage.records import RecordStore
from ledger.notary.storage.room import DiskRoom
from ledger.notary.storage.schema import Place
from ledger.notary.storage.signedobjects import SignedObjects
from ledger.notary.storage.validation import ValidationStore
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.notary.storage.postgres import Server


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that a notary keeps. `office` and `desk` are None where nothing can be written."""

    ledger: LedgerDatabase
    signed: CheckpointDatabase
    office: OfficeDatabase | None
    desk: StaffDesk | None
    anchors: AnchorDatabase | None
    log: LogStore
    records: RecordStore
    envelopes: PackedEnvelopes
    validation: ValidationStore


@contextmanager
def open_server(settings: Settings, *, founding: bool = False) -> "Iterator[Server | None]":
    """Yield the server that the settings name, None where there is none.

    With `founding` it is the place in which a new ledger is put together. Raises InvalidInput,
    StorageFailed.
    """
    if settings.database is None:
        yield None
        return
    try:
        from ledger.notary.storage.postgres import Server
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "PostgreSQL needs the extra of the program for it. Install it with "
            "`pip install 'sealbook[notary,postgres]'`."
        ) from error
    with Server(settings.database, settings.origin, founding=founding) as server:
        yield server


def open_queue(server: "Server") -> Queue:
    """Return what processes that share the ledger leave for the one that writes."""
    from ledger.notary.storage.queue import SubmissionQueue

    return SubmissionQueue(server)


@contextmanager
def _places(
    directory: Path, settings: Settings, server: "Server | None"
) -> Iterator[Callable[[str], Place]]:
    """Yield where the rows of a store lie, by its file's name."""
    with ExitStack() as stack:
        found = server or stack.enter_context(open_server(settings))
        yield lambda name: directory / name if found is None else found


@contextmanager
def open_stores(
    directory: Path,
    settings: Settings,
    server: "Server | None",
    room: DiskRoom,
    now: Callable[[], float],
    random: Callable[[int], bytes],
    *,
    anchoring: bool,
    reading: bool = False,
    require_here: Callable[[], None] | None = None,
) -> Iterator[Stores]:
    """Yield the stores of a notary, closed at the end.

    Args:
        directory: The notary's own.
        settings: Its notary.toml.
        server: What `open_server` has given for them.
        room: What is asked before the disk grows for a depositor.
        now: POSIX seconds.
        random: Returns that many random bytes.
        anchoring: Whether anchors are made: their store is made where there is none.
        reading: Whether nothing of the ledger is written. What passes between processes, and the desk,
            are opened as by any command beside the service, unless the disk can only be read.
        require_here: Raises NotHere where the ciphertext is not here as a whole.

    Raises Conflict where the files were moved elsewhere; LedgerFault, StorageFailed.
    """
    require_not_moved(settings)
    with ExitStack() as stack:
        ledger, signed = stack.enter_context(
            open_books(directory, settings, server, reading=reading)
        )
        office = desk = None
        room.look()
        if not reading or Reason.READ_ONLY not in room.health.reasons:
            office = stack.enter_context(open_office(directory, settings, server))
            desk = stack.enter_context(open_desk(directory, settings, server, now, random))
        made = server is not None or (directory / place.ANCHORS).exists()
        anchors = None
        if made or (anchoring and not reading):
            anchors = AnchorDatabase(server or directory / place.ANCHORS, reading=reading)
            stack.callback(anchors.close)
        yield Stores(
            ledger,
            signed,
            office,
            desk,
            anchors,
            open_log(directory, settings),
            open_records(directory, settings),
            stack.enter_context(
                open_envelopes(
                    directory,
                    settings,
                    server,
                    room,
                    own=not reading,
                    reading=reading,
                    require_here=require_here,
                )
            ),
            open_validation(directory, settings),
        )


def require_not_moved(settings: Settings) -> None:
    """Raise Conflict where the bucket that the settings name was left by the ledger."""
    if settings.objects is None:
        return
    bucket = open_bucket(settings.objects)
    if bucket.size(MOVED) is not None:
        raise Conflict(
            f"The ledger's files were moved away from {quoted(bucket.name)} by `sealbook notary "
            "migrate`. Let notary.toml name where they lie now."
        )


@contextmanager
def open_books(
    directory: Path,
    settings: Settings,
    server: "Server | None" = None,
    *,
    create: bool = False,
    reading: bool = False,
) -> Iterator[tuple[LedgerDatabase, CheckpointDatabase]]:
    """Yield the entries and the signed checkpoints. Raises LedgerFault, StorageFailed."""
    with ExitStack() as stack:
        at = stack.enter_context(_places(directory, settings, server))
        ledger = LedgerDatabase(at(place.LEDGER), create=create, reading=reading)
        stack.callback(ledger.close)
        signed = CheckpointDatabase(at(place.CHECKPOINTS), create=create, reading=reading)
        stack.callback(signed.close)
        yield ledger, signed


@contextmanager
def open_office(
    directory: Path, settings: Settings, server: "Server | None" = None
) -> Iterator[OfficeDatabase]:
    """Yield what passes between processes. Raises StorageFailed."""
    with _places(directory, settings, server) as at:
        office = OfficeDatabase(at(place.OFFICE))
        try:
            yield office
        finally:
            office.close()


@contextmanager
def open_desk(
    directory: Path,
    settings: Settings,
    server: "Server | None" = None,
    now: Callable[[], float] = time.time,
    random: Callable[[int], bytes] = os.urandom,
    *,
    create: bool = False,
    reading: bool = False,
) -> Iterator[StaffDesk]:
    """Yield the office's desk, made with `create`, only read with `reading`.

    Raises StorageFailed, LedgerFault.
    """
    with _places(directory, settings, server) as at:
        requests = open_requests(directory, settings)
        desk = open_staff_desk(
            at(place.DESK), settings.origin, requests, now, random, create=create, reading=reading
        )
        try:
            yield desk
        finally:
            desk.close()


def open_files(
    directory: Path, settings: Settings, folder: str, mode: int = 0o644, *, mending: bool = False
) -> FolderFiles | BucketFiles:
    """Return the files of a folder, in the directory or in the bucket. Raises InvalidInput.

    With `mending` what never changes is replaced all the same.
    """
    if settings.objects is None:
        return FolderFiles(directory / folder, mode)
    return BucketFiles(open_bucket(settings.objects), folder, replacing=mending)


def open_log(directory: Path, settings: Settings, *, mending: bool = False) -> LogStore:
    """Return the log's static files. Raises InvalidInput, StorageFailed."""
    files = open_files(directory, settings, place.LOG, mending=mending)
    if isinstance(files, FolderFiles):
        return log_folder(files.root)
    return LogStore(files, SignedObjects(files))


def open_records(directory: Path, settings: Settings) -> RecordStore:
    """Return the identity records. Raises InvalidInput."""
    return RecordStore(open_files(directory, settings, place.RECORDS, 0o600))


def open_requests(directory: Path, settings: Settings) -> RecordStore:
    """Return the identity records of what waits at the desk. Raises InvalidInput."""
    return RecordStore(open_files(directory, settings, place.REQUESTS, 0o600))


def open_landmark(directory: Path, settings: Settings, *, hurried: bool = False) -> Landmark:
    """Return the landmark of the ciphertext's place. Raises InvalidInput.

    That of a bucket which is `hurried` is given up after a few seconds.
    """
    if settings.objects is None:
        files = FolderFiles(directory / place.OBJECTS, 0o600)
        return Landmark(files, settings.origin, FolderFiles(directory, 0o600))
    bucket = open_bucket(settings.objects, hurried=hurried)
    return Landmark(BucketFiles(bucket, place.OBJECTS), settings.origin)


def open_validation(directory: Path, settings: Settings) -> ValidationStore:
    """Return the validation data. Raises InvalidInput, StorageFailed."""
    return ValidationStore(open_files(directory, settings, place.VALIDATION))


@contextmanager
def open_envelopes(
    directory: Path,
    settings: Settings,
    server: "Server | None" = None,
    room: DiskRoom | None = None,
    *,
    own: bool = False,
    rows: "Place | None" = None,
    reading: bool = False,
    require_here: Callable[[], None] | None = None,
) -> Iterator[PackedEnvelopes]:
    """Yield the ciphertext that depositors have uploaded.

    Args:
        directory: The notary's own.
        settings: Its notary.toml.
        server: What `open_server` has given for them.
        room: What is asked before the disk grows for a depositor.
        own: Whether this is the notary, which takes up what it finds in packs. Anybody else makes rows
            that are missing in a folder that goes away.
        rows: Where those about packs lie, if not where they belong.
        reading: Whether nobody writes them meanwhile.
        require_here: Raises NotHere where the ciphertext is not here as a whole; by default its
            landmark is looked at.

    Raises InvalidInput, LedgerFault, StorageFailed.
    """
    with ExitStack() as stack:
        at = stack.enter_context(_places(directory, settings, server))
        where = rows or at(place.PACKS)
        made = not isinstance(where, Path) or where.exists()
        if not made and not own:
            folder = stack.enter_context(TemporaryDirectory(prefix="sealbook-packs-"))
            where, reading = Path(folder) / place.PACKS, False
        packs = PackDatabase(where, create=not isinstance(where, Path) or not made, reading=reading)
        stack.callback(packs.close)
        opened = open_packed(directory, settings, packs, room, require_here)
        if own or not made:
            opened.shelf.take_up(mend=own)
        yield opened


def open_packed(
    directory: Path,
    settings: Settings,
    packs: PackDatabase,
    room: DiskRoom | None = None,
    require_here: Callable[[], None] | None = None,
) -> PackedEnvelopes:
    """Return the ciphertext whose packs these rows are about. Raises InvalidInput, StorageFailed."""
    loose: LooseEnvelopes
    if settings.objects is None:
        loose = EnvelopeStore(directory / place.OBJECTS, room=room)
    else:
        bucket = open_bucket(settings.objects)
        loose = EnvelopeObjects(bucket, directory / place.UPLOADS, room=room)
    files = open_files(directory, settings, f"{place.OBJECTS}/{PACK_FOLDER}", 0o600)
    here = require_here or open_landmark(directory, settings).require
    return PackedEnvelopes(loose, PackShelf(packs, files, loose), here)
