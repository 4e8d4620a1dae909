"""Journal reports: what Exchange, Microsoft 365 and Google Workspace wrap around a journaled message.

A multipart whose first part says in words between whom the message went, Bcc and expanded groups
included, and whose next is the original. It is known by what stands in the first part, and by a field
that those programs set (`MARKS`) or, without one, by the original's Message-ID in it. Who the report
is from does not count. Anybody can write one: what it states is somebody's word, as From is.
"""

import re
from dataclasses import dataclass
from itertools import islice

from ledger.company.splitters.encoded import decode, true_encoding
from ledger.company.splitters.entities import Entities
from ledger.company.splitters.fields import Field, find_header, first_of
from ledger.company.splitters.media import encoding_of, media_of

MARKS = ("x-ms-journal-report", "x-gm-journal-id")
"""Fields of a report: Exchange since 2007 and Microsoft 365; Google Workspace."""
OLD_MARKS = ("content-identifier", "content-identifer")
OLD_MARK = "exjournalreport"
"""Fields of a report, one misspelt, and their value: Exchange 2003, Citadel."""
MAX_ENVELOPE = 1 << 20
"""Bytes of an envelope in words: some 10,000 recipients."""
RECIPIENTS = ("to", "cc", "bcc", "recipient", "recipients")
MESSAGES = ("message/rfc822", "message/global")

_SAID = re.compile(rb"^[ \t]*([a-z-]+)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_ID = re.compile(rb"<[^<>\s]+>")


@dataclass(frozen=True, slots=True)
class Report:
    """Where the entities of a report are, and the original in its own, whose encoding is stated."""

    boundaries: tuple[bytes, ...]
    envelope: tuple[int, int]
    entity: tuple[int, int]
    original: tuple[int, int]
    encoding: str


def find_report(data: bytes | bytearray, fields: list[Field], body: int, end: int) -> Report | None:
    """Return what a message is made of if it is a journal report. Raises nothing."""
    media = media_of(fields)
    if not media.multipart:
        return None
    envelope = words = None
    for low, high in islice(Entities().between(data, body, end, media.boundaries), 3):
        found = find_header(data, low, high)
        if not found:
            return None
        kind, encoding = media_of(found[0]).kind, encoding_of(found[0])
        if envelope is None or words is None:
            envelope = low, high
            words = _envelope_words(data, found[1], high, kind, encoding)
            if words is None:
                return None
        elif kind in MESSAGES:
            encoding = true_encoding(data, found[1], high, encoding)
            original = bytes(data[found[1] : high])
            if _marked(fields) or _same_id(words, decode(original, encoding)):
                return Report(media.boundaries, envelope, (low, high), (found[1], high), encoding)
            return None
    return None


def original_of(message: bytes) -> bytes | None:
    """Return the message that a journal report is about, byte for byte; None if it is no report."""
    found = find_header(message, 0, len(message))
    report = found and find_report(message, found[0], found[1], len(message))
    if not report:
        return None
    start, end = report.original
    return decode(message[start:end], report.encoding)


def _envelope_words(
    data: bytes | bytearray, start: int, end: int, kind: str, encoding: str
) -> bytes | None:
    """Return an entity's text if it is an envelope in words."""
    if kind not in ("", "text/plain") or end - start > MAX_ENVELOPE:
        return None
    words = decode(bytes(data[start:end]), encoding) or b""
    said = {name.decode("ascii").lower() for name in _SAID.findall(words)}
    if "sender" in said and said.intersection(("message-id", *RECIPIENTS)):
        return words
    return None


def _marked(fields: list[Field]) -> bool:
    names = {name.lower() for name, _ in fields}
    return bool(names.intersection(MARKS)) or any(
        first_of(fields, name)[1:].strip().lower() == OLD_MARK for name in OLD_MARKS
    )


def _same_id(words: bytes, original: bytes | None) -> bool:
    found = original and find_header(original, 0, len(original))
    own = _ID.search(first_of(found[0], "message-id").encode("latin-1")) if found else None
    return own is not None and own[0] in _ID.findall(words)
