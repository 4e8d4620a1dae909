"""A daemon beside a real notary and a real witness: receipts become final, two histories are caught."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.chain.fault.file import parse_fault
from ledger.chain.fault.verifying import verify_fault
from ledger.chain.note import format_vkey, parse_vkey
from ledger.chain.policy import Group, Witness
from ledger.chain.trust import format_trust, parse_trust
from ledger.cli.company import sending
from tests.cli.conftest import Company, Served, new_company
from tests.witnesses import Served as Witnessing
from tests.witnesses import serving

from .conftest import Daemon, eventually


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def expect(notary: Served, witness: Witnessing, url: str | None) -> None:
    """Let a notary's trust file ask for a witness, with this address or without one."""
    trust = parse_trust(notary.trust_file.read_bytes())
    policy = trust.policy
    (own,) = (each for each in policy.witnesses if each.key.name == trust.origin)
    changed = replace(
        policy,
        witnesses=(own, Witness("archive", parse_vkey(witness.vkeys[0]), url)),
        groups=(Group("all", 2, (own.name, "archive")),),
        quorum="all",
    )
    notary.trust_file.write_bytes(format_trust(replace(trust, policy=changed)))


def watching(company: Company, stack: ExitStack) -> Path:
    """Run a company's daemon with an alarm; return where the alarm goes."""
    out = company.folder / "alarm.json"
    daemon = Daemon(company)
    (company.home / "capture.toml").write_text(
        f'[[watch]]\nfolder = "{daemon.folder}"\n'
        f'[failure]\ncommand = ["/bin/sh", "-c", "cat > {out}.part && mv {out}.part {out}"]\n'
    )
    stack.callback(daemon.stop)
    daemon.start("run")
    return out


@pytest.mark.soak
def test_receipts_become_final_and_a_client_that_is_shown_another_history_learns_of_it(
    own_notary: Served, tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = parse_trust(own_notary.trust_file.read_bytes())
    keys = [trust.policy.logs[0].key, trust.policy.witnesses[0].key]
    (witness,) = stack.enter_context(
        serving(tmp_path / "witnesses", list(map(format_vkey, keys)), 1)
    )
    expect(own_notary, witness, witness.url)
    own_notary.start()
    company = new_company(tmp_path / "company", own_notary)
    monkeypatch.chdir(company.folder)
    company.init()
    company.enrol()
    own_notary.stop()
    before = tmp_path / "before"
    shutil.copytree(own_notary.directory, before)
    shutil.copytree(company.folder, tmp_path / "other")

    own_notary.start()
    monkeypatch.setattr(sending, "PATIENCE", 0.0)
    company("deposit", company.write("first.txt"))
    with ExitStack() as running:
        watching(company, running)
        eventually(lambda: company.json("status")["provisional"] == 0)
        eventually(lambda: company.json("status").get("witnesses"))
        (archive,) = company.json("status")["witnesses"]
        assert (archive["names"], archive["trouble"]) == (["archive"], "")
        assert archive["size"] >= 1
        assert company.json("list")["deposits"][0]["receipt_state"] == "final"
        assert "archive" in company("status").output
    own_notary.stop()

    # A notary that does not ask the witness any more shows another client another history.
    shutil.rmtree(own_notary.directory)
    before.rename(own_notary.directory)
    expect(own_notary, witness, None)
    own_notary.start()
    other = Company(tmp_path / "other", own_notary, tmp_path / "other" / "vault")
    other("deposit", other.write("second.txt", b"another\n"))
    out = watching(other, stack)
    eventually(lambda: other.json("status")["faults"])
    status = other.json("status")
    assert status["provisional"] == 1
    proof = Path(status["faults"][0])
    pinned = parse_trust((other.home / "notary.trust").read_bytes())
    assert verify_fault(parse_fault(proof.read_bytes()), pinned).kind == "fork"
    eventually(out.exists)
    assert json.loads(out.read_text())["codes"] == {"ledger-forked": 1}
    assert "Alarm" in other("status").output
