"""What time it is, and whether the clock that says so can be believed.

A block states the wall clock's time, and no later block may state less: one block under a wrong clock
would falsify every receipt after it. So the wall clock is compared with one that nobody sets. Where the
two part, nothing is signed until they agree again.

Below the adapters a clock is an argument; `ledger.notary.system_clock` has the system's.
"""

import threading
from typing import Protocol

from ledger.errors import NotSigning
from ledger.language import utc as utc
from ledger.notary.health import Reason

TOLERANCE = 10.0
"""Seconds by which the wall clock may be set: a leap second, a correction after a lost network."""
SLEW = 0.0005
"""Seconds a second at which a tolerated step is taken for right: the most that NTP slews (500 ppm)."""
_STEADY_READING = 0.5
"""Seconds: two clocks read further apart say nothing about each other; the process was held up."""


class Clock(Protocol):
    """Two clocks. `monotonic` counts while the machine sleeps, and nothing sets it."""

    def wall(self) -> float:
        """Return POSIX seconds, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment of this boot."""
        ...


class ClockWatch:
    """Compares the wall clock with the monotonic one, from its own making on.

    Steps that add up to `TOLERANCE` are let pass; they are forgotten at the rate `SLEW`, so that many
    small ones are as much of a jump as one. Every method may be called from any thread.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        wall, monotonic = self._read()
        self._offset, self._seen = wall - monotonic, monotonic

    def now(self) -> float:
        """Return the wall clock's POSIX seconds. Raises NotSigning when it has jumped."""
        wall, jump = self._look()
        if abs(jump) > TOLERANCE:
            raise NotSigning(
                Reason.CLOCK,
                "The notary's clock has jumped; nothing is entered until it is right again. Nothing "
                "was lost: keep the deposit and send it again later.",
                f"the clock says {utc(wall)}, {abs(jump):.0f} s {'more' if jump > 0 else 'less'} than "
                "has passed since the notary started. Set it right, and the notary goes on by itself; "
                "if it is right now, say so with `sealbook notary accept-clock`",
            )
        return wall

    def steady(self) -> float:
        """Return POSIX seconds that no setting of the wall clock moves by more than the tolerance."""
        wall, jump = self._look()
        return wall - jump if abs(jump) > TOLERANCE else wall

    def monotonic(self) -> float:
        """Return the monotonic clock's seconds."""
        return self._clock.monotonic()

    def difference(self) -> float:
        """Return by how many seconds the wall clock was set since it was last taken for right."""
        return self._look()[1]

    def accept(self) -> None:
        """Take what the wall clock says now for right."""
        with self._lock:
            wall, monotonic = self._read()
            self._offset, self._seen = wall - monotonic, monotonic

    def _look(self) -> tuple[float, float]:
        """Return the wall clock's time, and how far it has moved against the monotonic one."""
        with self._lock:
            wall, monotonic = self._read()
            jump = wall - monotonic - self._offset
            if abs(jump) <= TOLERANCE:
                most = SLEW * max(0.0, monotonic - self._seen)
                self._offset += max(-most, min(most, jump))
            self._seen = monotonic
        return wall, jump

    def _read(self) -> tuple[float, float]:
        while True:
            before = self._clock.monotonic()
            wall = self._clock.wall()
            if self._clock.monotonic() - before < _STEADY_READING:
                return wall, before
