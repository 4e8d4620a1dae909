"""What every splitting must be, whatever was split; and a source in memory."""

from dataclasses import dataclass, field

from ledger.company.splitters import split
from ledger.crypto.commitment import MAX_LEAF
from ledger.evidence.parts import Cuts, Part, Splitting
from ledger.evidence.rules import check_parts


@dataclass
class Memory:
    """A source that notes how much of it was read, and how much at a time."""

    data: bytes
    reads: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.data)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        assert 0 <= offset <= offset + len(buffer) <= len(self.data)
        self.reads.append((offset, len(buffer)))
        buffer[:] = self.data[offset : offset + len(buffer)]

    def check(self) -> None:
        pass


class Pieces:
    """A document that was split: its parts by path."""

    def __init__(self, name: str, data: bytes, media_type: str = "") -> None:
        self.data = data
        self.splitting = split(name, media_type, Memory(data))
        check(self.splitting, data)
        self.cuts = Cuts(len(data), self.splitting.cuts)
        self.parts = {part.path: part for part in self.splitting.parts}

    def bounds(self, part: Part) -> tuple[int, int]:
        return self.cuts.start(part.first - 1), self.cuts.start(part.first - 1 + part.count)

    def __getitem__(self, path: str) -> bytes:
        start, end = self.bounds(self.parts[path])
        return self.data[start:end]

    def label(self, path: str) -> str:
        return self.parts[path].label

    @property
    def paths(self) -> list[str]:
        return list(self.parts)


def check(splitting: Splitting, data: bytes) -> None:
    """Raise AssertionError unless cuts fill the document and parts nest, in order, once each."""
    cuts = Cuts(len(data), splitting.cuts)
    parts = splitting.parts
    check_parts(parts, cuts.count)
    assert [(part.first, -part.count) for part in parts] == sorted(
        (part.first, -part.count) for part in parts
    )
    assert len({part.path for part in parts}) == len(parts)
    inside: list[int] = []
    for part in parts:
        end = part.first + part.count
        while inside and inside[-1] <= part.first:
            inside.pop()
        assert not inside or end <= inside[-1], "parts overlap"
        inside.append(end)
        assert part.path.isprintable()
        assert part.label == "" or part.label.isprintable()
        assert len(part.label) <= 120
    if splitting.cuts is None:
        assert not parts
        return
    # Each cut is where a part begins or ends, or 16,384 bytes after the last one.
    begins = {part.first for part in parts} | {part.first + part.count for part in parts}
    for leaf in range(1, cuts.count):
        long = cuts.start(leaf) - cuts.start(leaf - 1) == MAX_LEAF
        assert leaf + 1 in begins or long
