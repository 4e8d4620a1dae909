"""The text of an OFD (GB/T 33190): its pages, a line for what stands at one height, from left to right.

Templates of a page are read with it. Only characters that the file states are text: glyphs without
them, pictures, seals and annotations are counted and left out.
"""

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lxml import etree

from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.rendering.package import Package, child, children
from ledger.company.sealing.rendering.pieces import Piece, one_line, write_pieces
from ledger.company.sealing.rendering.tally import Tally
from ledger.evidence import notices

MAX_PAGES = 10_000
MAX_TEMPLATES = 100
_SAME_LINE = 1.5
"""Millimetres between the heights of what stands in one line."""

_Run = tuple[float, float, str]
"""Height, distance from the left, text."""


def render_ofd(source: Path, folder: Path) -> Mapping[str, Any]:
    """Write the text to folder/1. Raises NotRendered, and what lxml raises."""
    tally = Tally()
    with Package(source) as package:
        pages = list(_pages(package, tally))
        if not 0 < len(pages) <= MAX_PAGES:
            raise NotRendered(notices.TOO_MANY_PIECES.line(MAX_PAGES))
        pieces = (Piece("", enumerate(_lines(_runs(package, each, tally)), 1)) for each in pages)
        parts = write_pieces(folder / "1", "page", "line", len(pages), pieces)
    file = {"kind": "text", "remarks": tally.remarks({}), "parts": parts}
    return {"tool": f"lxml {etree.__version__}", "files": [file]}


def _pages(package: Package, tally: Tally) -> Iterator[list[str]]:
    """Yield the members that make up each page: its templates and itself."""
    root = package.root("OFD.xml")
    if root is None:
        raise NotRendered(notices.PACKAGE_BROKEN.line())
    for body in children(root, "DocBody"):
        where = _location("", child(body, "DocRoot"))
        document = package.root(where)
        if document is None:
            raise NotRendered(notices.PACKAGE_MISSING.line())
        folder = posixpath.dirname(where)
        if child(body, "Signatures") is not None:
            tally.add("seals")
        if child(document, "Annotations") is not None:
            tally.add("annotation-files")
        templates = {
            each.get("ID"): _resolved(folder, each.get("BaseLoc", ""))
            for each in children(child(document, "CommonData"), "TemplatePage")
        }
        for page in children(child(document, "Pages"), "Page"):
            own = _resolved(folder, page.get("BaseLoc", ""))
            content = package.root(own)
            used = [each.get("TemplateID") for each in children(content, "Template")]
            yield [templates[each] for each in used[:MAX_TEMPLATES] if each in templates] + [own]


def _location(folder: str, element: Any) -> str:
    return "" if element is None else _resolved(folder, (element.text or "").strip())


def _resolved(folder: str, location: str) -> str:
    return posixpath.normpath(posixpath.join("/", folder, location)).lstrip("/")


def _runs(package: Package, members: list[str], tally: Tally) -> Iterator[_Run]:
    for member in members:
        root = package.root(member)
        if root is None:
            tally.add("unread")
            continue
        for each in root.iter("{*}TextObject", "{*}ImageObject"):
            if etree.QName(each).localname == "ImageObject":
                tally.add("pictures")
                continue
            left, top = [*_numbers(each.get("Boundary", "")), 0.0, 0.0][:2]
            codes = list(children(each, "TextCode"))
            if not any((code.text or "").strip() for code in codes):
                tally.add("unread")
            for code in codes:
                x, y = _number(code.get("X", "")), _number(code.get("Y", ""))
                if text := one_line(code.text or ""):
                    yield top + y, left + x, text


def _lines(runs: Iterator[_Run]) -> Iterator[str]:
    line: list[_Run] = []
    for run in sorted(runs, key=lambda each: each[0]):
        if line and run[0] - line[0][0] > _SAME_LINE:
            yield " ".join(text for _, _, text in sorted(line, key=lambda each: each[1]))
            line = []
        line.append(run)
    if line:
        yield " ".join(text for _, _, text in sorted(line, key=lambda each: each[1]))


def _numbers(text: str) -> list[float]:
    return [_number(each) for each in text.split()]


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if abs(found) < 1e9 else 0.0
