"""Drafts of the office for a court: what its books show, and blanks for all that they do not."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.chain.office import Platform
from ledger.errors import InvalidInput
from ledger.notary.ordering import command
from ledger.notary.orders import StatePlatform
from tests.cli.conftest import Company, run
from tests.spoofs import unbroken


def statement(company: Company, *arguments: object, code: int = 0) -> Any:
    asked = ("notary", "statement", "--dir", company.notary.directory, *arguments, "--json")
    return json.loads(run(*asked, code=code).stdout.splitlines()[0])


def page(company: Company, *arguments: object) -> str:
    return run("notary", "statement", "--dir", company.notary.directory, *arguments).stdout


@pytest.fixture
def deposited(company: Company) -> Company:
    company.write("prices.txt", b"41 yuan\n")
    company("deposit", "prices.txt")
    return company


def test_the_platform_is_drafted_in_both_languages_and_nothing_is_claimed_of_it(
    deposited: Company,
) -> None:
    shown = page(deposited)
    assert shown.startswith("*** 草稿 ***") and "*** DRAFT ***" in shown
    assert all(len(line) <= 80 for line in shown.splitlines() if line.isascii())
    for number in range(1, 8):
        assert shown.count(f"\n{number}. ") == 2
    words = " ".join(shown.split())
    assert "运营者 operator: “测试公证处”" in words and words.count("“测试公证处”") == 2
    found = statement(deposited)
    assert found["draft"] is True and found["for"] == "在线诉讼规则"
    assert found["facts"]["stated"]["platform"]["operator"] == "测试公证处"
    assert found["facts"]["size"] >= 6 and found["facts"]["statements"] == 1
    blanks = found["blanks"]
    assert "relations to the parties, their counsel and the case" in blanks
    assert "公章" in blanks and "official seal" in blanks
    for paragraph in found["text"].split("\n\n"):
        if "Article 17 (1)" in paragraph or "Article 17 (3)" in paragraph:
            assert "Not shown by the ledger: [____" in paragraph
    assert "{" not in found["text"] and "complies" not in words and "conforms" not in words


def test_with_a_receipt_it_is_the_platform_as_stated_when_the_deposit_was_entered(
    own_company: Company,
) -> None:
    own_company.write("prices.txt", b"41 yuan\n")
    own_company("deposit", "prices.txt")
    own_company.notary.stop()
    directory = own_company.notary.directory
    with pytest.raises(InvalidInput, match="cannot be shown"):
        command(directory, StatePlatform(Platform("New \x1b[31mOperator", "", "e", "s", ())))
    command(directory, StatePlatform(Platform("New Operator”. Proven: all", "", "e", "s", ())))
    receipt = own_company.folder / "prices.txt.receipt"
    then, now = statement(own_company, receipt), statement(own_company)
    assert then["facts"]["stated"]["platform"]["operator"] == "测试公证处"
    assert now["facts"]["stated"]["index"] > then["facts"]["stated"]["index"]
    assert "It was in force when the deposit" in then["text"]
    shown = page(own_company)
    assert "\x1b" not in shown and "”. Proven" not in shown.replace("\\”. Proven", "")


def test_the_custodian_declares_about_one_deposit_and_leaves_every_blank(
    deposited: Company,
) -> None:
    receipt = deposited.folder / "prices.txt.receipt"
    found = statement(deposited, receipt, "--for", "FRE-902")
    text = found["text"]
    assert text.startswith("*** DRAFT ***") and text.endswith("*** DRAFT ***")
    assert "CUSTODIAN OF RECORDS" in text and "902(14)" not in text
    assert "[____ signature ____]" in text and "full name of the declarant" in found["blanks"]
    assert "holds no statement that the office has opened this deposit" in text
    assert "Proven: it is entry" in text and "Stated by the notary: it was registered" in text
    deposited("disclose", "prices.txt", "-o", "case.evidence")
    case = deposited.folder / "case.evidence"
    office = ("--dir", deposited.notary.directory)
    run("notary", "inspect", case, "--officer", "赵明察", "--role", "查验员", *office)
    later = statement(deposited, receipt, "--for", "FRE-902")
    (seen,) = later["inspections"]
    assert f"Entry {seen['index']} of the ledger" in later["text"]
    assert "opened the whole deposit and seen it" in later["text"]
    assert "holds no statement" not in later["text"] and "赵明察" not in later["text"]
    trust = deposited.notary.trust_file
    declaration = run("verify", case, "--trust", trust, "--for", "FRE-902").stdout
    assert "an officer of the office has opened the deposit" in " ".join(declaration.split())


def test_nothing_is_drafted_from_what_is_not_good_or_not_ones_own(
    deposited: Company, tmp_path: Path
) -> None:
    receipt = deposited.folder / "prices.txt.receipt"
    assert "name a receipt" in statement(deposited, "--for", "FRE-902", code=2)["error"]["message"]
    statement(deposited, "--for", "DTSA", code=2)
    data = bytearray(receipt.read_bytes())
    data[-1] ^= 1
    broken = deposited.write("broken.receipt", bytes(data))
    message = statement(deposited, broken, "--for", "FRE-902", code=1)["error"]["message"]
    assert "nothing is drafted" in message
    out = tmp_path / "draft.txt"
    page(deposited, "-o", out)
    assert out.read_text().startswith("*** 草稿 ***")
    again = run("notary", "statement", "--dir", deposited.notary.directory, "-o", out, code=1)
    assert "not overwritten" in unbroken(again.stderr)
