"""Debian's Postfix, set up as docs/operate.md says: what is sealed knows the envelope, Bcc included."""

import os
import shutil
import smtplib
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

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
)

__all__ = ["_nothing_is_left_running", "company", "notary"]

OPERATE = Path(__file__).parents[2] / "docs" / "operate.md"
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
myhostname = mail.a.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_transport = discard:
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""
LETTER = (
    b"From: Lin <lin@a.example>\r\nTo: wang@jinling.example\r\nSubject: offer\r\n"
    b"Date: Tue, 3 Mar 2026 09:14:22 +0800\r\nMessage-ID: <1@a.example>\r\n\r\n"
    b"12.50, from April.\r\n.dotted\r\n"
)


class Refusing(Daemon):
    """A journal that takes mail of another domain only."""

    def start(self) -> None:
        self.options = (*self.options, "--sender", "@b.example")
        super().start()


class Postfix:
    """An instance of its own, in a folder, that delivers to a journal and discards all else."""

    def __init__(self, folder: Path, journal: int) -> None:
        self.folder, self.port = folder, free_port()
        for each in ("conf", "queue", "data"):
            (folder / each).mkdir()
        shutil.chown(folder / "data", "postfix")
        files = documented(folder / "conf", journal)
        files["main.cf"] += MAIN.format(folder=folder)
        files["master.cf"] += MASTER.format(port=self.port)
        for name, content in files.items():
            (folder / "conf" / name).write_text(content)

    def run(self, command: str) -> None:
        subprocess.run(
            ["postfix", "-c", str(self.folder / "conf"), command],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip

    def answers(self) -> bool:
        with suppress(OSError), smtplib.SMTP("127.0.0.1", self.port, timeout=5):
            return True
        return False

    def log(self) -> str:
        return (self.folder / "log").read_text()


def documented(conf: Path, journal: int) -> dict[str, str]:
    """Return the files that the documentation shows, for a journal at another port."""
    block = OPERATE.read_text().partition("```\n# /etc/postfix/")[2].partition("```")[0]
    block = block.replace("/etc/postfix", str(conf)).replace("2525", str(journal))
    files = {}
    for each in block.split(f"# {conf}/"):
        name, _, content = each.partition("\n")
        files[name] = content
    return files


@pytest.fixture
def postfix_folder() -> Iterator[Path]:
    if shutil.which("postfix") is None:
        pytest.skip("postfix is not installed (Debian: apt-get install postfix)")
    if os.getuid() != 0:
        pytest.skip("an instance of Postfix is started by root only")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_seal_knows_bcc_and_a_body_alone_does_not_show_it(
    company: Company, postfix_folder: Path
) -> None:
    daemon = Daemon(company)
    postfix = Postfix(postfix_folder, daemon.port)
    postfix.run("start")
    try:
        wait_for(postfix.answers)
        recipients = ["wang@jinling.example", "Shen@jinling.example", "list+wu=x.example@b.example"]
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=30) as connected:
            connected.sendmail("lin@a.example", recipients, LETTER)
        wait_for(lambda: deposited(company) and all_confirmed(company))
    finally:
        postfix.run("stop")
        daemon.stop()
    (deposit,) = deposited(company)
    assert deposit.meta.title == "offer"
    stated = provenance(company, deposit)
    assert stated["envelope-from"] == "lin@a.example"
    to = {value for name, value in stated.items() if name.startswith("envelope-to-")}
    assert to == set(recipients)
    digits = deposit.name.rpartition("-")[2]
    for selector, there in [("body", b"from April"), ("envelope", b"Shen@jinling.example")]:
        out = company.folder / f"{selector}.evidence"
        company("disclose", digits, "--only", selector, "-o", out)
        shown = out.read_bytes()
        assert there in shown
        assert (b"Shen@" in shown) == (selector == "envelope")
    company("open", digits, "-o", company.folder / "opened")
    opened = (company.folder / "opened" / "offer.eml").read_bytes()
    assert opened.endswith(LETTER)
    assert b"Shen" not in opened
    assert b"sealbook.invalid" not in opened


def test_no_sender_is_told_when_the_journal_refuses(company: Company, postfix_folder: Path) -> None:
    daemon = Refusing(company)
    postfix = Postfix(postfix_folder, daemon.port)
    postfix.run("start")
    try:
        wait_for(postfix.answers)
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=30) as connected:
            connected.sendmail("lin@a.example", ["wang@jinling.example"], LETTER)
        wait_for(lambda: "postfix/qmgr" in postfix.log() and ": removed" in postfix.log())
    finally:
        postfix.run("stop")
        daemon.stop()
    assert "status=bounced" in postfix.log()
    assert "notification" not in postfix.log()
