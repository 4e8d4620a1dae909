"""A member as it was cut out of an archive becomes the file that was packed, or a reason."""

import io
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.reading.members import NotUnpacked, Why, unpack

LIMIT = 1 << 24
DATA = ("型号,单价\n" * 500).encode()


class Stream(io.RawIOBase):
    """A file that cannot seek: sizes and checksum then stand behind the data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.data += bytes(data)  # type: ignore[call-overload]
        return len(bytes(data))  # type: ignore[call-overload]


def member(data: bytes, method: int, *, streamed: bool = False, zip64: bool = False) -> bytes:
    """Return the first member of a zip of two, as a splitter cuts it."""
    out = Stream() if streamed else io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        with archive.open("a.csv", "w", force_zip64=zip64) as file:
            file.write(data)
        archive.writestr("b.txt", b"hidden")
        second = archive.infolist()[1].header_offset
    whole = bytes(out.data) if isinstance(out, Stream) else out.getvalue()
    return whole[:second]


@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_member_of_a_zip_is_the_file(method: int, streamed: bool, zip64: bool) -> None:
    for data in (DATA, b"", b"x"):
        assert unpack(member(data, method, streamed=streamed, zip64=zip64), LIMIT) == data


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_member_of_a_tar_is_the_file(form: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        name = "报价单" * 20 if form != tarfile.USTAR_FORMAT else "报价单"
        info = tarfile.TarInfo(name)
        info.size = len(DATA)
        archive.addfile(info, io.BytesIO(DATA))
    assert unpack(out.getvalue(), LIMIT) == DATA
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    assert unpack(folder.tobuf(), LIMIT) is None


def why(data: bytes, limit: int = LIMIT) -> Why:
    with pytest.raises(NotUnpacked) as caught:
        unpack(data, limit)
    return caught.value.why


def test_what_is_not_unpacked_says_why() -> None:
    packed = member(DATA, zipfile.ZIP_DEFLATED)
    encrypted = bytearray(packed)
    encrypted[6] |= 1
    assert why(bytes(encrypted)) is Why.ENCRYPTED
    assert why(member(DATA, zipfile.ZIP_LZMA)) is Why.METHOD
    changed = bytearray(member(DATA, zipfile.ZIP_STORED))
    changed[-1] ^= 1
    assert why(bytes(changed)) is Why.DAMAGED
    assert why(packed[:-10]) is Why.DAMAGED
    assert why(packed, limit=100) is Why.TOO_LARGE
    assert why(member(bytes(40 << 20), zipfile.ZIP_DEFLATED), 1 << 30) is Why.TOO_LARGE
    assert why(member(bytes(40 << 20), zipfile.ZIP_BZIP2, streamed=True), 1 << 30) is Why.TOO_LARGE


@given(st.binary(max_size=600), st.sampled_from([b"", b"PK\x03\x04", b"PK\x03\x04" + bytes(22)]))
def test_no_bytes_raise_anything_else(data: bytes, start: bytes) -> None:
    try:
        unpack(start + data, 1 << 16)
    except NotUnpacked as error:
        assert error.why in Why
