"""A message inside a message, from the deposit to what is shown: named, found and opened by itself."""

import base64
import quopri
from pathlib import Path

import pytest

from ledger.reading.inner import body_inside, fields_inside
from tests.cli.conftest import Company
from tests.splitters.pieces import Pieces
from tests.splitters.test_inner import ENCODED, MIXED, attached, in_base64

SUBJECT = "涂层配方第三版"
LETTERS = {
    "plain.eml": attached(MIXED),
    "encoded.eml": attached(in_base64(MIXED), ENCODED + b"message/rfc822\r\n"),
}


@pytest.mark.parametrize("name", LETTERS)
def test_it_is_found_by_its_subject_and_opened_by_its_parts(name: str, company: Company) -> None:
    company.write(name, LETTERS[name])
    company("deposit", name)
    parts = company("parts", name).output
    assert SUBJECT in parts
    assert "周敏" in parts
    for number, (selector, shown) in enumerate(
        [
            (SUBJECT, "Subject: =?gb2312"),
            ("part 2/message/header/Subject", "Subject: =?gb2312"),
            ("part 2.1/body", "A 37 %"),
            ("part 2.2/body", "%PDF"),
        ]
    ):
        company("disclose", name, "--only", selector, "-o", f"{number}.evidence")
        assert opened(company, Path(f"{number}.evidence"), shown)


def test_what_cannot_be_shown_alone_is_said(company: Company) -> None:
    fields = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    company.write("quoted.eml", attached(quopri.encodestring(MIXED), fields))
    company("deposit", "quoted.eml")
    (document,) = company.json("parts", "quoted.eml")["found"]
    assert document["unsplit"].startswith("messages inside it of which only the whole can be shown")
    assert SUBJECT in company("parts", "quoted.eml").output


def opened(company: Company, evidence: Path, shown: str) -> bool:
    data = (company.folder / evidence).read_bytes().replace(b"\r\n", b"")
    groups = [
        base64.b64encode(shown.encode()[at:])[: (len(shown) - at) // 3 * 4] for at in range(3)
    ]
    return any(each in data for each in (shown.encode(), *groups))


def test_pieces_of_base64_are_read_alone() -> None:
    letter = Pieces("a.eml", LETTERS["encoded.eml"])
    for path in letter.paths:
        if path.startswith("part 2/message/header"):
            inside = fields_inside(letter[path])
            assert inside
            assert inside.split(b"\r\n")[0] in MIXED
    header = letter["part 2/message/header"]
    body, found = body_inside(letter["part 2/message/body"], header)
    assert found
    assert found.startswith(b"From: =?gb2312?B?1tzD9A==?=")
    assert body.lstrip().startswith(b"--=_in\r\n")


@pytest.mark.parametrize("data", [b"Subject: x\r\n", b"plain words", b"QUJDREVGR0hJSktMTU5P", b""])
def test_what_is_not_of_a_message_in_base64_stays(data: bytes) -> None:
    assert fields_inside(data) is None
    assert body_inside(data, b"Subject: x\r\n") == (data, b"Subject: x\r\n")
    assert body_inside(data, None) == (data, None)


def test_a_body_in_base64_twice_is_taken_out_once() -> None:
    inner = base64.b64encode("配方：甲 37 %，乙 12 %".encode())
    assert body_inside(base64.b64encode(inner), None) == (inner, None)
