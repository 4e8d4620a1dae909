"""Whether an evidence record covers a document, since when, and until when it holds.

Specification: RFC 4998 sections 4.3 and 5.3.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.chain.renewal.record import HASHES, Chain, EvidenceRecord, format_chains
from ledger.chain.renewal.tree import root_of
from ledger.chain.timestamp.authority import Authority, Doubts
from ledger.chain.timestamp.token import Token, algorithm_oid
from ledger.chain.timestamp.verifying import NotTrusted, VerifiedToken, verify_token
from ledger.crypto import der
from ledger.errors import VerificationFailed
from ledger.quoted import quoted

Digests = Callable[[str], bytes]
"""The hash of one document under the function of that name."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The tokens of a record that covers its documents, oldest first; only `covered` makes one.

    Nothing is said of their signatures. `others` counts what the record covers in one group with the
    documents: where it is 0, they are all of it.
    """

    tokens: tuple[Token, ...]
    others: int


@dataclass(frozen=True, slots=True)
class VerifiedRecord:
    """A record that holds; only `verify_record` makes one. Times are POSIX seconds.

    `tokens` are those that count, oldest first: the documents existed by `since`. After `until`
    something newer must show that the record did. `left_out` says why other tokens do not count.
    """

    tokens: tuple[VerifiedToken, ...]
    others: int
    since: int
    until: int
    left_out: tuple[str, ...]


def hashes_used(record: EvidenceRecord) -> set[str]:
    """Return the names of the hash functions that a document's digests are asked of."""
    return {chain[0].algorithm for chain in record.chains} & set(HASHES.values())


def covered(record: EvidenceRecord, *documents: Digests) -> Coverage:
    """Return the tokens of a record that covers these documents, as one group where there are more.

    Every chain is followed: its first timestamp covers the documents and all chains before it, each
    other one the token before it. Raises VerificationFailed.
    """
    named = {algorithm_oid(der.read(each)) for each in record.algorithms}
    tokens: list[Token] = []
    for number, chain in enumerate(record.chains):
        algorithm = chain[0].algorithm
        if algorithm not in HASHES.values():
            raise VerificationFailed(
                f"an evidence record uses a hash function that is not verified here: {algorithm}"
            )
        for position, each in enumerate(chain):
            if each.algorithm != algorithm:
                raise VerificationFailed("a chain of an evidence record mixes hash functions")
            identifier = algorithm_oid(der.read(each.identifier))
            if identifier not in named or identifier != algorithm_oid(
                der.read(each.token.imprint_identifier)
            ):
                raise VerificationFailed(
                    "an evidence record names other hash functions than its timestamps use"
                )
            if position:
                leaves = [hashlib.new(algorithm, chain[position - 1].token.der).digest()]
            else:
                older = record.chains[:number]
                leaves = [renewed_leaf(algorithm, of(algorithm), older) for of in documents]
            if root_of(algorithm, each.lists, leaves) != each.token.imprint:
                if not each.reduced:
                    raise VerificationFailed(
                        "a timestamp token is for something else: its hash is another one"
                    )
                raise VerificationFailed(
                    "a timestamp of an evidence record is over another hash tree than stands there"
                )
            if tokens and each.token.latest() < tokens[-1].earliest():
                raise VerificationFailed(
                    "the timestamps of an evidence record are not in the order of time"
                )
            tokens.append(each.token)
    first = record.chains[0][0].lists
    return Coverage(tuple(tokens), len(first[0]) - len(documents) if first else 0)


def renewed_leaf(algorithm: str, digest: bytes, older: Sequence[Chain]) -> bytes:
    """Return what a chain's first timestamp covers: a document and the chains before it.

    The document's hash stands first, as it is (RFC 4998 section 5.2).
    """
    if not older:
        return digest
    chains = hashlib.new(algorithm, format_chains(tuple(older))).digest()
    return hashlib.new(algorithm, digest + chains).digest()


def verify_record(
    record: EvidenceRecord,
    documents: Sequence[Digests],
    authorities: Sequence[Authority],
    validation: Sequence[bytes] = (),
    doubts: Doubts = (),
    *,
    shown: int | None = None,
) -> VerifiedRecord:
    """Return since when a record shows that documents existed, and until when it does.

    A token counts by the word of an authority that is trusted, where the next one that counts shows it
    to have existed while it stood. Each token covers all that is older, also what does not count: so a
    token that is left out makes the record show less and never something else. `validation` are
    certificates, CRLs and OCSP responses beside those in the tokens, `doubts` the hash functions that
    the verifier trusts no more. `shown` is as for `verify_token`.

    Raises NotTrusted where no token counts, and VerificationFailed, MalformedData, TooLarge.
    """
    coverage = covered(record, *documents)
    found: list[VerifiedToken] = []
    left_out: list[NotTrusted] = []
    for token in reversed(coverage.tokens):
        newer = found[-1].latest if found else shown
        try:
            each = verify_token(
                token, token.imprint, authorities, validation, shown=newer, doubts=doubts
            )
            if found and found[-1].latest > each.until:
                raise NotTrusted(
                    f"the timestamp of {quoted(each.authority)} in an evidence record was renewed "
                    "when it no longer held"
                )
        except NotTrusted as error:
            left_out.append(error)
        else:
            found.append(each)
    if not found:
        raise left_out[0]
    return VerifiedRecord(
        tuple(reversed(found)),
        coverage.others,
        found[-1].latest,
        found[0].until,
        tuple(map(str, reversed(left_out))),
    )
