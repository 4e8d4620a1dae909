"""POST /verify and batches of statements take from nobody else, whatever strangers send there."""

import socket
import struct
import threading
import time
import tracemalloc
from io import BytesIO

import httpx2
import pytest

from api import checks, deposits
from api.checks import AT_ONCE, MAX_OPENING
from api.requests import FREE_BYTES, Budget
from api.settings import Settings
from ledger.adapters.protocol import CBOR, MAX_BATCH_BYTES, MAX_CHECKED, OCTETS
from ledger.archive import Writer
from ledger.crypto.padding import padme
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData, Unavailable
from ledger.evidence import read_evidence
from ledger.howto import HOWTO

from .conftest import start


def begin(connection, size, body=b""):
    """Begin a request to /verify and send some of its body."""
    start = f"POST /verify HTTP/1.1\r\nHost: a\r\nContent-Type: {OCTETS}\r\n"
    connection.sendall(f"{start}Content-Length: {size}\r\n\r\n".encode() + body)


def many_lists(size):
    """CBOR of `size` bytes that takes as much memory as it can: an array of empty arrays."""
    return b"\x9a" + struct.pack(">I", size - 5) + b"\x80" * (size - 5)


def evidence(receipt, opening):
    out = BytesIO()
    writer = Writer(out)
    for name, data in (
        ("HOWTO.txt", HOWTO.encode()),
        ("1/deposit.receipt", receipt),
        ("1/opening.cbor", opening),
    ):
        writer.add(name, len(data), [data])
    writer.finish()
    return out.getvalue()


def post(http, data):
    return http.post("/verify", content=data, headers={"content-type": OCTETS})


def test_connections_that_send_nothing_keep_nobody_from_a_check(service, company, raw):
    _, receipt = company.deposit()
    for _ in range(8):
        begin(raw(), 1000, b"P")
    assert post(service.http, receipt).status_code == 200


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_large_bodies_that_wait_keep_out_large_ones_only_and_give_back(
    service, company, monkeypatch
):
    _, receipt = company.deposit()
    monkeypatch.setattr(checks, "MAX_BODIES", 100_000)
    turns = checks.Turns()
    monkeypatch.setattr(checks, "Turns", lambda: turns)
    server, thread, port = start(service.notary, Settings())
    large = bytes(FREE_BYTES + 10_000)
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as http:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            begin(connection, MAX_CHECKED, bytes(FREE_BYTES + 95_000))
            wait_for(lambda: turns.bodies.held == 95_000)
            refused = post(http, large)
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            assert post(http, receipt).status_code == 200
        wait_for(lambda: turns.bodies.held == 0)
        assert post(http, large).status_code == 422
    server.should_exit = True
    thread.join()


def test_checks_wait_a_moment_for_their_turn_and_are_then_sent_away(service, company, monkeypatch):
    _, receipt = company.deposit()
    monkeypatch.setattr(checks, "PATIENCE", 0.3)
    go_on = threading.Event()
    check = checks._check

    def slow(*arguments):
        go_on.wait(10)
        return check(*arguments)

    monkeypatch.setattr(checks, "_check", slow)
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(post(service.http, receipt).status_code))
        for _ in range(AT_ONCE + 1)
    ]
    for thread in threads:
        thread.start()
    wait_for(lambda: answers)
    go_on.set()
    for thread in threads:
        thread.join()
    assert answers == [503] + [200] * AT_ONCE


def test_a_check_takes_little_memory_whatever_is_sent(service, company):
    _, receipt = company.deposit()
    assert padme(MAX_OPENING) == MAX_OPENING
    data = evidence(receipt, many_lists(MAX_OPENING))
    tracemalloc.start()
    try:
        with pytest.raises(MalformedData, match="manifest"):
            read_evidence(BytesIO(data), MAX_OPENING)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20
    answer = post(service.http, evidence(receipt, many_lists(2 * MAX_OPENING)))
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    assert str(MAX_OPENING) in answer.json()["detail"]


def test_a_budget_counts_what_is_beyond_the_free_bytes_and_gives_back():
    budget = Budget(100)
    with budget.share() as first, budget.share() as second:
        first(FREE_BYTES)
        assert budget.held == 0
        first(FREE_BYTES + 60)
        second(FREE_BYTES + 40)
        with pytest.raises(Unavailable):
            second(FREE_BYTES + 41)
        second(FREE_BYTES + 40)
        assert budget.held == 100
    assert budget.held == 0


def test_a_batch_is_parsed_beside_the_event_loop(service, monkeypatch):
    parsing, answered = threading.Event(), threading.Event()
    decode = cbor_decode

    def slow(data):
        parsing.set()
        assert answered.wait(10)
        return decode(data)

    monkeypatch.setattr(deposits, "cbor_decode", slow)
    status = []

    def send():
        body, fields = cbor_encode([]), {"content-type": CBOR}
        answer = httpx2.post(f"{service.url}/statements/batch", content=body, headers=fields)
        status.append(answer.status_code)

    thread = threading.Thread(target=send)
    thread.start()
    assert parsing.wait(5)
    try:
        assert httpx2.get(f"{service.url}/health", timeout=3).status_code == 200
    finally:
        answered.set()
        thread.join()
    assert status == [200]


def test_a_batch_of_countless_items_is_refused(service):
    body = many_lists(MAX_BATCH_BYTES)
    answer = service.http.post("/statements/batch", content=body, headers={"content-type": CBOR})
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    assert "items" in answer.json()["detail"]
