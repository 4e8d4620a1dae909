"""Any bytes at all end sealed, whichever way they come, and none of them stops what is behind."""

import os
import smtplib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.company.capture.intake import Intake, item_key
from ledger.company.capture.journal import Journal, read_status
from ledger.company.mail.dkim import NoResolver
from ledger.company.mail.imap import Fetched, ImapFolder, Positions
from ledger.company.mail.letters import Letters
from ledger.company.mail.mailboxes import Stored
from ledger.company.mail.post import MailboxImport
from ledger.company.mail.smtp import SmtpJournal
from ledger.company.mail.sources import MailboxFiles, MailPolicy, imap_source, smtp_source
from ledger.company.sealing.collecting import collect
from ledger.company.sending.spool import Wishes, seal_into_spool
from ledger.company.vault.vault import Vault
from ledger.errors import StorageFailed
from tests.cli.conftest import Company, applicant, notary, stranger

__all__ = ["applicant", "notary", "stranger"]

NOW = 1_800_000_000.0
POLICY = MailPolicy(look_up=False)
FROM = b"From a@a.example Tue Mar  3 09:14:22 2026\n"
GOOD = b"From: a@a.example\nSubject: good\nDate: Tue, 3 Mar 2026 09:14:22 +0800\n\nbody\n"
ODD = [
    b">From a@a.example Tue Mar  3 09:14:22 2026\nSubject: quoted\n\nbody\n",
    b"not a field\nmore\n",
    b"no line end",
    b"",
    b"\n",
    b"\r",
    b"\0",
    b"From: a\rSubject: mac\r\rbody\r",
    b"\xef\xbb\xbfFrom: a\r\n\r\nbody",
    b" continued\nSubject: x\n\n",
    b":\n::\n",
    b"Subject: =?utf-16?B?2AA=?=\nFrom: " + b"(" * 2000 + b"\nDate: x\n\n\xff",
    b"Content-Type: multipart/mixed; boundary=b\n--b\n\n--b--\n",
    b"Content-Type: message/rfc822\n\n>From x\n",
    b"\x1f\x8b\x08\0packed",
]


class House:
    """A vault with what captures into it."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.intake = Intake(vault, lambda: NOW, os.urandom)
        self.journal = Journal(vault.home, lambda: NOW)
        self.letters = Letters(
            vault.home, self.intake, self.journal, NoResolver(), lambda: NOW, lambda: None
        )

    def sealed(self, key: str) -> bool:
        """Whether an item has become a deposit."""
        return self.intake.find(item_key(key)) is not None

    def failures(self) -> Any:
        return self.journal.snapshot()["failures"]


@pytest.fixture
def house(applicant: Company) -> Iterator[House]:
    made = House(Vault(applicant.home))
    yield made
    made.intake.close()


BYTES = st.one_of(st.sampled_from(ODD), st.binary(max_size=80))


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(odd=st.lists(BYTES, min_size=1, max_size=3))
def test_messages_of_any_bytes_end_sealed(odd: list[bytes], house: House, tmp_path: Path) -> None:
    check(odd, house, tmp_path)


def test_messages_that_have_stopped_a_capture_end_sealed(house: House, tmp_path: Path) -> None:
    check(ODD, house, tmp_path)
    house.journal.write()
    status = read_status(house.vault.home)
    assert status is not None
    assert "it does not begin with a header field" in str(status["notices"]).lower()


def check(odd: list[bytes], house: House, around: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir=around))
    source = imap_source("imap://lin@127.0.0.1", ("INBOX",))
    for number, message in enumerate([*odd, GOOD]):
        fetched = Fetched(message, source, "INBOX", 1, number)
        house.letters.fetched(fetched, POLICY)
        assert house.sealed(fetched.key)
    maildir, mbox = folder / "Maildir", folder / "box.mbox"
    (maildir / "new").mkdir(parents=True, exist_ok=True)
    for number, message in enumerate([*odd, GOOD]):
        (maildir / "new" / str(number)).write_bytes(message)
    mbox.write_bytes(b"".join(FROM + message + b"\n" for message in [*odd, GOOD]))
    done = threading.Event()
    files = [MailboxFiles("mbox", str(mbox), POLICY), MailboxFiles("maildir", str(maildir), POLICY)]
    taking = MailboxImport(files, house.letters, done.set)
    taking.start()
    assert done.wait(60)
    taking.stop()
    assert taking.errors == []
    assert taking.counts[str(maildir), ""].taken == len(odd) + 1
    assert taking.counts[str(mbox), ""].taken >= 1
    assert house.sealed(Stored(GOOD, mbox, "mbox", "").key)
    assert house.sealed(Stored(GOOD, maildir, "maildir", "").key)
    assert house.failures() == []
    (folder / "copy.eml").write_bytes(odd[0])
    vault = house.vault
    kept = seal_into_spool(vault, collect(folder, "test"), Wishes(), (), lambda: NOW, os.urandom)
    assert kept.meta.documents == len([each for each in folder.rglob("*") if each.is_file()])


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(odd=st.lists(BYTES, min_size=1, max_size=3))
def test_the_journal_answers_250_to_any_bytes(odd: list[bytes], house: House) -> None:
    journal = SmtpJournal(
        smtp_source("127.0.0.1:0"), lambda each: house.letters.arrived(each, POLICY, "here")
    )
    journal.start()
    try:
        with smtplib.SMTP("127.0.0.1", journal.port, timeout=60) as client:
            for message in [*odd, GOOD]:
                client.ehlo()
                client.mail("a@a.example")
                client.rcpt("b@b.example")
                client.send(b"BDAT %d LAST\r\n" % len(message) + message)
                assert client.getreply()[0] == 250
    finally:
        journal.stop()
    assert house.failures() == []


class OneFolder(ImapFolder):
    """A folder that is read without a server."""

    def read(self, messages: list[bytes]) -> None:
        for uid, message in enumerate(messages, 1):
            self._take_one(Fetched(message, self._source, self._folder, 1, uid))


def test_an_imap_folder_goes_on_behind_what_cannot_be_sealed(tmp_path: Path) -> None:
    taken: list[bytes] = []
    told: list[str] = []

    def take(fetched: Fetched) -> None:
        if fetched.message == b"poison":
            raise ValueError("it cannot be sealed")
        if fetched.message == b"full":
            raise StorageFailed("the disk is full")
        taken.append(fetched.message)

    folder = OneFolder(
        imap_source("imap://lin@127.0.0.1", ("INBOX",)),
        "INBOX",
        lambda: "",
        Positions(tmp_path / "positions.json"),
        take,
        lambda what, error: told.append(f"{what}: {error}"),
    )
    folder.read([b"one", b"poison", b"three"])
    assert taken == [b"one", b"three"]
    (said,) = told
    assert "UID 2" in said
    with pytest.raises(StorageFailed):
        folder.read([b"full"])
