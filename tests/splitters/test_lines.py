"""Rows of tables and lines of anything else that is text: each is a part, numbered as people see it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.company.splitters import lines
from tests.splitters.pieces import Pieces

TABLE = "客户,联系人,单价\r\n客户000,张0,9000\r\n客户001,张1,9001\r\n"
CODECS = ["utf-8", "utf-8-sig", "gb18030", "big5", "shift_jis", "utf-16"]


@pytest.mark.parametrize("name", ["list.csv", "list.CSV", "list.tsv", "list.tab"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_each_row_is_a_part(name: str, codec: str) -> None:
    table = Pieces(name, TABLE.encode(codec))
    assert table.splitting.splitter == "rows"
    assert table.paths == [f"row {n} of 3" for n in (1, 2, 3)]
    assert table.label("row 2 of 3").split(" · ")[0] == "客户000,张0,9000"
    plain = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(codec, codec)
    assert table["row 2 of 3"] == "客户000,张0,9000\r\n".encode(plain)


def test_a_line_end_in_a_quoted_cell_ends_no_row() -> None:
    table = Pieces("a.csv", b'a,b\n"1\n2 ""x""\n",3\n"4";"5\r\n6"\n7,8" pipe\n9,"open\n10,11')
    assert table.paths == [f"row {n} of 6" for n in range(1, 7)]
    assert table["row 2 of 6"] == b'"1\n2 ""x""\n",3\n'
    assert table["row 3 of 6"] == b'"4";"5\r\n6"\n'
    assert table["row 4 of 6"] == b'7,8" pipe\n'
    assert table["row 6 of 6"] == b"10,11"


CELLS = st.text(st.sampled_from('ab",;\r\n\t|合 '), max_size=6)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=1, max_size=6))
def test_rows_are_those_that_a_spreadsheet_wrote(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    written = []
    for row in rows:
        before = out.tell()
        writer.writerow(row)
        written.append(out.getvalue()[before:])
    table = Pieces("a.csv", out.getvalue().encode())
    assert [table[path].decode() for path in table.paths] == written


@given(st.text(st.sampled_from('a",\r\n'), min_size=1, max_size=60))
def test_every_byte_belongs_to_one_row_whatever_the_quotation_marks(text: str) -> None:
    table = Pieces("a.csv", text.encode())
    assert "".join(table[path].decode() for path in table.paths) == text


@pytest.mark.parametrize(
    "name",
    ["main.py", "Makefile", "server.log", "part.nc", "a.json", "b.jsonl", "c.xml", "x.step", "y"],
)
@pytest.mark.parametrize("codec", CODECS)
def test_other_text_is_cut_into_its_lines_empty_ones_too(name: str, codec: str) -> None:
    text = "合同 one\n\n\ttwo\nthree"
    found = Pieces(name, text.encode(codec, "replace"))
    assert found.splitting.splitter == "lines"
    assert found.paths == [f"line {n} of 4" for n in (1, 2, 3, 4)]
    assert found.label("line 3 of 4").split(" · ")[0] == "two"


@pytest.mark.parametrize(
    "data",
    [b"\x89PNG\r\n\x1a\n" + b"x\n" * 99, b"MZ\0\0text\n", b"%PDF-1.7\nx\n", b"\x01\n"],
)
def test_what_is_no_text_has_no_lines(data: bytes) -> None:
    splitting = Pieces("a.bin", data).splitting
    assert (splitting.splitter, splitting.unsplit) == ("fixed", "")


def test_more_rows_than_there_is_room_for_become_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST", 4)
    found = Pieces("a.csv", b"".join(b"%d,x\n" % n for n in range(1, 11)))
    assert found.paths == ["rows 1-4 of 10", "rows 5-8 of 10", "rows 9-10 of 10"]
    assert found["rows 9-10 of 10"] == b"9,x\n10,x\n"


def test_more_lines_than_are_counted_are_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX", 4)
    assert Pieces("a.log", b"x\n" * 5).splitting.unsplit == "it has more than 4 lines"


def test_quotation_marks_that_never_close_take_time_in_proportion() -> None:
    found = Pieces("a.csv", b'"x\n' + b',"' * 400_000 + b"\n" + b'"a\n' * 50_000)
    assert len(found.paths) > 1
