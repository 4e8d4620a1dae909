"""Sheets of .xlsx, slides of .pptx, pages of OFD: their text in pieces, and what is said of them."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from ledger.company.documents import Document
from ledger.company.sealing.rendering import NotRendered, package, pieces
from ledger.company.sealing.rendering.ofd import render_ofd
from ledger.company.sealing.rendering.sheets import render_sheets
from ledger.evidence.parts import Cuts
from tests.renditions.conftest import Render, read

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
R = f'xmlns:r="{OFFICE}"'
HIDDEN = ' state="hidden"'
A = 'xmlns:a="a" xmlns:p="p"'


def packed(members: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


def rels(*targets: tuple[str, str]) -> str:
    each = (
        f'<Relationship Id="r{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{RELS}">{"".join(each)}</Relationships>'


def workbook(*sheets: str, strings: str = "", more: str = "", styles: str = "") -> bytes:
    """An .xlsx of these sheets' rows, the second and later ones hidden."""
    named = "".join(
        f'<sheet name="表{n}" r:id="r{n}"{HIDDEN if n > 1 else ""}/>'
        for n in range(1, len(sheets) + 1)
    )
    members = {
        "_rels/.rels": rels(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f"<workbook {R}>{more}<sheets>{named}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": rels(
            *(("worksheet", f"worksheets/s{n}.xml") for n in range(1, len(sheets) + 1)),
            ("sharedStrings", "/xl/strings.xml"),
            ("styles", "styles.xml"),
        ),
        "xl/strings.xml": f"<sst>{strings}</sst>",
        "xl/styles.xml": f"<styleSheet>{styles}</styleSheet>",
    }
    members |= {
        f"xl/worksheets/s{n}.xml": f"<worksheet><sheetData>{rows}</sheetData></worksheet>"
        for n, rows in enumerate(sheets, 1)
    }
    return packed(members)


STYLES = (
    '<numFmts><numFmt numFmtId="170" formatCode="yyyy&quot;年&quot;m月"/></numFmts>'
    '<fonts><font/><font><strike/></font></fonts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
    '<xf numFmtId="170"/><xf numFmtId="10"/><xf numFmtId="0" fontId="1"/></cellXfs>'
)
PRICES = workbook(
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>单价</t></is></c></row>'
    '<row r="4"><c r="A4" s="1"><v>46084</v></c><c r="B4" s="2"><v>46084.5</v></c>'
    '<c r="C4" s="3"><v>0.35</v></c><c r="D4"><v>9000.50</v></c><c r="E4" t="b"><v>1</v></c>'
    '<c r="F4" s="4"><v>12000</v></c><c r="G4"><f>1+1</f><v>2</v></c></row>',
    '<row r="2" hidden="1"><c r="B2" t="str"><v>底价&#10;二</v></c></row>',
    strings="<si><r><t>客</t></r><r><t>户</t></r><rPh><t>x</t></rPh></si>",
    styles=STYLES,
)


def parts(document: Document) -> dict[str, str]:
    """The text of each part."""
    data = read(document)
    cuts = Cuts(len(data), document.splitting.cuts)
    return {
        part.path: data[
            cuts.start(part.first - 1) : cuts.start(part.first - 1 + part.count)
        ].decode()
        for part in document.splitting.parts
    }


def remarks(document: Document) -> dict[str, int]:
    assert document.rendition is not None
    return {each.what: each.count for each in document.rendition.remarks}


def test_rows_have_the_numbers_of_the_sheet_and_values_as_people_read_them(render: Render) -> None:
    (text,) = render(PRICES, "报价.xlsx")
    assert text.name == "报价.xlsx.text/报价.txt"
    assert text.splitting.splitter == "xlsx"
    found = parts(text)
    assert found["sheet 1 of 2/row 1"] == "客户\t\t单价\n"
    assert found["sheet 1 of 2/row 4"] == (
        "2026-03-03\t2026-03-03 12:00:00\t35%\t9000.5\tTRUE\t~~12000~~\t2\n"
    )
    assert found["sheet 2 of 2"] == "[2] 表2\n\t底价 二\n"
    assert "sheet 1 of 2/row 2" not in found
    said = remarks(text)
    assert said == {
        "hidden-sheets": 1, "hidden-cells": 1, "struck": 1, "computed": 1, "stored-numbers": 1,
    }  # fmt: skip


def test_slides_have_their_title_and_paragraphs(render: Render) -> None:
    def shape(text: str, kind: str = "body", run: str = "") -> str:
        return (
            f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr><p:txBody>'
            f"<a:p><a:r>{run}<a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
        )

    def slide(*shapes: str, show: str = "1") -> str:
        tree = "".join(shapes)
        return f'<p:sld {A} show="{show}"><p:cSld><p:spTree>{tree}</p:spTree></p:cSld></p:sld>'

    cell = "<a:tc><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    table = (
        '<p:graphicFrame><a:graphic><a:graphicData uri="t"><a:tbl><a:tr>'
        f"{cell.format('A')}{cell.format('37 %')}</a:tr></a:tbl></a:graphicData></a:graphic>"
        "</p:graphicFrame><p:pic/>"
    )
    slides = [
        slide(shape("涂层配方", "title"), shape("旧价", run='<a:rPr strike="sngStrike"/>')),
        slide(),
        slide(table, show="0"),
    ]
    deck = packed(
        {
            "_rels/.rels": rels(("officeDocument", "ppt/presentation.xml")),
            "ppt/presentation.xml": f'<p:presentation {A} {R}><p:sldIdLst><p:sldId id="9" r:id="r2"/>'
            '<p:sldId id="8" r:id="r1"/><p:sldId id="7" r:id="r3"/></p:sldIdLst></p:presentation>',
            "ppt/_rels/presentation.xml.rels": rels(*(("slide", f"s{n}.xml") for n in (2, 1, 3))),
            **{f"ppt/s{n}.xml": each for n, each in enumerate(slides, 1)},
        }
    )
    (text,) = render(deck, "a.pptx")
    found = parts(text)
    assert found["slide 1 of 3"] == "[1] 涂层配方\n涂层配方\n~~旧价~~\n"
    assert found["slide 2 of 3"] == "[2]\n"
    assert found["slide 3 of 3/paragraph 1"] == "A\t37 %\n"
    assert {part.path: part.label for part in text.splitting.parts}["slide 1 of 3"] == "涂层配方"
    assert remarks(text) == {"struck": 1, "hidden-slides": 1, "pictures": 1}


OFD = 'xmlns:ofd="http://www.ofdspec.org/2016"'


def ofd(*pages: str) -> bytes:
    listed = "".join(
        f'<ofd:Page ID="{n}" BaseLoc="Pages/P{n}/Content.xml"/>' for n in range(len(pages))
    )
    return packed(
        {
            "OFD.xml": f"<ofd:OFD {OFD}><ofd:DocBody><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>"
            "<ofd:Signatures>x</ofd:Signatures></ofd:DocBody></ofd:OFD>",
            "Doc_0/Document.xml": f"<ofd:Document {OFD}><ofd:CommonData>"
            '<ofd:TemplatePage ID="7" BaseLoc="T/C.xml"/></ofd:CommonData>'
            f"<ofd:Pages>{listed}</ofd:Pages></ofd:Document>",
            "Doc_0/T/C.xml": f"<ofd:Page {OFD}>"
            f"<ofd:Content>{at(10, 10, '发票')}</ofd:Content></ofd:Page>",
            **{
                f"Doc_0/Pages/P{n}/Content.xml": f"<ofd:Page {OFD}>"
                f'<ofd:Template TemplateID="7"/><ofd:Content>{each}</ofd:Content></ofd:Page>'
                for n, each in enumerate(pages)
            },
        }
    )


def at(x: float, y: float, text: str) -> str:
    code = f'<ofd:TextCode X="0" Y="3">{text}</ofd:TextCode>'
    return f'<ofd:TextObject Boundary="{x} {y} 9 4">{code}</ofd:TextObject>'


def test_pages_of_ofd_are_read_line_by_line(render: Render) -> None:
    (text,) = render(ofd(at(40, 20, "单价") + at(10, 20.4, "名称") + at(10, 30, "12"), ""), "a.ofd")
    found = parts(text)
    assert found["page 1 of 2"] == "[1]\n发票\n名称 单价\n12\n"
    assert found["page 1 of 2/line 2"] == "名称 单价\n"
    assert found["page 2 of 2"] == "[2]\n发票\n"
    assert remarks(text) == {"seals": 1}


@pytest.mark.parametrize("name", ["a.xlsx", "a.pptx", "a.ofd"])
@pytest.mark.parametrize(
    "data",
    [b"", b"no zip", b"\xd0\xcf\x11\xe0" + bytes(99), packed({"a": "b"}), packed({"OFD.xml": "<x/>"}),
     packed({"_rels/.rels": "<", "OFD.xml": "<"})],
)  # fmt: skip
def test_what_is_not_what_it_is_called_is_a_reason(data: bytes, name: str, render: Render) -> None:
    with pytest.raises(NotRendered):
        render(data, name)


@pytest.mark.parametrize("name", ["xl/workbook.xml", "xl/strings.xml", "xl/worksheets/s1.xml"])
def test_entities_are_not_resolved(name: str, render: Render) -> None:
    data = workbook('<row><c t="s"><v>0</v></c></row>', strings="<si><t>y</t></si>")
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        members = {each: file.read(each).decode() for each in file.namelist()}
    members[name] = '<!DOCTYPE a [<!ENTITY b "x">]>' + members[name]
    with pytest.raises(NotRendered, match="declares a document type"):
        render(packed(members), "a.xlsx")


def test_what_is_too_much_is_given_up_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path
    (folder / "source").write_bytes(PRICES)
    monkeypatch.setattr(pieces, "MAX_LINES", 1)
    with pytest.raises(NotRendered, match="more than 1 lines"):
        render_sheets(folder / "source", folder)
    monkeypatch.setattr(package, "MAX_XML", 100)
    with pytest.raises(NotRendered, match="MiB of XML"):
        render_sheets(folder / "source", folder)
    (folder / "source").write_bytes(ofd("", ""))
    with pytest.raises(NotRendered, match="MiB of XML"):
        render_ofd(folder / "source", folder)
