"""Messages inside messages have their own fields and bodies; Content-Type however it is written."""

import base64
import quopri
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.company.splitters.encoded import Base64, decode, inner_text
from ledger.company.splitters.encoded import Plain as PlainText
from ledger.company.splitters.media import parse_media
from ledger.company.splitters.mime import MAX_DEPTH
from ledger.evidence import notices
from tests.splitters.pieces import Pieces

OUTER = (
    b"From: Zhou Min <zhou@a.example>\r\nSubject: FW: see below\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_b1"\r\n\r\n'
)
PLAIN = (
    b"From: =?gb2312?B?1tzD9A==?= <zhou@a.example>\r\n"
    b"Subject: =?gb2312?B?zb+y48Xkt7212sj9sOY=?=\r\n"
    b"Date: Tue, 3 Mar 2026 09:14:22 +0800\r\n"
    b"Content-Type: text/plain; charset=gb2312\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"xeS3vaO6QSAzNyWjrEIgMTIl\r\n"
)
MIXED = (
    b"From: =?gb2312?B?1tzD9A==?= <zhou@a.example>\r\n"
    b"Subject: =?gb2312?B?zb+y48Xkt7212sj9sOY=?=\r\n"
    b"Date: Tue, 3 Mar 2026 09:14:22 +0800\r\n"
    b'Content-Type: multipart/mixed; boundary="=_in"\r\n\r\n'
    b"--=_in\r\nContent-Type: text/plain\r\n\r\nA 37 %, B 12 %\r\n"
    b"--=_in\r\nContent-Type: application/pdf\r\n"
    b'Content-Disposition: attachment; filename="=?gb2312?B?xeS3vbHtLnhsc3g=?="\r\n\r\n%PDF\r\n'
    b"--=_in--\r\n"
)
LABEL = "涂层配方第三版 · 周敏 <zhou@a.example> · Tue, 3 Mar 2026 09:14:22 +0800"


def attached(inner: bytes, fields: bytes = b"Content-Type: message/rfc822\r\n") -> bytes:
    return (
        OUTER
        + b"--=_b1\r\n\r\nplease see\r\n--=_b1\r\n"
        + fields
        + b"\r\n"
        + inner
        + b"\r\n--=_b1--\r\n"
    )


@pytest.mark.parametrize("kind", [b"message/rfc822", b"Message/RFC822; name=a", b"message/global"])
def test_a_message_inside_is_named_and_cut_as_one(kind: bytes) -> None:
    letter = Pieces("a.eml", attached(MIXED, b"Content-Type: " + kind + b"\r\n"))
    assert letter["part 2/message"] == MIXED
    assert letter.label("part 2/message") == LABEL
    assert letter["part 2/message/header/From"] == MIXED.split(b"\r\n")[0] + b"\r\n"
    assert letter["part 2/message/header"] + letter["part 2/message/body"] == MIXED
    assert letter["part 2.1/body"] == b"A 37 %, B 12 %"
    assert letter.label("part 2.2") == "application/pdf · 配方表.xlsx"


def test_a_single_part_body_inside_stands_apart_from_its_header() -> None:
    letter = Pieces("a.eml", attached(PLAIN))
    assert letter["part 2/message/body"] == b"xeS3vaO6QSAzNyWjrEIgMTIl\r\n"
    assert letter.label("part 2/message/header/Subject") == "涂层配方第三版"


@pytest.mark.parametrize("lead", [b"\r\n", b"\r\n\r\n", b">From a@b Tue Mar  3 09:14:22 2026\r\n"])
def test_what_stands_before_a_header_inside(lead: bytes) -> None:
    letter = Pieces("a.eml", attached(lead + MIXED))
    assert letter.label("part 2/message") == LABEL
    assert letter["part 2.2/body"] == b"%PDF"
    assert letter["part 2/message"] == lead + MIXED
    assert letter["part 2/message/header/From"].startswith(b"From: =?")


def test_a_message_that_is_a_message_s_whole_body() -> None:
    letter = Pieces("a.eml", b"Subject: bounce\r\nContent-Type: message/rfc822\r\n\r\n" + MIXED)
    assert letter["body"] == letter["part 1/message"] == MIXED
    assert letter.label("part 1/message") == LABEL
    assert letter["part 1.2/body"] == b"%PDF"


def test_digests_hold_messages_and_bounces_headers() -> None:
    digest = b"Content-Type: multipart/digest; boundary=b\n\n"
    digest += b"--b\n\nSubject: one\n\n1\n--b\n\nSubject: two\n\n2\n--b--\n"
    letter = Pieces("a.eml", digest)
    assert [letter.label(f"part {n}/message") for n in (1, 2)] == ["one", "two"]
    assert letter["part 2/message/body"] == b"2"
    bounce = attached(
        b"Subject: lost\r\nTo: a@b.example\r\n", b"Content-Type: text/rfc822-headers\r\n"
    )
    assert Pieces("a.eml", bounce)["part 2/message/header/Subject"] == b"Subject: lost\r\n"


def test_many_deep_each_has_its_own_name_up_to_a_limit() -> None:
    data = b"Subject: level 0\n\nthe end"
    for level in range(1, 40):
        data = b"Subject: level %d\nContent-Type: message/rfc822\n\n" % level + data
    letter = Pieces("a.eml", data)
    labels = [letter.label(path) for path in letter.paths if path.endswith("message")]
    assert labels == [f"level {39 - n}" for n in range(MAX_DEPTH + 1)]


# --- in base64: as far as the bytes allow


def in_base64(inner: bytes, width: int = 76, eol: bytes = b"\r\n") -> bytes:
    digits = base64.b64encode(inner)
    return eol.join(digits[at : at + width] for at in range(0, len(digits), width)) + eol


ENCODED = b"Content-Transfer-Encoding: base64\r\nContent-Type: "


@pytest.mark.parametrize(
    "fields",
    [
        ENCODED + b"message/rfc822\r\n",
        ENCODED + b'application/octet-stream; name="x.eml"\r\n',
        ENCODED
        + b'text/plain\r\nContent-Disposition: attachment; filename="=?gb2312?B?zb+y4y5lbWw=?="\r\n',
    ],
)
def test_a_message_in_base64_shows_its_fields_and_nothing_else(fields: bytes) -> None:
    letter = Pieces("a.eml", attached(in_base64(MIXED), fields))
    assert letter.label("part 2/message") == LABEL
    for line in MIXED.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        name = line.partition(b":")[0].decode()
        shown = base64.b64decode(letter[f"part 2/message/header/{name}"])
        assert shown.strip() == line
    assert base64.b64decode(letter["part 2.1/body"]).strip() == b"A 37 %, B 12 %"
    assert base64.b64decode(letter["part 2.2/body"]).strip() == b"%PDF"
    assert letter.label("part 2.2") == "application/pdf · 配方表.xlsx"


UNSHOWN = notices.INNER_MESSAGES.line(1)


@pytest.mark.parametrize(
    ("encoding", "inner", "label"),
    [
        (b"base64", b"no base64 at all!", ""),
        (b"base64", in_base64(MIXED)[:-9] + b"=\r\n", ""),
        (b"quoted-printable", quopri.encodestring(MIXED, header=False), LABEL),
        (b"x-uuencode", b"begin 644 a", ""),
    ],
)
def test_what_cannot_be_cut_is_one_part_and_that_is_said(
    encoding: bytes, inner: bytes, label: str
) -> None:
    fields = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: " + encoding + b"\r\n"
    letter = Pieces("a.eml", attached(inner, fields))
    assert letter.paths[-2:] == ["part 2", "part 2/message"]
    assert letter["part 2/message"] == inner
    assert letter.label("part 2/message") == label
    assert letter.splitting.unsplit == UNSHOWN


def test_a_file_called_eml_that_is_no_message_is_a_file() -> None:
    fields = ENCODED + b"application/octet-stream; name=x.eml\r\n"
    letter = Pieces("a.eml", attached(in_base64(b"\xd0\xcf\x11\xe0 no letter"), fields))
    assert letter.paths[-2:] == ["part 2", "part 2/body"]
    assert letter.splitting.unsplit == ""


@pytest.mark.parametrize("encoding", [b"base64", b"quoted-printable", b"x-uuencode", b"8bit"])
def test_an_encoding_that_is_stated_and_not_there(encoding: bytes) -> None:
    fields = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: " + encoding + b"\r\n"
    letter = Pieces("a.eml", attached(MIXED, fields))
    assert letter["part 2/message"] == MIXED
    assert letter["part 2.1/body"] == b"A 37 %, B 12 %"


def test_base64_twice_is_one_part() -> None:
    inside = attached(in_base64(MIXED), ENCODED + b"message/rfc822\r\n")
    letter = Pieces("a.eml", attached(in_base64(inside), ENCODED + b"message/rfc822\r\n"))
    assert letter.label("part 2/message").startswith("FW: see below")
    assert letter.label("part 2.2/message") == LABEL
    assert letter.splitting.unsplit == UNSHOWN


@given(
    st.lists(st.sampled_from([b"Subject: a", b"X:", b"From: x@y", b"a", b"", b"--b"]), max_size=12),
    st.sampled_from([b"\n", b"\r\n"]),
    st.sampled_from([4, 20, 60, 76, 75]),
)
def test_cuts_in_base64_ascend_and_lose_line_ends_at_most(
    lines: list[bytes], eol: bytes, width: int
) -> None:
    data = b"X: y" + eol + eol.join(lines)
    raw = in_base64(data, width)
    found = inner_text(PlainText(raw, 7), 0, len(raw), "base64")
    assert found is not None
    text = found[0]
    assert isinstance(text, Base64)
    assert text.data == data == decode(raw, "base64")
    cuts = [text.at(position) for position in range(len(data) + 1)]
    assert cuts == sorted(cuts)
    assert cuts[-1] == 7 + len(raw)
    at = 0
    for line in data.split(b"\n"):
        end = min(at + len(line) + 1, len(data))
        shown = raw[text.at(at) - 7 : text.at(end) - 7]
        value = base64.b64decode(shown)
        assert line.rstrip(b"\r")[2:] in value  # but for a letter or two of its name
        assert len(value) <= end - at + 4
        assert eol == b"\n" or value.strip(b"\r\n") == line.rstrip(b"\r")
        at = end


# --- Content-Type


@pytest.mark.parametrize(
    "written",
    [
        'multipart/mixed; boundary="s"',
        "multipart/mixed; boundary=s",
        'multipart/mixed (a comment); BOUNDARY="s" (another)',
        'multipart/mixed; boundary="s"; boundary="t"',
        'multipart/mixed; boundary="t"; boundary="s"',
        'multipart/mixed boundary="s"',
        'multipart/mixed; boundary = "s"',
        "multipart/mixed; boundary=s; charset=utf-8",
        "multipart/mixed; charset=utf-8 boundary=s",
        "multipart/mixed;; boundary=s;",
        "multipart/mixed; boundary='s'",
        'multipart/mixed; boundary="s',
        'multipart/mixed; boundary="s; charset=utf-8',
        "multipart/mixed; boundary=s (comment)",
        "multipart/mixed; boundary=s(comment)",
        'multipart/mixed; boundary="\\s"',
        "multipart/mixed; boundary*=utf-8''s",
        'multipart/mixed; boundary*0="s"',
        'multipart/mixed; type="text/html; x"; boundary="s"',
        '"multipart/mixed"; boundary="s"',
        "multipart / mixed ; boundary=s",
        "MULTIPART/MIXED;\r\n\tboundary=s",
        'multipart/mixed; boundary="s  "',
        'multipart/mixed, boundary="s"',
    ],
)
def test_content_type_as_careless_programs_write_it(written: str) -> None:
    head = b"Content-Type: " + written.encode() + b"\r\n\r\n"
    letter = Pieces(
        "a.eml", head + b"--s\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\nPDF\r\n--s--"
    )
    assert letter["part 1/body"] == b"PDF"
    assert letter.label("part 1") == "application/pdf · a.pdf"


@pytest.mark.parametrize("fold", [b"\r\n ", b"\n ", b"\r\n\t", b"\r\n  "])
@pytest.mark.parametrize("joint", [b" ", b"", b"\t"])
def test_a_boundary_folded_inside_its_quotes(fold: bytes, joint: bytes) -> None:
    boundary = b"----=_Next" + (fold.strip(b"\r\n") if joint == b"\t" else joint) + b"Part"
    data = b'Content-Type: multipart/mixed;\r\n boundary="----=_Next' + fold + b'Part"\r\n\r\n'
    data += (
        b"--" + boundary + b"\r\n\r\none\r\n--" + boundary + b"\r\n\r\ntwo\r\n--" + boundary + b"--"
    )
    letter = Pieces("a.eml", data)
    assert [letter["part 1/body"], letter["part 2/body"]] == [b"one", b"two"]


@given(st.text("ab/;=\"'\\() \t\r\n*%0-:é", max_size=60))
def test_no_field_is_too_odd(written: str) -> None:
    media = parse_media(":multipart/mixed; boundary=b;" + written)
    assert media.boundaries[0] == b"b" or "boundary" in written
    parse_media(":" + written)


def test_a_forwarded_message_of_python_s_own_making() -> None:
    inner = EmailMessage(policy=SMTP)
    inner["Subject"], inner["From"] = "第三版", "周敏 <zhou@a.example>"
    inner.set_content("配方")
    outer = EmailMessage(policy=SMTP)
    outer["Subject"] = "FW"
    outer.set_content("see")
    outer.add_attachment(inner)
    data = outer.as_bytes()
    letter = Pieces("a.eml", data)
    assert letter.label("part 2/message") == "第三版 · 周敏 <zhou@a.example>"
    assert letter["part 2/message/body"].decode() == "配方\r\n"
