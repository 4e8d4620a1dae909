"""How often something may be done: the generic cell rate algorithm (ITU-T I.371, annex A).

    T = 60 / per_minute          due = when one more may come, at one each T
    allowed at now   <=>   due - now <= 60 - T          due := max(due, now) + T

So a whole minute's share may come at once, and from then on one each T; what is refused is told exactly
when the next one is allowed. Who has done nothing for a minute is not remembered.
"""

import threading
import time
from collections.abc import Callable

MINUTE = 60.0
MOST = 1 << 16
"""Those that are remembered: 8 MiB of addresses. Whoever has more of them is not stopped by a rate."""
_ROUNDING = 1e-6
"""Seconds by which sums of fractions may be off."""


class Rates:
    """Counts from its making on. Any thread may call it; no setting of the clock moves it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._due: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, who: str, per_minute: int) -> float:
        """Count one more of `who`, and return 0; or the seconds to wait, and count nothing.

        `per_minute` is above 0.
        """
        each = MINUTE / per_minute
        with self._lock:
            now = self._monotonic()
            due = max(self._due.get(who, now), now)
            if (wait := due - now - MINUTE + each) > _ROUNDING:
                return wait
            self._due[who] = due + each
            if len(self._due) > MOST:
                self._forget(now)
            return 0.0

    def _forget(self, now: float) -> None:
        """Drop what says nothing any more; where that is too little, everything."""
        self._due = {who: due for who, due in self._due.items() if due > now}
        if len(self._due) > MOST // 2:  # or this would be done for each that comes
            self._due.clear()
