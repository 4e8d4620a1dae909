"""Mailboxes in files: each message's very bytes, once, and nothing written."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.company.mail.mailboxes import (
    MailboxFollower,
    PassedOver,
    Stored,
    read_maildir,
    read_mbox,
)
from ledger.company.mail.sources import MailboxFiles
from ledger.errors import InvalidInput, SourceChanged, StorageFailed
from tests.mail.conftest import wait_for

FROM = b"From a@a.example Mon Nov 23 17:00:00 2026\n"


def messages(path: Path, **options: int) -> list[bytes]:
    return [each.message for each in read_mbox(path, **options) if isinstance(each, Stored)]


@pytest.fixture
def mbox(tmp_path: Path) -> Path:
    return tmp_path / "box.mbox"


@given(
    st.lists(
        st.lists(st.sampled_from([b"x", b"", b">From y", b" From y", b"\xff\x00"])).map(
            lambda lines: b"".join(line + b"\n" for line in lines)
        )
    )
)
def test_messages_come_back_as_they_were_stored(
    tmp_path_factory: pytest.TempPathFactory, stored: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("mbox") / "box"
    path.write_bytes(b"".join(FROM + each + b"\n" for each in stored))
    # Only the one empty line that separates goes; what an empty body looks like is the mbox's affair.
    found = messages(path)
    assert len(found) == len(stored)
    assert [each.rstrip(b"\n") for each in found] == [each.rstrip(b"\n") for each in stored]


def test_a_message_ends_where_the_next_from_line_follows_an_empty_line(mbox: Path) -> None:
    mbox.write_bytes(FROM + b"a: b\n\nbody\nFrom here on\n\n" + FROM + b"c: d\n\nend\n\n")
    first, second = read_mbox(mbox)
    assert isinstance(first, Stored)
    assert isinstance(second, Stored)
    assert first.message == b"a: b\n\nbody\nFrom here on\n"
    assert second.message == b"c: d\n\nend\n"
    assert first.separator == FROM.strip()
    assert second.place == f"mbox {mbox} at byte {first.end}"


def test_line_ends_are_kept(mbox: Path) -> None:
    mbox.write_bytes(FROM.replace(b"\n", b"\r\n") + b"a: b\r\n\r\nbody\r\n\r\n")
    assert messages(mbox) == [b"a: b\r\n\r\nbody\r\n"]


def test_a_last_line_without_an_end_is_kept(mbox: Path) -> None:
    mbox.write_bytes(FROM + b"a: b\n\nno end")
    assert messages(mbox) == [b"a: b\n\nno end"]


def test_an_empty_mbox_holds_nothing(mbox: Path) -> None:
    mbox.write_bytes(b"")
    assert messages(mbox) == []


@pytest.mark.parametrize("data", [b"Subject: x\n\n", b"\x00" * 100, b"%PDF-1.7\nFrom x\n"])
def test_another_file_is_no_mbox(mbox: Path, data: bytes) -> None:
    mbox.write_bytes(data)
    with pytest.raises(InvalidInput, match="not an mbox"):
        messages(mbox)


def test_a_message_over_the_limit_is_passed_over(mbox: Path) -> None:
    mbox.write_bytes(FROM + b"x" * 500_000 + b"\n\n" + FROM + b"small\n\n")
    found = list(read_mbox(mbox, max_size=1000))
    assert isinstance(found[0], PassedOver)
    assert isinstance(found[1], Stored)


def test_an_mbox_that_grows_meanwhile_keeps_its_last_message_for_later(mbox: Path) -> None:
    mbox.write_bytes(FROM + b"one\n\n" + FROM + b"tw")
    reading = read_mbox(mbox)
    assert isinstance(next(reading), Stored)
    with mbox.open("ab") as file:
        file.write(b"o\n\n")
    with pytest.raises(SourceChanged):
        next(reading)


def test_the_same_message_has_the_same_key_wherever_it_stands(mbox: Path) -> None:
    mbox.write_bytes(FROM + b"one\n\n")
    (first,) = read_mbox(mbox)
    mbox.write_bytes(FROM + b"zero\n\n" + FROM + b"one\n\n")
    _, second = read_mbox(mbox)
    assert isinstance(first, Stored)
    assert isinstance(second, Stored)
    assert first.key == second.key


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for folder in ("new", "cur", "tmp"):
        (tmp_path / "Maildir" / folder).mkdir(parents=True)
    return tmp_path / "Maildir"


def test_a_maildir_gives_new_and_read_mail_and_nothing_else(maildir: Path) -> None:
    (maildir / "new" / "1").write_bytes(b"new")
    (maildir / "cur" / "2:2,S").write_bytes(b"read")
    (maildir / "tmp" / "3").write_bytes(b"half")
    (maildir / "cur" / ".hidden").write_bytes(b"hidden")
    (maildir / "cur" / "folder").mkdir()
    os.mkfifo(maildir / "new" / "pipe")
    found = [each.message for each in read_maildir(maildir) if isinstance(each, Stored)]
    assert found == [b"new", b"read"]


def test_another_folder_is_no_maildir(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not a Maildir"):
        list(read_maildir(tmp_path))


def test_folders_of_a_maildir_are_taken_and_have_their_names(maildir: Path) -> None:
    places = {
        "": "cur/1.host:2,S",
        "Sent": ".Sent/cur/2.host:2,S",
        "已发送": ".&XfJT0ZAB-/new/3.host",
        "Archive/2026": ".Archive.2026/cur/4.host!2,S",
        "归档": "&X1JoYw-/cur/5.host;2,S",
        "归档/old": "&X1JoYw-/old/cur/6.host",
        "草稿": "草稿/cur/7.host",
        "&broken": ".&broken/cur/8.host",
    }
    for name in places.values():
        (maildir / name).parent.mkdir(parents=True, exist_ok=True)
        (maildir / name).write_bytes(name.encode())
    (maildir / "dovecot-uidlist").write_bytes(b"")
    (maildir / "elsewhere").symlink_to(maildir)
    found = [each for each in read_maildir(maildir) if isinstance(each, Stored)]
    assert {each.folder: each.message.decode() for each in found} == places
    assert len(found) == len(places)


def test_a_folder_of_maildirs_need_not_be_one(tmp_path: Path) -> None:
    (tmp_path / "Sent" / "cur").mkdir(parents=True)
    (tmp_path / "Sent" / "cur" / "1").write_bytes(b"sent")
    (found,) = read_maildir(tmp_path)
    assert isinstance(found, Stored)
    assert (found.folder, found.message) == ("Sent", b"sent")


def test_a_message_that_cannot_be_read_is_passed_over_once(
    maildir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1", "2", "3"):
        (maildir / "new" / name).write_bytes(name.encode())
    opened = os.open

    def refuse(path: Path, *rest: int) -> int:
        if Path(path).name == "2":
            raise PermissionError(13, "Permission denied")
        return opened(path, *rest)

    monkeypatch.setattr(os, "open", refuse)
    seen: set[str] = set()
    found = list(read_maildir(maildir, seen=seen))
    assert [each.message for each in found if isinstance(each, Stored)] == [b"1", b"3"]
    (passed,) = [each for each in found if isinstance(each, PassedOver)]
    assert "Permission denied" in str(passed.error)
    assert list(read_maildir(maildir, seen=seen)) == []


class Follower:
    """A follower with what it took; stopped at the end."""

    def __init__(self, kind: str, path: Path) -> None:
        self.taken: list[bytes] = []
        self.failures: list[str] = []
        self.fail = False
        self.poison = b""
        self.service = MailboxFollower(
            MailboxFiles(kind, str(path)),
            self.take,
            lambda what, error: self.failures.append(f"{what}: {error}"),
            poll=0.05,
        )
        self.service.start()

    def take(self, stored: Stored) -> None:
        if self.fail:
            raise StorageFailed("the disk is full")
        if self.poison and self.poison in stored.message:
            raise InvalidInput("it cannot be sealed")
        if stored.message not in self.taken:
            self.taken.append(stored.message)


@pytest.fixture(params=["mbox", "maildir"])
def follower(request: pytest.FixtureRequest, mbox: Path, maildir: Path) -> Iterator[Follower]:
    mbox.write_bytes(b"")
    following = Follower(request.param, {"mbox": mbox, "maildir": maildir}[request.param])
    yield following
    following.service.stop()


def test_what_arrives_is_taken_and_what_failed_is_taken_later(
    follower: Follower, mbox: Path, maildir: Path
) -> None:
    def arrive(name: str) -> None:
        (maildir / "tmp" / name).write_bytes(name.encode() + b"\n")
        (maildir / "tmp" / name).rename(maildir / "new" / name)
        with mbox.open("ab") as file:
            file.write(FROM + name.encode() + b"\n\n")

    arrive("one")
    wait_for(lambda: follower.taken == [b"one\n"])
    follower.fail = True
    arrive("two")
    wait_for(lambda: follower.failures)
    follower.fail = False
    wait_for(lambda: follower.taken == [b"one\n", b"two\n"])
    assert len(follower.failures) == 1  # told once, not at every look


def test_a_message_that_cannot_be_taken_stops_nothing_behind_it(
    follower: Follower, mbox: Path, maildir: Path
) -> None:
    follower.poison = b"poison"
    for name in ("1 one", "2 poison", "3 three"):
        (maildir / "tmp" / name).write_bytes(name.encode() + b"\n")
        (maildir / "tmp" / name).rename(maildir / "new" / name)
    mbox.write_bytes(
        b"".join(FROM + b"%s\n\n" % each for each in (b"1 one", b"2 poison", b"3 three"))
    )
    wait_for(lambda: follower.taken == [b"1 one\n", b"3 three\n"])
    (failure,) = follower.failures
    assert "it cannot be sealed" in failure
