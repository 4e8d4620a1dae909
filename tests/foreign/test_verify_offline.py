"""docs/verify-offline.md, followed to the letter: its commands and programs, and nothing of ours."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.formats.test_document import stored

FILES = stored()
PAGE = (Path(__file__).parents[2] / "docs" / "verify-offline.md").read_text()
PROGRAMS = {
    re.findall(r"\A# (\w+\.py):", each)[0]: each
    for each in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
}
COMMANDS = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXPECTED: dict[str, str | list[str]] = json.loads(FILES["refused/refused.json"])
LOOKED_AT = {"seal-for-tls-clients.receipt", "seal-signed-with-sha-224.receipt"}
"""What step 6 leaves to the reader's eyes."""
REFUSED = [name for name, claims in EXPECTED.items() if claims != "malformed"]
ONE_EACH = {str(EXPECTED[name]): name for name in REFUSED if name not in LOOKED_AT}.values()
"""One file for each claim that can fail; the others are of the soak."""
GOOD = ["deposit-1.receipt", "case.evidence", "part.evidence", "empty.evidence", "cover.evidence"]

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("openssl", "unzip", "age", "age-keygen"))),
    reason="openssl, unzip or age is missing",
)


@pytest.fixture
def expert(tmp_path: Path) -> Path:
    """The expert's folder, with the programs of the page and the trust file."""
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "office.trust").write_bytes(FILES["notary.trust"])
    return tmp_path


def bring(folder: Path, name: str, data: bytes) -> None:
    """Put an evidence file there; a receipt alone is one whose content is not shown."""
    if name.endswith(".receipt"):
        with ZipFile(folder / "case.evidence", "w") as archive:
            archive.writestr("1/deposit.receipt", data)
    else:
        (folder / "case.evidence").write_bytes(data)


def follow(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run all commands of the page in their order, until one does not end well."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(COMMANDS)],
        cwd=folder,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_programs_import_nothing_of_ours_and_the_commands_run_nothing_of_ours() -> None:
    assert len(PROGRAMS) == 6
    allowed = {"cbor2", "cryptography", "receipt"} | sys.stdlib_module_names
    for text in PROGRAMS.values():
        for node in ast.walk(ast.parse(text)):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed
    assert "sealbook" not in "".join(COMMANDS)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_followed_to_its_end(name: str, expert: Path) -> None:
    bring(expert, name, FILES[name])
    done = follow(expert)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4078 d851 5499 d7f9 90db 94c6 5c84 4358" in done.stdout
    assert "'示例新材料有限公司'" in done.stdout
    assert done.stdout.count("Signature Verified Successfully") == 3
    assert ("it is what was deposited" in done.stdout) == name.endswith(".evidence")


def test_a_file_that_is_sealed_for_the_court_is_opened_first(expert: Path) -> None:
    bring(expert, "case.evidence", FILES["case.evidence"])
    subprocess.run(["age-keygen", "-o", "court.key"], cwd=expert, check=True, capture_output=True)
    public = re.findall(r"age1\w+", (expert / "court.key").read_text())[0]
    seal = ["age", "-r", public, "-o", "case.evidence.age", "case.evidence"]
    subprocess.run(seal, cwd=expert, check=True)
    (expert / "case.evidence").unlink()
    done = follow(expert)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (expert / "case/1/documents/1/letter.txt").read_bytes() == FILES["documents/letter.txt"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ONE_EACH else pytest.mark.soak)
        for name in REFUSED
        if name not in LOOKED_AT
    ],
)
def test_a_file_of_which_a_claim_fails_is_refused(name: str, expert: Path) -> None:
    bring(expert, name, FILES[f"refused/{name}"])
    done = follow(expert)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("seal-for-tls-clients.receipt", "TLS Web Client Authentication"),
        ("seal-signed-with-sha-224.receipt", "ecdsa-with-SHA224"),
    ],
)
def test_what_is_left_to_the_eyes_is_there_to_be_seen(name: str, seen: str, expert: Path) -> None:
    bring(expert, name, FILES[f"refused/{name}"])
    assert seen in follow(expert).stdout


def test_a_file_that_no_opening_names_is_not_named_as_shown(expert: Path) -> None:
    bring(expert, "part.evidence", FILES["part.evidence"])
    with ZipFile(expert / "case.evidence", "a") as archive:
        archive.writestr("1/documents/1/letter.txt", "a forgery")
    shown = [line for line in follow(expert).stdout.splitlines() if line.startswith("shown")]
    assert shown == ["shown   case/1/parts/1/1-paragraph 2 of 3"]


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("case.evidence", "1/documents/1/letter.txt"),
        ("part.evidence", "1/parts/1/1-paragraph 2 of 3"),
    ],
)
def test_bytes_behind_the_last_piece_are_found(name: str, member: str, expert: Path) -> None:
    with (
        ZipFile(BytesIO(FILES[name])) as good,
        ZipFile(expert / "case.evidence", "w") as archive,
    ):
        for each in good.namelist():
            archive.writestr(each, good.read(each) + (b" and more" if each == member else b""))
    done = follow(expert)
    assert (done.returncode, "was deposited" in done.stdout) == (1, False)
    assert "FAILS" in done.stderr
