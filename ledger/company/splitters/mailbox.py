"""Where the messages of an mbox lie: RFC 4155, and what programs have written beside it.

A message is separated from the one before it by a line `From `, a sender and a date, after an empty
line or before a header field. A line `From ` of somebody's letter is none, and neither is the first
line of a patch by git, whose date is always the same, except in a mailbox that begins with one. A
mailbox whose first line has no date is cut where such a line stands between an empty line and a field.

A message that states its Content-Length ends there if a separator or the mailbox's end follows.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ledger.company.splitters.cutting import WINDOW, Unsplit, Window
from ledger.company.splitters.fields import MAX_CUT_HEADER
from ledger.evidence import notices

_FROM = b"\nFrom "
_MAX_LINE = 1024
"""Bytes of a line that may be a separator."""
_FIRST = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*+(?=From )")
_DAY = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TIME = rb"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?"
_DATED = re.compile(
    rb"From (?!" + _DAY + rb")[^\r\n]*[^ \t\r\n][ \t]+" + _DAY + rb",?[ \t]+(?:"
    # Tue Mar  3 09:14:22 [CST] 2026, as asctime writes it; Tue, 3 Mar 2026 09:14:22, as RFC 5322 does.
    + _MONTH + rb"[ \t]+[0-9]{1,2}[ \t]+" + _TIME
    + rb"(?:[ \t]+[A-Za-z+-][A-Za-z0-9+:-]*){0,2}[ \t]+(?:[0-9]{2}){1,2}"
    + rb"|[0-9]{1,2}[ \t]+" + _MONTH + rb"[ \t]+[0-9]{4}[ \t]+" + _TIME
    + rb")(?:[ \t]+[^ \t\r\n]+){0,4}[ \t]*(?:\r?\n|\Z)"
)  # fmt: skip
_GIT = re.compile(rb"From [0-9a-f]+ Mon Sep 17 00:00:00 2001\r?\n")
_FIELD = re.compile(rb"(?:>?From |[!-9;-~]+[ \t]*:)")
_EMPTY = re.compile(rb"\n\r?\n")
_LENGTH = re.compile(
    rb"^Content-Length:[ \t]*([0-9]{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_AFTER = re.compile(rb"(?:\r?\n){0,2}(?:(?=From )|\Z)")


class Bounds(NamedTuple):
    """Where a message's separator begins, where it begins and ends, and where the next one's does."""

    separator: int
    start: int
    end: int
    after: int


def find_messages(window: Window, resume: int = 0) -> Iterator[Bounds]:
    """Yield where each message of a mailbox lies; `resume` is an earlier one's `after`, 0 for none.

    Raises Unsplit where it does not begin as a mailbox does, and SourceChanged.
    """
    first = _FIRST.match(window.read(0, WINDOW))
    if not first:
        raise Unsplit(notices.NO_MAILBOX.line())
    finder = _Finder(window, first.end())
    separator = resume or first.end()
    while separator < window.size:
        found = finder.message(separator)
        yield found
        separator = found.after


def begins_as_mailbox(head: bytes) -> bool:
    """Return whether a document with these first bytes is an mbox, whatever it is called."""
    first = _FIRST.match(head)
    line = first and _DATED.match(head, first.end())
    return bool(line and _FIELD.match(head, line.end()))


class _Finder:
    def __init__(self, window: Window, first: int) -> None:
        self._window = window
        line = window.read(first, _MAX_LINE)
        self._dated = _DATED.match(line) is not None
        self._git = _GIT.match(line) is not None

    def message(self, separator: int) -> Bounds:
        """Return the bounds of the message behind the separator there."""
        start = self._line_end(separator)
        end, after = self._stated(start) or self._found(separator, start)
        return Bounds(separator, start, end, after)

    def _line_end(self, start: int) -> int:
        """Return where the line at `start` ends; `start` itself where it is too long for one."""
        window = self._window
        window.show(start, min(start + MAX_CUT_HEADER, window.size))
        at = start - window.base
        found = window.data.find(b"\n", at, at + MAX_CUT_HEADER)
        if found >= 0:
            return window.base + found + 1
        return window.size if start + MAX_CUT_HEADER >= window.size else start

    def _stated(self, start: int) -> tuple[int, int] | None:
        """Return where a message ends, and its separator begins, as its Content-Length says."""
        window = self._window
        window.show(start, min(start + MAX_CUT_HEADER, window.size))
        at = start - window.base
        header = _EMPTY.search(window.data, at, at + MAX_CUT_HEADER)
        if not header:
            return None
        stated = _LENGTH.findall(window.data, at, header.end())
        end = window.base + header.end() + int(stated[0]) if len(stated) == 1 else window.size + 1
        if end > window.size:
            return None
        before, behind = window.read(end - 1, 1), window.read(end, _MAX_LINE)
        after = _AFTER.match(behind)
        if not after or (after.end() == 0 and behind and before != b"\n"):
            return None
        line = behind[after.end() :]
        if line and not (_DATED.match(line) if self._dated else True):
            return None
        return end, end + after.end()

    def _found(self, separator: int, start: int) -> tuple[int, int]:
        """Return the same by the next line that separates."""
        window, at = self._window, max(start - 1, separator + 1)
        while at + len(_FROM) <= window.size:
            window.show(at, at + len(_FROM))
            position = window.data.find(_FROM, at - window.base)
            if position < 0:
                at = window.base + len(window.data) - len(_FROM) + 1
                continue
            at = window.base + position + 1
            window.show(max(start, at - 3), min(at + 2 * _MAX_LINE, window.size))
            dated = self._is_dated(at - window.base)
            if not dated and self._dated:
                continue
            empty = self._empty_line(start, at)
            if (dated and empty) or ((dated or empty) and self._before_field(at - window.base)):
                return at - empty, at
        window.show(max(start, window.size - 3), window.size)
        return window.size - self._empty_line(start, window.size), window.size

    def _empty_line(self, start: int, at: int) -> int:
        """Return how many bytes the empty line has that ends at `at`, in a message from `start` on."""
        low = max(start, at - 3)
        before = self._window.data[low - self._window.base : at - self._window.base]
        for empty in (b"\r\n", b"\n"):
            if before.endswith(b"\n" + empty) or (bytes(before) == empty and low == start):
                return len(empty)
        return 0

    def _is_dated(self, line: int) -> bool:
        data = self._window.data
        if not _DATED.match(data, line, line + _MAX_LINE):
            return False
        return self._git or not _GIT.match(data, line, line + _MAX_LINE)

    def _before_field(self, line: int) -> bool:
        end = self._window.data.find(b"\n", line, line + _MAX_LINE)
        return end >= 0 and bool(_FIELD.match(self._window.data, end + 1))
