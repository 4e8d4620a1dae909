"""What every text of the catalogue is made of: languages, facts, times."""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.language import tr
from ledger.quoted import Quoted, Words, lifted
from ledger.recognised import in_language


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled value, ours only where it is `Words`; a `digest` is set in groups."""

    label: str
    value: Quoted | str
    digest: bool = False


@dataclass(frozen=True, slots=True)
class Described:
    """A claim in words: its title, its status, what it says, a command to type, the facts behind it."""

    title: Words
    status: Words
    text: Words
    facts: tuple[Fact, ...] = ()
    command: tuple[str, ...] = ()


def listed(words: Iterable[Words], language: str) -> Words:
    """Return words of ours one after the other."""
    return Words(tr(", ", language).join(words))


def reason_facts(label: Words, reason: str, language: str) -> tuple[Fact, ...]:
    """Return why something failed: the sentence, and the values that it names by number.

    What a parser says of a damaged part may be known in English only: it is for whoever made the file.
    """
    words, values = lifted(reason)
    told = in_language(words, language) or tr(
        "This part is damaged or breaks its format ({0}).", language, words
    )
    named = (Fact(f"({n})", Quoted.parse(each)) for n, each in enumerate(values, 1))
    return (Fact(label, told), *named)


def hexadecimal(value: object) -> Words:
    """Return a hash in hexadecimal digits. Raises TypeError for anything else."""
    text = str(value)
    if not set(text) <= set("0123456789abcdef"):
        raise TypeError("a hash has hexadecimal digits")
    return Words(text)
