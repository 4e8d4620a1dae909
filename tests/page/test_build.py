"""The built page: the same bytes each time, small, closed, its sentences the project's own."""

import base64
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.court.page import NAME
from tests.page.building import PAGE, ROOT, built_page, require_node

MAX_SIZE = 1_500_000


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    require_node()
    return built_page(tmp_path_factory.mktemp("page") / NAME)


def test_two_builds_are_the_same_bytes(page: bytes, tmp_path: Path) -> None:
    assert built_page(tmp_path / NAME) == page


def test_the_page_that_is_installed_is_the_one_that_the_sources_give(page: bytes) -> None:
    assert (ROOT / "ledger/court/page" / NAME).read_bytes() == page


def test_the_release_notes_name_its_hash(page: bytes) -> None:
    assert f"`{sha256(page).hexdigest()}`" in (ROOT / "CHANGELOG.md").read_text()


def test_it_is_small_and_loads_nothing(page: bytes) -> None:
    text = page.decode()
    assert len(page) <= MAX_SIZE
    elements = re.sub(r"<(script|style)\b[^>]*>.*?</\1>", "", text, flags=re.S)
    assert not re.search(r"\b(?:src|href|action)=", elements)
    assert not re.search(r"\bon[a-z]+=", elements)


def test_its_policy_allows_one_script_one_style_and_no_connection(page: bytes) -> None:
    text = page.decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    rules = dict(each.split(" ", 1) for each in policy.split("; "))
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.S)
    assert rules.pop("script-src") == hashed(script)
    assert rules.pop("style-src") == hashed(style)
    assert rules == {
        "default-src": "'none'",
        "worker-src": "blob:",
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "sealbook",
    }


def hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def test_its_sentences_are_those_of_the_project() -> None:
    """`python page/make_messages.py` would write what stands there."""
    code = "from page.make_messages import written; print(written(), end='')"
    made = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert made.stdout.decode() == (PAGE / "src/words/messages.json").read_text("utf-8")


def test_the_sources_are_strictly_typed() -> None:
    require_node()
    checked = subprocess.run(["npm", "run", "--silent", "check"], cwd=PAGE, capture_output=True)
    assert checked.returncode == 0, checked.stdout.decode()
