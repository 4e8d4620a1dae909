"""Mail through the whole way: a real daemon, a real notary; nothing that was answered 250 is lost."""

import json
import os
import random
import signal
import smtplib
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from ledger.company.mail.post import PASSWORD_VARIABLE
from ledger.company.sending.confirming import verify_answer
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from tests.cli.conftest import Company, Served, found, new_company
from tests.mail.conftest import PASSWORD, Dovecot, free_port, wait_for


@pytest.fixture
def notary(tmp_path: Path) -> Iterator[Served]:
    served = found(tmp_path / "notary")
    served.start()
    yield served
    served.stop()


@pytest.fixture
def company(tmp_path: Path, notary: Served, monkeypatch: pytest.MonkeyPatch) -> Company:
    company = new_company(tmp_path / "company", notary)
    monkeypatch.chdir(company.folder)
    company.init()
    company.enrol()
    return company


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    yield
    while Daemon.started:
        Daemon.started.pop().kill()


class Daemon:
    """`sealbook mail` as a process."""

    started: ClassVar[list["subprocess.Popen[bytes]"]] = []

    def __init__(self, company: Company, *options: object) -> None:
        self.company = company
        self.port = free_port()
        self.options = options or ("--listen", f"127.0.0.1:{self.port}", "--no-dns")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self.process = self.company.spawn("mail", *self.options, "--json")
        self.started.append(self.process)
        if "--listen" in self.options:
            wait_for(self.listens)

    def listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.process.communicate()
        try:
            smtplib.SMTP("127.0.0.1", self.port, timeout=5).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def stop(self) -> tuple[int, str]:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors.decode()


def letter(number: int, size: int = 500) -> bytes:
    body = (f"line of letter {number}\r\n" * (size // 20)).encode()
    head = f"From: a@a.example\r\nMessage-ID: <{number}@a.example>\r\nSubject: letter {number}\r\n"
    return head.encode() + b"Date: Mon, 23 Nov 2026 17:00:00 +0000\r\n\r\n" + body


def send(port: int, message: bytes) -> str:
    """Deliver a message; return what 250 says. Raises OSError or SMTPException."""
    connected = smtplib.SMTP("127.0.0.1", port, timeout=30)
    try:
        connected.ehlo("mx.a.example")
        connected.mail("a@a.example")
        connected.rcpt("b@b.example")
        code, answer = connected.data(message)
        if code != 250:
            raise smtplib.SMTPDataError(code, answer)
        return answer.decode().rpartition(" ")[2]
    finally:
        connected.close()


def deposited(company: Company) -> list[StoredDeposit]:
    return Vault(company.home).deposits()


def all_confirmed(company: Company) -> bool:
    return not Vault(company.home).spooled()


def subjects(company: Company) -> list[str]:
    """The titles of what is deposited, each receipt verified."""
    vault = Vault(company.home)
    titles = []
    for each in vault.deposits():
        receipt = each.receipt
        assert receipt is not None
        verify_answer(each.encoded, receipt, vault.trust)
        titles.append(each.meta.title)
    return sorted(titles)


def provenance(company: Company, deposit: StoredDeposit) -> dict[str, str]:
    def never() -> str:
        raise AssertionError("the identity is plain")

    manifest = deposit.manifest(Vault(company.home).identities(never))
    return dict(manifest.cover.provenance)


def test_a_message_becomes_a_deposit_with_its_provenance(company: Company) -> None:
    daemon = Daemon(company)
    before = time.monotonic()
    identity = send(daemon.port, letter(1))
    wait_for(lambda: all_confirmed(company))
    assert time.monotonic() - before < 15
    assert daemon.stop()[0] == 0
    (deposit,) = deposited(company)
    assert deposit.commitment.startswith(identity)
    assert subjects(company) == ["letter 1"]
    stated = provenance(company, deposit)
    assert stated["mail-message-id"] == "<1@a.example>"
    assert stated["mail-date"] == "Mon, 23 Nov 2026 17:00:00 +0000"
    assert stated["envelope-from"] == "a@a.example"
    assert stated["envelope-to-1"] == "b@b.example"
    assert stated["envelope-helo"] == "mx.a.example"
    assert stated["dkim"] == "none"
    assert "depositor's software" in stated["stated by"]
    opened = company.json("open", identity, "-o", company.folder / "opened")
    assert opened["state"] == "deposited"
    assert (company.folder / "opened" / "letter 1.eml").read_bytes() == letter(1)


def test_the_same_message_again_is_the_same_deposit(company: Company) -> None:
    daemon = Daemon(company)
    first = send(daemon.port, letter(1))
    assert send(daemon.port, letter(1)) == first
    wait_for(lambda: all_confirmed(company))
    daemon.kill()
    daemon.start()
    assert send(daemon.port, letter(1)) == first
    daemon.stop()
    assert subjects(company) == ["letter 1"]


def test_mail_is_taken_while_the_notary_is_away(company: Company) -> None:
    company.notary.stop()
    daemon = Daemon(company)
    for number in range(3):
        send(daemon.port, letter(number))
    assert len(Vault(company.home).spooled()) == 3
    company.notary.start()
    wait_for(lambda: all_confirmed(company), 60)
    daemon.stop()
    assert subjects(company) == ["letter 0", "letter 1", "letter 2"]


def test_a_daemon_whose_output_nobody_reads_goes_on(company: Company) -> None:
    daemon = Daemon(company)  # its output is a pipe that nobody empties
    letters = 180
    for number in range(letters):
        send(daemon.port, letter(number).replace(b"Subject: ", b"Subject: " + b"x" * 420))
    wait_for(lambda: all_confirmed(company), 60)
    daemon.kill()
    assert len(deposited(company)) == letters


def test_the_daemon_needs_no_identity(company: Company) -> None:
    (company.home / "identity.txt").rename(company.folder / "identity.txt")
    daemon = Daemon(company)
    send(daemon.port, letter(1))
    wait_for(lambda: all_confirmed(company))
    daemon.stop()
    assert subjects(company) == ["letter 1"]


def mbox(*messages: bytes) -> bytes:
    return b"".join(b"From a@a.example Mon Nov 23\n" + each + b"\n" for each in messages)


def test_a_mailbox_is_taken_once_however_often_it_is_read(company: Company) -> None:
    letters = [letter(number).replace(b"\r\n", b"\n") for number in range(5)]
    path = company.write("archive.mbox", mbox(*letters[:4]))
    *_, last = company("mail", "--mbox", path, "--matter", "m", "--json").stdout.splitlines()
    assert json.loads(last) == {
        "mailboxes": [{"path": str(path), "folder": "", "messages": 4, "passed_over": 0}],
        "waiting": 0,
    }
    path.write_bytes(mbox(letters[4], *letters))
    company("mail", "--mbox", path, "--matter", "m")
    assert subjects(company) == [f"letter {number}" for number in range(5)]
    assert sorted(each.deposit.matter.number for each in deposited(company)) == [1, 2, 3, 4, 5]  # type: ignore[union-attr]


def test_a_maildir_is_taken_once_and_left_as_it_is(company: Company) -> None:
    maildir = company.folder / "Maildir"
    for folder in ("new", "cur", "tmp"):
        (maildir / folder).mkdir(parents=True)
    (maildir / "cur" / "1.a.host:2,S").write_bytes(letter(1))
    (maildir / "new" / "2.b.host").write_bytes(letter(2))
    company("mail", "--maildir", maildir)
    (maildir / "new" / "2.b.host").rename(maildir / "cur" / "2.b.host:2,")
    company("mail", "--maildir", maildir)
    assert subjects(company) == ["letter 1", "letter 2"]
    assert len(list(maildir.rglob("*host*"))) == 2


def test_folders_of_a_maildir_are_counted_by_name(company: Company) -> None:
    maildir = company.folder / "Maildir"
    for number, folder in enumerate(("cur", ".Sent/cur", ".&XfJT0ZAB-/new")):
        (maildir / folder).mkdir(parents=True)
        (maildir / folder / "1.host").write_bytes(letter(number))
    output = company("mail", "--maildir", maildir, "--no-dns").output
    assert output.count("1 message\n") == 3
    assert output.count("in its folder") == 2
    assert "Sent" in output
    assert "已发送" in output
    assert len(deposited(company)) == 3


def test_a_file_that_is_no_mailbox_does_not_keep_the_next_one_from_being_taken(
    company: Company,
) -> None:
    other = company.write("other.mbox", b"no mailbox\n")
    good = company.write("good.mbox", mbox(letter(1)))
    output = company("mail", "--mbox", other, "--mbox", good, "--no-dns", code=1).output
    assert "1 message\n" in output
    assert "is not an mbox" in output
    assert len(deposited(company)) == 1


def test_a_journal_at_any_free_port_says_which(company: Company) -> None:
    process = company.spawn("mail", "--listen", "127.0.0.1:0", "--no-dns", "--json")
    try:
        assert process.stdout is not None
        event = json.loads(process.stdout.readline())
        assert event["kind"] == "listening"
        port = int(event["what"].removeprefix("127.0.0.1:"))
        send(port, letter(1))
        wait_for(lambda: len(deposited(company)) == 1)
    finally:
        process.terminate()
        process.communicate()


def test_a_followed_imap_folder_is_deposited(company: Company, dovecot: Dovecot) -> None:
    company.env[PASSWORD_VARIABLE] = PASSWORD
    dovecot.deliver(letter(1))
    daemon = Daemon(company, "--imap", f"imap://lin@127.0.0.1:{dovecot.port}", "--no-dns")
    wait_for(lambda: len(deposited(company)) == 1)
    wait_for(lambda: any(company.home.glob("imap-*.json")))
    daemon.kill()
    dovecot.deliver(letter(2))
    (position,) = company.home.glob("imap-*.json")
    position.unlink()  # as if the kill had come before
    daemon.start()
    wait_for(lambda: len(deposited(company)) == 2)
    wait_for(lambda: all_confirmed(company))
    assert daemon.stop()[0] == 0
    assert subjects(company) == ["letter 1", "letter 2"]


def test_run_serves_the_mail_tables_of_its_configuration(company: Company) -> None:
    port = free_port()
    mailbox = company.write("in.mbox", mbox(letter(7)))
    company.write(
        "vault/capture.toml",
        f"""
        [smtp]
        listen = "127.0.0.1:{port}"
        dns = false
        classification = "confidential"
        [[smtp.sender]]
        address = "@a.example"
        matter = "A"
        [[mbox]]
        path = "{mailbox}"
        """.encode(),
    )
    process = company.spawn("run", "--json")
    try:
        daemon = Daemon.__new__(Daemon)
        daemon.port, daemon.process = port, process
        wait_for(daemon.listens)
        send(port, letter(1))
        wait_for(lambda: len(deposited(company)) == 2 and all_confirmed(company))
    finally:
        process.terminate()
        process.communicate()
    assert subjects(company) == ["letter 1", "letter 7"]
    assert sorted(str(each.meta.matter) for each in deposited(company)) == ["A", "None"]


@pytest.mark.parametrize(
    "options",
    [
        ("--listen", "0.0.0.0:2525"),
        ("--listen", "127.0.0.1"),
        ("--imap", "imap://lin@mail.example"),
        ("--imap", "imaps://lin:secret@mail.example"),
        ("--imap", "imaps://lin@mail.example"),
        ("--mbox", "missing.mbox"),
        ("--maildir", "missing"),
    ],
)
def test_what_cannot_work_is_said_at_once(options: tuple[str, ...], company: Company) -> None:
    output = company("mail", *options, code=1).output
    assert "unexpected" not in output
    assert "secret" not in output


def test_a_second_journal_for_the_same_vault_is_refused(company: Company) -> None:
    daemon = Daemon(company)
    try:
        assert "Another daemon" in company("mail", "--listen", "127.0.0.1:0", code=1).output
    finally:
        daemon.stop()


# --- kill -9 ---


def rounds_of_kills(company: Company, rounds: int, seed: int) -> None:
    """Send mail without pause while daemon and notary are killed at random moments."""
    rng = random.Random(seed)
    daemon = Daemon(company)
    accepted: dict[str, str] = {}
    lock = threading.Lock()
    numbers = iter(range(1_000_000))
    done = threading.Event()

    def sender() -> None:
        number = None
        while not done.is_set():
            # A mail server tries the same message until it is answered 250.
            if number is None:
                with lock:
                    number = next(numbers)
            try:
                identity = send(daemon.port, letter(number, 5_000))
            except (OSError, smtplib.SMTPException):
                time.sleep(0.05)
                continue
            with lock:
                accepted[f"letter {number}"] = identity
            number = None

    threads = [threading.Thread(target=sender) for _ in range(4)]
    for each in threads:
        each.start()
    try:
        for _ in range(rounds):
            time.sleep(rng.uniform(0.1, 1.5))
            if rng.random() < 0.6:
                daemon.kill()
                daemon.start()
            else:
                notary = company.notary
                assert notary.process is not None
                notary.process.kill()
                notary.process.wait()
                notary.start()
    finally:
        done.set()
        for each in threads:
            each.join()
    wait_for(lambda: all_confirmed(company), 120)
    assert daemon.stop()[0] == 0
    found = subjects(company)
    assert len(found) == len(set(found)), "something was deposited twice"
    assert set(accepted) <= set(found), "something that was answered 250 was lost"
    # What was sealed and not answered, because the daemon was killed before, may be there as well.
    assert len(found) - len(accepted) <= len(threads)
    by_title = {each.meta.title: each.commitment for each in deposited(company)}
    assert all(by_title[title].startswith(identity) for title, identity in accepted.items())
    assert len(accepted) > rounds


def test_nothing_answered_250_is_lost_or_doubled_by_kills(company: Company) -> None:
    rounds_of_kills(company, rounds=3, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_nothing_answered_250_is_lost_or_doubled_by_fifty_kills(company: Company) -> None:
    rounds_of_kills(company, rounds=50, seed=int(os.environ.get("SEALBOOK_SEED", "2")))


# --- a disk that fills up ---


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.getuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_452_and_nothing_acknowledged_is_lost(
    small_disk: Path, notary: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = new_company(small_disk / "company", notary)
    monkeypatch.chdir(company.folder)
    company.init()
    company.enrol()
    notary.stop()  # so that nothing leaves the disk
    daemon = Daemon(company)
    accepted, refused = 0, 0
    for number in range(60):
        try:
            send(daemon.port, letter(number, 1_000_000))
            accepted += 1
        except smtplib.SMTPDataError as error:
            assert error.smtp_code == 452
            refused += 1
    assert accepted > 3
    assert refused > 3
    filler = small_disk / "filler"  # and now to the last byte, past the reserve
    with pytest.raises(OSError, match="No space"), filler.open("wb") as file:
        while True:
            file.write(b"x" * 65536)
    with pytest.raises(smtplib.SMTPDataError) as full:
        send(daemon.port, letter(1000))
    assert full.value.smtp_code == 452
    filler.unlink()
    notary.start()
    wait_for(lambda: all_confirmed(company), 90)
    send(daemon.port, letter(1001))
    wait_for(lambda: all_confirmed(company), 60)
    daemon.stop()
    assert len(subjects(company)) == accepted + 1


def test_nothing_of_a_message_stands_readable_in_the_vault(company: Company) -> None:
    daemon = Daemon(company)
    company.notary.stop()
    message = letter(1).replace(b"line of", b"Geheimnis")
    secrets = {b"Geheimnis", b"b@b.example", b"mx.a.example"}
    identity = send(daemon.port, message)
    daemon.stop()
    files = [path.read_bytes() for path in company.home.rglob("*") if path.is_file()]
    # The subject stands there and is found: the message is in, and the search finds things.
    assert any(b"letter 1" in each for each in files)
    assert not {word for word in secrets if any(word in each for each in files)}
    # Sealed are they, all three: they come out again.
    company("open", identity, "-o", company.folder / "opened")
    stated = "\n".join(provenance(company, deposited(company)[0]).values()).encode()
    out = (company.folder / "opened" / "letter 1.eml").read_bytes() + stated
    assert secrets == {word for word in secrets if word in out}
