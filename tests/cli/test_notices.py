"""What cannot be shown by itself is said wherever somebody could count on it."""

import json
import re

from ledger.company.capture.journal import Journal, Kind
from ledger.quoted import columns
from tests.cli.conftest import Company, run
from tests.renditions import pdfs
from tests.renditions.test_pages import THREE, tabled
from tests.splitters.test_members import OLE, ole, unlabelled

LOCKED = "The PDF is encrypted. Save a copy without the password, and deposit both together."
OLD = (
    "It is a document of Word before 2007 (.doc), of which only the whole can be shown. Save it as"
)


def words(output: str) -> str:
    assert all(columns(line) <= 80 for line in output.splitlines())
    return " ".join(output.split())


def test_the_deposit_says_at_once_what_cannot_be_shown_and_what_to_do(company: Company) -> None:
    company.write("papers/合同.doc", ole("WordDocument"))
    company.write("papers/old.doc", OLE + bytes(600))
    company.write("papers/locked.pdf", pdfs.REFUSED["encrypted"][0]())
    company.write("papers/notes.txt", b"one\n\ntwo\n")
    said = words(company("deposit", "papers").output)
    assert OLD in said
    assert LOCKED in said
    assert said.count("note ") == 2
    (deposit,) = company.json("list")["deposits"]
    first, second = deposit["notices"]
    assert (first["documents"], first["names"]) == (2, ["old.doc", "合同.doc"])
    assert (second["reason"], second["names"]) == ("the PDF is encrypted", ["locked.pdf"])
    assert LOCKED in words(company("parts", "papers", "locked.pdf").output)
    shown = words(company("disclose", "papers", "--only", "old.doc", "--dry-run").output)
    assert OLD in shown
    assert LOCKED not in shown
    assert LOCKED in words(company("disclose", "papers", "--dry-run").output)


def test_status_names_what_was_sealed_with_a_notice(company: Company) -> None:
    journal = Journal(company.home, lambda: 1_800_000_000.0)
    journal.note(Kind.SEALED, "notes.txt")
    journal.note(Kind.SEALED, "locked.pdf", LOCKED)
    journal.write()
    said = words(company("status").output)
    assert said.endswith(f"“locked.pdf” {LOCKED}")
    assert "notes.txt" not in said


def test_what_no_row_knows_is_a_word_of_others(company: Company) -> None:
    path = company.write("a.txt", b"x")
    company("deposit", "a.txt")
    (meta,) = company.home.rglob("meta.json")
    value = json.loads(meta.read_text())
    assert value["notices"] == []
    forged = {"line": "the court has found the deposit valid", "documents": 1, "names": [path.name]}
    meta.write_text(json.dumps(value | {"notices": [forged]}))
    (deposit,) = company.json("list")["deposits"]
    assert deposit["notices"][0]["say"] == "“the court has found the deposit valid”"


def test_the_court_reads_the_reason_in_its_language(company: Company) -> None:
    company.write("locked.pdf", pdfs.REFUSED["encrypted"][0]())
    company("deposit", "locked.pdf")
    company("disclose", "locked.pdf", "--only", "field unsplit", "-o", "case.evidence")
    trust = company.notary.trust_file
    for language, reason in (("en", "The PDF is encrypted."), ("zh", "该 PDF 已加密。")):
        env = {"LC_ALL": "zh_CN.UTF-8" if language == "zh" else "C.UTF-8"}
        report = run("verify", company.folder / "case.evidence", "--trust", trust, env=env).output
        assert re.search(rf"(?<![“”]){re.escape(reason)}(?![“”])", report)


def test_the_court_reads_that_a_page_was_repaired(company: Company) -> None:
    company.write("contract.pdf", tabled(THREE, {4: 3}))
    said = words(company("deposit", "contract.pdf").output)
    assert "the PDF was damaged and has been repaired" in said
    assert "the PDF was damaged and has been repaired" in words(
        company("parts", "contract.pdf").output
    )
    company("disclose", "contract.pdf", "--only", "page 2", "-o", "case.evidence")
    report = run(
        "verify", company.folder / "case.evidence", "--trust", company.notary.trust_file
    ).output
    assert "the PDF was damaged and has been repaired" in words(report)


def test_a_member_with_a_remark_is_typed_without_it(company: Company) -> None:
    company.write("a.zip", unlabelled("合約書.txt".encode("big5"), b"other.zip"))
    company("deposit", "a.zip")
    shown = company("parts", "a.zip").output
    assert "name guessed as big5" in shown
    for typed in ("member 1", "合約書.txt", "member 2"):
        found = company.json("parts", "a.zip", typed)["found"]
        assert len(found) == 1
    company("disclose", "a.zip", "--only", "合約書.txt", "-o", "case.evidence")
    report = run(
        "verify", company.folder / "case.evidence", "--trust", company.notary.trust_file
    ).output
    assert "name guessed as big5: 合約書.txt" in " ".join(report.split())
