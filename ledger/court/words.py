"""What every text of the catalogue is made of: languages, facts, times."""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.language import LANGUAGES, Pair, pick
from ledger.quoted import Quoted, Words, lifted


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


def fill(pair: Pair, language: str, *places: int | Words, **values: int | Words) -> Words:
    """Return a sentence in this language, filled in.

    Raises TypeError for anything but numbers and words of ours: what others have chosen is no part of
    a sentence but a value on a line of its own.
    """
    for each in (*places, *values.values()):
        if not isinstance(each, (int, Words)):
            raise TypeError(f"a sentence takes numbers and words of ours, no {type(each).__name__}")
    return Words(pair[LANGUAGES.index(language)].format(*places, **values))


def listed(words: Iterable[Words], language: str) -> Words:
    """Return words of ours one after the other."""
    return Words(pick((", ", "、"), language).join(words))


def reason_facts(label: Words, reason: str) -> tuple[Fact, ...]:
    """Return why something failed: the sentence, and the values that it names by number."""
    words, values = lifted(reason)
    named = (Fact(f"({n})", Quoted.parse(each)) for n, each in enumerate(values, 1))
    return (Fact(label, words), *named)


def hexadecimal(value: object) -> Words:
    """Return a hash in hexadecimal digits. Raises TypeError for anything else."""
    text = str(value)
    if not set(text) <= set("0123456789abcdef"):
        raise TypeError("a hash has hexadecimal digits")
    return Words(text)
