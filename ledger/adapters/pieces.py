"""Where the content of an evidence file goes on disk: documents under their names, pieces below them.

Whole documents keep the names that are shown. A piece of document NAME goes to `NAME.parts/`, under its
path; `_gaps.txt` lists what is shown and what is not. Names are made safe by whoever writes them.
"""

import mimetypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.adapters.opening import Named
from ledger.manifest import Manifest
from ledger.partial import PartialOpening, Piece
from ledger.partial.form import opened_fields

GAPS = "_gaps.txt"

_ENTITY = re.compile(r"(?:.*/)?(?:message(?: \d+ of \d+)?|part [\d.]+)")
_MEMBER = re.compile(r"member \d+ of \d+: ")


@dataclass(frozen=True, slots=True)
class Output:
    """A file to write."""

    name: str
    modified: int | None = None


def outputs(opening: Manifest | PartialOpening) -> Sequence[Named]:
    """Return the files of a deposit's content, in its order; after a partial one's, `_gaps.txt`."""
    if isinstance(opening, Manifest):
        return opening.documents
    taken = {GAPS}
    found = []
    for document, piece in _pieces(opening):
        if piece.whole:
            name = document + ("" if piece.name else _extension(opening, piece))
        else:
            suffix = ".bin" if piece.path is None else _suffix(piece.path)
            name = f"{document}.parts/{_place(piece)}{suffix}"
        found.append(Output(_free(name, taken)))
    return [*found, Output(GAPS)]


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
        for document, piece in _pieces(opening)
    ]


def _pieces(opening: PartialOpening) -> Iterator[tuple[str, Piece]]:
    """Yield each piece with what its document is called."""
    fields = {each.document: opened_fields(each) for each in opening.documents}
    for piece in opening.pieces:
        called = piece.name or f"document {piece.document + 1}"
        made = fields[piece.document].get("rendition")
        if made is not None and not piece.name:
            of, kind, position, total = made
            called += f", {kind} {position} of {total} of document {of + 1}"
        yield called, piece


def _extension(opening: PartialOpening, piece: Piece) -> str:
    for each in opening.documents:
        if each.document == piece.document:
            return mimetypes.guess_extension(opened_fields(each).get("media-type", "")) or ""
    return ""


def _place(piece: Piece) -> str:
    return piece.path or f"pieces {piece.first} to {piece.first + piece.count - 1}"


def _suffix(path: str) -> str:
    """Return what makes a part open in a program that shows it; a member brings its own."""
    if _MEMBER.search(path):
        return ""
    return ".eml" if _ENTITY.fullmatch(path) else ".txt"


def _free(name: str, taken: set[str]) -> str:
    free, number = name, 2
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    taken.add(free)
    return free
