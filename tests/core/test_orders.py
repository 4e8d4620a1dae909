"""Orders of the office, and what they are answered: typed at both ends, read strictly."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.errors import InvalidInput, MalformedData
from ledger.notary import retention
from ledger.notary.deleting import Deleting
from ledger.notary.leaving import ORDERS_EVERY
from ledger.notary.ordering import command
from ledger.notary.orders import (
    AllAccounts,
    AskRetired,
    AskState,
    Backup,
    ListAccounts,
    Retired,
    SayNotice,
    format_answer,
    format_order,
    parse_answer,
    parse_order,
)
from ledger.notary.sequencing.accounts import Standing
from tests.notaries import found, opened


def test_all_accounts_of_a_province_are_one_answer() -> None:
    answer = AllAccounts(tuple(Standing(f"{n:032x}", (), None) for n in range(20_000)))
    assert parse_answer(ListAccounts(), format_answer(answer)) == answer


def test_an_order_is_read_back_and_no_other_form_of_it() -> None:
    name, argument = format_order(AskState())
    assert parse_order(name, argument) == AskState()
    with pytest.raises(MalformedData):
        parse_order(name, argument + b"\0")
    with pytest.raises(InvalidInput):
        parse_order("no such order", argument)


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Have the search of what has come of age stand still: it has begun; it may go on."""
    begun, go = threading.Event(), threading.Event()

    def long(_: Deleting) -> Retired:
        begun.set()
        assert go.wait(60)
        return Retired(deposits=7)

    monkeypatch.setattr(retention, "look", long)
    yield begun, go
    go.set()


def test_others_have_their_turn_while_an_order_looks_through_a_very_large_account(
    tmp_path: Path, looking: tuple[threading.Event, threading.Event]
) -> None:
    begun, go = looking
    directory = found(tmp_path / "notary")
    with opened(directory) as notary, ThreadPoolExecutor(1) as pool:
        notary.serve_orders()
        asked = pool.submit(command, directory, AskRetired(), patience=ORDERS_EVERY)
        assert begun.wait(30)
        assert command(directory, SayNotice("closed on Sunday"), patience=20).index > 0
        go.set()
        assert asked.result(30).deposits == 7


def test_no_backup_begins_while_an_order_may_delete(
    tmp_path: Path, looking: tuple[threading.Event, threading.Event]
) -> None:
    begun, go = looking
    directory, target = found(tmp_path / "notary"), tmp_path / "backup"
    with opened(directory) as notary, ThreadPoolExecutor(2) as pool:
        notary.serve_orders()
        asked = pool.submit(command, directory, AskRetired())
        assert begun.wait(30)
        copied = pool.submit(command, directory, Backup(str(target)))
        time.sleep(4 * ORDERS_EVERY)
        assert not target.exists()
        go.set()
        assert asked.result(30).deposits == 7
        copied.result(60)
    assert (target / "manifest").exists()
