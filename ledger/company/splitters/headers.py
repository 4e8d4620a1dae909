"""Header fields of mail as people read them: unfolded, decoded, bounded."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header

from ledger.evidence.rules import MAX_PATH

MAX_MAIL_HEADER = 1 << 18
"""Bytes of a message in which fields are looked for; a well-formed header is a hundredth of it."""
MAX_ENCODED = 4096
"""Bytes of a field that are decoded: the decoder of RFC 2047 words is not linear in theirs."""
MAX_TITLE = 200
"""Characters of a title."""
UNTITLED = "message without a subject"
_FIELD = re.compile(rb"([\x21-\x39\x3b-\x7e]{1,76})[ \t]*:")
"""A field's name (RFC 5322 section 2.2), with the space before the colon that section 4.5 allows."""
_SEPARATORS = re.compile(r'[/\\:*?"<>|]')


@dataclass(frozen=True, slots=True)
class MailHeader:
    """The fields of a header that matter here, each as it first occurs, unfolded; b"" where missing."""

    subject: bytes = b""
    date: bytes = b""
    message_id: bytes = b""
    sender: bytes = b""


def header_end(message: bytes) -> int:
    """Return where the header ends: before the first empty line, within MAX_HEADER bytes."""
    head = message[:MAX_MAIL_HEADER]
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


def parse_mail_header(message: bytes) -> MailHeader:
    """Return the fields of a message's header that matter here. Raises nothing."""
    found: dict[bytes, bytes] = {}
    for name, value in fields(message):
        found.setdefault(name, value)
    return MailHeader(
        subject=found.get(b"subject", b""),
        date=found.get(b"date", b""),
        message_id=found.get(b"message-id", b""),
        sender=found.get(b"from", b""),
    )


def title(header: MailHeader) -> str:
    """Return what a message is called: its subject, decoded, on one line of at most MAX_TITLE."""
    text = decoded(header.subject).strip()
    return (text if len(text) <= MAX_TITLE else text[: MAX_TITLE - 1] + "…") or UNTITLED


def document_name(header: MailHeader) -> str:
    """Return the name of the message's file in its deposit: title.eml, without a separator in it."""
    name = _SEPARATORS.sub("_", title(header)[:100]).strip(" .")
    return f"{name or 'message'}.eml"


def decoded(value: bytes) -> str:
    """Return a field's value as text: RFC 2047 words decoded, everything else escaped."""
    raw = value[:MAX_ENCODED]
    text = raw.decode("utf-8", "backslashreplace")
    if b"=?" in raw:
        with contextlib.suppress(HeaderParseError, ValueError):
            text = "".join(_word(word, charset) for word, charset in decode_header(text))
    return plain(text)


def plain(text: str) -> str:
    """Return text as a manifest takes it: no control characters or lone surrogates, MAX_PATH bytes."""
    shown = "".join(
        " " if c in "\t\r\n" else c if c.isprintable() else f"\\u{ord(c):04x}"
        for c in text[:MAX_PATH]
    )
    return shown.encode("utf-8", "backslashreplace")[:MAX_PATH].decode("utf-8", "ignore")


def _word(word: bytes | str, charset: str | None) -> str:
    if isinstance(word, str):
        return word
    try:
        return word.decode(charset or "utf-8", "backslashreplace")
    except (LookupError, ValueError):
        return word.decode("latin-1")
