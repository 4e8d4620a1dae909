"""Trust files: what a verifier brings, `*.trust`.

TOML that an office prints and hands over together with its fingerprint. Keys and algorithms come from
here, never from the thing that is verified.

    format = "sealbook-trust-v2"
    origin = "notary.example/ledger"          # the ledger's name
    issuer = "Notary Office"                   # who hands it over
    issued = 2026-11-23T09:00:00Z
    required = ["depositor", "ledger", "block", "seal"]
    policy = '''...'''                         # C2SP tlog-policy: who must have signed a checkpoint

    [[seal]]                                   # who may seal, and under whose certificate
    subject = "CN=Sealbook seal,O=Notary Office"
    authority = '''PEM certificate'''

    [[timestamp]]                              # whose timestamp tokens count; there may be none
    name = "TSA"
    authority = '''PEM certificate'''          # its root, or its own
    policy = "1.2.3"                           # what its tokens must state; may be left out
    accuracy = 1                               # seconds, assumed where a token is silent
    url = "https://tsa.example"                # where it can be asked; may be left out

    [[retired]], [[revoked_seal]]              # the notary's former keys: `retired`

Any listed log satisfies a tlog-policy, so the notary's Ed25519 key is its `log` and its ML-DSA-44 key a
`witness` in the quorum: otherwise the post-quantum signature would be decoration.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import tomli_w
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.chain import statement as st
from ledger.chain.certificate import SealAnchor, require_authority
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import COSIGNATURE_ML_DSA_44, ED25519, VerifierKey, parse_note
from ledger.chain.policy import (
    Policy,
    VerifiedCheckpoint,
    format_policy,
    has_quorum,
    parse_policy,
    require_quorum,
    verify_signatures,
)
from ledger.chain.report import REQUIRABLE, WITNESSES
from ledger.chain.retired import (
    Retired,
    RevokedSeal,
    parse_retired,
    parse_revoked_seals,
    policy_at,
    retired_fields,
    revoked_seal_fields,
)
from ledger.chain.statement import Statement, verify_statement
from ledger.chain.timestamp.authority import Authority, Doubts
from ledger.crypto.keys import thumbprint_ed25519
from ledger.encoding import parse_toml
from ledger.errors import MalformedData, VerificationFailed
from ledger.quoted import Message, in_fours

FORMAT = "sealbook-trust-v2"
MAX_TRUST = 1 << 18
"""Bytes: some hundred keys and certificates."""

MAX_AUTHORITIES = 16
MAX_AUTHORITY_NAME = 128
"""Characters."""
MAX_URL = 1024
"""Characters."""
MAX_ACCURACY = 3600
"""Seconds."""

_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,18})){1,20}")

DEFAULT_REQUIRED = ("depositor", "ledger", "block", "seal")


@dataclass(frozen=True, slots=True)
class NotaryKey:
    """An Ed25519 key of the notary."""

    public: bytes

    @property
    def thumbprint(self) -> bytes:
        """The key id that its statements carry."""
        return thumbprint_ed25519(self.public)


@dataclass(frozen=True, slots=True)
class Trust:
    """A verifier's policy.

    `at`, in POSIX seconds, is when the verifier asks, `doubts` are the hash functions that it trusts no
    more; both stand in no file. Where the policy's quorum needs others than the notary, `required`
    names the witnesses.
    """

    origin: str
    issuer: str
    issued: int
    policy: Policy
    seals: tuple[SealAnchor, ...]
    required: tuple[str, ...] = DEFAULT_REQUIRED
    authorities: tuple[Authority, ...] = ()
    at: int | None = None
    doubts: Doubts = ()
    retired: tuple[Retired, ...] = ()
    revoked_seals: tuple[RevokedSeal, ...] = ()

    @property
    def notary_keys(self) -> tuple[NotaryKey, ...]:
        """The notary's Ed25519 keys, which also sign its statements: retired ones too.

        A statement counts as an entry of a tree, and for the tree today's keys stand.
        """
        keys = (*(log.key for log in self.policy.logs), *(each.log for each in self.retired))
        return tuple(NotaryKey(key.public) for key in keys)

    @property
    def own_keys(self) -> tuple[VerifierKey, ...]:
        """The keys of the lines that the notary signs checkpoints with, or once did."""
        policy = self.policy
        keys = [log.key for log in policy.logs]
        keys += [each.key for each in policy.witnesses if each.key.name == self.origin]
        keys += [key for each in self.retired for key in (each.log, each.cosigner)]
        return tuple(keys)

    def policy_at(self, size: int) -> Policy:
        """Return who must have signed a checkpoint of `size` entries."""
        return policy_at(self.policy, self.origin, self.retired, size)


def format_trust(trust: Trust) -> bytes:
    """Return the trust file."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "origin": trust.origin,
        "issuer": trust.issuer,
        "issued": datetime.fromtimestamp(trust.issued, UTC),
        "required": list(trust.required),
        "policy": format_policy(trust.policy),
        "seal": [
            {"subject": seal.subject, "authority": _pem(seal.authority)} for seal in trust.seals
        ],
    }
    if trust.authorities:
        document["timestamp"] = [_authority_fields(each) for each in trust.authorities]
    if trust.retired:
        document["retired"] = [retired_fields(each) for each in trust.retired]
    if trust.revoked_seals:
        document["revoked_seal"] = [revoked_seal_fields(each) for each in trust.revoked_seals]
    # Between three quotation marks the library makes CR LF one LF.
    names = [trust.issuer, *(seal.subject for seal in trust.seals)]
    lines = not any("\r\n" in each for each in names)
    return tomli_w.dumps(document, multiline_strings=lines).encode()


def parse_trust(data: bytes) -> Trust:
    """Return the trust file's content. Raises MalformedData."""
    try:
        value = parse_toml(data, max_size=MAX_TRUST)
    except MalformedData as error:
        raise MalformedData(f"not a trust file: {error}") from error
    authorities = value.pop("timestamp", [])
    retired, revoked_seals = value.pop("retired", []), value.pop("revoked_seal", [])
    match value:
        case {
            "format": "sealbook-trust-v2",
            "origin": origin,
            "issuer": str(issuer),
            "issued": datetime() as issued,
            "required": list(required),
            "policy": str(policy),
            "seal": list(seals),
        } if len(value) == 7:
            if not st.is_origin(origin) or issued.tzinfo is None:
                raise MalformedData("the trust file's origin or date is not as specified")
            parsed = _parse_policy(policy, origin)
            return Trust(
                origin,
                issuer,
                int(issued.timestamp()),
                parsed,
                tuple(_parse_seal(seal) for seal in seals),
                _parse_required(required, needs_witnesses(parsed, origin)),
                _parse_authorities(authorities),
                retired=parse_retired(retired, origin, parsed),
                revoked_seals=parse_revoked_seals(revoked_seals),
            )
    raise MalformedData("not a trust file: its fields are not as specified")


def fingerprint(data: bytes) -> str:
    """Return SHA-256 of `data` as eight groups of four hexadecimal digits, to compare by eye.

    128 bits: whoever looks for another file with the same fingerprint needs 2^128 attempts.
    """
    return " ".join(in_fours(sha256(data).hexdigest()[:32]))


def verify_own(trust: Trust, note: str) -> VerifiedCheckpoint:
    """Return a checkpoint that the notary's own keys have signed as the policy requires.

    No signature on it by a key of the policy is false; whether its witnesses make up the quorum is
    another question. Raises MalformedData, VerificationFailed.
    """
    parsed = parse_note(note)
    policy = trust.policy_at(parse_checkpoint(parsed.text).size)
    verified = verify_signatures(policy, parsed)
    others = [each.name for each in policy.witnesses if each.key.name != trust.origin]
    signed = [name for name, _ in verified.witnesses]
    require_quorum(policy, verified, (*signed, *others))
    return verified


def verify_by_log(statement: Statement, trust: Trust) -> None:
    """Raise VerificationFailed unless a key of the notary, today's or a retired one, has signed."""
    key = next((k for k in trust.notary_keys if k.thumbprint == statement.key_id), None)
    if key is None:
        raise VerificationFailed("a statement in the receipt is signed by an unknown key")
    verify_statement(statement, key.public)


def needs_witnesses(policy: Policy, origin: str) -> bool:
    """Return whether the quorum cannot be met by the notary's own keys alone."""
    own = [each.name for each in policy.witnesses if each.key.name == origin]
    return not has_quorum(policy, own)


def _parse_policy(text: str, origin: str) -> Policy:
    """Return a policy that cannot be satisfied without both of the notary's own signatures.

    The report says that both are there, and that witnesses are others than the notary.
    """
    policy = parse_policy(text)
    logs = [log.key for log in policy.logs]
    if not logs or any((key.name, key.algorithm) != (origin, ED25519) for key in logs):
        raise MalformedData("the trust file's policy needs Ed25519 logs of its own origin")
    own = [each for each in policy.witnesses if each.key.name == origin]
    others = [each for each in policy.witnesses if each.key.name != origin]
    if any(each.key.algorithm != COSIGNATURE_ML_DSA_44 for each in own):
        raise MalformedData("under the notary's name the policy can list ML-DSA-44 keys only")
    if has_quorum(policy, [each.name for each in others]):
        raise MalformedData(
            "the trust file's quorum can be met without the notary's ML-DSA-44 signature"
        )
    notary = {key.public for key in logs} | {each.key.public for each in own}
    if any(each.key.public in notary for each in others):
        raise MalformedData("the trust file lists a key of the notary as another's witness")
    return policy


def _parse_required(values: Sequence[Any], witnesses: bool) -> tuple[str, ...]:
    known = values and all(value in REQUIRABLE for value in values)
    if not known or len(set(values)) != len(values):
        raise MalformedData(f"a trust file requires one or more of {', '.join(REQUIRABLE)}")
    if witnesses and WITNESSES not in values:
        return (*values, WITNESSES)
    return tuple(values)


def _authority_fields(authority: Authority) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": authority.name, "authority": _pem(authority.certificate)}
    if authority.policy is not None:
        fields["policy"] = authority.policy
    if authority.url is not None:
        fields["url"] = authority.url
    return fields | {"accuracy": authority.accuracy}


def _parse_authorities(values: Any) -> tuple[Authority, ...]:
    if not isinstance(values, list) or len(values) > MAX_AUTHORITIES:
        raise MalformedData(f"a trust file lists at most {MAX_AUTHORITIES} timestamp authorities")
    found = tuple(map(_parse_authority, values))
    if len({each.name for each in found}) < len(found):
        raise MalformedData("two timestamp authorities in the trust file have the same name")
    return found


def _parse_authority(value: Any) -> Authority:
    match value:
        case {"name": str(name), "authority": str(pem), "accuracy": int(accuracy), **rest} if (
            0 < len(name) <= MAX_AUTHORITY_NAME
            and not isinstance(accuracy, bool)
            and 0 <= accuracy <= MAX_ACCURACY
            and rest.keys() <= {"policy", "url"}
        ):
            policy: Any = rest.get("policy")
            url: Any = rest.get("url")
            named = policy is None or (isinstance(policy, str) and _OID.fullmatch(policy))
            if named and (url is None or _is_url(url)):
                return Authority(
                    name,
                    _certificate(pem, "a timestamp authority's"),
                    policy,
                    accuracy,
                    url,
                )
    raise MalformedData("a timestamp authority in the trust file is not as specified")


def _is_url(value: Any) -> bool:
    known = isinstance(value, str) and value.startswith(("http://", "https://"))
    return known and len(value) <= MAX_URL and value.isascii() and value.isprintable()


def _certificate(pem: str, whose: Message) -> bytes:
    try:
        (certificate,) = x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, x509.InvalidVersion) as error:
        raise MalformedData(f"{whose} certificate in the trust file is not one in PEM") from error
    return certificate.public_bytes(Encoding.DER)


def _pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def _parse_seal(value: Any) -> SealAnchor:
    match value:
        case {"subject": str(subject), "authority": str(pem)} if subject and len(value) == 2:
            authority = _certificate(pem, "a seal's")
            require_authority(authority)
            return SealAnchor(subject, authority)
    raise MalformedData("a seal in the trust file is not a subject and its authority")
