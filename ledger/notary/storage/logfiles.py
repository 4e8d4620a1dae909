"""The log as static files (C2SP tlog-tiles): what auditors read and a lost database is rebuilt from.

    checkpoint                       the newest anchor
    tile/<L>/<N>[.p/<W>]             hash tiles; partial ones only for anchors
    tile/entries/<N>[.p/<W>]         entry bundles, durable before the checkpoint over them is signed
    signed/<N>                       signed checkpoints, see `signedlog`; not served

A file appears under its name whole, in a folder (`log/`) or in a bucket. A bundle may hold entries
behind the last signed checkpoint (a commit that was cut short); they count for nothing and are
replaced by the next commit. Partial files stay until the full one is there, except partial bundles
that no anchor names.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import parse_note
from ledger.chain.tiles import (
    MAX_LEVEL,
    TILE_HEIGHT,
    TILE_SIZE,
    TILE_WIDTH,
    Tile,
    entries_path,
    format_bundle,
    parse_bundle,
    tile_path,
)
from ledger.disk import tilefiles
from ledger.disk.wholefiles import FolderFiles, WholeFiles
from ledger.errors import LedgerFault, MalformedData
from ledger.notary.ports import SignedCopies
from ledger.notary.storage.signedlog import FOLDER, SignedLog
from ledger.quoted import Message, quoted

CHECKPOINT = "checkpoint"
_NO_TEXT: Message = "it is not text"


def log_folder(root: Path) -> "LogStore":
    """Return the log in a folder of this disk. One process writes; anyone reads."""
    return LogStore(FolderFiles(root), SignedLog(root / FOLDER))


class LogStore:
    """The log's files, wherever they lie, and the copies of its signed checkpoints."""

    def __init__(self, files: WholeFiles, signed: SignedCopies) -> None:
        self.files = files
        self.signed = signed
        self._tail: list[bytes] = []
        self._tail_start = 0
        self._partial: str | None = None
        self._anchored = 0
        self._find_anchored()

    def write_entries(self, start: int, entries: Sequence[bytes]) -> None:
        """Make the bundles that hold the entries from `start` on durable.

        `start` is at most the number of entries written before. What is there of the bundle in which
        `start` lies is kept up to `start`; whatever stood behind is replaced.
        """
        first = start - start % TILE_WIDTH
        tail = [*self._head(first, start - first), *entries]
        for at in range(0, len(tail), TILE_WIDTH):
            bundle = tail[at : at + TILE_WIDTH]
            index = (first + at) // TILE_WIDTH
            name = entries_path(index, len(bundle))
            self.files.write(name, format_bundle(bundle))
            self._supersede(index, name, len(bundle))
        kept = len(tail) - len(tail) % TILE_WIDTH
        self._tail, self._tail_start = tail[kept:], first + kept

    def trim(self, size: int, head: Sequence[bytes], *, cut: bool = True) -> None:
        """Take away what lies behind the first `size` entries: a commit that was cut short.

        `head` is the last partial bundle, size % 256 entries; it is put in place where it is missing.
        Without `cut` nothing is taken away: another process may have gone on.
        """
        index, width = divmod(size, TILE_WIDTH)
        last = entries_path(index, width) if width else None
        if last is not None and self._bundle(last) != list(head):
            self.files.replace(last, format_bundle(head), lambda _: True)
        if cut:
            self._cut(entries_path, index, width)
        for level in range(MAX_LEVEL if cut else 0):
            nodes = size >> TILE_HEIGHT * level
            self._cut(lambda at, level=level: tile_path(level, at), *divmod(nodes, TILE_WIDTH))  # type: ignore[misc]
            if not nodes:
                break
        self._tail, self._tail_start = list(head), index * TILE_WIDTH
        self._partial = last
        self._find_anchored()

    def _find_anchored(self) -> None:
        with contextlib.suppress(LedgerFault):  # which whoever reads the anchor is told
            note = self.published()
            self._anchored = 0 if note is None else _size(note)

    def _bundle(self, name: str) -> list[bytes] | None:
        """Return the entries of the bundle with exactly this name."""
        data = self.files.read(name)
        with contextlib.suppress(MalformedData):
            return None if data is None else list(parse_bundle(data))
        return None

    def read_bundle(self, index: int, width: int) -> list[bytes] | None:
        """Return the first `width` entries of a bundle from any file that holds them, None if none."""
        data = tilefiles.read_bundle(self.files, index, width)
        return None if data is None else list(parse_bundle(data))

    def read_tile(self, level: int, index: int) -> bytes | None:
        """Return a full tile, 256 hashes of 32 bytes; None when there is none."""
        data = self.files.read(tile_path(level, index))
        return data if data is not None and len(data) == TILE_SIZE else None

    def write_tiles(self, tiles: Iterable[tuple[Tile, bytes]]) -> None:
        """Publish full tiles and remove the partial ones that they supersede."""
        for tile, data in tiles:
            name = tile_path(tile.level, tile.index)
            self.files.write(name, data)
            self.files.drop_all(_partials(name))

    def publish(self, tiles: Iterable[tuple[Tile, bytes]], size: int, note: str) -> None:
        """Publish the partial tiles of a tree of `size` entries, then its signed note.

        A note over more entries that stands published already stays: StorageFailed then, and
        whoever takes up the ledger anew learns what became of it.
        """
        for tile, data in tiles:
            name = tile_path(tile.level, tile.index, tile.width)
            if self.files.read(name) != data:
                self.files.write(name, data)
        self.files.replace(CHECKPOINT, note.encode(), lambda old: may_follow(old, size))
        self._anchored = size

    def published(self) -> str | None:
        """Return the signed note that stands published. Raises LedgerFault when it cannot be one."""
        data = self.files.read(CHECKPOINT)
        if data is None:
            return None
        try:
            note = data.decode()
            _size(note)
        except (UnicodeDecodeError, MalformedData) as error:
            why = _NO_TEXT if isinstance(error, UnicodeDecodeError) else error
            raise LedgerFault(
                f"{quoted(self.files.where(CHECKPOINT))} is damaged ({why}). It is a copy of the "
                "newest signed "
                "checkpoint: "
                "`sealbook notary fsck --rebuild` removes it, and the next start writes it anew."
            ) from error
        return note

    def unpublish(self) -> None:
        """Remove the published checkpoint."""
        self.files.remove(CHECKPOINT)
        self._anchored = 0

    def _head(self, first: int, count: int) -> list[bytes]:
        """Return the entries of a bundle before the one that is written next."""
        if self._tail_start == first and len(self._tail) >= count:
            return self._tail[:count]
        if count == 0:
            return []
        head = self.read_bundle(first // TILE_WIDTH, count)
        if head is None:
            raise LedgerFault(
                f"The entries from {first} on are missing in {quoted(self.files.where(''))}. Stop the "
                "notary and run "
                "`sealbook notary fsck --rebuild`."
            )
        return head

    def _supersede(self, index: int, name: str, width: int) -> None:
        """Remove the partial bundles that `name` replaces, but for the one that an anchor names."""
        folder = _partials(entries_path(index))
        if width == TILE_WIDTH:
            self.files.drop_all(folder)
            self._partial = None
            return
        old = self._partial
        if old is not None and old != name and old.startswith(f"{folder}/"):
            anchored = f"{folder}/{self._anchored % TILE_WIDTH}"
            if old != anchored or self._anchored // TILE_WIDTH != index:
                self.files.drop(old)
        self._partial = name

    def _cut(self, name: Callable[[int], str], index: int, width: int) -> None:
        """Remove the files of a level behind `width` items of file `index`."""
        for each in self.files.names(_partials(name(index))):
            if each.isdecimal() and int(each) > width:
                self.files.drop(f"{_partials(name(index))}/{each}")
        self.files.drop(name(index))
        while True:
            index += 1
            partials = self.files.names(_partials(name(index)))
            if not partials and not self.files.exists(name(index)):
                return
            self.files.drop(name(index))
            self.files.drop_all(_partials(name(index)))


def _size(note: str) -> int:
    """Return the size that a signed note states. Raises MalformedData."""
    return parse_checkpoint(parse_note(note).text).size


def may_follow(old: bytes, size: int) -> bool:
    """Return whether a note over `size` entries may take the place of one that stands published."""
    try:
        return _size(old.decode()) <= size
    except (UnicodeDecodeError, MalformedData):
        return False


def _partials(name: str) -> str:
    return f"{name}.p"
