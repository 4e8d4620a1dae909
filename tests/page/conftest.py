"""The page's core, bundled for Node."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ledger.court.page import NAME
from tests.page.browser import chromium
from tests.page.building import built_page, bundled, require_node

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


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_node()
    place = tmp_path_factory.mktemp("page") / NAME
    built_page(place)
    return place


@pytest.fixture(scope="session")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`page/test/edges.ts`, bundled."""
    require_node()
    return bundled("test/edges.ts", tmp_path_factory.mktemp("edges"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found
