"""The stores of a notary: the one place that opens them, from its directory and its settings.

Whoever needs all of them takes `open_stores`; a command that runs beside the service takes the one that
it needs. Care for files that are no notary's yet, or no more, opens those by their paths.
"""

# ruff: noqa: ARG001 - settings will choose the engines

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.notary.storage import directory as place
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.desk import StaffDesk, open_staff_desk
from ledger.notary.storage.directory import Settings
from ledger.notary.storage.envelopes import EnvelopeStore
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.logfiles import LogFolder
from ledger.notary.storage.office import OfficeDatabase
from ledger.notary.storage.records import RecordFolder
from ledger.notary.storage.room import DiskRoom
from ledger.notary.storage.validation import ValidationFolder


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that a notary keeps. `office` and `desk` are None where nothing may be written."""

    ledger: LedgerDatabase
    signed: CheckpointDatabase
    office: OfficeDatabase | None
    desk: StaffDesk | None
    anchors: AnchorDatabase | None
    log: LogFolder
    records: RecordFolder
    envelopes: EnvelopeStore
    validation: ValidationFolder


@contextmanager
def open_stores(
    directory: Path,
    settings: Settings,
    room: DiskRoom,
    now: Callable[[], float],
    random: Callable[[int], bytes],
    *,
    anchoring: bool,
    reading: bool = False,
) -> Iterator[Stores]:
    """Yield the stores of a notary, closed at the end.

    Args:
        directory: The notary's own.
        settings: Its notary.toml.
        room: What is asked before the disk grows for a depositor.
        now: POSIX seconds.
        random: Returns that many random bytes.
        anchoring: Whether anchors are made: their store is made where there is none.
        reading: Whether nothing is written at all.

    Raises LedgerFault, StorageFailed.
    """
    with ExitStack() as stack:
        ledger, signed = stack.enter_context(open_books(directory, settings, reading=reading))
        office = desk = anchors = None
        if not reading:
            office = stack.enter_context(open_office(directory, settings))
            desk = stack.enter_context(open_desk(directory, settings, now, random))
        if (directory / place.ANCHORS).exists() or (anchoring and not reading):
            anchors = AnchorDatabase(directory / place.ANCHORS, reading=reading)
            stack.callback(anchors.close)
        yield Stores(
            ledger,
            signed,
            office,
            desk,
            anchors,
            open_log(directory, settings),
            open_records(directory, settings),
            open_envelopes(directory, settings, room),
            ValidationFolder(directory / place.VALIDATION),
        )


@contextmanager
def open_books(
    directory: Path, settings: Settings, *, create: bool = False, reading: bool = False
) -> Iterator[tuple[LedgerDatabase, CheckpointDatabase]]:
    """Yield the entries and the signed checkpoints. Raises LedgerFault, StorageFailed."""
    with ExitStack() as stack:
        ledger = LedgerDatabase(directory / place.LEDGER, create=create, reading=reading)
        stack.callback(ledger.close)
        signed = CheckpointDatabase(directory / place.CHECKPOINTS, create=create, reading=reading)
        stack.callback(signed.close)
        yield ledger, signed


@contextmanager
def open_office(directory: Path, settings: Settings) -> Iterator[OfficeDatabase]:
    """Yield what passes between processes. Raises StorageFailed."""
    office = OfficeDatabase(directory / place.OFFICE)
    try:
        yield office
    finally:
        office.close()


@contextmanager
def open_desk(
    directory: Path,
    settings: Settings,
    now: Callable[[], float] = time.time,
    random: Callable[[int], bytes] = os.urandom,
) -> Iterator[StaffDesk]:
    """Yield the office's desk. Raises StorageFailed."""
    desk = open_staff_desk(
        directory / place.DESK, settings.origin, directory / place.REQUESTS, now, random
    )
    try:
        yield desk
    finally:
        desk.close()


def open_log(directory: Path, settings: Settings) -> LogFolder:
    """Return the log's static files."""
    return LogFolder(directory / place.LOG)


def open_records(directory: Path, settings: Settings) -> RecordFolder:
    """Return the identity records."""
    return RecordFolder(directory / place.RECORDS)


def open_envelopes(
    directory: Path, settings: Settings, room: DiskRoom | None = None
) -> EnvelopeStore:
    """Return the ciphertext that depositors have uploaded."""
    return EnvelopeStore(directory / place.OBJECTS, room=room)
