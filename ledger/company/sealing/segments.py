"""One segment of a sealing: read, committed to, encrypted, written. Any process can do it."""

from collections.abc import Sequence
from itertools import pairwise
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from ledger.crypto.commitment import KIND_BYTES, leaf_commitments
from ledger.crypto.merkle import Node, leaf_hash, leaf_hashes, nodes_over
from ledger.crypto.stream import CHUNK, ENC_CHUNK, TAG_SIZE, PayloadCipher

if TYPE_CHECKING:
    from ledger.company.documents import Sink, Source

SEGMENT = 32 * CHUNK
"""What is read, hashed, encrypted and written at a time, 2 MiB: little is handed over, and of
larger ones the processor's cache keeps less from one step to the next."""
_ZEROS = bytes(SEGMENT)


class Span(NamedTuple):
    """What a segment holds of one document, and `bounds` of the leaves that it holds whole.

    The bounds count from the span's beginning; leaf `first` (from 1) lies between the first two.
    """

    at: int
    size: int
    document: int
    source: "Source"
    start: int
    seed: bytes
    first: int
    bounds: Sequence[int]


class Segment(NamedTuple):
    """A segment to do: `filled` bytes of documents and of what lies between them, then zeros.

    One that does not `end` is not encrypted: more follows in it.
    """

    number: int
    filled: int
    spans: Sequence[Span]
    between: Sequence[tuple[int, bytes]]
    size: int
    ends: bool = True
    final: bool = False


class Leaves(NamedTuple):
    """A document's leaves in one segment: those it holds whole, and the ends of two that it cuts.

    `commitments` are C_i one after the other, as the index holds them, `nodes` stand over their leaf
    hashes in the view's tree.
    """

    document: int
    size: int
    head: bytes
    commitments: bytes
    nodes: list[Node]
    tail: bytes


class Done(NamedTuple):
    """What follows from a segment: its leaves, and the payload's `nodes` over its chunks, which hold
    `encrypted` bytes; or its plaintext, the `rest`, if it does not end."""

    leaves: list[Leaves]
    encrypted: int
    nodes: list[Node]
    rest: bytes


class PayloadKey(NamedTuple):
    """Where the chunks of content.age begin, and what they are encrypted with."""

    start: int
    file_key: bytes
    nonce: bytes


class Ciphertext:
    """The chunks of content.age as they are written: any segment, from any thread."""

    def __init__(self, sink: "Sink", key: PayloadKey) -> None:
        self._sink = sink
        self._start = key.start
        self._cipher = PayloadCipher(key.file_key, key.nonce)

    def encrypt(self, segment: Segment, plain: memoryview, out: memoryview) -> list[Node]:
        """Write a segment and return nodes over its chunks. `out` must not overlap `plain`."""
        first = segment.number * (SEGMENT // CHUNK)
        parts = [plain[at : at + CHUNK] for at in range(0, len(plain), CHUNK)]
        out = out[: len(plain) + len(parts) * TAG_SIZE]
        chunks = [out[at : at + ENC_CHUNK] for at in range(0, len(out), ENC_CHUNK)]
        last = first + len(parts) - 1 if segment.final else None
        hashes = []
        for index, (part, chunk) in enumerate(zip(parts, chunks, strict=True), first):
            self._cipher.encrypt_into(index, index == last, part, chunk)
            hashes.append(leaf_hash(chunk))
        self._sink.write_at(self._start + first * ENC_CHUNK, out)
        return nodes_over(1 + first, hashes)  # the nonce is leaf 0


class Workshop:
    """Does segments for any number of threads, as many at a time as it has `places`.

    Without `ciphertext` it only commits.
    """

    def __init__(self, ciphertext: Ciphertext | None, places: int) -> None:
        self._ciphertext = ciphertext
        self._buffers: SimpleQueue[tuple[memoryview, memoryview]] = SimpleQueue()
        for _ in range(places):
            self._buffers.put((memoryview(b""), memoryview(b"")))

    def do(self, segment: Segment) -> Done:
        """Do a segment. Raises SourceChanged and what the sink raises."""
        plain, out = self._buffers.get()
        try:
            if len(plain) < segment.size:
                plain = memoryview(bytearray(segment.size))
                room = -(-segment.size // CHUNK) * ENC_CHUNK
                out = memoryview(bytearray(room if self._ciphertext else 0))
            return self._done(segment, plain[: segment.size], out)
        finally:
            self._buffers.put((plain, out))

    def _done(self, segment: Segment, plain: memoryview, out: memoryview) -> Done:
        for at, data in segment.between:
            plain[at : at + len(data)] = data
        plain[segment.filled :] = _ZEROS[: segment.size - segment.filled]
        leaves = []
        for span in segment.spans:
            part = plain[span.at : span.at + span.size]
            span.source.read_into(span.start, part)
            leaves.append(_leaves(span, part))
        if self._ciphertext is None:
            return Done(leaves, 0, [], b"")
        if not segment.ends:
            return Done(leaves, 0, [], bytes(plain))
        return Done(leaves, len(plain), self._ciphertext.encrypt(segment, plain, out), b"")


def _leaves(span: Span, part: memoryview) -> Leaves:
    whole = [part[low:high] for low, high in pairwise(span.bounds)]
    commitments = leaf_commitments(span.seed, KIND_BYTES, span.first, whole)
    return Leaves(
        span.document,
        span.size,
        bytes(part[: span.bounds[0]]),
        b"".join(commitments),
        nodes_over(span.first - 1, leaf_hashes(commitments)),
        bytes(part[span.bounds[-1] :]),
    )
