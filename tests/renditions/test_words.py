"""Words on the pages of a PDF name the page, and a page that cannot be read stops no search."""

import pytest

from ledger.company.disclosing.contents import Contents
from ledger.company.disclosing.excess import check_excess
from ledger.company.disclosing.selectors import find, resolve, resolved
from ledger.evidence.index import DocumentIndex
from ledger.evidence.manifest import Cover, Manifest
from ledger.evidence.records import Record, Rendition
from tests.renditions import pdfs


@pytest.fixture
def contract() -> Contents:
    """A PDF and its pages, the third of them damaged."""
    pages = [
        pdfs.data(pdfs.new(text)) for text in ("Supply contract", "Article 3 Secrecy, 12.50 EUR")
    ]
    data = [
        pdfs.data(pdfs.new("Supply contract", "Article 3 Secrecy")),
        *pages,
        b"%PDF-1.4 nothing",
    ]
    records = []
    for number, each in enumerate(data):
        name = f"contract.pdf.pages/page 00{number}.pdf" if number else "contract.pdf"
        made = Rendition(0, "page", number, 3) if number else None
        records.append(Record(name, len(each), 0, "", "", "", "fixed", 1, 1, 0, 0, rendition=made))
    index = tuple(DocumentIndex(None, (), b"") for _ in data)
    manifest = Manifest(bytes(32), bytes(32), Cover("t", ()), tuple(records), index)
    return Contents(manifest, index, lambda document, at, size: data[document][at : at + size])


def test_words_and_clauses_on_pages_are_selectors(contract: Contents) -> None:
    for typed in ("12.50 eur", "“Secrecy”", "Article 3", "page 2", "第2页", "contract.pdf: 12.50"):
        found = resolved(typed, contract)
        assert [contract.typed((target,)) for target in found.groups[0]] == ["page 2"]
        check_excess(typed, found, contract)
    assert find("no such words", contract) == []
    assert len(resolve("page 1,3", contract)) == 2
