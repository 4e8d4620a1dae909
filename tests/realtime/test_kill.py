"""kill -9 at random moments, under load: every file closed before is deposited exactly once."""

import random
import threading
import time
from pathlib import Path

import pytest

from ledger.company.sending.confirming import verify_answer
from tests.cli.conftest import Company, Served, new_company
from tests.realtime.conftest import Daemon, eventually

ROUNDS, SOAK = 2, 50


def test_the_notary_goes_away_and_comes_back(
    own_notary: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = enrolled(own_notary, tmp_path, monkeypatch)
    daemon.start()
    (daemon.folder / "before.txt").write_bytes(b"x")
    daemon.settled(1)
    own_notary.stop()
    for number in range(5):
        (daemon.folder / f"{number}.txt").write_bytes(b"x")
    eventually(lambda: len(daemon.vault.spooled()) == 5)
    eventually(lambda: b"waiting" in daemon.log.read_bytes())
    status = daemon.company.json("status")
    assert status["running"]
    assert status["waiting"] == 5
    own_notary.start()
    daemon.settled(6, seconds=60)
    daemon.stop()
    assert not daemon.company.json("status")["running"]


def test_a_daemon_waits_for_enrolment(
    own_notary: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_notary.start()
    company = new_company(tmp_path / "company", own_notary)
    monkeypatch.chdir(company.folder)
    company.init()
    daemon = Daemon(company)
    daemon.start()
    (daemon.folder / "a.txt").write_bytes(b"x")
    eventually(lambda: len(daemon.vault.spooled()) == 1)
    company.enrol()
    daemon.settled(1, seconds=60)
    daemon.stop()


def test_one_daemon_serves_a_vault(daemon: Daemon) -> None:
    daemon.start()
    refused = daemon.company("watch", daemon.folder, code=1)
    assert "Another daemon" in refused.stderr


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(SOAK, marks=pytest.mark.soak)])
@pytest.mark.timeout(1200)
def test_a_kill_loses_nothing_and_deposits_nothing_twice(
    own_notary: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    daemon = enrolled(own_notary, tmp_path, monkeypatch)
    daemon.start()
    written: list[Path] = []
    done = threading.Event()

    def save() -> None:
        number = 0
        while not done.is_set():
            path = daemon.folder / f"{number}.txt"
            path.write_bytes(b"%d" % number)
            written.append(path)
            number += 1
            time.sleep(random.uniform(0, 0.04))

    writer = threading.Thread(target=save)
    writer.start()
    try:
        for number in range(rounds):
            time.sleep(random.uniform(0.1, 2.0))
            if number % 2:
                assert own_notary.process is not None
                own_notary.process.kill()
                own_notary.process.wait(30)
                time.sleep(random.uniform(0, 0.5))
                own_notary.start()
            else:
                daemon.kill()
                time.sleep(random.uniform(0, 0.5))
                daemon.start()
    finally:
        done.set()
        writer.join()
    daemon.settled(len(written), seconds=300)
    daemon.stop()
    found = daemon.vault.deposits()
    assert sorted(each.meta.path for each in found) == sorted(map(str, written))
    entries = set()
    for each in found:
        assert each.receipt is not None
        entries.add(verify_answer(each.encoded, each.receipt, daemon.vault.trust).index)
    assert len(entries) == daemon.entered() == len(written)
    assert not list((daemon.company.home / "spool").iterdir())


def enrolled(notary: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """Return a daemon of a company that a notary of its own has enrolled."""
    notary.start()
    company: Company = new_company(tmp_path / "company", notary)
    monkeypatch.chdir(company.folder)
    company.init()
    company.enrol()
    return Daemon(company)
