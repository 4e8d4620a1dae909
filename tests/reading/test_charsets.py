"""Labels of real mail, and the guess where nothing is labelled: what a person should read."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.reading.charsets import BEGINNING, MIDDLE, How, codec_of, decode

CONTRACT = "采购合同"
GB_LABELS = (
    "x-gbk", "cp936", "GBK", "windows-936", "GB_2312-80", "cn-gb", "csGB2312", "iso-ir-58", "gb18030",
    "x-euc-cn", "EUC-CN", "MS936", "chinese", '"gb2312"', "gb2312*zh-CN", "GB2312", "gb18030-2000",
)  # fmt: skip


@pytest.mark.parametrize("label", GB_LABELS)
def test_every_name_of_gb_is_read_as_gb18030(label: str) -> None:
    found = decode("镕喆采购合同".encode("gb18030"), label)
    assert (found.text, found.charset, found.how) == ("镕喆采购合同", "gb18030", How.STATED)


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("Big5-HKSCS", "big5hkscs", "保密協議"),
        ("x-x-big5", "big5", "保密協議"),
        ("big5", "big5hkscs", "深水埗的嘢"),
        ("HZ-GB-2312", "hz", CONTRACT),
        ("windows-874", "cp874", "สัญญา"),
        ("TIS-620", "cp874", "สัญญา"),
        ("iso-8859-8-i", "iso8859-8", "חוזה"),
        ("x-sjis", "cp932", "①見積書髙橋"),
        ("Windows-31J", "cp932", "①見積書"),
        ("ks_c_5601-1987", "cp949", "계약서"),
        ("utf8", "utf-8", CONTRACT),
        ("unicode-1-1-utf-7", "utf-7", CONTRACT),
        ("utf-16", "utf-16", "涂层配方见下表"),
        ("utf-16", "utf-16-be", "涂层配方见下表"),
        ("UTF-16", "utf-16-le", "coating 涂层"),
        ("iso-8859-1", "cp1252", "Größe – „Käufer“"),
        ("koi8-r", "koi8-r", "договор"),
        ("cp1251", "cp1251", "договор"),
    ],
)
def test_labels_are_read_as_mail_programs_write_them(label: str, codec: str, text: str) -> None:
    found = decode(text.encode(codec), label)
    assert (found.text, found.how, found.damaged) == (text, How.STATED, False)


def switched(text: str, codec: str) -> bytes:
    return bytes(each & 0x7F for each in text.encode(codec))


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("iso-2022-jp", "見積書".encode("iso2022-jp"), "見積書"),
        ("iso-2022-jp", base64.b64decode("GyQoTy0hGyRCOCtAUT1xGyhC"), "①見積書"),
        ("iso-2022-jp", b"\x1b$B-!8+@Q=q\x1b(B ok", "①見積書 ok"),
        ("cp50220", b"\x1b$B|b\x1b(B", "髙"),
        ("iso-2022-jp", b"\x1b(I6@6E\x1b(B", "ｶﾀｶﾅ"),
        ("iso-2022-kr", b"\x1b$)C\x0e" + switched("계약서", "euc-kr") + b"\x0f!", "계약서!"),
        ("iso-2022-cn", b"\x1b$)A\x0e" + switched(CONTRACT, "gb2312") + b"\x0f!", CONTRACT + "!"),
    ],
)
def test_iso_2022_of_three_countries(label: str, data: bytes, text: str) -> None:
    assert decode(data, label).text == text


GUESSED = {
    "gb18030": "报价单 回执（已阅知） 采购合同 联通 张三 王小明.pdf 附件2：涂层配方.docx 韩喆签署页 "
    "客户,联系人 关于A级供应商 第3页 我 模具 贺卡 饕餮 中兴通讯 技术要求V1.2 营业执照 镕光薄膜 "
    "宁德时代 瑞幸",
    "big5": "保密協議 報價單已收到 合約 陳先生 台積電 採購訂單.pdf 關於薄膜塗層 會議紀錄 請查收附件 "
    "王小明",
    "cp932": "見積書 お世話になっております 請求書の送付 田中様 単価は百円 株式会社 カタログ.pdf "
    "添付資料",
    "cp1252": "Fräsköpfe Müller Größe déjà café señor Übersicht façade Straße Öl Ångström créée",
}


@pytest.mark.parametrize(
    ("codec", "text"),
    [(codec, text) for codec, texts in GUESSED.items() for text in texts.split()],
)
def test_what_nothing_labels_is_guessed_and_marked(codec: str, text: str) -> None:
    for label in ("", "unknown-8bit", "x-unknown", "us-ascii"):
        found = decode(text.encode(codec), label)
        assert (found.text, found.how) == (text, How.GUESSED)


@pytest.mark.parametrize(
    "text", ["é", "Größe", "договор", "Ελλάδα", "שלום", "Łódź", "ﬁ", "采", "™"]
)
def test_utf_8_is_what_it_is(text: str) -> None:
    assert decode(text.encode()).text == text


@pytest.mark.parametrize("text", ["之前", "执未", "未证", "撰写", "同签"])
def test_chinese_that_is_utf_8_by_chance_is_chinese(text: str) -> None:
    found = decode(text.encode("gb18030"))
    assert (found.text, found.how) == (text, How.GUESSED)


def test_a_label_that_is_not_true_is_not_believed() -> None:
    found = decode("单价为十二元五角，含税。".encode("gb18030"), "utf-8")
    assert (found.text, found.charset, found.how) == (
        "单价为十二元五角，含税。",
        "gb18030",
        How.GUESSED,
    )
    found = decode("客户,联系人".encode(), "gb2312")
    assert (found.text, found.charset, found.how) == ("客户,联系人", "utf-8", How.GUESSED)
    one_bad_byte = ("单价为十二元五角，含税。" * 30).encode() + b"\xff end"
    found = decode(one_bad_byte, "utf-8")
    assert (found.charset, found.how, found.damaged) == ("utf-8", How.STATED, True)


def test_utf_16_without_a_mark_is_known_by_its_zeros_or_its_characters() -> None:
    for text in ("coating recipe", "涂层配方见下表"):
        for codec in ("utf-16-le", "utf-16-be"):
            assert decode(text.encode(codec)).text == text


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "big5", "utf-16-le"])
def test_an_excerpt_is_never_cut_inside_a_character(codec: str) -> None:
    text = "客戶,聯絡人,電話\r\n北京華潤薄膜有限公司,王小明,13800000000\r\n" * 8
    data = text.encode(codec)
    label = "" if codec != "utf-16-le" else codec
    for end in range(8, 200):
        assert text.startswith(decode(data[:end], label, BEGINNING).text)
    for begin in range(0, 60, 2 if codec == "utf-16-le" else 1):
        found = decode(data[begin : begin + 100], label, MIDDLE).text
        # Where two bytes a character begin is known from the first byte on that has only one.
        assert found.partition(",")[2] in text
        assert found in text or codec in ("gb18030", "big5")


@given(st.binary(max_size=300), st.text(max_size=30))
def test_no_bytes_and_no_label_raise(data: bytes, label: str) -> None:
    for cut in (BEGINNING, MIDDLE):
        decode(data, label, cut).text.encode()
    decode(data, label).text.encode()


@pytest.mark.parametrize("label", ["base64", "rot13", "idna", "unicode_escape", "mbcs", "x" * 99])
def test_what_is_no_charset_is_none(label: str) -> None:
    assert codec_of(label) == ""
