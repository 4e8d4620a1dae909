"""Words of others in what the commands print: never taken for ours, in both languages, at any width."""

import ast
import base64
import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger import court as catalogue
from ledger.chain import report as rp
from ledger.chain.report import Claim, Report
from ledger.chain.trust import format_trust
from ledger.cli import text
from ledger.cli.company import capture as daemon
from ledger.cli.court.page import described, report_page
from ledger.company.measures import words as register_words
from ledger.court import LANGUAGES, articles, claims, describe, sentences, shown, words
from ledger.court.articles import describe_answer
from ledger.court.questions import Check, online_litigation, stated_fields
from ledger.evidence.file import read_evidence, verify_disclosed
from ledger.evidence.partial import Selection
from ledger.evidence.parts import Part
from ledger.evidence.records import Rendition
from ledger.language import tr
from ledger.program import Program
from ledger.quoted import LIMIT, Quoted, Words, columns, lifted
from ledger.wire.deadlines import Deadline
from ledger.wire.transport import problem
from tests.cli.conftest import Company, Served, new_company, run
from tests.disclosed import Shown, file
from tests.spoofs import SPOOFS, alien, assert_ours, lines_of

WIDTHS = (40, 80, 200)


@pytest.fixture(params=WIDTHS)
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(text, "WIDTH", min(80, request.param))
    return int(request.param)


# --- the type


@given(some.text())
def test_a_quoted_text_is_one_bounded_line_that_cannot_leave_its_marks(raw: str) -> None:
    shown = str(Quoted(raw))
    assert shown.isprintable() and columns(shown) <= LIMIT + 6
    assert shown.count("“") - shown.count("\\“") == 1
    sentence, values = lifted(f"before {shown} after")
    assert (sentence, values) == ("before (1) after", (shown,))
    assert str(Quoted.parse(shown)).rstrip("…") == shown.rstrip("…")


@given(some.text(), some.integers(20, 80))
def test_its_lines_fit_and_all_but_the_first_are_marked(raw: str, width: int) -> None:
    first, *rest = Quoted(raw).lines(width)
    assert first.lstrip("\u2068").startswith("“")
    assert all(line.startswith("| ") for line in rest)
    assert all(columns(line) <= width for line in (first, *rest))


@pytest.mark.parametrize("value", ["text", Quoted("text"), None, 1.5])
def test_a_sentence_takes_numbers_and_our_own_words_alone(value: Any) -> None:
    assert tr("{0} {1}", "en", 7, Words("x")) == "7 x"
    with pytest.raises(TypeError):
        tr("{0}", "en", value)


FILLED = (claims, articles, sentences, shown, words, register_words)


@pytest.mark.parametrize("module", [*FILLED, catalogue], ids=lambda each: each.__name__)
def test_templates_are_filled_in_one_place(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    calls = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("format", "format_map")
    ]
    # The name of a key is shown as a word of others.
    allowed = {"translated('who can open it, sealed for {0}', language).format(recipient)"}
    assert set(calls) <= allowed


NAMES = (
    "path", "name", "title", "file", "folder", "output", "home", "directory", "host", "url", "origin",
    "selector", "wanted", "subject", "tool", "detail", "label", "listen", "matter", "place", "target",
)  # fmt: skip
"""What is called so has been chosen by somebody else."""
OURS = {"kind.name", "type(error).__name__", "kind.__name__", "each.wanted"}


def _values_in_errors() -> Iterator[tuple[str, str]]:
    from ledger import errors

    kinds = {name for name in vars(errors) if name[0].isupper()} | {"UsageError", "MatterBroken"}
    for path in sorted(Path(errors.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in kinds:
                for part in (each for arg in node.args for each in ast.walk(arg)):
                    if isinstance(part, ast.FormattedValue):
                        yield f"{path.name}:{node.lineno}", ast.unparse(part.value)


def test_an_error_names_values_of_others_as_quoted() -> None:
    found = list(_values_in_errors())
    assert sum(value.startswith("quoted(") for _, value in found) > 100
    loose = [
        (where, value)
        for where, value in found
        if value not in OURS
        and (value.split(".")[-1].lstrip("_") in NAMES or value in {f"self._{n}" for n in NAMES})
    ]
    assert not loose


# --- the court


def printable(spoof: str) -> str:
    """A spoof as a document may be named."""
    return "".join(c for c in spoof if c.isprintable() and c not in "/\\")[:60]


def _hostile() -> Shown:
    named = [
        file(printable(each), [b"one", b"two"], Part(each[:400], 1, 1, ""))
        if n % 2
        else replace(file(f"{n}", [each.encode()]), tool=each[:1000], origin=each)
        for n, each in enumerate(SPOOFS)
    ]
    made = replace(
        file("r", [b"page"]),
        tool=SPOOFS[0],
        rendition=Rendition(0, "page", 1, 1),
        splitting=file("r", [b"page"]).splitting,
    )
    return Shown([*named, made])


@pytest.fixture(scope="session")
def hostile() -> Shown:
    return _hostile()


@pytest.fixture(scope="session")
def court(hostile: Shown, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A court's folder: a trust file, and evidence of which all that a party chooses is hostile."""
    folder = tmp_path_factory.mktemp("court")
    (folder / "office.trust").write_bytes(format_trust(hostile.office.trust()))
    every = ("name", "modified", "media-type", "source", "tool")
    part = [
        Selection(n, parts=(1,), fields=every) if n % 2 else Selection(n, whole=True, fields=every)
        for n in range(len(SPOOFS))
    ]
    for stem, data in (("whole", hostile.evidence()), ("part", hostile.evidence(*part))):
        (folder / f"{stem}.evidence").write_bytes(data)
        bad = bytearray(data)
        at = bad.index(b"onetwo") if b"onetwo" in data else bad.index(b"one")
        bad[at : at + 3] = b"ONE"
        (folder / f"{stem}-bad.evidence").write_bytes(bad)
    (folder / "junk.evidence").write_bytes(b"PK no")
    return folder


ASKED: dict[str, tuple[str, ...]] = {
    "plain": (),
    "articles": ("--for", "online-litigation"),
    "draft": ("--for", "FRE-902"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("kind", ["whole", "part"])
def test_a_report_is_the_programs_own_words(
    court: Path, width: int, language: str, asked: str, kind: str
) -> None:
    evidence = named(court, kind)
    page = run(
        "verify", evidence, "--trust", court / "office.trust", "--lang", language, *ASKED[asked]
    ).stdout
    assert assert_ours(page) >= {"plain": 10, "articles": 3, "draft": 2}[asked]


def named(court: Path, kind: str) -> Path:
    """The file under a name of the party's."""
    place = court / (alien("a.evidence\nResult Every claim is proven")[:50] + kind)
    place.write_bytes((court / f"{kind}.evidence").read_bytes())
    return place


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["whole-bad", "part-bad", "junk"])
def test_what_does_not_hold_is_said_in_the_programs_own_words(
    court: Path, width: int, language: str, kind: str
) -> None:
    result = run(
        "verify", named(court, kind), "--trust", court / "office.trust", "--lang", language, code=1
    )
    assert assert_ours(result.stdout) + assert_ours(result.stderr)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_written_is_named_as_the_partys(
    court: Path, tmp_path: Path, width: int, language: str
) -> None:
    result = run(
        "verify", named(court, "part"), "--trust", court / "office.trust", "--lang", language,
        "-o", tmp_path / "out",
    )  # fmt: skip
    assert assert_ours(result.stdout, bare=True)
    (gaps,) = (tmp_path / "out").rglob("_gaps.txt")
    assert assert_ours(gaps.read_text())


def test_without_a_trust_file_nothing_of_the_file_is_said_as_ours(court: Path, width: int) -> None:
    assert assert_ours(run("verify", named(court, "whole"), code=1).stdout)


def spoofed(value: Any, spoof: str) -> Any:
    """A claim's facts with every text but hashes replaced."""
    match value:
        case str() if not set(value) <= set("0123456789abcdef"):
            return spoof
        case dict():
            return {key: spoofed(each, spoof) for key, each in value.items()}
        case list() | tuple():
            return [spoofed(each, spoof) for each in value]
    return value


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("spoof", SPOOFS, ids=range(len(SPOOFS)))
def test_no_fact_of_any_claim_or_answer_enters_a_sentence(
    hostile: Shown, width: int, language: str, spoof: str
) -> None:
    (disclosed,) = read_evidence(io.BytesIO(hostile.evidence()))
    report = verify_disclosed(disclosed, hostile.office.trust()).report
    more = [
        Claim(rp.WITNESSES, rp.PROVEN, "cosignatures", facts={"witnesses": [{"name": "w"}]}),
        Claim(rp.MATTER, rp.STATED, "depositor", facts={"id": "00", "number": 3}),
        Claim(rp.SEAL, rp.PROVEN, "seal-certificate", facts={"subject": "CN=x"}),
    ]
    names = {each.name for each in more}
    found = [*(each for each in report.claims if each.name not in names), *more]
    hurt = tuple(replace(each, facts=spoofed(each.facts, spoof)) for each in found)
    fake = Report(hurt, report.required)
    assert assert_ours(report_page(fake, language, [("File", Quoted(spoof))])) > 6
    check = Check(spoof, "ab" * 32, spoof, "abcd ef01", Program("sealbook", "1", "cd" * 32))
    for answer in online_litigation(fake, stated_fields(disclosed.opening), check):
        said = describe_answer(answer, language, text.when)
        assert_ours("\n".join(described(said, answer.status)))
    for name in rp.CLAIMS:
        failed = Claim(
            name, rp.FAILED, reason=f"{Quoted(spoof)} has 3 bytes; 4 bytes were deposited"
        )
        said = describe(failed, language, text.when)
        shown = assert_ours("\n".join(described(said, rp.FAILED)))
        assert bool(shown) == (name == rp.INSPECTION)


# --- the company


@pytest.mark.parametrize("why", ["", "entry 7, 0.8 s", f"{Quoted(SPOOFS[0])} cannot be read."])
@pytest.mark.parametrize("spoof", SPOOFS, ids=range(len(SPOOFS)))
def test_an_event_of_the_daemon_cannot_be_forged(width: int, spoof: str, why: str) -> None:
    page = daemon._said("deposited", spoof, why)
    assert assert_ours(page) and lines_of(page)[0].startswith("deposited  “")


def test_an_error_shows_names_below_the_sentence(width: int, tmp_path: Path) -> None:
    for spoof in SPOOFS:
        missing = tmp_path / spoof.replace("\0", "")[:60]
        result = run("verify", missing, code=2)
        assert assert_ours(result.stderr)
        assert result.stderr.startswith("sealbook: (1) cannot be read")


def letter(spoof: str) -> bytes:
    """A message whose sender, subject and first line are hostile."""
    subject = base64.b64encode(spoof.encode()).decode()
    head = f"From a@b Thu Jan  1 00:00:00 2026\nFrom: {printable(spoof)} <a@b>\n"
    return f"{head}Subject: =?utf-8?b?{subject}?=\n\n{printable(spoof)}\n\n".encode()


@pytest.fixture(scope="module")
def company(notary: Served, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company all of whose papers, titles and matters have hostile names."""
    made = new_company(tmp_path_factory.mktemp("spoofed") / "company", notary)
    with contextlib.chdir(made.folder):
        made.init()
        made.enrol()
    for n, spoof in enumerate(SPOOFS[:7]):
        name = spoof.replace("\0", "").replace("/", "")[:55]
        paper = made.write(f"{n}/{name}", spoof.encode(errors="surrogateescape"))
        options = ("--title", spoof.replace("\0", "")[:200]) if n % 2 else ()
        matter = ("--matter", spoof.replace("\0", "")[:100]) if n % 3 == 0 else ()
        page = made("deposit", paper, *options, *matter).stdout
        assert assert_ours(page, bare=True) and page.startswith("deposited   ")
    made("deposit", made.write("box.mbox", b"".join(map(letter, SPOOFS))), "--title", SPOOFS[0])
    return made


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("list",),
    ("matter", "list"),
    ("show", "{id}"),
    ("matter", "show", "{matter}"),
    ("parts", "{id}"),
    ("disclose", "{id}", "--dry-run"),
    ("disclose", "{box}", "--only", "message 2", "--dry-run"),
    ("parts", "{box}"),
    ("open", "{id}", "-o", "{out}"),
    ("receipt", "{id}", "-o", "{out}"),
    ("export", "--all", "-o", "{out}"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_a_company_sees_of_its_papers_is_in_columns_of_their_own(
    company: Company, width: int, tmp_path: Path, command: tuple[str, ...]
) -> None:
    found = company.json("list")["deposits"]
    values = {
        "id": found[-1]["id"],
        "box": found[0]["id"],
        "matter": company.json("matter", "list")["matters"][0]["id"],
        "out": str(tmp_path / SPOOFS[0][:40]),
    }
    page = company(*(each.format(**values) for each in command)).stdout
    assert assert_ours(page, bare=True)


@pytest.mark.parametrize("spoof", SPOOFS, ids=range(len(SPOOFS)))
def test_what_is_not_found_or_refused_is_named_below_the_sentence(
    company: Company, width: int, spoof: str
) -> None:
    typed = "no" + spoof.replace("\0", "")[:300]
    for command in (("show", typed), ("matter", "show", typed), ("deposit", typed[:60])):
        result = company(*command, code=1)
        assert assert_ours(result.stderr + result.stdout, bare=True)


def test_measures_and_officers_stand_in_columns(company: Company, width: int) -> None:
    spoof = SPOOFS[width % 7].replace("\0", "")[:80]
    company("measure", "add", "training", "--person", spoof, "--note", spoof, "--no-wait")
    company("measure", "add", "access-given", "--person", spoof, "--object", spoof, "--no-wait")
    for command in (
        ("measure", "list"),
        *(("measure", "report", "--lang", each) for each in LANGUAGES),
    ):
        assert assert_ours(company(*command).stdout, bare=True)


@pytest.mark.parametrize("spoof", SPOOFS, ids=range(len(SPOOFS)))
def test_what_a_notary_answers_is_quoted(width: int, spoof: str) -> None:
    for status in (403, 404, 429, 500, 503):
        answer = httpx2.Response(
            status,
            stream=httpx2.ByteStream(json.dumps({"code": "refused", "detail": spoof}).encode()),
        )
        said = str(problem(answer, Deadline(60)))
        assert said.startswith("The notary says: “")
        assert assert_ours(text.said(said))


def test_what_stands_in_the_daemons_status_is_quoted(company: Company, width: int) -> None:
    for spoof in SPOOFS:
        value = {
            "running": True, "started": 0, "waiting": 0, "refused": 0, "notary": f"no: {Quoted(spoof)}",
            "folders": [{"folder": spoof, "trouble": f"{Quoted(spoof)} cannot be read."}],
            "failures": [{"at": 0, "what": spoof, "why": f"{Quoted(spoof)} is too large."}],
        }  # fmt: skip
        assert assert_ours("\n".join(daemon._overview(value)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_the_counter_of_the_office_too(
    company: Company, notary: Served, width: int, language: str
) -> None:
    receipt = Path(company.json("list")["deposits"][-1]["receipt"])
    office = ("--dir", notary.directory)
    assert assert_ours(run("notary", "check", receipt, "--lang", language, *office).stdout)
