"""MIME (RFC 2046): the parts of a multipart body, numbered as IMAP does (RFC 9051 section 6.4.5).

A line that is the boundary of an outer multipart ends everything inside it, and the line end before a
boundary belongs to the boundary: both as Python's `email.parser` has it. A message that is forwarded as
a part lends its parts its own number.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from ledger.company.splitters.cutting import MAX_LABEL, Cutter, plain
from ledger.company.splitters.fields import MAX_VALUE, Field, find_header, label_of
from ledger.reading.header import parameters

MAX_DEPTH = 20
"""Multiparts and messages inside each other; what is deeper is cut no further."""
MAX_ENTITIES = 10_000
"""Parts of a message; the body that has more is cut no further."""
MAX_LINES = 10 * MAX_ENTITIES
"""Lines of a body that begin like a boundary, each level's counted. What is behind them is not cut."""
MAX_HARD = 2 << 20
"""Characters of a document's fields that are read in full where they are hard to read, some seconds;
no such field behind them says a type."""

_TYPES = re.compile(r":\s*(multipart|message)/", re.IGNORECASE)
_SIMPLE = re.compile(
    r":\s*+[a-z0-9.+-]++(?:/[a-z0-9.+-]++)?\s*+"
    r'(?:;\s*+[a-z0-9-]++=(?:"[^"\\;]*+"|[^\s"\\;]++)\s*+)*+;?\s*+',
    re.IGNORECASE,
)
_PARAMETER = re.compile(r';\s*([a-z0-9-]+)=(?:"([^"\\;]*)"|([^\s"\\;]+))', re.IGNORECASE)
_END = re.compile(rb"(--)?[ \t]*(?:\r?\n|\Z)")
_MESSAGES = ("message/rfc822", "message/global")


def cut_parts(
    cutter: Cutter,
    data: bytes | bytearray,
    base: int,
    body: tuple[int, int],
    content_type: str,
    prefix: str,
) -> None:
    """Cut the body of a message with that Content-Type (what follows the field's name).

    `data` holds it, and its header, from offset `base` on. Raises TooMany.
    """
    if _TYPES.match(content_type):
        _Body(cutter, data, base, prefix).cut(*body, content_type, "", 0)


class _Body:
    def __init__(self, cutter: Cutter, data: bytes | bytearray, base: int, prefix: str) -> None:
        self._cutter = cutter
        self._data = data
        self._base = base
        self._prefix = prefix
        self._entities = 0
        self._lines = 0

    def cut(self, start: int, end: int, content_type: str, number: str, depth: int) -> None:
        """Cut what is inside an entity of that type whose body is there."""
        if depth == MAX_DEPTH:
            return
        kind, boundary, _ = self._parsed(content_type)
        if kind.startswith("multipart/"):
            if boundary:
                inner = "message/rfc822" if kind == "multipart/digest" else "text/plain"
                self._multipart(start, end, boundary, inner, number, depth)
        elif kind in _MESSAGES:
            found = self._header(start, end)
            if found and _TYPES.match(inner := _first(found[0], "content-type")):
                self.cut(found[1], end, inner, number, depth + 1)

    def _multipart(
        self, start: int, end: int, boundary: bytes, default: str, number: str, depth: int
    ) -> None:
        for counted, (low, high) in enumerate(self._between(start, end, boundary), 1):
            inner = f"{number}.{counted}" if number else str(counted)
            self._entities += 1
            if self._entities > MAX_ENTITIES:
                return
            if low < high:  # One of no bytes has a number all the same.
                self._entity(low, high, default, inner, depth)

    def _entity(self, start: int, end: int, default: str, number: str, depth: int) -> None:
        cutter, path = self._cutter, f"{self._prefix}part {number}"
        place = cutter.begin(start)
        label = ""
        if found := self._header(start, end):
            fields, body = found
            content_type = _first(fields, "content-type")
            kind, _, name = self._parsed(content_type)
            if not content_type or "/" not in kind:
                content_type = ":" + default
                kind = default
            file = self._parsed(_first(fields, "content-disposition"))[2] or name
            label = plain(f"{kind} · {file}" if file else kind, MAX_LABEL)
            if kind.startswith("multipart/"):
                self.cut(body, end, content_type, number, depth + 1)
            elif body < end:
                inside = cutter.begin(body)
                if kind in _MESSAGES:
                    self.cut(body, end, content_type, number, depth + 1)
                cutter.end(inside, end, path + "/body", "")
        cutter.end(place, end, path, label)

    def _parsed(self, value: str) -> tuple[str, bytes, str]:
        cutter = self._cutter
        if cutter.hard > MAX_HARD and not _SIMPLE.fullmatch(value[:MAX_VALUE]):
            return "", b"", ""
        kind, boundary, file, hard = _parsed(value)
        cutter.hard += hard
        return kind, boundary, file

    def _header(self, start: int, end: int) -> tuple[list[Field], int] | None:
        found = find_header(self._data, start - self._base, end - self._base)
        return found and (found[0], found[1] + self._base)

    def _between(self, start: int, end: int, boundary: bytes) -> Iterator[tuple[int, int]]:
        """Yield where each entity between two boundaries begins and ends."""
        data, base = self._data, self._base
        delimiter = b"\n--" + boundary
        limit = end - base
        at, begin = start - base - 1, -1
        while (at := data.find(delimiter, at, limit)) >= 0:
            self._lines += 1
            if self._lines > MAX_LINES:
                return
            line = _END.match(data, at + len(delimiter), limit)
            if not line:
                at += 1
                continue
            high = at - 1 if data[at - 1] == 13 else at
            if 0 <= begin <= high:
                yield begin + base, high + base
            if line[1]:
                return
            begin, at = line.end(), line.end() - 1
        if 0 <= begin < limit:
            yield begin + base, end


def _first(fields: list[Field], wanted: str) -> str:
    return next((rest for name, rest in fields if name.lower() == wanted), "")


@lru_cache(1024)
def _parsed(value: str) -> tuple[str, bytes, str, int]:
    """Return the media type or disposition, the boundary, and the file name of a field; and how many
    characters were hard to read."""
    value = value[:MAX_VALUE]
    if _SIMPLE.fullmatch(value):
        found: dict[str, str] = {}
        for name, quoted, bare in _PARAMETER.findall(value):
            found.setdefault(name.lower(), quoted or bare)
        kind = value[1:].partition(";")[0].strip().lower()
        file = found.get("filename") or found.get("name") or ""
        return kind, found.get("boundary", "").rstrip().encode("latin-1"), label_of(":" + file), 0
    return (*_parsed_in_full(value[1:]), len(value)) if value else ("", b"", "", 0)


def _parsed_in_full(value: str) -> tuple[str, bytes, str]:
    """Return the same of a field that RFC 2231, comments or carelessness have made hard to read."""
    kind, found = parameters(value.encode("latin-1"))
    file = found.get("filename") or found.get("name")
    boundary = found["boundary"].text.encode("utf-8") if "boundary" in found else b""
    return kind, boundary, file.marked(MAX_LABEL) if file else ""
