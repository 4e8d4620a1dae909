"""What is read of a deposit for a court stays within its limits, and one bad item stops no other."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.company.documents import Document
from ledger.company.sealing.sources import MemorySource
from ledger.court import readings as limits
from ledger.court.reading_words import MAX_SHOWN, described_readings
from ledger.court.readings import Reading, readings
from ledger.reading.members import Why
from tests.disclosed import Shown


def letter(text: str) -> bytes:
    head = (
        b"Subject: x\nContent-Type: text/plain; charset=gbk\nContent-Transfer-Encoding: base64\n\n"
    )
    return head + base64.encodebytes(text.encode("gbk"))


def read(documents: dict[str, bytes]) -> tuple[list[Reading], list[int]]:
    """Return the readings of a whole deposit, and which documents were fetched for them."""
    shown = Shown([Document(MemorySource(data), name) for name, data in documents.items()])
    fetched: list[int] = []

    def fetch(number: int, offset: int, size: int) -> bytes:
        fetched.append(number)
        return shown.data(number)[offset : offset + size]

    opening = shown.disclosure().opening
    assert opening is not None
    sizes = [len(data) for data in documents.values()]
    return list(readings(opening, sizes, fetch)), fetched


def test_only_what_people_cannot_read_as_it_is_gets_a_reading() -> None:
    found, fetched = read(
        {
            "a.eml": letter("采购合同"),
            "b.txt": "合同".encode("gbk") * 9,
            "c.txt": "合同".encode(),
            "d.eml": b"Subject: plain\n\nplain\n",
            "e.pdf": b"%PDF-1.7 " + bytes(9),
            "f.txt": bytes(range(256)),
        }
    )
    assert [each.document for each in found] == [1, 2]
    assert 4 not in fetched


def test_limits_are_counted_before_the_work_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_PIECE", 1000)
    found, fetched = read({"large.eml": letter("合同" * 999), "small.eml": letter("合同")})
    assert [(each.document, each.why) for each in found] == [(1, Why.TOO_LARGE), (2, None)]
    assert fetched == [1]
    monkeypatch.setattr(limits, "MAX_READINGS", 3)
    found, _ = read({f"{number}.eml": letter("合同") for number in range(9)})
    assert [each.why for each in found] == [None, None, None, Why.TOO_LARGE]


def test_a_page_shows_some_and_says_how_many_there_are_more() -> None:
    found, _ = read({f"{number}.eml": letter("合同") for number in range(MAX_SHOWN + 5)})
    for language in ("en", "zh"):
        facts = described_readings(found, language).facts
        assert str(facts[-1].value) == "5"


PIECES = st.sampled_from(
    [b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Type: text/html; charset=", b"gbk\n",
     b"Content-Transfer-Encoding: base64\n", b"\n\n", b"--b\n", b"--b--\n", b"=?gb2312?B?", b"?=",
     "中".encode("gbk"), b"From x 1\n", b"Subject: ", b"PK\3\4", b"message/rfc822", b";name*0*=", b'"',
     b"AAAA", b"=3D"]
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(PIECES, st.binary(max_size=8)), min_size=1, max_size=40))
def test_no_document_raises(pieces: list[bytes]) -> None:
    data = b"".join(pieces) or b"x"
    found, _ = read(dict.fromkeys(("a.eml", "b.mbox", "c.txt"), data))
    for language in ("en", "zh"):
        described_readings([each.brief() for each in found], language)
