"""Parts of a document: cuts between leaves, and the ranges that a person would name."""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

from ledger.crypto.commitment import MAX_LEAF
from ledger.encoding import cbor_encode_ordered
from ledger.errors import MalformedData

SEGMENT_LEAVES = 8_192
"""Leaves that are worked on at a time."""

_KEPT = 4096
"""Structure leaves that are kept: thousands of letters have the same fields in the same order."""


@dataclass(frozen=True, slots=True)
class Part:
    """`count` bytes leaves from leaf `first` on, under the `path` that a person would use.

    Parts nest or are apart, outer ones first. `label` helps to find one; nothing vouches for it.
    """

    path: str
    first: int
    count: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Splitting:
    """How a document was cut, and by what; the default cuts every 16,384 bytes.

    `unsplit` says why that default was used for a document in which there are parts.
    """

    splitter: str = "fixed"
    version: int = 1
    cuts: bytes | None = None
    parts: tuple[Part, ...] = ()
    unsplit: str = ""


class Cuts:
    """Where a document's bytes leaves begin and end. Raises MalformedData if they do not fill it."""

    __slots__ = ("_starts", "count", "size")

    def __init__(self, size: int, cuts: bytes | None) -> None:
        self.size = size
        self._starts: array[int] | None = None
        if cuts is None:
            self.count = -(-size // MAX_LEAF)
            return
        if len(cuts) % 2:
            raise MalformedData("a document's cuts are not pairs of bytes")
        sizes = array("H", cuts)
        if sys.byteorder == "little":
            sizes.byteswap()
        if sum(sizes) != size or (sizes and not 0 < min(sizes) <= max(sizes) <= MAX_LEAF):
            raise MalformedData("a document's cuts do not add up to its size")
        self._starts = array("Q", accumulate(sizes, initial=0))
        self.count = len(sizes)

    def start(self, leaf: int) -> int:
        """Return the offset at which leaf `leaf` (from 0) begins; the size for `count`."""
        if self._starts is not None:
            return self._starts[leaf]
        return min(leaf * MAX_LEAF, self.size)

    def at(self, offset: int) -> int:
        """Return the first leaf that begins at or after `offset`; `count` if none does."""
        if self._starts is not None:
            return min(bisect_left(self._starts, offset), self.count)
        return min(-(-offset // MAX_LEAF), self.count)

    def segment(self, first: int, size: int) -> int:
        """Return the end of the leaves from `first` on, at least one, that are worked on at a time.

        They have up to `size` bytes. A leaf takes some 500 bytes beside its own until it is hashed, so
        there are at most SEGMENT_LEAVES, however short.
        """
        end = self.at(self.start(first) + size)
        return max(first + 1, min(end, first + SEGMENT_LEAVES))

    def bounds(self, first: int, end: int) -> list[int]:
        """Return where leaves `first` .. `end` - 1 begin, and where the last of them ends."""
        if self._starts is not None:
            return self._starts[first : end + 1].tolist()
        return [*range(first * MAX_LEAF, end * MAX_LEAF, MAX_LEAF), self.start(end)]

    def split(self, data: memoryview, first: int, end: int) -> list[memoryview]:
        """Return leaves `first` .. `end` - 1 out of `data`, which they fill."""
        start = self.start(first)
        bounds = [each - start for each in self.bounds(first, end)]
        return [data[low:high] for low, high in pairwise(bounds)]


def format_cuts(lengths: Iterable[int]) -> bytes:
    """Return leaf lengths as an index holds them."""
    return b"".join(length.to_bytes(2, "big") for length in lengths)


def structure_leaves(parts: Sequence[Part]) -> list[bytes]:
    """Return the leaf data of a structure view."""
    return [_structure_leaf(part.path, part.first, part.count) for part in parts]


@lru_cache(_KEPT)
def _structure_leaf(path: str, first: int, count: int) -> bytes:
    return cbor_encode_ordered({"path": path, "count": count, "first": first})
