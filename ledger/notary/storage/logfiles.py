"""The log as static files (C2SP tlog-tiles): what auditors read and a lost database is rebuilt from.

    checkpoint                       the newest anchor
    tile/<L>/<N>[.p/<W>]             hash tiles; partial ones only for anchors
    tile/entries/<N>[.p/<W>]         entry bundles, durable before the checkpoint over them is signed
    signed/<N>                       signed checkpoints, see `signedlog`; not served

A file appears under its name whole: written beside it, synced, renamed, the folder synced. A bundle may
hold entries behind the last signed checkpoint (a commit that was cut short); they count for nothing and
are replaced by the next commit. Partial files stay until the full one is there, except partial bundles
that no anchor names.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from ledger.disk.files import sync_folder, write_durably
from ledger.errors import LedgerFault, MalformedData, StorageFailed
from ledger.notary.storage.signedlog import FOLDER, SignedLog
from ledger.quoted import quoted

CHECKPOINT = "checkpoint"


class LogFolder:
    """The folder `log/`. One process writes; anyone reads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.signed = SignedLog(root / FOLDER)
        self._tail: list[bytes] = []
        self._tail_start = 0
        self._partial: Path | None = None
        self._anchored = 0
        self._find_anchored()

    def write_entries(self, start: int, entries: Sequence[bytes]) -> None:
        """Make the bundles that hold the entries from `start` on durable.

        `start` is at most the number of entries written before. What is there of the bundle in which
        `start` lies is kept up to `start`; whatever stood behind is replaced.
        """
        first = start - start % TILE_WIDTH
        tail = [*self._head(first, start - first), *entries]
        with _storage(self.root):
            for at in range(0, len(tail), TILE_WIDTH):
                bundle = tail[at : at + TILE_WIDTH]
                index = (first + at) // TILE_WIDTH
                path = self.root / entries_path(index, len(bundle))
                write_durably(path, format_bundle(bundle))
                self._supersede(index, path, len(bundle))
        kept = len(tail) - len(tail) % TILE_WIDTH
        self._tail, self._tail_start = tail[kept:], first + kept

    def trim(self, size: int, head: Sequence[bytes], *, cut: bool = True) -> None:
        """Take away what lies behind the first `size` entries: a commit that was cut short.

        `head` is the last partial bundle, size % 256 entries; it is put in place where it is missing.
        Without `cut` nothing is taken away: another process may have gone on.
        """
        index, width = divmod(size, TILE_WIDTH)
        with _storage(self.root):
            if width and self._bundle(index, width) != list(head):
                write_durably(self.root / entries_path(index, width), format_bundle(head))
            if cut:
                _cut(lambda at: self.root / entries_path(at), index, width)
            for level in range(MAX_LEVEL if cut else 0):
                if not (self.root / tile_path(level, 0)).parent.exists():
                    break
                nodes = size >> TILE_HEIGHT * level
                _cut(
                    lambda at, level=level: self.root / tile_path(level, at),  # type: ignore[misc]
                    *divmod(nodes, TILE_WIDTH),
                )
        self._tail, self._tail_start = list(head), index * TILE_WIDTH
        self._partial = self.root / entries_path(index, width) if width else None
        self._find_anchored()

    def _find_anchored(self) -> None:
        with contextlib.suppress(LedgerFault):  # which whoever reads the anchor is told
            note = self.published()
            self._anchored = 0 if note is None else parse_checkpoint(parse_note(note).text).size

    def _bundle(self, index: int, width: int) -> list[bytes] | None:
        """Return the entries of the bundle with exactly this name."""
        with contextlib.suppress(FileNotFoundError, MalformedData):
            return list(parse_bundle((self.root / entries_path(index, width)).read_bytes()))
        return None

    def read_bundle(self, index: int, width: int) -> list[bytes] | None:
        """Return the first `width` entries of a bundle from any file that holds them, None if none."""
        widths = [*_widths(_partials(self.root / entries_path(index))), TILE_WIDTH]
        for each in widths:
            if each < width:
                continue
            path = self.root / entries_path(index, each)
            with contextlib.suppress(FileNotFoundError, MalformedData), _storage(path):
                entries = parse_bundle(path.read_bytes())
                if len(entries) >= width:
                    return list(entries[:width])
        return None

    def read_tile(self, level: int, index: int) -> bytes | None:
        """Return a full tile, 256 hashes of 32 bytes; None when there is none."""
        path = self.root / tile_path(level, index)
        with _storage(path):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                return None
        return data if len(data) == TILE_SIZE else None

    def write_tiles(self, tiles: Iterable[tuple[Tile, bytes]]) -> None:
        """Publish full tiles and remove the partial ones that they supersede."""
        with _storage(self.root):
            for tile, data in tiles:
                path = self.root / tile_path(tile.level, tile.index)
                write_durably(path, data)
                shutil.rmtree(_partials(path), ignore_errors=True)

    def publish(self, tiles: Iterable[tuple[Tile, bytes]], size: int, note: str) -> None:
        """Publish the partial tiles of a tree of `size` entries, then its signed note."""
        with _storage(self.root):
            for tile, data in tiles:
                path = self.root / tile_path(tile.level, tile.index, tile.width)
                if not path.exists() or path.read_bytes() != data:
                    write_durably(path, data)
            write_durably(self.root / CHECKPOINT, note.encode())
        self._anchored = size

    def published(self) -> str | None:
        """Return the signed note that stands published. Raises LedgerFault when it cannot be one."""
        path = self.root / CHECKPOINT
        with _storage(path):
            try:
                note = path.read_bytes().decode()
                parse_checkpoint(parse_note(note).text)
            except FileNotFoundError:
                return None
            except (UnicodeDecodeError, MalformedData) as error:
                raise LedgerFault(
                    f"{quoted(path)} is damaged ({error}). It is a copy of the newest signed "
                    "checkpoint: "
                    "`sealbook notary fsck --rebuild` removes it, and the next start writes it anew."
                ) from error
        return note

    def unpublish(self) -> None:
        """Remove the published checkpoint."""
        with _storage(self.root):
            (self.root / CHECKPOINT).unlink()
            sync_folder(self.root)
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
                f"The entries from {first} on are missing in {quoted(self.root)}. Stop the "
                "notary and run "
                "`sealbook notary fsck --rebuild`."
            )
        return head

    def _supersede(self, index: int, path: Path, width: int) -> None:
        """Remove the partial bundles that `path` replaces, but for the one that an anchor names."""
        folder = _partials(self.root / entries_path(index))
        if width == TILE_WIDTH:
            shutil.rmtree(folder, ignore_errors=True)
            self._partial = None
            return
        old = self._partial
        if old is not None and old != path and old.parent == folder:
            anchored = folder / str(self._anchored % TILE_WIDTH)
            if old != anchored or self._anchored // TILE_WIDTH != index:
                old.unlink(missing_ok=True)
        self._partial = path


def _cut(path: Callable[[int], Path], index: int, width: int) -> None:
    """Remove the files of a level behind `width` items of file `index`."""
    for each in _widths(_partials(path(index))):
        if each > width:
            (_partials(path(index)) / str(each)).unlink(missing_ok=True)
    path(index).unlink(missing_ok=True)
    while path(index := index + 1).exists() or _partials(path(index)).exists():
        path(index).unlink(missing_ok=True)
        shutil.rmtree(_partials(path(index)), ignore_errors=True)


def _widths(folder: Path) -> list[int]:
    """Return the widths of the partial files in a folder, the smallest first."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(int(each.name) for each in folder.iterdir() if each.name.isdecimal())
    return []


def _partials(path: Path) -> Path:
    return path.with_name(f"{path.name}.p")


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise StorageFailed(
            f"{quoted(path)} could not be read or written ({error.strerror}); free some space "
            "or mend the "
            "disk, then start the notary again."
        ) from error
