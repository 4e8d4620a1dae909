"""An evidence file as one: what its receipts show of their matters, and which may lack content."""

import io
import os
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ledger.chain import report as rp
from ledger.chain.receipt import format_receipt, parse_receipt
from ledger.chain.statement import Matter, parse_statement
from ledger.chain.trust import Trust, parse_trust
from ledger.crypto import cose
from ledger.evidence.casefile import DisclosedDeposit, FileReport, MatterShown, verify_file
from ledger.evidence.check import check_file
from ledger.evidence.partial import PartialOpening
from ledger.verify import (
    OpenedDeposit,
    VerifiedReceipt,
    parse_deposit_receipt,
    verify_parsed,
    verify_receipt,
)
from tests.core.test_matter import ID, OTHER_ID, chained
from tests.disclosed import Shown, file
from tests.notaries import Company, deposit, found, opened

COMMITMENT = os.urandom(32)
OPENING = PartialOpening(8, (), b"")
"""Stands for an opening of COMMITMENT: here it only matters that there is one."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trust, dict[str, list[bytes]]]:
    """A trust file's content, and receipts: of a matter, of another one, of none."""
    with opened(found(tmp_path_factory.mktemp("notary") / "n")) as notary:
        company = Company().enrol(notary)
        first = company.statement(matter=Matter(ID, 1, None), commitment=COMMITMENT)
        rows = {
            "matter": chained(company, 6, OTHER_ID),
            "opened": [first],
            "none": company.statements(2),
        }
        receipts = {name: deposit(notary, statements) for name, statements in rows.items()}
        return parse_trust(notary.trust), receipts


Ledger = tuple[Trust, dict[str, list[bytes]]]


def closed(receipt: bytes) -> DisclosedDeposit:
    return DisclosedDeposit(parse_deposit_receipt(receipt))


def checked(trust: Trust, disclosed: Sequence[DisclosedDeposit]) -> FileReport:
    def verify(_: int, each: DisclosedDeposit, used: Trust) -> VerifiedReceipt:
        opening = None if each.opening is None else OpenedDeposit(COMMITMENT, (("a", 1),))
        return verify_parsed(each.receipt, used, lambda _: opening)

    return verify_file(disclosed, trust, verify)


def shown(ledger: Ledger, *numbers: int) -> MatterShown:
    trust, receipts = ledger
    (matter,) = checked(trust, [closed(receipts["matter"][n - 1]) for n in numbers]).matters
    return matter


def test_consecutive_numbers_are_unbroken(ledger: Ledger) -> None:
    matter = shown(ledger, 2, 3, 4)
    assert (matter.status, matter.runs, matter.missing) == (rp.PROVEN, ((2, 4),), ())
    assert matter.as_dict()["numbers"] == [[2, 4]]


def test_the_order_in_the_file_does_not_matter(ledger: Ledger) -> None:
    assert shown(ledger, 3, 1, 2) == shown(ledger, 1, 2, 3)


def test_numbers_between_runs_are_named_and_fail_nothing(ledger: Ledger) -> None:
    matter = shown(ledger, 1, 2, 4, 6)
    assert (matter.status, matter.runs) == (rp.PROVEN, ((1, 2), (4, 4), (6, 6)))
    assert matter.missing == ((3, 3), (5, 5))


def test_numbers_that_are_apart_show_nothing_together(ledger: Ledger) -> None:
    assert shown(ledger, 1, 3).status == rp.NOT_SHOWN


def test_one_receipt_twice_is_no_contradiction(ledger: Ledger) -> None:
    assert shown(ledger, 1, 2, 2).runs == ((1, 2),)


def test_single_papers_and_papers_of_no_matter_have_no_section(ledger: Ledger) -> None:
    trust, receipts = ledger
    result = checked(trust, [closed(each) for each in [receipts["matter"][0], *receipts["none"]]])
    assert result.good and result.matters == ()


def test_each_matter_stands_for_itself(ledger: Ledger) -> None:
    trust, receipts = ledger
    row = [*receipts["opened"], *receipts["matter"][:2]]
    (matter,) = checked(trust, [closed(each) for each in row]).matters
    assert (matter.id, matter.runs) == (OTHER_ID, ((1, 2),))


def test_a_contradiction_fails_the_file_though_each_receipt_is_good(ledger: Ledger) -> None:
    trust, receipts = ledger

    def verify(_: int, each: DisclosedDeposit, used: Trust) -> VerifiedReceipt:
        found = verify_parsed(each.receipt, used)
        place = found.deposit.matter
        assert place is not None
        forged = replace(place, previous=b"\x09" * 32 if place.number == 2 else place.previous)
        return replace(found, deposit=replace(found.deposit, matter=forged))

    result = verify_file([closed(each) for each in receipts["matter"][:3]], trust, verify)
    assert all(report.good for report in result.reports)
    assert not result.good and result.matters[0].status == rp.FAILED
    assert "Number 2" in result.matters[0].reason


def test_runs_that_stand_in_another_order_than_their_numbers_fail_the_file(ledger: Ledger) -> None:
    trust, receipts = ledger
    row = receipts["matter"]

    def verify(_: int, each: DisclosedDeposit, used: Trust) -> VerifiedReceipt:
        found = verify_parsed(each.receipt, used)
        place = found.deposit.matter
        assert place is not None
        return replace(found, index=0) if place.number == 4 else found

    result = verify_file([closed(row[n]) for n in (0, 1, 3)], trust, verify)
    assert not result.good and "Number 4" in result.matters[0].reason


@pytest.mark.parametrize("third", [("matter", 0), ("matter", 3), ("none", 0)])
def test_two_histories_fail_the_file_wherever_in_it_they_show(
    ledger: Ledger, third: tuple[str, int]
) -> None:
    trust, receipts = ledger
    name, place = third
    row = [*receipts["matter"][:2], receipts[name][place]]
    size = verify_receipt(row[0], trust).checkpoint.checkpoint.size

    def verify(number: int, each: DisclosedDeposit, used: Trust) -> VerifiedReceipt:
        found = verify_parsed(each.receipt, used)
        if number < 2:
            return found
        other = replace(found.checkpoint.checkpoint, size=size, root=bytes(32))
        return replace(found, checkpoint=replace(found.checkpoint, checkpoint=other))

    result = verify_file([closed(each) for each in row], trust, verify)
    assert not result.good and "two histories" in result.matters[0].reason


def test_a_receipt_that_does_not_hold_fills_no_number(ledger: Ledger) -> None:
    trust, receipts = ledger
    row = list(receipts["matter"][:3])
    parts, other = parse_receipt(row[1]), parse_receipt(receipts["none"][0])
    broken = replace(parts, position=other.position)
    result = checked(trust, [closed(row[0]), closed(format_receipt(broken)), closed(row[2])])
    assert not result.good
    assert result.matters[0].missing == ((2, 2),)


def required(ledger: Ledger) -> Trust:
    return replace(ledger[0], required=(*ledger[0].required, rp.CONTENT))


def test_required_content_is_required_of_a_receipt_alone(ledger: Ledger) -> None:
    result = checked(required(ledger), [closed(ledger[1]["opened"][0])])
    assert not result.good and result.reports[0].missing == (rp.CONTENT,)
    row = [closed(each) for each in ledger[1]["matter"]]
    assert not checked(required(ledger), row).good


def test_a_receipt_beside_an_opened_paper_of_its_matter_needs_no_content(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with opened(found(tmp_path_factory.mktemp("second") / "n")) as notary:
        company = Company().enrol(notary)
        first = company.statement(matter=Matter(ID, 1, None), commitment=COMMITMENT)
        second = company.statement(matter=Matter(ID, 2, parse_statement(first).leaf_hash))
        stranger = company.statement(matter=Matter(OTHER_ID, 1, None))
        papers = deposit(notary, [first, second, stranger])
        trust = parse_trust(notary.trust)
    strict = replace(trust, required=(*trust.required, rp.CONTENT))
    disclosed = replace(closed(papers[0]), opening=OPENING)
    result = checked(strict, [disclosed, closed(papers[1])])
    assert result.good and result.matters[0].status == rp.PROVEN
    assert result.reports[1].claim(rp.CONTENT).status == rp.NOT_SHOWN
    assert not checked(strict, [disclosed, closed(papers[2])]).good
    assert not checked(strict, [closed(papers[0]), closed(papers[1])]).good


def test_checking_a_file_parses_each_signed_thing_in_it_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust, receipts = ledger
    parsed: list[bytes] = []
    parse = cose.parse_sign1

    def counted(data: bytes) -> cose.Sign1:
        parsed.append(data)
        return parse(data)

    shown = Shown([file("a.txt", [b"a"])])
    receipt = parse_receipt(receipts["none"][0])
    monkeypatch.setattr(cose, "parse_sign1", counted)
    assert check_file(io.BytesIO(receipts["none"][0]), trust).good
    assert {receipts["none"][0], receipt.statement, receipt.block, receipt.enrolment} <= {*parsed}
    assert len(parsed) == len(set(parsed))
    parsed.clear()
    assert check_file(io.BytesIO(shown.evidence()), shown.office.trust()).good
    assert len(parsed) == len(set(parsed)) > 3
