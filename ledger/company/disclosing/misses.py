"""Why a selector fits nothing, and what comes near it: what to say to whoever typed it.

Only what the index holds is looked at, so this costs nothing from the notary.
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from ledger.company.disclosing.contents import Contents, short_path
from ledger.company.disclosing.grammar import ADDRESS, CLAUSE, DATE, FIELD, parse_numbered
from ledger.company.noting import noted, sentences
from ledger.quoted import Message, quoted
from ledger.reading.shown import fold

MAX_COMPARED = 4000
"""Names that are compared with what was typed: a fraction of a second."""
_NEAR = 3
_PAGE = "page"


_PARTS: Message = "`sealbook parts ID` shows what can be opened"
_QUOTE: Message = "put words that stand in the text between quotation marks"
_OF_LETTERS: dict[str, Message] = {
    FIELD: "no letter here has that header field",
    DATE: "no letter here states that date",
    ADDRESS: "no letter here has that address or message id",
    CLAUSE: "no paragraph here begins with that clause",
}


def why_nothing(
    selector: str, by: str, wanted: str, scope: Sequence[int], contents: Contents
) -> str:
    """Return what to say of a selector under whose form `by` nothing was found.

    `scope` are the documents that it is about, `wanted` is what it asks of them, folded.
    """
    said = [_nothing(selector)]
    if by in _OF_LETTERS:
        return "; ".join([*said, _OF_LETTERS[by], _QUOTE]) + f". {_PARTS}."
    asked = parse_numbered(wanted)
    kinds = asked.kinds if asked else ()
    before = asked.before if asked else ""
    counts = {
        kind: max((_count(contents, each, before, kind) for each in scope), default=0)
        for kind in kinds
    }
    kind = max(counts, key=counts.__getitem__, default="")
    count = counts.get(kind, 0)
    reversed_ = asked is not None and any(last < first for first, last in asked.ranges)
    said += filter(None, [_hint(f"{before}{kind} {count}" if count else "", kind, reversed_)])
    if not count and kind != _PAGE and (near := _near(contents, scope, wanted)):
        said.append(_near_it(", ".join(str(quoted(each)) for each in near)))
    reasons = ""
    unsplit = next((each for each in scope if contents.records[each].unsplit), None)
    if unsplit is not None and all(not contents.index[each].parts for each in scope):
        record = contents.records[unsplit]
        said.append(_unsplit(record.name))
        reasons = sentences(noted([record])) + " "
    return "; ".join(said) + f". {reasons}{_PARTS}."


def _nothing(selector: str) -> Message:
    return f"Nothing fits {quoted(selector)}"


def _hint(last: str, kind: str, reversed_: bool) -> Message:
    if last:
        return "the smaller number comes first" if reversed_ else f"the last is {quoted(last)}"
    return "no pages were rendered at this deposit" if kind == _PAGE else ""


def _near_it(near: str) -> Message:
    return f"near it: {near}"


def _unsplit(name: str) -> Message:
    return f"{quoted(name)} was not split"


def _count(contents: Contents, document: int, before: str, kind: str) -> int:
    """Return the largest number that a part of this kind has there."""
    made = contents.records[document].rendition
    if kind == _PAGE and not before and made is not None and made.kind == _PAGE:
        return made.total
    start = f"{before}{kind} "
    rests = (
        path.removeprefix(start).partition(":")[0]
        for path in contents.folded(document).paths
        if path.startswith(start)
    )
    return max((int(each) for each in rests if each.isdecimal() and len(each) < 10), default=0)


def _near(contents: Contents, scope: Sequence[int], wanted: str) -> list[str]:
    names: dict[str, str] = {}
    for name in _names(contents, scope):
        if len(names) == MAX_COMPARED:
            break
        if name:
            names.setdefault(fold(name), name)
    return [names[each] for each in get_close_matches(wanted, names, _NEAR, 0.75)]


def _names(contents: Contents, scope: Sequence[int]) -> Iterator[str]:
    """Yield what could have been meant, the likeliest first."""
    for each in scope:
        if not contents.made(each):
            yield contents.records[each].name
            yield contents.records[each].name.rpartition("/")[2]
    for each in scope:
        for part in contents.index[each].parts:
            path = short_path(part.path)
            yield from (part.label.split(" · ")[0], path, path.partition("/")[2])
