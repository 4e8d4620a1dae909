"""The office's pages over HTTP: who is let in where, and what is refused."""

import os
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import httpx2
import pyotp
import pytest
from starlette.requests import Request
from starlette.routing import Route

from api.app import create_app
from api.portal.office.gate import _site
from ledger.chain.statement import MAX_ENTRY
from ledger.chain.trust import fingerprint
from ledger.notary.desk import sessions, staff
from ledger.notary.desk.address import NotHere, origin_of
from ledger.notary.desk.roles import Role
from ledger.notary.desk.sessions import IDLE
from ledger.notary.desk.terms import Mark, mark
from ledger.notary.desk.trail import Action, Actor, record, rows, verify_trail
from tests.notaries import ORIGIN, Company, deposit
from tests.portal.people import ROOT, Office, Person, office_at

HOSTILE = '"><img src=x onerror=alert(1)>\u202e\x1b[31m\u2066{{7*7}}'
"""What a stranger puts where a name goes; what is shown of it is text."""
NAME = (
    '"><img src=x onerror=alert(1)>{{7*7}}</title><script>alert(1)</script> العربية ' + "长" * 180
)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office_at(tmp_path_factory.mktemp("office") / "notary") as office:
        for name, role in (
            ("Clerk", Role.CLERK),
            ("Officer", Role.OFFICER),
            ("Second", Role.OFFICER),
            ("Operator", Role.OPERATOR),
        ):
            office.person(name, role)
        yield office


@pytest.fixture
def stranger(office: Office) -> Iterator[Person]:
    with httpx2.Client(base_url=office.url, timeout=20) as http:
        yield Person(office, http, "nobody")


def signed_in(person: Person) -> bool:
    return person.get("/office").status_code == 200


# --- who is let in where

CLERK, OFFICER, OPERATOR = Role.CLERK, Role.OFFICER, Role.OPERATOR
EVERYBODY = frozenset({CLERK, OFFICER, OPERATOR})
ANYBODY = "whoever comes"
TABLE: dict[tuple[str, str], frozenset[Role] | str] = {
    ("GET", "/office.js"): ANYBODY,
    ("GET", "/office/sign-in"): ANYBODY,
    ("POST", "/office/sign-in"): ANYBODY,
    ("GET", "/office/link"): ANYBODY,
    ("POST", "/office/link"): ANYBODY,
    ("GET", "/office/sign-out"): ANYBODY,
    ("POST", "/office/sign-out"): EVERYBODY,
    ("GET", "/office/own"): EVERYBODY,
    ("GET", "/office/own/passkey"): ANYBODY,
    ("POST", "/office/own/passkey"): EVERYBODY,
    ("GET", "/office/own/passkey/remove"): ANYBODY,
    ("POST", "/office/own/passkey/remove"): EVERYBODY,
    ("GET", "/office/own/code"): ANYBODY,
    ("POST", "/office/own/code"): EVERYBODY,
    ("GET", "/office"): EVERYBODY,
    ("GET", "/office/requests"): frozenset({CLERK, OFFICER}),
    ("POST", "/office/requests"): frozenset({CLERK, OFFICER}),
    ("GET", "/office/requests/{number}"): frozenset({CLERK, OFFICER}),
    ("GET", "/office/requests/{number}/approve"): ANYBODY,
    ("POST", "/office/requests/{number}/approve"): frozenset({OFFICER}),
    ("GET", "/office/requests/{number}/decline"): ANYBODY,
    ("POST", "/office/requests/{number}/decline"): frozenset({CLERK, OFFICER}),
    ("GET", "/office/accounts"): frozenset({CLERK, OFFICER}),
    ("GET", "/office/accounts/{account}"): frozenset({CLERK, OFFICER}),
    ("GET", "/office/accounts/{account}/revoke"): ANYBODY,
    ("POST", "/office/accounts/{account}/revoke"): frozenset({OFFICER}),
    ("GET", "/office/certificates"): frozenset({OFFICER}),
    ("POST", "/office/certificates"): frozenset({OFFICER}),
    ("GET", "/office/certificates/withdraw"): ANYBODY,
    ("POST", "/office/certificates/withdraw"): frozenset({OFFICER}),
    ("GET", "/office/staff"): frozenset({OPERATOR}),
    ("GET", "/office/staff/{number}/remove"): ANYBODY,
    ("POST", "/office/staff/{number}/remove"): frozenset({OPERATOR}),
    ("GET", "/office/trail"): frozenset({OPERATOR}),
    ("GET", "/office/trail/export"): frozenset({OPERATOR}),
}
"""Who is let in: by roles. What anybody may GET shows the door, a script, or where a form stands."""


def test_the_table_holds_every_address_of_the_office(office: Office) -> None:
    served = {
        (method, route.path)
        for route in create_app(office.notary).router.routes
        if isinstance(route, Route) and route.path.startswith("/office")
        for method in route.methods or ()
    }
    assert served == set(TABLE)


def ask(person: Person, method: str, path: str) -> httpx2.Response:
    """Ask for an address, with a form that holds nothing but its token."""
    at = path.format(number=7, account="0" * 32)
    if method == "GET":
        return person.get(at)
    page = "/office/own" if person.name != "nobody" else "/office/sign-in"
    return person.post(at, page)


@pytest.mark.parametrize(("method", "path"), TABLE, ids=" ".join)
def test_each_address_lets_in_the_roles_of_the_table(
    office: Office, stranger: Person, method: str, path: str
) -> None:
    allowed = TABLE[method, path]
    unsigned = ask(stranger, method, path)
    if allowed == ANYBODY:
        assert unsigned.headers.get("location", "") != "/office/sign-in"
        assert unsigned.status_code < 500
        return
    assert (unsigned.status_code, unsigned.headers["location"]) == (303, "/office/sign-in")
    for name, role in (("Clerk", CLERK), ("Officer", OFFICER), ("Operator", OPERATOR)):
        person = office.people[name]
        found = ask(person, method, path)
        assert (found.status_code == 403) is (role not in allowed), (role, found.status_code)
        assert found.status_code < 500
        assert found.headers.get("cache-control") == "no-store"
        if path == "/office/sign-out":
            assert not signed_in(person)
            assert person.sign_in().status_code == 303


def test_who_has_only_a_link_may_only_set_up_what_to_sign_in_with(
    office: Office, stranger: Person
) -> None:
    secret = staff.add(office.desk, "New", Role.OFFICER, ROOT)
    assert stranger.post("/office/link", "/office/link", secret=secret).status_code == 303
    for method, path in TABLE:
        if TABLE[method, path] == ANYBODY or path.startswith("/office/own"):
            continue
        if path == "/office/sign-out":
            continue
        found = stranger.get(path.format(number=7, account="0" * 32)) if method == "GET" else (
            stranger.post(path.format(number=7, account="0" * 32), "/office/own")
        )  # fmt: skip
        assert (found.status_code, found.headers["location"]) == (303, "/office/own"), path
    assert stranger.get("/office/own").status_code == 200


# --- two people enrol a company


def test_a_clerk_proposes_an_officer_approves_and_the_company_deposits(office: Office) -> None:
    clerk, officer, operator = (office.people[n] for n in ("Clerk", "Officer", "Operator"))
    company = Company()
    done = clerk.propose(company)
    assert done.status_code == 303, done.text
    page = done.headers["location"]
    assert "Approve and enrol" not in clerk.get(page).text
    refused = clerk.post(f"{page}/approve", page, fingerprint=fingerprint(company.request))
    assert refused.status_code == 403
    assert operator.get(page).status_code == 403
    wrong = officer.approve(page, company, fingerprint="0000 " * 8)
    assert wrong.status_code == 422
    assert "The paper does not match" in wrong.text
    without = officer.approve(page, company, answer="")
    assert without.status_code == 422
    done = officer.approve(page, company)
    assert (done.status_code, done.headers["location"]) == (303, page), done.text
    account = company.account
    shown = officer.get(f"/office/accounts/{account}")
    assert "Clerk, Officer" in shown.text
    assert deposit(office.notary, company.statements(1))
    again = officer.get(page)
    assert "enrolled" in again.text
    assert "Approve and enrol" not in again.text
    known = clerk.propose(company)
    assert known.status_code == 409 and "belongs to an account already" in known.text
    last = [each.action for each in rows(office.desk)][-2:]
    assert last == [Action.APPROVED, Action.ENROLLED]
    assert "unpaid" not in shown.text
    mark(office.desk, Actor("Officer", "officer"), account, Mark.SUSPENDED, "<b>unpaid")
    shown = officer.get(f"/office/accounts/{account}")
    assert "&lt;b&gt;unpaid" in shown.text


def test_an_officer_who_proposed_does_not_approve(office: Office) -> None:
    officer, second = office.people["Officer"], office.people["Second"]
    company = Company()
    page = officer.propose(company).headers["location"]
    refused = officer.post(f"{page}/approve", page, fingerprint=fingerprint(company.request))
    assert refused.status_code == 403
    assert second.approve(page, company).status_code == 303


def test_a_request_is_declined_or_taken_back(office: Office) -> None:
    clerk, officer = office.people["Clerk"], office.people["Officer"]
    page = clerk.propose(Company()).headers["location"]
    assert officer.post(f"{page}/decline", page).status_code == 303
    assert "declined" in officer.get(page).text
    page = clerk.propose(Company()).headers["location"]
    assert clerk.post(f"{page}/decline", page).status_code == 303
    assert clerk.post(f"{page}/decline", page).status_code == 409


def test_an_officer_revokes_a_key_with_a_reason(office: Office) -> None:
    officer = office.people["Officer"]
    company = Company().enrol(office.notary)
    page = f"/office/accounts/{company.account}"
    key = company.key.thumbprint.hex()
    form = f"{page}/revoke"
    tried: list[dict[str, Any]] = [
        {"key": key},
        {"key": "00" * 32, "reason": "lost"},
        {"key": key, "reason": "x"},
    ]
    for fields in tried:
        answer = officer.confirmed(page, form)
        assert officer.post(form, page, answer=answer, **fields).status_code == 422
    assert "others still count" not in officer.get(page).text
    answer = officer.confirmed(page, form)
    done = officer.post(form, page, key=key, reason="lost", answer=answer)
    assert done.status_code == 303
    assert "revoked by entry" in officer.get(page).text
    assert "others still count" in officer.get(page).text
    office.notary.accounts.revoke(company.recovery.thumbprint, "lost")
    assert "others still count" not in officer.get(page).text


def test_accounts_are_found_by_name_number_and_key(office: Office) -> None:
    clerk = office.people["Clerk"]
    company = Company().enrol(office.notary)
    for asked in ("acme", "91310000", company.account[:9], company.key.thumbprint.hex()[:12]):
        assert company.account[:4] in clerk.get(f"/office/accounts?q={asked}").text
    assert "No account was found" in clerk.get("/office/accounts?q=nobody").text
    assert clerk.get("/office/accounts?from=99999").status_code == 200
    assert clerk.get("/office/accounts?from=-1").status_code == 200
    assert clerk.get("/office/accounts/nothing").status_code == 404


def test_an_officer_issues_a_certificate_and_withdraws_it(office: Office) -> None:
    officer = office.people["Officer"]
    company = Company().enrol(office.notary)
    (receipt,) = deposit(office.notary, company.statements(1))
    page = "/office/certificates"
    sent = officer.post(page, page, file=receipt, field="receipt")
    assert sent.status_code == 422
    answer = officer.confirmed(page, page)
    done = officer.post(page, page, file=receipt, field="receipt", answer=answer)
    assert done.status_code == 200, done.text
    assert done.headers["content-type"] == "application/pdf"
    assert done.content.startswith(b"%PDF-")
    name = re.search(r"certificate-(\d+)\.pdf", done.headers["content-disposition"])
    assert name is not None
    standing = office.notary.certificate(int(name[1]))
    assert standing is not None
    assert standing.digest == sha256(done.content).digest()
    answer = officer.confirmed(page, page)
    wrong = officer.post(page, page, file=b"no receipt", field="receipt", answer=answer)
    assert wrong.status_code == 422
    form = f"{page}/withdraw"
    fields: dict[str, Any] = {"number": name[1], "reason": "issued in error"}
    answer = officer.confirmed(page, form)
    assert officer.post(form, page, answer=answer, **fields).status_code == 303
    standing = office.notary.certificate(int(name[1]))
    assert standing is not None
    assert standing.withdrawn is not None
    last = [(each.action, each.entry) for each in rows(office.desk)][-3:]
    assert last == [
        (Action.CERTIFYING, None),
        (Action.CERTIFIED, standing.index),
        (Action.WITHDRAWN, standing.withdrawn.index),
    ]


# --- words of others


def test_hostile_names_are_shown_as_text_and_cut(office: Office) -> None:
    clerk = office.people["Clerk"]
    done = clerk.propose(Company(), name=NAME[:256], registration='"><svg onload=alert(1)>')
    assert done.status_code == 303, done.text
    page = done.headers["location"]
    for path in (page, "/office", "/office/requests"):
        text = clerk.get(path).text.partition("<main")[2]
        assert "<img" not in text
        assert "<script>alert" not in text
        assert "onload=alert(1)>" not in text
        assert "49" not in re.findall(r"<bdi class=theirs>(.*?)</bdi>", text)[0]
        assert "\u202e" not in text
        assert len(max(re.findall(r"<bdi class=theirs>(.*?)</bdi>", text), key=len)) < 900
    assert clerk.post(f"{page}/decline", page).status_code == 303
    for name in ("a\u202eb", "\x1b[31m", "\u2066x", "", " "):
        assert clerk.propose(Company(), name=name).status_code == 422


def test_what_was_typed_comes_back_escaped_and_says_what_was_refused(office: Office) -> None:
    clerk = office.people["Clerk"]
    refused = clerk.propose(Company(), name=HOSTILE, fingerprint=HOSTILE)
    assert refused.status_code == 422
    assert "<img" not in refused.text
    assert 'role="alert"' in refused.text
    chinese = {"accept-language": "zh-CN"}
    told = clerk.post(
        "/office/requests",
        "/office/requests",
        file=Company().ask(),
        headers=chinese,
        fingerprint="0",
        name="A",
        registration="1",
    )
    assert "纸质文件与此申请不符" in told.text


@pytest.mark.parametrize("data", [b"", b"\xd2\x84", os.urandom(500), b"\x80" * MAX_ENTRY])
def test_an_upload_that_is_no_request_is_refused(office: Office, data: bytes) -> None:
    clerk = office.people["Clerk"]
    sent = clerk.post(
        "/office/requests",
        "/office/requests",
        file=data,
        fingerprint="0",
        name="A",
        registration="1",
    )
    assert sent.status_code in (413, 422)


def test_an_upload_is_bounded_before_it_is_read(office: Office) -> None:
    clerk = office.people["Clerk"]
    sent = clerk.post("/office/requests", "/office/requests", file=bytes(1 << 20), fingerprint="0")
    assert sent.status_code == 413 and "offline page" not in sent.text


# --- sessions, tokens, origins


def test_a_session_ends_when_idle_and_at_sign_out(office: Office) -> None:
    person = office.person("Idle", Role.CLERK)
    assert signed_in(person)
    office.clock.now += IDLE
    assert not signed_in(person)
    for each in office.people.values():
        assert each.sign_in().status_code == 303, each.name
    person.post("/office/sign-out", "/office/own")
    assert not signed_in(person)


def test_signing_in_gives_a_new_cookie_that_no_script_reads(office: Office) -> None:
    person = office.people["Clerk"]
    person.get("/office/sign-in")
    before = dict(person.http.cookies)
    person.http.cookies.clear()
    person.http.cookies.set("sealbook-office", "ab" * 32, domain="localhost.local")
    done = person.sign_in()
    assert done.status_code == 303
    cookie = done.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    fresh = re.match(r"sealbook-office=([0-9a-f]{64});", cookie)
    assert fresh is not None
    assert fresh[1] not in (*before.values(), "ab" * 32)


@pytest.mark.parametrize("token", ["", "00" * 32, "é" * 64])
def test_a_form_without_its_token_is_refused(office: Office, token: str) -> None:
    clerk = office.people["Clerk"]
    sent = clerk.http.post(
        "/office/sign-out", data={"token": token}, headers={"origin": office.url}
    )
    assert sent.status_code == 403
    assert signed_in(clerk)


def test_a_token_of_another_session_is_refused(office: Office) -> None:
    clerk, officer = office.people["Clerk"], office.people["Officer"]
    token = officer.token("/office/own")
    sent = clerk.http.post(
        "/office/sign-out", data={"token": token}, headers={"origin": office.url}
    )
    assert sent.status_code == 403
    assert signed_in(clerk)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "http://localhost:1", "http://localhost.evil"]
)
def test_a_form_from_another_origin_is_refused(office: Office, origin: str) -> None:
    clerk = office.people["Clerk"]
    sent = clerk.post("/office/sign-out", "/office/own", headers={"origin": origin})
    assert sent.status_code == 403
    assert signed_in(clerk)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "evil.example", "localhost.evil.example", ""])
def test_nobody_signs_in_under_another_name(office: Office, stranger: Person, host: str) -> None:
    found = stranger.http.get("/office/sign-in", headers={"host": host, "accept": "text/html"})
    assert found.status_code in (400, 403)
    assert "data-use" not in found.text


def test_a_redirect_leads_nowhere_else(office: Office, stranger: Person) -> None:
    for path in (
        "/office/sign-in?next=//evil.example",
        "/office//evil.example/passkey",
        "/office/own/passkey?next=https://evil.example",
        "/office/requests/%2F%2Fevil.example/approve",
        "/office/accounts/%5Cevil.example/revoke",
    ):
        found = stranger.get(path)
        place = found.headers.get("location", "/")
        assert place.startswith("/office") or found.status_code in (200, 404), path
        assert not place.startswith("//")


def test_pages_are_kept_by_nobody_and_run_only_our_script(office: Office) -> None:
    operator = office.people["Operator"]
    for path in (
        "/office",
        "/office/own",
        "/office/staff",
        "/office/trail",
        "/office/trail/export",
    ):
        found = operator.get(path)
        assert found.headers["cache-control"] == "no-store"
        if path != "/office/trail/export":
            policy = found.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert "<script>" not in found.text


def test_changes_are_posts_alone(office: Office) -> None:
    officer = office.people["Officer"]
    company = Company()
    page = office.people["Clerk"].propose(company).headers["location"]
    for act in ("approve", "decline"):
        found = officer.get(f"{page}/{act}?fingerprint={fingerprint(company.request)}")
        assert (found.status_code, found.headers["location"]) == (303, page)
    assert "waits for an officer" in officer.get(page).text
    assert officer.post(f"{page}/decline", page).status_code == 303


def test_damaged_forms_are_refused(office: Office) -> None:
    clerk = office.people["Clerk"]
    headers = {"origin": office.url}
    token = clerk.token("/office/own")
    for kind, data, status in (
        ("text/plain", b"x", 415),
        ("multipart/form-data", b"x", 422),
        ("multipart/form-data; boundary=a", b"--a\r\nContent-Disposition: x\r\n\r\n", 422),
        ("application/x-www-form-urlencoded", f"token={token}&token={token}".encode(), 422),
        ("application/x-www-form-urlencoded", b"a=%ff", 403),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(99)), 422),
    ):
        sent = clerk.http.post(
            "/office/sign-out", content=data, headers={**headers, "content-type": kind}
        )
        assert sent.status_code == status, (kind, data, sent.text)
    assert signed_in(clerk)


# --- one-time codes


def test_codes_sign_in_and_confirm_without_scripts(office: Office, stranger: Person) -> None:
    secret = staff.add(office.desk, "Coder", Role.OFFICER, ROOT)
    assert stranger.post("/office/link", "/office/link", secret=secret).status_code == 303
    page = stranger.get("/office/own").text
    found = re.search(r'name="secret" value="([A-Z2-7]{32})"', page)
    assert found is not None
    codes = pyotp.TOTP(found[1])
    wrong = stranger.post("/office/own/code", "/office/own", secret=found[1], code="000000")
    assert wrong.status_code == 422
    assert found[1] in wrong.text, "the secret that is in the telephone already stays the same"
    code = codes.at(int(office.clock.now))
    done = stranger.post("/office/own/code", "/office/own", secret=found[1], code=code)
    assert done.status_code == 303
    company = Company()
    request = office.people["Clerk"].propose(company).headers["location"]
    fields: dict[str, Any] = {"fingerprint": fingerprint(company.request)}
    office.clock.now += 30
    code = codes.at(int(office.clock.now))
    assert stranger.post(f"{request}/approve", request, code="123", **fields).status_code == 422
    assert stranger.post(f"{request}/approve", request, code=code, **fields).status_code == 303
    again = stranger.post("/office/sign-out", "/office/own")
    assert again.status_code == 303
    link = staff.link(office.desk, "Coder", ROOT)
    assert stranger.post("/office/link", "/office/link", secret=link).status_code == 422
    office.clock.now += 30
    code = codes.at(int(office.clock.now))
    assert stranger.post("/office/link", "/office/link", secret=link, code=code).status_code == 303


# --- staff and trail


def test_an_operator_removes_somebody_who_is_signed_out_at_once(office: Office) -> None:
    operator = office.people["Operator"]
    leaver = office.person("Leaver", Role.OFFICER)
    (number,) = (e.member.id for e in staff.roster(office.desk) if e.member.name == "Leaver")
    form = f"/office/staff/{number}/remove"
    assert operator.post(form, "/office/staff").status_code == 422
    answer = operator.confirmed("/office/staff", form)
    assert operator.post(form, "/office/staff", answer=answer).status_code == 303
    assert not signed_in(leaver)
    assert leaver.sign_in().status_code == 401
    (own,) = (e.member.id for e in staff.roster(office.desk) if e.member.name == "Operator")
    assert operator.post(f"/office/staff/{own}/remove", "/office/staff").status_code == 404


def test_the_trail_is_shown_checked_and_exported(office: Office) -> None:
    operator = office.people["Operator"]
    for number in range(60):  # over a page
        record(office.desk, Actor("root", "terminal"), Action.LINK_MADE, f"somebody {number}")
    assert "The chain holds over" in operator.get("/office/trail?check=1").text
    lines = operator.get("/office/trail/export").text.splitlines()
    count, _ = verify_trail(ORIGIN, rows(office.desk))
    assert count >= len(lines) > 20
    before = operator.get("/office/trail").text
    older = re.search(r"/office/trail\?before=(\d+)", before)
    assert older is not None
    assert operator.get(older[0]).status_code == 200


def test_no_secret_and_no_word_of_a_company_is_on_the_trail(office: Office) -> None:
    text = "\n".join(str(each.as_dict()) for each in rows(office.desk))
    assert "ACME" not in text
    assert "91310000" not in text
    assert sessions.find(office.desk, "0" * 64) is None


# --- where the office is


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://notary.example", "https://notary.example"),
        ("https://Notary.Example:443/ledger/?a#b", "https://notary.example"),
        ("https://notary.example:8443", "https://notary.example:8443"),
        ("http://notary.example", None),
        ("http://localhost:8411/", "http://localhost:8411"),
        ("http://localhost.example", None),
        ("https://user@notary.example", None),
        ("https://", None),
        ("https://a_b", None),
        ("https://notary.example:99999", None),
    ],
)
def test_the_origin_is_that_of_the_portals_url(url: str, origin: str | None) -> None:
    if origin is None:
        with pytest.raises(NotHere):
            origin_of(url)
    else:
        assert origin_of(url) == origin


def test_behind_a_proxy_the_cookie_is_secure_and_the_origin_is_the_settings(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.notary, "portal", "https://notary.example")
    with httpx2.Client(base_url=office.url, timeout=20) as http:
        found = http.get("/office/sign-in", headers={"accept": "text/html"})
        assert found.status_code == 200
        cookie = found.headers["set-cookie"]
        assert cookie.startswith("__Host-sealbook-office=")
        assert "Secure" in cookie
        assert "&#34;notary.example&#34;" in found.text
        sent = http.post("/office/sign-in", data={}, headers={"origin": office.url})
        assert sent.status_code == 403


def test_over_plain_http_from_elsewhere_there_is_no_door(office: Office) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/office",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("192.0.2.1", 1),
        "app": create_app(office.notary),
    }
    with pytest.raises(NotHere):
        _site(Request(scope), office.notary)
