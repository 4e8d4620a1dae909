"""Reads the paragraphs and tables of a .docx, and counts what their text does not say."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.parser import parse_xml

from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.rendering import wordml as ml
from ledger.company.sealing.rendering.fields import Fields
from ledger.company.sealing.rendering.numbering import Numbering
from ledger.company.sealing.rendering.runs import (
    FORMULAS,
    NOTES,
    SILENT,
    Paragraph,
    Runs,
    characters,
)
from ledger.company.sealing.rendering.spans import (
    MOVED_FROM,
    MOVED_TO,
    PLAIN,
    Changes,
    Span,
    are_gone,
    change_of,
    changes_in,
)
from ledger.company.sealing.rendering.styles import Styles
from ledger.company.sealing.rendering.tally import Tally
from ledger.company.sealing.rendering.wordml import MC, W, is_on, value
from ledger.evidence import notices

MAX_PARAGRAPHS = 100_000
"""Paragraphs and rows: as many as 10,000 pages hold."""

_FORMAT_CHANGES = tuple(
    f"{W}{tag}"
    for tag in ("rPrChange", "pPrChange", "sectPrChange", "tblPrChange", "tblPrExChange",
                "tblGridChange", "trPrChange", "tcPrChange", "numberingChange", "cellMerge")
)  # fmt: skip
_MARK = "¶"
_MOST_JOINED, _MOST_TEXT = 1_000, 10_000
"""Stretches and characters of paragraphs without an end that are one; what follows is another."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A paragraph, or a row of table `table` (from 1; 0 for none); `level` of a heading, from 1."""

    text: str
    level: int = 0
    table: int = 0


class Reader:
    """Reads what python-docx has parsed, once. With `marks`, tracked changes are marked."""

    def __init__(self, document: Any, marks: bool = False) -> None:
        self.tally = Tally()
        self._document = document
        self._marks = marks
        self._styles = Styles(document.styles.element)
        self._numbering = Numbering(
            self._related("NUMBERING"), lambda kind: self.tally.add("numbers", kind)
        )
        self._fields = Fields(self.tally)
        self._runs = Runs(self._styles, self._fields, self.tally, marks)
        self._count = 0
        self._joined: list[Span] = []
        self._joined_level = 0

    def units(self) -> Iterator[Unit]:
        """Yield the paragraphs that hold text, and the rows of tables."""
        self._enter(self._document.element)
        tables = 0
        for block, changes in self._blocks(self._document.element.body, ("p", "tbl")):
            if block.tag != f"{W}tbl":
                yield from self._paragraph(block, changes)
                continue
            yield from self._rest()
            if rows := list(self._rows(block, changes)):
                tables += 1
                yield from (self._counted(Unit(row, table=tables)) for row in rows)
        yield from self._rest()
        yield from self._note_units()
        self.tally.add(MOVED_TO, times=self.tally.count(MOVED_FROM) - self.tally.count(MOVED_TO))
        self.tally.add("unread", times=self._runs.unread)

    def _enter(self, root: Any) -> None:
        """Begin a part of the package: count what must be met in it."""
        self._runs.unread += ml.texts_in(root)
        self._fields.enter(root)
        for each in root.iter(*_FORMAT_CHANGES):
            self.tally.add("format-changes", each.get(f"{W}author"), each.get(f"{W}date"))

    # --- paragraphs ---

    def _paragraph(self, element: Any, changes: Changes) -> Iterator[Unit]:
        """Yield a paragraph and its text boxes. One whose mark is gone begins the next one."""
        properties = element.find(f"{W}pPr")
        style = value(properties.find(f"{W}pStyle")) if properties is not None else ""
        mark = properties.find(f"{W}rPr") if properties is not None else None
        ended = (*changes, *changes_in(mark))
        here = Paragraph(style, changes)
        if element.tag in FORMULAS:
            self._runs.take(element, PLAIN, here)
        else:
            self._runs.take_all(element, PLAIN, here)
        if ended and self._marks:
            here.spans.append(Span(_MARK, changes=ended))
        self._runs.note_changes(ended)
        self._runs.note_looks(here.spans)
        self._joined += here.spans
        if are_gone(ended) and not self._marks:
            if len(self._joined) > _MOST_JOINED:
                yield from self._rest()
        else:
            yield from self._ended(properties, style, self._styles.look(style, mark).hidden)
        for box, around in here.boxes:
            yield from self._box(box, around)

    def _ended(self, properties: Any | None, style: str, hidden: bool) -> Iterator[Unit]:
        """Yield a paragraph whose mark stands; after a mark that is hidden the next one goes on."""
        text = self._runs.write(self._joined).strip()
        if not text and hidden:
            return
        number, level = self._number(properties, style), self._level(properties, style)
        level = self._joined_level or level
        self._joined, self._joined_level = [], 0
        if text and hidden and len(text) <= _MOST_TEXT:
            self._joined, self._joined_level = [Span(f"{number} {text}".lstrip())], level
        elif text:
            yield self._counted(Unit(f"{number} {text}".lstrip(), level))

    def _box(self, box: Any, changes: Changes) -> Iterator[Unit]:
        with self._fields.apart():
            texts = list(self._texts(box, changes))
        if texts:
            self.tally.add("text-boxes")
        yield from (self._counted(Unit(text)) for text in texts)

    def _texts(self, element: Any, changes: Changes = ()) -> Iterator[str]:
        """Yield the paragraphs and rows of what stands apart: a cell, a text box, a note."""
        around, level, self._joined = self._joined, self._joined_level, []
        for block, inner in self._blocks(element, ("p", "tbl"), changes):
            if block.tag != f"{W}tbl":
                yield from (unit.text for unit in self._paragraph(block, inner))
            else:
                yield from (unit.text for unit in self._rest())
                yield from (row for row in self._rows(block, inner) if row.strip())
        yield from (unit.text for unit in self._rest())
        self._joined, self._joined_level = around, level

    def _rest(self) -> Iterator[Unit]:
        """Yield what was to begin a paragraph that does not come."""
        spans, self._joined, self._joined_level = self._joined, [], 0
        if text := self._runs.write(spans).strip():
            yield self._counted(Unit(text))

    def _counted(self, unit: Unit) -> Unit:
        self._count += 1
        if self._count > MAX_PARAGRAPHS:
            raise NotRendered(notices.TOO_MANY_PARAGRAPHS.line(MAX_PARAGRAPHS))
        return unit

    def _level(self, own: Any | None, style: str) -> int:
        """Return the level of a heading; 0 for body text."""
        levels = [value(each) for each in self._properties(own, style, "outlineLvl")]
        # The format counts from 0; 9 is body text.
        return int(levels[0]) + 1 if levels and levels[0] in tuple("012345678") else 0

    def _number(self, own: Any | None, style: str) -> str:
        found = list(self._properties(own, style, "numPr"))
        lists = [each for numbering in found for each in numbering.iterchildren(f"{W}numId")]
        if not lists:
            return ""
        levels = [each for numbering in found for each in numbering.iterchildren(f"{W}ilvl")]
        return self._numbering.next(value(lists[0]), ml.number(value(levels[0])) if levels else 0)

    def _properties(self, own: Any | None, style: str, tag: str) -> Iterator[Any]:
        """Yield what a paragraph states of itself, then what its styles do, the nearest first."""
        if own is not None:
            yield from own.iterchildren(f"{W}{tag}")
        yield from self._styles.paragraph(style, tag)

    # --- tables ---

    def _rows(self, table: Any, changes: Changes) -> Iterator[str]:
        for row, around in self._blocks(table, ("tr",), changes):
            properties = row.find(f"{W}trPr")
            own = (*around, *changes_in(properties))
            self._runs.note_changes(own)
            if properties is not None and is_on(properties.find(f"{W}hidden")):
                self.tally.add("hidden")
                self._runs.skip(row)
                continue
            cells = [self._cell(cell, inner) for cell, inner in self._blocks(row, ("tc",), own)]
            if not are_gone(own) or self._marks:
                yield "\t".join(cell for cell in cells if cell is not None)

    def _cell(self, cell: Any, around: Changes) -> str | None:
        """Return the text of a cell in a line, None where it is gone."""
        changes = (*around, *changes_in(cell.find(f"{W}tcPr")))
        self._runs.note_changes(changes)
        text = " ".join(" ".join(self._texts(cell, changes)).split())
        return None if are_gone(changes) and not self._marks else text

    def _blocks(
        self, element: Any, kinds: tuple[str, ...], changes: Changes = ()
    ) -> Iterator[tuple[Any, Changes]]:
        """Yield the blocks of these kinds with the changes around them, whatever holds them."""
        wanted = {f"{W}{kind}" for kind in kinds}
        for child in element.iterchildren(tag="*"):
            if child.tag in wanted or (child.tag in FORMULAS and "p" in kinds):
                yield child, changes
            elif child.tag == f"{MC}AlternateContent":
                if (form := self._runs.form(child)) is not None:
                    yield from self._blocks(form, kinds, changes)
            elif child.tag not in SILENT:
                own = change_of(child)
                yield from self._blocks(child, kinds, (*changes, own) if own else changes)

    # --- notes ---

    def _note_units(self) -> Iterator[Unit]:
        kinds = dict.fromkeys(NOTES.values())
        found = {kind: self._note_elements(kind) for kind in kinds}
        for number, (kind, identifier) in enumerate(self._runs.notes, 1):
            # Notes that notes refer to are appended meanwhile.
            if (note := found[kind].pop(identifier, None)) is not None:
                with self._fields.apart():
                    texts = list(self._texts(note))
                yield self._counted(Unit(f"[{number}] " + "\n".join(texts)))
        for note in (each for left in found.values() for each in left.values()):
            if note.get(f"{W}type") in (None, "normal") and characters(note):
                self.tally.add("stored")
            self._runs.skip(note)

    def _note_elements(self, kind: str) -> dict[str, Any]:
        notes = self._related(f"{kind.upper()}S")
        if notes is None:
            return {}
        self._enter(notes)
        return {each.get(f"{W}id", ""): each for each in notes.iterchildren(f"{W}{kind}")}

    def _related(self, kind: str) -> Any | None:
        """Return the root of another part of the package, None if there is none."""
        try:
            part = self._document.part.part_related_by(getattr(RELATIONSHIP_TYPE, kind))
        except KeyError:
            return None
        return parsed(part.blob)


def parsed(data: bytes) -> Any:
    """Return the root of a part of the package. Raises NotRendered for one with a document type."""
    root = parse_xml(data)
    check_doctype(root)
    return root


def check_doctype(root: Any) -> None:
    """Raise NotRendered where entities, which are not resolved, could hold text."""
    if root.getroottree().docinfo.doctype:
        raise NotRendered(notices.DOCX_TYPE.line())
