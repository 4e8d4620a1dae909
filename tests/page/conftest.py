"""The page's core, bundled for Node."""

import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "page"


@pytest.fixture(scope="session")
def program() -> Path:
    """`page/test/run.ts`, bundled."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not installed: apt-get install nodejs npm")
    if not (PAGE / "node_modules").exists():
        subprocess.run(["npm", "ci"], cwd=PAGE, check=True, capture_output=True)
    subprocess.run(["npm", "run", "build:test"], cwd=PAGE, check=True, capture_output=True)
    return PAGE / "dist" / "run.mjs"
