"""DER, read strictly and as raw slices: what timestamps, certificates' lists and evidence records need.

An element keeps the bytes it was read from, so that a signature or a hash is always taken over what
was received, never over a new encoding. Lengths are definite and shortest; tags are of one byte.

Specification: ITU-T X.690 (2021), sections 8 and 10.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.errors import MalformedData

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
ENUMERATED, UTF8_STRING, UTC_TIME, GENERALIZED_TIME = 0x0A, 0x0C, 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31

MAX_CHILDREN = 100_000
"""Elements in one: a revocation list of a large authority has some ten thousand."""

_LONG = 0x80
_MAX_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Element:
    """One element. `raw` is all of it, `content` what stands behind tag and length."""

    tag: int
    raw: bytes
    content: bytes


def context(number: int, *, constructed: bool = True) -> int:
    """Return the context-specific tag [number], 0 to 30."""
    return 0x80 | (0x20 if constructed else 0) | number


def read(data: bytes) -> Element:
    """Return the one element that `data` is. Raises MalformedData, also for bytes behind it."""
    element, end = _read(data, 0)
    if end != len(data):
        raise MalformedData("there are bytes behind a DER element")
    return element


def children(element: Element, tag: int | None = None) -> tuple[Element, ...]:
    """Return the elements inside a constructed one, whose tag must be `tag` where one is given.

    Raises MalformedData.
    """
    if not element.tag & 0x20 or (tag is not None and element.tag != tag):
        raise MalformedData("a DER element is of another type than specified")
    found: list[Element] = []
    position = 0
    while position < len(element.content):
        if len(found) == MAX_CHILDREN:
            raise MalformedData(f"a DER element holds more than {MAX_CHILDREN:,} others")
        each, position = _read(element.content, position)
        found.append(each)
    return tuple(found)


def parse_integer(element: Element, tag: int = INTEGER) -> int:
    """Return the value of an INTEGER or ENUMERATED in its shortest form. Raises MalformedData."""
    content = element.content
    padded = len(content) > 1 and content[0] in (0, 0xFF) and content[0] >> 7 == content[1] >> 7
    if element.tag != tag or not content or padded:
        raise MalformedData("not a DER integer")
    return int.from_bytes(content, "big", signed=True)


def parse_oid(element: Element) -> str:
    """Return an object identifier in dotted form. Raises MalformedData."""
    content = element.content
    if element.tag != OID or not content or content[-1] & 0x80 or len(content) > 64:
        raise MalformedData("not a DER object identifier")
    arcs: list[int] = []
    value = 0
    for position, byte in enumerate(content):
        if byte == 0x80 and (position == 0 or not content[position - 1] & 0x80):
            raise MalformedData("not a DER object identifier")
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def encode(tag: int, content: bytes) -> bytes:
    """Return an element of this tag and content."""
    size = len(content)
    if size < _LONG:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG | len(length))) + length + content


def sequence(*elements: bytes) -> bytes:
    """Return a SEQUENCE of encoded elements."""
    return encode(SEQUENCE, b"".join(elements))


def set_of(elements: Iterable[bytes], tag: int = SET) -> bytes:
    """Return a SET OF, its encoded elements in DER's order (X.690 section 11.6)."""
    return encode(tag, b"".join(sorted(elements)))


def integer(value: int) -> bytes:
    """Return an INTEGER."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER of its dotted form."""
    first, second, *rest = map(int, dotted.split("."))
    content = b""
    for arc in (40 * first + second, *rest):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(0x80 | arc & 0x7F)
        content += bytes(reversed(digits))
    return encode(OID, content)


def _read(data: bytes, start: int) -> tuple[Element, int]:
    if len(data) - start < 2 or data[start] & 0x1F == 0x1F:
        raise MalformedData("not a DER element")
    size, position = data[start + 1], start + 2
    if size & _LONG:
        count = size & 0x7F
        length = data[position : position + count]
        size, position = int.from_bytes(length, "big"), position + count
        if (
            not 1 <= count <= _MAX_LENGTH_BYTES
            or len(length) != count
            or not length[0]
            or size < _LONG
        ):
            raise MalformedData("the length of a DER element is not as specified")
    end = position + size
    if end > len(data):
        raise MalformedData("a DER element is cut short")
    return Element(data[start], data[start:end], data[position:end]), end
