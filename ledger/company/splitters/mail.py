"""Mail: a file that is one message, and an mbox, cut into its messages; these: `splitters.mime`.

Where an mbox is cut: `splitters.mailbox`. The line that separates its messages belongs to none of them,
so that an opened message is one. Lines end in LF or CRLF, or all in CR.

A document with too many parts is cut anew, more coarsely: without fields, then into messages alone.
"""

import re
from array import array
from collections.abc import Callable, Iterator
from typing import NamedTuple

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
from ledger.company.splitters.fields import find_lead, quoted_line
from ledger.company.splitters.mailbox import find_messages
from ledger.company.splitters.media import find_head
from ledger.company.splitters.mime import Detail, Message, Name, has_parts
from ledger.evidence import notices
from ledger.evidence.parts import Splitting

MAX_MESSAGE = 64 << 20
"""Bytes of a message that are in memory to find its MIME parts; a larger one has a body only."""

_PROBE = 1 << 14
_COUNT = re.compile(rb"([0-9]{1,15})[ \t]*\r?\n")


class _Piece(NamedTuple):
    """A message, or (`prefix` None) what stands around one: its range and path, what stands before the
    paths of what is in it, and how many bytes before its header's first field."""

    start: int
    end: int
    path: str
    prefix: str | None = None
    lead: int = 0


def split_message(window: Window) -> Splitting:
    """Return how a file that is one message is cut."""
    window.settle_lines()
    return _cut("message", window, lambda: iter([_message(window, 0, window.size)]))


def split_emlx(window: Window) -> Splitting:
    """Return how a message of Apple Mail is cut: its size, the message, what Mail notes of it."""
    count = _COUNT.match(window.read(0, _PROBE))
    if not count or not 0 < int(count[1]) <= window.size - count.end():
        raise Unsplit(notices.NO_EMLX.line())
    start, end = count.end(), count.end() + int(count[1])
    message = _message(window, start, end)

    def pieces() -> Iterator[_Piece]:
        yield _Piece(0, start, "size")
        yield message
        if end < window.size:
            yield _Piece(end, window.size, "properties")

    return _cut("emlx", window, pieces)


def _message(window: Window, start: int, end: int) -> _Piece:
    lead = find_lead(window.read(start, min(_PROBE, end - start)))
    if lead is None:
        raise Unsplit(notices.NO_MESSAGE.line())
    return _Piece(start, end, "message", "", lead)


def split_mbox(window: Window) -> Splitting:
    """Return how a mailbox is cut: each byte of it belongs to a message or to what separates two."""
    window.settle_lines()
    starts, ends = array("Q"), array("Q")
    for found in find_messages(window):
        starts.append(found.start)
        ends.append(found.end)
        if len(starts) > MAX_PARTS:
            raise TooMany(MAX_PARTS, "messages")

    def messages() -> Iterator[_Piece]:
        at = 0
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1):
            path = f"message {number} of {len(starts)}"
            if start == end:  # A message of no bytes: what separates it stands for it.
                yield _Piece(at, end, path)
            else:
                if at < start:
                    yield _Piece(at, start, f"separator {number} of {len(starts)}")
                yield _Piece(start, end, path, path + "/")
            at = end
        if at < window.size:
            yield _Piece(at, window.size, "end")

    return _cut("mbox", window, messages)


def _cut(splitter: str, window: Window, pieces: Callable[[], Iterator[_Piece]]) -> Splitting:
    for detail in reversed(Detail):
        cutter = Cutter(window.room)
        try:
            for piece in pieces():
                _cut_message(cutter, window, piece, detail)
        except TooMany:
            continue
        if not cutter.overfull():
            return cutter.splitting(splitter, VERSIONS[splitter], window.size)
    raise TooMany(window.room)


def _cut_message(cutter: Cutter, window: Window, piece: _Piece, detail: Detail) -> None:
    start, end, path, prefix, lead = piece
    if prefix is None:
        return cutter.end(cutter.begin(start), end, path, "")
    window.show(start, min(end, start + WINDOW))
    at = start - window.base
    lead += quoted_line(window.data, at + lead)
    head = find_head(window.data, at, min(end - window.base, len(window.data)), lead)
    if head and has_parts(head) and end - start <= MAX_MESSAGE:
        window.show(start, end)
        head = head.moved(start - window.base - at)
    text, name = Plain(window.data, window.base), Name(path, prefix)
    at = start - window.base
    return Message(cutter, prefix, detail).cut(text, at, end - window.base, head, name)
