"""Journal reports: what Exchange, Microsoft 365 and Google Workspace wrap around a journaled message.

A multipart whose first part says in words between whom the message went, Bcc and expanded groups
included, and whose next is the original. It is known by what stands in the first part, and by a field
that those programs set (`MARKS`) or, without one, by the original's Message-ID in it. Who the report
is from does not count. Anybody can write one: what it states is somebody's word, as From is.
"""

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ledger.company.splitters.encoded import decode, true_encoding
from ledger.company.splitters.entities import Entities
from ledger.company.splitters.fields import Field, find_header, first_of
from ledger.company.splitters.media import Head, find_head

MARKS = ("x-ms-journal-report", "x-gm-journal-id")
"""Fields of a report: Exchange since 2007 and Microsoft 365; Google Workspace."""
OLD_MARKS = ("content-identifier", "content-identifer")
OLD_MARK = "exjournalreport"
"""Fields of a report, one misspelt, and their value: Exchange 2003, Citadel."""
MAX_ENVELOPE = 1 << 20
"""Bytes of an envelope in words: some 10,000 recipients."""
MAX_REPORTS = 10
"""Reports about reports."""
RECIPIENTS = ("to", "cc", "bcc", "recipient", "recipients")
MESSAGES = ("message/rfc822", "message/global")

_SAID = re.compile(rb"^[ \t]*([a-z-]+)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_SENDER = re.compile(rb"^[ \t]*sender[ \t]*:", re.IGNORECASE | re.MULTILINE)
_NEAR = 4096
"""Bytes in which a report that has no mark says who sent the original."""
_ID = re.compile(rb"<[^<>\s]+>")
_LINE = rb"[^\n]*+"
_SOFT_LINE = rb"(?:[^\n]*=\r?\n)*+[^\n]*+"
"""A line of quoted-printable, with those that it goes on in."""


def _said(line: bytes) -> re.Pattern[bytes]:
    name = rb"[a-z][a-z-]*+[ \t]*+:"
    more = rb"(?:\n(?!\r?\n|" + name + rb")" + line + rb")*+"
    return re.compile(
        rb"^([a-z][a-z-]*+)[ \t]*+(:" + line + more + rb"\n?)", re.IGNORECASE | re.MULTILINE
    )


_WORDS, _SOFT_WORDS = _said(_LINE), _said(_SOFT_LINE)


@dataclass(frozen=True, slots=True)
class Said:
    """What a line of an envelope says of whom: `value` follows the name, a colon first (Latin-1)."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Report:
    """Where the entities of a report are, and the original in its own, whose encoding is stated."""

    boundaries: tuple[bytes, ...]
    envelope: tuple[int, int]
    entity: tuple[int, int]
    original: tuple[int, int]
    encoding: str


def find_report(data: bytes | bytearray, head: Head, end: int) -> Report | None:
    """Return what a message with that header is made of if it is a journal report. Raises nothing."""
    media, body = head.media, head.body
    if not media.multipart:
        return None
    marked = _marked(head.fields)
    if not marked and not _SENDER.search(data, body, min(body + _NEAR, end)):
        return None
    envelope = said = None
    for low, high in islice(Entities().between(data, body, end, media.boundaries), 3):
        found = find_head(data, low, high)
        if not found:
            return None
        kind, encoding = found.media.kind, found.encoding
        if envelope is None or said is None:
            envelope = low, high
            said = _envelope_words(data, found.body, high, kind, encoding)
            if said is None:
                return None
        elif kind in MESSAGES:
            encoding = true_encoding(data, found.body, high, encoding)
            original = bytes(data[found.body : high])
            if marked or _same_id(said, decode(original, encoding)):
                return Report(media.boundaries, envelope, (low, high), (found.body, high), encoding)
            return None
    return None


def original_of(message: bytes) -> bytes | None:
    """Return the message that a journal report is about, byte for byte; None if it is no report.

    Of a report about a report it is the innermost.
    """
    found: bytes | None = None
    for _ in range(MAX_REPORTS):
        head = find_head(message, 0, len(message))
        report = head and find_report(message, head, len(message))
        if not report:
            break
        start, end = report.original
        original = decode(message[start:end], report.encoding)
        if original is None:
            break
        found = message = original
    return found


def words(data: bytes | bytearray, start: int, end: int, soft: bool) -> Iterator[Said]:
    """Yield what an envelope says, a line each with what continues it; `soft`: quoted-printable."""
    for each in (_SOFT_WORDS if soft else _WORDS).finditer(data, start, end):
        value = quopri.decodestring(each[2]) if soft else bytes(each[2])
        yield Said(each[1].decode("ascii"), value.decode("latin-1"), each.start(), each.end())


def _envelope_words(
    data: bytes | bytearray, start: int, end: int, kind: str, encoding: str
) -> bytes | None:
    """Return an entity's text if it is an envelope in words."""
    if kind not in ("", "text/plain") or end - start > MAX_ENVELOPE:
        return None
    said = decode(bytes(data[start:end]), encoding) or b""
    names = {name.decode("ascii").lower() for name in _SAID.findall(said)}
    if "sender" in names and names.intersection(("message-id", *RECIPIENTS)):
        return said
    return None


def _marked(fields: list[Field]) -> bool:
    names = {name.rstrip().lower() for name, _ in fields if name[:1] in "xX"}
    return bool(names.intersection(MARKS)) or any(
        first_of(fields, name)[1:].strip().lower() == OLD_MARK for name in OLD_MARKS
    )


def _same_id(said: bytes, original: bytes | None) -> bool:
    found = original and find_header(original, 0, len(original))
    own = _ID.search(first_of(found[0], "message-id").encode("latin-1")) if found else None
    return own is not None and own[0] in _ID.findall(said)
