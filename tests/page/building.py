"""What tests of the verifier page build: the page, and small programs for Node."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "page"
MODULES = PAGE / "node_modules"


def require_node() -> None:
    """Skip where Node or npm's packages are not there, saying which."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed: the verifier page is built with it")
    if not (MODULES / "esbuild").is_dir():
        pytest.skip("npm's packages are not there: run make page/node_modules/.ready")


def built_page(target: Path) -> bytes:
    """Build the page at `target` and return it."""
    subprocess.run(
        ["node", "bundle.mjs", target], cwd=PAGE, check=True, capture_output=True, text=True
    )
    return target.read_bytes()


def bundled(entry: str, folder: Path) -> Path:
    """Return a program for Node, bundled from a source in page/."""
    target = folder / f"{Path(entry).stem}.mjs"
    options = ["--bundle", "--platform=node", "--format=esm", "--log-level=warning"]
    subprocess.run(
        [MODULES / ".bin/esbuild", entry, *options, f"--outfile={target}"], cwd=PAGE, check=True
    )
    return target
