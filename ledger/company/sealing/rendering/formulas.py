"""Formulas of Office (OMML, ECMA-376 part 1, 22.1) in one line: (1)/(2), 2¹⁰, √(x), ∑_(i=1)^(n)(i)."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ledger.company.sealing.rendering.scripts import scripted
from ledger.company.sealing.rendering.wordml import M

_BAR = "\u0305"


def formula(element: Any, text: Callable[[Any], str]) -> str:
    """Return a formula, or any part of one, in a line. `text` reads the characters, and what is no
    element of formulas."""
    return "".join(_pieces(element, text))


def _pieces(element: Any, text: Callable[[Any], str]) -> Iterator[str]:
    for child in element.iterchildren(tag="*"):
        if not child.tag.startswith(M) or child.tag == f"{M}t":
            yield text(child)
        elif child.tag == f"{M}m":
            rows = child.iterchildren(f"{M}mr")
            yield "[" + "; ".join(", ".join(_inner(row, text, "e")) for row in rows) + "]"
        elif read := _READ.get(child.tag.removeprefix(M)):
            yield read(child, partial(_inner, child, text))
        elif not child.tag.endswith("Pr"):
            yield from _pieces(child, text)


def _inner(of: Any, text: Callable[[Any], str], tag: str) -> list[str]:
    return [formula(each, text) for each in of.iterchildren(f"{M}{tag}")]


_Inner = Callable[[str], list[str]]


def _one(inner: _Inner, tag: str) -> str:
    return "".join(inner(tag))


def _property(element: Any, tag: str, default: str) -> str:
    """Return what a property states: `default` where there is none, "" where it is empty."""
    found = next((each for each in element.iterchildren() if str(each.tag).endswith("Pr")), None)
    stated = None if found is None else found.find(f"{M}{tag}")
    return default if stated is None else str(stated.get(f"{M}val", ""))


def _fraction(element: Any, inner: _Inner) -> str:
    if _property(element, "type", "bar") == "noBar":
        return f"(({_one(inner, 'num')}) over ({_one(inner, 'den')}))"
    return f"({_one(inner, 'num')})/({_one(inner, 'den')})"


def _above(_: Any, inner: _Inner) -> str:
    return _one(inner, "e") + scripted("^", _one(inner, "sup"))


def _below(_: Any, inner: _Inner) -> str:
    return _one(inner, "e") + scripted("_", _one(inner, "sub"))


def _both(_: Any, inner: _Inner) -> str:
    scripts = scripted("_", _one(inner, "sub")) + scripted("^", _one(inner, "sup"))
    return _one(inner, "e") + scripts


def _before(_: Any, inner: _Inner) -> str:
    return scripted("_", _one(inner, "sub")) + scripted("^", _one(inner, "sup")) + _one(inner, "e")


def _root(_: Any, inner: _Inner) -> str:
    degree = _one(inner, "deg").strip()
    return (scripted("^", degree) if degree else "") + f"√({_one(inner, 'e')})"


def _sum(element: Any, inner: _Inner) -> str:
    lower, upper = (_one(inner, tag).strip() for tag in ("sub", "sup"))
    limits = (f"_({lower})" if lower else "") + (f"^({upper})" if upper else "")
    return f"{_property(element, 'chr', '∫')}{limits}({_one(inner, 'e')})"


def _brackets(element: Any, inner: _Inner) -> str:
    separator = _property(element, "sepChr", "|")
    return (
        _property(element, "begChr", "(")
        + separator.join(inner("e"))
        + _property(element, "endChr", ")")
    )


def _function(_: Any, inner: _Inner) -> str:
    return f"{_one(inner, 'fName')}({_one(inner, 'e')})"


def _lower_limit(_: Any, inner: _Inner) -> str:
    return f"{_one(inner, 'e')}_({_one(inner, 'lim')})"


def _upper_limit(_: Any, inner: _Inner) -> str:
    return f"{_one(inner, 'e')}^({_one(inner, 'lim')})"


def _accent(element: Any, inner: _Inner) -> str:
    mark, under = _property(element, "chr", "\u0302"), _one(inner, "e")
    return under + mark if len(under) == 1 else f"({under}){mark}"


def _bar(_: Any, inner: _Inner) -> str:
    under = _one(inner, "e")
    return under + _BAR if len(under) == 1 else f"({under}){_BAR}"


def _group(element: Any, inner: _Inner) -> str:
    return f"{_property(element, 'chr', '⏟')}({_one(inner, 'e')})"


def _lines(_: Any, inner: _Inner) -> str:
    return "; ".join(inner("e"))


_READ: dict[str, Callable[[Any, _Inner], str]] = {
    "f": _fraction,
    "sSup": _above,
    "sSub": _below,
    "sSubSup": _both,
    "sPre": _before,
    "rad": _root,
    "nary": _sum,
    "d": _brackets,
    "func": _function,
    "limLow": _lower_limit,
    "limUpp": _upper_limit,
    "acc": _accent,
    "bar": _bar,
    "groupChr": _group,
    "eqArr": _lines,
}
