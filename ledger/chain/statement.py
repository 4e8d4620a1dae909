"""Signed statements: what a depositor or the notary signs, and what becomes a ledger entry.

A SCITT Signed Statement (RFC 9943): a COSE_Sign1 with an empty unprotected header. Protected header:
{1: -8 (EdDSA), 3: content type, 4: key id, 15: {1: issuer, 2: subject, 6: issued at}}. The content
type says which kind of statement it is and thereby who may sign it: a `deposit` its depositor, every
other kind of entry the notary. The subject is a deposit's commitment, otherwise the kind. The payload
is a deterministic CBOR map with text keys.

The entry is the statement's bytes; its leaf is H(0x00 || entry) (RFC 9162 section 2.1.1).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from ledger.crypto import cose
from ledger.crypto.keys import SigningKey, thumbprint_ed25519, verify_ed25519
from ledger.crypto.merkle import leaf_hash
from ledger.encoding import MAX_INTEGER, cbor_decode, cbor_encode
from ledger.errors import MalformedData, VerificationFailed

MAX_ENTRY = 65_535
"""Bytes of an entry: what the two-byte length of a tlog-tiles entry bundle can hold."""

MAX_ORIGIN = 255
HASH_SIZE = 32
NONCE_SIZE = 32
ACCOUNT_SIZE = 16
MATTER_ID_SIZE = 16

DEPOSIT = "deposit"
ENROLMENT_REQUEST = "enrolment-request"
ENROLMENT = "enrolment"
BLOCK = "block"
PLATFORM = "platform"
KEY = "key"
NOTICE = "notice"
RECOVERY = "recovery"
INSPECTION = "inspection"
CERTIFICATE = "certificate"
PUBLIC_KINDS = (BLOCK, PLATFORM, KEY, NOTICE, RECOVERY, CERTIFICATE)
"""Entries that anyone may read."""
KINDS = (DEPOSIT, ENROLMENT_REQUEST, ENROLMENT, INSPECTION, *PUBLIC_KINDS)

_CONTENT_TYPES = {f"application/vnd.sealbook.{kind}-v1+cbor": kind for kind in KINDS}
_HEXADECIMAL = frozenset("0123456789abcdef")
_ORIGIN = re.compile(f"[!-*,-~]{{1,{MAX_ORIGIN}}}")
_KIND_TYPES = {kind: content_type for content_type, kind in _CONTENT_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement. Its signature is unverified until `verify_statement` has returned."""

    encoded: bytes
    kind: str
    issuer: str
    subject: str
    issued_at: int
    key_id: bytes
    payload: dict[str, Any]
    message: cose.Sign1
    leaf_hash: bytes
    """The Merkle leaf hash of the entry, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Payload:
    """An age file's payload: its size in bytes and its RFC 9162 root (nonce, then chunks)."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Matter:
    """Place in a matter: random id, number from 1, leaf hash of the statement before (None for 1)."""

    id: bytes
    number: int
    previous: bytes | None


@dataclass(frozen=True, slots=True)
class Deposit:
    """What a depositor puts on record; `content` is None for a deposit of the commitment alone."""

    origin: str
    commitment: bytes
    content: Payload | None
    manifest: Payload
    matter: Matter | None = None


def sign_statement(
    kind: str,
    payload: dict[str, Any],
    *,
    issuer: str,
    subject: str,
    issued_at: int,
    key_id: bytes,
    sign: Callable[[bytes], bytes],
) -> bytes:
    """Return the encoded statement; `sign` gives Ed25519 signatures by the key with `key_id`."""
    protected = {
        cose.ALG: cose.EDDSA,
        cose.CONTENT_TYPE: _KIND_TYPES[kind],
        cose.KID: key_id,
        cose.CWT_CLAIMS: {cose.ISS: issuer, cose.SUB: subject, cose.IAT: issued_at},
    }
    return cose.sign1(protected, cbor_encode(payload), sign)


def parse_statement(data: bytes) -> Statement:
    """Return the statement in `data`. Raises MalformedData; verifies no signature."""
    if len(data) > MAX_ENTRY:
        raise MalformedData(f"a statement is over its limit of {MAX_ENTRY} bytes")
    message = cose.parse_sign1(data)
    if message.unprotected:
        raise MalformedData("a statement's unprotected header must be empty")
    if message.payload is None:
        raise MalformedData("a statement has no payload")
    header = message.protected
    claims = header.get(cose.CWT_CLAIMS)
    if not (
        len(header) == 4
        and header.get(cose.ALG) == cose.EDDSA
        and isinstance(content_type := header.get(cose.CONTENT_TYPE), str)
        and isinstance(key_id := header.get(cose.KID), bytes)
        and isinstance(claims, dict)
        and len(claims) == 3
        and isinstance(iss := claims.get(cose.ISS), str)
        and isinstance(sub := claims.get(cose.SUB), str)
        and cose.IAT in claims
    ):  # a `match` takes six times as long
        raise MalformedData("a statement's protected header is not as specified")
    iat, kind = claims[cose.IAT], _CONTENT_TYPES.get(content_type)
    if kind is None:
        raise MalformedData("a statement has an unknown content type")
    if kind != DEPOSIT and sub != kind:
        raise MalformedData("a statement's subject is not its kind")
    if len(key_id) != HASH_SIZE or not is_time(iat):
        raise MalformedData("a statement's key id or time is not as specified")
    payload = cbor_decode(message.payload)
    if not isinstance(payload, dict):
        raise MalformedData("a statement's payload is not a map")
    return Statement(data, kind, iss, sub, iat, key_id, payload, message, leaf_hash(data))


def verify_statement(statement: Statement, public: bytes) -> None:
    """Raise VerificationFailed unless `public` (Ed25519) is the key named and signed the statement."""
    if thumbprint_ed25519(public) != statement.key_id:
        raise VerificationFailed("the statement names another key than the one at hand")
    verify_ed25519(public, statement.message.to_be_signed(), statement.message.signature)


def format_deposit(deposit: Deposit, account: str, key: SigningKey, issued_at: int) -> bytes:
    """Return the deposit's statement, signed by the depositor's device."""
    payload: dict[str, Any] = {
        "origin": deposit.origin,
        "commitment": {"sha-256": deposit.commitment},
        "manifest": _payload_map(deposit.manifest),
    }
    if deposit.content is not None:
        payload["content"] = _payload_map(deposit.content)
    if deposit.matter is not None:
        payload["matter"] = {
            "id": deposit.matter.id,
            "number": deposit.matter.number,
            "previous": deposit.matter.previous,
        }
    return sign_statement(
        DEPOSIT,
        payload,
        issuer=account,
        subject=deposit.commitment.hex(),
        issued_at=issued_at,
        key_id=key.thumbprint,
        sign=key.sign,
    )


def parse_deposit(statement: Statement) -> Deposit:
    """Return the deposit in a statement of that kind. Raises MalformedData."""
    if statement.kind != DEPOSIT:
        raise MalformedData("the statement is not a deposit")
    if not is_account(statement.issuer):
        raise MalformedData("a deposit's issuer is not an account")
    fields = dict(statement.payload)
    origin, commitment = fields.pop("origin", None), fields.pop("commitment", None)
    manifest = _parse_payload(fields.pop("manifest", None))
    content = _parse_payload(fields.pop("content")) if "content" in fields else None
    matter = _parse_matter(fields.pop("matter")) if "matter" in fields else None
    if fields or not is_origin(origin):
        raise MalformedData("a deposit's fields are not as specified")
    if not (
        isinstance(commitment, dict)
        and len(commitment) == 1
        and is_bytes(root := commitment.get("sha-256"), HASH_SIZE)
    ):
        raise MalformedData("a deposit's commitment is not as specified")
    if statement.subject != root.hex():
        raise MalformedData("a deposit's subject is not its commitment")
    return Deposit(origin, root, content, manifest, matter)


def is_account(text: str) -> bool:
    """Return whether `text` is an account: 16 bytes in lower-case hexadecimal."""
    return len(text) == 2 * ACCOUNT_SIZE and _HEXADECIMAL.issuperset(text)


def is_origin(value: Any) -> bool:
    """Return whether `value` can name a ledger: ASCII, no space or plus, at most 255 bytes."""
    return isinstance(value, str) and _ORIGIN.fullmatch(value) is not None


def is_time(value: Any) -> bool:
    """Return whether `value` can be POSIX seconds."""
    return is_count(value)


def is_count(value: Any) -> TypeGuard[int]:
    """Return whether `value` is a non-negative integer in range (and no boolean)."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INTEGER


def is_bytes(value: Any, size: int) -> TypeGuard[bytes]:
    """Return whether `value` is a byte string of `size` bytes."""
    return isinstance(value, bytes) and len(value) == size


def _payload_map(payload: Payload) -> dict[str, Any]:
    return {"size": payload.size, "root": payload.root}


def _parse_payload(value: Any) -> Payload:
    if not (
        isinstance(value, dict)
        and len(value) == 2
        and is_count(size := value.get("size"))
        and is_bytes(root := value.get("root"), HASH_SIZE)
    ):
        raise MalformedData("a deposit's age file is not named as specified")
    return Payload(size, root)


def _parse_matter(value: Any) -> Matter:
    match value:
        case {"id": id_, "number": number, "previous": previous} if len(value) == 3:
            if (
                is_bytes(id_, MATTER_ID_SIZE)
                and is_count(number)
                and number > 0
                and ((previous is None) if number == 1 else is_bytes(previous, HASH_SIZE))
            ):
                return Matter(id_, number, previous)
    raise MalformedData("a deposit's matter is not as specified")


def signed_by_any(statement: Statement, keys: Sequence[bytes]) -> bool:
    """Return whether one of these Ed25519 keys has signed a statement."""
    for key in keys:
        try:
            verify_statement(statement, key)
        except VerificationFailed:
            continue
        return True
    return False
