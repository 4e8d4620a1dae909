"""The office's commands: beside a running service, and alone."""

import json
import shutil
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ledger.chain.trust import fingerprint
from ledger.cli.notary.staff import opened_desk
from ledger.notary.desk.trail import rows
from tests.cli.conftest import Company, Served, run
from tests.spoofs import unbroken


def office(served: Served, *arguments: object, code: int = 0) -> Any:
    command = ("notary", arguments[0], "--dir", served.directory, *arguments[1:], "--json")
    return json.loads(run(*command, code=code).stdout.splitlines()[0])


def test_init_founds_a_ledger_once(own_notary: Served) -> None:
    assert office(own_notary, "status")["height"] == 1
    before = sorted(path.name for path in own_notary.directory.iterdir())
    error = office(own_notary, "init", "--origin", "other.example", code=1)["error"]
    assert error["code"] == "conflict"
    assert before == sorted(path.name for path in own_notary.directory.iterdir())


def test_the_directory_may_come_from_the_environment(own_notary: Served) -> None:
    env = {"SEALBOOK_NOTARY_DIR": str(own_notary.directory)}
    assert json.loads(run("notary", "status", "--json", env=env).stdout)["size"] == 3


def test_a_folder_without_a_notary_is_named(tmp_path: Path) -> None:
    for command in ("status", "blocks", "accounts", "fsck"):
        assert str(tmp_path) in unbroken(run("notary", command, "--dir", tmp_path, code=1).stderr)


def test_enroll_wants_the_fingerprint_from_the_paper(applicant: Company) -> None:
    request = applicant.folder / "acme.request"
    who = ["--name", "A", "--registration", "1", "--checked-by", "B"]
    command = ["notary", "enroll", request, "--dir", applicant.notary.directory, *who]
    assert "--fingerprint" in run(*command, code=2).stderr
    shown = run(*command, "--fingerprint", "0000 " * 8, code=1)
    assert "Enrol nobody" in shown.stderr
    assert fingerprint(request.read_bytes()) not in shown.stderr
    good = fingerprint(request.read_bytes()).replace(" ", "").upper()
    for nobody in ("", " ", "\u3000", "\x1b[31mA", "A\u202eB", "A" * 257):
        blank = (*command, "--fingerprint", good, "--registration", nobody or "  ")
        assert "(1)" in run(*blank, code=1).stderr or not nobody.strip()
    answer = json.loads(run(*command, "--fingerprint", good, "--json").stdout)
    assert [each["role"] for each in answer["keys"]] == ["device", "recovery"]
    again = json.loads(run(*command, "--fingerprint", good, "--json").stdout)
    assert again["keys"] == answer["keys"]
    assert (answer["new"], again["new"]) == (True, False)
    assert (
        "Already enrolled as (1), registration (2)" in run(*command, "--fingerprint", good).stdout
    )
    other = [*command, "--name", "B", "--fingerprint", good]
    assert "enrolled as (1), registration (2); nothing was changed" in run(*other, code=1).stderr
    office(applicant.notary, "revoke", answer["keys"][0]["key"], "--reason", "lost")
    assert "revoked by entry" in run(*command, "--fingerprint", good, code=1).stderr


def test_the_list_of_commands_has_whole_lines() -> None:
    assert "..." not in run("notary", "-h").stdout.split("Commands:")[1]


def test_messages_name_the_whole_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path) in unbroken(run("notary", "status", code=1).stderr)


def test_enroll_refuses_what_is_no_request(applicant: Company) -> None:
    path = applicant.write("x.request", b"nothing")
    shown = run("notary", "enroll", path, "--dir", applicant.notary.directory, code=1)
    assert shown.stderr.startswith("sealbook: ")


def test_check_says_what_the_ledger_says_today(company: Company) -> None:
    company.write("a.txt")
    company("deposit", "a.txt")
    receipt = company.folder / "a.txt.receipt"
    (now,) = office(company.notary, "check", receipt)["standing"]
    assert (now["entered"], now["key_revoked"]) == (True, False)
    shown = run(
        "notary", "check", receipt, "--dir", company.notary.directory, "--lang", "zh"
    ).stdout
    assert "已登记入本账本" in shown
    key = now["keys"][0]["key"]
    office(company.notary, "revoke", key[:16], "--reason", "compromised")
    (later,) = office(company.notary, "check", receipt)["standing"]
    assert later["key_revoked"] is True
    assert later["keys"][0]["revoked"] > now["size"] - 1
    found = later["revocation"]
    assert (found["reason"], found["after_deposit"]) == ("compromised", True)
    assert found["index"] == later["keys"][0]["revoked"] > later["index"]
    assert abs(found["time"] - time.time()) < 600
    shown = run("notary", "check", receipt, "--dir", company.notary.directory).stdout
    assert f"entry {found['index']}: compromised" in " ".join(shown.split())
    assert "This deposit was entered before that." in shown
    assert "#" not in shown


def test_the_office_hears_which_other_keys_count_and_the_trail_who_did_what(
    own_company: Company,
) -> None:
    """Whoever stole a key may have brought others, which its revocation leaves as they are."""
    served = own_company.notary
    (standing,) = office(served, "accounts")["accounts"]
    device, sheet = standing["keys"]
    done = office(served, "revoke", device["key"], "--reason", "compromised")
    assert done["counting"] == [sheet]
    assert office(served, "revoke", device["key"], "--reason", "lost", code=1)["error"]
    shown = run(
        "notary", "revoke", sheet["key"], "--reason", "lost", "--dir", served.directory
    ).stdout
    assert "still count" not in shown
    with opened_desk(served.directory) as desk:
        found = [(row.action, row.role, row.object[:16], row.entry) for row in rows(desk)]
    key, other = (f"key {each['key'][:12]}" for each in (device, sheet))
    account = f"account {standing['account'][:8]}"
    assert found == [
        ("enrolling", "terminal", account, None),
        ("enrolled", "terminal", account, device["enrolled"]),
        ("revoking", "terminal", key, None),
        ("revoked", "terminal", key, done["index"]),
        ("revoking", "terminal", key, None),
        ("not-entered", "terminal", key, None),
        ("revoking", "terminal", other, None),
        ("revoked", "terminal", other, done["index"] + 2),
    ]


def test_check_refuses_another_ledgers_receipt(company: Company, own_notary: Served) -> None:
    company.write("a.txt")
    company("deposit", "a.txt")
    answer = office(own_notary, "check", company.folder / "a.txt.receipt", code=1)
    assert answer["good"] is False
    assert answer["standing"][0]["entered"] is False


def test_check_reads_an_evidence_file(company: Company) -> None:
    company.write("a.txt")
    company("deposit", "a.txt")
    company("disclose", "a.txt", "-o", "a.evidence")
    answer = office(company.notary, "check", company.folder / "a.evidence")
    claims = {each["claim"]: each["status"] for each in answer["reports"][0]["claims"]}
    assert claims["content"] == "proven"


def test_blocks_form_a_chain(company: Company) -> None:
    company.write("a.txt")
    company("deposit", "a.txt")
    blocks = office(company.notary, "blocks", "0")["blocks"]
    for before, after in pairwise(blocks):
        assert (after["previous"], after["start"]) == (before["closed"], before["size"])
    newest = office(company.notary, "status")["height"]
    office(company.notary, "blocks", str(newest + 1), code=1)


def test_revoke_wants_one_key(company: Company) -> None:
    office(company.notary, "revoke", "ffff", "--reason", "lost", code=2)
    office(company.notary, "revoke", "f" * 20, "--reason", "lost", code=1)


@pytest.fixture
def used(own_company: Company) -> Company:
    """A company of an own notary, with a deposit; the notary serves."""
    own_company.write("a.txt")
    own_company("deposit", "a.txt")
    return own_company


def test_a_backup_beside_the_service_is_restored_and_goes_on(used: Company, tmp_path: Path) -> None:
    served = used.notary
    size = office(served, "backup", tmp_path / "bak")["size"]
    served.stop()
    shutil.rmtree(served.directory)
    served.directory.mkdir()
    run("notary", "restore", tmp_path / "bak", "--dir", served.directory)
    served.start()
    assert office(served, "status")["size"] > size
    used.write("b.txt")
    assert used.json("deposit", "b.txt")["deposits"][0]["state"] == "deposited"
    used("open", "a.txt", "-o", "out")


def test_a_restore_that_would_fork_is_refused(used: Company, tmp_path: Path) -> None:
    served = used.notary
    office(served, "backup", tmp_path / "bak")
    used.write("b.txt")
    used("deposit", "b.txt")
    served.stop()
    new = tmp_path / "new"
    shown = run(
        "notary", "restore", tmp_path / "bak", "--dir", new,
        "--checkpoints", served.directory / "checkpoints.sqlite", code=1,
    )  # fmt: skip
    assert "fork" in shown.stderr


def test_the_database_is_rebuilt_from_the_log(used: Company) -> None:
    served = used.notary
    served.stop()
    files = list(served.directory.glob("ledger.sqlite*"))
    assert served.directory / "ledger.sqlite" in files
    for path in files:
        path.unlink()
    office(served, "fsck", code=1)
    assert office(served, "fsck", "--rebuild")["findings"] == []
    assert office(served, "fsck", "--ciphertext")["findings"] == []
    served.start()
    used("open", "a.txt", "-o", "out")


def test_fsck_waits_until_the_service_is_stopped(used: Company) -> None:
    assert office(used.notary, "fsck", code=1)["error"]["code"] == "in-use"


def test_a_second_service_on_one_directory_is_refused(used: Company) -> None:
    shown = run("notary", "serve", "--dir", used.notary.directory, "--port", "0", code=1)
    assert "Another notary" in shown.stderr
