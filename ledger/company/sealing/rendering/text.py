"""The text of a .docx: headings, paragraphs and tables in the order of the document, UTF-8 and LF.

    paragraph, blank line, paragraph, ...        a table: a line for each row, cells between tabs

Tracked changes are taken as accepted. The numbers that Word gives to headings, clauses and list items
stand in front of them, the text of a text box after the paragraph that it is tied to, footnotes and
endnotes at the end as "[1] ...". Hidden text, pictures, page headers and footers, and comments are
left out.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import docx
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.parser import parse_xml

from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.rendering.numbering import Numbering
from ledger.company.sealing.rendering.numbering import W as _W

MAX_MEMBERS = 10_000
"""Files in a .docx: a picture on every page of a long one."""
MAX_XML = 64 << 20
"""Bytes of XML before it is parsed: the text of 10,000 pages. Parsed, it takes ten times as much."""
MAX_UNPACKED = 256 << 20
"""Bytes of all files of a .docx, which the parser holds in memory."""
MAX_PARAGRAPHS = 100_000
"""Paragraphs and rows: as many as 10,000 pages hold."""
_LABEL = 130
"""Characters that a label is made from; it keeps up to 120."""

_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_TRANSPARENT = {f"{_W}{tag}" for tag in ("sdt", "sdtContent", "customXml", "ins", "moveTo")}
_SILENT = {f"{_W}{tag}" for tag in ("pPr", "rPr", "del", "moveFrom", "rt", "sdtPr", "footnoteRef")}
_CHARACTERS = {
    f"{_W}tab": "\t",
    f"{_W}ptab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}noBreakHyphen": "-",
    f"{_W}sym": "\ufffd",  # a glyph of a symbol font: no character says what it shows
}
_TEXT = {f"{_W}t", f"{_M}t"}
_NOTES = {f"{_W}footnoteReference": "footnote", f"{_W}endnoteReference": "endnote"}
_OLE = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class _Unit:
    """A paragraph, or a row of table `table` (from 1; 0 for none); `level` of a heading, from 1."""

    text: str
    level: int = 0
    table: int = 0


def render_text(source: Path, folder: Path) -> Mapping[str, Any]:
    """Write the text to folder/1. Raises NotRendered, and what python-docx raises."""
    _check_package(source)
    try:
        document = docx.Document(str(source))
    except (PackageNotFoundError, OSError, ValueError, KeyError) as error:
        raise NotRendered("it is not a .docx, or a damaged one") from error
    _check_doctype(document.element)
    if next(document.element.iter(f"{_W}altChunk", f"{_W}subDoc"), None) is not None:
        raise NotRendered("it takes in another file, whose text would be missing")
    units = list(_Reader(document).units())
    if not units:
        raise NotRendered("there is no text in it")
    lines = [_line(unit, after) for unit, after in zip(units, [*units[1:], None], strict=True)]
    (folder / "1").write_bytes("".join(lines).encode())
    offsets = accumulate((len(line.encode()) for line in lines), initial=0)
    return {
        "tool": f"python-docx {docx.__version__}",
        "files": [{"kind": "text", "remarks": [], "parts": _parts(units, list(offsets))}],
    }


def _check_package(source: Path) -> None:
    with source.open("rb") as file:
        if file.read(len(_OLE)) == _OLE:
            raise NotRendered("the .docx is encrypted, or of an older format")
    try:
        with zipfile.ZipFile(source) as package:
            members = package.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise NotRendered("it is not a .docx, or a damaged one") from error
    # No more than the stated size of a member is ever unpacked.
    xml = sum(each.file_size for each in members if not _is_picture(each.filename))
    if len(members) > MAX_MEMBERS:
        raise NotRendered(f"it holds more than {MAX_MEMBERS:,} files")
    if xml > MAX_XML:
        raise NotRendered(f"it unpacks to more than {MAX_XML >> 20} MiB of XML")
    if sum(each.file_size for each in members) > MAX_UNPACKED:
        raise NotRendered(f"it unpacks to more than {MAX_UNPACKED >> 20} MiB")


def _check_doctype(root: Any) -> None:
    # Entities are not resolved, and their text would be missing.
    if root.getroottree().docinfo.doctype:
        raise NotRendered("its XML declares a document type, which no .docx does")


def _is_picture(name: str) -> bool:
    return not name.lower().endswith((".xml", ".rels"))


class _Reader:
    """Reads the text out of what python-docx has parsed."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._styles = _Styles(document.styles.element)
        self._numbering = Numbering(self._related("NUMBERING"))
        self._notes: list[tuple[str, str]] = []
        self._count = 0

    def units(self) -> Iterator[_Unit]:
        """Yield the paragraphs that hold text, and the rows of tables."""
        tables = 0
        for block in _blocks(self._document.element.body, ("p", "tbl")):
            if block.tag == f"{_W}p":
                yield from self._paragraph(block)
            elif rows := list(self._rows(block)):
                tables += 1
                yield from (self._counted(_Unit(row, table=tables)) for row in rows)
        yield from self._note_units()

    def _paragraph(self, element: Any) -> Iterator[_Unit]:
        boxes: list[Any] = []
        number = self._number(element)
        if text := self._text(element, boxes):
            yield self._counted(_Unit(f"{number} {text}".lstrip(), self._level(element)))
        for box in boxes:
            for block in _blocks(box, ("p", "tbl")):
                if block.tag == f"{_W}p":
                    yield from self._paragraph(block)
                else:
                    yield from (
                        self._counted(_Unit(row)) for row in self._rows(block) if row.strip()
                    )

    def _counted(self, unit: _Unit) -> _Unit:
        self._count += 1
        if self._count > MAX_PARAGRAPHS:
            raise NotRendered(f"it has more than {MAX_PARAGRAPHS:,} paragraphs")
        return unit

    def _rows(self, table: Any) -> Iterator[str]:
        for row in _blocks(table, ("tr",)):
            if row.find(f"{_W}trPr/{_W}del") is None:
                yield "\t".join(self._cell(cell) for cell in _blocks(row, ("tc",)))

    def _cell(self, cell: Any) -> str:
        texts = []
        for block in _blocks(cell, ("p", "tbl")):
            if block.tag == f"{_W}p":
                texts += [unit.text for unit in self._paragraph(block)]
            else:
                texts += self._rows(block)
        return " ".join(" ".join(texts).split())

    def _level(self, paragraph: Any) -> int:
        """Return the level of a heading; 0 for body text."""
        levels = [_value(each) for each in self._properties(paragraph, "outlineLvl")]
        # The format counts from 0; 9 is body text.
        return int(levels[0]) + 1 if levels and levels[0] in tuple("012345678") else 0

    def _number(self, paragraph: Any) -> str:
        found = list(self._properties(paragraph, "numPr"))
        lists = [each for numbering in found for each in numbering.iterchildren(f"{_W}numId")]
        if not lists:
            return ""
        levels = [each for numbering in found for each in numbering.iterchildren(f"{_W}ilvl")]
        return self._numbering.next(_value(lists[0]), int(_value(levels[0])) if levels else 0)

    def _properties(self, paragraph: Any, tag: str) -> Iterator[Any]:
        """Yield what a paragraph states of itself, then what its styles do, the nearest first."""
        properties = paragraph.find(f"{_W}pPr")
        style = None
        if properties is not None:
            yield from properties.iterchildren(f"{_W}{tag}")
            style = properties.find(f"{_W}pStyle")
        yield from self._styles.properties("" if style is None else _value(style), tag)

    def _text(self, element: Any, boxes: list[Any]) -> str:
        return "".join(self._pieces(element, boxes)).strip()

    def _pieces(self, element: Any, boxes: list[Any]) -> Iterator[str]:
        for child in element.iterchildren(tag="*"):
            tag = child.tag
            if tag in _TEXT:
                yield (child.text or "").replace("\r", " ").replace("\n", " ")
            elif tag in _CHARACTERS:
                yield _CHARACTERS[tag]
            elif tag in _NOTES:
                self._notes.append((_NOTES[tag], child.get(f"{_W}id", "")))
                yield f"[{len(self._notes)}]"
            elif tag == f"{_W}txbxContent":
                boxes.append(child)
            elif tag == f"{_MC}AlternateContent":
                # One content in several forms, of which a reader shows the first that it can.
                for form in child.iterchildren(f"{_MC}Choice", f"{_MC}Fallback"):
                    yield from self._pieces(form, boxes)
                    break
            elif tag not in _SILENT and not _is_hidden(child):
                yield from self._pieces(child, boxes)

    def _note_units(self) -> Iterator[_Unit]:
        found = {kind: self._note_elements(kind) for kind in dict.fromkeys(_NOTES.values())}
        # Notes that notes refer to are appended meanwhile.
        for number, (kind, identifier) in enumerate(self._notes, 1):
            if (note := found[kind].get(identifier)) is None:
                continue
            texts = [self._text(each, []) for each in _blocks(note, ("p",))]
            yield self._counted(_Unit(f"[{number}] " + "\n".join(filter(None, texts))))

    def _note_elements(self, kind: str) -> dict[str, Any]:
        notes = self._related(f"{kind.upper()}S")
        if notes is None:
            return {}
        return {each.get(f"{_W}id", ""): each for each in notes.iterchildren(f"{_W}{kind}")}

    def _related(self, kind: str) -> Any | None:
        """Return the root of another part of the package, None if there is none."""
        try:
            part = self._document.part.part_related_by(getattr(RELATIONSHIP_TYPE, kind))
        except KeyError:
            return None
        root = parse_xml(part.blob)
        _check_doctype(root)
        return root


def _is_hidden(run: Any) -> bool:
    vanish = run.find(f"{_W}rPr/{_W}vanish")
    return vanish is not None and _value(vanish) not in ("0", "false", "off")


def _blocks(element: Any, kinds: tuple[str, ...]) -> Iterator[Any]:
    """Yield the children of these kinds, also those inside content controls and tracked changes."""
    wanted = {f"{_W}{kind}" for kind in kinds}
    for child in element.iterchildren(tag="*"):
        if child.tag in wanted:
            yield child
        elif child.tag in _TRANSPARENT:
            yield from _blocks(child, kinds)


class _Styles:
    """What paragraph styles state, each with those that it is based on."""

    def __init__(self, root: Any) -> None:
        self._styles = {
            style.get(f"{_W}styleId", ""): style for style in root.iterchildren(f"{_W}style")
        }
        self._default = next((key for key, each in self._styles.items() if _is_default(each)), "")
        self._known: dict[tuple[str, str], tuple[Any, ...]] = {}

    def properties(self, identifier: str, tag: str) -> tuple[Any, ...]:
        """Return the elements `tag` of a style and of those below it, the nearest first."""
        identifier = identifier or self._default
        if (identifier, tag) not in self._known:
            self._known[identifier, tag] = tuple(self._find(identifier, tag))
        return self._known[identifier, tag]

    def _find(self, identifier: str, tag: str) -> Iterator[Any]:
        seen = set()
        while identifier in self._styles and identifier not in seen:
            seen.add(identifier)
            style = self._styles[identifier]
            yield from style.iterfind(f"{_W}pPr/{_W}{tag}")
            base = style.find(f"{_W}basedOn")
            identifier = "" if base is None else _value(base)


def _is_default(style: Any) -> bool:
    return style.get(f"{_W}type") == "paragraph" and style.get(f"{_W}default") in (
        "1",
        "true",
        "on",
    )


def _value(element: Any) -> str:
    return str(element.get(f"{_W}val", ""))


def _line(unit: _Unit, after: _Unit | None) -> str:
    if after is None or (unit.table and unit.table == after.table):
        return unit.text + "\n"
    return unit.text + "\n\n"


def _parts(units: list[_Unit], offsets: list[int]) -> list[tuple[int, int, str, str]]:
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
