"""When and why a key was revoked, as the ledger's entry and the record of its block say."""

from dataclasses import dataclass

from ledger.chain.block import parse_block
from ledger.chain.office import parse_revocation
from ledger.chain.replay import AccountKey
from ledger.chain.statement import parse_statement
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.ledger_database import LedgerDatabase


@dataclass(frozen=True, slots=True)
class Revoked:
    """A revocation: its entry, the time of its block (POSIX seconds), one of `REASONS`."""

    index: int
    time: int
    reason: str

    def follows(self, deposit: int | None) -> bool | None:
        """Return whether a deposit's entry comes before the revocation; None without an entry."""
        return None if deposit is None else deposit < self.index


def find_revoked(
    store: LedgerDatabase, signed: CheckpointDatabase, key: AccountKey | None
) -> Revoked | None:
    """Return a key's revocation; None where there is none under a signed checkpoint."""
    if key is None or key.revoked_index is None:
        return None
    index = key.revoked_index
    closing = signed.covering(index)
    if closing is None:
        return None
    before = signed.at_height(closing.height - 1)
    start = 0 if before is None else before.size
    record, entry = store.read(start, start + 1)[0], store.read(index, index + 1)[0]
    reason = parse_revocation(parse_statement(entry.statement)).reason
    return Revoked(index, parse_block(parse_statement(record.statement)).time, reason)
