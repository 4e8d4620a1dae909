"""Pages of a PDF: what is drawn stays, what belongs to other pages does not come along."""

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pypdf
import pytest
from pikepdf import (
    Array,
    Dictionary,
    Encryption,
    Name,
    Object,
    ObjectStreamMode,
    OutlineItem,
    Pdf,
    StreamDecodeLevel,
    String,
)

from examples import make_dossier
from ledger.company.documents import Document
from ledger.company.sealing.rendering import NotRendered
from ledger.company.sealing.renditions import Renderer
from ledger.company.sealing.sources import open_source
from ledger.evidence.records import Rendition
from ledger.evidence.remarks import Remark
from tests.renditions import pdfs
from tests.renditions.conftest import Render, read


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dossier")
    make_dossier.main(folder)
    return folder / "contract.pdf"


def texts(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def everything(page: Document) -> bytes:
    """Return all that is in a page's PDF, unpacked."""
    out = io.BytesIO()
    with Pdf.open(io.BytesIO(read(page))) as pdf:
        pdf.save(
            out,
            compress_streams=False,
            stream_decode_level=StreamDecodeLevel.all,
            object_stream_mode=ObjectStreamMode.disable,
        )
    return out.getvalue()


def test_every_page_says_what_it_said_in_the_whole(contract: Path, render: Render) -> None:
    pages = render(contract.read_bytes())
    assert [texts(read(page)) for page in pages] == [
        [each] for each in texts(contract.read_bytes())
    ]
    assert "商业秘密" in texts(read(pages[1]))[0]


@pytest.mark.skipif(not shutil.which("pdftoppm"), reason="needs poppler")
def test_every_page_looks_as_it_did(contract: Path, render: Render, tmp_path: Path) -> None:
    def pixels(path: Path, page: int) -> bytes:
        command = ["pdftoppm", "-r", "60", "-f", str(page), "-l", str(page), str(path)]
        return subprocess.run(command, capture_output=True, check=True).stdout

    for number, page in enumerate(render(contract.read_bytes()), 1):
        path = tmp_path / "page.pdf"
        path.write_bytes(read(page))
        assert pixels(path, 1) == pixels(contract, number) != b""


def test_pages_are_documents_that_state_their_origin_and_position(render: Render) -> None:
    pages = render(pdfs.data(pdfs.new("one", "two")), "合同/contract.pdf")
    assert [page.name for page in pages] == [
        "合同/contract.pdf.pages/page 001.pdf",
        "合同/contract.pdf.pages/page 002.pdf",
    ]
    assert [page.rendition for page in pages] == [
        Rendition(0, "page", 1, 2),
        Rendition(0, "page", 2, 2),
    ]
    assert {page.media_type for page in pages} == {"application/pdf"}
    assert all(page.tool.startswith("pikepdf 1") and "qpdf" in page.tool for page in pages)
    assert all((page.modified, page.origin) == (None, "") for page in pages)


def test_the_same_pdf_gives_the_same_bytes(contract: Path, tmp_path: Path) -> None:
    found = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with Renderer(tmp_path / name, []) as renderer:
            pages = renderer.render(Document(open_source(contract), "a.pdf"), 0)
            found.append([read(page) for page in pages])
    assert found[0] == found[1]


def test_a_page_does_not_bring_along_the_pictures_of_another(render: Render) -> None:
    pdf = pdfs.new("one", "two")
    inner = pdfs.form(pdf, b"(SECRET inner) Tj")
    shared = Dictionary(
        Font=pdf.pages[0].obj.Resources.Font,
        XObject=Dictionary(
            Own=pdfs.form(pdf, b"(own) Tj"), Other=pdfs.form(pdf, b"(SECRET other) Tj")
        ),
        Pattern=Dictionary(P=pdfs.form(pdf, b"(SECRET pattern) Tj", PatternType=1)),
        Properties=Dictionary(M=Dictionary(ActualText=String("SECRET words"))),
    )
    # Forms that carry the document's resources, too, and one that has none and uses the page's.
    shared.XObject.Nested = pdfs.form(pdf, b"/In Do", Resources=Dictionary(dict(shared)))
    shared.XObject.Nested.Resources.XObject = Dictionary(
        In=pdfs.form(pdf, b"(inside) Tj"), Out=inner
    )
    shared.XObject.Bare = pdfs.form(pdf, b"/Named Do")
    shared.XObject.Named = pdfs.form(pdf, b"(named) Tj")
    for page in pdf.pages:
        page.obj.Resources = pdf.make_indirect(shared)
    pdf.pages[0].obj.Contents = pdf.make_stream(b"/F1 9 Tf /Own Do /Nested Do /Bare Do")
    pdf.pages[1].obj.Contents = pdf.make_stream(b"/Other Do /Pattern cs /P scn")
    first, second = map(everything, render(pdfs.data(pdf)))
    assert b"SECRET" not in first
    assert all(word in first for word in (b"(own)", b"(inside)", b"(named)", b"Helvetica"))
    assert b"SECRET other" in second
    assert b"SECRET pattern" in second
    assert b"(own)" not in second


def test_a_page_shows_its_form_fields_and_not_those_of_others(render: Render) -> None:
    pdf = pdfs.new("one", "two")
    parent = pdf.make_indirect(Dictionary(T=String("all"), Kids=Array()))
    for page, value in enumerate([b"price 12", b"SECRET price"]):
        parent.Kids.append(pdfs.add_field(pdf, page, parent, value))
    pdf.Root.AcroForm = Dictionary(Fields=Array([parent]))
    first, second = map(everything, render(pdfs.data(pdf)))
    assert b"price 12" in first
    assert b"SECRET" not in first
    assert b"SECRET price" in second


def test_nothing_that_is_not_drawn_comes_along(render: Render) -> None:
    pdf = pdfs.new("one")
    page = pdf.pages[0].obj
    script = Dictionary(S=Name.JavaScript, JS=String("SECRET()"))
    pdf.Root.OpenAction = script
    pdf.attachments["SECRET.txt"] = b"SECRET file"
    pdf.docinfo["/Author"] = "SECRET author"
    page.AA = Dictionary(O=script)
    page.Metadata = pdf.make_stream(b"SECRET")
    page.PieceInfo = Dictionary(Illustrator=Dictionary(Private=pdf.make_stream(b"SECRET")))
    page.Thumb = pdf.make_stream(b"SECRET")
    link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[0, 0, 9, 9], A=script)
    page.Annots = Array([pdf.make_indirect(link)])
    picture = pdfs.form(pdf, b"(drawn) Tj", PieceInfo=Dictionary(Private=String("SECRET")))
    page.Resources.XObject = Dictionary(X=picture)
    page.Contents = pdf.make_stream(b"/X Do")
    with pdf.open_outline() as outline:
        outline.root.append(OutlineItem("SECRET chapter", 0))
    (only,) = render(pdfs.data(pdf))
    assert b"(drawn)" in everything(only)
    assert b"SECRET" not in everything(only)


def layered(base: Object | None = None) -> Pdf:
    pdf = pdfs.new("one")
    shown, hidden = (
        pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String(name)))
        for name in ("seen", "draft")
    )
    page = pdf.pages[0].obj
    page.Resources.Properties = Dictionary(A=shown, B=hidden)
    page.Contents = pdf.make_stream(b"/OC /A BDC EMC /OC /B BDC EMC")
    state = Dictionary(OFF=[hidden]) if base is None else Dictionary(BaseState=base, ON=[shown])
    pdf.Root.OCProperties = Dictionary(OCGs=[shown, hidden], D=state)
    return pdf


@pytest.mark.parametrize("base", [None, Name.OFF])
def test_a_layer_that_was_hidden_stays_hidden(render: Render, base: Object | None) -> None:
    (only,) = render(pdfs.data(layered(base)))
    with Pdf.open(io.BytesIO(read(only))) as pdf:
        layers = pdf.Root.OCProperties
        assert sorted(str(layer.Name) for layer in layers.OCGs) == ["draft", "seen"]
        assert [str(layer.Name) for layer in layers.D.OFF] == ["draft"]
        assert b"Sealbook" not in everything(only)


def test_pdfs_that_differ_on_other_pages_give_the_same_page(render: Render) -> None:
    first = render(pdfs.data(pdfs.new("one", "two")))
    second = render(pdfs.data(pdfs.new("one", "something else", "three")))
    assert read(first[0]) == read(second[0])


def test_a_pdf_that_opens_without_a_password_is_rendered(render: Render) -> None:
    locked = pdfs.data(pdfs.new("one"), encryption=Encryption(owner="o", user=""))
    (only,) = render(locked)
    assert texts(read(only)) == ["one"]


def test_a_damaged_pdf_is_read_as_readers_do_and_its_pages_say_so(render: Render) -> None:
    whole = pdfs.data(pdfs.new("one", "two"))
    pages = render(whole[: whole.rindex(b"startxref")])
    assert [texts(read(page)) for page in pages] == [["one"], ["two"]]
    assert all(page.rendition and page.rendition.remarks == (REPAIRED,) for page in pages)


def test_rotation_and_size_are_kept(render: Render) -> None:
    pdf = pdfs.new("one", "two")
    # Inherited from the tree of pages.
    pdf.Root.Pages.Rotate = 90
    pdf.pages[1].obj.CropBox = Array([10, 10, 200, 300])
    pages = [pypdf.PdfReader(io.BytesIO(read(page))).pages[0] for page in render(pdfs.data(pdf))]
    assert [page.rotation for page in pages] == [90, 90]
    assert pages[1].cropbox.width == 190


def test_no_parser_is_loaded_before_there_is_a_file_for_it() -> None:
    code = (
        "import sys, ledger.cli.root, ledger.disk.files, ledger.company.sealing.preparing;"
        "import ledger.company.sealing.renditions;"
        "print(sorted({'pikepdf', 'docx', 'lxml', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


THREE = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R]/Count 3/MediaBox[0 0 612 792]>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/Resources 9 0 R/Contents 6 0 R>>endobj
4 0 obj<</Type/Page/Parent 2 0 R/Resources 9 0 R/Contents 7 0 R>>endobj
5 0 obj<</Type/Page/Parent 2 0 R/Resources 9 0 R/Contents 8 0 R>>endobj
6 0 obj<</Length 27>>stream
BT /F1 24 Tf (PAGE 1) Tj ET
endstream endobj
7 0 obj<</Length 27>>stream
BT /F1 24 Tf (PAGE 2) Tj ET
endstream endobj
8 0 obj<</Length 27>>stream
BT /F1 24 Tf (PAGE 3) Tj ET
endstream endobj
9 0 obj<</Font<</F1 10 0 R>>>>endobj
10 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
"""


def tabled(body: bytes, off: dict[int, int] | None = None) -> bytes:
    """Return a PDF with its table of objects, in which the offsets of `off` are wrong by so much."""
    rows = [b"0000000000 65535 f \n"]
    for number in range(1, 11):
        at = body.index(b"\n%d 0 obj" % number) + 1 + (off or {}).get(number, 0)
        rows.append(b"%010d 00000 n \n" % at)
    end = b"trailer<</Root 1 0 R/Size 11>>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return body + b"xref\n0 11\n" + b"".join(rows) + end


REPAIRED = Remark("repaired", 1)


def test_a_pdf_without_damage_says_nothing_of_itself(render: Render) -> None:
    pages = render(tabled(THREE))
    assert [page.rendition.remarks for page in pages if page.rendition] == [(), (), ()]


@pytest.mark.parametrize("number", range(1, 11))
@pytest.mark.parametrize("by", [-3, 3, 40])
def test_a_wrong_offset_takes_no_page_and_no_word(number: int, by: int, render: Render) -> None:
    pages = render(tabled(THREE, {number: by}))
    assert [texts(read(page)) for page in pages] == [["PAGE 1"], ["PAGE 2"], ["PAGE 3"]]
    assert all(page.rendition and page.rendition.remarks == (REPAIRED,) for page in pages)


@pytest.mark.parametrize("length", [b"0", b"5", b"31", b"9999", b"1 0 R", b"/X"])
def test_a_wrong_length_leaves_no_page_blank(length: bytes, render: Render) -> None:
    body = THREE.replace(b"7 0 obj<</Length 27>>", b"7 0 obj<</Length " + length + b">>")
    pages = render(tabled(body))
    assert [texts(read(page)) for page in pages] == [["PAGE 1"], ["PAGE 2"], ["PAGE 3"]]
    assert all(page.rendition and page.rendition.remarks == (REPAIRED,) for page in pages)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/Contents 7 0 R", b"/Contents 77 0 R"),
        (b"/Contents 7 0 R", b"/Contents [6 0 R 77 0 R]"),
        (b"/Contents 7 0 R", b"/Contents 9 0 R"),
        (b"4 0 R 5 0 R]", b"44 0 R 5 0 R]"),
        (b"/Count 3", b"/Count 2"),
        (b"/Count 3", b"/Count 4"),
        (b"4 0 obj<</Type/Page", b"4 0 obj[/Page]  <<"),
    ],
)
def test_what_no_repair_finds_gives_no_pages(old: bytes, new: bytes, render: Render) -> None:
    assert old in THREE
    with pytest.raises(NotRendered, match="damaged"):
        render(tabled(THREE.replace(old, new, 1)))


def annotated(*annotations: Dictionary) -> Pdf:
    pdf = pdfs.new("The price is 12,000.", "no note")
    pdf.pages[0].obj.Annots = Array(pdf.make_indirect(each) for each in annotations)
    return pdf


def note(subtype: Name, **entries: Any) -> Dictionary:
    return Dictionary(Type=Name.Annot, Subtype=subtype, Rect=[50, 695, 200, 715], **entries)


@pytest.mark.parametrize(
    ("annotations", "remarks"),
    [
        ([note(Name.StrikeOut, QuadPoints=[50, 715, 200, 715, 50, 695, 200, 695])], 1),
        ([note(Name.FreeText, Contents=String("typed")), note(Name.Ink), note(Name.Line)], 3),
        ([note(Name.Highlight, AP=Dictionary())], 1),
        ([note(Name.StrikeOut, F=2), note(Name.Popup), note(Name.Square, F=0x20)], 0),
        ([Dictionary(Type=Name.Annot, Subtype=Name.Line, Rect=[5, 5, 5, 5])], 1),
        ([Dictionary(Subtype=Name.Widget, FT=Name.Tx, V=String("1"), Rect=[5, 5, 5, 5])], 0),
        ([note(Name.Widget, FT=Name.Tx)], 0),
        ([note(Name.Widget, FT=Name.Tx, V=String("12"))], 1),
        ([note(Name.Widget, Parent=Dictionary(FT=Name.Tx, V=String("12")))], 1),
        ([note(Name.Widget, FT=Name.Btn, MK=Dictionary(CA=String("4")))], 1),
    ],
)
def test_annotations_that_readers_draw_by_themselves_are_said_to_be_missing(
    annotations: list[Dictionary], remarks: int, render: Render
) -> None:
    kinds = {str(each.Subtype)[1:] for each in annotations}
    first, second = render(pdfs.data(annotated(*annotations)))
    assert first.rendition and second.rendition
    assert [(each.what, each.count) for each in first.rendition.remarks] == (
        [("annotations", remarks)] if remarks else []
    )
    assert all(set(each.names) <= kinds and each.names for each in first.rendition.remarks)
    assert second.rendition.remarks == ()


@pytest.mark.parametrize(
    ("entries", "frames"),
    [
        ({}, 1),
        ({"Border": [0, 0, 0]}, 0),
        ({"Border": [0, 0, 2]}, 1),
        ({"BS": Dictionary(W=0), "Border": [0, 0, 2]}, 0),
    ],
)
def test_frames_around_links_are_said_to_be_missing(
    entries: dict[str, Any], frames: int, render: Render
) -> None:
    first, _ = render(pdfs.data(annotated(note(Name.Link, **entries))))
    assert first.rendition
    assert first.rendition.remarks == ((Remark("link-frames", frames),) if frames else ())


def test_a_stored_appearance_is_drawn_and_not_missing(render: Render) -> None:
    pdf = annotated(note(Name.StrikeOut))
    pdf.pages[0].Annots[0].AP = Dictionary(N=pdfs.form(pdf, b"(struck) Tj"))
    first, _ = render(pdfs.data(pdf))
    assert b"(struck)" in everything(first)
    assert first.rendition and first.rendition.remarks == ()


def test_pages_that_share_a_list_of_annotations_all_show_them(render: Render) -> None:
    pdf = annotated(note(Name.Stamp, AP=Dictionary(N=Dictionary())))
    pdf.pages[0].Annots[0].AP.N = pdfs.form(pdf, b"(stamped) Tj")
    pdf.pages[0].obj.Annots = pdf.make_indirect(pdf.pages[0].obj.Annots)
    pdf.pages[1].obj.Annots = pdf.pages[0].obj.Annots
    first, second = render(pdfs.data(pdf))
    assert b"(stamped)" in everything(first)
    assert b"(stamped)" in everything(second)


@pytest.mark.parametrize("position", [1, 2])
def test_a_page_whose_object_is_missing_is_damage_and_no_other_page_takes_its_number(
    render: Render, position: int
) -> None:
    whole = pdfs.data(pdfs.new("one", "two", "three"), object_stream_mode=ObjectStreamMode.disable)
    (kids,) = re.findall(rb"/Kids \[([^]]+)\]", whole)
    numbers = re.findall(rb"(\d+) 0 R", kids)
    missing = kids.replace(numbers[position] + b" 0 R", b"9" * len(numbers[position]) + b" 0 R")
    assert missing != kids
    with pytest.raises(NotRendered, match="damaged"):
        render(whole.replace(kids, missing))
