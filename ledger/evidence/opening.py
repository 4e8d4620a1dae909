"""Opening: manifest.age and content.age back into what was sealed, and into its commitment.

`recompute` reads every document leaf by leaf, and answers with the commitment of what it has read.
ChaCha20-Poly1305 does not commit to its key, so content counts only where that is the commitment in
the signed statement.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ledger.chain.statement import Payload
from ledger.crypto.commitment import (
    KIND_BYTES,
    VIEW_BYTES,
    cover_commitment,
    cover_tree,
    deposit_commitment,
    document_seed,
    leaf_commitments,
    view_seed,
)
from ledger.crypto.envelope import decrypt_bytes, parse_header
from ledger.crypto.merkle import Buffer, leaf_hashes
from ledger.crypto.recipients import Identity
from ledger.crypto.stream import PayloadReader, in_order, payload_root
from ledger.errors import InvalidInput, VerificationFailed
from ledger.evidence.index import Index, IndexPlace, parse_index
from ledger.evidence.manifest import Manifest, cover_leaves, parse_manifest
from ledger.evidence.parts import Cuts
from ledger.evidence.records import bytes_view, uncommitted
from ledger.quoted import quoted

_SEGMENT = 4 << 20
"""What a thread reads and hashes at a time."""
_AHEAD = 16
"""Segments that may be in work or wait to be collected; those that wait hold only hashes."""


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
    known: Mapping[int, bytes] | None = None,
) -> bytes:
    """Read every document and return the commitment that they give, for comparison with R.

    `fetch(document, offset, size)` gives bytes: of content.age, or of the originals where only a
    commitment was deposited. `write(document, offset, data)` gets each byte once, unverified until the
    comparison: keep it out of sight until then. Both are called from several threads. Documents in
    `known` are not read: it gives their D_j.

    Raises VerificationFailed for a document that is too short, and what the callables raise.
    """
    layout = [
        Cuts(record.size, entry.cuts)
        for record, entry in zip(manifest.documents, index, strict=True)
    ]
    secrets = [document_seed(manifest.seed, document) for document in range(len(layout))]
    known = known or {}
    commits = dict(known)
    done = 0

    def read(document: int, first: int, end: int) -> list[bytes]:
        cuts = layout[document]
        start = cuts.start(first)
        data = fetch(document, start, cuts.start(end) - start)
        if len(data) != cuts.start(end) - start:
            raise VerificationFailed(
                f"{quoted(manifest.documents[document].name)} is shorter than what was deposited"
            )
        if write and data:
            write(document, start, data)
        seed = view_seed(secrets[document], VIEW_BYTES)
        leaves = cuts.split(memoryview(data), first, end)
        return leaf_hashes(leaf_commitments(seed, KIND_BYTES, first + 1, leaves))

    def jobs() -> Iterator[tuple[int, int, int]]:
        for document, cuts in enumerate(layout):
            first = 0
            while document not in known:
                end = cuts.segment(first, _SEGMENT) if cuts.count else 0
                yield document, first, end
                first = end
                if first == cuts.count:
                    break

    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers, "open") as pool:
        try:
            calls = (partial(_with_job, read, job) for job in jobs())
            for (document, first, end), hashes in in_order(pool, calls, _AHEAD):
                record, cuts = manifest.documents[document], layout[document]
                if first == 0:
                    view = bytes_view(view_seed(secrets[document], VIEW_BYTES), record)
                view.extend(hashes)
                if end == cuts.count:
                    parts, secret = index[document].parts, secrets[document]
                    commit = uncommitted(secret, document, record, parts, view).commit()
                    if record.commitment not in (None, commit):
                        raise VerificationFailed(
                            f"the manifest names another commitment for {quoted(record.name)}"
                        )
                    commits[document] = commit
                    done += record.size
                if progress:
                    progress(done + (cuts.start(end) if end < cuts.count else 0))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    ordered = [commits[document] for document in range(len(layout))]
    cover = cover_commitment(cover_tree(manifest.seed, cover_leaves(manifest.cover)).view)
    return deposit_commitment(manifest.seed, manifest.depositor, cover, ordered)


def _with_job(
    read: Callable[[int, int, int], list[bytes]], job: tuple[int, int, int]
) -> tuple[tuple[int, int, int], list[bytes]]:
    return job, read(*job)
