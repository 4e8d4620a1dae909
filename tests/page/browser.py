"""The verifier page in Debian's Chromium, from a file, the network cut; and who uses it."""

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Download, Page, Request, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
Upload = tuple[str, bytes]
"""A file's name and its bytes."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium; skip where it is not installed."""
    if not CHROMIUM.exists():
        pytest.skip("Debian's Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Clerk:
    """A person before the page; `requests` are addresses asked for, `problems` what went wrong."""

    page: Page
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        def asked(request: Request) -> None:
            if not request.url.startswith(("file:", "blob:")):
                self.requests.append(request.url)

        self.page.on("request", asked)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda message: self.problems.append(message.text))

    def trust(self, data: bytes) -> None:
        """Choose a trust file and confirm its fingerprint."""
        self.page.set_input_files("#trust-file", payload(("office.trust", data)))
        self.page.click(".fingerprint ~ .acts button.first")
        self.page.wait_for_selector("#evidence-files", state="attached")

    def verify(self, *files: Upload, results: int = 1) -> None:
        """Add files and wait until as many results stand there as are expected."""
        self.page.set_input_files("#evidence-files", [payload(each) for each in files])
        self.page.locator(".result, .case > .headline, form.sealed").nth(results - 1).wait_for()

    def verdict(self) -> Any:
        """Save the verdict and read it."""
        with self.page.expect_download() as saved:
            self.page.click(".result > .acts button:nth-child(2)")
        return json.loads(content(saved.value))

    def text(self) -> str:
        return self.page.inner_text("body")


@contextmanager
def opened(
    browser: Browser, place: Path, language: str = "en-GB", width: int = 1280, **options: Any
) -> Iterator[Clerk]:
    """Open the page from a file, offline; at the end nothing was asked for and nothing went wrong."""
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, locale=language, **options)  # type: ignore[arg-type]
    context.set_offline(True)
    clerk = Clerk(context.new_page())
    clerk.page.goto(place.as_uri())
    yield clerk
    context.close()
    assert (clerk.requests, clerk.problems) == ([], [])


def payload(upload: Upload) -> Any:
    name, data = upload
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def content(download: Download) -> bytes:
    return Path(download.path()).read_bytes()


def encoded(files: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(each).decode() for each in files]
