"""Real witnesses, a real authority and a notary: what a receipt shows that is asked for again."""

import os
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.chain import report as rp
from ledger.chain.note import format_vkey, parse_note
from ledger.chain.policy import Policy, format_policy, parse_policy
from ledger.chain.report import Report
from ledger.chain.statement import parse_statement
from ledger.chain.timestamp.authority import Authority
from ledger.chain.trust import Trust, format_trust, parse_trust
from ledger.crypto.merkle import leaf_hash
from ledger.errors import LedgerFault, NotSigning, StorageFailed
from ledger.notary.care.founding import init_notary
from ledger.notary.care.restore import restore
from ledger.notary.notary import Notary, open_notary
from ledger.notary.ports import Hook, Step, no_hook
from ledger.notary.system_clock import SYSTEM_CLOCK
from ledger.verify import ReceiptRefused, verify_receipt
from ledger.witness.witness import DATABASE
from tests.notaries import ORIGIN, PLATFORM, Company, EveryEnvelope
from tests.tsa import Tsa, started
from tests.witnesses import Served, serving

TRUST = "notary.example-ledger.trust"


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not found():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.02)


def witnessed(policy: Policy, witnesses: list[Served], quorum: int) -> Policy:
    own = ("log", "witness notary-ml-dsa-44")
    lines = [each for each in format_policy(policy).splitlines() if each.startswith(own)]
    lines += [f"witness w{n} {each.vkeys[0]} {each.url}" for n, each in enumerate(witnesses, 1)]
    names = " ".join(f"w{n}" for n, _ in enumerate(witnesses, 1))
    lines += [f"group others {quorum} {names}", "group all-of-them all notary-ml-dsa-44 others"]
    return parse_policy("\n".join([*lines, "quorum all-of-them", ""]))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with started(tmp_path_factory.mktemp("tsa")) as tsa:
        yield tsa


@pytest.fixture
def tsa(running: Tsa) -> Tsa:
    running.fault = None
    return running


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, running: Tsa
) -> Iterator[tuple[Path, list[Served]]]:
    """A notary whose trust file asks for two of three witnesses, stamped by one authority."""
    directory = tmp_path_factory.mktemp("office") / "notary"
    trust = init_notary(
        directory, ORIGIN, issuer="Office", platform=PLATFORM, clock=SYSTEM_CLOCK, random=os.urandom
    )
    keys = [trust.policy.logs[0].key, trust.policy.witnesses[0].key]
    (directory / "tsa.pem").write_bytes(running.root.pem)
    with (directory / "notary.toml").open("a") as file:
        file.write(f'\n[[timestamps]]\nurl = "{running.url}"\nname = "Test TSA"\nroot = "tsa.pem"\n'
                   "interval = 1\n")  # fmt: skip
    with serving(directory.parent, list(map(format_vkey, keys))) as witnesses:
        yield directory, witnesses


@pytest.fixture
def founded(office: tuple[Path, list[Served]], tsa: Tsa, tmp_path: Path) -> Path:
    """The office as it was founded, of which its witnesses have seen nothing."""
    founded, witnesses = office
    directory = tmp_path / "notary"
    shutil.copytree(founded, directory)
    ask(directory, witnesses, tsa)
    for each in witnesses:
        with closing(sqlite3.connect(each.directory / DATABASE)) as database, database:
            database.execute("UPDATE logs SET note = NULL")
    return directory


def ask(directory: Path, witnesses: list[Served], tsa: Tsa) -> None:
    """Write the trust file that asks for these witnesses and this authority."""
    trust = trust_of(directory)
    policy = witnessed(trust.policy, witnesses, 2)
    changed = replace(trust, policy=policy, authorities=(Authority("Test TSA", tsa.root.der),))
    (directory / TRUST).write_bytes(format_trust(changed))


def trust_of(directory: Path) -> Trust:
    return parse_trust((directory / TRUST).read_bytes())


def opened(directory: Path, hook: Hook = no_hook) -> Notary:
    notary = open_notary(directory, window=0.005, hook=hook)
    notary.envelopes = EveryEnvelope()  # type: ignore[assignment]
    notary.sequencer._admission._envelopes = notary.envelopes
    return notary


def report(receipt: bytes, trust: Trust) -> Report:
    try:
        return verify_receipt(receipt, trust).report
    except ReceiptRefused as refused:
        return refused.report


def again(notary: Notary, statement: bytes) -> bytes:
    return notary._receipts.find(leaf_hash(statement))


def enter(notary: Notary, statement: bytes) -> bytes:
    (future,) = notary.sequencer.submit_many([statement])
    return future.result(30)


def test_a_receipt_becomes_final_with_witnesses_and_time(founded: Path) -> None:
    directory = founded
    trust = trust_of(directory)
    with opened(directory) as notary:
        company = Company().enrol(notary)
        first = company.statement(time=int(time.time()))
        provisional = enter(notary, first)
        assert report(provisional, trust).missing == (rp.WITNESSES,)
        assert verify_receipt(provisional, trust, provisional=True)
        until(lambda: report(again(notary, first), trust).claim(rp.TIME).status == rp.PROVEN)
        found = verify_receipt(again(notary, first), trust)
        assert found.final
        assert len(found.report.claim(rp.WITNESSES).facts["witnesses"]) >= 2
        assert found.report.claim(rp.TIME).facts["authorities"] == ["Test TSA"]
        assert found.statement == parse_statement(first)
        later = company.statement(time=int(time.time()))
        enter(notary, later)
        until(lambda: "earliest" in report(again(notary, later), trust).claim(rp.TIME).facts)
        published = notary.log.published()
        assert published is not None
        assert len(parse_note(published).signatures) >= 4


@pytest.mark.parametrize("fault", ["slow", "redirect", "large", "garbage", "nonce", "error"])
def test_an_authority_that_fails_holds_up_no_deposit_and_no_witness(
    founded: Path, tsa: Tsa, fault: str
) -> None:
    directory = founded
    tsa.fault = fault
    trust = trust_of(directory)
    with opened(directory) as notary:
        company = Company().enrol(notary)
        statement = company.statement(time=int(time.time()))
        enter(notary, statement)
        until(
            lambda: report(again(notary, statement), trust).claim(rp.WITNESSES).status == rp.PROVEN
        )
        assert report(again(notary, statement), trust).claim(rp.TIME).status == rp.STATED
        assert notary.health.status == "ok"


def test_with_one_of_three_witnesses_gone_the_quorum_is_met(
    founded: Path, office: tuple[Path, list[Served]], tsa: Tsa
) -> None:
    directory, witnesses = founded, office[1]
    with socket.create_server(("127.0.0.1", 0)) as closed:
        gone = f"http://127.0.0.1:{closed.getsockname()[1]}"
    ask(directory, [replace(witnesses[0], url=gone), *witnesses[1:]], tsa)
    trust = trust_of(directory)
    with opened(directory) as notary:
        company = Company().enrol(notary)
        statement = company.statement(time=int(time.time()))
        enter(notary, statement)
        until(lambda: report(again(notary, statement), trust).good)
        assert notary.anchoring is not None
        assert any("does not answer" in each for each in notary.anchoring.words())


def test_a_notary_put_back_from_an_old_copy_is_stopped_by_its_witnesses(
    founded: Path, tmp_path: Path
) -> None:
    directory = founded
    trust = trust_of(directory)
    with opened(directory) as notary:
        company = Company().enrol(notary)
        first = company.statement(time=int(time.time()))
        enter(notary, first)
        until(lambda: report(again(notary, first), trust).good)
    shutil.copytree(directory, tmp_path / "old")
    with opened(directory) as notary:
        second = company.statement(time=int(time.time()))
        enter(notary, second)
        until(lambda: report(again(notary, second), trust).good)
    with pytest.raises(LedgerFault, match=r"has cosigned .* restore --mirror"):
        restore(tmp_path / "old", tmp_path / "new", clock=SYSTEM_CLOCK, random=os.urandom)
    with opened(tmp_path / "old") as notary:
        until(lambda: notary.health.status != "ok")
        with pytest.raises(NotSigning, match="another history"):
            enter(notary, company.statement(time=int(time.time())))


def test_anchors_survive_a_restart_and_their_loss_harms_nothing(founded: Path) -> None:
    directory = founded
    trust = trust_of(directory)
    with opened(directory) as notary:
        company = Company().enrol(notary)
        statement = company.statement(time=int(time.time()))
        enter(notary, statement)
        until(lambda: report(again(notary, statement), trust).claim(rp.TIME).status == rp.PROVEN)
    for lost in (False, True):
        if lost:
            for each in directory.glob("anchors.sqlite*"):
                each.unlink()
        with opened(directory) as notary:
            until(lambda: report(again(notary, statement), trust).good)


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("step", [Step.ANCHOR_STORED, Step.ANCHOR, Step.STAMP])
def test_what_fails_around_a_durable_step_is_made_up_for(
    founded: Path, step: Step, side: str
) -> None:
    directory = founded
    trust = trust_of(directory)
    failed: list[bool] = []

    def hook(now: Step, where: str) -> None:
        if (now, where) == (step, side) and not failed:
            failed.append(True)
            raise StorageFailed("the disk is gone")

    with opened(directory, hook) as notary:
        company = Company().enrol(notary)
        statement = company.statement(time=int(time.time()))
        enter(notary, statement)
        until(lambda: report(again(notary, statement), trust).claim(rp.TIME).status == rp.PROVEN)
    assert failed
    with opened(directory) as notary:
        assert report(again(notary, statement), trust).good
