"""One request to a stranger, with the standard library alone: a court can do it too.

Whatever the other side does, it is over at a deadline: silence, drips, endless heads, a handshake that
stands still. Redirects are not followed, and no proxy is used. Plain HTTP is enough where an answer is
signed.
"""

import io
import socket
import ssl
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from time import monotonic
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ledger.errors import InvalidInput, TooLarge, Unavailable
from ledger.program import VERSION
from ledger.quoted import quoted

MAX_ANSWER = 64 << 10
"""Bytes of an answer."""
DEADLINE = 5.0
"""Seconds for connecting, asking and the whole answer."""

Network = IPv4Network | IPv6Network

_MAX_HEAD = 64 << 10
_PIECE = 16 << 10
_CARRYING = tuple(map(IPv6Network, ("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "::/96")))
"""IPv6 networks whose last 32 bits are an IPv4 address: mapped, translated, NAT64, compatible."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, media type without parameters, body."""

    status: int
    kind: str
    body: bytes


def post(
    url: str,
    body: bytes,
    fields: Mapping[str, str] | None = None,
    *,
    limit: int = MAX_ANSWER,
    deadline: float = DEADLINE,
    inside: Collection[Network] | None = None,
    whole: bool = True,
) -> Answer:
    """Return what a POST of `body`, with these header fields, is answered with; a redirect as it is.

    Where `inside` is given, nothing is asked of an address that is neither of the public internet nor
    in one of these networks: the URL is a stranger's. Where the body need not be `whole`, it is what
    has come of it, up to `limit`. Raises InvalidInput for a URL that is none; Unavailable where nobody
    answers in time and in HTTP; TooLarge over `limit` bytes.
    """
    fields = {**(fields or {}), "Content-Length": str(len(body))}
    return _ask("POST", url, fields, body, limit, deadline, inside, whole=whole)


def get(url: str, limit: int, *, public: bool, deadline: float = DEADLINE) -> Answer:
    """Return what stands at a URL; a redirect as it is.

    With `public` nothing is asked of an address that is not of the public internet: the URL is a
    stranger's. Raises what `post` does.
    """
    return _ask("GET", url, {}, b"", limit, deadline, () if public else None, whole=True)


def _ask(
    method: str,
    url: str,
    fields: Mapping[str, str],
    body: bytes,
    limit: int,
    deadline: float,
    inside: Collection[Network] | None,
    *,
    whole: bool,
) -> Answer:
    parts = _web_address(url)
    until = monotonic() + deadline
    try:
        with _connected(parts, until, inside) as connection:
            _send(connection, _head(method, parts, fields) + body, until)
            stream = _Bounded(connection, until, limit + _MAX_HEAD)
            with HTTPResponse(stream, method=method) as response:  # type: ignore[arg-type]
                response.begin()
                kind = response.headers.get_content_type()
                if not whole:
                    return Answer(response.status, kind, _beginning(response, limit))
                data = response.read(limit + 1)
                cut = len(data) <= limit and bool(response.length)
    except TimeoutError as error:
        raise Unavailable(f"{quoted(url)} did not answer within {deadline:g} s.") from error
    except (OSError, ValueError, HTTPException) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Unavailable(f"{quoted(url)} does not answer: {quoted(said)}.") from error
    if len(data) > limit:
        raise TooLarge(f"{quoted(url)} answers with over {limit:,} bytes. Check the address.")
    if cut:
        raise Unavailable(f"{quoted(url)} broke off its answer.")
    return Answer(response.status, kind, data)


def _beginning(response: HTTPResponse, limit: int) -> bytes:
    with suppress(OSError, HTTPException):
        return response.read(limit)
    return b""


class _Bounded(io.RawIOBase):
    """What a connection sends, until the deadline and up to a bound."""

    def __init__(self, connection: socket.socket, until: float, most: int) -> None:
        self._connection, self._until, self._left = connection, until, most

    def makefile(self, *_: object) -> io.BufferedReader:
        """Return a reader: all that HTTPResponse asks of a socket."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come, waiting for the first byte only."""
        if not self._left:
            raise HTTPException("the answer is too long")
        self._connection.settimeout(_left(self._until))
        count = self._connection.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _send(connection: socket.socket, data: bytes, until: float) -> None:
    view = memoryview(data)
    while view:
        connection.settimeout(_left(until))
        view = view[connection.send(view[:_PIECE]) :]


def require_address(url: str) -> None:
    """Raise InvalidInput where this is no http or https address."""
    _web_address(url)


def strangers_may_ask(url: str, inside: Collection[Network]) -> bool:
    """Return whether a URL that is a stranger's has a name, or an address that may be asked for him.

    `inside` see `post`. A name is not looked up: it may mean another computer when it is asked.
    """
    host = str(_web_address(url).hostname)
    with suppress(OSError, ValueError):  # no address in numbers, of any writing
        found = socket.getaddrinfo(host, 0, flags=socket.AI_NUMERICHOST)
        return all(_may_be_asked(str(address[0]), inside) for *_, address in found)
    return True


def _web_address(url: str) -> SplitResult:
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
            f"{quoted(url)} is no address; one looks like https://office.example/path."
        )
    return parts


def _connected(
    parts: SplitResult, until: float, inside: Collection[Network] | None
) -> socket.socket:
    secure = parts.scheme == "https"
    host, port = str(parts.hostname), parts.port or (443 if secure else 80)
    connection = _reached(host, port, until, inside)
    try:
        if not secure:
            return connection
        connection.settimeout(_left(until))
        return ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _reached(
    host: str, port: int, until: float, inside: Collection[Network] | None
) -> socket.socket:
    """Connect to the first address of a name that accepts, within the deadline for all of them."""
    failure: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        if inside is not None and not _may_be_asked(str(address[0]), inside):
            failure = OSError("it lies in a network of its own, and is not asked")
            continue
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(_left(until))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _may_be_asked(address: str, inside: Collection[Network]) -> bool:
    """Return whether a stranger may have it asked. Looked at before anything is sent there."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.is_site_local:  # which Python calls global
            return any(found in each for each in inside)
        found = _carried(found) or found
    public = found.is_global and not found.is_multicast
    return public or any(found in each for each in inside)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address to which a packet to this one may go in the end."""
    if address.sixtofour is not None:
        return address.sixtofour
    end = int(address) & 0xFFFF_FFFF
    carries = any(address in each for each in _CARRYING)
    return (
        IPv4Address(end) if carries and int(address) > 1 else None
    )  # :: and ::1 are this computer


def _head(method: str, parts: SplitResult, fields: Mapping[str, str]) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = (
        f"{method} {path} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"User-Agent: sealbook/{VERSION}",
        *(f"{name}: {value}" for name, value in fields.items()),
        "Accept-Encoding: identity",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode()
