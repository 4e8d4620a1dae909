"""Mail: a file that is one message, and an mbox, cut into its messages; these: `splitters.mime`.

An mbox (RFC 4155) is cut where a line begins with "From " at the start or after an empty line; that
line, and the empty line before the next, belong to no message, so that an opened message is one. Lines
end in LF or CRLF.

A document with too many parts is cut anew, more coarsely: without fields, then into messages alone.
"""

import re
from array import array
from collections.abc import Callable, Iterator

from ledger.company.splitters.cutting import (
    MAX_PARTS,
    VERSIONS,
    WINDOW,
    Cutter,
    TooMany,
    Unsplit,
    Window,
)
from ledger.company.splitters.encoded import Plain
from ledger.company.splitters.fields import MAX_CUT_HEADER
from ledger.company.splitters.media import find_head
from ledger.company.splitters.mime import Detail, Message, Name, has_parts
from ledger.evidence.parts import Splitting

MAX_MESSAGE = 64 << 20
"""Bytes of a message that are in memory to find its MIME parts; a larger one has a body only."""

_FROM = b"\nFrom "
_PROBE = 1 << 14
_MAIL = re.compile(rb"(?:>?From |[!-9;-~]+:)")
_LEADING = re.compile(rb"[\r\n]*From ")

_Message = tuple[int, int, str, str]
"""Start, end, path, and what stands before the paths of what is in it."""


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
    for detail in reversed(Detail):
        cutter = Cutter(window.room)
        try:
            for message in messages():
                _cut_message(cutter, window, message, detail)
        except TooMany:
            continue
        if not cutter.overfull():
            return cutter.splitting(splitter, VERSIONS[splitter], window.size)
    raise TooMany(window.room)


def _cut_message(cutter: Cutter, window: Window, message: _Message, detail: Detail) -> None:
    start, end, path, prefix = message
    window.show(start, min(end, start + WINDOW))
    at = start - window.base
    head = find_head(window.data, at, min(end - window.base, len(window.data)))
    if head and has_parts(head) and end - start <= MAX_MESSAGE:
        window.show(start, end)
        head = head.moved(start - window.base - at)
    text, name = Plain(window.data, window.base), Name(path, prefix)
    Message(cutter, prefix, detail).cut(text, start - window.base, end - window.base, head, name)
