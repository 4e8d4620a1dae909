"""C2SP tlog-cosignature: a witness's signature, with a time, over a checkpoint.

    signature = u64 time || Ed25519 (64 bytes) or ML-DSA-44 (2,420 bytes) signature over

    type 0x04:  "cosignature/v1\\ntime <time>\\n" || the checkpoint's text
    type 0x06:  "subtree/v1\\n\\0" || u8 length || cosigner name || u64 time
                || u8 length || origin || u64 start = 0 || u64 end = size || root

Both mean: as of that time (POSIX seconds, UTC), this was the largest tree consistent with all that
the cosigner had seen of the log. Type 0x06 with time 0 says nothing about time. Type 0x04 does not
commit to the cosigner's name, so an Ed25519 key serves one cosigner only. The log signs its own
checkpoints as type 0x06 too.

Specification: https://c2sp.org/tlog-cosignature (v1.1.0-rc.1, text of 2026-06-03)
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    Signature,
    VerifierKey,
    format_note,
    key_id,
    sign_note,
)
from ledger.crypto.keys import (
    ED25519_SIGNATURE_SIZE,
    ML_DSA_44_SIGNATURE_SIZE,
    Ed25519Signer,
    MlDsaKey,
    SigningKey,
    verify_ed25519,
    verify_ml_dsa_44,
)
from ledger.encoding import MAX_INTEGER, u64
from ledger.errors import VerificationFailed
from ledger.quoted import quoted

if TYPE_CHECKING:  # checkpoint.py signs through this module
    from ledger.chain.checkpoint import Checkpoint

TIME_SIZE = 8
MAX_TIME = MAX_INTEGER
"""POSIX seconds; the specification's limit is 2^63 - 1."""

_SUBTREE_LABEL = b"subtree/v1\n\0"


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that holds. `time` is what the signer stated, in POSIX seconds, None for nothing."""

    key: VerifierKey
    time: int | None


def cosign(checkpoint: "Checkpoint", name: str, key: SigningKey | MlDsaKey, time: int) -> Signature:
    """Return a signature line of type 0x04 (Ed25519) or 0x06 (ML-DSA-44) under `name`.

    Args:
        checkpoint: Shown to be consistent with all that this cosigner has signed for the origin.
        name: The cosigner's, 1 to 255 bytes of UTF-8.
        key: Decides the type.
        time: POSIX seconds, above 0.
    """
    if not 0 < time <= MAX_TIME:
        raise ValueError(f"{time} is no time to sign at")
    if isinstance(key, SigningKey):
        algorithm, message = COSIGNATURE_ED25519, _ed25519_message(checkpoint, time)
    else:
        algorithm, message = COSIGNATURE_ML_DSA_44, _ml_dsa_44_message(checkpoint, name, time)
    return Signature(name, key_id(name, algorithm, key.public), u64(time) + key.sign(message))


def verify_signature(key: VerifierKey, signature: Signature, checkpoint: "Checkpoint") -> Verified:
    """Check a signature of any of our three types over a checkpoint.

    Raises:
        VerificationFailed: It is another key's, or does not hold.
    """
    if (signature.name, signature.key_id) != (key.name, key.key_id):
        raise VerificationFailed(f"The signature is not one by {quoted(key.name)} with this key.")
    data = signature.signature
    try:
        if key.algorithm == ED25519:
            verify_ed25519(key.public, checkpoint.text.encode(), data)
            return Verified(key, None)
        if key.algorithm == COSIGNATURE_ED25519:
            time, data = _split_time(data, ED25519_SIGNATURE_SIZE)
            verify_ed25519(key.public, _ed25519_message(checkpoint, time), data)
            return Verified(key, time)
        if key.algorithm == COSIGNATURE_ML_DSA_44:
            time, data = _split_time(data, ML_DSA_44_SIGNATURE_SIZE)
            verify_ml_dsa_44(key.public, _ml_dsa_44_message(checkpoint, key.name, time), data)
            return Verified(key, time or None)
    except VerificationFailed as error:
        raise VerificationFailed(
            f"The signature by {quoted(key.name)} on the checkpoint of "
            f"{quoted(checkpoint.origin)} at size "
            f"{checkpoint.size} does not hold; the checkpoint was altered or is false."
        ) from error
    raise VerificationFailed(
        f"The key of {quoted(key.name)} is of type {key.algorithm:#04x}, which is not verified here."
    )


def newest_time(note: Note) -> int:
    """Return the newest time that an ML-DSA-44 line of a note states, unverified; 0 without one."""
    size = TIME_SIZE + ML_DSA_44_SIGNATURE_SIZE
    lines = [each.signature for each in note.signatures if len(each.signature) == size]
    return max((int.from_bytes(line[:TIME_SIZE], "big") for line in lines), default=0)


def _split_time(data: bytes, signature_size: int) -> tuple[int, bytes]:
    time = int.from_bytes(data[:TIME_SIZE], "big")
    if len(data) != TIME_SIZE + signature_size or time > MAX_TIME:
        raise VerificationFailed("a cosignature has the wrong length or an impossible time")
    return time, data[TIME_SIZE:]


def _ed25519_message(checkpoint: "Checkpoint", time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{checkpoint.text}".encode()


def _ml_dsa_44_message(checkpoint: "Checkpoint", name: str, time: int) -> bytes:
    return b"".join(
        (
            _SUBTREE_LABEL,
            _short(name.encode()),
            u64(time),
            _short(checkpoint.origin.encode()),
            u64(0),
            u64(checkpoint.size),
            checkpoint.root,
        )
    )


def _short(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def sign_checkpoint(
    checkpoint: Checkpoint,
    ed25519: Ed25519Signer,
    ml_dsa: MlDsaKey,
    time: int,
    *successors: tuple[Ed25519Signer, MlDsaKey],
) -> str:
    """Return the signed note with the log's two lines, Ed25519 first.

    Args:
        checkpoint: Consistent with every checkpoint signed before; this is not checked here.
        ed25519: The log key of type 0x01.
        ml_dsa: The log key of type 0x06.
        time: POSIX seconds, stated in the ML-DSA-44 line.
        successors: Keys that are to take the place of those two, whose lines stand behind theirs.
    """
    name = checkpoint.origin
    lines = [
        line
        for log, cosigner in ((ed25519, ml_dsa), *successors)
        for line in (
            sign_note(checkpoint.text, name, log),
            cosign(checkpoint, name, cosigner, time),
        )
    ]
    return format_note(Note(checkpoint.text, tuple(lines)))
