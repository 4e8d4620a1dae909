"""Selectors: how a person names a part of a deposit, and what that is in its index.

What can be typed is the table `FORMS` in `grammar`, in the order in which it is tried; in front of any
of it may stand a document or a part that it lies in: `DOCUMENT: words`, `message 4: list.xlsx`,
`message 5/Subject`; or `marked`, a text with marked changes. The first form that fits decides, and
where nothing is found under it, nothing is found: no form falls back to another. Only words are looked
for in three places, and which it was is said. Case, width and the number of spaces do not count. Labels
are hints that nothing vouches for, so what will be opened is shown first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.company.disclosing.contents import MARKED, Contents, Group, Target
from ledger.company.disclosing.finders import (
    Scope,
    by_address,
    by_bytes,
    by_called,
    by_date,
    by_end,
    by_field,
    by_metadata,
    by_name,
    by_number,
)
from ledger.company.disclosing.grammar import (
    ADDRESS,
    BYTES,
    CLAUSE,
    DATE,
    FIELD,
    METADATA,
    NAME,
    NUMBER,
    WORDS,
    marked,
    parse_clause,
    parse_numbered,
    scopes,
)
from ledger.company.disclosing.misses import why_nothing
from ledger.company.disclosing.searching import by_clause, by_text, by_title, by_words
from ledger.dates import is_typed_date, parse_typed_date
from ledger.errors import InvalidInput
from ledger.quoted import quoted
from ledger.reading.shown import fold

MAX_CANDIDATES = 5
"""Parts that an ambiguous selector is told to choose from."""

PLACE, TITLE, CALLED, TEXT, BLOCK = "place", "title", "words in names", "words in the text", "block"
"""What was found by, beside the names of forms: a document or part with nothing asked of it; the
three places of words; a block of rows or lines, for fewer of them."""


class Ambiguous(InvalidInput):
    """A selector fits several parts; `candidates` are what to type for the first, with labels."""

    def __init__(self, selector: str, groups: Sequence[Group], contents: Contents) -> None:
        shown = groups[:MAX_CANDIDATES]
        self.candidates = tuple(
            (contents.typed(each, selector), contents.label(each[0])) for each in shown
        )
        self.selector, self.count = selector, len(groups)
        typed = ", ".join(str(quoted(typed)) for typed, _ in self.candidates)
        more = "" if len(shown) == len(groups) else f" and {len(groups) - len(shown)} more"
        super().__init__(
            f"{quoted(selector)} fits {len(groups)} parts: {typed}{more}. Type one of these."
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What a selector may mean, and `by` which form or in which place of words it was found."""

    by: str
    groups: list[Group]
    scope: Sequence[int]
    """The documents that it is about."""
    wanted: str
    """What it asks of them, folded."""


def resolve(selector: str, contents: Contents) -> Group:
    """Return the one thing that `selector` means. Raises InvalidInput for none, else Ambiguous."""
    return resolved(selector, contents).groups[0]


def resolved(selector: str, contents: Contents) -> Found:
    """Return the one thing that `selector` means, and by what. Raises as `resolve`."""
    found = read(selector, contents)
    if not found.groups:
        raise InvalidInput(why_nothing(selector, found.by, found.wanted, found.scope, contents))
    if len(found.groups) > 1:
        raise Ambiguous(selector, found.groups, contents)
    return found


def find(words: str, contents: Contents) -> list[Group]:
    """Return everything that `words` may mean, under the form that decides."""
    return read(words, contents).groups


def read(typed: str, contents: Contents) -> Found:
    """Return what was typed, by the form that decides."""
    everything = Scope(contents, range(len(contents.records)))
    inner = marked(typed)
    # Between quotation marks stands what this program has printed, or else words as they are.
    found = _read(typed if inner is None else inner, everything, printed=inner is not None)
    if inner is not None and not found.groups:
        found = _words(everything, fold(inner))
    return replace(found, groups=contents.unmarked(found.groups))


def _read(typed: str, scope: Scope, printed: bool = False) -> Found:
    wanted = fold(typed)
    if found := _formed(scope, wanted, printed):
        return found
    below = None
    for place, rest, as_path in scopes(typed):
        inner = _place(scope, fold(marked(place) or place))
        if inner is None:
            continue
        asked = fold(rest)
        if not as_path:
            return _all_of(inner, asked) if not asked else _within(inner, rest, printed)
        found = _formed(inner, asked, printed) or _called(inner, asked)
        if found and found.groups:
            return found
        if inner.part:
            below = found or Found(NAME, [], scope.documents, wanted)
    if found := _called(scope, wanted):
        return found
    if groups := by_title(scope, wanted):
        return Found(TITLE, groups, scope.documents, wanted)
    if below or printed:
        return below or Found(WORDS, [], scope.documents, wanted)
    if parse_numbered(wanted):
        return Found(NUMBER, [], scope.documents, wanted)
    return _words(scope, wanted)


def _within(scope: Scope, typed: str, printed: bool) -> Found:
    """Return what is asked of a place; where it stands between quotation marks, words."""
    inner = marked(typed)
    return _read(typed, scope, printed) if inner is None else _words(scope, fold(inner))


def _formed(scope: Scope, wanted: str, printed: bool) -> Found | None:
    """Return what is found by the first form that fits but for words, None where none fits."""

    def found(by: str, groups: list[Group]) -> Found:
        return Found(by, groups, scope.documents, wanted)

    if not wanted:
        return found(WORDS, [])
    if groups := by_name(scope, wanted):
        return found(NAME, groups)
    if printed and (called := _called(scope, wanted)):
        return called
    if (numbered := by_number(scope, wanted)) is not None:
        return found(BLOCK if numbered[0] and numbered[1] else NUMBER, numbered[1])
    if (spans := by_bytes(scope, wanted)) is not None:
        return found(BYTES, spans)
    if (stated := by_metadata(scope, wanted)) is not None:
        return found(METADATA, stated)
    if groups := by_end(scope, wanted):
        return found(NAME, groups)
    if printed:
        return None
    if (fields := by_field(scope, wanted)) is not None:
        return found(FIELD, fields)
    if is_typed_date(wanted):
        return found(DATE, by_date(scope, parse_typed_date(wanted)))
    if (letters := by_address(scope, wanted)) is not None:
        return found(ADDRESS, letters)
    if clause := parse_clause(wanted):
        return found(CLAUSE, by_clause(scope, clause))
    return None


def _called(scope: Scope, wanted: str) -> Found | None:
    """Return members and attachments of that name: last, as a sender may call one like a form."""
    groups = by_called(scope, wanted) if wanted else []
    return Found(NAME, groups, scope.documents, wanted) if groups else None


def _words(scope: Scope, wanted: str) -> Found:
    for by, look in ((TITLE, by_title), (CALLED, by_words), (TEXT, by_text)):
        if wanted and (groups := look(scope, wanted)):
            return Found(by, groups, scope.documents, wanted)
    return Found(WORDS, [], scope.documents, wanted)


def _place(scope: Scope, named: str) -> Scope | None:
    """Return what a beginning of a selector names: documents with what was made of them, or a part."""
    contents = scope.contents
    if named == MARKED:
        texts = [each for each in scope.documents if contents.is_marked(each)]
        return Scope(contents, texts) if texts else None
    numbered = by_number(scope, named)
    groups = numbered[1] if numbered else _named(scope, named)
    if not groups or any(len(group) > 1 for group in groups):
        return None
    targets = [group[0] for group in groups]
    documents = [each.document for each in targets if each.document is not None and not each.part]
    if documents and not scope.part:
        return Scope(contents, [*documents, *contents.renditions(documents)])
    (target, *more) = targets
    if more or not target.part or target.document is None:
        return None
    return Scope(contents, [target.document], target.part)


def _named(scope: Scope, named: str) -> list[Group]:
    return by_name(scope, named) or by_end(scope, named) or by_called(scope, named)


def _all_of(scope: Scope, typed: str) -> Found:
    if scope.part:
        return Found(PLACE, [(Target(scope.documents[0], scope.part),)], scope.documents, typed)
    return Found(PLACE, [(Target(each),) for each in scope.originals], scope.documents, typed)
