"""Whether a bucket can be written now and is the right one, for those who ask all the time."""

import threading
import time
from contextlib import suppress

from ledger.errors import StorageFailed
from ledger.notary.storage.bucket import PROBE, Bucket
from ledger.notary.storage.landmark import Landmark

EVERY = 5.0
"""Seconds for which an answer is good."""


class BucketProbe:
    """Puts a small object now and then, and looks for the landmark, in the background.

    `here` is whether that stood at the start. Any thread may ask.
    """

    def __init__(self, bucket: Bucket, landmark: Landmark, *, here: bool) -> None:
        self._bucket = bucket
        self._landmark = landmark
        self._found = True
        self._here = here
        self._until = 0.0
        self._lock = threading.Lock()

    def answers(self) -> bool:
        """Return whether the bucket could be written at the last look, at once."""
        self._look_again()
        return self._found

    def is_here(self) -> bool:
        """Return whether the landmark stood when the bucket answered last, at once."""
        self._look_again()
        return self._here

    def _look_again(self) -> None:
        """Have it looked again where the last look is old."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._until = float("inf")
                threading.Thread(target=self._look, name="probing", daemon=True).start()

    def _look(self) -> None:
        found = False
        try:
            with suppress(StorageFailed):
                self._bucket.put(PROBE, b"", {})
                self._here = self._landmark.stands()
                found = True
        finally:
            self._found, self._until = found, time.monotonic() + EVERY
