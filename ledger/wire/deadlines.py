"""HTTP clients whose every request ends, whatever the other side does.

A timeout per operation bounds silence only: who sends a byte a minute holds such a client for ever.
Here a deadline runs over a whole request, from the look-up of the name to the last byte:

    time left = patience at first; n bytes of a body add n / SLOWEST, never to more than patience

So whoever stalls is given up after `patience`, a body of n bytes after patience + n / SLOWEST, and
heads (also an endless row of 1xx), handshakes and framing earn nothing. Bytes of a request with a body
earn as the socket takes them; of what comes down, whoever reads says what it took (`read_limited`).
"""

import os
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from ledger.errors import InvalidInput
from ledger.language import Message
from ledger.quoted import quoted

SLOWEST = 8 << 10
"""Bytes a second of a body, either way: half of a 128 kbit/s line, the slowest that offices have."""
CONNECT = 10.0
"""Seconds for one address to accept a connection."""
_AUTHORITIES = "SSL_CERT_FILE"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""This machine, where plain HTTP is allowed and a proxy would only learn what it should not."""


class Deadline:
    """How long a request, or several in a row, may still take. Not for two threads at once.

    Args:
        patience: Seconds in which something must have moved.
        sending: Whether there is a body to send. A head alone earns nothing, or whoever answers each of
            many requests with a byte would never run out of time.
    """

    def __init__(self, patience: float, *, sending: bool = False) -> None:
        self._patience = patience
        self._sending = sending
        self._until = time.monotonic() + patience

    def left(self) -> float:
        """Return the seconds left, above 0. Raises httpcore2.TimeoutException when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise httpcore2.TimeoutException(f"slower than {SLOWEST >> 10} KiB/s, given up")
        return left

    def sent(self, count: int) -> None:
        """Add what `count` bytes have earned that the socket took."""
        if self._sending:
            self.moved(count)

    def moved(self, count: int) -> None:
        """Add the time that `count` bytes of a body have earned."""
        latest = time.monotonic() + self._patience
        self._until = min(self._until + count / SLOWEST, latest)


_CURRENT: ContextVar[Deadline] = ContextVar("deadline")


@contextmanager
def within(deadline: Deadline) -> Iterator[Deadline]:
    """Hold this thread's requests through clients of this module to a deadline."""
    token = _CURRENT.set(deadline)
    try:
        yield deadline
    finally:
        _CURRENT.reset(token)


def http_client(url: str, timeout: float) -> httpx2.Client:
    """Return a client for the host of `url`; its requests need a deadline (`within`).

    Redirects are not followed. A proxy that the environment names is used, except for this machine.

    Args:
        url: Any URL there.
        timeout: Seconds without progress in one operation.

    Raises InvalidInput where the authorities to trust cannot be read.
    """
    return httpx2.Client(
        timeout=httpx2.Timeout(timeout, connect=min(timeout, CONNECT)),
        follow_redirects=False,
        transport=_Transport(_proxy(url), secure=urlsplit(url).scheme == "https"),
        trust_env=False,
    )


def read_limited(response: httpx2.Response, limit: int, deadline: Deadline) -> Iterator[bytes]:
    """Yield a body as it comes, at most one block beyond `limit` bytes, each earning its time."""
    taken = 0
    for block in response.iter_raw():
        deadline.moved(len(block))
        yield block
        taken += len(block)
        if taken > limit:
            return


def _trusting() -> ssl.SSLContext:
    """Return what trusts the authorities of this machine. Raises InvalidInput."""
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        if not (path := os.environ.get(_AUTHORITIES)):
            raise
        raise InvalidInput(
            f"{quoted(path)}, which {quoted(_AUTHORITIES)} in the environment names for the "
            f"authorities to trust, cannot be used: {quoted(error.strerror or error)}. Name another "
            "file, or take the variable away."
        ) from error


class _Transport(httpx2.HTTPTransport):
    """A pool of connections over `_Backend`: httpx2 has no place of its own for a network backend."""

    def __init__(self, proxy: httpx2.Proxy | None, *, secure: bool) -> None:
        # Reading the authorities that this machine trusts takes longer than most requests.
        context = _trusting() if secure else None
        if proxy is None:
            self._pool = httpcore2.ConnectionPool(ssl_context=context, network_backend=_Backend())
        else:
            self._pool = httpcore2.HTTPProxy(
                proxy_url=str(proxy.url),
                proxy_auth=proxy.raw_auth,
                ssl_context=context,
                network_backend=_Backend(),
            )


class _Backend(httpcore2.SyncBackend):
    """Connects within the deadline, however many addresses the name has."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Return a connection to the first address of `host` that accepts one."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(str(error)) from error
        failure: Exception = httpcore2.ConnectError("the name has no address")
        for *_, address in found:
            left = _shorter(timeout)
            try:
                return _Stream(
                    super().connect_tcp(str(address[0]), port, left, local_address, socket_options)
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


class _Stream(httpcore2.NetworkStream):
    """A connection that reads and writes within the deadline of the request that uses it."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has come, waiting for the first byte only."""
        return self._stream.read(max_bytes, _shorter(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it. What one `send` of the socket takes may be a byte: each is bounded."""
        connection: socket.socket = self._stream.get_extra_info("socket")
        view = memoryview(buffer)
        while view:
            connection.settimeout(_shorter(timeout))
            try:
                sent = connection.send(view)
            except TimeoutError as error:
                raise httpcore2.WriteTimeout(str(error)) from error
            except OSError as error:
                raise httpcore2.WriteError(str(error)) from error
            _CURRENT.get().sent(sent)
            view = view[sent:]

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Return the connection under TLS."""
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _shorter(timeout)))

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection says of itself."""
        return self._stream.get_extra_info(info)


def _shorter(timeout: float | None) -> float:
    left = _CURRENT.get().left()
    return left if timeout is None else min(timeout, left)


def _proxy(url: str) -> httpx2.Proxy | None:
    """Return the proxy that the environment names for a URL. Raises InvalidInput for an unfit one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in LOOPBACK or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    named = getproxies()
    address = named.get(parts.scheme) or named.get("all")
    if not address:
        return None
    if "://" not in address:
        address = f"http://{address}"
    # TLS within TLS reads in a loop that no deadline reaches; SOCKS would need one more library.
    try:
        proxy = httpx2.Proxy(address)
    except (ValueError, httpx2.InvalidURL) as error:
        raise InvalidInput(_UNFIT) from error
    if proxy.url.scheme != "http" or not proxy.url.host:
        raise InvalidInput(_UNFIT)
    return proxy


_UNFIT: Message = (
    "The proxy that the environment names (HTTPS_PROXY or ALL_PROXY) is not one that Sealbook can "
    "use: it takes http://host:port. Correct the variable, or name the notary's host in NO_PROXY."
)
