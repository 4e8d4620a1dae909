"""Where the content of an evidence file goes on disk: documents under their names, pieces below them.

Whole documents keep the names that are shown. A piece of document NAME goes to `NAME.parts/`, under its
path; `_gaps.txt` lists what is shown and what is not. Names are made safe by whoever writes them.
"""

import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ledger.evidence.manifest import Manifest
from ledger.evidence.partial import PartialOpening, Piece
from ledger.evidence.partial.views import DocumentOpening, OpenedHeader, PartOfView, opened_fields

GAPS = "_gaps.txt"
MAX_PLACE = 1000
"""UTF-8 bytes of a piece's path below its document: a whole path over 4,096 no system opens."""

_ENTITY = re.compile(r"(?:.*/)?(?:message(?: \d+ of \d+)?|part [\d.]+)")
_MEMBER = re.compile(r"member \d+ of \d+(?:, [a-z0-9_ -]+)*: ")
_ENTRIES = {"tar": ".tar", "zip": ".zip-entry"}
"""What a member is called besides: its bytes are the archive's, with a header, maybe compressed."""


def outputs(opening: Manifest | PartialOpening) -> list[str]:
    """Return the files of a deposit's content, in its order; after a partial one's, `_gaps.txt`."""
    if isinstance(opening, Manifest):
        return [record.name for record in opening.documents]
    taken = {GAPS: 1}
    found = []
    cut_by = {each.document: _splitter(each) for each in opening.documents}
    for document, piece, fields in _pieces(opening):
        if piece.whole:
            name = document + ("" if piece.name else _extension(fields))
        else:
            suffix = ".bin" if piece.path is None else _suffix(piece.path, cut_by[piece.document])
            place = _place(piece).encode()[:MAX_PLACE].decode("utf-8", "ignore")
            name = f"{document}.parts/{place}{suffix}"
        found.append(free(name, taken))
    return [*found, GAPS]


def content_names(opening: Manifest | PartialOpening | None) -> list[str]:
    """Return what a deposit's content is called in a list, in its order."""
    if opening is None:
        return []
    if isinstance(opening, Manifest):
        return [
            record.name + (" (rendered at the deposit)" if record.rendition else "")
            for record in opening.documents
        ]
    return [
        document if piece.whole else f"{document}: {_place(piece)}"
        for document, piece, _ in _pieces(opening)
    ]


def _pieces(opening: PartialOpening) -> Iterator[tuple[str, Piece, dict[str, Any]]]:
    """Yield each piece with what its document is called, and that document's opened fields."""
    opened = {each.document: opened_fields(each) for each in opening.documents}
    for piece in opening.pieces:
        called, fields = piece.name or f"document {piece.document + 1}", opened[piece.document]
        if "rendition" in fields and not piece.name:
            made = fields["rendition"]
            called += f", {made.kind} {made.position} of {made.total} of document {made.of + 1}"
        yield called, piece, fields


@dataclass(frozen=True, slots=True)
class Called:
    """A piece of content, and what is known of it: of document `document` (from 1), as `called`.

    `path` is "" for a whole document and where it is hidden; so are the other texts.
    """

    content: int
    document: int
    called: str
    path: str
    whole: bool
    splitter: str
    media_type: str
    rendition: bool


def called_pieces(opening: Manifest | PartialOpening) -> list[Called]:
    """Return the pieces of an opening, in their order."""
    if isinstance(opening, Manifest):
        return [
            Called(
                number, number + 1, each.name, "", True, each.splitter, each.media_type,
                each.rendition is not None,
            )
            for number, each in enumerate(opening.documents)
        ]  # fmt: skip
    cut_by = {each.document: _splitter(each) for each in opening.documents}
    return [
        Called(
            number, piece.document + 1, called, piece.path or "", piece.whole,
            cut_by[piece.document], fields.get("media-type") or "", "rendition" in fields,
        )
        for number, (called, piece, fields) in enumerate(_pieces(opening))
    ]  # fmt: skip


def _extension(fields: dict[str, Any]) -> str:
    return mimetypes.guess_extension(fields.get("media-type", "")) or ""


def _place(piece: Piece) -> str:
    return piece.path or f"pieces {piece.first} to {piece.first + piece.count - 1}"


def _splitter(opened: DocumentOpening) -> str:
    """Return what cut a document, "" where that is not opened."""
    header = opened.structure.header if isinstance(opened.structure, PartOfView) else None
    return header.header.splitter if isinstance(header, OpenedHeader) else ""


def _suffix(path: str, splitter: str) -> str:
    """Return what makes a part open in a program that shows it."""
    if _MEMBER.search(path):
        return _ENTRIES.get(splitter, "")
    return ".eml" if _ENTITY.fullmatch(path) else ".txt"


def free(name: str, taken: dict[str, int]) -> str:
    """Return the name, with a number where it is taken in any case; `taken` counts the askings."""
    found, key = name, name.casefold()
    while found.casefold() in taken:
        taken[key] += 1
        stem, dot, suffix = name.rpartition(".")
        found = f"{stem} ({taken[key]}).{suffix}" if dot and stem else f"{name} ({taken[key]})"
    taken[found.casefold()] = 1
    return found
