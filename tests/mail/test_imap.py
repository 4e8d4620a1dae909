"""Folders on a real IMAP server: everything once, nothing changed there."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.company.mail.imap import Fetched, ImapFolder, Positions
from ledger.company.mail.sources import imap_source
from ledger.errors import StorageFailed
from tests.mail.conftest import PASSWORD, Dovecot, wait_for

Start = Callable[..., ImapFolder]


def letter(number: int) -> bytes:
    return b"Subject: letter %d\r\nFrom: a@b.example\r\n\r\nbody \xff %d\r\n" % (number, number)


class Box:
    """What was taken, and followers that are stopped at the end."""

    def __init__(self, dovecot: Dovecot, folder: Path) -> None:
        self.dovecot = dovecot
        self.positions = folder / "imap.json"
        self.taken: list[Fetched] = []
        self.failures: list[str] = []
        self.fail: Exception | None = None
        self.followers: list[ImapFolder] = []

    def take(self, fetched: Fetched) -> None:
        if self.fail is not None:
            raise self.fail
        self.taken.append(fetched)

    @property
    def messages(self) -> list[bytes]:
        return [each.message for each in self.taken]

    def follow(self, folder: str = "INBOX", url: str = "", **options: object) -> ImapFolder:
        source = imap_source(url or f"imap://lin@127.0.0.1:{self.dovecot.port}", (folder,))
        options = {"first_pause": 0.05, "password": lambda: PASSWORD, **options}
        follower = ImapFolder(
            source,
            folder,
            positions=Positions(self.positions),
            take=self.take,
            failed=lambda what, error: self.failures.append(f"{what}: {error}"),
            **options,  # type: ignore[arg-type]
        )
        follower.start()
        self.followers.append(follower)
        return follower

    def close(self) -> None:
        for each in self.followers:
            each.stop()


@pytest.fixture
def box(dovecot: Dovecot, tmp_path: Path) -> Iterator[Box]:
    box = Box(dovecot, tmp_path)
    yield box
    box.close()


def test_what_is_there_and_what_arrives_is_taken_as_stored(box: Box) -> None:
    box.dovecot.deliver(letter(1))
    box.follow()
    wait_for(lambda: box.messages == [letter(1)])
    box.dovecot.deliver(letter(2))  # IDLE tells
    wait_for(lambda: box.messages == [letter(1), letter(2)])
    assert box.failures == []


def test_what_arrives_between_reading_and_idle_is_taken_at_once(box: Box) -> None:
    def take_and_send_another(fetched: Fetched) -> None:
        box.taken.append(fetched)
        if len(box.taken) < 20:
            box.dovecot.deliver(letter(len(box.taken) + 1))

    box.take = take_and_send_another  # type: ignore[method-assign]
    box.dovecot.deliver(letter(1))
    box.follow()
    wait_for(lambda: len(box.taken) == 20)
    assert box.messages == [letter(number) for number in range(1, 21)]


def test_nothing_is_marked_or_moved(box: Box) -> None:
    box.dovecot.deliver(letter(1))
    box.follow()
    wait_for(lambda: box.messages)
    files = [each.name for each in (box.dovecot.maildir / "new").iterdir()]
    cur = [each.name for each in (box.dovecot.maildir / "cur").iterdir()]
    assert len(files) + len(cur) == 1
    assert not any("S" in name.partition(":2,")[2] for name in cur)  # not seen


def test_a_restart_reads_on_where_it_stopped(box: Box) -> None:
    box.dovecot.deliver(letter(1))
    box.follow()
    wait_for(lambda: box.messages == [letter(1)])
    box.close()
    box.dovecot.deliver(letter(2))
    box.follow()
    wait_for(lambda: box.messages == [letter(1), letter(2)])


def test_a_changed_uidvalidity_reads_the_folder_anew_and_knows_the_messages_again(box: Box) -> None:
    box.dovecot.deliver(letter(1))
    box.follow()
    wait_for(lambda: box.messages == [letter(1)])
    box.close()
    box.dovecot.stop()
    for each in box.dovecot.maildir.glob("dovecot*"):
        each.unlink()
    uids = box.dovecot.maildir / "dovecot-uidlist"
    uids.write_text(f"3 V{box.taken[0].validity + 7} N1 G0123456789abcdef0123456789abcdef\n")
    box.dovecot.deliver(letter(2))
    box.dovecot.start()
    box.follow()
    wait_for(lambda: len(box.taken) == 3)
    first, again, new = box.taken
    assert {again.message, new.message} == {letter(1), letter(2)}
    assert first.validity != again.validity == new.validity
    assert first.key in (again.key, new.key)


def test_a_message_that_cannot_be_stored_is_taken_later(box: Box) -> None:
    box.fail = StorageFailed("the disk is full")
    box.dovecot.deliver(letter(1))
    box.follow()
    wait_for(lambda: box.failures)
    box.fail = None
    wait_for(lambda: box.messages == [letter(1)])


def test_it_comes_back_when_the_server_does(box: Box) -> None:
    box.follow()
    box.dovecot.deliver(letter(1))
    wait_for(lambda: box.messages == [letter(1)])
    box.dovecot.stop()
    wait_for(lambda: box.failures)
    box.dovecot.deliver(letter(2))
    box.dovecot.start()
    wait_for(lambda: box.messages == [letter(1), letter(2)])


def test_a_wrong_password_is_reported_and_not_shown(box: Box) -> None:
    box.follow(password=lambda: "hunter2")
    wait_for(lambda: box.failures, 40)
    assert "hunter2" not in "".join(box.failures)


def test_a_message_over_the_limit_is_reported_and_the_next_is_taken(box: Box) -> None:
    box.dovecot.deliver(letter(1) + b"x" * 5000)
    box.dovecot.deliver(letter(2))
    box.follow(max_size=4000)
    wait_for(lambda: box.messages == [letter(2)])
    assert "more than 4000" in box.failures[0]


def test_certificates_are_verified(box: Box) -> None:
    box.dovecot.deliver(letter(1))
    url = f"imaps://lin@localhost:{box.dovecot.tls_port}"
    box.follow(url=url)
    wait_for(lambda: any("CERTIFICATE_VERIFY_FAILED" in each for each in box.failures))
    assert not box.taken
    trusting = ssl.create_default_context(cafile=str(box.dovecot.certificate))
    box.follow(url=url, tls=trusting)
    wait_for(lambda: box.messages == [letter(1)])


def test_another_folder_with_a_name_in_chinese(box: Box) -> None:
    box.dovecot.deliver(letter(1), "&XfJT0ZAB-")  # 已发送 as IMAP writes it
    box.follow("已发送")
    wait_for(lambda: box.messages == [letter(1)])
