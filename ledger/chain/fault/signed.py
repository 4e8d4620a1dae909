"""Checkpoints as the log alone has signed them; no quorum is asked."""

from dataclasses import dataclass
from itertools import chain

from ledger.chain.checkpoint import Checkpoint, parse_checkpoint
from ledger.chain.cosignature import Verified, verify_signature
from ledger.chain.note import (
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    format_note,
    parse_note,
)
from ledger.chain.trust import Trust
from ledger.errors import VerificationFailed
from ledger.quoted import quoted


@dataclass(frozen=True, slots=True)
class SignedByLog:
    """A checkpoint that keys of the log have signed, and which; at least one."""

    checkpoint: Checkpoint
    keys: tuple[Verified, ...]

    @property
    def time(self) -> int | None:
        """The time that the ML-DSA-44 line states, POSIX seconds, None without such a line."""
        times = [
            each.time
            for each in self.keys
            if each.key.algorithm == COSIGNATURE_ML_DSA_44 and each.time is not None
        ]
        return max(times) if times else None


def signed_by_log(trust: Trust, note: str) -> SignedByLog:
    """Return a checkpoint of the ledger with the log's own signatures that hold; no quorum is asked.

    Raises MalformedData, or VerificationFailed where a line does not hold or there is none of the log.
    """
    parsed = parse_note(note)
    checkpoint = parse_checkpoint(parsed.text)
    policy = trust.policy_at(checkpoint.size)
    keys = {
        (key.name, key.key_id): key
        for key in chain((log.key for log in policy.logs), (each.key for each in policy.witnesses))
        if key.name == trust.origin
    }
    verified = tuple(
        verify_signature(keys[name], signature, checkpoint)
        for signature in parsed.signatures
        if (name := (signature.name, signature.key_id)) in keys
    )
    if checkpoint.origin != trust.origin or not verified:
        raise VerificationFailed(
            f"A note in it is not signed by a key that the trust file lists for {quoted(trust.origin)}."
        )
    return SignedByLog(checkpoint, verified)


def signed_by_both(trust: Trust, note: str) -> SignedByLog:
    """Return `signed_by_log` where keys of both kinds have signed. Raises what that raises."""
    signed = signed_by_log(trust, note)
    if {each.key.algorithm for each in signed.keys} != {ED25519, COSIGNATURE_ML_DSA_44}:
        raise VerificationFailed(
            f"The checkpoint of {quoted(trust.origin)} at size {signed.checkpoint.size} is not signed "
            "by both keys of the log."
        )
    return signed


def log_note(trust: Trust, note: str) -> str:
    """Return a note with the log's own lines alone, in their order: what the next block names."""
    parsed = parse_note(note)
    own = tuple(each for each in parsed.signatures if each.name == trust.origin)
    return format_note(Note(parsed.text, own))
