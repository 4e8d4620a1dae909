"""A deposit's parts, read where they lie: a few requests to the notary instead of the whole content.

An age file's chunks authenticate one by one, and the index says in which a part lies. So the header,
the final chunk, the index and the chunks of the part are fetched, neighbours in one request. Nothing is
believed for that: what is opened is compared with the leaf hashes in the index, and those with the
commitment in the statement (`ledger.evidence.partial.open_in_part`).
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ledger.chain.statement import Payload
from ledger.company.vault.stored import StoredDeposit, read_file
from ledger.crypto.commitment import (
    HASH_SIZE,
    KIND_BYTES,
    VIEW_BYTES,
    document_seed,
    leaf_commitments,
    view_seed,
)
from ledger.crypto.envelope import MAX_HEADER, Header, parse_header
from ledger.crypto.recipients import Identity
from ledger.crypto.stream import ENC_CHUNK, NONCE_SIZE, PayloadReader
from ledger.disk.age_files import open_age
from ledger.errors import StorageFailed, VerificationFailed
from ledger.evidence.index import Index
from ledger.evidence.manifest import Manifest
from ledger.evidence.opening import content_reader, read_index
from ledger.evidence.parts import Cuts
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.wire.client import NotaryClient

_HEAD = MAX_HEADER + NONCE_SIZE
"""What is fetched first: any header, the nonce, and as a rule the first chunk."""
_RUN = 16
"""Chunks in one request: 1 MiB."""
_KEPT = 64
"""Chunks that are kept: 4 MiB, so that neighbouring parts cost one request."""
_SEGMENT = 1 << 20


@dataclass(frozen=True, slots=True)
class DepositView:
    """A deposit as its owner can read it, part by part.

    `fetch(document, offset, size)` gives bytes, authenticated by age where they come from the notary;
    `fetched()` is how many bytes the notary has sent so far.
    """

    manifest: Manifest
    index: Index
    fetch: Callable[[int, int, int], bytes]
    fetched: Callable[[], int]

    @property
    def hashed(self) -> bool:
        """Whether the index holds the leaves' hashes; of a commitment alone it does not."""
        return all(record.offset is not None for record in self.manifest.documents)


class RangedEnvelope:
    """An age file at the notary; `read_at` is for PayloadReader, which asks for whole chunks."""

    def __init__(self, client: "NotaryClient", payload: Payload) -> None:
        self._client = client
        self._payload = payload
        self.fetched = 0
        """Bytes that the notary has sent."""
        self._head = self._request(0, _HEAD)
        self.header: Header = parse_header(self._head[:MAX_HEADER])
        self._start = len(self.header.encoded)
        self._chunks: dict[int, bytes] = {}
        self._next = -1

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes of the payload: the nonce, or whole chunks. Unverified."""
        if offset + length <= NONCE_SIZE:
            return self._head[self._start + offset : self._start + offset + length]
        first = (offset - NONCE_SIZE) // ENC_CHUNK
        end = -(-(offset - NONCE_SIZE + length) // ENC_CHUNK)
        chunk, reads_on = first, first == self._next
        while chunk < end:
            if chunk in self._chunks:
                chunk += 1
                continue
            missing = chunk + 1
            while missing < end and missing not in self._chunks and missing - chunk < _RUN:
                missing += 1
            if reads_on:
                # Who reads in small steps gets more at a time.
                missing = chunk + _RUN
            self._fetch(chunk, missing)
            chunk = missing
        data = b"".join(self._chunks[each] for each in range(first, end))
        for each in list(self._chunks)[: max(0, len(self._chunks) - _KEPT)]:
            del self._chunks[each]
        return data

    def _fetch(self, first: int, end: int) -> None:
        start = NONCE_SIZE + first * ENC_CHUNK
        stop = min(NONCE_SIZE + end * ENC_CHUNK, self._payload.size)
        if self._start + stop <= len(self._head):
            data = self._head[self._start + start : self._start + stop]
        else:
            data = self._request(self._start + start, stop - start)
            self._next = end
        for each in range(first, end):
            self._chunks[each] = data[(each - first) * ENC_CHUNK : (each - first + 1) * ENC_CHUNK]

    def _request(self, offset: int, length: int) -> bytes:
        data = self._client.read_envelope(self._payload.root, offset, length)
        self.fetched += len(data)
        return data


@contextlib.contextmanager
def view_deposit(
    deposit: StoredDeposit,
    client: "NotaryClient",
    identities: Sequence[Identity],
    originals: Callable[[Manifest], Callable[[int, int, int], bytes]],
) -> Iterator[DepositView]:
    """Yield a deposit for reading in part: out of the vault's spool, from the notary, or, where only
    the commitment was deposited, from the `originals`, which are looked at when they are read.

    Raises NotFound where the notary does not hold the content, DecryptionFailed, MalformedData.
    """
    manifest = deposit.manifest(tuple(identities))
    payload = deposit.deposit.content
    if payload is None:
        yield DepositView(manifest, read_index(manifest, None), originals(manifest), lambda: 0)
        return
    path, own_header = deposit.folder / "content.age", deposit.folder / "content.header"
    with contextlib.ExitStack() as stack:
        if path.exists():
            try:
                local = stack.enter_context(open_age(path))
            except OSError as error:
                raise StorageFailed(f"{quoted(path)} cannot be read: {error.strerror}.") from error
            used, read_at = local.header, local.read_at
            counted = lambda: 0  # noqa: E731
        else:
            envelope = RangedEnvelope(client, payload)
            used, read_at = envelope.header, envelope.read_at
            counted = lambda: envelope.fetched  # noqa: E731
        if own_header.exists():
            used = parse_header(read_file(own_header))
        content = PayloadReader(read_at, payload.size, used.unwrap(identities))
        fetch = content_reader(manifest, content)
        yield DepositView(manifest, read_index(manifest, content), fetch, counted)


def hashed(view: DepositView, progress: Callable[[int], None]) -> Index:
    """Return the index with the leaves' hashes, from the content where it does not hold them."""
    if view.hashed:
        return view.index
    done = 0
    entries = []
    for document, entry in enumerate(view.index):
        record = view.manifest.documents[document]
        seed = view_seed(document_seed(view.manifest.seed, document), VIEW_BYTES)
        hashes = []
        cuts = Cuts(record.size, entry.cuts)
        for first, end in segments(cuts, 0, cuts.count):
            start = cuts.start(first)
            data = memoryview(view.fetch(document, start, cuts.start(end) - start))
            hashes += leaf_commitments(seed, KIND_BYTES, first + 1, cuts.split(data, first, end))
            done += len(data)
            progress(done)
        entries.append(replace(entry, hashes=b"".join(hashes)))
    return tuple(entries)


def checked(
    view: DepositView, index: Index, cuts: Cuts, document: int, first: int, count: int
) -> Iterator[bytes]:
    """Yield the bytes of leaves `first` (from 1) and on, each compared with its hash in the index.

    `cuts` are the document's. Raises VerificationFailed.
    """
    record, hashes = view.manifest.documents[document], index[document].hashes
    seed = view_seed(document_seed(view.manifest.seed, document), VIEW_BYTES)
    for low, high in segments(cuts, first - 1, first - 1 + count):
        start = cuts.start(low)
        data = view.fetch(document, start, cuts.start(high) - start)
        leaves = cuts.split(memoryview(data), low, high)
        commitments = leaf_commitments(seed, KIND_BYTES, low + 1, leaves)
        if b"".join(commitments) != hashes[low * HASH_SIZE : high * HASH_SIZE]:
            raise VerificationFailed(
                f"{quoted(record.name)} is not what was deposited: bytes {start} to "
                f"{cuts.start(high) - 1} "
                "differ. Nothing was written."
            )
        yield data


def segments(cuts: Cuts, first: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield leaves (from 0) `first` .. `end` as neighbouring ranges of at most 1 MiB."""
    while first < end:
        limit = cuts.start(first) + _SEGMENT
        after = cuts.at(limit)
        after -= after > first + 1 and cuts.start(after) > limit
        yield first, min(end, after)
        first = min(end, after)
