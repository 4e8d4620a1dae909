"""What is read of a message's header, and which sources of mail a configuration may name."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.company.capture.config import Rule
from ledger.company.mail.sources import (
    ImapSource,
    MailPolicy,
    SmtpSource,
    imap_source,
    matches,
    parse_sources,
    smtp_source,
)
from ledger.company.mail.stating import Envelope, envelope_provenance, header_provenance
from ledger.company.splitters.headers import (
    MAX_TITLE,
    UNTITLED,
    decoded,
    document_name,
    parse_mail_header,
    title,
)
from ledger.errors import MalformedData
from ledger.evidence.rules import MAX_PATH, is_name
from ledger.reading.header import MAX_HEADER, fields, header_end


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"Subject: offer\r\n\r\n", "offer"),
        (b"SUBJECT : offer\n\n", "offer"),
        (b"Subject: =?utf-8?B?5ZCI5ZCM?=\r\n\r\n", "合同"),
        (b"Subject: =?gb2312?B?us/NrA==?= No. 7\r\n\r\n", "合同 No. 7"),
        (b"Subject: folded\r\n over lines\r\n\r\n", "folded over lines"),
        (b"Subject: \xe5\x90\x88\xe5\x90\x8c\r\n\r\n", "合同"),
        (b"Subject: \xff\xfe\r\n\r\n", "ÿþ · guessed windows-1252"),
        (b"Subject: =?nonsense?B?5ZCI?=\r\n\r\n", "合"),
        (b"Subject: =?utf-8?B?*?=\r\n\r\n", UNTITLED),
        (b"Subject: a\x00b\x1b[31m\r\n\r\n", "a\\x00b\\x1b[31m"),
        (b"Subject:\r\n\r\n", UNTITLED),
        (b"\r\nSubject: body\r\n", UNTITLED),
        (b"", UNTITLED),
        (b"Subject: first\r\nSubject: second\r\n\r\n", "first"),
        (b"no field at all\r\nSubject: after it\r\n\r\n", "after it"),
        (b"Subject: no final line end", "no final line end"),
    ],
)
def test_the_title_is_the_subject_as_text(message: bytes, expected: str) -> None:
    assert title(parse_mail_header(message)) == expected


@given(st.binary(max_size=2000))
def test_no_header_raises_and_what_is_read_fits_a_manifest(data: bytes) -> None:
    message = b"Subject: " + data + b"\r\n\r\n"
    header = parse_mail_header(message)
    assert 0 < len(title(header)) <= MAX_TITLE
    assert is_name(document_name(header))
    for _, value in header_provenance(header, "smtp", 0.0):
        assert len(value.encode()) <= MAX_PATH


@given(st.text(max_size=50), st.lists(st.text(max_size=50), max_size=5))
def test_an_envelope_fits_a_manifest_and_names_are_different(
    sender: str, recipients: list[str]
) -> None:
    stated = envelope_provenance(Envelope("127.0.0.1 port 1", "x", sender, tuple(recipients), ""))
    assert len(dict(stated)) == len(stated)
    for _, value in stated:
        assert len(value.encode()) <= MAX_PATH


@given(st.binary(max_size=300))
def test_decoding_raises_nothing(data: bytes) -> None:
    decoded(b"=?" + data + b"?=")


@pytest.mark.parametrize(
    "message",
    [
        b"Subject: x\r\n" * 400_000,
        b"Subject: " + b"x" * 10_000_000,
        b"Subject: " + b"=?utf-8?Q?" * 100_000 + b"\r\n\r\n",
        b"Subject: " + b"=?a?B?AA==?= " * 100_000 + b"\r\n\r\n",
        b"Subject: x\r\n" + b" y\r\n" * 1_000_000 + b"\r\n",
        b"\x00" * 10_000_000,
        b":" * 1_000_000,
        b"a" * 75 + (b"a" * 76 + b"\n") * 100_000,
        b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\n" * 1_000_000,
        b"Content-Type: message/rfc822\r\n\r\n" * 500_000,
    ],
)
def test_a_hostile_header_costs_little(message: bytes) -> None:
    before = time.process_time()
    title(parse_mail_header(message))
    assert header_end(message) <= MAX_HEADER
    assert time.process_time() - before < 2


def test_the_header_ends_at_the_first_empty_line() -> None:
    assert header_end(b"a: b\r\n\r\nbody\n\n") == 6
    assert header_end(b"a: b\n\nbody") == 5
    assert header_end(b"\r\nbody") == 0
    assert list(fields(b"a: b\r\n c\r\nd:e\r\n\r\nf: g")) == [(b"a", b"b c"), (b"d", b"e")]


def test_the_message_says_when_and_under_which_id() -> None:
    header = parse_mail_header(b"Date: Mon, 1 Jan 2024 00:00:00 +0800\r\nMessage-ID: <1@a>\r\n\r\n")
    assert header_provenance(header, "smtp 127.0.0.1:25", 1.5) == (
        ("mail-source", "smtp 127.0.0.1:25"),
        ("mail-received", "1970-01-01T00:00:01.500Z"),
        ("mail-date", "Mon, 1 Jan 2024 00:00:00 +0800"),
        ("mail-message-id", "<1@a>"),
    )


def test_the_message_says_who_sends_it() -> None:
    header = parse_mail_header(b"From: =?utf-8?b?546L6Iqz?= <w@a>\r\n\r\n")
    assert ("mail-from", "王芳 <w@a>") in header_provenance(header, "imap", 1.5)


# --- sources ---


def test_a_sender_is_an_address_or_a_whole_domain() -> None:
    assert matches("Lin@A.example", "lin@a.EXAMPLE")
    assert matches("x@a.example", "@a.example")
    assert not matches("x@b.a.example", "@a.example")
    assert not matches("x@a.example.org", "@a.example")


def test_the_first_rule_whose_sender_fits_counts() -> None:
    strict, loose = Rule(classification="secret"), Rule(classification="internal")
    policy = MailPolicy(loose, (("boss@a.example", strict), ("@a.example", Rule())))
    assert policy.rule_for("The Boss <boss@A.example>") == strict
    assert policy.rule_for("x@a.example") == Rule()
    assert policy.rule_for("x@b.example") == loose
    assert policy.rule_for("") == loose


@pytest.mark.parametrize(
    ("listen", "options"),
    [
        ("0.0.0.0:2525", {}),
        ("192.0.2.1:25", {"certificate": "c", "key": "k"}),
        ("192.0.2.1:25", {"peers": ("192.0.2.0/24",)}),
        ("[::]:25", {}),
        ("127.0.0.1", {}),
        ("127.0.0.1:x", {}),
        ("127.0.0.1:70000", {}),
        ("127.0.0.1:²", {}),
        ("mail.example:25", {}),
        ("127.0.0.1:25", {"certificate": "c"}),
        ("127.0.0.1:25", {"key": "k"}),
        ("127.0.0.1:25", {"max_size": 0}),
        ("127.0.0.1:25", {"peers": ("192.0.2.1/24",)}),
        ("127.0.0.1:25", {"senders": ("a.example",)}),
    ],
)
def test_a_journal_that_is_unclear_or_unprotected_is_refused(
    listen: str, options: dict[str, object]
) -> None:
    with pytest.raises(MalformedData):
        smtp_source(listen, **options)  # type: ignore[arg-type]


def test_a_journal_admits_this_computer_unless_networks_are_named() -> None:
    local = smtp_source("127.0.0.1:0")
    assert local.admits("127.0.0.1")
    assert local.admits("::1")
    assert local.admits("::ffff:127.0.0.1")
    assert not local.admits("192.0.2.1")
    assert not local.admits("nonsense")
    office = smtp_source("192.0.2.9:25", peers=("192.0.2.0/28",), certificate="c", key="k")
    assert office.admits("192.0.2.3")
    assert not office.admits("127.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "imap://lin@mail.example",
        "https://lin@mail.example",
        "imaps://mail.example",
        "imaps://lin:secret@mail.example",
        "imaps://lin@mail.example/INBOX",
        "imaps://lin@mail.example:x",
        "imaps://lin@",
        "",
    ],
)
def test_a_mailbox_that_is_unclear_or_unprotected_is_refused(url: str) -> None:
    with pytest.raises(MalformedData) as refused:
        imap_source(url, ("INBOX",))
    assert "secret" not in str(refused.value)


def test_a_mailbox_has_the_ports_of_its_protocol() -> None:
    assert imap_source("imaps://lin%40a.example@mail.example", ("INBOX",)) == ImapSource(
        "mail.example", 993, True, "lin@a.example", ("INBOX",)
    )
    assert imap_source("imap://lin@localhost:1143", ("a", "b")).port == 1143


def test_a_configuration_names_sources_with_policies() -> None:
    smtp, imap, mbox, maildir = parse_sources(
        {
            "smtp": {
                "listen": "127.0.0.1:2525",
                "matter": "m",
                "sender": [{"address": "@a.example", "classification": "secret"}],
            },
            "imap": [{"url": "imaps://lin@mail.example", "folders": ["Sent"], "dns": False}],
            "mbox": [{"path": "/a.mbox"}],
            "maildir": [{"path": "/Maildir", "commitment_only": True}],
        }
    )
    assert isinstance(smtp, SmtpSource)
    assert smtp.policy == MailPolicy(
        Rule(matter="m"), (("@a.example", Rule(classification="secret")),)
    )
    assert isinstance(imap, ImapSource)
    assert (imap.folders, imap.policy.look_up) == (("Sent",), False)
    assert mbox.policy == MailPolicy()
    assert maildir.policy.rule.commitment_only


@pytest.mark.parametrize(
    "tables",
    [
        {"smtp": {}},
        {"smtp": {"listen": "127.0.0.1:1", "port": 1}},
        {"smtp": [{"listen": "127.0.0.1:1"}]},
        {"smtp": {"listen": "127.0.0.1:1", "sender": [{"address": "x"}]}},
        {"smtp": {"listen": "127.0.0.1:1", "sender": [{}]}},
        {"imap": {"url": "imaps://a@b.example"}},
        {"imap": [{"url": "imaps://a@b.example", "password": "x"}]},
        {"mbox": [{}]},
        {"maildir": [{"path": "/x", "folder": "y"}]},
    ],
)
def test_what_a_table_does_not_know_is_refused(tables: dict[str, object]) -> None:
    with pytest.raises(MalformedData):
        parse_sources(tables)
