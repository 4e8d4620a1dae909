"""One peer takes its share of the service and no more, whatever it sends and however slowly."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_network

import httpx2
import pytest

from api import connections
from api.connections import MAX_HEADERS, forwarded_peer, peer_of
from api.settings import Settings
from ledger.wire.protocol import OCTETS

from .conftest import Service, start

FIELD = b"GET /health HTTP/1.1\r\nHost: a\r\nX: "
CHUNKED = b"GET /health HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b"POST /verify HTTP/1.1\r\nHost: a\r\nContent-Type: %b\r\n" % OCTETS.encode()
CHUNKED_BODY = BODY + b"Transfer-Encoding: chunked\r\n\r\n"
SETTINGS = Settings(head=0.5, idle=0.5, body=0.5, connections=8, slow_bodies=3)
HONEST = "127.0.0.1"
HOSTILE = "127.0.0.2"
PATIENT = 20
"""Seconds after which a test gives up; nothing is measured against it."""


@dataclass(frozen=True)
class Server:
    """A service with short patience, and connections to it from any loopback address."""

    port: int
    stack: ExitStack

    def connect(self, source: str = HOSTILE) -> socket.socket:
        connection = socket.create_connection(
            ("127.0.0.1", self.port), timeout=PATIENT, source_address=(source, 0)
        )
        return self.stack.enter_context(connection)

    def answers(self) -> bool:
        return httpx2.get(f"http://127.0.0.1:{self.port}/health", timeout=PATIENT).is_success


@pytest.fixture
def serve(service: Service, monkeypatch) -> Iterator[Callable[[Settings], Server]]:
    monkeypatch.setattr(connections, "SLOW", 0.1)
    monkeypatch.setattr(connections, "LINGER", 0.3)
    stack = ExitStack()

    def run(settings: Settings) -> Server:
        server, thread, port = start(service.notary, settings)

        def stop() -> None:
            server.should_exit = True
            thread.join()

        stack.callback(stop)
        return Server(port, stack)

    with stack:
        yield run


@pytest.fixture
def server(serve) -> Server:
    return serve(SETTINGS)


def rest(connection: socket.socket) -> bytes:
    """Return what still comes until the connection ends."""
    data = bytearray()
    try:
        while block := connection.recv(1 << 16):
            data += block
    except ConnectionResetError:
        pass
    return bytes(data)


def status(connection: socket.socket) -> bytes:
    return rest(connection)[9:12]


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (FIELD, b"a" * 8192),
        (FIELD + b"\r\n", b"Y: a\r\n" * 1000),
        (b"GET /", b"a" * 8192),
        (b"", b"\r\n" * 4096),
        (CHUNKED_BODY + b"0\r\n", b"Y: a\r\n" * 1000),
        (CHUNKED_BODY + b"0\r\nX: ", b"a" * 8192),
        (CHUNKED_BODY + b"1;", b"a" * 8192),
        (CHUNKED_BODY, b"1;" + b"a" * 200 + b"\r\na\r\n"),
    ],
    ids=[
        "field", "fields", "target", "empty-lines", "trailers", "trailer", "extension", "extensions",
    ],
)  # fmt: skip
def test_what_stands_around_a_body_is_cut_off_at_the_limit(serve, start, more):
    server = serve(Settings(head=600.0, idle=600.0, body=600.0))
    connection = server.connect()
    try:
        connection.sendall(start)
        for _ in range(16 * MAX_HEADERS // len(more)):
            connection.sendall(more)
    except OSError:  # closed before all of it was sent
        pass
    assert status(connection) in (b"400", b"")  # reset, or TimeoutError where it is held
    assert server.answers()


def test_a_head_of_the_limit_is_read_and_one_byte_more_is_not(server):
    for more, expected in ((0, b"200"), (1, b"400")):
        end = b"\r\nConnection: close\r\n\r\n"
        field = b"a" * (MAX_HEADERS - len(FIELD) - len(end) + more)
        connection = server.connect()
        connection.sendall(FIELD + field + end)
        assert status(connection) == expected


def test_chunks_of_an_honest_size_are_read_to_the_end(server):
    data = b"".join(b"1000\r\n" + bytes(0x1000) + b"\r\n" for _ in range(300))
    connection = server.connect()
    connection.sendall(BODY + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
    connection.sendall(data + b"0\r\nX: y\r\n\r\n")
    assert status(connection) == b"422"


def trickle(connection: socket.socket, byte: bytes) -> bytes:
    """Send a byte at a time until the connection ends; return what came."""
    got = bytearray()
    connection.settimeout(0.05)
    deadline = time.monotonic() + PATIENT
    while time.monotonic() < deadline:
        try:
            connection.sendall(byte)
            block = connection.recv(1 << 16)
        except TimeoutError:
            continue
        except OSError:
            return bytes(got)
        if not block:
            return bytes(got)
        got += block
    raise AssertionError("the connection was held")


@pytest.mark.parametrize(
    ("start", "byte"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (FIELD, b"a"),
        (CHUNKED + b"1;", b"a"),
        (CHUNKED + b"0\r\nX: ", b"a"),
        (b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n"),
        (BODY + b"Content-Length: 1000000\r\n\r\n", b"a"),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", b"a"),
    ],
    ids=[
        "silence", "empty-lines", "field", "extension", "trailer", "after-an-answer", "body",
        "body-that-nobody-reads",
    ],
)  # fmt: skip
def test_every_part_of_a_request_has_an_end(server, start, byte):
    connection = server.connect()
    connection.sendall(start)
    trickle(connection, byte)


def test_a_peer_holds_so_many_connections_and_the_others_are_answered(server):
    held = [server.connect() for _ in range(SETTINGS.connections)]
    for each in held:
        each.sendall(FIELD)
    assert status(server.connect()) == b"503"
    assert server.answers()
    for each in held:
        each.close()
    assert eventually(lambda: status_of_health(server.connect()) == b"200")


def status_of_health(connection: socket.socket) -> bytes:
    try:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    except OSError:
        return b""
    return status(connection)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENT
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_peer_has_so_many_slow_bodies_and_others_keep_theirs(serve):
    server = serve(Settings(body=PATIENT, connections=8, slow_bodies=3))
    bodies = [server.connect() for _ in range(5)]
    other = server.connect(HONEST)
    for each in [*bodies, other]:
        each.sendall(BODY + b"Content-Length: 3\r\nConnection: close\r\n\r\na")
    # Two of the five are sent away without a byte more from anybody; the other three are read.
    refused = [each for each in bodies if _readable(each, bodies, 2)]
    assert [status(each) for each in refused] == [b"503", b"503"]
    for each in [*bodies, other]:
        if each not in refused:
            each.sendall(b"bc")
            assert status(each) == b"422"
    assert server.answers()


def _readable(one: socket.socket, of: list[socket.socket], count: int) -> bool:
    assert eventually(lambda: len(select.select(of, [], [], 0)[0]) == count)
    return one in select.select(of, [], [], 0)[0]


@pytest.mark.parametrize(
    ("proxies", "answered"), [((), 2), ((ip_network("127.0.0.0/8"),), 6)], ids=["unnamed", "named"]
)
def test_a_proxys_word_on_the_peer_counts_where_the_proxy_is_named(serve, proxies, answered):
    server = serve(Settings(connections=2, proxies=proxies))
    held = []
    for peer in (b"192.0.2.1", b"192.0.2.2", b"192.0.2.3"):
        for forged in (b"198.51.100.1", b"198.51.100.2"):
            connection = server.connect()
            connection.sendall(forwarded(forged + b", " + peer))
            held.append(connection)
    assert eventually(lambda: sum(map(waits, held)) == answered)
    over = server.connect()
    over.sendall(forwarded(b"192.0.2.1"))
    assert status(over) == b"503"


def forwarded(value: bytes) -> bytes:
    return BODY + b"X-Forwarded-For: " + value + b"\r\nContent-Length: 3\r\n\r\na"


def waits(connection: socket.socket) -> bool:
    """Return whether the service has neither answered nor ended the connection."""
    connection.setblocking(False)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@pytest.mark.parametrize(
    ("value", "peer"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("8.8.8.8, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 10.0.0.9", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("203.0.113.7:51234, 10.0.0.9:443", "203.0.113.7"),
        ("[2001:db8:1:2:3::4]:51234", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:3::4]", "2001:db8:1:2::/64"),
        ("203.0.113.7:x", None),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("10.0.0.9", None),
        ("203.0.113.7, nonsense", None),
        ("", None),
    ],
)
def test_the_peer_is_the_last_address_that_is_not_a_proxys(value, peer):
    assert forwarded_peer([value.encode()], (ip_network("10.0.0.0/8"),)) == peer


def test_a_stranger_with_a_64_is_one_peer():
    assert peer_of("2001:db8::1") == peer_of("2001:db8::ffff:1") != peer_of("2001:db8:0:1::1")
