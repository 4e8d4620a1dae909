"""Two clients compare what they were shown; a notary with two histories is caught by both notes."""

import shutil
from pathlib import Path

from ledger.chain.fault.file import parse_fault
from ledger.chain.fault.verifying import verify_fault
from ledger.chain.trust import parse_trust

from .conftest import Company, Served


def _second(company: Company, home: Path) -> Company:
    shutil.copytree(company.home, home)
    return Company(company.folder, company.notary, home)


def test_two_clients_that_were_shown_one_ledger_agree(company: Company) -> None:
    company("deposit", company.write("first.txt"))
    company("trust", "compare", "--export", "ours.checkpoint")
    other = _second(company, company.folder / "other")
    assert other.json("trust", "compare", "ours.checkpoint")["result"] == "same"
    company("deposit", company.write("second.txt", b"another\n"))
    later = company.json("trust", "compare", "ours.checkpoint")
    assert later["result"] == "same" and later["ours"] > later["theirs"]


def test_a_notary_that_shows_two_histories_is_caught(
    own_company: Company, own_notary: Served
) -> None:
    company = own_company
    other = _second(company, company.folder / "other")
    own_notary.stop()
    before = own_notary.directory.with_name("before")
    shutil.copytree(own_notary.directory, before)
    own_notary.start()
    company("deposit", company.write("first.txt"))
    company("trust", "compare", "--export", "ours.checkpoint")
    own_notary.stop()
    shutil.rmtree(own_notary.directory)
    before.rename(own_notary.directory)
    own_notary.start()
    other("deposit", other.write("second.txt", b"another\n"))
    own_notary.stop()
    found = other.json("trust", "compare", "ours.checkpoint", code=1)
    assert found["result"] == "contradiction"
    fault = parse_fault(Path(found["file"]).read_bytes())
    proven = verify_fault(fault, parse_trust(own_notary.trust_file.read_bytes()))
    assert proven.kind == "fork"


def test_sizes_that_differ_are_not_compared_without_the_notary(
    own_company: Company, own_notary: Served
) -> None:
    company = own_company
    company("deposit", company.write("first.txt"))
    company("trust", "compare", "--export", "ours.checkpoint")
    company("deposit", company.write("second.txt", b"another\n"))
    own_notary.stop()
    assert company.json("trust", "compare", "ours.checkpoint")["result"] == "not-compared"


def test_a_foreign_or_damaged_note_is_refused(company: Company) -> None:
    company("deposit", company.write("first.txt"))
    company("trust", "compare", company.write("junk", b"\xff\n\n"), code=1)
    company("trust", "compare", code=2)
