"""Bodies of mail as they were meant: transfer encodings, charsets, the parts of MIME.

What the header states is followed; where it is not at hand, or is not true, the reading is a guess and
says so. Nothing here raises for what a body holds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from quopri import decodestring

from ledger.reading import html
from ledger.reading.charsets import BEGINNING, WHOLE, Cut, Decoded, How, decode
from ledger.reading.header import Value, fields, file_name, from_base64, header_end, parameters

MAX_DEPTH = 20
"""Multiparts and messages inside each other."""
MAX_PARTS = 1000
"""Parts of a message that are read."""

BASE64, QUOTED_PRINTABLE = "base64", "quoted-printable"
_ENCODINGS = {"base64": BASE64, "quoted-printable": QUOTED_PRINTABLE, "b": BASE64}
_ALL_BASE64 = re.compile(rb"\s*(?:[A-Za-z0-9+/]{1,1000}\r?\n)*[A-Za-z0-9+/]{2,1000}={0,2}\s*")
_HEXADECIMAL = re.compile(rb"=(?:[0-9A-F]{2}|\r?\n)")
_NOT_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)")
_BINARY = re.compile(
    rb"%PDF|PK\x03\x04|\x89PNG|GIF8|\xff\xd8\xff|\xd0\xcf\x11\xe0|7z\xbc|Rar!|\x1f\x8b"
)
_CONTROLS = re.compile("[\0-\6\x0e-\x19\x1c-\x1f]")
_PROBE = 1000
_TEXTS = ("text/", "message/", "application/xml", "application/json", "application/xhtml")
_TEXT_NAMES = (
    ".txt", ".csv", ".tsv", ".log", ".md", ".json", ".xml", ".htm", ".html", ".eml", ".ics", ".vcf",
)  # fmt: skip
_BOUNDARY_END = re.compile(rb"(--)?[ \t]*(?:\r?\n|\Z)")


@dataclass(frozen=True, slots=True)
class Body:
    """A body with its transfer encoding taken off, and as text where it is one.

    `kind` is the media type, "" where no header states one. `encoding` is "" for none; `how` says what
    the transfer encoding rests on, `text.how` the same of the charset.
    """

    data: bytes
    text: Decoded | None
    kind: str = ""
    encoding: str = ""
    how: How = How.STATED
    name: Value = field(default_factory=lambda: Value(""))

    @property
    def as_it_stands(self) -> bool:
        """Whether a program that knows UTF-8 alone shows the same."""
        plain = self.text is None or self.text.charset in ("us-ascii", "utf-8")
        return not self.encoding and plain and self.kind != "text/html"


@dataclass(frozen=True, slots=True)
class Entity:
    """A message or part that holds no others: its number as in IMAP, its header and its body."""

    number: str
    header: bytes
    body: bytes


def read_body(header: bytes, body: bytes, cut: Cut = WHOLE, complete: bool = True) -> Body:
    """Return a body as its header says; what is open where that is not `complete`, by its content."""
    found = dict(reversed(list(fields(header + b"\n\n"))))
    kind, values = parameters(found.get(b"content-type", b""))
    name = file_name(found.get(b"content-disposition", b""), found.get(b"content-type", b""))
    stated = found.get(b"content-transfer-encoding")
    encoding, how = _transfer(stated, body, complete)
    data = _without(encoding, body)
    label = values["charset"].text if "charset" in values else ""
    if not kind and complete:
        kind = "text/plain"
    if not _is_text(kind, name.text, data):
        return Body(data, None, kind, encoding, how, name)
    is_html = kind in ("text/html", "application/xhtml+xml") or (not kind and html.looks_like(data))
    if is_html and not label:
        label = html.stated_charset(data)
    text = decode(data, label, cut)
    if is_html:
        kind = "text/html"
        text = Decoded(html.to_text(text.text), text.charset, text.how, text.damaged)
    return Body(data, text, kind, encoding, how, name)


def looks_binary(data: bytes) -> bool:
    """Whether bytes, by their beginning, are no text in any charset."""
    return bool(_BINARY.match(data) or _CONTROLS.search(decode(data[:_PROBE], cut=BEGINNING).text))


def _is_text(kind: str, name: str, data: bytes) -> bool:
    if kind.startswith(_TEXTS):
        return True
    if kind and not name.lower().endswith(_TEXT_NAMES):
        return False
    return not looks_binary(data)


def _transfer(stated: bytes | None, body: bytes, complete: bool) -> tuple[str, How]:
    """Return the transfer encoding of a body, and what that rests on."""
    if stated is not None:
        return _ENCODINGS.get(
            stated.split(b";")[0].strip().lower().decode("latin-1"), ""
        ), How.STATED
    if complete:
        return "", How.STATED
    if len(body) >= 8 and _ALL_BASE64.fullmatch(body) and _likely(from_base64(body)):
        return BASE64, How.GUESSED
    if _HEXADECIMAL.search(body) and body.isascii() and not _NOT_QUOTED.search(body):
        return QUOTED_PRINTABLE, How.GUESSED
    return "", How.FORMED


def _likely(data: bytes) -> bool:
    """Whether what base64 would hold is something, so that it is no word of the alphabet's letters."""
    if _BINARY.match(data) or len(data) > 60:
        return True
    text = decode(data)
    return not text.damaged and text.text.replace("\r", "").replace("\n", "").isprintable()


def _without(encoding: str, body: bytes) -> bytes:
    if encoding == BASE64:
        return from_base64(body)
    if encoding == QUOTED_PRINTABLE:
        return decodestring(body)
    return body


def entities(message: bytes, header: bytes | None = None) -> Iterator[Entity]:
    """Yield the parts of a message that hold no others, at most MAX_PARTS, in order.

    `header` is the message's, where `message` is but its body. A part whose header is not at hand is
    read by its content.
    """
    if header is None:
        end = header_end(message)
        header, message = message[:end], _after_empty_line(message, end)
    for count, entity in enumerate(_entities(header, message, "", 0), 1):
        yield entity
        if count == MAX_PARTS:
            return


def _entities(header: bytes, body: bytes, number: str, depth: int) -> Iterator[Entity]:
    found = dict(reversed(list(fields(header + b"\n\n"))))
    kind, values = parameters(found.get(b"content-type", b""))
    boundary = values["boundary"].text.encode() if "boundary" in values else b""
    if depth < MAX_DEPTH and kind.startswith("multipart/") and boundary:
        for count, part in enumerate(_between(body, boundary), 1):
            end = 0 if part[:1] in b"\r\n" else header_end(part)
            inner = f"{number}.{count}" if number else str(count)
            yield from _entities(part[:end], _after_empty_line(part, end), inner, depth + 1)
    elif depth < MAX_DEPTH and kind == "message/rfc822":
        data = _without(_transfer(found.get(b"content-transfer-encoding"), body, True)[0], body)
        end = header_end(data)
        yield from _entities(data[:end], _after_empty_line(data, end), number, depth + 1)
    else:
        yield Entity(number or "1", header, body)


def _after_empty_line(data: bytes, end: int) -> bytes:
    if data.startswith(b"\r\n", end):
        return data[end + 2 :]
    return data[end + 1 :] if data.startswith(b"\n", end) else data[end:]


def _between(body: bytes, boundary: bytes) -> Iterator[bytes]:
    delimiter, begin = b"--" + boundary.rstrip(), -1
    at = 0
    while (at := body.find(delimiter, at)) >= 0:
        line = _BOUNDARY_END.match(body, at + len(delimiter))
        if not line or (at and body[at - 1] != 10):
            at += 1
            continue
        if begin >= 0:
            end = at - 1 - (body[max(at - 2, 0)] == 13)
            yield body[begin : max(end, begin)]
        if line[1]:
            return
        begin = at = line.end()
    if begin >= 0:
        yield body[begin:]


def texts(header: bytes | None, body: bytes) -> Iterator[str]:
    """Yield the texts of a body for a search: those of its parts, and the names of its attachments."""
    found = [Entity("1", b"", body)] if header is None else entities(body, header)
    for each in found:
        read = read_body(each.header, each.body, complete=header is not None)
        if read.text is not None:
            yield read.text.text
        if read.name.text:
            yield read.name.text
