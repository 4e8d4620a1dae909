"""Fields: what Word computes, of which a file holds the instruction and, mostly, the last result.

ECMA-376 part 1, 17.16: between `begin` and `separate` stands the instruction, which no reader sees,
up to `end` the result. Form fields hold their state instead.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ledger.company.sealing.rendering.symbols import EMPTY, TICKED, UNKNOWN, symbol
from ledger.company.sealing.rendering.tally import Tally
from ledger.company.sealing.rendering.wordml import W, is_on, number, value

_MAX_INSTRUCTION = 400
_WORD = re.compile(r"\s*([A-Za-z]{1,32})\s*(.*)", re.S)
_SYMBOL = re.compile(r"(0x[0-9a-fA-F]{1,5}|[0-9]{1,6})\b(?:.*?\\f\s+\"?([^\"\\]{1,40}))?", re.S)


@dataclass(slots=True)
class _Field:
    form: Any | None = None
    instruction: str = ""
    in_result: bool = False
    has_result: bool = False


class Fields:
    """Follows the fields of a document while it is read in order."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._open: list[_Field] = []
        self._whole: set[Any] = set()

    def enter(self, root: Any) -> None:
        """Learn which fields of a part of the package end at all: the others hide nothing."""
        begun = []
        for each in root.iter(f"{W}fldChar"):
            kind = each.get(f"{W}fldCharType")
            if kind == "begin":
                begun.append(each)
            elif kind == "end" and begun:
                self._whole |= {begun.pop(), each}

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """Read something in between that belongs to no field."""
        around, self._open = self._open, []
        try:
            yield
        finally:
            self._open = around

    def shows(self, text: str) -> bool:
        """Return whether text at this place is shown; it then counts as a result."""
        if any(not each.in_result for each in self._open):
            return False
        if text.strip():
            for each in self._open:
                each.has_result = True
        return True

    def character(self, element: Any) -> str:
        """Follow a `fldChar`, and return what is shown in its place."""
        kind = element.get(f"{W}fldCharType")
        if kind == "separate":
            if self._open:
                self._open[-1].in_result = True
        elif element not in self._whole:
            pass
        elif kind == "begin":
            self._open.append(_Field(element.find(f"{W}ffData")))
        elif kind == "end" and self._open:
            return self._ended(self._open.pop())
        return ""

    def simple(self, instruction: str) -> None:
        """Begin a field whose result follows."""
        self._open.append(_Field(None, instruction[:_MAX_INSTRUCTION], in_result=True))

    def end(self) -> str:
        """End it, and return what is shown in its place."""
        return self._ended(self._open.pop())

    def instruction(self, text: str) -> None:
        """Take a piece of an instruction."""
        if not self._open:
            self._tally.add("fields", _word(text)[0])
        elif not self._open[-1].in_result:
            self._open[-1].instruction += text[: _MAX_INSTRUCTION - len(self._open[-1].instruction)]

    def _ended(self, field: _Field) -> str:
        kind, rest = _word(field.instruction)
        shown = ""
        if field.form is not None:
            shown = _state(field.form, field.has_result)
        if not shown and not field.has_result:
            shown = self._computed(kind, rest)
        if not shown:
            self._count(kind, rest, field.has_result)
        return shown

    def _computed(self, kind: str, rest: str) -> str:
        """Return what a field without a result shows, where its instruction says it."""
        if kind == "EQ":
            self._tally.add("formulas")
            return "{EQ " + rest.strip() + "}"
        if kind in ("MACROBUTTON", "GOTOBUTTON"):
            return rest.strip().partition(" ")[2]
        if kind == "SYMBOL" and (found := _SYMBOL.match(rest)):
            font = (found[2] or "").strip()
            shown = symbol(font, int(found[1], 0) if found[1].startswith("0x") else int(found[1]))
            return shown if shown != UNKNOWN else ""
        return ""

    def _count(self, kind: str, rest: str, has_result: bool) -> None:
        if not has_result:
            self._tally.add("fields", kind)
        elif kind != "HYPERLINK":
            self._tally.add("results", kind)
        elif not rest.lstrip().startswith("\\l"):
            self._tally.add("links")


def _word(instruction: str) -> tuple[str, str]:
    found = _WORD.match(instruction)
    return (found[1].upper(), found[2]) if found else ("", instruction)


def _state(form: Any, has_result: bool) -> str:
    """Return the state of a form field that is a check box or a list."""
    box, choice = form.find(f"{W}checkBox"), form.find(f"{W}ddList")
    if box is not None:
        checked = box.find(f"{W}checked")
        return TICKED if is_on(box.find(f"{W}default") if checked is None else checked) else EMPTY
    if choice is not None and not has_result:
        chosen = choice.find(f"{W}result")
        at = number(value(choice.find(f"{W}default") if chosen is None else chosen))
        entries = [value(each) for each in choice.iterchildren(f"{W}listEntry")]
        return entries[at] if 0 <= at < len(entries) else ""
    return ""
