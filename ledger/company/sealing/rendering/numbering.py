"""The numbers that Word gives to headings, clauses and list items: no text of a paragraph has them.

ECMA-376 part 1, 17.9: a paragraph names a numbering (`numId`) and a level in it; numberings of the same
abstract numbering count on together. A level that has not been reached counts as one less than its
start, as Word shows it: "0.1".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_MAX_TEXT = 100
"""Characters of a level's pattern; what is longer is no number."""
_MAX_WORDS = 5_000
"""Up to here numbers are written in letters, Roman or Chinese; beyond, in digits."""
_PLACE = re.compile("%([1-9])")
_ROMAN = {
    "m": 1000, "cm": 900, "d": 500, "cd": 400, "c": 100, "xc": 90, "l": 50, "xl": 40, "x": 10,
    "ix": 9, "v": 5, "iv": 4, "i": 1,
}  # fmt: skip
_CHINESE = "零一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    format: str
    text: str
    legal: bool
    restarts: bool


class Numbering:
    """Counts. Ask for each paragraph once, in order."""

    def __init__(self, root: Any | None) -> None:
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
                    self._overrides[identifier, int(override.get(f"{W}ilvl", "0"))] = int(start)
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
            return "•"

        def number(place: re.Match[str]) -> str:
            asked = int(place[1]) - 1
            if asked not in levels:
                return ""
            count = counts.get(asked, levels[asked].start - 1)
            return _format(count, "decimal" if level.legal else levels[asked].format)

        return _PLACE.sub(number, level.text[:_MAX_TEXT]).strip()


def _levels(element: Any) -> dict[int, _Level]:
    return {
        int(level.get(f"{W}ilvl", "0")): _Level(
            start=int(_child(level, "start") or 0),
            format=_child(level, "numFmt") or "decimal",
            text=_child(level, "lvlText"),
            legal=level.find(f"{W}isLgl") is not None,
            restarts=_child(level, "lvlRestart") != "0",
        )
        for level in element.iterchildren(f"{W}lvl")
    }


def _child(element: Any, tag: str) -> str:
    found = element.find(f"{W}{tag}")
    return "" if found is None else str(found.get(f"{W}val", ""))


def _format(number: int, kind: str) -> str:
    if kind == "none":
        return ""
    if not 0 < number <= _MAX_WORDS:
        return str(number)
    if kind in ("lowerLetter", "upperLetter"):
        # After z comes aa, then bb.
        letters = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letters.upper() if kind == "upperLetter" else letters
    if kind in ("lowerRoman", "upperRoman"):
        return _roman(number).upper() if kind == "upperRoman" else _roman(number)
    if kind in (
        "chineseCounting",
        "chineseCountingThousand",
        "japaneseCounting",
        "taiwaneseCounting",
    ):
        return _chinese(number)
    return f"{number:02}" if kind == "decimalZero" else str(number)


def _roman(number: int) -> str:
    text = ""
    for letters, value in _ROMAN.items():
        text += letters * (number // value)
        number %= value
    return text


def _chinese(number: int) -> str:
    text, zero = "", False
    for unit, sign in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit:
            text += ("零" if zero and text else "") + _CHINESE[digit] + sign
            zero = False
        else:
            zero = True
    return text[1:] if text.startswith("一十") else text
