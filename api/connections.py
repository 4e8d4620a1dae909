"""What a connection may cost: bytes beside the body, time for a request, a peer's share.

uvicorn's parser takes header fields, chunk extensions and trailers of any size, copies an unfinished
field anew for each read, and waits for ever. Bytes are counted here as they arrive, before it works.

A peer is an IPv4 address or an IPv6 /64, of which a stranger has a whole one. Behind a proxy every
address is the proxy's: where the office names it, the peer is the last address in X-Forwarded-For that
is not a proxy's. From anybody else that field is not believed.
"""

import asyncio
import re
import resource
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ledger.errors import SealbookError, Unavailable
from ledger.quoted import Message

from .problems import BadRequest, RequestTimeout, problem_response
from .settings import Settings

MAX_HEADERS = 1 << 15
"""Bytes of a request's line and header fields; again of its trailers and of what frames its body."""
FRAMED = 16
"""Bytes of a body that may have one byte of framing: chunks of 200 bytes do."""
MAX_CONNECTIONS = 2_000
RESERVED = 400
"""Descriptors that connections leave to the ledger's own files."""
MAX_PIPELINED = 64
"""Requests that wait on one connection for the answers to earlier ones."""
MIN_RATE = 4 << 10
"""Bytes a second of a body, on average, after what `Settings.body` allows."""
SLOW = 2.0
"""Seconds after which a body that is still arriving counts as slow."""
LINGER = 5.0
"""Seconds to take an answer, to end a request that was answered before its end, and that a refused
connection still counts: whoever opens a new one at once is soon over the limit."""
_PIECE = 1 << 13
"""Bytes given to the parser at a time."""
_QUIET = 60.0
"""Seconds between two lines of the log that say the same."""

Network = IPv4Network | IPv6Network
_WITH_PORT = re.compile(r"(?:([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?)", re.ASCII)

log = structlog.get_logger()


def peer_of(address: str) -> str:
    """Return whose an address is: itself, or its /64. Raises ValueError."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ip_network((parsed, 64), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)


def forwarded_peer(fields: Sequence[bytes], proxies: Sequence[Network]) -> str | None:
    """Return the peer that trusted proxies vouch for in X-Forwarded-For, None where they name none.

    Each proxy appends the address that it saw. So the list is read from its end, and what stands before
    the first address that is not a proxy's was written by anybody.
    """
    named = b",".join(fields).decode("latin-1").split(",")
    for address in map(_without_port, reversed(named)):
        try:
            peer = peer_of(address)
            if not _within(address, proxies):
                return peer
        except ValueError:
            return None
    return None


def _without_port(named: str) -> str:
    """Return the address of `1.2.3.4:5678` or `[2001:db8::1]:5678`, as some proxies write it."""
    found = _WITH_PORT.fullmatch(named.strip())
    return named.strip() if found is None else found[1] or found[2]


def _within(address: str, networks: Sequence[Network]) -> bool:
    parsed = ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return any((mapped or parsed) in network for network in networks)


def room_for_connections() -> int:
    """Return how many connections this process has descriptors for, at most MAX_CONNECTIONS.

    Without a free descriptor the ledger could not open its own files.
    """
    wanted = MAX_CONNECTIONS + RESERVED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in (soft, hard):
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted - RESERVED


@dataclass(slots=True)
class Peers:
    """Who holds how much of the service; for the event loop's thread only."""

    settings: Settings
    room: int
    """Connections of all peers together."""
    connections: Counter[str] = field(default_factory=Counter)
    slow: Counter[str] = field(default_factory=Counter)
    _said: float = float("-inf")

    def take(self, held: Counter[str], peer: str, limit: int, now: float) -> bool:
        """Count one more for `peer`, unless it has reached its limit."""
        if held[peer] >= limit:
            if now - self._said > _QUIET:
                self._said = now
                log.warning("peer-over-limit", peer=peer, limit=limit)
            return False
        held[peer] += 1
        return True

    @staticmethod
    def give_back(held: Counter[str], peer: str) -> None:
        """Count one less."""
        held[peer] -= 1
        if not held[peer]:
            del held[peer]


def _encoded(error: SealbookError) -> bytes:
    """Return the whole answer that tells of an error and ends a connection."""
    answer = problem_response(error, {"connection": "close"})
    status = HTTPStatus(answer.status_code)
    fields = b"".join(b"%b: %b\r\n" % each for each in answer.raw_headers)
    line = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    return line + fields + b"\r\n" + bytes(answer.body)


_TOO_MANY = _encoded(Unavailable("The notary has too many connections; try again in a minute."))
_OVER_LIMIT = _encoded(
    Unavailable("Your address holds too many connections already; close some, or wait.")
)
"""Made once: a connection over the limit is to cost as little as it can."""


class _Part(Enum):
    """What of a request is arriving."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's protocol within the bounds above; `limited` gives it what it counts with."""

    peers: Peers

    _part = _Part.NOTHING
    _framing = 0
    _body = 0
    _begun = 0.0
    _timer: asyncio.TimerHandle | None = None
    _peer = ""
    _proxied = False
    _holds = False
    _is_slow = False
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        settings = self.peers.settings
        try:
            address = self.client[0] if self.client else ""
            self._peer = peer_of(address)
            self._proxied = _within(address, settings.proxies)
        except ValueError:
            self._peer = "unknown"
        if len(self.connections) > self.peers.room:
            self._close(_TOO_MANY)
        elif self._proxied or self._hold():
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._set_timer(None)
        self._ended()
        self._release()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        at = 0
        while at < len(data) and not self._is_over():
            if self._part is _Part.NOTHING:
                self._wait_for_head()
            room = MAX_HEADERS + self._body // FRAMED - self._framing
            if room <= 0 or len(self.pipeline) > MAX_PIPELINED:
                self.send_400_response("The request has more around its body than is read.")
                return
            piece = data[at : at + min(room, _PIECE)]
            self._framing += len(piece)
            at += len(piece)
            super().data_received(piece)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # After a request that ended in the same piece.
        if self._part is not _Part.HEAD:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._framing = self._body = 0
        self._part = _Part.BODY
        self._begun = self.loop.time()
        self._set_timer(SLOW)
        if self._proxied and not self._hold_forwarded():
            return
        self.scope["state"]["peer"] = self._peer
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        self._framing = max(0, self._framing - len(body))
        if not self._is_over():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._framing = 0
        self._part = _Part.NOTHING
        self._set_timer(None)
        self._ended()
        if not self._is_over():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        if self._refused:
            return
        if self._proxied:
            self._release()
        if self.transport.is_closing():
            self._abort_later()
        elif self._part is _Part.BODY and not self.pipeline:
            self._set_timer(LINGER)
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _wait_for_head(self) -> None:
        self._part = _Part.HEAD
        self._set_timer(self.peers.settings.head)

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._waited)

    def _waited(self) -> None:
        """End what has not come in time; a body has until `_due`."""
        if self._part is not _Part.BODY or self.cycle.response_complete:
            self._close()
            return
        now = self.loop.time()
        if self.flow.read_paused:  # what is late is ours
            self._begun += SLOW
        elif now >= self._due():
            self._refuse(RequestTimeout("The request's body came too slowly; send it again."))
            return
        elif not self._is_slow:
            limit = self.peers.settings.slow_bodies
            if not self.peers.take(self.peers.slow, self._peer, limit, now):
                message: Message = (
                    f"{limit} bodies are coming slowly from your address already; wait."
                )
                self._refuse(Unavailable(message))
                return
            self._is_slow = True
        self._set_timer(SLOW if self.flow.read_paused else max(SLOW, self._due() - now))

    def _due(self) -> float:
        settings = self.peers.settings
        # What reads a body answers by itself after `body` and `idle`; this is for when nothing reads.
        return self._begun + settings.body + settings.idle + self._body / MIN_RATE

    def _hold(self) -> bool:
        """Count this connection for its peer; where that has too many, refuse it."""
        limit = self.peers.settings.connections
        now = self.loop.time()
        self._holds = self.peers.take(self.peers.connections, self._peer, limit, now)
        if not self._holds:
            self._close(_OVER_LIMIT)
        return self._holds

    def _hold_forwarded(self) -> bool:
        """Count a proxy's connection for the peer of the request that has begun."""
        self._release()
        named = [value for name, value in self.headers if name == b"x-forwarded-for"]
        peer = forwarded_peer(named, self.peers.settings.proxies)
        if peer is not None:
            self._peer = peer
        elif self.client:
            self._peer = peer_of(self.client[0])
        return self._hold()

    def _release(self) -> None:
        if self._holds:
            self._holds = False
            self.peers.give_back(self.peers.connections, self._peer)

    def _ended(self) -> None:
        if self._is_slow:
            self._is_slow = False
            self.peers.give_back(self.peers.slow, self._peer)

    def send_400_response(self, msg: str) -> None:
        log.warning("not-http", peer=self._peer)
        self._refuse(BadRequest(msg))

    def _refuse(self, error: SealbookError) -> None:
        """Answer a request that is not as it may be with an error, and read no more of it."""
        if self._is_over():
            return
        if self.pipeline:  # earlier answers are under way
            self._close()
            return
        self._refused = True
        self._set_timer(None)
        self._ended()
        self._write_last(_encoded(error))
        with suppress(OSError):
            self.transport.write_eof()
        self.flow.pause_reading()
        self._abort_later()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.flow.resume_writing()

    def _close(self, last: bytes = b"") -> None:
        """Close the connection, also where the other side does not take what was written."""
        self._set_timer(None)
        self._write_last(last)
        self.transport.close()
        self._abort_later()

    def _write_last(self, data: bytes) -> None:
        """Write an answer of ours, unless it would stand inside another one."""
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            self.transport.write(data)

    def _abort_later(self) -> None:
        self.loop.call_later(LINGER, self.transport.abort)

    def _is_over(self) -> bool:
        return self._refused or self.transport.is_closing()


def limited(settings: Settings) -> type[LimitedProtocol]:
    """Return the protocol of a service with these settings."""

    class Limited(LimitedProtocol):
        peers = Peers(settings, room_for_connections())

    return Limited
