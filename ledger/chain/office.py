"""What the office itself puts on record: platform, key, notice and recovery statements. All public.

    platform  {origin, nonce, operator, filing, environment, software, standards: [* tstr]}
    key       {origin, nonce, key: thumbprint, action: "revoked", reason}
    notice    {origin, nonce, text}
    recovery  {origin, nonce, cause, size, root}     the checkpoint from which the ledger went on

A revocation names the key by its thumbprint and a reason from a fixed list: no account, no name, so
that the public learns only that some key is no longer good. Whoever holds a receipt can match it.
"""

from dataclasses import dataclass
from typing import Any

from ledger.chain import statement as st
from ledger.chain.statement import Statement
from ledger.errors import MalformedData

MAX_TEXT = 4_096
"""Characters of one text; a statement of them stays well below the size of an entry."""
MAX_STANDARDS = 64

REVOKED = "revoked"
REASONS = ("compromised", "lost", "superseded", "ceased")
"""Why a key was revoked: it may be in other hands, is gone, was replaced, its holder stopped."""

RESTORED = "restored"
"""The ledger goes on from a backup."""


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
class Recovery:
    """The ledger went on from the checkpoint of `size` entries and this root, because of `cause`."""

    cause: str
    size: int
    root: bytes


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


def revocation_payload(revocation: Revocation) -> dict[str, Any]:
    """Return the payload map without origin and nonce."""
    return {"key": revocation.key, "action": REVOKED, "reason": revocation.reason}


def parse_revocation(statement: Statement) -> Revocation:
    """Return what a key statement says. Raises MalformedData."""
    match _fields(statement, st.KEY):
        case {"key": bytes(key), "action": "revoked", "reason": str(reason)} as fields:
            if len(fields) == 3 and len(key) == st.HASH_SIZE and reason in REASONS:
                return Revocation(key, reason)
    raise MalformedData("not a key statement")


def notice_payload(text: str) -> dict[str, Any]:
    """Return the payload map without origin and nonce."""
    return {"text": text}


def parse_notice(statement: Statement) -> str:
    """Return the text of a notice. Raises MalformedData."""
    match _fields(statement, st.NOTICE):
        case {"text": str(text)} as fields if len(fields) == 1 and 0 < len(text) <= MAX_TEXT:
            return text
    raise MalformedData("not a notice")


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


_PARSERS = {
    st.PLATFORM: parse_platform,
    st.KEY: parse_revocation,
    st.NOTICE: parse_notice,
    st.RECOVERY: parse_recovery,
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
