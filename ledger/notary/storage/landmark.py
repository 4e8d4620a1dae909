"""The file that has to lie where the ciphertext does, so that an empty place is not taken for it.

    objects/ledger    the ledger's origin, and 16 random bytes in hexadecimal, a line each
    objects-mark      the same, in the notary's directory: which of several such places counts

A folder whose disk is not mounted and a bucket that was made anew look alike: nothing is there. What is
written then is hidden once the disk is back, and what is looked for counts as lost. So it is looked at
before each block, and before whatever concludes anything from a file that is missing. It is never made
anew by itself where nothing of what should lie beside it does (`ledger.notary.care.whereabouts`).

A disk that is mounted over a folder hides the file in it, and shows it once it is gone: so the newest
one alone counts. Several hosts with one bucket have no second copy.
"""

from secrets import token_hex

from ledger.disk.wholefiles import WholeFiles
from ledger.errors import StorageFailed
from ledger.quoted import Message, quoted

NAME, MARK = "ledger", "objects-mark"
_TOKEN = 16
TO_DO: Message = (
    "Mount the disk, or look after the bucket. If they are lost, stop the notary and put `objects` "
    "back from the newest backup; what is in none is given up with `sealbook notary fsck --lost`."
)


class NotHere(StorageFailed):
    """The ciphertext is not here, as a whole. Its words name a path and nobody."""


class Landmark:
    """That file. Methods raise StorageFailed where the place cannot be read or written."""

    def __init__(self, files: WholeFiles, origin: str, beside: WholeFiles | None = None) -> None:
        self._files, self._beside = files, beside
        self._start = f"{origin}\n".encode()

    def stands(self) -> bool:
        """Return whether it is there, this ledger's, and the newest one."""
        found = self._files.read(NAME)
        newest = None if self._beside is None else self._beside.read(MARK)
        return found is not None and found.startswith(self._start) and newest in (None, found)

    def is_anothers(self) -> bool:
        """Return whether it is there, and another ledger's."""
        found = self._files.read(NAME)
        return found is not None and not found.startswith(self._start)

    def put(self) -> None:
        """Make it, where another ledger's does not stand."""
        made = self._start + f"{token_hex(_TOKEN)}\n".encode()
        self._files.write(NAME, made)
        if self._beside is not None:
            self._beside.write(MARK, made)

    def require(self) -> None:
        """Raise NotHere unless it stands."""
        if not self.stands():
            raise NotHere(self.gone)

    @property
    def where(self) -> str:
        """What to call it in a message."""
        return self._files.where(NAME)

    @property
    def gone(self) -> Message:
        """What to say, and to do, where it does not stand."""
        return (
            f"{quoted(self.where)} is not there, or is another ledger's: this is not the place where "
            f"the deposited age files lie, or they are gone from it. {TO_DO}"
        )
