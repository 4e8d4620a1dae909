"""What an operator has: probes, measures, and a log that nobody can write into."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from api.metrics import METHODS, NO_ROUTE, OTHER, Measures, MetricsServer
from api.settings import Settings
from ledger.chain.office import Platform
from ledger.errors import SealbookError
from ledger.notary.care.founding import init_notary
from ledger.notary.health import Reason
from ledger.notary.ports import Step
from ledger.notary.sequencing import turn
from ledger.wire.client import NotaryClient
from ledger.wire.protocol import COSE
from tests import logs
from tests.processes import ROOT, Program

from .conftest import Account, Service, start

SECRET = "hunter2-" + os.urandom(16).hex()
FORGED = f'{SECRET}\n{{"event": "stopped"}}\x1b[2J\u202e'

BROKEN = """
import sys
from pathlib import Path
import api.log
from api.server import serve
from api.settings import Settings

def broken(*_):
    raise KeyError(sys.argv[4].encode().decode("unicode_escape"))

api.log._log = broken
serve(Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]), Settings(log_format=sys.argv[3]))
"""


HURRIED = """
import sys
from pathlib import Path
from api import server

server.GRACE = 1
server.serve(Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def measured(service: Service) -> Iterator[tuple[str, Measures, str]]:
    """A second server of the notary: its URL, what it counts, and where that is served."""
    server, thread, port = start(service.notary, Settings(idle=1.0, body=3.0))
    measures = server.config.app.state.service.measures  # type: ignore[union-attr]
    metrics = MetricsServer(socket.AF_INET, ("127.0.0.1", 0), measures)
    metrics.start()
    yield f"http://127.0.0.1:{port}", measures, f"http://127.0.0.1:{metrics.server_port}"
    metrics.close()
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def depositor(service: Service, company: Account, measured) -> Account:
    url = measured[0]
    client = NotaryClient(url, ledger=service.notary.origin, key=company.key)
    return Account(company.key, company.account, client, url)


def series(measures: Measures) -> dict[str, float]:
    lines = measures.exposed().decode().splitlines()
    parts = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in parts}


# --- probes ---


def test_a_notary_that_can_enter_is_live_and_ready(service):
    assert service.http.get("/live").json() == {"live": True}
    assert service.http.get("/ready").json() == {"ready": True, "reasons": []}


def test_what_keeps_it_from_entering_makes_it_unready_in_plain_words_and_not_dead(service):
    service.notary._health.set(Reason.SELF_CHECK)
    try:
        answer = service.http.get("/ready")
        assert service.http.get("/live").status_code == 200
    finally:
        service.notary._health.clear(Reason.SELF_CHECK)
    assert answer.status_code == 503
    detail = "A receipt did not pass the notary's own check."
    assert answer.json() == {
        "ready": False,
        "reasons": [{"reason": "self-check", "detail": detail}],
    }


def test_one_that_hangs_within_a_block_is_unready_and_not_dead(
    service: Service, company: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, hangs, released = service.notary._writer, threading.Event(), threading.Event()

    def hook(step: Step, side: str) -> None:
        if (step, side) == (Step.ENTRIES, "before"):
            hangs.set()
            assert released.wait(120)

    monkeypatch.setattr(writer, "hook", hook)
    monkeypatch.setattr(turn, "LONGEST_STEP", 0.2)
    future = service.notary.sequencer.enter(("notice", {"text": "closed on Sunday"}))
    try:
        assert hangs.wait(60)
        time.sleep(2 * turn.LONGEST_STEP)
        # So it is on a disk that hangs: whoever asks it comes back no more.
        for name in ("_store", "_signed"):
            held = getattr(writer, name)
            monkeypatch.setattr(held, "require_held", lambda: released.wait(120))
        answer = service.http.get("/ready")
        assert service.http.get("/live").status_code == 200
    finally:
        released.set()
    future.result(60)
    assert answer.status_code == 503
    assert [each["reason"] for each in answer.json()["reasons"]] == ["hangs"]
    monkeypatch.setattr(turn, "LONGEST_STEP", 120.0)
    assert service.http.get("/ready").json() == {"ready": True, "reasons": []}


# --- measures ---


def test_deposits_and_refusals_are_counted_and_the_ledger_is_told(measured, depositor, service):
    _, measures, _ = measured
    before = series(measures)
    statement, _ = depositor.deposit()
    with pytest.raises(SealbookError):
        depositor.client.submit(statement[:-1] + bytes([statement[-1] ^ 1]))
    assert len(depositor.client.submit_many([statement, b"\x00"])) == 2
    after = series(measures)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert grown("sealbook_deposits_total") == 2
    refusals = {name: grown(name) for name in after if name.startswith("sealbook_refusals_total")}
    assert sum(refusals.values()) == 2
    assert 'sealbook_refusals_total{reason="malformed"}' in refusals
    assert grown("sealbook_receipt_seconds_count") == 2
    assert after["sealbook_entries_total"] == service.notary.sequencer.last.size
    assert grown("sealbook_block_seconds_count") >= 1
    assert grown("sealbook_block_to_receipt_seconds_count") >= 1
    assert after["sealbook_queue_length"] == 0
    assert after["sealbook_ready"] == after["sealbook_writes"] == 1
    assert after["sealbook_disk_free_bytes"] > 0
    assert after["sealbook_seal_expires_seconds"] > time.time()
    assert abs(after["sealbook_clock_difference_seconds"]) < 10
    assert 'sealbook_obstacle{reason="full"}' in after


@pytest.fixture(scope="module")
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=20) as client:
        yield client


def test_no_request_makes_a_series_of_its_own_and_no_label_holds_what_it_brought(
    measured, depositor, http
):
    url, measures, _ = measured
    for number in range(20):
        http.get(f"{url}/{SECRET}{number}?{SECRET}", headers={"x-request-id": SECRET})
        http.get(f"{url}/block/{10**9 + number}")
        http.request(f"X{number}", f"{url}/health")
    text = measures.exposed().decode()
    labels = re.findall(r'(method|route|status|reason|kind|number)="([^"]*)"', text)
    routes = {value for name, value in labels if name == "route"}
    assert {"/block/{height}", NO_ROUTE} <= routes
    assert {value for name, value in labels if name == "method"} <= METHODS | {OTHER}
    assert all(value.isdecimal() for name, value in labels if name in ("status", "number"))
    assert set(re.findall(r'(\w+)="', text)) <= {
        "method", "route", "status", "reason", "kind", "number", "le"
    }  # fmt: skip
    assert SECRET not in text
    assert depositor.account not in text
    assert not re.search(r"[0-9a-f]{32}", text)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9", "[::1]:80", "LOCALHOST"])
def test_the_measures_are_shown_to_who_asks_for_this_machine(measured, http, host):
    answer = http.get(f"{measured[2]}/metrics", headers={"host": host})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert answer.text.startswith("# HELP")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8401", "127.0.0.1.evil.example", "localhost.evil", ""]
)  # fmt: skip
def test_a_page_whose_name_was_pointed_at_this_machine_reads_no_measures(measured, http, host):
    answer = http.get(f"{measured[2]}/metrics", headers={"host": host})
    assert answer.status_code == 421
    assert "sealbook" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/", "/metrics/", "/metrics?x=1", "/metrics%00", "/../etc/passwd", "/health"],
)
def test_nothing_else_is_served_beside_the_measures(measured, path):
    with socket.create_connection(("127.0.0.1", int(measured[2].rpartition(":")[2])), 10) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b" 404 " in raw.makefile("rb").readline()


def test_the_service_itself_shows_no_measures(service):
    assert service.http.get("/metrics").status_code == 404


# --- the log ---


@pytest.mark.parametrize("form", ["json", "text"])
def test_nothing_that_a_request_or_a_bug_brings_stands_in_the_log(notary_copy, http, form):
    escaped = FORGED.encode("unicode_escape").decode()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = ["-c", BROKEN, notary_copy, port, form, escaped]
    process = Program(words, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stderr is not None
    assert "serving" in process.stderr.readline()
    url = f"http://127.0.0.1:{port}"
    try:
        headers = {"x-request-id": SECRET, "authorization": f"Bearer {SECRET}", "cookie": SECRET}
        answers = [
            http.get(f"{url}/{SECRET}?{SECRET}=1", headers=headers),
            http.get(f"{url}/checkpoint?{SECRET}", headers=headers),
            http.post(f"{url}/statements", content=SECRET, headers=headers),
            http.get(f"{url}/live"),
            http.get(f"{url}/ready"),
        ]
    finally:
        process.send_signal(signal.SIGTERM)
        told = process.stderr.read()
        process.wait(30)
    *answers, live, ready = answers
    assert [each.status_code for each in answers] == [404, 500, 415]
    assert (live.status_code, ready.status_code) == (200, 200)
    assert SECRET not in told
    assert all(line.isascii() and line.isprintable() for line in told.splitlines())
    numbers = [each.headers["x-request-id"] for each in answers]
    for number in numbers:
        assert re.fullmatch("[0-9a-f]{16}", number)
        assert number in told
    for each in (live, ready):  # whoever balances load asks every two seconds
        assert each.headers["x-request-id"] not in told
    if form == "json":
        events = [json.loads(line) for line in told.splitlines()]
        bug = next(each for each in events if each["event"] == "bug")
        assert (bug["error"], bug["request"]) == ("KeyError", numbers[1])
        assert bug["places"][-1].endswith(" broken")
        assert [each["event"] for each in events].count("stopped") == 1
    else:
        assert sum("stopped" in line for line in told.splitlines()) == 1
        assert f"request={numbers[0]}" in told


@pytest.fixture(scope="module")
def notary_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "n"
    platform = Platform("Office", "none", "test", "sealbook test", ())
    init_notary(folder, "n.test/l", issuer="Office", platform=platform, random=os.urandom)
    return folder


def test_of_what_is_not_http_the_log_says_from_whom_it_came_and_nothing_that_it_brought(
    notary_copy: Path,
) -> None:
    with served(notary_copy) as (process, port):
        with socket.create_connection(("127.0.0.1", port), 20, ("127.0.0.7", 0)) as connection:
            connection.sendall(f"{SECRET} / {SECRET}\r\n\r\n".encode())
            assert b" 400 " in connection.recv(1 << 10)
        lines = stopped(process)
    (told,) = [each for each in lines if each["level"] == "warning"]
    assert (told["event"], told["peer"]) == ("not-http", "127.0.0.7")
    assert SECRET not in str(lines)


def test_a_request_that_outlasts_the_stop_is_answered_and_is_no_bug(notary_copy: Path) -> None:
    head = (
        f"POST /statements HTTP/1.1\r\nHost: a\r\nContent-Type: {COSE}\r\n"
        "Content-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    )
    with served(notary_copy) as (process, port):
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(head.encode())
            with connection.makefile("rb") as answers:
                assert answers.readline().startswith(b"HTTP/1.1 100 ")  # it waits for the body
                process.send_signal(signal.SIGTERM)
                assert answers.readline() == b"\r\n"
                answer = answers.read()
        lines = said(process)
    assert answer.startswith(b"HTTP/1.1 503 ") and b"send it again" in answer
    assert "cut-off" in [each["event"] for each in lines]
    assert "CancelledError" not in str(lines)
    assert not [each for each in lines if "ASGI" in each["event"]]
    assert "stopped" in [each["event"] for each in lines]


@contextmanager
def served(directory: Path) -> Iterator[tuple[Program, int]]:
    """Serve a notary that waits for one second when it stops."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = Program(["-c", HURRIED, directory, port], stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stderr is not None
    assert "serving" in process.stderr.readline()
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


def stopped(process: Program) -> list[dict[str, str]]:
    process.send_signal(signal.SIGTERM)
    return said(process)


def said(process: Program) -> list[dict[str, str]]:
    """Return what a process says until its end."""
    assert process.stderr is not None
    return [json.loads(line) for line in process.stderr]


def test_what_was_planted_is_found_in_a_log_in_every_form(tmp_path: Path):
    secret = os.urandom(32)
    logs.plant(secret)
    event = json.dumps({"event": f"x {secret.hex()}", "name": "ACME 有限公司"})
    (tmp_path / "1.log").write_text(f"{event}\n{'ok ' * 3}\n", encoding="utf-8")
    assert {found for found, _ in logs.leaks(tmp_path)} == {secret.hex(), "ACME 有限公司"}
