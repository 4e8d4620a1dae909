"""The notary's own keys, replaced and revoked, while what it has given holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.chain.note import parse_note
from ledger.chain.trust import Trust, parse_trust
from ledger.errors import Conflict
from ledger.notary.notary import Notary
from ledger.notary.orders import AskState, RetireLog, RotateLog
from ledger.verify import ReceiptRefused, VerifiedReceipt, verify_receipt
from tests.notaries import Company, deposit, examined, found, opened


def lines(notary: Notary) -> int:
    return len(parse_note(notary.sequencer.last.note).signatures)


def trust_of(directory: Path) -> Trust:
    (path,) = directory.glob("*.trust")
    return parse_trust(path.read_bytes())


def verify(receipt: bytes, trust: Trust) -> VerifiedReceipt:
    return verify_receipt(receipt, trust)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return found(tmp_path / "notary")


@pytest.fixture
def notary(directory: Path) -> Iterator[Notary]:
    with opened(directory) as each:
        yield each


def refused(receipt: bytes, trust: Trust) -> bool:
    try:
        verify_receipt(receipt, trust)
    except ReceiptRefused:
        return True
    return False


def test_the_logs_keys_are_replaced_and_every_receipt_holds(
    directory: Path, notary: Notary
) -> None:
    company = Company().enrol(notary)
    before = deposit(notary, company.statements(2))
    old = trust_of(directory)

    size = notary.sequencer.last.size
    made = notary.execute(RotateLog())
    new = trust_of(directory)
    assert (new.retired[0].size, lines(notary)) == (size, 4)
    assert len(made.entries) == 1
    during = deposit(notary, company.statements(2))
    for receipt in (*before, *during):
        verify(receipt, old)
        verify(receipt, new)
    with pytest.raises(Conflict):
        notary.execute(RotateLog())
    assert "to be retired" in notary.execute(AskState()).keys[0]

    notary.execute(RetireLog())
    after = deposit(notary, company.statements(2))
    assert (lines(notary), trust_of(directory)) == (2, new)
    for receipt in (*before, *during, *after):
        verify(receipt, new)
    assert all(refused(each, old) for each in after)
    assert not list((directory / "keys").glob("old-*"))
    with pytest.raises(Conflict):
        notary.execute(RetireLog())
    notary.close()
    assert not [each for each in examined(directory) if each.level == "error"]
    with opened(directory) as again:
        verify(deposit(again, company.statements(1))[0], new)
        again.execute(RotateLog())
        verify(deposit(again, company.statements(1))[0], new)
        assert len(trust_of(directory).retired) == 2
        verify(before[0], trust_of(directory))
