"""Selectors: what a person types names one part, or several to choose from, and never another."""

import base64
import quopri
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.company.disclosing.contents import Contents, Target, parents_of, targets_of
from ledger.company.disclosing.selectors import MAX_CANDIDATES, Ambiguous, find, resolve
from ledger.errors import InvalidInput
from ledger.evidence.index import DocumentIndex, Index
from ledger.evidence.manifest import Cover, Manifest
from ledger.evidence.partial import Selection
from ledger.evidence.parts import Part, format_cuts
from ledger.evidence.records import Record, Rendition

Piece = tuple[str, str, bytes]
"""path, label, bytes: a leaf and a part of its own."""


class Built:
    """Documents made of pieces, with parts around them, as a splitter would leave them."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.entries: list[DocumentIndex] = []
        self.data: list[bytes] = []
        self.reads: list[tuple[int, int, int]] = []

    def add(
        self,
        name: str,
        pieces: Sequence[Piece],
        around: Sequence[Part] = (),
        rendition: Rendition | None = None,
        splitter: str = "made",
    ) -> None:
        data = b"".join(piece[2] for piece in pieces)
        parts = [Part(path, i, 1, label) for i, (path, label, _) in enumerate(pieces, 1) if path]
        parts = sorted([*around, *parts], key=lambda part: (part.first, -part.count))
        self.records.append(
            Record(
                name, len(data), 1_790_000_000, "text/plain", name, "sealbook 0", splitter, 1,
                len(pieces), len(parts), 0, rendition=rendition,
            )
        )  # fmt: skip
        cuts = format_cuts(len(piece[2]) for piece in pieces)
        self.entries.append(DocumentIndex(cuts, tuple(parts), b""))
        self.data.append(data)

    def read(self, document: int, offset: int, size: int) -> bytes:
        assert offset >= 0
        assert offset + size <= len(self.data[document])
        self.reads.append((document, offset, size))
        return self.data[document][offset : offset + size]

    @property
    def contents(self) -> Contents:
        index: Index = tuple(self.entries)
        manifest = Manifest(bytes(32), bytes(32), COVER, tuple(self.records), index)
        return Contents(manifest, index, self.read)


COVER = Cover(
    "t",
    (
        ("host", "laptop-7"),
        *(("envelope-from", "a@a.example"), ("envelope-to-1", "b@b.example")),
        *(("envelope-to-10", "c@c.example"), ("dkim", "1 signature"), ("dkim-1", "pass")),
    ),
)

SUBJECTS = ["Re: pricing", "Pricing for Asia", "合同 报价", "Minutes", "Re: pricing", "Nothing"]


def mailbox(built: Built, name: str = "inbox.mbox", count: int = len(SUBJECTS)) -> None:
    pieces: list[Piece] = []
    around = []
    for number, subject in enumerate(SUBJECTS[:count], 1):
        path = f"message {number} of {count}"
        first = len(pieces) + 1
        encoding = b""
        body = f"Dear Wang,\r\nthe letter number {number}.\r\n".encode()
        if number == 3:
            encoding = b"Content-Transfer-Encoding: quoted-printable\r\n"
            body = quopri.encodestring("Der Preis beträgt 合计 120 €\n".encode())
        if number == 4:
            encoding = b"Content-Transfer-Encoding: base64\r\n"
            body = base64.encodebytes("under the base: 底价 four\n".encode())
        pieces += [
            (f"{path}/header/Subject", subject, f"Subject: {subject}\r\n".encode()),
            (f"{path}/header/From", f"p{number}@example.org", b"From: p@example.org\r\n"),
            ("", "", encoding + b"\r\n"),
            (f"{path}/body", "", body),
        ]
        label = f"{subject} · Wang · 2026-03-0{number}"
        around += [Part(path, first, 4, label), Part(f"{path}/header", first, 3)]
    built.add(name, pieces, around, splitter="mbox")


@pytest.fixture
def mail() -> Built:
    built = Built()
    mailbox(built)
    return built


@pytest.fixture
def folder() -> Built:
    """A mailbox, two lists of one name, a contract with sections, an archive, a PDF with pages."""
    built = Built()
    mailbox(built)
    prices = ("paragraph 1 of 2", "Prices", b"Prices\n\n")
    none = ("paragraph 2 of 2", "None", b"None yet, ask the buyer.\n")
    built.add("annexes/list.txt", [prices, none])
    built.add("old/list.txt", [("", "", b"nothing")])
    built.add(
        "contract.md",
        [
            ("paragraph 1 of 4", "Supply contract", b"# Supply contract\n\n"),
            ("paragraph 2 of 4", "Delivery", b"## Delivery\n\n"),
            ("paragraph 3 of 4", "within ten days", b"within ten days\n\n"),
            ("paragraph 4 of 4", "Secrecy", b"## Secrecy\n"),
        ],
        [
            Part("section 1 of 3", 1, 4, "Supply contract"),
            Part("section 2 of 3", 2, 2, "Delivery"),
            Part("section 3 of 3", 4, 1, "Secrecy"),
        ],
    )
    built.add(
        "drawings.zip",
        [("member 1 of 2: a/plan.txt", "", b"PK-one"), ("member 2 of 2: b/notes.txt", "", b"PK-2")],
    )
    built.add("contract.pdf", [("", "", b"%PDF")])
    for page in (1, 2, 3):
        made = Rendition(5, "page", page, 3)
        built.add(f"contract.pdf.pages/page 00{page}.pdf", [("", "", b"%PDF-page")], (), made)
    return built


def paths(built: Built, selector: str) -> list[str]:
    contents = built.contents
    found = []
    for target in resolve(selector, contents):
        part = contents.part(target)
        assert target.document is not None
        found.append(part.path if part else built.records[target.document].name)
    return found


@pytest.mark.parametrize(
    ("selector", "path"),
    [
        ("message 2", "message 2 of 6"),
        ("message 2 of 6", "message 2 of 6"),
        ("Message  2", "message 2 of 6"),
        ("message 2/body", "message 2 of 6/body"),
        ("message 2/header/Subject", "message 2 of 6/header/Subject"),
        ("message 2/header Subject", "message 2 of 6/header/Subject"),
        ("pricing for asia", "message 2 of 6"),
        ("Ｐｒｉｃｉｎｇ　for Asia", "message 2 of 6"),
        ("for Asia", "message 2 of 6"),
        ("报价", "message 3 of 6"),
        ("letter number 2", "message 2 of 6/body"),
        ("WANG, the letter number 5", "message 5 of 6/body"),
        ("合计 120", "message 3 of 6/body"),
        ("底价 four", "message 4 of 6/body"),
        ("p3@example.org", "message 3 of 6"),
    ],
)
def test_a_part_is_found_by_path_subject_or_words(mail: Built, selector: str, path: str) -> None:
    assert paths(mail, selector) == [path]


def test_a_range_of_numbers_names_each_part(mail: Built) -> None:
    assert paths(mail, "message 2-4") == [f"message {n} of 6" for n in (2, 3, 4)]
    assert paths(mail, "message 2 – 3/body") == [f"message {n} of 6/body" for n in (2, 3)]
    assert find("message 5-7", mail.contents) == []
    assert find("message 4-2", mail.contents) == []
    assert find("message 2-999999999", mail.contents) == []


def test_a_path_that_is_there_is_never_read_as_words(mail: Built) -> None:
    assert paths(mail, "message 1") == ["message 1 of 6"]
    with pytest.raises(InvalidInput, match="Nothing fits “message 16”"):
        resolve("message 16", mail.contents)


def test_what_fits_several_parts_is_refused_with_selectors_that_fit_one(mail: Built) -> None:
    with pytest.raises(Ambiguous, match=r"fits 2 parts: “message 1”, “message 5”\.") as refused:
        resolve("Re: pricing", mail.contents)
    assert refused.value.candidates[0] == ("message 1", "Re: pricing · Wang · 2026-03-01")
    with pytest.raises(Ambiguous, match="and 1 more") as refused:
        resolve("header Subject", mail.contents)
    assert 0 < len(refused.value.candidates) <= MAX_CANDIDATES
    for typed, _ in refused.value.candidates:
        assert len(resolve(typed, mail.contents)) == 1


def test_what_fits_nothing_names_the_command_that_helps(mail: Built) -> None:
    with pytest.raises(InvalidInput, match="`sealbook parts ID`"):
        resolve("no such thing", mail.contents)
    with pytest.raises(InvalidInput, match="Nothing fits"):
        resolve("  ", mail.contents)


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ("message 99999", "the last is “message"),
        ("message 3-2", "the smaller number comes first"),
        ("mesage 2", "near it: “message"),
        ("page 1", "no pages were rendered at this deposit"),
    ],
)
def test_what_fits_nothing_is_told_how_far_numbers_go_or_what_is_near(
    mail: Built, selector: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        resolve(selector, mail.contents)


def test_what_is_missing_from_an_unsplit_document_is_told_why() -> None:
    built = Built()
    built.add("locked.pdf", [("", "", b"x")])
    built.records[0] = replace(built.records[0], unsplit="the PDF is encrypted")
    with pytest.raises(
        InvalidInput, match=r"“locked\.pdf” was not split\. The PDF is encrypted\. Save"
    ):
        resolve("page 1", built.contents)


@pytest.mark.parametrize("marks", ["“”", "''", '""', "「」"])
def test_quotation_marks_around_a_selector_do_not_count(mail: Built, marks: str) -> None:
    assert paths(mail, f"{marks[0]}message 2{marks[1]}") == paths(mail, "message 2")


def test_the_content_is_read_only_where_no_name_fits(mail: Built) -> None:
    resolve("pricing for asia", mail.contents)
    assert mail.reads == []
    resolve("letter number 2", mail.contents)
    assert len(mail.reads) == 1


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("annexes/list.txt", ["annexes/list.txt"]),
        ("document 3", ["old/list.txt"]),
        ("contract.md", ["contract.md"]),
        ("contract.md:", ["contract.md"]),
        ("old/list.txt: bytes 0-3", ["old/list.txt"]),
        ("plan.txt", ["member 1 of 2: a/plan.txt"]),
        ("a/plan.txt", ["member 1 of 2: a/plan.txt"]),
        ("member 2", ["member 2 of 2: b/notes.txt"]),
        ("Delivery", ["section 2 of 3"]),
        ("section 2", ["section 2 of 3"]),
        ("ten days", ["paragraph 3 of 4"]),
        ("ask the buyer", ["paragraph 2 of 2"]),
        ("contract.md: paragraph 2", ["paragraph 2 of 4"]),
        ("document 2: paragraph 2", ["paragraph 2 of 2"]),
        ("list.txt: paragraph 2", ["paragraph 2 of 2"]),
        ("inbox.mbox: Re: pricing for", []),
        ("page 2", ["contract.pdf.pages/page 002.pdf"]),
        ("page 2-3", [f"contract.pdf.pages/page 00{n}.pdf" for n in (2, 3)]),
        ("contract.pdf: page 1", ["contract.pdf.pages/page 001.pdf"]),
        ("page 3-4", []),
        ("page 9", []),
    ],
)
def test_documents_members_sections_and_pages(
    folder: Built, selector: str, names: list[str]
) -> None:
    if names:
        assert paths(folder, selector) == names
    else:
        assert find(selector, folder.contents) == []


@pytest.mark.parametrize(
    "name",
    ["2026-03-04", "subject", "bcc", "message 2", "message 1/header/subject", "bytes 0-3", "title",
     "field modified", "x@y.example", "第三条", "messages 1 to 2", "header subject"],
)  # fmt: skip
def test_an_attachment_that_is_called_like_a_form_takes_nothings_place(name: str) -> None:
    built = Built()
    parts = [
        ("message 1 of 2", "hello · a@b.example", b"one"),
        ("message 1 of 2/header/Subject", "hello", b"hello"),
        (f"message 1 of 2/part 2: {name}", name, b"NOT ASKED FOR"),
        ("message 2 of 2", "there · c@d.example", b"two"),
    ]
    built.add("box.mbox", parts)
    try:
        group = resolve(name, built.contents)
    except InvalidInput:
        return
    assert not any("part 2" in part.path for part in map(built.contents.part, group) if part)


def test_one_name_in_two_folders_asks_which(folder: Built) -> None:
    with pytest.raises(InvalidInput) as refused:
        resolve("list.txt", folder.contents)
    assert "“annexes/list.txt”" in str(refused.value)
    assert "“old/list.txt”" in str(refused.value)
    with pytest.raises(InvalidInput, match=r"“contract\.md: paragraph 1”"):
        resolve("paragraph 1", folder.contents)


def test_an_archives_member_of_exactly_that_path_wins() -> None:
    built = Built()
    names = ("a/list.txt", "list.txt", "b/list.txt")
    members = [(f"member {n} of 3: {name}", "", b"PK") for n, name in enumerate(names, 1)]
    built.add("annexes.zip", members)
    assert paths(built, "list.txt") == ["member 2 of 3: list.txt"]
    built.add("old/list.txt", [("", "", b"another")])
    with pytest.raises(Ambiguous):
        resolve("list.txt", built.contents)


def test_bytes_are_positions_from_0_with_both_ends(mail: Built) -> None:
    assert resolve("bytes 10-19", mail.contents) == (Target(0, span=(10, 10)),)
    assert resolve("bytes 0", mail.contents) == (Target(0, span=(0, 1)),)
    size = len(mail.data[0])
    assert resolve(f"bytes 0-{size - 1}", mail.contents) == (Target(0, span=(0, size)),)
    for wrong in (f"bytes 0-{size}", "bytes 5-4"):
        with pytest.raises(InvalidInput, match=f"positions go from 0 to {size - 1}"):
            resolve(wrong, mail.contents)


def test_bytes_are_opened_in_whole_leaves(mail: Built) -> None:
    contents = mail.contents
    cuts = contents.cuts(0)
    first, second = cuts.start(1), cuts.start(2)
    assert contents.extent(Target(0, span=(0, 1))) == (0, first)
    assert contents.extent(Target(0, span=(first, 1))) == (first, second - first)
    assert contents.extent(Target(0, span=(first - 1, 2))) == (0, second)


def test_fields_of_metadata(folder: Built, mail: Built) -> None:
    assert resolve("field modified", mail.contents) == (Target(0, field="modified"),)
    assert resolve("metadata source", mail.contents) == (Target(0, field="source"),)
    assert resolve("contract.md: field name", folder.contents) == (Target(3, field="name"),)
    assert find("field seed", mail.contents) == []
    page = "contract.pdf.pages/page 001.pdf: field rendition"
    assert resolve(page, folder.contents) == (Target(6, field="rendition"),)


@pytest.mark.parametrize(
    ("selector", "fields"),
    [
        ("title", ["title"]),
        ("cover title", ["title"]),
        ("Envelope", ["envelope-from", "envelope-to-1", "envelope-to-10"]),
        ("envelope-to-1", ["envelope-to-1"]),
        ("dkim", ["dkim", "dkim-1"]),
        ("cover dkim", ["dkim"]),
        ("cover envelope-to", ["envelope-to-1", "envelope-to-10"]),
        ("cover", [name for name, _ in COVER.fields]),
    ],
)
def test_fields_of_the_cover(folder: Built, selector: str, fields: list[str]) -> None:
    contents = folder.contents
    group = resolve(selector, contents)
    assert [(target.document, target.field) for target in group] == [(None, f) for f in fields]
    assert contents.selections([*group, Target(0)])[0] == Selection(None, fields=tuple(fields))
    for target in group:
        assert resolve(contents.typed((target,)), contents) == (target,)


def test_a_document_called_like_a_field_of_the_cover_is_not_shadowed(folder: Built) -> None:
    folder.records[0] = replace(folder.records[0], name="host")
    assert resolve("host", folder.contents) == (Target(0),)
    assert resolve("cover host", folder.contents) == (Target(None, field="host"),)


def test_nested_selections_collapse_into_the_outer_one(mail: Built) -> None:
    contents = mail.contents
    chosen = [
        resolve(each, contents)[0] for each in ("message 2/body", "message 2", "message 3/body")
    ]
    (selection,) = contents.selections(chosen)
    opened = [mail.entries[0].parts[number - 1].path for number in selection.parts]
    assert opened == ["message 2 of 6", "message 3 of 6/body"]
    body = contents.extent(resolve("message 2/body", contents)[0])
    inside = contents.selections([*chosen, Target(0, span=(body[0], 3))])
    assert inside == (selection,)
    (whole,) = contents.selections([*chosen, Target(0), Target(0, field="size")])
    assert whole == Selection(0, whole=True, fields=("name", "size"))


def test_ranges_that_touch_become_one(mail: Built) -> None:
    spans = [(20, 10), (0, 10), (10, 5), (25, 2)]
    (selection,) = mail.contents.selections([Target(0, span=span) for span in spans])
    assert selection.ranges == ((0, 15), (20, 10))


def test_a_rendition_goes_with_what_it_is_and_what_made_it(folder: Built) -> None:
    (selection,) = folder.contents.selections(resolve("page 2", folder.contents))
    assert selection == Selection(7, whole=True, fields=("media-type", "tool", "rendition"))


def test_a_part_goes_without_any_metadata(mail: Built) -> None:
    (selection,) = mail.contents.selections(resolve("message 2", mail.contents))
    assert selection.fields == ()
    assert targets_of([selection]) == list(resolve("message 2", mail.contents))


def test_what_is_to_be_typed_for_a_part_means_that_part(folder: Built) -> None:
    contents = folder.contents
    for document, entry in enumerate(folder.entries):
        everything = [Target(document)]
        everything += [Target(document, number) for number in range(1, len(entry.parts) + 1)]
        everything += [Target(document, span=(0, 3)), Target(document, field="size")]
        for target in everything:
            assert resolve(contents.typed((target,)), contents) == (target,)


def test_a_name_that_cannot_be_typed_is_a_position() -> None:
    built = Built()
    built.add('a"b\u202e.txt', [("paragraph 1 of 1", "", b"x")])
    built.add("a: b.txt", [("paragraph 1 of 1", "", b"x")])
    contents = built.contents
    for document in (0, 1):
        for target in (Target(document), Target(document, 1)):
            typed = contents.typed((target,))
            assert typed.startswith(f"document {document + 1}")
            assert resolve(typed, contents) == (target,)


def test_parents_are_the_next_part_around(mail: Built) -> None:
    parents = parents_of(mail.entries[0])
    named = {
        part.path: (mail.entries[0].parts[up - 1].path if up else None)
        for part, up in zip(mail.entries[0].parts, parents, strict=True)
    }
    assert named["message 2 of 6"] is None
    assert named["message 2 of 6/body"] == "message 2 of 6"
    assert named["message 2 of 6/header/From"] == "message 2 of 6/header"


@given(st.text(max_size=40))
def test_whatever_is_typed_is_found_or_refused(words: str) -> None:
    built = Built()
    mailbox(built, count=2)
    contents = built.contents
    try:
        group = resolve(words, contents)
    except InvalidInput:
        return
    assert contents.selections(group)


def test_ten_thousand_messages_are_searched_in_a_moment() -> None:
    built = Built()
    pieces: list[Piece] = []
    around = []
    for number in range(1, 10_001):
        path = f"message {number} of 10000"
        around.append(Part(path, len(pieces) + 1, 2, f"Offer {number} · Li · 2026"))
        pieces += [
            (f"{path}/header/Subject", f"Offer {number}", b"S\n"),
            (f"{path}/body", "", b"b"),
        ]
    built.add("big.mbox", pieces, around)
    assert paths(built, "message 9999") == ["message 9999 of 10000"]
    assert paths(built, "offer 9999") == ["message 9999 of 10000"]
    assert len(resolve("message 1-10000", built.contents)) == 10_000
