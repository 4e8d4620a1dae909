"""Sealing into files that appear whole, with the splitting and rendering before it."""

import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ledger.company.documents import Document, SealedDeposit
from ledger.company.sealing.committing import committer
from ledger.company.sealing.preparing import prepared
from ledger.company.sealing.seal import seal
from ledger.crypto.recipients import Random, Recipient
from ledger.disk.files import AtomicFile
from ledger.evidence.manifest import Cover


def seal_files(
    documents: Sequence[Document],
    depositor: bytes,
    recipients: Sequence[Recipient],
    cover: Cover,
    manifest: Path,
    content: Path | None,
    random: Random,
    progress: Callable[[int], None] | None = None,
) -> SealedDeposit:
    """`sealing.seal.seal` into files that appear, mode 0600 and durable, when all has gone well.

    Without a path for the content, only the commitment and the manifest are made. Documents are split,
    and where there is content renditions of them follow (`ledger.company.sealing.preparing`).
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_collecting_later())
        room = content.parent if content else None
        ready = stack.enter_context(prepared(documents, room))
        manifest_file = stack.enter_context(AtomicFile(manifest))
        content_file = stack.enter_context(AtomicFile(content)) if content else None
        commit = stack.enter_context(committer(len(ready)))
        return seal(
            ready,
            depositor,
            recipients,
            cover,
            content_file,
            manifest_file,
            random,
            progress,
            commit=commit,
        )


@contextlib.contextmanager
def _collecting_later() -> Iterator[None]:
    """Hold the search for cyclic garbage off: it walks all leaves again and again, to find none."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
