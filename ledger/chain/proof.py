"""C2SP tlog-proof: that an entry is in a log, in one text that is checked offline.

    c2sp.org/tlog-proof@v1
    extra <base64>                         optional, vouched for by nobody
    index <decimal>
    <base64 hash>                          inclusion proof, the leaf's sibling first
                                           empty line
    <the signed checkpoint, verbatim>

Specification: https://c2sp.org/tlog-proof (text of 2026-05-22)
"""

from dataclasses import dataclass

from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import MAX_NOTE_SIZE, parse_note
from ledger.chain.policy import Policy, VerifiedCheckpoint, verify_note
from ledger.crypto.merkle import HASH_SIZE, MAX_PROOF_LENGTH, verify_inclusion
from ledger.encoding import b64decode, b64encode, parse_decimal
from ledger.errors import MalformedData

MAX_EXTRA_SIZE = 2**16
"""Bytes of extra data that are read."""
MAX_PROOF_SIZE = 2 * MAX_EXTRA_SIZE + MAX_NOTE_SIZE
"""Bytes of the whole text."""

_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof, not verified.

    Attributes:
        index: The entry's.
        hashes: The inclusion proof, 32 bytes each, the leaf's sibling first.
        note: The whole signed checkpoint.
        extra: At least one byte, or None. Not authenticated.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: str
    extra: bytes | None = None


def parse_proof(proof: str | bytes) -> TlogProof:
    """Return a proof whose checkpoint is well-formed and unverified. Raises MalformedData."""
    if len(proof) > MAX_PROOF_SIZE:
        raise MalformedData(f"the proof is over {MAX_PROOF_SIZE} bytes")
    try:
        text = proof.decode() if isinstance(proof, bytes) else proof
    except UnicodeError as error:
        raise MalformedData("the proof is not UTF-8") from error
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines.pop(0) != _HEADER or not separator:
        raise MalformedData(f"a proof begins with the line {_HEADER}")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = b64decode(lines.pop(0).removeprefix("extra "))
        if not 1 <= len(extra) <= MAX_EXTRA_SIZE:
            raise MalformedData(f"extra data has 1 to {MAX_EXTRA_SIZE} bytes")
    if not lines or not lines[0].startswith("index "):
        raise MalformedData("the proof does not state an index")
    index = parse_decimal(lines.pop(0).removeprefix("index "))
    if len(lines) > MAX_PROOF_LENGTH:
        raise MalformedData(f"an inclusion proof has at most {MAX_PROOF_LENGTH} hashes")
    hashes = tuple(b64decode(line) for line in lines)
    if any(len(each) != HASH_SIZE for each in hashes):
        raise MalformedData(f"the hashes of an inclusion proof have {HASH_SIZE} bytes")
    parse_checkpoint(parse_note(note).text)
    return TlogProof(index, hashes, note, extra)


def format_proof(proof: TlogProof) -> str:
    """Return the text of a proof, the inverse of `parse_proof`."""
    lines = [_HEADER]
    if proof.extra is not None:
        lines.append(f"extra {b64encode(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += map(b64encode, proof.hashes)
    return "\n".join(lines) + "\n\n" + proof.note


def verify_proof(policy: Policy, leaf_hash: bytes, proof: TlogProof) -> VerifiedCheckpoint:
    """Check that the leaf is in a tree that satisfies the policy, at the proof's index.

    1. The checkpoint satisfies the policy.
    2. The inclusion proof leads from the leaf to the checkpoint's root.

    Raises:
        MalformedData: The proof's note is no signed checkpoint.
        VerificationFailed: Step 1 or 2.
    """
    verified = verify_note(policy, proof.note)
    checkpoint = verified.checkpoint
    verify_inclusion(leaf_hash, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return verified
