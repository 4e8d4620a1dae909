"""What is done to documents before they are sealed: each is split, and renditions are made of some."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ledger.company.documents import Document
from ledger.company.splitters import split
from ledger.company.splitters.cutting import Unsplit
from ledger.evidence import notices
from ledger.evidence.parts import Splitting
from ledger.evidence.rules import MAX_PARTS

_MESSAGE = "message/rfc822"
_COARSE = 3
"""Parts that are kept free for each document still to come: a message, its header and its body."""


@contextlib.contextmanager
def prepared(documents: Sequence[Document], room: Path | None) -> Iterator[list[Document]]:
    """Yield the documents, split, and after them renditions, none where there is no `room` for them.

    A document that cannot be split, or rendered, says why and is there all the same. The renditions'
    files lie in the folder `room` and are gone after the block, except after a kill. Raises
    SourceChanged.
    """
    with contextlib.ExitStack() as stack:
        ready = split_all(documents)
        if room is not None:
            ready = _rendered(ready, stack, room)
        yield [_noticed(document) for document in ready]


def split_all(documents: Sequence[Document]) -> list[Document]:
    """Return the documents with their splittings; the same originals give the same. Those that come
    with one keep it. Raises SourceChanged."""
    left = MAX_PARTS
    ready = []
    for number, document in enumerate(documents, 1):
        if document.splitting == Splitting():
            most = max(left - _COARSE * (len(documents) - number), 0)
            splitting = split(document.name, document.media_type, document.source, most)
            document = replace(document, splitting=splitting)
        left -= len(document.splitting.parts)
        ready.append(document)
    return ready


def _rendered(documents: list[Document], stack: contextlib.ExitStack, room: Path) -> list[Document]:
    # The child process and its parsers cost nothing where no document is of their kind.
    from ledger.company.sealing.rendering import NotRendered
    from ledger.company.sealing.renditions import Renderer, is_outlook, is_renderable

    wanted = [
        number
        for number, document in enumerate(documents)
        if is_outlook(document)
        or (is_renderable(document.name, document.media_type) and not document.splitting.unsplit)
    ]
    if not wanted:
        return documents
    ready, made = list(documents), list[Document]()
    left = MAX_PARTS - sum(len(document.splitting.parts) for document in documents)
    try:
        temporary = tempfile.TemporaryDirectory(
            prefix="sealbook-", dir=room, ignore_cleanup_errors=True
        )
        folder = Path(stack.enter_context(temporary))
    except OSError as error:
        reason = f"there is no room for temporary files ({error.strerror})"
        for number in wanted:
            ready[number] = _unsplit(documents[number], reason)
        return ready
    with Renderer(folder, documents) as renderer:
        for number in wanted:
            document = documents[number]
            try:
                found = [_cut(each, left) for each in renderer.render(document, number)]
                parts = sum(len(each.splitting.parts) for each in found)
                if parts > left:
                    raise NotRendered(notices.DEPOSIT_FULL.line())
                left -= parts
                made += found
                ready[number] = _unsplit(document, "")
            except (NotRendered, Unsplit) as refused:
                known = document.splitting.unsplit
                ready[number] = _unsplit(document, notices.joined([known, str(refused)]))
    return ready + made


def _cut(rendition: Document, room: int) -> Document:
    """Return a rendition with its parts: of a message they are those of any message."""
    if rendition.media_type != _MESSAGE:
        return rendition
    made = split(rendition.name, rendition.media_type, rendition.source, room)
    return replace(rendition, splitting=made)


def _noticed(document: Document) -> Document:
    splitting = document.splitting
    unsplit = notices.joined([document.notice, splitting.unsplit])
    return replace(document, splitting=replace(splitting, unsplit=unsplit))


def _unsplit(document: Document, reason: str) -> Document:
    if document.splitting.parts:
        return document
    return replace(document, splitting=replace(document.splitting, unsplit=reason))
