"""init, trust and recover."""

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledger.chain.enrolment import verify_enrolment_request
from ledger.chain.statement import (
    Deposit,
    Payload,
    format_deposit,
    parse_deposit,
    parse_statement,
)
from ledger.chain.trust import fingerprint
from ledger.cli import shell
from ledger.cli.root import cli
from ledger.company.access.recovery import find_secret, signing_key
from ledger.company.access.restoring import MAX_MANIFEST
from ledger.company.vault.vault import Vault
from ledger.crypto.recipients import HybridIdentity
from ledger.notary.desk.terms import FRESH
from ledger.wire.client import DepositEntry, NotaryClient
from tests.cli.conftest import PASSPHRASE, Company, Served, new_company, run
from tests.spoofs import unbroken


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_init_leaves_private_files_private(stranger: Company) -> None:
    answer = stranger.init()
    assert mode(stranger.home) == 0o700
    assert {mode(path) for path in stranger.home.rglob("*") if path.is_file()} == {0o600}
    assert mode(Path(answer["recovery_sheet"])) == 0o600


def test_init_pins_the_notarys_trust_file_and_shows_its_fingerprint(stranger: Company) -> None:
    answer = stranger.init()
    served = stranger.notary.trust_file.read_bytes()
    assert (stranger.home / "notary.trust").read_bytes() == served
    assert answer["trust_fingerprint"] == fingerprint(served)
    shown = stranger("trust", "show").output
    assert fingerprint(served) in shown


def test_init_takes_the_offices_trust_file_with_the_notary_away(
    stranger: Company, own_notary: Served
) -> None:
    trust = str(own_notary.trust_file)
    stranger.json("init", "--notary", own_notary.url, "--trust", trust, "--no-passphrase")
    assert (stranger.home / "notary.trust").read_bytes() == own_notary.trust_file.read_bytes()


def test_the_request_proves_both_keys_and_its_fingerprint_is_for_the_paper(
    stranger: Company,
) -> None:
    answer = stranger.init()
    data = Path(answer["request"]).read_bytes()
    request = verify_enrolment_request(data)
    sheet = find_secret(Path(answer["recovery_sheet"]).read_text())
    assert request.account_id == answer["account"]
    assert request.recovery == signing_key(sheet).public
    assert answer["fingerprint"] == fingerprint(data)


def test_the_recovery_sheet_holds_what_a_new_machine_needs(stranger: Company) -> None:
    answer = stranger.init()
    sheet = Path(answer["recovery_sheet"]).read_text()
    for each in (stranger.notary.url, answer["origin"], "恢复单"):
        assert each in sheet
    assert answer["account"] in sheet.replace(" ", "")
    assert answer["trust_fingerprint"] in sheet
    assert all(len(line) <= 96 for line in sheet.splitlines())


def test_the_recovery_secret_rests_on_the_sheet_only(stranger: Company) -> None:
    sheet = find_secret(Path(stranger.init()["recovery_sheet"]).read_text())
    data = [path.read_bytes() for path in stranger.home.rglob("*") if path.is_file()]
    # The sheet's public half is there, and found.
    assert any(str(sheet.recipient()).encode() in each for each in data)
    assert not any(str(sheet).encode() in each or sheet.seed in each for each in data)


def test_no_recovery_is_explicit(stranger: Company) -> None:
    answer = stranger.init("--no-passphrase", "--no-recovery")
    assert answer["recovery_sheet"] is None
    assert len((stranger.home / "recipients.txt").read_text().splitlines()) == 1


def test_a_vault_is_never_overwritten(applicant: Company) -> None:
    before = (applicant.home / "device.pem").read_bytes()
    shown = applicant(
        "init", "--notary", applicant.notary.url, "--name", "b", "--no-passphrase", code=1
    )
    assert "never overwritten" in shown.stderr
    assert (applicant.home / "device.pem").read_bytes() == before
    assert not list(applicant.folder.glob("b*"))


def test_an_existing_request_is_never_overwritten(stranger: Company) -> None:
    stranger.write("acme.request", b"another")
    stranger("init", "--notary", stranger.notary.url, "--name", "acme", "--no-passphrase", code=1)
    assert (stranger.folder / "acme.request").read_bytes() == b"another"
    assert not stranger.home.exists()


@pytest.mark.parametrize(
    "broken",
    [
        ("--notary", "http://127.0.0.1:1"),
        ("--notary", "not a url"),
        ("--notary", "http://notary.example"),
        ("--notary", "http://127.0.0.1:1", "--trust", "bad.trust"),
        ("--notary", "http://127.0.0.1:1", "--trust", "missing.trust"),
    ],
    ids=" ".join,
)
def test_a_failed_init_leaves_nothing(stranger: Company, broken: tuple[str, ...]) -> None:
    bad = stranger.write("bad.trust", b"format = 'other'\n")
    stranger("init", *broken, "--no-passphrase", code=1)
    assert list(stranger.folder.iterdir()) == [bad]


def test_a_new_vault_needs_a_passphrase_or_an_explicit_no(stranger: Company) -> None:
    shown = stranger("init", "--notary", stranger.notary.url, code=2)
    assert "--no-passphrase" in shown.stderr
    assert not list(stranger.folder.iterdir())


def test_a_vault_under_a_passphrase_opens_with_the_right_one_only(stranger: Company) -> None:
    right = stranger.write("right", PASSPHRASE.encode() + b"\n")
    wrong = stranger.write("wrong", b"another\n")
    stranger.init("--passphrase-file", str(right))
    stranger.enrol()
    assert (stranger.home / "identity.age").exists()
    assert not (stranger.home / "identity.txt").exists()
    stranger.write("a.txt", b"secret")
    # Depositing needs only the device's key.
    assert stranger.json("deposit", "a.txt")["deposits"][0]["state"] == "deposited"
    shown = stranger("open", "a.txt", "-o", "out", "--passphrase-file", wrong, code=1)
    assert "passphrase" in shown.stderr
    shown = stranger("open", "a.txt", "-o", "out", code=1)
    assert "--passphrase-file" in shown.stderr
    assert not (stranger.folder / "out").exists()
    stranger.env["SEALBOOK_PASSPHRASE_FILE"] = str(right)
    stranger("open", "a.txt", "-o", "out")
    assert (stranger.folder / "out" / "a.txt").read_bytes() == b"secret"


def ask(
    monkeypatch: pytest.MonkeyPatch, company: Company, *arguments: str, answers: list[str]
) -> str:
    """Run a command before a person who types the answers."""
    monkeypatch.setattr(shell, "can_ask", lambda: True)
    result = CliRunner().invoke(
        cli, arguments, env={"SEALBOOK_HOME": str(company.home)}, input="\n".join([*answers, ""])
    )
    assert result.exit_code == 0, result.output
    assert PASSPHRASE not in result.output
    return result.output


def test_a_person_types_a_new_passphrase_twice_and_alike(
    stranger: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [PASSPHRASE, "mistyped", PASSPHRASE, PASSPHRASE]
    ask(monkeypatch, stranger, "init", "--notary", stranger.notary.url, answers=answers)
    assert (stranger.home / "identity.age").exists()


def test_what_a_kill_has_left_of_a_recovery_is_fetched_by_the_next(lost: Company) -> None:
    first = Vault(lost.home).deposits()[0]
    (first.folder / "receipt").unlink()
    assert lost.json(*Sheet(lost).options(lost))["deposits"] == 1
    assert {each["state"] for each in lost.json("list")["deposits"]} == {"deposited"}


def test_recover_asks_for_what_stands_on_the_sheet(
    lost: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet, new = Sheet(lost), new_company(tmp_path / "new", lost.notary)
    secret = str(find_secret(sheet.path.read_text()))
    answers = [lost.notary.url, sheet.fingerprint, sheet.account, secret, PASSPHRASE, PASSPHRASE]
    shown = ask(monkeypatch, new, "recover", answers=answers)
    assert "Recovered 3 deposits" in shown
    # What the terminal shows of what is typed: the account, not the secret.
    assert sheet.account in shown
    assert secret not in shown
    assert secret.removeprefix("AGE-SECRET-KEY-PQ-1")[:8] not in shown


def test_verify_asks_for_the_passphrase_where_it_leads_to_the_content(
    stranger: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = stranger.write("p", PASSPHRASE.encode())
    stranger.init("--passphrase-file", str(secret))
    stranger.enrol()
    stranger.write("a.txt")
    stranger("deposit", "a.txt")
    shown = stranger("verify", "a.txt.receipt").stdout
    assert "No content is shown" in shown
    shown = ask(monkeypatch, stranger, "verify", "a.txt.receipt", answers=[PASSPHRASE])
    assert "byte for byte" in shown


def test_trust_export_gives_the_pinned_file_and_overwrites_nothing(applicant: Company) -> None:
    applicant("trust", "export", "-o", "office.trust")
    pinned = applicant.notary.trust_file.read_bytes()
    assert (applicant.folder / "office.trust").read_bytes() == pinned
    applicant("trust", "export", "-o", "office.trust", code=1)
    shown = json.loads(run("trust", "show", "office.trust", "--json").stdout)
    assert shown["fingerprint"] == fingerprint(pinned)


class Sheet:
    """What the company has on paper."""

    def __init__(self, company: Company) -> None:
        self.path = company.folder / "acme-recovery.txt"
        self.account = self._after("Account")
        self.fingerprint = self._after("Fingerprint of")

    def _after(self, label: str) -> str:
        lines = self.path.read_text().splitlines()
        at = next(number for number, line in enumerate(lines) if label in line)
        return lines[at + 1].strip()

    def options(self, company: Company) -> list[str]:
        return [
            "recover", "--notary", company.notary.url, "--fingerprint", self.fingerprint,
            "--account", self.account, "--secret-file", str(self.path), "--no-passphrase",
        ]  # fmt: skip


@pytest.fixture
def lost(company: Company) -> Company:
    """A company with three deposits, whose computer is about to be lost."""
    company.write("契约/正文.txt", b"contract " * 9000)
    company.write("契约/a/b.txt", b"")
    company.write("letter.txt", b"letter")
    company.write("secret.txt", b"fingerprint only")
    company("deposit", "契约", "--matter", "供应", "--title", "Supply 供应")
    company("deposit", "letter.txt", "--matter", "供应")
    company("deposit", "secret.txt", "--commitment-only")
    return company


def test_recover_rebuilds_the_vault_and_goes_on_depositing(lost: Company, tmp_path: Path) -> None:
    new = new_company(tmp_path / "new", lost.notary)
    answer = new.json(*Sheet(lost).options(new))
    assert (answer["deposits"], answer["problems"]) == (3, [])
    old_list = {each["id"]: each["title"] for each in lost.json("list")["deposits"]}
    assert {each["id"]: each["title"] for each in new.json("list")["deposits"]} == old_list
    new("open", "Supply 供应", "-o", new.folder / "out")
    opened = new.folder / "out" / "Supply 供应"
    assert (opened / "正文.txt").read_bytes() == b"contract " * 9000
    assert (opened / "a" / "b.txt").read_bytes() == b""
    more = new.write("more.txt")
    assert new.json("deposit", more, "--matter", "供应")["deposits"][0]["state"] == "deposited"
    assert new.json("show", "more.txt")["matter_number"] == 3
    assert Path(new.json("show", "letter.txt")["receipt"]).is_relative_to(new.home)
    assert Path(new.json("show", "letter.txt")["receipt"]).is_file()
    receipt = new.json("receipt", "letter.txt", "-o", new.folder)["receipt"]
    assert new.json("verify", receipt)["good"]


def test_a_new_device_joins_with_the_offices_paper_in_place_of_the_network(
    own_company: Company, tmp_path: Path
) -> None:
    """The way for an account that is suspended: what its thief could ask for is not taken."""
    old, office = own_company, ("--dir", own_company.notary.directory)
    sheet, new = Sheet(old), new_company(tmp_path / "new", old.notary)
    account = sheet.account.replace(" ", "")
    run("notary", "account", "suspend", account, "--reason", "theft", *office)
    assert "takes nothing from this account" in new(*sheet.options(new), code=1).stderr
    assert not new.home.exists()
    made = new.json(*sheet.options(new), "--request", "new.request")
    request = Path(made["request"])
    assert mode(request) == 0o600
    assert "leave out --request" in new(*sheet.options(new), "--request", "b", code=1).stderr
    paper = ("--account", account, "--fingerprint", made["fingerprint"])
    run("notary", "enroll", request, *paper, *office)
    run("notary", "account", "resume", account, *office)
    time.sleep(FRESH + 0.1)  # the service reads it anew
    assert new.json("deposit", new.write("a.txt"))["deposits"][0]["state"] == "deposited"


def test_after_recovery_a_fingerprint_is_disclosed_from_originals_put_back_in_their_place(
    lost: Company, tmp_path: Path
) -> None:
    new = new_company(tmp_path / "new", lost.notary)
    new.json(*Sheet(lost).options(new))
    original = lost.folder / "secret.txt"
    original.unlink()
    only = ["secret.txt", "--only", "paragraph 1", "-o", "case.evidence"]
    refused = unbroken(new("disclose", *only, code=1).output)
    assert "Put what was deposited back at (" in " ".join(refused.split())
    assert f"“{original}”" in refused
    original.write_bytes(b"fingerprint only")
    new("disclose", *only)
    assert new.json("verify", "case.evidence", "--trust", lost.notary.trust_file)["good"]


def test_the_old_computer_is_told_when_its_key_is_revoked(lost: Company) -> None:
    accounts = json.loads(
        run("notary", "accounts", "--dir", lost.notary.directory, "--json").stdout
    )
    key = next(a for a in accounts["accounts"] if a["account"] == _account(lost))["keys"][0]["key"]
    run("notary", "revoke", key[:16], "--reason", "lost", "--dir", lost.notary.directory)
    lost.write("late.txt")
    (late,) = lost.json("deposit", "late.txt", code=1)["deposits"]
    assert late["state"] == "refused"
    assert "revoked" in late["message"]
    assert "sealbook recover" in late["message"]
    shown = lost("list").stdout
    assert "refused" in shown
    assert "revoked" in shown
    again = lost("deposit")
    assert "1 earlier deposit was refused" in again.stderr


def _account(company: Company) -> str:
    return "".join(Sheet(company).account.split())


def test_recover_refuses_another_notary_than_the_sheets(lost: Company, tmp_path: Path) -> None:
    new = new_company(tmp_path / "new", lost.notary)
    options = Sheet(lost).options(new)
    options[options.index("--fingerprint") + 1] = "0000 " * 8
    shown = new(*options, code=1)
    assert "fingerprint" in shown.stderr
    assert Sheet(lost).fingerprint[:9] not in shown.stderr
    assert not new.home.exists()


def test_recover_refuses_another_secret(lost: Company, tmp_path: Path) -> None:
    new = new_company(tmp_path / "new", lost.notary)
    options = Sheet(lost).options(new)
    wrong = new.write("wrong", str(HybridIdentity(os.urandom(32))).encode())
    options[options.index("--secret-file") + 1] = str(wrong)
    new(*options, code=1)
    assert not new.home.exists()


def test_the_whole_sheet_in_a_file_is_all_that_recover_needs(lost: Company, tmp_path: Path) -> None:
    new = new_company(tmp_path / "new", lost.notary)
    sheet = Sheet(lost)
    assert new.json("recover", "--secret-file", sheet.path, "--no-passphrase")["deposits"] == 3


@pytest.mark.parametrize("empty", [True, False])
def test_an_account_with_a_wrong_digit_does_not_accuse_the_notary(
    company: Company, tmp_path: Path, empty: bool
) -> None:
    if not empty:
        company("deposit", company.write("a.txt"))
    new = new_company(tmp_path / "new", company.notary)
    options = Sheet(company).options(new)
    at = options.index("--account") + 1
    options[at] = ("1" if options[at][0] != "1" else "2") + options[at][1:]
    shown = new(*options, code=1)
    assert "do not belong together" in shown.stderr
    assert not new.home.exists()


def test_a_partial_recovery_is_finished_by_running_it_again(
    lost: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = new_company(tmp_path / "new", lost.notary)
    options = Sheet(lost).options(new)
    real, calls = NotaryClient.receipt, []

    def broken(self: NotaryClient, leaf: bytes) -> bytes:
        calls.append(leaf)
        return b"" if len(calls) == 2 else real(self, leaf)

    with monkeypatch.context() as patch:
        patch.setattr(NotaryClient, "receipt", broken)
        assert len(new.json(*options, code=1)["problems"]) == 1
    assert len(new.json("list")["deposits"]) == 2
    assert new.json(*options)["deposits"] == 1
    assert len(new.json("list")["deposits"]) == 3
    assert new.json("deposit", new.write("more.txt"))["deposits"][0]["state"] == "deposited"


def test_recover_reads_no_manifest_of_a_size_that_none_can_have(
    lost: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = new_company(tmp_path / "new", lost.notary)
    options = Sheet(lost).options(new)
    key = signing_key(find_secret(Sheet(lost).path.read_text()))
    listed, download, fetched = NotaryClient.deposits, NotaryClient.download, set()

    def inflated(self: NotaryClient) -> Iterator[DepositEntry]:
        first, *others = listed(self)
        deposit = parse_deposit(parse_statement(first.statement))
        huge = replace(deposit, manifest=replace(deposit.manifest, size=MAX_MANIFEST + 1))
        yield replace(first, statement=format_deposit(huge, _account(lost), key, 1_790_000_000))
        yield from others

    def watched(self: NotaryClient, payload: Payload, write: Callable[[bytes], object]) -> None:
        fetched.add(payload.size)
        download(self, payload, write)

    monkeypatch.setattr(NotaryClient, "deposits", inflated)
    monkeypatch.setattr(NotaryClient, "download", watched)
    answer = new.json(*options, code=1)
    assert (answer["deposits"], len(answer["problems"])) == (2, 1)
    assert f"manifest of {MAX_MANIFEST + 1} bytes" in answer["problems"][0]["message"]
    assert len(fetched) > 0 and max(fetched) <= MAX_MANIFEST


def test_recover_leaves_another_accounts_vault_alone(lost: Company, tmp_path: Path) -> None:
    new = new_company(tmp_path / "new", lost.notary)
    options = Sheet(lost).options(new)
    other = new_company(tmp_path / "other", lost.notary)
    other("init", "--notary", lost.notary.url, "--name", "other", "--no-passphrase")
    assert "another account" in other(*options, code=1).stderr


def test_the_sheet_says_what_it_can_do(stranger: Company) -> None:
    stranger.init()
    sheet = (stranger.folder / "acme-recovery.txt").read_text()
    assert "cannot be used to deposit" not in sheet
    assert "join a computer that deposits" in " ".join(sheet.split())
    assert "以公司名义存证" in sheet


def test_the_recovery_key_cannot_deposit(lost: Company) -> None:
    key = signing_key(find_secret(Sheet(lost).path.read_text()))
    deposit = Deposit(
        "test.notary.example/ledger", os.urandom(32), None, Payload(500, os.urandom(32))
    )
    statement = format_deposit(deposit, _account(lost), key, 1_790_000_000)
    with NotaryClient(lost.notary.url) as client, pytest.raises(Exception, match="deposit"):
        client.submit(statement)
