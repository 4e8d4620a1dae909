"""Who may do what: one table. Who runs the machine never approves, who approves has not proposed."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from ledger.errors import Refused


class Role(StrEnum):
    """What somebody is at the office."""

    CLERK = "clerk"
    OFFICER = "officer"
    OPERATOR = "operator"


class Right(StrEnum):
    """What a role may allow."""

    OWN = "own"
    """See what waits, and look after one's own keys."""
    PROPOSE = "propose"
    APPROVE = "approve"
    ACCOUNTS = "accounts"
    REVOKE = "revoke"
    CERTIFY = "certify"
    STAFF = "staff"
    TRAIL = "trail"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.CLERK: frozenset({Right.OWN, Right.PROPOSE, Right.ACCOUNTS}),
    Role.OFFICER: frozenset(
        {Right.OWN, Right.PROPOSE, Right.APPROVE, Right.ACCOUNTS, Right.REVOKE, Right.CERTIFY}
    ),
    Role.OPERATOR: frozenset({Right.OWN, Right.STAFF, Right.TRAIL}),
}


class NotAllowed(Refused):
    """The role does not allow it."""

    code = "not-allowed"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody at the office. `id` is theirs for ever: a name that comes back is the same person."""

    id: int
    name: str
    role: Role


def require(member: Member, right: Right) -> None:
    """Raise NotAllowed unless the member's role brings the right."""
    if right not in RIGHTS[member.role]:
        raise NotAllowed("Your role does not allow this; ask somebody at the office whose does.")


def require_second_eyes(member: Member, proposer: Member) -> None:
    """Raise NotAllowed unless `member` may approve what `proposer` has proposed.

    It takes a role that approves, and another person: neither the same record nor the same name.
    """
    require(member, Right.APPROVE)
    if member.id == proposer.id or folded(member.name) == folded(proposer.name):
        raise NotAllowed("You proposed this yourself; another officer decides about it.")


def folded(name: str) -> str:
    """Return a name as names are told apart: whoever looks the same is the same."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
