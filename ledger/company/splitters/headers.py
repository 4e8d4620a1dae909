"""Header fields of mail as people read them: unfolded, decoded, bounded."""

import re
from dataclasses import dataclass

from ledger.evidence.rules import MAX_PATH
from ledger.reading.header import fields, read_value

MAX_TITLE = 200
"""Characters of a title."""
UNTITLED = "message without a subject"
_SEPARATORS = re.compile(r'[/\\:*?"<>|]')


@dataclass(frozen=True, slots=True)
class MailHeader:
    """The fields of a header that matter here, each as it first occurs, unfolded; b"" where missing."""

    subject: bytes = b""
    date: bytes = b""
    message_id: bytes = b""
    sender: bytes = b""


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
    return read_value(header.subject).marked(MAX_TITLE) or UNTITLED


def document_name(header: MailHeader) -> str:
    """Return the name of the message's file in its deposit: title.eml, without a separator in it."""
    subject = read_value(header.subject).text or UNTITLED
    name = _SEPARATORS.sub("_", subject[:100]).strip(" .")
    return f"{name or 'message'}.eml"


def decoded(value: bytes) -> str:
    """Return a field's value as text, as a manifest takes it."""
    return plain(read_value(value).text)


def plain(text: str) -> str:
    """Return text as a manifest takes it: no control characters or lone surrogates, MAX_PATH bytes."""
    shown = "".join(
        " " if c in "\t\r\n" else c if c.isprintable() else f"\\u{ord(c):04x}"
        for c in text[:MAX_PATH]
    )
    return shown.encode("utf-8", "backslashreplace")[:MAX_PATH].decode("utf-8", "ignore")
