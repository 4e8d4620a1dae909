"""A daemon, one of whose deposits the notary does not take now."""

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Company, Served, new_company, own_company
from tests.cli.test_waiting import PROXY, Office
from tests.realtime.conftest import Daemon, eventually

__all__ = ["own_company"]

MIB = 1 << 20
_SOON = """
import sys
from ledger.company.capture import sender
sender.POLL, sender.HOLD_PASSING, sender.AWAY = 0.1, 0.3, 1.5
from ledger.cli.root import cli
cli(sys.argv[1:])
"""


def test_one_that_is_over_the_quota_waits_with_its_reason_and_the_others_go_out(
    own_company: Company,
) -> None:
    company, office = own_company, Office(own_company.notary)
    office.account("limit", "--bytes", 5 * MIB)
    daemon = Daemon(company)
    daemon.script = _SOON
    daemon.start()
    large = daemon.folder / "large.bin"
    large.write_bytes(os.urandom(12 * MIB))
    eventually(lambda: "over-quota" in codes(company, "events"))
    (daemon.folder / "small.txt").write_bytes(b"x")
    daemon.settled(1, 10)
    status = company.json("status")
    assert status["notary"] == "reachable"
    assert codes(company, "failures") == []
    (reason,) = status["not_taken"]
    assert (reason["what"], reason["count"]) == (str(large), 1)
    assert "may keep" in reason["why"]
    eventually(lambda: codes(company, "failures") == ["over-quota"])
    told = [each["kind"] for each in company.json("status")["events"] if of(each, large)]
    assert [each for each in told if each in ("waiting", "failed")] == ["waiting", "failed"]
    attempts = len(office.refusals())
    assert attempts <= 2 * 6, "the pause is doubled each time"
    office.account("limit")
    daemon.settled(2)
    daemon.stop()


def test_a_ledger_that_is_never_shown_to_be_one_is_a_failure_and_confirms_nothing(
    tmp_path: Path, own_notary: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = tmp_path / "lost"
    monkeypatch.setenv("LOST", str(lost))
    own_notary.start(script=PROXY)
    company = new_company(tmp_path / "other", own_notary)
    monkeypatch.chdir(company.folder)
    company.init()
    company.enrol()
    company("deposit", company.write("first.txt"))
    lost.touch()
    daemon = Daemon(company)
    daemon.script = _SOON
    daemon.start()
    (daemon.folder / "second.txt").write_bytes(b"x")
    eventually(lambda: codes(company, "failures") == ["not-shown"])
    status = company.json("status")
    assert (status["waiting"], status["faults"]) == (1, [])
    assert "cannot be checked now" in status["notary"]
    lost.unlink()
    daemon.settled(2, 90)
    daemon.stop()


def codes(company: Company, where: str) -> list[str]:
    return [each["code"] for each in company.json("status").get(where, []) if each["code"]]


def of(event: dict[str, str], path: Path) -> bool:
    return event["what"] == str(path)
