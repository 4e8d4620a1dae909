"""The tar inside content.age: where each document lies, and its padding."""

import tarfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.company.documents import Document
from ledger.company.sealing.segments import SEGMENT, Segment, Span
from ledger.evidence.parts import Cuts
from ledger.evidence.records import Record
from ledger.evidence.rules import check_parts

INDEX_NAME = "index.cbor"
TAR_END = 1024
"""Zero bytes that end a tar; the padding begins with them."""
_BLOCK = tarfile.BLOCKSIZE


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

    def segments(self, seeds: Sequence[bytes]) -> Iterator[Segment]:
        """Yield the segments, given v_j0 of each document; the last does not end if it is shorter."""
        spans: list[Span] = []
        between: list[tuple[int, bytes]] = []
        number = filled = 0
        for document, cuts in enumerate(self.cuts):
            # An empty document has a span as well: it must reach the collector.
            header = self.headers[document]
            for owner, size, data in (
                (-1, len(header), header),
                (document, cuts.size, b""),
                (-1, tar_padding(cuts.size), bytes(tar_padding(cuts.size))),
            ):
                start = 0
                while start < size or (owner >= 0 and start == size == 0):
                    count = min(size - start, SEGMENT - filled)
                    if owner < 0:
                        between.append((filled, data[start : start + count]))
                    else:
                        spans.append(self._span(document, filled, count, start, seeds[document]))
                    start, filled = start + count, filled + count
                    if filled == SEGMENT:
                        yield Segment(number, filled, spans, between, filled)
                        spans, between = [], []
                        number, filled = number + 1, 0
                    if size == 0:
                        break
        if filled:
            yield Segment(number, filled, spans, between, filled, ends=False)

    def _span(self, document: int, at: int, size: int, start: int, seed: bytes) -> Span:
        cuts = self.cuts[document]
        end = start + size
        first = cuts.at(start)
        # The last leaf that begins here ends here only if the next begins at the end or before.
        after = cuts.at(end)
        whole = after if cuts.start(after) == end else max(after - 1, first)
        bounds = [each - start for each in cuts.bounds(first, whole)]
        source = self.documents[document].source
        return Span(at, size, document, source, start, seed, first + 1, bounds)

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

    def segments(self) -> Iterator[Segment]:
        """Yield the segments."""
        for number in range(self.first, -(-self.size // SEGMENT)):
            size = min(SEGMENT, self.size - number * SEGMENT)
            start = (number - self.first) * SEGMENT
            part = self.data[start : start + size]
            final = (number + 1) * SEGMENT >= self.size
            yield Segment(number, len(part), (), [(0, part)], size, final=final)


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
