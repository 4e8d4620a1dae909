"""One sealing under way: threads hash and encrypt, segments come out in order."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple

from ledger.chain.statement import Payload
from ledger.company.documents import Committer, Sink
from ledger.company.sealing.layout import (
    SEGMENT,
    TAR_END,
    Layout,
    Piece,
    Tail,
    tar_header,
    tar_padding,
)
from ledger.crypto.commitment import (
    KIND_BYTES,
    VIEW_BYTES,
    Uncommitted,
    ViewBuilder,
    document_seed,
    leaf_commitments,
    view_seed,
)
from ledger.crypto.envelope import seal_header
from ledger.crypto.merkle import RootBuilder, leaf_hash, leaf_hashes
from ledger.crypto.padding import padme
from ledger.crypto.recipients import FILE_KEY_SIZE, Random, Recipient
from ledger.crypto.stream import (
    CHUNK,
    ENC_CHUNK,
    NONCE_SIZE,
    TAG_SIZE,
    PayloadCipher,
    in_order,
    payload_size,
)
from ledger.evidence.index import DocumentIndex, Index, IndexPlace, format_index
from ledger.evidence.records import bytes_view, uncommitted

_AHEAD = 16
"""Segments that may be in work or wait to be collected; those that wait hold only hashes."""
_PAD = 1 << 20
"""Segments of padding may all be begun at once: they wait in the pool's queue, not in memory."""


def commit_here(documents: Sequence[Uncommitted]) -> Callable[[], Sequence[bytes]]:
    """The simple Committer: at once, in this thread."""
    found = [each.commit() for each in documents]
    return lambda: found


class _Hashed(NamedTuple):
    """A document's leaves in one segment: those it holds whole, and the ends of two that it cuts.

    `commitments` are C_i one after the other, as the index holds them, `hashes` their leaf hashes.
    """

    document: int
    head: bytes
    commitments: bytes
    hashes: list[bytes]
    tail: bytes


class Commitments:
    """Takes leaves in order and makes documents' commitments of them."""

    def __init__(self, seed: bytes, layout: Layout, commit: Committer) -> None:
        self._layout = layout
        self._commit = commit
        count = len(layout.documents)
        self.secrets = [document_seed(seed, j) for j in range(count)]
        self.seeds = [view_seed(secret, VIEW_BYTES) for secret in self.secrets]
        self._begun: list[Callable[[], Sequence[bytes]]] = []
        self._entries: list[DocumentIndex] = []
        self._commitments: list[bytes] = []
        self._view: ViewBuilder | None = None
        self._cut = b""
        self._complete: list[tuple[int, ViewBuilder]] = []

    def add(self, hashed: _Hashed) -> None:
        """Take the next leaves; a leaf that a segment's end cuts is put together here."""
        document = hashed.document
        record = self._layout.records[document]
        view = self._view = self._view or bytes_view(self.seeds[document], record)
        if self._cut:
            data = self._cut + hashed.head
            (commitment,) = leaf_commitments(
                self.seeds[document], KIND_BYTES, view.count + 1, [data]
            )
            self._commitments.append(commitment)
            view.extend([leaf_hash(commitment)])
        self._commitments.append(hashed.commitments)
        view.extend(hashed.hashes)
        self._cut = hashed.tail
        if not self._cut and view.count == record.leaves:
            splitting = self._layout.documents[document].splitting
            commitments = b"".join(self._commitments)
            self._entries.append(DocumentIndex(splitting.cuts, splitting.parts, commitments))
            self._complete.append((document, view))
            self._commitments, self._view = [], None

    def finish(self) -> None:
        """Begin to commit to the documents that have become complete."""
        records, entries = self._layout.records, self._entries
        complete = [
            uncommitted(self.secrets[j], j, records[j], entries[j].parts, view)
            for j, view in self._complete
        ]
        self._begun.append(self._commit(complete))
        self._complete = []

    def documents(self) -> list[bytes]:
        """Return the D_j of all documents."""
        return [commitment for result in self._begun for commitment in result()]

    def index(self, with_hashes: bool) -> Index:
        if with_hashes:
            return tuple(self._entries)
        return tuple(DocumentIndex(entry.cuts, entry.parts, b"") for entry in self._entries)


class Output:
    """content.age as it is written: any segment from any thread."""

    def __init__(self, sink: Sink, recipients: Sequence[Recipient], random: Random) -> None:
        file_key, nonce = random(FILE_KEY_SIZE), random(NONCE_SIZE)
        header = seal_header(file_key, recipients, random)
        sink.write_at(0, header + nonce)
        self._sink = sink
        self._start = len(header) + NONCE_SIZE
        self._cipher = PayloadCipher(file_key, nonce)
        self._tree = RootBuilder()
        self._tree.append(leaf_hash(nonce))
        self._size = 0

    def encrypt(self, segment: int, final: bool, plain: memoryview, out: memoryview) -> list[bytes]:
        """Write a segment and return the leaf hashes of its chunks. `out` must not overlap `plain`."""
        first = segment * (SEGMENT // CHUNK)
        parts = [plain[at : at + CHUNK] for at in range(0, len(plain), CHUNK)]
        out = out[: len(plain) + len(parts) * TAG_SIZE]
        chunks = [out[at : at + ENC_CHUNK] for at in range(0, len(out), ENC_CHUNK)]
        last = first + len(parts) - 1 if final else None
        hashes = []
        for index, (part, chunk) in enumerate(zip(parts, chunks, strict=True), first):
            self._cipher.encrypt_into(index, index == last, part, chunk)
            hashes.append(leaf_hash(chunk))
        self._sink.write_at(self._start + first * ENC_CHUNK, out)
        return hashes

    def append(self, hashes: list[bytes], plain_size: int) -> None:
        """Take the hashes of the next segment, in order."""
        self._tree.extend(hashes)
        self._size += plain_size

    def payload(self) -> Payload:
        return Payload(payload_size(self._size), self._tree.root())


class Job:
    """The work on segments: read, hash, encrypt, write."""

    def __init__(
        self, layout: Layout, commits: Commitments, output: Output | None, workers: int
    ) -> None:
        self._layout = layout
        self._commits = commits
        self._output = output
        self._buffers: SimpleQueue[tuple[memoryview, memoryview]] = SimpleQueue()
        for _ in range(workers):
            self._buffers.put((memoryview(b""), memoryview(b"")))

    def _room(self, size: int) -> tuple[memoryview, memoryview]:
        """Return buffers for `size` bytes and for their ciphertext; to be put back."""
        plain, out = self._buffers.get()
        if len(plain) < size:
            plain = memoryview(bytearray(size))
            out = memoryview(bytearray(-(-size // CHUNK) * ENC_CHUNK if self._output else 0))
        return plain, out

    def run(
        self, pool: ThreadPoolExecutor | None, progress: Callable[[int], None] | None
    ) -> IndexPlace | None:
        """Seal everything and return where the index went."""
        rest = b""  # what the last segment holds if it is not full
        done = 0
        calls = (
            partial(self._seal, number, pieces)
            for number, pieces in enumerate(self._layout.segments())
        )
        for hashed, size, hashes, rest in in_order(pool, calls, _AHEAD):  # noqa: B007
            self._commits.finish()
            for each in hashed:
                self._commits.add(each)
            if self._output:
                self._output.append(hashes, SEGMENT if hashes else 0)
            done += size
            if progress:
                progress(done)
        if self._output is None:
            self._commits.finish()
            return None
        index = format_index(self._commits.index(with_hashes=True))
        header = tar_header(self._layout.index_name(), len(index), None)
        end = self._layout.size + len(header) + len(index) + tar_padding(len(index)) + TAR_END
        first = self._layout.size // SEGMENT
        tail = Tail(rest + header + index, first, padme(end))
        # The trees of the last documents are computed here while the threads encrypt the padding.
        results = in_order(pool, (partial(self._pad, tail, each) for each in tail.segments()), _PAD)
        self._commits.finish()
        for hashes, size in results:
            self._output.append(hashes, size)
        return IndexPlace(self._layout.size + len(header), len(index))

    def _seal(
        self, number: int, pieces: list[Piece]
    ) -> tuple[list[_Hashed], int, list[bytes], bytes]:
        filled = sum(piece.size for piece in pieces)
        plain, out = self._room(filled)
        try:
            hashed, size = [], 0
            for piece in pieces:
                part = plain[piece.at : piece.at + piece.size]
                if piece.document < 0:
                    part[:] = piece.data
                else:
                    self._layout.documents[piece.document].source.read_into(piece.start, part)
                    hashed.append(self._hash(piece, part))
                    size += piece.size
            if self._output is None:
                return hashed, size, [], b""
            if filled < SEGMENT:
                return hashed, size, [], bytes(plain[:filled])
            return hashed, size, self._output.encrypt(number, False, plain, out), b""
        finally:
            self._buffers.put((plain, out))

    def _hash(self, piece: Piece, part: memoryview) -> _Hashed:
        cuts = self._layout.cuts[piece.document]
        end = piece.start + piece.size
        first = cuts.at(piece.start)
        # The last leaf that begins here ends here only if the next begins at the end or before.
        after = cuts.at(end)
        whole = after if cuts.start(after) == end else max(after - 1, first)
        low, high = cuts.start(first) - piece.start, cuts.start(whole) - piece.start
        commitments = leaf_commitments(
            self._commits.seeds[piece.document],
            KIND_BYTES,
            first + 1,
            cuts.split(part[low:high], first, whole),
        )
        return _Hashed(
            piece.document,
            bytes(part[:low]),
            b"".join(commitments),
            leaf_hashes(commitments),
            bytes(part[high:]),
        )

    def _pad(self, tail: "Tail", segment: int) -> tuple[list[bytes], int]:
        assert self._output
        plain, out = self._room(min(SEGMENT, tail.size - segment * SEGMENT))
        try:
            size = tail.fill(segment, plain)
            last = (segment + 1) * SEGMENT >= tail.size
            return self._output.encrypt(segment, last, plain[:size], out), size
        finally:
            self._buffers.put((plain, out))
