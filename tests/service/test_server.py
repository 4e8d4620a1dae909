"""`serve`: the process that an office starts and stops."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from api.server import serve
from ledger.chain.enrolment import IdentityRecord, format_request, verify_enrolment_request
from ledger.chain.office import Platform
from ledger.chain.receipt import parse_receipt
from ledger.crypto.keys import SigningKey
from ledger.errors import InvalidInput, SealbookError, Unavailable
from ledger.notary.care.founding import init_notary
from ledger.notary.notary import open_notary
from ledger.notary.storage.directory import InUse
from ledger.wire.client import NotaryClient
from tests.processes import Program

from .conftest import ORIGIN, Account, small_envelope

SCRIPT = """
import sys
from pathlib import Path
from api.server import serve
serve(Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    platform = Platform("Office", "none", "test", "sealbook test", ())
    init_notary(tmp_path / "n", ORIGIN, issuer="Office", platform=platform, random=os.urandom)
    return tmp_path / "n"


@pytest.fixture
def account(folder: Path) -> Account:
    key = SigningKey(os.urandom(32))
    request = format_request(key, origin=ORIGIN, nonce=os.urandom(32), issued_at=1_790_000_000)
    with open_notary(folder) as notary:
        record = IdentityRecord(os.urandom(32), "Example Ltd", "1", "clerk", 1_790_000_000)
        standing = notary.accounts.enrol(verify_enrolment_request(request), record)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    return Account(
        key, standing.account, NotaryClient(url, ledger=ORIGIN, key=key, sleep=lambda _: None), url
    )


@pytest.fixture
def process(folder: Path, account: Account) -> Iterator[Program]:
    process = start(folder, account)
    yield process
    process.kill()
    process.wait()


def start(folder: Path, account: Account) -> Program:
    process = Program(
        ["-c", SCRIPT, str(folder), account.url.rpartition(":")[2]],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stderr is not None
    line = json.loads(process.stderr.readline())
    assert line["event"] == "serving"
    for _ in range(100):
        try:
            account.client.health()
            break
        except Unavailable:
            time.sleep(0.05)
    return process


def test_it_stops_at_sigterm_and_every_receipt_given_is_in_the_ledger(folder, account, process):
    envelope = small_envelope()
    account.client.put_envelopes([envelope])
    receipts: list[bytes] = []

    def deposit() -> None:
        for _ in range(200):
            try:
                receipts.append(account.client.submit(account.statement(envelope.payload)))
            except SealbookError:
                return

    threads = [threading.Thread(target=deposit) for _ in range(8)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while len(receipts) < len(threads):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    for thread in threads:
        thread.join()
    assert len(receipts) < 200 * len(threads), "it was stopped at work"
    lines = [json.loads(line) for line in process.stderr.read().splitlines()]
    assert lines[-1]["event"] == "stopped"
    assert not [line for line in lines if line["level"] in ("error", "critical")]
    assert receipts
    with open_notary(folder) as notary:
        entered = {entry.statement for entry in notary.entries.deposits(account.account, -1, 9999)}
    assert {parse_receipt(each).statement for each in receipts} == entered, "all are answered"


def test_a_receipt_survives_a_kill_right_after_it_was_given(folder, account, process):
    statement, receipt = account.deposit()
    process.kill()
    process.wait()
    again = start(folder, account)
    try:
        assert account.client.submit(statement) == receipt
    finally:
        again.kill()
        again.wait()


def test_a_request_replayed_after_a_restart_is_refused(folder, account, process):
    headers = account.signed("GET", "/deposits")
    url = f"{account.url}/deposits"
    assert httpx2.get(url, headers=headers, trust_env=False).status_code == 200
    process.kill()
    process.wait()
    again = start(folder, account)
    try:
        assert httpx2.get(url, headers=headers, trust_env=False).status_code == 401
    finally:
        again.kill()
        again.wait()


@pytest.mark.parametrize("name", ["{folder}/notify", "@sealbook-{folder}"])
def test_whoever_started_it_is_told_once_it_answers(tmp_path, folder, name):
    name = name.format(folder=tmp_path)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        told.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        told.settimeout(30)
        port = free.getsockname()[1]
        free.close()
        environment = {**os.environ, "NOTIFY_SOCKET": name}
        process = Program(["-c", SCRIPT, folder, port], env=environment, stderr=subprocess.DEVNULL)
        try:
            assert told.recv(64) == b"READY=1"
            answer = httpx2.get(f"http://127.0.0.1:{port}/ready", trust_env=False)
            assert answer.status_code == 200
        finally:
            process.terminate()
            assert process.wait(30) == 0


def test_where_nobody_can_be_told_it_answers_all_the_same(tmp_path, folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "nobody")}
    words = ["-c", SCRIPT, folder, port]
    process = Program(words, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        assert any("start-not-told" in line for line in process.stderr)
        answer = httpx2.get(f"http://127.0.0.1:{port}/live", trust_env=False)
        assert answer.status_code == 200
    finally:
        process.terminate()
        process.stderr.read()
        assert process.wait(30) == 0


def test_a_busy_port_is_a_clear_error_and_leaves_the_notary_alone(folder):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"port {port}.*Address already in use"):
            serve(folder, "127.0.0.1", port)


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1", "256.0.0.1"])
def test_an_address_that_is_not_this_machines_is_a_clear_error(folder, host):
    with pytest.raises(InvalidInput, match="cannot listen"):
        serve(folder, host, 0)


def test_a_second_service_on_the_directory_is_refused(folder, account, process):
    with pytest.raises(InUse):
        serve(folder, "127.0.0.1", 0)
