"""Where the content of an evidence file goes on disk: documents under their names, pieces below them.

Whole documents keep the names that are shown. A piece of document NAME goes to `NAME.parts/`, under its
path; `_gaps.txt` lists what is shown and what is not. Names are made safe by whoever writes them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.adapters.opening import Named
from ledger.manifest import Manifest
from ledger.partial import PartialOpening, Piece

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
    found = [Output(_free(_name(piece), taken)) for piece in opening.pieces]
    return [*found, Output(GAPS)]


def content_names(opening: Manifest | PartialOpening | None) -> list[str]:
    """Return what a deposit's content is called in a list, in its order."""
    if opening is None:
        return []
    if isinstance(opening, Manifest):
        return [record.name for record in opening.documents]
    return [
        _document(piece) if piece.whole else f"{_document(piece)}: {_place(piece)}"
        for piece in opening.pieces
    ]


def _name(piece: Piece) -> str:
    if piece.whole:
        return _document(piece)
    suffix = ".bin" if piece.path is None else _suffix(piece.path)
    return f"{_document(piece)}.parts/{_place(piece)}{suffix}"


def _document(piece: Piece) -> str:
    return piece.name or f"document {piece.document + 1}"


def _place(piece: Piece) -> str:
    return piece.path or f"pieces {piece.first} to {piece.first + piece.count - 1}"


def _suffix(path: str) -> str:
    """Return what makes a part open in a program that shows it; an archive's member brings its own."""
    if _MEMBER.search(path):
        return ""
    return ".eml" if _ENTITY.fullmatch(path) else ".txt"


def _free(name: str, taken: set[str]) -> str:
    free, number = name, 2
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    taken.add(free)
    return free
