"""A notary that really serves, and companies that really type commands."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ledger.chain.trust import fingerprint
from ledger.cli.root import cli
from ledger.notary import leaving
from tests import logs
from tests.processes import Program

ORIGIN = "test.notary.example/ledger"
PASSPHRASE = "correct horse 合同"


def run(*arguments: object, code: int = 0, env: dict[str, str] | None = None) -> Result:
    """Run a command in this process; no traceback may ever be shown."""
    clean = {"SEALBOOK_HOME": "/nonexistent", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"} | (env or {})
    result = CliRunner().invoke(cli, [str(each) for each in arguments], env=clean)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


@dataclass
class Served:
    """A notary and its address."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def trust_file(self) -> Path:
        (path,) = self.directory.glob("*.trust")
        return path

    def start(self, script: str | None = None) -> None:
        """Serve until `stop`; by a script that runs the command, where one is given."""
        program = ["-m", "ledger"] if script is None else ["-c", script]
        command = [*program, "notary", "serve", "--port", self.port, "--dir", self.directory]
        with (self.directory.parent / f"{self.directory.name}.log").open("ab") as log:
            self.process = Program(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(self.url + "/health", timeout=5).close()
                return
            except OSError:
                assert self.process.poll() is None, "the notary has stopped"
                time.sleep(0.02)
        raise AssertionError("the notary does not answer")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None


def found(directory: Path, origin: str = ORIGIN) -> Served:
    run("notary", "init", "--origin", origin, "--issuer", "测试公证处", "--dir", directory)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Served(directory, port)


@pytest.fixture(scope="package", autouse=True)
def quick_answers() -> Iterator[None]:
    """What the office types is answered as soon as the serving process has done it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaving, "ORDERS_EVERY", 0.02)
        yield


@pytest.fixture(scope="session")
def notary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The notary that most tests share."""
    served = found(tmp_path_factory.mktemp("shared") / "notary")
    served.start()
    yield served
    served.stop()


@pytest.fixture
def own_notary(tmp_path: Path) -> Iterator[Served]:
    """A notary that a test may stop, hurt or fork; not started."""
    served = found(tmp_path / "notary")
    yield served
    served.stop()


@dataclass
class Company:
    """A company's computer: its folder, its vault, its commands."""

    folder: Path
    notary: Served
    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: object, code: int = 0) -> Result:
        """Run a command and return its result."""
        return run(*arguments, code=code, env={"SEALBOOK_HOME": str(self.home), **self.env})

    def json(self, *arguments: object, code: int = 0) -> Any:
        """Run a command with --json and return what it prints on stdout."""
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def spawn(self, *arguments: object, script: str | None = None) -> "subprocess.Popen[bytes]":
        """Start a command as a process of its own, or a script that runs one."""
        options: dict[str, Any] = {
            "cwd": self.folder,
            "env": {**os.environ, "SEALBOOK_HOME": str(self.home), "LC_ALL": "C.UTF-8", **self.env},
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        if script is None:
            return Program(["-m", "ledger", *arguments], **options)
        return subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            # Where the tests run in the background, a shell may have had Ctrl-C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            **options,
        )

    def init(self, *more: str) -> Any:
        options = more or ("--no-passphrase",)
        return self.json("init", "--notary", self.notary.url, "--name", "acme", *options)

    def enrol(self) -> None:
        request = self.folder / "acme.request"
        run(
            "notary", "enroll", request, "--dir", self.notary.directory, "--name", "某某有限公司",
            "--registration", "91320100X", "--checked-by", "王公证员",
            "--fingerprint", fingerprint(request.read_bytes()),
        )  # fmt: skip

    def write(self, name: str, data: bytes = b"a letter\n") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        logs.plant(sha256(data).digest())
        return path


def new_company(folder: Path, notary: Served) -> Company:
    folder.mkdir()
    return Company(folder, notary, folder / "vault")


@pytest.fixture
def stranger(tmp_path: Path, notary: Served, monkeypatch: pytest.MonkeyPatch) -> Company:
    """A company without a vault, in its folder."""
    company = new_company(tmp_path / "company", notary)
    monkeypatch.chdir(company.folder)
    return company


@pytest.fixture
def applicant(stranger: Company) -> Company:
    """A company with a vault, not enrolled."""
    stranger.init()
    return stranger


@pytest.fixture
def company(applicant: Company) -> Company:
    """An enrolled company."""
    applicant.enrol()
    return applicant


@pytest.fixture
def own_company(tmp_path: Path, own_notary: Served, monkeypatch: pytest.MonkeyPatch) -> Company:
    """An enrolled company of a notary of its own, which serves."""
    own_notary.start()
    company = new_company(tmp_path / "company", own_notary)
    monkeypatch.chdir(company.folder)
    company.init()
    company.enrol()
    return company
