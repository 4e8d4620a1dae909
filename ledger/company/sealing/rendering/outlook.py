"""Reads .msg and .oft: a compound file with a stream for each property ([MS-OXMSG])."""

import struct
from pathlib import Path

from olefile import OleFileIO
from oxmsg.storage import Storage

from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.rendering.mapi import (
    BINARY,
    DATA,
    OBJECT,
    TEXT,
    TEXT_8,
    Attachment,
    Item,
    Properties,
    Stored,
)
from ledger.company.sealing.rendering.tally import Tally
from ledger.evidence import notices

MAX_DEPTH = 16
"""Items inside each other; the mail splitter goes to 20 levels, of which each takes at least one."""

_TOP, _INNER, _OTHER = 32, 24, 8
"""Bytes before the first property of a file's item, of an inner one, of anything else."""
_PROPERTY = struct.Struct("<HHL8s")
_LIST = "__properties_version1.0"
_ITEM = f"__substg1.0_{DATA:04X}{OBJECT:04X}"


def read_msg(source: Path, tally: Tally) -> Item:
    """Return the item that a file holds. Raises NotRendered, and what the libraries raise."""
    try:
        with OleFileIO(source) as file:
            root = Storage.from_ole(file)
    except OSError as error:
        raise NotRendered(notices.DAMAGED.line()) from error
    if not _is_item(root):
        raise NotRendered(notices.DAMAGED.line())
    return _item(root, _TOP, tally, 0, 0)


def _item(storage: Storage, header: int, tally: Tally, depth: int, code_page: int) -> Item:
    properties = _properties(storage, header, tally, code_page)
    item = Item(properties)
    for each in storage.iter_recipient_storages():
        item.recipients.append(_properties(each, _OTHER, tally, properties.code_page))
    for each in storage.iter_attachment_storages():
        attachment = Attachment(_properties(each, _OTHER, tally, properties.code_page))
        inner = next((sub for sub in each.storages if sub.name == _ITEM), None)
        if inner and _is_item(inner):
            if depth < MAX_DEPTH:
                attachment.item = _item(inner, _INNER, tally, depth + 1, properties.code_page)
            else:
                tally.add("deep-messages")
        item.attachments.append(attachment)
    return item


def _is_item(storage: Storage) -> bool:
    return any(stream.name == _LIST for stream in storage.streams)


def _properties(storage: Storage, header: int, tally: Tally, code_page: int) -> Properties:
    streams = {stream.name: stream.bytes_ for stream in storage.streams}
    listed = streams.get(_LIST, b"")[header:]
    tally.add("unreadable", times=_LIST not in streams)
    stored: Stored = {}
    for kind, number, _, value in _PROPERTY.iter_unpack(listed[: len(listed) // 16 * 16]):
        if kind in (TEXT, TEXT_8, BINARY):
            if (found := streams.get(f"__substg1.0_{number:04X}{kind:04X}")) is None:
                tally.add("unreadable")
                continue
            value = found
        stored.setdefault(number, (kind, value))
    return Properties(stored, tally, code_page)
