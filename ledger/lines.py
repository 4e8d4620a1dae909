"""What people type for others to read on one line: names, numbers, reasons. One rule for every door."""

import unicodedata

from ledger.errors import InvalidInput
from ledger.quoted import escape, quoted


def require_line(text: str, most: int) -> str:
    """Return `text` as one line: trimmed, each run of blanks one space, at most `most` characters.

    Raises InvalidInput for what is blank, longer, or has a character that shows nothing: a line break,
    a control, one that turns the direction of text or selects the form of the character before it.
    """
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text)
    line = " ".join(each for each in spaced.strip().split(" ") if each)
    if not line:
        raise InvalidInput("A name, a number or a reason is blank; type what it is.")
    if len(line) > most:
        raise InvalidInput(f"{quoted(line)} has {len(line)} characters; at most {most} are taken.")
    if escape(line, quotes=False) != line:
        raise InvalidInput(
            f"{quoted(line)} has a character that cannot be shown; it stands here as an escape. Leave "
            "it out."
        )
    return line
