"""The entities of a multipart body (RFC 2046): what lies between its boundaries.

The line end before a boundary belongs to the boundary, as Python's `email.parser` has it.
"""

import re
from collections.abc import Iterator

MAX_ENTITIES = 10_000
"""Parts of a message; the body that has more is cut no further."""
MAX_LINES = 10 * MAX_ENTITIES
"""Lines of a body that begin like a boundary, each level's counted. What is behind them is not cut."""

_END = re.compile(rb"(--)?[ \t]*(?:\r?\n|\Z)")


class Entities:
    """Finds entities; counts what it finds and what it looks at, over all bodies of a message."""

    def __init__(self) -> None:
        self._found = 0
        self._lines = 0

    def between(
        self, data: bytes | bytearray, start: int, end: int, boundaries: tuple[bytes, ...]
    ) -> Iterator[tuple[int, int]]:
        """Yield where each entity of a body begins and ends, under the first boundary that is in it."""
        for boundary in boundaries:
            any_line = False
            for low, high in self._under(data, start, end, boundary):
                any_line = True
                if low > high:
                    continue
                self._found += 1
                if self._found > MAX_ENTITIES:
                    return
                yield low, high
            if any_line:
                return

    def _under(
        self, data: bytes | bytearray, start: int, end: int, boundary: bytes
    ) -> Iterator[tuple[int, int]]:
        """Yield the same for one boundary; (1, 0) for its first line, which ends nothing."""
        delimiter = b"\n--" + boundary
        at, begin = start - 1, -1
        while (at := data.find(delimiter, at, end)) >= 0:
            self._lines += 1
            if self._lines > MAX_LINES:
                return
            line = _END.match(data, at + len(delimiter), end)
            if not line:
                at += 1
                continue
            high = at - 1 if data[at - 1] == 13 else at
            yield (begin, high) if begin >= 0 else (1, 0)
            if line[1]:
                return
            begin, at = line.end(), line.end() - 1
        if 0 <= begin < end:
            yield begin, end
