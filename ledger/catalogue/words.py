"""What every text of the catalogue is made of: languages, facts, times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = (ENGLISH, CHINESE)

Pair = tuple[str, str]
"""A text in English and in Chinese."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled value; a `digest` is set in groups."""

    label: str
    value: str
    digest: bool = False


@dataclass(frozen=True, slots=True)
class Described:
    """A claim in words: its title, its status, what it says, a command to type, the facts behind it."""

    title: str
    status: str
    text: str
    facts: tuple[Fact, ...] = ()
    command: tuple[str, ...] = ()


def choose_language(asked: str | None, environment: Mapping[str, str]) -> str:
    """Return the language asked for, or the one of LC_ALL, LC_MESSAGES or LANG; English otherwise."""
    if asked:
        return asked
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name, "")
        if value:
            return CHINESE if value.lower().startswith("zh") else ENGLISH
    return ENGLISH


def pick(pair: Pair, language: str) -> str:
    """Return the text in this language."""
    return pair[LANGUAGES.index(language)]


def utc(seconds: int) -> str:
    """Return POSIX seconds as a time in UTC."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s"
