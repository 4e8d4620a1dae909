"""Mail and archives as people read them: the same text in list, parts, search and report."""

import base64
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Company

_HEAD = """\
From: Zhou Min <zhoumin@beihai.example>
Date: Tue, 3 Mar 2026 09:14:22 +0800
Message-ID: <{number}@beihai.example>
MIME-Version: 1.0
"""


def encoded(text: str, charset: str, codec: str) -> str:
    return f"=?{charset}?B?{base64.b64encode(text.encode(codec)).decode()}?="


def letter(number: int, subject: bytes, content: bytes) -> bytes:
    return _HEAD.format(number=number).encode() + b"Subject: " + subject + b"\n" + content


def plain(charset: str, codec: str, text: str) -> bytes:
    body = base64.encodebytes(text.encode(codec))
    head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: base64\n\n"
    return head.encode() + body


def mixed(body: bytes, name: bytes, data: bytes) -> bytes:
    return (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + body + b"\n--b\n"
        b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
        b"Content-Disposition: attachment; filename=" + name + b"\n\n"
        + base64.encodebytes(data) + b"--b--\n"
    )  # fmt: skip


TABLE = bytes(range(256)) * 4
CORPUS: dict[str, tuple[bytes, bytes, str]] = {
    "答复：关于镕光薄膜的报价": (
        encoded("答复：关于镕光薄膜的报价", "gb2312", "gb18030").encode(),
        mixed(
            plain("gb2312", "gb18030", "王工：\r\n报价单见附件，单价十二元五角。\r\n"),
            f'"{encoded("报价单2026-03.xlsx", "gb2312", "gb18030")}"'.encode(),
            TABLE,
        ),
        "单价十二元五角",
    ),
    "保密協議的回覆 · guessed big5": (
        "保密協議的回覆".encode("big5"),
        plain("big5", "big5", "貴公司的保密協議已收到，請於三月底前簽署。"),
        "保密協議已收到",
    ),
    "見積書": (
        encoded("見積書", "Shift_JIS", "cp932").encode(),
        plain("shift_jis", "cp932", "見積書を送付いたします。単価は百円です。"),
        "単価は百円",
    ),
    "①見積書": (
        b"=?iso-2022-jp?B?GyQoTy0hGyRCOCtAUT1xGyhC?=",
        plain("utf-16", "utf-16", "涂层配方见下表"),
        "涂层配方见下表",
    ),
    "계약서": (
        encoded("계약서", "ks_c_5601-1987", "cp949").encode(),
        plain("euc-kr", "cp949", "비밀유지계약서를 보냅니다"),
        "비밀유지계약서",
    ),
    "关于 保密协议 的函": (
        encoded("关于\u3000保密协议\u3000的函", "utf-8", "utf-8").encode(),
        b"Content-Type: text/html; charset=us-ascii\n\n<p>&#28034;&#23618;&#37197;&#26041;</p>\n",
        "涂层配方",
    ),
    "Angebot für Fräsköpfe · guessed windows-1252": (
        "Angebot für Fräsköpfe".encode("latin-1"),
        b"Content-Type: text/plain; charset=iso-8859-1\n"
        b"Content-Transfer-Encoding: quoted-printable\n\nSchichtrezeptur f=FCr Gl=E4ser.\n",
        "Schichtrezeptur für Gläser",
    ),
}
"""Title as it is listed -> subject as it is written, the rest of the message, words in its body."""


@pytest.fixture
def corpus(company: Company) -> Company:
    for number, (subject, content, _) in enumerate(CORPUS.values()):
        company.write(f"Maildir/cur/{number}.x:2,S", letter(number, subject, content))
    for name in ("new", "tmp"):
        (company.folder / "Maildir" / name).mkdir()
    company("mail", "--maildir", "Maildir", "--no-dns")
    return company


def verified(company: Company, *more: str) -> Any:
    return company.json("verify", "case.evidence", "--trust", company.notary.trust_file, *more)


def flat(text: str) -> str:
    """Return a page's text without line ends and the marks of broken values."""
    return "".join(line.strip().removeprefix("| ") for line in text.splitlines()).replace(" ", "")


def test_list_parts_search_and_report_show_the_same(corpus: Company) -> None:
    listed = {each["title"]: each["id"] for each in corpus.json("list")["deposits"]}
    assert set(listed) == set(CORPUS)
    for title, (_, _, words) in CORPUS.items():
        identity = listed[title]
        found = corpus.json("parts", identity, words)["found"]
        assert [each["selector"].rpartition("/")[2] for each in found] == ["body"], title
        subject = title.partition(" · ")[0]
        whole = corpus.json("parts", identity)["found"][0]["parts"]
        labels = {each["path"]: each["label"] for each in whole}
        assert labels["header/Subject"] == title
        assert labels["message"].startswith(subject)
        corpus("disclose", identity, "--only", "message", "-o", "case.evidence")
        report = verified(corpus)
        texts = [each["text"] for each in report["readings"] if each["text"]]
        assert f"Subject: {subject}" in texts
        assert any(words in each for each in texts)
        page = corpus("verify", "case.evidence", "--trust", corpus.notary.trust_file).stdout
        assert flat(subject) in flat(page) and flat(words) in flat(page)
        assert "For reading" in page and "not proven" in page
        preview = corpus.json("disclose", identity, "--only", found[0]["selector"], "--dry-run")
        (shown,) = preview["deposits"][0]["revealed"]
        assert shown["first_line"] and "�" not in shown["first_line"]
        (corpus.folder / "case.evidence").unlink()


def test_what_is_stated_and_what_is_a_guess_is_said(corpus: Company) -> None:
    name = "答复：关于镕光薄膜的报价"
    corpus("disclose", name, "--only", "part 1/body", "-o", "case.evidence")
    (alone,) = verified(corpus)["readings"]
    assert (alone["charset"], alone["transfer_encoding"]) == ("gb18030", "base64")
    assert (alone["rests_on"], alone["proven"]) == ("hidden", False)
    page = corpus("verify", "case.evidence", "--trust", corpus.notary.trust_file).stdout
    assert "a guess: the header that would state this is not shown" in " ".join(page.split())
    (corpus.folder / "case.evidence").unlink()
    corpus("disclose", name, "--only", "part 1", "-o", "case.evidence")
    (stated,) = verified(corpus)["readings"]
    assert (stated["rests_on"], stated["text"]) == ("shown", alone["text"])


def test_a_field_beside_a_body_states_how_it_reads(corpus: Company) -> None:
    only = ["body", "header Content-Type", "header Content-Transfer-Encoding"]
    selectors = [word for each in only for word in ("--only", each)]
    corpus("disclose", "見積書", *selectors, "-o", "case.evidence")
    (read,) = verified(corpus)["readings"]
    assert (read["charset"], read["rests_on"]) == ("shift_jis", "shown")


def test_an_attachment_is_a_file_under_its_own_name(corpus: Company, tmp_path: Path) -> None:
    name = "答复：关于镕光薄膜的报价"
    corpus("disclose", name, "--only", "message", "-o", "case.evidence")
    shown = verified(corpus, "-o", str(tmp_path / "out"))
    (table,) = (each for each in shown["readings"] if each["name"])
    file = Path(table["file"])
    assert (file.name, file.read_bytes()) == ("报价单2026-03.xlsx", TABLE)
    exact = [Path(each["file"]) for each in shown["documents"]]
    assert b"=?gb2312?B?" in b"".join(each.read_bytes() for each in exact)
    assert not {each.parts[-3] for each in exact} & {file.parts[-3]}
    listing = next(file.parents[each] for each in range(9) if file.parents[each].suffix == ".read")
    said = (listing / "_readings.txt").read_text()
    assert "No reading is proven" in " ".join(said.split()) and file.name in said


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def tarred(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(("suffix", "pack"), [("zip", zipped), ("tar", tarred)])
def test_a_member_reaches_the_court_as_a_file_to_open(
    company: Company, suffix: str, pack: Any, tmp_path: Path
) -> None:
    members = [("附件/价格 表.csv", "型号,单价\nLY-40,12.50\n".encode()), ("b.txt", b"secret")]
    company.write(f"papers.{suffix}", pack(*members))
    company("deposit", f"papers.{suffix}")
    company("disclose", f"papers.{suffix}", "--only", "价格 表.csv", "-o", "case.evidence")
    (read,) = verified(company, "-o", str(tmp_path / "out"))["readings"]
    assert read["unpacked"] and not read["proven"]
    file = Path(read["file"])
    assert (file.name, file.read_bytes()) == ("价格 表.csv", members[0][1])


def test_a_member_that_would_fill_the_disk_stays_packed_and_this_is_said(
    company: Company, tmp_path: Path
) -> None:
    company.write("bomb.zip", zipped(("zeros.bin", bytes(40 << 20)), ("b.txt", b"x")))
    company("deposit", "bomb.zip")
    company("disclose", "bomb.zip", "--only", "zeros.bin", "-o", "case.evidence")
    (read,) = verified(company, "-o", str(tmp_path / "out"))["readings"]
    assert (read["not_read"], read["file"]) == ("too-large", None)


@pytest.mark.parametrize(
    ("codec", "charset"), [("gb18030", "gb18030"), ("utf-16", "utf-16-le"), ("utf-8", "")]
)
def test_a_text_in_another_charset_is_found_and_shown_in_utf_8_beside_its_bytes(
    company: Company, tmp_path: Path, codec: str, charset: str
) -> None:
    clauses = ["第一条 范围。\n\n", "第二条 涂层配方\n不得外传。\n\n", "第三条 期限。\n"]
    company.write("合同.txt", "".join(clauses).encode(codec))
    company("deposit", "合同.txt")
    company("disclose", "合同.txt", "--only", "配方不得外传", "-o", "case.evidence")
    read = verified(company, "-o", str(tmp_path / "out"))["readings"]
    (document,) = (tmp_path / "out").glob("case/*/*paragraph*")
    assert document.read_bytes() == "第二条 涂层配方\n不得外传。\n".encode(charset or codec)
    if not charset:  # Whoever opens the file reads it as it is.
        assert not read
        return
    assert [(each["charset"], each["rests_on"]) for each in read] == [(charset, "guess")]
    assert Path(read[0]["file"]).read_text() == "第二条 涂层配方\n不得外传。\n"
