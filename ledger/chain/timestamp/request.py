"""The request for a timestamp, and what came back for it.

Specification: RFC 3161 sections 2.4.1 and 2.4.2.
"""

from ledger.chain.timestamp.token import DIGESTS, Token
from ledger.crypto import der
from ledger.errors import MalformedData, Refused, TooLarge, VerificationFailed
from ledger.quoted import quoted

MAX_RESPONSE = 64 << 10
"""Bytes of an answer, beyond which nobody reads on."""

REQUEST_TYPE, RESPONSE_TYPE = "application/timestamp-query", "application/timestamp-reply"
"""Media types (RFC 3161 section 3.4)."""

_BY_SIZE = {32: "sha256", 48: "sha384", 64: "sha512"}
_OIDS = {name: dotted for dotted, name in DIGESTS.items()}
_STATUS = (
    "granted",
    "granted with changes",
    "rejected",
    "waiting",
    "revocation is near",
    "revoked",
)


def format_request(imprint: bytes, nonce: int, *, policy: str | None = None) -> bytes:
    """Return a request for a token over `imprint`: SHA-256, SHA-384 or SHA-512 by its length.

    The token shall bring its certificates. `nonce` is a fresh random number of 64 bits or more,
    `policy` an object identifier.
    """
    return der.sequence(
        der.integer(1),
        der.sequence(
            der.sequence(der.oid(_OIDS[_BY_SIZE[len(imprint)]])),
            der.encode(der.OCTET_STRING, imprint),
        ),
        b"" if policy is None else der.oid(policy),
        der.integer(nonce),
        der.encode(der.BOOLEAN, b"\xff"),
    )


def parse_response(data: bytes) -> bytes:
    """Return the DER of the token in an answer.

    Raises TooLarge, MalformedData, and Refused where the authority has not granted one.
    """
    if len(data) > MAX_RESPONSE:
        raise TooLarge(f"the answer of a timestamp authority is over {MAX_RESPONSE:,} bytes")
    answer = der.children(der.read(data), der.SEQUENCE)
    fields = der.children(answer[0], der.SEQUENCE) if answer else ()
    if not fields or len(answer) > 2:
        raise MalformedData("the answer of a timestamp authority is not as specified")
    status = der.parse_integer(fields[0])
    if status != 0:
        meant = _STATUS[status] if 0 < status < len(_STATUS) else "unknown"
        said = b" ".join(
            text.content
            for field in fields[1:]
            if field.tag == der.SEQUENCE
            for text in der.children(field)
        ).decode(errors="replace")
        raise Refused(
            f"a timestamp authority granted no token: status {status} ({meant})"
            + (f", and says {quoted(said)}" if said else "")
        )
    if len(answer) == 1:
        raise MalformedData("a timestamp authority granted a token and sent none")
    return answer[1].raw


def require_answer(token: Token, imprint: bytes, nonce: int, *, policy: str | None = None) -> None:
    """Raise VerificationFailed unless a token answers the request made of these."""
    if token.imprint_algorithm != _BY_SIZE[len(imprint)] or token.imprint != imprint:
        raise VerificationFailed("a timestamp authority stamped another hash than it was asked to")
    if token.nonce != nonce:
        raise VerificationFailed(
            "a timestamp authority answered with another nonce than it was sent"
        )
    if policy is not None and token.policy != policy:
        raise VerificationFailed(
            f"a timestamp authority stamped under the policy {quoted(token.policy)}, where "
            f"{quoted(policy)} was asked for"
        )
