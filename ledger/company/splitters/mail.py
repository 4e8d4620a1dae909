"""Mail: a message into header fields, body and MIME parts; an mbox into its messages.

A message's header runs to its first empty line (RFC 5322), which belongs to it, or to the first line
that can be no field. An mbox (RFC 4155) is cut where a line begins with "From " at the start or after
an empty line; that line, and the empty line before the next, belong to no message, so that an opened
message is one. Lines end in LF or CRLF. MIME parts: `ledger.company.splitters.mime`.

A document with too many parts is cut anew, more coarsely: without fields, then into messages alone.
"""

import re
from array import array
from collections.abc import Callable, Iterator
from enum import IntEnum

from ledger.company.splitters.cutting import (
    MAX_LABEL,
    MAX_PARTS,
    VERSIONS,
    WINDOW,
    Cutter,
    TooMany,
    Unsplit,
    Window,
)
from ledger.company.splitters.fields import (
    MAX_CUT_HEADER,
    MAX_FIELDS,
    MAX_NAME,
    Field,
    find_header,
    label_of,
)
from ledger.company.splitters.mime import cut_parts
from ledger.crypto.commitment import MAX_LEAF
from ledger.evidence.parts import Part, Splitting

MAX_MESSAGE = 64 << 20
"""Bytes of a message that are in memory to find its MIME parts; a larger one has a body only."""

_FROM = b"\nFrom "
_PROBE = 1 << 14
_MAIL = re.compile(rb"(?:>?From |[!-9;-~]+:)")
_LEADING = re.compile(rb"[\r\n]*From ")

_Message = tuple[int, int, str, str]
"""Start, end, path, and what stands before the paths of what is in it."""


class _Detail(IntEnum):
    MESSAGES = 0
    BODIES = 1
    FIELDS = 2


def split_message(window: Window) -> Splitting:
    """Return how a file that is one message is cut."""
    if not _MAIL.match(window.read(0, _PROBE)):
        raise Unsplit("it does not begin with a header field")
    return _cut("message", window, lambda: iter([(0, window.size, "message", "")]))


def split_mbox(window: Window) -> Splitting:
    """Return how a mailbox is cut."""
    separators, ends = _separators(window)

    def messages() -> Iterator[_Message]:
        bounds = zip(separators, ends, [*separators[1:], window.size], strict=True)
        for number, (separator, end, after) in enumerate(bounds, 1):
            start = _line_end(window, separator)
            if start >= end:  # A message of no bytes: what separates it stands for it.
                start, end = (start if start < after else separator), after
            path = f"message {number} of {len(separators)}"
            yield start, end, path, path + "/"

    return _cut("mbox", window, messages)


def _separators(window: Window) -> tuple["array[int]", "array[int]"]:
    """Return where each "From " line begins, and where the message after it ends."""
    leading = _LEADING.match(window.read(0, WINDOW))
    if not leading:
        raise Unsplit("it does not begin with a line `From ...`")
    separators, ends = array("Q", [leading.end() - 5]), array("Q")
    at = leading.end()
    while True:
        window.show(at - 2, min(at - 2 + WINDOW, window.size))
        data, base = window.data, window.base
        position = at - base
        while (position := data.find(_FROM, position)) >= 0:
            if data[position - 1] == 10:
                ends.append(base + position)
            elif data[position - 2 : position] == b"\n\r":
                ends.append(base + position - 1)
            else:
                position += 1
                continue
            position += 1
            separators.append(base + position)
            if len(separators) > MAX_PARTS:
                raise TooMany(MAX_PARTS, "messages")
        at = base + len(data) - 5
        if at + 5 == window.size:
            break
    tail = window.read(max(0, window.size - 3), 3)
    empty = 2 if tail == b"\n\r\n" else 1 if tail.endswith(b"\n\n") else 0
    ends.append(window.size - empty)
    return separators, ends


def _line_end(window: Window, start: int) -> int:
    """Return where the line at `start` ends; `start` itself where it is too long for one."""
    window.show(start, min(start + MAX_CUT_HEADER, window.size))
    at = start - window.base
    found = window.data.find(b"\n", at, at + MAX_CUT_HEADER)
    if found >= 0:
        return window.base + found + 1
    return window.size if start + MAX_CUT_HEADER >= window.size else start


def _cut(splitter: str, window: Window, messages: Callable[[], Iterator[_Message]]) -> Splitting:
    for detail in reversed(_Detail):
        cutter = Cutter(window.room)
        try:
            for message in messages():
                _cut_message(cutter, window, message, detail)
        except TooMany:
            continue
        if not cutter.overfull():
            return cutter.splitting(splitter, VERSIONS[splitter], window.size)
    raise TooMany(window.room)


def _cut_message(cutter: Cutter, window: Window, message: _Message, detail: _Detail) -> None:
    start, end, path, prefix = message
    window.show(start, min(end, start + WINDOW))
    base = window.base
    place = cutter.begin(start)
    found = find_header(window.data, start - base, min(end - base, len(window.data)))
    if found is None or detail == _Detail.MESSAGES:
        return cutter.end(place, end, path, _label(found[0]) if found else "")
    fields, body = found[0], base + found[1]
    header = cutter.begin(start)
    if detail == _Detail.FIELDS and len(fields) <= MAX_FIELDS:
        label, multipart = _cut_fields(cutter, start, fields, prefix + "header/")
    else:
        label, multipart = _label(fields), ""
    cutter.end(header, body, prefix + "header", "")
    if body < end:
        place_of_body = cutter.begin(body)
        if multipart and end - body <= MAX_MESSAGE:
            window.show(start, end)
            base = window.base
            cut_parts(cutter, window.data, base, (body, end), multipart, prefix)
        cutter.end(place_of_body, end, prefix + "body", "")
    cutter.end(place, end, path, label)
    return None


def _cut_fields(cutter: Cutter, start: int, fields: list[Field], prefix: str) -> tuple[str, str]:
    """Cut a header's fields; return a label for the message, and its Content-Type if it has parts."""
    parts, leaves = cutter.parts, cutter.leaves
    before = len(leaves)
    labels: dict[str, str] = {}
    numbers: dict[str, int] = {}
    multipart = ""
    for name, rest in fields:
        size = len(name) + len(rest)
        if size <= MAX_LEAF:
            leaves.append(size)
            count = 1
        else:
            cutter.passed(start)
            count = cutter.cut(start + size) - before
        lower = name.lower()
        label = label_of(rest)
        if lower not in labels:
            labels[lower] = label
            path = prefix + name
            if lower == "content-type":
                multipart = rest
        else:
            numbers[lower] = number = numbers.get(lower, 1) + 1
            path = f"{prefix}{name} {number}"
        if 0 < len(name) <= MAX_NAME:
            parts.append(Part(path, before + 1, count, label))
        before += count
        start += size
    cutter.passed(start)
    return _joined(labels), multipart


def _label(fields: list[Field]) -> str:
    labels: dict[str, str] = {}
    for name, rest in fields:
        lower = name.lower()
        if lower in ("subject", "from", "date") and lower not in labels:
            labels[lower] = label_of(rest)
    return _joined(labels)


def _joined(labels: dict[str, str]) -> str:
    # Room for a date (31 characters), a name or an address, and what is left for the subject.
    date = labels.get("date", "")[:31]
    sender = labels.get("from", "")[:30]
    subject = labels.get("subject", "")[: MAX_LABEL - len(date) - len(sender) - 6]
    return " · ".join(filter(None, (subject, sender, date)))
