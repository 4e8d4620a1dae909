"""The numbers that Word gives to headings, clauses and list items: no text of a paragraph has them.

ECMA-376 part 1, 17.9: a paragraph names a numbering (`numId`) and a level in it; numberings of the same
abstract numbering count on together. A level that has not been reached counts as one less than its
start, as Word shows it: "0.1". A number in a format that is not known stands in brackets: "[3]".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.company.sealing.rendering.numerals import numeral
from ledger.company.sealing.rendering.symbols import EMPTY, TICKED, read_as
from ledger.company.sealing.rendering.wordml import W, number, value

_MAX_TEXT = 100
"""Characters of a level's pattern; what is longer is no number."""
_PLACE = re.compile("%([1-9])")
_BULLET = "•"


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    format: str
    text: str
    legal: bool
    restarts: bool
    font: str


class Numbering:
    """Counts. Ask for each paragraph once, in order; `unknown` is told the name of each number's format
    that is not known."""

    def __init__(self, root: Any | None, unknown: Callable[[str], None]) -> None:
        self._unknown = unknown
        abstract: dict[str, Any] = {}
        linked: dict[str, str] = {}
        for each in root.iterchildren(f"{W}abstractNum") if root is not None else ():
            identifier = each.get(f"{W}abstractNumId", "")
            abstract[identifier] = each
            linked[_child(each, "styleLink")] = identifier
        self._lists: dict[str, tuple[str, Mapping[int, _Level]]] = {}
        self._overrides: dict[tuple[str, int], int] = {}
        for each in root.iterchildren(f"{W}num") if root is not None else ():
            identifier, kind = each.get(f"{W}numId", ""), _child(each, "abstractNumId")
            if kind in abstract and (link := _child(abstract[kind], "numStyleLink")):
                kind = linked.get(link, kind)
            levels = _levels(abstract[kind]) if kind in abstract else {}
            for override in each.iterchildren(f"{W}lvlOverride"):
                if start := _child(override, "startOverride"):
                    at = number(override.get(f"{W}ilvl"))
                    self._overrides[identifier, at] = number(start)
                levels |= _levels(override)
            self._lists[identifier] = kind, levels
        self._counts: dict[str, dict[int, int]] = {}

    def next(self, identifier: str, at: int) -> str:
        """Return the number of the next paragraph on level `at` (from 0); "" if it has none."""
        kind, levels = self._lists.get(identifier, ("", {}))
        if at not in levels:
            return ""
        counts = self._counts.setdefault(kind, {})
        start = self._overrides.pop((identifier, at), None)
        if start is not None or at not in counts:
            counts[at] = levels[at].start if start is None else start
        else:
            counts[at] += 1
        for deeper in [each for each in counts if each > at]:
            if deeper not in levels or levels[deeper].restarts:
                del counts[deeper]
        level = levels[at]
        if level.format == "bullet":
            sign = read_as(level.font, level.text[:1])
            return sign if sign in (EMPTY, TICKED) else _BULLET

        def written(place: re.Match[str]) -> str:
            asked = int(place[1]) - 1
            if asked not in levels:
                return ""
            count = counts.get(asked, levels[asked].start - 1)
            return self._numeral(count, "decimal" if level.legal else levels[asked].format)

        return _PLACE.sub(written, level.text[:_MAX_TEXT]).strip()

    def _numeral(self, count: int, kind: str) -> str:
        if (found := numeral(count, kind)) is not None:
            return found
        self._unknown(kind)
        return f"[{count}]"


def _levels(element: Any) -> dict[int, _Level]:
    return {
        number(level.get(f"{W}ilvl")): _Level(
            start=number(_child(level, "start")),
            format=_format(level),
            text=_child(level, "lvlText"),
            legal=level.find(f"{W}isLgl") is not None,
            restarts=_child(level, "lvlRestart") != "0",
            font=_font(level),
        )
        for level in element.iterchildren(f"{W}lvl")
    }


def _format(level: Any) -> str:
    """Return the format of a level; one of Word's own stands in a form beside another for others."""
    found = next(level.iter(f"{W}numFmt"), None)
    if value(found) == "custom" and found is not None:
        return str(found.get(f"{W}format") or "custom")
    return value(found) or "decimal"


def _font(level: Any) -> str:
    fonts = level.find(f"{W}rPr/{W}rFonts")
    return "" if fonts is None else str(fonts.get(f"{W}ascii") or fonts.get(f"{W}hAnsi") or "")


def _child(element: Any, tag: str) -> str:
    return value(element.find(f"{W}{tag}"))
