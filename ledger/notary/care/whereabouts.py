"""Whether the ciphertext of a ledger is where it should be, as a whole, and what of it is missing."""

from pathlib import Path

from ledger.errors import Conflict
from ledger.notary.care.payloads import payload_faults
from ledger.notary.entries import every_deposit, payloads_of
from ledger.notary.ports import no_hook
from ledger.notary.storage import directory as place
from ledger.notary.storage.landmark import Landmark, NotHere
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.packed import PackedEnvelopes
from ledger.notary.storage.stores import open_landmark, open_server
from ledger.quoted import quoted


def settle(landmark: Landmark, store: LedgerDatabase, envelopes: PackedEnvelopes) -> bool:
    """Return whether the ciphertext is here; make the landmark that an older release has not made.

    Raises StorageFailed.
    """
    here = is_here(landmark, store, envelopes)
    if here and not landmark.stands():
        landmark.put()
    return here


def is_here(landmark: Landmark, store: LedgerDatabase, envelopes: PackedEnvelopes) -> bool:
    """Return whether the ciphertext is here: its landmark, or what the oldest deposit names.

    It is, too, where nothing was deposited, or that was deleted. Raises StorageFailed.
    """
    if landmark.stands():
        return True
    if landmark.is_anothers():
        return False
    firsts = [
        (found[0], each) for each in store.accounts() if (found := store.deposits(each, -1, 1))
    ]
    if not firsts:
        return True
    oldest, account = min(firsts, key=lambda each: each[0].index)
    return all(
        envelopes.sizes(account, each.root)[1] is not None
        or envelopes.discarded(account, each.root) is not None
        for each in payloads_of(oldest)
    )


def require_here(landmark: Landmark, store: LedgerDatabase, envelopes: PackedEnvelopes) -> None:
    """Raise NotHere unless the ciphertext is here; StorageFailed."""
    if not is_here(landmark, store, envelopes):
        raise NotHere(landmark.gone)


def count_missing(store: LedgerDatabase, envelopes: PackedEnvelopes) -> int:
    """Return how many deposits name an age file that is not here in its size, and was not deleted."""
    return sum(
        any(
            True
            for payload in payloads_of(entry)
            for _ in payload_faults(envelopes, account, payload, read=False)
        )
        for account in store.accounts()
        for entry in every_deposit(store, account)
    )


def give_up_lost(directory: Path) -> None:
    """Take the place of the ciphertext as it is now for the right one: what is missing there is lost.

    Raises Conflict where that is known; InUse, NotFound, StorageFailed.
    """
    with place.lock(directory):
        place.settle(directory, no_hook)
        settings = place.read_settings(directory)
        with open_server(settings) as server:
            if server is not None:
                server.lead.require_alone()
                server.require_no_other()
            landmark = open_landmark(directory, settings)
            if landmark.stands():
                raise Conflict(
                    "This is the place where the deposited age files lie, so nothing has to be given "
                    "up for the notary to go on. `sealbook notary fsck` says what is missing there."
                )
            if landmark.is_anothers():
                raise Conflict(
                    f"{quoted(landmark.where)} says that the age files of another ledger lie here. "
                    "Mount the disk, or name the bucket, of this one. If the file is damaged, remove "
                    "it."
                )
            landmark.put()
