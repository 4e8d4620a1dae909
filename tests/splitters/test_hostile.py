"""Hostile and huge documents: bounded time and memory, a coarser splitting or none, never an error."""

import base64
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.company.splitters import split
from ledger.company.splitters.archive import MAX_DIRECTORY
from ledger.company.splitters.cutting import WINDOW
from ledger.company.splitters.entities import MAX_ENTITIES
from ledger.company.splitters.fields import MAX_CUT_HEADER, MAX_FIELDS
from ledger.company.splitters.mail import MAX_MESSAGE
from ledger.company.splitters.mime import MAX_DEPTH
from ledger.errors import SourceChanged
from tests.splitters.pieces import Memory, Pieces, check
from tests.splitters.test_archive import tarred, zipped

NAMES = ["a.eml", "a.mbox", "a.txt", "a.md", "a.zip", "a.tar", "cur/a", "box", "a.tar.gz"]


@given(st.sampled_from(NAMES), st.binary(max_size=300))
def test_no_bytes_make_a_splitter_fail(name: str, data: bytes) -> None:
    Pieces(name, data)
    Pieces(name, b"From a 1\nSubject: x\nContent-Type: multipart/x; boundary=\n\n--\n" + data)
    Pieces(name, b"Content-Type: " + data + b"\n\n--a\n\nb\n--a--\n")


def many(unit: bytes, size: int, head: bytes = b"") -> bytes:
    return head + unit * (size // len(unit))


M = 1 << 20
MULTIPART = b"Content-Type: multipart/mixed; boundary=a\n\n"
HARD = b"--a\nContent-Type: (x; " + b"a*0*=x;" * 280 + b"\n\nx\n"


@pytest.mark.parametrize(("m", "most"), [(M // 4, 8), pytest.param(M, 12, marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.eml", lambda m: many(b" ", 4 * m, b"Subject:")),
        ("a.eml", lambda m: many(b"=?utf-8?q?", 8 * m, b"Subject:")),
        ("a.eml", lambda m: many(b"a:\n", 8 * m)),
        ("a.eml", lambda m: many(b"a", 8 * m, b"Subject: x\n")),
        ("a.eml", lambda m: many(b"\n ", 200_000, b"Subject: x") + b"\n\nx"),
        ("a.eml", lambda m: many(b"--a\n", 8 * m, MULTIPART)),
        ("a.eml", lambda m: many(b"--a\n\n", 8 * m, MULTIPART)),
        ("a.eml", lambda m: many(b"--ab\n", 8 * m, MULTIPART)),
        ("a.eml", lambda m: many(b"--a\n" + MULTIPART, 4 * m, MULTIPART)),
        ("a.eml", lambda m: many(b'; a="', 200_000, b"Content-Type: multipart/mixed") + b"\n\nx"),
        ("a.eml", lambda m: many(b" ", 200_000, b"Content-Type: multipart/mixed") + b"!\n\nx"),
        ("a.eml", lambda m: many(b"--a\nContent-Type: a/b; n*0*=%\n\nx\n", 4 * m, MULTIPART)),
        ("a.eml", lambda m: many(HARD, 16 * m, MULTIPART)),
        ("a.mbox", lambda m: many(b"From a\n" + MULTIPART + HARD + b"\n", 16 * m)),
        ("a.mbox", lambda m: many(b"\nFrom ", 8 * m, b"From a\n")),
        ("a.mbox", lambda m: many(b"\n\nFrom ", 8 * m, b"From a\n")),
        ("a.mbox", lambda m: many(b"a", 8 * m, b"From ")),
        ("a.eml", lambda m: fields(b"Content-Type: multipart/b %d" + b"a" * 1900)),
        ("a.eml", lambda m: fields(b"Content-Type: multipart/b; x=%d boundary=" + b"c  " * 600)),
        ("a.eml", lambda m: fields(b'Content-Type: a/b; y=%d; x="' + b'\\"' * 900)),
        ("a.eml", lambda m: fields(b"Content-Type: multipart/b %d" + b"((" * 900)),
        ("a.eml", lambda m: in_lines(b"Subject: x\n\n" + bytes(m), 1)),
        ("a.eml", lambda m: in_lines(MULTIPART + b"--a\n\nx\n" * m, 76)),
        ("a.eml", lambda m: report(many(b"To: a@b\n", m // 2))),
        ("a.eml", lambda m: report(b"=\n" * (m // 4))),
        ("a.mbox", lambda m: many(b"\n", 8 * m, b"From a\n")),
        ("a.md", lambda m: many(b"`", 2 * m) + b"x`\n"),
        ("a.md", lambda m: many(b"- ", 8 * m) + b"x\n"),
        ("a.md", lambda m: many(b"=", 8 * m, b"a\n") + b"x\n"),
        ("a.zip", lambda m: b"PK\5\6" + bytes(18)),
        ("a.txt", lambda m: many(b" ", 8 * m)),
        ("a.txt", lambda m: many(b"\r", 8 * m, b"a")),
        ("a.txt", lambda m: many(b"a\n\n", 8 * m)),
        ("a.txt", lambda m: many(b"a\n", 8 * m)),
        ("a.txt", lambda m: many(b"a \n", 8 * m) + b"\n\nb"),
        ("a.txt", lambda m: many(b"\n\0", 8 * m, b"\xff\xfea\0")),
        ("a.md", lambda m: many(b"#\n", m // 2)),
        ("a.md", lambda m: many(b"`", 8 * m)),
        ("a.md", lambda m: many(b"-", 8 * m, b"a\n")),
        ("a.md", lambda m: many(b"- ", 8 * m)),
        ("a.md", lambda m: many(b"\n", 8 * m)),
        ("a.zip", lambda m: many(b"PK\5\6", 8 * m)),
        ("a.tar", lambda m: tarred([("a", bytes(8 * m))])[:512] * 2000),
        ("a.tar", lambda m: many(tarred([("x", b"")])[:512], 10 * m)),
    ],
)
def test_time_grows_with_the_size_only(
    name: str, make: Callable[[int], bytes], m: int, most: int
) -> None:
    """`m` bytes are a unit of size; `most` are seconds."""
    data = make(m)
    began = time.process_time()
    check(split(name, "", Memory(data)), data)
    assert time.process_time() - began < most


def fields(written: bytes) -> bytes:
    """Two thousand parts with a field that is written so, each another."""
    return MULTIPART + b"".join(b"--a\n" + written % k + b"\n\nx\n" for k in range(2000))


def in_lines(message: bytes, width: int) -> bytes:
    """A message in base64 as another's body."""
    digits = base64.b64encode(message)
    lines = [digits[at : at + width] for at in range(0, len(digits), width)]
    head = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
    return head + b"\n".join(lines)


def report(words: bytes) -> bytes:
    """A journal report with these words in quoted-printable."""
    head = b"X-MS-Journal-Report:\n" + MULTIPART
    head += b"--a\nContent-Transfer-Encoding: quoted-printable\n\nSender: a@b\nTo: b@c\n"
    return head + words + b"\n--a\nContent-Type: message/rfc822\n\nSubject: x\n\ny\n--a--"


def test_nested_multiparts_are_taken_apart_to_a_limit() -> None:
    depth = 200
    head = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)
    )
    letter = Pieces("a.eml", head + b"\nhello\n")
    deepest = letter.paths[-1]
    assert deepest == "part " + ".".join("1" * MAX_DEPTH)
    assert letter[deepest].endswith(b"hello\n")


def test_a_message_of_very_many_parts_is_cut_no_further() -> None:
    letter = Pieces("a.eml", many(b"--a\n\nx\n", 12 * MAX_ENTITIES, MULTIPART))
    assert letter.paths[-1] == f"part {MAX_ENTITIES}/body"
    assert letter["body"] == letter.data[len(MULTIPART) :]


def test_nested_forwarded_messages_are_taken_apart_to_a_limit() -> None:
    Pieces("a.eml", b"Content-Type: message/rfc822\n\n" * 5000)


def test_a_header_over_the_limit_has_no_fields() -> None:
    long = Pieces("a.eml", b"Subject: x\n" + b" y\n" * MAX_CUT_HEADER + b"\nbody")
    assert long.paths == ["message"]
    fields = Pieces("a.eml", b"a: b\n" * (MAX_FIELDS + 1) + b"Subject: x\n\nbody")
    assert fields.paths == ["message", "header", "body"]
    assert fields.label("message") == "x"


MAILBOX = b"".join(b"From a\nSubject: %d\nTo: b\n\nbody\n\n" % n for n in range(10))


@pytest.mark.parametrize(
    ("room", "splitter", "parts"),
    [(61, "mbox", 61), (60, "mbox", 41), (40, "mbox", 21), (20, "fixed", 0)],
)
def test_a_mailbox_with_too_many_parts_is_cut_more_coarsely(
    room: int, splitter: str, parts: int
) -> None:
    splitting = split("a.mbox", "", Memory(MAILBOX), room)
    check(splitting, MAILBOX)
    assert (splitting.splitter, len(splitting.parts)) == (splitter, parts)
    if parts:
        assert splitting.parts[1].label == "0"
    else:
        assert splitting.unsplit == "it has more than 20 parts"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", b"a\n\n" * 9),
        ("a.md", b"# a\n" * 9),
        ("a.zip", zipped()),
        ("a.tar", tarred([("a", b"")])),
    ],
)
def test_others_with_too_many_parts_say_so(name: str, data: bytes) -> None:
    splitting = split(name, "", Memory(data), 0)
    assert (splitting.splitter, splitting.cuts) == ("fixed", None)
    assert splitting.unsplit == "it has more than 0 parts"


@pytest.mark.parametrize("eol", [b"\n", b"\r\n"])
@pytest.mark.parametrize("shift", range(-12, 4))
def test_messages_are_found_where_windows_end(shift: int, eol: bytes) -> None:
    first = b"Subject: a" + eol + eol
    first += b"x" * (WINDOW - len(b"From a" + eol + first) + shift) + eol
    second = b"Subject: b" + eol + eol + b"y" * WINDOW + eol
    data = b"From a" + eol + first + eol + b"From b" + eol + second + eol + b"From c" + eol + first
    box = Pieces("a.mbox", data)
    assert box["message 1 of 3"] == first
    assert box["message 2 of 3"] == second
    assert box["message 3 of 3/body"] == first.partition(eol + eol)[2]


class Huge:
    """A source that no memory holds: a head, then the same block again and again."""

    def __init__(self, head: bytes, block: bytes, size: int) -> None:
        self.head, self.block, self.size = head, block, size
        self.most = self.read = 0

    def read_into(self, offset: int, buffer: memoryview) -> None:
        self.most, self.read = max(self.most, len(buffer)), self.read + len(buffer)
        count = min(max(0, len(self.head) - offset), len(buffer))
        buffer[:count] = self.head[offset : offset + count]
        at = (offset + count - len(self.head)) % len(self.block)
        while count < len(buffer):
            part = self.block[at : at + len(buffer) - count]
            buffer[count : count + len(part)] = part
            count, at = count + len(part), 0

    def check(self) -> None:
        pass


def test_of_a_huge_mailbox_a_window_is_in_memory() -> None:
    block = b"\nFrom a\nSubject: x\n\n" + b"text text\n" * (WINDOW // 10)
    source = Huge(b"From a\n", block, 1 << 28)
    splitting = split("a.mbox", "", source)
    assert len(splitting.parts) > 200
    assert source.most <= 2 * WINDOW
    assert source.read < 3 * source.size


def test_a_huge_message_has_a_header_and_a_body() -> None:
    source = Huge(MULTIPART, b"--a\n\ntext\n", 2 * MAX_MESSAGE)
    assert [part.path for part in split("a.eml", "", source).parts] == [
        "message",
        "header",
        "header/Content-Type",
        "body",
    ]
    assert source.most <= WINDOW


def test_a_directory_larger_than_memory_should_hold_is_not_read() -> None:
    end = b"PK\5\6" + bytes(4) + b"\xff\xfe\xff\xfe" + (3 << 28).to_bytes(4, "little") + bytes(6)
    source = Huge(bytes(3 << 28), end, (3 << 28) + len(end))
    splitting = split("a.zip", "", source)
    assert splitting.unsplit == "it is no zip archive whose directory can be read"
    assert source.most <= MAX_DIRECTORY


def test_a_tar_is_not_read_where_its_data_are() -> None:
    size = 1 << 32
    head = bytearray(tarred([("a", b"")])[:512])
    head[124:136] = b"%011o\0" % size
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    source = Huge(bytes(head), bytes(512), 512 + size + 1024)
    (part,) = split("a.tar", "", source).parts
    assert part.count == (512 + size) // 16384 + 1
    assert source.read < 1 << 20


def test_a_source_that_changes_ends_the_splitting() -> None:
    class Changing(Memory):
        def read_into(self, offset: int, buffer: memoryview) -> None:
            raise SourceChanged("a.eml changed")

    with pytest.raises(SourceChanged):
        split("a.eml", "", Changing(b"Subject: x\n"))


def test_reasons_are_fragments_of_a_sentence_about_the_document() -> None:
    data = b"\0nothing that any of them knows"
    found = {name: split(name, "", Memory(data)).unsplit for name in NAMES}
    # By their names alone these two are nothing that could be split.
    assert {name for name, reason in found.items() if not reason} == {"cur/a", "box"}
    for reason in filter(None, found.values()):
        assert re.fullmatch(r"(it|its|one of its) [^.]+(`From \.\.\.`)?", reason)
