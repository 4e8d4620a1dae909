"""What a row of receipts shows of a matter, and what it must not be taken for."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ledger.chain.statement import Matter, parse_statement
from ledger.crypto.keys import SigningKey
from ledger.errors import InvalidInput, VerificationFailed
from ledger.evidence.matter import MatterChain, verify_matter
from ledger.verify import VerifiedReceipt
from tests.notaries import Company, check, deposit, found, opened

ID, OTHER_ID = b"\1" * 16, b"\2" * 16
PAPERS = 5


def chained(company: Company, count: int, identity: bytes = ID) -> list[bytes]:
    """Statements 1 to `count` of a matter."""
    made: list[bytes] = []
    for number in range(1, count + 1):
        previous = parse_statement(made[-1]).leaf_hash if made else None
        made.append(company.statement(matter=Matter(identity, number, previous)))
    return made


@pytest.fixture(scope="module")
def receipts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[VerifiedReceipt]]:
    """Verified receipts: a matter, another one, another account's under the same id, no matter."""
    with opened(found(tmp_path_factory.mktemp("notary") / "n")) as notary:
        company = Company().enrol(notary)
        stranger = Company(SigningKey(b"\7" * 32), SigningKey(b"\6" * 32)).enrol(notary)
        rows = {
            "matter": chained(company, PAPERS),
            "second": chained(company, PAPERS, OTHER_ID),
            "stranger": chained(stranger, PAPERS),
            "none": company.statements(1),
        }
        return {
            name: [check(notary, each) for each in deposit(notary, statements)]
            for name, statements in rows.items()
        }


Rows = dict[str, list[VerifiedReceipt]]


def refused(receipts: Sequence[VerifiedReceipt]) -> str:
    with pytest.raises(VerificationFailed) as caught:
        verify_matter(receipts)
    return str(caught.value)


def test_all_papers_from_the_first_to_the_last_make_a_chain(receipts: Rows) -> None:
    account = receipts["matter"][0].statement.issuer
    assert verify_matter(receipts["matter"]) == MatterChain(account, ID, 1, PAPERS)


def test_a_chain_may_begin_and_end_anywhere(receipts: Rows) -> None:
    assert verify_matter(receipts["matter"][1:4]).first == 2
    assert verify_matter(receipts["matter"][2:3]).last == 3


@pytest.mark.parametrize("left_out", range(1, PAPERS - 1))
def test_a_missing_number_is_named(receipts: Rows, left_out: int) -> None:
    row = receipts["matter"]
    shown = row[:left_out] + row[left_out + 1 :]
    assert f"Number {left_out + 1} of the matter is missing" in refused(shown)


def test_several_missing_numbers_are_named(receipts: Rows) -> None:
    row = receipts["matter"]
    assert "Numbers 2 to 4 of the matter are missing" in refused([row[0], row[4]])


def test_papers_must_come_in_the_order_of_their_numbers(receipts: Rows) -> None:
    for at in range(PAPERS - 1):
        row = list(receipts["matter"])
        row[at], row[at + 1] = row[at + 1], row[at]
        assert "out of order" in refused(row)


@pytest.mark.parametrize("at", range(PAPERS))
@pytest.mark.parametrize(
    ("other", "why"), [("second", "two matters"), ("stranger", "another account")]
)
def test_a_paper_of_another_matter_or_account_does_not_fill_its_place(
    receipts: Rows, at: int, other: str, why: str
) -> None:
    row = list(receipts["matter"])
    row[at] = receipts[other][at]
    assert why in refused(row)


def test_a_number_stands_there_once(receipts: Rows) -> None:
    row = receipts["matter"]
    assert "Two papers of the matter bear the number 2" in refused([*row[:2], *row[1:]])


def test_a_deposit_without_a_matter_is_no_paper_of_one(receipts: Rows) -> None:
    assert "no matter" in refused([*receipts["matter"], *receipts["none"]])
    assert "no matter" in refused(receipts["none"])


def test_nothing_shows_nothing() -> None:
    with pytest.raises(InvalidInput):
        verify_matter([])


# --- what no honest notary enters: receipts that are changed after their verification ---


def test_a_paper_that_names_another_predecessor_is_refused(receipts: Rows) -> None:
    row = list(receipts["matter"])
    forged = replace(row[2].deposit, matter=Matter(ID, 3, b"\x09" * 32))
    row[2] = replace(row[2], deposit=forged)
    assert "Number 3 of the matter names another paper as its predecessor" in refused(row)


def test_the_ledgers_order_is_the_order_of_the_numbers(receipts: Rows) -> None:
    row = list(receipts["matter"])
    row[2] = replace(row[2], index=row[1].index - 1)
    assert "Number 3 of the matter stands before number 2 in the ledger" in refused(row)


def test_papers_of_two_ledgers_are_no_chain(receipts: Rows) -> None:
    row = list(receipts["matter"])
    row[1] = replace(row[1], deposit=replace(row[1].deposit, origin="other.example/ledger"))
    assert "another ledger" in refused(row)


def test_two_histories_of_one_size_are_no_chain(receipts: Rows) -> None:
    row = list(receipts["matter"])
    row = [replace(each, checkpoint=row[0].checkpoint) for each in row]
    seen = row[0].checkpoint
    row[1] = replace(
        row[1], checkpoint=replace(seen, checkpoint=replace(seen.checkpoint, root=bytes(32)))
    )
    assert "two histories" in refused(row)
