"""export: all of it, in the clear, verified, once; what is damaged is named and holds nothing up."""

import json
import os
import pty
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

from ledger.evidence.manifest import parse_manifest
from tests.cli.conftest import Company
from tests.renditions import pdfs


def folders(output: Path) -> dict[str, Path]:
    return {
        json.loads((each / "deposit.json").read_bytes())["title"]: each
        for each in output.iterdir()
        if each.is_dir()
    }


def three(company: Company) -> None:
    company.write("合同/正文.txt", b"contract " * 9000)
    company.write("合同/a/con.txt", b"")
    company.write("big.bin", os.urandom(300_000))
    company.write("only.txt", b"only the fingerprint")
    company("deposit", "合同", "big.bin", "--matter", "供应")
    company("deposit", "only.txt", "--commitment-only")
    company.write("waits.txt")
    company("deposit", "waits.txt", "--no-wait")


def test_every_document_receipt_and_opening_is_exported(company: Company) -> None:
    three(company)
    answer = company.json("export", "--all", "-o", "out")
    assert (len(answer["deposits"]), answer["written"], answer["problems"]) == (4, 4, [])
    out = company.folder / "out"
    found = folders(out)
    assert (found["合同"] / "documents/正文.txt").read_bytes() == b"contract " * 9000
    assert (found["only.txt"] / "documents/only.txt").read_bytes() == b"only the fingerprint"
    value = json.loads((found["big.bin"] / "deposit.json").read_bytes())
    assert (value["matter"]["number"], value["state"]) == (2, "deposited")
    for each in found.values():
        parse_manifest((each / "opening.cbor").read_bytes())
    receipt = found["big.bin"] / "deposit.receipt"
    assert company.json("verify", receipt, "--trust", out / "notary.trust")["good"]
    assert not (found["waits.txt"] / "deposit.receipt").exists()
    modes = {stat.S_IMODE(p.stat().st_mode) for p in out.rglob("*") if p.is_file()}
    assert modes == {0o600}
    assert {"README.txt", "index.json", "notary.trust", "checkpoint"} <= {
        each.name for each in out.iterdir()
    }


def test_run_again_only_what_is_missing_or_changed_is_written(company: Company) -> None:
    three(company)
    company("export", "--all", "-o", "out")
    found = folders(company.folder / "out")
    shutil.rmtree(found["big.bin"])
    (found["合同"] / "documents/正文.txt").write_bytes(b"cut")
    company("deposit")
    (company.folder / "out" / ".sealbook-left").mkdir()
    assert company.json("export", "--all", "-o", "out")["written"] == 3
    found = folders(company.folder / "out")
    assert (found["waits.txt"] / "deposit.receipt").exists()
    assert (found["合同"] / "documents/正文.txt").stat().st_size == 81_000
    assert not list((company.folder / "out").glob(".sealbook*"))


def test_renditions_are_exported_as_they_were_sealed(company: Company) -> None:
    company.write("case/contract.pdf", pdfs.data(pdfs.new("one", "two")))
    company.write("case/contract.pdf.pages/page 1.pdf", b"a file of the company's own")
    company("deposit", "case")
    company("export", "--all", "-o", "out")
    (folder,) = folders(company.folder / "out").values()
    value = json.loads((folder / "deposit.json").read_bytes())
    pages = [each for each in value["documents"] if each["rendition"]]
    assert [(each["rendition"]["kind"], each["rendition"]["position"]) for each in pages] == [
        ("page", 1), ("page", 2),
    ]  # fmt: skip
    (original,) = {each["rendition"]["of"] for each in pages}
    assert value["documents"][original - 1]["name"] == "contract.pdf"
    assert all(each["file"].startswith("renditions/") for each in pages)
    company("disclose", "case", "-o", "whole.evidence")
    with zipfile.ZipFile(company.folder / "whole.evidence") as evidence:
        sealed = sorted(
            evidence.read(name) for name in evidence.namelist() if "/documents/" in name
        )
    exported = [
        path.read_bytes()
        for part in ("documents", "renditions")
        for path in (folder / part).rglob("*.pdf")
    ]
    assert sorted(exported) == sealed
    assert len(sealed) == 4


def test_an_export_without_renditions_is_completed(company: Company) -> None:
    company.write("contract.pdf", pdfs.data(pdfs.new("one", "two")))
    company("deposit", "contract.pdf")
    company("export", "--all", "-o", "out")
    (folder,) = folders(company.folder / "out").values()
    before = {path: path.read_bytes() for path in (folder / "renditions").rglob("*.pdf")}
    value = json.loads((folder / "deposit.json").read_bytes())
    for each in value["documents"]:
        if each.pop("rendition"):
            each["file"] = None
    (folder / "deposit.json").write_text(json.dumps(value))
    shutil.rmtree(folder / "renditions")
    assert company.json("export", "--all", "-o", "out")["written"] == 1
    assert {path: path.read_bytes() for path in (folder / "renditions").rglob("*.pdf")} == before
    assert len(before) == 2
    assert company.json("export", "--all", "-o", "out")["written"] == 0


def test_one_damaged_deposit_is_named_and_the_rest_is_exported(company: Company) -> None:
    three(company)
    shown = company.json("list")["deposits"]
    big = next(each["id"] for each in shown if each["title"] == "big.bin")
    objects = sorted(
        (company.notary.directory / "objects").rglob("*.payload"), key=lambda p: p.stat().st_mtime
    )
    payload = [each for each in objects if 290_000 < each.stat().st_size < 400_000][-1]
    data = bytearray(payload.read_bytes())
    data[1000] ^= 1
    payload.write_bytes(data)
    answer = company.json("export", "--all", "-o", "out", code=1)
    assert [each["deposit"] for each in answer["problems"]] == ["big.bin"]
    assert len(answer["deposits"]) == 3
    assert not list((company.folder / "out").glob(f"*{big[:16]}"))


def test_a_fingerprint_whose_originals_changed_is_exported_with_a_note(company: Company) -> None:
    company.write("only.txt", b"only the fingerprint")
    company("deposit", "only.txt", "--commitment-only")
    company.write("only.txt", b"only the fingerprinT")
    answer = company.json("export", "--all", "-o", "out")
    assert "do not match" in answer["notes"][0]["message"]
    assert (answer["written"], answer["without_documents"]) == (0, 1)
    (folder,) = folders(company.folder / "out").values()
    assert {each.name for each in folder.iterdir()} == {
        "deposit.json", "deposit.receipt", "opening.cbor", "statement.cose",
    }  # fmt: skip
    said = company("export", "--all", "-o", "out").output
    assert "0 written now, each compared" in " ".join(said.split())
    assert "1 without documents" in " ".join(said.split())
    company.write("only.txt", b"only the fingerprint")
    answer = company.json("export", "--all", "-o", "out")
    assert (answer["written"], answer["without_documents"], answer["notes"]) == (1, 0, [])


def test_whoever_waits_at_a_terminal_is_told_once_that_the_notary_is_away(
    own_company: Company,
) -> None:
    company, own_notary = own_company, own_company.notary
    company.write("a.txt")
    company("deposit", "a.txt")
    own_notary.stop()

    def opening(name: str, stderr: int, *more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "ledger", "open", "a.txt", "-o", name, *more],
            env={**os.environ, "SEALBOOK_HOME": str(company.home), "TERM": "xterm"},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )

    (screen, person), (other, machine) = pty.openpty(), pty.openpty()
    piped = opening("1", subprocess.PIPE)
    running = [opening("2", person), opening("3", machine, "--json"), piped]
    told = "The notary cannot be reached; trying again."
    assert told not in piped.communicate(timeout=60)[1].decode()
    assert [each.wait(60) for each in running] == [1, 1, 1]
    assert os.read(screen, 1 << 16).decode().count(told) == 1
    assert told not in os.read(other, 1 << 16).decode()
    for each in (screen, person, other, machine):
        os.close(each)
