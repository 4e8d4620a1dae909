"""matter list, matter show, and what a complete matter is; two computers that share one."""

from pathlib import Path

import pytest

from ledger.company.sending.confirming import verify_answer
from ledger.company.vault.matters import complete
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.errors import InvalidInput, NotFound, Unavailable
from ledger.evidence.matter import verify_matter
from ledger.wire.client import NotaryClient
from tests.cli.conftest import Company, new_company
from tests.cli.test_setup import Sheet

NAME = "南京供应 Supply"


def paper(company: Company, name: str, *more: str) -> dict[str, object]:
    """Deposit a paper in the matter."""
    path = company.write(name, name.encode())
    (answer,) = company.json("deposit", path, "--matter", NAME, *more)["deposits"]
    assert isinstance(answer, dict)
    return answer


def titles(papers: tuple[StoredDeposit, ...]) -> list[str]:
    return [each.meta.title for each in papers]


@pytest.fixture
def other(company: Company, tmp_path: Path) -> Company:
    """Another computer of the account, made after the first paper."""
    paper(company, "1.txt")
    second = new_company(tmp_path / "second", company.notary)
    second.json(*Sheet(company).options(second))
    return second


def test_the_papers_of_a_matter_are_shown_by_number(company: Company) -> None:
    for name in ("1.txt", "2.txt", "3.txt"):
        paper(company, name)
    company("deposit", company.write("elsewhere.txt"))
    shown = company.json("matter", "show", NAME)
    assert [each["matter_number"] for each in shown["papers"]] == [1, 2, 3]
    assert [each["title"] for each in shown["papers"]] == ["1.txt", "2.txt", "3.txt"]
    assert [each["state"] for each in shown["papers"]] == ["deposited"] * 3
    entries = [each["index"] for each in shown["papers"]]
    assert entries == sorted(entries)
    assert all(each["time"] and each["block"] for each in shown["papers"])
    assert (shown["chain"], shown["missing"], shown["problem"]) == (
        {"first": 1, "last": 3},
        [],
        None,
    )
    page = company("matter", "show", NAME).output
    assert "nothing registered in this matter" in " ".join(page.split())
    assert max(map(len, page.splitlines())) <= 80


def test_a_matter_is_found_by_its_name_or_the_start_of_its_id(company: Company) -> None:
    paper(company, "1.txt")
    (listed,) = company.json("matter", "list")["matters"]
    assert (listed["name"], listed["deposited"]) == (NAME, 1)
    assert company.json("matter", "show", listed["id"][:8])["name"] == NAME
    assert "No matter here" in company("matter", "show", "nothing", code=1).stderr
    assert NAME in company("matter", "list").output


def test_without_a_matter_the_list_says_how_to_begin_one(applicant: Company) -> None:
    assert "--matter" in applicant("matter", "list").output


def test_what_waits_is_shown_and_keeps_a_matter_from_being_complete(company: Company) -> None:
    paper(company, "1.txt")
    paper(company, "2.txt", "--no-wait")
    shown = company.json("matter", "show", NAME)
    assert [each["state"] for each in shown["papers"]] == ["deposited", "waiting"]
    assert shown["chain"] == {"first": 1, "last": 1}
    with pytest.raises(InvalidInput, match=r"number 2 \(“2.txt”\) waits"):
        complete(Vault(company.home), NAME)
    company("deposit")
    assert titles(complete(Vault(company.home), NAME)) == ["1.txt", "2.txt"]


def test_a_complete_matters_receipts_make_a_chain(company: Company) -> None:
    for name in ("1.txt", "2.txt", "3.txt"):
        paper(company, name)
    vault = Vault(company.home)
    papers = complete(vault, NAME)
    receipts = [verify_answer(each.encoded, each.receipt or b"", vault.trust) for each in papers]
    assert verify_matter(receipts).last == 3
    with pytest.raises(NotFound):
        complete(vault, "another")


def test_a_refused_paper_is_named_until_another_has_its_number(company: Company) -> None:
    paper(company, "1.txt")
    paper(company, "2.txt", "--no-wait")
    vault = Vault(company.home)
    (waiting,) = vault.spooled()
    waiting.put_aside("the notary's reason")
    with pytest.raises(InvalidInput, match=r"refused number 2 \(“2.txt”\)"):
        complete(vault, NAME)
    assert company.json("matter", "list")["matters"][0]["refused"] == 1
    paper(company, "2.txt")
    assert titles(complete(Vault(company.home), NAME)) == ["1.txt", "2.txt"]
    assert company.json("matter", "list")["matters"][0]["refused"] == 0


def test_a_damaged_receipt_fails_the_chain(company: Company) -> None:
    paper(company, "1.txt")
    paper(company, "2.txt")
    first, second = Vault(company.home).deposits()
    (second.folder / "receipt").write_bytes(first.receipt or b"")
    shown = company.json("matter", "show", NAME, code=1)
    assert shown["problem"].startswith("Number 2")
    assert shown["chain"] is None


def test_a_paper_that_this_vault_has_lost_is_missing(company: Company) -> None:
    for name in ("1.txt", "2.txt", "3.txt"):
        paper(company, name)
    lost = Vault(company.home).deposits()[1]
    for each in lost.folder.iterdir():
        each.unlink()
    lost.folder.rmdir()
    shown = company.json("matter", "show", NAME)
    assert (shown["missing"], shown["chain"]) == ([2], {"first": 1, "last": 1})
    assert "number 2" in company("matter", "show", NAME).output
    with pytest.raises(InvalidInput, match="number 2 is not in this vault"):
        complete(Vault(company.home), NAME)


def test_of_two_computers_the_slower_takes_the_next_number(
    company: Company, other: Company
) -> None:
    assert paper(other, "2.txt")["matter_number"] == 2
    late = paper(company, "late.txt")
    assert (late["state"], late["matter_number"]) == ("deposited", 3)
    assert company.json("verify", late["receipt"])["good"]
    shown = company.json("matter", "show", NAME)
    assert (shown["missing"], shown["chain"]) == ([2], {"first": 1, "last": 1})
    with pytest.raises(InvalidInput, match=r"number 2 is not in this vault.*sealbook recover"):
        complete(Vault(company.home), NAME)
    assert paper(company, "later.txt")["matter_number"] == 4


def test_papers_that_waited_keep_their_order_behind_the_other_computers(
    company: Company, other: Company
) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        paper(company, name, "--no-wait")
    for name in ("2.txt", "3.txt"):
        paper(other, name)
    company("deposit")
    shown = company.json("matter", "show", NAME)["papers"]
    assert [(each["matter_number"], each["title"]) for each in shown] == [
        (1, "1.txt"), (4, "a.txt"), (5, "b.txt"), (6, "c.txt"),
    ]  # fmt: skip
    assert all(each["state"] == "deposited" for each in shown)
    assert paper(other, "last.txt")["matter_number"] == 7


def test_a_running_process_notices_that_papers_got_other_numbers(
    company: Company, other: Company
) -> None:
    running = Vault(company.home)
    identity = running.named_matter(NAME)
    paper(company, "a.txt", "--no-wait")
    assert running.next_in_matter(identity).number == 3
    paper(other, "2.txt")
    company("deposit")
    last = Vault(company.home).find("a.txt")
    assert running.next_in_matter(identity).number == 4
    assert running.next_in_matter(identity).previous == last.statement.leaf_hash


def test_what_the_other_computer_holds_comes_with_the_recovery_sheet(
    company: Company, other: Company
) -> None:
    paper(other, "2.txt")
    paper(company, "late.txt")
    assert company.json(*Sheet(company).options(company))["deposits"] == 1
    assert titles(complete(Vault(company.home), NAME)) == ["1.txt", "2.txt", "late.txt"]
    assert company.json("matter", "show", NAME)["chain"] == {"first": 1, "last": 3}


def test_a_paper_of_another_computer_is_believed_only_with_its_receipt(
    company: Company, other: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper(other, "2.txt")
    real = NotaryClient.receipt

    def forged(self: NotaryClient, leaf: bytes) -> bytes:
        receipt = real(self, leaf)
        return receipt.replace(b"test.notary", b"tesy.notary")

    with monkeypatch.context() as patch:
        patch.setattr(NotaryClient, "receipt", forged)
        path = company.write("late.txt")
        (answer,) = company.json("deposit", path, "--matter", NAME, code=1)["deposits"]
    assert (answer["state"], answer["matter_number"]) == ("refused", 2)
    assert Vault(company.home).elsewhere().tips == {}
    assert paper(company, "late.txt")["matter_number"] == 3


def test_a_paper_that_has_to_give_way_waits_while_the_notary_is_away(
    company: Company, other: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper(other, "2.txt")

    def away(*_: object) -> None:
        raise Unavailable("The notary cannot be reached.")

    with monkeypatch.context() as patch:
        patch.setattr(NotaryClient, "deposits", away)
        assert paper(company, "late.txt")["state"] == "waiting"
    (sent,) = company.json("deposit")["deposits"]
    assert (sent["state"], sent["matter_number"]) == ("deposited", 3)


def test_what_is_known_of_the_other_computer_is_learnt_again_where_it_is_lost(
    company: Company, other: Company
) -> None:
    paper(other, "2.txt")
    paper(company, "late.txt")
    for hurt in (b"", b"[]", b'{"after": 1}', b'{"after": 0, "tips": {"zz": 1}}', b"\xff"):
        (company.home / "elsewhere.json").write_bytes(hurt)
        assert Vault(company.home).elsewhere().tips == {}
    paper(other, "4.txt")
    assert paper(company, "later.txt")["matter_number"] == 5
