"""How a notary is: what keeps it from taking deposits, by name. No reason means that all is well.

Whoever notices sets a reason, and clears it once it has passed; `/health` tells of them. Reading goes
on under every one, as far as what is read can be reached. What will keep it from taking deposits unless
somebody acts is a warning.
"""

from enum import StrEnum
from typing import Literal


class Reason(StrEnum):
    """Why nothing is entered now, the gravest first."""

    FAULT = "fault"
    """The ledger contradicts itself; a person has to look."""
    READ_ONLY = "read-only"
    """Its directory cannot be written."""
    FULL = "full"
    """The disk has no more room than the ledger itself needs to finish what it has begun."""
    CLOCK = "clock"
    """The clock has jumped, or the newest block lies ahead of it."""
    SEAL_EXPIRED = "seal-expired"
    """The certificate of the seal, or its root, has run out or is not valid yet."""
    KEYS_GONE = "keys-gone"
    """The PKCS#11 token that holds the keys does not answer."""
    FILE_GONE = "file-gone"
    """A database was removed or replaced under the running notary."""
    OBJECTS_GONE = "objects-gone"
    """The ciphertext is not where it lies: its disk is not mounted, or the bucket was made anew."""
    DATABASE = "database"
    """The database does not answer, or another process of this ledger writes to it."""
    HANGS = "hangs"
    """Whoever writes has come no further with a block for two minutes."""
    WRITING = "writing"
    """The last block could not be written, and nothing shows that the next one can be."""
    OBJECTS = "objects"
    """The bucket for ciphertext and log cannot be written."""
    WITNESS = "witness"
    """A witness has cosigned a longer or another history of this ledger than there is here."""
    HIGH_WATER = "high-water"
    """The high-water mark, which is kept elsewhere, cannot be read or written."""
    SELF_CHECK = "self-check"
    """A receipt that was to be given does not verify under the notary's own trust file."""


class Warn(StrEnum):
    """What somebody has to see to before it becomes a reason."""

    SEAL_EXPIRES = "seal-expires"
    """The certificate of the seal, or its root, runs out within weeks."""


class Health:
    """The reasons that hold now. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._found: set[Reason | Warn] = set()
        self._reasons: tuple[Reason, ...] = ()

    def set(self, reason: Reason | Warn) -> None:
        """Note that a reason or warning holds."""
        if reason not in self._found:
            self._found.add(reason)
            self._sort()

    def clear(self, reason: Reason | Warn) -> None:
        """Note that it has passed."""
        if reason in self._found:
            self._found.discard(reason)
            self._sort()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The reasons that hold, the gravest first."""
        return self._reasons

    @property
    def warnings(self) -> tuple[Warn, ...]:
        """The warnings that hold."""
        return tuple(each for each in Warn if each in self._found)

    @property
    def status(self) -> Reason | Literal["ok"]:
        """The gravest reason, or "ok"."""
        return next(iter(self.reasons), "ok")

    def _sort(self) -> None:
        self._reasons = tuple(each for each in Reason if each in self._found)
