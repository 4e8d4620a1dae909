"""Words as an index keeps them and as people type them: Latin ones whole, Chinese ones by character.

A word of Chinese has no spaces around it, and often one or two characters: each character is a word of
its own here, and what is typed is looked for as a phrase. Width, case and accents make no difference.
"""

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
_ACCENTS = re.compile("[\u0300-\u036f]")
MAX_TYPED = 64
"""Words of one phrase that are looked for."""


def folded(text: str) -> str:
    """Return `text` with width, case and accents taken off."""
    if text.isascii():
        return text.casefold()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFKC", bare).casefold()


def words(text: str) -> list[str]:
    """Return the words of `text`, folded, in order."""
    found: list[str] = []
    for run in _WORD.findall(folded(text)):
        if run.isascii():
            found.append(run)
            continue
        start = 0
        for at, character in enumerate(run):
            if unicodedata.east_asian_width(character) == "W":
                if start < at:
                    found.append(run[start:at])
                found.append(character)
                start = at + 1
        if start < len(run):
            found.append(run[start:])
    return found


def phrase(typed: str) -> str:
    """Return the FTS5 query for the words typed, one after the other, the last one perhaps unfinished.

    "" where there is no letter or digit in it.
    """
    found = words(typed)[:MAX_TYPED]
    return f'"{" ".join(found)}"*' if found else ""
