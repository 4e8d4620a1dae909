"""A wire to a server that is cut, slow, refuses, or loses answers, at the moment that it is told."""

import contextlib
import socket
import threading
import time
from pathlib import Path

Address = tuple[str, int] | str
"""Of a server: host and port, or the path of a socket."""
CUT_BEFORE, CUT_AFTER, SLOW, REFUSED, ERROR = "cut-before", "cut-after", "slow", "refused", "error"
KINDS = (CUT_BEFORE, CUT_AFTER, SLOW, REFUSED, ERROR)
SLOWLY = 2.0
"""Seconds that a slow answer takes, and that everybody is refused."""
_ERROR = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Wire:
    """A proxy before a server; `at` is where it listens."""

    def __init__(self, server: Address, at: Address) -> None:
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX if isinstance(at, str) else socket.AF_INET)
        self._listener.bind(at)
        self._listener.listen(64)
        self.at = self._listener.getsockname()
        self._lock = threading.Lock()
        self._fault: tuple[str, bytes, int] | None = None
        self._until = 0.0
        threading.Thread(target=self._accept, daemon=True).start()

    def fail(self, kind: str, needle: bytes, count: int) -> None:
        """Have the message of this number that holds the needle fare so."""
        self._fault = kind, needle, count

    @property
    def done(self) -> bool:
        """Whether it has come to pass."""
        return self._fault is None

    def _accept(self) -> None:
        while True:
            ours, _ = self._listener.accept()
            if time.monotonic() < self._until:
                ours.close()
                continue
            theirs = socket.socket(
                socket.AF_UNIX if isinstance(self._server, str) else socket.AF_INET
            )
            try:
                theirs.connect(self._server)
            except OSError:
                ours.close()
                continue
            lost = threading.Event()
            for arguments in ((ours, theirs, True, lost), (theirs, ours, False, lost)):
                threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(
        self, source: socket.socket, target: socket.socket, asks: bool, lost: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                kind = self._kind(data) if asks else None
                if kind in (CUT_BEFORE, REFUSED):
                    break
                if kind == ERROR:
                    source.sendall(_ERROR)
                    break
                if kind == SLOW:
                    time.sleep(SLOWLY)
                if kind == CUT_AFTER:
                    lost.set()
                if not asks and lost.is_set():
                    break
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _kind(self, data: bytes) -> str | None:
        with self._lock:
            if self._fault is None or self._fault[1] not in data:
                return None
            kind, needle, count = self._fault
            if count:
                self._fault = kind, needle, count - 1
                return None
            self._fault = None
            if kind == REFUSED:
                self._until = time.monotonic() + SLOWLY
            return kind


def socket_before(server: Path, folder: Path) -> Wire:
    """Return a wire to PostgreSQL's socket, in a folder of its own."""
    return Wire(str(server / ".s.PGSQL.5432"), str(folder / ".s.PGSQL.5432"))
