"""The text of an .xlsx: its sheets in order, a line for each row with anything, cells between tabs.

A row has the number that the sheet gives it. Numbers are shown as stored, dates as 2026-03-03,
hundredths with %; of formulas, the result that the file holds.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree

from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.rendering.package import Package, attribute, child, children
from ledger.company.sealing.rendering.pieces import Piece, one_line, write_pieces
from ledger.company.sealing.rendering.tally import Tally
from ledger.evidence import notices

MAX_SHEETS = 1_000
MAX_COLUMNS = 16_384
MAX_STRINGS = 4_000_000

_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
"""Built-in formats of dates and times, those of Chinese and Japanese too (ECMA-376 18.8.30)."""
_PERCENT = {9, 10}
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h|m|s)[^\]]*\]', re.IGNORECASE)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def render_sheets(source: Path, folder: Path) -> Mapping[str, Any]:
    """Write the text to folder/1. Raises NotRendered, and what lxml raises."""
    tally = Tally()
    with Package(source) as package:
        book = _Book(package, tally)
        parts = write_pieces(folder / "1", "sheet", "row", len(book.sheets), book.pieces())
    tally.add("stored-numbers")
    file = {"kind": "text", "remarks": tally.remarks({}), "parts": parts}
    return {"tool": f"lxml {etree.__version__}", "files": [file]}


class _Book:
    def __init__(self, package: Package, tally: Tally) -> None:
        self._package, self._tally = package, tally
        main = next(
            (path for kind, path in package.related("").values() if kind == "officeDocument"), ""
        )
        root = package.root(main)
        if root is None:
            raise NotRendered(notices.PACKAGE_BROKEN.line())
        related = package.related(main)
        properties = child(root, "workbookPr")
        old = "0" if properties is None else properties.get("date1904", "0")
        self._epoch = datetime(1904, 1, 1) if old in ("1", "true") else datetime(1899, 12, 30)
        paths = dict(related.values())
        self._strings = list(self._shared(paths.get("sharedStrings", "")))
        self._styles(package.root(paths.get("styles", "")))
        self.sheets: list[tuple[str, str]] = []
        for each in children(child(root, "sheets"), "sheet"):
            kind, path = related.get(attribute(each, "id"), ("", ""))
            if kind != "worksheet":
                tally.add("charts", each.get("name"))
                continue
            self.sheets.append((each.get("name", ""), path))
            if each.get("state", "visible") != "visible":
                tally.add("hidden-sheets", each.get("name"))
        if not self.sheets:
            raise NotRendered(notices.DOCX_EMPTY.line())
        if len(self.sheets) > MAX_SHEETS:
            raise NotRendered(notices.TOO_MANY_PIECES.line(MAX_SHEETS))

    def _shared(self, path: str) -> Iterator[str]:
        for count, each in enumerate(self._package.stream(path, "si")):
            if count == MAX_STRINGS:
                raise NotRendered(notices.TOO_MANY_STRINGS.line(MAX_STRINGS))
            yield one_line(_text(each))

    def _styles(self, root: Any) -> None:
        formats = {
            each.get("numFmtId"): _LITERAL.sub("", each.get("formatCode", ""))
            for each in children(child(root, "numFmts"), "numFmt")
        }
        strikes = (child(font, "strike") for font in children(child(root, "fonts"), "font"))
        struck = [each is not None and each.get("val", "1") in ("1", "true") for each in strikes]
        self._dates, self._percent, self._struck = set[str](), set[str](), set[str]()
        for number, each in enumerate(children(child(root, "cellXfs"), "xf")):
            known = int(each.get("numFmtId", "0"))
            code = formats.get(each.get("numFmtId"), "").lower()
            if known in _DATES or (code and re.search(r"[ymdhs年月日]", code.split(";")[0])):
                self._dates.add(str(number))
            elif known in _PERCENT or "%" in code:
                self._percent.add(str(number))
            font = int(each.get("fontId", "0"))
            if font < len(struck) and struck[font]:
                self._struck.add(str(number))

    def pieces(self) -> Iterator[Piece]:
        """Yield the sheets."""
        for name, path in self.sheets:
            for kind, target in self._package.related(path).values():
                if kind == "comments":
                    self._tally.add("comments", times=_count(self._package, target, "comment"))
                elif kind == "drawing":
                    found = [kind for kind, _ in self._package.related(target).values()]
                    self._tally.add("pictures", times=found.count("image"))
                    self._tally.add("charts", times=found.count("chart"))
            yield Piece(name, self._rows(path))

    def _rows(self, path: str) -> Iterator[tuple[int, str]]:
        last = 0
        for element in self._package.stream(path, "row", "col"):
            hidden = element.get("hidden") in ("1", "true")
            if hidden:
                self._tally.add("hidden-cells")
            if element.tag.endswith("}col"):
                continue
            stated = element.get("r", "")
            number = int(stated) if stated.isdecimal() and int(stated) > last else last + 1
            last = number
            if line := self._line(element):
                yield number, line

    def _line(self, row: Any) -> str:
        cells: list[str] = []
        for each in row.iterchildren("*"):
            if not each.tag.endswith("c"):
                continue
            column = _column(each.get("r", "")) or len(cells)
            if column < len(cells) or column >= MAX_COLUMNS:
                column = len(cells)
            if text := self._cell(each):
                if column > len(cells):
                    cells += [""] * (column - len(cells))
                cells.append(text)
        return "\t".join(cells)

    def _cell(self, cell: Any) -> str:
        kind, style, text = cell.get("t", "n"), cell.get("s", "0"), ""
        # A million cells: each is looked at once.
        for each in cell.iterchildren("*"):
            tag = each.tag.rpartition("}")[2]
            if tag == "v":
                text = self._value(each.text or "", kind, style)
            elif tag == "is":
                text = one_line(_text(each))
            elif tag == "f":
                self._tally.add("computed")
        if text and style in self._struck:
            self._tally.add("struck")
            return f"~~{text}~~"
        return text

    def _value(self, value: str, kind: str, style: str) -> str:
        if kind == "s":
            known = value.isdecimal() and int(value) < len(self._strings)
            return self._strings[int(value)] if known else one_line(value)
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind != "n":
            return one_line(value)
        try:
            number = float(value)
            if style in self._dates:
                return _date(self._epoch, number)
            if style in self._percent:
                return f"{number * 100:.15g}%"
            return f"{number:.15g}" if abs(number) < 1e15 else one_line(value)
        except (ValueError, OverflowError):
            return one_line(value)


def _count(package: Package, path: str, tag: str) -> int:
    return sum(1 for _ in package.stream(path, tag))


def _text(element: Any) -> str:
    """Return a text of runs, without what says how it is pronounced."""
    if element is None:
        return ""
    found = [each.text or "" for each in children(element, "t")]
    found += [each.text or "" for run in children(element, "r") for each in children(run, "t")]
    return "".join(found)


def _column(reference: str) -> int:
    """Return the column, from 0, of a cell's reference; 0 where it is none."""
    return _column_of(reference.rstrip("0123456789"))


@lru_cache(20_000)
def _column_of(letters: str) -> int:
    column = 0
    for letter in letters[:3]:
        column = column * 26 + _LETTERS.find(letter) + 1
    return max(column - 1, 0)


@lru_cache(10_000)
def _date(epoch: datetime, serial: float) -> str:
    found = epoch + timedelta(seconds=round(serial * 86400))
    if 0 <= serial < 1:
        return found.strftime("%H:%M:%S")
    return found.strftime("%Y-%m-%d" if serial == int(serial) else "%Y-%m-%d %H:%M:%S")
