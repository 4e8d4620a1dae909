"""The leaf hashes of a tree in order, and with them the entries where they can be read."""

from ledger.auditor.sources import Source
from ledger.chain.tiles import TILE_WIDTH, parse_bundle, parse_tile
from ledger.crypto.merkle import leaf_hashes
from ledger.errors import MalformedData, VerificationFailed


class Leaves:
    """Reads from `start` on; every tile and every bundle once."""

    def __init__(self, source: Source, start: int, size: int) -> None:
        self._source, self._size, self._next = source, size, start
        self._hashes: list[bytes] = []
        self._entries: list[bytes] = []

    def take(self, count: int) -> tuple[list[bytes], list[bytes] | None]:
        """Return the next leaf hashes and entries. Raises VerificationFailed where they differ."""
        while len(self._hashes) < count:
            self._read()
        hashes, self._hashes = self._hashes[:count], self._hashes[count:]
        if not self._source.entries:
            return hashes, None
        entries, self._entries = self._entries[:count], self._entries[count:]
        return hashes, entries

    def _read(self) -> None:
        index, skip = divmod(self._next, TILE_WIDTH)
        width = min(TILE_WIDTH, self._size - index * TILE_WIDTH)
        hashes = parse_tile(self._source.tile(0, index, width))
        if len(hashes) != width:
            raise MalformedData(f"tile {index} of the leaves has another width than was asked for")
        if self._source.entries:
            entries = parse_bundle(self._source.bundle(index, width))
            if tuple(leaf_hashes(entries)) != hashes:
                raise VerificationFailed(
                    f"The entries from index {index * TILE_WIDTH} on are not those that were signed."
                )
            self._entries += entries[skip:]
        self._hashes += hashes[skip:]
        self._next += width - skip
