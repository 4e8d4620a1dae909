"""The text of a .docx: headings, paragraphs and tables in the order of the document, UTF-8 and LF.

    paragraph, blank line, paragraph, ...        a table: a line for each row, cells between tabs

Where changes were tracked there are two texts: one takes them as accepted, one marks them. The numbers
that Word gives to headings, clauses and list items stand in front of them, the text of a text box after
the paragraph that it is tied to, footnotes and endnotes at the end as "[1] ...". What is struck through
or raised is marked, a tick box is ☒ or ☐. What is left out (hidden text, pictures, page headers,
comments and so on) is counted, and the text's remarks say it: see `ledger.court.remarks`.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import docx
from docx.opc.exceptions import PackageNotFoundError

from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.rendering.reading import Reader, Unit, check_doctype
from ledger.company.sealing.rendering.spans import DELETED, INSERTED, MOVED_FROM, MOVED_TO
from ledger.company.sealing.rendering.surroundings import count_surroundings
from ledger.company.sealing.rendering.tally import Tally
from ledger.company.sealing.rendering.wordml import W
from ledger.evidence import notices

MAX_MEMBERS = 10_000
"""Files in a .docx: a picture on every page of a long one."""
MAX_XML = 64 << 20
"""Bytes of XML before it is parsed: the text of 10,000 pages. Parsed, it takes ten times as much."""
MAX_UNPACKED = 256 << 20
"""Bytes of all files of a .docx, which the parser holds in memory."""
_LABEL = 130
"""Characters that a label is made from; it keeps up to 120."""

_TRACKED = (INSERTED, DELETED, MOVED_TO)
_ACCEPTED = {MOVED_FROM: ""}
_MARKED = _ACCEPTED | {each: f"{each}-marked" for each in _TRACKED}
_OLE = b"\xd0\xcf\x11\xe0"


def render_text(source: Path, folder: Path) -> Mapping[str, Any]:
    """Write the text to folder/1, and behind it, where changes were tracked, a text that marks them.

    Raises NotRendered, and what python-docx raises.
    """
    _check_package(source)
    try:
        document = docx.Document(str(source))
    except (PackageNotFoundError, OSError, ValueError, KeyError) as error:
        raise NotRendered(notices.NO_DOCX.line()) from error
    check_doctype(document.element)
    if next(document.element.iter(f"{W}altChunk", f"{W}subDoc"), None) is not None:
        raise NotRendered(notices.DOCX_PARTS.line())
    read = [_read(document, "text", _ACCEPTED)]
    if any(map(read[0].tally.count, _TRACKED)):
        read.append(_read(document, "marked", _MARKED))
    files = [
        _write(each, folder / str(number))
        for number, each in enumerate((each for each in read if each.units), 1)
    ]
    if not files:
        raise NotRendered(notices.DOCX_EMPTY.line())
    return {"tool": f"python-docx {docx.__version__}", "files": files}


@dataclass(frozen=True, slots=True)
class _Read:
    """A document as it was read, and the words that its remarks get instead of the counted ones."""

    kind: str
    units: list[Unit]
    tally: Tally
    words: Mapping[str, str]


def _read(document: Any, kind: str, words: Mapping[str, str]) -> _Read:
    reader = Reader(document, marks=kind == "marked")
    units = list(reader.units())
    count_surroundings(document, reader.tally)
    return _Read(kind, units, reader.tally, words)


def _write(read: _Read, path: Path) -> dict[str, Any]:
    units = read.units
    lines = [_line(unit, after) for unit, after in zip(units, [*units[1:], None], strict=True)]
    encoded = [line.encode("utf-8", "replace") for line in lines]
    path.write_bytes(b"".join(encoded))
    offsets = list(accumulate(map(len, encoded), initial=0))
    remarks = read.tally.remarks(read.words)
    return {"kind": read.kind, "remarks": remarks, "parts": _parts(units, offsets)}


def _check_package(source: Path) -> None:
    with source.open("rb") as file:
        if file.read(len(_OLE)) == _OLE:
            raise NotRendered(notices.DOCX_ENCRYPTED.line())
    try:
        with zipfile.ZipFile(source) as package:
            members = package.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise NotRendered(notices.NO_DOCX.line()) from error
    # No more than the stated size of a member is ever unpacked.
    xml = sum(each.file_size for each in members if not _is_picture(each.filename))
    if len(members) > MAX_MEMBERS:
        raise NotRendered(notices.DOCX_FILES.line(MAX_MEMBERS))
    if xml > MAX_XML:
        raise NotRendered(notices.DOCX_XML.line(MAX_XML >> 20))
    if sum(each.file_size for each in members) > MAX_UNPACKED:
        raise NotRendered(notices.DOCX_UNPACKED.line(MAX_UNPACKED >> 20))


def _is_picture(name: str) -> bool:
    return not name.lower().endswith((".xml", ".rels"))


def _line(unit: Unit, after: Unit | None) -> str:
    if after is None or (unit.table and unit.table == after.table):
        return unit.text + "\n"
    return unit.text + "\n\n"


def _parts(units: list[Unit], offsets: list[int]) -> list[tuple[int, int, str, str]]:
    """Return sections, paragraphs, tables and rows: begin, end, path and label, outer ones first."""
    spans: list[tuple[str, int, int]] = []
    open_sections: list[tuple[int, int]] = []
    for at, unit in enumerate([*units, None]):
        while open_sections and (unit is None or 0 < unit.level <= open_sections[-1][0]):
            spans.append(("section", open_sections.pop()[1], at))
        if unit is not None and unit.level:
            open_sections.append((unit.level, at))
    tables = [0] * (max(unit.table for unit in units) + 1)
    for at, unit in enumerate(units):
        tables[unit.table] += 1
        if not unit.table:
            spans.append(("paragraph", at, at + 1))
        else:
            if tables[unit.table] == 1:
                end = next(
                    (k for k in range(at, len(units)) if units[k].table != unit.table), len(units)
                )
                spans.append(("table", at, end))
            spans.append(("row", at, at + 1))
    # Which is the outer one where two cover the same.
    order = {"section": 0, "table": 1, "paragraph": 2, "row": 3}
    spans.sort(key=lambda span: (span[1], -span[2], order[span[0]]))
    totals = {kind: sum(span[0] == kind for span in spans) for kind in order}
    counts = dict.fromkeys(order, 0)
    parts = []
    for kind, at, end in spans:
        counts["row"] = 0 if kind == "table" else counts["row"]
        counts[kind] += 1
        path = f"{kind} {counts[kind]} of {totals[kind]}"
        if kind == "row":
            path = f"table {counts['table']} of {totals['table']}/row {counts['row']}"
        parts.append((offsets[at], offsets[end], path, units[at].text[:_LABEL]))
    return parts
