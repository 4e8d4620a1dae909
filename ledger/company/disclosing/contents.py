"""What can be opened in a deposit: its documents, parts, spans and fields, by their places.

The pure half of choosing: `selectors` finds targets by what a person types; here they have a path, a
label, an extent in bytes and a selector to type, and become the selections of a partial opening.
Labels are hints that nothing vouches for.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ledger.evidence.index import DocumentIndex, Index
from ledger.evidence.manifest import Manifest
from ledger.evidence.partial import Selection
from ledger.evidence.parts import Cuts, Part
from ledger.evidence.records import Record, metadata_fields
from ledger.reading.shown import fold

_AHEAD = 1 << 20
_OF = re.compile(r"((?:^|/)[a-z]+ \d+(?:-\d+)?) of \d+(?:, [a-z0-9_ -]+)*(?=$|/|: )")
"""Totals, and what is remarked of an archive's member."""
_AROUND = ("separator", "end", "size", "properties")
"""Outermost parts of mailboxes and of Apple Mail's files that are not what anybody counts."""
_PART = re.compile(r"(?:^|/)part [\d.]+$")
_BLOCK = re.compile(r"((?:.*/)?)(row|line)s (\d+)-(\d+)")
_KIND = re.compile(r" \d.*", re.DOTALL)
_MEMBER = re.compile(r"(.*?(?:^|/)member \d+): (.*)")

T = TypeVar("T")

Read = Callable[[int, int, int], bytes]
"""read(document, offset, size): bytes of a document."""


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to open in a document: part `part` (from 1), a span (offset, size), a field, or all.

    Of the cover, which is None, there are fields only.
    """

    document: int | None
    part: int = 0
    span: tuple[int, int] | None = None
    field: str = ""


Group = tuple[Target, ...]
"""What a selector means; several targets where it names a range."""
COVER = "cover"
"""What a field of the cover is named by, in front of its own name; alone, all of them."""


def _document_of(target: Target) -> int:
    """Return the document that a target lies in; raise for one of the cover."""
    if target.document is None:
        raise ValueError("the cover is no document")
    return target.document


def short_path(path: str) -> str:
    """Return a part's path without the totals: what a person types."""
    return _OF.sub(r"\1", path)


MARKED = "marked"


class Folded:
    """A document's parts as they are compared."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.paths = [fold(short_path(part.path)) for part in parts]
        self.numbers: dict[str, int] = {}
        """Part, from 1, by its path with and without totals; an archive's member also without name."""
        self.files: dict[int, str] = {}
        """Names of archives' members and of attachments, by part."""
        self.blocks: dict[str, tuple[int, int, int]] = {}
        """Of rows or lines that are parts by the dozen: first part, how many a block, and in all."""
        for number, (part, path) in enumerate(zip(parts, self.paths, strict=True), 1):
            self.numbers.setdefault(path, number)
            self.numbers.setdefault(fold(part.path), number)
            if member := _MEMBER.fullmatch(path):
                self.numbers.setdefault(member[1], number)
                self.files[number] = member[2]
            elif _PART.search(path) and (file := fold(part.label).partition(" · ")[2]):
                self.files[number] = file.partition(" · guessed ")[0]
            if block := _BLOCK.fullmatch(path):
                kind, first, last = block[1] + block[2], int(block[3]), int(block[4])
                begin, size, _ = self.blocks.get(kind, (number, last - first + 1, 0))
                self.blocks[kind] = (begin, size, last)


class Contents:
    """A deposit's manifest, index and bytes, to choose from."""

    def __init__(self, manifest: Manifest, index: Index, read: Read) -> None:
        self.cover = dict(manifest.cover.fields)
        """The cover's fields."""
        self.records = manifest.documents
        self.index = index
        self.names = [fold(record.name) for record in self.records]
        self._read = read
        self._folded: dict[int, Folded] = {}
        self._cuts: dict[int, Cuts] = {}
        self._window = (-1, 0, b"")
        self._kept: dict[Hashable, Any] = {}
        made = [record.rendition for record in self.records]
        self._split = sum(bool(entry.parts) for entry in index)
        self._paged = len({each.of for each in made if each and each.kind == "page"})

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` returns, which is asked once for each key."""
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found

    def entry(self, target: Target) -> DocumentIndex:
        """Return the index of the document that a target lies in; of the cover there is none."""
        return self.index[_document_of(target)]

    def folded(self, document: int) -> Folded:
        """Return a document's parts as they are compared."""
        if document not in self._folded:
            self._folded[document] = Folded(self.index[document].parts)
        return self._folded[document]

    def cuts(self, document: int) -> Cuts:
        """Return where the leaves of a document begin and end."""
        if document not in self._cuts:
            self._cuts[document] = Cuts(self.records[document].size, self.index[document].cuts)
        return self._cuts[document]

    def made(self, document: int) -> bool:
        """Whether a document is a rendition."""
        return self.records[document].rendition is not None

    def is_marked(self, document: int) -> bool:
        """Whether a document is a text with marked changes, beside one that takes them as accepted."""
        made = self.records[document].rendition
        return made is not None and made.kind == MARKED

    def unmarked(self, groups: list[Group]) -> list[Group]:
        """Return the groups without those in texts with marked changes, where there are others."""
        plain = [
            group
            for group in groups
            if not any(
                each.document is not None and self.is_marked(each.document) for each in group
            )
        ]
        return plain or groups

    def renditions(self, documents: Sequence[int]) -> list[int]:
        """Return what was made of these documents at the deposit."""
        made = ((each, record.rendition) for each, record in enumerate(self.records))
        return [each for each, rendition in made if rendition and rendition.of in documents]

    def part(self, target: Target) -> Part | None:
        """Return the part that a target is, None for another kind."""
        return self.entry(target).parts[target.part - 1] if target.part else None

    def label(self, target: Target) -> str:
        """Return the hint that the index holds for a target."""
        part = self.part(target)
        return part.label if part else ""

    def extent(self, target: Target) -> tuple[int, int]:
        """Return (offset, size) of what is opened, in whole leaves; size 0 for a field."""
        if target.field:
            return 0, 0
        cuts = self.cuts(_document_of(target))
        if part := self.part(target):
            start = cuts.start(part.first - 1)
            return start, cuts.start(part.first - 1 + part.count) - start
        if target.span is not None:
            offset, size = target.span
            first = cuts.at(offset)
            first -= cuts.start(first) > offset
            return cuts.start(first), cuts.start(cuts.at(offset + size)) - cuts.start(first)
        return 0, cuts.size

    def content(self, target: Target, limit: int | None = None) -> bytes:
        """Return a target's bytes, or the first `limit` of them.

        Many small ones in order are read through a window.
        """
        offset, size = self.extent(target)
        size = size if limit is None else min(size, limit)
        wanted = _document_of(target)
        document, start, data = self._window
        if document != wanted or offset < start or offset + size > start + len(data):
            ahead = size if limit is not None else max(size, _AHEAD)
            left = self.records[wanted].size - offset
            start, data = offset, self._read(wanted, offset, min(ahead, left))
            self._window = (wanted, start, data)
        return data[offset - start : offset - start + size]

    def innermost(self, document: int) -> Iterator[Target]:
        """Yield the parts that hold no others; of a document without parts, the document."""
        parts = self.index[document].parts
        if not parts:
            yield Target(document)
        for number, part in enumerate(parts, 1):
            if number == len(parts) or parts[number].first >= part.first + part.count:
                yield Target(document, number)

    def around(self, target: Target) -> Target | None:
        """Return the smallest part that begins before a part and holds it, None for none."""
        parts = self.entry(target).parts
        own = parts[target.part - 1]
        for number in range(target.part - 1, 0, -1):
            other = parts[number - 1]
            if other.first < own.first < own.first + own.count <= other.first + other.count:
                return Target(target.document, number)
        return None

    def outermost(self, groups: Sequence[Group]) -> list[Group]:
        """Return the groups but for parts inside others; those of a document come in its order."""
        kept: list[Group] = []
        document, end = -1, 0
        for group in groups:
            part = self.part(group[0]) if len(group) == 1 else None
            if part is not None:
                last = part.first + part.count
                if group[0].document == document and last <= end:
                    continue
                document, end = _document_of(group[0]), last
            kept.append(group)
        return kept

    def typed(self, group: Group, words: str = "") -> str:
        """Return what to type for a group; of a range, `words` are what was typed."""
        target = group[0]
        part = self.part(target)
        document = target.document
        if document is None:
            return words if len(group) > 1 else f"{COVER} {target.field}"
        if len(group) > 1:
            own = words
            if not part:
                document = getattr(self.records[document].rendition, "of", document)
        elif part:
            own = short_path(part.path)
        elif target.span is not None:
            own = f"bytes {target.span[0]}-{sum(target.span) - 1}"
        elif target.field:
            own = f"field {target.field}"
        else:
            return self.called(document)
        only = self._split == 1 if part else len(self.index) == 1
        if only:
            return own
        is_page = self._is_page(document)
        return f"{f'document {document + 1}' if is_page else self.called(document)}: {own}"

    def _is_page(self, document: int) -> bool:
        made = self.records[document].rendition
        return made is not None and made.kind == "page"

    def called(self, document: int) -> str:
        """Return what to type for a document: its name, or its position where that is clearer."""
        record = self.records[document]
        made = record.rendition
        if made is not None and self._is_page(document):
            page = f"page {made.position}"
            return page if self._paged == 1 else f"{self.called(made.of)}: {page}"
        name = record.name.rpartition("/")[2]
        if sum(fold(name) == other.rpartition("/")[2] for other in self.names) > 1:
            name = record.name
        if not name.isprintable() or '"' in name or ": " in name:
            return f"document {document + 1}"
        return name

    def selections(self, targets: Sequence[Target]) -> tuple[Selection, ...]:
        """Return what to open, one selection a document: what lies inside something else is left out.

        The cover, of which nothing is opened but what was asked for, comes first.

        A whole document goes with its name, which whoever asked for it has typed; of a rendition goes
        with it what it shows and what made it, without which it means nothing.
        """
        selections = []
        if fields := tuple(target.field for target in targets if target.document is None):
            selections.append(Selection(None, fields=tuple(n for n in self.cover if n in fields)))
        documents = {target.document for target in targets if target.document is not None}
        for document in sorted(documents):
            record = self.records[document]
            own = [target for target in targets if target.document == document]
            whole = Target(document) in own
            inner = sorted({target.part for target in own if target.part})
            outer = self.outermost([(Target(document, part),) for part in inner])
            held = [self.extent(group[0]) for group in outer]
            ranges = [
                (offset, size)
                for offset, size in _joined(target.span for target in own if target.span)
                if not any(start <= offset and offset + size <= start + n for start, n in held)
            ]
            asked = {target.field for target in own} | _fields_with(record, own, whole)
            selections.append(
                Selection(
                    document,
                    whole,
                    () if whole else tuple(group[0].part for group in outer),
                    () if whole else tuple(ranges),
                    tuple(name for name, _ in metadata_fields(record) if name in asked),
                )
            )
        return tuple(selections)


def targets_of(selections: Iterable[Selection]) -> list[Target]:
    """Return what selections open, one by one: bytes first, then fields, document by document."""
    targets = []
    for each in selections:
        if each.whole:
            targets.append(Target(each.document))
        targets += [Target(each.document, part) for part in each.parts]
        targets += [Target(each.document, span=span) for span in each.ranges]
        targets += [Target(each.document, field=name) for name in each.fields]
    return targets


def parents_of(entry: DocumentIndex) -> list[int]:
    """Return for each part the number of the part that it lies in directly, 0 for none."""
    parents: list[int] = []
    around: list[tuple[int, int]] = []
    for number, part in enumerate(entry.parts, 1):
        end = part.first + part.count
        while around and around[-1][1] < end:
            around.pop()
        parents.append(around[-1][0] if around else 0)
        around.append((number, end))
    return parents


def kind_of(path: str) -> str:
    """Return what a part is called without its number: message, paragraph, member."""
    return _KIND.sub("", path.rpartition("/")[2] if "/" in path and ": " not in path else path)


def kinds_of(entry: DocumentIndex) -> list[tuple[str, int]]:
    """Return the kinds of a document's outermost parts, and how many there are of each; what only
    stands around messages is none."""
    outermost = zip(entry.parts, parents_of(entry), strict=True)
    kinds = Counter(kind_of(part.path) for part, parent in outermost if not parent)
    return [each for each in kinds.items() if each[0] not in _AROUND]


def _fields_with(record: Record, targets: Sequence[Target], whole: bool) -> set[str]:
    if record.rendition is None:
        return {"name"} if whole else set()
    made = {"rendition", "tool", "media-type"}
    return made if any(not target.field for target in targets) else set()


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for offset, size in sorted(spans):
        if joined and offset <= sum(joined[-1]):
            start, length = joined[-1]
            joined[-1] = (start, max(length, offset + size - start))
        else:
            joined.append((offset, size))
    return joined
