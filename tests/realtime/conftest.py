"""The notary and the companies of the command line's tests, and daemons that really run."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ledger.company.disclosing.opening import open_deposit
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.crypto.recipients import parse_identity_file
from ledger.wire.client import NotaryClient
from tests.cli.conftest import Company, applicant, company, notary, own_notary, stranger
from tests.processes import Program

__all__ = ["applicant", "company", "notary", "own_notary", "stranger"]


def eventually(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not come to pass"
        time.sleep(0.05)


class Daemon:
    """A company's daemon on one folder."""

    def __init__(self, company: Company, *options: str) -> None:
        self.company = company
        self.options = options
        self.prefix: tuple[str, ...] = ()
        self.script: str | None = None
        self.folder = company.folder / "Contracts"
        self.folder.mkdir(exist_ok=True)
        self.log = company.folder / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.ours: set[str] = set()
        """The files that `quiet` wrote."""

    def start(self, *command: str) -> None:
        arguments = command or ("watch", str(self.folder), "--settle", "0.2", *self.options)
        environment = {"SEALBOOK_HOME": str(self.company.home), "LC_ALL": "C.UTF-8"}
        with self.log.open("ab") as log:
            began = log.tell()
            options: dict[str, Any] = {
                "env": os.environ | environment,
                "cwd": self.company.folder,
                "stdout": log,
                "stderr": log,
            }
            if self.prefix or self.script:
                program = ("-m", "ledger") if self.script is None else ("-c", self.script)
                self.process = subprocess.Popen(
                    [*self.prefix, sys.executable, *program, *arguments], **options
                )
            else:
                self.process = Program(["-m", "ledger", *arguments], **options)
        if "--json" not in self.options:
            eventually(lambda: b"Watching" in self.log.read_bytes()[began:] or self.ended)
            assert not self.ended, self.log.read_text()

    @property
    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> None:
        if self.process is not None and not self.ended:
            self.process.terminate()
            assert self.process.wait(60) == 0, self.log.read_text()
        assert not self.log.exists() or b"Traceback" not in self.log.read_bytes()

    # --- what came of it ---

    @property
    def vault(self) -> Vault:
        return Vault(self.company.home)

    def settled(self, count: int, seconds: float = 30.0) -> list[StoredDeposit]:
        """Wait until so many deposits have receipts; return them in the order of sealing."""
        filed = self.company.home / "deposits"
        try:
            eventually(lambda: len(list(filed.iterdir())) >= count, seconds)
        except AssertionError:
            raise AssertionError(self.log.read_text()) from None
        return self.vault.deposits()

    def quiet(self, name: str = "last") -> list[StoredDeposit]:
        """Return the deposits once all that was seen before now has been decided and sent.

        A file that is written now settles after what came before it, and so does its deletion,
        which waits as long as any path does.
        """
        last = self.folder / name
        self.ours.add(str(last))
        last.write_bytes(name.encode())
        eventually(lambda: self._confirmed(name))
        last.unlink()
        eventually(lambda: self._confirmed(f"{name} (deleted)"))
        eventually(lambda: not self.vault.spooled())
        return [each for each in self.vault.deposits() if each.meta.path not in self.ours]

    def _confirmed(self, title: str) -> bool:
        return any(each.meta.title == title and each.receipt for each in self.vault.deposits())

    def by_path(self) -> dict[str, list[tuple[str, bytes]]]:
        """Return for each path the numbers' order of (title, content) that was deposited."""
        vault = self.vault
        identities = parse_identity_file((self.company.home / "identity.txt").read_text())
        found: dict[str, list[tuple[str, bytes]]] = {}
        with NotaryClient(vault.config.notary, ledger=vault.config.origin, key=vault.key) as client:
            for each in sorted(vault.deposits(), key=lambda one: one.name):
                out = self.company.folder / "opened" / each.name
                out.parent.mkdir(exist_ok=True)
                open_deposit(each, client, identities, out, lambda _: None)
                (file,) = [path for path in out.rglob("*") if path.is_file()]
                found.setdefault(each.meta.path, []).append((each.meta.title, file.read_bytes()))
        return found

    def entered(self) -> int:
        """How many deposits the notary has of the company."""
        vault = self.vault
        with NotaryClient(vault.config.notary, ledger=vault.config.origin, key=vault.key) as client:
            return len(list(client.deposits()))


@pytest.fixture
def daemon(company: Company) -> Iterator[Daemon]:
    """A daemon that is not started yet."""
    made = Daemon(company)
    yield made
    with contextlib.suppress(ProcessLookupError):
        made.stop()
