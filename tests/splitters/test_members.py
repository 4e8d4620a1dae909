"""What members of archives are called, and what is said of those that cannot be shown by themselves."""

import ast
import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.company.noting import MOST, noted
from ledger.company.sealing.collecting import collect
from ledger.company.splitters import split
from ledger.court.shown import path_meaning
from ledger.evidence import notices
from ledger.evidence.records import Record
from ledger.quoted import Quoted, Words
from tests.splitters.pieces import Memory, Pieces
from tests.splitters.test_archive import altered, tarred, zipped


def unlabelled(*names: bytes, extras: tuple[bytes, ...] = ()) -> bytes:
    """Return a zip whose names are these bytes, without the flag that says UTF-8."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, name in enumerate(names):
            info = zipfile.ZipInfo("ABC"[number] * len(name))
            info.extra = extras[number] if extras else b""
            archive.writestr(info, b"data")
    data = out.getvalue()
    for number, name in enumerate(names):
        data = data.replace(b"ABC"[number : number + 1] * len(name), name)
    return data


def unicode_path(raw: bytes, name: str, version: int = 1) -> bytes:
    body = bytes([version]) + zlib.crc32(raw).to_bytes(4, "little") + name.encode()
    return b"\x75\x70" + len(body).to_bytes(2, "little") + body


@pytest.mark.parametrize(
    ("codec", "charset", "names"),
    [
        ("gbk", "gb18030", ["采购合同.txt", "报价单/二〇二六.pdf"]),
        ("big5", "big5", ["合約書.txt", "報價單.txt"]),
        ("shift_jis", "shift_jis", ["契約書.txt", "見積もり.pdf"]),
        ("cp437", "ibm437", ["Müller/résumé.txt"]),
    ],
)
def test_names_without_a_statement_are_guessed_and_say_so(
    codec: str, charset: str, names: list[str]
) -> None:
    archive = Pieces("a.zip", unlabelled(*(name.encode(codec) for name in names)))
    total = len(names)
    assert archive.paths == [
        f"member {number} of {total}, name guessed as {charset}: {name}"
        for number, name in enumerate(names, 1)
    ]
    assert archive.splitting.unsplit == notices.GUESSED_NAMES.line(total)
    assert archive.label(archive.paths[0]) == f"name guessed as {charset}"


def test_the_unicode_path_counts_before_any_guess() -> None:
    raw = "合約書.txt".encode("big5")
    archive = Pieces("a.zip", unlabelled(raw, extras=(unicode_path(raw, "合約書.txt"),)))
    assert archive.paths == ["member 1 of 1: 合約書.txt"]
    assert archive.splitting.unsplit == ""


@pytest.mark.parametrize(
    "extra",
    [
        unicode_path(b"another name", "forged.txt"),
        unicode_path("合同.txt".encode("gbk"), "forged.txt", version=2),
        b"\x75\x70\x01\x00\x01",
        unicode_path("合同.txt".encode("gbk"), ""),
    ],
)
def test_a_unicode_path_that_is_not_of_this_name_does_not_count(extra: bytes) -> None:
    archive = Pieces("a.zip", unlabelled("合同.txt".encode("gbk"), extras=(extra,)))
    assert archive.paths == ["member 1 of 1, name guessed as gb18030: 合同.txt"]


def test_utf_8_without_the_flag_is_no_guess() -> None:
    archive = Pieces("a.zip", unlabelled("合同.txt".encode(), "合約.txt".encode("big5")))
    assert archive.paths == [
        "member 1 of 2: 合同.txt",
        "member 2 of 2, name guessed as big5: 合約.txt",
    ]


def test_encrypted_members_are_listed_and_said_to_be() -> None:
    data = zipped([("a.txt", b"first"), ("机密.txt", b"second")])
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = data.rindex(signature) + at
        data = altered(data, start, bytes([data[start] | 1]))
    archive = Pieces("a.zip", data)
    assert archive.paths == ["member 1 of 2: a.txt", "member 2 of 2, encrypted: 机密.txt"]
    assert archive.splitting.unsplit == notices.ENCRYPTED_MEMBERS.line(1)


@pytest.mark.parametrize("name", ["中.zip", "old.RAR", "src.tar.gz", "a.7z"])
def test_archives_in_archives_are_said_to_be_closed(name: str) -> None:
    for data, suffix in ((zipped([(name, b"PK")]), "zip"), (tarred([(name, b"PK")]), "tar")):
        archive = Pieces(f"a.{suffix}", data)
        assert archive.paths == [f"member 1 of 1, archive: {name}"]
        assert archive.splitting.unsplit == notices.INNER_ARCHIVES.line(1)


def kinds(layout: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=layout) as archive:
        for name, kind, target in (
            ("合同", tarfile.DIRTYPE, ""),
            ("合同/" + "长" * 60 + ".txt", tarfile.REGTYPE, ""),
            ("hard", tarfile.LNKTYPE, "合同/a"),
            ("soft", tarfile.SYMTYPE, "t" * 150),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("null", tarfile.CHRTYPE, ""),
            ("disk", tarfile.BLKTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
    return out.getvalue()


@pytest.mark.parametrize("layout", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_every_kind_of_member_of_a_tar_says_what_it_is(layout: int) -> None:
    archive = Pieces("a.tar", kinds(layout))
    words = ["folder", "", "hard link", "symbolic link", "pipe", "device", "device"]
    assert [path.partition(": ")[0].partition(", ")[2] for path in archive.paths] == words
    assert archive.paths[1].endswith(": 合同/" + "长" * 60 + ".txt")
    assert archive.label(archive.paths[2]) == "hard link to 合同/a"
    assert archive.label(archive.paths[3]).startswith("symbolic link to ttt")
    assert archive.splitting.unsplit == notices.WITHOUT_DATA.line(5)


def test_a_sparse_member_has_its_own_name_and_says_what_it_is() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("./GNUSparseFile.1/disk.img")
        member.size = 1024
        member.pax_headers = {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "./disk.img",
            "GNU.sparse.realsize": "150003",
        }
        archive.addfile(member, io.BytesIO(b"1\n0\n512\n" + bytes(1016)))
        archive.addfile(tarfile.TarInfo("after"))
    found = Pieces("a.tar", out.getvalue())
    assert found.paths == ["member 1 of 2, sparse: ./disk.img", "member 2 of 2: after"]
    assert found.splitting.unsplit == notices.SPARSE.line(1)


def test_names_of_a_tar_that_are_not_utf_8_are_guessed() -> None:
    name = "采购合同.txt".encode("gbk")
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=tarfile.USTAR_FORMAT, encoding="gbk"
    ) as archive:
        archive.addfile(tarfile.TarInfo(name.decode("gbk")))
    assert Pieces("a.tar", out.getvalue()).paths == [
        "member 1 of 1, name guessed as gb18030: 采购合同.txt"
    ]


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_on_disk_that_are_not_utf_8_are_guessed_and_say_so(tmp_path: Path) -> None:
    folder = tmp_path / "合同"
    folder.mkdir()
    for name in ("采购合同.txt".encode("gbk"), b"plain.txt"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"text\n")
    first, second = sorted(collect(tmp_path, "tool").documents, key=lambda each: each.name)
    assert (first.name, first.notice) == ("合同/plain.txt", "")
    assert (second.name, second.notice) == ("合同/采购合同.txt", notices.GUESSED_NAME.line())
    assert r"\xb2\xc9\xb9\xba" in second.origin


ROOT = Path(__file__).parents[2]
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def ole(*names: str) -> bytes:
    """Return the beginning of a compound file with a directory of these names."""
    header = OLE + bytes(22) + (9).to_bytes(2, "little") + bytes(16) + (0).to_bytes(4, "little")
    return header.ljust(512, b"\0") + b"".join(
        name.encode("utf-16-le").ljust(128, b"\0") for name in names
    ).ljust(512, b"\0")


@pytest.mark.parametrize(
    ("name", "data", "notice"),
    [
        ("a.7z", b"7z\xbc\xaf\x27\x1c rest", notices.SEVEN_ZIP),
        ("a.zip", b"7z\xbc\xaf\x27\x1c rest", notices.SEVEN_ZIP),
        ("a.rar", b"Rar!\x1a\x07\x01\x00", notices.RAR),
        ("合同.doc", ole("WordDocument"), notices.OLD_WORD),
        ("a.doc", b"{\\rtf1 text}", notices.RICH_TEXT),
        ("a.doc", b"<html>text</html>", notices.OTHER_OFFICE),
        ("a.xls", ole("Workbook"), notices.OLD_EXCEL),
        ("a.ppt", ole("PowerPoint Document"), notices.OLD_POWERPOINT),
        ("合同.wps", ole("WordDocument"), notices.WPS_TEXT),
        ("报价.et", ole("Workbook"), notices.WPS_SHEET),
        ("演示.dps", ole("x"), notices.WPS_SLIDES),
        ("a.docx", ole("EncryptionInfo", "EncryptedPackage"), notices.ENCRYPTED),
        ("a.xlsx", ole("EncryptionInfo", "EncryptedPackage"), notices.ENCRYPTED),
        ("a.docx", ole("WordDocument"), notices.DAMAGED),
        ("a.docx", OLE, notices.DAMAGED),
        ("a.odt", b"PK\3\4", notices.OPEN_DOCUMENT),
        ("a.txt.gz", b"\x1f\x8b\x08", notices.COMPRESSED),
        ("a.tar.gz", b"\x1f\x8b\x08", notices.PACKED),
    ],
)
def test_what_can_only_be_shown_whole_says_why_and_what_to_do(
    name: str, data: bytes, notice: notices.Notice
) -> None:
    (said,) = notices.read(split(name, "", Memory(data)).unsplit)
    assert said.reason == notices.read(notice.line())[0].reason
    assert said.remedy


@pytest.mark.parametrize("name", ["photo.jpg", "notes.txt", "key.key", "data", "a.exe"])
def test_what_has_no_parts_says_nothing(name: str) -> None:
    assert split(name, "", Memory(b"some bytes")).unsplit == ""


def test_every_notice_is_read_in_both_languages() -> None:
    rows = [each for each in vars(notices).values() if isinstance(each, notices.Notice)]
    assert len(rows) > 40
    for row in rows:
        assert notices.BETWEEN not in row.reason
        line = row.line(*[1234] * row.reason.count("{"))
        for language, end in (("en", "."), ("zh", "。")):
            (said,) = notices.read(line, language)
            assert isinstance(said.reason, Words)
            assert said.reason.endswith(end)
        both = notices.read(notices.joined([line, "by other software", line]))
        assert [type(each.reason).__name__ for each in both] == ["Words", "Quoted"]


def test_what_is_remarked_of_a_member_has_a_meaning_in_chinese() -> None:
    meaning = path_meaning("member 1 of 2, encrypted, name guessed as big5: folder, a/b")
    assert meaning == "第 1 个成员（共 2 个），已加密，名称按 big5 推测"


def test_a_deposit_says_so_many_notices_and_how_many_more() -> None:
    record = Record("a", 1, None, "", "", "", "fixed", 1, 1, 0, None)
    records = [replace(record, name=f"{n}", unsplit=f"reason {min(n, 30)}") for n in range(40)]
    first, *_, last = noted(records)
    assert (first.line, first.documents, first.names) == ("reason 30", 10, ("30", "31", "32"))
    assert last.line == notices.MORE.line(31 - MOST)
    assert len(noted(records)) == MOST + 1


def reasons() -> Iterator[str]:
    """Yield every reason that is raised, written out or as a row, a number for what is filled in."""
    for path in (ROOT / "ledger" / "company").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name("NotRendered" | "Unsplit"), args=[ast.Constant(str(text))]
                ):
                    yield text
                case ast.Call(
                    func=ast.Name("NotRendered" | "Unsplit"), args=[ast.JoinedStr() as text]
                ):
                    filled = [each for each in text.values if isinstance(each, ast.FormattedValue)]
                    if all("MAX_" in ast.unparse(each) for each in filled):
                        parts = (getattr(each, "value", None) for each in text.values)
                        yield "".join(part if isinstance(part, str) else "7" for part in parts)
                case ast.Call(
                    func=ast.Name("NotRendered" | "Unsplit"),
                    args=[ast.Call(
                        func=ast.Attribute(ast.Attribute(ast.Name("notices"), row), "line"),
                        args=numbers,
                    )],
                ):  # fmt: skip
                    yield getattr(notices, row).line(*[7] * len(numbers))


def test_every_reason_that_is_written_out_is_in_the_table() -> None:
    found = set(reasons())
    assert len(found) > 10
    unknown = {each for each in found if isinstance(notices.read(each)[0].reason, Quoted)}
    assert not unknown, "each takes a row in ledger/evidence/notices.py, with what to do"
