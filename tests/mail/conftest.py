"""Servers that tests own: an IMAP server, a name server, a journal; all on loopback."""

import grp
import os
import pwd
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ledger.company.mail.smtp import Arrival, SmtpJournal
from ledger.company.mail.sources import smtp_source

PASSWORD = "geheim"


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until a condition holds; fail after some seconds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- a name server ---


@dataclass
class NameServer:
    """Answers TXT questions over UDP, as RFC 1035 has it; `silent` it answers nobody."""

    records: dict[str, bytes] = field(default_factory=dict)
    silent: bool = False
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def serve(self, sock: socket.socket) -> None:
        with suppress(OSError):
            while True:
                question, peer = sock.recvfrom(4096)
                if not self.silent:
                    sock.sendto(self.answer(question), peer)

    def answer(self, question: bytes) -> bytes:
        labels, at = [], 12
        while length := question[at]:
            labels.append(question[at + 1 : at + 1 + length].decode())
            at += 1 + length
        name = ".".join(labels).lower()
        self.asked.append(name)
        record = self.records.get(name)
        body = question[12 : at + 5]
        flags = 0x8180 if record is not None else 0x8183
        head = question[:2] + struct.pack(">HHHHH", flags, 1, int(record is not None), 0, 0)
        if record is None:
            return head + body
        parts = [record[i : i + 255] for i in range(0, len(record), 255)]
        data = b"".join(bytes((len(part),)) + part for part in parts)
        return head + body + struct.pack(">HHHIH", 0xC00C, 16, 1, 300, len(data)) + data


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        server = NameServer(port=sock.getsockname()[1])
        threading.Thread(target=server.serve, args=(sock,), daemon=True).start()
        yield server


# --- a journal without a vault ---


@dataclass
class Taken:
    """A journal that remembers what it would have sealed; `fail` is raised instead."""

    arrivals: list[Arrival] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    fail: Exception | None = None
    delay: float = 0.0
    begun: int = 0

    def take(self, arrival: Arrival) -> str:
        self.begun += 1
        time.sleep(self.delay)
        if self.fail is not None:
            raise self.fail
        self.arrivals.append(arrival)
        return f"{len(self.arrivals):012x}"

    @property
    def messages(self) -> list[bytes]:
        return [each.message for each in self.arrivals]


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def journal(taken: Taken) -> Iterator[SmtpJournal]:
    started = SmtpJournal(
        smtp_source("127.0.0.1:0", max_size=200_000), taken.take, taken.failures.append
    )
    started.start()
    yield started
    started.stop()


# --- an IMAP server ---


@dataclass
class Dovecot:
    """Debian's Dovecot with a configuration of its own, for one user with a Maildir."""

    folder: Path
    port: int
    tls_port: int
    process: subprocess.Popen[bytes] | None = None
    uid: int = field(default_factory=os.getuid)
    delivered: int = 0

    @property
    def maildir(self) -> Path:
        return self.folder / "mail"

    @property
    def certificate(self) -> Path:
        return self.folder / "tls.crt"

    def start(self) -> None:
        with (self.folder / "dovecot.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["dovecot", "-F", "-c", str(self.folder / "dovecot.conf")], stdout=log, stderr=log
            )

        def answers() -> bool:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as sock:
                return sock.recv(4) == b"* OK"
            return False

        try:
            wait_for(answers, 10)
        except AssertionError:
            self.stop()
            raise AssertionError((self.folder / "dovecot.log").read_text()) from None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def hand_over(self) -> None:
        """Give the mail to the user whose it is: Dovecot serves nothing that is root's."""
        for each in (self.maildir, *self.maildir.rglob("*")):
            os.chown(each, self.uid, -1)

    def deliver(self, message: bytes, folder: str = "") -> None:
        """Put a message into a folder as a delivery agent does: tmp, then new."""
        place = self.maildir / (f".{folder}" if folder else "")
        for each in ("tmp", "new", "cur"):
            (place / each).mkdir(parents=True, exist_ok=True)
        self.delivered += 1
        name = f"{int(time.time())}.M{self.delivered}P1.test"
        (place / "tmp" / name).write_bytes(message)
        self.hand_over()
        (place / "tmp" / name).rename(place / "new" / name)


_USERS = """
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
}}
"""
_DOVECOT = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
instance_name = sealbook-test
{users}ssl = yes
ssl_cert = <{folder}/tls.crt
ssl_key = <{folder}/tls.key
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 0
first_valid_gid = 0
maildir_very_dirty_syncs = no
mailbox_list_index = no
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
"""


def make_certificate(folder: Path) -> None:
    """Write tls.crt and tls.key for localhost."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    if shutil.which("dovecot") is None:
        pytest.skip("dovecot is not installed (Debian: apt-get install dovecot-imapd)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "mail").mkdir()
        make_certificate(folder)
        server = Dovecot(folder, free_port(), free_port())
        if os.getuid() == 0:
            users = ""  # Debian's users for processes without rights
            server.uid = pwd.getpwnam("nobody").pw_uid
        else:
            user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
            users = _USERS.format(user=user, group=group)
        server.hand_over()
        (folder / "dovecot.conf").write_text(
            _DOVECOT.format(
                folder=folder, users=users, uid=server.uid, gid=os.getgid() or 65534,
                password=PASSWORD, port=server.port, tls_port=server.tls_port,
            )
        )  # fmt: skip
        server.start()
        yield server
        server.stop()
