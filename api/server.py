"""Runs the service of one notary directory with uvicorn, until SIGTERM or Ctrl-C."""

import gc
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI

from ledger.errors import InvalidInput, StorageFailed
from ledger.notary.announcing import Announcing
from ledger.notary.clock import Clock
from ledger.notary.notary import Notary, open_notary
from ledger.notary.storage.room import DiskRoom
from ledger.notary.system_clock import SYSTEM_CLOCK
from ledger.quoted import quoted

from .app import create_app
from .connections import limited
from .logs import start_logging
from .metrics import PATH, Measures, MetricsServer
from .settings import Settings
from .started import tell_started

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8400
GRACE = 60
"""Seconds that open requests get to finish when the service stops."""
_BACKLOG = 1_024
_COLLECT = (50_000, 20, 50)
"""Objects more than before, and searches of the younger ones, until there is a search for garbage."""


class CannotListen(InvalidInput):
    """Nothing can listen at an address at this moment."""


def serve(
    directory: Path,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    settings: Settings | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> None:
    """Serve the notary in `directory` until SIGTERM or SIGINT; answer what was accepted, then return.

    Where the disk is full or can only be read, it serves readers alone; whoever mends the disk starts
    it again. Raises CannotListen, InvalidInput where it may not listen there, what `open_notary` does.
    """
    settings = settings or Settings()
    start_logging(settings.log_level, settings.log_format)
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(host, port))
        notary = stack.enter_context(_opened(directory, clock, settings.workers))
        app = create_app(notary, settings)
        if app.state.spans is not None:
            stack.callback(app.state.spans.close)
        if notary.staff_desk is not None:
            hooks = Announcing(
                notary.origin,
                notary.entries,
                notary.staff_desk,
                lambda: notary.sequencer.leads,
                settings.webhook_networks,
            )
            stack.enter_context(hooks)
        config = server_config(app, settings)
        metrics = _serve_metrics(app.state.service.measures, settings, stack)
        log = structlog.get_logger()
        entries = notary.sequencer.last.size
        log.info(
            "serving",
            origin=notary.origin,
            address=_address(listener),
            entries=entries,
            health=notary.health.status,
            metrics=metrics,
        )
        server = uvicorn.Server(config)
        with _until_signalled(server), _collecting_seldom():
            try:
                tell_started()
            except OSError as error:
                log.warning("start-not-told", reason=error.strerror)
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


def _opened(directory: Path, clock: Clock, workers: int) -> Notary:
    try:
        return open_notary(directory, clock=clock, serve=True, workers=workers)
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


def _serve_metrics(measures: Measures, settings: Settings, stack: ExitStack) -> str | None:
    """Serve the measures where they are asked for; return their URL."""
    if settings.metrics is None:
        return None
    host, port = settings.metrics
    with _naming(host, port, "--metrics"):
        family, _, _, _, address = _resolved(host, port)
        server = MetricsServer(family, address[:2], measures)
    server.start()
    stack.callback(server.close)
    return _address(server.socket) + PATH


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Bound before the notary is opened: a busy port costs nothing."""
    with _naming(host, port, "--port"):
        family, kind, protocol, _, address = _resolved(host, port)
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
    return listener


def _resolved(host: str, port: int) -> Any:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]


@contextmanager
def _naming(host: str, port: int, option: str) -> Iterator[None]:
    """Say at which address nothing can listen, and by which option another one is chosen."""
    try:
        yield
    except PermissionError as error:
        raise InvalidInput(
            f"The service may not listen at {quoted(host)}, port {port} ({quoted(error)}). Choose a "
            f"port above 1023 with {quoted(option)}, and let a proxy stand before it."
        ) from error
    except (OSError, OverflowError) as error:
        raise CannotListen(
            f"The service cannot listen at {quoted(host)}, port {port} ({quoted(error)}). Stop what "
            f"uses the port, or choose another with {quoted(option)}."
        ) from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
