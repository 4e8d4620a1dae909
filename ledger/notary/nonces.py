"""Nonces of signed requests, against replay."""

import threading
from collections.abc import Callable
from contextlib import suppress

from ledger.errors import StorageFailed, Unavailable
from ledger.notary.ports import Room
from ledger.notary.storage.office import OfficeDatabase

NONCE_SIZE = 512
"""Bytes that a nonce takes on the disk, in its table and its indexes."""
MAX_UNWRITTEN = 100_000
"""Nonces kept in memory while their file cannot be written: about 20 MB."""


class Nonces:
    """Nonces of signed requests, against replay: also across a restart, while they can be written.

    On a full disk, or one that can only be read, they are kept in memory, so that depositors still get
    at what is theirs. What can be replayed then, after a restart and within its window, is reading.
    """

    def __init__(
        self, office: OfficeDatabase | None, room: Room, clock: Callable[[], float]
    ) -> None:
        self._office = office
        self._room = room
        self._clock = clock
        self._lock = threading.Lock()
        self._unwritten: dict[tuple[bytes, bytes], int] = {}

    def remember(self, account: str, key_id: bytes, nonce: bytes, expires: int) -> bool:
        """Note a nonce until `expires` (POSIX seconds); False when this key has used it before."""
        now = int(self._clock())
        with self._lock:
            if expires < now or (key_id, nonce) in self._unwritten:
                return False
            if self._office is not None:
                with suppress(StorageFailed, Unavailable):
                    held = self._room.hold(account, NONCE_SIZE)
                    try:
                        return self._office.remember(key_id, nonce, expires, now)
                    finally:
                        held.release()
                if self._office.remembers(key_id, nonce):
                    return False
            self._keep(key_id, nonce, expires, now)
            return True

    def _keep(self, key_id: bytes, nonce: bytes, expires: int, now: int) -> None:
        if len(self._unwritten) >= MAX_UNWRITTEN:
            self._unwritten = {
                each: until for each, until in self._unwritten.items() if until >= now
            }
        if len(self._unwritten) >= MAX_UNWRITTEN:
            raise Unavailable("The notary has too much to do; try again in a minute.")
        self._unwritten[key_id, nonce] = expires
