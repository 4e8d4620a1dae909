"""What is under way: how many statements, who waits for them, and why nothing is entered any more."""

import threading
from collections.abc import Iterable

from ledger.errors import LedgerFault, SealbookError, Unavailable
from ledger.notary.ports import Room
from ledger.notary.sequencing.planning import Admitted, OwnEntries, Submitted
from ledger.quoted import Message, quoted

MAX_WAITING = 65_536
"""Statements under way at once: about 100 MB. More are sent away to come again."""

Waiting = Submitted | Admitted | OwnEntries


class UnderWay:
    """Every method may be called from any thread. `fault` is set once, and stays."""

    def __init__(self, room: Room) -> None:
        self.fault: LedgerFault | None = None
        self._room = room
        self._lock = threading.Lock()
        self._count = 0
        self._closing = False

    def begin(self, count: int) -> None:
        """Count statements in. Raises Unavailable when too many are, or at the end; LedgerFault."""
        self._room.require_writable()
        with self._lock:
            if self._closing:
                raise Unavailable("The notary is stopping; try again in a minute.")
            self.require_sound()
            if self._count + count > MAX_WAITING:
                raise Unavailable("The notary has too much to do; try again in a minute.")
            self._count += count

    @property
    def count(self) -> int:
        """How many items wait for their answer."""
        return self._count

    def close(self) -> bool:
        """Let nothing in any more; return whether that was so before."""
        with self._lock:
            before, self._closing = self._closing, True
        return before

    def require_sound(self) -> None:
        """Raise LedgerFault once the ledger has contradicted itself."""
        if self.fault is not None:
            raise LedgerFault(str(self.fault)) from self.fault

    def end(self, item: Waiting) -> None:
        """Count an item out, before it is answered."""
        with self._lock:
            self._count -= 1
        if isinstance(item, Admitted) and item.held is not None:
            item.held.release()

    def refuse(self, item: Waiting, error: SealbookError) -> None:
        """Answer an item with an error."""
        self.end(item)
        item.future.set_exception(error)

    def fail(self, items: Iterable[Waiting], error: SealbookError) -> None:
        """Answer what was not answered yet with an error, which may be the fault that ends it all."""
        if isinstance(error, LedgerFault):
            self.fault = error
        for item in items:
            if not item.future.done():
                self.refuse(item, error)


_STOPPED: Message = (
    "Nothing more is entered; stop it, keep its files and run `sealbook notary fsck`."
)


def bug(error: Exception, then: Message = _STOPPED) -> LedgerFault:
    """Return the fault that an error of ours is."""
    fault = LedgerFault(
        f"The notary failed in a way that it was not made for ({type(error).__name__}: "
        f"{quoted(error)}). {then}"
    )
    fault.__cause__ = error
    return fault
