"""What an entity's fields say of its content: type, boundary, file name and encoding (RFC 2045, 2183).

Read as programs write them, careful or not: comments, parameters without a semicolon, twice or
unquoted, a quotation that never ends, a boundary folded inside its quotes. What cannot be told apart is
kept as a further reading of the boundary; which one is meant shows in the body. Linear in a field.
"""

import re
from dataclasses import dataclass, replace
from email.utils import collapse_rfc2231_value, decode_params, unquote
from functools import lru_cache

from ledger.company.splitters.fields import MAX_VALUE, Field, find_header, first_of, label_of

MAX_PARAMETERS = 50
"""Parameters of a field that are read."""
MAX_READINGS = 10
"""What a boundary may be: each is looked for in the body until one is there."""

_KIND = re.compile(r'[\s:"]*+([\w.+-]++)(?:\s*+/\s*+([\w.+-]++))?', re.ASCII)
_PARAMETER = re.compile(
    r"\((?:[^()\\]|\\.)*+\)"  # a comment
    r"|([\w!#$%&'*+.^`|~-]++)\s*+=\s*+"
    r'(?:"((?:[^"\\]|\\.)*+)"?|((?:[^\s;"]++(?:\s++(?![\w*-]++\s*+=))?+)++))',
    re.ASCII | re.DOTALL,
)
_FOLD = re.compile(r"\r?\n([ \t]*)")
_QUOTED = re.compile(r"[\n\\;]")
_BARE = re.compile(r"[\n\\\s('\"]")
"""What makes a boundary unclear, in quotation marks and without."""
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Media:
    """A type or disposition in lower case; what the boundary may be, likeliest first; a file's name."""

    kind: str = ""
    boundaries: tuple[bytes, ...] = ()
    file: str = ""

    @property
    def multipart(self) -> bool:
        """Whether it says that there are parts, and what stands between them."""
        return self.kind.startswith("multipart/") and bool(self.boundaries)


@dataclass(frozen=True, slots=True)
class Head:
    """The header of an entity: its fields, where the body begins, and what they say of that."""

    fields: list[Field]
    body: int
    media: Media

    @property
    def encoding(self) -> str:
        """The transfer encoding, "" for a body whose bytes are the content's."""
        found = _KIND.match(first_of(self.fields, "content-transfer-encoding")[:MAX_VALUE])
        name = found[1].lower() if found else ""
        return "" if name in ("7bit", "8bit", "binary") else name


def find_head(data: bytes | bytearray, start: int, end: int) -> Head | None:
    """Return the header at `start`; None if it is too long."""
    found = find_header(data, start, end)
    return Head(*found, media_of(found[0])) if found else None


def media_of(fields: list[Field]) -> Media:
    """Return what an entity's Content-Type says; its file's name is the disposition's if it has one."""
    media = parse_media(first_of(fields, "content-type"))
    file = parse_media(first_of(fields, "content-disposition")).file
    return replace(media, file=file) if file else media


@lru_cache(1024)
def parse_media(value: str) -> Media:
    """Return what follows the name of such a field (a colon first) says. Raises nothing."""
    value = value[:MAX_VALUE]
    found = _KIND.match(value)
    if not found:
        return Media()
    kind = f"{found[1]}/{found[2]}" if found[2] else found[1]
    boundaries: dict[str, None] = {}
    names: dict[str, str] = {}
    continued = []
    for count, each in enumerate(_PARAMETER.finditer(value, found.end())):
        if count == MAX_PARAMETERS:
            break
        name = (each[1] or "").lower()
        text = each[3] or each[2] or ""
        if "*" in name:
            continued.append((name, _unfolded(text)))
        elif name == "boundary":
            boundaries.update(dict.fromkeys(_readings(text, bare=each[2] is None)))
        else:
            names.setdefault(name, _unfolded(text))
    for name, text in _continued(continued):
        if name == "boundary":
            boundaries.setdefault(text)
        else:
            names.setdefault(name, text.encode("utf-8", "replace").decode("latin-1"))
    file = names.get("filename") or names.get("name") or ""
    return Media(
        kind.lower(),
        tuple(each.encode("latin-1") for each in boundaries if each and _is_latin(each))[
            :MAX_READINGS
        ],
        label_of(":" + file.strip()),
    )


def _readings(text: str, *, bare: bool) -> list[str]:
    """Return what a boundary may be: unfolded, with the fold as a space, without; or a part of that."""
    if not (_BARE if bare else _QUOTED).search(text):
        return [text.rstrip()]
    found = [_FOLD.sub(by, text) for by in (r"\1", " ", "")]
    found += [_ESCAPED.sub(r"\1", found[0]), found[0].partition(";")[0]]
    if bare:
        found += [(found[0].split() or [""])[0], found[0].partition("(")[0], found[0].strip("'")]
    return [each.rstrip() for each in found]


def _unfolded(text: str) -> str:
    return _FOLD.sub(r"\1", text)


def _continued(parameters: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return parameters of RFC 2231, put together and decoded."""
    if not parameters:
        return []
    try:
        return [
            (name.lower(), unquote(collapse_rfc2231_value(value)))
            for name, value in decode_params([("", ""), *parameters])[1:]
        ]
    except (LookupError, ValueError, TypeError):
        return []


def _is_latin(text: str) -> bool:
    return all(ord(c) < 256 for c in text)
