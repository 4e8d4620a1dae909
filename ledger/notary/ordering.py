"""A command of the office: carried out here, or by the process that serves the notary's directory."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from ledger.errors import NotFound
from ledger.notary.care.whereabouts import require_here
from ledger.notary.leaving import ORDER_PATIENCE, leave
from ledger.notary.notary import open_notary
from ledger.notary.orders import READS, BackedUp, Backup, Enroll, Order
from ledger.notary.seeing import see
from ledger.notary.selfcheck import read_trust, require_own
from ledger.notary.storage import directory as place
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.directory import InUse, Settings
from ledger.notary.storage.room import DiskRoom
from ledger.notary.storage.stores import (
    open_books,
    open_envelopes,
    open_landmark,
    open_office,
    open_records,
    open_server,
    open_validation,
    require_not_moved,
)
from ledger.notary.storage.stores import open_desk as open_staff_desk
from ledger.notary.system_clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from ledger.notary.certificates.issuing import Desk

A = TypeVar("A")


def command(
    directory: Path,
    order: Order[A],
    *,
    patience: float = ORDER_PATIENCE,
    record: bytes | None = None,
) -> A:
    """Carry out a command of the office: here, or by the process that serves the directory.

    What only reads (`READS`) opens the ledger to be read, which signs nothing: what waits to be entered
    is entered by the service, or by a command that enters something itself.

    Args:
        directory: The notary's.
        order: The command.
        patience: Seconds to wait for the serving process.
        record: An identity record for `Enroll`; it never passes through a database.

    Raises what the command raises, or Refused with its words when another process refused; Unavailable
    when no process answers in time.
    """
    settings = place.read_settings(directory)
    if isinstance(order, Backup) and settings.database is not None:
        return cast("A", BackedUp(_back_up(directory, settings, Path(order.destination))))
    reads = isinstance(order, READS)
    if reads:
        room = DiskRoom(directory)
        try:
            with _alone(settings), open_notary(directory, reading=True, room=room) as notary:
                return notary.execute(order)
        except InUse:
            if isinstance(order, Backup):
                order = cast("Order[A]", replace(order, above=see(Path(order.destination))))
            return _leave(directory, order, patience)
    with _staged(directory, record, order) as full:
        try:
            with open_notary(directory) as notary:
                return notary.execute(full)
        except InUse:
            return _leave(directory, full, patience)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the right to write to rows on a server, so that nobody serves them. Raises InUse."""
    with open_server(settings) as server:
        if server is not None:
            server.lead.require_alone()
            server.place()
        yield


def _back_up(directory: Path, settings: Settings, destination: Path) -> int:
    """Make a backup here, beside the processes that share the ledger; return how many entries it has.

    What it is made from are rows under the last checkpoint and files that were durable before: nobody
    has to stand still for it.
    """
    from ledger.notary.care.backup import Books, backup, note_backup

    require_not_moved(settings)
    with (
        open_server(settings) as server,
        open_books(directory, settings, server) as (store, signed),
        closing(AnchorDatabase(server or directory / place.ANCHORS)) as anchors,
        open_staff_desk(directory, settings, server) as desk,
        open_envelopes(directory, settings, server) as envelopes,
    ):
        last, now = signed.last(), SYSTEM_CLOCK.wall()
        if last is None:
            raise NotFound("No checkpoint was signed; run `sealbook notary fsck`.")
        books = Books(store, signed, anchors, desk, last)
        landmark = open_landmark(directory, settings)
        backup(
            directory,
            settings,
            destination,
            books,
            now,
            DiskRoom(directory),
            threading.Event(),
            lambda: require_here(landmark, store, envelopes),
        )
    note_backup(directory, now, last.size, destination)
    return last.size


@contextmanager
def open_desk(directory: Path) -> Iterator["Desk"]:
    """Open the desk where certificates are issued, beside the process that serves where there is one.

    Raises what `open_notary` raises, but for InUse.
    """
    try:
        notary = open_notary(directory)
    except InUse:
        with _beside(directory) as desk:
            yield desk
    else:
        with notary:
            yield notary.desk()


@contextmanager
def _beside(directory: Path) -> Iterator["Desk"]:
    from ledger.notary.certificates.desk import Office, make_desk

    settings = place.read_settings(directory)
    data, trust = read_trust(directory / settings.trust_file)
    keys = place.read_keys(directory, settings, trust)
    require_own(keys, trust)
    validation = open_validation(directory, settings)
    with open_books(directory, settings) as (store, _):
        office = Office(settings, keys, data, trust, store, validation)
        yield make_desk(office, partial(_leave, directory), SYSTEM_CLOCK.wall)


def _leave(directory: Path, order: Order[A], patience: float = ORDER_PATIENCE) -> A:
    with open_office(directory, place.read_settings(directory)) as office:
        return leave(office, order, partial(_is_served, directory), patience)


def _is_served(directory: Path) -> bool:
    try:
        place.lock(directory).release()
    except InUse:
        return True
    return False


@contextmanager
def _staged(directory: Path, record: bytes | None, order: Order[A]) -> Iterator[Order[A]]:
    if record is None or not isinstance(order, Enroll):
        yield order
        return
    records = open_records(directory, place.read_settings(directory))
    token = records.stage(record)
    try:
        yield cast("Order[A]", replace(order, staged=token))
    finally:
        records.unstage(token)
