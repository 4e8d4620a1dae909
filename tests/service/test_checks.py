"""POST /verify and batches of statements take from nobody else, whatever strangers send there."""

import json
import socket
import struct
import threading
import time
import tracemalloc
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import httpx2
import pytest

from api import checks, deposits
from api.checks import AT_ONCE
from api.requests import FREE_BYTES, Budget
from api.settings import Settings
from ledger.chain.inspection import parse_inspections
from ledger.chain.trust import format_trust, parse_trust
from ledger.crypto.padding import padme
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData, TooLarge, Unavailable
from ledger.evidence import examining
from ledger.evidence.casefile import verify_file
from ledger.evidence.check import check_file
from ledger.evidence.examined import MAX_LEAVES, MAX_OPENINGS, examine
from ledger.evidence.examining import Examiner
from ledger.evidence.file import read_evidence, verify_disclosed
from ledger.evidence.howto import HOWTO
from ledger.evidence.parts import Part
from ledger.evidence.plain_zip import Writer
from ledger.wire.protocol import CBOR, MAX_BATCH_BYTES, MAX_CHECKED, OCTETS
from tests.disclosed import Shown, file

from .conftest import start

VECTORS = Path(__file__).parents[2] / "examples/vectors"


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
        if data is not None:
            writer.add(name, len(data), [data])
    writer.finish()
    return out.getvalue()


def post(http, data):
    return http.post("/verify", content=data, headers={"content-type": OCTETS}, timeout=90)


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
    check = checks._check_receipt

    def slow(*arguments):
        go_on.wait(10)
        return check(*arguments)

    monkeypatch.setattr(checks, "_check_receipt", slow)
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
    assert padme(MAX_OPENINGS) == MAX_OPENINGS
    data = evidence(receipt, many_lists(MAX_OPENINGS))
    tracemalloc.start()
    try:
        with pytest.raises(MalformedData, match="manifest"):
            read_evidence(BytesIO(data), MAX_OPENINGS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20
    answer = post(service.http, evidence(receipt, many_lists(2 * MAX_OPENINGS)))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert str(MAX_OPENINGS) in answer.json()["detail"]
    answer = post(service.http, evidence(receipt, many_lists(1000)))
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


def test_openings_that_are_small_each_are_counted_together(service, company):
    _, receipt = company.deposit()
    out = BytesIO()
    writer = Writer(out)
    writer.add("HOWTO.txt", len(HOWTO.encode()), [HOWTO.encode()])
    for number in range(1, 5):
        writer.add(f"{number}/deposit.receipt", len(receipt), [receipt])
        writer.add(f"{number}/opening.cbor", MAX_OPENINGS // 3, [bytes(MAX_OPENINGS // 3)])
    writer.finish()
    assert post(service.http, out.getvalue()).json()["code"] == "too-large"


def test_deposits_are_counted_before_a_receipt_is_parsed():
    out = BytesIO()
    writer = Writer(out)
    writer.add("HOWTO.txt", len(HOWTO.encode()), [HOWTO.encode()])
    for number in range(1, 4):
        writer.add(f"{number}/deposit.receipt", 1, [b"?"])
    writer.finish()
    with pytest.raises(TooLarge, match="3 deposits"):
        read_evidence(BytesIO(out.getvalue()), max_deposits=2)
    with pytest.raises(MalformedData):
        read_evidence(BytesIO(out.getvalue()), max_deposits=3)


@pytest.fixture(scope="module")
def shown():
    """A deposit of a document with more leaves of one byte than the service looks at."""
    return Shown([file("a.txt", [b"x"] * (MAX_LEAVES + 1))])


def test_what_would_take_long_is_refused_before_it_is_computed(service, shown):
    answer = post(service.http, shown.evidence())
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert "sealbook verify" in answer.json()["detail"]


def test_an_evidence_file_is_checked_as_the_command_does(service, shown):
    small = Shown([file("a.txt", [b"one", b"two"], Part("first", 1, 1))])
    trust = format_trust(small.office.trust())
    for each in (small.evidence(), evidence(small.receipt, None)):
        (deposit,) = examine(trust, each)["deposits"]
        (report,) = verify_file(
            read_evidence(BytesIO(each)), small.office.trust(),
            lambda _, one, used: verify_disclosed(one, used),
        ).reports  # fmt: skip
        assert deposit[2] == json.loads(json.dumps(report.as_dict()))
    answer = post(service.http, small.evidence())
    # Another office's: every claim but the notary's own fails, and the report says so.
    assert answer.status_code == 200
    assert answer.json()["deposits"][0]["report"]["good"] is False


class Stuck(Examiner):
    """An examiner whose process never gets the end of the file."""

    def __init__(self) -> None:
        super().__init__()
        self.began = threading.Event()
        self.ended = threading.Event()

    def examine(self, trust, data, beside=b""):
        process = self._process = examining._start()
        assert process.stdin is not None and process.stdout is not None
        with suppress(OSError):  # it may be ended before it has read
            process.stdin.write((1 << 30).to_bytes(4, "big"))
            process.stdin.flush()
        self.began.set()
        assert process.stdout.read(4) == b""
        self._drop(process)
        self.ended.set()
        raise Unavailable("ended")


@pytest.fixture
def stuck(service, monkeypatch):
    """A service whose next evidence file is never done."""
    turns = checks.Turns()
    turns.examiner = Stuck()
    monkeypatch.setattr(checks, "Turns", lambda: turns)
    server, thread, port = start(service.notary, Settings())
    yield turns.examiner, port
    server.should_exit = True
    thread.join()


def test_work_stops_when_the_client_has_gone_and_a_receipt_is_checked_meanwhile(stuck, company):
    examiner, port = stuck
    _, receipt = company.deposit()
    data = evidence(receipt, b"")
    with (
        httpx2.Client(base_url=f"http://127.0.0.1:{port}") as http,
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        begin(connection, len(data), data)
        assert examiner.began.wait(10)
        assert post(http, receipt).status_code == 200
        # The same peer's second file waits until the first is done.
        assert post(http, data).status_code == 503
        assert not examiner.ended.is_set()
        connection.close()
        assert examiner.ended.wait(10)


def test_a_check_that_takes_too_long_is_ended_and_the_next_one_is_made(
    stuck, service, company, monkeypatch
):
    examiner, port = stuck
    monkeypatch.setattr(checks, "SECONDS", 0.5)
    _, receipt = company.deposit()
    data = evidence(receipt, None)
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        assert post(http, data).status_code == 503
        assert examiner.ended.is_set()
    assert post(service.http, data).status_code == 200


def test_the_offices_inspection_records_are_read_beside_the_file():
    names = ("notary.trust", "part.evidence", "part.evidence.inspection")
    trust, data, record = ((VECTORS / each).read_bytes() for each in names)

    def said(found):
        ((_, _, report),) = found["deposits"]
        claims = {each["claim"]: each for each in report["claims"]}
        return claims["inspection"]["status"], claims["inspection"]["facts"].get("covers")

    assert said(examine(trust, data)) == ("not-shown", None)
    assert said(examine(trust, data, record)) == ("stated", True)
    for name, good in (("deposit-1.receipt", True), ("deposit-2.receipt", False)):
        with (VECTORS / name).open("rb") as receipt:
            assert check_file(receipt, parse_trust(trust), parse_inspections(record)).good is good


def test_an_examiner_that_is_killed_starts_anew():
    small = Shown([file("a.txt", [b"one"])])
    trust, data = format_trust(small.office.trust()), small.evidence()
    examiner = Examiner()
    first = examiner.examine(trust, data)
    examiner.stop()
    assert examiner._process is not None
    examiner._process.wait()
    assert examiner.examine(trust, data) == first
    examiner.stop()


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
        assert answered.wait(120)
        return decode(data)

    monkeypatch.setattr(deposits, "cbor_decode", slow)
    status = []

    def send():
        body, fields = cbor_encode([]), {"content-type": CBOR}
        url = f"{service.url}/statements/batch"
        answer = httpx2.post(url, content=body, headers=fields, timeout=120)
        status.append(answer.status_code)

    thread = threading.Thread(target=send)
    thread.start()
    assert parsing.wait(60)
    try:
        assert httpx2.get(f"{service.url}/health", timeout=30).status_code == 200
    finally:
        answered.set()
        thread.join()
    assert status == [200]


def test_a_batch_of_countless_items_is_refused(service):
    body = many_lists(MAX_BATCH_BYTES)
    answer = service.http.post("/statements/batch", content=body, headers={"content-type": CBOR})
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    assert "items" in answer.json()["detail"]
