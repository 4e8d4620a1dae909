"""Reads winmail.dat: an item of Outlook as a stream of attributes ([MS-OXTNEF])."""

import struct
from collections.abc import Iterator

from ledger.company.sealing.rendering import NotRendered, mapi
from ledger.company.sealing.rendering.mapi import Attachment, Item, Properties, Stored
from ledger.company.sealing.rendering.tally import Tally
from ledger.evidence import notices

SIGNATURE = b"\x78\x9f\x3e\x22"
MAX_DEPTH = 16
"""Items inside each other."""
MAX_PROPERTIES = 100_000
"""Properties of an item, and of what is in it."""

_ATTRIBUTE = struct.Struct("<BLL")
_MESSAGE, _ATTACHMENT = 1, 2
_CODE_PAGE, _PROPERTIES, _RECIPIENTS = 0x9007, 0x9003, 0x9004
_SUBJECT, _BODY, _FROM = 0x8004, 0x800C, 0x8000
_BEGIN, _DATA, _TITLE, _OF_ATTACHMENT = 0x9002, 0x800F, 0x8010, 0x9005

_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0xA: 4, 0xB: 4, 0x14: 8, 0x40: 8, 0x48: 16}
"""Bytes of a value by its type, padded."""
_SIZED = (mapi.TEXT_8, mapi.TEXT, mapi.BINARY, mapi.OBJECT)
_MANY, _NAMED = 0x1000, 0x8000
_IS_ITEM = bytes.fromhex("0703020000000000c000000000000046")


def read_tnef(data: bytes, tally: Tally) -> Item:
    """Return the item that a file holds. Raises NotRendered for one that is cut off or not known."""
    try:
        return _Reader(tally).item(memoryview(data), 0)
    except struct.error as error:
        raise NotRendered(notices.DAMAGED.line()) from error


class _Cursor:
    """Takes values from the front; what is not there raises NotRendered."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> memoryview:
        if size > len(self._data) - self._at:
            raise NotRendered(notices.DAMAGED.line())
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int = 4) -> int:
        return int.from_bytes(self.take(size), "little")

    def padded(self) -> memoryview:
        """Return bytes behind their number, which is followed by some up to a multiple of 4."""
        size = self.number()
        taken = self.take(size)
        self.take(min(-size % 4, self.left))
        return taken

    @property
    def left(self) -> int:
        return len(self._data) - self._at


class _Reader:
    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._room = MAX_PROPERTIES

    def item(self, data: memoryview, depth: int) -> Item:
        cursor = _Cursor(data)
        if cursor.take(4) != SIGNATURE:
            raise NotRendered(notices.DAMAGED.line())
        cursor.take(2)
        page, stored = 0, Stored()
        older = Stored()
        recipients: list[Stored] = []
        attached: list[tuple[Stored, Stored]] = []
        for level, identifier, value in _attributes(cursor):
            if level == _ATTACHMENT and identifier == _BEGIN:
                self._spend()
                attached.append(({}, {}))
            elif level == _ATTACHMENT and attached:
                self._attach(identifier, value, *attached[-1])
            elif identifier == _CODE_PAGE:
                page = int.from_bytes(value[:4], "little")
            elif identifier == _PROPERTIES:
                stored |= self._properties(_Cursor(value))
            elif identifier == _RECIPIENTS:
                rows = _Cursor(value)
                recipients += [self._properties(rows) for _ in range(rows.number())]
            elif identifier == _SUBJECT:
                older[mapi.SUBJECT] = mapi.TEXT_8, bytes(value)
            elif identifier == _BODY:
                older[mapi.BODY] = mapi.TEXT_8, bytes(value)
            elif identifier == _FROM:
                older |= _sender(value)
            else:
                self._tally.add("properties")
        properties = Properties(older | stored, self._tally, page)
        page = properties.code_page
        item = Item(properties, [Properties(each, self._tally, page) for each in recipients])
        for old, new in attached:
            attachment = Attachment(Properties(old | new, self._tally, page))
            data_of = new.get(mapi.DATA)
            if data_of and data_of[0] == mapi.OBJECT and data_of[1][:16] == _IS_ITEM:
                if depth < MAX_DEPTH:
                    attachment.item = self.item(memoryview(data_of[1])[16:], depth + 1)
                else:
                    self._tally.add("deep-messages")
            item.attachments.append(attachment)
        return item

    def _attach(
        self,
        identifier: int,
        value: memoryview,
        old: Stored,
        new: Stored,
    ) -> None:
        if identifier == _DATA:
            old[mapi.DATA] = mapi.BINARY, bytes(value)
        elif identifier == _TITLE:
            old[mapi.SHORT_NAME] = mapi.TEXT_8, bytes(value)
        elif identifier == _OF_ATTACHMENT:
            new |= self._properties(_Cursor(value))
        else:
            self._tally.add("properties")

    def _properties(self, cursor: _Cursor) -> Stored:
        found: Stored = {}
        self._spend()
        for _ in range(cursor.number()):
            self._spend()
            kind, number = cursor.number(2), cursor.number(2)
            if number >= _NAMED:
                cursor.take(16)
                if cursor.number() == 0:
                    cursor.number()
                else:
                    cursor.padded()
            many = kind & _MANY
            count = cursor.number() if many or kind in _SIZED else 1
            value = b""
            for _ in range(count):
                self._spend()
                value = bytes(self._value(cursor, kind & ~_MANY))
            if number >= _NAMED or many or count != 1:
                self._tally.add("properties")
            else:
                found.setdefault(number, (kind, value))
        return found

    def _value(self, cursor: _Cursor, kind: int) -> memoryview:
        if kind in _SIZED:
            return cursor.padded()
        if kind not in _FIXED:
            raise NotRendered(notices.DAMAGED.line())
        return cursor.take(_FIXED[kind])

    def _spend(self) -> None:
        self._room -= 1
        if self._room < 0:
            raise NotRendered(notices.TOO_MANY_PARTS.line(MAX_PROPERTIES))


def _attributes(cursor: _Cursor) -> Iterator[tuple[int, int, memoryview]]:
    """Yield level, number and value of each attribute, whose sums are right; a line may end behind."""
    while cursor.left > len(b"\r\n"):
        level, identifier, size = _ATTRIBUTE.unpack(cursor.take(_ATTRIBUTE.size))
        value = cursor.take(size)
        if level not in (_MESSAGE, _ATTACHMENT) or sum(value) & 0xFFFF != cursor.number(2):
            raise NotRendered(notices.DAMAGED.line())
        yield level, identifier & 0xFFFF, value


def _sender(value: memoryview) -> Stored:
    """Return name, kind and address of who sent the item: sizes, then `name NUL KIND:address NUL`."""
    cursor = _Cursor(value)
    cursor.take(4)
    name, address = cursor.number(2), cursor.number(2)
    shown, (kind, _, stated) = bytes(cursor.take(name)), bytes(cursor.take(address)).partition(b":")
    texts = {mapi.SENDER: shown, mapi.SENDER_KIND: kind, mapi.SENDER_ADDRESS: stated}
    return {number: (mapi.TEXT_8, text.partition(b"\0")[0]) for number, text in texts.items()}
