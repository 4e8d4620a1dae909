"""PDFs to take apart: ordinary, broken, and made to do harm."""

import io
import random
import zlib
from collections.abc import Callable
from typing import Any

from pikepdf import Array, Dictionary, Encryption, Name, Object, Pdf, Stream, String


def new(*texts: str) -> Pdf:
    """Return a PDF with a page for each text."""
    pdf = Pdf.new()
    font = pdf.make_indirect(
        Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    )
    for text in texts:
        pdf.add_blank_page(page_size=(595, 842))
        page = pdf.pages[-1].obj
        page.Resources = Dictionary(Font=Dictionary(F1=font))
        page.Contents = pdf.make_stream(f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode())
    return pdf


def data(pdf: Pdf, **options: Any) -> bytes:
    """Return a PDF's bytes."""
    out = io.BytesIO()
    pdf.save(out, **options)
    return out.getvalue()


def form(pdf: Pdf, content: bytes, **keys: Any) -> Stream:
    """Return a form: a drawing that pages can share."""
    box = [0, 0, 100, 20]
    made = pdf.make_stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=box)
    for key, value in keys.items():
        made["/" + key] = value
    return made


def add_field(pdf: Pdf, page: int, parent: Object, secret: bytes) -> Object:
    """Put a form field that shows `secret` on a page."""
    field = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Tx,
            T=String(f"field {page}"),
            V=String(secret),
            Rect=[50, 600, 150, 620],
            Parent=parent,
            AP=Dictionary(N=form(pdf, b"/Tx BMC BT /F1 9 Tf (" + secret + b") Tj ET EMC")),
        )
    )
    pdf.pages[page].obj.Annots = Array([field])
    return field


RAW = b"""%%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj
%s
trailer<</Root 1 0 R/Size 5>>
"""


def raw(content: bytes = b"", filters: bytes = b"", **changes: bytes) -> bytes:
    """Return a PDF of one page written by hand; `changes` of kids, count, box, contents."""
    head = b"4 0 obj<</Length %d%s>>stream\n" % (len(content), filters)
    text = RAW % (head + content + b"\nendstream endobj")
    places = {"kids": b"[3 0 R]", "count": b"/Count 1", "box": b"[0 0 9 9]", "contents": b"4 0 R>>"}
    for key, value in changes.items():
        text = text.replace(places[key], value, 1)
    return text


def bomb(block: bytes, times: int) -> bytes:
    """Return what unpacks to `block` again and again, made without unpacking it."""
    packer = zlib.compressobj(9)
    head = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + again * (times - 1) + packer.flush()


def unpacking(block: bytes, times: int) -> bytes:
    """Return a PDF whose page's content is a bomb."""
    return raw(bomb(block, times), b"/Filter/FlateDecode")


def _cyclic() -> bytes:
    pdf = new("one", "two")
    pdf.Root.Pages.Kids.append(pdf.Root.Pages)
    return data(pdf)


def _forms(depth: int) -> bytes:
    pdf = new("one")
    inner = form(pdf, b"")
    for _ in range(depth):
        inner = form(pdf, b"/X Do", Resources=Dictionary(XObject=Dictionary(X=inner)))
    page = pdf.pages[0].obj
    page.Resources.XObject = Dictionary(X=inner)
    page.Contents = pdf.make_stream(b"/X Do")
    return data(pdf)


def _heavy() -> bytes:
    pdf = new(*["page"] * 100)
    program = pdf.make_stream(random.Random(0).randbytes(1 << 20))
    descriptor = Dictionary(Type=Name.FontDescriptor, FontFile2=program)
    font = Dictionary(
        Type=Name.Font, Subtype=Name.TrueType, BaseFont=Name.X, FontDescriptor=descriptor
    )
    shared = pdf.make_indirect(font)
    for page in pdf.pages:
        page.obj.Resources.Font = Dictionary(F1=shared)
    return data(pdf, compress_streams=False)


def _drawn_by_readers() -> bytes:
    pdf = new("one")
    field = add_field(pdf, 0, pdf.make_indirect(Dictionary(T=String("all"))), b"value")
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]), NeedAppearances=True)
    return data(pdf)


_DAMAGED = "it is damaged, or not what its name says"
_CHANGED = "the PDF is damaged in a way that could change what its pages show"
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "encrypted": (
        lambda: data(new("one"), encryption=Encryption(owner="o", user="u")),
        "the PDF is encrypted",
    ),
    "empty": (lambda: b"", _DAMAGED),
    "text": (lambda: b"not a PDF\n" * 100, _DAMAGED),
    "only a header": (lambda: b"%PDF-1.7\n", _DAMAGED),
    "no pages": (lambda: raw(kids=b"[]", count=b"/Count 0"), ""),
    "a page tree inside itself": (_cyclic, _DAMAGED),
    "10^9 pages stated": (lambda: raw(count=b"/Count 1000000000"), "more than 2,000 pages"),
    "a million times the same page": (lambda: raw(kids=b"[" + b"3 0 R " * 10**6 + b"]"), ""),
    "2,001 pages": (lambda: data(new(*["page"] * 2001)), "more than 2,000 pages"),
    "arrays nested a million deep": (
        lambda: raw(box=b"[0 0 9 9]/Group " + b"[" * 10**6 + b"]" * 10**6),
        _DAMAGED,
    ),
    "forms nested 5,000 deep": (lambda: _forms(5000), ""),
    "content in an unknown filter": (lambda: raw(b"abc", b"/Filter/JBIG2Decode"), _DAMAGED),
    "content that is not packed": (lambda: raw(b"abcd" * 99, b"/Filter/FlateDecode"), _DAMAGED),
    "content that is a number": (lambda: raw(contents=b"7>>"), _CHANGED),
    "content that is missing": (lambda: raw(contents=b"9 0 R>>"), _CHANGED),
    "a negative count": (lambda: raw(count=b"/Count -5"), _CHANGED),
    "more pages than are stated": (lambda: raw(kids=b"[3 0 R 3 0 R]"), _CHANGED),
    "a page that is missing": (lambda: raw(kids=b"[3 0 R 9 0 R]", count=b"/Count 2"), _CHANGED),
    "a dynamic form": (lambda: raw().replace(b"/Catalog", b"/Catalog/NeedsRendering true"), "XFA"),
    "content that unpacks to 10 GiB": (lambda: unpacking(bytes(1 << 20), 10 << 10), ""),
    "pages of 1 MiB each": (_heavy, "its pages take more than 64 MiB"),
    "a form without stored appearance": (_drawn_by_readers, "drawn by each reader"),
}
"""PDFs of which no page is made, and the reasons."""
