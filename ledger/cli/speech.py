"""The language that this process speaks: that of --lang, else of LANG.

It stands in LANGUAGE, where gettext looks: click asks gettext for its own strings, and its domain is
ours. With --json it is English, whatever was asked for: what machines read does not change.
"""

import gettext
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest

from ledger.language import DOMAIN, ENGLISH, LANGUAGES, LOCALE, Message, choose_language, tr
from ledger.quoted import Words
from ledger.recognised import said_in

_VARIABLE = "LANGUAGE"


@contextmanager
def speaking(arguments: Sequence[str]) -> Iterator[None]:
    """Speak the language that arguments or environment ask for, as long as this lasts."""
    before, domain = os.environ.get(_VARIABLE), gettext.textdomain()
    asked = ENGLISH if "--json" in arguments else _asked(arguments)
    os.environ[_VARIABLE] = choose_language(asked, os.environ)
    if language() != ENGLISH:
        gettext.bindtextdomain(DOMAIN, str(LOCALE))
        gettext.textdomain(DOMAIN)
    try:
        yield
    finally:
        gettext.textdomain(domain)
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before


def language() -> str:
    """Return the language that this process speaks."""
    return choose_language(None, os.environ)


def _(message: Message, *places: int | Words, **values: int | Words) -> str:
    """Return a message of ours in that language; see `ledger.language.tr`."""
    return tr(message, language(), *places, **values)


def told(sentence: Message) -> str:
    """Return a sentence of ours, which may hold values, in that language; see `ledger.recognised`."""
    return sentence if language() == ENGLISH else said_in(sentence, language())


def _asked(arguments: Sequence[str]) -> str | None:
    """Return what --lang says, wherever it stands: help and errors come before its command."""
    ours = list(arguments)[: arguments.index("--")] if "--" in arguments else list(arguments)
    for option, value in zip_longest(ours, ours[1:], fillvalue=""):
        name, is_, joined = option.partition("=")
        said = joined if is_ else value
        if name == "--lang" and said in LANGUAGES:
            return said
    return None
