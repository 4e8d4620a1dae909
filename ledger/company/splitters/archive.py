"""Archives: zip (APPNOTE 6.3) and tar (POSIX pax, GNU). Their members; nothing is decompressed.

A member of a zip is its local header, its data and what describes them after it; of a tar its header
blocks, extended ones included, its data and their padding. Each can be read by itself with other
software. The zip's directory and its members must say the same: an archive that lies is not split.
"""

import re
import struct
import tarfile
import zipfile
from typing import IO, cast

from ledger.company.splitters.cutting import VERSIONS, Range, Unsplit, Window, cut_ranges, plain
from ledger.evidence import notices
from ledger.evidence.parts import Splitting

MAX_MEMBERS = 100_000
"""Members of an archive, as documents of a deposit."""
MAX_DIRECTORY = 16 << 20
"""Bytes of a zip's directory, which is in memory, and for each member some 700 bytes more."""
MAX_EXTENDED = 1 << 20
"""Bytes of a tar's extended header: a name, and attributes."""
MAX_NAME = 1000
"""Characters of a member's name in a path."""

_CHANGED = notices.CONTRADICTS.line()
_LOCAL = struct.Struct("<4s5H3L2H")
_BIT_DESCRIPTOR, _BIT_UTF_8 = 0x8, 0x800
_LAYOUT_BITS = 0x1 | _BIT_DESCRIPTOR
"""Flags that say how the bytes are laid out: encrypted, descriptor after the data."""
_DESCRIPTOR = b"PK\x07\x08"
_UNKNOWN = 0xFFFFFFFF
_BLOCK = tarfile.BLOCKSIZE
_STEP = 1 << 16
"""Bytes read around a header; the data between two is skipped."""
_PAX = re.compile(rb"([0-9]{1,7}) ([^=\n]{1,100})=")


def split_zip(window: Window) -> Splitting:
    """Return how a zip is cut into its members."""
    window.step = _STEP
    try:
        with zipfile.ZipFile(cast(IO[bytes], _File(window))) as archive:
            members, directory = archive.infolist(), archive.start_dir
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        struct.error,
        ValueError,
        OverflowError,
        LookupError,
        OSError,
    ) as error:
        raise Unsplit(notices.NO_ZIP.line()) from error
    if len(members) > MAX_MEMBERS:
        raise Unsplit(notices.TOO_MANY_MEMBERS.line(MAX_MEMBERS))
    members.sort(key=lambda member: member.header_offset)
    bounds = [_zip_member(window, member) for member in members]
    after = [*(start for start, _ in bounds), directory][1:]
    if any(end > limit for (_, end), limit in zip(bounds, after, strict=True)):
        raise Unsplit(notices.OVERLAP.line())
    names = [_zip_name(member) for member in members]
    return cut_ranges("zip", VERSIONS["zip"], window.size, _ranges(bounds, names), window.room)


def _zip_member(window: Window, member: zipfile.ZipInfo) -> tuple[int, int]:
    start = member.header_offset
    header = window.read(start, _LOCAL.size) if 0 <= start < window.size else b""
    if len(header) < _LOCAL.size:
        raise Unsplit(_CHANGED)
    signature, _, flags, method, _, _, crc, packed_size, size, name, extra = _LOCAL.unpack(header)
    end = start + _LOCAL.size + name + extra + member.compress_size
    raw = member.orig_filename.encode("utf-8" if member.flag_bits & _BIT_UTF_8 else "cp437")
    sizes = (crc, packed_size, size)
    told = (member.CRC, member.compress_size, member.file_size)
    if not (
        signature == zipfile.stringFileHeader  # type: ignore[attr-defined]
        and method == member.compress_type
        and not (flags ^ member.flag_bits) & _LAYOUT_BITS
        and window.read(start + _LOCAL.size, name) == raw
        and (
            flags & _BIT_DESCRIPTOR
            or all(each in (right, _UNKNOWN) for each, right in zip(sizes, told, strict=True))
        )
    ):
        raise Unsplit(_CHANGED)
    return start, end + (_descriptor_size(window, end, told) if flags & _BIT_DESCRIPTOR else 0)


def _descriptor_size(window: Window, at: int, told: tuple[int, int, int]) -> int:
    """Return the size of the data descriptor, which comes in four forms."""
    found = window.read(at, 24)
    for layout in ("<LLL", "<LQQ"):
        try:
            fields = struct.pack(layout, *told)
        except struct.error:
            continue
        for form in (_DESCRIPTOR + fields, fields):
            if found.startswith(form):
                return len(form)
    raise Unsplit(_CHANGED)


def _zip_name(member: zipfile.ZipInfo) -> str:
    if member.flag_bits & _BIT_UTF_8:
        return member.filename
    raw = member.orig_filename.encode("cp437")
    for codec in ("utf-8", "gb18030"):  # What is written in China without the flag.
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return member.filename


def split_tar(window: Window) -> Splitting:
    """Return how a tar is cut into its members."""
    window.step = _STEP
    bounds: list[tuple[int, int]] = []
    names: list[str] = []
    at, size = 0, window.size
    while at < size:
        if window.read(at, _BLOCK).strip(b"\0") == b"":
            break
        if len(bounds) == MAX_MEMBERS:
            raise Unsplit(notices.TOO_MANY_MEMBERS.line(MAX_MEMBERS))
        end, name = _tar_member(window, at)
        bounds.append((at, end))
        names.append(name)
        at = end
    return cut_ranges("tar", VERSIONS["tar"], size, _ranges(bounds, names), window.room)


def _tar_member(window: Window, start: int) -> tuple[int, str]:
    """Return where the member at `start` ends, its extended headers included, and its name."""
    at, name, size = start, "", -1
    while True:
        header = _tar_header(window, at)
        at += _BLOCK
        if header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE):
            found = _pax(_extended(window, at, header.size))
            if header.type != tarfile.XGLTYPE:
                name = found.get("path", name)
                size = int(found.get("size", size))
        elif header.type == tarfile.GNUTYPE_LONGNAME:
            data = _extended(window, at, header.size)
            name = data.rstrip(b"\0").decode("utf-8", "backslashreplace")
        elif header.type != tarfile.GNUTYPE_LONGLINK:
            break
        at = _padded(window, at, header.size)
    if header.type == tarfile.GNUTYPE_SPARSE:
        more = window.read(at - _BLOCK + 482, 1)
        while more not in (b"", b"\0"):
            more = window.read(at + 504, 1)
            at += _BLOCK
    if size < 0:
        size = header.size
    if not header.isreg() and header.type in tarfile.SUPPORTED_TYPES:
        size = 0
    return _padded(window, at, size), name or header.name


def _tar_header(window: Window, at: int) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(window.read(at, _BLOCK), "utf-8", "backslashreplace")
    except (tarfile.HeaderError, ValueError) as error:
        raise Unsplit(notices.TAR_DAMAGED.line()) from error
    if header.size < 0:
        raise Unsplit(notices.TAR_DAMAGED.line())
    return header


def _extended(window: Window, at: int, size: int) -> bytes:
    if size > MAX_EXTENDED:
        raise Unsplit(notices.TAR_LARGE_HEADER.line())
    return window.read(at, size)


def _padded(window: Window, at: int, size: int) -> int:
    end = at + size + -size % _BLOCK
    if at + size > window.size:
        raise Unsplit(notices.TAR_CUT.line())
    return min(end, window.size)


def _pax(data: bytes) -> dict[str, str]:
    """Return the records "length keyword=value" of an extended header that matter here."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data) and (record := _PAX.match(data, at)):
        end = at + int(record[1])
        if not record.end() < end <= len(data):
            raise Unsplit(notices.TAR_DAMAGED.line())
        value = data[record.end() : end - 1]
        if record[2] == b"path":
            found["path"] = value.decode("utf-8", "backslashreplace")
        elif record[2] == b"size" and re.fullmatch(rb"[0-9]{1,19}", value):
            found["size"] = value.decode()
        at = end
    return found


def _ranges(bounds: list[tuple[int, int]], names: list[str]) -> list[Range]:
    total = len(bounds)
    return [
        (start, end, f"member {number} of {total}: {plain(name, MAX_NAME)}", "")
        for number, ((start, end), name) in enumerate(zip(bounds, names, strict=True), 1)
    ]


class _File:
    """A source as the file that `zipfile` reads; it gives no more at a time than a directory has."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._at = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._window.size)[whence]
        if self._at < 0:
            raise OSError("before the beginning")
        return self._at

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        size = self._window.size - self._at if size < 0 else size
        if size > MAX_DIRECTORY:
            raise ValueError("too large for a directory")
        data = self._window.read(self._at, size)
        self._at += len(data)
        return data
