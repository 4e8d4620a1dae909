"""Header values and bodies as mail programs write them."""

import base64
import quopri

import pytest

from ledger.reading.body import BASE64, QUOTED_PRINTABLE, entities, read_body, texts
from ledger.reading.charsets import How
from ledger.reading.header import file_name, from_base64, parameters, read_value
from ledger.reading.shown import fold, one_line


def word(text: str, charset: str, codec: str = "") -> bytes:
    return f"=?{charset}?B?{base64.b64encode(text.encode(codec or charset)).decode()}?=".encode()


@pytest.mark.parametrize(
    ("raw", "text", "how"),
    [
        (word("答复：关于薄膜", "gb2312"), "答复：关于薄膜", How.STATED),
        (word("关于镕光与韩喆", "gb2312", "gb18030"), "关于镕光与韩喆", How.STATED),
        (b'"' + word("李雯", "gb2312") + b'" <li@x.example>', '"李雯" <li@x.example>', How.STATED),
        (word("采购", '"gb2312"', "gbk") + b"\r\n " + word("合同", "gbk"), "采购合同", How.STATED),
        (
            "回执（已显示） - ".encode("gbk") + word("测试回执", "GBK"),
            "回执（已显示） - 测试回执",
            How.GUESSED,
        ),
        (
            "回执（已显示） - ".encode() + word("测试回执", "GBK"),
            "回执（已显示） - 测试回执",
            How.STATED,
        ),
        ("關於保密協議的回覆".encode("big5"), "關於保密協議的回覆", How.GUESSED),
        ("Angebot für Fräsköpfe".encode("latin-1"), "Angebot für Fräsköpfe", How.GUESSED),
        ("关于\u3000保密协议\u3000的函".encode(), "关于 保密协议 的函", How.FORMED),
        (word("采购\u200b合同", "utf-8"), "采购合同", How.STATED),
        (word("\ufeff采购合同", "utf-8"), "采购合同", How.STATED),
        (b"plain\r\n\t folded", "plain folded", How.FORMED),
        (b"=?utf-8?Q?with_space?= =?utf-8?Q?_and=3F?=", "with space and?", How.FORMED),
        (b"=?utf-8?Q?space in it?=", "space in it", How.FORMED),
    ],
)
def test_a_value_reads_as_the_mail_program_showed_it(raw: bytes, text: str, how: How) -> None:
    found = read_value(raw)
    assert (found.text, found.how) == (text, how)
    assert (" · guessed " in found.marked(100)) == (how is How.GUESSED)


def test_a_character_cut_by_two_encoded_words_is_whole() -> None:
    data = "涂层配方".encode("gb18030")
    words = [f"=?gb2312?B?{base64.b64encode(each).decode()}?=" for each in (data[:3], data[3:])]
    assert read_value("\r\n ".join(words).encode()).text == "涂层配方"


@pytest.mark.parametrize(
    "disposition",
    [
        b"attachment; filename*=gb2312''%BA%AB%86%B4%B8%BD%BC%FE.pdf",
        b"attachment; filename*0*=gbk''%BA%AB%86; filename*1*=%B4%B8%BD; filename*2*=%BC%FE.pdf",
        b'attachment; filename="' + "韩喆附件.pdf".encode("gb18030") + b'"',
        b"attachment;\r\n filename=" + "韩喆附件.pdf".encode(),
        b'attachment; filename="' + word("韩喆附件.pdf", "gb2312", "gbk") + b'"',
        b"attachment; filename*0=" + word("韩喆附件.pdf", "gbk"),
        b"attachment; filename*=''" + "韩喆附件.pdf".encode("gb18030"),
    ],
)
def test_file_names_in_all_their_forms(disposition: bytes) -> None:
    assert file_name(disposition, b"").text == "韩喆附件.pdf"


def test_a_raw_character_that_ends_in_a_backslash_keeps_it() -> None:
    raw = b'attachment; filename="' + "見積表.xlsx".encode("cp932") + b'"'
    assert file_name(raw, b"").text == "見積表.xlsx"
    assert file_name(b'attachment; filename="a \\"b\\" c"', b"").text == 'a "b" c'


def test_parameters_without_semicolon_and_with_an_open_quote() -> None:
    assert parameters(b'multipart/mixed boundary="s"')[1]["boundary"].text == "s"
    assert parameters(b'text/plain; charset="gbk')[1]["charset"].text == "gbk"


def header(kind: str, encoding: str = "") -> bytes:
    transfer = f"Content-Transfer-Encoding: {encoding}\r\n" if encoding else ""
    return f"Content-Type: {kind}\r\n{transfer}".encode()


def b64(text: str, codec: str) -> bytes:
    return base64.b64encode(text.encode(codec))


def quoted(text: str, codec: str) -> bytes:
    return quopri.encodestring(text.encode(codec))


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        (
            header("text/plain; charset=big5", "base64"),
            b64("保密協議已收到", "big5"),
            "保密協議已收到",
        ),
        (
            header('text/plain; charset="gbk"; format=flowed', "8bit"),
            "单价为十二元五角".encode("gbk"),
            "单价为十二元五角",
        ),
        (
            header("text/plain; charset=gbk", "quoted-printable"),
            quoted("涂层配方、温度曲线", "gbk"),
            "涂层配方、温度曲线",
        ),
        (header("text/plain; charset=utf-16", "base64"), b64("涂层配方", "utf-16"), "涂层配方"),
        (header("text/plain; charset=utf-7"), "涂层配方".encode("utf-7"), "涂层配方"),
        (header("text/html; charset=us-ascii"), b"<p>&#28034;&#23618;</p><p>a&nbsp;b", "涂层\na b"),
        (
            header("text/html"),
            "<meta charset=gbk><style>p{}</style><td>配方</td>".encode("gbk"),
            "配方",
        ),
        (
            header("text/plain; charset=iso-8859-1", "quoted-printable"),
            b"f=FCr Gl=E4ser",
            "für Gläser",
        ),
    ],
)
def test_a_body_reads_as_its_header_says(head: bytes, body: bytes, text: str) -> None:
    found = read_body(head, body)
    assert found.text is not None
    assert (found.text.text, found.how) == (text, How.STATED)


def test_without_its_header_a_body_is_a_guess() -> None:
    text = "单价为十二元五角，含税。"
    for encoding, data in (
        (BASE64, base64.encodebytes(text.encode("gbk"))),
        (QUOTED_PRINTABLE, quopri.encodestring(text.encode("gbk"))),
        ("", text.encode("gbk")),
    ):
        found = read_body(b"", data, complete=False)
        assert found.text is not None
        assert (found.text.text.strip(), found.encoding) == (text, encoding)
        assert found.text.how is How.GUESSED
    prose = read_body(b"", b"Thanks and see you on Monday\n", complete=False)
    assert prose.text is not None
    assert (prose.text.text, prose.encoding) == ("Thanks and see you on Monday\n", "")


def test_a_message_reads_part_by_part_and_nesting_ends() -> None:
    message = (
        header("multipart/mixed; boundary=b") + b"\r\n--b\r\n"
        + header("text/plain; charset=gbk") + b"\r\n" + "正文".encode("gbk") + b"\r\n--b\r\n"
        + header("message/rfc822") + b"\r\n" + header("text/plain; charset=big5") + b"\r\n"
        + "內文".encode("big5") + b"\r\n--b--\r\n"
    )  # fmt: skip
    assert [each.number for each in entities(message)] == ["1", "2"]
    end = message.index(b"\r\n\r\n") + 2
    assert list(texts(message[:end], message[end + 2 :])) == ["正文", "內文"]
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (each, each)
        for each in range(500)
    )
    assert len(list(entities(deep))) == 1


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("技术秘密包括但\r\n不限于", "包括但不限于"),
        ("关于\u3000保密协议\u3000的函", "关于 保密协议 的函"),
        ("关于\u3000保密协议", "关于保密协议"),
        ("price\u00a0list", "Price  list"),
        ("采购\u200b合同", "采购合同"),
        ("ＡＢＣ－１２", "abc-12"),
    ],
)
def test_words_are_found_as_people_type_them(text: str, typed: str) -> None:
    assert fold(typed) in fold(text)


def test_one_line_shows_no_escapes_for_spaces_and_lets_nothing_steer() -> None:
    assert one_line("a\u3000b\u00a0c\r\n d\u200b") == "a b c d"
    assert one_line("a\u202eb\x1b") == "a\\u202eb\\x1b"


def test_the_footer_of_a_mailing_list_behind_base64_is_read_as_it_stands() -> None:
    text = "涂层配方见下表。\n" * 9
    data = (
        base64.encodebytes(text.encode("gbk")) + b"_______\nlist mailing list\nhttp://l.example/\n"
    )
    assert (
        from_base64(data).decode("gbk")
        == f"{text}\r\n_______\nlist mailing list\nhttp://l.example/\n"
    )
    broken = base64.encodebytes(text.encode("gbk")).replace(b"\n", b"\n!?", 2)
    assert from_base64(broken).decode("gbk") == text
