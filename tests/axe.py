"""axe-core, which looks at a page as a screen reader's user would meet it."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

SOURCE = Path(__file__).parents[1] / "page" / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """Return what axe finds on a page, a line each. Skips where axe-core is not installed."""
    if not SOURCE.exists():
        pytest.skip("axe-core is not installed: run `npm ci` in page/")
    page.evaluate(SOURCE.read_text())
    found: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
