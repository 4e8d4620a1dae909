"""Age files that are being deleted: no deposit comes to name one meanwhile, and none is entered
without its files.

A deposit is admitted where its files are here, and entered a moment later; what was deleted between the
two would be lost to it. Whoever deletes chooses between two blocks, and withholds what goes until it is
gone. A deposit that was entered before is seen by that choice. One that was admitted before, or comes
meanwhile, is judged again as its block is planned, and refused where a file of it is withheld or gone:
whoever made it uploads that again.

What another process has admitted does not say when. It is judged again for `LATE` seconds after the
last deletion, and after this process began to write: another may have deleted just before.
"""

from collections.abc import Collection
from time import monotonic

from ledger.notary.sequencing.planning import Admitted

LATE = 600.0
"""Seconds after which what other processes have admitted before has come, or was given up long ago."""


class Withholding:
    """What is being deleted now, and how often that began or ended. Changed by whoever has the turn."""

    def __init__(self) -> None:
        self.count = 0
        """To be noted with what is admitted, from before its files are looked for."""
        self.files: frozenset[tuple[str, bytes]] = frozenset()
        self._until = 0.0

    def begin(self, account: str, roots: Collection[bytes]) -> None:
        """Withhold these age files of an account."""
        self.files = frozenset((account, root) for root in roots)
        self.doubt()

    def end(self) -> None:
        """Withhold nothing any more."""
        self.files = frozenset()
        self.doubt()

    def doubt(self) -> None:
        """Have everything judged again that is admitted by now."""
        self.count += 1
        self._until = monotonic() + LATE

    def doubts(self, item: Admitted) -> bool:
        """Return whether an item's files may be gone or going, though it was admitted."""
        if self.files:
            return True
        return monotonic() < self._until if item.remote else item.seen != self.count
