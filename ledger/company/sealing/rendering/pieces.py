"""A text in pieces that have pieces: sheets and rows, slides and paragraphs, pages and lines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.company.sealing.rendering import NotRendered
from ledger.evidence import notices

MAX_LINES = 250_000
"""Lines of all pieces together."""
MAX_BYTES = 64 << 20
"""Bytes of a text."""
_LABEL = 40


@dataclass(frozen=True, slots=True)
class Piece:
    """A sheet, a slide, a page: its `title`, and its numbered lines. The first line of the text of each
    is its title, or else its number in brackets: so an empty one has its place too."""

    title: str
    lines: Iterable[tuple[int, str]]


def write_pieces(path: Path, outer: str, inner: str, total: int, pieces: Iterator[Piece]) -> Any:
    """Write a text and return its parts, `outer 1 of n` and `outer 1 of n/inner 1`.

    Raises NotRendered for too much.
    """
    parts: list[tuple[int, int, str, str]] = []
    at = lines = 0
    with path.open("wb") as out:

        def write(text: str) -> None:
            nonlocal at
            data = text.encode("utf-8", "replace")
            at += len(data)
            if at > MAX_BYTES:
                raise NotRendered(notices.TOO_MUCH_TEXT.line(MAX_BYTES >> 20))
            out.write(data)

        for number, piece in enumerate(pieces, 1):
            own = f"{outer} {number} of {total}"
            begin, place = at, len(parts)
            title = one_line(piece.title)
            write(f"[{number}] {title}".rstrip() + "\n")
            for counted, text in piece.lines:
                lines += 1
                if lines > MAX_LINES:
                    raise NotRendered(notices.TOO_MANY_LINES.line(MAX_LINES))
                before = at
                write(text + "\n")
                parts.append((before, at, f"{own}/{inner} {counted}", text[:_LABEL]))
            parts.insert(place, (begin, at, own, title))
            write("\n")
    return parts


def one_line(text: str) -> str:
    """Return a text without line ends and tabs: both mean something between the cells of a row."""
    return " ".join(text.split())
