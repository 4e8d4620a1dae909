"""Selectors: how a person names a part of a deposit, and what that is in its index.

    message 7      message 7/body      message 7-9      part 2.1     a path, as `sealbook parts` has it
    page 3         page 3-4                             pages as rendered at the deposit
    list.txt       annexes/list.txt    document 2       a document, an archive's member; a position
    Re: pricing                                         a subject, a heading, first words: all or some
    bytes 100-199                                       positions from 0, both ends included
    header Subject                     field modified   a header field; a field of the metadata
    title       dkim      cover dkim-1                  fields of the cover that begin so; one of them
    DOCUMENT: any of these       marked: any of these   in a document; in a text with marked changes

The readings are tried in the order of `_READINGS`, and the first one under which anything fits counts.
Words in the content itself are looked for only where nothing else fits. Case, width and the number of
spaces do not count. Labels are hints that nothing vouches for, so what will be opened is shown first.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from ledger.company.disclosing.contents import COVER, MARKED, Contents, Folded, Group, Target
from ledger.company.disclosing.misses import why_nothing
from ledger.company.disclosing.readings import texts_in
from ledger.errors import InvalidInput
from ledger.evidence.manifest import in_family
from ledger.evidence.records import metadata_fields
from ledger.quoted import quoted
from ledger.reading.shown import fold

MAX_SEARCH = 256 << 20
"""Bytes of documents that are read to find words: some seconds, also from the notary."""
MAX_CANDIDATES = 5
"""Parts that an ambiguous selector is told to choose from."""

SEPARATOR = " · "
"""Between what a label is made of; a message's begins with its subject."""

_HEADER = re.compile(r"(^|/| )header (?=[^ ])")
_BYTES = re.compile(r"bytes? (\d{1,19})(?: ?[-–] ?(\d{1,19}))?")
_FIELD = re.compile(r"(?:field|metadata) ([a-z-]+)")
_PAGES = re.compile(r"pages? (\d{1,9})(?: ?[-–] ?(\d{1,9}))?")
_RANGE = re.compile(r"(.*[a-z] )(\d{1,9}) ?[-–] ?(\d{1,9})(/.*)?")
_DOCUMENT = re.compile(r"document (\d{1,9})")
_MARKED = re.compile(r"""["'“”„‘’«»「『](.+)["'“”‘’«»」』]""", re.DOTALL)


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


def resolve(selector: str, contents: Contents) -> Group:
    """Return the one thing that `selector` means. Raises InvalidInput for none, else Ambiguous."""
    groups = find(selector, contents)
    if not groups:
        *_, (scope, wanted) = [
            (range(len(contents.records)), fold(selector)),
            *_scopes(selector, contents),
        ]
        raise InvalidInput(why_nothing(selector, wanted, scope, contents))
    if len(groups) > 1:
        raise Ambiguous(selector, groups, contents)
    return groups[0]


def find(words: str, contents: Contents) -> list[Group]:
    """Return everything that `words` may mean, under the first reading that fits anything.

    Quotation marks around them count only where they are found.
    """
    if groups := _find(words, contents):
        return groups
    inner = _MARKED.fullmatch(words.strip())
    return _find(inner[1], contents) if inner else []


def _find(words: str, contents: Contents) -> list[Group]:
    everything = range(len(contents.records))
    scopes: list[tuple[Sequence[int], str]] = [(everything, fold(words)), *_scopes(words, contents)]
    for scope, wanted in scopes:
        if not wanted:
            originals = [each for each in scope if not contents.made(each)] or scope
            if scope is not everything:
                return [(Target(each),) for each in originals]
            continue
        for reading in _READINGS:
            if groups := contents.outermost(reading(contents, scope, wanted)):
                return contents.unmarked(groups)
    for scope, wanted in scopes:
        if wanted and (groups := _by_content(contents, scope, wanted)):
            return contents.unmarked(groups)
    return []


def _scopes(words: str, contents: Contents) -> Iterator[tuple[Sequence[int], str]]:
    """Yield the documents that a beginning of `words` names, and what follows."""
    for colon in re.finditer(":", words):
        name = fold(words[: colon.start()])
        named = _documents(name, contents)
        if named:
            yield [*named, *contents.renditions(named)], fold(words[colon.end() :])


def _documents(name: str, contents: Contents) -> list[int]:
    if name == MARKED:
        return [each for each in range(len(contents.records)) if contents.is_marked(each)]
    if number := _DOCUMENT.fullmatch(name):
        return [each for each in [int(number[1]) - 1] if 0 <= each < len(contents.records)]
    same = [each for each, other in enumerate(contents.names) if other == name]
    return same or [each for each, other in enumerate(contents.names) if other.endswith("/" + name)]


def _by_number(contents: Contents, scope: Sequence[int], wanted: str) -> list[Group]:
    if found := _DOCUMENT.fullmatch(wanted):
        return [(Target(each),) for each in scope if each + 1 == int(found[1])]
    own = [each for each in scope if not contents.made(each)] or list(scope)
    if found := _FIELD.fullmatch(wanted):
        return [
            (Target(each, field=found[1]),)
            for each in own
            if found[1] in dict(metadata_fields(contents.records[each]))
        ]
    found = _BYTES.fullmatch(wanted)
    if found is None:
        return []
    first, last = int(found[1]), int(found[2] or found[1])
    sizes = {each: contents.records[each].size for each in own}
    if last < first or last >= max(sizes.values()):
        raise InvalidInput(
            f"There are no bytes {first}-{last}: positions go from 0 to "
            f"{max(0, max(sizes.values()) - 1)}, the smaller one first."
        )
    return [
        (Target(each, span=(first, last - first + 1)),)
        for each, size in sizes.items()
        if last < size
    ]


def _by_cover(contents: Contents, scope: Sequence[int], wanted: str) -> list[Group]:
    """Fields of the cover, which belongs to no document and so stands in the scope of all.

    A bare word is a family; behind `cover` the name of a field is that field alone.
    """
    if len(scope) < len(contents.records):
        return []
    named = wanted.removeprefix(f"{COVER} ")
    if named != wanted and named in contents.cover:
        return [(Target(None, field=named),)]
    fields = [name for name in contents.cover if wanted == COVER or in_family(name, named)]
    return [tuple(Target(None, field=name) for name in fields)] if fields else []


def _by_page(contents: Contents, scope: Sequence[int], wanted: str) -> list[Group]:
    found = _PAGES.fullmatch(wanted)
    if found is None:
        return []
    first, last = int(found[1]), int(found[2] or found[1])
    pages: dict[int, dict[int, Target]] = {}
    for each in scope:
        made = contents.records[each].rendition
        if made is not None and made.kind == "page" and first <= made.position <= last:
            pages.setdefault(made.of, {})[made.position] = Target(each)
    return [
        tuple(each[position] for position in sorted(each))
        for each in pages.values()
        if len(each) == last - first + 1
    ]


def _by_path(contents: Contents, scope: Sequence[int], wanted: str) -> list[Group]:
    wanted = _HEADER.sub(r"\1header/", wanted)
    found = ((each, contents.folded(each).numbers.get(wanted)) for each in scope)
    return [(Target(each, number),) for each, number in found if number]


def _by_range(contents: Contents, scope: Sequence[int], wanted: str) -> list[Group]:
    found = _RANGE.fullmatch(wanted)
    if found is None:
        return []
    start, first, last, end = found[1], int(found[2]), int(found[3]), found[4] or ""
    groups: list[Group] = []
    for each in scope:
        numbers = contents.folded(each).numbers
        if last - first < len(numbers) and f"{start}{last}{end}" in numbers:
            paths = [f"{start}{number}{end}" for number in range(first, last + 1)]
            if all(path in numbers for path in paths):
                groups.append(tuple(Target(each, numbers[path]) for path in paths))
    return [group for group in groups if group]


def _by_name(contents: Contents, scope: Sequence[int], wanted: str) -> list[Group]:
    exact: list[Group] = [(Target(each),) for each in scope if contents.names[each] == wanted]
    if exact:
        return exact
    documents: list[Group] = [
        (Target(each),) for each in scope if contents.names[each].endswith("/" + wanted)
    ]
    members = _parts(
        contents, scope, lambda folded, number: folded.members.get(number) == wanted
    ) or _parts(
        contents,
        scope,
        lambda folded, number: folded.members.get(number, "").endswith("/" + wanted),
    )
    return documents + members


def _by_end_of_path(contents: Contents, scope: Sequence[int], wanted: str) -> list[Group]:
    end = "/" + _HEADER.sub(r"\1header/", wanted)
    return _parts(contents, scope, lambda folded, number: folded.paths[number - 1].endswith(end))


def _by_label(contents: Contents, scope: Sequence[int], wanted: str) -> list[Group]:
    def called(folded: Folded, number: int) -> bool:
        label = folded.labels[number - 1]
        return label == wanted or label.startswith(wanted + SEPARATOR)

    return _parts(contents, scope, called)


def _by_words(contents: Contents, scope: Sequence[int], wanted: str) -> list[Group]:
    documents: list[Group] = [
        (Target(each),)
        for each in scope
        if wanted in contents.names[each] and not contents.made(each)
    ]

    def has(folded: Folded, number: int) -> bool:
        return wanted in folded.labels[number - 1] or wanted in folded.members.get(number, "")

    return documents + _parts(contents, scope, has)


_READINGS = (
    _by_number,
    _by_page,
    _by_path,
    _by_range,
    _by_name,
    _by_cover,
    _by_end_of_path,
    _by_label,
    _by_words,
)


def _by_content(contents: Contents, scope: Sequence[int], wanted: str) -> list[Group]:
    total = sum(contents.records[each].size for each in scope)
    if total > MAX_SEARCH:
        raise InvalidInput(
            f"Nothing is called {quoted(wanted)}, and {total} bytes are too many to look for "
            "words in; name "
            "the document too: “DOCUMENT: words”."
        )
    return [
        (target,)
        for each in scope
        for target in dict.fromkeys(
            target for target, text in texts_in(contents, each) if wanted in fold(text)
        )
    ]


def _parts(
    contents: Contents, scope: Sequence[int], fits: Callable[[Folded, int], bool]
) -> list[Group]:
    return [
        (Target(each, number),)
        for each in scope
        for folded in (contents.folded(each),)
        for number in range(1, len(folded.paths) + 1)
        if fits(folded, number)
    ]
