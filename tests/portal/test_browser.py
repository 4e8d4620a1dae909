"""The pages in a real Chromium: for screen readers, phones, the dark, paper, and without scripts."""

import io
import os
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.axe import violations

SHOTS = os.environ.get("SEALBOOK_SHOTS")
"""A folder that keeps a picture of each page."""
LOOKS = [(1280, "light", "en"), (360, "dark", "zh")]
NARROW = ("/", "/blocks?from=3", "/block/2", "/health")
PAGES = ("/", "/blocks?from=3", "/block/2", "/check", "/certificates/2026-1", "/health", "/nothing")


@pytest.fixture(scope="module", params=LOOKS)
def look(request, browser, portal):
    width, scheme, language = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        locale={"en": "en-GB", "zh": "zh-CN"}[language],
    )
    yield context, width, "-".join(map(str, request.param))
    context.close()


@pytest.fixture
def page(look, portal):
    """A page that notes what it asked for and what went wrong in it."""
    page = look[0].new_page()
    page.asked, page.wrong = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.wrong.append(message.text))
    page.on("dialog", lambda dialog: (page.wrong.append(dialog.message), dialog.dismiss()))
    yield page
    page.close()


def keep(page, name):
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def judged(page, portal, width, name, *, loaded_well=True):
    """Hold a page against what every page promises."""
    keep(page, name)
    assert all(each.startswith((portal.url, "data:")) for each in page.asked), page.asked
    if loaded_well:
        assert page.wrong == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


@pytest.mark.parametrize(
    ("look", "path"),
    [*((LOOKS[0], path) for path in PAGES), *((LOOKS[1], path) for path in NARROW)],
    indirect=["look"],
)
def test_a_page_is_for_everybody(look, page, portal, path):
    _, width, name = look
    page.goto(portal.url + path)
    found = path.strip("/").replace("/", "-").replace("?", "-") or "first"
    missing = path in ("/nothing", "/certificates/2026-1")  # which the console notes as a 404
    judged(page, portal, width, f"{found}-{name}", loaded_well=not missing)
    for drawing in page.query_selector_all("figure.picture svg"):
        scale = "each => each.getBoundingClientRect().width / each.viewBox.baseVal.width"
        assert drawing.evaluate(scale) > 0.9, "its letters can be read"
        assert ("UTC+8" in drawing.text_content()) is name.endswith("zh")
    page.set_viewport_size({"width": min(width, 800), "height": 800})
    right = "each => each.getBoundingClientRect().right"
    for table in page.query_selector_all(".beside > table"):
        assert table.evaluate(right) < page.locator(".beside").first.evaluate(right) + 1


def test_a_receipt_is_checked_by_hand(look, page, portal, tmp_path):
    _, width, name = look
    (tmp_path / "a.receipt").write_bytes(portal.receipt)
    page.goto(f"{portal.url}/check")
    page.set_input_files("#file", tmp_path / "a.receipt")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.click("form button")
    assert page.locator(".claim .status.proven").count() >= 4
    assert page.locator(".claim .status.not-shown").count() >= 2
    judged(page, portal, width, f"result-{name}")


@pytest.mark.parametrize("look", LOOKS[1:], indirect=True)
def test_names_of_a_depositor_do_nothing_in_a_browser(look, page, portal, tmp_path):
    _, width, name = look
    (tmp_path / "case.evidence").write_bytes(portal.evidence)
    page.goto(f"{portal.url}/check")
    page.set_input_files("#file", tmp_path / "case.evidence")
    with page.expect_navigation():
        page.click("form button")
    assert page.locator("main img").count() == 0
    assert page.locator("main bdi.theirs").count() >= 9
    assert "alert(1)" in page.inner_text("main")
    judged(page, portal, width, f"hostile-{name}")


def test_everything_is_reached_with_the_keyboard(browser, portal):
    page = browser.new_page()
    page.goto(portal.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    reached = set()
    page.goto(portal.url)
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('href')"))
    wanted = page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    page.close()
    assert set(wanted) <= reached


def test_it_is_read_without_scripts(browser, portal, tmp_path):
    (tmp_path / "a.receipt").write_bytes(portal.receipt)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(portal.url)
    page.click("text=Walk through the blocks")
    page.click("role=rowheader >> role=link >> nth=0")
    assert page.title().startswith("Block ")
    page.goto(f"{portal.url}/check")
    page.set_input_files("#file", tmp_path / "a.receipt")
    page.click("form button")
    assert page.locator("text=proven by the inclusion proof").count() == 1
    context.close()


def test_a_script_in_a_page_would_not_run(browser, portal):
    context = browser.new_context()
    page = context.new_page()
    body = portal.http.get("/", headers={"accept": "text/html"})
    attack = "<img src=x onerror=document.title='ran'><script>document.title='ran'</script>"
    hostile = body.text.replace("</main>", f"{attack}</main>")
    headers = {name: value for name, value in body.headers.items() if name.startswith(("c", "x"))}
    headers.pop("content-length", None)
    page.route(f"{portal.url}/", lambda route: route.fulfill(body=hostile, headers=headers))
    page.goto(portal.url)
    assert page.title() != "ran"
    context.close()


def test_a_block_is_printed_with_all_that_it_says(browser, portal):
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{portal.url}/block/2")
    data = page.pdf(format="A4", print_background=True)
    context.close()
    text = "".join(each.extract_text() for each in PdfReader(io.BytesIO(data)).pages)
    flat = "".join(text.split())
    assert "Block2" in flat and "sealbookaudit" in flat
    assert portal.http.get("/block/1").json()["note"].split("\n")[0] in flat
    assert "Certificates" not in flat.split("Block2")[0]  # the menu is no part of the paper
