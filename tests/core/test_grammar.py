"""Each form of a selector means one thing, on splittings as they are made."""

import re
from email.header import Header
from pathlib import Path

import pytest

from ledger.company.disclosing import grammar
from ledger.company.disclosing.contents import Contents
from ledger.company.disclosing.excess import check_excess
from ledger.company.disclosing.grammar import Clause, clause_at
from ledger.company.disclosing.selectors import Ambiguous, find, read, resolve, resolved
from ledger.company.splitters import lines, split
from ledger.errors import InvalidInput
from ledger.evidence.index import DocumentIndex
from ledger.evidence.manifest import Cover, Manifest
from ledger.evidence.parts import Cuts, Part, format_cuts
from ledger.evidence.records import Record
from tests.splitters.pieces import Memory


def deposit(*files: tuple[str, bytes]) -> Contents:
    """What is known of a deposit of these files."""
    records, entries = [], []
    for name, data in files:
        made = split(name, "", Memory(data))
        leaves = Cuts(len(data), made.cuts).count
        records.append(
            Record(
                name, len(data), 0, "", name, "", made.splitter, made.version, leaves,
                len(made.parts), 0, made.unsplit,
            )
        )  # fmt: skip
        entries.append(DocumentIndex(made.cuts, made.parts, b""))
    manifest = Manifest(bytes(32), bytes(32), Cover("t", ()), tuple(records), tuple(entries))
    return Contents(
        manifest, tuple(entries), lambda document, at, size: files[document][1][at : at + size]
    )


def letter(day: int, sender: str, subject: str, file: str = "", body: str = "") -> bytes:
    text = (
        f"From: {Header(sender, 'gb2312').encode()} <{sender.encode().hex()[:8]}@a.example>\n"
        f"To: Legal <legal@b.example>\nSubject: {Header(subject, 'utf-8').encode()}\n"
        f"Date: {day} Mar 2026 09:10:00 +0800\nMessage-ID: <2026.{day}@a.example>\n"
    )
    if not file:
        return f"{text}\n{body or 'agreed'} {day}\n".encode()
    name = Header(file, "gb2312").encode()
    return (
        f'{text}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\nsee the subject of {day}\n\n--b\n"
        "Content-Type: application/x\n"
        f'Content-Disposition: attachment; filename="{name}"\n\nxyz\n--b--\n'
    ).encode()


LONG = (
    "Request for quotation: LY-40 thin-film coating line, revised delivery schedule and penalties"
)
LETTERS = [
    letter(1, "周敏", "报价"),
    letter(2, "Brandt", LONG),
    letter(3, "李文", "Re: 报价"),
    letter(4, "周敏", "单价", "报价单3.xlsx"),
    letter(13, "李文", "Offer", "报价单13.xlsx"),
]
BOX = b"".join(b"From a@b Tue Mar  3 09:14:22 2026\n" + each + b"\n" for each in LETTERS)


@pytest.fixture
def box() -> Contents:
    return deposit(("letters.mbox", BOX))


def paths(contents: Contents, selector: str) -> list[str]:
    """What a selector means, as it is typed again."""
    return [contents.typed((target,)) for target in resolve(selector, contents)]


@pytest.mark.parametrize(
    "typed",
    [
        "2026-03-03",
        "2026年3月3日",
        "3月3日",
        "3 Mar 2026",
        "Mar 3, 2026",
        "2026/3/3",
        "２０２６年３月３日",
    ],
)
def test_a_date_means_the_letter_of_that_day_alone(box: Contents, typed: str) -> None:
    assert paths(box, typed) == ["message 3"]
    assert read(typed, box).by == grammar.DATE


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("4272616e@a.example", ["message 2"]),
        ("<4272616E@A.example>", ["message 2"]),
        ("2026.13@a.example", ["message 5"]),
        ("<2026.13@a.example>", ["message 5"]),
        ("Brandt", ["message 2"]),
        (LONG, ["message 2"]),
        (LONG.upper(), ["message 2"]),
        ("and penalties", ["message 2"]),
        ("报价", ["message 1"]),
        ("message 2/Subject", ["message 2/header/Subject"]),
        ("message 2/header Subject", ["message 2/header/Subject"]),
        ("messages 2-3/Subject", ["message 2/header/Subject", "message 3/header/Subject"]),
        ("message 4: 报价单3.xlsx", ["message 4/part 2"]),
        ("报价单3.xlsx", ["message 4/part 2"]),
        ("letters.mbox: message 4: 报价单3.xlsx", ["message 4/part 2"]),
        ("message 4: part 2", ["message 4/part 2"]),
        ("message 3: body", ["message 3/body"]),
        ("message 3:", ["message 3"]),
        ("message 4: the subject of", ["message 4/part 1/body"]),
        ("messages 2 to 4", ["message 2", "message 3", "message 4"]),
        ("message 2,4", ["message 2", "message 4"]),
        ("message 1, 3 and 5", ["message 1", "message 3", "message 5"]),
        ("第3封", ["message 3"]),
        ("第二封至第三封", ["message 2", "message 3"]),
        ("“message 3”", ["message 3"]),
        ("“message 2/Subject”", ["message 2/header/Subject"]),
    ],
)
def test_letters_are_named_as_people_name_them(box: Contents, typed: str, means: list[str]) -> None:
    assert paths(box, typed) == means


def test_an_address_that_no_letter_is_from_means_those_to_it(box: Contents) -> None:
    assert len(find("legal@b.example", box)) == 5


@pytest.mark.parametrize(
    "typed",
    ["Subject", "header Subject", "From", "Date", "header Bcc", "Bcc", "References", "5 Mar 2026",
     "2025-03-03", "a@nowhere.example", "message 9", "message 9/Subject", "message 1/Nothing",
     "messages 4 to 9", "第九封", "第三条", "page 1", "rows 1-2"],
)  # fmt: skip
def test_no_form_falls_back_to_a_search_in_the_text(typed: str) -> None:
    """The body says all of it; there is no field, no letter, no page and no clause of that name."""
    contents = deposit(
        ("a.mbox", b"From a@b Tue Mar  3 09:14:22 2026\nX-A: 1\n\n" + typed.encode())
    )
    assert find(typed, contents) == []
    with pytest.raises(InvalidInput, match="Nothing fits"):
        resolve(typed, contents)


@pytest.mark.parametrize(
    "typed", ["messages 4 to 9", "第九封", "message 6,7", "letters.mbox: message 9"]
)
def test_how_far_the_numbers_go_is_said(box: Contents, typed: str) -> None:
    with pytest.raises(InvalidInput, match="the last is “message 5”"):
        resolve(typed, box)


def test_a_field_word_means_the_fields_and_asks_which(box: Contents) -> None:
    with pytest.raises(Ambiguous) as refused:
        resolve("Subject", box)
    assert refused.value.count == 5
    assert refused.value.candidates[0][0] == "message 1/header/Subject"
    alone = deposit(("a.eml", LETTERS[0]))
    assert paths(alone, "Subject") == ["header/Subject"]
    assert read("“agreed”", alone).by == "words in the text"


def test_a_field_is_the_letters_own_not_that_of_one_inside(box: Contents) -> None:
    assert [paths(box, f"message {n}/From") for n in (1, 2)] == [
        ["message 1/header/From"],
        ["message 2/header/From"],
    ]


def test_what_a_subject_means_does_not_depend_on_its_length() -> None:
    for length in (10, 50, 53, 54, 60, 119, 120, 121, 400):
        subject = ("Offer " + "x" * length)[:length]
        other = subject[:-1] + "y"
        contents = deposit(("a.mbox", b"".join(
            b"From a@b Tue Mar  3 09:14:22 2026\n" + letter(1, "周敏", each) + b"\n"
            for each in (subject, other)
        )))  # fmt: skip
        assert paths(contents, subject) == ["message 1"]
        assert paths(contents, other) == ["message 2"]


# --- tables, code, contracts ---

TABLE = "客户,单价\n" + "".join(f"客户{n:03}有限公司,{9000 + n}\n" for n in range(200))
CONTRACT = """\
采购合同

第一条 范围
甲方采购。

第二条 价格
单价十二元。

另见附件。

第三条 期限
三年。

第十二条 保密
"""


def test_rows_and_lines_are_found_by_number_and_by_words() -> None:
    contents = deposit(("客户名单.csv", TABLE.encode("gb18030")))
    for typed in ("row 9", "第9行", "客户007", "9007"):
        assert paths(contents, typed) == ["row 9"]
    assert paths(contents, "rows 2,4-5") == ["row 2", "row 4", "row 5"]
    code = deposit(("main.c", b"int a;\n\nint secret(void);\n"))
    for typed in ("line 3", "第三行", "secret"):
        assert paths(code, typed) == ["line 3"]


def test_rows_of_a_sheet_are_numbered_in_it() -> None:
    data = b"[1] a\n1\n2\n[2] b\n1\n"
    parts = [("sheet 1 of 2", 1, 3), ("sheet 1 of 2/row 1", 2, 1), ("sheet 1 of 2/row 2", 3, 1),
             ("sheet 2 of 2", 4, 2), ("sheet 2 of 2/row 1", 5, 1)]  # fmt: skip
    entry = DocumentIndex(format_cuts([6, 2, 2, 6, 2]), tuple(Part(*each) for each in parts), b"")
    record = Record("a.txt", len(data), 0, "", "", "", "xlsx", 1, 5, 5, 0)
    manifest = Manifest(bytes(32), bytes(32), Cover("t", ()), (record,), (entry,))
    contents = Contents(manifest, (entry,), lambda _, at, size: data[at : at + size])
    assert paths(contents, "rows 1-2") == ["sheet 1/row 1", "sheet 1/row 2"]
    assert paths(contents, "第2行") == ["sheet 1/row 2"]
    assert paths(contents, "sheet 2/row 1") == ["sheet 2/row 1"]
    assert paths(contents, "sheet 2: row 1") == ["sheet 2/row 1"]
    assert len(find("row 1", contents)) == 2


@pytest.mark.parametrize("name", ["contract.txt", "contract.md", "contract.log"])
def test_a_clause_runs_to_the_next(name: str) -> None:
    contents = deposit((name, CONTRACT.encode()))
    for typed in ("第二条", "第2条", "第 2 条", "第二條"):
        group = resolve(typed, contents)
        said = b"".join(contents.content(target) for target in group).decode()
        assert said.strip().startswith("第二条 价格")
        assert "另见附件。" in said
        assert "第三条" not in said
    assert find("第十条", contents) == []
    english = deposit(("a.txt", b"Article 1 x\n\nArticle 1.1 y\n\nArticle 2 z\n\nArticle 12 w\n"))
    assert paths(english, "article 1") == ["paragraph 1", "paragraph 2"]
    assert paths(english, "Article 2") == ["paragraph 3"]


@pytest.mark.parametrize("name", ["list.json", "list.csv", "list.txt"])
def test_what_would_open_far_more_than_was_asked_stops_and_says_how_much(name: str) -> None:
    data = TABLE.encode()
    if name.endswith("json"):
        data = data.replace(b"\n", b" ")
    contents = deposit((name, data))
    for typed in ("客户007", "bytes 300-350"):
        found = resolved(typed, contents)
        if name.endswith("json"):
            with pytest.raises(InvalidInput, match=rf"{len(data):,} bytes.*--whole"):
                check_excess(typed, found, contents)
        else:
            check_excess(typed, found, contents)
            assert sum(contents.extent(target)[1] for target in found.groups[0]) < 100


def test_a_piece_of_a_name_is_not_all_of_the_document() -> None:
    contents = deposit(("客户名单.csv", b"a,b\nc,d\n"))
    for typed in ("客户", "客户名单", "“客户名单”"):
        with pytest.raises(InvalidInput, match="only some of the name"):
            check_excess(typed, resolved(typed, contents), contents)
    for typed in ("客户名单.csv", "document 1"):
        check_excess(typed, resolved(typed, contents), contents)


def test_rows_that_stand_together_in_a_block_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST", 4)
    contents = deposit(("a.csv", b"".join(b"%d,x\n" % n for n in range(1, 11))))
    found = resolved("row 10", contents)
    assert [contents.typed((target,)) for target in found.groups[0]] == ["rows 9-10"]
    with pytest.raises(InvalidInput, match="rows 9-10"):
        check_excess("row 10", found, contents)
    check_excess("rows 9-10", resolved("rows 9-10", contents), contents)
    assert find("row 11", contents) == []


def test_every_form_is_in_the_documentation_and_in_the_help() -> None:
    from click.testing import CliRunner

    from ledger.cli.company.disclose import disclose

    page = (Path(__file__).parents[2] / "docs/selectors.md").read_text()
    shown = CliRunner().invoke(disclose, ["--help"]).output
    order = [page.index(f"**{form.name}**") for form in grammar.FORMS]
    assert order == sorted(order)
    for form in grammar.FORMS:
        assert form.meaning in re.sub(r"\s+", " ", page)
        for example in form.examples:
            assert f"`{example}`" in page
        assert any(example in shown for example in form.examples)


@pytest.mark.parametrize(
    "text",
    ["第三条 丙", "[-第三条 丙-]", "{+第三条 丙+}", "~~第三条 丙~~", "【第三条】丙", "「第三条」",
     "合同第三条 丙", "**第三条** 丙", "§ 3 x", "article 3 x"],
)  # fmt: skip
def test_a_clause_begins_behind_marks_and_brackets_too(text: str) -> None:
    assert clause_at(text) == Clause(3, "3")


@pytest.mark.parametrize("text", ["依照第三条", "the article 3", "x 第三条", ""])
def test_a_clause_that_is_only_mentioned_begins_none(text: str) -> None:
    assert clause_at(text) is None
