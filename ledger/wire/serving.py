"""A small public server whose every request is bounded, for whoever has a resource or two to show.

Bounded are a request's head by the library, its time as a whole, and how many are served at once. For
loopback, or behind a reverse proxy.
"""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

TIMEOUT = 15.0
"""Seconds for the whole of a request."""
MAX_AT_ONCE = 32
TEXT_TYPE = "text/plain; charset=utf-8"


class BoundedServer(ThreadingHTTPServer):
    """Serves each connection in a thread of its own, at most `MAX_AT_ONCE` of them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type["BoundedHandler"]) -> None:
        super().__init__(address, handler)
        self._room = threading.BoundedSemaphore(MAX_AT_ONCE)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection once there is room."""
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


class BoundedHandler(BaseHTTPRequestHandler):
    """One connection, one request, cut off when its time is over; who asks is not logged."""

    allowed = "GET, HEAD, OPTIONS"
    """What a 405 answer names."""
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

    def refuse_method(self) -> None:
        """Answer 405."""
        self.answer(HTTPStatus.METHOD_NOT_ALLOWED, "This is not done here.\n")

    def do_POST(self) -> None:
        self.refuse_method()

    def do_PUT(self) -> None:
        self.refuse_method()

    do_DELETE = do_PATCH = do_PUT

    def do_OPTIONS(self) -> None:
        self.send_response(HTTPStatus.NO_CONTENT)
        self._cors()
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: who asks is nobody's business."""

    def answer(self, status: int, body: str | bytes, kind: str = TEXT_TYPE) -> None:
        """Send a whole answer."""
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", self.allowed)
        self._cors()
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _cors(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Methods", self.allowed)
        self.send_header("Access-Control-Allow-Headers", "content-type")


def _close(connection: socket) -> None:
    try:
        connection.shutdown(2)
    except OSError:
        return
