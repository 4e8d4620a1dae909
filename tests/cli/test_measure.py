"""measure add, list and report: entries are deposits like any other, and nothing of them leaks."""

import json
import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.cli import text
from ledger.company.capture.config import Rule
from ledger.company.capture.intake import Intake, Item
from ledger.company.documents import Document
from ledger.company.measures.measure import REGISTER, parse_measure
from ledger.company.sealing.sources import MemorySource
from ledger.company.sending.confirming import verify_answer
from ledger.company.vault.matters import complete
from ledger.company.vault.vault import Vault
from ledger.evidence.matter import verify_matter
from tests.cli.conftest import PASSPHRASE, Company, Served, new_company
from tests.cli.test_deposit import held
from tests.cli.test_setup import Sheet

TODAY = date.today()


def add(company: Company, *arguments: object, code: int = 0) -> Any:
    return company.json("measure", "add", *arguments, code=code)


def listed(company: Company) -> Any:
    return company.json("measure", "list")


def rules(company: Company, *options: object) -> dict[str, Any]:
    return {each["rule"]: each for each in company.json("measure", "report", *options)["rules"]}


def gaps(found: dict[str, Any], rule: str) -> dict[str, Any]:
    return {each["code"]: each for each in found[rule]["gaps"]}


def test_a_measure_is_a_deposit_that_a_person_can_read(company: Company) -> None:
    company.write("nda signed.pdf", b"%PDF-1.7 signed")
    (answer,) = add(
        company, "agreement", "--person", "王伟, sales", "--by", "Chen Li", "--object", "prices",
        "--file", "nda signed.pdf", "--note", "two\ncopies",
    )["deposits"]  # fmt: skip
    assert (answer["state"], answer["matter_number"]) == ("deposited", 1)
    company("open", answer["id"], "-o", "out")
    (folder,) = (company.folder / "out").iterdir()
    measure = parse_measure((folder / "measure.txt").read_bytes())
    assert (measure.kind, measure.date, measure.by) == ("agreement", TODAY, "Chen Li")
    assert measure.note == "two copies"
    assert measure.attached == ("attached/nda signed.pdf",)
    assert (folder / measure.attached[0]).read_bytes() == b"%PDF-1.7 signed"


def test_the_register_lists_who_has_access_now_and_what_was_entered(company: Company) -> None:
    company("deposit", company.write("contract.pdf"), "--matter", "Supply")
    add(company, "access-given", "--person", "Wang Wei", "--person", "Li Na", "--matter", "Supply")
    add(company, "access-given", "--person", "Li Na", "--deposit", "contract.pdf", "--by", "Chen")
    assert add(company, "access-withdrawn", "--person", "Wang Wei")["deposits"]
    found = listed(company)
    assert [(each["person"], each["subject"]["kind"]) for each in found["access"]] == [
        ("Li Na", "matter"),
        ("Li Na", "deposit"),
    ]
    assert [each["kind"] for each in found["entries"]] == [
        "access-given", "access-given", "access-withdrawn",
    ]  # fmt: skip
    assert [each["number"] for each in found["entries"]] == [1, 2, 3]
    assert all(each["index"] and each["time"] for each in found["entries"])
    page = company("measure", "list").output
    assert "Wang Wei" not in page.partition("Entries")[0]
    assert "“Chen" in page


def test_the_register_can_be_proven_complete(company: Company) -> None:
    for number in range(3):
        add(company, "other", "--note", f"measure {number}")
    vault = Vault(company.home)
    papers = complete(vault, REGISTER)
    receipts = [verify_answer(each.encoded, each.receipt or b"", vault.trust) for each in papers]
    assert verify_matter(receipts).last == 3


def test_one_line_of_a_measure_is_shown_without_the_others(company: Company) -> None:
    (answer,) = add(
        company, "access-given", "--person", "Hidden Person", "--person", "Li Na", "--object", "it"
    )["deposits"]
    shown = ("--only", "access-given", "--only", "Li Na", "-o", "x.evidence")
    company("disclose", answer["id"], *shown)
    found = company.json("verify", "x.evidence", "--trust", company.notary.trust_file, "-o", "out")
    assert found["good"]
    texts = [each.read_text() for each in (company.folder / "out").rglob("paragraph*")]
    assert any("Kind 类别: access-given 准予接触" in each for each in texts)
    assert any("Li Na" in each for each in texts)
    assert b"Hidden Person" not in (company.folder / "x.evidence").read_bytes()
    last = listed(company)["entries"][-1]
    assert (last["kind"], last["subjects"][0]["id"]) == ("disclosure", answer["id"])


def test_nothing_of_a_measure_reaches_the_notary(company: Company) -> None:
    company.write("Anlage-41f.txt", b"attached-93ab " * 40)
    add(
        company, "access-given", "--person", "Person-7c1", "--object", "Sache-88d",
        "--by", "Actor-55e", "--note", "Notiz-2aa", "--file", "Anlage-41f.txt",
    )  # fmt: skip
    secrets = (
        "Person-7c1", "Sache-88d", "Actor-55e", "Notiz-2aa", "Anlage-41f", "attached-93ab",
        "access-given", "register of measures",
    )  # fmt: skip
    words = [each.encode() for each in secrets]
    (deposit,) = company.json("list")["deposits"]
    # What the notary does hold is found by the same search.
    known = [bytes.fromhex(deposit["id"])]
    assert held(company.notary.directory, known) == known
    assert held(company.notary.directory, words) == []
    log = (company.notary.directory.parent / "notary.log").read_bytes()
    assert log
    assert not [each for each in words if each in log]


def test_without_the_notary_an_entry_waits_and_goes_out_later(applicant: Company) -> None:
    (answer,) = add(applicant, "training", "--person", "Li Na")["deposits"]
    assert answer["state"] == "waiting"
    (answer,) = add(applicant, "training", "--person", "Wang Wei", "--no-wait")["deposits"]
    assert answer["matter_number"] == 2
    assert [each["state"] for each in listed(applicant)["entries"]] == ["waiting", "waiting"]
    applicant.enrol()
    applicant("deposit")
    assert [each["state"] for each in listed(applicant)["entries"]] == ["registered"] * 2


def test_the_same_measure_twice_is_two_entries(company: Company) -> None:
    for _ in range(2):
        add(company, "training", "--person", "Li Na", "--no-wait")
    assert len(listed(company)["entries"]) == 2


def test_the_register_survives_a_recovery(company: Company, tmp_path: Path) -> None:
    add(company, "access-given", "--person", "李娜", "--object", "价格表", "--note", "只读")
    new = new_company(tmp_path / "new", company.notary)
    new.json(*Sheet(company).options(new))
    assert listed(new) == listed(company)
    (answer,) = add(new, "access-withdrawn", "--person", "李娜")["deposits"]
    assert answer["matter_number"] == 2
    assert listed(new)["access"] == []


def test_two_computers_keep_one_register(company: Company, tmp_path: Path) -> None:
    add(company, "rules", "--note", "handbook")
    new = new_company(tmp_path / "new", company.notary)
    new.json(*Sheet(company).options(new))
    add(new, "training", "--person", "Li Na")
    (answer,) = add(company, "marking", "--object", "drawings")["deposits"]
    assert (answer["state"], answer["matter_number"]) == ("deposited", 3)
    found = listed(company)
    assert found["missing"] == [2]
    assert [each["state"] for each in found["entries"]] == ["registered", "registered"]
    assert gaps(rules(company), "cn-5")["lacking"]["numbers"] == [2]
    company.json(*Sheet(company).options(company))
    assert listed(company)["missing"] == []


WRONG: list[tuple[tuple[str, ...], int, str]] = [
    (("gossip",), 2, "gossip"),
    (("access-given", "--person", "Li Na"), 1, "--deposit, --matter or --object"),
    (("access-given", "--object", "prices"), 1, "--person"),
    (("classification", "--object", "prices"), 1, "--level"),
    (("training", "--person", "Li Na", "--level", "secret"), 1, "level"),
    (("other",), 1, "--note"),
    (("other", "--note", "x" * 5000), 1, "attach"),
    (("other", "--note", "x", "--date", "23.11.2026"), 2, "is not a day"),
    (("other", "--note", "x", "--date", str(TODAY + timedelta(2))), 2, "has not come yet"),
    (("marking", "--deposit", "nothing"), 1, "No deposit here"),
    (("marking", "--matter", "nothing"), 1, "No matter here"),
    (("other", "--note", "x", "--file", "nothing.pdf"), 1, "nothing.pdf"),
]


def test_what_cannot_be_entered_says_why_and_enters_nothing(applicant: Company) -> None:
    for arguments, code, says in WRONG:
        assert says in applicant("measure", "add", *arguments, code=code).stderr
    assert listed(applicant)["entries"] == []


def test_a_withdrawal_of_what_nobody_had_is_entered_and_said(company: Company) -> None:
    result = company("measure", "add", "access-withdrawn", "--person", "Nobody")
    assert "no such access" in result.stderr
    assert len(listed(company)["entries"]) == 1


def test_an_odd_name_cannot_steer_the_terminal(company: Company) -> None:
    add(company, "access-given", "--person", "Li\x1b[2J\u202eNa", "--object", "a\nb")
    (held,) = listed(company)["access"]
    assert (held["person"], held["subject"]["text"]) == ("Li[2JNa", "a b")


def test_a_date_before_the_registration_is_shown_as_stated_and_as_a_gap(company: Company) -> None:
    add(company, "training", "--person", "Li Na", "--date", "2020-01-31")
    (entry,) = listed(company)["entries"]
    assert entry["date"] == "2020-01-31"
    assert datetime.fromtimestamp(entry["time"], UTC).year >= 2026
    assert gaps(rules(company), "cn-5")["late"]["numbers"] == [1]


def test_the_report_maps_the_register_and_the_vault_to_the_rules(company: Company) -> None:
    company("deposit", company.write("contract.pdf"), "--matter", "Supply")
    company("deposit", company.write("other.pdf"))
    add(company, "classification", "--level", "secret", "--matter", "Supply")
    add(company, "access-given", "--person", "Li Na", "--object", "prices")
    found = rules(company)
    assert found["cn-6-1"]["status"] == "not-recorded"
    assert gaps(found, "cn-6-1")["no-agreement"]["persons"] == ["Li Na"]
    assert [each["number"] for each in found["cn-6-4"]["entries"]] == [1, 2]
    assert found["cn-6-4"]["vault"] == ["contents", "keys"]
    assert gaps(found, "cn-5")["unclassified"] == {"code": "unclassified", "count": 1, "of": 2}
    assert {found[rule]["status"] for rule in ("eu-2-a", "eu-2-b")} == {"not-shown"}
    add(company, "agreement", "--person", "Li Na")
    found = rules(company)
    assert found["cn-6-1"]["status"] == "recorded"
    assert set(gaps(found, "cn-6-1")) == {"no-paper"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_fits_a_terminal_and_never_says_that_it_suffices(
    company: Company, language: str
) -> None:
    empty = company("measure", "report", "--lang", language).output
    assert "sealbook measure add" in empty
    company("deposit", company.write("contract.pdf"))
    add(company, "access-given", "--person", "王伟" * 40, "--object", "价格" * 60)
    add(company, "access-given", *(f"--person=Person {n}" for n in range(30)), "--object", "x")
    for number in range(8):
        add(company, "training", "--person", f"P{number}", "--no-wait")
    page = company("measure", "report", "--lang", language).output
    for line in page.splitlines():
        assert text.columns(line) <= text.WIDTH, line
    foot = "".join(page.split())
    assert ("acourttodecide" if language == "en" else "由法院认定") in foot
    for line in company("measure", "list").output.splitlines():
        assert text.columns(line) <= text.WIDTH, line


def test_the_report_is_ordered_by_a_law_and_names_the_version_it_used(company: Company) -> None:
    add(company, "agreement", "--person", "Li Na")
    value = company.json("measure", "report", "--for", "AUCL")["rules"]
    assert {each["in_force"] for each in value} == {"2025-10-15"}
    assert [each["rule"] for each in value] == [each for each in rules(company) if "aucl" in each]
    page = company("measure", "report", "--for", "反不正当竞争法", "--lang", "zh").output
    assert "《反不正当竞争法》（2025）第三十九条（保密措施）" in page
    assert "2025年修订，2025-10-15 起施行" in page and "第六条" not in page
    failed = company("measure", "report", "--for", "2019", code=2).stderr
    assert "2019" in failed and "反不正当竞争法" in failed


def test_what_rules_of_capture_classified_is_read_where_the_vault_opens(
    stranger: Company,
) -> None:
    secret = stranger.write("passphrase", PASSPHRASE.encode())
    stranger.init("--passphrase-file", str(secret))
    stranger.enrol()
    with Intake(Vault(stranger.home), time.time, os.urandom) as intake:
        plan = Document(MemorySource(b"plan"), "plan.txt")
        intake.take(Item(b"1" * 32, (plan,), "plan.txt", "", Rule(classification="机密")))
    locked = rules(stranger)
    assert "not-opened" in gaps(locked, "cn-6-4")
    assert "unclassified-here" in gaps(locked, "cn-5")
    value = stranger.json("measure", "report", "--passphrase-file", secret)
    assert value["vault"]["levels"] == {"机密": 1}
    opened = {each["rule"]: each for each in value["rules"]}
    assert gaps(opened, "cn-5") == {}
    assert "机密" in stranger("measure", "report", "--passphrase-file", secret).output


def test_an_entry_that_is_no_measure_does_not_hide_the_others(company: Company) -> None:
    add(company, "training", "--person", "Li Na")
    company("deposit", company.write("stray.txt"), "--matter", REGISTER)
    found = listed(company)
    assert (len(found["entries"]), found["unreadable"]) == (1, [2])
    assert gaps(rules(company), "cn-5")["unreadable"]["numbers"] == [2]


def test_a_damaged_receipt_does_not_hide_the_other_entries(company: Company) -> None:
    for name in ("Li Na", "Wang Wei"):
        add(company, "training", "--person", name)
    first, second = Vault(company.home).deposits()
    (second.folder / "receipt").write_bytes(first.receipt or b"")
    assert [each["state"] for each in listed(company)["entries"]] == ["registered", "damaged"]
    assert gaps(rules(company), "cn-5")["damaged"]["numbers"] == [2]


def test_a_deposit_that_cannot_be_read_is_counted_as_such(company: Company) -> None:
    company("deposit", company.write("a.txt"), company.write("b.txt"))
    first, second = Vault(company.home).deposits()
    (second.folder / "manifest.age").write_bytes((first.folder / "manifest.age").read_bytes())
    value = company.json("measure", "report")
    assert (value["vault"]["deposits"], value["vault"]["unread"]) == (2, 1)


def test_with_the_notary_away_the_register_is_read_all_the_same(
    tmp_path: Path, own_notary: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_notary.start()
    company = new_company(tmp_path / "company", own_notary)
    monkeypatch.chdir(company.folder)
    company.init()
    own_notary.stop()
    company.enrol()
    add(company, "rules", "--note", "handbook")
    assert [each["state"] for each in listed(company)["entries"]] == ["waiting"]
    assert rules(company)["cn-6-2"]["status"] == "not-registered"


def test_json_is_one_object(company: Company) -> None:
    add(company, "rules", "--note", "handbook")
    for command in (("list",), ("report",)):
        assert isinstance(json.loads(company("measure", *command, "--json").stdout), dict)
