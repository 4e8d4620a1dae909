"""Mail: the same messages, fields and MIME parts as Python's own parsers find, byte for byte."""

import base64
import mailbox
import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.splitters.pieces import Pieces

LETTER = (
    b"Received: from a\n by b; Mon, 2 Mar 2026 10:00:00 +0800\n"
    b"Received: from c\n"
    b"From: Alice <alice@supplier.example>\n"
    b"To: legal@company.example\n"
    b"Subject: Supply contract\n"
    b"Date: Mon, 2 Mar 2026 10:00:00 +0800\n"
    b"\n"
    b"Dear Bob,\n\nFrom now on: 5 %.\n"
)
WITH_PARTS = (
    b"Subject: offer\r\n"
    b'Content-Type: multipart/mixed; boundary="outer"\r\n'
    b"\r\n"
    b"preamble\r\n"
    b"--outer\r\n"
    b"Content-Type: multipart/alternative; boundary=inner\r\n"
    b"\r\n"
    b"--inner\r\n"
    b"\r\n"
    b"plain\r\n"
    b"--inner  \r\n"
    b"Content-Type: text/html\r\n"
    b"\r\n"
    b"<p>\r\n"
    b"--inner--\r\n"
    b"\r\n"
    b"--outer\r\n"
    b"Content-Type: application/pdf\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''%E5%90%88%E5%90%8C.pdf\r\n"
    b"\r\n"
    b"%PDF\r\n"
    b"--outer--\r\n"
    b"epilogue\r\n"
)


def test_a_message_has_its_fields_its_header_and_its_body() -> None:
    letter = Pieces("offer.eml", LETTER)
    assert letter.splitting.splitter == "message"
    assert letter.paths == [
        "message",
        "header",
        "header/Received",
        "header/Received 2",
        "header/From",
        "header/To",
        "header/Subject",
        "header/Date",
        "body",
    ]
    assert letter["message"] == LETTER
    assert letter["header"] + letter["body"] == LETTER
    assert letter["body"] == b"Dear Bob,\n\nFrom now on: 5 %.\n"
    assert letter["header/Received"] == b"Received: from a\n by b; Mon, 2 Mar 2026 10:00:00 +0800\n"
    assert letter["header/Received 2"] == b"Received: from c\n"
    assert letter.label("header/Subject") == "Supply contract"
    assert letter.label("message") == (
        "Supply contract · Alice <alice@supplier.example> · Mon, 2 Mar 2026 10:00:00 +0800"
    )


def test_mime_parts_are_numbered_as_imap_numbers_them() -> None:
    letter = Pieces("offer.eml", WITH_PARTS)
    assert letter.paths[4:] == [
        "body",
        "part 1",
        "part 1.1",
        "part 1.1/body",
        "part 1.2",
        "part 1.2/body",
        "part 2",
        "part 2/body",
    ]
    assert letter["part 1.1"] == b"\r\nplain"
    assert letter["part 1.1/body"] == b"plain"
    assert letter["part 1.2/body"] == b"<p>"
    assert letter["part 2/body"] == b"%PDF"
    assert letter.label("part 1.2") == "text/html"
    assert letter.label("part 2") == "application/pdf · 合同.pdf"
    assert letter["body"] == WITH_PARTS.partition(b"\r\n\r\n")[2]


def test_a_forwarded_message_lends_its_parts_its_number() -> None:
    data = (
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: message/rfc822\n\n" + WITH_PARTS.replace(b"\r\n", b"\n") + b"\n--b--\n"
    )
    letter = Pieces("fwd.eml", data)
    assert letter["part 1/message"] == WITH_PARTS.replace(b"\r\n", b"\n")
    assert letter["part 1/message/header/Subject"] == b"Subject: offer\n"
    assert letter["part 1.1.2/body"] == b"<p>"
    assert letter["part 1.2/body"] == b"%PDF"


def test_a_mailbox_has_messages_without_what_separates_them() -> None:
    letter = LETTER.replace(b"\nFrom now", b"\n>From now")
    data = b"From a\n" + letter + b"\nFrom b\r\n" + WITH_PARTS + b"\r\nFrom c\nSubject: x\n\n\n"
    box = Pieces("inbox.mbox", data)
    assert box["message 1 of 3"] == letter
    assert box["message 2 of 3"] == WITH_PARTS
    assert box["message 3 of 3"] == b"Subject: x\n\n"
    assert box["message 1 of 3/header/Subject"] == b"Subject: Supply contract\n"
    assert box["message 2 of 3/part 1.2/body"] == b"<p>"
    assert "message 3 of 3/body" not in box.paths
    assert box.label("message 2 of 3") == "offer"


@pytest.mark.parametrize(
    ("name", "media_type", "data", "splitter"),
    [
        ("a.eml", "", LETTER, "message"),
        ("A.EML", "application/octet-stream", LETTER, "message"),
        ("letter", "message/rfc822", LETTER, "message"),
        ("mail/cur/1700.M1P2.host:2,S", "", LETTER, "message"),
        ("new/1700.M1P2.host", "", LETTER, "message"),
        ("new/notes", "", b"first we take it apart", "lines"),
        ("new/1700.M1P2.host", "", b">From a@b\n" + LETTER, "message"),
        ("tmp/1700.M1P2.host", "", LETTER, "message"),
        ("renew/letter", "", LETTER, "message"),
        ("Inbox", "", b"From a@b Mon Jan  1 00:00:00 2026\n" + LETTER, "mbox"),
        ("notes", "", b"From here on we walk\nand talk\n", "lines"),
        ("notes.txt", "text/plain", b"From a@b 1\n" + LETTER, "text"),
        ("a.eml.gz", "message/rfc822", LETTER, "fixed"),
        ("unknown", "", LETTER, "message"),
        ("unknown", "application/json", LETTER, "lines"),
        ("unknown", "", b"From: nobody\nTo: nowhere\n", "lines"),
        ("empty.eml", "message/rfc822", b"", "fixed"),
    ],
)
def test_mail_is_known_by_name_type_and_first_bytes(
    name: str, media_type: str, data: bytes, splitter: str
) -> None:
    assert Pieces(name, data, media_type).splitting.splitter == splitter


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.eml", b"%PDF-1.7", "it does not begin with a header field"),
        ("Maildir/cur/1.x:2,S", b"\0damaged", "it does not begin with a header field"),
        ("a.mbox", LETTER, "it does not begin with a line `From ...`"),
        ("a.mbox", b"\0" * 100_000, "it does not begin with a line `From ...`"),
    ],
)
def test_what_is_not_mail_says_so_and_is_not_split(name: str, data: bytes, reason: str) -> None:
    splitting = Pieces(name, data).splitting
    assert (splitting.splitter, splitting.cuts, splitting.unsplit) == ("fixed", None, reason)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (b"=?UTF-8?B?" + base64.b64encode("供应合同".encode()) + b"?=", "供应合同"),
        (b"=?gb18030?B?" + base64.b64encode("供应合同".encode("gb18030")) + b"?=", "供应合同"),
        ("供应合同".encode(), "供应合同"),
        ("供应合同".encode("gb18030"), "供应合同 · guessed gb18030"),
        (b"=?utf-8?q?a=20?=\n =?utf-8?q?b?=", "a b"),
        (b"=?none-such?B?!!!?= x", "x"),
        (b"=?utf-16?B?2AA=?=", "Ø"),
        (b"=?unicode_escape?Q?=5Cud800?=", "\\ud800"),
        (b"=?utf-7?Q?+2AA-?=", "\ufffd"),
        (b"=?idna?B?/w==?=", "ÿ · guessed windows-1252"),
        (b"=?rot13?Q?a?=", "a"),
        (b"\x1b[31mred\x07\xff", "\\x1b[31mred\\x07ÿ · guessed windows-1252"),
        (b"\xe2\x80\xae", "\\u202e"),
        (b"x" * 500, "x" * 119 + "…"),
        (b"=?" * 50_000, "=?" * 59 + "=…"),
    ],
)
def test_labels_are_decoded_and_hostile_ones_do_no_harm(value: bytes, label: str) -> None:
    letter = Pieces("a.eml", b"Subject: " + value + b"\n\nx")
    assert letter["header/Subject"] == b"Subject: " + value + b"\n"
    assert letter.label("header/Subject") == label
    assert letter.label("message").startswith(label[:100])


def test_a_name_that_would_not_fit_into_a_path_makes_no_part() -> None:
    letter = Pieces("a.eml", b"X" * 5000 + b": 1\nSubject: x\n\nbody")
    assert letter.paths == ["message", "header", "header/Subject", "body"]


def test_long_fields_and_bodies_are_cut_from_their_beginning() -> None:
    body = b"y" * 40_000
    letter = Pieces("a.eml", b"X: " + b"x" * 40_000 + b"\nSubject: z\n\n" + body)
    assert letter.parts["header/X"].count == 3
    assert letter["header/Subject"] == b"Subject: z\n"
    assert letter.parts["body"].count == 3
    assert letter["body"] == body


# --- the same as Python's parsers


LINE_ENDS = st.sampled_from([b"\n", b"\r\n"])
NAMES = st.sampled_from([b"Subject", b"From", b"subject", b"X-Odd!name", b"Received", b"a/b"])
WORDS = st.text("ab-:= \t\x00é合", max_size=12).map(lambda text: text.encode())
HEADERS = st.lists(st.tuples(NAMES, WORDS, st.lists(WORDS, max_size=2)), min_size=1, max_size=6)
TEXT = st.lists(
    st.sampled_from(
        [b"", b"", b"text", b"--", b"--a", b"--a--", b"--b", b"--ab", b">From x", b"a: b", b"\xff"]
    ),
    max_size=8,
)


@st.composite
def headers(draw: st.DrawFn, eol: bytes) -> bytes:
    lines = [
        eol.join([name + b":" + value, *(b" " + more for more in continued)])
        for name, value, continued in draw(HEADERS)
    ]
    return eol.join(lines) + eol


@st.composite
def entities(draw: st.DrawFn, eol: bytes, depth: int = 3) -> bytes:
    """A message or part; boundaries in its text may be those around it."""
    head = draw(headers(eol)) if draw(st.booleans()) or depth == 3 else b""
    kinds = ["none", "text", "other"] + ["mixed", "message", "digest"] * (depth > 0)
    kind = draw(st.sampled_from(kinds))
    if kind in ("mixed", "digest"):
        boundary = draw(st.sampled_from([b"a", b"b", b"ab", b"a b", b"a'()+_,-./:=?"]))
        head += b'Content-Type: multipart/%s; x=y;%s boundary="%s"' % (
            kind.encode(),
            draw(st.sampled_from([b"", eol])),
            boundary,
        )
        head += eol
        parts = draw(st.lists(entities(eol, depth - 1), min_size=1, max_size=3))
        body = eol.join(draw(TEXT)) + eol
        for part in parts:
            body += b"--" + boundary + draw(st.sampled_from([b"", b" \t"])) + eol + part + eol
        if draw(st.booleans()):
            body += b"--" + boundary + b"--" + eol + eol.join(draw(TEXT))
        return head + eol + body
    if kind == "message":
        return head + b"content-type: message/rfc822" + eol + eol + draw(entities(eol, depth - 1))
    if kind == "text":
        head += b"Content-Type: text/plain; charset=utf-8" + eol
    if kind == "other":
        head += draw(st.sampled_from([b"Content-Type: nonsense", b"Content-Type:"])) + eol
    return head + eol + eol.join(draw(TEXT))


def raw(text: str) -> bytes:
    return text.encode("ascii", "surrogateescape")


def body_of(message: Message) -> bytes | None:
    """Return a body as it stands in the file; None for one that was taken apart."""
    payload = message._payload  # type: ignore[attr-defined]
    multipart = message.get_content_maintype() == "multipart"
    return raw(payload) if isinstance(payload, str) and not multipart else None


def expected_fields(data: bytes) -> list[tuple[str, bytes]]:
    message = BytesParser().parsebytes(data, headersonly=True)
    return [
        (name, "".join(raw(str(value)).decode("latin-1").split()).encode("latin-1"))
        for name, value in message._headers  # type: ignore[attr-defined]
    ]


def expected_parts(message: Any, number: str = "") -> Iterator[tuple[str, bytes | None]]:
    """Yield (IMAP number, body) of each part and of each message inside; None where it has parts."""
    payload = message.get_payload()
    if holds_a_message(message):
        inner = f"{number}.1" if number else "1"
        yield f"{inner}/message", body_of(payload[0])
        yield from expected_parts(payload[0], inner)
    elif isinstance(payload, list):
        for k, part in enumerate(payload, 1):
            inner = f"{number}.{k}" if number else str(k)
            if holds_a_message(part):
                yield f"{inner}/message", body_of(part.get_payload()[0])
                yield from expected_parts(part.get_payload()[0], inner)
            else:
                yield inner, body_of(part)
                yield from expected_parts(part, inner)


def holds_a_message(part: Any) -> bool:
    return part.get_content_maintype() == "message" and isinstance(part.get_payload(), list)


CLOSED_AT_ONCE = re.compile(rb"^--([^\r\n]*?)[ \t]*\r?\n--\1--", re.MULTILINE)
"""The email package overlooks a closing boundary right after another one."""


@given(LINE_ENDS.flatmap(entities).filter(lambda data: not CLOSED_AT_ONCE.search(data)))
def test_parts_are_those_that_the_email_package_finds(data: bytes) -> None:
    letter = Pieces("a.eml", data)
    if letter.splitting.unsplit:
        assert not data.startswith(
            (b"Subject", b"From", b"subject", b"X-", b"Rec", b"a/b", b"Cont")
        )
        return
    message = BytesParser().parsebytes(data)
    found = {path: letter[path] for path in letter.paths if path.startswith("part ")}
    wanted = dict(expected_parts(message))
    # An unfinished multipart ends with the file: the parser drops the line end before that.
    for number, body in wanted.items():
        if body is not None:
            shown = found.get(f"part {number}/body", b"")
            assert shown.rstrip(b"\r\n") == body.rstrip(b"\r\n")
    assert {path.split("/")[0] for path in found} <= {
        f"part {number.split('/')[0]}" for number in wanted
    }


@given(LINE_ENDS.flatmap(headers), LINE_ENDS, TEXT)
def test_fields_and_body_are_those_that_the_email_package_finds(
    head: bytes, eol: bytes, lines: list[bytes]
) -> None:
    data = head + eol + eol.join(lines)
    letter = Pieces("a.eml", data)
    fields = [
        (path.partition("/")[2].partition(" ")[0], letter[path])
        for path in letter.paths
        if path.startswith("header/")
    ]
    wanted = expected_fields(data)
    assert [name for name, _ in fields] == [name for name, _ in wanted]
    message = BytesParser().parsebytes(data)
    assert "".join(field.decode("latin-1") for _, field in fields).encode("latin-1") == head
    assert (("body" in letter.paths and letter["body"]) or b"") == body_of(message)


@given(
    st.lists(LINE_ENDS.flatmap(entities), min_size=1, max_size=4),
    st.sampled_from([b"", b"\n", b"Subject: z"]),
)
def test_messages_are_those_that_the_mailbox_module_finds(
    tmp_path_factory: pytest.TempPathFactory, messages: list[bytes], tail: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "box"
    path.unlink(missing_ok=True)
    box = mailbox.mbox(path)
    for each in messages:
        box.add(each)
    box.flush()
    data = path.read_bytes() + tail
    path.write_bytes(data)
    box = mailbox.mbox(path)
    wanted = [box.get_bytes(key) for key in box.keys()]  # noqa: SIM118
    found = Pieces("box.mbox", data)
    total = len(wanted)
    for number, each in enumerate(wanted, 1):
        if each:  # A message of no bytes has what separates it.
            assert found[f"message {number} of {total}"] == each
    assert f"message {total + 1} of {total + 1}" not in found.paths
