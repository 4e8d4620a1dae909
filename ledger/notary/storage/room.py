"""The room on the notary's disk: who may still write how much.

    room = free - RESERVE - held        held: asked for, and not yet written

Whatever a depositor can make the notary write asks first, by `hold`, and lets go once it is written;
who is refused has written nothing. The reserve is nobody's: the ledger finishes from it the blocks of
what was admitted, and the office revokes keys on a disk that is full for everybody else.

First come, first served down to `TIGHT`. What is left then is shared out: each account may take `SHARE`
of it, so that none alone can take the room from the others. It may again once there is room again.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Self

from ledger.errors import NoRoom, StorageFailed, Unavailable
from ledger.notary.health import Health, Reason
from ledger.quoted import quoted

RESERVE = 256 << 20
"""Bytes. A block of 256 entries at their largest is 16 MiB: bundle, the one that it replaces, and rows.
The logs of changes of the two databases grow to some 32 MiB each, and once more by such a block. That
makes 130 MiB; as much again for what the office enters while the disk is full."""
TIGHT = 1 << 30
"""Bytes above the reserve under which the rest is shared out."""
SHARE = TIGHT // 16
"""Bytes of an account's part: sixteen accounts would have to work together to take all."""
ROOM_FOR_ONE = 1 << 20
"""Bytes above the reserve under which the disk counts as full: less than a small deposit may need."""
SPARE_FILES = 16_384
"""Files that the file system must still be able to make, where it has a limit (inodes)."""
FRESH = 0.1
"""Seconds that a look at a disk with plenty of room is good for: each look lets other threads by."""
_PAGE = 4_096

Measure = Callable[[Path], os.statvfs_result]


def on_disk(size: int) -> int:
    """Return the bytes that a file of `size` bytes takes: whole pages, and one for its name."""
    return (size + _PAGE - 1) // _PAGE * _PAGE + _PAGE


class Hold:
    """Room that is asked for; given back by `release` or at the end of the block."""

    __slots__ = ("_room", "_size")

    def __init__(self, room: "DiskRoom", size: int) -> None:
        self._room = room
        self._size = size

    def release(self) -> None:
        """Give it back: it is written, or is not going to be."""
        size, self._size = self._size, 0
        self._room._release(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class DiskRoom:
    """The room for one directory, and what its disk says of the notary's health.

    `reading` is for a notary that was opened for reading only. Every method may be called from any
    thread.
    """

    def __init__(
        self,
        place: Path,
        health: Health | None = None,
        *,
        reserve: int = RESERVE,
        tight: int = TIGHT,
        share: int = SHARE,
        reading: bool = False,
        measure: Measure = os.statvfs,
    ) -> None:
        self.health = health or Health()
        self._place = place
        self._reserve = reserve
        self._tight = tight
        self._share = share
        self._reading = reading
        self._measure = measure
        self._lock = threading.RLock()
        self._held = 0
        self._left = 0
        """The room at the last look, less all that was asked for since."""
        self._until = 0.0
        self._taken: Counter[str] = Counter()

    def look(self) -> int:
        """Return the room, and let the health say whether the disk is full or cannot be written."""
        try:
            found = self._measure(self._place)
        except OSError as error:
            raise StorageFailed(
                f"{quoted(self._place)} cannot be looked at ({error.strerror}); mend the "
                "disk, then start the "
                "notary again."
            ) from error
        crowded = found.f_files and found.f_favail < SPARE_FILES
        room = -1 if crowded else found.f_bavail * found.f_frsize - self._reserve
        self._say(Reason.FULL, room < ROOM_FOR_ONE)
        fixed = found.f_flag & os.ST_RDONLY or not os.access(self._place, os.W_OK)
        self._say(Reason.READ_ONLY, bool(self._reading or fixed))
        with self._lock:
            self._left = room - self._held
            self._until = time.monotonic() + FRESH
        return room

    def hold(self, account: str | None, size: int) -> Hold:
        """Take room for `size` bytes that are going to be written, for an account or for nobody.

        Raises NoRoom, Unavailable when the disk cannot be written, StorageFailed.
        """
        with self._lock:
            below = self._require(account, size)
            if account is not None:
                self._taken[account] += below
            self._held += size
            self._left -= size
        return Hold(self, size)

    def require(self, account: str, size: int) -> None:
        """Raise what `hold` raises, and take nothing: for what is written bit by bit later."""
        with self._lock:
            self._require(account, size)

    def require_writable(self) -> None:
        """Raise Unavailable when the disk cannot be written at all."""
        self._look_to_write(0)

    def _look_to_write(self, size: int) -> int:
        plenty = self._left - size >= self._tight and not self.health.reasons
        if not plenty or time.monotonic() >= self._until:
            self.look()
        if Reason.READ_ONLY in self.health.reasons:
            raise Unavailable(
                "The notary's disk can only be read now, so nothing is entered. Nothing is lost; try "
                "again when the notary office has mended it."
            )
        return self._left

    def _require(self, account: str | None, size: int) -> int:
        """Return how much of `size` lies in what is shared out."""
        room = self._look_to_write(size)
        if room >= self._tight:
            self._taken.clear()
        if room < size:
            raise NoRoom(
                f"The notary's disk has no room for these {size} bytes now. Nothing is lost; try again "
                "when the notary office has made room."
            )
        below = min(size, max(0, self._tight - (room - size)))
        if account is not None and self._taken[account] + below > self._share:
            raise NoRoom(
                "The notary's disk is nearly full, and this account has had its part of what is left. "
                "Nothing is lost; try again when the notary office has made room."
            )
        return below

    def _release(self, size: int) -> None:
        with self._lock:
            self._held -= size

    def _say(self, reason: Reason, holds: bool) -> None:
        if holds:
            self.health.set(reason)
        else:
            self.health.clear(reason)
