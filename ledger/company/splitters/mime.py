"""A message: its header, body and MIME parts, numbered as IMAP does (RFC 9051 section 6.4.5).

A line that is the boundary of an outer multipart ends everything inside it, as Python's `email.parser`
has it. A message that is a part has a header and a body of its own, `part 2/message/header`, and lends
its parts its number; one in base64 is cut as far as its bytes allow (`encoded`). A journal report
(`journal`) stands around the message that it is about, which has the names that it would have alone.
"""

import re
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import islice

from ledger.company.splitters.cutting import MAX_LABEL, Cutter, plain
from ledger.company.splitters.encoded import (
    Plain,
    Text,
    begins_as_letter,
    decode,
    inner_text,
    true_encoding,
)
from ledger.company.splitters.entities import Entities
from ledger.company.splitters.fields import (
    MAX_FIELDS,
    MAX_NAME,
    Field,
    find_header,
    find_lead,
    joined,
    label_of,
    label_of_message,
    quoted_line,
)
from ledger.company.splitters.journal import MESSAGES, Report, find_report, words
from ledger.company.splitters.media import Head, Media, find_head
from ledger.crypto.commitment import MAX_LEAF
from ledger.evidence.parts import Part

MAX_DEPTH = 20
"""Multiparts and messages inside each other; what is deeper is cut no further."""

_HEADERS = ("text/rfc822-headers", "message/rfc822-headers")
"""A message of which only the header came back (RFC 6522)."""
_PROBE = 1 << 12
_FILE = re.compile(r"\.eml$", re.IGNORECASE)
_COPIED = ("sender", "subject", "message-id")
"""What an envelope in words repeats of the original, which is found by it."""


class Detail(IntEnum):
    """How finely mail is cut."""

    MESSAGES = 0
    BODIES = 1
    FIELDS = 2


def has_parts(head: Head) -> bool:
    """Return whether there may be parts in the body below a header, so that it is to be read."""
    return head.media.multipart or head.media.kind in MESSAGES


@dataclass(frozen=True, slots=True)
class Name:
    """What a message is called: its path, what stands before the paths of its header and body, its
    number as a part; how many messages and multiparts are around it, and the report that is."""

    path: str
    inside: str
    number: str = ""
    depth: int = 0
    report: str = ""


class Message:
    """Cuts one message; `prefix` stands before the paths of its parts. Its methods raise TooMany."""

    def __init__(
        self, cutter: Cutter, prefix: str, detail: Detail, entities: Entities | None = None
    ) -> None:
        self._cutter = cutter
        self._prefix = prefix
        self._detail = detail
        self._entities = entities or Entities()

    def cut(self, text: Text, start: int, end: int, head: Head | None, name: Name) -> None:
        """Cut the message that stands there, whose header is that, None for one that is too long.

        A text that ends before `end` is not all in memory: such a message has a body only.
        """
        cutter = self._cutter
        whole = end <= len(text.data) and name.depth < MAX_DEPTH
        if whole and head and (report := find_report(text.data, head, end)):
            return self._report(text, (start, head.body, end), report, name)
        place = cutter.begin(text.at(start))
        label = ""
        if head and self._detail == Detail.MESSAGES:
            label = label_of_message(head.fields)
        elif head:
            label = self._header(text, start, head, name.inside)
            if text.at(head.body) < text.at(end):
                inner = cutter.begin(text.at(head.body))
                if not whole and has_parts(head):
                    cutter.closed.append(name.path)
                elif whole and self._detail == Detail.FIELDS:
                    self._inside(text, head, end, name.number, name.depth)
                cutter.end(inner, text.at(end), name.inside + "body", "")
        cutter.end(place, text.at(end), name.path, label)
        return None

    def _inside(self, text: Text, head: Head, end: int, number: str, depth: int) -> None:
        """Cut what is in a body: the parts of a multipart, or a message."""
        media, start = head.media, head.body
        if media.multipart:
            default = "message/rfc822" if media.kind == "multipart/digest" else "text/plain"
            entities = self._entities.between(text.data, start, end, media.boundaries)
            for counted, (low, high) in enumerate(entities, 1):
                inner = f"{number}.{counted}" if number else str(counted)
                if low < high:  # One of no bytes has a number all the same.
                    self._entity(text, low, high, default, inner, depth + 1)
        elif media.kind in MESSAGES:
            number = f"{number}.1" if number else "1"
            path = f"{self._prefix}part {number}/message"
            name = Name(path, path + "/", number, depth + 1)
            self._message(text, start, end, head.encoding, name)

    def _entity(
        self, text: Text, start: int, end: int, default: str, number: str, depth: int
    ) -> None:
        cutter, path = self._cutter, f"{self._prefix}part {number}"
        if text.at(start) == text.at(end):
            return
        place = cutter.begin(text.at(start))
        label = ""
        if head := find_head(text.data, start, end):
            media, body = head.media, head.body
            if "/" not in media.kind:
                media = Media("text/plain" if "content-type" in head.stated else default)
            file = head.file
            label = plain(" · ".join(filter(None, (media.kind, file.marked(MAX_LABEL)))), MAX_LABEL)
            if media.multipart and depth >= MAX_DEPTH:
                cutter.closed.append(path)
            elif media.multipart:
                self._inside(text, head, end, number, depth)
            elif not media.kind.startswith("multipart/") and text.at(body) < text.at(end):
                encoding = head.encoding
                if _is_message(media.kind, file.text, text, body, end, encoding):
                    inner = Name(f"{path}/message", f"{path}/message/", number, depth + 1)
                    self._message(text, body, end, encoding, inner)
                else:
                    inside = cutter.begin(text.at(body))
                    cutter.end(inside, text.at(end), path + "/body", "")
        cutter.end(place, text.at(end), path, label)

    def _message(self, text: Text, start: int, end: int, encoding: str, name: Name) -> None:
        """Cut a message inside another; it is one part where none of its own has bytes to itself."""
        if text.at(start) == text.at(end):
            return None
        encoding = true_encoding(text.data, start, end, encoding)
        if inner := inner_text(text, start, end, encoding):
            text, start, end = inner
            return self.cut(text, start, end, _head_inside(text.data, start, end), name)
        self._cutter.closed.append(name.path)
        place = self._cutter.begin(text.at(start))
        self._cutter.end(place, text.at(end), name.path, _label(text, start, end, encoding))
        return None

    def _header(self, text: Text, start: int, head: Head, inside: str) -> str:
        """Cut a header; return a label for the message."""
        cutter, fields, body = self._cutter, head.fields, head.body
        if text.at(start) == text.at(body):
            return label_of_message(fields)
        place = cutter.begin(text.at(start))
        if self._detail == Detail.FIELDS and len(fields) <= MAX_FIELDS:
            cut_fields = self._fields if isinstance(text, Plain) else self._encoded_fields
            label = cut_fields(text, start, fields, inside + "header/")
        else:
            label = label_of_message(fields)
        cutter.end(place, text.at(body), inside + "header", "")
        return label

    def _fields(self, text: Text, start: int, fields: list[Field], prefix: str) -> str:
        cutter, at = self._cutter, text.at(start)
        parts, leaves = cutter.parts, cutter.leaves
        before, filled = len(leaves), at
        names = _Names(prefix)
        for written, rest in fields:
            size, name = len(written) + len(rest), written.rstrip()
            if 0 < len(name) <= MAX_NAME:
                if filled < at:
                    cutter.passed(filled)
                    before = cutter.cut(at)
                if size <= MAX_LEAF:
                    leaves.append(size)
                    count = 1
                else:
                    cutter.passed(at)
                    count = cutter.cut(at + size) - before
                path, label = names.take(name, rest)
                parts.append(Part(path, before + 1, count, label))
                before += count
                filled = at + size
            at += size
        cutter.passed(filled)
        return joined(names.labels)

    def _encoded_fields(self, text: Text, start: int, fields: list[Field], prefix: str) -> str:
        names = _Names(prefix)
        for name, rest in fields:
            end = start + len(name) + len(rest)
            path, label = names.take(name.rstrip(), rest)
            if 0 < len(name) <= MAX_NAME and text.at(start) < text.at(end):
                place = self._cutter.begin(text.at(start))
                self._cutter.end(place, text.at(end), path, label)
            start = end
        return joined(names.labels)

    def _report(self, text: Text, bounds: tuple[int, int, int], report: Report, name: Name) -> None:
        """Cut a journal report: around the original, which has its paths as if it stood alone."""
        cutter, (start, body, end) = self._cutter, bounds
        before, _, after = name.path.rpartition("message")
        path = f"{name.report}/report" if name.report else f"{before}report{after}"
        inner = replace(name, depth=name.depth + 1, report=path)
        place = cutter.begin(text.at(start))
        header = cutter.begin(text.at(start))
        cutter.end(header, text.at(body), path + "/header", "")
        around = Message(cutter, path + "/", self._detail, self._entities)
        entities = self._entities.between(text.data, body, end, report.boundaries)
        for counted, (low, high) in enumerate(entities, 1):
            if (low, high) == report.envelope:
                self._envelope(text, low, high, path + "/envelope")
            elif (low, high) == report.entity:
                self._message(text, *report.original, report.encoding, inner)
            elif self._detail == Detail.FIELDS:
                around._entity(text, low, high, "text/plain", str(counted), inner.depth)
        cutter.end(place, text.at(end), path, "journal report")

    def _envelope(self, text: Text, start: int, end: int, path: str) -> None:
        """Cut an envelope in words: a part for each line that says who, with what continues it."""
        cutter = self._cutter
        place = cutter.begin(text.at(start))
        head = find_head(text.data, start, end)
        if head and self._detail == Detail.FIELDS:
            soft = (
                head.encoding == "quoted-printable"
            )  # Its lines are lines, but for those that go on.
            if inner := inner_text(text, head.body, end, "" if soft else head.encoding):
                self._words(*inner, path + "/", soft)
        cutter.end(place, text.at(end), path, "")

    def _words(self, text: Text, start: int, end: int, prefix: str, soft: bool) -> None:
        names = _Names(prefix)
        for said in islice(words(text.data, start, end, soft), MAX_FIELDS):
            path, label = names.take(said.name, said.value)
            low, high = text.at(said.start), text.at(said.end)
            if low < high and len(said.name) <= MAX_NAME:
                place = self._cutter.begin(low)
                self._cutter.end(place, high, path, "" if said.name.lower() in _COPIED else label)


class _Names:
    """The paths of fields, and the first value of each name as a label."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._numbers: dict[str, int] = {}
        self.labels: dict[str, str] = {}

    def take(self, name: str, rest: str) -> tuple[str, str]:
        """Return path and label of the next field."""
        lower, label = name.lower(), label_of(rest)
        if lower not in self.labels:
            self.labels[lower] = label
            return self._prefix + name, label
        self._numbers[lower] = number = self._numbers.get(lower, 1) + 1
        return f"{self._prefix}{name} {number}", label


def _head_inside(data: bytes | bytearray, start: int, end: int) -> Head | None:
    """Return the header of a message inside another, also behind empty lines or a mailbox's line."""
    head = find_head(data, start, end)
    if head is None or head.fields:
        return head
    lead = find_lead(bytes(data[start : min(end, start + _PROBE)])) or 0
    lead += quoted_line(data, start + lead)
    return find_head(data, start, end, lead) if begins_as_letter(data, start + lead, end) else head


def _is_message(kind: str, file: str, text: Text, start: int, end: int, encoding: str) -> bool:
    """Return whether a part is a message: by its type, or by a file's name and what it begins with."""
    if kind in MESSAGES or kind in _HEADERS:
        return True
    return bool(_FILE.search(file)) and begins_as_letter(*_decoded(text, start, end, encoding))


def _label(text: Text, start: int, end: int, encoding: str) -> str:
    found = find_header(*_decoded(text, start, end, encoding))
    return label_of_message(found[0]) if found else ""


def _decoded(text: Text, start: int, end: int, encoding: str) -> tuple[bytes | bytearray, int, int]:
    """Return the data that a body holds, and where it begins and ends in that."""
    if not encoding:
        return text.data, start, end
    data = decode(bytes(text.data[start:end]), encoding) or b""
    return data, 0, len(data)
