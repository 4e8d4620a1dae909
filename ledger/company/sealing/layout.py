"""The tar inside content.age: where each document lies, and its padding."""

import tarfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.company.documents import Document
from ledger.crypto.stream import CHUNK
from ledger.evidence.parts import Cuts
from ledger.evidence.records import Record
from ledger.evidence.rules import check_parts

INDEX_NAME = "index.cbor"
TAR_END = 1024
"""Zero bytes that end a tar; the padding begins with them."""
_BLOCK = tarfile.BLOCKSIZE
SEGMENT = 32 * CHUNK
"""What a thread reads, hashes, encrypts and writes at a time, 2 MiB: little is handed over, and of
larger ones the processor's cache keeps less from one step to the next."""
_ZEROS = bytes(SEGMENT)


class Piece(NamedTuple):
    """Part of a segment: from document `document` at `start`, or `data` where there is none."""

    at: int
    size: int
    document: int
    start: int
    data: bytes


class Layout:
    """Where each document lies in the plaintext of content.age."""

    def __init__(self, documents: Sequence[Document], with_content: bool) -> None:
        self.documents = documents
        self.cuts: list[Cuts] = []
        self.headers: list[bytes] = []
        self.records: list[Record] = []
        self.size = 0
        for document in documents:
            splitting = document.splitting
            cuts = Cuts(document.source.size, splitting.cuts)
            check_parts(splitting.parts, cuts.count)
            header = tar_header(document.name, cuts.size, document.modified)
            record = Record(
                name=document.name,
                size=cuts.size,
                modified=document.modified,
                media_type=document.media_type,
                source=document.origin,
                tool=document.tool,
                splitter=splitting.splitter,
                version=splitting.version,
                leaves=cuts.count,
                parts=len(splitting.parts),
                offset=self.size + len(header) if with_content else None,
                unsplit=splitting.unsplit,
                rendition=document.rendition,
            )
            self.cuts.append(cuts)
            self.headers.append(header)
            self.records.append(record)
            self.size += len(header) + cuts.size + tar_padding(cuts.size)

    def segments(self) -> Iterator[list[Piece]]:
        """Yield the pieces of each segment; the last may be shorter."""
        segment: list[Piece] = []
        filled = 0
        for document, cuts in enumerate(self.cuts):
            # An empty document has a piece as well: it must reach the collector.
            header = self.headers[document]
            for owner, size, data in (
                (-1, len(header), header),
                (document, cuts.size, b""),
                (-1, tar_padding(cuts.size), bytes(tar_padding(cuts.size))),
            ):
                start = 0
                while start < size or (owner >= 0 and start == size == 0):
                    count = min(size - start, SEGMENT - filled)
                    part = data[start : start + count]
                    segment.append(Piece(filled, count, owner, start, part))
                    start, filled = start + count, filled + count
                    if filled == SEGMENT:
                        yield segment
                        segment, filled = [], 0
                    if size == 0:
                        break
        if segment:
            yield segment

    def index_name(self) -> str:
        """Return a name for the index that no document has, also where case does not count."""
        taken = {document.name.casefold() for document in self.documents}
        name = INDEX_NAME
        while name in taken:
            name = "_" + name
        return name


class Tail(NamedTuple):
    """The plaintext from segment `first` on: `data`, then zeros until it has `size` bytes in all."""

    data: bytes
    first: int
    size: int

    def segments(self) -> range:
        return range(self.first, -(-self.size // SEGMENT))

    def fill(self, segment: int, buffer: memoryview) -> int:
        """Put a segment at the head of `buffer` and return its size."""
        size = min(SEGMENT, self.size - segment * SEGMENT)
        start = (segment - self.first) * SEGMENT
        part = self.data[start : start + size]
        buffer[: len(part)] = part
        buffer[len(part) : size] = _ZEROS[: size - len(part)]
        return size


def tar_header(name: str, size: int, modified: int | None) -> bytes:
    modified = modified or 0
    if (
        name.isascii()
        and len(name) <= tarfile.LENGTH_NAME
        and 0 <= min(size, modified) <= max(size, modified) <= _LARGEST
    ):
        # The same as below, for tarfile takes long for each of many files.
        start = name.encode()
        numbers = b"%011o\0%011o\0" % (size, modified)
        checksum = _CHECKSUM + sum(start) + sum(numbers)
        start = start.ljust(tarfile.LENGTH_NAME, b"\0") + _BEFORE_NUMBERS
        return start + numbers + b"%06o\0 " % checksum + _AFTER_CHECKSUM
    return _full_tar_header(name, size, modified)


def _full_tar_header(name: str, size: int, modified: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mtime = modified
    member.mode = 0o600
    return member.tobuf(tarfile.PAX_FORMAT)


_LARGEST = 8**11 - 1
"""What a number in a tar header can be."""
_EMPTY_HEADER = _full_tar_header("", 0, 0)
_BEFORE_NUMBERS, _AFTER_CHECKSUM = _EMPTY_HEADER[tarfile.LENGTH_NAME : 124], _EMPTY_HEADER[156:]
_CHECKSUM = sum(_BEFORE_NUMBERS + _AFTER_CHECKSUM) + 8 * ord(" ")


def tar_padding(size: int) -> int:
    return -size % _BLOCK
