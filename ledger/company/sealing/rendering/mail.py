"""A message of Outlook as an RFC 5322 message, which mail is cut from like any other.

    header fields as the item holds them, the missing ones made of its properties
    multipart/mixed
        multipart/alternative: text/plain and text/html, in UTF-8
        attachments, in base64; items as message/rfc822

The same item gives the same bytes: nothing is made up, no time, no Message-ID. What is left out is
counted: see `ledger.court.remarks`.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from email.header import Header
from email.utils import format_datetime, quote
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent

from ledger.company.sealing.rendering import NotRendered, mapi
from ledger.company.sealing.rendering.mapi import Attachment, Item, Properties
from ledger.company.sealing.rendering.tally import Tally
from ledger.company.sealing.rendering.tnef import SIGNATURE, read_tnef
from ledger.evidence import notices
from ledger.program import tool_name
from ledger.reading.header import read_value

Mailbox = tuple[str, str]

_ROLES = {1: "To", 2: "Cc", 3: "Bcc"}
_MAX_LINE = 998
"""Bytes of a line (RFC 5322, 2.1.1)."""
_BOUNDARY = "=_part_{:06}"
_MARK = b"--=_part_"

_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:")
_REPLACED = re.compile("content-.*|mime-version")
_CONTROL = re.compile(r"[\0-\x08\x0b-\x1f\x7f]")
_PLAIN = re.compile(r"[ -~]{0,900}")
_SHOWN = re.compile(rb"\A(?!MIME-Version:)|\r\n\r\n.")
"""A field of the item's own, or a body."""
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]*", re.ASCII)
_TYPE = re.compile(
    r"(?!multipart/|message/)[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9!#$&^_.+-]{1,60}"
)
_PIECES = re.compile(r"(?:%..|[^%]){1,60}")


def render_mail(source: Path, folder: Path) -> Mapping[str, Any]:
    """Write the message to folder/1. Raises NotRendered, and what python-oxmsg and olefile raise."""
    tally = Tally()
    with source.open("rb") as file:
        is_tnef = file.read(len(SIGNATURE)) == SIGNATURE
    if is_tnef:
        item, tool = read_tnef(source.read_bytes(), tally), tool_name()
    else:
        from ledger.company.sealing.rendering.outlook import read_msg

        item, tool = read_msg(source, tally), f"python-oxmsg {version('python-oxmsg')}"
    message = _Writer(tally).message(item)
    if not (item.attachments or _SHOWN.search(message)):
        raise NotRendered(notices.OUTLOOK_EMPTY.line())
    (folder / "1").write_bytes(message)
    return {"tool": tool, "files": [{"kind": "mail", "remarks": tally.remarks({})}]}


class _Writer:
    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._boundaries = map(_BOUNDARY.format, count(1))

    def message(self, item: Item) -> bytes:
        """Return an item as a message."""
        fields = self._header(item)
        bodies = list(self._bodies(item.properties))
        attached = list(filter(None, map(self._attachment, item.attachments)))
        for each in (item.properties, *item.recipients):
            each.leave()
        content = self._joined("alternative", bodies or [_text("plain", "")])
        content = self._joined("mixed", [content, *attached])
        return "".join(f"{each}\r\n" for each in [*fields, "MIME-Version: 1.0"]).encode() + content

    def _joined(self, kind: str, parts: list[bytes]) -> bytes:
        if len(parts) == 1:
            return parts[0]
        boundary = next(self._boundaries)
        lines = [f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()]
        for each in parts:
            lines += [f"--{boundary}\r\n".encode(), each, b"\r\n"]
        return b"".join([*lines, f"--{boundary}--\r\n".encode()])

    # --- the header ---

    def _header(self, item: Item) -> list[str]:
        fields = list(self._stated(item.properties.text(mapi.HEADERS)))
        there = {each.partition(":")[0].rstrip().lower() for each in fields}
        made = []
        for name, make in (
            ("From", self._senders), ("Sender", self._senders), ("To", self._recipients),
            ("Cc", self._recipients), ("Bcc", self._recipients), ("Subject", _subject),
            ("Date", _date), ("Message-ID", _known), ("In-Reply-To", _known),
            ("References", _known),
        ):  # fmt: skip
            if name.lower() not in there and (value := make(item, name)):
                made.append(f"{name}: {value}")
        self._tally.add("composed", times=len(made))
        self._compare(fields, _clean(item.properties.text(mapi.SUBJECT)))
        return [*fields, *made]

    def _stated(self, header: str) -> Iterator[str]:
        """Yield the fields of the header that the message came with, but for those of MIME."""
        field: list[str] = []
        for line in [*_CONTROL.sub("", header.replace("\r\n", "\n")).split("\n"), ""]:
            if field and line[:1] in (" ", "\t") and line.strip():
                field.append(line)
                continue
            if field:
                yield "\r\n".join(field)
            field = []
            found = _FIELD.match(line)
            if found and not _REPLACED.fullmatch(found[1].lower()):
                field = [line]
            elif line.strip():
                self._tally.add("replaced-lines")

    def _compare(self, fields: list[str], shown: str) -> None:
        """Count a subject that Outlook shows otherwise: who has a message may edit it there."""
        for each in fields:
            name, _, value = each.partition(":")
            if name.rstrip().lower() == "subject":
                stated = read_value(value.encode()).text
                self._tally.add("other-subject", times=_clean(stated) != shown)
                return

    def _senders(self, item: Item, name: str) -> str:
        """Return whom a message is from, or who sent it for them."""
        found = [_stated_mailbox(item.properties, numbers) for numbers in mapi.SENDERS]
        found = list(dict.fromkeys(filter(any, found)))
        return self._mailboxes(found[:1] if name == "From" else found[1:])

    def _recipients(self, item: Item, name: str) -> str:
        found = [
            _stated_mailbox(each, mapi.RECIPIENT)
            for each in item.recipients
            if _ROLES.get(each.integer(mapi.ROLE) & 0xF) == name
        ]
        shown = [] if found else item.properties.text(mapi.SHOWN[name]).split(";")
        return self._mailboxes([*found, *((_clean(each), "") for each in shown)])

    def _mailboxes(self, found: list[Mailbox]) -> str:
        """Return names and addresses; names alone where there is no address of use outside."""
        found = list(filter(any, found))
        self._tally.add("names-only", times=sum(not address for _, address in found))
        return ",\r\n ".join(
            (f"{_phrase(name)} <{address}>" if address else _phrase(name))
            if name and name != address
            else address
            for name, address in found
        )

    # --- the content ---

    def _bodies(self, own: Properties) -> Iterator[bytes]:
        self._tally.add("rich-text", times=own.binary(mapi.RTF) is not None)
        for kind, number in (("plain", mapi.BODY), ("html", mapi.HTML)):
            if text := own.text(number):
                yield _text(kind, text)

    def _attachment(self, attachment: Attachment) -> bytes | None:
        own = attachment.properties
        name = _clean(own.text(mapi.LONG_NAME) or own.text(mapi.SHORT_NAME) or own.text(mapi.NAME))
        kind, data = own.text(mapi.MIME).strip().lower(), own.binary(mapi.DATA)
        identifier = _clean(own.text(mapi.CONTENT_ID))
        own.leave()
        if attachment.item is None and data is None:
            self._tally.add("objects", name)
            return None
        lines = ["Content-Disposition: attachment" + "".join(_named(name))]
        if _PLAIN.fullmatch(identifier) and identifier:
            lines.append(f"Content-ID: <{identifier.strip('<>')}>")
        if attachment.item is not None:
            lines += ["Content-Type: message/rfc822", "Content-Transfer-Encoding: 8bit"]
            return _entity(lines, self.message(attachment.item))
        kind = kind if _TYPE.fullmatch(kind) else "application/octet-stream"
        lines += [f"Content-Type: {kind}", "Content-Transfer-Encoding: base64"]
        return _entity(lines, _base64(data or b""))


def _stated_mailbox(own: Properties, numbers: tuple[int, int, int, int]) -> Mailbox:
    """Return a name, and an internet address or ""."""
    name, kind, address, smtp = map(_clean, map(own.text, numbers))
    if not smtp and "@" in address and kind.upper() in ("", "SMTP"):
        smtp = address
    return name, re.sub(r"[\s<>]", "", smtp)


def _entity(lines: list[str], body: bytes) -> bytes:
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode() + body


def _text(kind: str, text: str) -> bytes:
    body = re.sub("\r\n|\r|\n", "\r\n", text).encode("utf-8", "replace")
    long = max(map(len, body.split(b"\r\n"))) > _MAX_LINE
    if long or b"\0" in body or _MARK in body:
        encoding, body = "base64", _base64(body)
    else:
        encoding = "8bit"
    kinds = f"Content-Type: text/{kind}; charset=utf-8"
    return _entity([kinds, f"Content-Transfer-Encoding: {encoding}"], body)


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _named(name: str) -> Iterator[str]:
    """Yield the parameters that give a file's name (RFC 2231)."""
    if not name:
        return
    if _is_plain(name):
        yield f'; filename="{quote(name)}"'
        return
    pieces = _PIECES.findall("utf-8''" + percent(name, safe=""))
    for number, piece in enumerate(pieces):
        yield f";\r\n filename*{f'{number}*' if len(pieces) > 1 else ''}={piece}"


def _is_plain(text: str) -> bool:
    """Return whether text stands in a field as it is, and is read as that."""
    return _PLAIN.fullmatch(text) is not None and "=?" not in text


def _clean(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _words(text: str) -> str:
    """Return text as a field holds it, in encoded words where need be."""
    if _is_plain(text):
        return text
    return Header(text, "utf-8").encode(linesep="\r\n")


def _phrase(name: str) -> str:
    words = _words(name)
    return words if words != name or _ATOMS.fullmatch(name) else f'"{quote(name)}"'


def _subject(item: Item, _: str) -> str:
    return _words(_clean(item.properties.text(mapi.SUBJECT)))


def _date(item: Item, _: str) -> str:
    sent = item.properties.time(mapi.SENT)
    return format_datetime(sent) if sent else ""


_KNOWN = {
    "Message-ID": mapi.MESSAGE_ID,
    "In-Reply-To": mapi.IN_REPLY_TO,
    "References": mapi.REFERENCES,
}


def _known(item: Item, name: str) -> str:
    value = _clean(item.properties.text(_KNOWN[name]))
    return value if _PLAIN.fullmatch(value) else ""
