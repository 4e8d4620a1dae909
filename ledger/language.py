"""The two languages of every sentence, and times as a reader writes them."""

from collections.abc import Mapping
from datetime import UTC, datetime

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


def utc(seconds: int) -> Words:
    """Return POSIX seconds as a time in UTC."""
    try:
        return Words(f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC")
    except (ValueError, OverflowError, OSError):
        return Words(f"{seconds} s")
