"""parts and disclose: one message, one page, one paragraph shown, and nothing else."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from ledger.chain.report import CONTENT, PROVEN
from ledger.chain.statement import parse_deposit, parse_statement
from ledger.chain.trust import parse_trust
from ledger.cli import text
from ledger.crypto.envelope import decrypt_bytes
from ledger.crypto.recipients import HybridIdentity, X25519Identity
from ledger.evidence.file import read_evidence, verify_disclosed
from ledger.evidence.partial import PartialOpening
from ledger.wire.client import NotaryClient
from tests.cli.conftest import Company

COURT = HybridIdentity(bytes(range(32)))
RECIPIENT = str(COURT.recipient())
SECRETS = [f"secret{number}-{os.urandom(6).hex()}" for number in range(1, 31)]


def mailbox() -> bytes:
    """Return 30 messages; the secret of each is in its subject, sender and body."""
    data = b""
    for number, secret in enumerate(SECRETS, 1):
        message = EmailMessage()
        message["From"] = f"{secret}-from@example.org"
        message["Subject"] = f"Re: 报价 {secret}" if number % 2 else f"Offer {secret}"
        message["Date"] = "Tue, 10 Mar 2026 14:32:00 +0100"
        message.set_content(f"Body of {number}: {secret}-body\n")
        data += b"From x Tue Mar 10 14:32:00 2026\n" + bytes(message) + b"\n"
    return data


CONTRACT = """# Supply contract

Between A and B.

## Delivery

Within ten days of the order.

## 保密

The sintering curve is secret.
"""


@pytest.fixture
def counsel(company: Company) -> Company:
    """A company with a mailbox and a folder in the ledger, as papers of one matter."""
    company.write("inbox.mbox", mailbox())
    company.write("papers/contract.md", CONTRACT.encode())
    company.write("papers/notes/list.txt", b"First paragraph.\n\nSecond paragraph.\n")
    company("deposit", "inbox.mbox", "papers", "--matter", "Supply")
    return company


def pieces(path: Path) -> dict[str, bytes]:
    """Return what an evidence file shows."""
    with zipfile.ZipFile(path) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if "/parts/" in name or "/documents/" in name
        }


def verified(company: Company, path: str) -> list[dict[str, Any]]:
    """Verify an evidence file of one deposit as a court would; return the facts of its content."""
    trust = parse_trust(company.notary.trust_file.read_bytes())
    with (company.folder / path).open("rb") as file:
        (disclosed,) = read_evidence(file)
        claim = verify_disclosed(disclosed, trust).report.claim(CONTENT)
    assert claim.status == PROVEN
    found: list[dict[str, Any]] = claim.facts["documents"]
    return found


def in_80_columns(shown: str) -> bool:
    return all(text.columns(line) <= 80 for line in shown.splitlines())


# --- parts ---


def test_parts_shows_the_tree_with_positions_totals_and_what_to_type(counsel: Company) -> None:
    shown = counsel("parts", "papers").output
    assert "document 1 of 2, " in shown and "\n  contract.md\n" in shown
    assert re.search(r"section 2\s+Delivery\s+\d+ B", shown)
    assert in_80_columns(shown)
    found = counsel.json("parts", "papers")["found"]
    assert [each["name"] for each in found] == ["contract.md", "notes/list.txt"]
    (section,) = [part for part in found[0]["parts"] if part["label"] == "Delivery"
                  and part["path"].startswith("section")]  # fmt: skip
    assert section["path"] == "section 2 of 3"
    start = section["offset"]
    assert CONTRACT.encode()[start : start + section["size"]].startswith(b"## Delivery\n\nWithin")


def test_parts_of_a_large_mailbox_are_counted_and_words_narrow_them(counsel: Company) -> None:
    shown = counsel("parts", "inbox.mbox").output
    assert "30 messages, cut by mbox" in shown
    assert "inside]" in shown
    assert "header" not in shown
    assert in_80_columns(shown)
    narrowed = counsel("parts", "inbox.mbox", "message", "4").output
    assert f"Offer {SECRETS[3]}" in narrowed
    assert "Subject" in narrowed
    assert SECRETS[4] not in narrowed
    assert in_80_columns(narrowed)
    several = counsel("parts", "inbox.mbox", "报价").output
    assert len(re.findall("message", several)) == 16
    assert in_80_columns(several)
    body = counsel.json("parts", "inbox.mbox", f"{SECRETS[8]}-body")["found"]
    assert [each["selector"] for each in body] == ["message 9/body"]
    nothing = counsel("parts", "inbox.mbox", "zzz", code=1).output
    assert nothing == "Nothing in (1) fits (2).\n  (1)  “inbox.mbox”\n  (2)  “zzz”\n"


def test_parts_of_what_waits_need_no_notary(applicant: Company) -> None:
    applicant.write("a.md", CONTRACT.encode())
    applicant("deposit", "a.md", "--no-wait")
    assert "Delivery" in applicant("parts", "a.md").output


def test_why_a_file_was_not_split_is_shown(company: Company) -> None:
    company.write("broken.zip", b"PK\3\4 and no more")
    company("deposit", "broken.zip")
    assert "It is no zip archive" in company("parts", "broken.zip").output


# --- one part and nothing else ---


def test_one_message_is_shown_and_of_the_others_nothing(counsel: Company) -> None:
    counsel("disclose", "inbox.mbox", "--only", "message 7", "-o", "case.evidence")
    (data,) = pieces(counsel.folder / "case.evidence").values()
    assert f"Body of 7: {SECRETS[6]}-body".encode() in data
    assert data in mailbox()
    everything = (counsel.folder / "case.evidence").read_bytes()
    for secret in (*SECRETS[:6], *SECRETS[7:], "inbox.mbox", "Supply", str(counsel.folder)):
        assert secret.encode() not in everything
    (document,) = verified(counsel, "case.evidence")
    assert document["name"] is None
    (part,) = document["parts"]
    assert part["path"] == "message 7 of 30"


def test_a_body_a_field_of_mail_and_a_field_of_metadata(counsel: Company) -> None:
    only = ["--only", "message 7/body", "--only", "message 7/header Subject"]
    counsel("disclose", "inbox.mbox", *only, "--only", "field name", "-o", "case.evidence")
    subject, body = pieces(counsel.folder / "case.evidence").values()
    assert subject.startswith(b"Subject: Re: =?utf-8?")
    assert body.strip() == f"Body of 7: {SECRETS[6]}-body".encode()
    everything = (counsel.folder / "case.evidence").read_bytes()
    assert f"{SECRETS[6]}-from".encode() not in everything
    (document,) = verified(counsel, "case.evidence")
    assert document["name"] == "inbox.mbox"


@pytest.mark.parametrize(
    ("selector", "shown"),
    [
        ("Delivery", b"## Delivery\n\nWithin ten days of the order.\n\n"),
        ("保密", "## 保密\n\nThe sintering curve is secret.\n".encode()),
        ("sintering", b"The sintering curve is secret.\n"),
        ("list.txt: paragraph 2", b"Second paragraph.\n"),
        ("notes/list.txt", b"First paragraph.\n\nSecond paragraph.\n"),
    ],
)
def test_a_heading_words_and_a_file_name(counsel: Company, selector: str, shown: bytes) -> None:
    counsel("disclose", "papers", "--only", selector, "-o", "case.evidence")
    assert list(pieces(counsel.folder / "case.evidence").values()) == [shown]
    verified(counsel, "case.evidence")


def test_a_range_of_bytes_is_shown_in_whole_pieces(company: Company) -> None:
    data = os.urandom(50_000)
    company.write("a.bin", data)
    company("deposit", "a.bin")
    only = ["--only", "bytes 20000-20009"]
    stopped = company("disclose", "a.bin", *only, "-o", "case.evidence", code=1).output
    assert "bytes 16384 to 32767 would be shown, 16,384 bytes" in " ".join(stopped.split())
    assert not (company.folder / "case.evidence").exists()
    plan = company("disclose", "a.bin", *only, "--whole", "--dry-run").output
    assert "document 1 of at most 7, cut every 16 KiB" in plan
    company("disclose", "a.bin", *only, "--whole", "-o", "case.evidence")
    (shown,) = pieces(company.folder / "case.evidence").values()
    assert shown == data[16384:32768]
    (document,) = verified(company, "case.evidence")
    assert document["parts"][0]["offset"] == 16384


def test_what_lies_inside_something_else_is_not_shown_twice(counsel: Company) -> None:
    only = ["--only", "message 7/body", "--only", "message 7", "--only", "message 8"]
    counsel("disclose", "inbox.mbox", *only, "-o", "case.evidence")
    assert len(pieces(counsel.folder / "case.evidence")) == 2


def test_what_fits_several_is_refused_with_what_to_type(counsel: Company) -> None:
    refused = counsel("disclose", "inbox.mbox", "--only", "报价", "--dry-run", code=1).output
    assert "(1) fits 15 parts" in refused and "(1)  “报价”" in refused
    assert "“message 1”" in refused
    assert "and 10 more" in refused
    assert in_80_columns(refused)
    nothing = counsel("disclose", "papers", "--only", "zzz", "--dry-run", code=1).output
    assert "`sealbook parts ID`" in nothing


# --- what is said before ---


def test_a_dry_run_says_what_is_shown_hidden_and_said_besides_and_writes_nothing(
    counsel: Company,
) -> None:
    before = sorted(counsel.folder.rglob("*"))
    register = counsel.json("measure", "list")
    only = ["--only", "message 7/body"]
    shown = counsel("disclose", "inbox.mbox", *only, "--dry-run", "-o", "x.evidence").output
    assert sorted(counsel.folder.rglob("*")) == before
    assert "Nothing was written." in shown
    assert "message 7/body" in shown
    assert f"Body of 7: {SECRETS[6]}-body" in shown
    assert "29 of 30 messages, and the rest of 1\n" in shown
    assert "name, size, modified, media-type, source, tool" in shown
    assert "document 1 of at most 7, cut by mbox 2" in shown
    assert "“message 7 of 30/body”" in shown
    assert "某某有限公司" in shown
    assert in_80_columns(shown)
    assert counsel.json("measure", "list") == register


def test_a_dry_run_for_a_machine_counts_what_the_evidence_file_then_holds(counsel: Company) -> None:
    only = ["--only", "message 7", "--only", "message 9/body"]
    plan = counsel.json("disclose", "inbox.mbox", *only, "--dry-run")["deposits"][0]
    done = counsel.json("disclose", "inbox.mbox", *only, "-o", "case.evidence")
    assert done["deposits"][0]["revealed"] == plan["revealed"]
    sizes = [len(data) for data in pieces(counsel.folder / "case.evidence").values()]
    assert [each["size"] for each in plan["revealed"]] == sizes
    (hidden,) = plan["hidden"]["documents"]
    assert hidden["size_hidden"] == len(mailbox()) - sum(sizes)
    kinds = {kind["kind"]: kind for kind in hidden["parts"]}
    assert set(kinds) == {"separator", "message", "end"}
    kind = kinds["message"]
    assert (kind["hidden"], kind["partly"], kind["total"]) == (29, 1, 30)
    with (counsel.folder / "case.evidence").open("rb") as file:
        (disclosed,) = read_evidence(file)
    assert isinstance(disclosed.opening, PartialOpening)
    assert plan["says"]["documents_padded"] == disclosed.opening.padded - 1
    assert done["evidence_size"] == (counsel.folder / "case.evidence").stat().st_size


def test_the_title_is_hidden_unless_it_is_asked_for_and_then_proven(counsel: Company) -> None:
    hidden = counsel("disclose", "papers", "--only", "cover host", "--dry-run").output
    assert "of the cover: title, path" in hidden
    assert "that the cover has at most 64 fields" in hidden
    only = ["--only", "paragraph 2 of 2"]
    assert (
        "title, path and origin of the deposit"
        in counsel("disclose", "papers", *only, "--dry-run").output
    )
    counsel("disclose", "papers", *only, "--only", "title", "-o", "titled.evidence")
    (report,) = counsel.json("verify", "titled.evidence")["reports"]
    (origin,) = [each for each in report["claims"] if each["claim"] == "provenance"]
    assert origin["status"] == "stated"
    assert origin["facts"] == {"fields": {"title": "papers"}}
    listed = counsel("parts", "papers", "title").output
    assert listed.splitlines()[1].split() == ["cover", "title", "papers"]


def test_other_documents_and_their_names_stay_hidden(counsel: Company) -> None:
    shown = counsel("disclose", "papers", "--only", "paragraph 2 of 2", "-o", "c.evidence").output
    assert "1 other document with its name" in shown
    assert b"contract.md" not in (counsel.folder / "c.evidence").read_bytes()


# --- for whom ---


def test_a_file_sealed_for_a_court_opens_with_its_identity_alone(counsel: Company) -> None:
    keys = counsel.write("court.pub", f"# the court\n{RECIPIENT}\n".encode())
    answer = counsel.json(
        "disclose", "inbox.mbox", "--only", "message 7", "--to", keys, "-o", "case.evidence"
    )
    sealed = counsel.folder / "case.evidence.age"
    assert answer["evidence"] == str(sealed)
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert SECRETS[6].encode() not in sealed.read_bytes()
    assert not (counsel.folder / "case.evidence").exists()
    assert not list(counsel.folder.glob(".*"))
    (counsel.folder / "opened").write_bytes(decrypt_bytes(sealed.read_bytes(), [COURT]))
    (data,) = pieces(counsel.folder / "opened").values()
    assert SECRETS[6].encode() in data
    verified(counsel, "opened")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_closed_terminal_leaves_no_plaintext_of_a_sealed_file(counsel: Company) -> None:
    script = (
        "import os, signal\n"
        "from ledger.company.disclosing import writing\n"
        "from ledger.cli.root import cli\n"
        "writing._seal = lambda *_: os.kill(os.getpid(), signal.SIGHUP)\n"
        "cli()\n"
    )
    command = ["disclose", "inbox.mbox", "--to", RECIPIENT, "-o", "case.evidence"]
    process = counsel.spawn(*command, script=script)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGHUP, said
    assert not list(counsel.folder.glob(".*.part"))


def test_a_large_file_is_sealed_chunk_by_chunk(company: Company) -> None:
    data = os.urandom(200_000)
    company.write("a.bin", data)
    company("deposit", "a.bin")
    company("disclose", "a.bin", "--to", RECIPIENT, "-o", "a.age")
    plain = decrypt_bytes((company.folder / "a.age").read_bytes(), [COURT])
    (company.folder / "opened").write_bytes(plain)
    assert list(pieces(company.folder / "opened").values()) == [data]


def test_recipients_of_two_kinds_are_refused_before_anything_is_fetched(counsel: Company) -> None:
    classical = X25519Identity(bytes(range(32))).recipient()
    both = ["--to", RECIPIENT, "--to", classical]
    refused = counsel("disclose", "inbox.mbox", *both, "-o", "x", code=1).output
    assert "post-quantum" in refused
    unknown = counsel("disclose", "inbox.mbox", "--to", "nobody", "-o", "x", code=1).output
    assert "(1) cannot be read" in unknown and "(1)  “nobody”" in unknown


def test_a_file_without_recipients_is_named(counsel: Company) -> None:
    counsel.write("court.pub", b"# the court sends it later\n")
    arguments = ["inbox.mbox", "--to", "court.pub", "-o", "case.evidence"]
    refused = counsel("disclose", *arguments, code=1).output
    assert "(1) holds no age recipient" in refused and "(1)  “court.pub”" in refused


def test_a_secret_key_given_as_recipient_is_refused_and_not_repeated(counsel: Company) -> None:
    counsel.write("court.key", f"{COURT}\n".encode())
    for value, code in (("court.key", 1), (str(COURT), 2)):
        refused = counsel("disclose", "inbox.mbox", "--to", value, "-o", "x", code=code).output
        assert str(COURT)[:24] not in refused


def test_a_disclosure_is_entered_in_the_register_of_measures(counsel: Company) -> None:
    only = ["--only", "message 7", "--to", RECIPIENT]
    answer = counsel.json("disclose", "inbox.mbox", *only, "-o", "case.evidence")
    shown = counsel("show", answer["measure"]).output
    assert "deposited" in shown
    counsel("open", answer["measure"], "-o", "measure")
    (entry,) = (counsel.folder / "measure").rglob("measure.txt")
    said = entry.read_text()
    assert "disclosure" in said
    assert "message 7" in said
    digest = hashlib.sha256((counsel.folder / "case.evidence.age").read_bytes()).hexdigest()
    assert digest in said
    assert answer["deposits"][0]["id"] in said


# --- whole deposits, matters, renditions ---


def test_a_matter_is_shown_complete_by_its_receipts(counsel: Company) -> None:
    matter = ["--matter", "Supply", "--complete"]
    plan = counsel("disclose", *matter, "--dry-run").output
    assert "Receipts alone" in plan
    said = counsel("disclose", *matter, "-o", "all.evidence").output
    assert "It holds receipts alone" in said
    assert "in the clear" not in said
    assert pieces(counsel.folder / "all.evidence") == {}
    counsel("disclose", *matter, "papers", "--only", "Delivery", "-o", "one.evidence")
    ((name, _),) = pieces(counsel.folder / "one.evidence").items()
    assert name.startswith("2/parts/1/")
    with (counsel.folder / "one.evidence").open("rb") as file:
        assert [each.opening is None for each in read_evidence(file)] == [True, False]
    counsel.write("other.txt")
    counsel("deposit", "other.txt")
    assert "no paper of the matter" in counsel(
        "disclose", *matter, "other.txt", "-o", "x", code=1
    ).output  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("-o", "x"),
        ("inbox.mbox",),
        ("--matter", "Supply", "-o", "x"),
        ("inbox.mbox", "--complete", "-o", "x"),
        ("inbox.mbox", "papers", "--only", "message 1", "-o", "x"),
    ],
)
def test_wrong_usage_is_said_and_nothing_written(
    counsel: Company, arguments: tuple[str, ...]
) -> None:
    counsel("disclose", *arguments, code=2)
    assert not (counsel.folder / "x").exists()


@pytest.mark.parametrize("selector", ["", " ", "　"])
def test_an_empty_selector_is_refused_as_one(counsel: Company, selector: str) -> None:
    refused = counsel("disclose", "inbox.mbox", "--only", selector, "--dry-run", code=2)
    assert "A selector cannot be empty" in refused.stderr


def pdf(pages: int) -> bytes:
    document = pikepdf.new()
    for number in range(1, pages + 1):
        document.add_blank_page(page_size=(100 + number, 100))
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def test_a_page_is_shown_as_rendered_and_the_original_stays_hidden(company: Company) -> None:
    data = pdf(5)
    company.write("contract.pdf", data)
    company("deposit", "contract.pdf")
    listed = company("parts", "contract.pdf").output
    assert "document 1 of 1, " in listed and "\n  contract.pdf\n" in listed
    assert "page 1-5 of 5, as rendered at the deposit by" in listed
    assert "page 3 of 5 of document 1" in company("parts", "contract.pdf", "page 3").output
    company("disclose", "contract.pdf", "--only", "page 3-4", "-o", "pages.evidence")
    shown = list(pieces(company.folder / "pages.evidence").values())
    for page, width in zip(shown, (103, 104), strict=True):
        with pikepdf.open(BytesIO(page)) as opened:
            assert [float(each.mediabox[2]) for each in opened.pages] == [width]
    documents = verified(company, "pages.evidence")
    assert [each["rendition"]["position"] for each in documents] == [3, 4]
    assert all(each["fields"]["media-type"] == "application/pdf" for each in documents)


def test_renditions_are_in_whole_evidence_but_not_written_when_a_deposit_is_opened(
    company: Company,
) -> None:
    company.write("contract.pdf", pdf(2))
    company("deposit", "contract.pdf")
    company("open", "contract.pdf", "-o", "opened")
    written = [path.name for path in (company.folder / "opened").rglob("*") if path.is_file()]
    assert written == ["contract.pdf"]
    company("disclose", "contract.pdf", "-o", "whole.evidence")
    assert len(pieces(company.folder / "whole.evidence")) == 3
    verified(company, "whole.evidence")


# --- a commitment alone ---


def test_of_a_fingerprint_alone_parts_come_from_the_original(company: Company) -> None:
    path = company.write("contract.md", CONTRACT.encode())
    company("deposit", "contract.md", "--commitment-only")
    company("parts", "contract.md", "Delivery")
    only = ["--only", "Delivery"]
    company("disclose", "contract.md", *only, "-o", "case.evidence")
    (shown,) = pieces(company.folder / "case.evidence").values()
    assert shown.startswith(b"## Delivery")
    verified(company, "case.evidence")
    path.write_bytes(CONTRACT.encode().replace(b"ten", b"two"))
    changed = company("disclose", "contract.md", *only, "-o", "x.evidence", code=1).output
    assert "it was changed since" in changed
    path.unlink()
    company("disclose", "contract.md", *only, "-o", "x.evidence", code=1)
    assert not list(company.folder.glob("x*"))
    assert not [each for each in company.folder.glob(".*") if each.is_file()]


# --- what is read from the notary, and what it cannot do ---


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], tuple[int, int]]]:
    """How many bytes of age files came from the notary, and in how many requests."""
    sizes: list[int] = []
    real = NotaryClient.read_envelope

    def read_envelope(self: NotaryClient, root: bytes, offset: int, length: int) -> bytes:
        data = real(self, root, offset, length)
        sizes.append(len(data))
        return data

    def download(*_: object) -> None:
        raise AssertionError("the whole content is fetched")

    monkeypatch.setattr(NotaryClient, "read_envelope", read_envelope)
    monkeypatch.setattr(NotaryClient, "download", download)
    yield lambda: (sum(sizes), len(sizes))


def test_a_part_of_a_large_deposit_costs_a_few_requests(
    company: Company, counted: Callable[[], tuple[int, int]]
) -> None:
    size = 64 << 20
    data = os.urandom(1 << 20) * (size >> 20)
    company.write("large.bin", data)
    company("deposit", "large.bin")
    at = size // 2 + 8000
    only = ["--only", f"bytes {at}-{at + 8191}"]
    answer = company.json("disclose", "large.bin", *only, "-o", "case.evidence")
    fetched, requests = counted()
    assert answer["fetched"] == fetched
    # Header and first chunks 128 KiB, last chunk, index 128 KiB and up to two chunks, content.
    assert fetched <= 640 << 10
    assert requests <= 6
    (shown,) = pieces(company.folder / "case.evidence").values()
    start = at - at % 16384
    assert shown == data[start : start + len(shown)]


def test_whoever_reads_on_gets_a_mebibyte_at_a_time(
    company: Company, counted: Callable[[], tuple[int, int]]
) -> None:
    data = os.urandom(9 << 20)
    company.write("large.bin", data)
    company("deposit", "large.bin")
    company("disclose", "large.bin", "--only", f"bytes 0-{(9 << 20) - 1}", "-o", "case.evidence")
    assert list(pieces(company.folder / "case.evidence").values()) == [data]
    fetched, requests = counted()
    assert fetched < 10 << 20
    assert requests <= 14


def test_many_parts_of_a_mailbox_cost_few_requests(
    counsel: Company, counted: Callable[[], tuple[int, int]]
) -> None:
    counsel("disclose", "inbox.mbox", "--only", "message 1-30", "-o", "case.evidence")
    assert counted()[1] <= 3


def test_a_word_in_a_table_shows_its_row_and_what_has_no_rows_asks(company: Company) -> None:
    rows = "".join(f"客户{n:03}有限公司,{9000 + n}\r\n" for n in range(200))
    company.write("客户名单.csv", rows.encode())
    company.write("客户名单.json", rows.replace("\r\n", " ").encode())
    for name in ("客户名单.csv", "客户名单.json"):
        company("deposit", name)
    shown = company("disclose", "客户名单.csv", "--only", "客户007", "-o", "row.evidence").output
    assert "found by words in the text" in shown
    assert "row 8" in shown
    (piece,) = pieces(company.folder / "row.evidence").values()
    assert piece.decode() == "客户007有限公司,9007\r\n"
    only = ["--only", "客户007", "-o", "all.evidence"]
    stopped = company("disclose", "客户名单.json", *only, code=1).output
    assert f"all of it, {len(rows.encode()) - 200:,} bytes, would be shown" in " ".join(
        stopped.split()
    )
    assert not (company.folder / "all.evidence").exists()
    company("disclose", "客户名单.json", *only, "--whole")
    assert (company.folder / "all.evidence").exists()


def test_what_the_notary_changed_is_never_written(counsel: Company) -> None:
    (inbox,) = (each for each in counsel.json("list")["deposits"] if each["title"] == "inbox.mbox")
    root = ""
    for path in counsel.home.rglob("statement"):
        deposit = parse_deposit(parse_statement(path.read_bytes()))
        if deposit.commitment.hex() == inbox["id"]:
            assert deposit.content is not None
            root = deposit.content.root.hex()
    (stored,) = counsel.notary.directory.rglob(f"{root}.payload")
    data = bytearray(stored.read_bytes())
    data[100] ^= 1
    stored.write_bytes(data)
    refused = counsel("disclose", "inbox.mbox", "--only", "message 1", "-o", "x", code=1).output
    assert "does not authenticate" in refused
    assert not (counsel.folder / "x").exists()
    assert not [each for each in counsel.folder.glob(".*") if each.is_file()]


@pytest.mark.skipif(shutil.which("age") is None, reason="the age command is missing")
def test_a_stock_age_tool_opens_what_is_sealed(company: Company) -> None:
    company.write("a.md", CONTRACT.encode())
    company("deposit", "a.md")
    key = company.folder / "court.key"
    made = subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True, text=True)
    recipient = re.search("age1[a-z0-9]+", made.stderr)
    assert recipient is not None
    company("disclose", "a.md", "--only", "Delivery", "--to", recipient[0], "-o", "a.evidence")
    subprocess.run(["age", "-d", "-i", key, "-o", "plain", "a.evidence.age"], check=True)
    verified(company, "plain")
