"""Reads what stands in a paragraph: text, fields, formulas, drawings, notes and tracked changes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ledger.company.sealing.rendering import wordml as ml
from ledger.company.sealing.rendering.drawings import drawn
from ledger.company.sealing.rendering.fields import Fields
from ledger.company.sealing.rendering.formulas import formula
from ledger.company.sealing.rendering.spans import (
    PLAIN,
    Changes,
    Span,
    accepted,
    are_gone,
    change_of,
    marked,
)
from ledger.company.sealing.rendering.styles import Look, Styles
from ledger.company.sealing.rendering.symbols import EMPTY, TICKED, UNKNOWN, read_as, symbol
from ledger.company.sealing.rendering.tally import Tally
from ledger.company.sealing.rendering.wordml import MC, W14, M, R, W

_CHARACTERS = {
    f"{W}tab": "\t",
    f"{W}ptab": "\t",
    f"{W}br": "\n",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "-",
}
NOTES = {f"{W}footnoteReference": "footnote", f"{W}endnoteReference": "endnote"}
SILENT = frozenset(
    f"{W}{tag}"
    for tag in ("pPr", "rPr", "sdtPr", "sdtEndPr", "tblPr", "tblGrid", "trPr", "tcPr", "sectPr",
                "rubyPr")
)  # fmt: skip
_COMPUTED = {
    f"{W}{tag}": tag
    for tag in ("pgNum", "dayShort", "dayLong", "monthShort", "monthLong", "yearShort", "yearLong")
}
_DRAWINGS = tuple(f"{W}{tag}" for tag in ("drawing", "pict", "object", "contentPart"))
FORMULAS = (f"{M}oMath", f"{M}oMathPara")
_FIELDS = tuple(f"{W}{tag}" for tag in ("fldChar", "fldSimple", "instrText", "delInstrText"))
_LOOKS = {"struck": "struck", "faint": "faint", "place": "raised"}


@dataclass(slots=True)
class Paragraph:
    """A paragraph that is being read: its style, its text so far, the text boxes tied to it."""

    style: str = ""
    changes: Changes = ()
    spans: list[Span] = field(default_factory=list)
    boxes: list[tuple[Any, Changes]] = field(default_factory=list)


class Runs:
    """Reads paragraphs one after the other into spans. With `marks`, tracked changes will be marked."""

    def __init__(self, styles: Styles, fields: Fields, tally: Tally, marks: bool) -> None:
        self.notes: list[tuple[str, str]] = []
        """The notes that were referred to so far: kind and identifier."""
        self.unread = 0
        """Elements with characters that were not met yet, of those that the reader has announced."""
        self.write: Callable[[Iterable[Span]], str] = marked if marks else accepted
        self._styles, self._fields, self._tally, self._marks = styles, fields, tally, marks
        self._last: Changes = ()

    def skip(self, element: Any) -> None:
        """Pass over an element whose text is counted as left out."""
        self.unread -= ml.texts_in(element)

    def form(self, alternatives: Any) -> Any | None:
        """Return the form of a content that Word shows; others that say something else are counted."""
        shown, *others = *ml.forms(alternatives), None
        texts = {characters(each) for each in (shown, *others) if each is not None}
        if len(texts - {""}) > 1:
            self._tally.add("versions")
        for each in others:
            if each is not None:
                self.skip(each)
        return shown

    def take_all(self, element: Any, look: Look, here: Paragraph) -> None:
        """Read all that stands in an element, which looks like `look`."""
        for child in element.iterchildren(tag="*"):
            self.take(child, look, here)

    def take(self, element: Any, look: Look, here: Paragraph) -> None:
        """Read an element into the paragraph, whatever it is."""
        tag = element.tag
        if tag == f"{W}r":
            self.take_all(element, self._styles.look(here.style, element.find(f"{W}rPr")), here)
        elif tag in (f"{W}t", f"{W}delText", f"{M}t"):
            self.unread -= ml.holds_text(element)
            self._add(read_as(look.font, _line(element.text)), look, here)
        elif tag in _CHARACTERS:
            self._add(_CHARACTERS[tag], look, here)
        elif tag == f"{W}sym":
            self._symbol(element, look, here)
        elif tag in _FIELDS:
            self._field(element, look, here)
        elif tag in _COMPUTED:
            self._tally.add("fields", _COMPUTED[tag])
        elif tag in NOTES:
            self._note(NOTES[tag], element.get(f"{W}id", ""), look, here)
        elif tag in FORMULAS:
            self._formula(element, look, here)
        elif tag == f"{MC}AlternateContent":
            if (form := self.form(element)) is not None:
                self.take_all(form, look, here)
        elif tag in _DRAWINGS:
            self._drawing(element, look, here)
        elif tag == f"{W}sdt" and (box := element.find(f"{W}sdtPr/{W14}checkbox")) is not None:
            self._check_box(element, box, look, here)
        elif tag == f"{W}rt":
            self._tally.add("readings")
            self.skip(element)
        elif tag == f"{W}txbxContent":
            here.boxes.append((element, here.changes))
        elif tag not in SILENT:
            outer, own = here.changes, change_of(element)
            here.changes = (*outer, own) if own else outer
            if tag == f"{W}hyperlink" and element.get(f"{R}id"):
                self._tally.add("links")
            self.take_all(element, look, here)
            here.changes = outer

    def _add(self, text: str, look: Look, here: Paragraph) -> None:
        if not text or not self._fields.shows(text):
            return
        seen = not look.hidden and not are_gone(here.changes)
        if seen and (unknown := text.count(UNKNOWN)):
            self._tally.add("symbols", look.font, times=unknown)
        here.spans.append(Span(text, look, here.changes))
        self.note_changes(here.changes)

    def _symbol(self, element: Any, look: Look, here: Paragraph) -> None:
        self.skip(element)
        font, code = element.get(f"{W}font") or "", element.get(f"{W}char") or ""
        shown = symbol(font, int(code, 16)) if ml.is_hexadecimal(code) else UNKNOWN
        self._add(shown, Look(look.hidden, look.struck, look.place, font=font), here)

    def _note(self, kind: str, identifier: str, look: Look, here: Paragraph) -> None:
        if look.hidden or (are_gone(here.changes) and not self._marks):
            return
        self.notes.append((kind, identifier))
        self._tally.add("notes")
        self._add(f"[{len(self.notes)}]", Look(look.hidden, look.struck), here)

    def _field(self, element: Any, look: Look, here: Paragraph) -> None:
        if element.tag == f"{W}fldSimple":
            self._fields.simple(element.get(f"{W}instr") or "")
            self.take_all(element, look, here)
            self._add(self._fields.end(), look, here)
        elif element.tag == f"{W}fldChar":
            self._add(self._fields.character(element), look, here)
        else:
            self.skip(element)
            self._fields.instruction(element.text or "")

    def _formula(self, element: Any, look: Look, here: Paragraph) -> None:
        def read(child: Any) -> str:
            inner = Paragraph(here.style, here.changes)
            self.take(child, PLAIN, inner)
            here.boxes.extend(inner.boxes)
            return self.write(
                inner.spans
                if self._marks
                else [Span(each.text) for each in inner.spans if not each.gone]
            )

        if not are_gone(here.changes):
            self._tally.add("formulas")
        self._add(formula(element, read).strip(), Look(look.hidden, look.struck), here)

    def _check_box(self, element: Any, box: Any, look: Look, here: Paragraph) -> None:
        inner = Paragraph(here.style, here.changes)
        self.take_all(element, look, inner)
        shown = "".join(each.text for each in inner.spans)
        here.boxes += inner.boxes
        if shown.strip() and UNKNOWN not in shown:
            here.spans += inner.spans
        else:
            checked = box.find(f"{W14}checked")
            on = checked is not None and checked.get(f"{W14}val") in ("1", "true", "on")
            self._add(TICKED if on else EMPTY, look, here)

    def _drawing(self, element: Any, look: Look, here: Paragraph) -> None:
        if look.hidden or are_gone(here.changes):
            if look.hidden:
                self._tally.add("hidden")
            self.skip(element)
            return
        found = drawn(element, self.form)
        for what, times in found.counts.items():
            self._tally.add(what, times=times)
        for words in found.words:
            self.skip(words)
            self._add(words.get("string") or "", look, here)
        for each in found.unread:
            self.skip(each)
        here.boxes += [(box, here.changes) for box in found.boxes]

    def note_changes(self, changes: Changes) -> None:
        """Count changes that begin here: neighbours of one kind and one author are one."""
        before = {each.common for each in self._last}
        for each in changes:
            self._tally.add(each.kind, each.author, each.date, times=each.common not in before)
        self._last = changes

    def note_looks(self, spans: list[Span]) -> None:
        here = [each for each in spans if each.text.strip() and (self._marks or not each.gone)]
        for hidden, group in groupby(here, lambda each: each.look.hidden):
            if hidden:
                self._tally.add("hidden")
                continue
            looks = [each.look for each in group]
            for what in ("struck", "faint", "place"):
                runs = groupby(looks, lambda look, what=what: bool(getattr(look, what)))  # type: ignore[misc]
                self._tally.add(_LOOKS[what], times=sum(on for on, _ in runs))


def _line(text: str | None) -> str:
    return (text or "").replace("\r", " ").replace("\n", " ")


def characters(element: Any) -> str:
    return "".join(
        "".join(each.text or each.get(f"{W}char") or "" for each in element.iter(*ml.TEXTS)).split()
    )
