"""What strangers do to a witness over HTTP, and a death between its persisting and its answer."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from ledger.chain.witnessing import MAX_BODY, SizeConflict
from ledger.wire import serving
from ledger.witness.server import WitnessServer
from ledger.witness.witness import Witness, open_witness
from tests.witness.test_table import NOW, ORIGIN, grown, send, server, witness

__all__ = ["server", "witness"]
HEAD = b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n"
NAME = hashlib.sha256(ORIGIN.encode()).hexdigest()
SHORT = 0.5


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(serving, "TIMEOUT", SHORT)
    yield


def connected(server: WitnessServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.server_port), 10)


def answer(connection: socket.socket) -> bytes:
    found = b""
    with suppress(ConnectionError):
        while data := connection.recv(65_536):
            found += data
    return found


@pytest.mark.parametrize(
    "head", [b"", HEAD + b"Content-Length: 1000\r\n\r\n"], ids=["headers", "body"]
)
def test_what_drips_is_cut_off_and_holds_up_nobody(
    server: WitnessServer, witness: Witness, head: bytes
) -> None:
    with connected(server) as slow:
        slow.sendall(head)
        started, sent = time.monotonic(), 0
        with suppress(OSError):
            while time.monotonic() < started + 10:
                slow.sendall(HEAD[sent % len(HEAD) :][:1])
                sent += 1
                if sent == 2:
                    assert send(server, grown(0, 5))[0] == 200
                time.sleep(0.05)
        assert time.monotonic() < started + 10
        assert not answer(slow).startswith(b"HTTP/1.0 200")


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (b"Content-Length: %d" % (MAX_BODY + 1), b"413"),
        (b"Content-Length: 999999999", b"413"),
        (b"Content-Length: -1", b"411"),
        (b"Content-Length: 5, 5", b"411"),
        (b"Transfer-Encoding: chunked", b"411"),
        (b"X: " + b"x" * 70_000, b"431"),
        (b"\r\n".join(b"X%d: x" % n for n in range(200)), b"431"),
    ],
    ids=["128 KiB and 1", "a gigabyte", "negative", "two", "chunked", "a long line", "many lines"],
)
def test_what_is_too_much_is_refused_before_it_is_read(
    server: WitnessServer, length: bytes, status: bytes
) -> None:
    with connected(server) as connection:
        connection.sendall(HEAD + length + b"\r\n\r\n")
        assert answer(connection).split(b" ", 2)[1] == status


def test_a_body_that_ends_early_changes_nothing(server: WitnessServer, witness: Witness) -> None:
    body = grown(0, 5)
    with connected(server) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body)
        connection.shutdown(socket.SHUT_WR)
        assert answer(connection) == b""
    assert witness.cosigned(NAME) is None


def test_many_silent_connections_are_let_go_and_whoever_waits_is_served(
    server: WitnessServer,
) -> None:
    with ExitStack() as stack:
        for _ in range(3 * serving.MAX_AT_ONCE):
            stack.enter_context(connected(server))
        assert send(server, grown(0, 5))[0] == 200


CHILD = """
import os, sys
from pathlib import Path
from ledger.witness.witness import open_witness

def die(side):
    if side == sys.argv[2]:
        os._exit(77)

open_witness(Path(sys.argv[1])).cosign(sys.stdin.buffer.read(), int(sys.argv[3]), die)
"""


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_witness_that_dies_around_its_commit_signs_no_second_history(
    witness: Witness, side: str
) -> None:
    words = [sys.executable, "-c", CHILD, str(witness.directory), side, str(NOW)]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        words, input=grown(0, 5), cwd=root, env=os.environ, timeout=30, check=False
    )
    assert done.returncode == 77
    again = open_witness(witness.directory)
    if side == "before":
        assert again.cosigned(NAME) is None
        assert again.cosign(grown(0, 5), NOW)
    else:
        with pytest.raises(SizeConflict):
            again.cosign(grown(0, 6), NOW)
        assert again.cosign(grown(5, 5), NOW)
    assert again.cosign(grown(5, 6), NOW)
