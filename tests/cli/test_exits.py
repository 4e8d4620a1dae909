"""The status with which the service ends where it cannot begin: whether it helps to start it again."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.cli.root import LASTING
from ledger.notary.storage.directory import lock
from tests.cli.conftest import Served, run


def test_the_journal_is_told_that_it_is_an_error_and_nobody_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ledger", "notary", "status", "--dir", str(tmp_path / "none")]
    told = {}
    with (tmp_path / "stderr").open("w+") as stderr:
        found = os.fstat(stderr.fileno())
        for stream in (f"{found.st_dev}:{found.st_ino}", "1:1"):
            stderr.truncate(0)
            stderr.seek(0)
            environment = {**os.environ, "JOURNAL_STREAM": stream}
            assert subprocess.run(command, stderr=stderr, env=environment).returncode == 1
            told[stream] = (tmp_path / "stderr").read_text().splitlines()
    journal, other = told.values()
    assert len(journal) > 1
    assert journal == [f"<3>{line}" for line in other]


WITHOUT_LOW_PORTS = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_NET_BIND_SERVICE = 24, 10
ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_NET_BIND_SERVICE, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def line(text: str) -> Callable[[Path], object]:
    """Return what puts a line at the top of notary.toml."""

    def put(directory: Path) -> object:
        path = directory / "notary.toml"
        return path.write_text(text + "\n" + path.read_text())

    return put


def newer(directory: Path) -> None:
    rows = sqlite3.connect(directory / "ledger.sqlite")
    rows.execute("PRAGMA user_version = 999")
    rows.close()


def spoiled(name: str, start: int) -> Callable[[Path], object]:
    """Return what writes over a database from a byte on."""

    def spoil(directory: Path) -> object:
        path = directory / name
        data = path.read_bytes()
        return path.write_bytes(data[:start] + b"\xa5" * (len(data) - start))

    return spoil


def without_a_table(directory: Path) -> None:
    rows = sqlite3.connect(directory / "ledger.sqlite")
    rows.execute("DROP TABLE matters")
    rows.execute("DROP TABLE entries")
    rows.close()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda directory: (directory / "notary.toml").unlink(), id="no notary"),
        pytest.param(line("port = 8400"), id="an option in the wrong place"),
        pytest.param(line("passphrase_file = 'gone'"), id="keys that cannot be opened"),
        pytest.param(lambda directory: (directory / "ledger.sqlite").unlink(), id="a fault"),
        pytest.param(newer, id="a newer release's rows"),
        pytest.param(spoiled("ledger.sqlite", 0), id="rows that are no database"),
        pytest.param(spoiled("ledger.sqlite", 4096), id="damaged rows"),
        pytest.param(spoiled("checkpoints.sqlite", 4096), id="damaged checkpoints"),
        pytest.param(without_a_table, id="rows that lack a table"),
    ],
)
def test_what_starting_again_does_not_mend_has_a_status_of_its_own(
    own_notary: Served, spoil: Callable[[Path], object]
) -> None:
    spoil(own_notary.directory)
    shown = run("notary", "serve", "--port", 0, "--dir", own_notary.directory, code=LASTING)
    assert shown.stderr.startswith("sealbook: ")


def test_so_has_a_variable_that_says_what_an_option_does_not_take(own_notary: Served) -> None:
    command = ("notary", "serve", "--dir", own_notary.directory)
    run(*command, code=LASTING, env={"SEALBOOK_NOTARY_PORT": "high"})
    run(*command, "--port", "high", code=2)


@pytest.mark.skipif(sys.platform != "linux", reason="ports for root alone are Linux's here")
def test_so_has_a_port_that_it_may_not_have(own_notary: Served) -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("every port is everybody's here")
    words = ["notary", "serve", "--port", "80", "--dir", str(own_notary.directory)]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LOW_PORTS, sys.executable, "-m", "ledger", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "may not listen" in done.stderr) == (LASTING, True)


@pytest.mark.parametrize("name", ["witness.toml", "keys/ed25519.pem"])
def test_a_witness_that_is_not_whole_ends_so(tmp_path: Path, name: str) -> None:
    run("witness", "init", tmp_path / "w", "--name", "witness.example/w1")
    (tmp_path / "w" / name).unlink()
    run("witness", "serve", tmp_path / "w", "--listen", "127.0.0.1:0", code=LASTING)


def test_what_may_be_over_soon_is_tried_again(own_notary: Served) -> None:
    command = ("notary", "serve", "--dir", own_notary.directory, "--port")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        run(*command, busy.getsockname()[1], code=1)
    with lock(own_notary.directory):
        run(*command, 0, code=1)
    line("database = 'postgresql://nobody@127.0.0.1:1/none'")(own_notary.directory)
    assert "could not be read or written" in run(*command, 0, code=1).stderr
