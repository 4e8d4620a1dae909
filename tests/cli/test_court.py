"""verify, open, disclose and receipt: what a court and the company get to see."""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import pytest

import ledger
from ledger.chain.receipt import parse_receipt
from ledger.chain.report import CONTENT, FAILED, LEDGER, PROVEN, Claim, Report
from ledger.chain.trust import format_trust, parse_trust
from ledger.cli import text
from ledger.cli.court.overview import overview_page, receipt_alone
from ledger.crypto.envelope import encrypt_bytes
from ledger.crypto.recipients import HybridIdentity, ScryptRecipient
from ledger.evidence.partial import Selection
from ledger.evidence.parts import Part
from ledger.evidence.plain_zip import Reader, Writer
from ledger.evidence.records import Rendition
from tests.cli.conftest import Company, Served, new_company, run
from tests.disclosed import Shown, file

CONTRACT, ANNEX = "第一条……\n".encode() * 4000, os.urandom(70_000)


def deposit(company: Company) -> Company:
    company.write("契约/合同.txt", CONTRACT)
    company.write("契约/annex/a.bin", ANNEX)
    company.write("letter.txt", b"letter")
    company("deposit", "契约", "letter.txt")
    return company


@pytest.fixture
def deposited(company: Company) -> Company:
    return deposit(company)


@pytest.fixture(scope="module")
def disclosed(tmp_path_factory: pytest.TempPathFactory, notary: Served) -> Path:
    """A folder with an evidence file from a company, and the trust file from the office."""
    folder = tmp_path_factory.mktemp("disclosed")
    company = new_company(folder / "company", notary)
    with contextlib.chdir(company.folder):
        company.init()
        company.enrol()
        deposit(company)("disclose", "契约", "-o", folder / "case.evidence")
    shutil.copy(notary.trust_file, folder / "office.trust")
    return folder


@pytest.fixture
def case(disclosed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A court's folder, with what was disclosed to it."""
    court = tmp_path / "court"
    court.mkdir()
    for name in ("case.evidence", "office.trust"):
        shutil.copy(disclosed / name, court)
    monkeypatch.chdir(court)
    return court


def verify(*arguments: object, code: int = 0) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run("verify", *arguments, "--json", code=code).stdout)
    return result


def test_a_court_gets_the_documents_and_a_good_report(case: Path) -> None:
    answer = verify("case.evidence", "--trust", "office.trust", "-o", "shown")
    assert answer["good"] is True
    assert (case / "shown/case/合同.txt").read_bytes() == CONTRACT
    assert (case / "shown/case/annex/a.bin").read_bytes() == ANNEX


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
    assert shown.stderr.startswith("sealbook: (1) is not a receipt or an evidence file")
    assert "ask for a new copy" in shown.stderr
    assert shown.stderr.splitlines()[1:] == [f"  (1)  “{file}”"]


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
    claims = {each["claim"]: each["status"] for each in answer["reports"][0]["claims"]}
    assert answer["good"] is True
    assert (claims["content"], claims["time"]) == ("not-shown", "stated")


def test_at_home_the_originals_are_compared_by_the_vaults_opening(deposited: Company) -> None:
    def content(*arguments: object, code: int = 0) -> str:
        report = deposited.json("verify", *arguments, code=code)["reports"][0]
        found: str = next(each["status"] for each in report["claims"] if each["claim"] == "content")
        return found

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
    assert len(shown.splitlines()) < 84
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
    assert not Path("out").exists()


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
    assert "renamed  “CON.txt”" in shown


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


# --- shown in part


MAILBOX = b"".join(
    b"From x Tue Mar 10 14:32:00 2026\nFrom: li@example.org\nSubject: price %d\n\nIt is %d.\n\n"
    % (number, number * 17)
    for number in range(1, 13)
)


@pytest.fixture
def in_part(company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A court's folder with a mailbox of which a body, a header field and the name are shown."""
    company.write("邮箱.mbox", MAILBOX)
    company("deposit", "邮箱.mbox")
    court = tmp_path / "court"
    court.mkdir()
    shutil.copy(company.notary.trust_file, court / "office.trust")
    only = ["message 7/body", "message 3/header/Subject", "field name", "field source"]
    selectors = [each for selector in only for each in ("--only", selector)]
    company("disclose", "邮箱.mbox", *selectors, "-o", court / "case.evidence")
    monkeypatch.chdir(court)
    return court


def content(answer: dict[str, Any]) -> dict[str, Any]:
    report = answer["reports"][0]
    return next(each for each in report["claims"] if each["claim"] == "content")


def test_parts_are_proven_with_their_place_and_written_byte_for_byte(in_part: Path) -> None:
    answer = verify("case.evidence", "--trust", "office.trust", "-o", "shown")
    claim = content(answer)
    assert (claim["status"], claim["by"]) == ("proven", "partial-opening")
    (document,) = claim["facts"]["documents"]
    assert document["name"] == "邮箱.mbox" and document["whole"] is False
    paths = [part["path"] for part in document["parts"]]
    assert paths == ["message 3 of 12/header/Subject", "message 7 of 12/body"]
    assert all(0 < part["position"] < part["total"] for part in document["parts"])
    folder = in_part / "shown/case/邮箱.mbox.parts"
    assert (folder / "message 7 of 12/body.txt").read_bytes().startswith(b"It is 119.\n")
    subject = folder / "message 3 of 12/header/Subject.txt"
    assert subject.read_bytes() == b"Subject: price 3\n"
    assert {Path(each["file"]) for each in answer["documents"]} == {
        each for each in (in_part / "shown").rglob("*") if each.is_file()
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_gaps_stand_where_they_are_in_the_report_and_beside_the_parts(
    in_part: Path, language: str
) -> None:
    arguments = ("case.evidence", "--trust", "office.trust", "-o", "shown", "--lang", language)
    page = run("verify", *arguments).stdout
    gaps = (in_part / "shown/case/_gaps.txt").read_text("utf-8")
    assert all(text.columns(line) <= 80 for line in page.splitlines())
    (document,) = content(verify(*arguments[:3]))["facts"]["documents"]
    first = document["parts"][0]["first"]
    words = {
        "en": (f"pieces 1 to {first - 1}", "not shown", "as stated by the depositor's software"),
        "zh": (f"第 1 至 {first - 1}", "未开示", "存证人软件在封存时的声明"),
    }[language]
    flat = page.replace("\n", " ").replace("    ", "")
    assert all(each in gaps.replace("\n", " ") for each in words[:2])
    assert all(each in flat.replace("  ", " ") or each in page for each in words[:2])
    assert "message 7 of 12/body" in gaps
    assert "price 7" not in page + gaps


def test_a_changed_part_or_proof_is_refused_and_writes_nothing(in_part: Path) -> None:
    good = (in_part / "case.evidence").read_bytes()
    for mark in (b"It is 119.", b"opened"):
        data = bytearray(good)
        data[data.find(mark) + 8] ^= 1
        (in_part / "case.evidence").write_bytes(data)
        run("verify", "case.evidence", "--trust", "office.trust", "-o", "shown", code=1)
        assert not (in_part / "shown").exists() or not list((in_part / "shown").iterdir())


def test_parts_are_never_written_over_others(in_part: Path) -> None:
    (in_part / "shown/case").mkdir(parents=True)
    (in_part / "shown/case/_gaps.txt").write_bytes(b"mine")
    run("verify", "case.evidence", "--trust", "office.trust", "-o", "shown", code=1)
    assert [each.name for each in (in_part / "shown/case").iterdir()] == ["_gaps.txt"]
    assert (in_part / "shown/case/_gaps.txt").read_bytes() == b"mine"


HOSTILE = [
    "../../outside",
    "/etc/outside",
    "C:\\outside",
    "_gaps.txt",
    "CON",
    "a\nb\x1b[31m",
    "same",
    "same/deeper",
    "same.txt",
    "..",
    "x" * 900,
]


def test_no_path_of_a_part_leaves_the_folder_or_hides_another(tmp_path: Path) -> None:
    pieces = [b"%d" % number for number in range(len(HOSTILE))]
    parts = [Part(path, at, 1) for at, path in enumerate(HOSTILE, 1)]
    documents = [file("../out.txt", pieces, *parts), file("b/../c", pieces, *parts)]
    shown = Shown([replace(documents[0], name="out.txt"), replace(documents[1], name="c")])
    chosen = tuple(range(1, len(parts) + 1))
    selections = [Selection(0, parts=chosen, fields=("name",)), Selection(1, parts=chosen)]
    (tmp_path / "in").mkdir()
    (tmp_path / "in/case.evidence").write_bytes(shown.evidence(*selections))
    (tmp_path / "in/office.trust").write_bytes(format_trust(shown.office.trust()))
    trust, evidence = tmp_path / "in/office.trust", tmp_path / "in/case.evidence"
    page = run("verify", evidence, "--trust", trust, "-o", tmp_path / "in/out").stdout
    assert "\x1b" not in page
    written = [each for each in (tmp_path / "in/out").rglob("*") if each.is_file()]
    assert sorted(each.read_bytes() for each in written if each.name != "_gaps.txt") == sorted(
        2 * pieces
    )
    assert {each.name for each in tmp_path.iterdir()} == {"in"}
    assert {each.name for each in (tmp_path / "in").iterdir()} == {
        "case.evidence", "office.trust", "out"
    }  # fmt: skip


@pytest.mark.parametrize("selectors", [(), ("--only", "amendments.txt")])
def test_a_forgery_in_an_empty_document_is_refused_at_home_at_the_counter_and_by_the_service(
    company: Company, selectors: tuple[str, ...]
) -> None:
    company.write("papers/amendments.txt", b"")
    company.write("papers/price.csv", b"41.50")
    company("deposit", "papers")
    company("disclose", "papers", *selectors, "-o", "good.evidence")
    out = io.BytesIO()
    with (company.folder / "good.evidence").open("rb") as good:
        writer, reader = Writer(out), Reader(good)
        for member in reader.members:
            empty = member.name.endswith("/amendments.txt")
            data = b"The price is 14.50." if empty else reader.read(member, 0, member.size)
            writer.add(member.name, len(data), [data])
        writer.finish()
    forged = company.folder / "forged.evidence"
    forged.write_bytes(out.getvalue())

    def failed(report: dict[str, Any]) -> list[str]:
        return [each["claim"] for each in report["claims"] if each["status"] == FAILED]

    home = verify(forged, "--trust", company.notary.trust_file, code=1)
    counter = ("notary", "check", "--dir", company.notary.directory, forged, "--json")
    (line, *_) = run(*counter, code=1).stdout.splitlines()
    request = urllib.request.Request(
        company.notary.url + "/verify",
        data=forged.read_bytes(),
        headers={"content-type": "application/octet-stream"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        (served,) = json.load(response)["deposits"]
    for report in (*home["reports"], *json.loads(line)["reports"], served["report"]):
        assert failed(report) == [CONTENT]
    assert verify(company.folder / "good.evidence", "--trust", company.notary.trust_file)["good"]


def _written(folder: Path, data: bytes, shown: Shown) -> list[str]:
    folder.mkdir()
    (folder / "case.evidence").write_bytes(data)
    (folder / "office.trust").write_bytes(format_trust(shown.office.trust()))
    return ["verify", str(folder / "case.evidence"), "--trust", str(folder / "office.trust")]


@pytest.mark.parametrize("what", ["receipt", "size", "content"])
def test_a_file_that_does_not_hold_makes_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    deep = "/".join("a" * 500)
    shown = Shown([file(f"{deep}/{n}", [b"content"]) for n in range(3)])
    out, reader = io.BytesIO(), Reader(io.BytesIO(shown.evidence()))
    writer = Writer(out)
    for member in reader.members:
        data = reader.read(member, 0, member.size)
        if what == "receipt" and member.name.endswith(".receipt"):
            data = data.replace(b"notary.example", b"notary.elpmaxe")
        if what == "size" and member.name == "1/documents/3/2":
            data += b"?"
        if what == "content" and member.name == "1/documents/3/2":
            data = data.upper()
        writer.add(member.name, len(data), [data])
    writer.finish()
    made: list[object] = []
    mkdir = Path.mkdir
    arguments = _written(tmp_path / "in", out.getvalue(), shown)

    def noted(path: Path, *more: Any, **options: Any) -> None:
        made.append(path)
        mkdir(path, *more, **options)

    monkeypatch.setattr(Path, "mkdir", noted)
    run(*arguments, "-o", tmp_path / "new/out", code=1)
    assert bool(made) == (what == "content")
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_times_on_the_courts_disk_are_its_own(tmp_path: Path) -> None:
    shown = Shown([replace(file("a.txt", [b"a"]), modified=86_400)])
    arguments = _written(tmp_path / "in", shown.evidence(), shown)
    began = time.time()
    run(*arguments, "-o", tmp_path / "out")
    assert (tmp_path / "out/a.txt").stat().st_mtime > began - 60


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_verifying_that_is_killed_half_way_shows_nothing(
    tmp_path: Path, ending: signal.Signals
) -> None:
    shown = Shown([file(f"{n}.txt", [b"content"]) for n in range(3)])
    arguments = _written(tmp_path / "in", shown.evidence(), shown)
    script = (
        "import os; from ledger.disk import staging; from ledger.cli.root import cli\n"
        f"staging.Staging.place = lambda *_: os.kill(os.getpid(), {int(ending)})\n"
        "cli()\n"
    )
    command = [sys.executable, "-c", script, *arguments, "-o", str(tmp_path / "out")]
    environment = {**os.environ, "SEALBOOK_HOME": "/nonexistent"}
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert ended.returncode in (-ending, 128 + ending), ended.stderr
    left = list((tmp_path / "out").iterdir()) if (tmp_path / "out").exists() else []
    assert all(each.name.startswith(".sealbook-") for each in left)
    assert ending == signal.SIGKILL or not left
    run(*arguments, "-o", tmp_path / "out")
    assert (tmp_path / "out/case/2.txt").read_bytes() == b"content"


def test_an_unnamed_rendition_says_what_it_is_and_what_is_not_shown_of_it(tmp_path: Path) -> None:
    page = replace(
        file("a.pdf.pages/page 003.pdf", [b"%PDF-1"]),
        media_type="application/pdf",
        rendition=Rendition(0, "page", 3, 12),
    )
    shown = Shown([file("a.pdf", [b"%PDF"]), page])
    fields = ("media-type", "tool", "rendition")
    data = shown.evidence(Selection(1, whole=True, fields=fields))
    (tmp_path / "case.evidence").write_bytes(data)
    (tmp_path / "office.trust").write_bytes(format_trust(shown.office.trust()))
    arguments = ("verify", tmp_path / "case.evidence", "--trust", tmp_path / "office.trust")
    said = " ".join(run(*arguments, "-o", tmp_path / "out").stdout.split())
    assert "rendition page 3 of 12 of document 1 rendered by (stated) “sealbook 0.1”" in said
    assert "the match with the original is shown only by a full opening" in said
    name = "document 2, page 3 of 12 of document 1.pdf"
    assert (tmp_path / "out/case" / name).read_bytes() == b"%PDF-1"


def test_a_rendition_beside_its_original_is_called_one(tmp_path: Path) -> None:
    page = replace(file("a.pdf.pages/page 1.pdf", [b"%1"]), rendition=Rendition(0, "page", 1, 1))
    shown = Shown([file("a.pdf", [b"%PDF"]), page])
    (tmp_path / "case.evidence").write_bytes(shown.evidence())
    (tmp_path / "office.trust").write_bytes(format_trust(shown.office.trust()))
    arguments = ("verify", tmp_path / "case.evidence", "--trust", tmp_path / "office.trust")
    said = " ".join(run(*arguments).stdout.split())
    assert "1 are renditions made from the original at the deposit" in said
    assert "2 B rendition page 1 of 1 of document 1 rendered by (stated) “sealbook 0.1”" in said
    draft = run(*arguments, "--for", "FRE-902").stdout
    assert "page 1.pdf (rendered at the deposit)”\n    2 bytes, SHA-256" in draft


def test_a_part_is_checked_at_the_counter_as_well(in_part: Path, company: Company) -> None:
    directory = company.notary.directory
    command = ("notary", "check", "case.evidence", "--dir", directory, "--json")
    answer = json.loads(run(*command).stdout)
    assert content(answer)["by"] == "partial-opening"
    request = urllib.request.Request(
        company.notary.url + "/verify",
        (in_part / "case.evidence").read_bytes(),
        {"content-type": "application/octet-stream"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        served = json.load(response)
    assert served["deposits"][0]["report"] == answer["reports"][0]


# --- sealed for the court


COURT = HybridIdentity(bytes(range(32)))


@pytest.fixture
def sealed(in_part: Path) -> Path:
    """The evidence file sealed for the court, which has an identity file and one with a passphrase."""
    plain = (in_part / "case.evidence").read_bytes()
    (in_part / "case.evidence.age").write_bytes(
        encrypt_bytes(plain, [COURT.recipient()], os.urandom)
    )
    (in_part / "case.evidence").unlink()
    lines = f"# the court\n{COURT}\n".encode()
    (in_part / "court.key").write_bytes(lines)
    (in_part / "other.key").write_text(f"{HybridIdentity(bytes(32))}\n")
    recipient = ScryptRecipient("a court's passphrase", 10)
    (in_part / "locked.key").write_bytes(encrypt_bytes(lines, [recipient], os.urandom))
    (in_part / "passphrase").write_text("a court's passphrase\n")
    return in_part


@pytest.mark.parametrize(
    "identity", [("court.key",), ("locked.key", "--passphrase-file", "passphrase")]
)
def test_sealed_evidence_opens_for_its_reader_and_leaves_nothing_behind(
    sealed: Path, identity: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (sealed / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(sealed / "tmp"))
    answer = verify(
        "case.evidence.age", "--trust", "office.trust", "--identity", *identity, "-o", "shown"
    )
    assert answer["good"] is True and answer["file"] == "case.evidence.age"
    arguments = ("--trust", "office.trust", "--identity", *identity, "--for", "FRE-902")
    named = verify("case.evidence.age", *arguments)["declaration"]["file"]
    data = (sealed / "case.evidence.age").read_bytes()
    assert named == {"name": "case.evidence.age", "sha-256": sha256(data).hexdigest()}
    assert (sealed / "shown/case/_gaps.txt").exists()
    assert not list((sealed / "tmp").iterdir())


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_closed_terminal_leaves_no_plaintext_behind(sealed: Path) -> None:
    (sealed / "tmp").mkdir()
    script = (
        "import os, signal; from ledger.cli.court import evidence; from ledger.cli.root import cli\n"
        "evidence.read_evidence = lambda *_: os.kill(os.getpid(), signal.SIGHUP)\n"
        "cli()\n"
    )
    arguments = [
        "verify",
        "case.evidence.age",
        "--trust",
        "office.trust",
        "--identity",
        "court.key",
    ]
    environment = {**os.environ, "TMPDIR": str(sealed / "tmp"), "SEALBOOK_HOME": "/nonexistent"}
    command = [sys.executable, "-c", script, *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert ended.returncode == 128 + signal.SIGHUP, ended.stderr
    assert not list((sealed / "tmp").iterdir())


@pytest.mark.parametrize(
    ("more", "said", "code"),
    [
        ((), "--identity FILE", 2),
        (("--identity", "other.key"), "not sealed for the identity in", 1),
        (("--identity", "office.trust"), "is not an age identity file", 1),
        (("--identity", "locked.key"), "is under a passphrase", 1),
        (("--identity", "locked.key", "--passphrase-file", "other.key"), "passphrase", 1),
        (("--identity", "missing"), "cannot be read", 2),
    ],
)
def test_sealed_evidence_that_does_not_open_is_told_in_a_sentence(
    sealed: Path, more: tuple[str, ...], said: str, code: int
) -> None:
    shown = run("verify", "case.evidence.age", "--trust", "office.trust", *more, code=code)
    assert said in shown.stderr and not shown.stdout


def test_altered_sealed_evidence_gives_nothing(sealed: Path) -> None:
    data = bytearray((sealed / "case.evidence.age").read_bytes())
    data[-20] ^= 1
    (sealed / "case.evidence.age").write_bytes(data)
    arguments = ("--trust", "office.trust", "--identity", "court.key", "-o", "shown")
    run("verify", "case.evidence.age", *arguments, code=1)
    assert not (sealed / "shown").exists()


def test_an_identity_is_for_sealed_evidence_only(case: Path) -> None:
    (case / "court.key").write_text(f"{COURT}\n")
    arguments = ("case.evidence", "--trust", "office.trust", "--identity", "court.key")
    assert "is not sealed" in run("verify", *arguments, code=2).stderr


# --- a matter


@pytest.fixture
def matter(company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A court's folder with all receipts of a matter, one of its papers shown."""
    for number in range(1, 4):
        company.write(f"draft{number}.txt", b"draft %d" % number)
        company("deposit", f"draft{number}.txt", "--matter", "supply")
    court = tmp_path / "court"
    court.mkdir()
    company(
        "disclose", "--matter", "supply", "--complete", "draft2.txt", "-o", court / "m.evidence"
    )
    office = parse_trust(company.notary.trust_file.read_bytes())
    strict = replace(office, required=(*office.required, "content"))
    (court / "strict.trust").write_bytes(format_trust(strict))
    shutil.copy(company.notary.trust_file, court / "office.trust")
    monkeypatch.chdir(court)
    return court


@pytest.mark.parametrize("trust", ["office.trust", "strict.trust"])
def test_all_papers_of_a_matter_are_shown_to_be_there(matter: Path, trust: str) -> None:
    answer = verify("m.evidence", "--trust", trust, "-o", "shown")
    assert answer["good"] is True
    (found,) = answer["matters"]
    assert (found["status"], found["numbers"], found["missing"]) == ("proven", [[1, 3]], [])
    statuses = [content({"reports": [report]})["status"] for report in answer["reports"]]
    assert statuses == ["not-shown", "proven", "not-shown"]
    assert [each.name for each in (matter / "shown").rglob("*.txt")] == ["draft2.txt"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ("Numbers 1 to 3 of one matter, unbroken", "never deposited", "No content is shown"),
        ),
        ("zh", ("同一事项第 1 至 3 号，连续无缺", "从未存证", "未出示、未比对任何内容")),
    ],
)
def test_a_matter_is_one_section_and_says_what_it_does_not_show(
    matter: Path, language: str, words: tuple[str, ...]
) -> None:
    arguments = ("m.evidence", "--trust", "office.trust", "--full", "--lang", language)
    page = run("verify", *arguments).stdout
    flat = page.replace("\n    ", "" if language == "zh" else " ")
    assert all(word in flat for word in words)
    assert all(text.columns(line) <= 80 for line in page.splitlines())


@pytest.mark.parametrize(
    ("language", "order", "receipt", "number"),
    [
        (
            "en",
            ("m.evidence", "each of the 3 deposits is proven", "Numbers 1 to 3 of one matter",
             "all of it", "--full", "2 of 3"),
            "receipt alone",
            "{} of 3",
        ),
        (
            "zh",
            ("m.evidence", "3 份存证中，要求证明的各项均已证明", "第 1 至 3 号，连续无缺", "全文",
             "--full", "第 2 份，共 3 份"),
            "仅回执",
            "第 {} 份，共 3 份",
        ),
    ],
)  # fmt: skip
def test_a_file_of_several_deposits_begins_with_its_result_and_a_line_for_each(
    matter: Path, language: str, order: tuple[str, ...], receipt: str, number: str
) -> None:
    arguments = ("m.evidence", "--trust", "office.trust", "--lang", language)
    page = run("verify", *arguments).stdout
    places = [page.index(words) for words in order]
    assert places == sorted(places)
    rows = [line.split() for line in page.splitlines() if line.endswith(receipt)]
    assert [row[:2] for row in rows] == [["1", "1"], ["3", "3"]]
    assert all(text.columns(line) <= 80 for line in page.splitlines())
    assert number.format(1) not in page
    full = run("verify", *arguments, "--full").stdout
    assert all(number.format(each) in full for each in (1, 2, 3))
    assert run("verify", *arguments, "--json").stdout == (
        run("verify", *arguments, "--json", "--full").stdout
    )


def test_the_line_of_a_receipt_that_lacks_what_is_required_says_so(
    matter: Path, company: Company
) -> None:
    company("disclose", "--matter", "supply", "--complete", "-o", matter / "receipts.evidence")
    page = run("verify", "receipts.evidence", "--trust", "strict.trust", code=1).stdout
    assert "Not good: 3 of 3 deposits do not show what is required." in page
    assert page.count("Required but not proven: Content.") == 3
    assert "1 of 3" not in page


def test_a_deposit_that_does_not_hold_is_named_and_reported_on() -> None:
    broken = Report((Claim(LEDGER, FAILED, reason="the proof does not fit"),), (LEDGER,))
    unread = Report((Claim(LEDGER, PROVEN, facts={"index": 7}),), (LEDGER,))
    assert receipt_alone(unread)
    assert not receipt_alone(broken)
    page = click.unstyle(overview_page([unread, broken], (), "en", [], full=True))
    assert "Not good: 1 of 2 deposits" in page
    (line,) = [each for each in page.splitlines() if each.startswith("2 ")]
    assert line.endswith("does not hold")
    assert "Does not hold: Ledger entry." in page
    assert "--full" not in page


# --- by a rule


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("rule", ["在线诉讼规则", "online-litigation"])
def test_the_articles_are_answered_one_after_the_other(
    in_part: Path, language: str, rule: str
) -> None:
    arguments = ("case.evidence", "--trust", "office.trust", "--for", rule)
    page = run("verify", *arguments, "--lang", language).stdout
    assert all(text.columns(line) <= 80 for line in page.splitlines())
    heads = {"en": "Article {}", "zh": "第十{}条"}[language]
    numbers = {"en": (16, 17, 18, 19), "zh": ("六", "七", "八", "九")}[language]
    places = [page.find("\n" + heads.format(number)) for number in numbers]
    assert -1 not in places and places == sorted(places)
    answer = verify(*arguments)
    (answers,) = answer["answers"]
    found = {each["question"]: each for each in answers}
    assert (found["consistent"]["status"], found["source"]["by"]) == (
        "proven",
        "depositor-software",
    )
    assert found["rules"]["facts"]["platform"]


def test_the_program_names_itself_by_a_hash_that_other_tools_compute(case: Path) -> None:
    answer = verify("case.evidence", "--trust", "office.trust", "--for", "诉讼规则")
    (answers,) = answer["answers"]
    stated = next(each["facts"] for each in answers if each["question"] == "program")
    command = (
        "find ledger -name '*.py' ! -path 'ledger/api/*' | LC_ALL=C sort | "
        "xargs sha256sum | sha256sum"
    )
    package = Path(next(iter(ledger.__path__))).parent
    shown = subprocess.run(["sh", "-c", command], cwd=package, capture_output=True, check=True)
    assert shown.stdout.decode().split()[0] == stated["code"]


def test_a_rule_that_is_not_known_is_wrong_usage(case: Path) -> None:
    shown = run("verify", "case.evidence", "--trust", "office.trust", "--for", "GDPR", code=2)
    assert "在线诉讼规则" in shown.stderr and "FRE-902" in shown.stderr


def test_a_receipt_is_answered_for_as_well(deposited: Company) -> None:
    trust = deposited.notary.trust_file
    arguments = ("letter.txt.receipt", "--trust", trust, "--for", "在线诉讼规则")
    (answers,) = verify(*arguments)["answers"]
    statuses = {each["question"]: each["status"] for each in answers}
    assert (statuses["stored"], statuses["consistent"]) == ("proven", "not-shown")


def test_a_declaration_identifies_each_copy_by_its_hash(in_part: Path) -> None:
    arguments = ("case.evidence", "--trust", "office.trust", "--for", "FRE-902")
    shown = run("verify", *arguments, "-o", "shown")
    assert shown.stdout.startswith("*** DRAFT ***")
    assert shown.stdout.rstrip().endswith("*** DRAFT ***")
    assert all(text.columns(line) <= 80 for line in shown.stdout.splitlines())
    answer = verify(*arguments)["declaration"]
    (copies,) = answer["copies"]
    files = sorted((in_part / "shown").rglob("*.txt"))
    hashes = {sha256(each.read_bytes()).hexdigest() for each in files if each.name != "_gaps.txt"}
    assert {each["sha-256"] for each in copies} == hashes
    assert all(each in shown.stdout for each in hashes)


def test_nothing_is_drafted_from_a_report_that_is_not_good(in_part: Path) -> None:
    data = bytearray((in_part / "case.evidence").read_bytes())
    data[data.find(b"It is 119.") + 3] ^= 1
    (in_part / "case.evidence").write_bytes(data)
    arguments = ("verify", "case.evidence", "--trust", "office.trust", "--for", "FRE-902")
    shown = run(*arguments, code=1)
    assert "DRAFT" not in shown.stdout and "FAILED" in shown.stdout
    assert "No declaration is drafted" in shown.stderr
    shown = run(*arguments[:4], "--for", "诉讼规则", "--lang", "zh", code=1)
    assert "第十六条" in shown.stdout and "不成立" in shown.stdout


def test_content_that_is_too_short_is_reported_where_a_draft_was_wanted(in_part: Path) -> None:
    with (in_part / "case.evidence").open("rb") as file:
        archive = Reader(file)
        members = [(each.name, archive.read(each, 0, each.size)) for each in archive.members]
    with (in_part / "short.evidence").open("wb") as out:
        writer = Writer(out)
        for name, data in members:
            data = data[:-1] if "/parts/" in name else data
            writer.add(name, len(data), [data])
        writer.finish()
    arguments = ("verify", "short.evidence", "--trust", "office.trust", "--for", "FRE-902")
    shown = run(*arguments, code=1)
    assert "DRAFT" not in shown.stdout and "FAILED" in shown.stdout
