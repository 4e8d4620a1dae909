"""Plain ZIP archives with exactly one form: stored, fixed times, nothing before, between or behind.

Tools disagree on which of a ZIP's several tables they believe. So a reader here takes the members from
the front, one after the other, makes the directory at the end anew from what it found, and accepts the
file only if that is what stands there, byte for byte. What one tool shows, every tool shows.

Layout: APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (ends). The
bytes are those that Python's `zipfile` writes for the same members; ZIP64 fields only where needed.
"""

import io
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO

from ledger.errors import InvalidInput, MalformedData
from ledger.quoted import quoted

MAX_MEMBERS = 250_000
"""Members of an archive; a deposit has at most 100,000 documents."""
MAX_NAME = 512
"""Bytes of a member's name: what `safe_component` gives, and what precedes it."""

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s2B5H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_SIZES64 = struct.Struct("<2H2Q")

_VERSION, _VERSION64 = 20, 45
_UTF_8 = 0x800
_UNIX, _MODE = 3, 0o644 << 16
_TIME, _DATE = 0, 0x21
"""Midnight of 1980-01-01, the earliest that the format can state."""
_SMALL = 0x7FFFFFFF
"""Sizes and offsets above this stand in ZIP64 fields."""
_ALL, _ALL_SHORT = 0xFFFFFFFF, 0xFFFF
_MANY = 0xFFFF
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """A member: its size in bytes, and where its header and its data begin."""

    name: str
    crc: int
    size: int
    header: int
    start: int


class Writer:
    """Writes an archive to a file that can seek, from its beginning."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._members: list[Member] = []

    def add(self, name: str, size: int, blocks: Iterable[bytes]) -> None:
        """Write a member of `size` bytes. Raises InvalidInput when the blocks do not add up to it."""
        header = self._out.tell()
        self._out.write(_local(name, 0, size))
        start = self._out.tell()
        crc = 0
        for block in blocks:
            crc = zlib.crc32(block, crc)
            self._out.write(block)
        end = self._out.tell()
        if end - start != size:
            raise InvalidInput(
                f"{quoted(name)} has {end - start} bytes, not the {size} it should have."
            )
        self._out.seek(header)
        self._out.write(_local(name, crc, size))
        self._out.seek(end)
        self._members.append(Member(name, crc, size, header, start))

    def finish(self) -> None:
        """Write the directory that ends the archive."""
        self._out.write(_directory(self._members, self._out.tell()))


class Reader:
    """The members of an archive, in their order; `file` must stay open. Raises MalformedData."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = Lock()
        members: list[Member] = []
        end = file.seek(0, io.SEEK_END)
        file.seek(0)
        at = 0
        while (member := _read_local(file, at)) is not None:
            if len(members) == MAX_MEMBERS:
                raise MalformedData(f"the ZIP has more than {MAX_MEMBERS} members")
            members.append(member)
            at = member.start + member.size
            if at > end:  # and no system seeks to wherever a header may point
                raise MalformedData("a member of the ZIP is larger than the file")
            file.seek(at)
        expected = _directory(members, at)
        file.seek(at)
        if not members:
            raise MalformedData("not an evidence file: it does not begin as a ZIP does")
        if file.read(len(expected) + 1) != expected:
            raise MalformedData(
                "the ZIP is not as it was written: it is cut short, changed, or other tools could show "
                "other files in it"
            )
        self.members = tuple(members)

    def read(self, member: Member, offset: int, size: int) -> bytes:
        """Return at most `size` bytes of a member from `offset` on. From any thread."""
        with self._lock:
            self._file.seek(member.start + offset)
            return self._file.read(max(0, min(size, member.size - offset)))

    def check(self, member: Member) -> None:
        """Raise MalformedData unless the member's CRC-32 is that of its bytes: other tools look."""
        crc = 0
        for offset in range(0, member.size, _BLOCK):
            crc = zlib.crc32(self.read(member, offset, _BLOCK), crc)
        if crc != member.crc:
            raise MalformedData(
                f"the ZIP states a checksum for {quoted(member.name)} that is not that of its "
                "bytes: other "
                "tools would refuse it"
            )


def _read_local(file: BinaryIO, at: int) -> Member | None:
    """Return the member whose header begins at `at`, None where none does."""
    header = file.read(_LOCAL.size)
    if len(header) != _LOCAL.size or header[:4] != b"PK\3\4":
        return None
    *_, crc, _, size, name_size, extra_size = _LOCAL.unpack(header)
    if name_size > MAX_NAME or extra_size > _SIZES64.size:
        raise MalformedData("a member of the ZIP has a header of another form")
    encoded, extra = file.read(name_size), file.read(extra_size)
    if len(extra) == _SIZES64.size:
        size = _SIZES64.unpack(extra)[2]
    try:
        name = encoded.decode()
    except UnicodeDecodeError as error:
        raise MalformedData("a member of the ZIP has a name that is not UTF-8") from error
    if header + encoded + extra != _local(name, crc, size):
        raise MalformedData("a member of the ZIP has a header of another form")
    return Member(name, crc, size, at, at + len(header) + len(encoded) + len(extra))


def _local(name: str, crc: int, size: int) -> bytes:
    encoded, flags = _encode(name)
    large = size > _SMALL
    extra = _SIZES64.pack(1, 16, size, size) if large else b""
    stated = _ALL if large else size
    version = _VERSION64 if large else _VERSION
    header = _LOCAL.pack(
        b"PK\3\4", version, flags, 0, _TIME, _DATE, crc, stated, stated, len(encoded), len(extra)
    )
    return header + encoded + extra


def _directory(members: Iterable[Member], start: int) -> bytes:
    count = 0
    entries = bytearray()
    for count, member in enumerate(members, 1):  # noqa: B007
        encoded, flags = _encode(member.name)
        wide = [member.size, member.size] if member.size > _SMALL else []
        stated = _ALL if wide else member.size
        header = member.header
        if header > _SMALL:
            wide.append(header)
            header = _ALL
        extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        version = _VERSION64 if wide else _VERSION
        entries += _CENTRAL.pack(
            b"PK\1\2", version, _UNIX, version, flags, 0, _TIME, _DATE, member.crc, stated, stated,
            len(encoded), len(extra), 0, 0, 0, _MODE, header,
        )  # fmt: skip
        entries += encoded + extra
    size = len(entries)
    end64 = b""
    if count > _MANY or start > _SMALL or size > _SMALL:
        end64 = _END64.pack(
            b"PK\6\6", _END64.size - 12, 45, 45, 0, 0, count, count, size, start
        ) + _LOCATOR64.pack(b"PK\6\7", 0, start + size, 1)
    short = min(count, _ALL_SHORT)
    end = _END.pack(b"PK\5\6", 0, 0, short, short, min(size, _ALL), min(start, _ALL), 0)
    return bytes(entries) + end64 + end


def _encode(name: str) -> tuple[bytes, int]:
    return name.encode(), 0 if name.isascii() else _UTF_8
