"""Text of others on one line, and as it is compared in a search."""

import re
import unicodedata

from ledger.quoted import escape

_NOTHING = dict.fromkeys(map(ord, "\u00ad\u034f\u180e\u200b\u200c\u200d\u2060\ufeff"))
"""Characters that show nothing, and that nobody types."""
_WIDE = "\u1100-\u11ff\u2e80-\u9fff\uf900-\ufaff\uff01-\uffdc\U00020000-\U0003ffff"
_BETWEEN = re.compile(f"(?<=[{_WIDE}]) (?=[{_WIDE}])")


def one_line(text: str) -> str:
    """Return text on one line: every kind of space as one, nothing that shows nothing.

    What steers a terminal or moves text about is escaped.
    """
    return escape(" ".join(text.translate(_NOTHING).split()), quotes=False)


def fold(text: str) -> str:
    """Return text as it is compared: case, width, line ends and the number of spaces do not count.

    Between Chinese characters spaces do not count at all: where a line was broken, none was meant.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_NOTHING))
    text = " ".join(text.casefold().split())
    return text if text.isascii() else _BETWEEN.sub("", text)


def shorten(text: str, limit: int) -> str:
    """Return text in at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
