"""The witness over HTTP: one resource to submit, one to monitor. For a reverse proxy, or loopback.

Every request is bounded: its head by the library, its body before it is read, its time as a whole, and
how many are served at once.
"""

import logging
import re
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

from ledger.chain.witnessing import ADD, MAX_BODY, SIZE_TYPE, SizeConflict, Unwitnessed
from ledger.errors import SealbookError
from ledger.quoted import quoted
from ledger.witness.witness import Witness

TIMEOUT = 15.0
"""Seconds for the whole of a request."""
MAX_AT_ONCE = 32
TEXT_TYPE = "text/plain; charset=utf-8"

_MONITORED = re.compile(r"/([0-9a-f]{64})/checkpoint")
_log = logging.getLogger("sealbook.witness")


class WitnessServer(ThreadingHTTPServer):
    """Serves a witness at an address. `now` returns POSIX seconds."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], witness: Witness, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(address, _Handler)
        self.witness = witness
        self.now = now
        self._room = threading.BoundedSemaphore(MAX_AT_ONCE)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, once there is room."""
        if not self._room.acquire(timeout=TIMEOUT):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As the library does, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that break."""


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    server_version = "sealbook-witness"
    sys_version = ""
    protocol_version = "HTTP/1.0"
    timeout = TIMEOUT

    def setup(self) -> None:
        super().setup()
        self._cut = threading.Timer(TIMEOUT, _close, [self.connection])
        self._cut.daemon = True
        self._cut.start()

    def finish(self) -> None:
        self._cut.cancel()
        super().finish()

    def do_POST(self) -> None:
        if self.path != ADD:
            self._answer(HTTPStatus.NOT_FOUND, "There is nothing here.\n")
            return
        length = self.headers.get("content-length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length):
            self._answer(HTTPStatus.LENGTH_REQUIRED, "Say how long the request is.\n")
            return
        if int(length) > MAX_BODY:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {MAX_BODY} bytes.\n")
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return
        try:
            lines = self.server.witness.cosign(body, int(self.server.now()))
        except SizeConflict as conflict:
            self._answer(HTTPStatus.CONFLICT, f"{conflict.size}\n", SIZE_TYPE)
        except Unwitnessed as refused:
            self._answer(refused.status, f"{refused}\n")
        except Exception as error:  # noqa: BLE001 - nothing that was signed leaves then
            _log.error("a request failed: %s", quoted(str(error)))
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, "The witness cannot sign now.\n")
        else:
            self._answer(HTTPStatus.OK, lines)

    def do_GET(self) -> None:
        found = _MONITORED.fullmatch(self.path)
        if self.path == ADD:
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "Submit with POST.\n")
            return
        try:
            note = None if found is None else self.server.witness.cosigned(found[1])
        except SealbookError:
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, "The witness cannot read now.\n")
            return
        if note is None:
            self._answer(HTTPStatus.NOT_FOUND, "Nothing of this log was cosigned here.\n")
        else:
            self._answer(HTTPStatus.OK, note)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "Submit with POST.\n")

    do_DELETE = do_PATCH = do_PUT

    def do_OPTIONS(self) -> None:
        self.send_response(HTTPStatus.NO_CONTENT)
        self._cors()
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: who asks is nobody's business."""

    def _cors(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Methods", "POST, GET, OPTIONS")
        self.send_header("Access-Control-Allow-Headers", "content-type")

    def _answer(self, status: int, body: str, kind: str = TEXT_TYPE) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST, OPTIONS")
        self._cors()
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _close(connection: socket) -> None:
    try:
        connection.shutdown(2)
    except OSError:
        return
