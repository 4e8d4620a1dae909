"""The text of a .docx: in order, with what a reader sees and without what was struck out."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import docx
import pytest
from docx.oxml.parser import parse_xml
from hypothesis import given
from hypothesis import strategies as st

from ledger.company.documents import Document
from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.renditions import parse_parts
from ledger.evidence.parts import Cuts, Splitting
from ledger.evidence.records import Rendition
from tests.renditions.conftest import Render, read

NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
)


def data(document: Any) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def body(*xml: str) -> bytes:
    """Return a .docx with this content."""
    document = docx.Document()
    for each in xml:
        element = parse_xml(each.replace(">", f" {NAMESPACES}>", 1))
        document.element.body.insert_element_before(element, "w:sectPr")
    return data(document)


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def changed(original: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """Return a package whose members went through `change`."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for name in old.namelist():
            if (content := change(name, old.read(name))) is not None:
                new.writestr(name, content)
    return out.getvalue()


def part_texts(document: Document) -> dict[str, str]:
    """Return what each part holds."""
    content = read(document)
    cuts = Cuts(len(content), document.splitting.cuts)
    return {
        part.path: content[
            cuts.start(part.first - 1) : cuts.start(part.first + part.count - 1)
        ].decode()
        for part in document.splitting.parts
    }


@pytest.fixture
def text(render: Render) -> Callable[[bytes], str]:
    return lambda data: read(render(data, "minutes.docx")[0]).decode()


@pytest.fixture
def contract() -> bytes:
    document = docx.Document()
    document.add_heading("技术秘密许可合同", 0)
    document.add_heading("1 定义 Definitions", 1)
    document.add_paragraph("商业秘密是指烧结制度。")
    document.add_heading("1.1 Scope", 2)
    table = document.add_table(2, 2)
    for row, cells in zip(table.rows, [("温度", "1180 °C"), ("time", "3 h\nat most")], strict=True):
        for cell, words in zip(row.cells, cells, strict=True):
            cell.text = words
    document.add_paragraph("")
    document.add_heading("2 Term", 1)
    document.add_paragraph("Five\tyears.\nNo more.")
    return data(document)


def test_headings_paragraphs_and_tables_stand_in_order(
    contract: bytes, text: Callable[[bytes], str]
) -> None:
    assert text(contract) == (
        "技术秘密许可合同\n\n"
        "1 定义 Definitions\n\n"
        "商业秘密是指烧结制度。\n\n"
        "1.1 Scope\n\n"
        "温度\t1180 °C\ntime\t3 h at most\n\n"
        "2 Term\n\n"
        "Five\tyears.\nNo more.\n"
    )


def test_parts_are_what_a_person_would_point_at(contract: bytes, render: Render) -> None:
    (made,) = render(contract, "合同/contract.DOCX")
    assert made.name == "合同/contract.DOCX.text/contract.txt"
    assert made.rendition == Rendition(0, "text", 1, 1)
    assert made.media_type == "text/plain; charset=utf-8"
    assert made.tool.startswith("python-docx 1")
    assert (made.splitting.splitter, made.splitting.version) == ("docx", 1)
    assert part_texts(made) == {
        "paragraph 1 of 6": "技术秘密许可合同\n\n",
        "section 1 of 3": (
            "1 定义 Definitions\n\n商业秘密是指烧结制度。\n\n1.1 Scope\n\n"
            "温度\t1180 °C\ntime\t3 h at most\n\n"
        ),
        "paragraph 2 of 6": "1 定义 Definitions\n\n",
        "paragraph 3 of 6": "商业秘密是指烧结制度。\n\n",
        "section 2 of 3": "1.1 Scope\n\n温度\t1180 °C\ntime\t3 h at most\n\n",
        "paragraph 4 of 6": "1.1 Scope\n\n",
        "table 1 of 1": "温度\t1180 °C\ntime\t3 h at most\n\n",
        "table 1 of 1/row 1": "温度\t1180 °C\n",
        "table 1 of 1/row 2": "time\t3 h at most\n\n",
        "section 3 of 3": "2 Term\n\nFive\tyears.\nNo more.\n",
        "paragraph 5 of 6": "2 Term\n\n",
        "paragraph 6 of 6": "Five\tyears.\nNo more.\n",
    }
    labels = {part.path: part.label for part in made.splitting.parts}
    assert labels["section 2 of 3"] == "1.1 Scope"
    assert labels["paragraph 6 of 6"] == "Five years. No more."


def test_the_same_file_gives_the_same_text_and_parts(contract: bytes, render: Render) -> None:
    (first,), (second,) = (render(contract, name) for name in ("a.docx", "b.docx"))
    assert (read(first), first.splitting) == (read(second), second.splitting)


def test_a_long_paragraph_is_one_part_of_several_leaves(render: Render) -> None:
    document = docx.Document()
    document.add_paragraph("先")
    document.add_paragraph("烧结" * 20_000)
    (made,) = render(data(document), "a.docx")
    assert part_texts(made)["paragraph 2 of 2"] == "烧结" * 20_000 + "\n"
    assert len(made.splitting.parts[1].label) <= 120


def test_tracked_changes_are_taken_as_accepted(text: Callable[[bytes], str]) -> None:
    assert (
        text(
            body(
                '<w:p><w:r><w:t>The fee is </w:t></w:r><w:del w:id="1"><w:r><w:delText>12</w:delText>'
                '</w:r></w:del><w:ins w:id="2"><w:r><w:t>20</w:t></w:r></w:ins></w:p>',
                '<w:p><w:moveFrom w:id="3"><w:r><w:t>moved away</w:t></w:r></w:moveFrom></w:p>',
                '<w:tbl><w:tr><w:trPr><w:del w:id="4"/></w:trPr><w:tc><w:p/></w:tc></w:tr></w:tbl>',
            )
        )
        == "The fee is 20\n"
    )


def test_hidden_text_is_left_out(text: Callable[[bytes], str]) -> None:
    shown = '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>shown</w:t></w:r>'
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
    assert text(body(f"<w:p>{shown}{hidden}</w:p>")) == "shown\n"


def test_what_stands_in_content_controls_links_and_formulas_is_read(
    text: Callable[[bytes], str],
) -> None:
    assert (
        text(
            body(
                f"<w:sdt><w:sdtContent>{paragraph('in a control')}</w:sdtContent></w:sdt>",
                "<w:p><w:hyperlink><w:r><w:t>a link</w:t></w:r></w:hyperlink>"
                '<w:fldSimple w:instr="PAGE"><w:r><w:t> and a field</w:t></w:r></w:fldSimple>'
                "<w:r><w:instrText>HIDDEN CODE</w:instrText></w:r></w:p>",
                "<w:p><m:oMath><m:r><m:t>E=mc²</m:t></m:r></m:oMath></w:p>",
                "<w:tbl><w:tr><w:sdt><w:sdtContent><w:tc>"
                f"{paragraph('a cell')}</w:tc></w:sdtContent></w:sdt></w:tr></w:tbl>",
            )
        )
        == "in a control\n\na link and a field\n\nE=mc²\n\na cell\n"
    )


def test_the_text_of_a_text_box_follows_once(text: Callable[[bytes], str]) -> None:
    box = f"<w:txbxContent>{paragraph('boxed')}</w:txbxContent>"
    assert (
        text(
            body(
                "<w:p><w:r><mc:AlternateContent>"
                f"<mc:Choice Requires='wps'><w:drawing>{box}</w:drawing></mc:Choice>"
                f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback>"
                "</mc:AlternateContent></w:r><w:r><w:t>anchor</w:t></w:r></w:p>"
            )
        )
        == "anchor\n\nboxed\n"
    )


def test_a_table_in_a_cell_becomes_text_of_the_cell(render: Render) -> None:
    document = docx.Document()
    outer = document.add_table(1, 2)
    outer.cell(0, 0).text = "outer"
    outer.cell(0, 1).text = "before"
    inner = outer.cell(0, 1).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "x", "y"
    (made,) = render(data(document), "a.docx")
    assert part_texts(made) == dict.fromkeys(
        ("table 1 of 1", "table 1 of 1/row 1"), "outer\tbefore x y\n"
    )


def test_footnotes_stand_at_the_end(text: Callable[[bytes], str]) -> None:
    original = body(
        '<w:p><w:r><w:t>Claim</w:t></w:r><w:r><w:footnoteReference w:id="7"/></w:r></w:p>',
        paragraph("Next"),
    )
    note = f'<w:footnote w:id="7">{paragraph("Proof")}</w:footnote>'
    notes = f"<w:footnotes {NAMESPACES}>{note}</w:footnotes>"
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    relation = f'<Relationship Id="rId99" Type="{kind}" Target="footnotes.xml"/></Relationships>'
    content_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    override = f'<Override PartName="/word/footnotes.xml" ContentType="{content_type}"/></Types>'

    def change(name: str, content: bytes) -> bytes:
        if name == "word/_rels/document.xml.rels":
            return content.replace(b"</Relationships>", relation.encode())
        return content.replace(b"</Types>", override.encode())

    package = io.BytesIO(changed(original, change))
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr("word/footnotes.xml", notes)
    assert text(package.getvalue()) == "Claim[1]\n\nNext\n\n[1] Proof\n"


def test_headings_are_told_by_their_level_whatever_the_style_is_called(render: Render) -> None:
    document = docx.Document()
    style = document.styles.add_style("条款", 1)
    style.base_style = document.styles["Heading 2"]
    document.add_paragraph("第一条", "条款")
    document.add_paragraph("text")
    outline = '<w:p><w:pPr><w:outlineLvl w:val="0"/></w:pPr><w:r><w:t>Annex</w:t></w:r></w:p>'
    element = parse_xml(outline.replace(">", f" {NAMESPACES}>", 1))
    document.element.body.insert_element_before(element, "w:sectPr")
    (made,) = render(data(document), "a.docx")
    parts = part_texts(made)
    assert parts["section 1 of 2"] == "第一条\n\ntext\n\n"
    assert parts["section 2 of 2"] == "Annex\n"


def numbered(*levels: tuple[str, str, str], items: list[tuple[int, str]]) -> bytes:
    """Return a .docx whose list has these levels (start, format, pattern) and items (level, text)."""
    document = docx.Document()
    xml = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="{start}"/><w:numFmt w:val="{kind}"/>'
        f'<w:lvlText w:val="{pattern}"/></w:lvl>'
        for at, (start, kind, pattern) in enumerate(levels)
    )
    numbering = document.part.numbering_part.element
    for element in list(numbering):
        numbering.remove(element)
    numbering.append(
        parse_xml(f'<w:abstractNum {NAMESPACES} w:abstractNumId="5">{xml}</w:abstractNum>')
    )
    override = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'
    for number, inside in ((7, ""), (8, override)):
        kind = '<w:abstractNumId w:val="5"/>'
        numbering.append(
            parse_xml(f'<w:num {NAMESPACES} w:numId="{number}">{kind}{inside}</w:num>')
        )
    for place, words in items:
        # Levels from 100 on: of the second numbering, which starts anew.
        number, level = 7 + place // 100, place % 100
        xml = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
        properties = document.add_paragraph(words)._p.get_or_add_pPr()
        properties.append(parse_xml(xml.replace(">", f" {NAMESPACES}>", 1)))
    return data(document)


def test_clauses_have_the_numbers_that_word_shows(text: Callable[[bytes], str]) -> None:
    found = text(
        numbered(
            ("1", "chineseCountingThousand", "第%1条"),
            ("1", "decimal", "%1.%2"),
            ("3", "lowerLetter", "(%3)"),
            items=[
                (0, "甲"),
                (1, "a"),
                (1, "b"),
                (2, "x"),
                (2, "y"),
                (0, "乙"),
                (1, "c"),
                (2, "z"),
            ],
        )
    )
    numbers = [line.split(" ")[0] for line in found.split("\n\n")]
    assert numbers == ["第一条", "一.1", "一.2", "(c)", "(d)", "第二条", "二.1", "(c)"]


def test_a_numbering_may_start_anew(text: Callable[[bytes], str]) -> None:
    level = ("1", "upperRoman", "%1.")
    items = [(0, "a"), (0, "b"), (0, "c"), (0, "d"), (100, "e"), (100, "f")]
    numbers = [line.split(" ")[0] for line in text(numbered(level, items=items)).split("\n\n")]
    assert numbers == ["I.", "II.", "III.", "IV.", "I.", "II."]


@pytest.mark.parametrize(
    ("start", "kind", "shown"),
    [
        ("10", "chineseCounting", "十"),
        ("15", "chineseCounting", "十五"),
        ("105", "chineseCountingThousand", "一百零五"),
        ("110", "chineseCountingThousand", "一百一十"),
        ("2020", "chineseCounting", "二○二○"),
        ("1994", "lowerRoman", "mcmxciv"),
        ("28", "upperLetter", "BB"),
        ("7", "decimalZero", "07"),
        ("999999999", "lowerLetter", "999999999"),
        ("3", "unheard-of", "[3]"),
        ("3", "bullet", "•"),
    ],
)
def test_numbers_are_written_as_the_level_says(
    start: str, kind: str, shown: str, text: Callable[[bytes], str]
) -> None:
    assert text(numbered((start, kind, "%1"), items=[(0, "item")])) == f"{shown} item\n"


def test_a_style_numbers_its_paragraphs(text: Callable[[bytes], str]) -> None:
    document = docx.Document()
    document.add_paragraph("first", "List Number")
    document.add_paragraph("between")
    document.add_paragraph("second", "List Number")
    document.add_paragraph("third", "List Bullet")
    assert text(data(document)) == "1. first\n\nbetween\n\n2. second\n\n• third\n"


DOCTYPE = b"<?xml version='1.0'?><!DOCTYPE w:document [%s]>"


def with_doctype(entities: bytes, use: bytes) -> bytes:
    def change(name: str, content: bytes) -> bytes:
        if name != "word/document.xml":
            return content
        return DOCTYPE % entities + content[content.index(b"<w:document") :].replace(b"HERE", use)

    return changed(body(paragraph("before HERE after")), change)


def _external() -> bytes:
    return with_doctype(b'<!ENTITY x SYSTEM "file:///etc/passwd">', b"&x;")


def _laughs() -> bytes:
    entities = b'<!ENTITY a0 "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (k, b"&a%d;" % (k - 1) * 10) for k in range(1, 20)
    )
    return with_doctype(entities, b"&a19;")


def _bomb(name: str, size: int) -> bytes:
    out = io.BytesIO(body(paragraph("text")))
    with (
        zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w") as file,
    ):
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    return out.getvalue()


def _deep() -> bytes:
    return changed(
        body(paragraph("HERE")),
        lambda name, content: content.replace(b"HERE", b"<w:r>" * 10**5 + b"</w:r>" * 10**5),
    )


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "not a .docx"),
    "another zip": (lambda: _zip("a.txt"), "not a .docx"),
    "encrypted or .doc": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 99, "encrypted"),
    "no text": (lambda: body(paragraph("")), "no text"),
    "cut short": (lambda: body(paragraph("text"))[:-200], "not a .docx"),
    "100 MiB of XML": (lambda: _bomb("word/more.xml", 100 << 20), "64 MiB of XML"),
    "300 MiB of pictures": (lambda: _bomb("word/media/a.png", 300 << 20), "256 MiB"),
    "20,000 files": (lambda: _zip(*map(str, range(20_000))), "10,000 files"),
    "XML nested 100,000 deep": (_deep, ""),
    "entities from elsewhere": (_external, "declares a document type"),
    "entities that multiply": (_laughs, ""),
    "another file taken in": (
        lambda: body(paragraph("text"), "<w:altChunk></w:altChunk>"),
        "takes in another file",
    ),
    "100,001 paragraphs": (
        lambda: changed(
            body(paragraph("HERE")),
            lambda name, content: content.replace(
                paragraph("HERE").encode(), paragraph("x").encode() * 100_001
            ),
        ),
        "100,000 paragraphs",
    ),
}


def _zip(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return out.getvalue()


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_that_is_no_docx_or_means_harm_is_a_reason(kind: str, render: Render) -> None:
    make, reason = REFUSED[kind]
    with pytest.raises(NotRendered, match=reason or "."):
        render(make(), "a.docx")
    assert len(render(body(paragraph("next")), "b.docx")) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 25) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=5),
)
PART = st.tuples(st.integers(-1, 21), st.integers(-1, 21), st.text(max_size=3), st.text())


@given(JSON | st.lists(PART.map(list), max_size=6))
def test_a_child_that_lies_gives_parts_that_fit_or_none(parts: object) -> None:
    try:
        splitting = parse_parts(("docx", 1), parts, 20)
    except NotRendered:
        return
    leaves = Cuts(20, splitting.cuts).count
    assert splitting == Splitting() or splitting.parts
    ends = [leaves]
    for part in splitting.parts:
        while len(ends) > 1 and part.first > ends[-1]:
            ends.pop()
        assert 1 <= part.first <= part.first + part.count - 1 <= ends[-1]
        ends.append(part.first + part.count - 1)
    assert len({part.path for part in splitting.parts}) == len(splitting.parts)
