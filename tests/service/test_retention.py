"""Ciphertext goes when its time is over, with a public notice, and nothing else goes."""

import logging
import threading
from collections.abc import Iterator, Sequence

import pytest

from ledger.chain.office import parse_notice
from ledger.chain.statement import parse_statement
from ledger.chain.trust import parse_trust
from ledger.errors import InvalidInput, NotFound, StorageFailed
from ledger.notary import retention
from ledger.notary.deleting import DAY, Deleting
from ledger.notary.desk import terms
from ledger.notary.desk.terms import Mark
from ledger.notary.desk.trail import Row, newest
from ledger.notary.orders import AskReceipts, AskRetired, Retire, Retired
from ledger.notary.ports import SignedCheckpoint
from ledger.verify import verify_receipt

from .conftest import Account, Service, small_envelope
from .test_terms import WHO, entered, placed


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
    return parse_notice(parse_statement(entry.statement))


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
    assert notary.execute(Retire()).part == due
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
    assert notary.execute(AskRetired()) == Retired(held=1)
    assert notary.execute(Retire()).part is None
    assert lies(service, one, root)
    terms.clear(desk, WHO, one.account, Mark.HELD)
    assert notary.execute(Retire()).part is not None
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
    while notary.execute(Retire()).part is not None:
        pass
    assert lies(service, one, envelope.payload.root)
    retain(service, one, 1)
    placed(one)
    while notary.execute(Retire()).part is not None:
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
        retention.retire(deleting)
    assert sum(lies(service, one, each) for each in roots) == 1
    left = retention.look(deleting)
    assert left.files < 2 * len(roots)  # what has gone is not named again
    while retention.retire(deleting) is not None:
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
    stop, failing = threading.Event(), [StorageFailed(f"{one.account} is away")]

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
    assert one.account not in caplog.text and root.hex() not in caplog.text
