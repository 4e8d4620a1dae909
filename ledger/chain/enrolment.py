"""Enrolment: how a key comes to belong to an account.

Request: a COSE_Sign1 by the key to be enrolled (so possession is proven) over
{origin, key, nonce, ? recovery / account}. The account of a first request is the first 16 bytes of
H(request) in hexadecimal. `recovery` is the public key of the recovery sheet: it may list, read and
admit further keys, never deposit; {key, proof}, where the proof is that key's signature over the
CBOR ["sealbook1/recovery-key", origin, device key, nonce]. A request that names an `account` brings it
one device more, and counts only with the signature of the account's recovery key: it is wrapped in a
second COSE_Sign1, by that key, whose payload is the request.

Enrolment: the notary's entry {origin, nonce, account, key, role, record, ? endorser}: the public key
itself, so that a receipt needs nothing else, and H(nonce || identity record). The record carries a salt
of its own: once the office erases the record, what the entry holds says nothing. `endorser` is the id
of the recovery key whose signature brought a further device; what opens an account has none.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger.chain import statement as st
from ledger.chain.statement import Statement, parse_statement, sign_statement, verify_statement
from ledger.crypto import cose
from ledger.crypto.keys import (
    ED25519_PUBLIC_SIZE,
    SigningKey,
    thumbprint_ed25519,
    verify_ed25519,
)
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData, VerificationFailed

DEVICE, RECOVERY_SHEET = "device", "recovery"
ROLES = (DEVICE, RECOVERY_SHEET)
MAX_RECORD = 16_384
MAX_RECORD_TEXT = 1_024
"""Characters in one field of an identity record."""


@dataclass(frozen=True, slots=True)
class EnrolmentRequest:
    """A key's request, its signature verified."""

    encoded: bytes
    origin: str
    key: bytes
    recovery: bytes | None
    account: str | None

    @property
    def digest(self) -> bytes:
        """H(request): its first 16 bytes name the account, all of it is the paper's fingerprint."""
        return sha256(self.encoded).digest()

    @property
    def account_id(self) -> str:
        """The account that this request opens or joins."""
        return self.account or self.digest[: st.ACCOUNT_SIZE].hex()


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """Who an account is, as the office found it. Erasable; never an entry."""

    salt: bytes
    name: str
    registration: str
    checked_by: str
    checked_at: int


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The payload of the notary's enrolment entry."""

    origin: str
    nonce: bytes
    account: str
    key: bytes
    role: str
    record: bytes
    endorser: bytes | None = None


def format_request(
    key: SigningKey,
    *,
    origin: str,
    nonce: bytes,
    issued_at: int,
    recovery: SigningKey | None = None,
    account: str | None = None,
) -> bytes:
    """Return a request signed by the key that asks to be enrolled."""
    payload: dict[str, Any] = {"origin": origin, "key": key.public, "nonce": nonce}
    if recovery is not None:
        proof = recovery.sign(_recovery_message(origin, key.public, nonce))
        payload["recovery"] = {"key": recovery.public, "proof": proof}
    if account is not None:
        payload["account"] = account
    return sign_statement(
        st.ENROLMENT_REQUEST,
        payload,
        issuer=key.thumbprint.hex(),
        subject=st.ENROLMENT_REQUEST,
        issued_at=issued_at,
        key_id=key.thumbprint,
        sign=key.sign,
    )


def verify_enrolment_request(data: bytes) -> EnrolmentRequest:
    """Return the request once its own key's signature holds.

    Raises MalformedData, or VerificationFailed when possession of the key is not proven.
    """
    statement = parse_statement(data)
    fields = dict(statement.payload)
    origin, key, nonce = (fields.pop(name, None) for name in ("origin", "key", "nonce"))
    recovery = fields.pop("recovery", None)
    account = fields.pop("account", None)
    if (
        statement.kind != st.ENROLMENT_REQUEST
        or fields
        or not st.is_origin(origin)
        or not st.is_bytes(key, ED25519_PUBLIC_SIZE)
        or statement.issuer != statement.key_id.hex()
        or not st.is_bytes(nonce, st.NONCE_SIZE)
        or not (recovery is None or isinstance(recovery, dict))
        or not (account is None or (isinstance(account, str) and st.is_account(account)))
        or not (account is None or recovery is None)
    ):
        raise MalformedData("not an enrolment request")
    verify_statement(statement, key)
    recovery_key = None
    if recovery is not None:
        recovery_key = _verify_recovery(recovery, _recovery_message(origin, key, nonce))
        if recovery_key == key:
            raise MalformedData("an enrolment request names one key for both roles")
    return EnrolmentRequest(data, origin, key, recovery_key, account)


def _recovery_message(origin: str, key: bytes, nonce: bytes) -> bytes:
    return cbor_encode(["sealbook1/recovery-key", origin, key, nonce])


def _verify_recovery(value: dict[Any, Any], message: bytes) -> bytes:
    match value:
        case {"key": bytes(key), "proof": bytes(proof)} if len(value) == 2:
            verify_ed25519(key, message, proof)
            return key
    raise MalformedData("not an enrolment request")


def endorse_request(request: bytes, key: SigningKey) -> bytes:
    """Return a joining request countersigned by the account's recovery key."""
    protected = {cose.ALG: cose.EDDSA, cose.KID: key.thumbprint}
    return cose.sign1(protected, request, key.sign)


def parse_endorsed(data: bytes) -> tuple[bytes, bytes, cose.Sign1]:
    """Return (request, endorsing key id, message) of a countersigned request. Raises MalformedData."""
    if len(data) > st.MAX_ENTRY:
        raise MalformedData("an endorsed request is too large")
    message = cose.parse_sign1(data)
    match message:
        case cose.Sign1(
            protected={cose.ALG: cose.EDDSA, cose.KID: bytes(key_id)} as protected,
            unprotected={} as unprotected,
            payload=bytes(request),
        ) if len(protected) == 2 and not unprotected:
            return request, key_id, message
    raise MalformedData("not an endorsed enrolment request")


def verify_endorsement(message: cose.Sign1, public: bytes) -> None:
    """Raise VerificationFailed unless `public` is the key named and signed the endorsement."""
    if message.protected[cose.KID] != thumbprint_ed25519(public):
        raise VerificationFailed("the endorsement names another key than the one at hand")
    verify_ed25519(public, message.to_be_signed(), message.signature)


def format_record(record: IdentityRecord) -> bytes:
    """Return the identity record's bytes."""
    return cbor_encode(
        {
            "salt": record.salt,
            "name": record.name,
            "registration": record.registration,
            "checked_by": record.checked_by,
            "checked_at": record.checked_at,
        }
    )


def parse_record(data: bytes) -> IdentityRecord:
    """Return the identity record. Raises MalformedData."""
    if len(data) > MAX_RECORD:
        raise MalformedData("the identity record is too large")
    value = cbor_decode(data)
    match value:
        case {
            "salt": bytes(salt),
            "name": str(name),
            "registration": str(registration),
            "checked_by": str(checked_by),
            "checked_at": checked_at,
        } if len(value) == 5 and len(salt) == st.NONCE_SIZE and st.is_time(checked_at):
            if max(map(len, (name, registration, checked_by))) <= MAX_RECORD_TEXT:
                return IdentityRecord(salt, name, registration, checked_by, checked_at)
    raise MalformedData("not an identity record")


def record_digest(nonce: bytes, record: bytes) -> bytes:
    """Return what the enrolment entry holds of an identity record: H(nonce || record)."""
    return sha256(nonce + record).digest()


def enrolment_payload(enrolment: Enrolment) -> dict[str, Any]:
    """Return the payload map of the notary's enrolment statement."""
    endorser = enrolment.endorser
    return {
        "origin": enrolment.origin,
        "nonce": enrolment.nonce,
        "account": enrolment.account,
        "key": enrolment.key,
        "role": enrolment.role,
        "record": enrolment.record,
        **({} if endorser is None else {"endorser": endorser}),
    }


def parse_enrolment(statement: Statement) -> Enrolment:
    """Return the enrolment in a notary's statement of that kind. Raises MalformedData."""
    value = dict(statement.payload)
    endorser = value.pop("endorser", None)
    match value:
        case {
            "origin": origin,
            "nonce": nonce,
            "account": str(account),
            "key": key,
            "role": str(role),
            "record": record,
        } if statement.kind == st.ENROLMENT and len(value) == 6:
            if (
                st.is_origin(origin)
                and st.is_bytes(nonce, st.NONCE_SIZE)
                and st.is_account(account)
                and st.is_bytes(key, ED25519_PUBLIC_SIZE)
                and role in ROLES
                and st.is_bytes(record, st.HASH_SIZE)
                and ("endorser" not in statement.payload or st.is_bytes(endorser, st.HASH_SIZE))
                and (endorser is None or role == DEVICE)
            ):
                return Enrolment(origin, nonce, account, key, role, record, endorser)
    raise MalformedData("not an enrolment statement")


def verify_record(enrolment: Enrolment, record: bytes) -> IdentityRecord:
    """Return the identity record that the enrolment committed to. Raises VerificationFailed."""
    if record_digest(enrolment.nonce, record) != enrolment.record:
        raise VerificationFailed("the identity record is not the one that was enrolled")
    return parse_record(record)
