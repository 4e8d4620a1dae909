"""Damage in a PDF: every warning of qpdf, and the tree of pages against the count that it states.

qpdf opens a damaged file, meets the damage later, and goes on with an empty stream or a null object;
that it did is a warning. So every one is read. Without repair each is a reason to begin again with it;
after a repair those may stand that tell of the repair itself, and any other is a reason for no pages.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from ledger.company.sealing.rendering import NotRendered
from ledger.evidence import notices

_REPAIRS = re.compile(
    "|".join(
        (
            r"file is damaged",
            r"can't find PDF header",
            r"can't find startxref",
            r"startxref was more than",
            r"xref not found",
            r"xref syntax invalid",
            r"error reading xref",
            r"invalid xref entry",
            r"extraneous whitespace seen before xref",
            r"xref entry for the xref stream itself is missing",
            r"object has offset 0 - a common error",
            r"reported number of objects .* is not one plus the highest object number",
            r"Attempting to reconstruct cross-reference table",
            r"expected \d+ \d+ obj",
            r"expected n n obj",
            r"expected endobj",
            r"EOF after endobj",
            r"expected endstream",
            r"stream keyword followed by",
            r"stream dictionary lacks /Length key",
            r"/Length key in stream dictionary is not an integer",
            r"attempting to recover stream length",
            r"recovered stream length: [1-9]",
            r"input stream is complete but output may still be valid",
            r"Resources is missing or invalid; repairing",
            r"MediaBox is undefined; setting to letter",
            r"setting missing or invalid /Type entry to /Catalog",
            r"kid .* is direct; converting to indirect",
            r"encountered invalid /Parent entry while traversing /AcroForm",
            r"this widget annotation is not reachable from /AcroForm",
        )
    )
)
"""What qpdf says when it has found what readers find. All else means that something is missing."""
_DEEPEST = 100
"""Levels of a tree of pages."""
_IN_FILE = 1
"""The type of an object that stands in the file itself, in a table of objects."""
_MOST = 1 << 16
"""Bytes of a page's object that are looked at."""


class Damaged(Exception):
    """A PDF is not as it should be."""


class Warnings:
    """The warnings of one reading, which is one with repair or one without."""

    def __init__(self, pdf: Pdf, repair: bool) -> None:
        self._pdf = pdf
        self._repair = repair

    def check(self, other: Pdf | None = None) -> None:
        """Read the warnings that have come, also those of `other`, which is being written.

        Raises Damaged; after a repair only for those that tell of more than the repair.
        """
        for each in (*self._pdf.get_warnings(), *(other.get_warnings() if other else ())):
            if not (self._repair and _REPAIRS.search(str(each))):
                raise Damaged(str(each))


def check_tree(pdf: Pdf, most: int) -> int:
    """Return how many pages there are, up to `most`.

    Raises NotRendered for none and for more, and Damaged unless the tree has as many as it states and
    nothing in it is missing.
    """
    root = pdf.Root.get("/Pages")
    if not isinstance(root, Dictionary):
        raise Damaged("there is no tree of pages")
    stated = root.get("/Count")
    # The stated number first: a tree of many pages costs time and memory only to be counted.
    if isinstance(stated, int) and stated > most:
        raise NotRendered(notices.PDF_MANY_PAGES.line(most))
    found = _leaves([root], most, 0)
    if found > most:
        raise NotRendered(notices.PDF_MANY_PAGES.line(most))
    if isinstance(stated, int) and stated != found:
        raise Damaged(f"it states {stated} pages and has {found}")
    if found != len(pdf.pages):
        raise Damaged(f"its tree has {found} pages, and qpdf finds {len(pdf.pages)}")
    if found == 0:
        raise NotRendered(notices.PDF_NO_PAGES.line())
    return found


def _leaves(nodes: Iterable[Object], most: int, depth: int) -> int:
    if depth > _DEEPEST:
        raise Damaged("its tree of pages is too deep, or goes round")
    count = 0
    for node in nodes:
        if not isinstance(node, Dictionary):
            raise Damaged("something in its tree of pages is no page")
        kids = node.get("/Kids")
        if kids is None and node.get("/Type") != Name.Pages:
            count += 1
        elif isinstance(kids, Array):
            count += _leaves(kids, most - count, depth + 1)
        else:
            raise Damaged("something in its tree of pages is no list")
        if count > most:
            break
    return count


def check_blank_pages(pdf: Pdf, source: Path) -> None:
    """Raise Damaged where a page names content that is nowhere: pikepdf shows it as a page without any.

    So such pages, which are few, are looked at as they stand in the file.
    """
    blank = [page.obj for page in pdf.pages if "/Contents" not in page.obj]
    table = pdf.get_xref_table() if blank else {}
    for page in blank:
        if b"/Contents" in _written(pdf, source, table.get(page.objgen)):
            raise Damaged("the content of a page is missing")


def _written(pdf: Pdf, source: Path, entry: Any) -> bytes:
    """Return an object as it stands in the file or in a stream of objects."""
    if entry is None:
        return b""
    if entry.type == _IN_FILE:
        with source.open("rb") as file:
            file.seek(entry.offset)
            return file.read(_MOST).partition(b"endobj")[0]
    stream = pdf.get_object(entry.obj_stream_number, 0)
    data, first = stream.read_bytes(), int(stream.First)
    offsets = [int(each) for each in data[:first].split()[1::2]]
    start, *after = offsets[entry.obj_stream_index :]
    return data[first + start : first + after[0] if after else None]


def content_of(page: Object) -> list[Object]:
    """Return the streams that a page is drawn with. Raises Damaged where one of them is none."""
    if "/Contents" not in page:
        return []
    contents = page.get("/Contents")
    streams = [contents] if isinstance(contents, Stream) else contents
    if not isinstance(streams, Array | list) or not all(isinstance(s, Stream) for s in streams):
        raise Damaged("the content of a page is missing")
    return list(streams)
