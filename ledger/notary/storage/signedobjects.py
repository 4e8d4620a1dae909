"""Copies of the signed checkpoints in a bucket, where nothing can be appended to.

    log/signed/<N>.d/<height>   one checkpoint, a frame as in `signedlog`
    log/signed/<N>              the 1024 of file N, packed at the first one after them; then those go

Each is put where there is nothing: whoever would sign another checkpoint of the same height is stopped
here, before its own is swapped into the database.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from ledger.notary.ports import SIGNED_IN_A_FILE, SignedCheckpoint
from ledger.notary.storage.bucketfiles import BucketFiles
from ledger.notary.storage.signedlog import (
    FOLDER,
    format_frame,
    in_order,
    newest,
    parse_frames,
)

_READERS = 16
"""Objects that are read side by side."""


class SignedObjects:
    """The objects under `log/signed`. One process writes; methods raise StorageFailed."""

    def __init__(self, files: BucketFiles) -> None:
        self._files = files

    def append(self, checkpoint: SignedCheckpoint) -> None:
        """Add the next checkpoint, durably. Raises LedgerFault where another of this height stands."""
        number, place = divmod(checkpoint.height, SIGNED_IN_A_FILE)
        self._files.write(_single(checkpoint.height), format_frame(checkpoint))
        if place == 0 and number and not self._files.exists(_packed(number - 1)):
            self._pack(number - 1)

    def write(self, number: int, checkpoints: Sequence[SignedCheckpoint]) -> None:
        """Put copies in place of whatever is there."""
        frames = [format_frame(each) for each in checkpoints]
        if len(frames) == SIGNED_IN_A_FILE:
            self._files.replace(_packed(number), b"".join(frames), lambda _: True)
            self._files.drop_all(_folder(number))
            return
        wanted = {
            _single(each.height): frame for each, frame in zip(checkpoints, frames, strict=True)
        }
        for name, frame in wanted.items():
            if self._files.read(name) != frame:
                self._files.replace(name, frame, lambda _: True)
        for each in self._files.names(_folder(number)):
            if f"{_folder(number)}/{each}" not in wanted:
                self._files.drop(f"{_folder(number)}/{each}")
        self._files.drop(_packed(number))  # only now: these have taken its place

    def read(self, number: int) -> tuple[list[SignedCheckpoint], bool]:
        """Return the checkpoints of a file, as far as they can be read, and whether that is all of it.

        Nothing of them is verified. A file that is missing has none, and that is all of it.
        """
        first = number * SIGNED_IN_A_FILE
        packed = self._files.read(_packed(number))
        if packed is not None:
            found, end = parse_frames(packed, first)
            return found, end == len(packed)
        found = []
        with ThreadPoolExecutor(_READERS) as pool:
            for each in pool.map(self._at, self._singles(number)):
                if each is None or each.height != first + len(found):
                    return found, False
                found.append(each)
        return found, True

    def holds(self, number: int, checkpoints: Sequence[SignedCheckpoint]) -> bool:
        """Return whether these and nothing else are there, which their names say: each is put whole.

        Only the newest is read. To read up to 1,024 would let all wait for whoever takes over.
        """
        names = [_single(each.height) for each in checkpoints]
        if self._files.exists(_packed(number)) or names != self._singles(number):
            return self.read(number) == (list(checkpoints), True)
        return not names or self._at(names[-1]) == checkpoints[-1]

    def numbers(self) -> list[int]:
        """Return the numbers of the files that there are, in order."""
        packed = {int(each) for each in self._files.names(FOLDER) if each.isdecimal()}
        number = max(packed, default=-1)
        while self._files.names(_folder(number := number + 1)):
            packed.add(number)
        return sorted(packed)

    def all(self) -> Iterator[SignedCheckpoint]:
        """Yield the checkpoints in order, up to the first that is missing or cannot be read."""
        return in_order(self)

    def last(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint that can be read, None when there is none."""
        for number in reversed(self.numbers()):
            if self._files.exists(_packed(number)):
                return newest(self)
            for name in reversed(self._singles(number)):
                if (found := self._at(name)) is not None:
                    return found
        return None

    def _singles(self, number: int) -> list[str]:
        """Return the names of a file's checkpoints that lie by themselves, in order."""
        return [f"{_folder(number)}/{each}" for each in self._files.names(_folder(number))]

    def _at(self, name: str) -> SignedCheckpoint | None:
        """Return the checkpoint of this name, None where it cannot be read."""
        data, height = self._files.read(name) or b"", name.rpartition("/")[2]
        found, end = parse_frames(data, int(height) if height.isdecimal() else -1)
        return found[0] if len(found) == 1 and end == len(data) else None

    def _pack(self, number: int) -> None:
        found, whole = self.read(number)
        if not whole or len(found) != SIGNED_IN_A_FILE:
            return  # one is missing or was altered: `fsck` says so, and `write` puts it right
        self._files.write(_packed(number), b"".join(format_frame(each) for each in found))
        self._files.drop_all(_folder(number))


def _packed(number: int) -> str:
    return f"{FOLDER}/{number:09}"


def _folder(number: int) -> str:
    return f"{_packed(number)}.d"


def _single(height: int) -> str:
    return f"{_folder(height // SIGNED_IN_A_FILE)}/{height:012}"
