"""Sealing: documents into content.age, manifest.age and their commitment, in one pass.

The plaintext of `content.age` is a POSIX pax tar of the documents, then the index as one more member,
then zeros up to the PADMÉ size, so that `age -d -i key content.age | tar x` opens it without us.

Each piece of a source is read once, into memory of our own; its leaf commitments, the ciphertext and
the payload hash all come from there. A file that changes meanwhile cannot give two hashes; it is
noticed and the whole deposit given up. The work goes to all cores in segments of 2 MiB: what is heavy
in it releases the interpreter's lock, and of a large deposit other processes do segments, too
(`ledger.company.sealing.sharing`). The thread that collects has little left to do.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from ledger.chain.statement import Payload
from ledger.company.documents import Committer, Document, SealedDeposit, Sink
from ledger.company.sealing.job import Commitments, Job, Output, commit_here
from ledger.company.sealing.layout import Layout
from ledger.company.sealing.sharing import hands
from ledger.crypto.commitment import (
    SEED_SIZE,
    cover_commitment,
    cover_tree,
    deposit_commitment,
)
from ledger.crypto.envelope import encrypt_payload, seal_header
from ledger.crypto.recipients import FILE_KEY_SIZE, Random, Recipient
from ledger.crypto.stream import (
    NONCE_SIZE,
    payload_root,
)
from ledger.evidence.manifest import (
    Cover,
    Manifest,
    check_cover,
    cover_leaves,
    format_manifest,
)
from ledger.evidence.rules import check_count, check_names


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
    output = Output(content, recipients, random) if content else None
    layout = Layout(documents, with_content=content is not None)
    commits = Commitments(seed, layout, commit)
    with hands(documents, output, workers) as (pool, do):
        place = Job(layout, commits, output, do).run(pool, progress)
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


def _seal_manifest(
    manifest: Manifest, recipients: Sequence[Recipient], sink: Sink, random: Random
) -> Payload:
    file_key, nonce = random(FILE_KEY_SIZE), random(NONCE_SIZE)
    payload = encrypt_payload(format_manifest(manifest), file_key, nonce)
    sink.write_at(0, seal_header(file_key, recipients, random) + payload)
    return Payload(len(payload), payload_root([payload]))
