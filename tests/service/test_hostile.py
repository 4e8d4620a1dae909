"""One hostile peer at work, and honest deposits beside it."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import httpx2
import pytest

from api.settings import Settings
from bench.hostile import GATE, measure, ratios
from ledger.wire.client import NotaryClient
from ledger.wire.protocol import OCTETS
from tests.disclosed import Shown, file

from .conftest import ORIGIN, Account, Service, start
from .test_connections import BODY, CHUNKED_BODY, FIELD, HOSTILE, eventually, waits

SETTINGS = Settings(head=600.0, body=600.0, connections=24, slow_bodies=4)


@pytest.fixture
def honest(service: Service, company: Account) -> Iterator[tuple[Account, int]]:
    """A company and the port of a service whose limits are soon reached."""
    server, thread, port = start(service.notary, SETTINGS)
    url = f"http://127.0.0.1:{port}"
    yield (
        Account(
            company.key, company.account, NotaryClient(url, ledger=ORIGIN, key=company.key), url
        ),
        port,
    )
    server.should_exit = True
    thread.join()


def test_deposits_are_taken_while_a_peer_holds_all_that_it_can(honest, raw_from):
    company, port = honest
    held = []
    for number in range(SETTINGS.connections):
        connection = raw_from(HOSTILE, port)
        start = (FIELD, CHUNKED_BODY + b"0\r\nX: ", BODY + b"Content-Length: 60000\r\n\r\na")
        connection.sendall(start[number % 3])
        held.append(connection)
    # Of the sixteen whose head has come, four may take their time.
    few = SETTINGS.connections // 3 + SETTINGS.slow_bodies
    assert eventually(lambda: sum(map(waits, held)) == few)
    ended = threading.Event()
    file_of_many = Shown([file(f"{n}", [b"x"]) for n in range(300)]).evidence()

    def check() -> None:
        """One evidence file after the other."""
        transport = httpx2.HTTPTransport(local_address=HOSTILE)
        with httpx2.Client(transport=transport, timeout=30) as http:
            while not ended.is_set():
                with suppress(httpx2.TransportError):
                    fields = {"content-type": OCTETS}
                    url = f"http://127.0.0.1:{port}/verify"
                    http.post(url, content=file_of_many, headers=fields)

    threads = [threading.Thread(target=check) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            statement, receipt = company.deposit()
            assert company.client.submit(statement) == receipt
        assert sum(map(waits, held)) >= SETTINGS.slow_bodies
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_hostile_peer_does_not_double_what_a_deposit_takes():
    assert {kind: ratio for kind, ratio in ratios(measure()).items() if ratio > GATE} == {}
