"""The wheel, installed in a clean environment outside the checkout, does the whole job."""

import os
import socket
import subprocess
import sys
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package.test_public import VECTORS, example, office

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".boot" / "bin" / "uv"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps"]
    built = subprocess.run([*command, "-w", folder, ROOT], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("sealbook-*.whl")
    return path


@pytest.fixture(scope="module")
def sealbook(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=not UV.exists())
    scripts = folder / "bin"
    if UV.exists():
        command: list[str | Path] = [
            UV,
            "pip",
            "install",
            "--quiet",
            "--python",
            scripts / "python",
            wheel,
        ]
    else:
        command = [scripts / "python", "-m", "pip", "install", "--quiet", wheel]
    installed = subprocess.run(command, capture_output=True, text=True)
    assert installed.returncode == 0, installed.stderr
    return scripts / "sealbook"


def test_the_wheel_holds_one_top_level_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ledger"}


def test_the_wheel_is_typed_and_a_strangers_program_verifies_with_it(
    wheel: Path, sealbook: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert "ledger/py.typed" in archive.namelist()
    code, said = example(
        VECTORS / "deposit-1.receipt", *office(), python=sealbook.with_name("python")
    )
    assert code == 0 and "proven" in said


@pytest.fixture
def notary(sealbook: Path, tmp_path: Path) -> Iterator[str]:
    directory = tmp_path / "notary"
    directory.mkdir()
    run(sealbook, "notary", "init", "--origin", "wheel.example/ledger", cwd=directory)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command: list[str | Path] = [sealbook, "notary", "serve", "--port", str(port)]
    server = subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE, env=clean())
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, server.communicate()[1].decode()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate(timeout=30)


def clean() -> dict[str, str]:
    keep = {"PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT"}
    return {name: value for name, value in os.environ.items() if name in keep}


def run(sealbook: Path, *arguments: str, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [sealbook, *arguments], cwd=cwd, env={**clean(), **env}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_installed_program_deposits_and_verifies(
    sealbook: Path, notary: str, tmp_path: Path
) -> None:
    home = {"SEALBOOK_HOME": str(tmp_path / "home")}
    (tmp_path / "note.txt").write_text("a secret")
    setup = ["init", "--notary", notary, "--name", "acme", "--no-passphrase", "--no-recovery"]
    run(sealbook, *setup, cwd=tmp_path, **home)
    enroll = ["notary", "enroll", str(tmp_path / "acme.request"), "--name", "Acme"]
    about = ["--registration", "1", "--checked-by", "W", "--fingerprint", _fingerprint(tmp_path)]
    run(sealbook, *enroll, *about, cwd=tmp_path / "notary")
    run(sealbook, "deposit", "note.txt", cwd=tmp_path, **home)
    (trust,) = (tmp_path / "notary").glob("*.trust")
    report = run(
        sealbook, "verify", "note.txt.receipt", "--trust", str(trust), "--json", cwd=tmp_path
    )
    assert '"good": true' in report


def _fingerprint(folder: Path) -> str:
    from ledger.chain.trust import fingerprint

    return fingerprint((folder / "acme.request").read_bytes())
