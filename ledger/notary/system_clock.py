"""The system's clocks."""

import time


class SystemClock:
    """The wall clock, and one that counts on while the machine sleeps (CLOCK_BOOTTIME on Linux).

    NTP slews both alike; only a step moves one against the other. macOS counts sleep in this one.
    """

    def wall(self) -> float:
        """Return POSIX seconds, UTC."""
        return time.clock_gettime(time.CLOCK_REALTIME)

    def monotonic(self) -> float:
        """Return seconds since the machine started."""
        return time.clock_gettime(_COUNTS_SLEEP)


_COUNTS_SLEEP = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
SYSTEM_CLOCK = SystemClock()
