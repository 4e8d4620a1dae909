"""An IMAP server that lies, floods or is away for long: the folder goes on, and memory has an end."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.company.mail import imap
from ledger.company.mail.imap import Fetched, ImapFolder, Positions
from ledger.company.mail.sources import imap_source
from tests.mail.conftest import free_port, wait_for

LETTER = b"Subject: letter\r\n\r\nbody\r\n"

Answer = Callable[[bytes], bytes | None]


class Liar:
    """Answers as a server with one message does; `lies` has other answers by command.

    A lie gets the command's line and returns all that is said, its tag excepted; None hangs up.
    """

    def __init__(self, port: int = 0) -> None:
        self.lies: dict[bytes, Answer] = {}
        self.said: list[bytes] = []
        self.validity = 7
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, client.makefile("rb") as lines:
            client.sendall(b"* OK ready\r\n")
            for line in lines:
                tag, _, rest = line.strip().partition(b" ")
                words = rest.upper().split()
                command = words[1] if words[:1] == [b"UID"] else (words or [tag.upper()])[0]
                self.said.append(command)
                answer = self.lies.get(command, self.honest)(rest)
                if answer is None:
                    return
                client.sendall(answer.replace(b"TAG ", tag + b" "))

    def honest(self, line: bytes) -> bytes:
        said = b""
        if line.startswith(b"CAPABILITY"):
            said = b"* CAPABILITY IMAP4rev1\r\n"
        elif line.startswith(b"EXAMINE"):
            said = b"* 1 EXISTS\r\n* OK [UIDVALIDITY %d] valid\r\n" % self.validity
        elif b"SEARCH" in line:
            said = b"* SEARCH 1\r\n"
        elif b"SIZE" in line:
            said = b"* 1 FETCH (UID 1 RFC822.SIZE %d)\r\n" % len(LETTER)
        elif b"FETCH" in line:
            said = b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)\r\n" % (len(LETTER), LETTER)
        return said + b"TAG OK done\r\n"


class Follower:
    """A folder of that server, followed."""

    def __init__(self, folder: Path) -> None:
        self.positions = folder / "imap.json"
        self.taken: list[Fetched] = []
        self.failures: list[str] = []
        self.stop: Callable[[], object] = lambda: None

    def follow(self, port: int, first_pause: float = 0.01) -> None:
        folder = ImapFolder(
            imap_source(f"imap://lin@127.0.0.1:{port}", ("INBOX",)),
            "INBOX",
            lambda: "geheim",
            Positions(self.positions),
            self.taken.append,
            lambda _, error: self.failures.append(str(error)),
            max_size=10_000,
            poll=0.01,
            first_pause=first_pause,
        )
        folder.start()
        self.stop = folder.stop


@pytest.fixture
def liar() -> Iterator[Liar]:
    made = Liar()
    yield made
    made.listener.close()


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    made = Follower(tmp_path)
    yield made
    made.stop()


def test_an_honest_answer_is_taken(liar: Liar, follower: Follower) -> None:
    follower.follow(liar.port)
    wait_for(lambda: follower.taken)
    assert follower.taken[0].message == LETTER
    assert follower.failures == []


@pytest.mark.parametrize("command", [b"SEARCH", b"FETCH", b"NOOP"])
def test_words_without_an_end_are_cut_off(
    command: bytes, liar: Liar, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "SPARE", 1 << 20, raising=False)
    endless = (b"* OK " + b"x" * 100_000 + b"\r\n") * 100
    liar.lies[command] = lambda _: endless
    follower.follow(liar.port)
    wait_for(lambda: any("without an end" in each for each in follower.failures))
    liar.lies.clear()
    wait_for(lambda: follower.taken)


def test_a_message_larger_than_said_is_cut_off(liar: Liar, follower: Follower) -> None:
    liar.lies[b"FETCH"] = lambda line: (
        liar.honest(line)
        if b"SIZE" in line
        else b"* 1 FETCH (UID 1 BODY[] {4000000000}\r\n" + b"x" * 100_000
    )
    follower.follow(liar.port)
    wait_for(lambda: any("more than was asked for" in each for each in follower.failures))
    assert follower.taken == []
    liar.lies.clear()
    wait_for(lambda: follower.taken)


@pytest.mark.parametrize("command", [b"LOGIN", b"EXAMINE", b"SEARCH", b"FETCH", b"NOOP"])
def test_a_goodbye_in_the_middle_is_told_once_and_the_folder_comes_back(
    command: bytes, liar: Liar, follower: Follower
) -> None:
    goodbyes: list[bytes] = []

    def goodbye(line: bytes) -> bytes | None:
        goodbyes.append(line)
        return b"* BYE shutting down\r\n" if len(goodbyes) % 2 else None

    liar.lies[command] = goodbye
    follower.follow(liar.port)
    wait_for(lambda: len(goodbyes) > 4)
    liar.lies.clear()
    wait_for(lambda: follower.taken)
    assert follower.failures


def test_the_same_trouble_is_told_once(liar: Liar, follower: Follower) -> None:
    liar.lies[b"LOGIN"] = lambda _: b"TAG NO not now\r\n"
    follower.follow(liar.port)
    wait_for(lambda: liar.said.count(b"LOGIN") > 4)
    assert len(follower.failures) == 1


def test_a_folder_that_is_made_anew_while_it_is_followed_is_read_from_its_start(
    liar: Liar, follower: Follower
) -> None:
    follower.follow(liar.port)
    wait_for(lambda: follower.taken)
    liar.lies[b"NOOP"] = lambda _: b"* OK [UIDVALIDITY 8] made anew\r\nTAG OK done\r\n"
    liar.validity = 8
    wait_for(lambda: len(follower.taken) == 2)
    assert [each.validity for each in follower.taken] == [7, 8]
    assert follower.taken[0].key == follower.taken[1].key


def test_a_server_that_was_away_for_days_is_found_again(follower: Follower) -> None:
    port = free_port()
    tried = 0
    connect = socket.socket.connect

    def counted(sock: socket.socket, address: tuple[str, int]) -> None:
        nonlocal tried
        tried += address[1] == port
        connect(sock, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", counted)
        follower.follow(port, first_pause=0.0)
        wait_for(lambda: tried > 1100)
    liar = Liar(port)
    try:
        wait_for(lambda: follower.taken)
    finally:
        liar.listener.close()
    assert len(follower.failures) == 1
    assert re.search("refused", follower.failures[0])
