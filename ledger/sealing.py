"""Sealing: documents into content.age, manifest.age and their commitment, in one pass; and back.

The plaintext of `content.age` is a POSIX pax tar of the documents, then the index as one more member,
then zeros up to the PADMÉ size, so that `age -d -i key content.age | tar x` opens it without us.

Each piece of a source is read once, into memory of our own; its leaf commitments, the ciphertext and
the payload hash all come from there. A file that changes meanwhile cannot give two hashes; it is
noticed and the whole deposit given up. The work goes to all cores in segments of 4 MiB: everything
heavy in it releases the interpreter's lock.

`recompute` is the way back: it reads every document leaf by leaf, and answers with the commitment of
what it has read. ChaCha20-Poly1305 does not commit to its key, so content counts only where that is
the commitment in the signed statement.
"""

import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from queue import SimpleQueue
from typing import NamedTuple, Protocol

from ledger.chain.statement import Payload
from ledger.crypto.commitment import (
    KIND_BYTES,
    KIND_METADATA,
    KIND_STRUCTURE,
    SEED_SIZE,
    VIEW_BYTES,
    VIEW_METADATA,
    VIEW_STRUCTURE,
    View,
    ViewHeader,
    commit_leaves,
    commit_view,
    deposit_commitment,
    document_commitment,
    document_seed,
    leaf_commitment,
    leaf_salt,
    view_digest,
    view_seed,
)
from ledger.crypto.envelope import decrypt_bytes, encrypt_payload, parse_header, seal_header
from ledger.crypto.merkle import Buffer, RootBuilder, leaf_hash
from ledger.crypto.padding import padme
from ledger.crypto.recipients import FILE_KEY_SIZE, Identity, Random, Recipient
from ledger.crypto.stream import (
    CHUNK,
    ENC_CHUNK,
    NONCE_SIZE,
    TAG_SIZE,
    PayloadCipher,
    PayloadReader,
    in_order,
    payload_root,
    payload_size,
)
from ledger.errors import InvalidInput, VerificationFailed
from ledger.manifest import (
    Cover,
    Cuts,
    DocumentIndex,
    Index,
    IndexPlace,
    Manifest,
    Record,
    Splitting,
    check_names,
    check_parts,
    format_index,
    format_manifest,
    metadata_leaves,
    parse_index,
    parse_manifest,
    structure_leaves,
)

METADATA_SPLITTER = ("fields", 1)
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
_INNER = int.from_bytes(b"\x36" * 64, "big")
_OUTER = int.from_bytes(b"\x5c" * 64, "big")
_ZEROS = bytes(SEGMENT)


_UNIFORM = Splitting()


class Source(Protocol):
    """A document's bytes, which must not change while they are sealed."""

    @property
    def size(self) -> int: ...

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill the whole buffer from `offset` on. Raises SourceChanged. Called from any thread."""
        ...

    def check(self) -> None:
        """Raise SourceChanged unless the source is as it was at the start."""
        ...


class Sink(Protocol):
    """Where a file is written; appears whole or not at all."""

    def write_at(self, offset: int, data: Buffer) -> None:
        """Write all of `data`. Called from any thread, each place once."""
        ...


@dataclass(frozen=True, slots=True)
class Document:
    """A document to seal: where its bytes are, and what its metadata view will say."""

    source: Source
    name: str
    modified: int | None = None
    media_type: str = ""
    origin: str = ""
    tool: str = ""
    splitting: Splitting = _UNIFORM


@dataclass(frozen=True, slots=True)
class SealedDeposit:
    """What was sealed: R, how a statement names the files, and what the manifest says."""

    commitment: bytes
    content: Payload | None
    manifest: Payload
    record: Manifest
    index: Index


class _Piece(NamedTuple):
    """Part of a segment: from document `document` at `start`, or `data` where there is none."""

    at: int
    size: int
    document: int
    start: int
    data: bytes


class _Hashed(NamedTuple):
    """A document's leaves in one segment: those it holds whole, and the ends of two that it cuts."""

    document: int
    head: bytes
    leaves: list[bytes]
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
) -> SealedDeposit:
    """Seal `documents` under the thumbprint (32 bytes) of the key that will sign the statement.

    Without `content` only the manifest is written, and the commitment is the same. `progress` gets the
    count of bytes read so far. Raises InvalidInput, SourceChanged and what the sinks raise; the sinks
    then hold nothing of use.
    """
    check_names([document.name for document in documents])
    workers = workers or os.cpu_count() or 1
    seed = random(SEED_SIZE)
    output = _Output(content, recipients, random) if content else None
    layout = _Layout(documents)
    commits = _Commitments(seed, layout)
    with ThreadPoolExecutor(workers, "seal") as pool:
        job = _Job(layout, commits, output, workers)
        try:
            place = job.run(pool, progress)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for document in documents:
        document.source.check()
    index = commits.index(with_hashes=place is not None)
    record = Manifest(seed, depositor, cover, layout.records(place is not None), place or index)
    return SealedDeposit(
        commitment=deposit_commitment(seed, depositor, commits.documents),
        content=output.payload() if output else None,
        manifest=_seal_manifest(record, recipients, manifest, random),
        record=record,
        index=index,
    )


def open_manifest(data: bytes, identities: Sequence[Identity], payload: Payload) -> Manifest:
    """Return the manifest in an age file, once its payload is the one that a statement names.

    Raises VerificationFailed, MalformedData, NoMatchingIdentity, WrongPassphrase, DecryptionFailed.
    """
    body = data[len(parse_header(data).encoded) :]
    if len(body) != payload.size or payload_root([body]) != payload.root:
        raise VerificationFailed("the manifest is not the one that the statement names")
    return parse_manifest(decrypt_bytes(data, identities))


def read_index(manifest: Manifest, content: PayloadReader | None) -> Index:
    """Return the index, from content.age or from the manifest of a commitment alone.

    Raises InvalidInput without the content, MalformedData, DecryptionFailed.
    """
    if not isinstance(manifest.index, IndexPlace):
        return manifest.index
    if content is None:
        raise InvalidInput("the deposit's content is needed; fetch content.age first")
    place = manifest.index
    return parse_index(content.read(place.offset, place.size), manifest.documents)


def content_reader(manifest: Manifest, content: PayloadReader) -> Callable[[int, int, int], bytes]:
    """Return fetch(document, offset, size) for `recompute`, out of content.age."""

    def fetch(document: int, offset: int, size: int) -> bytes:
        return content.read((manifest.documents[document].offset or 0) + offset, size)

    return fetch


def recompute(
    manifest: Manifest,
    index: Index,
    fetch: Callable[[int, int, int], bytes],
    commitment: bytes,
    write: Callable[[int, int, Buffer], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Read every document and compare its commitment with R; see `recomputed_commitment`.

    Raises VerificationFailed unless what was read has the commitment, and what the callables raise.
    """
    if recomputed_commitment(manifest, index, fetch, write, progress) != commitment:
        raise VerificationFailed(
            "the content is not what was deposited: its commitment differs from the statement's"
        )


def recomputed_commitment(
    manifest: Manifest,
    index: Index,
    fetch: Callable[[int, int, int], bytes],
    write: Callable[[int, int, Buffer], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> bytes:
    """Read every document and return the commitment that they give, for comparison with R.

    `fetch(document, offset, size)` gives bytes: of content.age, or of the originals where only a
    commitment was deposited. `write(document, offset, data)` gets each byte once, unverified until the
    comparison: keep it out of sight until then. Both are called from several threads.

    Raises VerificationFailed for a document that is too short, and what the callables raise.
    """
    layout = [Cuts(record.size, entry.cuts) for record, entry in _pairs(manifest, index)]
    commits: list[bytes] = []
    done = 0

    def read(document: int, first: int, end: int) -> list[bytes]:
        cuts = layout[document]
        start = cuts.start(first)
        data = fetch(document, start, cuts.start(end) - start)
        if len(data) != cuts.start(end) - start:
            raise VerificationFailed(
                f"{manifest.documents[document].name} is shorter than what was deposited"
            )
        if write and data:
            write(document, start, data)
        seed = view_seed(document_seed(manifest.seed, document), VIEW_BYTES)
        bounds = [cuts.start(leaf) - start for leaf in range(first, end + 1)]
        return bytes_commitments(seed, first + 1, memoryview(data), bounds)

    def jobs() -> Iterator[tuple[int, int, int]]:
        for document, cuts in enumerate(layout):
            first = 0
            while True:
                end = max(first + 1, cuts.at(cuts.start(first) + SEGMENT)) if cuts.count else 0
                yield document, first, end
                first = end
                if first == cuts.count:
                    break

    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers, "open") as pool:
        try:
            calls = (partial(_with_job, read, job) for job in jobs())
            leaves: list[bytes] = []
            for (document, _, end), part in in_order(pool, calls, _AHEAD):
                leaves += part
                cuts = layout[document]
                if end == cuts.count:
                    record, entry = manifest.documents[document], index[document]
                    commits.append(_commit_document(manifest.seed, document, record, entry, leaves))
                    done += record.size
                    leaves = []
                if progress:
                    progress(done + (cuts.start(end) if leaves else 0))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return deposit_commitment(manifest.seed, manifest.depositor, commits)


def bytes_commitments(
    view_seed: bytes, first: int, data: memoryview, bounds: Sequence[int]
) -> list[bytes]:
    """Return C_first.. of the leaves between `bounds` in `data`, as commitment.leaf_commitments does.

    Twice as fast: the salts' HMAC key is hashed once for all. It matters because this, unlike the
    hashing of the data, holds the interpreter's lock.
    """
    key = int.from_bytes(view_seed.ljust(64, b"\0"), "big")
    inner = sha256((key ^ _INNER).to_bytes(64, "big") + b"sealbook1/salt\0")
    outer = sha256((key ^ _OUTER).to_bytes(64, "big"))
    prefix = b"sealbook1/leaf\0" + bytes((KIND_BYTES,))
    commitments = []
    low = bounds[0]
    for index, high in enumerate(bounds[1:], first):
        number = index.to_bytes(8, "big")
        state = inner.copy()
        state.update(number)
        salt = outer.copy()
        salt.update(state.digest())
        state = sha256(prefix + number + (high - low).to_bytes(8, "big") + salt.digest())
        state.update(data[low:high])
        commitments.append(state.digest())
        low = high
    return commitments


def _with_job(
    read: Callable[[int, int, int], list[bytes]], job: tuple[int, int, int]
) -> tuple[tuple[int, int, int], list[bytes]]:
    return job, read(*job)


def _pairs(manifest: Manifest, index: Index) -> Iterator[tuple[Record, DocumentIndex]]:
    return zip(manifest.documents, index, strict=True)


class _Layout:
    """Where each document lies in the plaintext of content.age."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self.cuts: list[Cuts] = []
        self.headers: list[bytes] = []
        self.offsets: list[int] = []
        self.size = 0
        for document in documents:
            cuts = Cuts(document.source.size, document.splitting.cuts)
            check_parts(document.splitting.parts, cuts.count)
            header = _tar_header(document.name, cuts.size, document.modified)
            self.cuts.append(cuts)
            self.headers.append(header)
            self.offsets.append(self.size + len(header))
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

    def record(self, document: int, with_offset: bool) -> Record:
        source, cuts = self.documents[document], self.cuts[document]
        return Record(
            name=source.name,
            size=cuts.size,
            modified=source.modified,
            media_type=source.media_type,
            source=source.origin,
            tool=source.tool,
            splitter=source.splitting.splitter,
            version=source.splitting.version,
            leaves=cuts.count,
            parts=len(source.splitting.parts),
            offset=self.offsets[document] if with_offset else None,
        )

    def records(self, with_offset: bool) -> tuple[Record, ...]:
        return tuple(self.record(index, with_offset) for index in range(len(self.documents)))


class _Commitments:
    """Takes leaves in order and makes documents' commitments of them."""

    def __init__(self, seed: bytes, layout: _Layout) -> None:
        self._seed = seed
        self._layout = layout
        count = len(layout.documents)
        self.seeds = [view_seed(document_seed(seed, j), VIEW_BYTES) for j in range(count)]
        self.documents: list[bytes] = []
        self._entries: list[DocumentIndex] = []
        self._leaves: list[bytes] = []
        self._cut = b""
        self._complete: list[tuple[int, list[bytes]]] = []

    def add(self, hashed: _Hashed) -> None:
        """Take the next leaves; a leaf that a segment's end cuts is put together here."""
        document = hashed.document
        if self._cut:
            index = len(self._leaves) + 1
            salt = leaf_salt(self.seeds[document], index)
            data = self._cut + hashed.head
            self._leaves.append(leaf_commitment(KIND_BYTES, index, salt, data))
        self._leaves += hashed.leaves
        self._cut = hashed.tail
        if not self._cut and len(self._leaves) == self._layout.cuts[document].count:
            splitting = self._layout.documents[document].splitting
            entry = DocumentIndex(splitting.cuts, splitting.parts, b"".join(self._leaves))
            self._entries.append(entry)
            self._complete.append((document, self._leaves))
            self._leaves = []

    def finish(self) -> None:
        """Commit to the documents that have become complete."""
        for document, leaves in self._complete:
            record = self._layout.record(document, with_offset=True)
            entry = self._entries[document]
            self.documents.append(_commit_document(self._seed, document, record, entry, leaves))
        self._complete = []

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
        count = -(-len(plain) // CHUNK)
        out = out[: len(plain) + count * TAG_SIZE]
        hashes = []
        for at in range(count):
            chunk = out[at * ENC_CHUNK : (at + 1) * ENC_CHUNK]
            last = final and at == count - 1
            self._cipher.encrypt_into(first + at, last, plain[at * CHUNK : (at + 1) * CHUNK], chunk)
            hashes.append(leaf_hash(chunk))
        self._sink.write_at(self._start + first * ENC_CHUNK, out)
        return hashes

    def append(self, hashes: list[bytes], plain_size: int) -> None:
        """Take the hashes of the next segment, in order."""
        for each in hashes:
            self._tree.append(each)
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
            encrypted = bytearray(SEGMENT // CHUNK * ENC_CHUNK) if output else bytearray()
            self._buffers.put((memoryview(bytearray(SEGMENT)), memoryview(encrypted)))

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
        plain, out = self._buffers.get()
        try:
            hashed, size, filled = [], 0, 0
            for piece in pieces:
                part = plain[piece.at : piece.at + piece.size]
                filled += piece.size
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
        seed = self._commits.seeds[piece.document]
        end = piece.start + piece.size
        first = cuts.at(piece.start)
        # The last leaf that begins here ends here only if the next begins at the end or before.
        after = cuts.at(end)
        whole = after if cuts.start(after) == end else max(after - 1, first)
        bounds = [cuts.start(leaf) - piece.start for leaf in range(first, whole + 1)]
        return _Hashed(
            piece.document,
            bytes(part[: bounds[0]]),
            bytes_commitments(seed, first + 1, part, bounds),
            bytes(part[bounds[-1] :]),
        )

    def _pad(self, tail: "_Tail", segment: int) -> tuple[list[bytes], int]:
        assert self._output
        plain, out = self._buffers.get()
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


def _commit_document(
    seed: bytes, document: int, record: Record, entry: DocumentIndex, leaves: Sequence[bytes]
) -> bytes:
    """Return D_j from the commitments C_1.. of its bytes leaves and from its other two views."""
    secret = document_seed(seed, document)
    header = ViewHeader(len(leaves), record.splitter, record.version)
    views: dict[int, View] = {
        VIEW_BYTES: commit_view(view_seed(secret, VIEW_BYTES), header, leaves),
        VIEW_STRUCTURE: commit_leaves(
            view_seed(secret, VIEW_STRUCTURE),
            KIND_STRUCTURE,
            record.splitter,
            record.version,
            structure_leaves(entry.parts),
        ),
        VIEW_METADATA: commit_leaves(
            view_seed(secret, VIEW_METADATA),
            KIND_METADATA,
            *METADATA_SPLITTER,
            metadata_leaves(record),
        ),
    }
    return document_commitment(
        document, [view_digest(number, view) for number, view in sorted(views.items())]
    )


def _seal_manifest(
    manifest: Manifest, recipients: Sequence[Recipient], sink: Sink, random: Random
) -> Payload:
    file_key, nonce = random(FILE_KEY_SIZE), random(NONCE_SIZE)
    payload = encrypt_payload(format_manifest(manifest), file_key, nonce)
    sink.write_at(0, seal_header(file_key, recipients, random) + payload)
    return Payload(len(payload), payload_root([payload]))


def _tar_header(name: str, size: int, modified: int | None) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mtime = modified or 0
    member.mode = 0o600
    return member.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> int:
    return -size % _BLOCK
