"""The high-water mark: how far the ledger has been signed, kept where its own files are not.

    <place>/<origin>/checkpoint             the newest signed note
    <place>/<origin>/certificate-number     the highest number of a certificate that was reserved

The place is a folder on another medium, or `s3://...`. Who brings back an old copy of everything else
is told here, before anything is signed. The mark is raised after a checkpoint was swapped into its
store and before anybody is answered: it is never ahead of the ledger, and never behind a receipt.
A mark that has gone is not made anew by itself: an empty folder is what a medium leaves that is not
mounted.
"""

import time
from pathlib import Path

from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import parse_note
from ledger.disk.wholefiles import FolderFiles, WholeFiles
from ledger.encoding import parse_decimal
from ledger.errors import InvalidInput, MalformedData, NotSigning, StorageFailed
from ledger.notary.health import Reason
from ledger.notary.storage.bucket import open_bucket, parse_objects_url
from ledger.notary.storage.bucketfiles import BucketFiles
from ledger.notary.storage.logfiles import may_follow
from ledger.quoted import quoted

CHECKPOINT, NUMBER = "checkpoint", "certificate-number"
LOOK_EVERY = 1.0
"""Seconds for which a look at the mark is believed by who only wants to know whether it is there."""


def parse_high_water(value: object) -> str | None:
    """Return where the mark is kept; None for nowhere. Raises InvalidInput."""
    match value:
        case None:
            return None
        case str() if value.startswith("s3://"):
            parse_objects_url(value)
            return value
        case str() if value.startswith("/") and value.isprintable():
            return value
    raise InvalidInput(
        "The high-water mark is kept in a folder, named by its whole path, or at s3://bucket/prefix."
    )


def open_high_water(place: str | None, origin: str) -> "HighWater | None":
    """Return the mark of a ledger, None where it has none. Raises InvalidInput."""
    if place is None:
        return None
    name = origin.replace("/", "-")
    if place.startswith("s3://"):
        return HighWater(BucketFiles(open_bucket(place), name))
    return HighWater(FolderFiles(Path(place) / name, 0o600))


class HighWater:
    """The mark. Methods raise NotSigning where it has gone or cannot be read, and StorageFailed."""

    def __init__(self, files: WholeFiles) -> None:
        self._files = files
        self._looked = -LOOK_EVERY
        self._trouble: NotSigning | None = None

    def require_held(self) -> None:
        """Raise NotSigning where the mark was not there a moment ago."""
        now = time.monotonic()
        if now - self._looked >= LOOK_EVERY:
            self._looked, self._trouble = now, None
            try:
                self.note()
            except NotSigning as error:
                self._trouble = error
        if self._trouble is not None:
            raise self._trouble

    def note(self) -> str:
        """Return the note up to which was signed."""
        note = self._read(CHECKPOINT)
        try:
            parse_checkpoint(parse_note(note).text)
        except MalformedData as error:
            raise _gone(f"{quoted(self._files.where(CHECKPOINT))} is damaged") from error
        return note

    def number(self) -> int:
        """Return the highest number of a certificate that was reserved."""
        try:
            return parse_decimal(self._read(NUMBER).strip())
        except MalformedData as error:
            raise _gone(f"{quoted(self._files.where(NUMBER))} is no number") from error

    def raise_note(self, note: str) -> None:
        """Let the mark be at a note; there is one already, and it is never lowered.

        Raises NotSigning where it cannot be written, too.
        """
        size = parse_checkpoint(parse_note(note).text).size
        if not may_follow(self.note().encode(), size):
            raise self._raised(CHECKPOINT)
        try:
            self._files.replace(CHECKPOINT, note.encode(), lambda old: may_follow(old, size))
        except StorageFailed as error:
            raise NotSigning(
                Reason.HIGH_WATER,
                "The notary's high-water mark cannot be written, and no receipt is given until it can. "
                "Nothing was lost: keep the deposit and send it again later.",
                f"the high-water mark cannot be written ({error}), so nobody is answered about the "
                "last block, which is signed: look after the mark's medium, or the object store; the "
                "notary goes on by itself",
            ) from error

    def raise_number(self, number: int) -> None:
        """Let the mark be at a number, which is higher than the one that it is at."""
        self.require_held()
        if self.number() >= number:
            raise self._raised(NUMBER)
        self._files.replace(NUMBER, f"{number}\n".encode(), lambda old: _is_below(old, number))

    def is_there(self) -> bool:
        """Return whether there is a mark."""
        return self._files.exists(CHECKPOINT)

    def begin(self, note: str, number: int) -> None:
        """Make the mark where there is none."""
        self._files.replace(NUMBER, f"{number}\n".encode(), lambda _: True)
        self._files.replace(CHECKPOINT, note.encode(), lambda _: True)

    def _raised(self, name: str) -> StorageFailed:
        return StorageFailed(
            f"Another process has raised {quoted(self._files.where(name))} meanwhile. Only one may "
            "write for a ledger."
        )

    def _read(self, name: str) -> str:
        try:
            data = self._files.read(name)
            if data is not None:
                return data.decode()
        except (StorageFailed, UnicodeDecodeError) as error:
            raise _gone(str(error)) from error
        raise _gone(f"{quoted(self._files.where(name))} is not there")


def _is_below(old: bytes, number: int) -> bool:
    try:
        return parse_decimal(old.decode().strip()) < number
    except (UnicodeDecodeError, MalformedData):
        return False


def _gone(why: str) -> NotSigning:
    return NotSigning(
        Reason.HIGH_WATER,
        "The notary's high-water mark cannot be read; nothing is entered until it can. Nothing was "
        "lost: keep the deposit and send it again later.",
        f"the high-water mark cannot be read ({why}): mount its medium, or look after the object "
        "store. If it is lost for good and no other copy of this notary can have signed, stop the "
        "notary and make it anew with `sealbook notary high-water PLACE --anew`",
    )
