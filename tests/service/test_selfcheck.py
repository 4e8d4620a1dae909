"""What a depositor, a monitor and the office see of a notary that has reason not to sign."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from ledger.chain.enrolment import (
    IdentityRecord,
    format_record,
    format_request,
    verify_enrolment_request,
)
from ledger.chain.office import Platform
from ledger.chain.receipt import parse_receipt
from ledger.chain.statement import parse_statement
from ledger.chain.trust import parse_trust
from ledger.crypto.keys import SigningKey
from ledger.errors import LedgerFault, Unavailable
from ledger.notary.care.founding import init_notary
from ledger.notary.care.fsck import fsck
from ledger.notary.notary import open_notary
from ledger.notary.ordering import command
from ledger.notary.orders import AcceptClock, Enroll, SayNotice
from ledger.verify import verify_receipt
from ledger.wire.client import NotaryClient
from tests.processes import Program
from tests.service.conftest import ORIGIN, Account, small_envelope

ROOT = Path(__file__).parents[2]
YEAR = 365 * 86_400


@dataclass
class Office:
    """A notary's directory, and the processes that serve it one after the other."""

    directory: Path
    clock: Path
    log: Path
    key: SigningKey
    url: str = ""

    def ahead(self, seconds: float) -> None:
        new = self.clock.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self.clock)

    @contextmanager
    def serving(self) -> Iterator[Account]:
        words = ["-m", "tests.notary_child", self.directory, self.clock]
        with self.log.open("wb") as log:
            process = Program(words, cwd=ROOT, stderr=log)
        try:
            while not (lines := [e for e in self.events() if e.get("event") == "serving"]):
                assert process.poll() is None, self.log.read_text()
                time.sleep(0.05)
            self.url = lines[0]["address"]
            with NotaryClient(self.url, ledger=ORIGIN, key=self.key) as client:
                yield Account(self.key, self.account, client, self.url)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def events(self) -> list[dict[str, str]]:
        whole = self.log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def health(self) -> tuple[int, str]:
        answer = httpx2.get(f"{self.url}/health")
        return answer.status_code, answer.json()["status"]

    @property
    def request(self) -> bytes:
        path = self.directory.with_name("request")
        if not path.exists():
            path.write_bytes(
                format_request(
                    self.key, origin=ORIGIN, nonce=os.urandom(32), issued_at=int(time.time())
                )
            )
        return path.read_bytes()

    @property
    def account(self) -> str:
        return verify_enrolment_request(self.request).account_id

    def verified_time(self, receipt: bytes) -> int:
        (trust,) = self.directory.glob("*.trust")
        return verify_receipt(receipt, parse_trust(trust.read_bytes())).block.time


@pytest.fixture
def office(tmp_path: Path) -> Office:
    platform = Platform("Office", "none", "test", "sealbook test", ())
    made = Office(
        tmp_path / "notary", tmp_path / "clock", tmp_path / "log", SigningKey(os.urandom(32))
    )
    init_notary(made.directory, ORIGIN, issuer="Office", platform=platform, random=os.urandom)
    made.ahead(0)
    record = format_record(IdentityRecord(bytes(32), "ACME", "9131", "clerk", int(time.time())))
    command(made.directory, Enroll(made.request), record=record)
    return made


def test_a_wrong_clock_is_refused_told_and_passes(office: Office) -> None:
    with office.serving() as account:
        _, first = account.deposit()
        office.ahead(YEAR)
        envelope = small_envelope()
        account.client.put_envelopes([envelope])  # a signed request is judged by the steady time
        statement = account.statement(envelope.payload)
        with pytest.raises(Unavailable, match="clock has jumped"):
            account.client.submit(statement)
        answer = httpx2.post(
            f"{office.url}/statements",
            content=statement,
            headers={"content-type": "application/cose"},
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "not-signing")
        assert office.health() == (503, "clock")
        told = [each["event"] for each in office.events() if each.get("level") == "error"]
        assert [text for text in told if "clock says" in text and "accept-clock" in text]
        leaf = parse_statement(parse_receipt(first).statement).leaf_hash
        assert account.client.receipt(leaf) == first
        office.ahead(0)
        receipt = account.client.submit(statement)
        assert abs(office.verified_time(receipt) - time.time()) < 600
        assert office.health() == (200, "ok")


def test_after_a_block_of_a_wrong_clock_the_office_decides(office: Office) -> None:
    office.ahead(YEAR)
    with office.serving():
        command(office.directory, SayNotice("closed on Friday"))
    office.ahead(0)
    with office.serving() as account:
        assert office.health() == (503, "clock")
        envelope = small_envelope()
        account.client.put_envelopes([envelope])
        statement = account.statement(envelope.payload)
        with pytest.raises(Unavailable, match="before its newest block"):
            account.client.submit(statement)
        assert command(office.directory, AcceptClock()).notice is not None
        account.client.submit(statement)
        assert office.health() == (200, "ok")


def test_checkpoints_removed_under_a_running_notary_cost_no_deposit(office: Office) -> None:
    with office.serving() as account:
        kept = [account.deposit() for _ in range(3)]
        for path in office.directory.glob("checkpoints.sqlite*"):
            path.unlink()
        envelope = small_envelope()
        account.client.put_envelopes([envelope])
        statement = account.statement(envelope.payload)
        with pytest.raises(Unavailable, match="has gone"):
            account.client.submit(statement)
        assert office.health() == (503, "file-gone")
    with pytest.raises(LedgerFault, match="--rebuild"):
        open_notary(office.directory)
    done = subprocess.run(
        [sys.executable, "-m", "ledger", "notary", "fsck", "--rebuild", "--dir", str(office.directory)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with office.serving() as account:
        for entered, receipt in kept:
            assert account.client.receipt(parse_statement(entered).leaf_hash) == receipt
        receipt = account.client.submit(statement)
        assert parse_receipt(receipt).position.index > 0
        office.verified_time(receipt)
    assert [each for each in fsck(office.directory, ciphertext=True) if each.level == "error"] == []
