"""What may follow what in a ledger: each rule, broken by one entry that breaks no other."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from ledger.chain import statement as st
from ledger.chain.block import GENESIS_PREVIOUS, Block, block_payload, notary_statement, note_digest
from ledger.chain.enrolment import DEVICE, RECOVERY_SHEET, Enrolment, enrolment_payload
from ledger.chain.fault.order import why_not_both
from ledger.chain.office import (
    WHOLE,
    Inspection,
    Issued,
    Notice,
    Platform,
    Revocation,
    Withdrawn,
    certificate_payload,
    inspection_payload,
    notice_payload,
    platform_payload,
    revocation_payload,
)
from ledger.chain.replay import (
    AccountKey,
    CertificatePlace,
    Replay,
    Rule,
    RuleBroken,
    account_of,
)
from ledger.chain.statement import Deposit, Matter, Payload, Statement, format_deposit
from ledger.chain.statement import parse_statement as parsed
from ledger.crypto.keys import SigningKey
from ledger.errors import MalformedData, VerificationFailed
from tests.simulator import LOG, NOW, ORIGIN, nonce

ACCOUNT, OTHER = "0a" * 16, "0b" * 16
KEY, RECOVERY, STRANGER = (SigningKey(bytes([number]) * 32) for number in (5, 6, 7))
MATTER = b"m" * 16
PLATFORM = Platform("office", "filing", "room", "software", ("GB/T 1",))


def say(kind: str, payload: dict[str, object], origin: str = ORIGIN) -> Statement:
    fields = {"origin": origin, "nonce": nonce(repr(payload))} | payload
    return parsed(notary_statement(kind, fields, origin=origin, key=LOG, issued_at=NOW))


def enrolled(
    key: SigningKey,
    account: str = ACCOUNT,
    role: str = DEVICE,
    origin: str = ORIGIN,
    by: SigningKey | None = None,
) -> Statement:
    endorser = None if by is None else by.thumbprint
    made = Enrolment(origin, nonce(role), account, key.public, role, nonce("record"), endorser)
    return say(st.ENROLMENT, enrolment_payload(made), origin)


def revoked(key: SigningKey) -> Statement:
    return say(st.KEY, revocation_payload(Revocation(key.thumbprint, "lost")))


def inspected(entry: int) -> Statement:
    return say(st.INSPECTION, inspection_payload(Inspection(entry, b"l" * 32, WHOLE, b"p" * 32)))


def deposited(
    key: SigningKey = KEY,
    account: str = ACCOUNT,
    origin: str = ORIGIN,
    matter: Matter | None = None,
    commitment: bytes = b"c" * 32,
) -> Statement:
    made = Deposit(origin, commitment, None, Payload(500, b"\2" * 32), matter)
    return parsed(format_deposit(made, account, key, NOW))


def record(height: int, start: int, size: int, /, **changes: object) -> Statement:
    previous = note_digest(f"note {height - 1}") if height else GENESIS_PREVIOUS
    block = Block(ORIGIN, nonce(f"{height}"), height, start, size, NOW + height, previous, (), None)
    return say(st.BLOCK, block_payload(replace(block, **changes)))  # type: ignore[arg-type]


def begun() -> Replay:
    """A ledger of genesis and a block that enrols a device key and a recovery key."""
    replay = Replay(ORIGIN)
    replay.add(record(0, 0, 1))
    replay.close("note 0")
    for statement in (record(1, 1, 4), enrolled(KEY), enrolled(RECOVERY, role=RECOVERY_SHEET)):
        replay.add(statement)
    replay.close("note 1")
    return replay


def broken(rule: Rule, act: Callable[[], object]) -> None:
    with pytest.raises(RuleBroken) as caught:
        act()
    assert caught.value.rule is rule


def test_a_ledger_that_keeps_the_rules_is_read_to_its_end() -> None:
    replay = begun()
    one = deposited(matter=Matter(MATTER, 1, None))
    two = deposited(matter=Matter(MATTER, 2, one.leaf_hash))
    platform = say(st.PLATFORM, platform_payload(PLATFORM))
    for statement in (
        record(2, 4, 9),
        one,
        two,
        platform,
        say(st.NOTICE, notice_payload(Notice("x"))),
    ):
        replay.add(statement)
    replay.close("note 2")
    for statement in (record(3, 9, 11, platform=platform.leaf_hash), revoked(KEY)):
        replay.add(statement)
    replay.close("note 3")
    assert replay.size == 11
    assert replay.tips == {(ACCOUNT, MATTER): (2, two.leaf_hash)}
    assert replay.keys == {
        KEY.thumbprint: AccountKey(ACCOUNT, KEY.public, DEVICE, 2, 10),
        RECOVERY.thumbprint: AccountKey(ACCOUNT, RECOVERY.public, RECOVERY_SHEET, 3, None),
    }


def test_a_block_begins_with_its_record() -> None:
    broken(Rule.RECORD_FIRST, lambda: begun().add(deposited()))
    broken(Rule.RECORD_FIRST, lambda: Replay(ORIGIN).add(enrolled(KEY)))


def test_a_record_stands_nowhere_but_first() -> None:
    replay = begun()
    replay.add(record(2, 4, 6))
    broken(Rule.RECORD_FIRST, lambda: replay.add(record(3, 5, 6)))


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        (Rule.SPAN, {"height": 3}),
        (Rule.SPAN, {"height": 1}),
        (Rule.SPAN, {"start": 3}),
        (Rule.SPAN, {"start": 5}),
        (Rule.PREVIOUS, {"previous": note_digest("another note")}),
        (Rule.PREVIOUS, {"previous": GENESIS_PREVIOUS}),
        (Rule.TIME, {"time": NOW}),
        (Rule.PLATFORM, {"platform": b"p" * 32}),
        (Rule.ORIGIN, {"origin": "other.example/ledger"}),
    ],
)
def test_a_record_continues_what_is_there(rule: Rule, changes: dict[str, object]) -> None:
    broken(rule, lambda: begun().add(record(2, 4, 6, **changes)))
    begun().add(record(2, 4, 6))


def test_time_may_stand_still() -> None:
    begun().add(record(2, 4, 6, time=NOW + 1))


@pytest.mark.parametrize("size", [5, 7])
def test_a_block_holds_as_many_entries_as_its_record_says(size: int) -> None:
    replay = begun()
    replay.add(record(2, 4, size))
    replay.add(deposited())
    broken(Rule.SPAN, lambda: replay.close("note 2"))


def test_genesis_is_alone_in_its_block() -> None:
    broken(Rule.GENESIS, lambda: Replay(ORIGIN).add(record(0, 0, 2)))


def test_a_platform_statement_is_named_by_the_next_record_on_and_not_before() -> None:
    platform = say(st.PLATFORM, platform_payload(PLATFORM))
    broken(Rule.PLATFORM, lambda: begun().add(record(2, 4, 6, platform=platform.leaf_hash)))
    replay = begun()
    replay.add(record(2, 4, 6))
    replay.add(platform)
    replay.close("note 2")
    broken(Rule.PLATFORM, lambda: replay.add(record(3, 6, 8)))


def said(of_certificate: Issued | Withdrawn) -> Statement:
    return say(st.CERTIFICATE, certificate_payload(of_certificate))


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        (Rule.ORIGIN, deposited(origin="other.example/ledger")),
        (Rule.ORIGIN, enrolled(STRANGER, origin="other.example/ledger")),
        (Rule.ORIGIN, say(st.NOTICE, notice_payload(Notice("x")), "other.example/ledger")),
        (Rule.ENROLLED, deposited(STRANGER)),
        (Rule.ACCOUNT, deposited(account=OTHER)),
        (Rule.DEVICE, deposited(RECOVERY)),
        (Rule.MATTER, deposited(matter=Matter(MATTER, 2, b"l" * 32))),
        (Rule.ENROLLED_ONCE, enrolled(KEY)),
        (Rule.ENROLLED_ONCE, enrolled(KEY, OTHER)),
        (Rule.ENDORSED, enrolled(STRANGER, by=KEY)),
        (Rule.ENDORSED, enrolled(STRANGER, by=STRANGER)),
        (Rule.ENDORSED, enrolled(STRANGER, OTHER, by=RECOVERY)),
        (Rule.REVOKES_ENROLLED, revoked(STRANGER)),
        (Rule.INSPECTED, inspected(4)),
        (Rule.INSPECTED, inspected(9)),
        (Rule.CERTIFIES_EARLIER, said(Issued(1, bytes(32), 4))),
        (Rule.WITHDRAWS_ISSUED, said(Withdrawn(1, "x"))),
    ],
)
def test_an_entry_that_does_not_follow_is_refused_and_changes_nothing(
    rule: Rule, statement: Statement
) -> None:
    replay, untouched = begun(), begun()
    broken(rule, lambda: replay.enter(statement))
    assert (replay.keys, replay.tips) == (untouched.keys, untouched.tips)
    assert replay.size == untouched.size + 1


def test_a_key_deposits_until_it_is_revoked_and_no_more() -> None:
    replay = begun()
    replay.enter(deposited())
    replay.enter(revoked(KEY))
    broken(Rule.REVOKED, lambda: replay.enter(deposited()))
    broken(Rule.REVOKED_ONCE, lambda: replay.enter(revoked(KEY)))
    broken(Rule.ENROLLED_ONCE, lambda: replay.enter(enrolled(KEY)))


def test_a_recovery_key_endorses_devices_until_it_is_revoked() -> None:
    replay = begun()
    replay.enter(enrolled(STRANGER, by=RECOVERY))
    replay.enter(deposited(STRANGER))
    replay.enter(revoked(RECOVERY))
    broken(
        Rule.ENDORSER_REVOKED, lambda: replay.enter(enrolled(SigningKey(b"n" * 32), by=RECOVERY))
    )


def test_two_entries_show_an_endorsement_that_cannot_be() -> None:
    sheet, joined = enrolled(RECOVERY, role=RECOVERY_SHEET), enrolled(STRANGER, by=RECOVERY)
    for before, after in (
        (enrolled(KEY), enrolled(STRANGER, by=KEY)),
        (sheet, enrolled(STRANGER, OTHER, by=RECOVERY)),
        (joined, sheet),
        (revoked(RECOVERY), joined),
    ):
        assert "endorses" in why_not_both(7, before, 9, after)
    for before, after in (
        (sheet, joined),
        (joined, revoked(RECOVERY)),
        (revoked(KEY), joined),
        (joined, enrolled(KEY)),
    ):
        with pytest.raises(VerificationFailed):
            why_not_both(7, before, 9, after)


def test_a_certificate_is_issued_once_and_withdrawn_once() -> None:
    replay = begun()
    replay.enter(said(Issued(17, bytes(32), 2)))
    broken(Rule.CERTIFICATE_ONCE, lambda: replay.enter(said(Issued(17, bytes(32), 2))))
    replay.enter(said(Withdrawn(17, "x")))
    broken(Rule.WITHDRAWN_ONCE, lambda: replay.enter(said(Withdrawn(17, "y"))))
    broken(Rule.CERTIFICATE_ONCE, lambda: replay.enter(said(Issued(17, bytes(32), 2))))
    replay.enter(said(Issued(3, bytes(32), 2)))
    assert replay.certificates == {17: CertificatePlace(4, 6), 3: CertificatePlace(9, None)}


def test_two_certificates_of_one_number_are_a_fault() -> None:
    one, other = (said(Issued(17, bytes([n]) * 32, 2)) for n in (1, 2))
    assert "issued at index 4 and again at index 9" in why_not_both(4, one, 9, other)
    end = said(Withdrawn(17, "x"))
    assert "withdrawn at index 4 and again" in why_not_both(4, end, 9, end)
    with pytest.raises(VerificationFailed):
        why_not_both(4, one, 9, end)


def test_a_matter_grows_by_one_and_names_the_one_before() -> None:
    one = deposited(matter=Matter(MATTER, 1, None))
    replay = begun()
    replay.enter(one)
    for number, previous in ((2, b"l" * 32), (3, one.leaf_hash)):
        wrong = deposited(matter=Matter(MATTER, number, previous))
        broken(Rule.MATTER, partial(replay.enter, wrong))
    again = deposited(matter=Matter(MATTER, 1, None), commitment=b"d" * 32)
    broken(Rule.MATTER, lambda: replay.enter(again))
    replay.enter(deposited(matter=Matter(MATTER, 2, one.leaf_hash)))


def test_the_same_matter_of_another_account_is_another_matter() -> None:
    replay = begun()
    replay.enter(deposited(matter=Matter(MATTER, 1, None)))
    replay.enter(enrolled(STRANGER, OTHER))
    replay.enter(deposited(STRANGER, OTHER, matter=Matter(MATTER, 1, None)))


def test_a_replay_upon_another_sees_it_and_leaves_it_alone() -> None:
    replay = begun()
    replay.enter(one := deposited(matter=Matter(MATTER, 1, None)))
    trial = Replay(ORIGIN, replay, replay.size)
    trial.enter(deposited(matter=Matter(MATTER, 2, one.leaf_hash)))
    trial.enter(revoked(KEY))
    broken(Rule.REVOKED, lambda: trial.enter(deposited()))
    assert replay.matter_tip(ACCOUNT, MATTER) == (1, one.leaf_hash)
    assert replay.depositor(deposited()).revoked_index is None


def test_a_statement_of_no_kind_of_the_ledgers_is_malformed() -> None:
    with pytest.raises(MalformedData):
        begun().enter(record(2, 4, 6))


def test_a_deposit_and_an_enrolment_belong_to_an_account_and_nothing_else_does() -> None:
    assert account_of(deposited()) == account_of(enrolled(KEY)) == ACCOUNT
    assert account_of(revoked(KEY)) is account_of(record(2, 4, 6)) is None
