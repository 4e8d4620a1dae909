"""Header fields of mail as people read them: unfolded, encoded words decoded, parameters.

Encoded words (RFC 2047) as they are found: between quotation marks, in a row that cuts a character in
two, with a charset in quotation marks, beside raw bytes. Raw bytes are UTF-8 (RFC 6532), or in the
charset of the words beside them, or a guess. File names also by RFC 2231, with either inside the other.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from quopri import decodestring
from urllib.parse import unquote_to_bytes

from ledger.reading.charsets import Decoded, How, decode
from ledger.reading.shown import one_line, shorten

MAX_HEADER = 1 << 18
"""Bytes in which fields are looked for; a well-formed header is a hundredth of it."""
MAX_VALUE = 1 << 14
"""Bytes of a field that are decoded."""

_FIELD = re.compile(rb"([\x21-\x39\x3b-\x7e]{1,76})[ \t]*:")
"""A field's name (RFC 5322 section 2.2), with the space before the colon that section 4.5 allows."""
_WORD = re.compile(rb"=\?([^?\s=]{1,80})\?([bBqQ])\?([^?]*+)\?=(?:\s+(?==\?))?")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_NO_DIGIT = re.compile(rb"[^A-Za-z0-9+/=\s]")
_DIGITS = re.compile(rb"[A-Za-z0-9+/]{40}")
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_PARAMETER = re.compile(
    rb'(?:;|(?<!\s)\s)\s*+([^\s=;*"]{1,60}+)(?:\*(\d{1,3}))?+(\*)?+\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)(?:"|\Z)|([^;]*+))',
    re.DOTALL,
)
"""A parameter behind a semicolon or blanks; of blanks in a row it is looked for behind the first."""
_KIND = re.compile(rb"[^\s;]++")
_EXTENDED = re.compile(rb"([^']{0,80})'[^']*'(.*)", re.DOTALL)
_ESCAPED = re.compile(rb"(?<![\x80-\xff])\\([\"\\])")
"""An escape in a quoted string, but for the second byte of a raw GBK or Shift_JIS character."""


@dataclass(frozen=True, slots=True)
class Value:
    """A field's value, or a parameter's, as text on one line. `charset` is "" where it is ASCII."""

    text: str
    charset: str = ""
    how: How = How.FORMED

    def marked(self, limit: int) -> str:
        """Return the text, in at most `limit` characters, and which charset was guessed for it."""
        return mark(self.text, self.charset, self.how, limit)


def mark(text: str, charset: str, how: How, limit: int = MAX_VALUE) -> str:
    """Return text, in at most `limit` characters, and which charset was guessed for it."""
    found = f" · guessed {charset}" if how is How.GUESSED and text else ""
    return shorten(text, limit - len(found)) + found


def header_end(message: bytes) -> int:
    """Return where the header ends: before the first empty line, within MAX_HEADER bytes."""
    head = message[:MAX_HEADER]
    if head.startswith((b"\n", b"\r\n")):
        return 0
    ends = [at for at in (head.find(b"\n\n"), head.find(b"\n\r\n")) if at >= 0]
    return min(ends) + 1 if ends else len(head)


def fields(message: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name in lower case, unfolded value) of each field; lines that are none are skipped."""
    name, parts = b"", [b""]
    for line in message[: header_end(message)].split(b"\n"):
        line = line.removesuffix(b"\r")
        if line.startswith((b" ", b"\t")):
            parts.append(line)
            continue
        if name:
            yield name, b"".join(parts).strip()
        found = _FIELD.match(line)
        name, parts = (found[1].lower(), [line[found.end() :]]) if found else (b"", [b""])
    if name:
        yield name, b"".join(parts).strip()


def read_value(raw: bytes) -> Value:
    """Return a field's value as text. Raises nothing."""
    raw = _FOLD.sub(b"", raw[:MAX_VALUE])
    if raw.isascii() and b"=?" not in raw and b"\x1b" not in raw:
        return Value(one_line(raw.decode("ascii")))
    pieces = list(_pieces(raw))
    plain = b" ".join(data for data, label in pieces if label is None)
    labels = dict.fromkeys(label for _, label in pieces if label)
    unlabelled = _raw(plain, list(labels))
    found: list[Decoded] = []
    for data, label in pieces:
        if label is None:
            text = decode(data, unlabelled.charset).text
            found.append(Decoded(text, unlabelled.charset, unlabelled.how))
        else:
            found.append(decode(data, label))
    high = [each for each in found if not each.text.isascii()]
    how = How.FORMED
    if high:
        guessed = any(each.how is How.GUESSED for each in high)
        stated = any(each.how is How.STATED for each in high)
        how = How.GUESSED if guessed else How.STATED if stated else How.FORMED
    shown = [each for each in high if each.how is how] or high
    charset = ", ".join(dict.fromkeys(each.charset for each in shown))
    return Value(one_line("".join(each.text for each in found)), charset, how)


def _raw(data: bytes, labels: list[str]) -> Decoded:
    """Return the bytes outside of encoded words as text: in one charset, all of a field's."""
    found = decode(data)
    if found.how is How.GUESSED and not data.isascii():
        for label in labels:
            beside = decode(data, label)
            if beside.how is How.STATED and not beside.damaged and beside.charset != "utf-8":
                return Decoded(beside.text, beside.charset, How.GUESSED)
    return found


def _pieces(raw: bytes) -> Iterator[tuple[bytes, str | None]]:
    """Yield the bytes of a value with the label of their charset, None outside of encoded words.

    Neighbouring words in one charset are one piece: some cut a character in two.
    """
    at = 0
    held: tuple[bytes, str] | None = None
    for word in _WORD.finditer(raw):
        label = word[1].decode("latin-1").lower()
        data = _word(word[2], word[3])
        if held and (word.start() != at or held[1] != label):
            yield held
            held = None
        if word.start() != at:
            yield raw[at : word.start()], None
        held = (held[0] + data, label) if held else (data, label)
        at = word.end()
    if held:
        yield held
    if at < len(raw):
        yield raw[at:], None


def _word(encoding: bytes, data: bytes) -> bytes:
    if encoding in b"qQ":
        return decodestring(data, header=True)
    return from_base64(data)


def from_base64(data: bytes) -> bytes:
    """Return what base64 holds, whatever stands between its digits and however it ends.

    Lines behind it that are none, such as the footer of a mailing list, are taken as they stand.
    """
    lines = data.splitlines(keepends=True)
    other = next((n for n, line in enumerate(lines) if _NO_DIGIT.search(line)), len(lines))
    rest = lines[other:]
    if 0 < other < len(lines) and not any(map(_DIGITS.search, rest)):
        return from_base64(b"".join(lines[:other])) + b"\r\n" + b"".join(rest)
    pieces = (_NO_BASE64.sub(b"", each) for each in data.split(b"="))
    whole = (each[: len(each) - (len(each) % 4 == 1)] for each in pieces)
    return b"".join(binascii.a2b_base64(each + b"===") for each in whole if each)


def parameters(raw: bytes) -> tuple[str, dict[str, Value]]:
    """Return what stands before the parameters of a field (a media type, a disposition), and these.

    Names and what stands before are in lower case.
    """
    raw = _FOLD.sub(b"", raw[:MAX_VALUE])
    kind = "".join(each.decode("latin-1") for each in _KIND.findall(raw)[:1]).lower()
    plain: dict[str, bytes] = {}
    continued: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for found in _PARAMETER.finditer(raw):
        name = found[1].lower().decode("latin-1")
        value = found[5].strip() if found[4] is None else _ESCAPED.sub(rb"\1", found[4])
        if found[2] is None and found[3] is None:
            plain.setdefault(name, value)
        else:
            numbered = continued.setdefault(name, {})
            numbered.setdefault(int(found[2] or 0), (value, found[3] is not None))
    values = {name: read_value(value) for name, value in plain.items()}
    values |= {name: _continued(numbered) for name, numbered in continued.items()}
    return kind, values


def _continued(numbered: dict[int, tuple[bytes, bool]]) -> Value:
    """Return a value of RFC 2231, whose pieces are numbered and may be encoded one by one."""
    ordered = [numbered[each] for each in sorted(numbered)]
    data, encoded = ordered[0]
    label = ""
    if encoded and (extended := _EXTENDED.fullmatch(data)):
        label, data = extended[1].decode("latin-1"), extended[2]
    pieces = [(data, encoded), *ordered[1:]]
    whole = b"".join(unquote_to_bytes(each) if coded else each for each, coded in pieces)
    if not any(coded for _, coded in ordered) or (not label and b"=?" in whole):
        return read_value(whole)
    found = decode(whole, label)
    how = How.FORMED if found.text.isascii() else found.how
    return Value(one_line(found.text), "" if found.text.isascii() else found.charset, how)


def file_name(disposition: bytes, content_type: bytes) -> Value:
    """Return an attachment's file name, as either field of its part has it."""
    _, first = parameters(disposition)
    _, second = parameters(content_type)
    found = (first.get("filename"), first.get("name"), second.get("name"), second.get("filename"))
    return next((each for each in found if each and each.text), Value(""))
