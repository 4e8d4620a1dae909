"""A PDF's further revisions: a signature, and what checks it, appended to what stands.

What is read here is what Typst wrote: one page, a cross-reference table, and each object in the clear.
Nothing of it is changed: a signature covers all that stood before.

Specification: ISO 32000-1, sections 7.5.6 (updates), 12.7.4.5 (signature fields) and 12.8 (signatures);
ETSI EN 319 142-1, section 5.4 (validation data).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count, groupby

from ledger.errors import MalformedData, TooLarge
from ledger.quoted import Message

_END = re.compile(
    rb"trailer\n<<(/Size (\d+)/Root (\d+) 0 R(.*?))>>\nstartxref\n(\d+)\n%%EOF\n?\Z", re.S
)
_KIDS = re.compile(rb"/Kids\[(\d+) 0 R\]")
_PAGES = re.compile(rb"/Pages (\d+) 0 R")
_TABLE = re.compile(rb"xref\n0 (\d+)\n")
_OTHER: Message = "a PDF to be signed is not as Typst writes it"
_ENTRY = 20
"""Bytes of an entry of the table."""
_RANGE = b"/ByteRange[0 %010d %010d %010d]"
_EXTENSION = b"/Extensions<</ESIC<</Type/DeveloperExtensions/BaseVersion/1.7/ExtensionLevel 1>>>>"


@dataclass(frozen=True, slots=True)
class Paper:
    """A PDF that can be signed, and signed again.

    `table` is where its newest cross-reference table begins, `size` its count of objects, `root` and
    `leaf` the numbers of catalog and page; `catalog` and `page` are what stood in these first, without
    the brackets, `rest` the other keys of the trailer. `forms` is the number of the form, `fields`
    those of its signatures.
    """

    pdf: bytes
    table: int
    size: int
    root: int
    leaf: int
    catalog: bytes
    page: bytes
    rest: bytes
    forms: int | None = None
    fields: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What checks signatures, in DER: certificates, revocation lists, OCSP responses."""

    certificates: tuple[bytes, ...]
    lists: tuple[bytes, ...]
    answers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a revision signs as: the field's name, the dictionary's other keys, the room in bytes.

    `make` returns the signature of a SHA-256, in DER.
    """

    field: str
    keys: bytes
    room: int
    make: Callable[[bytes], bytes]


def read_paper(pdf: bytes) -> Paper:
    """Return a PDF that Typst wrote, ready to be signed. Raises MalformedData for any other."""
    end = _END.search(pdf[-2048:])
    if end is None:
        raise MalformedData(_OTHER)
    size, root, table = int(end[2]), int(end[3]), int(end[5])
    head = _TABLE.match(pdf, table)
    if head is None or int(head[1]) != size:
        raise MalformedData(_OTHER)

    def found(number: int) -> bytes:
        at = head.end() + number * _ENTRY
        start, opening = int(pdf[at : at + 10]), b"%d 0 obj\n<<" % number
        stop = pdf.find(b">>\nendobj\n", start)
        if number >= size or not pdf.startswith(opening, start) or stop < 0:
            raise MalformedData(_OTHER)
        return pdf[start + len(opening) : stop]

    catalog = found(root)
    leaf = _number(_KIDS, found(_number(_PAGES, catalog)))
    page = found(leaf)
    if b"/AcroForm" in catalog or b"/Extensions" in catalog or b"/Annots" in page:
        raise MalformedData(_OTHER)
    return Paper(pdf, table, size, root, leaf, catalog, page, end[4])


def sign_paper(paper: Paper, signature: Signature, evidence: Evidence | None = None) -> Paper:
    """Return the PDF with another revision, which a signature covers together with all before it.

    `evidence` is what checks the signatures. Raises TooLarge where the signature has not enough room,
    and what making it raises.
    """
    numbers = count(paper.size)
    forms = paper.forms or next(numbers)
    field, value = next(numbers), next(numbers)
    fields = (*paper.fields, field)
    listed = _references(fields)
    stored, store = ({}, b"") if evidence is None else _stored(evidence, numbers)
    objects = {
        paper.leaf: b"<<%b/Annots%b>>" % (paper.page, listed),
        paper.root: b"<<%b/AcroForm %d 0 R%b%b>>" % (paper.catalog, forms, _EXTENSION, store),
        forms: b"<</Fields%b/SigFlags 3>>" % listed,
        field: b"<</Type/Annot/Subtype/Widget/FT/Sig/T(%b)/F 132/Rect[0 0 0 0]/P %d 0 R/V %d 0 R>>"
        % (signature.field.encode(), paper.leaf, value),
        **stored,
        value: b"<<%b/Filter/Adobe.PPKLite%b/Contents<%b>>>"
        % (signature.keys, _RANGE % (0, 0, 0), bytes(2 * signature.room)),
    }
    pdf, table, places = _appended(paper, objects, size := next(numbers))
    ranges = pdf.index(b"/ByteRange", places[value])
    hole = pdf.index(b"<", ranges)
    behind = hole + 2 * signature.room + 2
    said = _RANGE % (hole, behind, len(pdf) - behind)
    before, after = pdf[:ranges] + said + pdf[ranges + len(said) : hole], pdf[behind:]
    made = signature.make(sha256(before + after).digest())
    if len(made) > signature.room:
        raise TooLarge(
            f"A signature has {len(made)} bytes, and there is room for {signature.room}: the tokens of "
            "the authority have grown. Try again."
        )
    filled = b"<%b>" % made.hex().encode().ljust(2 * signature.room, b"0")
    return replace(
        paper, pdf=before + filled + after, table=table, size=size, forms=forms, fields=fields
    )


def _stored(evidence: Evidence, numbers: Iterator[int]) -> tuple[dict[int, bytes], bytes]:
    """Return what checks signatures as objects, and the catalog's key for them."""
    objects: dict[int, bytes] = {}
    keys = b""
    for name, some in (
        (b"Certs", evidence.certificates),
        (b"CRLs", evidence.lists),
        (b"OCSPs", evidence.answers),
    ):
        mine = {
            next(numbers): b"<</Length %d>>\nstream\n%b\nendstream" % (len(each), each)
            for each in some
        }
        keys += b"/%b%b" % (name, _references(mine)) if mine else b""
        objects |= mine
    return objects, b"/DSS<<%b>>" % keys


def _references(numbers: Iterable[int]) -> bytes:
    return b"[%b]" % b" ".join(b"%d 0 R" % each for each in numbers)


def _appended(
    paper: Paper, objects: Mapping[int, bytes], size: int
) -> tuple[bytes, int, dict[int, int]]:
    """Return the PDF with these objects behind it, where their table stands, and where they do."""
    parts = [paper.pdf if paper.pdf.endswith(b"\n") else paper.pdf + b"\n"]
    at = len(parts[0])
    places: dict[int, int] = {}
    for number, body in objects.items():
        places[number] = at
        parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, body))
        at += len(parts[-1])
    parts.append(b"xref\n")
    runs = groupby(enumerate(sorted(places)), lambda each: each[1] - each[0])
    for run in ([number for _, number in each] for _, each in runs):
        parts.append(b"%d %d\n" % (run[0], len(run)))
        parts += (b"%010d 00000 n\r\n" % places[number] for number in run)
    parts.append(
        b"trailer\n<</Size %d/Root %d 0 R%b/Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
        % (size, paper.root, paper.rest, paper.table, at)
    )
    return b"".join(parts), at, places


def _number(pattern: re.Pattern[bytes], text: bytes) -> int:
    found = pattern.search(text)
    if found is None:
        raise MalformedData(_OTHER)
    return int(found[1])
