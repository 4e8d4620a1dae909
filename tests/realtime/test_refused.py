"""What the notary will never take, what it answers in its place, and that somebody hears of it."""

import json
import os
from pathlib import Path

from ledger.company.capture.config import Rule
from ledger.company.capture.index import Place, State
from ledger.company.capture.intake import Intake, Item, item_key
from ledger.company.capture.journal import Journal, Kind
from ledger.company.documents import Document
from ledger.company.sealing.sources import MemorySource
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from tests.cli.conftest import Company, new_company, run
from tests.cli.test_matter import NAME, other, paper
from tests.cli.test_setup import Sheet
from tests.realtime.conftest import Daemon, eventually

__all__ = ["other"]


def revoke(company: Company) -> None:
    """Revoke the company's device key at the notary."""
    request = json.loads(
        run("notary", "accounts", "--dir", company.notary.directory, "--json").stdout
    )
    account = Vault(company.home).config.account
    (found,) = [each for each in request["accounts"] if each["account"] == account]
    (key,) = [each["key"] for each in found["keys"] if each["role"] == "device"]
    run("notary", "revoke", key, "--reason", "lost", "--dir", company.notary.directory)


def test_what_is_refused_for_good_is_put_aside_and_told_once(
    company: Company, tmp_path: Path
) -> None:
    out = tmp_path / "reports"
    config = f"""
        [[watch]]
        folder = "{company.folder / "Contracts"}"
        settle = 0.2
        [failure]
        command = ["/bin/sh", "-c", "cat >> {out}"]
        """
    daemon = Daemon(company)
    company.write("vault/capture.toml", config.encode())
    daemon.start("run")
    (daemon.folder / "before.txt").write_bytes(b"x")
    daemon.settled(1)
    revoke(company)
    (daemon.folder / "after.txt").write_bytes(b"x")
    eventually(lambda: (company.home / "refused").exists() and not daemon.vault.spooled())
    eventually(out.exists)
    eventually(lambda: company.json("status")["failures"])
    eventually(lambda: company.json("status")["waiting"] == 0)
    status = company.json("status")
    daemon.stop()
    assert (status["waiting"], status["refused"]) == (0, 1)
    (failure,) = status["failures"]
    assert failure["what"] == str(daemon.folder / "after.txt")
    assert "revoked" in failure["why"]
    assert json.loads(out.read_text())["codes"] == {failure["code"]: 1}
    shown = " ".join(company("status").output.split())
    assert "Refused 1" in shown
    assert "revoked" in shown
    daemon.start("run")
    (daemon.folder / "later.txt").write_bytes(b"x")
    eventually(lambda: company.json("status")["refused"] == 2)
    daemon.stop()
    later = [each["what"] for each in company.json("status")["failures"]]
    assert later == [str(daemon.folder / "later.txt")], "the first is not sent again"


def test_whatever_happens_while_sending_it_goes_on(daemon: Daemon) -> None:
    daemon.script = """
import sys
from ledger.company.capture import sender
send = sender.send
def fail_once(*arguments):
    sender.send = send
    raise RuntimeError("unforeseen")
sender.send = fail_once
from ledger.cli.root import cli
cli(sys.argv[1:])
"""
    (daemon.folder / "a.txt").write_bytes(b"x")
    daemon.start()
    daemon.settled(1)
    assert "unforeseen" in daemon.log.read_text()


def test_a_paper_that_has_to_give_way_waits_for_a_notary_that_is_away(
    company: Company, other: Company
) -> None:
    paper(company, "2.txt")
    daemon = Daemon(other, "--matter", NAME)
    daemon.script = """
import sys
from ledger.company.sending import send
from ledger.errors import Unavailable
give_way = send.give_way
def away_once(*arguments):
    send.give_way = give_way
    raise Unavailable("away")
send.give_way = away_once
from ledger.cli.root import cli
cli(sys.argv[1:])
"""
    daemon.start()
    (daemon.folder / "a.txt").write_bytes(b"x")
    (_, taken) = daemon.settled(2)
    daemon.stop()
    assert taken.deposit.matter is not None
    assert (taken.meta.title, taken.deposit.matter.number) == ("a.txt", 3)
    assert other.json("status")["refused"] == 0


def test_what_the_notary_cannot_enter_at_the_moment_goes_out_soon(daemon: Daemon) -> None:
    daemon.script = """
import sys
from ledger.company.capture import sender
from ledger.errors import Unavailable
from ledger.wire.client import NotaryClient
sender.POLL = sender.HOLD_PASSING = 0.1
submit = NotaryClient.submit_many
def not_now(self, statements):
    NotaryClient.submit_many = submit
    return [Unavailable("The notary says: (1).") for each in statements]
NotaryClient.submit_many = not_now
from ledger.cli.root import cli
cli(sys.argv[1:])
"""
    (daemon.folder / "a.txt").write_bytes(b"x")
    daemon.start()
    daemon.settled(1)


def test_a_damaged_receipt_holds_up_no_other_deposit(applicant: Company) -> None:
    company = applicant
    company.write("a.txt")
    company("deposit", "a.txt")
    daemon = Daemon(company)
    (waiting,) = daemon.vault.spooled()
    (waiting.folder / "receipt").write_bytes(b"damaged")
    company.enrol()
    daemon.start()
    (daemon.folder / "b.txt").write_bytes(b"x")
    daemon.settled(1)
    daemon.stop()
    assert [each.name for each in daemon.vault.spooled()] == [waiting.name]
    (failure,) = company.json("status")["failures"]
    assert failure["what"] == str(company.folder / "a.txt")


def test_a_failure_stays_in_the_status_whatever_goes_well_after_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, lambda: 1.0)
    journal.note(Kind.FAILED, "a", "why")
    for _ in range(1000):
        journal.note(Kind.DEPOSITED, "b")
    assert [each["what"] for each in journal.snapshot()["failures"]] == ["a"]


def test_the_number_of_a_refused_version_is_free_again(applicant: Company) -> None:
    def version(number: int) -> Item:
        return Item(
            item_key(number),
            (Document(MemorySource(b"x"), "a"),),
            "a",
            "/a",
            Rule(),
            topic="/a",
            place=Place("/a", State(number, 1, 1)),
        )

    def place(deposit: StoredDeposit) -> tuple[bytes, int]:
        matter = deposit.deposit.matter
        assert matter is not None
        return matter.id, matter.number

    with Intake(Vault(applicant.home), lambda: 1_800_000_000.0, os.urandom) as intake:
        first, second = (intake.take(version(number)) for number in (1, 2))
        second.put_aside("no")
        intake.refused(second)
        third, fourth = (intake.take(version(number)) for number in (3, 4))
    assert place(third) == place(second) == (place(first)[0], 2)
    assert third.deposit.matter == second.deposit.matter
    assert place(fourth) == (place(first)[0], 3)


def test_a_paper_whose_number_another_computer_took_goes_out_under_the_next(
    company: Company, tmp_path: Path
) -> None:
    company("deposit", company.write("first.txt"), "--matter", "Supply")
    other = new_company(tmp_path / "second", company.notary)
    other.json(*Sheet(company).options(other))
    other("deposit", other.write("theirs.txt"), "--matter", "Supply")
    daemon = Daemon(company, "--matter", "Supply")
    daemon.start()
    for name in ("a.txt", "b.txt"):
        (daemon.folder / name).write_bytes(name.encode())
    daemon.settled(3, 60)
    daemon.stop()
    shown = company.json("matter", "show", "Supply")
    assert sorted(each["matter_number"] for each in shown["papers"]) == [1, 3, 4]
    assert (shown["waiting"], shown["refused"], shown["missing"]) == (0, 0, [2])
