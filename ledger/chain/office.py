"""What the office itself puts on record, a kind of statement for each.

    platform  {origin, nonce, operator, filing, environment, software, standards: [* tstr]}
    key       {origin, nonce, key: thumbprint, action: "revoked", reason}      a depositor's
              {..., action: "revoked", reason, use, since}                     the notary's own
              {..., action: "rotated", use, size, successor, proof}
    notice    {origin, nonce, text}
              {origin, nonce, text, discarded: [+ entry]}    their ciphertext is deleted
              {origin, nonce, text, erased: account}         who it is is deleted
    recovery  {origin, nonce, cause, size, root}     the checkpoint from which the ledger went on
    certificate {origin, nonce, number, action: "issued", sha-256, entry}    of the PDF, for a deposit
                {..., number, action: "withdrawn", reason}
    inspection {origin, nonce, entry, leaf, scope, particulars}

All but the last are public. An inspection names a deposit by its entry and leaf hash, says whether an
officer has seen the whole or a part, and commits to the rest (`ledger.chain.inspection`): no name, no
hash of anything that was seen.

A revocation names the key by its thumbprint and a reason from a fixed list: no account, no name, so
that the public learns only that some key is no longer good. Whoever holds a receipt can match it.

The notary's own keys are those of the log (a pair, named by its Ed25519 key) and of the seal. The
statement that a key is to be replaced is signed by the key whose place is taken, where that one can
still be believed; its `proof` is a signature by the new key over all of it but the nonce.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from ledger.chain import statement as st
from ledger.chain.statement import Statement
from ledger.crypto.keys import (
    ED25519_PUBLIC_SIZE,
    ML_DSA_44_PUBLIC_SIZE,
    P256_COORDINATE_SIZE,
    verify_ed25519,
    verify_es256,
)
from ledger.encoding import cbor_encode
from ledger.errors import MalformedData, VerificationFailed

MAX_TEXT = 4_096
"""Characters of one text; a statement of them stays well below the size of an entry."""
MAX_STANDARDS = 64
MAX_DISCARDED = 256
"""Deposits that one notice of deleted ciphertext lists."""

REVOKED = "revoked"
REASONS = ("compromised", "lost", "superseded", "ceased")
"""Why a key was revoked: it may be in other hands, is gone, was replaced, its holder stopped."""

ROTATED = "rotated"
LOG, SEAL = "log", "seal"
"""What a key of the notary is for."""
SUCCESSOR_SIZES = {
    LOG: ED25519_PUBLIC_SIZE + ML_DSA_44_PUBLIC_SIZE,
    SEAL: 2 * P256_COORDINATE_SIZE,
}
_PROOF_SIZE = 64
_PROOF_LABEL = b"sealbook key v1\n"

RESTORED = "restored"
"""The ledger goes on from a backup."""

WHOLE, PART = "whole", "part"
"""How much of a deposit an officer has seen."""

ISSUED, WITHDRAWN = "issued", "withdrawn"


@dataclass(frozen=True, slots=True)
class Platform:
    """What a court wants to know of the platform: the office's own words."""

    operator: str
    filing: str
    environment: str
    software: str
    standards: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Revocation:
    """A key, by its thumbprint of 32 bytes, that is no longer good from this entry on."""

    key: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class OwnRevocation:
    """A key of the notary that others may have since that POSIX second."""

    key: bytes
    reason: str
    use: str
    since: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """A key of the notary gets a successor; `size` is the last tree that it signed alone.

    `successor` is the new Ed25519 key and the new ML-DSA-44 key, or the seal's x and y; `proof` a
    signature by the first of them, or by the seal's, over `proof_message`.
    """

    key: bytes
    use: str
    size: int
    successor: bytes
    proof: bytes = b""


@dataclass(frozen=True, slots=True)
class Notice:
    """Words of the office, and what it has deleted under them.

    `discarded` are deposits, by their entries in ascending order, of which no age file is kept but
    those that other deposits name; `erased` is an account of which no identity record is kept.
    """

    text: str
    discarded: tuple[int, ...] = ()
    erased: str | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """The ledger went on from the checkpoint of `size` entries and this root, because of `cause`."""

    cause: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Inspection:
    """An officer has opened the deposit at `entry` with this leaf hash, and seen it: whole or part.

    `particulars` is the digest of who it was, and of which part.
    """

    entry: int
    leaf: bytes
    scope: str
    particulars: bytes


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate of this number, from 1, about the deposit at index `entry`.

    `digest` is SHA-256 of the whole PDF, 32 bytes.
    """

    number: int
    digest: bytes
    entry: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The office does not stand by the certificate of this number any more."""

    number: int
    reason: str


def platform_payload(platform: Platform) -> dict[str, Any]:
    """Return the payload map without origin and nonce."""
    return {
        "operator": platform.operator,
        "filing": platform.filing,
        "environment": platform.environment,
        "software": platform.software,
        "standards": list(platform.standards),
    }


def parse_platform(statement: Statement) -> Platform:
    """Return what a platform statement says. Raises MalformedData."""
    match _fields(statement, st.PLATFORM):
        case {
            "operator": str(operator),
            "filing": str(filing),
            "environment": str(environment),
            "software": str(software),
            "standards": list(standards),
        } as fields if len(fields) == 5 and len(standards) <= MAX_STANDARDS:
            texts = (operator, filing, environment, software, *standards)
            if all(isinstance(text, str) and len(text) <= MAX_TEXT for text in texts):
                return Platform(operator, filing, environment, software, tuple(standards))
    raise MalformedData("not a platform statement")


def revocation_payload(revocation: Revocation | OwnRevocation) -> dict[str, Any]:
    """Return the payload map without origin and nonce."""
    payload: dict[str, Any] = {
        "key": revocation.key,
        "action": REVOKED,
        "reason": revocation.reason,
    }
    if isinstance(revocation, OwnRevocation):
        payload |= {"use": revocation.use, "since": revocation.since}
    return payload


def rotation_payload(rotation: Rotation) -> dict[str, Any]:
    """Return the payload map without origin and nonce."""
    return {
        "key": rotation.key,
        "action": ROTATED,
        "use": rotation.use,
        "size": rotation.size,
        "successor": rotation.successor,
        "proof": rotation.proof,
    }


def proof_message(origin: str, rotation: Rotation) -> bytes:
    """Return what the successor signs: a label, then the CBOR map without nonce and proof."""
    payload = rotation_payload(rotation) | {"origin": origin}
    del payload["proof"]
    return _PROOF_LABEL + cbor_encode(payload)


def parse_key(statement: Statement) -> Revocation | OwnRevocation | Rotation:
    """Return what a key statement says. Raises MalformedData."""
    match _fields(statement, st.KEY):
        case {"key": bytes(key), "action": "revoked", "reason": str(reason), **rest} if (
            len(key) == st.HASH_SIZE and reason in REASONS
        ):
            match rest:
                case {"use": "log" | "seal" as use, "since": since} if st.is_time(since):
                    if len(rest) == 2:
                        return OwnRevocation(key, reason, use, since)
                case _ if not rest:
                    return Revocation(key, reason)
        case {
            "key": bytes(key),
            "action": "rotated",
            "use": "log" | "seal" as use,
            "size": size,
            "successor": bytes(successor),
            "proof": bytes(proof),
        } as fields if len(fields) == 6 and len(key) == st.HASH_SIZE and st.is_count(size):
            if (len(successor), len(proof)) == (SUCCESSOR_SIZES[use], _PROOF_SIZE):
                rotation = Rotation(key, use, size, successor, proof)
                _require_proof(statement.payload["origin"], rotation)
                return rotation
    raise MalformedData("not a key statement")


def parse_revocation(statement: Statement) -> Revocation:
    """Return what a key statement about a depositor's key says. Raises MalformedData."""
    found = parse_key(statement)
    if not isinstance(found, Revocation):
        raise MalformedData("a key statement is about a key of the notary")
    return found


def _require_proof(origin: str, rotation: Rotation) -> None:
    message = proof_message(origin, rotation)
    try:
        if rotation.use == LOG:
            key = rotation.successor[:ED25519_PUBLIC_SIZE]
            verify_ed25519(key, message, rotation.proof)
        else:
            point = b"\4" + rotation.successor
            public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
            verify_es256(public, message, rotation.proof)
    except (VerificationFailed, ValueError) as error:
        raise MalformedData(
            "a key statement is not signed by the successor that it names"
        ) from error


def notice_payload(notice: Notice) -> dict[str, Any]:
    """Return the payload map without origin and nonce."""
    payload: dict[str, Any] = {"text": notice.text}
    if notice.discarded:
        payload["discarded"] = list(notice.discarded)
    if notice.erased is not None:
        payload["erased"] = notice.erased
    return payload


def parse_notice(statement: Statement) -> Notice:
    """Return what a notice says. Raises MalformedData."""
    match _fields(statement, st.NOTICE):
        case {"text": str(text), **rest} if 0 < len(text) <= MAX_TEXT:
            match rest:
                case {"discarded": list(discarded)} if len(rest) == 1 and _is_listing(discarded):
                    return Notice(text, tuple(discarded))
                case {"erased": str(account)} if len(rest) == 1 and st.is_account(account):
                    return Notice(text, erased=account)
                case _ if not rest:
                    return Notice(text)
    raise MalformedData("not a notice")


def _is_listing(entries: list[Any]) -> bool:
    return (
        0 < len(entries) <= MAX_DISCARDED
        and all(map(st.is_count, entries))
        and all(one < other for one, other in pairwise(entries))
    )


def recovery_payload(recovery: Recovery) -> dict[str, Any]:
    """Return the payload map without origin and nonce."""
    return {"cause": recovery.cause, "size": recovery.size, "root": recovery.root}


def parse_recovery(statement: Statement) -> Recovery:
    """Return what a recovery statement says. Raises MalformedData."""
    match _fields(statement, st.RECOVERY):
        case {"cause": "restored", "size": size, "root": bytes(root)} as fields:
            if len(fields) == 3 and st.is_count(size) and len(root) == st.HASH_SIZE:
                return Recovery(RESTORED, size, root)
    raise MalformedData("not a recovery statement")


def inspection_payload(inspection: Inspection) -> dict[str, Any]:
    """Return the payload map without origin and nonce."""
    return {
        "entry": inspection.entry,
        "leaf": inspection.leaf,
        "scope": inspection.scope,
        "particulars": inspection.particulars,
    }


def parse_inspection(statement: Statement) -> Inspection:
    """Return what an inspection statement says. Raises MalformedData."""
    match _fields(statement, st.INSPECTION):
        case {
            "entry": entry,
            "leaf": leaf,
            "scope": "whole" | "part" as scope,
            "particulars": particulars,
        } as fields if len(fields) == 4 and st.is_count(entry):
            if st.is_bytes(leaf, st.HASH_SIZE) and st.is_bytes(particulars, st.HASH_SIZE):
                return Inspection(entry, leaf, scope, particulars)
    raise MalformedData("not an inspection statement")


def certificate_payload(said: Issued | Withdrawn) -> dict[str, Any]:
    """Return the payload map without origin and nonce."""
    if isinstance(said, Withdrawn):
        return {"number": said.number, "action": WITHDRAWN, "reason": said.reason}
    return {
        "number": said.number,
        "action": ISSUED,
        "sha-256": said.digest,
        "entry": said.entry,
    }


def parse_certificate(statement: Statement) -> Issued | Withdrawn:
    """Return what is said of a certificate. Raises MalformedData."""
    match _fields(statement, st.CERTIFICATE):
        case {
            "number": number,
            "action": "issued",
            "sha-256": bytes(digest),
            "entry": entry,
        } as all_ if st.is_count(entry):
            if len(all_) == 4 and _is_number(number) and st.is_bytes(digest, st.HASH_SIZE):
                return Issued(number, digest, entry)
        case {"number": number, "action": "withdrawn", "reason": str(reason)} as all_:
            if len(all_) == 3 and _is_number(number) and 0 < len(reason) <= MAX_TEXT:
                return Withdrawn(number, reason)
    raise MalformedData("not a statement about a certificate")


def _is_number(value: Any) -> bool:
    return st.is_count(value) and value > 0


_PARSERS = {
    st.PLATFORM: parse_platform,
    st.KEY: parse_key,
    st.NOTICE: parse_notice,
    st.RECOVERY: parse_recovery,
    st.INSPECTION: parse_inspection,
    st.CERTIFICATE: parse_certificate,
}


def check_office_statement(statement: Statement) -> None:
    """Raise MalformedData unless this is one of the statements of this module."""
    if statement.kind not in _PARSERS:
        raise MalformedData("not a statement of the office")
    _PARSERS[statement.kind](statement)


def _fields(statement: Statement, kind: str) -> dict[str, Any]:
    fields = dict(statement.payload)
    origin, nonce = fields.pop("origin", None), fields.pop("nonce", None)
    if statement.kind != kind or not st.is_origin(origin) or not st.is_bytes(nonce, st.NONCE_SIZE):
        raise MalformedData(f"not a statement of kind {kind}")
    return fields
