"""How a run of text looks: what the run, its styles and the document's defaults say together.

ECMA-376 part 1, 17.7: the run itself comes first, then its character style, then the paragraph's style,
each with those that it is based on, then the defaults. What a style switches on (17.7.3) another
switches off again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.company.sealing.rendering.wordml import W, is_on, number, value

_ASKED = tuple(
    f"{W}{tag}"
    for tag in ("vanish", "strike", "dstrike", "vertAlign", "position", "color", "sz", "rFonts", "shd",
                "highlight")
)  # fmt: skip
_RAISED = 6
"""Half points above or below the line from which on it means something: what Word offers first."""
_TINY = 4
"""Half points of a type size that nobody reads."""
_NO_FILL = ("", "auto", "FFFFFF")
_MOST_LOOKS = 10_000
_Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """What of a run's look changes what it says. `place` is "^" above the line, "_" below it."""

    hidden: bool = False
    struck: bool = False
    place: str = ""
    faint: bool = False
    font: str = ""
    white: bool = False


class Styles:
    """The styles of a document."""

    def __init__(self, root: Any) -> None:
        self._styles = {
            style.get(f"{W}styleId", ""): style for style in root.iterchildren(f"{W}style")
        }
        self._default = next((key for key, each in self._styles.items() if _is_default(each)), "")
        self._defaults = _properties(root.find(f"{W}docDefaults/{W}rPrDefault/{W}rPr"))
        self._paragraphs: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._runs: dict[str, _Properties] = {}
        self._looks: dict[tuple[Any, ...], Look] = {}

    def paragraph(self, style: str, tag: str) -> tuple[Any, ...]:
        """Return the elements `tag` of a paragraph style and of those below it, the nearest first."""
        style = style or self._default
        if (style, tag) not in self._paragraphs:
            found = (each.iterfind(f"{W}pPr/{W}{tag}") for each in self._chain(style))
            self._paragraphs[style, tag] = tuple(element for each in found for element in each)
        return self._paragraphs[style, tag]

    def look(self, style: str, own: Any | None) -> Look:
        """Return the look of a run with the properties `own` in a paragraph of a style."""
        style = style or self._default
        stated = () if own is None else own.iterchildren(f"{W}rStyle", *_ASKED)
        key = (style, *((each.tag, *each.attrib.items()) for each in stated))
        if (found := self._looks.get(key)) is None:
            found = self._look(style, own)
            # Whether white is seen depends on what is around the run.
            if not found.white and len(self._looks) < _MOST_LOOKS:
                self._looks[key] = found
        return found

    def _look(self, style: str, own: Any | None) -> Look:
        direct = _properties(own)
        character = self._run(value(own.find(f"{W}rStyle")) if own is not None else "")
        paragraph = self._run(style)

        def toggled(tag: str) -> bool:
            if f"{W}{tag}" in direct:
                return is_on(direct[f"{W}{tag}"])
            above, below = (is_on(each.get(f"{W}{tag}")) for each in (character, paragraph))
            return is_on(self._defaults.get(f"{W}{tag}")) or above != below

        def nearest(tag: str) -> Any | None:
            for each in (direct, character, paragraph, self._defaults):
                if f"{W}{tag}" in each:
                    return each[f"{W}{tag}"]
            return None

        fonts = nearest("rFonts")
        return Look(
            hidden=toggled("vanish"),
            struck=toggled("strike") or is_on(nearest("dstrike")),
            place=_place(nearest("vertAlign"), nearest("position")),
            faint=_is_faint(
                nearest("color"), nearest("sz"), nearest("shd"), nearest("highlight"), own
            ),
            font=""
            if fonts is None
            else str(fonts.get(f"{W}ascii") or fonts.get(f"{W}hAnsi") or ""),
            white=value(nearest("color")).upper() == "FFFFFF",
        )

    def _run(self, style: str) -> _Properties:
        if style not in self._runs:
            found: dict[str, Any] = {}
            for each in self._chain(style):
                found = {**_properties(each.find(f"{W}rPr")), **found}
            self._runs[style] = found
        return self._runs[style]

    def _chain(self, style: str) -> Iterator[Any]:
        seen = set()
        while style in self._styles and style not in seen:
            seen.add(style)
            yield self._styles[style]
            style = value(self._styles[style].find(f"{W}basedOn"))


def _properties(element: Any | None) -> dict[str, Any]:
    return {} if element is None else {each.tag: each for each in element.iterchildren(*_ASKED)}


def _place(aligned: Any | None, position: Any | None) -> str:
    if aligned is not None:
        return {"superscript": "^", "subscript": "_"}.get(value(aligned), "")
    raised = number(value(position))
    return "^" if raised >= _RAISED else "_" if raised <= -_RAISED else ""


def _is_faint(
    color: Any | None, size: Any | None, shade: Any | None, marker: Any | None, own: Any | None
) -> bool:
    ink = value(color).upper()
    if 0 < number(value(size), _TINY + 1) <= _TINY or (
        value(marker) == "black" and ink in ("", "AUTO", "000000")
    ):
        return True
    fill = "" if shade is None else str(shade.get(f"{W}fill") or "").upper()
    if fill not in ("", "AUTO", "FFFFFF"):
        return ink == fill
    return ink == "FFFFFF" and not _is_on_color(own)


def _is_on_color(own: Any | None) -> bool:
    """Return whether a run stands in a cell or a paragraph that is filled with a colour."""
    for each in () if own is None else own.iterancestors(f"{W}p", f"{W}tc"):
        shade = each.find(f"{W}pPr/{W}shd" if each.tag == f"{W}p" else f"{W}tcPr/{W}shd")
        if shade is not None and shade.get(f"{W}fill") not in _NO_FILL:
            return True
    return False


def _is_default(style: Any) -> bool:
    return style.get(f"{W}type") == "paragraph" and style.get(f"{W}default") in ("1", "true", "on")
