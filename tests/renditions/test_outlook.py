"""Items of Outlook: messages made of .msg, .oft and winmail.dat, and cut like mail."""

import email
import random
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.company.documents import Document
from ledger.company.sealing.preparing import prepared
from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.rendering.mail import render_mail
from ledger.company.sealing.rendering.outlook import MAX_DEPTH
from ledger.company.sealing.rendering.tally import Tally
from ledger.company.sealing.rendering.tnef import MAX_PROPERTIES, read_tnef
from ledger.company.sealing.sources import open_source
from ledger.evidence import notices
from tests.renditions import outlook as o
from tests.renditions.conftest import read

Prepare = Callable[..., list[Document]]
Made = tuple[EmailMessage, dict[str, int], bytes]

SENT = (o.TIME, struct.pack("<Q", (1_772_500_000 + 11_644_473_600) * 10_000_000))
LETTER = {
    0x1A: o.text("IPM.Note"),
    0x37: o.text("报价单 2026"),
    0x39: SENT,
    0xC1A: o.text("王伟"),
    0xC1F: o.text("wang@acme.example"),
    0x1000: o.text("您好，\r\n报价见附件。\r\n"),
    0x1013: (o.BINARY, "<p>报价见附件。</p>".encode("gb18030")),
    0x3FDE: o.integer(936),
    0x1035: o.text("<1@acme.example>"),
    0x1009: (o.BINARY, b"LZFu"),
    0x1234: o.integer(7),
}
TO = {0x3001: o.text("Li, Na"), 0x39FE: o.text("li@beta.example"), 0xC15: o.integer(1)}
EXCHANGE = {
    0x3001: o.text("陈静"),
    0x3002: o.text("EX"),
    0x3003: o.text("/o=Acme/ou=First/cn=Recipients/cn=chen"),
    0xC15: o.integer(2),
}
BLIND = {
    0x3001: o.text("law@beta.example"),
    0x3003: o.text("law@beta.example"),
    0xC15: o.integer(3),
}
FILE = {
    0x3701: (o.BINARY, b"\0\1price"),
    0x3707: o.text("报价单.xlsx"),
    0x370E: o.text("application/x-price"),
    0x3705: o.integer(1),
}


def message_of(data: bytes, tmp_path: Path) -> Made:
    (tmp_path / "source").write_bytes(data)
    answer = render_mail(tmp_path / "source", tmp_path)
    (file,) = answer["files"]
    made = (tmp_path / "1").read_bytes()
    message = email.message_from_bytes(made, policy=policy.default)
    return message, {each[0]: each[1] for each in file["remarks"]}, made


def inner(properties: dict[int, o.Value], **more: Any) -> dict[str, Any]:
    """An attachment that is an item."""
    attached = o.storage(8, {0x3701: (o.OBJECT, bytes(8)), 0x3705: o.integer(5)})
    return attached | {"__substg1.0_3701000D": o.item(properties, header=24, **more)}


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Return what prepares files, by name, for one deposit."""

    def prepare(**files: bytes) -> list[Document]:
        documents = []
        for number, (name, data) in enumerate(files.items()):
            path = tmp_path / f"deposited {number}"
            path.write_bytes(data)
            documents.append(Document(open_source(path), name))
        (tmp_path / "room").mkdir()
        with prepared(documents, tmp_path / "room") as made:
            return [_kept(each, tmp_path / f"kept {number}") for number, each in enumerate(made)]

    return prepare


def _kept(document: Document, path: Path) -> Document:
    path.write_bytes(read(document))
    return replace(document, source=open_source(path))


def part(document: Document, path: str) -> bytes:
    """Return the bytes of a part of a document."""
    cuts = document.splitting.cuts
    assert cuts is not None
    sizes = struct.unpack(f">{len(cuts) // 2}H", cuts)
    found = next(each for each in document.splitting.parts if each.path == path)
    start = sum(sizes[: found.first - 1])
    size = sum(sizes[found.first - 1 : found.first - 1 + found.count])
    return read(document)[start : start + size]


# --- .msg ---


def test_a_msg_is_deposited_with_a_message_cut_like_mail(prepare: Prepare) -> None:
    data = o.compound(o.item(LETTER, [TO, EXCHANGE, BLIND], [o.storage(8, FILE)]))
    original, mail = prepare(**{"in/letter.msg": data})
    assert (original.splitting.unsplit, original.splitting.parts) == ("", ())
    assert (mail.name, mail.media_type) == ("in/letter.msg.mail/letter.eml", "message/rfc822")
    assert mail.rendition is not None
    assert (mail.rendition.kind, mail.rendition.of) == ("mail", 0)
    assert mail.tool.startswith("python-oxmsg ")
    assert mail.splitting.splitter == "message"
    paths = {each.path: each.label for each in mail.splitting.parts}
    assert {"header/Subject", "header/From", "part 1.1/body", "part 2/body"} <= set(paths)
    assert "报价单 2026" in paths["header/Subject"]
    assert "报价见附件。".encode() in part(mail, "part 1.1/body")
    remarks = {each.what: each.count for each in mail.rendition.remarks}
    assert remarks["rich-text"] == 1
    assert remarks["names-only"] == 1
    assert remarks["composed"] == 7
    assert remarks["properties"] >= 2


def test_fields_and_content_are_the_items(tmp_path: Path) -> None:
    data = o.compound(o.item(LETTER, [TO, EXCHANGE, BLIND], [o.storage(8, FILE)]))
    message, _, made = message_of(data, tmp_path)
    assert message["From"] == "王伟 <wang@acme.example>"
    assert message["To"] == '"Li, Na" <li@beta.example>'
    assert message["Bcc"] == "law@beta.example"
    assert (message["Subject"], message["Message-ID"]) == ("报价单 2026", "<1@acme.example>")
    assert message["Date"] == "Tue, 03 Mar 2026 01:06:40 +0000"
    assert message.get_body(("plain",)).get_content() == "您好，\r\n报价见附件。\r\n"  # type: ignore[union-attr]
    assert "报价见附件" in message.get_body(("html",)).get_content()  # type: ignore[union-attr]
    (file,) = message.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("报价单.xlsx", "application/x-price")
    assert file.get_content() == b"\0\1price"
    assert message_of(data, tmp_path)[2] == made


def test_who_sent_it_for_another_is_named(tmp_path: Path) -> None:
    boss = {0x42: o.text("赵总"), 0x5D02: o.text("zhao@acme.example")}
    message, _, _ = message_of(o.compound(o.item(LETTER | boss)), tmp_path)
    assert message["From"] == "赵总 <zhao@acme.example>"
    assert message["Sender"] == "王伟 <wang@acme.example>"


def test_the_header_that_the_message_came_with_is_kept(tmp_path: Path) -> None:
    header = (
        "Microsoft Mail Internet Headers Version 2.0\r\nReceived: from a by b;\r\n\tMon\r\n"
        "Subject: =?gb2312?B?suLK1A==?=\r\nContent-Type: multipart/mixed;\r\n boundary=x\r\n"
        "From: Real <real@acme.example>\r\n\r\n"
    )
    properties = LETTER | {0x7D: o.text(header)}
    message, remarks, made = message_of(o.compound(o.item(properties, [TO])), tmp_path)
    assert made.startswith(b"Received: from a by b;\r\n\tMon\r\nSubject: =?gb2312?B?suLK1A==?=\r\n")
    assert message["From"] == "Real <real@acme.example>"
    assert message["To"] == '"Li, Na" <li@beta.example>'
    assert (message.get_content_type(), remarks["replaced-lines"]) == ("multipart/alternative", 3)
    assert remarks["other-subject"] == 1
    same = properties | {0x37: o.text("测试")}
    assert "other-subject" not in message_of(o.compound(o.item(same)), tmp_path)[1]


def test_messages_inside_are_messages_to_a_depth(prepare: Prepare, tmp_path: Path) -> None:
    inside = inner({0x37: o.text("inside"), 0x1000: o.text("secret")})
    _, mail = prepare(**{"a.msg": o.compound(o.item(LETTER, [TO], [inside]))})
    subject = part(mail, "part 2/message/header/Subject")
    assert subject == b"Subject: inside\r\n"
    deep = inner({0x37: o.text("bottom")})
    for level in range(MAX_DEPTH):
        deep = inner({0x37: o.text(f"{level}")}, attachments=[deep])
    _, remarks, made = message_of(o.compound(o.item(LETTER, [], [deep])), tmp_path)
    assert remarks["deep-messages"] == 1
    assert b"bottom" not in made and b"Subject: 0\r\n" in made


def test_what_is_no_file_is_counted(tmp_path: Path) -> None:
    linked = o.storage(8, {0x3705: o.integer(2), 0x3707: o.text("on a share.doc")})
    message, remarks, _ = message_of(o.compound(o.item(LETTER, [], [linked])), tmp_path)
    assert (list(message.iter_attachments()), remarks["objects"]) == ([], 1)


@pytest.mark.parametrize("body", ["a" * 2_000, "\r\n--=_part_000001\r\n", "a\0b", "\r\r\n\n", "."])
def test_a_body_of_any_lines_is_the_same(body: str, tmp_path: Path) -> None:
    attached = [o.storage(8, FILE)]
    message, _, made = message_of(
        o.compound(o.item({0x1000: o.text(body)}, [], attached)), tmp_path
    )
    content = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert content == re.sub("\r\n|\r|\n", "\r\n", body)
    assert max(map(len, made.split(b"\r\n"))) <= 998
    assert len(list(message.iter_attachments())) == 1


@pytest.mark.parametrize(
    "words",
    [
        "a\r\nBcc: spy@x.example",
        "x" * 5_000,
        "=?utf-8?q?a?=",
        "名" * 300,
        '"\\',
        "a;b",
        "a, b <c@d>",
    ],
)
def test_no_text_makes_a_field_of_its_own(words: str, tmp_path: Path) -> None:
    named = FILE | {0x3707: o.text(words)}
    recipient = TO | {0x3001: o.text(words)}
    data = o.compound(o.item({0x37: o.text(words)}, [recipient], [o.storage(8, named)]))
    message, _, made = message_of(data, tmp_path)
    plain = " ".join(words.split())
    assert message["Bcc"] is None
    assert message["Subject"] == plain
    (address,) = message["To"].addresses
    # Python of today reads a space between the words that a long name is encoded in.
    assert address.display_name.replace(" ", "") == plain.replace(" ", "")
    assert address.addr_spec == "li@beta.example"
    (file,) = message.iter_attachments()
    assert file.get_filename() == plain
    assert max(map(len, made.split(b"\r\n"))) <= 998


def test_texts_of_eight_bits_are_read_by_their_code_page(tmp_path: Path) -> None:
    coded = {0x37: (o.TEXT_8, "報價單".encode("big5")), 0x3FFD: o.integer(950)}
    message, remarks, _ = message_of(o.compound(o.item(coded)), tmp_path)
    assert (message["Subject"], "guessed" in remarks) == ("報價單", False)
    wrong = {0x37: (o.TEXT_8, b"a\xff\xfe\x81"), 0x3FFD: o.integer(65001)}
    _, remarks, _ = message_of(o.compound(o.item(wrong)), tmp_path)
    assert remarks["undecoded"] or remarks["guessed"]


# --- winmail.dat ---

TNEF = o.tnef(
    o.attribute(1, 0x69007, struct.pack("<LL", 936, 0)),
    o.attribute(1, 0x18004, "报价单\0".encode("gbk")),
    o.attribute(1, 0x69003, o.packed({0x1000: o.text("您好"), 0x39: SENT, 0x1234: o.integer(1)})),
    o.attribute(1, 0x69004, struct.pack("<L", 1) + o.packed(TO)),
    o.attribute(2, 0x69002, bytes(14)),
    o.attribute(2, 0x6800F, b"\0\1price"),
    o.attribute(2, 0x18010, b"PRICE~1.XLS\0"),
    o.attribute(2, 0x69005, o.packed({0x3707: o.text("报价单.xlsx")})),
)


@pytest.mark.parametrize("name", ["winmail.dat", "ATT00001"])
def test_a_winmail_is_deposited_with_a_message(name: str, prepare: Prepare) -> None:
    original, mail = prepare(**{name: TNEF})
    assert original.splitting.unsplit == ""
    assert mail.name == f"{name}.mail/{name.removesuffix('.dat')}.eml"
    paths = {each.path: each.label for each in mail.splitting.parts}
    assert "报价单" in paths["header/Subject"]
    assert "part 2/body" in paths


def test_what_a_winmail_holds(tmp_path: Path) -> None:
    message, remarks, _ = message_of(TNEF + b"\r\n", tmp_path)
    assert (message["Subject"], message["To"]) == ("报价单", '"Li, Na" <li@beta.example>')
    (file,) = message.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("报价单.xlsx", b"\0\1price")
    assert remarks["composed"] == 3


def nested(depth: int) -> bytes:
    data = o.tnef(o.attribute(1, 0x18004, b"bottom\0"))
    for _ in range(depth):
        item = (o.OBJECT, bytes.fromhex("0703020000000000c000000000000046") + data)
        data = o.tnef(
            o.attribute(2, 0x69002, bytes(14)), o.attribute(2, 0x69005, o.packed({0x3701: item}))
        )
    return data


def test_items_inside_a_winmail_are_messages_to_a_depth(tmp_path: Path) -> None:
    message, _, made = message_of(nested(1), tmp_path)
    assert [each.get_content_type() for each in message.iter_attachments()] == ["message/rfc822"]
    assert b"Subject: bottom\r\n" in made
    _, remarks, _ = message_of(nested(MAX_DEPTH + 1), tmp_path)
    assert remarks["deep-messages"] == 1


UNKNOWN = [
    o.tnef(o.attribute(1, 0x69003, struct.pack("<L", 0xFFFFFFFF))),
    o.tnef(o.attribute(1, 0x69004, struct.pack("<L", 0xFFFFFFFF) + bytes(1_000_000))),
    o.tnef(o.attribute(1, 0x69003, struct.pack("<LHHL", 1, 0x1003, 1, 0xFFFFFFFF))),
    o.tnef(o.attribute(1, 0x69003, struct.pack("<LHH", 1, 0x7777, 1) + bytes(99))),
    o.tnef(struct.pack("<BLL", 1, 0x18004, 0xFFFFFFFF)),
    o.tnef(o.attribute(3, 0x18004, b"x")),
    o.tnef(o.attribute(1, 0x18004, b"x")[:-1] + b"\xff"),
    o.tnef(),
    b"\x78\x9f\x3e\x22" + bytes(100),
]


def test_a_winmail_that_is_not_known_keeps_its_notice(prepare: Prepare) -> None:
    documents = prepare(**{f"{number}.dat": data for number, data in enumerate(UNKNOWN)})
    assert len(documents) == len(UNKNOWN)
    for each in documents:
        first, second = notices.read(each.splitting.unsplit)
        assert "winmail.dat" in str(first.reason)
        assert first.remedy and second.remedy


def test_properties_are_bounded() -> None:
    many = struct.pack("<L", MAX_PROPERTIES + 1) + bytes.fromhex("0300010000000000") * (
        MAX_PROPERTIES + 1
    )
    with pytest.raises(NotRendered, match="100,000"):
        read_tnef(o.tnef(o.attribute(1, 0x69003, many)), Tally())


# --- whatever the bytes ---


def test_an_item_of_which_nothing_can_be_made_keeps_its_notice(prepare: Prepare) -> None:
    files = {
        "letter.msg": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000),
        "outlook.oft": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(200),
        "blank.msg": o.compound(o.item({})),
        "other.msg": o.compound({"WordDocument": b"x"}),
    }
    documents = prepare(**files)
    assert len(documents) == len(files)
    for each in documents:
        first, *others = notices.read(each.splitting.unsplit)
        assert each.splitting.unsplit.startswith(notices.OUTLOOK_ITEM.line() + notices.BETWEEN)
        assert first.remedy and len(others) == 1 and others[0].remedy


MAIL = b"""From: a@b.example
To: c@d.example
Date: Tue, 03 Mar 2026 01:06:40 +0000
Message-ID: <1@b.example>
Subject: x

hello
"""


def test_a_message_of_text_that_is_called_msg_stays_one(prepare: Prepare) -> None:
    (original,) = prepare(**{"text.msg": MAIL})
    assert (original.splitting.splitter, original.splitting.unsplit) == ("message", "")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_winmail_is_read_or_refused(data: st.DataObject) -> None:
    damaged = bytearray(TNEF)
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    attribute = o.attribute(
        data.draw(st.integers(0, 3)), 0x69003, data.draw(st.binary(max_size=64))
    )
    for each in (bytes(damaged[:cut]), bytes(damaged), TNEF + attribute, TNEF[:6] + attribute):
        try:
            read_tnef(each, Tally())
        except NotRendered as refused:
            assert str(refused)


def test_damaged_items_are_read_or_refused(prepare: Prepare) -> None:
    whole = o.compound(o.item(LETTER, [TO], [o.storage(8, FILE), inner({0x37: o.text("x")})]))
    chance = random.Random(9)
    files = {}
    for number in range(12):
        damaged = bytearray(whole)
        for _ in range(40):
            damaged[chance.randrange(512, len(damaged))] = chance.randrange(256)
        files[f"{number}.msg"] = bytes(damaged[: chance.randrange(600, 2 * len(damaged))])
    documents = prepare(**files)
    made = {each.rendition.of for each in documents if each.rendition}
    for number in range(len(files)):
        assert (number in made) is not bool(documents[number].splitting.unsplit)
