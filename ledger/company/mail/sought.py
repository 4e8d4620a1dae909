"""Captured mail by what is sealed of it: its sender and its Message-ID stand in manifests alone.

Each manifest has to be opened, so only so many are: the newest of those that fit all else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ledger.company.vault.finding import Wanted
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.company.vault.words import folded
from ledger.crypto.recipients import Identity
from ledger.errors import MalformedData, StorageFailed, VerificationFailed

MAX_OPENED = 2000
"""Manifests that are opened for one question."""
SENDERS = ("mail-from", "envelope-from")
MESSAGE_IDS = ("mail-message-id", "mail-journal-message-id")


@dataclass(frozen=True, slots=True)
class Sought:
    """The letters found; how many manifests were opened, of how many, and were not readable."""

    deposits: tuple[StoredDeposit, ...]
    opened: int
    candidates: int
    unreadable: int


def letters(
    vault: Vault,
    wanted: Wanted,
    identities: Sequence[Identity],
    sender: str,
    message_id: str,
    progress: Callable[[int], object] = lambda _: None,
) -> Sought:
    """Return the captured letters whose sender and Message-ID hold these texts, "" for any.

    Newest first, unless asked backwards.
    Case, width and accents make no difference.
    """
    newest = replace(
        wanted, pathless=True, sort="sealed", backwards=False, page=1, limit=MAX_OPENED
    )
    page = vault.page(newest)
    found: list[StoredDeposit] = []
    unreadable = 0
    for number, each in enumerate(page.deposits, 1):
        try:
            stated = each.manifest(tuple(identities)).cover.provenance
        except (VerificationFailed, MalformedData, StorageFailed):
            unreadable += 1
            continue
        senders = [value for name, value in stated if name in SENDERS]
        ids = [value for name, value in stated if name in MESSAGE_IDS]
        if _holds(senders, sender) and _holds(ids, message_id):
            found.append(each)
        progress(number)
    if wanted.backwards:
        found.reverse()
    return Sought(tuple(found), len(page.deposits), page.found, unreadable)


def _holds(values: Sequence[str], text: str) -> bool:
    wanted = " ".join(folded(text).split())
    return not wanted or any(wanted in " ".join(folded(each).split()) for each in values)
