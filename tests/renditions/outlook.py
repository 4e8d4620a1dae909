"""Items of Outlook, made by hand: compound files ([MS-CFB]) as .msg, and winmail.dat."""

import struct
from collections.abc import Mapping
from itertools import pairwise

TEXT, TEXT_8, BINARY, INTEGER, TIME, OBJECT = 0x1F, 0x1E, 0x102, 3, 0x40, 0xD
Tree = Mapping[str, "bytes | Tree"]
Value = tuple[int, bytes]
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound(tree: Tree) -> bytes:
    """Return a compound file of streams and storages."""
    entries: list[list[object]] = []
    small, chains, large = bytearray(), list[int](), list[tuple[int, bytes]]()

    def add(name: str, node: "bytes | Tree") -> int:
        number = len(entries)
        entry: list[object] = [name, 1, _FREE, _FREE, 0, 0]
        entries.append(entry)
        if not isinstance(node, bytes):
            kids = [add(*each) for each in node.items()]
            for left, right in pairwise(kids):
                entries[left][2] = right
            entry[3] = kids[0] if kids else _FREE
            return number
        entry[1], entry[5] = 2, len(node)
        if len(node) >= 4096:
            large.append((number, node))
        elif node:
            entry[4] = len(chains)
            sectors = -(-len(node) // 64)
            chains.extend([*range(len(chains) + 1, len(chains) + sectors), _END])
            small.extend(node.ljust(sectors * 64, b"\0"))
        return number

    add("Root Entry", tree)
    entries[0][1] = 5
    fat_sectors = 8
    fat, body = [_FAT] * fat_sectors, bytearray()

    def place(data: bytes) -> int:
        start, sectors = len(fat), -(-len(data) // 512)
        fat.extend([*range(start + 1, start + sectors), _END])
        body.extend(data.ljust(sectors * 512, b"\0"))
        return start

    for number, data in large:
        entries[number][4] = place(data)
    entries[0][4:] = [place(bytes(small)) if small else _END, len(small)]
    mini = [*chains, *[_FREE] * (-len(chains) % 128)]
    mini_start = place(struct.pack(f"<{len(mini)}L", *mini)) if mini else _END
    directory = bytearray()
    for name, kind, right, child, start, size in entries:
        coded = (str(name) + "\0").encode("utf-16-le")
        directory += struct.pack(
            "<64sHBBLLL36xLQ", coded, len(coded), kind, 1, _FREE, right, child, start, size
        )
    directory_start = place(bytes(directory))
    assert len(fat) <= fat_sectors * 128
    fat += [_FREE] * (fat_sectors * 128 - len(fat))
    header = struct.pack(
        "<8s16xHHHHH6xLLLLLLLLL",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6, 0, fat_sectors, directory_start,
        0, 4096, mini_start, len(mini) // 128, _END, 0,
    )  # fmt: skip
    blocks = [*range(fat_sectors), *[_FREE] * (109 - fat_sectors)]
    return header + struct.pack("<109L", *blocks) + struct.pack(f"<{len(fat)}L", *fat) + bytes(body)


def storage(header: int, properties: Mapping[int, Value]) -> dict[str, "bytes | Tree"]:
    """Return the streams of an item, a recipient or an attachment."""
    listed, streams = bytearray(header), dict[str, "bytes | Tree"]()
    for number, (kind, data) in properties.items():
        inline = data if kind in (INTEGER, TIME) else struct.pack("<L", len(data))
        listed += struct.pack("<HHL8s", kind, number, 6, inline)
        if kind not in (INTEGER, TIME, OBJECT):
            streams[f"__substg1.0_{number:04X}{kind:04X}"] = data
    return {"__properties_version1.0": bytes(listed), **streams}


def text(words: str) -> Value:
    """Return a text as Outlook stores it."""
    return TEXT, words.encode("utf-16-le")


def integer(number: int) -> Value:
    return INTEGER, struct.pack("<LL", number, 0)


def item(
    properties: Mapping[int, Value],
    recipients: list[Mapping[int, Value]] | None = None,
    attachments: list[dict[str, "bytes | Tree"]] | None = None,
    header: int = 32,
) -> dict[str, "bytes | Tree"]:
    """Return the storage of an item."""
    made = storage(header, properties)
    for number, recipient in enumerate(recipients or []):
        made[f"__recip_version1.0_#{number:08X}"] = storage(8, recipient)
    for number, attached in enumerate(attachments or []):
        made[f"__attach_version1.0_#{number:08X}"] = attached
    return made


def attribute(level: int, number: int, data: bytes) -> bytes:
    """Return an attribute of a winmail.dat."""
    return (
        struct.pack("<BLL", level, number, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)
    )


def packed(properties: Mapping[int, Value]) -> bytes:
    """Return properties as a winmail.dat holds them."""
    made = struct.pack("<L", len(properties))
    for number, (kind, data) in properties.items():
        made += struct.pack("<HH", kind, number)
        if kind in (INTEGER, TIME):
            made += data[: 4 if kind == INTEGER else 8]
        else:
            made += struct.pack("<LL", 1, len(data)) + data + bytes(-len(data) % 4)
    return made


def tnef(*attributes: bytes) -> bytes:
    """Return a winmail.dat."""
    return b"\x78\x9f\x3e\x22\1\0" + b"".join(attributes)
