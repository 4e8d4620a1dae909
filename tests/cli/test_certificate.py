"""`sealbook notary certificate`, beside the service and without it, and `withdraw`."""

import json
import subprocess
from hashlib import sha256
from pathlib import Path

import pikepdf
import pytest

from ledger.cli.notary.group import books
from ledger.notary.certificates.standing import certificate_standing
from tests.cli.conftest import Company, run


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
    assert not run("notary", "fsck", "--dir", directory).exit_code


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
