"""The register of certificates, kept by whoever holds the notary's directory.

A number is reserved durably before its certificate is made, and given to nobody again, also where the
certificate then never comes to be. What is issued and withdrawn are entries of the ledger.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

from ledger.chain import statement as st
from ledger.chain.office import Issued, Withdrawn, certificate_payload
from ledger.disk.files import write_durably
from ledger.encoding import parse_decimal
from ledger.errors import InvalidInput, MalformedData, NotFound, StorageFailed
from ledger.lines import require_line
from ledger.notary.ports import HighWater
from ledger.notary.sequencing.sequencer import Sequencer
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.quoted import quoted

FILE = "certificate-number"
"""The highest number that was reserved, decimal. Without it the highest that was issued counts."""
MAX_BATCH = 100
"""Certificates that are reserved and entered at once."""
MAX_REASON = 1_000
"""Characters of why a certificate is withdrawn."""


class Register:
    """Reserves numbers, enters certificates, withdraws them. From any thread."""

    def __init__(
        self,
        directory: Path,
        store: LedgerDatabase,
        sequencer: Sequencer,
        high_water: HighWater | None = None,
    ) -> None:
        self._path = directory / FILE
        self._store = store
        self._sequencer = sequencer
        self._high_water = high_water
        self._lock = threading.Lock()

    def reserve(self, count: int) -> int:
        """Reserve that many numbers; return the first.

        Raises InvalidInput, StorageFailed; NotSigning while the high-water mark cannot be read.
        """
        _require_count(count)
        with self._lock:
            marked = 0 if self._high_water is None else self._high_water.number()
            first = max(marked, self._reserved(), self._store.highest_certificate()) + 1
            if self._high_water is not None:
                self._high_water.raise_number(first + count - 1)
            try:
                write_durably(self._path, f"{first + count - 1}\n".encode(), 0o600)
            except OSError as error:
                raise StorageFailed(
                    f"{quoted(self._path)} could not be written ({error.strerror}). Mend the disk, "
                    "then try again."
                ) from error
        return first

    def enter(self, issued: Sequence[Issued]) -> tuple[int, ...]:
        """Enter certificates, together; return their entries.

        Raises InvalidInput for a number that was never reserved, NotFound for one about no deposit,
        Conflict for one that is taken; NotSigning, StorageFailed.
        """
        _require_count(len(issued))
        reserved = self._reserved()
        for each in issued:
            if not 0 < each.number <= reserved:
                raise InvalidInput(f"The number {each.number} was reserved for no certificate.")
            entries = self._store.read(each.entry, each.entry + 1)
            if not entries or entries[0].kind != st.DEPOSIT:
                raise NotFound(f"Entry {each.entry} is no deposit of this ledger.")
        payloads = [(st.CERTIFICATE, certificate_payload(each)) for each in issued]
        return tuple(entry.index for entry in self._sequencer.enter(*payloads).result())

    def withdraw(self, withdrawn: Withdrawn) -> int:
        """Enter that a certificate is withdrawn; return the entry. Raises NotFound, Conflict."""
        payload = certificate_payload(withdrawn)
        return self._sequencer.enter((st.CERTIFICATE, payload)).result()[0].index

    def _reserved(self) -> int:
        return read_reserved(self._path.parent)


def read_reserved(directory: Path) -> int:
    """Return the highest number that was reserved, 0 where none was. Raises InvalidInput."""
    path = directory / FILE
    try:
        return parse_decimal(path.read_text().strip())
    except FileNotFoundError:
        return 0
    except (OSError, UnicodeDecodeError, MalformedData) as error:
        raise InvalidInput(
            f"{quoted(path)} cannot be read ({quoted(error)}). Put the highest number of a "
            "certificate there that was ever given."
        ) from error


def require_reason(text: str) -> str:
    """Return why a certificate is withdrawn, as it will be public. Raises InvalidInput."""
    return require_line(text, MAX_REASON)


def _require_count(count: int) -> None:
    if not 0 < count <= MAX_BATCH:
        raise InvalidInput(f"Between 1 and {MAX_BATCH} certificates are entered at once.")
