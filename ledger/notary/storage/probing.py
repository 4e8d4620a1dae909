"""Whether a bucket can be written now, for those who ask all the time."""

import threading
import time
from contextlib import suppress

from ledger.errors import StorageFailed
from ledger.notary.storage.bucket import PROBE, Bucket

EVERY = 5.0
"""Seconds for which an answer is good."""


class BucketProbe:
    """Puts a small object now and then, in the background. Any thread may ask."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._found = True
        self._until = 0.0
        self._lock = threading.Lock()

    def answers(self) -> bool:
        """Return what was found last, at once; have it looked again where that is old."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._until = float("inf")
                threading.Thread(target=self._look, name="probing", daemon=True).start()
        return self._found

    def _look(self) -> None:
        found = False
        try:
            with suppress(StorageFailed):
                self._bucket.put(PROBE, b"", {})
                found = True
        finally:
            self._found, self._until = found, time.monotonic() + EVERY
