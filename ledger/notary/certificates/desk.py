"""The desk where certificates are issued, of a notary that is open here or served elsewhere."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from ledger.chain.trust import Trust
from ledger.notary.anchoring.authorities import read_authority
from ledger.notary.certificates.issuing import Desk, Execute
from ledger.notary.certificates.signing import Sealing
from ledger.notary.ports import NotaryKeys
from ledger.notary.storage.directory import Settings
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.validation import ValidationStore


@dataclass(frozen=True, slots=True)
class Office:
    """What a notary's directory holds of what a desk needs; `trust_file` are the bytes of `trust`."""

    settings: Settings
    keys: NotaryKeys
    trust_file: bytes
    trust: Trust
    store: LedgerDatabase
    validation: ValidationStore


def make_desk(office: Office, execute: Execute, now: Callable[[], float]) -> Desk:
    """Return the desk. Raises InvalidInput where an authority's certificate cannot be read."""
    settings = office.settings

    def entry(leaf: bytes) -> bytes | None:
        found = office.store.entry(leaf)
        return None if found is None else found.statement

    sealing = Sealing(
        office.keys.seal,
        office.keys.chain,
        office.trust.seals,
        tuple((each.url, read_authority(each)) for each in settings.timestamps),
        office.validation.pick,
        os.urandom,
        now,
    )
    return Desk(execute, sealing, office.trust_file, settings.portal, entry, now)
