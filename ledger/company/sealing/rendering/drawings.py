"""What stands in a drawing: pictures and shapes are counted, text boxes are read by the reader."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ledger.company.sealing.rendering.wordml import (
    CHART,
    CHART_EX,
    DIAGRAM,
    MC,
    PICTURE,
    SHAPE,
    TEXTS,
    V,
    W,
)

_O = "{urn:schemas-microsoft-com:office:office}"
_COUNTED = {
    f"{PICTURE}pic": "pictures",
    f"{V}imagedata": "pictures",
    f"{CHART}chart": "charts",
    f"{CHART_EX}chart": "charts",
    f"{DIAGRAM}relIds": "diagrams",
    f"{W}control": "objects",
}
_SHAPES = frozenset(
    f"{V}{tag}"
    for tag in ("shape", "rect", "roundrect", "oval", "line", "polyline", "curve", "arc")
) | {f"{SHAPE}wsp"}


@dataclass(slots=True)
class Drawn:
    """How many of what there are, the text boxes, WordArt that is shown as text, and text left out."""

    counts: Counter[str] = field(default_factory=Counter)
    boxes: list[Any] = field(default_factory=list)
    words: list[Any] = field(default_factory=list)
    unread: list[Any] = field(default_factory=list)


def drawn(element: Any, form: Callable[[Any], Any | None]) -> Drawn:
    """Return what stands in a drawing; `form` chooses among several forms of one content."""
    found = Drawn()
    if element.tag in (f"{W}object", f"{W}contentPart"):
        found.counts["objects" if element.tag == f"{W}object" else "drawings"] += 1
        found.unread += element.iter(*TEXTS)
        return found
    for each in _walk(element, form):
        if each.tag in _COUNTED:
            found.counts[_COUNTED[each.tag]] += 1
        elif each.tag == f"{W}txbxContent":
            found.boxes.append(each)
        elif each.tag == f"{V}textpath":
            found.words.append(each)
        elif each.tag in TEXTS:
            found.unread.append(each)
        elif each.tag in _SHAPES and _is_bare(each):
            found.counts["drawings"] += 1
    if found.unread and not found.counts:
        found.counts["drawings"] += 1
    return found


def _walk(element: Any, form: Callable[[Any], Any | None]) -> Iterator[Any]:
    for child in element.iterchildren(tag="*"):
        if child.tag == f"{MC}AlternateContent":
            if (chosen := form(child)) is not None:
                yield from _walk(chosen, form)
            continue
        yield child
        if child.tag != f"{W}txbxContent":
            yield from _walk(child, form)


def _is_bare(shape: Any) -> bool:
    """Return whether a shape shows neither text nor a picture; a line across the page is no drawing."""
    if shape.get(f"{_O}hr"):
        return False
    holds = (f"{W}txbxContent", f"{V}imagedata", f"{V}textpath")
    return next(shape.iter(*holds), None) is None
