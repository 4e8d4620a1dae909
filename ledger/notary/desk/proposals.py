"""What waits for a second pair of eyes: enrolment requests that somebody has compared with the paper.

Whoever approves compares the paper again. The act is on the trail before it is carried out and again
with what came of it; enrolling twice changes nothing, so after a crash in between it is approved again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ledger.chain.enrolment import EnrolmentRequest, IdentityRecord, format_record, parse_record
from ledger.crypto.keys import thumbprint_ed25519
from ledger.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    SealbookError,
    WrongOrigin,
)
from ledger.notary.desk.roles import (
    Member,
    Right,
    require,
    require_second_eyes,
)
from ledger.notary.desk.staff import member_of
from ledger.notary.desk.trail import Action, Actor, note, put_on_trail
from ledger.notary.enrolling import (
    Asked,
    Execute,
    checked,
    enrol,
    read_asked,
    require_account,
    require_paper,
)
from ledger.notary.orders import Enrolled, Entered, Revoke
from ledger.notary.storage.desk import StaffDesk
from ledger.notary.storage.records import RecordStore
from ledger.quoted import quoted

WAITING, APPROVING, DECLINED, ENROLLED = "waiting", "approving", "declined", "enrolled"
OPEN = (WAITING, APPROVING)
"""States of what is not decided. While the ledger has not answered, nobody takes an approval back."""
MAX_WAITING = 200


@dataclass(frozen=True, slots=True)
class Proposal:
    """A request that waits or waited. `record` says whose it is, until that was decided."""

    id: int
    asked: Asked
    proposer: Member
    proposed: int
    state: str
    decider: Member | None
    decided: int | None
    record: IdentityRecord | None

    @property
    def open(self) -> bool:
        """Whether it is not decided yet."""
        return self.state in OPEN

    @property
    def object(self) -> str:
        """How the trail names it."""
        return object_of(self.asked.request)


def object_of(request: EnrolmentRequest) -> str:
    """Return how the trail names a request: its account and its key."""
    key = thumbprint_ed25519(request.key).hex()
    return f"account {request.account_id}, key {key[:16]}"


def propose(
    desk: StaffDesk,
    member: Member,
    sent: bytes,
    printed: str,
    *,
    account: str | None = None,
    name: str = "",
    registration: str = "",
) -> int:
    """Put a request before an officer; return its number.

    `printed` and `account` are typed from the company's paper, `name` and `registration` as the office
    found them; those two for a request that opens an account. Raises NotAllowed, MalformedData,
    VerificationFailed, WrongOrigin, Refused, InvalidInput, Conflict.
    """
    require(member, Right.PROPOSE)
    asked = read_asked(sent)
    if asked.request.origin != desk.origin:
        raise WrongOrigin(
            f"The request was made for {quoted(asked.request.origin)}; this ledger is "
            f"{quoted(desk.origin)}."
        )
    _compare(asked, printed, account)
    data = None
    if asked.request.account is None:
        identity = checked(name, registration, member.name, desk.moment, desk.random)
        data = format_record(identity)
    digest = asked.request.digest
    with desk.connections.writing() as connection:
        sql = "SELECT digest FROM proposals WHERE state IN (?, ?)"
        waits = connection.execute(sql, OPEN)
        waiting = [each for (each,) in waits.fetchall()]
        if digest in waiting:
            raise Conflict("This request waits for an officer already.")
        if len(waiting) >= MAX_WAITING:
            raise Conflict(f"{MAX_WAITING} requests wait; let an officer decide about some first.")
        if data is not None:
            desk.records.write(digest, data)
        sql = """INSERT INTO proposals (digest, sent, proposer, proposed, state)
            VALUES (?, ?, ?, ?, ?) RETURNING id"""
        row = digest, sent, member.id, desk.moment, WAITING
        number = int(connection.execute(sql, row).fetchone()[0])
        note(desk, connection, Actor.of(member), Action.PROPOSED, object_of(asked.request))
    return number


def decline(desk: StaffDesk, member: Member, number: int) -> None:
    """Decide that a request is not enrolled; whoever proposed it may do so too.

    Raises NotFound, NotAllowed, Conflict.
    """
    found = waiting(desk, number)
    if found.proposer.id != member.id:
        require_second_eyes(member, found.proposer)
    _move(desk, member, found, (WAITING,), DECLINED, Action.DECLINED)
    desk.records.erase(found.asked.request.digest)


def approve(
    desk: StaffDesk,
    member: Member,
    number: int,
    printed: str,
    account: str | None,
    execute: Execute,
    records: RecordStore,
) -> Enrolled:
    """Enrol what another has proposed, having compared the paper too.

    `records` is the notary's folder of identity records. Raises NotFound, NotAllowed, Conflict,
    VerificationFailed, and what enrolling raises.
    """
    found = waiting(desk, number)
    require_second_eyes(member, found.proposer)
    _compare(found.asked, printed, account)
    both = None
    if found.asked.request.account is None:
        if found.record is None:
            raise Conflict("The identity record of this request is gone; decline it, and ask anew.")
        both = replace(found.record, checked_by=f"{found.proposer.name}, {member.name}")
    _move(desk, member, found, OPEN, APPROVING, Action.APPROVED)
    try:
        enrolled = enrol(found.asked, both, execute, records)
    except SealbookError as error:
        _move(desk, member, found, OPEN, WAITING, Action.FAILED, why=error.code)
        raise
    entry = enrolled.standing.key(found.asked.request.key).enrolled_index
    _move(desk, member, found, OPEN, ENROLLED, Action.ENROLLED, entry)
    desk.records.erase(found.asked.request.digest)
    return enrolled


def revoke(desk: StaffDesk, member: Member, key: bytes, reason: str, execute: Execute) -> int:
    """Revoke a key for ever; return the entry. Raises NotAllowed, and what revoking raises."""
    require(member, Right.REVOKE)
    return revoke_as(desk, Actor.of(member), key, reason, execute)


def revoke_as(desk: StaffDesk, actor: Actor, key: bytes, reason: str, execute: Execute) -> int:
    """Revoke a key for ever, on the trail; return the entry. Raises what revoking raises."""
    answer: Entered = put_on_trail(
        desk,
        actor,
        Action.REVOKING,
        Action.REVOKED,
        f"key {key.hex()[:16]}: {reason}",
        lambda: execute(Revoke(key, reason)),
        lambda entered: entered.index,
    )
    return answer.index


def waiting(desk: StaffDesk, number: int) -> Proposal:
    """Return a request that waits. Raises NotFound, Conflict once it was decided."""
    found = proposal(desk, number)
    if not found.open:
        raise Conflict("This request was decided already; look at what became of it.")
    return found


def proposal(desk: StaffDesk, number: int) -> Proposal:
    """Return a request. Raises NotFound."""
    found = _select(desk, "WHERE id = ?", (number,))
    if not found:
        raise NotFound("There is no such request.")
    return found[0]


def undecided(desk: StaffDesk) -> list[Proposal]:
    """Return what waits, oldest first."""
    return _select(desk, "WHERE state IN (?, ?) ORDER BY id", OPEN)


def decided(desk: StaffDesk, limit: int) -> list[Proposal]:
    """Return at most `limit` of what was decided, newest first."""
    clause = "WHERE state NOT IN (?, ?) ORDER BY decided DESC, id DESC LIMIT ?"
    return _select(desk, clause, (*OPEN, limit))


def _select(desk: StaffDesk, clause: str, values: Sequence[object]) -> list[Proposal]:
    sql = f"SELECT id, sent, proposer, proposed, state, decider, decided FROM proposals {clause}"  # noqa: S608
    with desk.connections.reading() as connection:
        return [
            _proposal(desk, connection, *each)
            for each in connection.execute(sql, tuple(values)).fetchall()
        ]


def _proposal(
    desk: StaffDesk,
    connection: Any,
    number: int,
    sent: bytes,
    proposer: int,
    proposed: int,
    state: str,
    decider: int | None,
    decided: int | None,
) -> Proposal:
    asked = read_asked(sent)
    data = desk.records.read(asked.request.digest) if state in OPEN else None
    return Proposal(
        number,
        asked,
        member_of(connection, proposer),
        proposed,
        state,
        None if decider is None else member_of(connection, decider),
        decided,
        None if data is None else parse_record(data),
    )


def _move(
    desk: StaffDesk,
    member: Member,
    found: Proposal,
    before: tuple[str, ...],
    after: str,
    action: Action,
    entry: int | None = None,
    *,
    why: str = "",
) -> None:
    """Move a request from a state to another, and put that on the trail. Raises Conflict."""
    done = after not in OPEN
    places = ", ".join("?" * len(before))
    sql = f"""UPDATE proposals SET state = ?, decider = ?, decided = ?
        WHERE id = ? AND state IN ({places})"""  # noqa: S608 - question marks
    row = after, member.id if done else None, desk.moment if done else None, found.id, *before
    with desk.connections.writing() as connection:
        if not connection.execute(sql, row).rowcount:
            raise Conflict("Somebody else has decided about this request at this moment.")
        what = f"{found.object}: {why}" if why else found.object
        note(desk, connection, Actor.of(member), action, what, entry)


def _compare(asked: Asked, printed: str, account: str | None) -> None:
    if (account is None) != (asked.request.account is None):
        raise InvalidInput(
            "This request joins an account: type the account from the company's paper."
            if asked.request.account
            else "This request opens a new account; leave the account out."
        )
    require_account(asked, account)
    require_paper(asked, printed)
