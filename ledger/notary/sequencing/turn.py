"""The turn to change the ledger's end: one thread has it at a time, and it is seen when that hangs."""

import threading
from time import monotonic
from types import TracebackType
from typing import Self

LONGEST_STEP = 120.0
"""Seconds without a step after which whoever has the turn hangs: a statement of the database and a
request to a bucket end after 30, and a step is a few of them."""


class Turn:
    """A lock. Whoever has it says of each step that it has come so far."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: float | None = None

    def acquire(self, *, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the turn, within `timeout` seconds where it is given; return whether it was possible."""
        if not self._lock.acquire(blocking, timeout):
            return False
        self._since = monotonic()
        return True

    def release(self) -> None:
        """Give the turn away."""
        self._since = None
        self._lock.release()

    def advance(self) -> None:
        """Note that whoever has the turn has come a step further, where anybody has it."""
        if self._since is not None:
            self._since = monotonic()

    @property
    def hangs(self) -> bool:
        """Whether whoever has the turn has come no further for `LONGEST_STEP`."""
        since = self._since
        return since is not None and monotonic() - since > LONGEST_STEP

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
