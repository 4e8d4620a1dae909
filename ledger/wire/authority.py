"""Asking a timestamp authority over HTTP, with the standard library alone: a court can do it too.

Whatever the authority does, it is over at a deadline: silence, drips, endless heads. Redirects are not
followed, and no proxy is used. Plain HTTP is what most authorities offer, and is enough: the token is
signed, and over a hash and a nonce of ours.

Specification: RFC 3161 section 3.4.
"""

import io
import socket
import ssl
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ledger.chain.timestamp.request import MAX_RESPONSE, REQUEST_TYPE, RESPONSE_TYPE
from ledger.errors import InvalidInput, TooLarge, Unavailable
from ledger.program import VERSION
from ledger.quoted import quoted

PATIENCE = 30.0
"""Seconds for a request, from the connection to the last byte of the answer."""

_MAX_HEAD = 64 << 10


def ask_authority(url: str, request: bytes, patience: float = PATIENCE) -> bytes:
    """Return what an authority answers to a timestamp request, not parsed.

    Raises InvalidInput for a URL that is none, Unavailable, and TooLarge over `MAX_RESPONSE` bytes.
    """
    parts = _authority_url(url)
    until = monotonic() + patience
    try:
        with _connected(parts, until) as connection:
            connection.settimeout(max(until - monotonic(), 0.001))
            connection.sendall(_head(parts, len(request)) + request)
            response = HTTPResponse(_Bounded(connection, until), method="POST")  # type: ignore[arg-type]
            with response:
                response.begin()
                if response.status != 200:
                    raise Unavailable(
                        f"The timestamp authority {quoted(url)} answered with status "
                        f"{response.status}; redirects are not followed. Check the address, or try "
                        "later."
                    )
                kind = response.headers.get_content_type()
                body = response.read(MAX_RESPONSE + 1)
    except (OSError, ValueError, HTTPException) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Unavailable(
            f"The timestamp authority {quoted(url)} could not be asked ({quoted(said)}). Try later, or "
            "ask another one."
        ) from error
    if len(body) > MAX_RESPONSE:
        raise TooLarge(
            f"The timestamp authority {quoted(url)} answered with more than {MAX_RESPONSE:,} bytes. "
            "Check the address."
        )
    if kind != RESPONSE_TYPE:
        raise Unavailable(
            f"What answers at {quoted(url)} is no timestamp authority: it sent {quoted(kind)}. Check "
            "the address."
        )
    return body


class _Bounded(io.RawIOBase):
    """What a connection sends, until the deadline and up to a bound."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection, self._until = connection, until
        self._left = MAX_RESPONSE + _MAX_HEAD

    def makefile(self, *_: object) -> io.BufferedReader:
        """Return a reader: all that HTTPResponse asks of a socket."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come, waiting for the first byte only."""
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError("it took too long")
        if not self._left:
            raise HTTPException("the answer is too long")
        self._connection.settimeout(left)
        count = self._connection.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count


def _authority_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fits = parts.port is None or 0 < parts.port < 65_536
    except ValueError:
        parts, fits = urlsplit(""), False
    odd = any(ord(c) <= 32 or ord(c) > 126 for c in url)
    if (
        not fits
        or odd
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or "@" in parts.netloc
    ):
        raise InvalidInput(
            f"{quoted(url)} is no address of a timestamp authority; it looks like "
            "http://tsa.example/path."
        )
    return parts


def _connected(parts: SplitResult, until: float) -> socket.socket:
    secure = parts.scheme == "https"
    host, port = str(parts.hostname), parts.port or (443 if secure else 80)
    connection = socket.create_connection((host, port), max(until - monotonic(), 0.001))
    if not secure:
        return connection
    try:
        connection.settimeout(max(until - monotonic(), 0.001))
        return ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _head(parts: SplitResult, size: int) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"User-Agent: sealbook/{VERSION}",
        f"Content-Type: {REQUEST_TYPE}",
        f"Accept: {RESPONSE_TYPE}",
        "Accept-Encoding: identity",
        f"Content-Length: {size}",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode()
