"""Reading of ASCII-armored age files: strict PEM (RFC 7468 section 3), base64 with padding.

https://c2sp.org/age, "ASCII armor". Whitespace around the block and CRLF line ends are accepted,
nothing else that an encoder would not have written.
"""

import base64
import binascii

from ledger.errors import MalformedData

MAX_ARMORED = 64 << 20
"""Armored files are for mail and paper; everything large here is binary."""

BEGIN = b"-----BEGIN AGE ENCRYPTED FILE-----"
END = b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS = 64
_WHITESPACE = b" \t\r\n"


class MalformedArmor(MalformedData):
    """The armor around an age file is not as an encoder writes it."""

    code = "malformed-armor"


def is_armored(data: bytes) -> bool:
    """Tell an armored age file from a binary one by its beginning."""
    return data.lstrip(_WHITESPACE).startswith(b"-----")


def parse_armor(data: bytes) -> bytes:
    """Return the binary age file inside. Raises MalformedArmor."""
    if len(data) > MAX_ARMORED:
        raise MalformedArmor(f"an armored age file may have at most {MAX_ARMORED} bytes")
    lines = data.strip(_WHITESPACE).replace(b"\r\n", b"\n").split(b"\n")
    if len(lines) < 2 or lines[0] != BEGIN or lines[-1] != END:
        raise MalformedArmor("the age armor does not begin and end as it must")
    body = lines[1:-1]
    if any(len(line) != _COLUMNS for line in body[:-1]) or (
        body and not 0 < len(body[-1]) <= _COLUMNS
    ):
        raise MalformedArmor("the age armor has lines of the wrong length")
    text = b"".join(body)
    try:
        binary = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise MalformedArmor("the age armor holds something that is not base64") from error
    if base64.b64encode(binary) != text:
        raise MalformedArmor("the age armor holds base64 that is not canonical")
    return binary
