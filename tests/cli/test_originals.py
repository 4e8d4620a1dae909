"""verify at home: originals are cut anew and compared with what was deposited."""

import io
import zipfile

import pytest

from ledger.company.splitters import cutting
from tests.cli.conftest import Company
from tests.renditions import pdfs

LETTER = b"From: a@b\nSubject: offer\n\nfive percent\n"


def papers() -> dict[str, bytes]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", b"first")
        archive.writestr("b.txt", b"second")
    return {
        "cur/1700.host": LETTER,
        "inbox.mbox": b"From a\n" + LETTER + b"\nFrom b\n" + LETTER,
        "notes.md": b"# One\n\ntext\n\n# Two\n\ntext\n",
        "files.zip": out.getvalue(),
        "contract.pdf": pdfs.data(pdfs.new("one", "two")),
        "plan.bin": bytes(range(256)) * 100,
    }


@pytest.fixture
def deposited(company: Company) -> Company:
    for name, data in papers().items():
        company.write(f"case/{name}", data)
    company("deposit", "case")
    return company


def compared(company: Company, *more: object, code: int = 0) -> str:
    trust = company.notary.trust_file
    return str(company("verify", "case.receipt", *more, "--trust", trust, code=code).output)


def test_the_same_originals_are_what_was_deposited(deposited: Company) -> None:
    compared(deposited)
    compared(deposited, "case")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("cur/1700.host", b"percent", b"Percent"),
        ("cur/1700.host", b"Subject:", b"Subject "),
        ("inbox.mbox", b"\nFrom b", b"\nFrom c"),
        ("inbox.mbox", b"\nFrom b", b"\n>rom b"),
        ("notes.md", b"# Two", b"+ Two"),
        ("files.zip", b"second", b"seconD"),
        ("files.zip", b"PK\x01\x02", b"PK\x01\x03"),
        ("contract.pdf", b"%PDF", b"%pdf"),
        ("plan.bin", b"\x05\x06", b"\x06\x05"),
    ],
)
def test_originals_that_were_changed_are_found_out(
    deposited: Company, name: str, old: bytes, new: bytes
) -> None:
    data = papers()[name]
    assert old in data
    deposited.write(f"case/{name}", data.replace(old, new, 1))
    compared(deposited, code=1)


def test_originals_cut_by_another_version_are_left_to_open(
    deposited: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cutting.VERSIONS, "mbox", 99)
    assert "use `sealbook open`" in compared(deposited, code=1)
