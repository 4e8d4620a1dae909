"""What drafts for a person to sign share: blanks to fill in, and words of others by themselves."""

import re

from ledger.quoted import Words, quoted


def blank(what: Words) -> Words:
    """Return a place that a person fills in."""
    return Words(f"[____ {what} ____]")


def blanks_of(draft: str) -> list[str]:
    """Return what a draft leaves to a person, in order, each once."""
    return list(dict.fromkeys(re.findall(r"\[____ (.*?) ____\]", draft)))


def value(label: Words | str, text: object) -> str:
    """Return a value on a line of its own: quoted, so that nobody signs for the words of others.

    Words of ours, such as a hash, stand below their label; a colon is that of the label's language.
    """
    colon, space = (":", " ") if label.isascii() or label[-1].isascii() else ("：", "")
    if isinstance(text, Words):
        return f"\n    {label}{colon}\n        {text}"
    return f"\n    {label}{colon}{space}{quoted(text)}"
