"""Runs the service of one notary directory with uvicorn, until SIGTERM or Ctrl-C."""

import gc
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
from fastapi import FastAPI

from ledger.errors import InvalidInput, StorageFailed
from ledger.notary.clock import Clock
from ledger.notary.notary import Notary, open_notary
from ledger.notary.storage.room import DiskRoom
from ledger.notary.system_clock import SYSTEM_CLOCK
from ledger.quoted import quoted

from .app import create_app
from .connections import limited
from .settings import Settings

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8400
GRACE = 60
"""Seconds that open requests get to finish when the service stops."""
_BACKLOG = 1_024
_COLLECT = (50_000, 20, 50)
"""Objects more than before, and searches of the younger ones, until there is a search for garbage."""


def serve(
    directory: Path,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    settings: Settings | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Serve the notary in `directory` until SIGTERM or SIGINT; finish what was begun, then return.

    Where the disk is full or can only be read, it serves readers alone; whoever mends the disk starts
    it again. Raises InvalidInput when the address cannot be used, and whatever `open_notary` raises.
    """
    _log_as_json()
    with _listen(host, port) as listener, _opened(directory, clock) as notary:
        settings = settings or Settings()
        config = server_config(create_app(notary, settings), settings)
        log = structlog.get_logger()
        entries = notary.sequencer.last.size
        log.info(
            "serving",
            origin=notary.origin,
            address=_address(listener),
            entries=entries,
            health=notary.health.status,
        )
        server = uvicorn.Server(config)
        with _until_signalled(server), _collecting_seldom():
            server.run(sockets=[listener])
    log.info("stopped", origin=notary.origin)


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return how uvicorn runs the service."""
    return uvicorn.Config(
        app,
        http=limited(settings),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=GRACE,
    )


def _opened(directory: Path, clock: Clock) -> Notary:
    try:
        return open_notary(directory, clock=clock, serve=True)
    except StorageFailed as error:
        room = DiskRoom(directory)
        room.look()
        if not room.health.reasons:
            raise
        structlog.get_logger().error("reading-only", detail=str(error))
        return open_notary(directory, clock=clock, reading=True)


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Leave what is here by now out of the search for garbage, and search more seldom.

    A search stops every thread; it goes through all that was ever loaded, for what a request hardly
    leaves behind.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


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
            f"The service cannot listen at {quoted(host)}, port {port} ({quoted(error)}). Stop what "
            "uses the port, or "
            "choose another with --port."
        ) from error
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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
