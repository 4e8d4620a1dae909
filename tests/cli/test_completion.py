"""A shell completes commands, options and files, by a script that the program prints."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import run

ROOT = Path(__file__).resolve().parents[2]

ASK = {
    "bash": """
source ./script
COMP_WORDS=(sealbook {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_sealbook_completion sealbook
printf '%s\\n' "${{COMPREPLY[@]}}"
""",
    "fish": "source ./script; complete -C 'sealbook {words}'",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `sealbook` in its bin/."""
    program = tmp_path / "bin" / "sealbook"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "cli.py"} "$@"\n')
    program.chmod(0o755)
    return tmp_path


def complete(folder: Path, shell: str, words: str) -> set[str]:
    (folder / "script").write_text(run("completion", shell).stdout)
    environment = os.environ | {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
    }
    done = subprocess.run(
        [shell, "-c", ASK[shell].format(words=words)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("shell", ASK)
def test_a_shell_completes_commands_and_options(folder: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert complete(folder, shell, "ver") == {"verify"}
    assert {"init", "serve"} <= complete(folder, shell, "notary s") | complete(
        folder, shell, "notary i"
    )
    assert "--trust" in complete(folder, shell, "verify --tr")
    assert complete(folder, shell, "verify --lang z") == {"zh"}


def test_zsh_reads_its_script(folder: Path) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    (folder / "_sealbook").write_text(run("completion", "zsh").stdout)
    subprocess.run(["zsh", "-n", folder / "_sealbook"], check=True)
    assert (folder / "_sealbook").read_text().startswith("#compdef sealbook")
