"""A token over the statement, from while it waited: what it adds to a receipt, and what not."""

from dataclasses import replace
from hashlib import sha256

import pytest

from ledger.chain import report as rp
from ledger.chain.receipt import MAX_OWN, Times, format_receipt, parse_receipt
from ledger.chain.report import Report
from ledger.court.claims import describe
from ledger.errors import MalformedData
from ledger.verify import ReceiptRefused, verify_receipt
from tests.certificates import issue
from tests.forge import forged
from tests.rogue import DAY, TSA, stamp, trusting
from tests.simulator import NOW, Office

EARLY, LATE = NOW - 500, NOW + 30
END = NOW - DAY + 10 * 365 * DAY


def own(
    office: Office, time: int = EARLY, data: bytes | None = None, signer: object = TSA
) -> bytes:
    statement = office.parts().statement if data is None else data
    return forged(sha256(statement).digest(), signer, time)  # type: ignore[arg-type]


def receipt(office: Office, *tokens: bytes, noted: bool = False) -> bytes:
    parts = office.parts()
    entries = (stamp(parts.note, LATE),) if noted else ()
    return format_receipt(replace(parts, times=Times(entries, own=tokens)))


def report(office: Office, data: bytes, at: int | None = None) -> Report:
    try:
        return verify_receipt(data, replace(trusting(office), at=at)).report
    except ReceiptRefused as refused:
        return refused.report


@pytest.fixture
def office() -> Office:
    return Office()


def test_it_shows_the_deposit_to_have_existed_and_not_its_entry(office: Office) -> None:
    found = report(office, receipt(office, own(office)))
    assert found.claim(rp.TIME).status == rp.STATED
    (shown,) = found.claim(rp.TIME).facts["own"]
    assert shown["authority"] == "Test TSA"
    assert EARLY <= shown["latest"] <= EARLY + 2
    assert found.claim(rp.EXISTENCE).status == rp.NOT_SHOWN
    for language in ("en", "zh"):
        facts = describe(found.claim(rp.TIME), language).facts
        assert any("Test TSA" in str(each) for each in facts)


def test_beside_tokens_of_the_ledger_it_changes_nothing_that_they_show(office: Office) -> None:
    alone = report(office, receipt(office, noted=True)).claim(rp.TIME)
    both = report(office, receipt(office, own(office), noted=True)).claim(rp.TIME)
    assert (both.status, both.facts["latest"]) == (rp.PROVEN, alone.facts["latest"])
    assert both.facts["own"]


def test_it_does_not_stand_for_the_entry_where_the_ledgers_keys_may_be_stolen(
    office: Office,
) -> None:
    """Who stamped a statement and never deposited it could have it entered with the keys, later."""
    trust = replace(trusting(office), required=("ledger", "existence"))
    with pytest.raises(ReceiptRefused):
        verify_receipt(receipt(office, own(office)), trust)
    assert verify_receipt(receipt(office, own(office), noted=True), trust)


def test_it_says_until_when_its_authority_stands(office: Office) -> None:
    (shown,) = report(office, receipt(office, own(office))).claim(rp.TIME).facts["own"]
    assert abs(shown["until"] - END) < 30 * DAY


def test_a_strangers_token_is_left_out_and_named(office: Office) -> None:
    stranger = issue("Stranger", start=NOW - DAY, years=10, ca=True)
    token = own(office, signer=issue("Unit", stranger, start=NOW - DAY, years=5))
    found = report(office, receipt(office, token)).claim(rp.TIME)
    assert "own" not in found.facts
    assert found.facts["left_out"]


def test_a_token_over_something_else_fails(office: Office) -> None:
    found = report(office, receipt(office, own(office, data=b"another statement")))
    assert found.claim(rp.TIME).status == rp.FAILED


def test_own_tokens_read_back_and_are_few(office: Office) -> None:
    data = receipt(office, *[own(office)] * MAX_OWN, noted=True)
    assert format_receipt(parse_receipt(data)) == data
    with pytest.raises(MalformedData):
        parse_receipt(receipt(office, *[own(office)] * (MAX_OWN + 1)))
