"""An officer who has seen the content, and what a court is told of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.chain import statement as st
from ledger.chain.inspection import format_inspections, parse_inspections
from ledger.chain.statement import parse_statement
from ledger.crypto.recipients import HybridIdentity
from ledger.notary.care.fsck import fsck
from ledger.notary.care.rebuild import rebuild
from ledger.notary.storage.ledger_database import LedgerDatabase
from tests.cli.conftest import Company, Served, run
from tests.spoofs import unbroken

OFFICER = ("--officer", "赵明察", "--role", "查验员")
SECRET = b"the price is 41 yuan and nobody must know it\n"


def inspect(company: Company, *arguments: object, code: int = 0) -> Any:
    command = ("notary", "inspect", "--dir", company.notary.directory, *arguments, "--json")
    return json.loads(run(*command, code=code).stdout.splitlines()[0])


def verify(company: Company, file: Path, *more: object, code: int = 0) -> Any:
    trust = company.notary.trust_file
    answer = run("verify", file, "--trust", trust, *more, "--json", code=code)
    return json.loads(answer.stdout)


def claims(answer: Any, number: int = 0) -> dict[str, Any]:
    return {each["claim"]: each for each in answer["reports"][number]["claims"]}


def claim(answer: Any, number: int = 0) -> Any:
    return claims(answer, number)["inspection"]


def evidence(company: Company, *more: object, name: str = "case.evidence") -> Path:
    company("disclose", "prices.txt", *more, "-o", name)
    return company.folder / name


@pytest.fixture
def deposited(company: Company) -> Company:
    company.write("prices.txt", SECRET + b"\nsecond paragraph\n\nthird paragraph\n")
    company("deposit", "prices.txt")
    return company


def test_from_then_on_a_report_tells_the_content_from_the_commitment(deposited: Company) -> None:
    file = evidence(deposited)
    before = verify(deposited, file)
    assert claim(before)["status"] == "not-shown"
    answer = inspect(deposited, file, *OFFICER)
    (entry,) = answer["entries"]
    after = verify(deposited, file)
    told = claim(after)
    assert (told["status"], told["by"], after["good"]) == ("stated", "notary", True)
    assert told["facts"] == {
        "index": entry["index"],
        "time": entry["time"],
        "officer": "赵明察",
        "role": "查验员",
        "scope": "whole",
    }
    unchanged = {name: each for name, each in claims(after).items() if name != "inspection"}
    assert unchanged == {
        name: each for name, each in claims(before).items() if name != "inspection"
    }
    trust = deposited.notary.trust_file
    page = " ".join(run("verify", file, "--trust", trust, "--lang", "en").stdout.split())
    assert "The office inspected the content" in page and "“赵明察”" in page
    page = run("verify", file, "--trust", trust, "--lang", "zh").stdout.replace("\n    ", "")
    assert "公证机构查看了内容" in page
    receipt = deposited.folder / "prices.txt.receipt"
    alone = verify(deposited, receipt, "--inspection", answer["record"])
    assert claim(alone)["status"] == "stated" and claims(alone)["content"]["status"] == "not-shown"
    rule = verify(deposited, file, "--for", "online-litigation")
    (notarised,) = [each for each in rule["answers"][0] if each["question"] == "notarised"]
    assert (notarised["status"], notarised["by"]) == ("stated", "notary")


def test_the_counter_sees_what_was_inspected(deposited: Company) -> None:
    file = evidence(deposited)
    check = ("notary", "check", file, "--dir", deposited.notary.directory)
    (before,) = json.loads(run(*check, "--json").stdout)["standing"]
    (entry,) = inspect(deposited, file, *OFFICER)["entries"]
    (after,) = json.loads(run(*check, "--json").stdout)["standing"]
    assert before["inspections"] == []
    assert after["inspections"] == [{"index": entry["index"], "scope": "whole"}]
    assert f"whole, entry {entry['index']}" in run(*check, "--lang", "en").stdout


def test_evidence_that_is_sealed_for_the_office_is_inspected_as_it_was_handed_over(
    deposited: Company,
) -> None:
    key = deposited.write("office.key", f"{HybridIdentity(bytes(32))}\n".encode())
    to = HybridIdentity(bytes(32)).recipient()
    deposited("disclose", "prices.txt", "--to", to, "-o", "case.evidence.age")
    file = deposited.folder / "case.evidence.age"
    inspect(deposited, file, *OFFICER, code=2)
    inspect(deposited, file, *OFFICER, "--identity", key)
    told = claim(verify(deposited, file, "--identity", key))
    assert told["facts"]["scope"] == "whole"


def test_neither_ledger_nor_office_database_learns_name_officer_or_content(
    deposited: Company,
) -> None:
    file = evidence(deposited)
    inspect(deposited, file, *OFFICER)
    words = ["prices", "赵明察", "查验员", "41 yuan"]
    for path in sorted(deposited.notary.directory.rglob("*")):
        if path.is_file() and path.parent.name != "records":
            data = path.read_bytes()
            assert not any(word.encode() in data for word in words), path
    log = deposited.notary.directory.parent / f"{deposited.notary.directory.name}.log"
    assert not any(word in log.read_text() for word in words)


def test_the_paper_names_what_was_seen_and_leaves_the_rest_to_the_officer(
    deposited: Company,
) -> None:
    file = evidence(deposited)
    paper = Path(inspect(deposited, file, *OFFICER)["paper"]).read_text()
    assert paper.count("“prices.txt”") == 2 and paper.count("“赵明察”") == 2
    assert paper.startswith("查看记录（草稿，未签名）") and "[____ 签名 ____]" in paper
    assert "[____ signature ____]" in paper and "not a notarial act" in " ".join(paper.split())
    assert all(len(line) <= 80 for line in paper.splitlines() if line.isascii())
    assert Path(f"{file}.inspection.txt").stat().st_mode & 0o077 == 0


def test_a_part_is_entered_as_a_part_and_another_part_is_not_taken_for_it(
    deposited: Company,
) -> None:
    file = evidence(deposited, "--only", "paragraph 1", name="part.evidence")
    answer = inspect(deposited, file, *OFFICER)
    assert answer["entries"][0]["scope"] == "part"
    told = claim(verify(deposited, file))
    assert told["facts"]["scope"] == "part" and told["facts"]["covers"] is True
    other = evidence(deposited, "--only", "paragraph 3", name="other.evidence")
    asked = ("--inspection", answer["record"])
    assert claim(verify(deposited, other, *asked))["facts"]["covers"] is False
    whole = evidence(deposited)
    assert claim(verify(deposited, whole, *asked))["facts"]["covers"] is False
    trust = deposited.notary.trust_file
    page = run("verify", whole, "--trust", trust, "--lang", "en", *asked).stdout
    assert "another part than the one shown" in " ".join(page.split())
    for rule, said in (
        ("online-litigation", "another part of the deposit than the one shown here"),
        ("FRE-902", "which is not, or not all of, the part shown here"),
    ):
        page = run("verify", whole, "--trust", trust, "--lang", "en", "--for", rule, *asked).stdout
        assert said in " ".join(page.split())


def test_what_is_not_good_or_shows_nothing_is_not_entered(
    deposited: Company, own_notary: Served
) -> None:
    file = evidence(deposited)
    receipt = deposited.folder / "prices.txt.receipt"
    assert "shows no content" in inspect(deposited, receipt, *OFFICER, code=1)["error"]["message"]
    data = file.read_bytes()
    broken = deposited.write("broken.evidence", data.replace(b"41 yuan", b"14 yuan"))
    inspect(deposited, broken, *OFFICER, code=1)
    elsewhere = ("notary", "inspect", "--dir", own_notary.directory, file, *OFFICER)
    assert "Nothing was entered" in unbroken(run(*elsewhere, code=1).stderr)
    for wrong in ([], ["--officer", "A"], [*OFFICER, "--again"], ["--officer", "A" * 129]):
        run("notary", "inspect", file, "--dir", deposited.notary.directory, *wrong, code=2)
    assert not list(deposited.folder.glob("*.inspection*"))
    message = inspect(deposited, file, "--again", code=1)["error"]["message"]
    assert "no inspection" in message


def test_nothing_is_overwritten_and_a_lost_record_is_written_anew(deposited: Company) -> None:
    file = evidence(deposited)
    first = inspect(deposited, file, *OFFICER)
    assert inspect(deposited, file, *OFFICER, code=1)["error"]["code"] == "conflict"
    for lost in (first["record"], first["paper"]):
        Path(lost).unlink()
    part = evidence(deposited, "--only", "paragraph 1", name="part.evidence")
    assert (
        "just what this file shows"
        in inspect(deposited, part, "--again", code=1)["error"]["message"]
    )
    later = inspect(deposited, part, *OFFICER)
    again = inspect(deposited, file, "--again")
    assert again["entries"] == first["entries"]
    assert claim(verify(deposited, file))["facts"]["officer"] == "赵明察"
    second = inspect(deposited, file, *OFFICER, "-o", "second.inspection")
    assert second["entries"][0]["index"] > later["entries"][0]["index"]
    newest = inspect(deposited, file, "--again", "-o", "newest.inspection")
    assert newest["entries"] == second["entries"]
    nowhere = inspect(deposited, file, *OFFICER, "-o", "/proc/x.inspection", code=1)
    assert "--again" in nowhere["error"]["message"]


def test_a_record_of_another_deposit_or_ledger_fails_and_a_damaged_one_is_refused(
    deposited: Company,
) -> None:
    file = evidence(deposited)
    record = Path(inspect(deposited, file, *OFFICER)["record"])
    deposited.write("other.txt", b"other\n")
    deposited("deposit", "other.txt")
    other = deposited.folder / "other.txt.receipt"
    told = claim(verify(deposited, other, "--inspection", record, code=1))
    assert (told["status"], told["reason"]) == (
        "failed",
        "the inspection record is about another deposit",
    )
    record.write_bytes(record.read_bytes()[:-1])
    answer = run("verify", file, "--trust", deposited.notary.trust_file, code=1)
    assert "ask the office for it again" in unbroken(answer.stderr)
    run("verify", file, "--trust", deposited.notary.trust_file, "--inspection", "none", code=2)


def test_deposits_of_one_file_are_inspected_together(deposited: Company) -> None:
    deposited.write("other.txt", b"other\n")
    deposited("deposit", "other.txt")
    deposited("disclose", "prices.txt", "other.txt", "-o", "both.evidence")
    file = deposited.folder / "both.evidence"
    answer = inspect(deposited, file, *OFFICER)
    first, second = answer["entries"]
    assert second["index"] == first["index"] + 1
    report = verify(deposited, file)
    assert [claim(report, n)["facts"]["index"] for n in (0, 1)] == [first["index"], second["index"]]
    one = evidence(deposited)
    told = claim(verify(deposited, one, "--inspection", answer["record"]))
    assert told["facts"]["index"] == first["index"]


def test_the_office_alone_inspects_and_its_books_hold_afterwards(own_company: Company) -> None:
    own_company.write("prices.txt", SECRET)
    own_company("deposit", "prices.txt")
    file = evidence(own_company)
    own_company.notary.stop()
    record = Path(inspect(own_company, file, *OFFICER)["record"])
    directory = own_company.notary.directory
    assert fsck(directory) == ()
    (found,) = parse_inspections(record.read_bytes())
    kept = directory / "records" / found.inspection.particulars.hex()
    kept.write_bytes(kept.read_bytes() + b"x")
    assert ["particulars" in each.problem for each in fsck(directory)] == [True]
    kept.unlink()
    assert fsck(directory) == ()
    rebuild(directory)
    store = LedgerDatabase(directory / "ledger.sqlite")
    (entry,) = store.office(st.INSPECTION)
    store.close()
    assert parse_statement(entry.statement) == found.statement
    assert (
        "kept here no more"
        in inspect(own_company, file, "--again", "-o", "x", code=1)["error"]["message"]
    )
    assert format_inspections([found]) == record.read_bytes()


def test_hostile_names_are_shown_as_words_of_others(
    deposited: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "A\x1b[31m\u202e”. Proven: true"
    file = evidence(deposited)
    refused = inspect(deposited, file, "--officer", name, "--role", "x", code=1)["error"]["message"]
    assert "cannot be shown" in refused
    # Another office's program may take them all the same.
    monkeypatch.setattr("ledger.cli.notary.inspect.require_line", lambda text, _: text)
    paper = inspect(deposited, file, "--officer", name, "--role", "x\ny")["paper"]
    page = run("verify", file, "--trust", deposited.notary.trust_file).stdout
    for shown in (page, Path(paper).read_text()):
        assert "\x1b" not in shown and "\u202e" not in shown and "x\ny" not in shown
        assert "”. Proven" not in shown.replace("\\”. Proven", "")
