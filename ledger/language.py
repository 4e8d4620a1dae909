"""The two languages of every sentence, and times as a reader writes them."""

import gettext
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from ledger.quoted import Message as Message
from ledger.quoted import Words

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = (ENGLISH, CHINESE)
DOMAIN, LOCALE = "sealbook", Path(__file__).parent / "locale"
"""The catalogue's name, and the folder of all of them."""


def choose_language(asked: str | None, environment: Mapping[str, str]) -> str:
    """Return the language asked for, or that of LANGUAGE, LC_ALL, LC_MESSAGES or LANG; else English."""
    if asked:
        return asked
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name, "")
        if value:
            return CHINESE if value.lower().startswith("zh") else ENGLISH
    return ENGLISH


def tr(message: Message, language: str, *places: int | Words, **values: int | Words) -> Words:
    """Return a message of ours in this language, its places `{name}` filled.

    Raises TypeError for anything but numbers and words of ours: what others have chosen is no part of
    a sentence but a value on a line of its own.
    """
    for each in (*places, *values.values()):
        if not isinstance(each, (int, Words)):
            raise TypeError(f"a sentence takes numbers and words of ours, no {type(each).__name__}")
    return Words(translated(message, language).format(*places, **values))


def translated(message: Message, language: str) -> str:
    """Return a message in this language, its places as they are; in English where it is not known."""
    found = _catalogue(language).gettext(message) if message else ""  # "" is the catalogue's head
    return found.rpartition("\x04")[2]


def messages(language: str) -> tuple[Message, ...]:
    """Return every message that is translated into this language."""
    found = getattr(_catalogue(language), "_catalog", {})  # gettext shows it to nobody
    return tuple(each for each in found if isinstance(each, str) and each)


@lru_cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALE, [language], fallback=True)


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


def beijing(seconds: float, pattern: str = "%Y-%m-%d %H:%M:%S") -> Words:
    """Return POSIX seconds as a time in Beijing, which is eight hours ahead of UTC."""
    return spelled(seconds + 8 * 3600, pattern)


def day(seconds: float) -> Words:
    """Return POSIX seconds as a day in UTC."""
    return spelled(seconds, "%Y-%m-%d")


def iso(seconds: float) -> str:
    """Return POSIX seconds as ISO 8601, UTC, to the millisecond; outside its years, as a number."""
    found = at(seconds)
    return str(utc(seconds)) if found is None else found.isoformat(timespec="milliseconds")
