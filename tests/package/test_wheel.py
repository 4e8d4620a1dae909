"""The wheel, installed in a clean environment outside the checkout, does the whole job."""

import os
import socket
import subprocess
import sys
import tarfile
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.cli import completion, root
from ledger.program import VERSION
from tests.package.test_public import VECTORS, example, office

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".boot" / "bin" / "uv"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"), "wheel")


def build(folder: Path, kind: str) -> Path:
    """Build a wheel or an sdist; return where it is."""
    if UV.exists():
        command: list[str | Path] = [UV, "build", "--quiet", f"--{kind}", "--out-dir", folder, ROOT]
    else:
        assert kind == "wheel"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps"]
        command = [*pip, "-w", folder, ROOT]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("sealbook-*")
    return path


def installed(wheel: Path, folder: Path, extras: str = "") -> Path:
    """Install the wheel into an environment of its own; return its `sealbook`."""
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
        ]
    else:
        command = [scripts / "python", "-m", "pip", "install", "--quiet"]
    # Most of what is installed is never imported.
    environment = os.environ | {"UV_COMPILE_BYTECODE": "0"}
    done = subprocess.run(
        [*command, f"{wheel}{extras}"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return scripts / "sealbook"


@pytest.fixture(scope="module")
def sealbook(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(wheel, tmp_path_factory.mktemp("clean"), "[company,notary]")


@pytest.fixture(scope="module")
def court(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(wheel, tmp_path_factory.mktemp("court"))


def test_the_wheel_holds_one_top_level_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {"ledger"}


def test_the_wheel_is_typed_and_a_strangers_program_verifies_with_it(
    wheel: Path, sealbook: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert "ledger/py.typed" in archive.namelist()
    code, said = example(
        VECTORS / "deposit-1.receipt", *office(), python=sealbook.with_name("python")
    )
    assert code == 0 and "proven" in said


MOST = 40 << 20
"""Bytes that a court's installation takes."""


def test_a_court_s_installation_is_light_and_verifies(court: Path, tmp_path: Path) -> None:
    folder = court.parents[1]
    packages = [each for each in folder.rglob("*") if each.is_file() and "/pip" not in str(each)]
    assert 5 << 20 < sum(each.stat().st_size for each in packages) < MOST
    home = {"SEALBOOK_HOME": str(tmp_path / "none")}
    trust = ["--trust", str(VECTORS / "notary.trust")]
    for name in ("deposit-1.receipt", "case.evidence", "part.evidence"):
        said = run(court, "verify", str(VECTORS / name), *trust, cwd=tmp_path, **home)
        assert "proven by the seal's certificate" in said
    case = str(VECTORS / "case.evidence")
    run(court, "verify", case, *trust, "-o", "out", "--for", "FRE-902", cwd=tmp_path, **home)
    assert (tmp_path / "out/case/letter.txt").read_bytes() == example_file("documents/letter.txt")
    run(court, "trust", "show", trust[1], cwd=tmp_path, **home)
    receipt = str(VECTORS / "deposit-1.receipt")
    run(court, "receipt", "unpack", receipt, "-o", "parts", cwd=tmp_path, **home)
    assert run(court, "--version", cwd=tmp_path) == f"sealbook {VERSION}\n"


def example_file(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


def test_every_other_command_says_what_to_install(court: Path, tmp_path: Path) -> None:
    asked = {
        **dict.fromkeys(root._SECTIONS["The company"], "company"),
        **dict.fromkeys(root._SECTIONS["The notary office"], "notary"),
    }
    further = {"receipt": ["x"], "trust": ["export", "-o", "x"]}
    for name, extra in asked.items():
        done = subprocess.run(
            [court, name, *further.get(name, [])],
            cwd=tmp_path,
            env=clean() | {"SEALBOOK_HOME": str(tmp_path / "none")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1 and f"'sealbook[{extra}]'" in done.stderr, (name, done.stderr)
    assert not list(tmp_path.iterdir())


def test_the_documents_and_vectors_come_along(court: Path) -> None:
    share = court.parents[1] / "share" / "doc" / "sealbook"
    for name in ("formats.md", "verify-offline.md"):
        assert (share / "docs" / name).read_bytes() == (ROOT / "docs" / name).read_bytes()
    vectors = share / "examples" / "vectors"
    ours, theirs = (
        {each.relative_to(top): each.read_bytes() for each in top.rglob("*") if each.is_file()}
        for top in (VECTORS, vectors)
    )
    assert theirs == ours and len(ours) > 100


def test_every_command_has_a_manual_page(court: Path) -> None:
    folder = court.parents[1] / "share" / "man" / "man1"
    pages = {each.name: each.read_text() for each in folder.iterdir()}
    assert set(pages) == {f"{'-'.join(path)}.1" for path, _ in root.commands()}
    assert len(pages) > 40
    for name, page in pages.items():
        heads = [line for line in page.splitlines() if line.startswith(".SH")]
        assert heads[:3] == [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"], name
        assert page.startswith(f'.TH "{name[:-2].upper()}" 1')
    assert ".B \\-\\-trust PATH\n" in pages["sealbook-verify.1"]
    assert ".BR sealbook\\-notary\\-init (1)" in pages["sealbook-notary.1"]


def test_each_shell_finds_its_completion(court: Path) -> None:
    share = court.parents[1] / "share"
    for shell, place in completion.PLACES.items():
        assert (share / place).read_text() == completion.script(shell)


@pytest.mark.skipif(not UV.exists(), reason="pip builds no sdist")
def test_the_sdist_carries_what_a_court_s_expert_reads(tmp_path: Path) -> None:
    with tarfile.open(build(tmp_path, "sdist")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    expected = {"docs/formats.md", "docs/verify-offline.md", "make_shared.py", "api/app.py"}
    vectors = {f"examples/vectors/{each}" for each in ("refused/refused.json", "case.evidence")}
    assert expected | vectors <= names


def test_a_checkout_that_is_not_installed_tells_its_version(tmp_path: Path) -> None:
    code = (
        "import importlib.metadata as m, runpy, sys\n"
        "def none(*_): raise m.PackageNotFoundError\n"
        "m.version = m.distribution = none\n"
        "sys.argv = ['cli.py', '--version']\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        f"runpy.run_path({str(ROOT / 'cli.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"sealbook {VERSION}\n"), done.stderr


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
        deadline = time.monotonic() + 120  # nothing that was installed is compiled yet
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, server.communicate()[1].decode()
            assert time.monotonic() < deadline, "the notary does not answer"
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
