"""How a deposit, its key and its account stand today: what entries under a signed checkpoint say.

One rule for the counter, the service and whoever asks next. What is stored and not yet signed does not
count, because a kill could still take it back.
"""

from dataclasses import asdict, dataclass
from typing import Any

from ledger.chain import statement as st
from ledger.chain.block import parse_block
from ledger.chain.office import parse_inspection, parse_notice, parse_revocation
from ledger.chain.replay import AccountKey
from ledger.chain.statement import parse_statement
from ledger.crypto.keys import thumbprint_ed25519
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.ledger_database import LedgerDatabase


@dataclass(frozen=True, slots=True)
class Revoked:
    """A revocation: its entry, the time of its block (POSIX seconds), one of `REASONS`."""

    index: int
    time: int
    reason: str


@dataclass(frozen=True, slots=True)
class DepositStanding:
    """Where a deposit stands among `size` signed entries, and how the key that signed it does.

    `index` is None where the deposit is not entered, `key` where the key is not enrolled.
    """

    size: int
    index: int | None
    key: AccountKey | None
    revoked: Revoked | None

    def as_dict(self) -> dict[str, Any]:
        """Return it for machines."""
        return {
            "entered": self.index is not None,
            "index": self.index,
            "key_revoked": None if self.key is None else self.revoked is not None,
            "revocation": self.revocation(self.revoked),
            "size": self.size,
        }

    def revocation(self, revoked: Revoked | None) -> dict[str, Any] | None:
        """Return a revocation for machines, and whether the deposit's entry comes before it."""
        if revoked is None:
            return None
        after = None if self.index is None else self.index < revoked.index
        return {**asdict(revoked), "after_deposit": after}


def standing_of(
    store: LedgerDatabase, signed: CheckpointDatabase, key_id: bytes, leaf: bytes
) -> DepositStanding:
    """Return how the deposit with this leaf hash stands, and the key with this thumbprint."""
    last = signed.last()
    size = 0 if last is None else last.size
    entry, key = store.entry(leaf), store.key(key_id)
    index = None if entry is None or entry.index >= size else entry.index
    if key is None or key.enrolled_index >= size:
        return DepositStanding(size, index, None, None)
    return DepositStanding(size, index, key, _revoked(store, signed, key))


def office_standing(
    store: LedgerDatabase, signed: CheckpointDatabase, key_id: bytes, leaf: bytes
) -> dict[str, Any]:
    """Return for the office alone: the same, the account's keys, inspections and notices since."""
    standing = standing_of(store, signed, key_id, leaf)
    account = None if standing.key is None else standing.key.account
    known = [] if account is None else store.keys_of(account)
    keys = [(key, _revoked(store, signed, key)) for key in known]
    since = -1 if standing.index is None else standing.index
    return {
        **standing.as_dict(),
        "account": account,
        "keys": [
            {
                "key": thumbprint_ed25519(key.public).hex(),
                "role": key.role,
                "enrolled": key.enrolled_index,
                "revoked": None if revoked is None else revoked.index,
                "revocation": standing.revocation(revoked),
            }
            for key, revoked in keys
            if key.enrolled_index < standing.size
        ],
        "inspections": [
            {"index": each.index, "scope": said.scope}
            for each in store.office(st.INSPECTION, since)
            for said in [parse_inspection(parse_statement(each.statement))]
            if said.leaf == leaf and each.index < standing.size
        ],
        "notices": [
            {"index": each.index, "text": parse_notice(parse_statement(each.statement)).text}
            for each in store.office(st.NOTICE, since)
            if each.index < standing.size
        ],
    }


def _revoked(store: LedgerDatabase, signed: CheckpointDatabase, key: AccountKey) -> Revoked | None:
    """Return a key's revocation; None where there is none under a signed checkpoint."""
    index = key.revoked_index
    closing = None if index is None else signed.covering(index)
    if index is None or closing is None:
        return None
    before = signed.at_height(closing.height - 1)
    start = 0 if before is None else before.size
    record, entry = store.read(start, start + 1)[0], store.read(index, index + 1)[0]
    reason = parse_revocation(parse_statement(entry.statement)).reason
    return Revoked(index, parse_block(parse_statement(record.statement)).time, reason)
