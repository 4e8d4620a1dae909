"""Header fields (RFC 5322) as they stand in a message, and their values for a label.

Offsets are those of the bytes: text here is Latin-1, a character a byte. What a line is, and where a
header ends that has no empty line, is decided as Python's `email.parser` does.
"""

import re
from functools import lru_cache
from itertools import chain

from ledger.company.splitters.cutting import MAX_LABEL, plain
from ledger.reading.header import read_value

MAX_CUT_HEADER = 1 << 18
"""Bytes of a header that are looked at (`company.mail` reads as many); a longer one has no fields."""
MAX_FIELDS = 1000
"""Fields of a header; one that has more is a single part."""
MAX_NAME = 200
"""Characters of a field's name; one that is longer is no part, for it would stand in a path."""
MAX_VALUE = 2000
"""Characters of a value that are decoded; a label shows the first hundred."""

Field = tuple[str, str]
"""Name, "" for a line that is no field, with the space that may stand before the colon (RFC 5322
section 4.5); and all that follows it, the colon included."""

_EMPTY = re.compile(rb"\n\r?\n")
_FIELDS = re.compile(r"^([!-9;-~]++[ \t]*+)(:[^\n]*\n(?:[ \t][^\n]*\n)*)", re.MULTILINE)
_LINE = re.compile(r"((?:[!-9;-~]++[ \t]*+)?(?=:)|From |(?=[ \t]))([^\n]*(?:\n[ \t][^\n]*)*\n?)")
_SEPARATOR = re.compile(r"\r?\n")
_LEAD = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*+\r?\n)*+")
_BEGIN = re.compile(rb"(?:[ \t][^\n]*+\n)*+(?:>From [^\n]*+\n)?(?:From |[!-9;-~]++[ \t]*+:)")
_QUOTED = re.compile(rb">From [^\n]*+\n(?=[!-9;-~]++[ \t]*+:)")


def find_lead(head: bytes) -> int | None:
    """Return where the header begins in a message with these first bytes, None if none does.

    A byte order mark may stand before it, and empty lines.
    """
    lead = _LEAD.match(head)
    assert lead is not None
    return lead.end() if _BEGIN.match(head, lead.end()) else None


def begins_as_message(head: bytes) -> bool:
    """Return whether a document with these first bytes is a message, whatever it is called: it says who
    it is from and, by the date or how it came, that it was sent."""
    lead = find_lead(head)
    found = (
        None if lead is None else find_header(head, 0, len(head), lead + quoted_line(head, lead))
    )
    names = {name.rstrip().lower() for name, _ in found[0]} if found else set[str]()
    return "from" in names and not names.isdisjoint(("date", "received", "message-id"))


def quoted_line(data: bytes | bytearray, start: int) -> int:
    """Return how many bytes a mailbox's separator has that stands quoted before a header's fields."""
    quoted = _QUOTED.match(data, start)
    return quoted.end() - start if quoted else 0


def find_header(
    data: bytes | bytearray, start: int, end: int, lead: int = 0
) -> tuple[list[Field], int] | None:
    """Return the fields of the header at `start`, and where the body begins; None if it is too long.

    The fields' lengths add up to the header without its empty line; `lead` bytes before the first are a
    line that is no field.
    """
    before = [("", str(data[start : start + lead], "latin-1"))] if lead else []
    start += lead
    limit = min(end, start + MAX_CUT_HEADER)
    found = _EMPTY.search(data, start, limit)
    if found:
        head = str(data[start : found.start() + 1], "latin-1")
        fields = _FIELDS.findall(head)
        if sum(map(len, chain.from_iterable(fields))) == len(head):
            return before + fields, found.end()
    head = str(data[start:limit], "latin-1")
    fields, at = [], 0
    while (line := _LINE.match(head, at)) and line.end() > at:
        name, rest = line.groups()
        fields.append(("", name + rest) if name == "From " else (name, rest))
        at = line.end()
    if at == len(head) and limit < end:
        return None
    separator = _SEPARATOR.match(head, at)
    return before + fields, start + (separator.end() if separator else at)


def first_of(fields: list[Field], wanted: str) -> str:
    """Return what follows the name of the first field of that name (lower case), "" for none."""
    for name, rest in fields:
        if name.rstrip().lower() == wanted:
            return rest
    return ""


def label_of_message(fields: list[Field]) -> str:
    """Return what a message is called by: subject, sender and date."""
    return joined({name: label_of(first_of(fields, name)) for name in ("subject", "from", "date")})


def joined(labels: dict[str, str]) -> str:
    """Return the label of a message out of its fields'."""
    # Room for a date (31 characters), a name or an address, and what is left for the subject.
    date = labels.get("date", "")[:31]
    sender = labels.get("from", "")[:30]
    subject = labels.get("subject", "")[: MAX_LABEL - len(date) - len(sender) - 6]
    return " · ".join(filter(None, (subject, sender, date)))


def label_of(value: str) -> str:
    """Return what follows a field's name, a colon first, as a label: decoded, on one line."""
    if value.isascii() and "=?" not in value:
        text = " ".join(value[1 : 2 * MAX_LABEL].split())
        if len(text) <= MAX_LABEL and text.isprintable():
            return text
        return plain(value[1:], MAX_LABEL)
    return _decoded(value[1:MAX_VALUE])


@lru_cache(1024)
def _decoded(value: str) -> str:
    return read_value(value.encode("latin-1")).marked(MAX_LABEL)
