"""Reads the paragraphs and tables of a .docx, and counts what their text does not say."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.parser import parse_xml

from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.rendering import wordml as ml
from ledger.company.sealing.rendering.drawings import Drawn, drawn
from ledger.company.sealing.rendering.fields import Fields
from ledger.company.sealing.rendering.formulas import formula
from ledger.company.sealing.rendering.numbering import Numbering
from ledger.company.sealing.rendering.spans import (
    MOVED_FROM,
    MOVED_TO,
    PLAIN,
    Changes,
    Span,
    accepted,
    are_gone,
    change_of,
    changes_in,
    marked,
)
from ledger.company.sealing.rendering.styles import Look, Styles
from ledger.company.sealing.rendering.symbols import EMPTY, TICKED, UNKNOWN, read_as, symbol
from ledger.company.sealing.rendering.tally import Tally
from ledger.company.sealing.rendering.wordml import MC, W14, M, R, W, is_on, value

MAX_PARAGRAPHS = 100_000
"""Paragraphs and rows: as many as 10,000 pages hold."""

_FORMAT_CHANGES = tuple(
    f"{W}{tag}"
    for tag in ("rPrChange", "pPrChange", "sectPrChange", "tblPrChange", "tblPrExChange",
                "tblGridChange", "trPrChange", "tcPrChange", "numberingChange", "cellMerge")
)  # fmt: skip
_CHARACTERS = {
    f"{W}tab": "\t",
    f"{W}ptab": "\t",
    f"{W}br": "\n",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "-",
}
_NOTES = {f"{W}footnoteReference": "footnote", f"{W}endnoteReference": "endnote"}
_SILENT = frozenset(
    f"{W}{tag}"
    for tag in ("pPr", "rPr", "sdtPr", "sdtEndPr", "tblPr", "tblGrid", "trPr", "tcPr", "sectPr",
                "rubyPr")
)  # fmt: skip
_COMPUTED = {
    f"{W}{tag}": tag
    for tag in ("pgNum", "dayShort", "dayLong", "monthShort", "monthLong", "yearShort", "yearLong")
}
_DRAWINGS = tuple(f"{W}{tag}" for tag in ("drawing", "pict", "object", "contentPart"))
_FORMULAS = (f"{M}oMath", f"{M}oMathPara")
_FIELDS = tuple(f"{W}{tag}" for tag in ("fldChar", "fldSimple", "instrText", "delInstrText"))
_MARK = "¶"


@dataclass(frozen=True, slots=True)
class Unit:
    """A paragraph, or a row of table `table` (from 1; 0 for none); `level` of a heading, from 1."""

    text: str
    level: int = 0
    table: int = 0


@dataclass(slots=True)
class _Paragraph:
    """A paragraph that is being read: its style, its text so far, the text boxes tied to it."""

    style: str = ""
    changes: Changes = ()
    spans: list[Span] = field(default_factory=list)
    boxes: list[tuple[Any, Changes]] = field(default_factory=list)


class Reader:
    """Reads what python-docx has parsed, once. With `marks`, tracked changes are marked."""

    def __init__(self, document: Any, marks: bool = False) -> None:
        self.tally = Tally()
        self._document = document
        self._marks = marks
        self._write: Callable[[Iterable[Span]], str] = marked if marks else accepted
        self._styles = Styles(document.styles.element)
        self._numbering = Numbering(
            self._related("NUMBERING"), lambda kind: self.tally.add("numbers", kind)
        )
        self._fields = Fields(self.tally)
        self._notes: list[tuple[str, str]] = []
        self._count = 0
        self._last: Changes = ()
        self._joined: list[Span] = []
        self._unread = 0

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
        self.tally.add("unread", times=self._unread)

    def _enter(self, root: Any) -> None:
        """Begin a part of the package: count what must be met in it."""
        self._unread += ml.texts_in(root)
        self._fields.enter(root)
        for each in root.iter(*_FORMAT_CHANGES):
            self.tally.add("format-changes", each.get(f"{W}author"), each.get(f"{W}date"))

    def _skip(self, element: Any) -> None:
        """Pass over an element whose text is counted as left out."""
        self._unread -= ml.texts_in(element)

    # --- paragraphs ---

    def _paragraph(self, element: Any, changes: Changes) -> Iterator[Unit]:
        """Yield a paragraph and its text boxes. One whose mark is gone begins the next one."""
        properties = element.find(f"{W}pPr")
        style = value(properties.find(f"{W}pStyle")) if properties is not None else ""
        mark = properties.find(f"{W}rPr") if properties is not None else None
        ended = (*changes, *changes_in(mark))
        here = _Paragraph(style, changes)
        if element.tag in _FORMULAS:
            self._take(element, PLAIN, here)
        else:
            self._take_all(element, PLAIN, here)
        if ended and self._marks:
            here.spans.append(Span(_MARK, changes=ended))
        self._note_changes(ended)
        self._note_looks(here.spans)
        spans, self._joined = [*self._joined, *here.spans], []
        text, hidden = self._write(spans).strip(), self._styles.look(style, mark).hidden
        if are_gone(ended) and not self._marks:
            self._joined = spans
        elif text or not hidden:
            number, level = self._number(properties, style), self._level(properties, style)
            if text and hidden:
                self._joined = [Span(f"{number} ".lstrip()), *spans]
            elif text:
                yield self._counted(Unit(f"{number} {text}".lstrip(), level))
        for box, around in here.boxes:
            yield from self._box(box, around)

    def _box(self, box: Any, changes: Changes) -> Iterator[Unit]:
        with self._fields.apart():
            texts = list(self._texts(box, changes))
        if texts:
            self.tally.add("text-boxes")
        yield from (self._counted(Unit(text)) for text in texts)

    def _texts(self, element: Any, changes: Changes = ()) -> Iterator[str]:
        """Yield the paragraphs and rows of what stands apart: a cell, a text box, a note."""
        around, self._joined = self._joined, []
        for block, inner in self._blocks(element, ("p", "tbl"), changes):
            if block.tag != f"{W}tbl":
                yield from (unit.text for unit in self._paragraph(block, inner))
            else:
                yield from (unit.text for unit in self._rest())
                yield from (row for row in self._rows(block, inner) if row.strip())
        yield from (unit.text for unit in self._rest())
        self._joined = around

    def _rest(self) -> Iterator[Unit]:
        """Yield what was to begin a paragraph that does not come."""
        spans, self._joined = self._joined, []
        if text := self._write(spans).strip():
            yield self._counted(Unit(text))

    def _counted(self, unit: Unit) -> Unit:
        self._count += 1
        if self._count > MAX_PARAGRAPHS:
            raise NotRendered(f"it has more than {MAX_PARAGRAPHS:,} paragraphs")
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
            self._note_changes(own)
            if properties is not None and is_on(properties.find(f"{W}hidden")):
                self.tally.add("hidden")
                self._skip(row)
                continue
            cells = [self._cell(cell, inner) for cell, inner in self._blocks(row, ("tc",), own)]
            if not are_gone(own) or self._marks:
                yield "\t".join(cell for cell in cells if cell is not None)

    def _cell(self, cell: Any, around: Changes) -> str | None:
        """Return the text of a cell in a line, None where it is gone."""
        changes = (*around, *changes_in(cell.find(f"{W}tcPr")))
        self._note_changes(changes)
        text = " ".join(" ".join(self._texts(cell, changes)).split())
        return None if are_gone(changes) and not self._marks else text

    def _blocks(
        self, element: Any, kinds: tuple[str, ...], changes: Changes = ()
    ) -> Iterator[tuple[Any, Changes]]:
        """Yield the blocks of these kinds with the changes around them, whatever holds them."""
        wanted = {f"{W}{kind}" for kind in kinds}
        for child in element.iterchildren(tag="*"):
            if child.tag in wanted or (child.tag in _FORMULAS and "p" in kinds):
                yield child, changes
            elif child.tag == f"{MC}AlternateContent":
                if (form := self._form(child)) is not None:
                    yield from self._blocks(form, kinds, changes)
            elif child.tag not in _SILENT:
                own = change_of(child)
                yield from self._blocks(child, kinds, (*changes, own) if own else changes)

    def _form(self, alternatives: Any) -> Any | None:
        """Return the form of a content that Word shows; others that say something else are counted."""
        shown, *others = *ml.forms(alternatives), None
        texts = {_characters(each) for each in (shown, *others) if each is not None}
        if len(texts - {""}) > 1:
            self.tally.add("versions")
        for each in others:
            if each is not None:
                self._skip(each)
        return shown

    # --- runs ---

    def _take_all(self, element: Any, look: Look, here: _Paragraph) -> None:
        for child in element.iterchildren(tag="*"):
            self._take(child, look, here)

    def _take(self, element: Any, look: Look, here: _Paragraph) -> None:
        tag = element.tag
        if tag == f"{W}r":
            self._take_all(element, self._styles.look(here.style, element.find(f"{W}rPr")), here)
        elif tag in (f"{W}t", f"{W}delText", f"{M}t"):
            self._unread -= ml.holds_text(element)
            self._add(read_as(look.font, _line(element.text)), look, here)
        elif tag in _CHARACTERS:
            self._add(_CHARACTERS[tag], look, here)
        elif tag == f"{W}sym":
            self._symbol(element, look, here)
        elif tag in _FIELDS:
            self._field(element, look, here)
        elif tag in _COMPUTED:
            self.tally.add("fields", _COMPUTED[tag])
        elif tag in _NOTES:
            self._note(_NOTES[tag], element.get(f"{W}id", ""), look, here)
        elif tag in _FORMULAS:
            self._formula(element, look, here)
        elif tag == f"{MC}AlternateContent":
            if (form := self._form(element)) is not None:
                self._take_all(form, look, here)
        elif tag in _DRAWINGS:
            self._drawing(element, look, here)
        elif tag == f"{W}sdt" and (box := element.find(f"{W}sdtPr/{W14}checkbox")) is not None:
            self._check_box(element, box, look, here)
        elif tag == f"{W}rt":
            self.tally.add("readings")
            self._skip(element)
        elif tag == f"{W}txbxContent":
            here.boxes.append((element, here.changes))
        elif tag not in _SILENT:
            outer, own = here.changes, change_of(element)
            here.changes = (*outer, own) if own else outer
            if tag == f"{W}hyperlink" and element.get(f"{R}id"):
                self.tally.add("links")
            self._take_all(element, look, here)
            here.changes = outer

    def _add(self, text: str, look: Look, here: _Paragraph) -> None:
        if not text or not self._fields.shows(text):
            return
        if not are_gone(here.changes) and (unknown := text.count(UNKNOWN)):
            self.tally.add("symbols", look.font, times=unknown)
        here.spans.append(Span(text, look, here.changes))
        self._note_changes(here.changes)

    def _symbol(self, element: Any, look: Look, here: _Paragraph) -> None:
        self._skip(element)
        font, code = element.get(f"{W}font") or "", element.get(f"{W}char") or ""
        shown = symbol(font, int(code, 16)) if ml.is_hexadecimal(code) else UNKNOWN
        self._add(shown, Look(look.hidden, look.struck, look.place, font=font), here)

    def _note(self, kind: str, identifier: str, look: Look, here: _Paragraph) -> None:
        if are_gone(here.changes) and not self._marks:
            return
        self._notes.append((kind, identifier))
        self.tally.add("notes")
        self._add(f"[{len(self._notes)}]", Look(look.hidden, look.struck), here)

    def _field(self, element: Any, look: Look, here: _Paragraph) -> None:
        if element.tag == f"{W}fldSimple":
            self._fields.simple(element.get(f"{W}instr") or "")
            self._take_all(element, look, here)
            self._add(self._fields.end(), look, here)
        elif element.tag == f"{W}fldChar":
            self._add(self._fields.character(element), look, here)
        else:
            self._skip(element)
            self._fields.instruction(element.text or "")

    def _formula(self, element: Any, look: Look, here: _Paragraph) -> None:
        def read(child: Any) -> str:
            inner = _Paragraph(here.style, here.changes)
            self._take(child, PLAIN, inner)
            return self._write(
                inner.spans
                if self._marks
                else [Span(each.text) for each in inner.spans if not each.gone]
            )

        if not are_gone(here.changes):
            self.tally.add("formulas")
        self._add(formula(element, read).strip(), Look(look.hidden, look.struck), here)

    def _check_box(self, element: Any, box: Any, look: Look, here: _Paragraph) -> None:
        inner = _Paragraph(here.style, here.changes)
        self._take_all(element, look, inner)
        shown = "".join(each.text for each in inner.spans)
        if shown.strip() and UNKNOWN not in shown:
            here.spans += inner.spans
        else:
            checked = box.find(f"{W14}checked")
            on = checked is not None and checked.get(f"{W14}val") in ("1", "true", "on")
            self._add(TICKED if on else EMPTY, look, here)

    def _drawing(self, element: Any, look: Look, here: _Paragraph) -> None:
        found: Drawn = drawn(element, self._form)
        if look.hidden or are_gone(here.changes):
            if look.hidden:
                self.tally.add("hidden")
            self._skip(element)
            return
        for what, times in found.counts.items():
            self.tally.add(what, times=times)
        for words in found.words:
            self._skip(words)
            self._add(words.get("string") or "", look, here)
        for each in found.unread:
            self._skip(each)
        here.boxes += [(box, here.changes) for box in found.boxes]

    # --- what is counted ---

    def _note_changes(self, changes: Changes) -> None:
        """Count changes that begin here: neighbours of one kind and one author are one."""
        before = {each.common for each in self._last}
        for each in changes:
            self.tally.add(each.kind, each.author, each.date, times=each.common not in before)
        self._last = changes

    def _note_looks(self, spans: list[Span]) -> None:
        here = [each for each in spans if each.text.strip() and (self._marks or not each.gone)]
        for hidden, group in groupby(here, lambda each: each.look.hidden):
            if hidden:
                self.tally.add("hidden")
                continue
            looks = [each.look for each in group]
            for what in ("struck", "faint", "place"):
                runs = groupby(looks, lambda look, what=what: bool(getattr(look, what)))  # type: ignore[misc]
                self.tally.add(_LOOKS[what], times=sum(on for on, _ in runs))

    # --- notes ---

    def _note_units(self) -> Iterator[Unit]:
        kinds = dict.fromkeys(_NOTES.values())
        found = {kind: self._note_elements(kind) for kind in kinds}
        for number, (kind, identifier) in enumerate(self._notes, 1):
            # Notes that notes refer to are appended meanwhile.
            if (note := found[kind].pop(identifier, None)) is not None:
                with self._fields.apart():
                    texts = list(self._texts(note))
                yield self._counted(Unit(f"[{number}] " + "\n".join(texts)))
        for note in (each for left in found.values() for each in left.values()):
            if note.get(f"{W}type") in (None, "normal") and _characters(note):
                self.tally.add("stored")
            self._skip(note)

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


_LOOKS = {"struck": "struck", "faint": "faint", "place": "raised"}


def parsed(data: bytes) -> Any:
    """Return the root of a part of the package. Raises NotRendered for one with a document type."""
    root = parse_xml(data)
    check_doctype(root)
    return root


def check_doctype(root: Any) -> None:
    """Raise NotRendered where entities, which are not resolved, could hold text."""
    if root.getroottree().docinfo.doctype:
        raise NotRendered("its XML declares a document type, which no .docx does")


def _line(text: str | None) -> str:
    return (text or "").replace("\r", " ").replace("\n", " ")


def _characters(element: Any) -> str:
    return "".join(
        "".join(each.text or each.get(f"{W}char") or "" for each in element.iter(*ml.TEXTS)).split()
    )
