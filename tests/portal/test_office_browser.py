"""The office in a real Chromium with its virtual authenticator: two people enrol a company."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from ledger.chain.trust import fingerprint
from ledger.notary.desk import staff
from ledger.notary.desk.roles import Role
from tests.axe import violations
from tests.notaries import Company, deposit
from tests.portal.people import ROOT, Office, office_at

SHOTS = os.environ.get("SEALBOOK_SHOTS")
"""A folder that keeps a picture of each page."""
LOOKS: dict[str, tuple[int, Literal["dark", "light"], str]] = {
    "Clerk": (360, "dark", "zh-CN"),
    "Officer": (1280, "light", "en-GB"),
    "Operator": (1280, "dark", "zh-CN"),
}
"""What each person sees: width, scheme, language."""
NARROW = 360
NAME = '"><img src=x onerror=alert(1)> שלום <b>ACME</b> ' + "长" * 190


@dataclass
class Desk:
    """Somebody's browser."""

    name: str
    context: BrowserContext
    page: Page
    wrong: list[str]
    url: str
    width: int

    def judged(self, what: str) -> None:
        """Hold the page that is open against what every page promises."""
        if SHOTS:
            self.page.screenshot(path=Path(SHOTS) / f"office-{what}.png", full_page=True)
        assert self.wrong == []
        assert violations(self.page) == []
        for width in (NARROW, self.width):
            self.page.set_viewport_size({"width": width, "height": 800})
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office_at(tmp_path_factory.mktemp("office") / "notary", "Office") as office:
        yield office


def desk_of(browser: Browser, office: Office, name: str, role: Role) -> Desk:
    """Let somebody come in by a link, and make a passkey."""
    width, scheme, language = LOOKS[name]
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, locale=language
    )
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))

    def asked(request: Request) -> None:
        if not request.url.startswith((office.url, "data:")):
            wrong.append(request.url)

    page.on("request", asked)
    authenticator(context, page)
    desk = Desk(name, context, page, wrong, office.url, width)
    secret = staff.add(office.desk, name, role, ROOT)
    page.goto(f"{office.url}/office/link#{secret}")
    assert page.input_value("#secret") == secret
    assert secret not in page.url
    page.click("form.card button")
    page.wait_for_url("**/office/own")
    page.click("form[data-make] button")
    page.wait_for_selector(".plain-list")
    return desk


def test_who_comes_with_a_link_sees_what_to_do(browser: Browser, office: Office) -> None:
    context = browser.new_context(viewport={"width": NARROW, "height": 800}, locale="zh-CN")
    desk = Desk("New", context, context.new_page(), [], office.url, NARROW)
    secret = staff.add(office.desk, "New", Role.CLERK, ROOT)
    desk.page.goto(f"{office.url}/office/link#{secret}")
    desk.judged("link")
    desk.page.click("form.card button")
    desk.page.wait_for_url("**/office/own")
    desk.judged("first")
    context.close()


def authenticator(context: BrowserContext, page: Page) -> Any:
    """Plug in an authenticator that keeps passkeys and knows its owner."""
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


@pytest.fixture(scope="module")
def desks(browser: Browser, office: Office) -> Iterator[dict[str, Desk]]:
    roles = {"Clerk": Role.CLERK, "Officer": Role.OFFICER, "Operator": Role.OPERATOR}
    found = {name: desk_of(browser, office, name, role) for name, role in roles.items()}
    yield found
    for each in found.values():
        each.context.close()


def test_two_people_enrol_a_company_and_it_deposits(
    office: Office, desks: dict[str, Desk], tmp_path: Path
) -> None:
    clerk, officer = desks["Clerk"], desks["Officer"]
    company = Company()
    path = tmp_path / "acme.request"
    path.write_bytes(company.ask())
    page = clerk.page
    page.goto(f"{office.url}/office/requests")
    clerk.judged("requests-Clerk")
    page.set_input_files("#request", path)
    page.fill("#fingerprint", fingerprint(company.request))
    page.fill("#name", NAME[:256])
    page.fill("#registration", "91310000MA1FL0000X")
    page.click("form[enctype] button")
    page.wait_for_url("**/office/requests/*")
    clerk.judged("request-Clerk")
    assert page.locator("form[action$=approve]").count() == 0
    place = page.url
    page.goto(f"{office.url}/office")
    clerk.judged("desk-Clerk")

    page = officer.page
    page.goto(f"{office.url}/office")
    officer.judged("desk-Officer")
    page.click("tbody a")
    assert page.url == place
    officer.judged("request-Officer")
    page.fill("#fingerprint", "0000 0000 0000 0000 0000 0000 0000 0000")
    page.click("form[action$=approve] button")
    page.wait_for_selector("#refused")
    officer.wrong.clear()  # the console notes the answer 422
    officer.judged("refused-Officer")
    page.fill("#fingerprint", fingerprint(company.request))
    page.click("form[action$=approve] button")
    page.wait_for_selector(f"a[href='/office/accounts/{company.account}']")
    officer.judged("enrolled-Officer")
    (receipt,) = deposit(office.notary, company.statements(1))
    (tmp_path / "a.receipt").write_bytes(receipt)

    page.goto(f"{office.url}/office/certificates")
    officer.judged("certificates-Officer")
    page.set_input_files("#receipt", tmp_path / "a.receipt")
    with page.expect_download() as download:
        page.click("form[enctype] button")
    assert download.value.path().read_bytes().startswith(b"%PDF-")

    page.goto(f"{office.url}/office/accounts/{company.account}")
    officer.judged("account-Officer")
    page.goto(f"{office.url}/office/accounts")
    officer.judged("accounts-Officer")
    page.click("tbody a")
    page.click("summary >> nth=0")
    page.select_option("select >> nth=0", "lost")
    page.click("details[open] button")
    page.wait_for_selector(".status.failed")
    officer.judged("revoked-Officer")
    key = office.notary.accounts.key(company.key.thumbprint)
    assert key is not None
    assert key.revoked_index is not None


def test_a_passkey_signs_in_again_and_signs_out(desks: dict[str, Desk]) -> None:
    officer = desks["Officer"]
    page = officer.page
    page.goto(f"{officer.url}/office")
    page.click("text=Sign out")
    page.wait_for_url("**/office/sign-in")
    officer.judged("sign-in-Officer")
    page.keyboard.press("Tab")
    page.focus("form.card button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/office")
    assert page.locator("h1").inner_text() == "What waits"


def test_an_operator_sees_staff_and_trail(office: Office, desks: dict[str, Desk]) -> None:
    operator = desks["Operator"]
    page = operator.page
    for path in ("", "/staff", "/trail", "/trail?check=1"):
        page.goto(f"{office.url}/office{path}")
        operator.judged(f"{path.strip('/').replace('?', '-') or 'desk'}-Operator")
    staff.add(office.desk, "Leaver", Role.CLERK, ROOT)
    page.goto(f"{office.url}/office/staff")
    card = page.locator("section", has_text="Leaver")
    card.locator("summary").click()
    with page.expect_navigation():
        card.locator("button").click()
    (gone,) = (each for each in staff.roster(office.desk) if each.member.name == "Leaver")
    assert not gone.active


def test_another_authenticator_is_told_so_in_words(browser: Browser, office: Office) -> None:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    authenticator(context, page)
    page.goto(f"{office.url}/office/sign-in")
    page.click("form.card button")
    page.wait_for_selector("p[role=alert]:not(:empty)")
    assert "gave no answer" in page.locator("form.card [role=alert]").inner_text()
    assert violations(page) == []
    context.close()
