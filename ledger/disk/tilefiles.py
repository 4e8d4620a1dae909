"""Tiles and entry bundles as files (C2SP tlog-tiles), each width cut from any file that is as wide.

A partial file may be gone once a wider one is there; what it held is the beginning of the wider one.
"""

from collections.abc import Iterator

from ledger.chain.tiles import (
    TILE_WIDTH,
    Tile,
    entries_path,
    format_bundle,
    parse_bundle,
    tile_path,
)
from ledger.crypto.merkle import HASH_SIZE
from ledger.disk.wholefiles import Reading
from ledger.errors import MalformedData


def read_tile(files: Reading, tile: Tile) -> bytes | None:
    """Return the 32 * width bytes of a tile, None where no file holds them. Raises StorageFailed."""
    size = tile.width * HASH_SIZE
    for name in _as_wide(files, tile_path(tile.level, tile.index), tile.width):
        data = files.read(name)
        if data is not None and len(data) >= size:
            return data[:size]
    return None


def read_bundle(files: Reading, index: int, width: int) -> bytes | None:
    """Return the bundle of `width` entries, None where no file holds them. Raises StorageFailed."""
    for name in _as_wide(files, entries_path(index), width):
        data = files.read(name)
        if data is None:
            continue
        try:
            entries = parse_bundle(data)
        except MalformedData:
            continue
        if len(entries) >= width:
            return data if len(entries) == width else format_bundle(entries[:width])
    return None


def _as_wide(files: Reading, full: str, width: int) -> Iterator[str]:
    """Yield the files that can hold `width` items, the one of exactly this width first."""
    if width < TILE_WIDTH:
        yield f"{full}.p/{width}"
    yield full
    if width < TILE_WIDTH:
        for name in files.names(f"{full}.p"):
            if name.isdecimal() and int(name) > width:
                yield f"{full}.p/{name}"
