"""What the pages rendered at a deposit say, for a search: read in the child that takes PDFs apart."""

import tempfile
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from ledger.company.disclosing.contents import Contents, Target
from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.renditions import Child

MAX_PAGE = 64 << 20
"""Bytes of a page that is looked at."""
_SECONDS = 20
_WRITTEN = 1 << 20


def is_page(contents: Contents, document: int) -> bool:
    """Return whether a document is a page of another, as rendered."""
    made = contents.records[document].rendition
    return made is not None and made.kind == "page"


def page_texts(contents: Contents, documents: Iterable[int]) -> Iterator[tuple[Target, str]]:
    """Yield the pages among these documents with their text, "" where none can be read.

    Each is read once.
    """
    folder = Path(tempfile.gettempdir())
    child = Child(folder)

    def text(target: Target, document: int) -> str:
        if contents.records[document].size > MAX_PAGE:
            return ""
        page = b64encode(contents.content(target)).decode("ascii")
        asked = {"kind": "words", "page": page, "bytes": _WRITTEN, "seconds": _SECONDS}
        try:
            found = child.ask(asked, _SECONDS).get("text", "")
        except NotRendered:
            return ""
        return found if isinstance(found, str) else ""

    try:
        for document in documents:
            if is_page(contents, document):
                target = Target(document)
                key = "page", document
                yield target, contents.kept(key, partial(text, target, document))
    finally:
        child.stop()
