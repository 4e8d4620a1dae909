"""What the notary does not take now waits with its own reason, and holds up nothing else."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledger.notary.desk.terms import FRESH
from ledger.notary.storage.room import RESERVE
from tests.cli.conftest import Company, Served, found, new_company, run

MIB = 1 << 20
ROOM = """
import os, sys
from pathlib import Path
from ledger.cli.root import cli
from ledger.notary.storage.room import DiskRoom

def measure(place):
    found = list(os.statvfs(place))
    found[4] = int(Path(os.environ["FREE"]).read_text()) // found[1]
    return os.statvfs_result(found)

DiskRoom.__init__.__kwdefaults__["measure"] = measure
cli(sys.argv[1:])
"""

PROXY = """
import os, sys
from pathlib import Path
from api import server
from ledger.cli.root import cli
from starlette.responses import HTMLResponse

class Proxy:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        asked = scope.get("path", "").startswith("/consistency")
        lost = asked and Path(os.environ["LOST"]).exists()
        app = HTMLResponse("<h1>No such page</h1>", 404) if lost else self.app
        await app(scope, receive, send)

create = server.create_app

def behind(*arguments, **options):
    app = create(*arguments, **options)
    app.add_middleware(Proxy)
    return app

server.create_app = behind
cli(sys.argv[1:])
"""


@dataclass
class Office:
    """A notary of its own whose office decides, and what its log says."""

    served: Served

    def __call__(self, *arguments: object) -> Any:
        command = ("notary", *arguments, "--dir", self.served.directory, "--json")
        return json.loads(run(*command).stdout)

    def account(self, *arguments: object) -> None:
        """Decide about the one account, and let the service read it."""
        action, *options = arguments
        (account,) = self("accounts")["accounts"]
        self("account", action, account["account"], *options)
        time.sleep(FRESH + 0.1)

    def log(self) -> list[dict[str, Any]]:
        """The log's lines so far."""
        path = self.served.directory.parent / f"{self.served.directory.name}.log"
        lines = path.read_text().splitlines()
        return [json.loads(each) for each in lines if each.startswith("{")]

    def refusals(self) -> list[str]:
        """The codes of all refusals that were logged; nothing may be called an error."""
        assert not [each for each in self.log() if each["level"] in ("error", "critical")]
        return [each["code"] for each in self.log() if each["event"] == "refused"]


@pytest.fixture
def office(own_company: Company) -> Office:
    return Office(own_company.notary)


def states(company: Company, *arguments: object) -> dict[str, dict[str, Any]]:
    """Deposit; return what became of each, by its title."""
    return {each["title"]: each for each in company.json("deposit", *arguments)["deposits"]}


def listed(company: Company) -> dict[str, str]:
    """Why what waits does, by its title."""
    found = company.json("list", "--state", "waiting")["deposits"]
    return {each["title"]: each["message"] for each in found}


def words(company: Company, *arguments: object) -> str:
    return " ".join(company(*arguments).output.split())


def test_over_its_quota_one_deposit_waits_and_the_others_are_entered(
    own_company: Company, office: Office
) -> None:
    company = own_company
    office.account("limit", "--bytes", 5 * MIB)
    large = company.write("large.bin", os.urandom(12 * MIB))
    small = company.write("small.txt")
    begun = time.monotonic()
    told = states(company, large, small)
    assert time.monotonic() - begun < 20
    assert told["small.txt"]["state"] == "deposited"
    assert told["large.bin"]["state"] == "waiting"
    assert "may keep 5242880 bytes" in told["large.bin"]["message"]
    assert 1 <= len(office.refusals()) <= 2
    assert set(office.refusals()) == {"over-quota"}
    assert listed(company) == {"large.bin": told["large.bin"]["message"]}
    assert "may keep 5242880 bytes" in words(company, "list", "--state", "waiting")
    assert "may keep 5242880 bytes" in words(company, "show", "large.bin")
    (reason,) = company.json("status")["not_taken"]
    assert (reason["what"], reason["count"]) == (str(large), 1)
    assert "may keep 5242880 bytes" in words(company, "status")
    office.account("limit", "--bytes", 50 * MIB)
    assert states(company)["large.bin"]["state"] == "deposited"
    assert company.json("status")["not_taken"] == []


def test_small_ones_that_travel_together_are_judged_each_for_itself(
    own_company: Company, office: Office
) -> None:
    company = own_company
    office.account("limit", "--bytes", MIB)
    paths = [company.write(f"{n}.bin", os.urandom(300_000)) for n in range(5)]
    told = states(company, *paths)
    entered = [name for name, each in told.items() if each["state"] == "deposited"]
    assert len(entered) == 3
    assert set(office.refusals()) == {"over-quota"}
    assert len(office.refusals()) == 3  # all together, and each of two alone
    assert len(listed(company)) == 2


def test_what_is_here_already_counts_once(own_company: Company, office: Office) -> None:
    company = own_company
    company.write("a.bin", os.urandom(600_000))
    office.account("limit", "--bytes", MIB, "--per-minute", 1)
    company.write("first.txt")
    assert states(company, "first.txt")["first.txt"]["state"] == "deposited"
    assert states(company, "a.bin")["a.bin"]["state"] == "waiting"  # the age files are there
    office.account("limit", "--bytes", MIB)
    assert states(company)["a.bin"]["state"] == "deposited"


def test_the_next_paper_of_its_matter_waits_for_it(own_company: Company, office: Office) -> None:
    company = own_company
    office.account("limit", "--bytes", 5 * MIB)
    company.write("first.bin", os.urandom(12 * MIB))
    states(company, "first.bin", "--matter", "Supply")
    company.write("second.txt")
    told = states(company, "second.txt", "--matter", "Supply")
    assert {each["state"] for each in told.values()} == {"waiting"}
    assert "may keep" in told["first.bin"]["message"]
    assert "paper before it" in told["second.txt"]["message"]
    office.account("limit")
    told = states(company)
    assert {each["state"] for each in told.values()} == {"deposited"}


def test_without_room_for_one_the_others_are_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = tmp_path / "free"
    free.write_text(str(RESERVE + 8 * MIB))
    monkeypatch.setenv("FREE", str(free))
    served = found(tmp_path / "notary")
    served.start(script=ROOM)
    try:
        company, office = new_company(tmp_path / "company", served), Office(served)
        monkeypatch.chdir(company.folder)
        company.init()
        company.enrol()
        large = company.write("large.bin", os.urandom(12 * MIB))
        told = states(company, large, company.write("small.txt"))
        assert told["small.txt"]["state"] == "deposited"
        assert told["large.bin"]["state"] == "waiting"
        assert "no room for these" in listed(company)["large.bin"]
        assert "no room for these" in words(company, "status")
        assert 1 <= len(office.refusals()) <= 2
        assert set(office.refusals()) == {"no-room"}
        free.write_text(str(RESERVE + 64 * MIB))
        assert states(company)["large.bin"]["state"] == "deposited"
    finally:
        served.stop()


def test_a_suspended_account_is_told_so_wherever_it_looks(
    own_company: Company, office: Office
) -> None:
    company = own_company
    office.account("suspend", "--reason", "fees unpaid")
    begun = time.monotonic()
    told = states(company, company.write("a.txt"), company.write("b.bin", os.urandom(2 * MIB)))
    assert time.monotonic() - begun < 10
    assert {each["state"] for each in told.values()} == {"waiting"}
    assert all("takes nothing from this account" in each for each in listed(company).values())
    (reason,) = company.json("status")["not_taken"]
    assert reason["count"] == 2
    shown = words(company, "status")
    assert "takes nothing from this account" in shown and "and 1 more" in shown
    office.account("resume")
    assert {each["state"] for each in states(company).values()} == {"deposited"}
    assert listed(company) == {}


def test_what_a_proxy_answers_for_the_notary_is_no_fork_and_confirms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = tmp_path / "lost"
    monkeypatch.setenv("LOST", str(lost))
    served = found(tmp_path / "notary")
    served.start(script=PROXY)
    try:
        company = new_company(tmp_path / "company", served)
        monkeypatch.chdir(company.folder)
        company.init()
        company.enrol()
        states(company, company.write("a.txt"))
        lost.touch()
        told = states(company, company.write("b.txt"))["b.txt"]
        assert told["state"] == "waiting"
        assert "cannot be checked now" in told["message"]
        assert listed(company) == {"b.txt": told["message"]}
        assert not (company.folder / "b.txt.receipt").exists()
        assert not list(company.home.glob("fork-*"))
        assert company.json("status")["faults"] == []
        lost.unlink()
        assert states(company)["b.txt"]["state"] == "deposited"
    finally:
        served.stop()
