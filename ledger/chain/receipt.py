"""Receipts: one file, `*.receipt`, a SCITT Transparent Statement (RFC 9943).

The depositor's statement, with this unprotected header:

    394: [bstr .cose COSE Receipt]
    "sealbook": {
        "proof":     tstr   ; C2SP tlog-proof: the deposit's index and path, and the signed checkpoint
        "block":     [statement, index, [* hash]]
        "enrolment": [statement, index, [* hash], identity record / null]
        "tokens":    [* own, * token]    ; token: over the first lines of this checkpoint: not after
        "earlier":   [note: tstr, token] / null    ; one that the block record names: not before
        "validation": [* bstr]    ; certificates, revocation lists and OCSP responses, DER
    }
    token = [lines: uint, bstr]   ; over the note cut after its first `lines` lines, DER: RFC 3161, or,
                                  ; where it was renewed, the RFC 4998 record that begins with it
    own   = [0, bstr]             ; over the statement, taken by the depositor while it waited

Every proof leads to the one checkpoint. Software that knows only RFC 9942, or only tlog-proof, checks
its half; `ledger.verify` requires that both halves agree.
"""

from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ledger.chain.block import MAX_TOKENS
from ledger.chain.note import MAX_SIGNATURES
from ledger.chain.proof import TlogProof, format_proof, parse_proof
from ledger.chain.seal import RECEIPTS, parse_path
from ledger.crypto import cose
from ledger.errors import MalformedData

if TYPE_CHECKING:
    from ledger.chain.timestamp.token import Token

MAX_RECEIPT = 1 << 20
"""Bytes. Three statements of at most 64 KiB, proofs and a note with cosignatures stay well below."""

MAX_OWN = 4
"""Tokens of the depositor's: one of each authority that was asked."""
MAX_VALIDATION_ITEMS = 64
"""Certificates, lists and responses; what they may have in bytes, a receipt's limit says."""

MEDIA_TYPE = "application/scitt-statement+cose"


@dataclass(frozen=True, slots=True)
class Position:
    """An entry's index and its inclusion proof under the receipt's checkpoint."""

    index: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A timestamp token in DER, over SHA-256 of a note cut after its first `lines` signature lines.

    `lines` is never fewer than the log's own, so that cosignatures may come later. A token that was
    renewed stands there as the evidence record that begins with it.
    """

    lines: int
    der: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the first token: what a block record names it by. Raises MalformedData."""
        return sha256(self.first.der).digest()

    @property
    def first(self) -> "Token":
        """The token itself, without its renewals. Raises MalformedData and TooLarge."""
        from ledger.chain.renewal.record import parse_stamp  # not loaded for receipts without

        return parse_stamp(self.der).chains[0][0].token


@dataclass(frozen=True, slots=True)
class Earlier:
    """A token that the block record names, and the note that it is over."""

    note: str
    token: TokenEntry


@dataclass(frozen=True, slots=True)
class Times:
    """What of a receipt says when: tokens over its checkpoint, one from before its block.

    `validation`, certificates, revocation lists and OCSP responses in DER, checks them. `own` are the
    depositor's tokens (DER) over the statement, from while it waited.
    """

    tokens: tuple[TokenEntry, ...] = ()
    earlier: Earlier | None = None
    validation: tuple[bytes, ...] = ()
    own: tuple[bytes, ...] = ()


NO_TIMES = Times()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The parts of a receipt; nothing in it is verified yet."""

    statement: bytes
    position: Position
    note: str
    block: bytes
    block_position: Position
    enrolment: bytes
    enrolment_position: Position
    record: bytes | None
    cose_receipt: bytes
    times: Times = NO_TIMES


def format_receipt(receipt: Receipt) -> bytes:
    """Return the receipt's bytes."""
    signed = cose.parse_sign1(receipt.statement)
    proof = TlogProof(receipt.position.index, receipt.position.proof, receipt.note)
    header: dict[Any, Any] = {
        RECEIPTS: [receipt.cose_receipt],
        "sealbook": {
            "proof": format_proof(proof),
            "block": _place(receipt.block, receipt.block_position),
            "enrolment": [
                *_place(receipt.enrolment, receipt.enrolment_position),
                receipt.record,
            ],
            **times_fields(receipt.times),
        },
    }
    return cose.format_sign1(replace(signed, unprotected=header))


def times_fields(times: Times) -> dict[str, Any]:
    """Return the members of the header that say when."""
    earlier = times.earlier
    return {
        "tokens": [
            *([0, each] for each in times.own),
            *([each.lines, each.der] for each in times.tokens),
        ],
        "earlier": None
        if earlier is None
        else [earlier.note, [earlier.token.lines, earlier.token.der]],
        "validation": list(times.validation),
    }


def parse_receipt(data: bytes) -> Receipt:
    """Return the parts of the receipt in `data`. Raises MalformedData."""
    if len(data) > MAX_RECEIPT:
        raise MalformedData(f"a receipt is over its limit of {MAX_RECEIPT} bytes")
    message = cose.parse_sign1(data)
    statement = cose.format_sign1(replace(message, unprotected={}))
    match message.unprotected:
        case {
            394: [bytes(cose_receipt)],
            "sealbook": {
                "proof": str(proof_text),
                "block": [bytes(block), block_index, block_path],
                "enrolment": [
                    bytes(enrolment),
                    enrolment_index,
                    enrolment_path,
                    bytes() | None as record,
                ],
                "tokens": list(tokens),
                "earlier": earlier,
                "validation": list(validation),
            } as parts,
        } if len(message.unprotected) == 2 and len(parts) == 6:
            proof = parse_proof(proof_text)
            if proof.extra is not None:
                raise MalformedData("a receipt's proof carries data that nothing authenticates")
            return Receipt(
                statement,
                Position(proof.index, proof.hashes),
                proof.note,
                block,
                _parse_position(block_index, block_path),
                enrolment,
                _parse_position(enrolment_index, enrolment_path),
                record,
                cose_receipt,
                _parse_times(tokens, earlier, validation),
            )
    raise MalformedData("not a receipt")


def _parse_times(tokens: list[Any], earlier: Any, validation: list[Any]) -> Times:
    if len(validation) > MAX_VALIDATION_ITEMS:
        raise MalformedData("a receipt's tokens are not as specified")
    found = None
    match earlier:
        case None:
            pass
        case [str(note), token]:
            found = Earlier(note, _parse_token_entry(token))
        case _:
            raise MalformedData("a receipt's earlier token is not as specified")
    if not all(isinstance(each, bytes) for each in validation):
        raise MalformedData("a receipt's validation data is not as specified")
    own = tuple(each[1] for each in takewhile(_is_own, tokens))
    if len(own) > MAX_OWN:
        raise MalformedData("a receipt's own tokens are too many")
    return Times(parse_token_entries(tokens[len(own) :]), found, tuple(validation), own)


def _is_own(value: Any) -> bool:
    match value:
        case [int(lines), bytes()]:
            return lines == 0 and lines is not False
    return False


def parse_token_entries(tokens: list[Any]) -> tuple[TokenEntry, ...]:
    """Return the token entries in a decoded list. Raises MalformedData."""
    if len(tokens) > MAX_TOKENS:
        raise MalformedData(f"there are more than {MAX_TOKENS} timestamp tokens")
    return tuple(map(_parse_token_entry, tokens))


def _parse_token_entry(value: Any) -> TokenEntry:
    match value:
        case [int(lines), bytes(token)] if lines is not True and 2 <= lines <= MAX_SIGNATURES:
            return TokenEntry(lines, token)
    raise MalformedData("a receipt's tokens are not as specified")


def _place(statement: bytes, position: Position) -> list[Any]:
    return [statement, position.index, list(position.proof)]


def _parse_position(index: Any, path: Any) -> Position:
    _, parsed_index, proof = parse_path([0, index, path])
    return Position(parsed_index, proof)
