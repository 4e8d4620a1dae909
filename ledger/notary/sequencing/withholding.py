"""Age files that are being deleted: no deposit comes to name one meanwhile, and none is entered
without its files.

A deposit is admitted where its files are here, and entered a moment later; what was deleted between the
two would be lost to it. Whoever deletes chooses between two blocks, and withholds what goes until it is
gone. A deposit that was entered before is seen by that choice. One that was admitted before, or comes
meanwhile, is judged again as its block is planned, and refused where a file of it is withheld or gone:
whoever made it uploads that again.

What another process has admitted does not say when. It is judged again for `LATE` seconds after a
deletion from its account; of all accounts after this process began to write, where another may have
deleted just before.
"""

from collections.abc import Collection
from time import monotonic

from ledger.notary.sequencing.planning import Admitted

LATE = 60.0
"""Seconds after which what other processes had admitted before has come, or was given up by them."""


class Withholding:
    """What is being deleted now, and how often that began or ended. For whoever has the turn."""

    def __init__(self) -> None:
        self.count = 0
        """To be noted with what is admitted, from before its files are looked for."""
        self.files: frozenset[tuple[str, bytes]] = frozenset()
        self._account: str | None = None
        self._late: dict[str, float] = {}
        self._all_late = 0.0

    def begin(self, account: str, roots: Collection[bytes]) -> None:
        """Withhold these age files of an account."""
        self._account, self.files = account, frozenset((account, root) for root in roots)
        self.count += 1

    def end(self) -> None:
        """Withhold nothing any more."""
        now = monotonic()
        self._late = {account: until for account, until in self._late.items() if until > now}
        if self._account is not None:
            self._late[self._account] = now + LATE
        self._account, self.files = None, frozenset()
        self.count += 1

    def take_over(self, *, deleted: bool) -> None:
        """Begin to write, where another process may have deleted lately or cannot have."""
        self.count += 1
        if deleted:
            self._all_late = monotonic() + LATE

    def doubts(self, item: Admitted) -> bool:
        """Return whether an item's files may be gone or going, though it was admitted."""
        account = item.statement.issuer
        if account == self._account:
            return True
        if item.remote:
            return monotonic() < max(self._all_late, self._late.get(account, 0.0))
        return item.seen != self.count
