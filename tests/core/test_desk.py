"""The desk: roles, a second pair of eyes, sessions, passkeys and codes, and the audit trail."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp
import pytest

from ledger.chain.enrolment import endorse_request, format_request
from ledger.chain.trust import fingerprint
from ledger.crypto.keys import SigningKey
from ledger.errors import (
    Conflict,
    InvalidInput,
    LedgerFault,
    NotAuthenticated,
    NotFound,
    SealbookError,
    Unavailable,
    VerificationFailed,
    WrongOrigin,
)
from ledger.notary.care.fsck import fsck
from ledger.notary.care.restore import restore
from ledger.notary.desk import limits, proposals, sessions, staff, trail
from ledger.notary.desk.challenges import SECONDS, Challenges
from ledger.notary.desk.codes import STEP
from ledger.notary.desk.door import CREATE, Door, Proof, Visitor
from ledger.notary.desk.limits import TooManyAttempts
from ledger.notary.desk.passkeys import Site
from ledger.notary.desk.roles import (
    RIGHTS,
    Member,
    NotAllowed,
    Right,
    Role,
    require,
    require_second_eyes,
)
from ledger.notary.desk.sessions import IDLE, LONGEST, Session
from ledger.notary.desk.trail import Action, Actor, rows, verify_trail
from ledger.notary.enrolling import Execute
from ledger.notary.notary import Notary
from ledger.notary.orders import Order
from ledger.notary.storage.desk import StaffDesk, open_staff_desk
from ledger.notary.storage.records import record_folder
from ledger.notary.storage.sqlite import sqlite3
from tests.authenticators import Authenticator
from tests.cli.conftest import run
from tests.notaries import ORIGIN, Clock, Company, examined, found, opened

SITE = Site("http://localhost:8400", "localhost", "Notary Office")
ROOT = Actor("root", "terminal")
ROLES = tuple(Role)


@dataclass
class Office:
    """A desk with a clock in our hands, and its door."""

    desk: StaffDesk
    clock: Clock
    path: Path

    def __post_init__(self) -> None:
        self.challenges = Challenges(self.desk)
        self.door = Door(self.desk, SITE, self.challenges)

    def first(self, name: str, role: Role) -> tuple[Session, Visitor]:
        """Somebody who has just come in by their first link."""
        secret = staff.add(self.desk, name, role, ROOT)
        return self.signed_in(self.door.enter_by_link(Visitor("cookie", "192.0.2.1"), secret, ""))

    def signed_in(self, token: str) -> tuple[Session, Visitor]:
        session = sessions.find(self.desk, token)
        assert session is not None
        return session, Visitor(token, "192.0.2.1")

    def with_passkey(self, name: str, role: Role) -> tuple[Session, Visitor, Authenticator]:
        session, visitor = self.first(name, role)
        key = Authenticator(SITE.origin)
        answer = key.create(self.door.creation_options(visitor, session))
        token = self.door.add_passkey(visitor, session, answer, Proof())
        return (*self.signed_in(token), key)

    def with_code(self, name: str, role: Role) -> tuple[Session, Visitor, pyotp.TOTP]:
        session, _ = self.first(name, role)
        codes = pyotp.TOTP(pyotp.random_base32())
        token = self.door.set_code(session, codes.secret, self.code(codes))
        self.clock.now += STEP
        return (*self.signed_in(token), codes)

    def code(self, codes: pyotp.TOTP) -> str:
        return codes.at(int(self.clock.now))

    def actions(self) -> list[tuple[str, str]]:
        return [(each.who, each.action) for each in rows(self.desk)]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    clock = Clock()
    path = tmp_path / "desk.sqlite"
    waiting = record_folder(tmp_path / "requests")
    desk = open_staff_desk(path, ORIGIN, waiting, lambda: clock.now, os.urandom, create=True)
    yield Office(desk, clock, path)
    desk.close()


def member(office: Office, name: str, role: Role) -> Member:
    staff.add(office.desk, name, role, ROOT)
    return next(each.member for each in staff.roster(office.desk) if each.member.name == name)


# --- roles and the second pair of eyes


def test_no_operator_touches_the_ledger_and_nobody_else_sees_to_the_staff() -> None:
    touches = {Right.PROPOSE, Right.APPROVE, Right.REVOKE, Right.CERTIFY}
    assert not RIGHTS[Role.OPERATOR] & touches
    assert not RIGHTS[Role.CLERK] & (touches - {Right.PROPOSE})
    for role in (Role.CLERK, Role.OFFICER):
        assert not RIGHTS[role] & {Right.STAFF, Right.TRAIL}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("right", tuple(Right))
def test_a_right_comes_with_the_role_alone(role: Role, right: Right) -> None:
    who = Member(1, "Wang Li", role)
    if right in RIGHTS[role]:
        require(who, right)
    else:
        with pytest.raises(NotAllowed):
            require(who, right)


@pytest.mark.parametrize("proposer", ROLES)
@pytest.mark.parametrize("decider", ROLES)
@pytest.mark.parametrize("same", ["id", "name", "written otherwise", "another"])
def test_only_another_officer_approves(proposer: Role, decider: Role, same: str) -> None:
    first = Member(1, "Wang Li", proposer)
    second = {
        "id": Member(1, "Wang Lili", decider),
        "name": Member(2, "Wang Li", decider),
        "written otherwise": Member(2, "ＷＡＮＧ  li", decider),
        "another": Member(2, "Zhao Min", decider),
    }[same]
    if decider is Role.OFFICER and same == "another":
        require_second_eyes(second, first)
    else:
        with pytest.raises(NotAllowed):
            require_second_eyes(second, first)


def test_who_leaves_and_comes_back_in_another_role_is_the_same_person(office: Office) -> None:
    before = member(office, "Wang Li", Role.CLERK)
    staff.remove(office.desk, "wang  LI", ROOT)
    after = member(office, "Wang Li", Role.OFFICER)
    assert after.id == before.id
    with pytest.raises(NotAllowed):
        require_second_eyes(after, before)


def test_a_name_is_taken_once_however_it_is_written(office: Office) -> None:
    member(office, "Wang Li", Role.CLERK)
    for other in ("wang li", " Wang  Li ", "Ｗang Li"):
        with pytest.raises(Conflict):
            staff.add(office.desk, other, Role.OFFICER, ROOT)
    for none in ("", "  ", "a\x1b[2J", "x" * 65, "\u202egnal"):
        with pytest.raises(InvalidInput):
            staff.add(office.desk, none, Role.CLERK, ROOT)


# --- links


def test_a_link_counts_once_and_for_an_hour(office: Office) -> None:
    visitor = Visitor("cookie", "192.0.2.1")
    secret = staff.add(office.desk, "Wang Li", Role.CLERK, ROOT)
    assert office.door.enter_by_link(visitor, secret.lower().replace("-", " "), "")
    with pytest.raises(NotAuthenticated):
        office.door.enter_by_link(visitor, secret, "")
    late = staff.reset(office.desk, "Wang Li", ROOT)
    office.clock.now += staff.LINK_SECONDS
    with pytest.raises(NotAuthenticated):
        office.door.enter_by_link(visitor, late, "")


def test_a_new_link_ends_the_old_one_and_removal_ends_all(office: Office) -> None:
    visitor = Visitor("cookie", "192.0.2.1")
    old = staff.add(office.desk, "Wang Li", Role.CLERK, ROOT)
    new = staff.link(office.desk, "Wang Li", ROOT)
    with pytest.raises(NotAuthenticated):
        office.door.enter_by_link(visitor, old, "")
    staff.remove(office.desk, "Wang Li", ROOT)
    with pytest.raises(NotAuthenticated):
        office.door.enter_by_link(visitor, new, "")
    with pytest.raises(NotFound):
        staff.link(office.desk, "Wang Li", ROOT)


def test_no_secret_lies_in_the_database(office: Office) -> None:
    secret = staff.add(office.desk, "Wang Li", Role.CLERK, ROOT)
    token = office.door.enter_by_link(Visitor("cookie", "192.0.2.1"), secret, "")
    office.desk.close()
    data = b"".join(path.read_bytes() for path in office.path.parent.glob("desk.sqlite*"))
    assert secret.encode() not in data
    assert token.encode() not in data
    assert bytes.fromhex(token) not in data


# --- passkeys


def test_a_passkey_is_made_after_a_link_and_signs_in(office: Office) -> None:
    _, _, key = office.with_passkey("Wang Li", Role.CLERK)
    visitor = Visitor("another cookie", "192.0.2.1")
    answer = key.get(office.door.sign_in_options(visitor))
    session, _ = office.signed_in(office.door.enter_by_passkey(visitor, answer))
    assert session.member.name == "Wang Li"
    assert not session.first
    assert office.actions() == [
        ("root", Action.STAFF_ADDED),
        ("Wang Li", Action.SIGNED_IN),
        ("Wang Li", Action.PASSKEY_ADDED),
        ("Wang Li", Action.SIGNED_IN),
    ]


def lying(change: dict[str, object]) -> Callable[[Authenticator], None]:
    def apply(key: Authenticator) -> None:
        for name, value in change.items():
            setattr(key, name, value)

    return apply


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"},
        {"domain": "evil.example"},
        {"verified": False},
        {"uses": -1},
        {"key": Authenticator(SITE.origin).key},
    ],
    ids=["origin", "domain", "nobody verified", "cloned", "another key"],
)
def test_a_passkeys_answer_is_refused(office: Office, change: dict[str, object]) -> None:
    _, _, key = office.with_passkey("Wang Li", Role.CLERK)
    visitor = Visitor("cookie", "192.0.2.1")
    key.uses = 5
    office.door.enter_by_passkey(visitor, key.get(office.door.sign_in_options(visitor)))
    lying(change)(key)
    with pytest.raises(VerificationFailed):
        office.door.enter_by_passkey(visitor, key.get(office.door.sign_in_options(visitor)))
    assert office.actions()[-1] == ("Wang Li", Action.REFUSED)


def test_an_answer_counts_once_for_minutes_and_for_who_was_asked(office: Office) -> None:
    _, _, key = office.with_passkey("Wang Li", Role.CLERK)
    visitor = Visitor("cookie", "192.0.2.1")
    answer = key.get(office.door.sign_in_options(visitor))
    key.uses = 0
    office.door.enter_by_passkey(visitor, answer)
    with pytest.raises(VerificationFailed):
        office.door.enter_by_passkey(visitor, answer)
    stolen = key.get(office.door.sign_in_options(visitor))
    with pytest.raises(VerificationFailed):
        office.door.enter_by_passkey(Visitor("another", "192.0.2.1"), stolen)
    late = key.get(office.door.sign_in_options(visitor))
    office.clock.now += SECONDS
    with pytest.raises(VerificationFailed):
        office.door.enter_by_passkey(visitor, late)


def test_an_answer_for_one_purpose_confirms_no_other(office: Office) -> None:
    session, visitor, key = office.with_passkey("Wang Li", Role.OFFICER)
    options = office.door.confirm_options(visitor, session, "approve 1")
    with pytest.raises(VerificationFailed):
        office.door.confirm(visitor, session, "approve 2", Proof(key.get(options)))
    options = office.door.confirm_options(visitor, session, "approve 1")
    office.door.confirm(visitor, session, "approve 1", Proof(key.get(options)))


def test_nobody_confirms_with_the_passkey_of_another(office: Office) -> None:
    session, visitor, _ = office.with_passkey("Wang Li", Role.OFFICER)
    _, _, other = office.with_passkey("Zhao Min", Role.OFFICER)
    options = office.door.confirm_options(visitor, session, "approve 1")
    with pytest.raises(VerificationFailed):
        office.door.confirm(visitor, session, "approve 1", Proof(other.get(options)))


def test_a_further_passkey_takes_one_that_is_there(office: Office) -> None:
    session, visitor, key = office.with_passkey("Wang Li", Role.OFFICER)
    new = Authenticator(SITE.origin)
    made = new.create(office.door.creation_options(visitor, session))
    with pytest.raises(VerificationFailed):
        office.door.add_passkey(visitor, session, made, Proof())
    made = new.create(office.door.creation_options(visitor, session))
    proof = Proof(key.get(office.door.confirm_options(visitor, session, CREATE)))
    session, visitor = office.signed_in(office.door.add_passkey(visitor, session, made, proof))
    purpose = f"remove passkey {key.id.hex()}"
    proof = Proof(new.get(office.door.confirm_options(visitor, session, purpose)))
    office.door.remove_passkey(visitor, session, key.id, proof)
    purpose = f"remove passkey {new.id.hex()}"
    proof = Proof(new.get(office.door.confirm_options(visitor, session, purpose)))
    with pytest.raises(InvalidInput):
        office.door.remove_passkey(visitor, session, new.id, proof)


@pytest.mark.parametrize(
    "answer",
    ["", "{", "[]", "null", '{"id": 1}', '{"id": "AA", "response": {}}', "x" * 20_000]
    + [
        json.dumps({"id": "AA", "response": {"clientDataJSON": text}}) for text in ("", "AA", "e30")
    ],
)
def test_what_is_no_answer_is_refused(office: Office, answer: str) -> None:
    session, visitor = office.first("Wang Li", Role.CLERK)
    with pytest.raises(SealbookError):
        office.door.enter_by_passkey(visitor, answer)
    with pytest.raises(VerificationFailed):
        office.door.add_passkey(visitor, session, answer, Proof())


def test_a_second_first_session_adds_nothing_to_what_is_there(office: Office) -> None:
    early, visitor = office.first("Wang Li", Role.CLERK)
    secret = staff.link(office.desk, "Wang Li", ROOT)
    other = office.door.enter_by_link(Visitor("c", "192.0.2.1"), secret, "")
    session, owner = office.signed_in(other)
    made = Authenticator(SITE.origin).create(office.door.creation_options(owner, session))
    office.door.add_passkey(owner, session, made, Proof())
    assert sessions.find(office.desk, visitor.holder) is None
    thief = Authenticator(SITE.origin).create(office.door.creation_options(visitor, early))
    with pytest.raises(VerificationFailed):
        office.door.add_passkey(visitor, early, thief, Proof())
    codes = pyotp.TOTP(pyotp.random_base32())
    with pytest.raises(InvalidInput):
        office.door.set_code(early, codes.secret, office.code(codes))


# --- one-time codes


def test_a_code_signs_in_with_a_link_and_counts_once(office: Office) -> None:
    session, visitor, codes = office.with_code("Wang Li", Role.CLERK)
    code = office.code(codes)
    office.door.confirm(visitor, session, "approve 1", Proof(code=code))
    with pytest.raises(VerificationFailed):
        office.door.confirm(visitor, session, "approve 1", Proof(code=code))
    office.clock.now += STEP
    secret = staff.link(office.desk, "Wang Li", ROOT)
    with pytest.raises(VerificationFailed):
        office.door.enter_by_link(visitor, secret, "000000")
    office.signed_in(office.door.enter_by_link(visitor, secret, office.code(codes)))


def test_a_passkey_ends_the_code_and_a_first_session_sets_up_nothing_twice(office: Office) -> None:
    session, visitor, codes = office.with_code("Wang Li", Role.CLERK)
    with pytest.raises(InvalidInput):
        office.door.set_code(session, pyotp.random_base32(), "000000")
    key = Authenticator(SITE.origin)
    made = key.create(office.door.creation_options(visitor, session))
    token = office.door.add_passkey(visitor, session, made, Proof(code=office.code(codes)))
    session, visitor = office.signed_in(token)
    office.clock.now += STEP
    with pytest.raises(VerificationFailed):
        office.door.confirm(visitor, session, "approve 1", Proof(code=office.code(codes)))
    with pytest.raises(Conflict):
        staff.link(office.desk, "Wang Li", ROOT)


def test_who_fails_too_often_waits(office: Office) -> None:
    session, visitor, codes = office.with_code("Wang Li", Role.CLERK)
    for _ in range(limits.MOST["name"]):
        with pytest.raises(VerificationFailed):
            office.door.confirm(visitor, session, "approve 1", Proof(code="000000"))
    with pytest.raises(TooManyAttempts):
        office.door.confirm(visitor, session, "approve 1", Proof(code=office.code(codes)))
    office.clock.now += limits.WINDOW
    session, visitor = office.signed_in(
        office.door.enter_by_link(
            visitor, staff.link(office.desk, "Wang Li", ROOT), office.code(codes)
        )
    )


def test_an_address_that_fails_too_often_waits_and_no_other_does(office: Office) -> None:
    secret = staff.add(office.desk, "Wang Li", Role.CLERK, ROOT)
    for number in range(limits.MOST["address"]):
        with pytest.raises(NotAuthenticated):
            office.door.enter_by_link(Visitor("c", f"2001:db8::{number}"), "WRONG", "")
    with pytest.raises(TooManyAttempts):
        office.door.enter_by_link(Visitor("c", "2001:db8::ffff"), secret, "")
    assert office.door.enter_by_link(Visitor("c", "2001:db8:0:1::1"), secret, "")


# --- sessions


def test_a_session_ends_when_idle_and_after_a_day_at_work(office: Office) -> None:
    session, visitor, _ = office.with_passkey("Wang Li", Role.CLERK)
    started = session.started
    while office.clock.now + IDLE - 1 < started + LONGEST:
        office.clock.now += IDLE - 1
        assert sessions.find(office.desk, visitor.holder)
    office.clock.now = started + LONGEST
    assert sessions.find(office.desk, visitor.holder) is None
    _, visitor, _ = office.with_passkey("Zhao Min", Role.CLERK)
    office.clock.now += IDLE
    assert sessions.find(office.desk, visitor.holder) is None


def test_a_session_ends_with_the_role_the_person_and_the_door(office: Office) -> None:
    session, visitor, _ = office.with_passkey("Wang Li", Role.CLERK)
    office.door.leave(session)
    assert sessions.find(office.desk, visitor.holder) is None
    _, visitor, _ = office.with_passkey("Zhao Min", Role.CLERK)
    staff.remove(office.desk, "Zhao Min", ROOT)
    staff.add(office.desk, "Zhao Min", Role.OFFICER, ROOT)
    assert sessions.find(office.desk, visitor.holder) is None
    assert sessions.find(office.desk, "") is None


# --- proposals


@dataclass
class Bench:
    """A notary with a clerk and two officers."""

    notary: Notary
    directory: Path

    def __post_init__(self) -> None:
        assert self.notary.staff_desk is not None
        self.desk = self.notary.staff_desk
        for name, role in (
            ("Clerk", Role.CLERK),
            ("Officer", Role.OFFICER),
            ("Second", Role.OFFICER),
            ("Operator", Role.OPERATOR),
        ):
            staff.add(self.desk, name, role, ROOT)
        self.people = {each.member.name: each.member for each in staff.roster(self.desk)}

    def propose(self, who: str, company: Company, **values: str) -> int:
        texts = {"name": "ACME 有限公司", "registration": "91310000"} | values
        return proposals.propose(
            self.desk, self.people[who], company.ask(), fingerprint(company.request), **texts
        )

    def approve(self, who: str, number: int, printed: str) -> object:
        return proposals.approve(
            self.desk,
            self.people[who],
            number,
            printed,
            None,
            self.notary.execute,
            self.notary.records,
        )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = found(tmp_path_factory.mktemp("notary") / "directory")
    with opened(directory) as notary:
        yield Bench(notary, directory)


def test_a_clerk_proposes_and_an_officer_enrols(bench: Bench) -> None:
    company = Company()
    number = bench.propose("Clerk", company)
    for who in ("Clerk", "Operator"):
        with pytest.raises(NotAllowed):
            bench.approve(who, number, fingerprint(company.request))
    with pytest.raises(VerificationFailed):
        bench.approve("Officer", number, "0" * 32)
    bench.approve("Officer", number, fingerprint(company.request))
    standing = bench.notary.accounts.standing(company.account)
    assert standing.record is not None
    assert standing.record.checked_by == "Clerk, Officer"
    decided = proposals.proposal(bench.desk, number)
    assert (decided.state, decided.decider) == (proposals.ENROLLED, bench.people["Officer"])
    assert not list((bench.directory / "requests").iterdir())
    last = list(rows(bench.desk))[-3:]
    assert [each.action for each in last] == [
        Action.PROPOSED,
        Action.APPROVED,
        Action.ENROLLED,
    ]
    assert last[-1].entry == standing.keys[0].enrolled_index
    with pytest.raises(Conflict):
        bench.approve("Second", number, fingerprint(company.request))


def test_an_officer_approves_anothers_proposal_only(bench: Bench) -> None:
    company = Company()
    number = bench.propose("Officer", company)
    with pytest.raises(NotAllowed):
        bench.approve("Officer", number, fingerprint(company.request))
    bench.approve("Second", number, fingerprint(company.request))


def test_a_declined_request_leaves_no_name_behind(bench: Bench) -> None:
    company = Company()
    number = bench.propose("Clerk", company, name="Secret Buyer Ltd")
    assert proposals.proposal(bench.desk, number).record is not None
    with pytest.raises(Conflict):
        bench.propose("Clerk", company_again(company))
    with pytest.raises(NotAllowed):
        proposals.decline(bench.desk, bench.people["Operator"], number)
    proposals.decline(bench.desk, bench.people["Clerk"], number)
    assert proposals.proposal(bench.desk, number).record is None
    held = [path for path in bench.directory.rglob("*") if path.is_file()]
    assert not [path for path in held if b"Secret Buyer" in path.read_bytes()]


def test_what_is_being_approved_is_taken_back_by_nobody(bench: Bench) -> None:
    company, execute = Company(), bench.notary.execute
    number = bench.propose("Clerk", company)

    def late(order: Order[Any]) -> Any:
        with pytest.raises(Conflict):
            proposals.decline(bench.desk, bench.people["Clerk"], number)
        return execute(order)

    def failing(_: Order[Any]) -> Any:
        raise Unavailable("not now")

    def approve(execute: Execute) -> object:
        return proposals.approve(
            bench.desk,
            bench.people["Officer"],
            number,
            fingerprint(company.request),
            None,
            execute,
            bench.notary.records,
        )

    with pytest.raises(Unavailable):
        approve(failing)
    assert proposals.proposal(bench.desk, number).state == proposals.WAITING
    approve(late)
    assert proposals.proposal(bench.desk, number).state == proposals.ENROLLED
    last = [each.action for each in rows(bench.desk)][-4:]
    assert last == [Action.APPROVED, Action.FAILED, Action.APPROVED, Action.ENROLLED]


class company_again(Company):
    def __init__(self, before: Company) -> None:
        super().__init__(before.key, before.recovery, before.account, before.request)

    def ask(self) -> bytes:
        return self.request


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"name": ""}, InvalidInput),
        ({"name": "x" * 257}, InvalidInput),
        ({"name": "ACME\x1b[2J"}, InvalidInput),
        ({"name": "\u202eDTL EMCA"}, InvalidInput),
        ({"registration": " "}, InvalidInput),
        ({"account": "0" * 32}, InvalidInput),
    ],
)
def test_what_the_office_types_is_held_to_its_form(
    bench: Bench, values: dict[str, str], error: type[SealbookError]
) -> None:
    with pytest.raises(error):
        bench.propose("Clerk", Company(), **values)


def test_a_request_for_another_ledger_or_with_another_paper_is_not_proposed(bench: Bench) -> None:
    key = SigningKey(os.urandom(32))
    foreign = format_request(key, origin="other.example", nonce=os.urandom(32), issued_at=1)
    clerk = bench.people["Clerk"]
    with pytest.raises(WrongOrigin):
        proposals.propose(
            bench.desk, clerk, foreign, fingerprint(foreign), name="A", registration="1"
        )
    company = Company()
    with pytest.raises(VerificationFailed):
        proposals.propose(bench.desk, clerk, company.ask(), "1234", name="A", registration="1")
    with pytest.raises(SealbookError):
        proposals.propose(bench.desk, clerk, b"\xd2\x84", "1234", name="A", registration="1")


def test_a_further_key_of_an_account_is_proposed_by_its_account(bench: Bench) -> None:
    company = Company().enrol(bench.notary)
    key = SigningKey(os.urandom(32))
    inner = format_request(
        key, origin=ORIGIN, nonce=os.urandom(32), issued_at=1, account=company.account
    )
    sent = endorse_request(inner, company.recovery)
    clerk, officer = bench.people["Clerk"], bench.people["Officer"]
    with pytest.raises(InvalidInput):
        proposals.propose(bench.desk, clerk, sent, fingerprint(inner))
    with pytest.raises(VerificationFailed):
        proposals.propose(bench.desk, clerk, sent, fingerprint(inner), account="0" * 32)
    with pytest.raises(SealbookError):
        proposals.propose(bench.desk, clerk, inner, fingerprint(inner), account=company.account)
    number = proposals.propose(bench.desk, clerk, sent, fingerprint(inner), account=company.account)
    enrolled = proposals.approve(
        bench.desk,
        officer,
        number,
        fingerprint(inner),
        company.account,
        bench.notary.execute,
        bench.notary.records,
    )
    assert key.public in {each.public for each in enrolled.standing.keys}


def test_revoking_is_for_officers_and_on_the_trail_either_way(bench: Bench) -> None:
    company = Company().enrol(bench.notary)
    key, execute = company.key.thumbprint, bench.notary.execute
    for who in ("Clerk", "Operator"):
        with pytest.raises(NotAllowed):
            proposals.revoke(bench.desk, bench.people[who], key, "lost", execute)
    entry = proposals.revoke(bench.desk, bench.people["Officer"], key, "lost", execute)
    with pytest.raises(SealbookError):
        proposals.revoke(bench.desk, bench.people["Officer"], key, "lost", execute)
    last = list(rows(bench.desk))[-4:]
    assert [(each.action, each.entry) for each in last] == [
        (Action.REVOKING, None),
        (Action.REVOKED, entry),
        (Action.REVOKING, None),
        (Action.FAILED, None),
    ]


# --- the audit trail


def altered(path: Path, sql: str, *, triggers: bool = False) -> None:
    connection = sqlite3.connect(path)
    try:
        if not triggers:
            names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            for (name,) in names.fetchall():
                connection.execute(f"DROP TRIGGER {name}")
        connection.execute(sql)
        connection.commit()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE trail SET who = 'nobody'",
        "DELETE FROM trail WHERE number = 1",
        "INSERT INTO trail SELECT 7, time, who, role, action, object, entry, previous, x'00'"
        " FROM trail WHERE number = 0",
    ],
)
def test_triggers_refuse_to_change_the_trail(office: Office, sql: str) -> None:
    member(office, "Wang Li", Role.CLERK)
    member(office, "Zhao Min", Role.OFFICER)
    with pytest.raises(sqlite3.IntegrityError):
        altered(office.path, sql, triggers=True)


CHANGES = [
    f"UPDATE trail SET {column} = {value} WHERE number = 1"
    for column, value in (
        ("time", "time + 1"),
        ("who", "'nobody'"),
        ("role", "'clerk'"),
        ("action", "'signed-out'"),
        ("object", "object || ' '"),
        ("entry", "7"),
        ("previous", "x'00'"),
        ("hash", "x'00'"),
    )
] + [
    "DELETE FROM trail WHERE number = 0",
    "DELETE FROM trail WHERE number = 1",
]


@pytest.mark.parametrize("sql", CHANGES)
def test_a_row_that_was_altered_without_triggers_is_found(office: Office, sql: str) -> None:
    for name in ("Wang Li", "Zhao Min", "Sun Yi"):
        member(office, name, Role.CLERK)
    assert verify_trail(ORIGIN, rows(office.desk))[0] == 3
    altered(office.path, sql)
    with pytest.raises(VerificationFailed):
        verify_trail(ORIGIN, rows(office.desk))


def test_an_export_finds_a_cut_end_and_a_trail_written_anew(office: Office) -> None:
    for name in ("Wang Li", "Zhao Min"):
        member(office, name, Role.CLERK)
    kept = {each.number: each.hash.hex() for each in rows(office.desk)}
    trail.require_extends(rows(office.desk), kept)
    altered(office.path, "DELETE FROM trail WHERE number = 1")
    verify_trail(ORIGIN, rows(office.desk))  # the chain alone cannot tell
    with pytest.raises(VerificationFailed, match="cut off"):
        trail.require_extends(rows(office.desk), kept)
    member(office, "Sun Yi", Role.CLERK)
    with pytest.raises(VerificationFailed, match="rewritten"):
        trail.require_extends(rows(office.desk), kept)


def test_fsck_reads_the_trail_and_the_records_that_wait(tmp_path: Path) -> None:
    directory = found(tmp_path / "directory")
    with opened(directory) as notary:
        bench = Bench(notary, directory)
        company = Company()
        number = bench.propose("Clerk", company)
        bench.approve("Officer", number, fingerprint(company.request))
        bench.propose("Clerk", Company())
    assert examined(directory) == ()
    (directory / "requests" / "00").write_bytes(b"left over")
    assert [each.level for each in examined(directory)] == ["warning"]
    (directory / "requests" / "00").unlink()
    altered(directory / "desk.sqlite", "UPDATE trail SET object = 'x' WHERE number = 5")
    (fault,) = examined(directory)
    assert (fault.level, fault.place) == ("error", "desk.sqlite")
    assert "row 5" in fault.problem


def test_a_restored_desk_has_its_staff_and_no_session(tmp_path: Path) -> None:
    directory = found(tmp_path / "directory")
    with opened(directory) as notary:
        bench = Bench(notary, directory)
        number = bench.propose("Clerk", Company())
        with bench.desk.connections.writing() as connection:
            token = sessions.begin(bench.desk, connection, bench.people["Officer"])
        notary.backup(tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "new", clock=Clock(), random=os.urandom)
    with opened(tmp_path / "new") as notary:
        desk = notary.staff_desk
        assert desk is not None
        assert {each.member.name for each in staff.roster(desk)} == set(bench.people)
        assert sessions.find(desk, token) is None
        assert not any(each.link for each in staff.roster(desk))
        assert proposals.proposal(desk, number).record is not None
        assert verify_trail(ORIGIN, rows(desk))[0] == 6


def test_everything_is_for_its_owner_alone(bench: Bench) -> None:
    number = bench.propose("Clerk", Company())
    private = [bench.directory / "desk.sqlite", *(bench.directory / "requests").iterdir()]
    assert [path.stat().st_mode & 0o077 for path in private] == [0] * len(private)
    proposals.decline(bench.desk, bench.people["Clerk"], number)


def test_a_lost_desk_is_not_begun_anew_as_if_nothing_had_been_decided(tmp_path: Path) -> None:
    directory = found(tmp_path / "notary")
    with opened(directory) as notary:
        account = Company().enrol(notary).account
    run("notary", "account", "hold", account, "--reason", "order 7", "--dir", directory)
    kept = (directory / "desk.sqlite").read_bytes()
    for path in directory.glob("desk.sqlite*"):
        path.unlink()
    with (
        pytest.raises(LedgerFault, match=r"desk\.sqlite.*is missing.*newest backup"),
        opened(directory),
    ):
        pass
    assert (
        "is missing" in run("notary", "account", "show", account, "--dir", directory, code=1).output
    )
    (fault,) = fsck(directory)
    assert (fault.level, fault.place) == ("error", "desk.sqlite")
    assert not (directory / "desk.sqlite").exists()
    (directory / "desk.sqlite").write_bytes(kept)
    assert fsck(directory) == ()
    assert "order 7" in run("notary", "account", "show", account, "--dir", directory).output
