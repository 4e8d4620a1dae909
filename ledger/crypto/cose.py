"""COSE_Sign1 (RFC 9052 section 4.2), tag 18, in deterministic CBOR.

    COSE_Sign1 = #6.18([protected: bstr .cbor map, unprotected: map, payload: bstr / null, signature])

Which algorithm and key verify a message is the caller's choice; nothing in the message selects it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ledger.encoding import cbor_decode, cbor_encode, cbor_encode_ordered
from ledger.errors import MalformedData

TAG_SIGN1 = b"\xd2"
"""Tag 18 as one byte; the only tag in any format of ours, always outermost."""

ALG, CONTENT_TYPE, KID, CWT_CLAIMS, X5CHAIN = 1, 3, 4, 15, 33
ISS, SUB, IAT = 1, 2, 6
EDDSA, ES256 = -8, -7


@dataclass(frozen=True, slots=True)
class Sign1:
    """A parsed COSE_Sign1; nothing in it is verified yet."""

    protected_raw: bytes
    protected: dict[Any, Any]
    unprotected: dict[Any, Any]
    payload: bytes | None
    signature: bytes

    def to_be_signed(self, detached: bytes | None = None) -> bytes:
        """Return the bytes that the signature covers; `detached` stands in for a null payload."""
        payload = detached if self.payload is None else self.payload
        if payload is None:
            raise MalformedData("the COSE message has no payload")
        return sig_structure(self.protected_raw, payload)


def sig_structure(protected_raw: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure of RFC 9052 section 4.4, with no external data."""
    return cbor_encode_ordered(["Signature1", protected_raw, b"", payload])


def sign1(
    protected: dict[Any, Any],
    payload: bytes,
    sign: Callable[[bytes], bytes],
    *,
    detached: bool = False,
) -> bytes:
    """Return a signed COSE_Sign1 with an empty unprotected header."""
    protected_raw = cbor_encode(protected)
    signature = sign(sig_structure(protected_raw, payload))
    return format_sign1(
        Sign1(protected_raw, protected, {}, None if detached else payload, signature)
    )


def format_sign1(message: Sign1) -> bytes:
    """Return the bytes of `message`."""
    return TAG_SIGN1 + cbor_encode(
        [message.protected_raw, message.unprotected, message.payload, message.signature]
    )


def parse_sign1(data: bytes) -> Sign1:
    """Return the COSE_Sign1 in `data`. Raises MalformedData."""
    if data[:1] != TAG_SIGN1:
        raise MalformedData("not a COSE_Sign1 message")
    body = cbor_decode(data[1:])
    if not isinstance(body, list) or len(body) != 4:
        raise MalformedData("not a COSE_Sign1 message")
    raw, unprotected, payload, signature = body
    if not (
        isinstance(raw, bytes)
        and isinstance(unprotected, dict)
        and (payload is None or isinstance(payload, bytes))
        and isinstance(signature, bytes)
    ):
        raise MalformedData("not a COSE_Sign1 message")
    protected = cbor_decode(raw)
    if not isinstance(protected, dict):
        raise MalformedData("the COSE protected header is not a map")
    return Sign1(raw, protected, unprotected, payload, signature)
