"""Asking a witness to cosign a checkpoint (C2SP tlog-witness, the log's side).

Specification: https://c2sp.org/tlog-witness (add-checkpoint)
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from ledger.chain.checkpoint import Checkpoint, parse_checkpoint
from ledger.chain.cosignature import verify_signature
from ledger.chain.note import Note, Signature, VerifierKey, parse_note, parse_signature
from ledger.chain.policy import Policy, by_address
from ledger.chain.witnessing import ADD, CLOCKS_APART, SIZE_TYPE, format_request
from ledger.encoding import parse_decimal
from ledger.errors import (
    LedgerFault,
    MalformedData,
    SealbookError,
    Unavailable,
    VerificationFailed,
)
from ledger.quoted import quoted
from ledger.wire.web import Answer, post

MAX_LINES = 16

Proof = Callable[[int], tuple[bytes, ...]]
"""Returns the consistency proof from a size to that of the checkpoint."""


class Contradicted(LedgerFault):
    """A witness has seen a longer or another history of this ledger than this notary has."""


@dataclass(slots=True)
class Witness:
    """A witness at one address, with its keys by their names in the policy.

    `size` is what it has cosigned last, as far as is known here.
    """

    url: str
    keys: dict[str, VerifierKey]
    size: int = 0


def witnesses_of(policy: Policy) -> list[Witness]:
    """Return the witnesses of a policy that have an address. One may have several keys."""
    return [
        Witness(url, {each.name: each.key for each in found})
        for url, found in by_address(policy).items()
    ]


def ask(witness: Witness, note: str, proof: Proof, newest: int, now: float) -> list[Signature]:
    """Return the witness's lines over a signed checkpoint that it is asked to cosign.

    `newest` is the size of the newest signed checkpoint, `now` POSIX seconds. Raises Unavailable
    where there is none to be had, Contradicted where the witness knows another history.
    """
    checkpoint = parse_checkpoint(parse_note(note).text)
    answer = _post(witness, note, proof)
    if answer.status == 409:
        witness.size = _size(witness, answer)
        if witness.size > newest:
            raise Contradicted(
                f"The witness {quoted(witness.url)} has cosigned {witness.size} entries of this "
                f"ledger, and the newest checkpoint here is over {newest}."
            )
        if witness.size > checkpoint.size:
            raise Unavailable(f"{quoted(witness.url)} has cosigned a newer checkpoint meanwhile.")
        answer = _post(witness, note, proof)
    if answer.status == 422:
        raise Contradicted(
            f"The witness {quoted(witness.url)} says that the checkpoint over {checkpoint.size} "
            "entries does not follow from what it has cosigned before."
        )
    if answer.status != 200:
        raise Unavailable(f"{quoted(witness.url)} cosigns nothing: status {answer.status}.")
    found = list(_lines(answer.body, witness.keys.values(), checkpoint, now))
    if not found:
        raise Unavailable(
            f"{quoted(witness.url)} answers without a cosignature of now by a key of the trust file."
        )
    witness.size = checkpoint.size
    return found


def cosigned(url: str, note: str) -> int | None:
    """Return how many entries a witness says that it has cosigned, None where it says nothing."""
    try:
        answer = post(url + ADD, format_request(0, (), note))
    except SealbookError:
        return None
    return said_size(answer)


def said_size(answer: Answer) -> int | None:
    """Return how many entries a witness says that it has cosigned, to who claims to know of none."""
    if answer.status == 200:
        return 0
    with suppress(MalformedData, UnicodeDecodeError):
        if answer.status == 409 and answer.kind == SIZE_TYPE:
            return parse_decimal(answer.body.decode().removesuffix("\n"))
    return None


def extended(note: Note, signatures: Iterable[Signature]) -> Note:
    """Return a note with lines added behind those that it has, one for each key."""
    have = {(each.name, each.key_id): each for each in note.signatures}
    for each in signatures:
        have.setdefault((each.name, each.key_id), each)
    return Note(note.text, tuple(have.values()))


def _post(witness: Witness, note: str, proof: Proof) -> Answer:
    body = format_request(witness.size, proof(witness.size), note)
    return post(witness.url + ADD, body)


def _size(witness: Witness, answer: Answer) -> int:
    size = said_size(answer)
    if size is not None:
        return size
    raise Unavailable(f"{quoted(witness.url)} refuses, and does not say what it has cosigned.")


def _lines(
    body: bytes, keys: Iterable[VerifierKey], checkpoint: Checkpoint, now: float
) -> Iterable[Signature]:
    """Yield the lines that hold, by known keys, with a time of now."""
    by_id = {(key.name, key.key_id): key for key in keys}
    for line in body.decode(errors="replace").split("\n")[:MAX_LINES]:
        with suppress(MalformedData, VerificationFailed, KeyError):
            signature = parse_signature(line)
            key = by_id[signature.name, signature.key_id]
            time = verify_signature(key, signature, checkpoint).time
            if time is not None and time > 0 and abs(time - now) <= CLOCKS_APART:
                yield signature
