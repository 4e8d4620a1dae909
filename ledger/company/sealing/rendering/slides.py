"""The text of a .pptx: its slides in order, a line for each paragraph, and for each row of a table."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lxml import etree

from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.rendering.package import Package, attribute, child, children
from ledger.company.sealing.rendering.pieces import Piece, one_line, write_pieces
from ledger.company.sealing.rendering.tally import Tally
from ledger.evidence import notices

MAX_SLIDES = 5_000
_MAX_DEPTH = 20
_TITLES = ("title", "ctrTitle")


def render_slides(source: Path, folder: Path) -> Mapping[str, Any]:
    """Write the text to folder/1. Raises NotRendered, and what lxml raises."""
    tally = Tally()
    with Package(source) as package:
        paths = list(_slides(package))
        if not 0 < len(paths) <= MAX_SLIDES:
            raise NotRendered(notices.TOO_MANY_PIECES.line(MAX_SLIDES))
        pieces = (_piece(package, path, tally) for path in paths)
        parts = write_pieces(folder / "1", "slide", "paragraph", len(paths), pieces)
    file = {"kind": "text", "remarks": tally.remarks({}), "parts": parts}
    return {"tool": f"lxml {etree.__version__}", "files": [file]}


def _slides(package: Package) -> Iterator[str]:
    main = next(
        (path for kind, path in package.related("").values() if kind == "officeDocument"), ""
    )
    root = package.root(main)
    if root is None:
        raise NotRendered(notices.PACKAGE_BROKEN.line())
    related = package.related(main)
    for each in children(child(root, "sldIdLst"), "sldId"):
        ids = [value for key, value in each.attrib.items() if key.endswith("}id")]
        kind, path = related.get(ids[0] if ids else "", ("", ""))
        if kind == "slide":
            yield path


def _piece(package: Package, path: str, tally: Tally) -> Piece:
    root = package.root(path)
    if root is None:
        raise NotRendered(notices.PACKAGE_MISSING.line())
    if root.get("show") in ("0", "false"):
        tally.add("hidden-slides")
    for kind, target in package.related(path).values():
        if kind == "notesSlide":
            notes = package.root(target)
            if notes is not None and any(_shapes(child(notes, "cSld", "spTree"), Tally(), 0)):
                tally.add("speaker-notes")
        elif kind == "comments":
            tally.add("comments")
    lines: list[str] = []
    title = ""
    for placed, text in _shapes(child(root, "cSld", "spTree"), tally, 0):
        if placed in _TITLES and not title:
            title = text
        lines.append(text)
    return Piece(title, enumerate(lines, 1))


def _shapes(tree: Any, tally: Tally, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the paragraphs of shapes, each with the kind of placeholder that it stands in."""
    for shape in children(tree, "sp", "grpSp", "graphicFrame", "pic", "AlternateContent"):
        tag = etree.QName(shape).localname
        if tag == "pic":
            tally.add("pictures")
        elif tag == "grpSp" and depth < _MAX_DEPTH:
            yield from _shapes(shape, tally, depth + 1)
        elif tag == "AlternateContent" and depth < _MAX_DEPTH:
            yield from _shapes(child(shape, "Choice"), tally, depth + 1)
        elif tag == "sp":
            place = child(shape, "nvSpPr", "nvPr", "ph")
            kind = "" if place is None else attribute(place, "type")
            if kind in ("sldNum", "dt", "ftr", "sldImg"):
                continue
            for text in _paragraphs(child(shape, "txBody"), tally):
                yield kind, text
        elif tag == "graphicFrame":
            yield from (("", row) for row in _frame(shape, tally))


def _frame(frame: Any, tally: Tally) -> Iterator[str]:
    data = child(frame, "graphic", "graphicData")
    table = child(data, "tbl")
    if table is None:
        uri = "" if data is None else data.get("uri", "")
        what = "charts" if "chart" in uri else "diagrams" if "diagram" in uri else "objects"
        tally.add(what)
        return
    for row in children(table, "tr"):
        cells = (
            " ".join(_paragraphs(child(cell, "txBody"), tally)) for cell in children(row, "tc")
        )
        if line := "\t".join(cells).rstrip("\t"):
            yield line


def _paragraphs(body: Any, tally: Tally) -> Iterator[str]:
    for paragraph in children(body, "p"):
        text = one_line("".join(_runs(paragraph, tally)))
        if text:
            yield text


def _runs(paragraph: Any, tally: Tally) -> Iterator[str]:
    for run in children(paragraph, "r", "br", "fld"):
        text = child(run, "t")
        if text is None or not text.text:
            yield " "
            continue
        properties = child(run, "rPr")
        struck = "noStrike" if properties is None else properties.get("strike", "noStrike")
        if struck != "noStrike":
            tally.add("struck")
            yield f"~~{text.text}~~"
        else:
            yield text.text
