"""C2SP tlog-tiles: the tree as static files of up to 256 hashes, and proofs from them.

A tile (level, index) holds the nodes of tree level 8 * level from index * 256 on, 32 bytes each: a
subtree of height 8 by its leaves, whose inner nodes are recomputed. Full tiles never change. The last
tile of a level may be partial; it is never hashed into the level above. Entries lie in bundles of
256, each entry after its length in two bytes, big-endian.

    tile/<L>/<N>[.p/<W>]    tile/entries/<N>[.p/<W>]      N = 1234067 is written x001/x234/067

A tree of 70,000 entries: level 0 has 273 full tiles and one of width 112, level 1 one full tile and
one of width 17, level 2 one of width 1.

Specification: https://c2sp.org/tlog-tiles (text of 2026-02-05)
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ledger.crypto.merkle import (
    HASH_SIZE,
    MAX_TREE_SIZE,
    HashReader,
    fold_peaks,
    node_hash,
    parent_row,
    root_from_leaf_hashes,
)
from ledger.encoding import parse_decimal
from ledger.errors import InvalidInput, MalformedData

TILE_HEIGHT = 8
TILE_WIDTH = 256
TILE_SIZE = TILE_WIDTH * HASH_SIZE
MAX_LEVEL = 63
"""Highest level that the specification lets a path name."""
MAX_INDEX = MAX_TREE_SIZE // TILE_WIDTH
MAX_ENTRY_SIZE = 2**16 - 1
"""What the two-byte length of a bundle can say."""

CACHED_TILES = 128
"""Tiles that a reader keeps expanded, about 37 kB each."""

ReadTile = Callable[[int, int, int], bytes]
"""(level, index, width) -> the tile's 32 * width bytes."""

_INDEX = r"((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?"
_TILE_PATH = re.compile(rf"tile/([0-9]{{1,2}})/{_INDEX}")
_ENTRIES_PATH = re.compile(rf"tile/entries/{_INDEX}")
_MAX_PATH = 64

Rows = Sequence[Sequence[bytes]]


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Names a tile: its level, its index in the level, and its width in hashes (1 to 256)."""

    level: int
    index: int
    width: int = TILE_WIDTH


# --- paths ---


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a hash tile below the log's prefix."""
    return f"tile/{level}/{_format_index(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle below the log's prefix."""
    return f"tile/entries/{_format_index(index, width)}"


def parse_tile_path(path: str) -> Tile:
    """Return the tile that a path names, the inverse of `tile_path`. Raises MalformedData."""
    match = _match(_TILE_PATH, path)
    level = parse_decimal(match[1], MAX_LEVEL)
    index, width = _parse_index(match[2], match[3])
    return Tile(level, index, width)


def parse_entries_path(path: str) -> tuple[int, int]:
    """Return (index, width) of a bundle, the inverse of `entries_path`. Raises MalformedData."""
    match = _match(_ENTRIES_PATH, path)
    return _parse_index(match[1], match[2])


def _format_index(index: int, width: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    suffix = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join(reversed(groups)) + suffix


def _match(pattern: re.Pattern[str], path: str) -> re.Match[str]:
    match = pattern.fullmatch(path) if len(path) <= _MAX_PATH else None
    if match is None:
        raise MalformedData("not the path of a tile")
    return match


def _parse_index(groups: str, suffix: str | None) -> tuple[int, int]:
    digits = groups.replace("x", "").replace("/", "")
    if len(digits) > 3 and digits.startswith("000"):
        raise MalformedData("the tile index has a leading group of zeros")
    index = parse_decimal(digits.lstrip("0") or "0", MAX_INDEX)
    if suffix is None:
        return index, TILE_WIDTH
    width = parse_decimal(suffix, TILE_WIDTH - 1)
    if width == 0:
        raise MalformedData("a tile of width 0 does not exist")
    return index, width


# --- contents ---


def format_tile(hashes: Iterable[bytes]) -> bytes:
    """Return the bytes of a tile with these 1 to 256 hashes."""
    return b"".join(hashes)


def parse_tile(data: bytes) -> tuple[bytes, ...]:
    """Return the 1 to 256 hashes of a tile. Raises MalformedData."""
    if len(data) % HASH_SIZE or not HASH_SIZE <= len(data) <= TILE_SIZE:
        raise MalformedData(f"a tile holds 1 to {TILE_WIDTH} hashes of {HASH_SIZE} bytes")
    return tuple(data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE))


def format_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bundle of these 1 to 256 entries.

    Raises:
        InvalidInput: There are none or too many, or one is over `MAX_ENTRY_SIZE` bytes.
    """
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise InvalidInput(f"An entry bundle holds 1 to {TILE_WIDTH} entries, not {len(entries)}.")
    if any(len(entry) > MAX_ENTRY_SIZE for entry in entries):
        raise InvalidInput(f"An entry is over the limit of {MAX_ENTRY_SIZE} bytes.")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(data: bytes) -> tuple[bytes, ...]:
    """Return the 1 to 256 entries of a bundle. Raises MalformedData."""
    entries = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            raise MalformedData("the entry bundle is cut short")
        entries.append(data[start:at])
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise MalformedData(f"an entry bundle holds 1 to {TILE_WIDTH} entries")
    return tuple(entries)


# --- which tiles a tree has ---


def tile_width(level: int, index: int, size: int) -> int:
    """Return how many hashes tile (level, index) has in a tree of `size` entries, 0 for none."""
    return max(0, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH))


def full_tiles(old_size: int, new_size: int) -> Iterator[Tile]:
    """Yield the tiles that are full at `new_size` and were not at `old_size`, level by level."""
    level = 0
    while (last := new_size >> TILE_HEIGHT * (level + 1)) > 0:
        for index in range(old_size >> TILE_HEIGHT * (level + 1), last):
            yield Tile(level, index)
        level += 1


def partial_tiles(size: int) -> tuple[Tile, ...]:
    """Return the tiles that a checkpoint of this size needs beside the full ones, level by level.

    The one of level 0, where there is one, is also the partial entry bundle.
    """
    return tuple(
        Tile(level, size >> TILE_HEIGHT * (level + 1), width)
        for level in range(-(-size.bit_length() // TILE_HEIGHT))
        if (width := (size >> TILE_HEIGHT * level) % TILE_WIDTH)
    )


def tile_data(reader: HashReader, tile: Tile) -> bytes:
    """Return the bytes of a tile from the tree's nodes."""
    start = tile.index * TILE_WIDTH
    return format_tile(reader.hashes(TILE_HEIGHT * tile.level, start, start + tile.width))


# --- nodes from tiles ---


class TileHashes:
    """The `HashReader` of a tree of `size` entries, from its tiles.

    Checks the width of what it reads, not the hashes: a proof made from false tiles fails when it is
    verified. Keeps the last tiles expanded, so that proofs near each other cost one read per level.
    What `read_tile` raises passes through; once a partial tile is gone it may cut the full one short.
    """

    def __init__(self, read_tile: ReadTile, size: int) -> None:
        self.size = size
        self._rows = _cached_rows(read_tile)

    def hashes(self, level: int, start: int, end: int) -> Sequence[bytes]:
        """Return the nodes (level, start) .. (level, end - 1), 32 bytes each.

        Raises:
            MalformedData: A tile does not have the width that this tree size demands.
        """
        _require_nodes(level, start, end, self.size)
        return _gather(self._tile_rows, level, start, end)

    def _tile_rows(self, level: int, index: int) -> Rows:
        return self._rows(level, index, tile_width(level, index, self.size))


class TileEdge:
    """The right edge of a growing tree: all that a writer needs in memory.

    Holds the nodes of each level's last, partial tile, about 1,000 hashes for a million entries. An
    entry costs one hash, a root O(log n), a partial tile none. It is a `HashReader` for every tree
    size up to its own. `read_tile` is asked for full tiles only; those that the last `extend`
    returned are still in memory, earlier ones must be readable.

    One thread extends it. Work that may have to be undone is done on a `copy`.
    """

    def __init__(self, read_tile: ReadTile) -> None:
        self.size = 0
        self._rows: list[list[bytes]] = []
        self._fresh: dict[tuple[int, int], Rows] = {}
        self._read_tile = read_tile
        self._stored = _cached_rows(read_tile)

    @classmethod
    def restore(cls, read_tile: ReadTile, size: int, leaf_hashes: Sequence[bytes]) -> "TileEdge":
        """Return the edge of a stored tree from its full tiles and its last leaf hashes.

        Args:
            read_tile: Asked for at most 255 full tiles of each level.
            size: Entries in the tree.
            leaf_hashes: Those of the last partial tile of level 0: size % 256 hashes.

        Raises:
            InvalidInput: The number of leaf hashes does not fit the size.
            MalformedData: A stored tile is not full.
        """
        if len(leaf_hashes) != size % TILE_WIDTH:
            raise InvalidInput(
                f"A tree of {size} entries has {size % TILE_WIDTH} hashes in its last tile, "
                f"not {len(leaf_hashes)}; read them again."
            )
        edge = cls(read_tile)
        edge.size = size
        row = list(leaf_hashes)
        for level in range(-(-size.bit_length() // TILE_HEIGHT)):
            if level:
                start = size >> TILE_HEIGHT * (level + 1) << TILE_HEIGHT
                row = [
                    root_from_leaf_hashes(_read(read_tile, level - 1, index, TILE_WIDTH))
                    for index in range(start, size >> TILE_HEIGHT * level)
                ]
            edge._rows += [list(each) for each in _expand(row)]
        return edge

    def copy(self) -> "TileEdge":
        """Return an edge that grows apart from this one."""
        other = TileEdge.__new__(TileEdge)
        other.size = self.size
        other._rows = [row.copy() for row in self._rows]
        other._fresh = self._fresh
        other._read_tile = self._read_tile
        other._stored = self._stored
        return other

    def extend(self, leaf_hashes: Iterable[bytes]) -> list[tuple[Tile, bytes]]:
        """Add leaves by their 32-byte hashes; return the tiles that became full, with their bytes.

        They come in an order in which each tile follows those it is made from.
        """
        self._fresh = {}
        full = []
        for leaf in leaf_hashes:
            node, height, index = leaf, 0, self.size
            self.size += 1
            while True:
                if height == len(self._rows):
                    self._rows.append([])
                row = self._rows[height]
                row.append(node)
                if not index & 1:
                    break
                node = node_hash(row[-2], node)
                height, index = height + 1, index >> 1
                if height % TILE_HEIGHT == 0 and len(row) == 2:
                    full.append(self._close(height // TILE_HEIGHT - 1, index))
        return full

    def _close(self, level: int, index: int) -> tuple[Tile, bytes]:
        """Take the level's full tile out of the edge."""
        heights = slice(TILE_HEIGHT * level, TILE_HEIGHT * (level + 1))
        rows = self._rows[heights]
        self._rows[heights] = [[] for _ in rows]
        self._fresh[level, index] = rows
        return Tile(level, index), format_tile(rows[0])

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return fold_peaks(
            [
                self._rows[height][-1]
                for height in reversed(range(self.size.bit_length()))
                if self.size >> height & 1
            ]
        )

    def hashes(self, level: int, start: int, end: int) -> Sequence[bytes]:
        """Return the nodes (level, start) .. (level, end - 1), 32 bytes each.

        Raises:
            MalformedData: A stored tile is not full.
        """
        _require_nodes(level, start, end, self.size)
        return _gather(self._tile_rows, level, start, end)

    def _tile_rows(self, level: int, index: int) -> Rows:
        if index == self.size >> TILE_HEIGHT * (level + 1):
            return self._rows[TILE_HEIGHT * level : TILE_HEIGHT * (level + 1)]
        return self._fresh.get((level, index)) or self._stored(level, index, TILE_WIDTH)


def _require_nodes(level: int, start: int, end: int, size: int) -> None:
    if not 0 <= start <= end <= size >> level:
        raise ValueError(f"nodes {start} to {end} of level {level} are not in a tree of {size}")


def _gather(
    tile_rows: Callable[[int, int], Rows], level: int, start: int, end: int
) -> Sequence[bytes]:
    """Collect neighbouring nodes of one tree level from the tiles that they lie in."""
    tile_level, height = divmod(level, TILE_HEIGHT)
    nodes_per_tile = TILE_WIDTH >> height
    nodes: list[bytes] = []
    while start < end:
        index, first = divmod(start, nodes_per_tile)
        last = min(nodes_per_tile, first + end - start)
        nodes += tile_rows(tile_level, index)[height][first:last]
        start += last - first
    return nodes


def _cached_rows(read_tile: ReadTile) -> Callable[[int, int, int], Rows]:
    @lru_cache(maxsize=CACHED_TILES)
    def rows(level: int, index: int, width: int) -> Rows:
        return _expand(_read(read_tile, level, index, width))

    return rows


def _read(read_tile: ReadTile, level: int, index: int, width: int) -> Sequence[bytes]:
    data = read_tile(level, index, width)
    if len(data) != width * HASH_SIZE:
        raise MalformedData(
            f"tile {tile_path(level, index, width)} has {len(data)} bytes, not {width * HASH_SIZE}"
        )
    return parse_tile(data)


def _expand(row: Sequence[bytes]) -> Rows:
    """Return the complete nodes of a tile at each of its 8 heights, the tile's hashes first."""
    rows = [row]
    while len(rows) < TILE_HEIGHT:
        rows.append(parent_row(rows[-1]))
    return rows
