"""One sealing under way: threads hash and encrypt, segments come out in order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ledger.chain.statement import Payload
from ledger.company.documents import Committer, Sink
from ledger.company.sealing.layout import TAR_END, Layout, Tail, tar_header, tar_padding
from ledger.company.sealing.segments import (
    SEGMENT,
    Done,
    Leaves,
    PayloadKey,
    Segment,
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
from ledger.crypto.merkle import RootBuilder, leaf_hash
from ledger.crypto.padding import padme
from ledger.crypto.recipients import FILE_KEY_SIZE, Random, Recipient
from ledger.crypto.stream import NONCE_SIZE, in_order, payload_size
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

    def add(self, leaves: Leaves) -> None:
        """Take the next leaves; a leaf that a segment's end cuts is put together here."""
        document = leaves.document
        record = self._layout.records[document]
        view = self._view = self._view or bytes_view(self.seeds[document], record)
        if self._cut:
            data = self._cut + leaves.head
            (commitment,) = leaf_commitments(
                self.seeds[document], KIND_BYTES, view.count + 1, [data]
            )
            self._commitments.append(commitment)
            view.extend([leaf_hash(commitment)])
        self._commitments.append(leaves.commitments)
        view.join(leaves.nodes)
        self._cut = leaves.tail
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
    """content.age as it is written, and its payload's root."""

    def __init__(self, sink: Sink, recipients: Sequence[Recipient], random: Random) -> None:
        file_key, nonce = random(FILE_KEY_SIZE), random(NONCE_SIZE)
        header = seal_header(file_key, recipients, random)
        sink.write_at(0, header + nonce)
        self.key = PayloadKey(len(header) + NONCE_SIZE, file_key, nonce)
        self.sink = sink
        self._tree = RootBuilder()
        self._tree.append(leaf_hash(nonce))
        self._size = 0

    def append(self, done: Done) -> None:
        """Take the next segment, in order."""
        self._tree.join(done.nodes)
        self._size += done.encrypted

    def payload(self) -> Payload:
        return Payload(payload_size(self._size), self._tree.root())


class Job:
    """The work on segments, and what follows from it in order."""

    def __init__(
        self,
        layout: Layout,
        commits: Commitments,
        output: Output | None,
        do: Callable[[Segment], Done],
    ) -> None:
        self._layout = layout
        self._commits = commits
        self._output = output
        self._do = do

    def run(
        self, pool: ThreadPoolExecutor | None, progress: Callable[[int], None] | None
    ) -> IndexPlace | None:
        """Seal everything and return where the index went."""
        rest = b""  # what the last segment holds if it is not full
        read = 0
        for done in self._all(pool, self._layout.segments(self._commits.seeds), _AHEAD):
            self._commits.finish()
            for each in done.leaves:
                self._commits.add(each)
                read += each.size
            if self._output:
                self._output.append(done)
            rest = done.rest
            if progress:
                progress(read)
        if self._output is None:
            self._commits.finish()
            return None
        index = format_index(self._commits.index(with_hashes=True))
        header = tar_header(self._layout.index_name(), len(index), None)
        end = self._layout.size + len(header) + len(index) + tar_padding(len(index)) + TAR_END
        first = self._layout.size // SEGMENT
        tail = Tail(rest + header + index, first, padme(end))
        # The trees of the last documents are computed here while the padding is encrypted.
        results = self._all(pool, tail.segments(), _PAD)
        self._commits.finish()
        for done in results:
            self._output.append(done)
        return IndexPlace(self._layout.size + len(header), len(index))

    def _all(
        self, pool: ThreadPoolExecutor | None, segments: Iterable[Segment], ahead: int
    ) -> Iterator[Done]:
        return in_order(pool, (partial(self._do, each) for each in segments), ahead)
