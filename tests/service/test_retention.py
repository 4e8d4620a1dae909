"""Ciphertext goes when its time is over, with a public notice, and nothing else goes."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from ledger.chain.office import parse_notice
from ledger.chain.replay import AccountKey
from ledger.chain.statement import parse_statement
from ledger.chain.trust import parse_trust
from ledger.errors import CiphertextMissing, Conflict, InvalidInput, NotFound, StorageFailed
from ledger.notary import retention
from ledger.notary.deleting import DAY, Deleting
from ledger.notary.desk import terms
from ledger.notary.desk.terms import Mark
from ledger.notary.desk.trail import Row, newest
from ledger.notary.orders import AskReceipts, AskRetired, Discard, Retire
from ledger.notary.ports import SignedCheckpoint
from ledger.notary.sequencing import withholding
from ledger.notary.sequencing.planning import Admitted
from ledger.verify import verify_receipt
from ledger.wire.protocol import SmallEnvelope

from .conftest import Account, Service, small_envelope
from .test_terms import WHO, entered, placed

FAR = 1 << 40


@pytest.fixture(autouse=True)
def a_day_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block is a day younger than the one before it."""

    def time_of(checkpoint: SignedCheckpoint) -> int:
        return checkpoint.height * DAY

    monkeypatch.setattr(retention, "_time", time_of)


@pytest.fixture
def one(service: Service) -> Iterator[Account]:
    """An account of its own; nothing of another one is due after the test."""
    account = service.enrol("Kept Ltd")
    yield account
    desk = service.notary.staff_desk
    assert desk is not None
    terms.retain(desk, WHO, account.account, None)


@pytest.fixture
def deleting(service: Service) -> Deleting:
    return service.notary._deleting()


def retain(service: Service, one: Account, days: int) -> None:
    desk = service.notary.staff_desk
    assert desk is not None
    terms.retain(desk, WHO, one.account, days)


def lies(service: Service, one: Account, root: bytes) -> bool:
    return any(service.notary.envelopes.sizes(one.account, root))


def notice(service: Service, index: int) -> str:
    entry = service.notary.entries.read(index)
    assert entry is not None
    return parse_notice(parse_statement(entry.statement)).text


def days_between(service: Service, older: int, younger: int) -> int:
    first, last = (service.notary._signed.covering(each) for each in (older, younger))
    assert first is not None and last is not None
    return last.height - first.height


def trail(service: Service, limit: int) -> list[Row]:
    desk = service.notary.staff_desk
    assert desk is not None
    return newest(desk, None, limit)


def test_what_is_old_enough_goes_and_entry_and_receipt_stay(service: Service, one: Account) -> None:
    notary = service.notary
    (first, old), (second, older), (third, young) = placed(one), placed(one), placed(one)
    retain(service, one, days_between(service, second, third))
    due = notary.execute(AskRetired())
    assert (due.deposits, due.files, due.notices, due.held) == (2, 4, 1, 0)
    assert all(lies(service, one, each) for each in (old, older, young))
    assert notary.execute(Retire(FAR)).part == due
    assert [lies(service, one, each) for each in (old, older, young)] == [False, False, True]
    row = trail(service, 1)[0]
    assert (row.who, row.action) == ("retention", "ciphertext-discarded")
    assert row.entry is not None
    assert f"deleted it: {first}, {second}. " in notice(service, row.entry)
    assert one.account not in notice(service, row.entry)
    with (
        pytest.raises(NotFound, match=f"entry {row.entry} "),
        notary.envelopes.open(one.account, old),
    ):
        pass
    receipts = notary.execute(AskReceipts(one.account, -1, 10)).receipts
    assert [each.index for each in receipts] == [first, second, third]
    for each in receipts:
        assert verify_receipt(each.receipt, parse_trust(notary.trust)).report.good


def test_a_legal_hold_wins_and_so_do_the_days_that_it_is_kept_at_least(
    service: Service, one: Account
) -> None:
    desk, notary = service.notary.staff_desk, service.notary
    assert desk is not None
    (_, root), (_, _) = placed(one), placed(one)
    retain(service, one, 1)
    with pytest.raises(InvalidInput, match="2 days at least"):
        terms.limit(desk, WHO, one.account, None, None, 2)
    terms.mark(desk, WHO, one.account, Mark.HELD, "order 120")
    assert notary.execute(AskRetired()).held == 1
    assert notary.execute(Retire(FAR)).part is None
    assert lies(service, one, root)
    terms.clear(desk, WHO, one.account, Mark.HELD)
    assert notary.execute(Retire(FAR)).part is not None
    assert not lies(service, one, root)
    for days in (0, -1, terms.MAX_DAYS + 1):
        with pytest.raises(InvalidInput):
            retain(service, one, days)


def test_a_file_that_a_younger_deposit_names_goes_with_that_one(
    service: Service, one: Account
) -> None:
    notary = service.notary
    envelope = small_envelope()
    one.client.put_envelopes([envelope])
    older = entered(one, envelope)
    placed(one)
    younger = entered(one, envelope)
    retain(service, one, days_between(service, older, younger))
    while notary.execute(Retire(FAR)).part is not None:
        pass
    assert lies(service, one, envelope.payload.root)
    retain(service, one, 1)
    placed(one)
    while notary.execute(Retire(FAR)).part is not None:
        pass
    assert not lies(service, one, envelope.payload.root)
    rows = [each for each in trail(service, 9) if one.account in each.object]
    said = [notice(service, each.entry) for each in rows if each.entry is not None]
    assert any(f" {older}, " in each and f", {younger}" in each for each in said)


def test_what_was_killed_half_way_goes_on(
    service: Service, one: Account, deleting: Deleting, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [placed(one)[1] for _ in range(4)]
    placed(one)
    retain(service, one, 1)
    monkeypatch.setattr(retention, "MAX_DISCARDED", 2)
    kept = type(deleting.envelopes).discard
    done = 0

    def dying(self: object, account: str, roots: Sequence[bytes], notice: int) -> int:
        nonlocal done
        done += 1
        if done == 2:
            kept(self, account, roots[:1], notice)  # type: ignore[arg-type]
            raise StorageFailed("killed")
        return kept(self, account, roots, notice)  # type: ignore[arg-type]

    monkeypatch.setattr(type(deleting.envelopes), "discard", dying)
    with pytest.raises(StorageFailed):
        retention.retire(deleting, retention.ledger_time(deleting))
    assert sum(lies(service, one, each) for each in roots) == 1
    left = retention.look(deleting)
    assert left.files < 2 * len(roots)  # what has gone is not named again
    while retention.retire(deleting, retention.ledger_time(deleting)) is not None:
        pass
    assert not any(lies(service, one, each) for each in roots)


def test_a_service_does_it_by_itself_and_its_log_names_nobody(
    service: Service,
    one: Account,
    deleting: Deleting,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (_, root), _ = placed(one), placed(one)
    retain(service, one, 1)
    monkeypatch.setattr(retention, "EVERY", 0.01)
    retention.believe(deleting.desk)
    stop = threading.Event()
    failing = [ValueError(one.account), StorageFailed(f"{one.account} is away")] * 2

    def given() -> Deleting:
        if failing:
            raise failing.pop()
        return deleting

    with caplog.at_level(logging.INFO, "sealbook.notary"):
        thread = threading.Thread(target=retention.keep, args=(stop, given, lambda: True))
        thread.start()
        while lies(service, one, root) or "its time is over: " not in caplog.text:
            stop.wait(0.01)
        stop.set()
        thread.join()
    assert "was not deleted: storage-failed" in caplog.text
    assert "was not deleted: ValueError" in caplog.text
    assert one.account not in caplog.text and root.hex() not in caplog.text


def look_once(deleting: Deleting) -> None:
    retention._look_once(threading.Event(), lambda: deleting, lambda: True)


def at(deleting: Deleting, seconds: float) -> Deleting:
    """Under a clock that is wrong by that."""
    return replace(deleting, desk=replace(deleting.desk, now=lambda: time.time() + seconds))


def test_a_clock_that_is_ahead_at_the_start_deletes_nothing_by_itself(
    service: Service,
    one: Account,
    deleting: Deleting,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (_, root), (young, _) = placed(one), placed(one)
    closing, start = deleting.signed.covering(young), int(time.time())
    assert closing is not None
    height = closing.height

    def time_of(checkpoint: SignedCheckpoint) -> int:  # the last block is a year ahead
        return start + (checkpoint.height >= height) * 365 * DAY

    monkeypatch.setattr(retention, "_time", time_of)
    retain(service, one, 300)
    retention.believe(deleting.desk)
    ahead = at(deleting, 366 * DAY)
    for _ in range(3):
        look_once(ahead)
    assert lies(service, one, root)
    assert "`sealbook notary retention --delete`" in caplog.text
    look_once(deleting)  # the clock is right again, the block stays ahead of it
    assert lies(service, one, root)
    assert retention.look(ahead).until == start + 365 * DAY  # what a person is shown
    assert retention.look(ahead).files == 2
    retention.believe(ahead.desk)
    look_once(ahead)
    assert not lies(service, one, root)


def test_the_first_service_goes_by_what_was_there_before_it(
    service: Service, one: Account, deleting: Deleting
) -> None:
    (_, root), _ = placed(one), placed(one)
    retain(service, one, 1)
    with deleting.desk.connections.writing() as connection:
        connection.execute("DELETE FROM retention")
    look_once(deleting)  # nothing is known
    assert lies(service, one, root)
    retention._begin(deleting)
    newest = deleting.signed.last()
    assert newest is not None
    assert retention.done_below(deleting.desk, "") == newest.height * DAY
    look_once(deleting)  # and the clock is many years beyond that
    assert lies(service, one, root)


@pytest.mark.parametrize("when", ["between", "notice"])
def test_a_hold_that_is_set_during_a_run_is_obeyed(
    service: Service,
    one: Account,
    deleting: Deleting,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    roots = [placed(one)[1] for _ in range(2)]
    placed(one)
    retain(service, one, 1)
    monkeypatch.setattr(retention, "MAX_DISCARDED", 1)
    place, name = (Deleting, "_say") if when == "notice" else (type(deleting.envelopes), "discard")
    kept = getattr(place, name)

    def holding(*arguments: object) -> int:
        done: int = kept(*arguments)
        terms.mark(deleting.desk, WHO, one.account, Mark.HELD, "order 123")
        return done

    monkeypatch.setattr(place, name, holding)
    with pytest.raises(Conflict, match="legal hold"):
        retention.retire(deleting, FAR)
    left = [lies(service, one, each) for each in roots]
    assert left == ([True, True] if when == "notice" else [False, True])


def test_a_notice_waits_for_its_turn_and_a_change_of_days_is_obeyed(
    service: Service, one: Account, deleting: Deleting
) -> None:
    (_, root), _ = placed(one), placed(one)
    retain(service, one, 1)
    size, failed = service.notary.entries.size, []

    def work() -> None:
        try:
            retention.retire(deleting, FAR)
        except Conflict as error:
            failed.append(str(error))

    with deleting.envelopes.turn:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        retain(service, one, 50_000)
    thread.join()
    assert "have changed" in failed[0]
    assert service.notary.entries.size == size
    assert lies(service, one, root)


def test_what_is_due_is_found_in_one_pass_over_an_account(
    service: Service, one: Account, deleting: Deleting, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        placed(one)
    retain(service, one, 1)
    passes = 0
    kept = retention._others

    def counted(*arguments: object) -> object:
        nonlocal passes
        passes += 1
        return kept(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(retention, "_others", counted)
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    assert retention.look(deleting).deposits == 3
    assert passes == 1


def named_by_two(service: Service, one: Account) -> tuple[SmallEnvelope, bytes]:
    """An age file that a due deposit names, and a statement of another one that names it too."""
    envelope = small_envelope()
    one.client.put_envelopes([envelope])
    entered(one, envelope)
    placed(one)
    retain(service, one, 1)
    return envelope, one.statement(envelope.payload)


def test_a_file_that_a_deposit_comes_to_name_as_it_is_chosen_stays(
    service: Service, one: Account, deleting: Deleting, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope, statement = named_by_two(service, one)
    other = placed(one)[1]
    placed(one)
    kept = retention._others

    def looking(*arguments: object) -> Iterator[object]:
        yield from kept(*arguments)  # type: ignore[arg-type]
        service.notary.sequencer.submit(statement).result(30)

    monkeypatch.setattr(retention, "_others", looking)
    retention.retire(deleting, FAR)
    assert lies(service, one, envelope.payload.root)
    assert not lies(service, one, other)


def test_a_deposit_that_comes_as_its_file_is_deleted_is_not_entered_without_it(
    service: Service, one: Account, deleting: Deleting, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope, statement = named_by_two(service, one)
    kept, refused = type(deleting.envelopes).discard, []

    def discarding(self: object, account: str, roots: Sequence[bytes], notice: int) -> int:
        assert deleting.envelopes.holds(account, envelope.payload)
        refused.append(service.notary.sequencer.submit(statement).exception(30))
        return kept(self, account, roots, notice)  # type: ignore[arg-type]

    monkeypatch.setattr(type(deleting.envelopes), "discard", discarding)
    assert retention.retire(deleting, FAR) is not None
    assert [type(each) for each in refused] == [CiphertextMissing]
    assert not lies(service, one, envelope.payload.root)
    one.client.put_envelopes([envelope])
    service.notary.sequencer.submit(statement).result(30)
    assert lies(service, one, envelope.payload.root)


def test_a_deposit_that_was_admitted_before_its_file_went_is_not_entered_without_it(
    service: Service, one: Account, deleting: Deleting, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, statement = named_by_two(service, one)
    admission = service.notary.sequencer._admission
    kept, found, go_on = admission.admit, threading.Event(), threading.Event()

    def admitting(*arguments: Any) -> AccountKey:
        key = kept(*arguments)
        found.set()
        assert go_on.wait(60)
        return key

    monkeypatch.setattr(admission, "admit", admitting)
    future = service.notary.sequencer.submit(statement)
    assert found.wait(30)
    monkeypatch.setattr(admission, "admit", kept)
    assert retention.retire(deleting, FAR) is not None
    go_on.set()
    with pytest.raises(CiphertextMissing):
        future.result(30)


def test_what_the_office_deletes_is_named_by_no_deposit_that_comes_meanwhile(
    service: Service, one: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope = small_envelope()
    one.client.put_envelopes([envelope])
    index, statement = entered(one, envelope), one.statement(envelope.payload)
    kept = Deleting._require_alone

    def looking(*arguments: Any) -> None:
        kept(*arguments)
        if len(arguments) == 4:  # the look at all deposits
            service.notary.sequencer.submit(statement).result(30)

    monkeypatch.setattr(Deleting, "_require_alone", looking)
    with pytest.raises(Conflict, match="names an age file of these deposits too"):
        service.notary.execute(Discard(one.account, (index,), "asked", "wang", "terminal"))
    assert lies(service, one, envelope.payload.root)


def test_a_large_account_is_gone_through_a_few_times_only(
    service: Service, one: Account, deleting: Deleting, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(12):
        placed(one)
    retain(service, one, 1)
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    monkeypatch.setattr(retention, "PASSES", 3)
    parts = 0
    while retention.retire(deleting, FAR) is not None:
        parts += 1
    assert parts <= 3


def test_what_another_process_has_admitted_is_judged_again_for_a_while(
    one: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = parse_statement(one.statement(small_envelope().payload))
    item = Admitted(statement, statement.leaf_hash, None, Future(), remote=True)
    now = time.monotonic()
    monkeypatch.setattr(withholding, "monotonic", lambda: now)
    found = withholding.Withholding()
    found.begin("another", [b"r" * 32])
    found.end()
    assert not found.doubts(item)
    found.begin(one.account, [b"r" * 32])
    assert found.doubts(item)
    found.end()
    assert found.doubts(item)
    now += withholding.LATE
    assert not found.doubts(item)
    found.take_over(deleted=False)
    assert not found.doubts(item)
    found.take_over(deleted=True)
    assert found.doubts(item)
