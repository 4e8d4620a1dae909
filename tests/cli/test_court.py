"""verify, open, disclose and receipt: what a court and the company get to see."""

import json
import os
import shutil
from pathlib import Path

import pytest

from ledger.chain.receipt import parse_receipt
from ledger.cli import text
from tests.cli.conftest import Company, run


@pytest.fixture
def deposited(company: Company) -> Company:
    company.write("契约/合同.txt", "第一条……\n".encode() * 4000)
    company.write("契约/annex/a.bin", os.urandom(70_000))
    company.write("letter.txt", b"letter")
    company("deposit", "契约", "letter.txt")
    return company


@pytest.fixture
def case(deposited: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A court's folder: an evidence file from the company, the trust file from the office."""
    court = tmp_path / "court"
    court.mkdir()
    deposited("disclose", "契约", "-o", court / "case.evidence")
    shutil.copy(deposited.notary.trust_file, court / "office.trust")
    monkeypatch.chdir(court)
    return court


def verify(*arguments: object, code: int = 0) -> dict[str, object]:
    result: dict[str, object] = json.loads(run("verify", *arguments, "--json", code=code).stdout)
    return result


def test_a_court_gets_the_documents_and_a_good_report(case: Path, deposited: Company) -> None:
    answer = verify("case.evidence", "--trust", "office.trust", "-o", "shown")
    assert answer["good"] is True
    assert (case / "shown/case/合同.txt").read_bytes() == (
        deposited.folder / "契约/合同.txt"
    ).read_bytes()
    assert (case / "shown/case/annex/a.bin").read_bytes() == (
        deposited.folder / "契约/annex/a.bin"
    ).read_bytes()


def test_without_a_trust_file_nothing_is_authentic(case: Path) -> None:
    answer = verify("case.evidence", code=1)
    assert (answer["good"], answer["trust"]) == (False, None)
    assert "--trust" in run("verify", "case.evidence", code=1).stdout


@pytest.mark.parametrize("member", ["documents", "opening", "receipt"])
def test_one_changed_byte_is_found_and_nothing_is_written(case: Path, member: str) -> None:
    data = bytearray((case / "case.evidence").read_bytes())
    start = data.find(b"1/deposit.receipt")
    mark = {"documents": "第一条".encode(), "opening": b"dseed", "receipt": b"tlog-proof"}[member]
    data[data.find(mark, start) + 30] ^= 1
    (case / "case.evidence").write_bytes(data)
    run("verify", "case.evidence", "--trust", "office.trust", "-o", "shown", code=1)
    assert not (case / "shown").exists() or not list((case / "shown").iterdir())


def test_documents_are_never_written_over_others(case: Path) -> None:
    (case / "shown/case").mkdir(parents=True)
    (case / "shown/case/合同.txt").write_bytes(b"mine")
    run("verify", "case.evidence", "--trust", "office.trust", "-o", "shown", code=1)
    assert (case / "shown/case/合同.txt").read_bytes() == b"mine"
    assert len(list((case / "shown").rglob("*"))) == 2


def test_another_offices_trust_file_does_not_do(
    case: Path, tmp_path: Path, own_notary: object
) -> None:
    other = next((tmp_path / "notary").glob("*.trust"))
    answer = verify("case.evidence", "--trust", other, code=1)
    assert answer["good"] is False


@pytest.mark.parametrize("file", ["empty", "office.trust"])
def test_what_is_no_receipt_is_refused_in_a_sentence(case: Path, file: str) -> None:
    (case / "empty").write_bytes(b"")
    shown = run("verify", file, "--trust", "office.trust", code=1)
    assert shown.stderr.startswith(f"sealbook: {file} is not a receipt or an evidence file")
    assert "ask for a new copy" in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("missing", "--trust", "office.trust"),
        ("case.evidence", "--trust", "missing"),
        (".", "--trust", "office.trust"),
    ],
)
def test_a_file_that_is_not_there_is_wrong_usage(case: Path, arguments: tuple[str, ...]) -> None:
    assert "cannot be read" in run("verify", *arguments, code=2).stderr


def test_a_second_run_into_the_same_folder_reports_all_the_same(case: Path) -> None:
    arguments = ("verify", "case.evidence", "--trust", "office.trust", "-o", "shown")
    run(*arguments)
    again = run(*arguments, code=1)
    assert "Every required claim is proven" in again.stdout
    assert "Nothing was written" in again.stderr
    assert "exists already" in again.stderr


def test_a_bare_receipt_says_that_no_content_was_shown(deposited: Company) -> None:
    receipt = deposited.folder / "letter.txt.receipt"
    answer = verify(receipt, "--trust", deposited.notary.trust_file)
    claims = {each["claim"]: each["status"] for each in answer["reports"][0]["claims"]}  # type: ignore[index]
    assert answer["good"] is True
    assert (claims["content"], claims["time"]) == ("not-shown", "stated")


def test_at_home_the_originals_are_compared_by_the_vaults_opening(deposited: Company) -> None:
    def content(*arguments: object, code: int = 0) -> str:
        report = deposited.json("verify", *arguments, code=code)["reports"][0]
        return next(each["status"] for each in report["claims"] if each["claim"] == "content")

    assert content("letter.txt.receipt") == "proven"
    assert content("契约.receipt") == "proven"
    assert content("契约.receipt", "契约") == "proven"
    shutil.copy("letter.txt", "copy.txt")
    assert content("letter.txt.receipt", "copy.txt") == "proven"
    deposited.write("copy.txt", b"lettre")
    assert content("letter.txt.receipt", "copy.txt", code=1) == "failed"
    deposited.write("copy.txt", b"letter and more")
    assert content("letter.txt.receipt", "copy.txt", code=1) == "failed"
    Path("契约/annex/a.bin").unlink()
    assert content("契约.receipt", code=1) == "failed"
    Path("letter.txt").unlink()
    assert content("letter.txt.receipt") == "not-shown"


def test_where_nothing_of_ones_own_was_compared_the_way_to_do_it_is_told(
    deposited: Company,
) -> None:
    (deposited.folder / "letter.txt").rename(deposited.folder / "moved.txt")
    shown = deposited("verify", "letter.txt.receipt")
    assert "Name the documents" in shown.stderr
    shown = deposited("verify", "letter.txt.receipt", "moved.txt")
    assert not shown.stderr


def test_documents_need_their_opening(deposited: Company) -> None:
    trust = deposited.notary.trust_file
    shown = run("verify", "letter.txt.receipt", "letter.txt", "--trust", trust, code=1)
    assert "opening" in shown.stderr


def test_every_byte_of_a_receipt_counts(deposited: Company) -> None:
    path = deposited.folder / "letter.txt.receipt"
    data = path.read_bytes()
    good = verify(path, "--trust", deposited.notary.trust_file)
    flipped = deposited.folder / "flipped.receipt"
    for place in range(0, len(data), 97):
        flipped.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        result = json.loads(
            run(
                "verify", flipped, "--trust", deposited.notary.trust_file, "--json", code=1
            ).stdout.splitlines()[0]
        )
        assert "error" in result or result["reports"] != good["reports"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_fits_80_columns_and_claims_nothing_more(
    deposited: Company, language: str
) -> None:
    shown = deposited("verify", "letter.txt.receipt", "--lang", language).stdout
    assert all(text.columns(line) <= 80 for line in shown.splitlines())
    assert len(shown.splitlines()) < 80
    words = {
        "en": ("proven by", "stated by", "not shown", "who wrote the content", "Not independently"),
        "zh": ("已证明", "公证机构声明", "未予证明", "是否真实", "未经独立确认"),
    }[language]
    assert all(each in shown for each in words)
    assert "valid" not in shown.lower()


def test_the_language_follows_the_environment(deposited: Company) -> None:
    deposited.env |= {"LC_ALL": "zh_CN.UTF-8"}
    assert "核验报告" in deposited("verify", "letter.txt.receipt").stdout
    assert "Verification" in deposited("verify", "letter.txt.receipt", "--lang", "en").stdout


def test_open_gives_back_every_byte_and_overwrites_nothing(deposited: Company) -> None:
    deposited("open", "契约", "-o", "out")
    for name in ("合同.txt", "annex/a.bin"):
        assert Path("out/契约", name).read_bytes() == Path("契约", name).read_bytes()
    Path("out/契约/合同.txt").write_bytes(b"edited")
    shown = deposited("open", "契约", "-o", "out", code=1)
    assert "not overwritten" in shown.stderr
    assert Path("out/契约/合同.txt").read_bytes() == b"edited"


def test_altered_ciphertext_at_the_notary_gives_nothing(deposited: Company) -> None:
    letter = deposited.json("show", "letter.txt")["id"]
    folder = next((deposited.home / "deposits").glob(f"*-{letter[:16]}"))
    from ledger.chain.statement import parse_deposit, parse_statement

    content = parse_deposit(parse_statement((folder / "statement").read_bytes())).content
    assert content is not None
    (path,) = deposited.notary.directory.rglob(f"{content.root.hex()}.payload")
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    for command in (["open", "letter.txt", "-o", "out"], ["disclose", "letter.txt", "-o", "x"]):
        shown = deposited(*command, code=1)
        assert "not the age file that was deposited" in shown.stderr
    assert not Path("x").exists()
    assert not list(Path("out").iterdir())


def test_an_altered_manifest_in_the_vault_is_refused(deposited: Company) -> None:
    letter = deposited.json("show", "letter.txt")["id"]
    folder = next((deposited.home / "deposits").glob(f"*-{letter[:16]}"))
    data = bytearray((folder / "manifest.age").read_bytes())
    data[-40] ^= 1
    (folder / "manifest.age").write_bytes(data)
    shown = deposited("open", "letter.txt", "-o", "out", code=1)
    assert "manifest" in shown.stderr.lower()


def test_names_that_windows_forbids_are_changed_and_told(company: Company) -> None:
    names = [
        "CON.txt",
        "a:b?.txt",
        "dot. ",
        "Same.txt",
        "same.txt",
        "aux",
        "back\\slash",
        "n" * 250,
    ]
    for name in names:
        company.write(f"f/{name}", name.encode())
    company("deposit", "f")
    answer = company.json("open", "f", "-o", "out")["files"]
    assert {each["name"] for each in answer} == set(names)
    for each in answer:
        assert Path("out", each["file"]).read_bytes() == each["name"].encode()
    shown = company("open", "f", "-o", "out2").stdout
    assert "renamed  CON.txt" in shown


def test_an_evidence_file_of_a_commitment_alone_takes_the_originals(company: Company) -> None:
    company.write("f/a.txt", b"a" * 50_000)
    company.write("f/b.txt", b"")
    company("deposit", "f", "--commitment-only")
    company("disclose", "f", "-o", "f.evidence")
    trust = company.notary.trust_file
    assert verify("f.evidence", "--trust", trust, "-o", "shown")["good"] is True
    assert Path("shown/f/a.txt").read_bytes() == b"a" * 50_000
    company.write("f/b.txt", b"x")
    company("disclose", "f", "-o", "g.evidence", code=1)
    assert not Path("g.evidence").exists()
    assert not list(Path().glob(".*.part"))


def test_disclose_overwrites_nothing(deposited: Company) -> None:
    deposited.write("case.evidence", b"mine")
    deposited("disclose", "letter.txt", "-o", "case.evidence", code=1)
    assert Path("case.evidence").read_bytes() == b"mine"


def test_a_receipt_is_written_once_more_beside_the_first(deposited: Company) -> None:
    first = Path("letter.txt.receipt").read_bytes()
    Path("letter.txt.receipt").unlink()
    assert deposited.json("receipt", "letter.txt")["receipt"].endswith("letter.txt.receipt")
    assert Path("letter.txt.receipt").read_bytes() == first


def test_a_receipt_comes_apart_for_other_software(deposited: Company) -> None:
    files = deposited.json("receipt", "unpack", "letter.txt.receipt", "-o", "parts")["files"]
    parts = parse_receipt(Path("letter.txt.receipt").read_bytes())
    assert Path(files["statement.cose"]).read_bytes() == parts.statement
    assert Path(files["receipt.cose"]).read_bytes() == parts.cose_receipt
    assert Path(files["proof.tlog-proof"]).read_text().endswith(parts.note)
    assert Path(files["identity.cbor"]).read_bytes() == parts.record
    shown = deposited("receipt", "unpack", "letter.txt.receipt", "-o", "parts", code=1)
    assert "not overwritten" in shown.stderr
