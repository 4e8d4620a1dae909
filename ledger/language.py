"""The two languages of every sentence, and times as a reader writes them."""

import gettext
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files

from ledger.quoted import Words

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = (ENGLISH, CHINESE)
Pair = tuple[str, str]
"""A text in English and in Chinese."""


def choose_language(asked: str | None, environment: Mapping[str, str]) -> str:
    """Return the language asked for, or the one of LC_ALL, LC_MESSAGES or LANG; English otherwise."""
    if asked:
        return asked
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name, "")
        if value:
            return CHINESE if value.lower().startswith("zh") else ENGLISH
    return ENGLISH


def pick(pair: Pair, language: str) -> Words:
    """Return the text in this language."""
    return Words(pair[LANGUAGES.index(language)])


def tr(message: str, language: str, *places: int | Words, **values: int | Words) -> Words:
    """Return a message of ours in this language, its places `{name}` filled.

    `message` is the English, a literal, so that extraction finds it; its Chinese stands in the
    catalogue. Raises TypeError for anything but numbers and words of ours: what others have chosen is
    no part of a sentence but a value on a line of its own.
    """
    for each in (*places, *values.values()):
        if not isinstance(each, (int, Words)):
            raise TypeError(f"a sentence takes numbers and words of ours, no {type(each).__name__}")
    return Words(_catalogue(language).gettext(message).format(*places, **values))


@lru_cache
def _catalogue(language: str) -> gettext.NullTranslations:
    folder = str(files("ledger").joinpath("locale"))
    return gettext.translation("sealbook", folder, [language], fallback=True)


def at(seconds: float) -> datetime | None:
    """Return POSIX seconds as a time in UTC, None outside the years that a date can have."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def spelled(seconds: float, pattern: str) -> Words:
    """Return POSIX seconds in UTC by a pattern of strftime; outside its years, as a number."""
    found = at(seconds)
    return Words(f"{seconds:.0f} s" if found is None else found.strftime(pattern))


def utc(seconds: float) -> Words:
    """Return POSIX seconds as a time in UTC."""
    return spelled(seconds, "%Y-%m-%d %H:%M:%S UTC")


def day(seconds: float) -> Words:
    """Return POSIX seconds as a day in UTC."""
    return spelled(seconds, "%Y-%m-%d")


def iso(seconds: float) -> str:
    """Return POSIX seconds as ISO 8601, UTC, to the millisecond; outside its years, as a number."""
    found = at(seconds)
    return str(utc(seconds)) if found is None else found.isoformat(timespec="milliseconds")
