"""What a rendition says of itself: what of its original it leaves out, marks, or shows otherwise.

A remark is a word of a list that docs/formats.md keeps (section 10), how often, and where it matters
who and when: names and times that the original itself states. No sentence travels: whoever reads one
says it in sentences of their own, and shows a word that they do not know as such.

    remark = [what: word, count: 1.., names: [* tstr], more: uint, when: null / [first: int, last: int]]
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain.statement import is_count

MAX_REMARKS = 64
"""Remarks of one rendition, each of another word."""
MAX_NAMES = 8
"""Names in a remark; of more it says how many."""
MAX_NAME = 160
"""UTF-8 bytes of such a name."""

_WORD = re.compile("[a-z]{1,24}(?:-[a-z]{1,24}){0,4}")
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""The years that a date can have, 1 to 9999, in POSIX seconds."""


@dataclass(frozen=True, slots=True)
class Remark:
    """`what` (a word of the list), `count` times; `names`, and `more` that are left out, and the first
    and the last time in POSIX seconds, as the original states them."""

    what: str
    count: int
    names: tuple[str, ...] = ()
    more: int = 0
    when: tuple[int, int] | None = None


def remark_values(remarks: Sequence[Remark]) -> list[list[Any]]:
    """Return remarks as they stand in a rendition's statement."""
    return [
        [each.what, each.count, list(each.names), each.more, each.when and list(each.when)]
        for each in remarks
    ]


def remark_facts(remark: Remark) -> dict[str, Any]:
    """Return a remark by name, for a machine; times in POSIX seconds."""
    first, last = remark.when or (None, None)
    return {
        "what": remark.what,
        "count": remark.count,
        "names": list(remark.names),
        "more_names": remark.more,
        "first": first,
        "last": last,
    }


def parse_remarks(values: Sequence[Any]) -> tuple[Remark, ...]:
    """Return what `remark_values` has made. For values that `are_remarks` has accepted."""
    return tuple(
        Remark(what, count, tuple(names), more, when and (when[0], when[1]))
        for what, count, names, more, when in values
    )


def are_remarks(values: Any) -> bool:
    """Return whether a rendition may state these: each word once."""
    return (
        isinstance(values, list)
        and len(values) <= MAX_REMARKS
        and all(map(_is_remark, values))
        and len({each[0] for each in values}) == len(values)
    )


def _is_remark(value: Any) -> bool:
    match value:
        case [str(what), count, list(names), more, when]:
            return (
                _WORD.fullmatch(what) is not None
                and is_count(count)
                and count > 0
                and len(names) <= MAX_NAMES
                and all(map(_is_name, names))
                and len(set(names)) == len(names)
                and is_count(more)
                and (not more or len(names) == MAX_NAMES)
                and (when is None or _is_when(when))
            )
    return False


def _is_name(value: Any) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        return False
    try:
        return len(value.encode()) <= MAX_NAME
    except UnicodeEncodeError:
        return False


def _is_when(value: Any) -> bool:
    match value:
        case [int(first), int(last)]:
            no_bool = not isinstance(first, bool) and not isinstance(last, bool)
            return no_bool and _FIRST <= first <= last <= _LAST
    return False
