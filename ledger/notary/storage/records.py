"""Identity records and particulars of inspections: files that can be erased, unlike the ledger.

    records/<digest>        the record under the digest that its entry holds
    records/staged-<token>  a record on its way from a command to the process that serves

They are outside the databases so that a rebuild does not lose them and an erasure leaves no copy in a
log of changes. Mode 0600.
"""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from ledger.disk.files import sync_folder, write_durably
from ledger.errors import NotFound, StorageFailed
from ledger.quoted import quoted

FOLDER = "records"
_TOKEN_SIZE = 16


class RecordFolder:
    """The folder of records."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, digest: bytes) -> bytes | None:
        """Return a record, None once it was erased."""
        with _storage(self.root):
            try:
                return (self.root / digest.hex()).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, digest: bytes, record: bytes) -> None:
        """Keep a record. Raises StorageFailed."""
        with _storage(self.root):
            write_durably(self.root / digest.hex(), record, 0o600)

    def erase(self, digest: bytes) -> bool:
        """Remove a record; whether there was one."""
        with _storage(self.root):
            try:
                (self.root / digest.hex()).unlink()
            except FileNotFoundError:
                return False
            sync_folder(self.root)
            return True

    def stage(self, record: bytes) -> str:
        """Put a record down for another process; return the token that fetches it."""
        token = secrets.token_hex(_TOKEN_SIZE)
        with _storage(self.root):
            write_durably(self.root / f"staged-{token}", record, 0o600)
        return token

    def fetch(self, token: str) -> bytes:
        """Return a staged record. Raises NotFound."""
        if len(token) != 2 * _TOKEN_SIZE or set(token) - set("0123456789abcdef"):
            raise NotFound("There is no such staged record; give the command again.")
        with _storage(self.root):
            try:
                return (self.root / f"staged-{token}").read_bytes()
            except FileNotFoundError:
                raise NotFound("The staged record is gone; give the command again.") from None

    def unstage(self, token: str) -> None:
        """Remove a staged record."""
        with contextlib.suppress(OSError):
            (self.root / f"staged-{token}").unlink()


@contextlib.contextmanager
def _storage(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"A record in {quoted(root)} could not be read or written "
            f"({error.strerror}); free some "
            "space or mend the disk, then try again."
        ) from error
