"""Text and Markdown: paragraphs, and sections under their headings.

A paragraph is what stands between empty lines, its last line end with it; in a text without an empty
line, each line is one. Lines end in LF, CRLF or CR. In Markdown (CommonMark) a heading and a fenced
block are paragraphs of their own, and a section runs from its heading to the next of the same or a
higher level. Cuts fall on line ends only, which no character of UTF-8 or GB18030 has in it; UTF-16 is
known by its byte order mark and cut on line ends of its own.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise

from ledger.company.splitters.cutting import (
    MAX_LABEL,
    MAX_PARTS,
    VERSIONS,
    Range,
    TooMany,
    Unsplit,
    Window,
    cut_ranges,
    plain,
)
from ledger.evidence import notices
from ledger.evidence.parts import Splitting
from ledger.reading.charsets import BEGINNING, How, decode

MAX_TEXT = 64 << 20
"""Bytes of a text, which is in memory: what is longer is a log or a table rather than a text."""
MAX_LINES = 1_000_000
"""Lines of a Markdown document, which are looked at one by one."""

_UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF_32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
_PROBE = 4096
_SAMPLE = 1 << 16
"""Bytes that a text's charset is known by."""
_SPACE = re.compile(rb"\s*")
LINE_END = re.compile(rb"\r\n?|\n")
_GAP = re.compile(rb"(?>\r\n?|\n)(?=[ \t\f\v]*+(?:[\r\n]|\Z))\s*+")

_FRONT_MATTER = re.compile(rb"---[ \t]*[\r\n]")
_FRONT_MATTER_END = re.compile(rb"[\r\n](?:---|\.\.\.)[ \t]*(?:[\r\n]|\Z)")
_MARKS = re.compile(r"\A {0,3}#{1,6}(?=\s|\Z)|\s#+\s*\Z")
_ATX = re.compile(rb" {0,3}(#{1,6})(?:[ \t]|[\r\n]|\Z)")
_FENCE = re.compile(rb" {0,3}(`{3,}+(?!.*`)|~{3,}+)")
_SETEXT = re.compile(rb" {0,3}(=++|-++)[ \t]*+[\r\n]*\Z")
_BREAK = re.compile(rb" {0,3}([-*_])[ \t]*+(?:\1[ \t]*+){2,}+[\r\n]*\Z")
_CODE = re.compile(rb" {4}| {0,3}\t")
_ITEM = re.compile(rb" {0,3}(?:>|(?:[-+*]|\d{1,9}[.)])(?:[ \t\r\n]|\Z))")
_INTERRUPTS = re.compile(rb" {0,3}(?:>|(?:[-+*]|0{0,8}1[.)])[ \t]+[^\s])")
"""Lines of quotations and lists, the latter where one ends a paragraph."""

_Bounds = tuple[int, int]


def split_text(window: Window) -> Splitting:
    """Return how a text is cut into paragraphs."""
    text = Text(window)
    return cut_ranges(
        "text", VERSIONS["text"], window.size, text.paragraphs(_paragraphs(text.lines)), window.room
    )


def split_markdown(window: Window) -> Splitting:
    """Return how a Markdown document is cut into sections and paragraphs."""
    text = Text(window)
    paragraphs, headings = _Markdown(text.lines).blocks()
    total = len(headings)
    ranges: list[Range] = []
    open_sections: list[tuple[int, int]] = []
    ends = [len(text.lines)] * total
    for number, (start, _, level) in enumerate(headings):
        while open_sections and open_sections[-1][1] >= level:
            ends[open_sections.pop()[0]] = start
        open_sections.append((number, level))
    for number, (start, heading_end, _) in enumerate(headings):
        label = text.label(start, heading_end, heading=True)
        low, high = text.place(start, ends[number])
        ranges.append((low, high, f"section {number + 1} of {total}", label))
    ranges += text.paragraphs(paragraphs)
    return cut_ranges("markdown", VERSIONS["markdown"], window.size, ranges, window.room)


class Text:
    """A text with one byte for each character or unit where lines are looked for, in `lines`."""

    def __init__(self, window: Window) -> None:
        if window.size > MAX_TEXT:
            raise Unsplit(notices.LARGE_TEXT.line(MAX_TEXT >> 20))
        data = window.read(0, window.size)
        self._data = data
        self._codec = _UTF_16.get(data[:2])
        self._width, self._begin = (2, 2) if self._codec else (1, 0)
        if data.startswith(_UTF_32) or (not self._codec and b"\0" in data[:_PROBE]):
            raise Unsplit(notices.UNKNOWN_TEXT.line())
        found = decode(data[:_SAMPLE], cut=BEGINNING)
        self._charset = found.charset
        self._mark = f" · guessed {found.charset}" if found.how is How.GUESSED else ""
        if self._codec:
            self.lines = _units(data, 0 if self._codec == "utf-16-le" else 1)
        else:
            self.lines = data
            if data.startswith(b"\xef\xbb\xbf"):
                self._begin = 3
                self.lines = data[3:]

    def place(self, start: int, end: int) -> _Bounds:
        """Return where a piece of `lines` is in the document."""
        at = self._begin
        last = len(self._data) if end == len(self.lines) else at + end * self._width
        return at + start * self._width, last

    def label(self, start: int, end: int, heading: bool = False, limit: int = MAX_LABEL) -> str:
        """Return the first words of a piece, without what marks a heading."""
        end = min(end, start + 4 * limit)
        low, high = self.place(start, end)
        data = self._data[low:high]
        text = decode(data, self._codec or self._charset, BEGINNING).text
        text = plain(_MARKS.sub("", text) if heading else text, limit - len(self._mark))
        return text if text.isascii() else text + self._mark

    def paragraphs(self, found: Iterable[_Bounds]) -> list[Range]:
        """Return paragraphs as parts. Raises TooMany."""
        bounds = list(islice(found, MAX_PARTS + 1))
        total = len(bounds)
        if total > MAX_PARTS:
            raise TooMany(MAX_PARTS, "paragraphs")
        return [
            (*self.place(start, end), f"paragraph {number} of {total}", self.label(start, end))
            for number, (start, end) in enumerate(bounds, 1)
        ]


def _units(data: bytes, low: int) -> bytes:
    """Return UTF-16 after its mark with one byte a unit: ASCII as it is, all else as 0xFF."""
    ascii_part, rest = data[2 + low :: 2], data[3 - low :: 2]
    size = min(len(ascii_part), len(rest))
    mask = rest[:size].translate(b"\0" + b"\xff" * 255)
    units = int.from_bytes(ascii_part[:size], "big") | int.from_bytes(mask, "big")
    return units.to_bytes(size, "big")


def _paragraphs(lines: bytes) -> Iterator[_Bounds]:
    first = _SPACE.match(lines)
    assert first
    start = _line_start(lines, 0, first.end())
    end = len(lines)
    if first.end() == end:
        return
    several = False
    for gap in _GAP.finditer(lines, start):
        stop = _end_of_first_line(lines, gap.start())
        if gap.end() == end:
            end = stop
            break
        yield start, stop
        several = True
        start = _line_start(lines, stop, gap.end())
    if several:
        yield start, end
    else:
        yield from _each_line(lines, start, end)


def _each_line(lines: bytes, start: int, end: int) -> Iterator[_Bounds]:
    while start < end:
        found = LINE_END.search(lines, start, end)
        stop = found.end() if found else end
        if lines[start:stop].strip():
            yield start, stop
        start = stop


def _end_of_first_line(lines: bytes, at: int) -> int:
    found = LINE_END.match(lines, at)
    assert found
    return found.end()


def _line_start(lines: bytes, start: int, at: int) -> int:
    """Return where the line begins that `at` is in; `start` at least."""
    return max(start, lines.rfind(b"\n", start, at) + 1, lines.rfind(b"\r", start, at) + 1)


class _Markdown:
    """One pass over the lines; only the blocks that bear headings, or hide them, are told apart."""

    def __init__(self, lines: bytes) -> None:
        self._lines = lines
        self._blocks: list[_Bounds] = []
        self._headings: list[tuple[int, int, int]] = []
        self._open = -1
        self._prose = False
        self._fence = b""

    def blocks(self) -> tuple[list[_Bounds], list[tuple[int, int, int]]]:
        """Return the paragraphs, and the headings: start, end, level. Raises Unsplit."""
        lines = islice(LINE_END.finditer(self._lines), MAX_LINES + 1)
        ends = [found.end() for found in lines]
        if len(ends) > MAX_LINES:
            raise Unsplit(notices.TOO_MANY_LINES.line(MAX_LINES))
        if not ends or ends[-1] != len(self._lines):
            ends.append(len(self._lines))
        front = bool(_FRONT_MATTER.match(self._lines) and _FRONT_MATTER_END.search(self._lines))
        for start, end in pairwise([0, *ends]):
            line = self._lines[start:end]
            if front:
                self._open = 0
                if start and line.rstrip() in (b"---", b"..."):
                    front = False
                    self._close(end)
            elif self._fence:
                if _closes(line, self._fence):
                    self._fence = b""
                    self._close(end)
            else:
                self._line(line, start, end)
        self._close(len(self._lines))
        return self._blocks, self._headings

    def _line(self, line: bytes, start: int, end: int) -> None:
        if not line.strip():
            self._close(start)
        elif atx := _ATX.match(line):
            self._close(start)
            self._blocks.append((start, end))
            self._headings.append((start, end, len(atx[1])))
        elif fence := _FENCE.match(line):
            self._close(start)
            self._open, self._fence = start, fence[1]
        elif self._open >= 0 and self._prose and (setext := _SETEXT.match(line)):
            self._headings.append((self._open, start, 1 if setext[1][:1] == b"=" else 2))
            self._close(end)
        elif _BREAK.match(line):
            self._close(start)
            self._blocks.append((start, end))
        elif self._open < 0:
            self._open, self._prose = start, not (_CODE.match(line) or _ITEM.match(line))
        elif _INTERRUPTS.match(line):
            self._prose = False

    def _close(self, end: int) -> None:
        if 0 <= self._open < end:
            self._blocks.append((self._open, end))
        self._open, self._prose = -1, False


def _closes(line: bytes, fence: bytes) -> bool:
    mark = line.strip(b" \t\r\n")
    return len(mark) >= len(fence) and mark == fence[:1] * len(mark)
