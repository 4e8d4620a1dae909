"""Runs the service of one notary directory with uvicorn, until SIGTERM or Ctrl-C."""

import asyncio
import logging
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ledger.adapters.clock import SYSTEM_CLOCK
from ledger.clock import Clock
from ledger.errors import InvalidInput
from ledger.notary import open_notary

from .app import create_app
from .settings import Settings

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8400
MAX_HEADERS = 1 << 15
"""Bytes of a request's line and header fields."""
HEADER_PATIENCE = 15.0
"""Seconds for a request's line and header fields to arrive."""
MAX_CONNECTIONS = 2_000
GRACE = 60
"""Seconds that open requests get to finish when the service stops."""
_BACKLOG = 1_024


def serve(
    directory: Path,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    settings: Settings | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Serve the notary in `directory` until SIGTERM or SIGINT; finish what was begun, then return.

    Raises InvalidInput when the address cannot be used, and whatever `open_notary` raises.
    """
    _log_as_json()
    with _listen(host, port) as listener, open_notary(directory, clock=clock, serve=True) as notary:
        app = create_app(notary, settings)
        config = uvicorn.Config(
            app,
            http=LimitedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=GRACE,
        )
        log = structlog.get_logger()
        entries = notary.sequencer.last.size
        log.info("serving", origin=notary.origin, address=_address(listener), entries=entries)
        server = uvicorn.Server(config)
        with _until_signalled(server):
            server.run(sockets=[listener])
    log.info("stopped", origin=notary.origin)


@contextmanager
def _until_signalled(server: uvicorn.Server) -> Iterator[None]:
    """Let SIGTERM and SIGINT only end the server.

    uvicorn raises the signal that it caught once more when it has stopped; by default that would end
    the process before the notary is closed.
    """

    def stop(*_: object) -> None:
        server.should_exit = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Bound before the notary is opened: a busy port costs nothing."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        raise InvalidInput(
            f"The service cannot listen at {host}, port {port} ({error}). Stop what uses the port, or "
            "choose another with --port."
        ) from error
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's parser, which by itself takes headers of any size and waits for them for ever."""

    _patience: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0
        self._arrived()
        self._wait()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._arrived()
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADERS:
            raise ValueError("header fields are over the limit")  # the parser answers with 400

    def _wait(self) -> None:
        self._patience = self.loop.call_later(HEADER_PATIENCE, self.transport.close)

    def _arrived(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def _log_as_json() -> None:
    """One JSON object a line on standard error, for our events and for uvicorn's."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(), foreign_pre_chain=shared
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
