"""Mailboxes and messages as programs have left them: cut where people would, every byte in one part."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.company.splitters import mail, split
from ledger.evidence import notices
from ledger.evidence.parts import Cuts, Splitting
from tests.splitters.pieces import Memory, Pieces, check

FROM = b"From a@a.example Tue Mar  3 09:14:22 2026\n"
LETTER = (
    b"From: Zhou Min <zhou@a.example>\nSubject: x\nDate: Tue, 3 Mar 2026 09:14:22 +0800\n\nbody\n"
)
DATES = [
    b"From a@a.example Tue Mar  3 09:14:22 2026",
    b"From - Tue Mar 03 09:14:22 2026",
    b"From ???@??? Tue Mar 03 09:14:22 2026",
    b"From a at a.example  Tue Mar  3 09:14 2026",
    b"From 1234@xxx Tue Mar 03 09:14:22 +0000 2026",
    b"From a@a.example Tue Mar  3 09:14:22 CST 2026",
    b"From a@a.example Tue, 3 Mar 2026 09:14:22 +0800 (CST)",
    b"From a Tue Mar  3 09:14:22 2026 remote from b",
]
WORDS = [
    b"From 1 April 2026 the price is 12.50 yuan,",
    b"From Tue Mar  3 09:14:22 2026",
    b"From here on",
    b"From 9:00 on Tuesday, 3 March 2026",
    b"From ",
    b"From 3f2a9c0d1e Mon Sep 17 00:00:00 2001",
]


def messages(box: Pieces) -> list[bytes]:
    return [box[path] for path in box.paths if path.startswith("message") and "/" not in path]


@pytest.mark.parametrize("line", DATES)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_line_with_sender_and_date_separates(line: bytes, end: bytes) -> None:
    data = b"".join(line + b"\n" + LETTER + b"\n" for _ in range(3)).replace(b"\n", end)
    box = Pieces("box.mbox", data)
    assert messages(box) == [LETTER.replace(b"\n", end)] * 3
    assert box["separator 2 of 3"] == end + line + end
    assert box["message 2 of 3/body"] == b"body" + end
    assert box.label("message 3 of 3").startswith("x · Zhou Min")


@pytest.mark.parametrize("line", WORDS)
def test_a_line_of_a_letter_separates_nothing(line: bytes) -> None:
    letter = LETTER + b"\n" + line + b"\nFrom: dev <dev@x.example>\n---\n"
    box = Pieces("box.mbox", FROM + letter + b"\n" + FROM + LETTER)
    assert messages(box) == [letter, LETTER]


def test_patches_of_git_are_a_mailbox_too() -> None:
    first = b"From %040x Mon Sep 17 00:00:00 2001\n"
    box = Pieces("patches.mbox", first % 1 + LETTER + b"\n" + first % 2 + LETTER)
    assert messages(box) == [LETTER, LETTER]


def test_no_empty_line_is_needed_before_a_separator() -> None:
    assert messages(Pieces("box.mbox", FROM + LETTER + FROM + LETTER)) == [LETTER, LETTER]


def test_a_mailbox_whose_lines_have_no_date_is_cut_before_fields() -> None:
    letter = LETTER + b"\nFrom here on\n"
    box = Pieces("box.mbox", b"From \n" + letter + b"\nFrom \n" + LETTER)
    assert messages(box) == [letter, LETTER]


@pytest.mark.parametrize("between", [b"", b"\n", b"\n\n"])
def test_a_message_ends_where_it_says_if_a_separator_follows(between: bytes) -> None:
    body = b"quoted:\n\n" + FROM + LETTER
    letter = b"Subject: x\nContent-Length: %d\n\n" % len(body) + body
    box = Pieces("box.mbox", FROM + letter + between + FROM + LETTER)
    assert messages(box) == [letter, LETTER]
    last = Pieces("box.mbox", FROM + LETTER + b"\n" + FROM + letter)
    assert messages(last) == [LETTER, letter]


@pytest.mark.parametrize("stated", [0, 1, 5, 7, 50, 10**17])
def test_a_length_that_ends_nowhere_is_not_believed(stated: int) -> None:
    letter = b"Subject: x\nContent-Length: %d\n\nbody\n" % stated
    assert messages(Pieces("box.mbox", FROM + letter + b"\n" + FROM + LETTER)) == [letter, LETTER]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\n\n" + FROM + LETTER, [LETTER]),
        (b"\xef\xbb\xbf" + FROM + LETTER + b"\n" + FROM + LETTER, [LETTER, LETTER]),
        (FROM + b"\nonly a body\n\n" + FROM + LETTER, [b"\nonly a body\n", LETTER]),
        (FROM + b"not a field\nmore\n", [b"not a field\nmore\n"]),
        (FROM + b"body only", [b"body only"]),
        (FROM + b">From b\n" + LETTER, [b">From b\n" + LETTER]),
        (FROM + b"Subject: x\n\na\0b\n\n" + FROM + LETTER, [b"Subject: x\n\na\0b\n", LETTER]),
    ],
)
def test_mailboxes_begin_and_end_as_they_do(data: bytes, found: list[bytes]) -> None:
    assert messages(Pieces("box.mbox", data)) == found


@pytest.mark.parametrize("name", ["INBOX.Sent", "Sent-2026.Q1", "收件箱", "Inbox", "a/b.old"])
def test_a_mailbox_is_known_by_its_content(name: str) -> None:
    assert messages(Pieces(name, FROM + LETTER)) == [LETTER]


PIECES = st.lists(
    st.sampled_from(
        [
            *(FROM, b"From ", b"From x\n", b">From y\n", b"\n", b"\r\n", b"\r", b"a: b\n"),
            *(b"Content-Length: 9\n", b"Content-Type: multipart/mixed; boundary=b\n", b"--b\n"),
            *(b"text\n", b"\0", b"\xef\xbb\xbf", b" x\n", b"12\n"),
            *(line + b"\n" for line in DATES + WORDS),
        ]
    ),
    max_size=20,
).map(b"".join)


@given(PIECES | st.binary(max_size=200))
def test_each_byte_of_a_mailbox_belongs_to_exactly_one_part(data: bytes) -> None:
    data = FROM + data
    splitting = split("box.mbox", "", Memory(data))
    check(splitting, data)
    cuts = Cuts(len(data), splitting.cuts)
    at = 0
    for part in splitting.parts:
        if "/" not in part.path:
            assert cuts.start(part.first - 1) == at
            at = cuts.start(part.first - 1 + part.count)
        assert cuts.start(part.first - 1 + part.count) <= at
    assert at == len(data)


@given(
    PIECES | st.binary(max_size=200), st.sampled_from(["a.eml", "a.mbox", "a.emlx", "a.msg", "a"])
)
def test_whatever_is_in_it_a_document_is_split_or_says_why(data: bytes, name: str) -> None:
    for splitting in (
        split(name, "", Memory(data)),
        split("x.eml", "message/rfc822", Memory(data)),
    ):
        check(splitting, data)
        assert splitting.unsplit != notices.UNFORESEEN.line()


def test_a_splitter_that_fails_keeps_nothing_from_being_sealed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> None:
        raise IndexError("nobody has thought of this")

    monkeypatch.setattr(mail, "split_message", fail)
    splitting = split("a.eml", "", Memory(LETTER))
    assert splitting == Splitting(unsplit=notices.UNFORESEEN.line())


MESSAGE = LETTER.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("data", "header", "body"),
    [
        (b"\xef\xbb\xbf" + MESSAGE, 0, b"body\r\n"),
        (b"\r\n" + MESSAGE, 0, b"body\r\n"),
        (b" continued\r\n" + MESSAGE, 0, b"body\r\n"),
        (b">From a@a.example Tue Mar  3 09:14:22 2026\r\n" + MESSAGE, 0, b"body\r\n"),
        (b"From a@a.example Tue Mar  3 09:14:22 2026\r\n" + MESSAGE, 0, b"body\r\n"),
        (MESSAGE.replace(b"\r\n", b"\r"), 0, b"body\r"),
        (MESSAGE.replace(b":", b" :"), 0, b"body\r\n"),
        (MESSAGE.replace(b"\r\n\r\n", b"\r\n"), 0, b"body\r\n"),
    ],
)
def test_a_message_begins_as_it_does(data: bytes, header: int, body: bytes) -> None:
    letter = Pieces("a.eml", data)
    assert letter["message"] == data
    assert letter["header"] + letter["body"] == data
    assert letter["body"] == body
    assert letter.label("header/Subject") == "x"
    assert letter.label("message").startswith("x · Zhou Min")
    assert letter["header/From"].strip().startswith(b"From")


@pytest.mark.parametrize("name", ["a.eml", "a.EML", "a.email", "a.mhtml", "a.msg", "letter", "1.x"])
def test_a_message_is_known_by_name_or_content(name: str) -> None:
    assert Pieces(name, MESSAGE)["body"] == b"body\r\n"


def test_other_text_is_no_message() -> None:
    for data in (
        b"name: x\nversion: 1\n",
        b"From: here\nto: there\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
    ):
        assert Pieces("notes", data).splitting.splitter == "lines"


def test_a_message_of_apple_mail_lies_between_its_size_and_its_properties() -> None:
    data = b"%-10d\n" % len(LETTER) + LETTER + b'<?xml version="1.0"?><plist/>\n'
    letter = Pieces("1.emlx", data)
    assert letter["size"] + letter["message"] + letter["properties"] == data
    assert letter["message"] == LETTER
    assert letter["body"] == b"body\n"


@pytest.mark.parametrize(
    ("name", "head", "notice"),
    [
        ("a.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", notices.OUTLOOK_ITEM),
        ("a.oft", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", notices.OUTLOOK_ITEM),
        ("a.pst", b"!BDN", notices.OUTLOOK_STORE),
        ("backup", b"!BDN", notices.OUTLOOK_STORE),
        ("a.olm", b"PK\3\4", notices.OUTLOOK_STORE),
        ("winmail.dat", b"\x78\x9f\x3e\x22", notices.TNEF),
        ("a.mbox.gz", b"\x1f\x8b\x08", notices.COMPRESSED),
        ("a.eml.gz", b"\x1f\x8b\x08", notices.COMPRESSED),
        ("a.eml", b"\x1f\x8b\x08", notices.COMPRESSED),
        ("Maildir/cur/1.host,S=14:2,S", b"\x1f\x8b\x08", notices.COMPRESSED),
        ("a.mbox", b"!BDN", notices.OUTLOOK_STORE),
    ],
)
def test_mail_that_only_the_whole_can_be_shown_of_says_so(
    name: str, head: bytes, notice: notices.Notice
) -> None:
    splitting = Pieces(name, head + bytes(500)).splitting
    assert (splitting.splitter, splitting.unsplit) == ("fixed", notice.line())
    (said,) = notices.read(splitting.unsplit)
    assert said.remedy


@pytest.mark.parametrize(
    "data", [b"12\nSubject: x\n", b"0\n", b"x\n", b"9" * 100 + b"\n", b"3\n\0\0\0"]
)
def test_what_is_no_message_of_apple_mail_says_so(data: bytes, tmp_path: Path) -> None:
    assert Pieces("1.emlx", data).splitting.unsplit
