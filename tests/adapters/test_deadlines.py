"""Every request ends, against peers that are slow on purpose and would go on for a minute."""

import ast
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.chain.statement import Payload
from ledger.company.capture import alarm
from ledger.company.capture.config import Failure
from ledger.company.capture.journal import Event, Kind
from ledger.crypto.keys import SigningKey
from ledger.errors import InvalidInput, MalformedData, Unavailable
from ledger.wire import deadlines
from ledger.wire.client import NotaryClient

ROOT = Path(__file__).parents[2]
PATIENCE = 0.3
LONG = 60.0
"""Seconds that a hostile peer holds on; the tests' requests end after a few times `PATIENCE`."""

Talk = Callable[[socket.socket], None]


class Peer:
    """A server that speaks raw bytes: each connection is talked to by `talk`, in a thread."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        # Small, so that a client's bytes do not all vanish into the kernel.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.heads: list[bytes] = []
        self.talk: Talk = lambda _: None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self.talk(connection)

    def head(self, connection: socket.socket) -> bytes:
        """Read a request's head, and so far as it came along, what follows."""
        data = b""
        while b"\r\n\r\n" not in data:
            block = connection.recv(4096)
            if not block:
                raise OSError("gone")
            data += block
        self.heads.append(data)
        return data

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def client(peer: Peer) -> Iterator[NotaryClient]:
    with connected(peer.url) as client:
        yield client


def connected(url: str, patience: float = PATIENCE) -> NotaryClient:
    return NotaryClient(
        url, ledger="n/l", key=SigningKey(b"a" * 32), timeout=patience, sleep=lambda _: None
    )


def drip(connection: socket.socket, piece: bytes, pause: float = 0.02) -> None:
    """Send a piece again and again, each well before a timeout of one operation."""
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        connection.sendall(piece)
        time.sleep(pause)


def dripping(start: bytes, piece: bytes) -> Callable[[Peer], Talk]:
    def of(peer: Peer) -> Talk:
        def talk(connection: socket.socket) -> None:
            peer.head(connection)
            connection.sendall(start)
            drip(connection, piece)

        return talk

    return of


OK = b"HTTP/1.1 200 OK\r\n"
BODY = dripping(OK + b"content-length: 10000000\r\n\r\n", b"x")
TRICKLES = {
    "status line": dripping(b"HTTP/1.1 200 ", b"O"),
    "a field without end": dripping(OK + b"x: ", b"x"),
    "fields without end": dripping(OK, b"x: y\r\n"),
    "1xx without end": dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "body": BODY,
    "chunks": dripping(OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a chunk's extension": dripping(OK + b"transfer-encoding: chunked\r\n\r\n1;x=", b"x"),
    "body of an error": dripping(b"HTTP/1.1 403 No\r\ncontent-length: 9999\r\n\r\n", b"x"),
    "body until the connection closes": dripping(OK + b"connection: close\r\n\r\n", b"x"),
}
PAYLOAD = Payload(1 << 20, bytes(32))
REQUESTS: dict[str, Callable[[NotaryClient], object]] = {
    "trust": lambda client: client.trust(),
    "tile": lambda client: client.tile(0, 0),
    "submit": lambda client: client.submit(b"x"),
    "submit_many": lambda client: client.submit_many([b"x"]),
    "receipt": lambda client: client.receipt(bytes(32)),
    "deposits": lambda client: list(client.deposits()),
    "join": lambda client: client.join(b"x"),
    "put_header": lambda client: client.put_header(bytes(32), b"x"),
    "download": lambda client: client.download(PAYLOAD, lambda block: None),
}


@pytest.mark.parametrize("how", TRICKLES)
def test_a_notary_that_trickles_is_given_up(peer, client, how):
    peer.talk = TRICKLES[how](peer)
    begun = time.monotonic()
    # `MalformedData` where what came is too large a head before it is too slow.
    with pytest.raises((Unavailable, MalformedData)):
        client.health()
    assert time.monotonic() - begun < LONG / 2
    assert peer.heads


@pytest.mark.parametrize("which", REQUESTS)
def test_no_kind_of_request_waits_for_a_trickle(peer, client, which):
    def talk(connection: socket.socket) -> None:
        peer.head(connection)
        connection.sendall(b"HTTP/1.1 206 OK\r\nenvelope-header-length: 9\r\n")
        connection.sendall(b"content-length: 1000\r\n\r\n")
        drip(connection, b"x")

    peer.talk = talk
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        REQUESTS[which](client)
    assert time.monotonic() - begun < LONG / 2
    assert peer.heads


@pytest.mark.parametrize("send", [b"", b"\x16\x03\x03\x40\x00"], ids=["silence", "a slow record"])
def test_a_handshake_that_does_not_end_is_given_up(peer, send):
    def talk(connection: socket.socket) -> None:
        connection.sendall(send)
        drip(connection, send and b"\x02", 0.02)

    peer.talk = talk
    begun = time.monotonic()
    with connected(peer.url.replace("http", "https")) as client, pytest.raises(Unavailable):
        client.health()
    assert time.monotonic() - begun < LONG / 2


@pytest.mark.parametrize("which", ["verify", "upload"])
def test_a_notary_that_reads_a_byte_at_a_time_is_given_up(peer, client, which):
    def talk(connection: socket.socket) -> None:
        if peer.head(connection).startswith(b"HEAD"):
            connection.sendall(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n")
            peer.head(connection)
        end = time.monotonic() + LONG
        while time.monotonic() < end and connection.recv(1):
            time.sleep(0.02)

    peer.talk = talk
    ticks = iter(range(1000))
    client._clock = lambda: 50.0 * next(ticks)
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        if which == "verify":
            client.verify(bytes(16 << 20))
        else:
            client.upload(Payload(64 << 20, bytes(32)), lambda at, n: bytes(n), b"h")
    assert time.monotonic() - begun < LONG / 2


def test_a_download_of_a_byte_a_connection_is_given_up(peer, client):
    def talk(connection: socket.socket) -> None:
        while len(peer.heads) < 20_000:
            peer.head(connection)
            connection.sendall(
                b"HTTP/1.1 206 OK\r\nenvelope-header-length: 9\r\ncontent-length: 1\r\n\r\nx"
            )

    peer.talk = talk
    with pytest.raises(Unavailable):
        client.download(PAYLOAD, lambda block: None)
    assert 1 < len(peer.heads) < 20_000


def test_a_line_that_is_slow_but_moves_is_served(peer, monkeypatch):
    monkeypatch.setattr(deadlines, "SLOWEST", 1)
    body = b'{"status": "' + b"x" * 26 + b'"}'

    def talk(connection: socket.socket) -> None:
        peer.head(connection)
        connection.sendall(OK + b"content-length: 40\r\n\r\n")
        for at in range(0, 40, 10):
            time.sleep(0.8)
            connection.sendall(body[at : at + 10])

    peer.talk = talk
    begun = time.monotonic()
    with connected(peer.url, patience=2.5) as client:
        assert client.health() == {"status": "x" * 26}
    assert time.monotonic() - begun > 2.5


def test_time_that_was_earned_is_not_hoarded(monkeypatch):
    deadline = deadlines.Deadline(0.5, sending=True)
    deadline.moved(1 << 30)
    assert 0 < deadline.left() <= 0.5


def test_this_machine_is_not_reached_through_a_proxy(peer, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    def talk(connection: socket.socket) -> None:
        peer.head(connection)
        connection.sendall(OK + b"content-length: 2\r\n\r\n{}")

    peer.talk = talk
    with connected(peer.url, patience=20) as client:
        assert client.health() == {}


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], NotaryClient]:
    """A client of a notary elsewhere, with a proxy in the environment."""

    def make(proxy: str) -> NotaryClient:
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        return connected("https://notary.example")

    return make


def test_another_machine_is_reached_through_the_proxy_which_cannot_hold_the_client(peer, elsewhere):
    peer.talk = TRICKLES["fields without end"](peer)
    begun = time.monotonic()
    with elsewhere(peer.url) as client, pytest.raises(Unavailable):
        client.health()
    assert time.monotonic() - begun < LONG / 2
    assert peer.heads[0].startswith(b"CONNECT notary.example:443 ")


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:9", "https://127.0.0.1:9", "http://", "//:x"]
)
def test_a_proxy_that_cannot_be_used_is_named(elsewhere, proxy):
    with pytest.raises(InvalidInput, match="HTTPS_PROXY"):
        elsewhere(proxy)


def test_a_webhook_that_trickles_is_given_up(peer, monkeypatch):
    monkeypatch.setattr(alarm, "PATIENCE", PATIENCE)
    peer.talk = TRICKLES["fields without end"](peer)
    told: list[str] = []
    bell = alarm.Alarm(Failure(webhook=f"{peer.url}/hook"), told.append)
    bell(Event(Kind.FAILED, "a.txt", "why", 0, "storage-failed"))
    bell.stop()
    bell._thread.join(LONG / 2)
    assert [each.partition(" did")[0] for each in told] == ["The failure webhook"]


def test_every_http_client_of_ours_has_a_deadline():
    calls = {
        (path.relative_to(ROOT).as_posix(), node.attr)
        for top in ("ledger", "api")
        for path in (ROOT / top).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("httpx2", "httpcore2", "urllib")
        and node.attr in ("Client", "AsyncClient", "get", "post", "request", "stream", "urlopen")
    }
    assert calls == {("ledger/wire/deadlines.py", "Client")}
