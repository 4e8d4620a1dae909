"""The sequencer: one order, one receipt for each statement, and nothing that does not belong."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ledger.chain import statement as st
from ledger.chain.block import note_digest, parse_block
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.enrolment import endorse_request, format_request, verify_enrolment_request
from ledger.chain.note import parse_note
from ledger.chain.office import (
    Notice,
    Revocation,
    notice_payload,
    parse_revocation,
    revocation_payload,
)
from ledger.chain.receipt import format_receipt, parse_receipt
from ledger.chain.statement import MAX_ENTRY, Matter, parse_statement
from ledger.crypto.keys import SigningKey
from ledger.crypto.merkle import leaf_hash, verify_consistency
from ledger.errors import (
    CiphertextMissing,
    Conflict,
    KeyRevoked,
    MalformedData,
    NotEnrolled,
    NotFound,
    Refused,
    Unavailable,
    WrongOrigin,
)
from ledger.notary.notary import Notary
from ledger.notary.sequencing.planning import OwnEntries
from ledger.notary.sequencing.sequencer import _running
from tests.notaries import NOW, Clock, Company, EveryEnvelope, check, deposit, found, opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def notary(tmp_path: Path, clock: Clock) -> Iterator[Notary]:
    with opened(found(tmp_path / "notary"), clock=clock) as notary:
        yield notary


@pytest.fixture
def company(notary: Notary) -> Company:
    return Company().enrol(notary)


def blocks(notary: Notary) -> list[Any]:
    return [
        parse_block(parse_statement(notary.block(height)[0]))
        for height in range(notary.sequencer.last.height + 1)
    ]


def roots(notary: Notary) -> list[tuple[int, bytes]]:
    notes = [notary.block(height)[1] for height in range(notary.sequencer.last.height + 1)]
    checkpoints = [parse_checkpoint(parse_note(note).text) for note in notes]
    return [(each.size, each.root) for each in checkpoints]


def test_every_statement_gets_a_receipt_that_verifies(notary: Notary, company: Company) -> None:
    statements = company.statements(600)
    receipts = deposit(notary, statements)
    assert [parse_receipt(each).statement for each in receipts] == statements
    for receipt in (*receipts[::20], receipts[-1]):
        check(notary, receipt)
    indices = [parse_receipt(receipt).position.index for receipt in receipts]
    assert len(set(indices)) == 600


def test_papers_of_one_matter_that_come_together_are_entered_in_their_order(
    notary: Notary, company: Company
) -> None:
    for matter in (bytes([number]) * 16 for number in range(2)):
        made: list[bytes] = []
        for number in range(1, 301):
            previous = parse_statement(made[-1]).leaf_hash if made else None
            made.append(company.statement(matter=Matter(matter, number, previous)))
        indices = [parse_receipt(each).position.index for each in deposit(notary, made)]
        assert indices == sorted(indices)


def test_the_first_two_blocks_are_genesis_and_the_platform_statement(notary: Notary) -> None:
    genesis, platform = blocks(notary)[:2]
    assert (genesis.start, genesis.size, genesis.previous, genesis.platform) == (
        0,
        1,
        bytes(32),
        None,
    )
    assert (platform.start, platform.size, platform.platform) == (1, 3, None)
    entry = notary.entries.read(2)
    assert entry is not None and entry.kind == st.PLATFORM


def test_blocks_chain_through_the_notes_that_close_them(notary: Notary, company: Company) -> None:
    for _ in range(3):
        deposit(notary, company.statements(2))
    chain = blocks(notary)
    platform = leaf_hash(notary.entries.read(2).statement)  # type: ignore[union-attr]
    for before, after in pairwise(chain):
        assert after.previous == note_digest(notary.block(before.height)[1])
        assert after.start == before.size and after.time >= before.time
        assert after.platform == (platform if after.height > 1 else None)
    for old, new in pairwise(roots(notary)):
        verify_consistency(*old, *new, notary.sequencer.consistency(old[0], new[0]))


def test_a_statement_sent_again_is_answered_with_the_receipt_that_exists(
    notary: Notary, company: Company
) -> None:
    statement = company.statement()
    first = deposit(notary, [statement, statement, company.statement()])
    size = notary.sequencer.last.size
    again = deposit(notary, [statement, statement])
    assert {first[0], first[1], *again} == {first[0]}
    assert notary.sequencer.last.size == size
    assert notary.sequencer.receipt(leaf_hash(statement)) == first[0]


def test_what_the_office_says_is_entered_once_however_often_it_is_queued(notary: Notary) -> None:
    """As by a process that gets back the right to write while it holds what it has taken in."""
    statement = notary.sequencer._statement(st.NOTICE, notice_payload(Notice("closed on Sunday")))
    futures = [_running() for _ in range(3)]
    remote = [OwnEntries((statement,), each, remote=True) for each in futures[:2]]
    notary.sequencer._under_way.begin(3)
    notary.sequencer.put(remote)
    (index,) = {each.result(30) for each in futures[:2]}
    size = notary.sequencer.last.size
    notary.sequencer.put([OwnEntries((statement,), futures[2])])
    (entry,) = futures[2].result(30)
    assert (entry.index, entry.statement) == (index, statement.encoded)
    assert notary.sequencer.last.size == size and notary.sequencer.fault is None


def test_the_same_commitment_in_another_statement_is_another_entry(
    notary: Notary, company: Company
) -> None:
    commitment = os.urandom(32)
    one, two = (company.statement(commitment=commitment, time=NOW + i) for i in range(2))
    receipts = deposit(notary, [one, two])
    assert len({parse_receipt(each).position.index for each in receipts}) == 2


def test_statements_of_one_batch_enter_one_block(tmp_path: Path) -> None:
    directory = found(tmp_path / "n")
    with opened(directory) as notary:
        company = Company().enrol(notary)
    with opened(directory, window=5.0, batch=40) as notary:
        height = notary.sequencer.last.height
        deposit(notary, company.statements(80))
        sizes = [each.size - each.start - 1 for each in blocks(notary)[height + 1 :]]
        assert sizes == [40, 40]


def test_a_block_waits_for_nobody_when_nobody_is_on_the_way(tmp_path: Path) -> None:
    directory = found(tmp_path / "n")
    with opened(directory) as notary:
        company = Company().enrol(notary)
    with opened(directory, window=20) as notary:
        assert notary.sequencer.submit(company.statement()).result(18)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"origin": "other.example/ledger"}, WrongOrigin),
        ({"key": SigningKey(b"k" * 32)}, NotEnrolled),
        ({"account": "00" * 16}, NotEnrolled),
        ({"time": NOW + 86_401}, Refused),
    ],
)
def test_a_statement_that_may_not_enter_is_refused_alone(
    notary: Notary, company: Company, change: dict[str, Any], error: type[Exception]
) -> None:
    good = company.statements(3)
    futures = notary.sequencer.submit_many([good[0], company.statement(**change), *good[1:]])
    with pytest.raises(error):
        futures[1].result(10)
    for future in (futures[0], *futures[2:]):
        check(notary, future.result(10))


def test_bytes_that_are_no_statement_are_malformed(notary: Notary, company: Company) -> None:
    good = company.statement()
    bad = [b"", b"\xd2\x80", good + b"\0", good[:-1], bytes(MAX_ENTRY + 1), b"\xd2" + good]
    for future in notary.sequencer.submit_many(bad):
        with pytest.raises(MalformedData):
            future.result(10)


def test_a_statement_with_an_altered_signature_is_refused(notary: Notary, company: Company) -> None:
    good = company.statement()
    with pytest.raises(Refused, match="signature"):
        notary.sequencer.submit(good[:-1] + bytes([good[-1] ^ 1])).result(10)


def test_a_time_up_to_a_day_ahead_is_accepted(notary: Notary, company: Company) -> None:
    check(notary, deposit(notary, [company.statement(time=NOW + 86_400)])[0])


def test_a_depositor_cannot_enter_statements_of_the_notary(
    notary: Notary, company: Company
) -> None:
    record = notary.block(0)[0]
    request = company.ask()
    for data in (
        request,
        st.sign_statement(
            st.NOTICE,
            {"origin": notary.origin, "nonce": bytes(32), "text": "x"},
            issuer="x",
            subject="notice",
            issued_at=NOW,
            key_id=company.key.thumbprint,
            sign=company.key.sign,
        ),
    ):
        with pytest.raises(Refused, match="Only a deposit"):
            notary.sequencer.submit(data).result(10)
    with pytest.raises((Refused, NotFound)):
        notary.sequencer.submit(record).result(10)


def test_a_recovery_key_never_deposits(notary: Notary, company: Company) -> None:
    with pytest.raises(Refused, match="recovery key"):
        notary.sequencer.submit(company.statement(key=company.recovery)).result(10)


def test_a_deposit_waits_for_its_ciphertext(notary: Notary, company: Company) -> None:
    envelopes: EveryEnvelope = notary.envelopes  # type: ignore[assignment]
    statement = company.statement()
    manifest = st.parse_deposit(parse_statement(statement)).manifest
    envelopes.missing.add(manifest.root)
    with pytest.raises(CiphertextMissing):
        notary.sequencer.submit(statement).result(10)
    envelopes.missing.clear()
    check(notary, deposit(notary, [statement])[0])


def test_what_was_entered_is_answered_even_when_it_could_not_be_entered_now(
    notary: Notary, company: Company
) -> None:
    statement = company.statement()
    receipt = deposit(notary, [statement])[0]
    notary.accounts.revoke(company.key.thumbprint, "lost")
    assert deposit(notary, [statement]) == [receipt]


def test_a_revoked_key_deposits_no_more(notary: Notary, company: Company) -> None:
    entry = notary.accounts.revoke(company.key.thumbprint, "compromised")
    with pytest.raises(KeyRevoked):
        notary.sequencer.submit(company.statement()).result(10)
    with pytest.raises(Conflict):
        notary.accounts.revoke(company.key.thumbprint, "lost")
    key = notary.accounts.key(company.key.thumbprint)
    assert key is not None and key.revoked_index == entry.index


def test_a_revocation_is_public_and_names_no_account(notary: Notary, company: Company) -> None:
    entry = notary.accounts.revoke(company.key.thumbprint, "ceased")
    assert entry.kind in st.PUBLIC_KINDS
    assert company.account.encode() not in entry.statement
    assert bytes.fromhex(company.account) not in entry.statement
    assert parse_revocation(parse_statement(entry.statement)).key == company.key.thumbprint


def test_a_revocation_of_an_unknown_key_or_for_an_unknown_reason_is_refused(
    notary: Notary, company: Company
) -> None:
    with pytest.raises(NotFound):
        notary.accounts.revoke(bytes(32), "lost")
    with pytest.raises(MalformedData):
        notary.accounts.revoke(company.key.thumbprint, "ACME went bankrupt")


def test_a_matter_grows_by_one_and_names_what_came_before(notary: Notary, company: Company) -> None:
    matter = os.urandom(16)
    one = company.statement(matter=Matter(matter, 1, None))
    two = company.statement(matter=Matter(matter, 2, leaf_hash(one)))
    three = company.statement(matter=Matter(matter, 3, leaf_hash(two)))
    deposit(notary, [one])
    deposit(notary, [two, three])  # also within one block
    fork = company.statement(matter=Matter(matter, 3, leaf_hash(two)))
    gap = company.statement(matter=Matter(matter, 5, leaf_hash(three)))
    wrong = company.statement(matter=Matter(matter, 4, leaf_hash(two)))
    for bad in (fork, gap, wrong, company.statement(matter=Matter(matter, 1, None))):
        with pytest.raises(Conflict):
            notary.sequencer.submit(bad).result(10)
    deposit(notary, [company.statement(matter=Matter(matter, 4, leaf_hash(three)))])


def test_two_for_one_place_in_a_matter_give_one_entry(notary: Notary, company: Company) -> None:
    matter = Matter(os.urandom(16), 1, None)
    futures = notary.sequencer.submit_many([company.statement(matter=matter) for _ in range(8)])
    futures.done.result(10)
    receipts = [each.value for each in futures if not isinstance(each.value, Conflict)]
    assert len(receipts) == 1 and isinstance(receipts[0], bytes)


def test_the_matter_of_another_account_is_another_matter(notary: Notary, company: Company) -> None:
    matter = Matter(os.urandom(16), 1, None)
    deposit(
        notary, [company.statement(matter=matter), Company().enrol(notary).statement(matter=matter)]
    )


def test_time_never_runs_below_the_block_before(
    notary: Notary, company: Company, clock: Clock
) -> None:
    clock.now = NOW + 5_000
    deposit(notary, [company.statement()])
    clock.wrong = -5
    deposit(notary, [company.statement()])
    times = [each.time for each in blocks(notary)]
    assert times == sorted(times) and times[-1] == NOW + 5_000


def test_a_key_belongs_to_one_account_for_ever(notary: Notary, company: Company) -> None:
    thief = Company(key=company.key, recovery=SigningKey(os.urandom(32)))
    with pytest.raises(Conflict):
        thief.enrol(notary)
    notary.accounts.revoke(company.key.thumbprint, "superseded")
    with pytest.raises(Conflict):
        Company(key=company.key).enrol(notary)
    assert notary.accounts.standing(company.account).keys[0].public == company.key.public


def test_enrolling_the_same_request_again_changes_nothing(notary: Notary, company: Company) -> None:
    size = notary.sequencer.last.size
    record = notary.accounts.standing(company.account).record
    assert record is not None
    again = notary.accounts.enrol(verify_enrolment_request(company.request), record)
    assert again.account == company.account
    assert notary.sequencer.last.size == size


def test_a_further_device_joins_with_the_signature_of_the_recovery_sheet(
    notary: Notary, company: Company
) -> None:
    device = SigningKey(os.urandom(32))
    request = format_request(
        device, origin=notary.origin, nonce=os.urandom(32), issued_at=NOW, account=company.account
    )
    with pytest.raises(NotEnrolled):
        notary.accounts.join(endorse_request(request, SigningKey(os.urandom(32))))
    with pytest.raises(NotEnrolled):
        notary.accounts.join(endorse_request(request, Company().enrol(notary).key))
    with pytest.raises(Refused):
        notary.accounts.join(endorse_request(request, company.key))
    standing = notary.accounts.join(endorse_request(request, company.recovery))
    assert [key.role for key in standing.keys] == ["device", "recovery", "device"]
    check(notary, deposit(notary, [company.statement(key=device)])[0])


@pytest.mark.parametrize("window", [0.005, 0.5])
def test_a_key_that_is_revoked_while_its_endorsement_waits_endorses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: float
) -> None:
    """The revocation comes after the first check, in an earlier block or in the same one."""
    with opened(found(tmp_path / "notary"), window=window) as notary:
        company, device = Company().enrol(notary), SigningKey(os.urandom(32))
        request = format_request(
            device,
            origin=notary.origin,
            nonce=os.urandom(32),
            issued_at=NOW,
            account=company.account,
        )
        records = sorted((notary.directory / "records").iterdir())
        write, revocation = (
            notary.records.write,
            (
                st.KEY,
                revocation_payload(Revocation(company.recovery.thumbprint, "lost")),
            ),
        )

        def revoked_meanwhile(digest: bytes, record: bytes) -> None:
            write(digest, record)
            entered = notary.sequencer.enter(revocation)
            if window < 0.1:
                entered.result()

        monkeypatch.setattr(notary.records, "write", revoked_meanwhile)
        with pytest.raises(KeyRevoked):
            notary.accounts.join(endorse_request(request, company.recovery))
        assert notary.accounts.key(device.thumbprint) is None
        assert sorted((notary.directory / "records").iterdir()) == records


def named(directory: Path) -> list[Path]:
    """The files in which the company's name stands."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return [path for path in files if b"ACME" in path.read_bytes()]


def test_an_erased_identity_record_leaves_receipts_that_hold(
    notary: Notary, company: Company
) -> None:
    statement = company.statement()
    before = check(notary, deposit(notary, [statement])[0])
    assert before.record is not None and before.record.name == "ACME 有限公司"
    assert named(notary.directory), "the search finds the name where it still stands"
    assert notary.accounts.erase(company.account) == 2
    after = check(notary, notary.sequencer.receipt(leaf_hash(statement)))
    assert after.record is None
    assert notary.accounts.standing(company.account).record is None
    assert not named(notary.directory)


def test_receipts_asked_for_later_equal_those_that_were_answered(
    notary: Notary, company: Company
) -> None:
    statements = company.statements(600)
    receipts = deposit(notary, statements)
    deposit(notary, company.statements(300))
    for at in range(0, 600, 37):
        assert notary.sequencer.receipt(leaf_hash(statements[at])) == receipts[at]


def test_only_deposits_have_receipts(notary: Notary) -> None:
    with pytest.raises(NotFound):
        notary.sequencer.receipt(leaf_hash(notary.block(1)[0]))
    with pytest.raises(NotFound):
        notary.sequencer.receipt(bytes(32))


def test_what_is_asked_for_above_the_signed_size_is_not_found(notary: Notary) -> None:
    size = notary.sequencer.last.size
    with pytest.raises(NotFound):
        notary.sequencer.consistency(1, size + 1)
    with pytest.raises(NotFound):
        notary.block(notary.sequencer.last.height + 1)
    with pytest.raises(NotFound):
        notary.block(-1)
    assert notary.entries.read(size) is None


def test_deposits_are_listed_by_account_and_place(notary: Notary, company: Company) -> None:
    other = Company().enrol(notary)
    statements = company.statements(5)
    deposit(notary, [statements[0], other.statement(), *statements[1:]])
    listed = notary.entries.deposits(company.account)
    assert {each.statement for each in listed} == set(statements)
    assert notary.entries.deposits(company.account, listed[1].index) == listed[2:]
    assert notary.entries.deposits(company.account, limit=2) == listed[:2]


def test_a_closing_notary_finishes_what_was_submitted(tmp_path: Path) -> None:
    notary = opened(found(tmp_path / "n"))
    company = Company().enrol(notary)
    futures = notary.sequencer.submit_many(company.statements(500))
    notary.close()
    receipts = [future.result(0) for future in futures]
    for receipt in receipts[::25]:
        check(notary, receipt)
    with pytest.raises(Unavailable):
        notary.sequencer.submit(company.statement())


def test_a_future_that_nobody_waits_for_any_more_is_entered_all_the_same(
    notary: Notary, company: Company
) -> None:
    future: Future[bytes] = notary.sequencer.submit(company.statement())
    assert not future.cancel()
    check(notary, future.result(10))


def test_many_threads_depositing_at_once_get_each_their_own(
    notary: Notary, company: Company
) -> None:
    faults: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(5):
                statement = company.statement()
                receipt = notary.sequencer.submit(statement).result(30)
                assert check(notary, receipt).statement.encoded == statement
        except Exception as error:  # noqa: BLE001 - shown by the test
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_nonces_are_remembered_until_they_expire(notary: Notary, clock: Clock) -> None:
    key = os.urandom(32)
    assert notary.nonces.remember("0a" * 16, key, b"a", NOW + 60)
    assert not notary.nonces.remember("0a" * 16, key, b"a", NOW + 60)
    assert notary.nonces.remember("0a" * 16, os.urandom(32), b"a", NOW + 60)


def test_receipts_put_together_in_bulk_have_the_bytes_that_the_format_says(
    notary: Notary, company: Company
) -> None:
    notary.accounts.erase(company.account)
    other = Company().enrol(notary)
    for receipt in deposit(notary, [*company.statements(20), *other.statements(20)]):
        assert format_receipt(parse_receipt(receipt)) == receipt
