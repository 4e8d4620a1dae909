"""Where the high-water mark is kept from now on. The service must not run meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ledger.errors import Conflict, NotFound, NotSigning, StorageFailed
from ledger.notary.care.copying import storage
from ledger.notary.certificates.register import read_reserved
from ledger.notary.ports import SignedCheckpoint, no_hook
from ledger.notary.selfcheck import read_trust
from ledger.notary.sequencing.forks import require_high_water
from ledger.notary.storage import directory as place
from ledger.notary.storage.highwater import open_high_water, parse_high_water
from ledger.notary.storage.stores import open_books, open_server
from ledger.quoted import quoted

T = TypeVar("T")


def keep_high_water(directory: Path, named: str | None, *, anew: bool) -> SignedCheckpoint:
    """Keep the mark at a place from now on, None for nowhere; return at which checkpoint it stands.

    `anew` makes a mark that was lost, or one of its files. Raises LedgerFault where the place tells of
    more than was signed here; Conflict where it lies with what it is to guard; NotFound where the mark
    that notary.toml names is gone or damaged; InUse, InvalidInput, StorageFailed.
    """
    wanted = parse_high_water(named)
    with storage(directory), place.lock(directory):
        place.settle(directory, no_hook)
        settings = place.read_settings(directory)
        _, trust = read_trust(directory / settings.trust_file)
        _require_elsewhere(directory, settings.objects, wanted)
        with open_server(settings) as server:
            if server is not None:
                server.lead.require_alone()
            with open_books(directory, settings, server) as (store, signed):
                last = signed.last()
                if last is None:
                    raise NotFound("No checkpoint was signed; run `sealbook notary fsck`.")
                number = max(read_reserved(directory), store.highest_certificate())
                mark = open_high_water(wanted, settings.origin)
                if mark is not None:
                    there = mark.is_there()
                    if not there and settings.high_water == wanted and not anew:
                        raise NotFound(
                            f"There is no high-water mark at {quoted(wanted)}, which notary.toml names "
                            "already. Mount its medium. Only if it is lost for good, and no other copy "
                            "of this notary can have signed, make it anew with --anew."
                        )
                    maybe_lost = anew or not there
                    note = _held(mark.note, maybe_lost=maybe_lost)
                    if note is not None:
                        require_high_water(trust, last, signed.at_size, note)
                    held = _held(mark.number, maybe_lost=maybe_lost)
                    mark.begin(last.note, number if held is None else max(number, held))
        if settings.high_water != wanted:
            place.name_places(directory, high_water=wanted)
    return last


def _held(read: Callable[[], T], *, maybe_lost: bool) -> T | None:
    """Return what a file of the mark holds; None where it is lost, if it may be.

    Raises NotFound; StorageFailed where its place does not answer, which says nothing about the mark.
    """
    try:
        return read()
    except NotSigning as error:
        if isinstance(error.__cause__, StorageFailed):
            raise error.__cause__ from None
        if maybe_lost:
            return None
        raise NotFound(error.detail) from error


def _require_elsewhere(directory: Path, objects: str | None, wanted: str | None) -> None:
    if wanted is None:
        return
    inside = not wanted.startswith("s3://") and Path(wanted).resolve().is_relative_to(
        directory.resolve()
    )
    if inside or (objects is not None and wanted.partition("?")[0] == objects.partition("?")[0]):
        raise Conflict(
            f"{quoted(wanted)} lies with the ledger itself, and goes back with it. Name a folder on "
            "another medium, or another bucket."
        )
