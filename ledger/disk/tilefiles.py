"""Tiles and entry bundles as files (C2SP tlog-tiles), each width cut from any file that is as wide.

A partial file may be gone once a wider one is there; what it held is the beginning of the wider one.
"""

from collections.abc import Iterator
from pathlib import Path

from ledger.chain.tiles import (
    MAX_ENTRY_SIZE,
    TILE_WIDTH,
    Tile,
    entries_path,
    format_bundle,
    parse_bundle,
    tile_path,
)
from ledger.crypto.merkle import HASH_SIZE
from ledger.errors import MalformedData, StorageFailed
from ledger.quoted import quoted

_MOST = TILE_WIDTH * (2 + MAX_ENTRY_SIZE)
"""Bytes of the largest bundle."""


def read_tile(root: Path, tile: Tile) -> bytes | None:
    """Return the 32 * width bytes of a tile, None where no file holds them. Raises StorageFailed."""
    size = tile.width * HASH_SIZE
    for path in _as_wide(root / tile_path(tile.level, tile.index), tile.width):
        data = _read(path)
        if data is not None and len(data) >= size:
            return data[:size]
    return None


def read_bundle(root: Path, index: int, width: int) -> bytes | None:
    """Return the bundle of `width` entries, None where no file holds them. Raises StorageFailed."""
    for path in _as_wide(root / entries_path(index), width):
        data = _read(path)
        if data is None:
            continue
        try:
            entries = parse_bundle(data)
        except MalformedData:
            continue
        if len(entries) >= width:
            return data if len(entries) == width else format_bundle(entries[:width])
    return None


def _as_wide(full: Path, width: int) -> Iterator[Path]:
    """Yield the files that can hold `width` items, the one of exactly this width first."""
    partials = full.with_name(f"{full.name}.p")
    if width < TILE_WIDTH:
        yield partials / str(width)
    yield full
    if width < TILE_WIDTH:
        try:
            names = [each.name for each in partials.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise _failed(partials, error) from error
        yield from (partials / name for name in names if name.isdecimal() and int(name) > width)


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _failed(path, error) from error


def _failed(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(f"{quoted(path)} could not be read ({error.strerror}).")
