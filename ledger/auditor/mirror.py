"""A mirror: a ledger as static files under the paths that the notary serves, for when it is gone.

    checkpoint    tile/<L>/<N>[.p/<W>]    tile/entries/<N>[.p/<W>]    blocks/<N>    anchors/<N>

Only what was checked is written, the checkpoint last: whatever a crash leaves, the checkpoint covers
files that are whole. Partial files stay until a wider one is there.
"""

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from ledger.auditor.sources import CHECKPOINT, Folder
from ledger.chain.anchorpage import StampedNote, anchors_path, format_anchors
from ledger.chain.blockpage import BLOCKS_PAGE, SignedBlock, format_page, page_path
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import parse_note
from ledger.chain.tiles import (
    TILE_WIDTH,
    Tile,
    TileEdge,
    entries_path,
    format_bundle,
    partial_tiles,
    tile_data,
    tile_path,
)
from ledger.disk.files import write_durably, writing
from ledger.errors import Unavailable


class Mirror:
    """A folder that becomes a mirror. Methods raise StorageFailed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def checkpoint(self) -> str | None:
        """The mirror's newest signed checkpoint, None where there is none."""
        with contextlib.suppress(Unavailable):
            return Folder(self.root).checkpoint()
        return None

    @property
    def size(self) -> int:
        """The entries under the mirror's checkpoint, 0 where there is none."""
        note = self.checkpoint
        return 0 if note is None else parse_checkpoint(parse_note(note).text).size

    def tiles(self, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """Keep tiles."""
        for tile, data in tiles:
            self._write(tile_path(tile.level, tile.index, tile.width), data)
            if tile.width == TILE_WIDTH:
                self._supersede(tile_path(tile.level, tile.index))

    def bundle(self, index: int, entries: Sequence[bytes]) -> None:
        """Keep a bundle of entries."""
        self._write(entries_path(index, len(entries)), format_bundle(entries), 0o600)
        if len(entries) == TILE_WIDTH:
            self._supersede(entries_path(index))

    def anchors(self, page: int, anchors: Sequence[StampedNote]) -> None:
        """Keep a page of anchors."""
        self._write(anchors_path(page), format_anchors(anchors))

    def blocks(self, height: int, blocks: Sequence[SignedBlock]) -> None:
        """Keep the page on which the block of this height stands last, never a shorter one."""
        page = height // BLOCKS_PAGE
        if len(Folder(self.root).blocks(page)) < len(blocks):
            self._write(page_path(page), format_page(blocks))

    def publish(self, edge: TileEdge, note: str) -> None:
        """Keep the partial tiles of a tree, then its signed note, never a smaller one."""
        self.tiles([(tile, tile_data(edge, tile)) for tile in partial_tiles(edge.size)])
        if self.size <= edge.size:
            self._write(CHECKPOINT, note.encode())

    def _write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        with writing(self.root):
            write_durably(self.root / path, data, mode)

    def _supersede(self, full: str) -> None:
        path = self.root / full
        shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)
