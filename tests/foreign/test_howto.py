"""HOWTO.txt of an evidence file, followed with OpenSSL, after our program has only taken it apart."""

import re
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from ledger.evidence.howto import HOWTO
from tests.formats.test_document import stored

FILES = stored()
LINES = [
    line.strip() for line in re.findall(r"^ {7}(\S.*)$", HOWTO.replace("\\\n", ""), re.MULTILINE)
]
OPENSSL = [line for line in LINES if line.startswith("openssl")]
APART = [
    line.split()[1:] for line in LINES if re.match("sealbook (trust show .* -o|receipt)", line)
]

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is missing")


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file unzipped, and its receipt and the trust file taken apart, as HOWTO says."""
    folder = tmp_path_factory.mktemp("apart")
    with ZipFile(BytesIO(FILES["case.evidence"])) as archive:
        archive.extractall(folder)
    (folder / "office.trust").write_bytes(FILES["notary.trust"])
    assert (folder / "HOWTO.txt").read_text() == HOWTO
    for words in APART:
        run = [sys.executable, "-m", "ledger", *words]
        subprocess.run(run, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def prepared(apart: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(apart, tmp_path, dirs_exist_ok=True))


def follow(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(OPENSSL)],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_the_commands_check_signatures_and_seal(prepared: Path) -> None:
    assert (len(APART), len(OPENSSL)) == (2, 7)
    done = follow(prepared)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Signature Verified Successfully") == 3
    assert "parts/seal.pem: OK" in done.stdout and "Verified OK" in done.stdout
    assert f"subject={(prepared / 'keys/subject-1.txt').read_text()}" in done.stdout
    assert (prepared / "keys/policy").read_text().startswith("log notary.example/ledger+")
    assert (prepared / "parts/proof.tlog-proof").read_bytes() == FILES["deposit-1.tlog-proof"]
    assert (prepared / "parts/checkpoint").read_bytes() == FILES["checkpoint-2.note"]
    pem = (prepared / "parts/seal.pem").read_text()
    assert pem.startswith("-----BEGIN CERTIFICATE-----\n")


@pytest.mark.parametrize(
    "part",
    ["statement.signed", "block.signature", "enrolment.signed", "seal.signed", "block-time.txt"],
)
def test_they_find_what_was_changed(part: str, prepared: Path) -> None:
    changed = prepared / "parts" / part
    data = changed.read_bytes()
    changed.write_bytes(b"1" if part.endswith(".txt") else data[:-1] + bytes([data[-1] ^ 1]))
    assert follow(prepared).returncode != 0


def test_the_fingerprint_is_the_first_half_of_the_files_hash(tmp_path: Path) -> None:
    (tmp_path / "office.trust").write_bytes(FILES["notary.trust"])
    (command,) = [line for line in LINES if line.startswith("sha256sum")]
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "4078d8515499d7f990db94c65c844358"
