"""A member of an archive, as it was cut out of it, back into the file that was packed.

Of a zip (APPNOTE 6.3) stored, deflate and bzip2, its checksum compared; of a tar, regular files. What a
file would take is bounded before it is unpacked.
"""

import bz2
import io
import struct
import tarfile
import zlib
from enum import StrEnum

RATIO = 300
"""How many times its packed bytes, and 1 MiB, a member may have."""

_LOCAL = struct.Struct("<4s5H3L2H")
_SIGNATURE, _DESCRIPTOR = b"PK\x03\x04", b"PK\x07\x08"
_ENCRYPTED, _SIZES_BEHIND = 0x1, 0x8
_STORED, _DEFLATE, _BZIP2 = 0, 8, 12
_FAR = 0xFFFFFFFF


class Why(StrEnum):
    """Why a member is not unpacked."""

    ENCRYPTED = "encrypted"
    METHOD = "method"
    TOO_LARGE = "too-large"
    DAMAGED = "damaged"


class NotUnpacked(Exception):
    """A member that is not unpacked; `why` says for what reason."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


def unpack(member: bytes, limit: int) -> bytes | None:
    """Return the file in a member, None for what is no file. Raises NotUnpacked.

    `limit`: bytes that it may have.
    """
    limit = min(limit, RATIO * len(member) + (1 << 20))
    return _from_zip(member, limit) if member.startswith(_SIGNATURE) else _from_tar(member, limit)


def _from_zip(member: bytes, limit: int) -> bytes | None:
    if len(member) < _LOCAL.size:
        raise NotUnpacked(Why.DAMAGED)
    _, _, flags, method, _, _, crc, packed, size, name, extra = _LOCAL.unpack_from(member)
    start = _LOCAL.size + name + extra
    if flags & _ENCRYPTED:
        raise NotUnpacked(Why.ENCRYPTED)
    if member[_LOCAL.size : _LOCAL.size + name].endswith(b"/"):
        return None
    behind = bool(flags & _SIZES_BEHIND)
    end = len(member) if behind or packed == _FAR else start + packed
    if not behind and size not in (0, _FAR) and size > limit:
        raise NotUnpacked(Why.TOO_LARGE)
    try:
        data, rest = _unpacked(member[start:end], method, behind, limit)
    except (zlib.error, OSError, EOFError, ValueError) as error:
        raise NotUnpacked(Why.DAMAGED) from error
    if behind:
        rest = rest.removeprefix(_DESCRIPTOR)
        crc = int.from_bytes(rest[:4], "little")
    if zlib.crc32(data) != crc:
        raise NotUnpacked(Why.DAMAGED)
    return data


def _unpacked(packed: bytes, method: int, behind: bool, limit: int) -> tuple[bytes, bytes]:
    """Return what is packed, and what stands behind it."""
    if method == _STORED:
        size = _stored_size(packed) if behind else len(packed)
        data, rest = packed[:size], packed[size:]
    elif method == _DEFLATE:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        data = inflate.decompress(packed, limit + 1)
        rest = inflate.unused_data
        if not inflate.eof and len(data) <= limit:
            raise ValueError("it ends within its data")
    elif method == _BZIP2:
        expand = bz2.BZ2Decompressor()
        data = expand.decompress(packed, limit + 1)
        rest = expand.unused_data
    else:
        raise NotUnpacked(Why.METHOD)
    if len(data) > limit:
        raise NotUnpacked(Why.TOO_LARGE)
    return data, rest


def _stored_size(packed: bytes) -> int:
    """Return where stored data ends, whose size stands behind it: in one of four forms."""
    for form, size in (("<4sLLL", 16), ("<4sLQQ", 24), ("<LLL", 12), ("<LQQ", 20)):
        if len(packed) >= size:
            *_, found, _ = struct.unpack(form, packed[len(packed) - size :])
            if found == len(packed) - size:
                return len(packed) - size
    raise ValueError("it is not said how long it is")


def _from_tar(member: bytes, limit: int) -> bytes | None:
    try:
        with tarfile.open(fileobj=io.BytesIO(member), mode="r:") as archive:
            found = archive.next()
            if found is None or not found.isreg():
                return None
            if found.size > limit:
                raise NotUnpacked(Why.TOO_LARGE)
            file = archive.extractfile(found)
            data = file.read() if file else b""
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
        raise NotUnpacked(Why.DAMAGED) from error
    if len(data) != found.size:
        raise NotUnpacked(Why.DAMAGED)
    return data
