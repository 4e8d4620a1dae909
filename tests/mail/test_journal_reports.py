"""Journal reports of Exchange, Microsoft 365, Google: the original counts, the envelope is apart."""

import base64
import quopri
import zipfile
from collections.abc import Callable

import dkim
import pytest

from ledger.company.mail.dkim import check_signatures
from ledger.company.splitters.headers import parse_mail_header, title
from ledger.company.splitters.journal import original_of
from tests.cli.conftest import Company
from tests.mail.conftest import free_port, wait_for
from tests.mail.test_daemon import (
    Daemon,
    _nothing_is_left_running,
    all_confirmed,
    company,
    deposited,
    notary,
    provenance,
    send,
)
from tests.mail.test_dkim import RSA_PEM, Known
from tests.splitters.pieces import Pieces
from tests.splitters.test_inner import MIXED

__all__ = ["_nothing_is_left_running", "company", "notary"]

ORIGINAL = (
    b"From: =?gb2312?B?1tzD9A==?= <zhou@a.example>\r\nTo: wang@jinling.example\r\n"
    b"Subject: =?gb2312?B?zb+y48Xkt7212sj9sOY=?=\r\nDate: Tue, 3 Mar 2026 09:14:22 +0800\r\n"
    b"Message-ID: <orig77@a.example>\r\n\r\n12.50, from April.\r\n"
)
WORDS = (
    b"Sender: zhou@a.example\r\nSubject: =?gb2312?B?zb+y48Xkt7212sj9sOY=?=\r\n"
    b"Message-Id: <orig77@a.example>\r\nTo: wang@jinling.example\r\n"
    b"Bcc: shen@jinling.example, Expanded: sales@jinling.example\r\n"
    b"Bcc: lin@jinling.example\r\n"
)
MICROSOFT = b"X-MS-Journal-Report:\r\n"


def report(
    mark: bytes = MICROSOFT,
    words: bytes = WORDS,
    original: bytes = ORIGINAL,
    of_words: bytes = b'Content-Type: text/plain; charset="utf-8"\r\n',
    of_original: bytes = b"",
) -> bytes:
    return (
        b'From: "Microsoft Outlook" <MicrosoftExchange329e@jinling.example>\r\n'
        b"To: journal@archive.example\r\nSubject: =?gb2312?B?zb+y48Xkt7212sj9sOY=?=\r\n"
        b"Date: Tue, 3 Mar 2026 01:14:31 +0000\r\nMessage-ID: <9b1@journal.report.generator>\r\n"
        + mark
        + b'Content-Type: multipart/mixed; boundary="_4e_"\r\n\r\n--_4e_\r\n'
        + of_words
        + b"\r\n"
        + words
        + b"\r\n--_4e_\r\nContent-Type: message/rfc822\r\n"
        + of_original
        + b"\r\n"
        + original
        + b"\r\n--_4e_--\r\n"
    )


@pytest.mark.parametrize(
    "mark",
    [
        MICROSOFT,
        b"X-MS-Journal-Report: \r\n",
        b"X-GM-Journal-ID: 17c0\r\n",
        b"Content-Identifier: ExJournalReport\r\n",
        b"Content-Identifer: exjournalreport\r\n",
        b"",  # known by the original's Message-ID in the words
    ],
)
def test_the_original_has_the_names_that_it_would_have_alone(mark: bytes) -> None:
    data = report(mark)
    assert original_of(data) == ORIGINAL
    letter = Pieces("a.eml", data)
    alone = Pieces("a.eml", ORIGINAL)
    assert all(letter[path] == alone[path] for path in alone.paths)
    assert letter.label("message") == alone.label("message")
    assert letter["report/envelope/Bcc"].startswith(b"Bcc: shen@")
    assert letter["report/envelope/Bcc 2"] == b"Bcc: lin@jinling.example\r\n"
    assert letter.label("report/envelope/Bcc 2") == "lin@jinling.example"


def test_no_part_of_the_original_holds_the_envelope() -> None:
    letter = Pieces("a.eml", report())
    holding = [path for path in letter.paths if b"shen@" in letter[path]]
    assert holding == ["report", "report/envelope", "report/envelope/Bcc"]


def test_in_a_mailbox_each_report_stands_around_its_message() -> None:
    box = Pieces("a.mbox", b"From a 1\r\n" + report() + b"\r\nFrom b 2\r\n" + ORIGINAL)
    assert box["message 1 of 2"] == ORIGINAL
    assert box["report 1 of 2"] == report()
    assert box["message 1 of 2/body"] == b"12.50, from April.\r\n"
    assert b"shen@" in box["report 1 of 2/envelope"]
    assert "report 2 of 2" not in box.paths


def test_what_else_a_report_brings_is_the_report_s() -> None:
    more = (
        b"\r\n--_4e_\r\nContent-Type: message/rfc822\r\n\r\nSubject: decrypted\r\n\r\nx\r\n--_4e_--"
    )
    mixed = MIXED.replace(b"\r\n\r\n", b"\r\nMessage-ID: <orig77@a.example>\r\n\r\n", 1)
    letter = Pieces("a.eml", report(original=mixed).replace(b"\r\n--_4e_--", more))
    assert letter["report/part 3/message/body"] == b"x"
    assert letter["part 2/body"] == b"%PDF"
    assert letter["message"] == mixed


def test_a_report_about_a_report_stands_around_it() -> None:
    inner = report().replace(b"_4e_", b"_5f_")
    data = report(original=inner)
    assert original_of(data) == ORIGINAL
    letter = Pieces("a.eml", data)
    assert letter["message"] == ORIGINAL
    assert letter["report/report"] == inner
    assert letter["report/report/envelope/Bcc 2"] == b"Bcc: lin@jinling.example\r\n"


def in_base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("name", "encode"),
    [("base64", in_base64), ("quoted-printable", quopri.encodestring)],
)
def test_words_and_original_may_be_encoded(name: str, encode: Callable[[bytes], bytes]) -> None:
    encoding = b"Content-Transfer-Encoding: " + name.encode() + b"\r\n"
    long = WORDS + b"To: " + b", Expanded: ".join([b"someone@jinling.example"] * 9) + b"\r\n"
    letter = Pieces("a.eml", report(words=encode(long), of_words=encoding))
    assert letter["body"] == b"12.50, from April.\r\n"
    assert letter.label("report/envelope/To 2").startswith("someone@jinling.example, Expanded: s")
    decode = base64.b64decode if name == "base64" else quopri.decodestring
    assert decode(letter["report/envelope/Bcc 2"]).strip() == b"Bcc: lin@jinling.example"
    data = report(original=encode(ORIGINAL), of_original=encoding)
    assert original_of(data) == ORIGINAL
    letter = Pieces("a.eml", data)
    assert b"shen@" not in letter["message"]


@pytest.mark.parametrize(
    "data",
    [
        ORIGINAL,
        report(words=b"Please see the message below.\r\n"),
        report(words=b"Sender: me\r\n"),
        report(mark=b"", words=WORDS.replace(b"orig77", b"another")),
        report(mark=b"Content-Identifier: mine\r\n", words=WORDS.replace(b"orig77", b"x")),
        report().replace(b"message/rfc822", b"application/pdf"),
        report().replace(b"text/plain", b"text/html"),
        report().replace(b"multipart/mixed", b"text/plain"),
        report().partition(b"--_4e_\r\nContent-Type: message")[0],
    ],
)
def test_what_is_not_built_as_a_report_is_none_whoever_sent_it(data: bytes) -> None:
    assert original_of(data) is None
    assert not [path for path in Pieces("a.eml", data).paths if "report" in path]


def test_the_original_s_signature_is_checked() -> None:
    signed = dkim.sign(ORIGINAL, b"mail", b"a.example", RSA_PEM) + ORIGINAL
    found = original_of(report(original=signed))
    assert found is not None
    assert found == signed
    assert dict(check_signatures(found, Known()))["dkim-1"].startswith("pass d=a.example")


def test_a_report_becomes_a_deposit_of_its_original(company: Company) -> None:
    signed = dkim.sign(ORIGINAL, b"mail", b"a.example", RSA_PEM) + ORIGINAL
    company.write(
        "vault/capture.toml",
        b"""
        [smtp]
        listen = "127.0.0.1:%d"
        dns = false
        [[smtp.sender]]
        address = "@jinling.example"
        matter = "wrong: the report's sender"
        [[smtp.sender]]
        address = "@a.example"
        matter = "A"
        """
        % (port := free_port()),
    )
    process = company.spawn("run", "--json")
    try:
        daemon = Daemon.__new__(Daemon)
        daemon.port, daemon.process = port, process
        wait_for(daemon.listens)
        send(port, report(original=signed))
        wait_for(lambda: len(deposited(company)) == 1 and all_confirmed(company))
    finally:
        process.terminate()
        process.communicate()
    (deposit,) = deposited(company)
    assert deposit.meta.title == title(parse_mail_header(ORIGINAL)) == "涂层配方第三版"
    assert deposit.meta.matter == "A"
    stated = provenance(company, deposit)
    assert stated["mail-date"] == "Tue, 3 Mar 2026 09:14:22 +0800"
    assert stated["mail-message-id"] == "<orig77@a.example>"
    assert stated["mail-journal-message-id"] == "<9b1@journal.report.generator>"
    assert "d=a.example" in stated["dkim-1"]
    digits = deposit.name.rpartition("-")[2]
    for selector, there in [("body", b"12.50"), ("report/envelope/Bcc", b"shen@")]:
        out = company.folder / f"{selector.replace('/', ' ')}.evidence"
        company("disclose", digits, "--only", selector, "-o", out)
        with zipfile.ZipFile(out) as members:
            shown = b"".join(members.read(name) for name in members.namelist())
        assert there in shown
        assert (b"shen@" in shown) == (there == b"shen@")
