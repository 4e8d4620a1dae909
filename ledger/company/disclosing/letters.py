"""The letters in a deposit, and the fields of their headers: what a person knows a letter by.

A letter is a part of the kind `message`; one inside another has fields of its own. A field's value is
the index's label where that holds all of it, and is read in the content where it does not, so that
nothing depends on a label's length.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ledger.company.disclosing.contents import Contents, Target, kind_of, parents_of
from ledger.reading.header import MAX_HEADER, fields, read_value

KNOWN_BY = ("subject", "from", "sender", "to", "cc", "bcc", "reply-to", "date", "message-id")
"""Fields of which a word, an address or a date means the letter, not the line."""
_GUESSED = " · guessed "
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter: its document, its part there, and its fields' parts by name in lower case.

    `around`: whether it lies in another letter.
    """

    document: int
    part: int
    around: bool
    fields: dict[str, list[int]] = field(default_factory=dict)

    @property
    def target(self) -> Target:
        """What opens all of it."""
        return Target(self.document, self.part)


def letters_in(contents: Contents, document: int) -> Sequence[Letter]:
    """Return the letters in a document, outer ones first."""
    return contents.kept(("letters", document), lambda: list(_letters(contents, document)))


def _letters(contents: Contents, document: int) -> Iterator[Letter]:
    entry = contents.index[document]
    parents = parents_of(entry)
    found: dict[int, Letter] = {}
    for number, (part, path) in enumerate(
        zip(entry.parts, contents.folded(document).paths, strict=True), 1
    ):
        if kind_of(path) == "message":
            up = parents[number - 1]
            while up and up not in found:
                up = parents[up - 1]
            found[number] = letter = Letter(document, number, bool(up))
            yield letter
            continue
        header, slash, _ = path.rpartition("/")
        if slash and header.rpartition("/")[2] == "header":
            up = parents[number - 1]
            while up and up not in found:
                up = parents[up - 1]
            if up:
                found[up].fields.setdefault(_name(part.path), []).append(number)


def _name(path: str) -> str:
    return path.rpartition("/")[2].partition(" ")[0].lower()


def values(contents: Contents, letter: Letter, name: str) -> list[str]:
    """Return the values of a letter's fields of that name, as people read them."""
    if letter.fields:
        return [
            value_of(contents, Target(letter.document, each))
            for each in letter.fields.get(name, [])
        ]
    # Its header was not cut.
    read = contents.kept(
        ("header", letter.document, letter.part), lambda: _header(contents, letter)
    )
    return read.get(name, [])


def value_of(contents: Contents, target: Target) -> str:
    """Return the value of a field that is a part."""
    label = contents.label(target)
    if label and not label.endswith(_CUT) and _GUESSED not in label:
        return label
    return read_value(contents.content(target).partition(b":")[2]).text


def _header(contents: Contents, letter: Letter) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in fields(contents.content(letter.target, MAX_HEADER)):
        key = name.decode("latin-1")
        if key in KNOWN_BY:
            found.setdefault(key, []).append(read_value(value).text)
    return found
