"""Before the seal: documents are split, renditions follow, and nothing is left behind."""

import os
import secrets
import stat
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.company.documents import Document
from ledger.company.sealing import preparing as splitting
from ledger.company.sealing.preparing import prepared, split_all
from ledger.company.sealing.sources import open_source
from ledger.company.sealing.to_files import seal_files
from ledger.company.splitters import cutting
from ledger.crypto.recipients import HybridIdentity
from ledger.disk.age_files import open_payload
from ledger.evidence.manifest import Cover
from ledger.evidence.opening import content_reader, open_manifest, read_index, recompute
from ledger.evidence.parts import Part, Splitting, format_cuts
from tests.renditions import pdfs
from tests.splitters.pieces import Memory, check
from tests.splitters.test_mail import LETTER

OFFICER = HybridIdentity(bytes(range(32)))
MAILBOX = b"".join(b"From a\nSubject: %d\n\nbody\n\n" % number for number in range(5))


def letters(count: int) -> list[Document]:
    return [Document(Memory(LETTER), f"{number}.eml") for number in range(count)]


@pytest.fixture
def papers(tmp_path: Path) -> list[Document]:
    files = {
        "inbox.mbox": MAILBOX,
        "contract.pdf": pdfs.data(pdfs.new("one", "two")),
        "broken.pdf": b"%PDF-1.7 nothing more",
        "data.bin": os.urandom(40_000),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return [Document(open_source(tmp_path / name), name) for name in files]


def test_documents_are_split_and_renditions_follow_the_originals(
    papers: list[Document], tmp_path: Path
) -> None:
    with prepared(papers, tmp_path) as ready:
        assert [document.name for document in ready] == [
            "inbox.mbox",
            "contract.pdf",
            "broken.pdf",
            "data.bin",
            "contract.pdf.pages/page 001.pdf",
            "contract.pdf.pages/page 002.pdf",
        ]
        assert ready[0].splitting.splitter == "mbox"
        assert ready[1].splitting == Splitting()
        assert ready[2].splitting.unsplit
        assert ready[3].splitting == Splitting()
        assert ready[4].rendition is not None
        assert ready[4].rendition.of == 1
        made = ready[4].source.path  # type: ignore[attr-defined]
        assert stat.S_IMODE(made.parents[1].stat().st_mode) == 0o700
        folder = made.parents[1]
    assert not folder.exists()


def test_where_only_a_commitment_goes_out_nothing_is_rendered(papers: list[Document]) -> None:
    with prepared(papers, None) as ready:
        assert [document.name for document in ready] == [document.name for document in papers]
        assert ready[0].splitting.splitter == "mbox"
        assert not ready[2].splitting.unsplit


def test_what_was_prepared_is_sealed_and_opens_again(
    papers: list[Document], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    sealed = seal_files(
        papers,
        sha256(b"depositor").digest(),
        [OFFICER.recipient()],
        Cover("papers"),
        out / "manifest.age",
        out / "content.age",
        secrets.token_bytes,
    )
    assert sealed.content is not None
    data = (out / "manifest.age").read_bytes()
    manifest = open_manifest(data, [OFFICER], sealed.manifest)
    assert manifest.documents[2].unsplit
    assert manifest.documents[5].commitment is not None
    with open_payload(out / "content.age", [OFFICER]) as content:
        index = read_index(manifest, content)
        recompute(manifest, index, content_reader(manifest, content), sealed.commitment)
    for document, entry in zip(papers, index, strict=False):
        body = bytearray(document.source.size)
        document.source.read_into(0, memoryview(body))
        check(Splitting(cuts=entry.cuts, parts=entry.parts), bytes(body))
    assert "message 5 of 5/header/Subject" in {part.path for part in index[0].parts}


def test_a_splitting_that_is_there_is_kept() -> None:
    own = Splitting("own", 3, format_cuts([len(LETTER)]), (Part("all", 1, 1),))
    (document,) = split_all([Document(Memory(LETTER), "a.eml", splitting=own)])
    assert document.splitting == own


def test_a_deposits_parts_have_a_limit_and_each_document_gets_its_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(splitting, "MAX_PARTS", 30)
    counts = [len(document.splitting.parts) for document in split_all(letters(8))]
    assert counts == [9, 3, 3, 3, 3, 3, 3, 3]
    reasons = [document.splitting.unsplit for document in split_all(letters(31))]
    assert reasons[0] == "it has more than 0 parts"
    assert not reasons[-1]


def test_the_same_originals_are_split_the_same_way() -> None:
    first, second = split_all(letters(3)), split_all(letters(3))
    assert [each.splitting for each in first] == [each.splitting for each in second]


def test_splitting_loads_no_parser_before_it_meets_a_document_for_it() -> None:
    program = (
        "import sys, ledger.company.sealing.preparing; "
        "print({'zipfile', 'email', 'pikepdf', 'docx', 'subprocess'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_the_document_of_formats_lists_every_splitter_and_its_version() -> None:
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    for name, version in cutting.VERSIONS.items():
        assert f"| `{name}` | {version} |" in text
