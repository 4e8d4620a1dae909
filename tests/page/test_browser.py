"""The verifier page as a person uses it, in real Chromium with the network cut."""

import io
import json
import os
import random
import re
import shutil
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import typst
from click.testing import CliRunner
from playwright.sync_api import Browser
from pypdf import PdfReader

from ledger.chain.statement import Matter
from ledger.chain.trust import fingerprint, format_trust, parse_trust
from ledger.cli.root import cli
from ledger.company.documents import Document
from ledger.crypto.envelope import encrypt_bytes
from ledger.crypto.merkle import leaf_hash
from ledger.crypto.recipients import HybridIdentity, ScryptRecipient
from ledger.evidence.howto import HOWTO
from ledger.evidence.manifest import Cover, clipped
from tests.core.test_sealing import Memory
from tests.disclosed import Shown, file, zipped
from tests.faces import FAILING
from tests.notaries import Company, deposit, found
from tests.notaries import opened as opened_notary
from tests.page.browser import Clerk, content, opened, payload
from tests.page.building import MODULES, ROOT
from tests.spoofs import _ALIEN as ALIEN
from tests.spoofs import SPOOFS

VECTORS = ROOT / "examples/vectors"
TRUST = (VECTORS / "notary.trust").read_bytes()
GOLDEN = (
    "case.evidence", "part.evidence", "cover.evidence", "empty.evidence", "matter.evidence",
    "deposit-1.receipt", "deposit-2.receipt",
)  # fmt: skip


def vector(name: str) -> tuple[str, bytes]:
    return Path(name).name, (VECTORS / name).read_bytes()


def core_verdict(name: str, folder: Path) -> Any:
    """What `sealbook verify --json` prints of a golden file, without what lies beside it."""
    alone = folder / name
    alone.write_bytes((VECTORS / name).read_bytes())
    arguments = ["verify", str(alone), "--trust", str(VECTORS / "notary.trust"), "--json"]
    return json.loads(CliRunner().invoke(cli, arguments).stdout)


def picture(clerk: Clerk, name: str) -> None:
    """Keep a screenshot where the environment names a folder for it."""
    if folder := os.environ.get("SEALBOOK_SCREENSHOTS"):
        clerk.page.screenshot(path=f"{folder}/page-{name}.png", full_page=True)


def test_golden_files_are_judged_as_by_the_core_and_nothing_is_sent(
    browser: Browser, place: Path, tmp_path: Path
) -> None:
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        for number, name in enumerate(GOLDEN, 1):
            clerk.verify(vector(name), results=number)
            verdict, expected = clerk.verdict(), core_verdict(name, tmp_path)
            assert verdict["file"] == name
            for each in ("good", "trust", "reports", "matters"):
                assert verdict[each] == expected[each], name


def test_the_fingerprint_is_compared_before_anything_is_shown(
    browser: Browser, place: Path
) -> None:
    with opened(browser, place) as clerk:
        assert clerk.page.locator("#evidence-files").count() == 0
        clerk.page.set_input_files("#trust-file", VECTORS / "notary.trust")
        shown = clerk.page.inner_text(".fingerprint")
        assert shown.split() == fingerprint(TRUST).split()
        assert clerk.page.locator("#evidence-files").count() == 0
        clerk.page.click(".fingerprint ~ .acts button:nth-child(2)")
        assert "This trust file is not used" in clerk.text()
        assert clerk.page.locator("#evidence-files").count() == 0


def test_a_trust_file_among_the_evidence_is_refused(browser: Browser, place: Path) -> None:
    other = format_trust(parse_trust(TRUST)) + b"# another\n"
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        clerk.verify(("theirs.trust", other), vector("case.evidence"))
        assert "A trust file among the evidence is not used" in clerk.text()
        assert clerk.verdict()["trust"]["fingerprint"] == fingerprint(TRUST)


def test_where_something_fails_the_page_says_what_may_be_relied_on(
    browser: Browser, place: Path
) -> None:
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        for number, case in enumerate(FAILING, 1):
            clerk.verify((case.name, case.data), results=number)
            case.check(clerk.page.locator(".case").first.inner_text())
            shown = clerk.page.locator(".case").first.locator(
                ".claim, .piece, .icon.proven:visible"
            )
            assert bool(shown.count()) == case.kept
            assert clerk.page.locator(".case").first.locator(".piece").count() == 0
            picture(clerk, f"failed-{case.name}")


def said_beside(clerk: Clerk, main: tuple[str, bytes], *others: tuple[str, bytes]) -> str:
    """What the page says of documents that are added with a receipt or an evidence file."""
    clerk.verify(main, *others, results=clerk.page.locator(".case").count() + 1)
    return " ".join(clerk.page.locator(".compared").first.inner_text().split())


def test_only_what_follows_is_said_of_documents_beside(browser: Browser, place: Path) -> None:
    letter = (VECTORS / "documents/letter.txt").read_bytes()
    mine, other = ("mine.txt", letter), ("other.txt", b"x" * len(letter))
    office = ("word.docx", b"PK\x03\x04" + bytes(200))
    open_still = "Whether this document was deposited stays open"
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        alone = said_beside(clerk, vector("deposit-1.receipt"), mine)
        assert "this file shows no content" in alone and open_still in alone
        assert "this file shows no content" in said_beside(clerk, vector("cover.evidence"), mine)
        whole = said_beside(clerk, vector("case.evidence"), mine, other, office)
        assert "“mine.txt” is, byte for byte, what is shown above as document 1 of 2" in whole
        assert "“other.txt” is none of the documents shown above, and all that was" in whole
        assert "“word.docx” is none of the documents" in whole and open_still not in whole
        part = said_beside(clerk, vector("part.evidence"), mine, other)
        holds = "holds, byte for byte, what is shown above as document 1, part 2 of 3; the rest"
        assert f"“mine.txt” {holds}" in part
        assert "“other.txt” equals nothing that is shown above, and not all" in part
        assert open_still in part
        failed = said_beside(clerk, vector("refused/content-altered.evidence"), mine)
        assert "They were not compared" in failed and "mine.txt" not in failed


def test_a_damaged_file_is_told_so_and_stops_no_other(browser: Browser, place: Path) -> None:
    _, good = vector("case.evidence")
    bad = [
        ("empty.receipt", b""), ("noise.evidence", bytes(range(256))), ("cut.evidence", good[:900]),
        ("half.evidence.age", b"age-encryption.org"), ("a.receipt", b"\xd2\x84"),
    ]  # fmt: skip
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        clerk.verify(*bad[:3], ("case.evidence", good), *bad[3:], results=len(bad) + 1)
        for each in clerk.page.locator(".case").all():
            told = "This file cannot be used" in each.inner_text()
            assert told != ("case.evidence" in each.inner_text())
        assert clerk.verdict()["good"] is True
        clerk.page.set_input_files("#evidence-files", [payload(("only.docx", b"PK\x03\x04"))])
        clerk.page.get_by_text("Nothing here can be verified by itself").wait_for()


def test_the_headline_is_never_green_and_names_what_stays_open(
    browser: Browser, place: Path
) -> None:
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        clerk.verify(vector("case.evidence"))
        headline = clerk.page.locator(".headline")
        assert headline.locator(".icon.proven").count() == 0
        assert "Time · stated by the notary" in headline.inner_text()
        assert "Authorship, truth, secrecy · not shown" in headline.inner_text()
        colour = "getComputedStyle(document.querySelector('.verdict')).color"
        assert clerk.page.evaluate(colour) == "rgb(27, 42, 65)"
        picture(clerk, "case-en")


def forked_matter(folder: Path) -> tuple[bytes, bytes]:
    """A trust file, and receipts of two histories of one ledger, one of them altered."""
    one, other = found(folder / "one"), folder / "other"
    company = Company()
    with opened_notary(one) as notary:
        first = company.enrol(notary).statement(matter=Matter(bytes(16), 1, None))
        receipts = deposit(notary, [first])
    shutil.copytree(one, other)
    for each in (one, other):
        with opened_notary(each) as notary:
            place = Matter(bytes(16), 2, leaf_hash(first))
            receipts += deposit(notary, [company.statement(matter=place)])
            trust = notary.trust
    altered = receipts[0][:-1] + bytes([receipts[0][-1] ^ 1])
    members = enumerate([*receipts, altered], 1)
    receipts_of = [(f"{number}/deposit.receipt", each) for number, each in members]
    return trust, zipped([("HOWTO.txt", HOWTO.encode()), *receipts_of])


def test_a_contradiction_hides_no_bad_deposit(
    browser: Browser, place: Path, tmp_path: Path
) -> None:
    trust, file = forked_matter(tmp_path)
    with opened(browser, place) as clerk:
        clerk.trust(trust)
        clerk.verify(("two.evidence", file))
        said = clerk.page.locator(".headline").first.inner_text()
    assert "The receipts of one matter contradict each other." in said
    assert "1 of 4 deposits do not show what is required" in said


def test_parts_stand_in_their_order_with_gaps_between(browser: Browser, place: Path) -> None:
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        clerk.verify(vector("part.evidence"))
        rows = clerk.page.locator(".pieces > li").all_inner_texts()
        assert [row.split("\n")[0] for row in rows] == [
            "document 1 “letter.txt”",
            "not shown: piece 1",
            "part 2 of 3 · 56 B “paragraph 2 of 3”",
            "not shown: from piece 3 on, if there are more",
        ]
        clerk.page.click(".piece button")
        clerk.page.wait_for_selector(".piece pre")
        paragraph = (VECTORS / "documents/letter.txt").read_text().split("\n\n")[1]
        assert clerk.page.inner_text(".piece pre").strip() == paragraph.strip()


def test_what_is_saved_is_what_was_deposited(browser: Browser, place: Path) -> None:
    letter = (VECTORS / "documents/letter.txt").read_bytes()
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        clerk.verify(vector("case.evidence"))
        with clerk.page.expect_download() as saved:
            clerk.page.click(".piece:first-child button:nth-child(2)")
        assert (saved.value.suggested_filename, content(saved.value)) == ("letter.txt", letter)


def test_a_hash_function_that_is_trusted_no_more_is_named(browser: Browser, place: Path) -> None:
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        clerk.page.click(".doubts summary")
        clerk.page.fill("#doubt-sha384", "2045-01-01")
        clerk.verify(vector("cover.evidence"))
        assert "SHA-384 from 2045-01-01 on" in clerk.page.inner_text(".report-head")
        assert "It can be read and saved here only" not in clerk.text()


def test_it_says_its_own_hash_as_other_software_computes_it(browser: Browser, place: Path) -> None:
    with opened(browser, place) as clerk:
        shown = clerk.page.inner_text("footer .digest")
        assert shown.replace(" ", "") == sha256(place.read_bytes()).hexdigest()


def test_every_printed_sheet_names_file_trust_file_and_page(browser: Browser, place: Path) -> None:
    name, data = vector("matter.evidence")
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        clerk.verify((name, data))
        sheets = PdfReader(io.BytesIO(clerk.page.pdf(format="A4"))).pages
    assert len(sheets) > 1
    for sheet in sheets:
        printed = re.sub(r"\s", "", sheet.extract_text())
        for each in (data, TRUST, place.read_bytes()):
            assert sha256(each).hexdigest() in printed


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_axe_finds_nothing_on_a_phone(
    browser: Browser, place: Path, language: str, scheme: str
) -> None:
    with opened(browser, place, language, 360, color_scheme=scheme, bypass_csp=True) as clerk:
        clerk.page.add_script_tag(path=MODULES / "axe-core/axe.min.js")
        clear(clerk)
        clerk.page.set_input_files("#trust-file", VECTORS / "notary.trust")
        clerk.page.wait_for_selector(".fingerprint")
        clear(clerk)
        clerk.page.click("button.first")
        clerk.verify(vector("part.evidence"))
        clerk.page.click("summary")
        clear(clerk)
        clerk.verify(vector("refused/content-altered.evidence"), results=2)
        clear(clerk)
        picture(clerk, f"phone-{language[:2]}-{scheme}")


def clear(clerk: Clerk) -> None:
    """Axe finds nothing, and nothing is wider than the screen."""
    found = clerk.page.evaluate("axe.run().then((found) => found.violations)")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert clerk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_sealed_file_is_opened_with_its_identity(
    browser: Browser, place: Path, tmp_path: Path
) -> None:
    identity, (_, data) = HybridIdentity(bytes(range(32))), vector("case.evidence")
    sealed = encrypt_bytes(data, [identity.recipient()], os.urandom)
    keys = [ScryptRecipient("correct horse", 10)]
    locked = encrypt_bytes(str(identity).encode(), keys, os.urandom)
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        clerk.verify(("case.evidence.age", sealed))
        page = clerk.page
        picture(clerk, "sealed")
        page.fill("#identity", str(HybridIdentity(bytes(32))))
        page.click("form.sealed button")
        page.wait_for_selector("form.sealed .refused")
        assert "it was sealed for another" in clerk.text()
        page.set_input_files("#identity-file", payload(("court.key", locked)))
        page.fill("#passphrase", "wrong horse")
        page.click("form.sealed button")
        page.wait_for_selector("text=The passphrase is not the right one")
        page.set_input_files("#identity-file", payload(("court.key", locked)))
        page.fill("#passphrase", "correct horse")
        page.click("form.sealed button")
        page.wait_for_selector(".result")
        assert clerk.verdict()["reports"] == core_verdict("case.evidence", tmp_path)["reports"]


TEXT = "text \u202e\x1b[2J<b onclick=alert(1)>x</b>\n".encode()


@pytest.fixture(scope="module")
def hostile() -> tuple[bytes, bytes]:
    """An evidence file whose names, subjects and texts try everything, and its trust file."""
    mail = (
        b"From: =?utf-8?B?4oCuPHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==?= <a@x.example>\r\n"
        b"Subject: <img src=x onerror=alert(1)> \x1b[2J proven\r\nContent-Type: text/html\r\n\r\n"
        b"<p>Dear</p><script>document.title='owned'</script><img src=http://x.example/t.png>"
    )
    names = [re.sub(r"[\x00-\x1f\x7f/]", "!", f"{n} {each}") for n, each in enumerate(SPOOFS)]
    plain = [file(clipped(each)[:300], [TEXT]) for each in names]
    letter = replace(file("mail.eml", [mail]), media_type="message/rfc822")
    spoken = tuple((f"field-{n}", clipped(each)) for n, each in enumerate(SPOOFS))
    cover = Cover("<script>document.title='owned'</script>", spoken)
    shown = Shown([letter, *plain], cover)
    return shown.evidence(), format_trust(shown.office.trust())


def test_words_of_others_stay_words(
    browser: Browser, place: Path, hostile: tuple[bytes, bytes]
) -> None:
    data, trust = hostile
    with opened(browser, place) as clerk:
        clerk.trust(trust)
        name = "<img src=x onerror=alert(1)>\u202egnp.\x1b[2J" + "x" * 10_000 + ".evidence"
        clerk.verify((name, data))
        for button in clerk.page.locator(".piece button[aria-expanded]").all():
            button.click()
        clerk.page.locator(".reading").last.wait_for()
        clerk.page.wait_for_selector(".reading:not([aria-busy])")
        assert clerk.page.title() == "Sealbook verifier"
        assert clerk.page.locator("img, script[src], iframe, a[href^=http]").count() == 0
        said = clerk.text()
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x1b]", said)
        for each in clerk.page.locator(".other").all():
            assert len(each.inner_text()) <= 340
        assert clerk.page.locator("bdi.other").count() > len(SPOOFS)
        assert clerk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        ours = clerk.page.evaluate(OURS)
        assert not ALIEN.search(ours)
        picture(clerk, "hostile")


OURS = """(() => { const page = document.body.cloneNode(true);
    for (const each of page.querySelectorAll('.other, pre, script')) each.remove();
    return page.textContent; })()"""
"""What the page says outside of values and content."""


def test_a_pdf_is_drawn_without_a_network_or_eval(browser: Browser, place: Path) -> None:
    pdf = typst.compile(b'#set text(font: "Noto Serif CJK SC")\nContract\n#pagebreak()\nsecond')
    document = Document(Memory(pdf), "contract.pdf", media_type="application/pdf")
    shown = Shown([document])
    with opened(browser, place) as clerk:
        clerk.trust(format_trust(shown.office.trust()))
        clerk.verify(("pdf.evidence", shown.evidence()))
        clerk.page.click(".piece button")
        clerk.page.wait_for_selector("canvas[aria-label='Page 1 of 2']")
        clerk.page.click("text=Next page")
        clerk.page.wait_for_selector("canvas[aria-label='Page 2 of 2']")
        clerk.page.click(".pdf summary")
        assert clerk.page.inner_text(".pdf pre").strip() == "second"
        picture(clerk, "pdf")


def test_a_pdf_that_is_none_costs_a_sentence(browser: Browser, place: Path) -> None:
    broken = b"%PDF-1.7\n" + b"1 0 obj << /Length 99999999999 >> stream" * 200
    shown = Shown([file("bad.pdf", [broken])])
    with opened(browser, place) as clerk:
        clerk.trust(format_trust(shown.office.trust()))
        clerk.verify(("bad.evidence", shown.evidence()))
        clerk.page.click(".piece button")
        clerk.page.wait_for_selector("text=The pages could not be drawn here")


WATCH = """(() => { let last = performance.now(); window.longest = 0; setInterval(() => {
    const now = performance.now(); window.longest = Math.max(window.longest, now - last - 10);
    last = now; }, 10); })()"""
"""Measures the longest time, in ms, for which the page's main thread did not answer."""


LISTEN = """(() => { window.doing = new Set(); new MutationObserver(() => {
    const said = document.querySelector('p.reading span')?.textContent;
    if (said) window.doing.add(said.split(' · ')[0]); }).observe(document.body,
    { subtree: true, childList: true }); })()"""
"""Keeps what the page says that it is doing."""


@pytest.mark.parametrize("megabytes", [10, pytest.param(100, marks=pytest.mark.soak)])
def test_large_evidence_never_holds_up_the_page(
    browser: Browser, place: Path, megabytes: int, tmp_path: Path
) -> None:
    block = random.Random(3).randbytes(16_384)
    shown = Shown([file("large.bin", [block] * (megabytes * 64))])
    path = tmp_path / "large.evidence"
    path.write_bytes(shown.evidence())
    beside = tmp_path / "large.bin"
    beside.write_bytes(block * (megabytes * 64))
    with opened(browser, place) as clerk:
        clerk.trust(format_trust(shown.office.trust()))
        clerk.page.evaluate(WATCH)
        clerk.page.evaluate(LISTEN)
        longest = []
        for number in range(3):  # on a busy machine a browser waits for its turn now and then
            clerk.page.evaluate("window.longest = 0")
            clerk.page.set_input_files("#evidence-files", [path, beside])
            clerk.page.locator(".result").nth(number).wait_for(timeout=120_000)
            longest.append(clerk.page.evaluate("window.longest"))
            if longest[-1] < 200:
                break
        assert min(longest) < 200
        assert clerk.verdict()["good"]
        doing = clerk.page.evaluate("[...window.doing]")
    said = ["The content is hashed", "other programs read", "SHA-256 of the file", "are compared"]
    assert [each for each in said if not any(each in one for one in doing)] == []


def test_a_bomb_costs_a_plain_word(browser: Browser, place: Path) -> None:
    """A ZIP that unpacks to gigabytes, one that claims them, and a receipt nested without end."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("HOWTO.txt", b"\0" * (64 << 20))
    name, data = vector("case.evidence")
    claims = data.replace((154).to_bytes(4, "little"), (0x7FFFFFFF).to_bytes(4, "little"))
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        for number, bomb in enumerate((packed.getvalue(), claims, b"\xd2" + b"\x81" * 900_000), 1):
            clerk.verify((name, bomb), results=number)
            assert "This file cannot be used" in clerk.page.locator(".case").first.inner_text()


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("ledger-proof-cut.receipt", 4),
        ("depositor-enrolment-elsewhere.receipt", 6),
        ("block-elsewhere.receipt", 5),
        ("identity-another-record.receipt", 8),
    ],
)
def test_the_step_that_fails_is_named(browser: Browser, place: Path, name: str, step: int) -> None:
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        clerk.verify(vector(f"refused/{name}"))
        assert f"Step {step} of 12" in clerk.page.inner_text(".headline.failed")


def test_what_the_office_has_seen_stands_beside_what_is_shown(
    browser: Browser, place: Path
) -> None:
    record = vector("part.evidence.inspection")
    with opened(browser, place) as clerk:
        clerk.trust(TRUST)
        clerk.verify(vector("part.evidence"), record)
        said = clerk.page.locator(".claim", has_text="Inspection").first.inner_text()
        assert "stated by the" in said and "王公证员" in said
        picture(clerk, "inspected")
        assert clerk.verdict()["reports"][0]["claims"][2]["facts"]["covers"] is True
        clerk.verify(vector("deposit-2.receipt"), record, results=2)
        failed = clerk.page.locator(".headline.failed").first
        assert "Step 12 of 12" in failed.inner_text()
        clerk.verify(vector("part.evidence"), (record[0], record[1][:-1]), results=3)
        case = clerk.page.locator(".case").first.inner_text()
        assert "The file beside it is no inspection record" in case and record[0] in case
        assert "Every required claim is proven" in case
        clerk.page.set_input_files("#evidence-files", [payload(record)])
        clerk.page.get_by_text("An inspection record counts with the file").wait_for()
