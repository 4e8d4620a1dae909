"""An Outlook item as MAPI properties, whatever file they were read from ([MS-OXPROPS])."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ledger.company.sealing.rendering.tally import Tally
from ledger.reading.charsets import How, decode

INTEGER, BOOLEAN, OBJECT, TEXT_8, TEXT, TIME, BINARY = 3, 0xB, 0xD, 0x1E, 0x1F, 0x40, 0x102
"""Types of properties."""

SUBJECT, SENT, HEADERS, BODY, RTF, HTML = 0x37, 0x39, 0x7D, 0x1000, 0x1009, 0x1013
MESSAGE_ID, REFERENCES, IN_REPLY_TO = 0x1035, 0x1039, 0x1042
SENDER, SENDER_KIND, SENDER_ADDRESS = 0xC1A, 0xC1E, 0xC1F
SENDERS = (0x42, 0x64, 0x65, 0x5D02), (SENDER, SENDER_KIND, SENDER_ADDRESS, 0x5D01)
"""Name, kind of address, address and SMTP address of whom it is from, and of who sent it for them."""
NAME, ROLE = 0x3001, 0xC15
RECIPIENT = NAME, 0x3002, 0x3003, 0x39FE
SHOWN = {"To": 0xE04, "Cc": 0xE03, "Bcc": 0xE02}
"""The recipients as they are displayed, by their fields."""
DATA, SHORT_NAME, METHOD, LONG_NAME, MIME, CONTENT_ID = (
    0x3701,
    0x3704,
    0x3705,
    0x3707,
    0x370E,
    0x3712,
)
CODE_PAGE, BODY_CODE_PAGE = 0x3FFD, 0x3FDE

Stored = dict[int, tuple[int, bytes]]
"""Types and bytes by the numbers of properties."""

_1601 = datetime(1601, 1, 1, tzinfo=UTC)


class Properties:
    """The properties of an item, a recipient or an attachment: what is stored under a number."""

    def __init__(self, stored: Stored, tally: Tally, code_page: int = 0) -> None:
        self._stored = stored
        self._left = set(stored)
        self._tally = tally
        self.code_page = self.integer(CODE_PAGE) or code_page

    def __contains__(self, number: int) -> bool:
        return number in self._stored

    def binary(self, number: int) -> bytes | None:
        """Return what is stored as bytes, None for nothing."""
        kind, data = self._take(number)
        return data if kind == BINARY else None

    def text(self, number: int) -> str:
        """Return a text, "" for none; counted where its charset is guessed or characters are lost."""
        kind, data = self._take(number)
        if kind == TEXT:
            return self._decoded(data, "utf-16-le")
        if kind == TEXT_8 or (kind == BINARY and number == HTML):
            page = self.integer(BODY_CODE_PAGE) if number in (BODY, HTML) else 0
            page = page or self.code_page
            return self._decoded(data, f"cp{page}" if page else "")
        return ""

    def integer(self, number: int) -> int:
        """Return a number, 0 for none."""
        kind, data = self._take(number)
        return int.from_bytes(data[:4], "little") if kind == INTEGER else 0

    def time(self, number: int) -> datetime | None:
        """Return a time, to the second, None for none and for one after the year 9999."""
        kind, data = self._take(number)
        if kind != TIME or len(data) < 8:
            return None
        try:
            return _1601 + timedelta(seconds=int.from_bytes(data[:8], "little") // 10_000_000)
        except OverflowError:
            return None

    def leave(self) -> None:
        """Count what nobody has asked for."""
        self._tally.add("properties", times=len(self._left))

    def _take(self, number: int) -> tuple[int, bytes]:
        self._left.discard(number)
        return self._stored.get(number, (0, b""))

    def _decoded(self, data: bytes, label: str) -> str:
        if label == "utf-16-le":
            text = data.decode(label, "replace")
            damaged, guessed = "\ufffd" in text, False
        else:
            decoded = decode(data, label)
            text, damaged = decoded.text, decoded.damaged
            guessed = decoded.how is How.GUESSED
        self._tally.add("undecoded", times=damaged)
        self._tally.add("guessed", times=guessed)
        return text.rstrip("\0")


@dataclass(slots=True)
class Attachment:
    """A file, or an item, that is attached; `item` None and no data for what is neither."""

    properties: Properties
    item: "Item | None" = None


@dataclass(slots=True)
class Item:
    """A message, appointment, form, .. of Outlook."""

    properties: Properties
    recipients: list[Properties] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
