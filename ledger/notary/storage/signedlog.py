"""`log/signed/`: every signed checkpoint as files, from which a lost `checkpoints.sqlite` is made.

    log/signed/<N>      checkpoints N * 1024 ... N * 1024 + 1023, each a frame:
                        4 bytes, its length, big-endian, then CBOR
                        [height, size, note, seal's protected header, seal's signature]

A frame is durable before its checkpoint is swapped into the database, so the files are never behind it.
Frames are only appended; a crash can leave part of one at the end, which counts for nothing.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import parse_note
from ledger.chain.seal import Seal
from ledger.disk.files import sync, sync_folder, write_durably
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData, StorageFailed
from ledger.notary.ports import SIGNED_IN_A_FILE, SignedCheckpoint, SignedCopies
from ledger.quoted import quoted

FOLDER = "signed"
MAX_FRAME = 1 << 18
"""Bytes: a note with every cosignature that its parser takes, and a certificate."""
_PREFIX = 4


class SignedLog:
    """The folder `log/signed`. One process writes; methods raise StorageFailed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._sizes: dict[int, int] = {}

    def append(self, checkpoint: SignedCheckpoint) -> None:
        """Add the next checkpoint, durably.

        Raises StorageFailed when the file is not as this process has left it; `write` mends that.
        """
        number = checkpoint.height // SIGNED_IN_A_FILE
        path = self._path(number)
        expected = 0 if checkpoint.height % SIGNED_IN_A_FILE == 0 else self._sizes.get(number, -1)
        with _storage(path):
            new = expected == 0 and not path.exists()
            if new:
                _make(self.root)
            flags = os.O_WRONLY | os.O_APPEND | (os.O_CREAT if new else 0)
            descriptor = os.open(path, flags, 0o600)
            try:
                if os.fstat(descriptor).st_size != expected:
                    raise StorageFailed(
                        f"{quoted(path)} was changed by somebody else; the next block writes it anew."
                    )
                frame = format_frame(checkpoint)
                os.write(descriptor, frame)
                sync(descriptor)
                if os.fstat(descriptor).st_size != expected + len(frame):
                    raise StorageFailed(
                        f"{quoted(path)} could not be written whole; free some space."
                    )
            finally:
                os.close(descriptor)
            if new:
                sync_folder(self.root)
        self._sizes[number] = expected + len(frame)

    def write(self, number: int, checkpoints: Sequence[SignedCheckpoint]) -> None:
        """Put a whole file in place of whatever is there."""
        path = self._path(number)
        data = b"".join(format_frame(each) for each in checkpoints)
        with _storage(path):
            _make(self.root)
            write_durably(path, data, 0o600)
        self._sizes[number] = len(data)

    def read(self, number: int) -> tuple[list[SignedCheckpoint], bool]:
        """Return the checkpoints of a file, as far as they can be read, and whether that is all of it.

        Nothing of them is verified. A file that is missing has none, and that is all of it.
        """
        path = self._path(number)
        with _storage(path):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                return [], True
        found, self._sizes[number] = parse_frames(data, number * SIGNED_IN_A_FILE)
        return found, self._sizes[number] == len(data)

    def holds(self, number: int, checkpoints: Sequence[SignedCheckpoint]) -> bool:
        """Return whether a file holds these and nothing else."""
        return self.read(number) == (list(checkpoints), True)

    def numbers(self) -> list[int]:
        """Return the numbers of the files that there are, in order."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(int(each.name) for each in self.root.iterdir() if each.name.isdecimal())
        return []

    def all(self) -> Iterator[SignedCheckpoint]:
        """Yield the checkpoints in order, up to the first that is missing or cannot be read."""
        return in_order(self)

    def last(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint that can be read, None when there is none."""
        return newest(self)

    def _path(self, number: int) -> Path:
        return self.root / f"{number:09}"


def in_order(copies: SignedCopies) -> Iterator[SignedCheckpoint]:
    """Yield checkpoints in order, up to the first that is missing or cannot be read."""
    height = 0
    for number in copies.numbers():
        for checkpoint in copies.read(number)[0]:
            if checkpoint.height != height:
                return
            yield checkpoint
            height += 1


def newest(copies: SignedCopies) -> SignedCheckpoint | None:
    """Return the newest checkpoint that can be read, None when there is none."""
    for number in reversed(copies.numbers()):
        found, _ = copies.read(number)
        if found:
            return found[-1]
    return None


def format_frame(checkpoint: SignedCheckpoint) -> bytes:
    """Return a checkpoint's frame."""
    data = cbor_encode(
        [
            checkpoint.height,
            checkpoint.size,
            checkpoint.note,
            checkpoint.seal.protected,
            checkpoint.seal.signature,
        ]
    )
    return len(data).to_bytes(_PREFIX, "big") + data


def parse_frames(data: bytes, first: int) -> tuple[list[SignedCheckpoint], int]:
    """Return the checkpoints of frames from height `first` on, as far as they can be read, and up to
    which byte that is; at most those of one file."""
    found: list[SignedCheckpoint] = []
    at = 0
    with contextlib.suppress(MalformedData):
        for checkpoint, end in _frames(data):
            if checkpoint.height != first + len(found) or len(found) == SIGNED_IN_A_FILE:
                break
            found.append(checkpoint)
            at = end
    return found, at


def _frames(data: bytes) -> Iterable[tuple[SignedCheckpoint, int]]:
    """Yield each whole frame's checkpoint and where the frame ends. Raises MalformedData."""
    at = 0
    while len(data) - at >= _PREFIX:
        size = int.from_bytes(data[at : at + _PREFIX], "big")
        end = at + _PREFIX + size
        if size > MAX_FRAME or end > len(data):
            return
        yield _parse(data[at + _PREFIX : end]), end
        at = end


def _parse(data: bytes) -> SignedCheckpoint:
    match cbor_decode(data):
        case [int(height), int(size), str(note), bytes(protected), bytes(signature)]:
            stated = parse_checkpoint(parse_note(note).text)
            if stated.size == size:
                return SignedCheckpoint(height, size, stated.root, note, Seal(protected, signature))
    raise MalformedData("not a frame of a signed checkpoint")


def _make(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"{quoted(path)} could not be read or written ({error.strerror}); free some "
            "space or mend the "
            "disk, then start the notary again."
        ) from error
