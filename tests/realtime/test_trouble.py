"""Disks that are full, failures that somebody must hear of, and what is shown of it all."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ledger.company.capture.alarm import report
from ledger.company.capture.journal import Event, Kind
from ledger.company.capture.sender import FIRST_PAUSE, LONGEST_PAUSE, backoff
from tests.cli.conftest import Company, Served, new_company
from tests.realtime.conftest import Daemon, eventually
from tests.spoofs import unbroken


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small disk")
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False
    ).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_told_and_what_waits_is_taken_when_there_is_room(
    notary: Served, tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = new_company(tmp_path / "company", notary)
    company.home = small_disk / "vault"
    monkeypatch.chdir(company.folder)
    company.init()
    company.enrol()
    daemon = Daemon(company)
    daemon.start()
    (daemon.folder / "first.txt").write_bytes(b"x")
    daemon.settled(1)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    for number in range(3):
        (daemon.folder / f"{number}.txt").write_bytes(b"x" * 5000)
    eventually(lambda: b"failed" in daemon.log.read_bytes())
    assert len(daemon.vault.deposits()) == 1
    ballast.unlink()
    daemon.settled(4, seconds=60)
    daemon.stop()
    assert daemon.entered() == 4
    assert len(daemon.vault.deposits()) == 4


def test_a_failure_runs_the_command_and_names_no_file(company: Company, tmp_path: Path) -> None:
    daemon = Daemon(company)
    out = tmp_path / "report.json"
    write_config(company, daemon, command=[sys.executable, "-c", COMMAND, str(out)])
    (company.folder / "Contracts" / "Secret-7c1").symlink_to("nowhere")
    hurt(daemon)
    eventually(out.exists)
    found = json.loads(out.read_text())
    assert found["failures"] >= 1
    assert "events" not in found
    assert "Contracts" not in out.read_text()


COMMAND = """
import os, sys
data = sys.stdin.read()
open(sys.argv[1] + ".part", "w").write(data)
os.replace(sys.argv[1] + ".part", sys.argv[1])
"""


def test_a_failure_reaches_the_webhook(company: Company) -> None:
    got: list[bytes] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        daemon = Daemon(company)
        write_config(
            company, daemon, webhook=f"http://127.0.0.1:{server.server_port}/hook", names=True
        )
        hurt(daemon)
        eventually(lambda: got)
        server.shutdown()
    assert "Missing" in json.loads(got[0])["events"][0]["what"]


def write_config(company: Company, daemon: Daemon, **failure: object) -> None:
    import tomli_w

    folders = [{"folder": str(daemon.folder)}, {"folder": str(company.folder / "Missing")}]
    config = tomli_w.dumps({"watch": folders, "failure": failure})
    (company.home / "capture.toml").write_text(config)


def hurt(daemon: Daemon) -> None:
    """Run a daemon of whose folders one is missing; the other is served all the same."""
    daemon.start("run")
    (daemon.folder / "a.txt").write_bytes(b"x")
    daemon.settled(1)
    daemon.stop()


def test_a_report_holds_counts_and_ids_unless_names_are_wanted() -> None:
    event = Event(Kind.FAILED, "/home/lin/Geheim.pdf", "disk full", 1.0, "storage-failed", "ab12")
    assert report([event], names=False) == {
        "failures": 1,
        "codes": {"storage-failed": 1},
        "deposits": ["ab12"],
        "from": "1970-01-01T00:00:01.000+00:00",
        "to": "1970-01-01T00:00:01.000+00:00",
    }
    assert report([event], names=True)["events"][0]["what"] == "/home/lin/Geheim.pdf"


def test_the_pause_doubles_up_to_a_limit_and_is_jittered() -> None:
    for attempt in range(100):
        longest = min(FIRST_PAUSE * 2.0**attempt, LONGEST_PAUSE)
        assert longest / 2 <= backoff(attempt) <= longest
    assert len({backoff(3) for _ in range(10)}) > 1


def test_status_tells_what_came_of_it(daemon: Daemon, company: Company) -> None:
    assert "does not run" in company("status").output
    daemon.start()
    begun = time.monotonic()
    (daemon.folder / "a.txt").write_bytes(b"x")
    daemon.settled(1)
    eventually(lambda: company.json("status")["counts"].get("deposited") == 1)
    took = time.monotonic() - begun
    value = company.json("status")
    assert value["running"]
    assert value["counts"]["deposited"] == 1
    assert 0 < value["longest_delay"] <= took
    assert value["notary"] == "reachable"
    assert "within" in value["clock"]
    assert (company.home / "status.json").stat().st_mode & 0o777 == 0o600
    shown = company("status").output
    assert str(daemon.folder) in unbroken(shown), "a long path is wrapped"
    assert all(len(line) <= 100 for line in shown.splitlines())


def test_events_are_json_lines_for_machines(company: Company) -> None:
    daemon = Daemon(company, "--json")
    daemon.folder.joinpath("a.txt").write_bytes(b"x")
    daemon.start()
    daemon.settled(1)
    daemon.stop()
    kinds = [json.loads(line)["kind"] for line in daemon.log.read_text().splitlines()]
    assert kinds == ["came in", "sealed", "deposited"]


def test_a_terminal_gets_a_live_view(daemon: Daemon, company: Company) -> None:
    script = shutil.which("script")
    if script is None:
        pytest.skip("needs script(1) for a terminal")
    command = f"{sys.executable} -m ledger watch {daemon.folder}"
    (daemon.folder / "a.txt").write_bytes(b"x")
    with subprocess.Popen(
        [script, "-qec", command, "/dev/null"],
        env={**os.environ, "SEALBOOK_HOME": str(company.home), "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        shown = b""
        while not (b"deposited 1" in shown and b"longest delay" in shown):
            more = os.read(process.stdout.fileno(), 1 << 16)
            assert more, shown.decode()
            shown += more
        process.terminate()


def test_the_unit_hardens_the_daemon(company: Company, tmp_path: Path) -> None:
    unit = company("run", "--print-unit").output
    for wanted in ("NoNewPrivileges=true", "ProtectSystem=strict", "PrivateTmp=true"):
        assert wanted in unit
    assert f"SEALBOOK_HOME={company.home}" in unit
    if shutil.which("systemd-analyze"):
        path = tmp_path / "sealbook.service"
        path.write_text(unit)
        done = subprocess.run(
            ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_the_unit_names_the_configuration_and_quotes_what_systemd_would_take_apart(
    applicant: Company,
) -> None:
    applicant.env["SEALBOOK_HOME"] = "/home/lin zhang/100 %"
    unit = applicant("run", "--config", "/etc/my sealbook.toml", "--print-unit").output
    assert 'ledger run --config "/etc/my sealbook.toml"\n' in unit
    assert 'Environment="SEALBOOK_HOME=/home/lin zhang/100 %%"\n' in unit
    assert 'ReadWritePaths="/home/lin zhang/100 %%"\n' in unit


def test_what_would_watch_nothing_is_said(applicant: Company) -> None:
    config = applicant.write("empty.toml", b"[failure]\nnames = true\n")
    assert "what is to be captured" in applicant("run", "--config", config, code=1).stderr
    assert "no age recipient" in applicant("watch", ".", "--officer", "foo", code=1).stderr
    daemon = Daemon(applicant)
    daemon.start("watch", str(applicant.home / "spool"))
    eventually(lambda: b"belongs to the vault" in daemon.log.read_bytes())
    daemon.stop()
