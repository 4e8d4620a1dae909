"""Names of Open XML, and what its attributes say."""

from collections.abc import Iterator
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/picture}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
CHART_EX = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"
DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
SHAPE = "{http://schemas.microsoft.com/office/word/2010/wordprocessingShape}"
V = "{urn:schemas-microsoft-com:vml}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"

TEXTS = (
    f"{W}t",
    f"{W}delText",
    f"{W}instrText",
    f"{W}delInstrText",
    f"{W}sym",
    f"{M}t",
    f"{A}t",
    f"{V}textpath",
)
"""Elements that hold characters."""

_KNOWN_FORMS = frozenset(
    {"wps", "wpg", "wpc", "wpi", "wp14", "w14", "w15", "w16se", "w16cid", "w16", "w16cex", "w16sdtdh",
     "w16du", "a14", "aink", "am3d", "am3d1", "cx", "cx1", "cx2", "cx3", "cx4", "cx5", "cx6", "cx7",
     "cx8", "c14", "c16r2", "ma", "v", "o", "w10", "wne"}
)  # fmt: skip
"""Prefixes of what Word of today knows, so that it shows a form that requires them."""


def value(element: Any | None) -> str:
    """Return the attribute `val` of an element, "" without one."""
    return "" if element is None else str(element.get(f"{W}val", ""))


def is_on(element: Any | None) -> bool:
    """Return whether a property that is either on or off is on."""
    return element is not None and value(element) not in ("0", "false", "off")


def number(text: str | None, default: int = 0) -> int:
    """Return a whole number that an attribute states, `default` where it states none."""
    try:
        return int(text or default)
    except ValueError:
        return default


def is_hexadecimal(text: str) -> bool:
    """Return whether an attribute states a character's number."""
    return 0 < len(text) <= 6 and set(text) <= set("0123456789abcdefABCDEF")


def holds_text(element: Any) -> bool:
    """Return whether one of TEXTS holds any characters."""
    if element.tag == f"{W}sym":
        return True
    if element.tag == f"{V}textpath":
        return bool((element.get("string") or "").strip())
    return bool((element.text or "").strip())


def texts_in(element: Any) -> int:
    """Return how many elements in it hold characters."""
    return sum(map(holds_text, element.iter(*TEXTS)))


def forms(alternatives: Any) -> Iterator[Any]:
    """Yield the forms of one content, the one that Word shows first."""
    shown = None
    every = list(alternatives.iterchildren(f"{MC}Choice", f"{MC}Fallback"))
    for each in every:
        required = (each.get("Requires") or "").split()
        if each.tag == f"{MC}Fallback" or _KNOWN_FORMS.issuperset(required):
            shown = each
            break
    if shown is not None:
        yield shown
    yield from (each for each in every if each is not shown)
