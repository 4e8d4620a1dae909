"""Archives: zip (APPNOTE 6.3) and tar (POSIX pax, GNU). Their members; nothing is decompressed.

A member of a zip is its local header, its data and what describes them after it; of a tar its header
blocks, extended ones included, its data and their padding. Each can be read by itself with other
software. The zip's directory and its members must say the same: an archive that lies is not split.
"""

import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, cast

from ledger.company.splitters import members
from ledger.company.splitters.cutting import VERSIONS, Unsplit, Window
from ledger.company.splitters.members import Member, is_utf8, split_members
from ledger.evidence import notices
from ledger.evidence.parts import Splitting

MAX_MEMBERS = 100_000
"""Members of an archive, as documents of a deposit."""
MAX_DIRECTORY = 16 << 20
"""Bytes of a zip's directory, which is in memory, and for each member some 700 bytes more."""
MAX_EXTENDED = 1 << 20
"""Bytes of a tar's extended header: a name, and attributes."""

_CHANGED = notices.CONTRADICTS.line()
_LOCAL = struct.Struct("<4s5H3L2H")
_BIT_ENCRYPTED, _BIT_DESCRIPTOR, _BIT_UTF_8, _BIT_MASKED = 0x1, 0x8, 0x800, 0x2000
_LAYOUT_BITS = _BIT_ENCRYPTED | _BIT_DESCRIPTOR
"""Flags that say how the bytes are laid out: encrypted, descriptor after the data."""
_AES = 99
"""The method of a member encrypted as WinZip does."""
_UNICODE_PATH = 0x7075
"""Info-ZIP's extra field: version 1, the CRC-32 of the name in the header, the name in UTF-8."""
_DESCRIPTOR = b"PK\x07\x08"
_UNKNOWN = 0xFFFFFFFF
_BLOCK = tarfile.BLOCKSIZE
_STEP = 1 << 16
"""Bytes read around a header; the data between two is skipped."""
_PAX = re.compile(rb"([0-9]{1,7}) ([^=\n]{1,100})=")
_NAMES = ("utf-8", "surrogateescape")
_KINDS = {
    tarfile.LNKTYPE: "hard link",
    tarfile.SYMTYPE: "symbolic link",
    tarfile.DIRTYPE: "folder",
    tarfile.FIFOTYPE: "pipe",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.GNUTYPE_SPARSE: members.SPARSE,
    b"D": "list of a folder",
    b"M": "continued from another volume",
    b"V": "name of the volume",
}


def split_zip(window: Window) -> Splitting:
    """Return how a zip is cut into its members."""
    window.step = _STEP
    try:
        with zipfile.ZipFile(cast(IO[bytes], _File(window))) as archive:
            found, directory = archive.infolist(), archive.start_dir
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
    if len(found) > MAX_MEMBERS:
        raise Unsplit(notices.TOO_MANY_MEMBERS.line(MAX_MEMBERS))
    found.sort(key=lambda member: member.header_offset)
    ready = [_zip_member(window, member) for member in found]
    after = [*(each.start for each in ready), directory][1:]
    if any(each.end > limit for each, limit in zip(ready, after, strict=True)):
        raise Unsplit(notices.OVERLAP.line())
    return split_members(("zip", VERSIONS["zip"]), window, ready, ibm=True)


def _zip_member(window: Window, member: zipfile.ZipInfo) -> Member:
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
    end += _descriptor_size(window, end, told) if flags & _BIT_DESCRIPTOR else 0
    stated = _unicode_path(member.extra, raw)
    if stated is None and member.flag_bits & _BIT_UTF_8:
        stated = member.orig_filename
    return Member(start, end, raw, stated, tuple(_zip_remarks(member)))


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


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the name in an extra field, None where there is none for this name in the header."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        data = extra[at + 4 : at + 4 + size]
        at += 4 + size
        if (
            kind == _UNICODE_PATH
            and data[:5] == b"\1" + zlib.crc32(raw).to_bytes(4, "little")
            and is_utf8(data[5:])
        ):
            return data[5:].decode() or None
    return None


def _zip_remarks(member: zipfile.ZipInfo) -> Iterator[str]:
    if member.flag_bits & (_BIT_ENCRYPTED | _BIT_MASKED) or member.compress_type == _AES:
        yield members.ENCRYPTED
    if stat.S_ISLNK(member.external_attr >> 16):
        yield "symbolic link"


def split_tar(window: Window) -> Splitting:
    """Return how a tar is cut into its members."""
    window.step = _STEP
    found: list[Member] = []
    at, size = 0, window.size
    while at < size:
        if window.read(at, _BLOCK).strip(b"\0") == b"":
            break
        if len(found) == MAX_MEMBERS:
            raise Unsplit(notices.TOO_MANY_MEMBERS.line(MAX_MEMBERS))
        found.append(_tar_member(window, at))
        at = found[-1].end
    return split_members(("tar", VERSIONS["tar"]), window, found, ibm=False)


def _tar_member(window: Window, start: int) -> Member:
    """Return the member at `start`, which has its extended headers with it."""
    at, size = start, -1
    said: dict[bytes, bytes] = {}
    while True:
        header = _tar_header(window, at)
        at += _BLOCK
        if header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE):
            records = _pax(_extended(window, at, header.size))
            if header.type == tarfile.XGLTYPE:
                records = {key: records[key] for key in (b"size",) if key in records}
            said |= records
        elif header.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
            key = b"path" if header.type == tarfile.GNUTYPE_LONGNAME else b"linkpath"
            said[key] = _extended(window, at, header.size).rstrip(b"\0")
        else:
            break
        at = _padded(window, at, header.size)
    if header.type == tarfile.GNUTYPE_SPARSE:
        more = window.read(at - _BLOCK + 482, 1)
        while more not in (b"", b"\0"):
            more = window.read(at + 504, 1)
            at += _BLOCK
    if re.fullmatch(rb"[0-9]{1,19}", said.get(b"size", b"")):
        size = int(said[b"size"])
    if size < 0:
        size = header.size
    if not header.isreg() and header.type in tarfile.SUPPORTED_TYPES:
        size = 0
    raw = said.get(b"GNU.sparse.name") or said.get(b"path") or header.name.encode(*_NAMES)
    target = b""
    if header.type in (tarfile.LNKTYPE, tarfile.SYMTYPE):
        target = said.get(b"linkpath") or header.linkname.encode(*_NAMES)
    return Member(
        start, _padded(window, at, size), raw, remarks=_tar_remarks(header, said), target=target
    )


def _tar_remarks(header: tarfile.TarInfo, said: dict[bytes, bytes]) -> tuple[str, ...]:
    if any(key.startswith(b"GNU.sparse.") for key in said):
        return (members.SPARSE,)
    if header.type in _KINDS:
        return (_KINDS[header.type],)
    return () if header.isreg() else ("of an unknown kind",)


def _tar_header(window: Window, at: int) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(window.read(at, _BLOCK), *_NAMES)
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


def _pax(data: bytes) -> dict[bytes, bytes]:
    """Return the records "length keyword=value" of an extended header."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(data) and (record := _PAX.match(data, at)):
        end = at + int(record[1])
        if not record.end() < end <= len(data):
            raise Unsplit(notices.TAR_DAMAGED.line())
        found[record[2]] = data[record.end() : end - 1]
        at = end
    return found


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
