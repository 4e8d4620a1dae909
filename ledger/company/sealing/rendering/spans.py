"""Stretches of a paragraph that look alike, and how they are written in one line of text.

~~12,000~~       struck through          10⁶, H₂O, 2^(nd)    raised and lowered
{+9,500+}        inserted and tracked    [-12,000-]          deleted and tracked: the marked view only
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ledger.company.sealing.rendering.scripts import scripted
from ledger.company.sealing.rendering.styles import Look
from ledger.company.sealing.rendering.wordml import W

INSERTED, DELETED, MOVED_TO, MOVED_FROM = "insertions", "deletions", "moves", "moved from"
_GONE = (DELETED, MOVED_FROM)
_KINDS = {
    f"{W}ins": INSERTED,
    f"{W}del": DELETED,
    f"{W}moveTo": MOVED_TO,
    f"{W}moveFrom": MOVED_FROM,
    f"{W}cellIns": INSERTED,
    f"{W}cellDel": DELETED,
}
_MARKS = {
    INSERTED: ("{+", "+}"),
    MOVED_TO: ("{+", "+}"),
    DELETED: ("[-", "-]"),
    MOVED_FROM: ("[-", "-]"),
}
PLAIN = Look()


@dataclass(frozen=True, slots=True)
class Change:
    """A tracked change: what was done, by whom and when, as the file states it."""

    kind: str
    author: str
    date: str

    @property
    def common(self) -> tuple[str, str]:
        """What neighbours that count as one change have in common."""
        return self.kind, self.author


Changes = tuple[Change, ...]
"""From the outer to the inner."""


def change_of(element: Any) -> Change | None:
    """Return the change that an element is, None for any other element."""
    if (kind := _KINDS.get(element.tag)) is None:
        return None
    return Change(kind, element.get(f"{W}author") or "", element.get(f"{W}date") or "")


def changes_in(properties: Any | None) -> Changes:
    """Return the changes that the properties of a paragraph's mark, a row or a cell state."""
    children = () if properties is None else properties.iterchildren(*_KINDS)
    return tuple(filter(None, map(change_of, children)))


def are_gone(changes: Changes) -> bool:
    """Return whether something with these changes is deleted, or moved to elsewhere."""
    return any(each.kind in _GONE for each in changes)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text."""

    text: str
    look: Look = PLAIN
    changes: Changes = ()

    @property
    def gone(self) -> bool:
        """Whether it is deleted, or moved to elsewhere."""
        return are_gone(self.changes)


def accepted(spans: Iterable[Span]) -> str:
    """Return the text with its changes taken as accepted, without what is hidden."""
    return _written(each for each in spans if not each.gone)


def marked(spans: Iterable[Span]) -> str:
    """Return the text with its changes marked, without what is hidden."""
    text = ""
    for kinds, group in groupby(spans, lambda each: tuple(change.kind for change in each.changes)):
        inner = _written(group)
        for kind in reversed(kinds):
            begin, end = _MARKS[kind]
            inner = _around(begin, inner, end)
        text += inner
    return text


def _written(spans: Iterable[Span]) -> str:
    seen = (each for each in spans if not each.look.hidden)
    text = ""
    for struck, group in groupby(seen, lambda each: each.look.struck):
        inner = "".join(
            scripted(place, "".join(each.text for each in run))
            if place
            else "".join(each.text for each in run)
            for place, run in groupby(group, lambda each: each.look.place)
        )
        text += _around("~~", inner, "~~") if struck else inner
    return text


def _around(begin: str, text: str, end: str) -> str:
    """Return `text` between marks, spaces around it outside; nothing but spaces stays as it is."""
    inner = text.strip()
    if not inner:
        return text
    start = text.index(inner)
    return text[:start] + begin + inner + end + text[start + len(inner) :]
