"""Archives: members as other software finds them; archives that lie are not split."""

import io
import struct
import tarfile
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.company.splitters import split
from tests.splitters.pieces import Memory, Pieces

LIES = "its directory and its members contradict each other"
FILES = [("a.txt", b"first"), ("dir/b.bin", bytes(50_000)), ("合同.txt", b""), ("c", b"x" * 700)]


def zipped(
    files: list[tuple[str, bytes]] = FILES,
    method: int = zipfile.ZIP_DEFLATED,
    seekable: bool = True,
) -> bytes:
    out = io.BytesIO()
    target: Any = out if seekable else Unseekable(out)
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


class Unseekable:
    """What makes zipfile put sizes behind the data."""

    def __init__(self, out: io.BytesIO) -> None:
        self.write = out.write
        self.flush = out.flush


def tarred(files: list[tuple[str, bytes]], layout: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=layout) as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_of_a_zip_are_cut_with_their_headers(method: int, seekable: bool) -> None:
    data = zipped(method=method, seekable=seekable)
    archive = Pieces("a.zip", data)
    assert archive.splitting.splitter == "zip"
    assert archive.paths == [
        "member 1 of 4: a.txt",
        "member 2 of 4: dir/b.bin",
        "member 3 of 4: 合同.txt",
        "member 4 of 4: c",
    ]
    with zipfile.ZipFile(io.BytesIO(data)) as wanted:
        offsets = [info.header_offset for info in wanted.infolist()]
        ends = [*offsets[1:], wanted.start_dir]
    assert [archive.bounds(part) for part in archive.splitting.parts] == list(
        zip(offsets, ends, strict=True)
    )


def test_a_member_of_a_zip_can_be_read_by_itself() -> None:
    piece = Pieces("a.zip", zipped())["member 1 of 4: a.txt"]
    assert piece.startswith(b"PK\3\4")
    import zlib

    assert zlib.decompress(piece[30 + len("a.txt") :], -15) == b"first"


def test_a_zip_behind_a_program_is_split_too() -> None:
    archive = Pieces("setup.zip", b"MZ program" * 100 + zipped())
    assert archive["member 4 of 4: c"].startswith(b"PK\3\4")


def test_names_written_in_china_without_the_flag_are_read() -> None:
    data = zipped([("XXXX.txt", b"")]).replace(b"XXXX", "合同".encode("gb18030"))
    assert Pieces("a.zip", data).paths == ["member 1 of 1, name guessed as gb18030: 合同.txt"]


def test_names_cannot_play_tricks_in_paths() -> None:
    names = ["\x1b[31m", "../../etc/passwd", "a\nb", "\u202egpj.exe", "n" * 5000]
    paths = Pieces("a.zip", zipped([(name, b"") for name in names])).paths
    assert paths[0] == "member 1 of 5: \\x1b[31m"
    assert paths[1] == "member 2 of 5: ../../etc/passwd"
    assert max(map(len, paths)) < 1100


def altered(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


@pytest.mark.parametrize(
    ("at", "new"),
    [
        (0, b"PK\1\1"),
        (6, b"\1"),
        (8, b"\0\0"),
        (14, b"\0"),
        (18, b"\1"),
        (22, b"\1"),
        (26, b"\4"),
        (30, b"b"),
    ],
)
def test_a_zip_whose_members_say_something_else_is_not_split(at: int, new: bytes) -> None:
    assert Pieces("a.zip", altered(zipped(), at, new)).splitting.unsplit == LIES


def test_a_zip_whose_descriptor_says_something_else_is_not_split() -> None:
    data = zipped([("a", b"x")], zipfile.ZIP_STORED, seekable=False)
    at = data.index(b"PK\7\x08")
    assert Pieces("a.zip", altered(data, at + 8, b"\2")).splitting.unsplit == LIES


def test_a_zip_whose_members_share_bytes_is_not_split() -> None:
    """The bomb of David Fifield: many names for the same data."""
    data = zipped([("a", b"x" * 100)])
    at = data.index(b"PK\1\2")
    entry, end = data[at : data.index(b"PK\5\6")], data[data.index(b"PK\5\6") :]
    end = end[:8] + struct.pack("<HHL", 2, 2, 2 * len(entry)) + end[16:]
    splitting = Pieces("a.zip", data[:at] + 2 * entry + end).splitting
    assert splitting.unsplit == "its members overlap"


def test_of_a_zip_bomb_only_the_directory_is_read() -> None:
    bomb = zipped([(f"{n}.bin", bytes(10 << 20)) for n in range(5)])
    source = Memory(bomb)
    assert len(split("bomb.zip", "", source).parts) == 5
    assert sum(count for _, count in source.reads) < 4 * len(bomb)


@pytest.mark.parametrize("name", ["a.docx", "a.jar", "a.xlsx"])
def test_other_zips_are_left_alone(name: str) -> None:
    assert Pieces(name, zipped()).splitting.unsplit == ""


@pytest.mark.parametrize("layout", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_members_of_a_tar_are_cut_with_all_their_headers(layout: int) -> None:
    long = "d" * 90 + "/" + "n" * 90
    files = [*FILES, (long, b"long")] if layout != tarfile.USTAR_FORMAT else FILES
    data = tarred(files, layout)
    archive = Pieces("a.tar", data)
    assert archive.splitting.splitter == "tar"
    total = len(files)
    assert archive.paths == [
        f"member {number} of {total}: {name}" for number, (name, _) in enumerate(files, 1)
    ]
    for path, (name, content) in zip(archive.paths, files, strict=True):
        with tarfile.open(fileobj=io.BytesIO(archive[path] + bytes(1024))) as alone:
            (member,) = alone.getmembers()
            assert member.name == name
            assert alone.extractfile(member).read() == content  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: altered(data, 0, b"\xff"), "one of its headers is damaged"),
        (lambda data: altered(data, 1024, b"\xff"), "one of its headers is damaged"),
        (lambda data: data[:1100], "one of its headers is damaged"),
        (lambda data: tarred([("a", bytes(5000))])[:3000], "it ends within a member"),
        (lambda data: b"not a tar" * 1000, "one of its headers is damaged"),
    ],
)
def test_a_tar_that_is_damaged_is_not_split(change, reason: str) -> None:
    assert Pieces("a.tar", change(tarred(FILES, tarfile.USTAR_FORMAT))).splitting.unsplit == reason


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "A.TAR.XZ"])
def test_a_compressed_tar_says_that_its_members_have_no_bytes(name: str) -> None:
    splitting = Pieces(name, b"\x1f\x8b", "application/x-tar").splitting
    assert "compressed" in splitting.unsplit


@given(
    st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=2000)), max_size=4),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_members_of_a_tar_begin_where_tarfile_finds_them(
    files: list[tuple[str, bytes]], layout: int
) -> None:
    data = tarred([(f"{n}{name}", content) for n, (name, content) in enumerate(files)], layout)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        wanted = [member.offset for member in archive.getmembers()]
    found = Pieces("a.tar", data)
    assert [found.bounds(part)[0] for part in found.splitting.parts] == wanted


@given(st.data(), st.sampled_from(["a.zip", "a.tar"]))
def test_no_archive_makes_the_splitter_fail(data: st.DataObject, name: str) -> None:
    archive = bytearray(
        zipped(FILES[:2]) if name == "a.zip" else tarred([("合" * 60, b"1"), ("b", b"2")])
    )
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(archive) - 1))
        new = data.draw(st.binary(min_size=1, max_size=8))
        archive[at : at + len(new)] = new
    if data.draw(st.booleans()):
        del archive[data.draw(st.integers(0, len(archive))) :]
    Pieces(name, bytes(archive))
