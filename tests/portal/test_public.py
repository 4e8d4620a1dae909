"""The public pages over HTTP: what they say, to whom, within which bounds, and what they never say."""

import html
import re
import threading
import time
from collections import Counter
from math import inf
from pathlib import Path

import pytest

from api import checks
from api.latency import HOUR, Latency, Waited
from api.portal import checking, ledger, pages, reports
from api.portal.charts import DAY, DAYS, DepositsByDay, latency_chart
from api.portal.health import reason, warning
from ledger.chain.block import note_digest
from ledger.chain.trust import parse_trust
from ledger.evidence.examining import Examiner
from ledger.language import LANGUAGES
from ledger.notary.care.asking import others
from ledger.notary.care.doctor import Level, examine
from ledger.notary.care.looking import files
from ledger.notary.health import Reason, Warn
from ledger.wire.protocol import MAX_CHECKED
from tests.faces import FAILING, TRUST
from tests.notaries import NOW, Clock, Company, deposit, found, opened
from tests.portal.conftest import PAGES
from tests.portal.hostile import HOSTILE

VECTORS = Path(__file__).parents[2] / "examples/vectors"
HTML = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


def upload(portal, data, name="a.receipt", **fields):
    return portal.http.post("/check", files={"file": (name, data)}, data=fields, headers=HTML)


def words(answer):
    """The page's text without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_guarded_and_loads_nothing_from_elsewhere(portal, path):
    answer = portal.http.get(path, headers=HTML)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy
    assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.findall(r"<script|\son\w+=|style=|javascript:", answer.text)
    assert all(each.startswith(("/", "?", "#", "data:,")) for each in
               re.findall(r'(?:href|src|action)="([^"]*)"', answer.text))  # fmt: skip


@pytest.mark.parametrize("path", ["/block/2", "/health"])
def test_a_program_gets_json_where_a_browser_gets_a_page(portal, path):
    machine, person = portal.http.get(path), portal.http.get(path, headers=HTML)
    assert machine.headers["content-type"] == "application/json"
    assert person.headers["content-type"].startswith("text/html")
    assert (
        "accept" in machine.headers["vary"].lower() and "accept" in person.headers["vary"].lower()
    )
    none = portal.http.get(path, headers={"accept": "text/html;q=0, application/json"})
    assert none.headers["content-type"] == "application/json"


def test_the_chain_can_be_walked_from_page_to_page(portal):
    last = portal.notary.sequencer.last.height
    seen: list[str] = []
    path: str | None = "/blocks"
    while path:
        text = portal.http.get(path, headers=HTML).text
        seen += re.findall(r'href="/block/(\d+)"', text)
        older = re.search(r'href="(/blocks\?from=\d+)" rel="next"', text)
        path = older[1] if older else None
    assert list(map(int, seen)) == list(range(last, -1, -1))
    assert 'rel="prev"' in portal.http.get("/blocks?from=1", headers=HTML).text


def test_a_blocks_page_says_what_the_log_says(portal):
    text = portal.http.get("/block/3", headers=HTML).text.replace("<wbr>", "")
    record = portal.http.get("/block/3").json()
    assert note_digest(record["note"]).hex() in text
    assert note_digest(portal.http.get("/block/2").json()["note"]).hex() in text
    assert "witness.example/w1" in text and "Test TSA" in text
    assert f"sealbook audit {portal.url} --trust office.trust" in text


def test_a_timestamp_shows_a_block_until_its_authoritys_accuracy_at_worst(portal):
    found = ledger.view(portal.notary, 3)
    kept = portal.notary.anchor_over(found.row.block.start).tokens[0].first
    (authority,) = parse_trust(portal.notary.trust).authorities
    assert found.anchor
    assert found.anchor.tokens[0].time == kept.latest(authority.accuracy) > int(kept.gen_time)


def test_the_numbers_of_deposits_add_up(portal):
    text = portal.http.get("/blocks", headers=HTML).text
    deposits = re.findall(r'class="number" data-label="Deposits">(\d+)<', text)
    assert sum(map(int, deposits)) == portal.deposits
    health = words(portal.http.get("/health", headers=HTML))
    assert f" {portal.deposits} " in health.split("Deposits a day", 1)[1]


def test_the_first_page_tells_in_sentences_how_the_ledger_stands(portal):
    text = words(portal.http.get("/", headers=HTML))
    assert f"The ledger has {portal.notary.sequencer.last.size} entries." in text
    assert re.search(r"The newest anchor is .+ old\. It stands over \d+ entries", text)
    assert "“witness.example/w3”" in text and "“Test TSA”" in text


@pytest.mark.parametrize("path", ["/", "/blocks", "/block/2"])
def test_a_page_is_not_made_again_for_who_has_it(portal, path):
    first = portal.http.get(path, headers=HTML)
    headers = {**HTML, "if-none-match": first.headers["etag"]}
    for _ in range(2):  # a minute may end between the two
        again = portal.http.get(path, headers=headers)
        if again.status_code == 304:
            break
        headers["if-none-match"] = again.headers["etag"]
    assert (again.status_code, again.content) == (304, b"")
    chinese = portal.http.get(f"{path}?lang=zh", headers=headers)
    assert chinese.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/blocks?from=x",
        "/blocks?from=-1",
        "/blocks?from=01",
        "/block/99999",
        "/block/x",
        "/nothing",
        "/certificates/..%2f",
    ],
)
def test_what_is_not_there_is_a_page_for_people_and_a_problem_for_programs(portal, path):
    page, problem = portal.http.get(path, headers=HTML), portal.http.get(path)
    assert page.status_code in (404, 422)
    assert "<h1>" in page.text and "no-store" in page.headers["cache-control"]
    assert "content-security-policy" in page.headers
    assert problem.headers["content-type"] == "application/problem+json"
    assert page.headers["sealbook-problem"] == problem.headers["sealbook-problem"]
    chinese = portal.http.get(path, headers={**HTML, "accept-language": "zh"})
    assert problem.json()["detail"].rstrip(".") not in html.unescape(chinese.text)


def test_a_receipt_is_checked_by_upload_in_the_words_of_the_report(portal):
    answer = upload(portal, portal.receipt)
    text = words(answer)
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    assert "proven by the inclusion proof" in text and "not revoked" in text
    assert "“ACME 有限公司”" in text
    assert "Nothing here shows who wrote the content" in text


@pytest.mark.parametrize("mark", [b"", "\n\n\u2014 ".encode()], ids=["own", "log"])
def test_of_what_is_not_authentic_nothing_is_said(portal, mark):
    """A byte is another: of the depositor's signature, which is last, or of the log's."""
    forged = bytearray(portal.receipt)
    forged[portal.receipt.find(mark) + 60 if mark else -40] ^= 1
    answer = upload(portal, bytes(forged))
    text = words(answer)
    assert "ACME" not in text and "Beijing" not in text
    assert answer.status_code == 422 or "none of it can be relied on" in text
    assert not re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d", text)
    assert "proven by" not in text


def test_where_something_fails_the_page_says_what_may_be_relied_on(portal, monkeypatch):
    monkeypatch.setattr(portal.notary, "trust", TRUST)
    for case in FAILING:
        answer = upload(portal, case.data, case.name)
        main = re.search("<main.*</main>", answer.text, re.DOTALL)
        assert main is not None
        case.check(re.sub("<[^>]+>", " ", main[0]).replace("&#39;", "'"))


def test_every_name_of_a_depositor_is_quoted_isolated_and_cut(portal):
    answer = upload(portal, portal.evidence, "case.evidence")
    main = answer.text.split("<main", 1)[1]
    assert answer.status_code == 200
    assert main.count("&lt;img src=x onerror=alert(1)&gt;") >= 7
    assert main.count("<bdi class=theirs>“") >= 9
    assert not set("\u202e\u2066\x1b") & set(answer.text)
    assert "<img" not in main and "{{7*7}}" in main


def test_of_a_forged_evidence_file_nothing_is_told_either(portal):
    at = portal.evidence.find("\n\n— ".encode()) + 60
    forged = portal.evidence[:at] + bytes([portal.evidence[at] ^ 1]) + portal.evidence[at + 1 :]
    answer = upload(portal, forged)
    assert answer.status_code in (200, 422)
    assert "onerror" not in answer.text and "长" not in answer.text
    assert "proven by" not in answer.text


def test_other_content_than_was_deposited_fails_and_is_not_named(portal):
    at = portal.evidence.find(b"alert(document.domain)")
    other = portal.evidence[:at] + b"A" + portal.evidence[at + 1 :]
    answer = upload(portal, other)
    assert answer.status_code == 422 or "FAILED" in answer.text
    assert "A" + "lert(document" not in answer.text


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"PK\x05\x06" + bytes(18), b"\xd2\x84" * 500, HOSTILE.encode(), b"\0" * 70_000],
)
def test_what_is_no_receipt_is_refused_in_a_sentence(portal, body):
    answer = upload(portal, body)
    assert answer.status_code == 422
    assert "This is not a receipt or an evidence file" in words(answer)


def test_a_files_name_reaches_no_page(portal):
    text = upload(portal, portal.receipt, HOSTILE).text
    assert "onerror" not in text and "49" not in text.split("<main", 1)[0]


def test_too_much_is_refused_before_it_is_read(portal):
    answer = upload(portal, bytes(MAX_CHECKED + (1 << 21)))
    assert answer.status_code == 413 and "too large" in answer.text


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=" + "b" * 71, b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nA: b\r\n\r\n" * 10_000),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n' * 50_000 + b"--b--",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\ncontent-disposition: form-data; name="file"\r\n\r\n1\r\n' * 2 + b"--b--\r\n",
        ),
    ],
)
def test_a_form_that_no_browser_sends_is_refused(portal, kind, body):
    answer = portal.http.post("/check", content=body, headers={**HTML, "content-type": kind})
    assert answer.status_code == 422
    assert "This is not a receipt" in answer.text


def test_an_inspection_record_is_read_beside_the_file(portal):
    record = (VECTORS / "part.evidence.inspection").read_bytes()

    def beside(data):
        files = {"file": ("a.receipt", portal.receipt), "inspection": ("a.inspection", data)}
        return portal.http.post("/check", files=files, headers=HTML)

    refused = beside(b"none")
    assert refused.status_code == 422
    assert "The file beside it is no inspection record" in refused.text
    of_another = words(beside(record))
    assert "The inspection record does not belong to this deposit, or does not hold." in of_another
    assert "does not belong to this deposit" not in words(beside(b""))
    assert beside(bytes(checking.MAX_BESIDE + 1)).status_code == 413


def test_another_media_type_is_refused(portal):
    answer = portal.http.post(
        "/check", content=b"{}", headers={**HTML, "content-type": "text/json"}
    )
    assert answer.status_code == 415 and "<h1>" in answer.text


def test_an_upload_waits_for_its_turn_with_those_of_the_api(portal, monkeypatch):
    monkeypatch.setattr(checks, "PATIENCE", 0.05)
    held, done = threading.Event(), threading.Event()

    def busy(*_):
        held.set()
        done.wait(10)
        raise AssertionError

    monkeypatch.setattr(Examiner, "examine", busy)
    monkeypatch.setattr(Examiner, "stop", lambda _: done.set())
    first = threading.Thread(target=lambda: upload(portal, b"PK" + bytes(100)))
    first.start()
    held.wait(10)
    answer = upload(portal, b"PK" + bytes(100))
    done.set()
    first.join()
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
    assert "try again" in answer.text.lower()


def test_a_certificate_is_found_by_its_number(portal):
    standing = portal.http.get("/certificates/000001", headers=HTML)
    assert "issued by the office, not withdrawn" in standing.text
    assert "abab" in standing.text and re.search(r'href="/block/\d+"', standing.text)
    gone = portal.http.get("/certificates?number=2", headers=HTML)
    assert "withdrawn by the office" in gone.text and "not withdrawn" not in gone.text
    assert "onerror=alert(1)&gt;" in gone.text and "\\u202e" in gone.text
    assert "<img" not in gone.text and "\u202e" not in gone.text and "\x1b" not in gone.text
    for number in ("No. 000001", "\uff11", "编号：000001", "第1号"):
        found = portal.http.get("/certificates", params={"number": number}, headers=HTML)
        assert found.status_code == 200 and "issued by the office" in found.text, number
    unread = portal.http.get("/certificates", params={"number": "one"}, headers=HTML)
    assert "not a certificate" in unread.text and "was not issued by" not in unread.text
    for number in ("3", "0", "-1", "9" * 30, HOSTILE[:60], "<script>", "1\n"):
        answer = portal.http.get("/certificates", params={"number": number}, headers=HTML)
        assert answer.status_code == (200 if number.strip() == "1" else 404)
        assert "<script>" not in answer.text and "<img" not in answer.text


def test_no_account_and_no_depositor_stands_on_a_public_page(portal):
    for path in PAGES:
        text = portal.http.get(path, headers=HTML).text.replace("<wbr>", "")
        assert portal.account not in text
        assert "ACME" not in text and "70,000" not in text and "70000" not in text


def test_the_offices_own_name_is_isolated_too(portal):
    text = portal.http.get("/", headers=HTML).text
    assert "<b>&\u202e" not in text and "\u202e" not in text
    assert "&lt;b&gt;" in text


@pytest.mark.parametrize(
    "host",
    ["a;rm -rf /", '"><script>', "x" * 300, "$(id)", "a`id`", "evil.example", "localhost.evil"],
)
@pytest.mark.parametrize("url", [None, "https://office.example/ledger/"])
def test_a_host_that_nobody_here_has_named_stands_in_no_page(portal, monkeypatch, host, url):
    monkeypatch.setattr(portal.notary, "portal", url)
    for path in (
        "/",
        "/blocks",
        "/block/1",
        "/health",
        "/check",
        "/certificates",
        "/none",
        "/office",
    ):
        text = portal.http.get(path, headers={**HTML, "host": host}).text
        assert host not in text
        if path == "/block/1":
            assert f" {url.rstrip('/') if url else 'https://notary.example'}" in text


def test_on_ones_own_machine_the_command_names_it(portal):
    headers = {**HTML, "host": "localhost:8400"}
    assert "http://localhost:8400" in portal.http.get("/block/1", headers=headers).text


def test_the_language_is_the_visitors_choice_then_the_browsers(portal):
    def language(headers=None, path="/"):
        return portal.http.get(path, headers={**HTML, **(headers or {})}).headers[
            "content-language"
        ]

    assert language() == "en"
    assert language({"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}) == "zh"
    assert language({"accept-language": "en, zh;q=0.5"}) == "en"
    assert language({"cookie": "lang=zh"}) == "zh"
    assert language({"cookie": "lang=zh"}, "/?lang=en") == "en"
    assert language({"accept-language": "zh;q=x,en"}, "/?lang=../..") == "en"
    chosen = portal.http.get("/check?lang=zh", headers=HTML)
    assert "lang=zh" in chosen.headers["set-cookie"] and "HttpOnly" in chosen.headers["set-cookie"]
    assert 'lang="zh-CN"' in chosen.text


def test_what_stands_in_the_address_is_carried_on_escaped(portal):
    text = portal.http.get("/blocks", params={"from": "1", "x": HOSTILE[:60]}, headers=HTML).text
    assert "onerror=alert" not in text.replace("%3D", "%3D") and "<img" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_and_warning_has_plain_words(language):
    said = [reason(each, language) for each in Reason] + [warning(each, language) for each in Warn]
    assert all(said) and len(set(said)) == len(said)


def test_what_keeps_the_notary_from_entering_is_told(portal, monkeypatch):
    portal.notary._health.set(Reason.SELF_CHECK)
    try:
        answer = portal.http.get("/health", headers=HTML)
    finally:
        portal.notary._health.clear(Reason.SELF_CHECK)
    assert answer.status_code == 503
    assert (
        "A receipt did not pass the notary" in answer.text
        and "Nothing is entered now" in answer.text
    )


def test_a_report_reads_back_as_it_was_written(portal):
    answer = portal.http.post(
        "/verify", content=portal.receipt, headers={"content-type": "application/octet-stream"}
    )
    (value,) = (each["report"] for each in answer.json()["deposits"])
    assert reports.report_of(value).as_dict() == value


def test_other_methods_are_told_what_the_address_takes(portal):
    answer = portal.http.post("/blocks", headers=HTML)
    assert answer.status_code == 405 and answer.headers["allow"] == "GET, HEAD"
    head = portal.http.head("/block/2", headers=HTML)
    assert head.status_code == 200 and head.headers["content-type"].startswith("text/html")


POLICY = "default-src 'none'; script-src 'sha256-abc='"
VERIFIER = f'<html><meta http-equiv="Content-Security-Policy" content="{POLICY}"><p>page'.encode()


@pytest.mark.parametrize(
    ("held", "status", "policy"),
    [
        (VERIFIER, 200, f"{POLICY}; frame-ancestors 'none'"),
        (b"<p>page", 200, "default-src 'none'; frame-ancestors 'none'"),
        (None, 404, "default-src 'none'; style-src 'self'"),
    ],
)
def test_the_offline_page_is_served_under_its_own_policy(portal, monkeypatch, held, status, policy):
    monkeypatch.setattr(pages, "verifier_page", lambda: held)
    answer = portal.http.get("/verifier.html", headers=HTML)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"].startswith(policy)
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert held is None or answer.content == held


@pytest.mark.parametrize("values", [[], [0.004], [0.02, 0.3, 9.0, 100.0] * 10])
def test_waiting_times_are_kept_by_the_hour_for_a_day(values):
    clock = [10 * HOUR]
    latency = Latency(lambda: clock[0])
    for each in values:
        latency.add(each)
    assert sum(each.answers for each in latency.hours()) == len(values)
    clock[0] += 30 * HOUR
    assert latency.hours() == []
    latency.add(0.07)
    (only,) = latency.hours()
    assert (only.start, only.answers, only.half, only.most) == (40 * HOUR, 1, 0.1, 0.1)
    for _ in range(100):
        clock[0] += HOUR
        latency.add(0.01)
    assert len(latency.hours()) == 24


def test_an_answer_that_failed_is_no_waiting_time():
    latency = Latency(lambda: 0.0)
    with pytest.raises(ZeroDivisionError), latency.measured():
        _ = 1 / 0
    assert latency.hours() == []


def test_an_endless_wait_is_drawn_and_said():
    chart = latency_chart([Waited(0, 3, 0.1, inf), Waited(3600, 2, 0.1, 0.2)])
    assert [bar.values[-1] for bar in chart.bars] == ["> 60 s", "≤ 0.2 s"]
    assert chart.most == "> 60 s" and chart.bars[0].height > chart.bars[1].height
    assert latency_chart([]).bars == ()


def test_deposits_are_counted_by_the_day_of_their_block(tmp_path):
    clock = Clock(now=(NOW // DAY + 1) * DAY + 100)
    with opened(found(tmp_path / "notary"), clock=clock) as notary:
        company = Company().enrol(notary)
        days = DepositsByDay(notary)
        for count in (2, 0, 3, 1):
            if count:
                deposit(notary, company.statements(count))
            assert days.counted()[-1][1] == count
            clock.now += DAY
        counted = days.counted()
        assert [number for _, number in counted[-6:]] == [0, 2, 0, 3, 1, 0]
        assert [begin for begin, _ in counted] == sorted(begin for begin, _ in counted)
        assert len(counted) == DAYS and all(begin % DAY == 0 for begin, _ in counted)


def test_the_doctor_finds_every_witness_and_authority_at_work(portal):
    environment = {"SEALBOOK_NOTARY_PORT": portal.url.rpartition(":")[2]}
    found = examine(portal.notary.directory, environment, time.time(), files, others)
    asked = Counter(each.subject for each in found if each.level is Level.OK)
    assert (asked["witnesses"], asked["authorities"], asked["service"]) == (3, 1, 1)
    assert not [each for each in found if each.level is Level.MEND]


def test_witnesses_and_authorities_are_measured_by_number(portal):
    text = portal.app.state.service.measures.exposed().decode()
    for kind, numbers in (("witness", 3), ("authority", 1)):
        for number in range(numbers):
            assert f'sealbook_peer_up{{kind="{kind}",number="{number}"}} 1.0' in text
            assert f'sealbook_peer_age_seconds{{kind="{kind}",number="{number}"}}' in text
    assert "sealbook_anchor_lag_entries" in text
    assert "sealbook_anchor_age_seconds" in text
    assert "127.0.0.1" not in text
    assert "http" not in text
