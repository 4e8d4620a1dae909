"""Receipts of one checkpoint in bulk: what they share is encoded once, the rest is joined to it.

The bytes are exactly those of `ledger.chain.receipt.format_receipt`; a test holds them together.
Deterministic CBOR writes a map's keys in the order of their encoded bytes: 394 before "sealbook", and
"block", "proof", "tokens", "earlier", "enrolment", "validation".
"""

from dataclasses import dataclass

from cbor2 import dumps

from ledger.chain.proof import TlogProof, format_proof
from ledger.chain.receipt import NO_TIMES, Position, Times, times_fields
from ledger.chain.seal import INCLUSION, RECEIPTS, VERIFIABLE_PROOFS, Seal
from ledger.chain.statement import Statement
from ledger.crypto.cose import TAG_SIGN1
from ledger.encoding import b64encode, cbor_encode

_ARRAY_1, _ARRAY_4, _MAP_1, _MAP_2, _MAP_6 = b"\x81", b"\x84", b"\xa1", b"\xa2", b"\xa6"
_NULL = cbor_encode(None)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A key's enrolment with its proof and identity record, encoded."""

    encoded: bytes


class ReceiptFrame:
    """What all receipts under one checkpoint of `size` entries share."""

    def __init__(
        self,
        note: str,
        size: int,
        block: bytes,
        place: Position,
        seal: Seal,
        times: Times = NO_TIMES,
    ) -> None:
        head, _, tail = format_proof(TlogProof(0, (), note)).partition("index 0\n")
        self._size = size
        self._proof_head = head
        self._proof_tail = tail
        self._lines: dict[bytes, str] = {}
        self._sealbook = (
            dumps("sealbook")
            + _MAP_6
            + dumps("block")
            + cbor_encode([block, place.index, list(place.proof)])
            + dumps("proof")
        )
        fields = {key: dumps(key) + cbor_encode(each) for key, each in times_fields(times).items()}
        self._tokens_enrolment = fields["tokens"] + fields["earlier"] + dumps("enrolment")
        self._validation = fields["validation"]
        self._cose_head = (
            TAG_SIGN1
            + _ARRAY_4
            + dumps(seal.protected)
            + _MAP_1
            + dumps(VERIFIABLE_PROOFS)
            + _MAP_1
            + dumps(INCLUSION)
            + _ARRAY_1
        )
        self._cose_tail = _NULL + dumps(seal.signature)
        self._header = _MAP_2 + dumps(RECEIPTS) + _ARRAY_1

    def enrolment(self, statement: bytes, place: Position, record: bytes | None) -> Enrolled:
        """Return a key's enrolment for the receipts of its deposits."""
        return Enrolled(cbor_encode([statement, place.index, list(place.proof), record]))

    def receipt(self, statement: Statement, place: Position, enrolment: Enrolled) -> bytes:
        """Return the receipt of a deposit at `place`."""
        message = statement.message
        path = dumps([self._size, place.index, place.proof])
        cose_receipt = b"".join((self._cose_head, dumps(path), self._cose_tail))
        return b"".join(
            (
                TAG_SIGN1,
                _ARRAY_4,
                dumps(message.protected_raw),
                self._header,
                dumps(cose_receipt),
                self._sealbook,
                dumps(self._proof(place)),
                self._tokens_enrolment,
                enrolment.encoded,
                self._validation,
                dumps(message.payload),
                dumps(message.signature),
            )
        )

    def _proof(self, place: Position) -> str:
        lines = [f"{self._proof_head}index {place.index}"]
        known = self._lines
        for each in place.proof:
            line = known.get(each)
            if line is None:
                line = known[each] = b64encode(each)
            lines.append(line)
        return "\n".join(lines) + "\n" + self._proof_tail
