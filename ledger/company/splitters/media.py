"""What an entity's fields say of its content: type, boundary, encoding and file name (RFC 2045, 2183).

Read as programs write them, careful or not: comments, parameters without a semicolon, twice or
unquoted, a quotation that never ends, a boundary folded inside its quotes. What cannot be told apart is
kept as a further reading of the boundary; which one is meant shows in the body. Linear in a field.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from ledger.company.splitters.fields import MAX_VALUE, Field, find_header
from ledger.reading.header import Value, file_name
from ledger.reading.header import parameters as read_parameters

MAX_PARAMETERS = 50
"""Parameters of a field that are read."""
MAX_READINGS = 10
"""What a boundary may be: each is looked for in the body until one is there."""

_KIND = re.compile(r'[\s:"]*+([\w.+-]++)(?:\s*+/\s*+([\w.+-]++))?', re.ASCII)
_PARAMETER = re.compile(
    r"\((?:[^()\\]|\\.)*+\)"  # a comment
    r"|(?<![\w!#$%&'*+.^`|~-])([\w!#$%&'*+.^`|~-]++)\s*+=\s*+"
    r'(?:"((?:[^"\\]|\\.)*+)"?|((?:[^\s;"]++(?:\s++(?![\w*-]++\s*+=))?+)++))',
    re.ASCII | re.DOTALL,
)
_STATED = ("content-type", "content-transfer-encoding", "content-disposition")
_FOLD = re.compile(r"\r?\n([ \t]*)")
_QUOTED = re.compile(r"[\n\\;]")
_BARE = re.compile(r"[\n\\\s('\"]")
"""What makes a boundary unclear, in quotation marks and without."""
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Media:
    """A media type in lower case, and what the boundary may be, likeliest first."""

    kind: str = ""
    boundaries: tuple[bytes, ...] = ()

    @property
    def multipart(self) -> bool:
        """Whether it says that there are parts, and what stands between them."""
        return self.kind.startswith("multipart/") and bool(self.boundaries)


@dataclass(frozen=True, slots=True)
class Head:
    """The header of an entity: its fields, where the body begins, and what they state of that."""

    fields: list[Field]
    body: int
    media: Media
    stated: dict[str, str]

    @property
    def encoding(self) -> str:
        """The transfer encoding, "" for a body whose bytes are the content's."""
        found = _KIND.match(self.stated.get("content-transfer-encoding", "")[:MAX_VALUE])
        name = found[1].lower() if found else ""
        return "" if name in ("7bit", "8bit", "binary") else name

    @property
    def file(self) -> Value:
        """The name of the file that the body is."""
        disposition = self.stated.get("content-disposition", "")[1:MAX_VALUE]
        content_type = self.stated.get("content-type", "")[1:MAX_VALUE]
        named = "name" in disposition.lower() or "name" in content_type.lower()
        return _file(disposition, content_type) if named else Value("")

    def moved(self, by: int) -> "Head":
        """Return the same at another place of what is in memory."""
        return replace(self, body=self.body + by)


def find_head(data: bytes | bytearray, start: int, end: int, lead: int = 0) -> Head | None:
    """Return the header at `start`, its first field `lead` bytes behind; None if it is too long."""
    found = find_header(data, start, end, lead)
    if found is None:
        return None
    fields, body = found
    stated: dict[str, str] = {}
    for name, rest in fields:
        if name[:1] in "cC" and (lower := name.rstrip().lower()) in _STATED:
            stated.setdefault(lower, rest)
    return Head(fields, body, parse_media(stated.get("content-type", "")), stated)


@lru_cache(1024)
def parse_media(value: str) -> Media:
    """Return what follows the name of a Content-Type (a colon first) says. Raises nothing."""
    value = value[:MAX_VALUE]
    found = _KIND.match(value)
    if not found:
        return Media()
    kind = f"{found[1]}/{found[2]}" if found[2] else found[1]
    boundaries: dict[str, None] = {}
    for each in islice(_PARAMETER.finditer(value, found.end()), MAX_PARAMETERS):
        if each[1] and each[1].lower() == "boundary":
            text = each[3] or each[2] or ""
            boundaries.update(dict.fromkeys(_readings(text, bare=each[2] is None)))
    readings = [each.encode("latin-1") for each in boundaries]
    if not readings and "*" in value:  # RFC 2231
        _, parameters = read_parameters(value[1:].encode("latin-1"))
        readings += [parameters["boundary"].text.encode()] if "boundary" in parameters else []
    return Media(kind.lower(), tuple(filter(None, readings))[:MAX_READINGS])


@lru_cache(1024)
def _file(disposition: str, content_type: str) -> Value:
    return file_name(disposition.encode("latin-1"), content_type.encode("latin-1"))


def _readings(text: str, *, bare: bool) -> list[str]:
    """Return what a boundary may be: unfolded, with the fold as a space, without; or a part of that."""
    if not (_BARE if bare else _QUOTED).search(text):
        return [text.rstrip()]
    found = [_FOLD.sub(by, text) for by in (r"\1", " ", "")]
    found += [_ESCAPED.sub(r"\1", found[0]), found[0].partition(";")[0]]
    if bare:
        found += [(found[0].split() or [""])[0], found[0].partition("(")[0], found[0].strip("'")]
    return [each.rstrip() for each in found]
