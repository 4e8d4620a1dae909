"""What an office grants an account, and what it deletes: over HTTP, and in the ledger."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ledger.chain.enrolment import endorse_request, format_request
from ledger.chain.office import parse_notice
from ledger.chain.statement import Payload, parse_deposit, parse_statement
from ledger.chain.trust import parse_trust
from ledger.crypto.keys import SigningKey
from ledger.errors import (
    CiphertextMissing,
    Conflict,
    InvalidInput,
    NotFound,
    Unavailable,
)
from ledger.notary import tidying
from ledger.notary.care.payloads import payload_faults
from ledger.notary.deleting import Deleting
from ledger.notary.desk import terms
from ledger.notary.desk.terms import Mark
from ledger.notary.desk.trail import Actor, newest
from ledger.notary.orders import AskReceipts, AskTidied, Discard, Erase, Join, Order, Tidy
from ledger.notary.storage.envelopes import Lying
from ledger.notary.storage.schema import Engine
from ledger.verify import verify_receipt
from ledger.wire.protocol import SmallEnvelope
from ledger.wire.transport import NotNow

from .conftest import ORIGIN, Account, Service, small_envelope

WHO = Actor("wang", "terminal")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terms are read at every look, and bytes counted anew."""
    monkeypatch.setattr(terms, "FRESH", 0.0)
    monkeypatch.setattr(terms, "COUNTED", 0.0)


@pytest.fixture
def one(service: Service) -> Iterator[Account]:
    """A company of its own, whose client waits no time before it tries again."""
    account = service.enrol("One Ltd")
    account.client.close()
    with service.client(account.key, sleep=lambda _: None) as client:
        yield Account(account.key, account.account, client, account.url)


def entered(one: Account, envelope: SmallEnvelope) -> int:
    """Enter a deposit that names an age file; return its index."""
    receipt = one.client.submit(one.statement(envelope.payload))
    report = verify_receipt(receipt, parse_trust(one.client.trust())).report
    return int(report.claim("ledger").facts["index"])


def placed(one: Account) -> tuple[int, bytes]:
    """Deposit; return the entry and its payload's root."""
    envelope = small_envelope(os.urandom(20))
    one.client.put_envelopes([envelope])
    return entered(one, envelope), envelope.payload.root


def test_nothing_is_taken_from_a_suspended_account(service: Service, one: Account) -> None:
    desk = service.notary.staff_desk
    assert desk is not None
    statement, receipt = one.deposit()
    envelope = small_envelope(b"later")
    one.client.put_envelopes([envelope])
    waiting = one.statement(envelope.payload)
    terms.mark(desk, WHO, one.account, Mark.SUSPENDED, "fees unpaid")
    answer = service.http.post(
        "/statements", content=waiting, headers={"content-type": "application/cose"}
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "suspended")
    assert "fees" not in answer.text  # why is the office's and the company's affair
    with pytest.raises(Unavailable, match="takes nothing from this account"):
        one.client.put_envelopes([small_envelope(b"more")])
    again = service.http.post(
        "/statements", content=statement, headers={"content-type": "application/cose"}
    )
    assert again.content == receipt  # what is entered is entered
    with pytest.raises(Conflict):
        terms.mark(desk, WHO, one.account, Mark.SUSPENDED, "twice")
    terms.clear(desk, WHO, one.account, Mark.SUSPENDED)
    assert one.client.submit(waiting)
    with pytest.raises(Conflict):
        terms.clear(desk, WHO, one.account, Mark.SUSPENDED)
    assert [row.action for row in newest(desk, None, 2)] == [
        "account-resumed", "account-suspended",
    ]  # fmt: skip


def test_a_suspended_account_takes_on_no_device_over_the_network(service: Service) -> None:
    desk, sheet, device = service.notary.staff_desk, SigningKey(bytes(32)), SigningKey(b"d" * 32)
    assert desk is not None
    one = service.enrol("Two Ltd", sheet)
    request = format_request(
        device, origin=ORIGIN, nonce=bytes(32), issued_at=int(time.time()), account=one.account
    )
    endorsed = endorse_request(request, sheet)
    headers = {"content-type": "application/cose"}
    terms.mark(desk, WHO, one.account, Mark.SUSPENDED, "stolen")
    answer = service.http.post("/enrolments", content=endorsed, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "suspended")
    stranger = endorse_request(request, SigningKey(b"s" * 32))
    told = service.http.post("/enrolments", content=stranger, headers=headers)
    assert told.json()["code"] == "not-enrolled"  # who is suspended is told to nobody else
    assert service.notary.accounts.key(device.thumbprint) is None
    service.notary.execute(Join(endorsed))  # the office has compared a paper
    assert service.notary.accounts.key(device.thumbprint) is not None


def test_an_account_enters_as_many_statements_a_minute_as_it_may(
    service: Service, one: Account
) -> None:
    desk = service.notary.staff_desk
    assert desk is not None
    envelope = small_envelope()
    one.client.put_envelopes([envelope])
    terms.limit(desk, WHO, one.account, None, 3, None)
    statements = [one.statement(envelope.payload) for _ in range(5)]
    forged = [each[:-1] + bytes([each[-1] ^ 1]) for each in statements]
    assert not any(isinstance(each, bytes) for each in one.client.submit_many(forged))
    answers = one.client.submit_many(statements)
    assert [isinstance(each, Unavailable) for each in answers] == [False] * 3 + [True] * 2
    terms.limit(desk, WHO, one.account, None, None, None)
    assert all(isinstance(each, bytes) for each in one.client.submit_many(statements))


def test_an_account_keeps_as_many_bytes_as_it_may(service: Service, one: Account) -> None:
    desk = service.notary.staff_desk
    assert desk is not None
    envelope = small_envelope(b"x" * 2_000)
    one.client.put_envelopes([envelope])
    used = service.notary.envelopes.used(one.account)
    assert used > 2_000
    terms.limit(desk, WHO, one.account, used + 1_000, None, None)
    with pytest.raises(NotNow, match="may keep") as caught:
        one.client.put_envelopes([small_envelope(b"y" * 2_000)])
    assert caught.value.code == "over-quota"
    one.client.put_envelopes([envelope])  # nothing more of it is to be stored
    assert service.notary.envelopes.used(one.account) == used
    with pytest.raises(InvalidInput):
        terms.limit(desk, WHO, one.account, -1, None, None)


def test_deleted_ciphertext_leaves_entry_receipt_and_a_public_notice(
    service: Service, one: Account
) -> None:
    notary = service.notary
    desk = notary.staff_desk
    assert desk is not None
    (index, root), (kept, kept_root) = placed(one), placed(one)
    order = Discard(one.account, (index,), "asked for by the holder", WHO.name, WHO.role)
    terms.mark(desk, WHO, one.account, Mark.HELD, "order 117")
    with pytest.raises(Conflict, match="legal hold"):
        notary.execute(order)
    terms.clear(desk, WHO, one.account, Mark.HELD)
    terms.limit(desk, WHO, one.account, None, None, 10)
    with pytest.raises(Conflict, match="for 10 days"):
        notary.execute(order)
    terms.limit(desk, WHO, one.account, None, None, None)
    done = notary.execute(order)
    assert done.files == 2
    size = notary.entries.size
    with pytest.raises(Conflict, match="no ciphertext of these deposits any more"):
        notary.execute(order)
    with pytest.raises(InvalidInput, match="blank"):
        notary.execute(Discard(one.account, (kept,), " ", WHO.name, WHO.role))
    assert notary.entries.size == size
    entry = notary.entries.read(done.notice)
    assert entry is not None
    told = parse_notice(parse_statement(entry.statement)).text
    assert str(index) in told and "asked for by the holder" in told
    assert not (notary.directory / "objects" / one.account / f"{root.hex()}.payload").exists()
    with (
        pytest.raises(NotFound, match=f"entry {done.notice} "),
        notary.envelopes.open(one.account, root),
    ):
        pass
    with notary.envelopes.open(one.account, kept_root):
        assert kept != index
    deposits = notary.execute(AskReceipts(one.account, -1, 10)).receipts
    assert [each.index for each in deposits] == [index, kept]
    for each in deposits:
        assert verify_receipt(each.receipt, parse_trust(notary.trust)).report.good
        payload = _manifest(each.statement)
        assert not list(payload_faults(notary.envelopes, one.account, payload, read=True))
    row = newest(desk, None, 1)[0]
    assert (row.action, row.entry) == ("ciphertext-discarded", done.notice)


def test_an_age_file_that_another_deposit_names_is_kept(service: Service, one: Account) -> None:
    envelope = small_envelope()
    one.client.put_envelopes([envelope])
    places = [entered(one, envelope) for _ in range(2)]
    with pytest.raises(Conflict, match=f"Entry {places[1]} names"):
        service.notary.execute(Discard(one.account, (places[0],), "why", "wang", "terminal"))
    both = Discard(one.account, tuple(places), "why", "wang", "terminal")
    assert service.notary.execute(both).files == 2
    # The company may put it there again: its vault still has it.
    with pytest.raises(CiphertextMissing):
        one.client.submit(one.statement(envelope.payload))
    one.client.put_envelopes([envelope])
    assert one.client.submit(one.statement(envelope.payload))


def test_only_deposits_of_the_account_are_deleted(
    service: Service, one: Account, stranger: Account
) -> None:
    index, _ = placed(one)
    for account, entry in ((stranger.account, index), (one.account, 0), (one.account, 10**6)):
        with pytest.raises(NotFound):
            service.notary.execute(Discard(account, (entry,), "why", "wang", "terminal"))
    with pytest.raises(InvalidInput):
        service.notary.execute(Discard(one.account, (), "why", "wang", "terminal"))


def test_of_a_hold_it_is_told_also_while_a_backup_is_made(
    service: Service, one: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    notary = service.notary
    assert notary.staff_desk is not None
    index, _ = placed(one)
    orders: tuple[Order[Any], ...] = (
        Erase(one.account, "asked for", WHO.name, WHO.role),
        Discard(one.account, (index,), "asked for", WHO.name, WHO.role),
    )
    terms.mark(notary.staff_desk, WHO, one.account, Mark.HELD, "order 119")
    monkeypatch.setattr(notary, "_copying", (0, threading.current_thread()))
    for order in orders:
        with pytest.raises(Conflict, match="legal hold"):
            notary.execute(order)
    terms.clear(notary.staff_desk, WHO, one.account, Mark.HELD)
    for order in orders:
        with pytest.raises(Conflict, match="backup is being made"):
            notary.execute(order)


def test_no_statements_at_all_are_a_suspension_and_not_a_limit(
    service: Service, one: Account
) -> None:
    desk = service.notary.staff_desk
    assert desk is not None
    with pytest.raises(InvalidInput, match="account suspend"):
        terms.limit(desk, WHO, one.account, None, 0, None)
    assert terms.terms_of(desk, one.account).per_minute is None


def test_an_erased_identity_is_said_and_not_under_a_hold(service: Service, one: Account) -> None:
    desk = service.notary.staff_desk
    assert desk is not None
    terms.mark(desk, WHO, one.account, Mark.HELD, "order 118")
    order = Erase(one.account, "asked for", WHO.name, WHO.role)
    with pytest.raises(Conflict, match="legal hold"):
        service.notary.execute(order)
    assert service.notary.accounts.standing(one.account).record is not None
    terms.clear(desk, WHO, one.account, Mark.HELD)
    done = service.notary.execute(order)
    assert done.records == 1
    with pytest.raises(Conflict, match="erased already"):
        service.notary.execute(order)
    assert service.notary.accounts.standing(one.account).record is None
    assert newest(desk, None, 1)[0].entry == done.notice


def test_ciphertext_that_nothing_names_is_deleted_once_it_is_old(
    service: Service, one: Account
) -> None:
    notary = service.notary
    desk = notary.staff_desk
    assert desk is not None
    _, named = placed(one)
    late, lost = small_envelope(b"late"), small_envelope(b"lost")
    one.client.put_envelopes([late, lost])
    folder = notary.directory / "objects" / one.account

    def there() -> set[str]:
        return {each.name for each in folder.glob("*.payload")}

    before, held = there(), notary.execute(AskTidied(0)).held
    assert len(before) == 3
    terms.mark(desk, WHO, one.account, Mark.HELD, "order 119")
    assert notary.execute(Tidy(0)).held == held + 1 and there() == before
    terms.clear(desk, WHO, one.account, Mark.HELD)
    notary.execute(Tidy(60))
    assert there() == before
    assert notary.execute(AskTidied(0)).files >= 4 and there() == before

    assert notary.execute(Tidy(0)).files >= 4
    assert len(before - there()) == 2 and f"{named.hex()}.payload" in there()
    with pytest.raises(CiphertextMissing):
        one.client.submit(one.statement(late.payload))
    one.client.put_envelopes([late])
    one.client.submit(one.statement(late.payload))
    notary.execute(Tidy(0))
    with notary.envelopes.open(one.account, late.payload.root):
        pass


def test_what_a_deposit_names_by_the_time_that_it_would_go_stays(
    service: Service, one: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, during = small_envelope(b"late"), small_envelope(b"during")
    one.client.put_envelopes([late, during])
    unnamed, forget = tidying._unnamed, service.notary.envelopes.forget

    def then_named(deleting: Deleting, account: str, old: dict[bytes, Lying]) -> list[Lying]:
        found = unnamed(deleting, account, old)
        if account == one.account:
            one.client.submit(one.statement(late.payload))
        return found

    def while_it_goes(account: str, root: bytes) -> int:
        if root == during.payload.root:
            with pytest.raises(CiphertextMissing):
                one.client.submit(one.statement(during.payload))
        return forget(account, root)

    monkeypatch.setattr(tidying, "_unnamed", then_named)
    monkeypatch.setattr(service.notary.envelopes, "forget", while_it_goes)
    service.notary.execute(Tidy(0))
    with service.notary.envelopes.open(one.account, late.payload.root):
        pass
    assert service.notary.envelopes.sizes(one.account, during.payload.root) == (None, None)


def _manifest(statement: bytes) -> Payload:
    return parse_deposit(parse_statement(statement)).manifest


@dataclass
class Late:
    """An engine whose writer is overtaken by another process."""

    engine: Engine
    other: Callable[[], None]

    def reading(self) -> AbstractContextManager[Any]:
        return self.engine.reading()

    def writing(self) -> AbstractContextManager[Any]:
        self.other()
        return self.engine.writing()


def test_what_another_decides_meanwhile_is_not_overwritten(service: Service, one: Account) -> None:
    desk = service.notary.staff_desk
    assert desk is not None

    def hold() -> None:
        terms.mark(desk, WHO, one.account, Mark.HELD, "order 121")

    late = replace(desk, connections=Late(desk.connections, hold))  # type: ignore[arg-type]
    terms.limit(late, WHO, one.account, 5, None, None)
    found = terms.read_terms(desk)[one.account]
    assert (found.held, found.max_bytes) == ("order 121", 5)
    terms.clear(desk, WHO, one.account, Mark.HELD)
    with pytest.raises(Conflict, match="before"):
        terms.mark(late, WHO, one.account, Mark.HELD, "order 122")
    assert terms.read_terms(desk)[one.account].held == "order 121"
