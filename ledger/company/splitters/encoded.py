"""Text in which a message stands, and where its bytes lie in the document: as they are, or in base64.

Four characters of base64 hold three bytes. Where a cut falls inside them, they go with what ends there,
unless that is only a line's end: so a line keeps its value, and what follows may lack the first
letter of its field's name. A file with CRLF loses nothing by this.
"""

import binascii
import quopri
import re
from bisect import bisect_right
from dataclasses import dataclass

from ledger.company.splitters.fields import find_header

LINE_END = b"\r\n"
_LETTER = ("from", "subject", "date", "message-id", "received")
_QUOTED = re.compile(rb"=(?:[0-9A-Fa-f]{2}|\r?\n)")
_NOT_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)")


@dataclass(frozen=True, slots=True)
class Plain:
    """Bytes that stand in the document as they are, from offset `base` on."""

    data: bytes | bytearray
    base: int = 0

    def at(self, position: int) -> int:
        """Return where the byte at a position lies in the document."""
        return self.base + position


@dataclass(frozen=True, slots=True)
class Base64:
    """Bytes that stand in the document in lines of base64: `data` are the bytes.

    `lines` has the number of the first character of each line, `starts` where that is in the document,
    `ends` where the whole ends there.
    """

    data: bytes
    lines: list[int]
    starts: list[int]
    ends: int

    def at(self, position: int) -> int:
        """Return where the document is cut for a cut in front of that byte."""
        if position >= len(self.data):
            return self.ends
        group, rest = divmod(position, 3)
        if self.data[position - rest : position].strip(LINE_END):
            group += 1
        character = 4 * group
        line = bisect_right(self.lines, character) - 1
        return min(self.starts[line] + character - self.lines[line], self.ends)


Text = Plain | Base64


def decode(data: bytes, encoding: str) -> bytes | None:
    """Return what stands in a transfer encoding; None for one that is unknown or damaged."""
    if not encoding:
        return data
    if encoding == "quoted-printable":
        return quopri.decodestring(data)
    if encoding == "base64":
        try:
            return binascii.a2b_base64(b"".join(data.split()), strict_mode=True)
        except binascii.Error:
            return None
    return None


def begins_as_letter(data: bytes | bytearray, start: int, end: int) -> bool:
    """Return whether there are fields of a message at `start`."""
    found = find_header(data, start, end)
    return found is not None and any(name.rstrip().lower() in _LETTER for name, _ in found[0])


def true_encoding(data: bytes | bytearray, start: int, end: int, stated: str) -> str:
    """Return the encoding of a message, "" where it is stated to have one and stands there as it is.

    Programs state one although a message must not have any (RFC 2046 section 5.2.1).
    """
    found = find_header(data, start, end)
    if not stated or found is None or not begins_as_letter(data, start, end):
        return stated
    head = bytes(data[start : found[1]])
    encoded = not _NOT_QUOTED.search(head) and _QUOTED.search(data, start, end)
    return stated if stated == "quoted-printable" and encoded else ""


def inner_text(text: Text, start: int, end: int, encoding: str) -> tuple[Text, int, int] | None:
    """Return the text that a body holds, and where it begins and ends in it.

    None where there are no bytes of its own to cut: another encoding, a damaged one, or two.
    """
    if not encoding:
        return text, start, end
    if encoding != "base64" or not isinstance(text, Plain):
        return None
    raw = bytes(text.data[start:end])
    data = decode(raw, encoding)
    if not data:
        return None
    lines, starts, offset, character = [], [], text.at(start), 0
    for line in raw.split(b"\n"):
        size = len(line.strip(b" \t\r"))
        if size and (line.startswith((b" ", b"\t")) or len(line.split()) > 1):
            return None
        if size:
            lines.append(character)
            starts.append(offset)
        character += size
        offset += len(line) + 1
    return Base64(data, lines, starts, text.at(end)), 0, len(data)
