"""What an office grants an account and deletes of it, typed beside a running service."""

import json
import time
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from ledger.chain.office import parse_notice
from ledger.chain.statement import parse_statement
from ledger.chain.trust import parse_trust
from ledger.cli.notary.staff import opened_desk
from ledger.errors import Conflict
from ledger.notary.desk.hooks import came_to, read_hooks
from ledger.notary.desk.terms import FRESH
from ledger.notary.producing import Production
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.quoted import quoted
from ledger.verify import verify_receipt
from tests.cli.conftest import Company, Served, run


def office(served: Served, *arguments: object, code: int = 0) -> Any:
    command = ("notary", *arguments, "--dir", served.directory, "--json")
    return json.loads(run(*command, code=code).stdout.splitlines()[0])


def account(company: Company) -> str:
    """The account that was enrolled last."""
    return str(office(company.notary, "accounts")["accounts"][-1]["account"])


def deposited(company: Company, name: str, data: bytes) -> Any:
    company.write(name, data)
    (found,) = company.json("deposit", name)["deposits"]
    return found


def test_the_office_looks_after_an_account_beside_its_service(company: Company) -> None:
    first, who = deposited(company, "a.txt", b"first"), account(company)
    served, index = company.notary, company.json("show", first["id"])["index"]
    held = office(served, "account", "suspend", who[:10], "--reason", "fees  unpaid")
    assert (held["account"], held["suspended"]) == (who, "fees unpaid")
    time.sleep(FRESH + 0.1)  # then the service reads the terms again
    company.write("b.txt", b"later")
    waits = " ".join(company("deposit", "b.txt").output.split())
    assert "takes nothing from this account for now" in waits
    assert company("open", first["id"], "-o", "back").exit_code == 0
    again = office(served, "account", "suspend", who, "--reason", "x", code=1)
    assert again["error"]["code"] == "conflict"
    assert office(served, "account", "resume", who)["suspended"] is None
    limits = ("--bytes", "50GB", "--per-minute", 600, "--keep-days", 30)
    assert office(served, "account", "limit", who, *limits)["max_bytes"] == 50 * 10**9
    assert office(served, "account", "discard", who, index, "--reason", "x", code=1)["error"]
    assert office(served, "account", "limit", who)["keep_days"] is None
    office(served, "account", "hold", who, "--reason", "order 117")
    shown = run("notary", "account", "show", who, "--dir", served.directory).stdout
    assert "“order 117”" in shown
    assert office(served, "account", "erase", who, "--reason", "x", code=1)["error"]
    office(served, "account", "release", who)
    produced = company.folder / "produced"
    done = office(served, "produce", who, "--order", "2026-117", "-o", produced)
    assert done["receipts"] >= 1 and done["missing"] == []
    for line in (produced / "files.txt").read_text().splitlines():
        digest, name = line.split("  ")
        assert sha256((produced / name).read_bytes()).hexdigest() == digest
    receipt = (produced / "receipts" / f"{index}.receipt").read_bytes()
    trust = parse_trust(served.trust_file.read_bytes())
    assert verify_receipt(receipt, trust).report.good
    assert json.loads((produced / "identity.json").read_text())["name"] == "某某有限公司"
    assert office(served, "produce", who, "--order", "1", "-o", produced, code=1)["error"]
    away = company.folder / "nothing" / "x"
    failed = office(served, "produce", who, "--order", "1", "-o", away, code=1)["error"]
    assert str(away) in failed["message"] and "choose another folder" in failed["message"]
    both = company.folder / "both"
    with Production(both) as first_run, Production(both) as second_run:
        first_run.finish()
        with pytest.raises(Conflict):
            second_run.finish()
    assert not [each for each in company.folder.iterdir() if each.name.endswith(".part")]
    killed = company.folder / f".third.{'0' * 16}.part"  # as SIGKILL leaves it
    (killed / "receipts").mkdir(parents=True)
    other = company.folder / f".other.{'0' * 16}.part"
    other.mkdir()
    with Production(company.folder / "third"), Production(company.folder / "third"):
        assert not killed.exists() and other.exists()
        assert len(list(company.folder.glob(".third.*"))) == 2
    other.rmdir()
    gone = office(served, "account", "discard", who, index, "--reason", "asked for by its holder")
    erased = office(served, "account", "erase", who, "--reason", "asked for by its holder")
    store = LedgerDatabase(served.directory / "ledger.sqlite", reading=True)
    for notice in (gone["notice"], erased["notice"]):
        (entry,) = store.read(notice, notice + 1)
        assert parse_notice(parse_statement(entry.statement)).text.endswith(
            "asked for by its holder"
        )
    store.close()
    second = office(served, "produce", who, "--order", "118", "-o", company.folder / "second")
    assert len(second["missing"]) == 3  # both age files of the deposit, and who it is
    company("open", first["id"], "-o", "again", code=1)
    trail = [each["action"] for each in office(served, "trail", "list")["rows"]]
    for action in ("suspended", "resumed", "limited", "held", "released", "produced"):
        assert f"account-{action}" in trail
    assert {"ciphertext-discarded", "identity-erased"} <= set(trail)
    assert office(served, "tidy", "--older-than", 1)["done"] is False


def test_an_account_is_named_as_it_is_printed(company: Company) -> None:
    who, served = account(company), company.notary
    here = ("--dir", served.directory)
    printed = run("notary", "accounts", *here).stdout
    shown = next(
        " ".join(line.split()[1:]) for line in printed.splitlines() if who in "".join(line.split())
    )
    assert " " in shown
    assert office(served, "account", "show", shown)["account"] == who
    assert office(served, "account", "show", shown[:10].upper())["account"] == who
    told = run("notary", "account", "suspend", who[:4], "--reason", "x", *here, code=2).stderr
    assert "at least 8 of the 32 digits" in " ".join(told.split())
    assert "`sealbook notary accounts` prints it" in " ".join(told.split())


def test_what_names_no_account_is_refused(notary: Served) -> None:
    for start in ("ffffffff", "' OR 1=1 --"):
        assert office(notary, "account", "show", start, code=1)["error"]["code"] == "not-found"
    assert office(notary, "notice", "closed on Sunday")["index"] > 0
    for words in ("   ", "evil \x1b[31m", "\u202egnp.exe"):
        assert office(notary, "notice", words, code=1)["error"]["code"] == "invalid-input"
        named = ("--operator", words, "--environment", "two machines")
        assert office(notary, "platform", *named, code=1)["error"]["code"] == "invalid-input"
    stated = office(notary, "platform", "--operator", "Office", "--environment", "two machines")
    assert stated["index"] > 0


def test_the_office_says_who_is_told_and_when_ciphertext_goes(company: Company) -> None:
    deposited(company, "kept.txt", b"kept")
    who, served = account(company), company.notary
    retained = office(served, "account", "retain", who, "--years", 10)
    assert retained["retain_days"] == 3_653
    assert run("notary", "account", "retain", who, "--dir", served.directory, code=2).stderr
    due = office(served, "retention")
    assert (due["deposits"], due["done"]) == (0, False)
    assert office(served, "retention", "--delete")["done"] is True
    assert office(served, "account", "retain", who, "--for-ever")["retain_days"] is None
    assert "no webhook" in run("notary", "webhook", "list", "--dir", served.directory).stdout
    assert office(served, "webhook", "test", code=1)["error"]["code"] == "not-found"
    url = "https://127.0.0.1:9/secret"
    refused = office(served, "webhook", "set", url, "--account", who, code=1)["error"]
    assert "webhook_network" in refused["message"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEALBOOK_NOTARY_WEBHOOK_NETWORK", "127.0.0.0/8")
        made = office(served, "webhook", "set", url, "--account", who)
    assert office(served, "webhook", "key")["keys"] == [made["key"]]
    failed = office(served, "webhook", "test", "--account", who, code=1)["error"]
    assert "network of its own" in failed["message"]
    (listed,) = office(served, "webhook", "list")["webhooks"]
    assert (listed["account"], listed["url"], listed["failures"]) == (who, url, 0)
    assert url in run("notary", "webhook", "list", "--dir", served.directory).stdout
    with opened_desk(served.directory) as desk:
        (hook,) = read_hooks(desk)
        trouble = f"{quoted(url)} does not answer: {quoted('Connection refused')}."
        assert came_to(desk, hook, replace(hook, failures=3, trouble=trouble))
    shown = run("notary", "webhook", "list", "--dir", served.directory).stdout
    assert "(1) does not answer: (2)." in shown
    assert f"(1)  “{url}”" in shown and "(2)  “Connection refused”" in shown
    assert len(office(served, "webhook", "key", "--new")["keys"]) == 2
    assert office(served, "webhook", "remove", "--account", who)["account"] == who
    bad = office(served, "webhook", "set", "http://example.com/", code=1)["error"]
    assert bad["code"] == "invalid-input"
