"""Sealing: documents into content.age, manifest.age and their commitment, in one pass.

The plaintext of `content.age` is a POSIX pax tar of the documents, then the index as one more member,
then zeros up to the PADMÉ size, so that `age -d -i key content.age | tar x` opens it without us.

Each piece of a source is read once, into memory of our own; its leaf commitments, the ciphertext and
the payload hash all come from there. A file that changes meanwhile cannot give two hashes; it is
noticed and the whole deposit given up. The work goes to all cores in segments of 4 MiB: everything
heavy in it releases the interpreter's lock, and the thread that collects has little left to do.
"""

import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple

from ledger.chain.statement import Payload
from ledger.company.documents import Committer, Document, SealedDeposit, Sink
from ledger.crypto.commitment import (
    KIND_BYTES,
    SEED_SIZE,
    VIEW_BYTES,
    Uncommitted,
    ViewBuilder,
    cover_commitment,
    cover_tree,
    deposit_commitment,
    document_seed,
    leaf_commitments,
    view_seed,
)
from ledger.crypto.envelope import encrypt_payload, seal_header
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
    payload_root,
    payload_size,
)
from ledger.evidence.manifest import (
    Cover,
    Cuts,
    DocumentIndex,
    Index,
    IndexPlace,
    Manifest,
    Record,
    bytes_view,
    check_cover,
    cover_leaves,
    format_index,
    format_manifest,
    uncommitted,
)
from ledger.evidence.rules import check_count, check_names, check_parts

INDEX_NAME = "index.cbor"
TAR_END = 1024
"""Zero bytes that end a tar; the padding begins with them."""

_BLOCK = tarfile.BLOCKSIZE
SEGMENT = 64 * CHUNK
"""What a thread reads, hashes, encrypts and writes at a time: 4 MiB, so that little is handed over."""

_AHEAD = 16
"""Segments that may be in work or wait to be collected; those that wait hold only hashes."""
_PAD = 1 << 20
"""Segments of padding may all be begun at once: they wait in the pool's queue, not in memory."""
_ZEROS = bytes(SEGMENT)


def commit_here(documents: Sequence[Uncommitted]) -> Callable[[], Sequence[bytes]]:
    """The simple Committer: at once, in this thread."""
    found = [each.commit() for each in documents]
    return lambda: found


class _Piece(NamedTuple):
    """Part of a segment: from document `document` at `start`, or `data` where there is none."""

    at: int
    size: int
    document: int
    start: int
    data: bytes


class _Hashed(NamedTuple):
    """A document's leaves in one segment: those it holds whole, and the ends of two that it cuts.

    `commitments` are C_i one after the other, as the index holds them, `hashes` their leaf hashes.
    """

    document: int
    head: bytes
    commitments: bytes
    hashes: list[bytes]
    tail: bytes


def seal(
    documents: Sequence[Document],
    depositor: bytes,
    recipients: Sequence[Recipient],
    cover: Cover,
    content: Sink | None,
    manifest: Sink,
    random: Random,
    progress: Callable[[int], None] | None = None,
    workers: int | None = None,
    commit: Committer = commit_here,
) -> SealedDeposit:
    """Seal `documents` under the thumbprint (32 bytes) of the key that will sign the statement.

    Without `content` only the manifest is written, and the commitment is the same. `progress` gets the
    count of bytes read so far. Raises InvalidInput, SourceChanged and what the sinks raise; the sinks
    then hold nothing of use.
    """
    check_count(len(documents))
    check_names([document.name for document in documents])
    check_cover(cover)
    workers = workers or os.cpu_count() or 1
    seed = random(SEED_SIZE)
    output = _Output(content, recipients, random) if content else None
    layout = _Layout(documents, with_content=content is not None)
    commits = _Commitments(seed, layout, commit)
    with ThreadPoolExecutor(workers, "seal") as pool:
        job = _Job(layout, commits, output, workers)
        try:
            place = job.run(pool, progress)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for document in documents:
        document.source.check()
    commitments = commits.documents()
    index = commits.index(with_hashes=place is not None)
    records = tuple(
        record if record.rendition is None else replace(record, commitment=commitment)
        for record, commitment in zip(layout.records, commitments, strict=True)
    )
    record = Manifest(seed, depositor, cover, records, place or index)
    first = cover_commitment(cover_tree(seed, cover_leaves(cover)).view)
    return SealedDeposit(
        commitment=deposit_commitment(seed, depositor, first, commitments),
        content=output.payload() if output else None,
        manifest=_seal_manifest(record, recipients, manifest, random),
        record=record,
        index=index,
    )


class _Layout:
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
            header = _tar_header(document.name, cuts.size, document.modified)
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
            self.size += len(header) + cuts.size + _padding(cuts.size)

    def segments(self) -> Iterator[list[_Piece]]:
        """Yield the pieces of each segment; the last may be shorter."""
        segment: list[_Piece] = []
        filled = 0
        for document, cuts in enumerate(self.cuts):
            # An empty document has a piece as well: it must reach the collector.
            header = self.headers[document]
            for owner, size, data in (
                (-1, len(header), header),
                (document, cuts.size, b""),
                (-1, _padding(cuts.size), bytes(_padding(cuts.size))),
            ):
                start = 0
                while start < size or (owner >= 0 and start == size == 0):
                    count = min(size - start, SEGMENT - filled)
                    part = data[start : start + count]
                    segment.append(_Piece(filled, count, owner, start, part))
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


class _Commitments:
    """Takes leaves in order and makes documents' commitments of them."""

    def __init__(self, seed: bytes, layout: _Layout, commit: Committer) -> None:
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


class _Output:
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


class _Job:
    """The work on segments: read, hash, encrypt, write."""

    def __init__(
        self, layout: _Layout, commits: _Commitments, output: _Output | None, workers: int
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
        self, pool: ThreadPoolExecutor, progress: Callable[[int], None] | None
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
        header = _tar_header(self._layout.index_name(), len(index), None)
        end = self._layout.size + len(header) + len(index) + _padding(len(index)) + TAR_END
        first = self._layout.size // SEGMENT
        tail = _Tail(rest + header + index, first, padme(end))
        # The trees of the last documents are computed here while the threads encrypt the padding.
        results = in_order(pool, (partial(self._pad, tail, each) for each in tail.segments()), _PAD)
        self._commits.finish()
        for hashes, size in results:
            self._output.append(hashes, size)
        return IndexPlace(self._layout.size + len(header), len(index))

    def _seal(
        self, number: int, pieces: list[_Piece]
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

    def _hash(self, piece: _Piece, part: memoryview) -> _Hashed:
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

    def _pad(self, tail: "_Tail", segment: int) -> tuple[list[bytes], int]:
        assert self._output
        plain, out = self._room(min(SEGMENT, tail.size - segment * SEGMENT))
        try:
            size = tail.fill(segment, plain)
            last = (segment + 1) * SEGMENT >= tail.size
            return self._output.encrypt(segment, last, plain[:size], out), size
        finally:
            self._buffers.put((plain, out))


class _Tail(NamedTuple):
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


def _seal_manifest(
    manifest: Manifest, recipients: Sequence[Recipient], sink: Sink, random: Random
) -> Payload:
    file_key, nonce = random(FILE_KEY_SIZE), random(NONCE_SIZE)
    payload = encrypt_payload(format_manifest(manifest), file_key, nonce)
    sink.write_at(0, seal_header(file_key, recipients, random) + payload)
    return Payload(len(payload), payload_root([payload]))


def _tar_header(name: str, size: int, modified: int | None) -> bytes:
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


def _padding(size: int) -> int:
    return -size % _BLOCK
