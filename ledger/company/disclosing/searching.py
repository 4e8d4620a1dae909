"""Words and clauses: looked for in titles, in names, and in what the parts say."""

from collections.abc import Iterator
from functools import partial
from itertools import chain

from ledger.company.disclosing.contents import Contents, Group, Target, kind_of
from ledger.company.disclosing.finders import Scope
from ledger.company.disclosing.grammar import Clause, clause_at
from ledger.company.disclosing.letters import KNOWN_BY, letters_in, values
from ledger.company.disclosing.page_texts import is_page, page_texts
from ledger.company.disclosing.readings import texts_in
from ledger.errors import InvalidInput
from ledger.quoted import quoted
from ledger.reading.charsets import BEGINNING, decode
from ledger.reading.shown import fold

MAX_SEARCH = 256 << 20
"""Bytes of documents that are read to find words: some seconds, also from the notary."""

_TITLED = ("section", "sheet", "slide")
"""Parts whose label is a title; of all others but letters and files it is how they begin."""
_PROSE = ("paragraph", "line", "row")
_CLAUSE = 40
"""Characters of a label in which a clause's number is looked for."""
_HEADING = 1 << 14


def by_title(scope: Scope, wanted: str) -> list[Group]:
    """Return what has exactly that subject or heading, whatever its length."""
    return [
        (target,)
        for target, titles in _titles(scope, ("subject",))
        if any(fold(title) == wanted for title in titles)
    ]


def by_words(scope: Scope, wanted: str) -> list[Group]:
    """Return what is called something with these words: documents, files, letters, sections."""
    contents = scope.contents
    found: list[Group] = []
    if not scope.part:
        found += [(Target(each),) for each in scope.originals if wanted in contents.names[each]]
    found += scope.files(lambda name: wanted in name)
    for target, titles in _titles(scope, KNOWN_BY):
        if wanted in fold(contents.label(target)) or any(wanted in fold(each) for each in titles):
            found.append((target,))
    return list(dict.fromkeys(found))


def _titles(scope: Scope, names: tuple[str, ...]) -> Iterator[tuple[Target, list[str]]]:
    """Yield letters with these fields of theirs, and sections with their headings."""
    contents = scope.contents
    for document in scope.documents:
        for letter in letters_in(contents, document):
            if scope.holds(letter.target):
                read = (values(contents, letter, name) for name in names)
                yield letter.target, [value for each in read for value in each]
        for target in contents.kept(("titled", document), partial(_titled, contents, document)):
            if scope.holds(target):
                yield target, [_heading(scope, target, contents.label(target))]


def _titled(contents: Contents, document: int) -> list[Target]:
    return [
        Target(document, number)
        for number, part in enumerate(contents.index[document].parts, 1)
        if part.label and kind_of(part.path) in _TITLED
    ]


def _heading(scope: Scope, target: Target, label: str) -> str:
    if not label.endswith("…"):
        return label
    text = decode(scope.contents.content(target, _HEADING), "", BEGINNING).text
    return next((line.strip(" #") for line in text.splitlines() if line.strip()), label)


def by_text(scope: Scope, wanted: str) -> list[Group]:
    """Return the smallest parts that say these words. Raises InvalidInput for too much to read."""
    contents = scope.contents
    shown = {made.of for record in contents.records if (made := record.rendition)}
    # What a file says whose bytes mean nothing in parts is said by what was made of it.
    documents = [each for each in scope.documents if each not in shown]
    total = sum(contents.records[each].size for each in documents)
    if total > MAX_SEARCH:
        raise InvalidInput(
            f"Nothing is called {quoted(wanted)}, and {total} bytes are too many to look for "
            "words in; name "
            "the document too: “DOCUMENT: words”."
        )
    said = (pair for each in documents for pair in _texts(contents, each, wanted))
    found = [
        target
        for target, text in chain(said, page_texts(contents, documents))
        if wanted in fold(text) and (not scope.part or (target.part and scope.holds(target)))
    ]
    return [(target,) for target in dict.fromkeys(found)]


def _texts(contents: Contents, document: int, wanted: str) -> Iterator[tuple[Target, str]]:
    return iter(()) if is_page(contents, document) else texts_in(contents, document, wanted)


def by_clause(scope: Scope, wanted: Clause) -> list[Group]:
    """Return a clause: its section, or the paragraphs from the one it begins to the next clause."""
    contents = scope.contents
    sections = [
        (target,)
        for target, titles in _titles(scope, ())
        if any(clause_at(fold(each)) == wanted for each in titles)
        and kind_of(contents.index[target.document or 0].parts[target.part - 1].path) == "section"
    ]
    if sections:
        return list(sections)
    found: list[Group] = []
    for document in scope.documents:
        run: list[Target] = []
        for target in contents.innermost(document):
            part = contents.part(target)
            if part is None or kind_of(part.path) not in _PROSE or not scope.holds(target):
                continue
            begins = clause_at(fold(part.label[:_CLAUSE]))
            if run and begins and not _is_below(begins, wanted):
                found.append(tuple(run))
                run = []
            if run or begins == wanted:
                run.append(target)
        if run:
            found.append(tuple(run))
    return found or [
        (target,)
        for target, text in page_texts(contents, () if scope.part else scope.documents)
        if any(clause_at(fold(line)) == wanted for line in text.splitlines())
    ]


def _is_below(each: Clause, outer: Clause) -> bool:
    return each.rank > outer.rank or each.number.startswith(f"{outer.number}.")
