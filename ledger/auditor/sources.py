"""Where a ledger is read from: a notary, a mirror that is served, or a folder on this machine."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ledger.chain.anchorpage import (
    MAX_ANCHORS_PAGE,
    StampedNote,
    anchors_path,
    parse_anchors,
)
from ledger.chain.blockpage import BLOCKS_PAGE, MAX_PAGE, SignedBlock, page_path, parse_page
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import MAX_NOTE_SIZE, parse_note
from ledger.chain.tiles import TILE_WIDTH, Tile, parse_bundle, tile_path
from ledger.disk.tilefiles import read_bundle, read_tile
from ledger.disk.wholefiles import FolderFiles
from ledger.encoding import cbor_decode
from ledger.errors import MalformedData, NotFound, Unavailable
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.wire.client import NotaryClient

CHECKPOINT = "checkpoint"
_SIGNED_IN_A_FILE = 1024
_MAX_FRAME = 1 << 18


class Source(Protocol):
    """A ledger to read. Every method raises Unavailable where something is missing, or Refused."""

    entries: bool
    """Whether entry bundles can be read."""

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint."""
        ...

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return the 32 * width bytes of a hash tile."""
        ...

    def blocks(self, page: int) -> Sequence[SignedBlock]:
        """Return the blocks of a page, none where it does not exist."""
        ...

    def anchors(self, page: int) -> Sequence[StampedNote]:
        """Return the anchors of a page, none where it does not exist."""
        ...

    def bundle(self, index: int, width: int) -> bytes:
        """Return the bundle of `width` entries."""
        ...


class Service:
    """A notary, or whoever serves a mirror. With a credential entries can be read."""

    def __init__(self, client: "NotaryClient", credential: str | None = None) -> None:
        self.entries = credential is not None
        self._client = client
        self._credential = credential or ""

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint."""
        return self._client.checkpoint()

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return a hash tile."""
        return self._client.tile(level, index, width)

    def blocks(self, page: int) -> Sequence[SignedBlock]:
        """Return the blocks of a page."""
        try:
            return self._client.blocks(page)
        except NotFound:
            return ()

    def anchors(self, page: int) -> Sequence[StampedNote]:
        """Return the anchors of a page."""
        try:
            return self._client.anchors(page)
        except NotFound:
            return ()

    def bundle(self, index: int, width: int) -> bytes:
        """Return a bundle."""
        return self._client.bundle(index, width, self._credential)


class Folder:
    """A mirror, or a copy of a notary's `log`, a folder or under that name in a bucket."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries = (root / "tile" / "entries").is_dir()
        self._frames = lru_cache(maxsize=2)(self._read_frames)

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint."""
        data = _read(self.root / CHECKPOINT, MAX_NOTE_SIZE)
        if data is None:
            raise Unavailable(f"{quoted(self.root)} holds no checkpoint; name a mirror or a log.")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise MalformedData("the checkpoint is not UTF-8") from error

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return a hash tile."""
        data = read_tile(FolderFiles(self.root), Tile(level, index, width))
        if data is None:
            raise _missing(self.root / tile_path(level, index, width))
        return data

    def blocks(self, page: int) -> Sequence[SignedBlock]:
        """Return the blocks of a page: a mirror's, or of what a notary keeps of its checkpoints."""
        data = _read(self.root / page_path(page), MAX_PAGE)
        if data is not None:
            return parse_page(data)
        first = page * BLOCKS_PAGE
        notes = self._notes(max(0, first - 1), first + BLOCKS_PAGE)
        starts = [_size(note) for note in notes]
        closed = notes[1:] if first else notes
        return [
            SignedBlock(self._entry(start), note)
            for start, note in zip(starts if first else [0, *starts], closed, strict=False)
        ]

    def anchors(self, page: int) -> Sequence[StampedNote]:
        """Return the anchors of a page: a mirror's; a notary keeps them beside its log."""
        data = _read(self.root / anchors_path(page), MAX_ANCHORS_PAGE)
        return () if data is None else parse_anchors(data, page)

    def bundle(self, index: int, width: int) -> bytes:
        """Return a bundle."""
        data = read_bundle(FolderFiles(self.root), index, width)
        if data is None:
            raise _missing(self.root / "tile" / "entries")
        return data

    def _entry(self, index: int) -> bytes:
        bundle, at = divmod(index, TILE_WIDTH)
        return parse_bundle(self.bundle(bundle, at + 1))[at]

    def _notes(self, first: int, end: int) -> list[str]:
        notes: list[str] = []
        while first < end:
            number, at = divmod(first, _SIGNED_IN_A_FILE)
            found = self._frames(number)[at : at + end - first]
            if not found:
                break
            notes += found
            first += len(found)
        return notes

    def _read_frames(self, number: int) -> tuple[str, ...]:
        """Return the notes in a file of `signed`, up to the first that is missing or cut short.

        A crash cuts short. In a copy of a bucket a file lies in pieces until it is full.
        """
        file = self.root / "signed" / f"{number:09}"
        pieces = [file] if file.exists() else sorted(file.with_suffix(".d").glob("*"))
        notes: list[str] = []
        for frame in islice((each for path in pieces for each in _frames(path)), _SIGNED_IN_A_FILE):
            match cbor_decode(frame):
                case [int(height), _, str(note), _, _]:
                    if height != number * _SIGNED_IN_A_FILE + len(notes):
                        break
                    notes.append(note)
                case _:
                    raise MalformedData("a signed checkpoint on disk is not as specified")
        return tuple(notes)


def _frames(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while size := int.from_bytes(file.read(4), "big"):
            frame = file.read(min(size, _MAX_FRAME))
            if len(frame) < size:
                return
            yield frame


def _size(note: str) -> int:
    return parse_checkpoint(parse_note(note).text).size


def _read(path: Path, limit: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(data) > limit:
        raise MalformedData(f"{quoted(path)} is over its limit of {limit} bytes")
    return data


def _missing(path: Path) -> Unavailable:
    return Unavailable(f"{quoted(path)} is not there: this copy of the ledger is not whole.")
