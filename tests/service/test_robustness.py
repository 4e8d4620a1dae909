"""What the service does with requests that no honest client sends, and what it keeps to itself."""

import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog

from api.connections import MAX_HEADERS
from ledger.encoding import cbor_encode
from ledger.errors import LedgerFault, StorageFailed
from ledger.wire.protocol import CBOR, COSE
from ledger.wire.signatures import WINDOW
from tests.notaries import descriptors

from .conftest import small_envelope


def ask(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(data)
    return connection.makefile("rb").read()


def head(answer: bytes) -> bytes:
    return answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * MAX_HEADERS + b"\r\n\r\n",
        b"GET /" + b"a" * (MAX_HEADERS + 1) + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * MAX_HEADERS + b"\r\n",
    ],
)
def test_what_is_not_http_is_answered_with_400_and_the_connection_closed(raw, data):
    try:
        answer = ask(raw(), data)
    except ConnectionResetError:  # closed before all of it was read
        return
    assert head(answer).startswith(b"HTTP/1.1 400")


def test_a_websocket_is_not_opened(raw):
    answer = ask(
        raw(),
        b"GET /checkpoint HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n",
    )
    assert b"101" not in head(answer)


def test_a_body_that_stops_is_408(raw):
    start = f"POST /statements HTTP/1.1\r\nHost: a\r\nContent-Type: {COSE}\r\n"
    answer = ask(raw(), (start + "Content-Length: 100\r\n\r\nabc").encode())
    assert head(answer) == b"HTTP/1.1 408 Request Timeout"
    assert b'"code":"timeout"' in answer


def test_a_body_that_trickles_is_408_in_the_end(raw):
    connection = raw()
    start = f"POST /statements HTTP/1.1\r\nHost: a\r\nContent-Type: {COSE}\r\n"
    connection.sendall((start + "Content-Length: 60000\r\n\r\n").encode())
    connection.settimeout(0.5)
    began = time.monotonic()
    while time.monotonic() - began < 60:
        try:
            connection.sendall(b"a")
            answer = connection.recv(100)
            break
        except TimeoutError:
            continue
    assert head(answer) == b"HTTP/1.1 408 Request Timeout"


def test_a_signed_request_whose_body_comes_after_its_window_is_refused(company, raw):
    """Its nonce may have been forgotten by then: whoever holds the body back could replay it."""
    body = cbor_encode([])
    time.sleep(-time.time() % 1)  # so that the window is open for a whole second
    fields = company.signed(
        "POST",
        "/envelopes",
        body=body,
        headers={"content-type": CBOR},
        now=int(time.time()) - WINDOW + 1,
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    connection = raw()
    start = f"POST /envelopes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}"
    connection.sendall(f"{start}Content-Length: {len(body)}\r\n\r\n".encode())
    time.sleep(2.2)
    answer = ask(connection, body)
    assert head(answer).startswith(b"HTTP/1.1 401")
    assert b"took too long" in answer


def test_a_client_that_leaves_does_not_stop_its_deposit(service, company, raw):
    envelope = small_envelope()
    company.client.put_envelopes([envelope])
    statement = company.statement(envelope.payload)
    connection = raw()
    start = f"POST /statements HTTP/1.1\r\nHost: a\r\nContent-Type: {COSE}\r\n"
    connection.sendall(f"{start}Content-Length: {len(statement)}\r\n\r\n".encode() + statement)
    connection.close()
    deadline = time.monotonic() + 5
    while statement not in [each.statement for each in company.client.deposits()]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_declared_size_over_the_limit_is_refused_before_a_byte_of_it(raw):
    start = f"POST /statements HTTP/1.1\r\nHost: a\r\nContent-Type: {COSE}\r\n"
    answer = ask(raw(), (start + f"Content-Length: {1 << 40}\r\n\r\n").encode())
    assert head(answer).startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StorageFailed("/srv/secret/path is full"), 507),
        (LedgerFault("/srv/secret/path contradicts itself"), 500),
        (RuntimeError("/srv/secret/path"), 500),
    ],
)
def test_the_notarys_own_trouble_is_told_without_its_internals(
    service, company, monkeypatch, error, status
):
    def fail(*_):
        raise error

    monkeypatch.setattr(service.notary.entries, "deposits", fail)
    answer = service.http.get("/deposits", headers=company.signed("GET", "/deposits"))
    assert answer.status_code == status
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_notary_that_has_stopped_entering_is_not_healthy(service, monkeypatch):
    monkeypatch.setattr(service.notary.sequencer._under_way, "fault", LedgerFault("two histories"))
    answer = service.http.get("/health")
    assert answer.status_code == 500
    assert answer.json()["status"] == "fault"


def test_the_log_names_routes_and_no_path_query_or_key(service, company, monkeypatch):
    # One that nothing has used: a service in this process may have its own kept for good.
    monkeypatch.setattr("api.app.requests", structlog.get_logger())
    marker = os.urandom(32).hex()
    with structlog.testing.capture_logs() as events:
        target = f"/envelopes/{marker}?{marker}"
        service.http.get(target, headers=company.signed("GET", target))
        service.http.get(f"/{marker}")
        service.http.post("/verify", content=marker.encode(), headers={"x": marker})
        deadline = time.monotonic() + 30
        while sum(each["event"] == "request" for each in events) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    text = json.dumps(events)
    assert marker not in text
    assert company.key.thumbprint.hex() not in text
    assert [each["route"] for each in events if each["event"] == "request"] == [
        "/envelopes/{root}",
        None,
        "/verify",
    ]


def test_pipelined_requests_are_answered_in_order(raw):
    answer = ask(
        raw(),
        b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
        b"GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    assert answer.index(b"200 OK") < answer.index(b"404 Not Found")


def test_telemetry_cannot_be_switched_on_from_outside(monkeypatch):
    from api.app import create_app

    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    app = create_app(None, clock=time.time)  # type: ignore[arg-type]
    assert app._telemetry["auto_configure"] is False
    assert not app._native_telemetry.enabled()


def test_bursts_of_readers_leave_no_descriptors_behind(service, monkeypatch):
    """The threads that answer end between bursts, as after ten idle seconds."""
    monkeypatch.setattr("anyio._backends._asyncio.WorkerThread.MAX_IDLE_TIME", 0)

    def ask(_):
        return service.http.get("/block/0").status_code

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(ask, range(20))) == {200}
        before = descriptors()
        for _ in range(100):
            assert set(pool.map(ask, range(10))) == {200}
        assert descriptors() - before < 100
