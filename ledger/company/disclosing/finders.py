"""What each form of a selector finds in a deposit, in a part of it where one is named."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ledger.company.disclosing.contents import COVER, Contents, Folded, Group, Target
from ledger.company.disclosing.grammar import (
    KNOWN_FIELDS,
    Numbered,
    parse_address,
    parse_bytes,
    parse_header,
    parse_metadata,
    parse_numbered,
)
from ledger.company.disclosing.letters import Letter, letters_in, values
from ledger.dates import TypedDate, stated_date
from ledger.errors import InvalidInput
from ledger.evidence.manifest import in_family
from ledger.evidence.records import metadata_fields
from ledger.reading.shown import fold


@dataclass(frozen=True, slots=True)
class Scope:
    """Where is looked: in all of these documents, or in one part of one."""

    contents: Contents
    documents: Sequence[int]
    part: int = 0

    @property
    def everything(self) -> bool:
        """Whether it is the whole deposit, to which alone the cover belongs."""
        return not self.part and len(self.documents) == len(self.contents.records)

    @property
    def originals(self) -> list[int]:
        """The documents that are no renditions, or all where there are only those."""
        own = [each for each in self.documents if not self.contents.made(each)]
        return own or list(self.documents)

    def holds(self, target: Target) -> bool:
        """Whether a part lies in it."""
        if target.document not in self.documents:
            return False
        if not self.part:
            return True
        parts = self.contents.entry(target).parts
        outer, inner = parts[self.part - 1], parts[target.part - 1] if target.part else None
        if inner is None or target.part < self.part:
            return False
        return inner.first + inner.count <= outer.first + outer.count

    def parts(self, fits: Callable[[Folded, int], bool]) -> list[Group]:
        """Return the parts that fit, each as a group."""
        return [
            (target,)
            for each in self.documents
            for folded in (self.contents.folded(each),)
            for number in range(max(1, self.part), len(folded.paths) + 1)
            if fits(folded, number) and self.holds(target := Target(each, number))
        ]

    def files(self, fits: Callable[[str], bool]) -> list[Group]:
        """Return the members and attachments whose folded name fits."""
        return [
            (target,)
            for each in self.documents
            for number, name in self.contents.folded(each).files.items()
            if fits(name) and self.holds(target := Target(each, number))
        ]

    def letters(self) -> list[Letter]:
        """Return the letters in it, those inside others too."""
        return [
            letter
            for each in self.documents
            for letter in letters_in(self.contents, each)
            if self.holds(letter.target)
        ]

    def outer_letters(self) -> list[Letter]:
        """Return the letters in it that lie in none of the others; of a letter, that one."""
        found: list[Letter] = []
        for letter in self.letters():
            last = found[-1] if found else None
            if not last or not Scope(self.contents, [last.document], last.part).holds(
                letter.target
            ):
                found.append(letter)
        return found

    def prefix(self, document: int) -> str:
        """Return what the paths of what lies in it begin with, "" where they need not."""
        return self.contents.folded(document).paths[self.part - 1] + "/" if self.part else ""


def by_name(scope: Scope, wanted: str) -> list[Group]:
    """Return what is called exactly that: parts by their paths, and documents. Those names are ours."""
    return _by_path(scope, wanted) or [
        (Target(each),) for each, name in _documents(scope) if name == wanted
    ]


def by_called(scope: Scope, wanted: str) -> list[Group]:
    """Return members and attachments of that name, which a sender chose, and documents in folders."""
    documents: list[Group] = [
        (Target(each),) for each, name in _documents(scope) if _ends(name, wanted)
    ]
    inner = scope.files(lambda name: name == wanted) or scope.files(lambda n: _ends(n, wanted))
    return documents + inner


def _documents(scope: Scope) -> list[tuple[int, str]]:
    names = scope.contents.names
    return [] if scope.part else [(each, names[each]) for each in scope.documents]


def _by_path(scope: Scope, wanted: str) -> list[Group]:
    found: list[Group] = []
    for each in scope.documents:
        numbers = scope.contents.folded(each).numbers
        for path in dict.fromkeys((scope.prefix(each) + wanted, wanted)):
            target = Target(each, numbers.get(path, 0))
            if target.part and scope.holds(target):
                found.append((target,))
                break
    return found


def by_end(scope: Scope, wanted: str) -> list[Group]:
    """Return the parts whose paths end so."""
    end = f"/{wanted}"

    def ends(folded: Folded, number: int) -> bool:
        path = "" if ": " in folded.paths[number - 1] else folded.paths[number - 1]
        # A word alone is no path of a field: of which letter it is the form for fields says.
        return path.endswith(end) and not path.removesuffix(end).endswith(("header", "envelope"))

    return scope.parts(ends)


def _ends(name: str, wanted: str) -> bool:
    return name.endswith("/" + wanted)


def by_number(scope: Scope, wanted: str) -> tuple[bool, list[Group]] | None:
    """Return whether only blocks hold what has these numbers, and the parts: all of them, or none.

    None where `wanted` is no number, or is more than a path that is there.
    """
    asked = parse_numbered(wanted)
    if asked is None:
        return None
    if asked.kinds == ("document",) and not asked.before and not asked.behind:
        numbers = asked.numbers(len(scope.documents))
        found = [Target(each - 1) for each in numbers if each - 1 in scope.documents]
        return False, [tuple(found)] if found and len(found) == len(numbers) else []
    groups = [] if asked.before or asked.behind else _pages(scope, asked)
    for kind in asked.kinds:
        groups += _numbered(scope, asked, kind)
    if asked.before or asked.behind:
        return (False, groups) if groups else None
    if groups:
        return False, groups
    for kind in asked.kinds:
        groups += _blocks(scope, asked, kind)
    return True, groups


def _pages(scope: Scope, asked: Numbered) -> list[Group]:
    """Return pages as they were rendered, of each document that has them all."""
    if asked.kinds != ("page",) or scope.part:
        return []
    pages: dict[int, dict[int, Target]] = {}
    for each in scope.documents:
        made = scope.contents.records[each].rendition
        if made is not None and made.kind == "page":
            pages.setdefault(made.of, {})[made.position] = Target(each)
    wanted = asked.numbers(len(scope.documents))
    return [
        tuple(of[number] for number in wanted)
        for of in pages.values()
        if wanted and all(number in of for number in wanted)
    ]


def _numbered(scope: Scope, asked: Numbered, kind: str) -> list[Group]:
    groups: list[Group] = []
    for each in scope.documents:
        folded = scope.contents.folded(each)
        wanted = asked.numbers(len(folded.paths))
        behinds = [asked.behind]
        if asked.behind:
            behinds.append("/header" + asked.behind)
        for before in dict.fromkeys((scope.prefix(each) + asked.before, asked.before)):
            for behind in behinds:
                paths = [f"{before}{kind} {number}{behind}" for number in wanted]
                found = [Target(each, folded.numbers.get(path, 0)) for path in paths]
                if found and all(target.part and scope.holds(target) for target in found):
                    groups.append(tuple(found))
                    break
            else:
                continue
            break
    return groups or _inner_numbered(scope, asked, kind)


def _inner_numbered(scope: Scope, asked: Numbered, kind: str) -> list[Group]:
    """Return the same of parts that are counted in an outer one: the rows of a sheet, of a table."""
    groups: list[Group] = []
    for each in scope.documents:
        folded = scope.contents.folded(each)
        wanted = asked.numbers(len(folded.paths))
        if not wanted:
            continue
        own = [f"/{asked.before}{kind} {number}{asked.behind}" for number in wanted]
        outer = (path.removesuffix(own[0]) for path in folded.paths if path.endswith(own[0]))
        for before in dict.fromkeys(outer):
            found = [Target(each, folded.numbers.get(before + path, 0)) for path in own]
            if all(target.part and scope.holds(target) for target in found):
                groups.append(tuple(found))
    return groups


def _blocks(scope: Scope, asked: Numbered, kind: str) -> list[Group]:
    groups: list[Group] = []
    for each in scope.documents:
        begin, size, last = scope.contents.folded(each).blocks.get(asked.before + kind, (0, 1, 0))
        wanted = asked.numbers(last)
        if wanted and wanted[0] and wanted[-1] <= last:
            numbers = sorted({begin + (number - 1) // size for number in wanted})
            groups.append(tuple(Target(each, number) for number in numbers))
    return groups


def by_bytes(scope: Scope, wanted: str) -> list[Group] | None:
    """Return a span of a document. Raises InvalidInput where none has so many bytes."""
    asked = parse_bytes(wanted)
    if asked is None or scope.part:
        return None if asked is None else []
    first, last = asked
    sizes = {each: scope.contents.records[each].size for each in scope.originals}
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


def by_metadata(scope: Scope, wanted: str) -> list[Group] | None:
    """Return a document's field, or fields of the cover, where they are named.

    A bare word is a family of the cover's fields; behind `cover` the name of a field is that alone.
    """
    contents = scope.contents
    if name := parse_metadata(wanted):
        own = [] if scope.part else scope.originals
        return [
            (Target(each, field=name),)
            for each in own
            if name in dict(metadata_fields(contents.records[each]))
        ]
    if not scope.everything:
        return None
    named = wanted.removeprefix(f"{COVER} ")
    if named != wanted and named in contents.cover:
        return [(Target(None, field=named),)]
    fields = [name for name in contents.cover if wanted == COVER or in_family(name, named)]
    return [tuple(Target(None, field=name) for name in fields)] if fields else None


def by_field(scope: Scope, wanted: str) -> list[Group] | None:
    """Return the header fields of that name: of the letters in the scope, not of those inside them."""
    called = parse_header(wanted)
    name = called or wanted
    word, _, number = name.partition(" ")
    letters = scope.outer_letters()
    known = word in KNOWN_FIELDS or word.startswith("x-")
    if not called and not known and not any(word in each.fields for each in letters):
        return None
    if number and not number.isdecimal():
        return None
    found: list[Group] = []
    for letter in letters:
        parts = letter.fields.get(word, [])
        if number:
            parts = parts[int(number) - 1 : int(number)] if int(number) else []
        found += [(Target(letter.document, each),) for each in parts]
    # What a journal report says of the envelope is nowhere in the letter: Bcc as a rule.
    end = f"/envelope/{name}"
    return found or scope.parts(lambda folded, number: folded.paths[number - 1].endswith(end))


def by_date(scope: Scope, dates: Sequence[TypedDate]) -> list[Group]:
    """Return the letters of that day, as they state it."""

    def fits(letter: Letter) -> bool:
        stated = (stated_date(each) for each in values(scope.contents, letter, "date"))
        return any(day and each.fits(day) for day in stated for each in dates)

    return [(letter.target,) for letter in scope.letters() if fits(letter)]


def by_address(scope: Scope, wanted: str) -> list[Group] | None:
    """Return the letter with that message id; else the letters from that address, else to it."""
    address = parse_address(wanted)
    if address is None:
        return None
    letters = scope.letters()
    for names in (("message-id",), ("from", "sender"), ("to", "cc", "bcc", "reply-to")):
        found: list[Group] = [
            (letter.target,)
            for letter in letters
            if any(
                address in _addresses(each)
                for name in names
                for each in values(scope.contents, letter, name)
            )
        ]
        if found:
            return found
    return []


def _addresses(value: str) -> Iterator[str]:
    for each in fold(value).replace(",", " ").replace(";", " ").split():
        yield each.strip("<>()\"'").removeprefix("mailto:")
