"""A text of a .docx says what it leaves out: every character is in it, or counted."""

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE as RT
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml.parser import parse_xml
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.rendering.formulas import formula
from ledger.company.sealing.rendering.numerals import numeral
from ledger.company.sealing.rendering.text import render_text
from ledger.court.remarks import REMARKS, remark_names, remark_rest, remark_words, remarks_facts
from ledger.evidence.records import Rendition
from ledger.evidence.remarks import (
    MAX_NAME,
    MAX_NAMES,
    Remark,
    are_remarks,
    parse_remarks,
    remark_facts,
    remark_values,
)
from ledger.language import CHINESE, ENGLISH
from tests.renditions.conftest import Render, read
from tests.renditions.test_text import NAMESPACES, changed, data, paragraph

MORE = (
    NAMESPACES
    + ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    + ' xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
    + ' xmlns:v="urn:schemas-microsoft-com:vml"'
    + ' xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"'
    + ' xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
    + ' xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
    + ' xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
)
BY = 'w:id="1" w:author="对方律师 Li" w:date="2026-05-01T10:00:00Z"'
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"

Told = tuple[str, dict[str, Remark], str]


def element(xml: str) -> Any:
    return parse_xml(
        xml.replace(">", f" {MORE}>", 1) if "/>" not in xml.partition(">")[0] + ">" else xml
    )


def made(
    *xml: str, styles: str = "", numbering: str = "", change: Callable[[Any], None] | None = None
) -> bytes:
    """Return a .docx with these blocks, styles and numberings."""
    document = docx.Document()
    body = document.element.body
    for each in xml:
        body.insert_element_before(element(each), "w:sectPr")
    if styles:
        for style in element(f"<w:styles>{styles}</w:styles>"):
            document.styles.element.append(style)
    if numbering:
        root = document.part.numbering_part.element
        for each in list(root):
            root.remove(each)
        for each in element(f"<w:numbering>{numbering}</w:numbering>"):
            root.append(each)
    if change:
        change(document)
    return data(document)


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def p(*runs: str, mark: str = "", style: str = "") -> str:
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}<w:rPr>{mark}</w:rPr></w:pPr>{''.join(runs)}</w:p>"


def inserted(text: str) -> str:
    return f"<w:ins {BY}>{run(text)}</w:ins>"


def deleted(text: str) -> str:
    return f"<w:del {BY}><w:r><w:delText>{text}</w:delText></w:r></w:del>"


@pytest.fixture
def told(tmp_path: Path) -> Callable[[bytes], Told]:
    """Return what reads a .docx: its text, its remarks by word, and the text with marked changes."""

    def tell(content: bytes) -> Told:
        (tmp_path / "source").write_bytes(content)
        answer = render_text(tmp_path / "source", tmp_path)
        for file in answer["files"]:
            assert are_remarks(file["remarks"])
            assert {each[0] for each in file["remarks"]} <= set(REMARKS)
        remarks = {each.what: each for each in parse_remarks(answer["files"][0]["remarks"])}
        texts = [(tmp_path / str(n)).read_text() for n in range(1, len(answer["files"]) + 1)]
        assert [each["kind"] for each in answer["files"]] == ["text", "marked"][: len(texts)]
        return texts[0], remarks, texts[1] if len(texts) == 2 else ""

    return tell


def counts(remarks: dict[str, Remark]) -> dict[str, int]:
    return {what: each.count for what, each in remarks.items()}


# --- tracked changes ---


def test_tracked_changes_are_counted_by_whom_and_when_and_marked_in_a_second_text(
    told: Callable[[bytes], Told],
) -> None:
    gone, new = f"<w:del {BY}/>", f"<w:ins {BY}/>"
    text, remarks, marked = told(
        made(
            p(run("第一条 单价为每吨"), deleted("12,000"), inserted("9,500"), run("元。")),
            p(deleted("第三条 甲方承担保密义务五年。"), mark=gone),
            p(inserted("第四条 乙方可以转让本合同。"), mark=new),
            p(run("第五条 前半"), mark=gone),
            p(run("后半。")),
        )
    )
    assert (
        text == "第一条 单价为每吨9,500元。\n\n第四条 乙方可以转让本合同。\n\n第五条 前半后半。\n"
    )
    assert marked == (
        "第一条 单价为每吨[-12,000-]{+9,500+}元。\n\n"
        "[-第三条 甲方承担保密义务五年。¶-]\n\n"
        "{+第四条 乙方可以转让本合同。¶+}\n\n"
        "第五条 前半[-¶-]\n\n"
        "后半。\n"
    )
    when = (1_777_629_600, 1_777_629_600)
    assert remarks["insertions"] == Remark("insertions", 2, ("对方律师 Li",), 0, when)
    assert remarks["deletions"] == Remark("deletions", 3, ("对方律师 Li",), 0, when)


def test_the_marked_text_is_a_rendition_of_its_own(render: Render) -> None:
    content = made(p(run("Price: "), deleted("12,000"), inserted("9,500")))
    text, marked = render(content, "annex/contract.docx")
    assert (text.name, marked.name) == (
        "annex/contract.docx.text/contract.txt",
        "annex/contract.docx.marked/contract marked.txt",
    )
    assert read(marked).decode() == "Price: [-12,000-]{+9,500+}\n"
    assert text.rendition is not None
    assert marked.rendition is not None
    assert (text.rendition.kind, marked.rendition.kind) == ("text", "marked")
    assert [each.what for each in text.rendition.remarks] == ["deletions", "insertions"]
    assert [each.what for each in marked.rendition.remarks] == [
        "deletions-marked",
        "insertions-marked",
    ]
    assert [part.path for part in marked.splitting.parts] == ["paragraph 1 of 1"]


def test_moves_rows_and_formats_are_changes_too(told: Callable[[bytes], Told]) -> None:
    cell = "<w:tc>{}</w:tc>"
    row = f"<w:tr><w:trPr>{{}}</w:trPr>{cell.format(p(run('row {}')))}</w:tr>"
    text, remarks, marked = told(
        made(
            p(f"<w:moveFrom {BY}>{run('moved')}</w:moveFrom>", run("stays")),
            p(f"<w:moveTo {BY}>{run('moved')}</w:moveTo>"),
            p(run("bold", f"<w:b/><w:rPrChange {BY}><w:rPr/></w:rPrChange>")),
            "<w:tbl>"
            + row.format("", "kept")
            + row.format(f"<w:del {BY}/>", "deleted")
            + row.format(f"<w:ins {BY}/>", "new")
            + "</w:tbl>",
        )
    )
    assert text == "stays\n\nmoved\n\nbold\n\nrow kept\nrow new\n"
    assert counts(remarks) == {
        "moves": 1, "format-changes": 1, "deletions": 1, "insertions": 1
    }  # fmt: skip
    assert "[-moved-]stays" in marked
    assert "{+moved+}" in marked
    assert "row kept\n[-row deleted¶-]\n{+row new¶+}\n" in marked


def test_what_was_inserted_and_deleted_again_counts_as_both(told: Callable[[bytes], Told]) -> None:
    twice = f'<w:ins {BY}><w:del w:author="Wang">{run("x")}</w:del></w:ins>'
    text, remarks, marked = told(made(p(run("a"), twice, run("b"))))
    assert (text, marked) == ("ab\n", "a{+[-x-]+}b\n")
    assert remarks["deletions"] == Remark("deletions", 1, ("Wang",))
    assert counts(remarks) == {"insertions": 1, "deletions": 1}


# --- marks ---


def test_what_is_struck_through_is_marked(told: Callable[[bytes], Told]) -> None:
    styles = (
        '<w:style w:type="character" w:styleId="S"><w:rPr><w:strike/></w:rPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="P"><w:rPr><w:strike/></w:rPr></w:style>'
    )
    text, remarks, _ = told(
        made(
            p(
                run("每吨"),
                run("12,000", "<w:strike/>"),
                run("9,500元；"),
                run("不适用", "<w:dstrike/>"),
            ),
            p(
                run("by style", '<w:rStyle w:val="S"/>'),
                run(" no", '<w:rStyle w:val="S"/><w:strike w:val="0"/>'),
            ),
            # What two styles switch on is off (17.7.3).
            p(run("twice", '<w:rStyle w:val="S"/>'), run(" once"), style="P"),
            styles=styles,
        )
    )
    assert text == ("每吨~~12,000~~9,500元；~~不适用~~\n\n~~by style~~ no\n\ntwice ~~once~~\n")
    assert counts(remarks) == {"struck": 4}


def test_raised_and_lowered_characters_do_not_read_as_others(told: Callable[[bytes], Told]) -> None:
    above, below = ('<w:vertAlign w:val="superscript"/>', '<w:vertAlign w:val="subscript"/>')
    text, remarks, _ = told(
        made(
            p(run("10"), run("6", above), run(" 3×10"), run("-", above), run("3", above)),
            p(
                run("H"),
                run("2", below),
                run("O x"),
                run("max ", below),
                run("1"),
                run("st", above),
            ),
            p(run("5"), run("7", '<w:position w:val="12"/>')),
        )
    )
    assert text == "10⁶ 3×10⁻³\n\nH₂O x_(max) 1^(st)\n\n5⁷\n"
    assert counts(remarks) == {"raised": 6}


FORMULAS = {
    "<m:f><m:num>{1}</m:num><m:den>{2}</m:den></m:f>": "(1)/(2)",
    "<m:sSup><m:e>{2}</m:e><m:sup>{10}</m:sup></m:sSup>": "2¹⁰",
    "<m:sSub><m:e>{x}</m:e><m:sub>{i}</m:sub></m:sSub>": "x_(i)",
    "<m:sSubSup><m:e>{x}</m:e><m:sub>{1}</m:sub><m:sup>{2}</m:sup></m:sSubSup>": "x₁²",
    "<m:rad><m:deg/><m:e>{x}</m:e></m:rad>": "√(x)",
    "<m:rad><m:deg>{3}</m:deg><m:e>{x}</m:e></m:rad>": "³√(x)",
    '<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{i=1}</m:sub><m:sup>{n}</m:sup>'
    "<m:e>{i}</m:e></m:nary>": "∑_(i=1)^(n)(i)",
    "<m:d><m:e>{a}</m:e><m:e>{b}</m:e></m:d>": "(a|b)",
    '<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e>{a}</m:e></m:d>': "[a]",
    "<m:func><m:fName>{sin}</m:fName><m:e>{x}</m:e></m:func>": "sin(x)",
    "<m:limLow><m:e>{lim}</m:e><m:lim>{x→0}</m:lim></m:limLow>": "lim_(x→0)",
    "<m:m><m:mr><m:e>{a}</m:e><m:e>{b}</m:e></m:mr><m:mr><m:e>{c}</m:e><m:e>{d}</m:e></m:mr></m:m>":
        "[a, b; c, d]",
    "<m:eqArr><m:e>{x=1}</m:e><m:e>{y=2}</m:e></m:eqArr>": "x=1; y=2",
    "<m:acc><m:e>{x}</m:e></m:acc>": "x\u0302",
}  # fmt: skip


@pytest.mark.parametrize(("xml", "line"), FORMULAS.items())
def test_a_formula_is_written_in_a_line(xml: str, line: str) -> None:
    runs = re.sub(r"\{(.*?)\}", r"<m:r><m:t>\1</m:t></m:r>", xml)
    assert formula(element(f"<m:oMath>{runs}</m:oMath>"), lambda each: each.text or "") == line


def test_formulas_are_counted_where_they_stand(told: Callable[[bytes], Told]) -> None:
    half = "<m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
    text, remarks, _ = told(
        made(
            p(run("配比 "), f"<m:oMath>{half}</m:oMath>"),
            f"<m:oMathPara><m:oMath>{half}</m:oMath></m:oMathPara>",
        )
    )
    assert (text, counts(remarks)) == ("配比 (1)/(2)\n\n(1)/(2)\n", {"formulas": 2})


def form(state: str, instruction: str = "FORMCHECKBOX", result: str = "") -> str:
    return (
        f'<w:r><w:fldChar w:fldCharType="begin"><w:ffData>{state}</w:ffData></w:fldChar></w:r>'
        f"<w:r><w:instrText> {instruction} </w:instrText></w:r>"
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{result}'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


def test_boxes_are_ticked_or_not(told: Callable[[bytes], Told]) -> None:
    box = "<w:checkBox>{}</w:checkBox>"
    modern = (
        '<w:sdt><w:sdtPr><w14:checkbox><w14:checked w14:val="{}"/></w14:checkbox></w:sdtPr>'
        "<w:sdtContent><w:r>{}</w:r></w:sdtContent></w:sdt>"
    )
    text, remarks, _ = told(
        made(
            p(
                form(box.format('<w:default w:val="1"/>')), run("a "),
                form(box.format('<w:default w:val="1"/><w:checked w:val="0"/>')), run("b "),
                form(box.format("<w:checked/>")), run("c"),
            ),
            p(
                '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>', run("d "),
                '<w:r><w:sym w:font="Wingdings" w:char="F0A8"/></w:r>', run("e "),
                run("\uf052\uf0a3", '<w:rFonts w:ascii="Wingdings 2"/>'),
            ),
            p(modern.format(1, "<w:t>☒</w:t>"), modern.format(0, "<w:t/>"), modern.format(1, "<w:t/>")),
            p(
                form('<w:ddList><w:result w:val="1"/><w:listEntry w:val="北京"/>'
                     '<w:listEntry w:val="上海"/></w:ddList>', "FORMDROPDOWN")
            ),
        )
    )  # fmt: skip
    assert text == "☒a ☐b ☒c\n\n☒d ☐e ☒☐\n\n☒☐☒\n\n上海\n"
    assert counts(remarks) == {}


def test_symbols_are_read_or_counted(told: Callable[[bytes], Told]) -> None:
    text, remarks, _ = told(
        made(
            p(
                run("20 "), '<w:r><w:sym w:font="Symbol" w:char="F0B0"/></w:r>',
                run("m", '<w:rFonts w:ascii="Symbol"/>'), run("m"),
                '<w:r><w:sym w:font="Webdings" w:char="F0EE"/></w:r>',
            )
        )
    )  # fmt: skip
    assert text == "20 °μm\ufffd\n"
    assert remarks == {"symbols": Remark("symbols", 1, ("Webdings",))}


# --- numbers ---

NUMERALS: dict[str, dict[int, str | None]] = {
    "chineseCounting": {1: "一", 10: "十", 21: "二十一", 100: "一○○"},
    "chineseCountingThousand": {12: "十二", 101: "一百零一", 110: "一百一十", 10_000: "一万"},
    "chineseLegalSimplified": {1: "壹", 2: "贰", 10: "壹拾", 101: "壹佰零壹"},
    "ideographLegalTraditional": {2: "貳", 6: "陸"},
    "ideographTraditional": {1: "甲", 10: "癸", 11: "11"},
    "ideographZodiac": {1: "子", 12: "亥"},
    "ideographZodiacTraditional": {1: "甲子", 13: "丙子", 60: "癸亥"},
    "ideographDigital": {10: "一〇", 105: "一〇五"},
    "ideographEnclosedCircle": {1: "㈠", 10: "㈩"},
    "taiwaneseCounting": {11: "十一", 100: "一○○"},
    "taiwaneseCountingThousand": {10_000: "一萬"},
    "taiwaneseDigital": {10: "一○"},
    "japaneseCounting": {100: "百", 111: "百十一"},
    "japaneseLegal": {1: "壱", 2: "弐"},
    "decimalEnclosedCircle": {1: "①", 20: "⑳", 21: "21"},
    "decimalEnclosedCircleChinese": {10: "⑩"},
    "decimalEnclosedFullstop": {1: "⒈"},
    "decimalEnclosedParen": {1: "⑴"},
    "decimalFullWidth": {12: "１２"},
    "decimalZero": {1: "01", 10: "10"},
    "numberInDash": {1: "- 1 -"},
    "ordinal": {1: "1st", 12: "12th", 22: "22nd"},
    "ordinalText": {1: "First", 20: "Twentieth", 101: "One hundred first"},
    "cardinalText": {21: "Twenty-one"},
    "upperRoman": {4: "IV", 1999: "MCMXCIX"},
    "lowerLetter": {27: "aa"},
    "hex": {255: "FF"},
    "none": {1: ""},
    "hindiVowels": {1: None},
}


@pytest.mark.parametrize("kind", NUMERALS)
def test_numbers_are_written_as_word_writes_them(kind: str) -> None:
    assert {count: numeral(count, kind) for count in NUMERALS[kind]} == NUMERALS[kind]


@settings(max_examples=50)
@given(st.integers(1, 40_000), st.sampled_from(sorted(NUMERALS)))
def test_no_number_is_long(count: int, kind: str) -> None:
    assert len(numeral(count, kind) or "") < 60


def test_a_clause_keeps_its_number_and_an_unknown_format_is_said(
    told: Callable[[bytes], Told],
) -> None:
    def level(n: int, kind: str) -> str:
        return (
            f'<w:abstractNum w:abstractNumId="{n}"><w:lvl w:ilvl="0"><w:start w:val="1"/>{kind}'
            f'<w:lvlText w:val="第%1条"/></w:lvl></w:abstractNum>'
        )

    def clause(n: int, text: str) -> str:
        numbered = f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{n}"/></w:numPr>'
        return f"<w:p><w:pPr>{numbered}</w:pPr>{run(text)}</w:p>"

    kinds = ["chineseLegalSimplified", "ideographTraditional", "hindiVowels"]
    own = (
        '<mc:AlternateContent><mc:Choice Requires="w14"><w:numFmt w:val="custom" '
        'w:format="001, 002, 003, ..."/></mc:Choice><mc:Fallback><w:numFmt w:val="decimal"/>'
        "</mc:Fallback></mc:AlternateContent>"
    )
    every = [*(f'<w:numFmt w:val="{kind}"/>' for kind in kinds), own]
    numbering = "".join(level(n, kind) for n, kind in enumerate(every, 1)) + "".join(
        f'<w:num w:numId="{n}"><w:abstractNumId w:val="{n}"/></w:num>' for n in range(1, 5)
    )
    text, remarks, _ = told(made(*(clause(n, "x") for n in (1, 1, 2, 3, 4)), numbering=numbering))
    assert text.split("\n\n") == ["第壹条 x", "第贰条 x", "第甲条 x", "第[1]条 x", "第001条 x\n"]
    assert remarks == {"numbers": Remark("numbers", 1, ("hindiVowels",))}


# --- what is left out ---


def test_hidden_text_is_left_out_and_said_whatever_hides_it(told: Callable[[bytes], Told]) -> None:
    styles = (
        '<w:style w:type="character" w:styleId="H"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:type="character" w:styleId="H2"><w:basedOn w:val="H"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="HP"><w:rPr><w:vanish/></w:rPr></w:style>'
    )
    by = '<w:rStyle w:val="{}"/>'
    text, remarks, _ = told(
        made(
            p(
                run("可见"),
                run("直接", "<w:vanish/>"),
                run("样式", by.format("H2")),
                run("webHidden", "<w:webHidden/>"),
            ),
            p(run("段落样式"), style="HP"),
            p(run("此处显示", by.format("H") + '<w:vanish w:val="0"/>')),
            # The two styles together switch it on again (17.7.3).
            p(run("两次", by.format("H")), style="HP"),
            "<w:tbl><w:tr><w:trPr><w:hidden/></w:trPr><w:tc><w:p>"
            + run("row")
            + "</w:p></w:tc></w:tr></w:tbl>",
            p(run("白", '<w:color w:val="FFFFFF"/>'), run("小", '<w:sz w:val="2"/>')),
            styles=styles,
        )
    )
    assert text == "可见webHidden\n\n此处显示\n\n两次\n\n白小\n"
    assert counts(remarks) == {"hidden": 3, "faint": 1}


def around(document: Any) -> None:
    section = document.sections[0]
    section.header.paragraphs[0].text = "绝密 仅限甲方"
    section.footer.paragraphs[0].text = "page"
    document.add_comment(document.paragraphs[0].runs, "对方要求删除本条", author="法务")


def test_headers_footers_and_comments_are_said(told: Callable[[bytes], Told]) -> None:
    text, remarks, _ = told(made(p(run("乙方应保密。")), change=around))
    assert text == "乙方应保密。\n"
    assert counts(remarks) == {"headers": 1, "footers": 1, "comments": 1}
    assert remarks["comments"].names == ("法务",)
    assert remarks["comments"].when is not None


def test_text_that_no_reader_shows_is_said(told: Callable[[bytes], Told]) -> None:
    def stored(document: Any) -> None:
        xml = f"<w:glossaryDocument {MORE}>{paragraph('old')}{paragraph('')}</w:glossaryDocument>"
        uri = PackURI("/word/glossary/document.xml")
        part = Part(uri, f"{WORD}.document.glossary+xml", xml.encode(), document.part.package)
        document.part.relate_to(part, RT.GLOSSARY_DOCUMENT)

    assert counts(told(made(p(run("x")), change=stored))[1]) == {"stored": 1}


def test_files_that_are_no_text_are_not_read_as_one(told: Callable[[bytes], Told]) -> None:
    def printer(document: Any) -> None:
        uri = PackURI("/word/printerSettings/printerSettings1.bin")
        part = Part(uri, f"{WORD}.printerSettings", b"\x00\x01", document.part.package)
        document.part.relate_to(part, RT.PRINTER_SETTINGS)

    assert told(made(p(run("x")), change=printer))[:2] == ("x\n", {})


DRAWINGS = {
    "<w:drawing><pic:pic/></w:drawing>": "pictures",
    "<w:drawing><c:chart/></w:drawing>": "charts",
    "<w:drawing><dgm:relIds/></w:drawing>": "diagrams",
    "<w:drawing><wps:wsp/></w:drawing>": "drawings",
    "<w:pict><v:shape><v:imagedata/></v:shape></w:pict>": "pictures",
    "<w:pict><v:oval/></w:pict>": "drawings",
    "<w:object><v:shape><v:imagedata/></v:shape></w:object>": "objects",
    "<w:drawing><wps:wsp><w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent></wps:wsp>"
    "</w:drawing>": "text-boxes",
    "<w:fldSimple w:instr='PAGE'/>": "fields",
    "<w:pgNum/>": "fields",
    "<w:fldSimple w:instr='DATE'><w:r><w:t>today</w:t></w:r></w:fldSimple>": "results",
    "<w:ruby><w:rt><w:r><w:t>kan</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>漢</w:t></w:r></w:rubyBase></w:ruby>":
        "readings",
}  # fmt: skip


@pytest.mark.parametrize(("xml", "what"), DRAWINGS.items())
def test_what_is_no_text_is_counted(xml: str, what: str, told: Callable[[bytes], Told]) -> None:
    inner = xml if xml.startswith("<w:fldSimple") else f"<w:r>{xml}</w:r>"
    assert counts(told(made(p(run("text"), inner)))[1]) == {what: 1}


def test_what_is_deleted_is_not_left_out_again(told: Callable[[bytes], Told]) -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent>"
    picture = f"<w:r><w:drawing><pic:pic/><wps:wsp>{box}</wps:wsp></w:drawing></w:r>"
    text, remarks, _ = told(made(p(run("kept"), f"<w:del {BY}>{picture}{run('x')}</w:del>")))
    assert (text, counts(remarks)) == ("kept\n", {"deletions": 1})


def test_word_art_is_text(told: Callable[[bytes], Told]) -> None:
    art = '<w:pict><v:shape><v:textpath string="机密"/></v:shape></w:pict>'
    assert told(made(p(run("a "), f"<w:r>{art}</w:r>")))[:2] == ("a 机密\n", {})


def test_of_several_versions_one_is_shown_and_others_are_said(
    told: Callable[[bytes], Told],
) -> None:
    forms = (
        '<mc:AlternateContent><mc:Choice Requires="{}">{}</mc:Choice>'
        "<mc:Fallback>{}</mc:Fallback></mc:AlternateContent>"
    )
    text, remarks, _ = told(
        made(
            p(f"<w:r>{forms.format('wps', '<w:t>a</w:t>', '<w:t>b</w:t>')}</w:r>"),
            p(f"<w:r>{forms.format('strange', '<w:t>c</w:t>', '<w:t>d</w:t>')}</w:r>"),
            p(f"<w:r>{forms.format('wps', '<w:t>e</w:t>', '<w:t>e</w:t>')}</w:r>"),
            # Also where it holds whole paragraphs.
            forms.format("wps", p(run("f")), p(run("f"))).replace("<mc:Alt", "<mc:Alt", 1),
        )
    )
    assert text == "a\n\nd\n\ne\n\nf\n"
    assert counts(remarks) == {"versions": 2}


def test_instructions_are_not_text_and_a_field_without_an_end_hides_nothing(
    told: Callable[[bytes], Told],
) -> None:
    inner = form("", "MERGEFIELD x", run("nested"))
    begin = '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
    whole = (
        f'{begin}<w:r><w:instrText>IF </w:instrText></w:r>{inner}'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r>' + run("result")
        + '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )  # fmt: skip
    text, remarks, _ = told(made(p(whole), p(begin, run(" after"))))
    assert text == "result\n\nafter\n"
    assert remarks["results"].names[-1] == "IF"
    circled = form("", r"EQ \o\ac(○,1)")
    assert told(made(p(circled)))[0] == "{EQ \\o\\ac(○,1)}\n"


PLACES = ("{}", "<w:ins>{}</w:ins>", "<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>",
          "<w:smartTag>{}</w:smartTag>", "<w:hyperlink>{}</w:hyperlink>", "<w:strange>{}</w:strange>",
          "<w:bdo>{}</w:bdo>", "<w:customXml>{}</w:customXml>")  # fmt: skip
BLOCKS = ("{}", "<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>", "<w:customXml>{}</w:customXml>",
          "<w:tbl><w:tr><w:tc>{}</w:tc></w:tr></w:tbl>", "<w:strange>{}</w:strange>",
          "<w:tbl><w:tr><w:tc><w:tbl><w:tr><w:tc>{}</w:tc></w:tr></w:tbl></w:tc></w:tr></w:tbl>"
)  # fmt: skip


def test_every_character_is_in_the_text_or_counted(told: Callable[[bytes], Told]) -> None:
    every = [*product(BLOCKS, PLACES, ("", "<w:vanish/>"))]
    xml = (
        block.format(p(place.format(run(f"word{n}.", hidden))))
        for n, (block, place, hidden) in enumerate(every)
    )
    text, remarks, _ = told(made(*xml, p(run("end"))))
    for n, (_, _, hidden) in enumerate(every):
        assert (f"word{n}." in text) != bool(hidden)
    hidden_ones = sum(bool(hidden) for _, _, hidden in every)
    assert counts(remarks)["hidden"] == hidden_ones
    assert "unread" not in remarks


def test_text_in_a_place_that_is_not_read_is_counted(told: Callable[[bytes], Told]) -> None:
    second = "<w:body><w:p><w:r><w:t>second</w:t></w:r></w:p></w:body>"
    content = changed(
        made(p(run("first"))),
        lambda name, old: (
            old.replace(b"</w:document>", second.encode() + b"</w:document>")
            if name == "word/document.xml"
            else old
        ),
    )
    text, remarks, _ = told(content)
    assert (text, counts(remarks)) == ("first\n", {"unread": 1})


def test_where_all_was_deleted_there_is_only_the_marked_text(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(made(p(deleted("all"))))
    (file,) = render_text(tmp_path / "source", tmp_path)["files"]
    assert (file["kind"], (tmp_path / "1").read_text()) == ("marked", "[-all-]\n")
    (tmp_path / "source").write_bytes(made(p(run("hidden", "<w:vanish/>"))))
    with pytest.raises(NotRendered, match="no text"):
        render_text(tmp_path / "source", tmp_path)


# --- words ---


def test_every_remark_has_a_sentence_in_both_languages_and_stands_in_the_document() -> None:
    table = re.findall(
        r"^\| ((?:`[a-z-]+`(?:, )?)+) \| ", Path("docs/formats.md").read_text(), re.M
    )
    words = {word for row in table for word in re.findall(r"`([a-z-]+)`", row)}
    assert set(REMARKS) <= words
    for what in REMARKS:
        for count in (1, 2_000):
            said = remark_facts(Remark(what, count, ("“Li”. Nothing is left out",), 0, (0, 60)))
            english, chinese = (remark_words(said, each) for each in (ENGLISH, CHINESE))
            counted = "1 " if count == 1 else "2,000"
            assert (counted in english) == ("{count:,}" in REMARKS[what])
            assert "Li" not in english + chinese
            assert re.search("[\u4e00-\u9fff]", chinese)
            assert remark_names(said)[0].text == "“Li”. Nothing is left out"


def test_an_unknown_remark_is_shown_as_words_of_other_software() -> None:
    said = remark_facts(Remark("nothing-left-out", 3, ("x",), 0))
    assert str(remark_words(said, ENGLISH)) == "3 × what other software calls"
    assert [each.text for each in remark_names(said)] == ["nothing-left-out", "x"]
    facts = list(remarks_facts([said], CHINESE))
    assert [str(each.value) for each in facts][1:] == ["“nothing-left-out”", "“x”"]


def test_when_is_said_in_the_originals_own_time() -> None:
    said = remark_facts(Remark("comments", 9, tuple("abcdefgh"), 2, (1_767_348_000, 1_767_434_400)))
    assert remark_rest(said, ENGLISH) == (
        "and 2 more, 2026-01-02 10:00 to 2026-01-03 10:00 by the original's own clock"
    )


NO_REMARKS = [
    ["struck", 1, [], 0, None],
    [["Nothing is left out.", 1, [], 0, None]],
    [["struck", 0, [], 0, None]],
    [["struck", True, [], 0, None]],
    [["struck", 1, [""], 0, None]],
    [["struck", 1, ["a", "a"], 0, None]],
    [["struck", 1, ["a"], 1, None]],
    [["struck", 1, ["a" * (MAX_NAME + 1)], 0, None]],
    [["struck", 1, [str(n) for n in range(MAX_NAMES + 1)], 0, None]],
    [["struck", 1, [], 0, [2, 1]]],
    [["struck", 1, [], 0, [0, 253_402_300_800]]],
    [["struck", 1, [], 0]],
    [["struck", 1, [], 0, None], ["struck", 2, [], 0, None]],
    [[f"word-{chr(97 + n // 26)}{chr(97 + n % 26)}", 1, [], 0, None] for n in range(65)],
]


@pytest.mark.parametrize("values", NO_REMARKS)
def test_what_is_no_remark_is_refused(values: Any) -> None:
    assert not are_remarks(values)


NAMES = st.lists(st.text(min_size=1, max_size=30), max_size=MAX_NAMES, unique=True).map(tuple)


@settings(max_examples=30)
@given(st.lists(st.builds(Remark, st.sampled_from(sorted(REMARKS)), st.integers(1, 2**40), NAMES),
                unique_by=lambda each: each.what, max_size=8))  # fmt: skip
def test_remarks_are_read_as_they_were_written(remarks: list[Remark]) -> None:
    values = remark_values(remarks)
    assert are_remarks(values)
    assert parse_remarks(values) == tuple(remarks)
    made = Rendition(0, "text", 1, 1, tuple(remarks))
    assert Rendition.parse(made.value) == made


def test_a_file_cannot_make_a_remark_grow(told: Callable[[bytes], Told]) -> None:
    many = [
        f'<w:ins w:author="{n}{"律" * 200}" w:date="9999-99-99">{run("x")}</w:ins>'
        for n in range(40)
    ]
    remark = told(made(p(*many)))[1]["insertions"]
    assert (remark.count, len(remark.names), remark.more, remark.when) == (40, 8, 32, None)
