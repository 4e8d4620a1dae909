"""Identity records and particulars of inspections: files that can be erased, unlike the ledger.

    records/<digest>        the record under the digest that its entry holds
    records/staged-<token>  a record on its way from a command to the process that serves

They are outside the databases so that a rebuild does not lose them and an erasure leaves no copy in a
log of changes. In a folder their mode is 0600.
"""

import contextlib
import secrets
from pathlib import Path

from ledger.disk.wholefiles import FolderFiles, WholeFiles
from ledger.errors import NotFound, StorageFailed

FOLDER = "records"
_TOKEN_SIZE = 16


def record_folder(root: Path) -> "RecordStore":
    """Return the records in a folder of this disk."""
    return RecordStore(FolderFiles(root, 0o600))


class RecordStore:
    """The records, wherever their files lie. Methods raise StorageFailed."""

    def __init__(self, files: WholeFiles) -> None:
        self.files = files

    def read(self, digest: bytes) -> bytes | None:
        """Return a record, None once it was erased."""
        return self.files.read(digest.hex())

    def write(self, digest: bytes, record: bytes) -> None:
        """Keep a record."""
        self.files.write(digest.hex(), record)

    def erase(self, digest: bytes) -> bool:
        """Remove a record; whether there was one."""
        return self.files.remove(digest.hex())

    def names(self) -> list[str]:
        """Return the digests, in hex, of the records that there are; what is staged is named so."""
        return self.files.names()

    def stage(self, record: bytes) -> str:
        """Put a record down for another process; return the token that fetches it."""
        token = secrets.token_hex(_TOKEN_SIZE)
        self.files.write(f"staged-{token}", record)
        return token

    def fetch(self, token: str) -> bytes:
        """Return a staged record. Raises NotFound."""
        if len(token) != 2 * _TOKEN_SIZE or set(token) - set("0123456789abcdef"):
            raise NotFound("There is no such staged record; give the command again.")
        data = self.files.read(f"staged-{token}")
        if data is None:
            raise NotFound("The staged record is gone; give the command again.")
        return data

    def unstage(self, token: str) -> None:
        """Remove a staged record."""
        with contextlib.suppress(StorageFailed):
            self.files.remove(f"staged-{token}")
