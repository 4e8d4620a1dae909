"""Rows of CSV and TSV, and lines of source code, JSON, logs and other text, counted as editors count.

A row (RFC 4180) ends at a line end that is not in a quoted cell; a cell is quoted that begins with a
quotation mark behind a line end, a comma, a semicolon, a bar or a tab. Where such a cell does not end
within 64 KiB, quotation marks mean nothing from there on. Empty rows and lines are counted, and parts.
A document of more than 250,000 is cut into blocks of 2, 4, 8, ..: `rows 1-4 of 800000`.
"""

import re
from array import array
from collections.abc import Iterator
from itertools import islice

from ledger.company.splitters.cutting import (
    VERSIONS,
    Range,
    TooMany,
    Unsplit,
    Window,
    cut_ranges,
)
from ledger.company.splitters.text import LINE_END, Text
from ledger.evidence import notices
from ledger.evidence.parts import Splitting

MOST = 250_000
"""Parts of a document that are rows or lines: half of a deposit's is left for others."""
MAX = 4_000_000
"""Rows or lines of a document: 64 MiB of short ones."""
LABEL = 60
"""Characters of a row's label: enough to know it by."""
MAX_CELL = 64 << 10
"""Bytes of a quoted cell, twice what spreadsheets hold in one."""

_OPENS = re.compile(rb'[,;\t|]"')
_CELL = re.compile(rb'(?:[^"]++|"")*+"')


def split_rows(window: Window) -> Splitting:
    """Return how a table of separated values is cut into rows."""
    text = Text(window)
    return _splitting(text, window, "row", _row_ends(text.lines))


def split_lines(window: Window) -> Splitting:
    """Return how a text is cut into its lines."""
    text = Text(window)
    return _splitting(text, window, "line", _line_ends(text.lines))


def _splitting(text: Text, window: Window, kind: str, found: Iterator[int]) -> Splitting:
    ends = array("Q", [0])
    ends.extend(islice(found, MAX + 1))
    total, block = len(ends) - 1, 1
    if total > MAX:
        raise Unsplit(notices.TOO_MANY_LINES.line(MAX))
    room = min(MOST, window.room)
    if not room:
        raise TooMany(room)
    while -(-total // block) > room:
        block *= 2
    ranges: list[Range] = []
    for first in range(0, total, block):
        last = min(first + block, total)
        number = f"{kind} {last}" if block == 1 else f"{kind}s {first + 1}-{last}"
        label = text.label(ends[first], ends[last], limit=LABEL)
        ranges.append((*text.place(ends[first], ends[last]), f"{number} of {total}", label))
    splitter = f"{kind}s"
    return cut_ranges(splitter, VERSIONS[splitter], window.size, ranges, window.room)


def _line_ends(lines: bytes) -> Iterator[int]:
    at = 0
    for found in LINE_END.finditer(lines):
        at = found.end()
        yield at
    if at < len(lines):
        yield len(lines)


def _row_ends(lines: bytes) -> Iterator[int]:
    """Yield the ends of lines but for those in quoted cells."""
    start, at, quoting = 0, 0, True
    for end in _line_ends(lines):
        while quoting and at < end and (cell := _quoted(lines, start, at, end)):
            closed = _CELL.match(lines, cell, cell + MAX_CELL)
            at = closed.end() if closed else at
            quoting = bool(closed)
        if at < end:
            yield end
            start = at = end
    if start < len(lines):
        yield len(lines)


def _quoted(lines: bytes, start: int, at: int, end: int) -> int:
    """Return where the first quoted cell of a row begins that is not read yet, 0 for none."""
    if at == start and lines[start : start + 1] == b'"':
        return start + 1
    found = _OPENS.search(lines, at, end)
    return found.end() if found else 0
