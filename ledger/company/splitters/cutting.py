"""What splitters share: a source read in windows, and offsets made into cuts and parts.

Cuts are where a part begins or ends; what lies between two cuts is cut again every 16,384 bytes.
"""

import sys
from array import array
from collections.abc import Sequence

from ledger.company.documents import Source
from ledger.crypto.commitment import MAX_LEAF
from ledger.evidence import notices
from ledger.evidence.parts import Part, Splitting
from ledger.reading.shown import one_line, shorten

VERSIONS = {
    "message": 2,
    "mbox": 2,
    "emlx": 1,
    "text": 1,
    "markdown": 1,
    "rows": 1,
    "lines": 1,
    "zip": 1,
    "tar": 1,
}
"""The splitters, and the version of each: raised when it cuts anything otherwise than before."""
MAX_PARTS = 500_000
"""Parts of one document: a mailbox of 30,000 messages with all their fields. Each costs some 300 bytes
of memory, and half a deposit's parts are left for other documents."""
MAX_LABEL = 120
"""Characters of a label."""
WINDOW = 4 << 20
"""Bytes of a source in memory at a time, where a part does not need more."""

Range = tuple[int, int, str, str]
"""Start, end, path and label of a part."""


class Unsplit(Exception):
    """Why a document is not split: a fragment of a sentence."""


class TooMany(Unsplit):
    """More parts than there is room for: a coarser splitting may do."""

    def __init__(self, limit: int, what: str = "parts") -> None:
        super().__init__(f"it has more than {limit:,} {what}")


class Window:
    """The part of a source that is in memory: `data`, from offset `base` on, `step` bytes or more.

    `room` is how many parts the document may have.
    """

    __slots__ = ("_carriage", "_source", "base", "data", "room", "size", "step")

    def __init__(self, source: Source, room: int = MAX_PARTS) -> None:
        self._source = source
        self._carriage = False
        self.room = room
        self.step = WINDOW
        self.size = source.size
        self.base = 0
        self.data = bytearray()

    def show(self, start: int, end: int) -> None:
        """Make `data` hold the bytes from `start` to `end`, and some more. Raises SourceChanged."""
        if self.base <= start and end <= self.base + len(self.data):
            return
        self.base = start
        self.data = bytearray(max(0, min(max(end - start, self.step), self.size - start)))
        self._source.read_into(start, memoryview(self.data))
        if self._carriage:
            self.data = self.data.replace(b"\r", b"\n")

    def settle_lines(self) -> None:
        """Show CR as LF from here on if lines end in CR alone, as an old Mac's do; offsets stay."""
        self.show(0, min(WINDOW, self.size))
        if b"\n" not in self.data and b"\r" in self.data:
            self._carriage = True
            self.data = self.data.replace(b"\r", b"\n")

    def read(self, start: int, size: int) -> bytes:
        """Return `size` bytes from `start` on, fewer where the source ends. Raises SourceChanged."""
        end = min(start + size, self.size)
        self.show(start, end)
        return bytes(self.data[start - self.base : end - self.base])


class Cutter:
    """Takes offsets in ascending order, and parts: outer ones before those inside them."""

    __slots__ = ("_at", "_room", "closed", "leaves", "parts")

    def __init__(self, room: int) -> None:
        self._at = 0
        self._room = room
        self.leaves = array("H")
        self.parts: list[Part] = []
        self.closed: list[str] = []
        """Paths of what has parts that have no bytes of their own."""

    def cut(self, offset: int) -> int:
        """Cut at `offset`; return how many leaves lie before it."""
        size = offset - self._at
        if size > MAX_LEAF:
            whole, size = divmod(size, MAX_LEAF)
            self.leaves.extend(array("H", [MAX_LEAF]) * whole)
        if size:
            self.leaves.append(size)
        self._at = offset
        return len(self.leaves)

    def passed(self, offset: int) -> None:
        """Note that leaves were added up to `offset`."""
        self._at = offset

    def begin(self, start: int) -> tuple[int, int]:
        """Keep a place for a part that begins at `start` and has parts inside. Raises TooMany."""
        if len(self.parts) >= self._room:
            raise TooMany(self._room)
        self.parts.append(_PLACE)
        return len(self.parts) - 1, self.cut(start)

    def end(self, place: tuple[int, int], end: int, path: str, label: str) -> None:
        """Put the part that ends at `end` into its place."""
        index, before = place
        self.parts[index] = Part(path, before + 1, self.cut(end) - before, label)

    def overfull(self) -> bool:
        """Return whether there are more parts than room."""
        return len(self.parts) > self._room

    def splitting(self, splitter: str, version: int, size: int) -> Splitting:
        """Return what was made of a document of `size` bytes. Takes nothing more afterwards."""
        self.cut(size)
        if not self.parts:
            return Splitting()
        leaves = self.leaves
        if sys.byteorder == "little":
            leaves.byteswap()
        closed = len(self.closed)
        unsplit = notices.INNER_MESSAGES.line(closed) if closed else ""
        return Splitting(splitter, version, leaves.tobytes(), tuple(self.parts), unsplit)


_PLACE = Part("", 1, 1)


def cut_ranges(
    splitter: str, version: int, size: int, ranges: Sequence[Range], room: int = MAX_PARTS
) -> Splitting:
    """Return the splitting of a document into parts that nest or are apart, none of them empty.

    Raises TooMany.
    """
    if len(ranges) > room:
        raise TooMany(room)
    cutter = Cutter(room)
    offsets = {each[0] for each in ranges} | {each[1] for each in ranges}
    before = {offset: cutter.cut(offset) for offset in sorted(offsets)}
    cutter.parts = [
        Part(path, before[start] + 1, before[end] - before[start], label)
        for start, end, path, label in ranges
    ]
    cutter.parts.sort(key=lambda part: (part.first, -part.count))
    return cutter.splitting(splitter, version, size)


def plain(text: str, limit: int) -> str:
    """Return text on one line, what cannot be printed escaped, of at most `limit` characters."""
    return shorten(one_line(text[: 4 * limit]), limit)
