"""`sealbook notary certificate`, beside the service and without it, and `withdraw`."""

import json
import subprocess
from hashlib import sha256
from pathlib import Path

import pikepdf
import pytest

from ledger.cli.notary.group import books
from ledger.errors import StorageFailed
from ledger.notary.certificates.standing import certificate_standing
from tests.cli.conftest import Company, run
from tests.spoofs import unbroken


@pytest.fixture
def receipts(own_company: Company) -> list[Path]:
    own_company.write("a.txt")
    own_company.write("b.txt", b"another letter\n")
    own_company("deposit", "a.txt")
    own_company("deposit", "b.txt")
    return sorted(own_company.folder.glob("*.receipt"))


def test_certificates_are_issued_beside_the_service_and_without_it(
    own_company: Company, receipts: list[Path], tmp_path: Path
) -> None:
    directory = own_company.notary.directory
    issue = ("notary", "certificate", "--dir", directory, "--officer", "王小明")
    shown = run(*issue, receipts[0], "-o", tmp_path / "one.pdf").output
    assert "No. 000001" in shown and "Signed as PAdES-B-B." in shown and "no longer" in shown
    assert "already" in run(*issue, receipts[0], "-o", tmp_path / "one.pdf", code=1).output
    own_company.notary.stop()
    folder = tmp_path / "several"
    made = json.loads(run(*issue, *receipts, "-o", folder, "--json").output)["certificates"]
    assert [each["number"] for each in made] == [2, 3]
    for each in made:
        path = Path(each["file"])
        with books(directory) as (store, signed):
            standing = certificate_standing(store, signed, each["number"])
        assert standing is not None and standing.digest == sha256(path.read_bytes()).digest()
        assert path.stat().st_mode & 0o777 == 0o600
        with pikepdf.open(path) as opened:
            (spec,) = opened.attachments.values()
            assert spec.get_file().read_bytes() == receipts[made.index(each)].read_bytes()
    withdraw = ("notary", "withdraw", 2, "--dir", directory)
    run(*withdraw, "--reason", "开具有误")
    with books(directory) as (store, signed):
        standing = certificate_standing(store, signed, 2)
    assert standing is not None and standing.withdrawn is not None
    assert standing.withdrawn.reason == "开具有误"
    assert "withdrawn already" in run(*withdraw, "--reason", "x", code=1).output
    assert "has a character" in run(*withdraw, "--reason", "x\u202ey", code=1).output
    assert not run("notary", "fsck", "--dir", directory).exit_code


def test_receipts_are_read_before_the_notary_is_opened(tmp_path: Path) -> None:
    issue = ("notary", "certificate", "--dir", tmp_path / "nowhere", "--officer", "王小明")
    said = run(*issue, tmp_path / "a.receipt", "-o", tmp_path / "a.pdf", code=1).output
    assert "a.receipt" in unbroken(said) and "nowhere" not in unbroken(said)


def test_what_cannot_be_written_or_read_is_not_entered(
    own_company: Company, receipts: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = own_company.notary.directory
    own_company.notary.stop()
    base = ("notary", "certificate", "--dir", directory)
    issue = (*base, "--officer", "王小明")
    broken, folder = tmp_path / "broken.receipt", tmp_path / "several"
    data = receipts[1].read_bytes()
    broken.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    refused = run(*issue, receipts[0], broken, "-o", folder, code=1).output
    assert "broken.receipt" in unbroken(refused)
    letter = receipts[0].with_name("a.txt")
    refused = run(*issue, letter, "-o", tmp_path / "a.pdf", code=1).output
    assert "ask for a new copy of it" in " ".join(refused.split())
    assert not folder.exists()
    assert "x.pdf" in run(*issue, receipts[0], "-o", "/proc/x.pdf", code=1).output
    for nobody in ("", "  ", "\x1b[31m", "葛\U000e0100"):
        run(*base, "--officer", nobody, receipts[0], "-o", tmp_path / "a.pdf", code=1)
    with books(directory) as (store, _):
        assert store.highest_certificate() == 0

    def refuse(source: Path, target: Path) -> None:
        raise StorageFailed(f"{target} is gone")

    monkeypatch.setattr("ledger.cli.notary.papers.move_new", refuse)
    said = unbroken(run(*issue, receipts[0], "-o", tmp_path / "b.pdf", code=1).output)
    with books(directory) as (store, signed):
        number = store.highest_certificate()
        standing = certificate_standing(store, signed, number)
    (kept,) = tmp_path.glob(".*.part")
    assert f"withdraw {number}`" in " ".join(said.split()) and kept.name in said
    assert standing is not None and standing.digest == sha256(kept.read_bytes()).digest()


def test_a_copy_needs_no_office(own_company: Company, receipts: list[Path], tmp_path: Path) -> None:
    trust = tmp_path / "notary.trust"
    trust.write_bytes(own_company.notary.trust_file.read_bytes())
    copy = ("notary", "certificate", receipts[0], "--dir", tmp_path, "-o", tmp_path / "copy.pdf")
    run(*copy, "--unsigned", "--trust", trust)
    done = subprocess.run(
        ["pdftotext", tmp_path / "copy.pdf", "-"], capture_output=True, text=True, check=True
    )
    assert "unsigned copy" in done.stdout and "Officer" not in done.stdout
    assert "--officer" in run(*copy, code=1).output
    assert "--officer" in run(*copy, "--unsigned", code=1).output
