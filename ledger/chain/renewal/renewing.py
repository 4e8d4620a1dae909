"""What a renewal covers, and the record that comes of it.

Whoever holds a file can renew: no key is needed and no notary. Many files are renewed under one token.

Specification: RFC 4998 section 5.2.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum

from ledger.chain.renewal.record import EvidenceRecord, archive_timestamp
from ledger.chain.renewal.verifying import renewed_leaf
from ledger.chain.timestamp.token import Token
from ledger.errors import VerificationFailed

ALGORITHM = "sha512"
"""The hash function of every renewal."""


class Kind(Enum):
    """What a renewal does to what was there."""

    FIRST = "first"
    TIMESTAMP = "timestamp"
    HASH_TREE = "hash-tree"


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewal to make: `leaf` is the hash that its token has to cover."""

    kind: Kind
    leaf: bytes
    record: EvidenceRecord | None


def plan_renewal(
    record: EvidenceRecord | None, digest: bytes, *, hash_tree: bool = False
) -> Renewal:
    """Return how a document is renewed.

    The last token is covered where the hash function stays; the document and every chain anew where
    it does not, or where `hash_tree` asks for that.

    Args:
        record: What there is, which covers the document.
        digest: The document's SHA-512.
        hash_tree: Whether the older hash function is doubted.
    """
    if record is None:
        return Renewal(Kind.FIRST, digest, None)
    last = record.chains[-1][-1]
    if hash_tree or last.algorithm != ALGORITHM:
        return Renewal(Kind.HASH_TREE, renewed_leaf(ALGORITHM, digest, record.chains), record)
    return Renewal(Kind.TIMESTAMP, hashlib.sha512(last.token.der).digest(), record)


def renew(renewal: Renewal, branch: bytes, token: Token) -> EvidenceRecord:
    """Return the record after a renewal, from the branch of its leaf and the token over the root.

    Raises VerificationFailed where the token is older than the record.
    """
    new = archive_timestamp(branch, token)
    old = renewal.record
    if old is None:
        return EvidenceRecord((new.identifier,), (), ((new,),))
    if token.latest() < old.chains[-1][-1].token.earliest():
        raise VerificationFailed("the new timestamp is older than the last one of the record")
    if renewal.kind is Kind.TIMESTAMP:
        chains = (*old.chains[:-1], (*old.chains[-1], new))
    else:
        chains = (*old.chains, (new,))
    algorithms = old.algorithms
    if new.identifier not in algorithms:
        algorithms = (*algorithms, new.identifier)
    return EvidenceRecord(algorithms, old.infos, chains)
