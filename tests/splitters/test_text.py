"""Text and Markdown: paragraphs between empty lines, sections under headings, whatever the encoding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.splitters.pieces import Pieces

NOTES = "First words\nof one.\n\n  Second.\n \t\n\nThird"


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_paragraphs_stand_between_empty_lines(eol: str, codec: str) -> None:
    text = NOTES.replace("words", "合同").replace("\n", eol)
    notes = Pieces("notes.txt", text.encode(codec))
    plain = codec if codec in ("utf-8", "gb18030") else codec.replace("-sig", "") + "-le"
    plain = plain.replace("utf-8-le", "utf-8")
    assert notes.paths == [f"paragraph {number} of 3" for number in (1, 2, 3)]
    assert notes["paragraph 1 of 3"] == f"First 合同{eol}of one.{eol}".encode(plain)
    assert notes["paragraph 2 of 3"] == f"  Second.{eol}".encode(plain)
    assert notes["paragraph 3 of 3"] == "Third".encode(plain)
    mark = " · guessed gb18030" if codec == "gb18030" else ""
    assert notes.label("paragraph 1 of 3") == "First 合同 of one." + mark
    assert notes.label("paragraph 2 of 3") == "Second."


def test_in_a_text_without_empty_lines_each_line_is_a_paragraph() -> None:
    clauses = Pieces("clauses.txt", "第一条 范围\n第二条 价格\n第三条 期限\n\n".encode("gb18030"))
    assert clauses["paragraph 2 of 3"] == "第二条 价格\n".encode("gb18030")
    assert clauses.label("paragraph 2 of 3") == "第二条 价格 · guessed gb18030"


@pytest.mark.parametrize(
    "data", [b"\n", b" \r\n\t\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff\xfe\n\0"]
)
def test_a_text_without_words_has_no_parts_and_no_excuse(data: bytes) -> None:
    splitting = Pieces("a.txt", data).splitting
    assert (splitting.splitter, splitting.unsplit) == ("fixed", "")


@pytest.mark.parametrize(
    "data", [b"a\0b\n\nc", "a\n\nb".encode("utf-32"), "a\n\nb".encode("utf-16-le"), b"\0" * 9]
)
def test_what_is_no_text_that_we_know_says_so(data: bytes) -> None:
    splitting = Pieces("a.txt", data).splitting
    assert splitting.splitter == "fixed"
    assert splitting.unsplit == "it is not a text in an encoding whose lines are known"


@pytest.mark.parametrize("data", [b"\xff\xfea\0\n\0\n\0b", b"\xfe\xff\0a\0\n\0\n\0b\0"])
def test_utf_16_that_is_cut_off_is_split_all_the_same(data: bytes) -> None:
    assert Pieces("a.txt", data).splitting.splitter == "text"


def test_a_long_paragraph_is_cut_from_its_beginning() -> None:
    notes = Pieces("a.txt", b"short\n\n" + b"x" * 40_000)
    assert notes.parts["paragraph 2 of 2"].count == 3
    assert notes.label("paragraph 2 of 2") == "x" * 119 + "…"


LINES = st.lists(st.sampled_from(["", " ", "a", " b", "合", "\f", "\x85", "\u2028x"]), max_size=12)
EOLS = st.sampled_from(["\n", "\r\n", "\r"])


@given(LINES, EOLS, st.booleans(), st.sampled_from(["utf-8", "gb18030", "utf-16-le", "utf-16-be"]))
def test_paragraphs_are_the_runs_of_lines_that_are_not_empty(
    lines: list[str], eol: str, ends: bool, codec: str
) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(codec, b"")
    text = eol.join(lines) + (eol if ends else "")
    notes = Pieces("a.txt", mark + text.encode(codec))
    blank = [not line.strip(" \f\v\t") for line in lines]
    runs: list[list[str]] = [[]]
    for number, line in enumerate(lines):
        if blank[number]:
            runs.append([])
        else:
            runs[-1].append(line + (eol if ends or number < len(lines) - 1 else ""))
    wanted = [run for run in runs if run]
    if len(wanted) == 1:
        wanted = [[line] for line in wanted[0]]
    found = [notes[path] for path in notes.paths]
    assert found == ["".join(run).encode(codec) for run in wanted]


GUIDE = """\
---
title: x
# no heading
---

# One

text

## One point one
more
Setext
heading
-------

```
# code

```
# Two #
"""


def test_sections_run_to_the_next_heading_of_their_level() -> None:
    guide = Pieces("guide.md", GUIDE.encode())
    assert guide.splitting.splitter == "markdown"
    labels = [guide.label(f"section {number} of 4") for number in (1, 2, 3, 4)]
    assert labels == ["One", "One point one", "more Setext heading", "Two"]
    one, two, three, four = (guide[f"section {n} of 4"].decode() for n in (1, 2, 3, 4))
    assert one == GUIDE[GUIDE.index("# One") : GUIDE.index("# Two")]
    assert two == "## One point one\n"
    assert three == GUIDE[GUIDE.index("more") : GUIDE.index("# Two")]
    assert four == "# Two #\n"
    paragraphs = [guide[path].decode() for path in guide.paths if path.startswith("paragraph")]
    assert paragraphs == [
        GUIDE[: GUIDE.index("\n# One")],
        "# One\n",
        "text\n",
        "## One point one\n",
        "more\nSetext\nheading\n-------\n",
        "```\n# code\n\n```\n",
        "# Two #\n",
    ]


HEADINGS = ["# a", "## b ##", "#no", "####### no", " ### c", "#", "===", "---", " -- "]
OTHERS = ["", "", "text", "***", "- item", "> cited", "2. two", "```", "~~~", "````", "``` x`y"]
MARKDOWN = st.lists(st.sampled_from(HEADINGS + OTHERS), max_size=14)


@given(MARKDOWN, EOLS)
def test_headings_are_those_of_commonmark(lines: list[str], eol: str) -> None:
    text = "text before\n\n" + "\n".join(lines) + "\n"
    found = Pieces("a.md", text.replace("\n", eol).encode())
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + len(eol))
    wanted = [
        starts[token.map[0]]
        for token in MarkdownIt("commonmark").parse(text)
        if token.type == "heading_open" and token.map and token.level == 0
    ]
    sections = [part for path, part in found.parts.items() if path.startswith("section")]
    assert [found.bounds(part)[0] for part in sections] == wanted
