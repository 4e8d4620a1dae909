"""What a preview and a report say of parts, in words: what they are made from is given here."""

import base64

import pytest

from ledger.cli.company.parts import _line
from ledger.cli.company.preview import _row
from ledger.cli.text import WIDTH, columns
from ledger.company.disclosing.readings import first_line_of, first_line_of_mail
from ledger.court.shown import gaps_in_words


@pytest.mark.parametrize("words", ["cell 10\tcell 11\n", "Geheimhaltungsvereinbarung\n"])
def test_a_first_line_outside_mail_is_never_taken_for_an_encoding_of_mail(words: str) -> None:
    assert first_line_of(words.encode()) == " ".join(words.split())


def test_a_first_line_of_mail_is_shown_decoded_and_prose_as_it_is() -> None:
    body = base64.encodebytes("第一段：保密。\n第二段".encode())
    header = b"Content-Transfer-Encoding: base64\nContent-Type: text/plain; charset=utf-8\n"
    assert first_line_of_mail(body, header) == "第一段：保密。"
    prose = b"Thanks and see you on Monday\n"
    assert first_line_of_mail(prose, b"Subject: x\n") == "Thanks and see you on Monday"


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "big5"])
def test_a_first_line_never_ends_inside_a_character(codec: str) -> None:
    table = "客戶,聯絡人,北京華潤薄膜有限公司," * 40
    for size in range(390, 400):
        line, _, guessed = first_line_of(table.encode(codec)[:size]).partition(" · guessed ")
        assert table.startswith(line) and len(line) > 100
        assert guessed == ("" if codec == "utf-8" else codec)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (2, "piece 1; from piece 3 on, if there are more"),
        (3, "pieces 1 to 2; from piece 4 on, if there are more"),
    ],
)
def test_one_hidden_piece_is_said_in_the_singular(first: int, words: str) -> None:
    document = {"whole": False, "pieces": None, "parts": [{"first": first, "count": 1}]}
    assert gaps_in_words(document, "en") == words


def test_a_part_however_deep_is_listed_in_80_columns() -> None:
    for depth in range(40):
        assert (
            columns(_line(depth, "part " + "1." * depth + "1", "multipart/mixed", 111_000)) <= WIDTH
        )


@pytest.mark.parametrize("right", ["489 B", "第 2 份，共 12 份", "记录 3，区块 1"])
def test_a_row_is_80_columns_in_both_languages(right: str) -> None:
    for left in ("a.txt", "message 2/body", "一份名称很长的合同" * 9):
        assert columns(_row(left, right)) <= WIDTH
