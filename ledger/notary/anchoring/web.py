"""One POST to a stranger: no redirect, a bounded answer, and one deadline for all of it."""

import http.client
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from ledger.errors import Unavailable
from ledger.quoted import quoted

MAX_ANSWER = 64 << 10
"""Bytes of an answer."""
DEADLINE = 5.0
"""Seconds for connecting, asking and the whole answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, media type, body."""

    status: int
    kind: str
    body: bytes


def post(url: str, body: bytes, *, deadline: float = DEADLINE) -> Answer:
    """Return what a POST of `body` is answered with. A redirect is an answer like others.

    Raises Unavailable: nobody answers in time, not in HTTP, or with over 64 KiB.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=deadline)
    late, opened = threading.Event(), list[socket.socket]()

    def cut() -> None:
        late.set()
        for each in opened:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline, cut)
    timer.daemon = True
    timer.start()
    try:
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.connect()
        opened.append(connection.sock)  # the connection forgets it when the answer begins
        connection.request("POST", path, body)
        response = connection.getresponse()
        data = response.read(MAX_ANSWER + 1)
        if len(data) > MAX_ANSWER:
            raise Unavailable(f"{quoted(url)} answers with over {MAX_ANSWER:,} bytes.")
        if late.is_set() or response.length:
            raise Unavailable(f"{quoted(url)} did not answer within {deadline:g} s.")
        return Answer(response.status, response.headers.get("content-type", ""), data)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise Unavailable(f"{quoted(url)} did not answer within {deadline:g} s.") from error
        raise Unavailable(f"{quoted(url)} does not answer: {quoted(error)}.") from error
    finally:
        timer.cancel()
        connection.close()
