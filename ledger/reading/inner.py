"""Pieces of a message that stands in base64 inside another: cut out of it, they are base64 themselves.

What is cut there is cut at groups of four characters, so each piece decodes alone; it may begin with
the end of the line before, and lack the first letters of its name.
"""

import re

from ledger.reading.header import from_base64

_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]{16,}+={0,2}\s*")
_FIELD = re.compile(rb"[!-9;-~]{1,76}[ \t]*:")


def fields_inside(data: bytes) -> bytes | None:
    """Return a header or an entity out of base64; None for one that stands there as it is."""
    if b":" in data[:1000] or not _BASE64.fullmatch(data):
        return None
    found = from_base64(data).lstrip(b"\r\n")
    return found if _FIELD.match(found) else None


def body_inside(data: bytes, header: bytes | None) -> tuple[bytes, bytes | None]:
    """Return a body and the header that it stands behind, if known, out of base64 where they are in it.

    Where the header is not known, base64 that holds nothing but base64 is taken off.
    """
    if header:
        inner = fields_inside(header)
        return (from_base64(data), inner) if inner else (data, header)
    if _BASE64.fullmatch(data):
        found = from_base64(data)
        if _BASE64.fullmatch(found.lstrip()):
            return found, header
    return data, header
