"""The journal: bytes exactly as sent, 250 only when taken, and nothing that a client does stops it."""

import shutil
import smtplib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.company.mail.smtp import SmtpJournal
from ledger.company.mail.sources import smtp_source
from ledger.errors import InvalidInput, StorageFailed
from tests.mail.conftest import Taken, make_certificate, wait_for

LETTER = b"Subject: letter\r\n\r\nbody\r\n"


def client(journal: SmtpJournal) -> smtplib.SMTP:
    connected = smtplib.SMTP("127.0.0.1", journal.port, timeout=20)
    connected.ehlo("test.example")
    return connected


def send(connected: smtplib.SMTP, message: bytes, sender: str = "a@a.example") -> tuple[int, bytes]:
    """Send a message's very bytes (it must end with CRLF); return the last answer."""
    connected.mail(sender)
    connected.rcpt("b@b.example")
    connected.putcmd("data")
    assert connected.getreply()[0] == 354
    stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
    connected.send(stuffed + b".\r\n")
    return connected.getreply()


class Raw:
    """A client that keeps to nothing."""

    def __init__(self, journal: SmtpJournal) -> None:
        self.sock = socket.create_connection(("127.0.0.1", journal.port), timeout=20)

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def hear(self) -> bytes:
        """Return what comes until a line's end, b"" once the connection is closed."""
        data = b""
        while not data.endswith(b"\r\n"):
            try:
                part = self.sock.recv(65536)
            except ConnectionResetError:
                return data
            if not part:
                return data
            data += part
        return data

    def begin(self) -> None:
        """Come as far as DATA."""
        for line in (
            b"",
            b"HELO x\r\n",
            b"MAIL FROM:<a@a.example>\r\n",
            b"RCPT TO:<b@b.example>\r\n",
        ):
            self.say(line)
            self.hear()


def works(journal: SmtpJournal, taken: Taken) -> None:
    """The journal still takes a message."""
    count = len(taken.arrivals)
    with client(journal) as connected:
        assert send(connected, LETTER)[0] == 250
    assert len(taken.arrivals) == count + 1


def test_the_message_and_its_envelope_are_kept_apart(journal: SmtpJournal, taken: Taken) -> None:
    with client(journal) as connected:
        connected.sendmail("a@a.example", ["b@b.example", "c@c.example"], LETTER)
    (arrival,) = taken.arrivals
    assert arrival.message == LETTER
    envelope = arrival.envelope
    assert (envelope.sender, envelope.recipients) == ("a@a.example", ("b@b.example", "c@c.example"))
    assert envelope.helo == "test.example"
    assert envelope.peer.startswith("127.0.0.1 port ")
    assert envelope.tls == ""


def test_the_answer_names_the_deposit(journal: SmtpJournal) -> None:
    with client(journal) as connected:
        assert send(connected, LETTER) == (250, b"2.6.0 sealed as 000000000001")


def test_a_bounce_has_no_sender(journal: SmtpJournal, taken: Taken) -> None:
    with client(journal) as connected:
        assert send(connected, LETTER, "<>")[0] == 250
    assert taken.arrivals[0].envelope.sender == ""


def test_an_address_in_utf_8_is_taken(journal: SmtpJournal, taken: Taken) -> None:
    with client(journal) as connected:
        connected.command_encoding = "utf-8"
        connected.mail("林@例子.example", ["SMTPUTF8"])
        connected.rcpt("b@b.example")
        assert connected.data(LETTER)[0] == 250
    assert taken.arrivals[0].envelope.sender == "林@例子.example"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\r\n",
        b".\r\n",
        b"..\r\n.\r\n...\r\n",
        b"bare\nlf and \r cr\r\n",
        b"\n.\n\r\n",
        b"\r.\r\r\n",
        b"\n.\r\nMAIL FROM:<evil@a.example>\r\n",
        b"NUL \x00 and \xff\xfe\r\n",
        b"x" * 100_000 + b"\r\n",
    ],
)
def test_every_byte_is_kept(message: bytes, journal: SmtpJournal, taken: Taken) -> None:
    with client(journal) as connected:
        assert send(connected, message)[0] == 250
        assert send(connected, LETTER)[0] == 250
    assert taken.messages == [message, LETTER]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lines=st.lists(st.sampled_from([b".", b"..", b"\n", b"\r", b"x", b"\r\n", b"", b"\n.\n"])),
    cuts=st.lists(st.integers(1, 9), min_size=1),
)
def test_every_byte_is_kept_however_it_is_cut_into_packets(
    lines: list[bytes], cuts: list[int], journal: SmtpJournal, taken: Taken
) -> None:
    message = b"".join(line + b"\r\n" for line in lines)
    stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
    with Raw(journal) as raw:
        raw.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.begin()
        raw.say(b"DATA\r\n")
        raw.hear()
        at = 0
        for cut in (*cuts, len(stuffed)):
            raw.say(stuffed[at : at + cut])
            at += cut
        assert raw.hear().startswith(b"250")
    assert taken.messages[-1] == message


def test_250_comes_only_after_the_message_is_taken(journal: SmtpJournal, taken: Taken) -> None:
    taken.delay = 0.3
    with client(journal) as connected:
        before = time.monotonic()
        assert send(connected, LETTER)[0] == 250
        assert time.monotonic() - before >= 0.3


def test_a_full_disk_is_452_and_the_journal_goes_on(journal: SmtpJournal, taken: Taken) -> None:
    taken.fail = StorageFailed("the disk is full")
    with client(journal) as connected:
        assert send(connected, LETTER)[0] == 452
        taken.fail = None
        assert send(connected, LETTER)[0] == 250


def test_what_can_never_be_sealed_is_554(journal: SmtpJournal, taken: Taken) -> None:
    taken.fail = InvalidInput("no")
    with client(journal) as connected:
        assert send(connected, LETTER)[0] == 554


def test_an_error_of_ours_is_451_and_says_nothing_of_itself(
    journal: SmtpJournal, taken: Taken
) -> None:
    taken.fail = RuntimeError("secret")
    with client(journal) as connected:
        code, answer = send(connected, LETTER)
    assert code == 451
    assert b"secret" not in answer
    assert str(taken.failures[0]) == "secret"


def test_a_message_over_the_limit_is_552(journal: SmtpJournal, taken: Taken) -> None:
    with client(journal) as connected:
        assert send(connected, b"x" * 200_000 + b"\r\n")[0] == 552
        assert send(connected, b"x" * 199_998 + b"\r\n")[0] == 250
        assert connected.mail("a@a.example", ["SIZE=200001"])[0] == 552
    assert journal.in_memory == 0


def test_messages_that_do_not_fit_into_memory_together_are_put_off(taken: Taken) -> None:
    journal = SmtpJournal(smtp_source("127.0.0.1:0"), taken.take, max_in_memory=100_000)
    journal.start()
    try:
        with client(journal) as connected:
            assert send(connected, b"x" * 150_000 + b"\r\n")[0] == 452
            assert send(connected, LETTER)[0] == 250
        wait_for(lambda: journal.in_memory == 0)
    finally:
        journal.stop()


def test_only_named_senders_are_taken(taken: Taken) -> None:
    journal = SmtpJournal(
        smtp_source("127.0.0.1:0", senders=("@a.example", "lin@b.example")), taken.take
    )
    journal.start()
    try:
        with client(journal) as connected:
            for sender, code in (
                ("x@A.example", 250),
                ("lin@b.example", 250),
                ("x@b.example", 550),
                ("x@nota.example", 550),
                ("x@a.example.org", 550),
            ):
                assert connected.mail(sender)[0] == code
                connected.rset()
    finally:
        journal.stop()


def test_only_named_networks_may_connect(taken: Taken) -> None:
    journal = SmtpJournal(smtp_source("127.0.0.1:0", peers=("192.0.2.0/24",)), taken.take)
    journal.start()
    try:
        with Raw(journal) as raw:
            assert raw.hear().startswith(b"554 5.7.1")
            assert raw.hear() == b""
    finally:
        journal.stop()


def test_connections_are_limited(taken: Taken) -> None:
    journal = SmtpJournal(smtp_source("127.0.0.1:0"), taken.take, max_connections=2)
    journal.start()
    try:
        with Raw(journal) as first, Raw(journal) as second:
            assert first.hear().startswith(b"220")
            assert second.hear().startswith(b"220")
            with Raw(journal) as third:
                assert third.hear().startswith(b"421")
        wait_for(lambda: not journal.sessions)
        works(journal, taken)
    finally:
        journal.stop()


def test_a_slow_client_is_cut_off_in_the_middle_of_a_message(taken: Taken) -> None:
    journal = SmtpJournal(smtp_source("127.0.0.1:0"), taken.take, timeout=0.5)
    journal.start()
    try:
        with Raw(journal) as raw:
            raw.begin()
            raw.say(b"DATA\r\n")
            raw.hear()
            heard: list[bytes] = []
            listener = threading.Thread(target=lambda: heard.append(raw.hear()))
            listener.start()
            before = time.monotonic()
            while listener.is_alive() and time.monotonic() - before < 60:
                try:
                    raw.say(b"slowly\r\n")
                except OSError:
                    break
                time.sleep(0.1)
            listener.join(10)
            assert heard == [b""]
        assert taken.messages == []
        wait_for(lambda: journal.in_memory == 0)
    finally:
        journal.stop()


def test_content_before_354_is_refused(journal: SmtpJournal, taken: Taken) -> None:
    with Raw(journal) as raw:
        raw.begin()
        raw.say(b"DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n")
        assert b"554 5.5.0" in raw.hear()
    assert taken.messages == []
    works(journal, taken)


def test_a_second_message_cannot_hide_behind_a_bare_line_feed(
    journal: SmtpJournal, taken: Taken
) -> None:
    smuggled = b"one\n.\nMAIL FROM:<x@x.example>\nRCPT TO:<y@y.example>\nDATA\ntwo\r\n"
    with client(journal) as connected:
        assert send(connected, smuggled)[0] == 250
    assert taken.messages == [smuggled]


def test_a_client_that_leaves_in_the_middle_leaves_nothing(
    journal: SmtpJournal, taken: Taken
) -> None:
    for _ in range(20):
        with Raw(journal) as raw:
            raw.begin()
            raw.say(b"DATA\r\n")
            raw.hear()
            raw.say(b"half a message\r\n" * 1000)
    wait_for(lambda: not journal.sessions and journal.in_memory == 0)
    assert taken.messages == []
    works(journal, taken)


def test_a_client_that_does_not_wait_for_250_loses_nothing(
    journal: SmtpJournal, taken: Taken
) -> None:
    taken.delay = 0.3
    with Raw(journal) as raw:
        raw.begin()
        raw.say(b"DATA\r\n")
        raw.hear()
        raw.say(LETTER + b".\r\n")
        wait_for(lambda: taken.begun)
        assert taken.messages == []
    wait_for(lambda: taken.messages == [LETTER])
    wait_for(lambda: journal.in_memory == 0)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 10_000,
        b"\r\n" * 5_000,
        b"A" * 1_000_000,
        b"DATA\r\nDATA\r\nRCPT TO:<>\r\nMAIL FROM:<\xff>\r\n" * 100,
        b"EHLO " + b"x" * 100_000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 100,
        b"MAIL FROM:<a@a.example> SIZE=9" + b"9" * 400 + b"\r\n",
    ],
)
def test_garbage_does_not_stop_the_journal(
    garbage: bytes, journal: SmtpJournal, taken: Taken
) -> None:
    with Raw(journal) as raw:
        raw.hear()
        try:
            raw.say(garbage)
            raw.sock.shutdown(socket.SHUT_WR)
            raw.hear()
        except OSError:
            pass
    works(journal, taken)
    assert taken.failures == []


def test_many_recipients_are_taken_up_to_the_limit(journal: SmtpJournal, taken: Taken) -> None:
    with client(journal) as connected:
        connected.mail("a@a.example")
        codes = [connected.rcpt(f"r{number}@b.example")[0] for number in range(1001)]
        assert codes == [250] * 1000 + [452]
        assert connected.data(LETTER)[0] == 250
    assert len(taken.arrivals[0].envelope.recipients) == 1000


@pytest.fixture
def encrypted(tmp_path: Path, taken: Taken) -> Iterator[SmtpJournal]:
    make_certificate(tmp_path)
    journal = SmtpJournal(
        smtp_source(
            "127.0.0.1:0",
            certificate=str(tmp_path / "tls.crt"),
            key=str(tmp_path / "tls.key"),
        ),
        taken.take,
    )
    journal.start()
    yield journal
    journal.stop()


def test_with_a_certificate_starttls_is_demanded_and_stated(
    encrypted: SmtpJournal, taken: Taken, tmp_path: Path
) -> None:
    context = ssl.create_default_context(cafile=str(tmp_path / "tls.crt"))
    connected = smtplib.SMTP("localhost", encrypted.port, timeout=20)
    connected.ehlo()
    assert connected.mail("a@a.example")[0] == 530
    connected.starttls(context=context)
    connected.ehlo()
    assert "auth" not in connected.esmtp_features
    assert send(connected, LETTER)[0] == 250
    connected.quit()
    assert taken.arrivals[0].envelope.tls.startswith("TLSv1.3 ")


def test_what_comes_before_the_handshake_is_forgotten(encrypted: SmtpJournal, taken: Taken) -> None:
    with Raw(encrypted) as raw:
        raw.hear()
        raw.say(b"HELO x\r\n")
        raw.hear()
        raw.say(b"STARTTLS\r\nMAIL FROM:<evil@x.example>\r\n")
        assert raw.hear().startswith(b"220")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with context.wrap_socket(raw.sock) as secure:
                secure.sendall(b"EHLO x\r\nRCPT TO:<b@b.example>\r\n")
                heard = b""
                while b"503 " not in heard and b"2.1.5" not in heard:
                    heard += secure.recv(65536)
                assert b"503 " in heard
        except (OSError, ssl.SSLError):
            pass  # refused altogether
    assert taken.messages == []


def test_stopping_answers_what_is_being_sealed(taken: Taken) -> None:
    taken.delay = 0.5
    journal = SmtpJournal(smtp_source("127.0.0.1:0"), taken.take)
    journal.start()
    answers: list[bytes] = []

    def talk() -> None:
        with Raw(journal) as raw:
            raw.begin()
            raw.say(b"DATA\r\n")
            raw.hear()
            raw.say(LETTER + b".\r\n")
            answers.append(raw.hear())

    thread = threading.Thread(target=talk)
    thread.start()
    wait_for(lambda: taken.begun)
    assert answers == []
    journal.stop()
    thread.join(10)
    assert answers[0].startswith(b"250")
    assert taken.messages == [LETTER]


def test_swaks_delivers(journal: SmtpJournal, taken: Taken) -> None:
    if shutil.which("swaks") is None:
        pytest.skip("swaks is not installed (Debian: apt-get install swaks)")
    done = subprocess.run(
        ["swaks", "--server", "127.0.0.1", "--port", str(journal.port), "--from", "a@a.example",
         "--to", "b@b.example,c@c.example", "--h-Subject", "合同", "--body", ".\n..\nend",
         "--attach-type", "application/pdf", "--attach", "@" + __file__],
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (arrival,) = taken.arrivals
    assert arrival.envelope.recipients == ("b@b.example", "c@c.example")
    assert b"\r\n.\r\n..\r\nend" in arrival.message


def test_swaks_delivers_over_tls(encrypted: SmtpJournal, taken: Taken) -> None:
    if shutil.which("swaks") is None:
        pytest.skip("swaks is not installed (Debian: apt-get install swaks)")
    done = subprocess.run(
        ["swaks", "--server", "127.0.0.1", "--port", str(encrypted.port), "--tls",
         "--from", "a@a.example", "--to", "b@b.example"],
        capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(taken.arrivals) == 1


# --- CHUNKING (RFC 3030)


def in_pieces(raw: Raw, *pieces: bytes) -> bytes:
    """Send a message in pieces and return the last answer."""
    for number, piece in enumerate(pieces, 1):
        last = b" LAST" if number == len(pieces) else b""
        raw.say(b"BDAT %d%s\r\n" % (len(piece), last) + piece)
        answer = raw.hear()
    return answer


@pytest.mark.parametrize(
    "pieces",
    [
        [b"Subject: bare\n\nlines end\nin LF\n"],
        [b"Subject: x\r\n\r\n", b"body\r\n"],
        [b"no line end"],
        [b"", b"a", b""],
        [b".\r\n..\r\n\r\n.\r\n"],
        [b"x\n.\nMAIL FROM:<evil@a.example>\n", b"\r\n.\r\nRCPT TO:<x@y.example>\r\n"],
        [b"\x00\xff" * 50_000, b"\r" * 70_000],
    ],
)
def test_a_message_in_pieces_is_kept_byte_for_byte(
    pieces: list[bytes], journal: SmtpJournal, taken: Taken
) -> None:
    with Raw(journal) as raw:
        raw.begin()
        assert in_pieces(raw, *pieces).startswith(b"250 2.6.0 sealed as")
    assert taken.messages == [b"".join(pieces)]
    wait_for(lambda: journal.in_memory == 0)
    works(journal, taken)


def test_pieces_are_offered_and_may_be_sent_without_waiting(
    journal: SmtpJournal, taken: Taken
) -> None:
    with client(journal) as connected:
        assert connected.has_extn("chunking")
        assert not connected.has_extn("binarymime")
    with Raw(journal) as raw:
        raw.begin()
        raw.say(b"BDAT 3\r\none" + b"BDAT 3 LAST\r\ntwo" + b"NOOP\r\n")
        heard = b""
        while heard.count(b"\r\n") < 3:
            heard += raw.hear()
        assert [line[:3] for line in heard.splitlines()] == [b"250"] * 3
    assert taken.messages == [b"onetwo"]


@pytest.mark.parametrize("arg", [b"", b"x", b"-1", b"1e3", b"5 FIRST", b"5 LAST x", b"9" * 21])
def test_a_piece_without_a_size_ends_the_connection(
    arg: bytes, journal: SmtpJournal, taken: Taken
) -> None:
    with Raw(journal) as raw:
        raw.begin()
        raw.say(b"BDAT " + arg + b"\r\nMAIL FROM:<evil@a.example>\r\n")
        assert raw.hear().startswith(b"501")
        assert raw.hear() == b""
    assert taken.messages == []
    works(journal, taken)


def test_what_is_in_a_refused_piece_is_no_command(journal: SmtpJournal, taken: Taken) -> None:
    hidden = b"MAIL FROM:<evil@a.example>\r\nRCPT TO:<b@b.example>\r\n"
    with Raw(journal) as raw:
        raw.hear()
        for greeting in (b"", b"EHLO x\r\n"):
            raw.say(greeting)
            while greeting and not raw.hear().endswith(b"250 HELP\r\n"):
                pass
            raw.say(b"BDAT %d LAST\r\n" % len(hidden) + hidden)
            assert raw.hear().startswith(b"503")
        raw.say(b"BDAT 3 LAST\r\nabc")
        assert raw.hear().startswith(b"503 5.5.1 RCPT first")
    assert taken.messages == []


def test_a_message_in_pieces_has_the_same_limits(journal: SmtpJournal, taken: Taken) -> None:
    with Raw(journal) as raw:
        raw.begin()
        raw.say(b"BDAT 150000\r\n" + b"x" * 150_000)
        assert raw.hear().startswith(b"250")
        raw.say(b"DATA\r\n")
        assert raw.hear().startswith(b"503")
        raw.say(b"BDAT 50001\r\n" + b"x" * 50_001)
        assert raw.hear().startswith(b"552")
        assert journal.in_memory == 0
        raw.say(b"BDAT 1 LAST\r\nx")
        assert raw.hear().startswith(b"552")
        raw.say(b"RSET\r\n")
        assert raw.hear().startswith(b"250")
    assert taken.messages == []
    works(journal, taken)


@pytest.mark.parametrize("end", [b"RSET\r\n", b"HELO x\r\n", b"QUIT\r\n", b""])
def test_pieces_that_never_become_a_message_are_forgotten(
    end: bytes, journal: SmtpJournal, taken: Taken
) -> None:
    with Raw(journal) as raw:
        raw.begin()
        raw.say(b"BDAT 1000\r\n" + b"x" * 1000)
        assert raw.hear().startswith(b"250")
        assert journal.in_memory == 1000
        raw.say(end)
        if end:
            raw.hear()
    wait_for(lambda: journal.in_memory == 0)
    assert taken.messages == []
    works(journal, taken)
