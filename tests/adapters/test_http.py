"""The client trusts nothing that it is sent, and says what a person can do."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import ledger.wire.client as client_module
from ledger.chain.statement import Payload
from ledger.crypto.keys import SigningKey
from ledger.crypto.merkle import leaf_hash
from ledger.encoding import b64encode, cbor_encode
from ledger.errors import (
    CiphertextMissing,
    InvalidInput,
    KeyRevoked,
    MalformedData,
    NotAuthenticated,
    NotEnrolled,
    NotFound,
    Refused,
    Suspended,
    Unavailable,
)
from ledger.wire.client import NotaryClient
from ledger.wire.protocol import DEPOSITS_PAGE, PROBLEM
from ledger.wire.transport import NothingThere, NotNow, Unexplained

Answer = Callable[[BaseHTTPRequestHandler], None]
LOUD = 1 << 30


class Fake(ThreadingHTTPServer):
    """Answers as it is told and counts."""

    daemon_threads = True
    answer: Answer
    asked: list[str]


@pytest.mark.parametrize("made", [False, True])
def test_authorities_that_cannot_be_read_are_named_with_the_variable_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    path = tmp_path / "authorities.pem"
    if made:
        path.write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(InvalidInput, match=f"{path}.*“SSL_CERT_FILE”.*cannot be used"):
        NotaryClient("https://notary.example")
    NotaryClient("http://localhost:1").close()


@pytest.fixture
def fake() -> Iterator[Fake]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            server.asked.append(f"{self.command} {self.path}")
            server.answer(self)

        do_GET = do_POST = do_PUT = do_PATCH = do_HEAD = handle_any

        def log_message(self, *_: object) -> None:
            pass

    server = Fake(("127.0.0.1", 0), Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def client(fake: Fake, slept: list[float]) -> Iterator[NotaryClient]:
    url = f"http://127.0.0.1:{fake.server_address[1]}"
    key = SigningKey(b"a" * 32)
    with NotaryClient(url, ledger="n/l", key=key, timeout=2, sleep=slept.append) as client:
        yield client


def say(status: int, body: bytes = b"", **fields: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length", 0))
        handler.rfile.read(length)
        handler.send_response(status)
        handler.send_header("content-length", str(len(body)))
        for name, value in fields.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("content-length", str(LOUD))
    handler.end_headers()
    try:
        for _ in range(LOUD // 65536):
            handler.wfile.write(bytes(65536))
    except OSError:
        handler.close_connection = True


def problem(status: int, code: str, detail: str) -> Answer:
    document = {"type": "about:blank", "status": status, "code": code, "detail": detail}
    return say(status, json.dumps(document).encode(), content_type=PROBLEM)


@pytest.mark.parametrize(
    "url",
    [
        "notary.example",
        "ftp://notary.example",
        "https://",
        "https://notary.example/path",
        "https://user@notary.example",
        "https://notary.example?x",
        "http://notary.example",
        "http://127.0.0.1.example",
    ],
)
def test_only_https_or_this_machine_is_an_address(url):
    with pytest.raises(InvalidInput):
        NotaryClient(url)


def test_a_notary_that_is_away_is_unavailable_after_a_few_attempts(slept):
    told = []
    client = NotaryClient(
        "http://127.0.0.1:9", sleep=slept.append, waiting=lambda: told.append(len(slept))
    )
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9” cannot be reached.*try again"):
        client.health()
    client.close()
    assert len(slept) == 3
    assert told == [0, 1, 2]
    assert slept == sorted(slept)


def test_a_notary_that_falls_silent_is_unavailable(fake, client):
    silent = threading.Event()
    fake.answer = lambda _: silent.wait(20) and None
    client._http.timeout = 0.2
    with pytest.raises(Unavailable):
        client.health()
    silent.set()


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.health(),
        lambda client: client.trust(),
        lambda client: client.checkpoint(),
        lambda client: client.tile(0, 0),
        lambda client: client.block(0),
        lambda client: client.consistency(0, 1),
        lambda client: client.submit(b"x"),
        lambda client: client.receipt(bytes(32)),
        lambda client: list(client.deposits()),
        lambda client: client.verify(b"x"),
        lambda client: client.put_header(bytes(32), b"x"),
    ],
)
def test_an_answer_without_end_is_given_up(fake, client, ask):
    fake.answer = endless
    with pytest.raises(MalformedData):
        ask(client)


def test_an_error_text_without_end_is_given_up(fake, client):
    fake.answer = say(403, b"x" * (1 << 20))
    with pytest.raises(Refused, match="403"):
        client.submit(b"x")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "not-enrolled", NotEnrolled),
        (403, "key-revoked", KeyRevoked),
        (409, "ciphertext-missing", CiphertextMissing),
        (404, "not-found", NotFound),
        (404, "what-is-that", NothingThere),
        (422, "malformed", MalformedData),
        (403, "storage-failed", Unexplained),
        (500, "ledger-fault", Unavailable),
        (507, "storage-failed", Unavailable),
        (507, "no-room", NotNow),
        (507, "over-quota", NotNow),
        (503, "suspended", Suspended),
        (302, "not-enrolled", NotEnrolled),
    ],
)
def test_a_problem_comes_back_as_the_notarys_own_error(fake, client, status, code, kind):
    fake.answer = problem(status, code, "Why, and what to do.")
    with pytest.raises(kind, match="Why, and what to do") as caught:
        client.submit(b"x")
    assert type(caught.value) is kind
    assert len(fake.asked) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "not-authenticated", NotAuthenticated),
        (403, "key-revoked", KeyRevoked),
        (403, "what-is-that", Unexplained),
        (507, "storage-failed", Unavailable),
    ],
)
def test_of_an_answer_without_a_body_the_header_tells(fake, client, status, code, kind):
    fake.answer = say(status, sealbook_problem=code)
    with pytest.raises(kind, match=f"status {status} and “{code}”") as caught:
        client.upload_status(bytes(32))
    assert type(caught.value) is kind


def test_what_a_terminal_would_obey_is_taken_out_of_a_notarys_words(fake, client):
    fake.answer = problem(403, "refused", "\x1b[2J\x07line\r\nnext‮" + "x" * 5000)
    with pytest.raises(Refused) as caught:
        client.submit(b"x")
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) <= 600


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_notary_is_asked_again_after_as_long_as_it_says(fake, client, slept, status):
    answers = [say(status, retry_after="3"), say(status), say(200, b"receipt")]
    fake.answer = lambda handler: answers.pop(0)(handler)
    assert client.submit(b"x") == b"receipt"
    assert slept[0] == 3.0
    assert slept[1] < 3.0


def test_each_attempt_of_a_signed_request_has_a_nonce_of_its_own(fake, client):
    seen = []

    def answer(handler):
        seen.append(handler.headers["signature-input"])
        say(503)(handler) if len(seen) < 3 else say(200, b'{"deposits":[]}')(handler)

    fake.answer = answer
    assert list(client.deposits()) == []
    assert len(set(seen)) == 3


def test_joining_is_not_repeated(fake, client):
    fake.answer = say(503)
    with pytest.raises(Unavailable):
        client.join(b"x")
    assert len(fake.asked) == 1


def test_a_redirect_is_not_followed(fake, client):
    fake.answer = say(307, location="http://127.0.0.1:9/elsewhere")
    with pytest.raises(Refused, match="307"):
        client.submit(b"secret")
    assert len(fake.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        cbor_encode([]),
        cbor_encode([b"x", b"y"]),
        cbor_encode([5]),
        cbor_encode([{"code": 1, "detail": "x", "status": 403}]),
        cbor_encode({"0": b"x"}),
    ],
)
def test_a_batch_answer_that_does_not_fit_is_malformed(fake, client, answer):
    fake.answer = say(200, answer)
    with pytest.raises(MalformedData):
        client.submit_many([b"x"])


@pytest.mark.parametrize(
    "answer",
    [
        b"[]",
        b"nonsense",
        b'{"deposits": 5}',
        b'{"deposits": [5]}',
        b'{"deposits": [{"index": -1, "leaf": "00", "statement": ""}]}',
        b'{"deposits": [{"index": 4, "leaf": "00", "statement": ""}]}',
        b'{"deposits": [{"index": 4, "leaf": "' + b"0" * 64 + b'", "statement": "*"}]}',
        b"[" * 100_000,
    ],
)
def test_a_list_of_deposits_that_does_not_fit_is_malformed(fake, client, answer):
    fake.answer = say(200, answer)
    with pytest.raises(MalformedData):
        list(client.deposits())


def test_a_list_of_deposits_that_goes_in_circles_is_malformed(fake, client):
    fake.answer = lambda handler: say(200, page(range(DEPOSITS_PAGE)))(handler)
    with pytest.raises(MalformedData, match="order"):
        list(client.deposits())
    assert len(fake.asked) == 2


def page(indices: Iterable[int], statement: Callable[[int], bytes] = lambda i: b"%d" % i) -> bytes:
    return json.dumps(
        {
            "deposits": [
                {
                    "index": index,
                    "leaf": leaf_hash(statement(index)).hex(),
                    "statement": b64encode(statement(index)),
                }
                for index in indices
            ]
        }
    ).encode()


def after(handler: BaseHTTPRequestHandler) -> range:
    """The indices of the next full page."""
    first = int(handler.path.rpartition("=")[2]) + 1
    return range(first, first + DEPOSITS_PAGE)


def test_a_list_of_deposits_without_end_is_given_up(fake, client, monkeypatch):
    monkeypatch.setattr(client_module, "MAX_LISTED", 1000)
    fake.answer = lambda handler: say(200, page(after(handler)))(handler)
    with pytest.raises(MalformedData, match="more than 1000 deposits"):
        list(client.deposits())
    assert len(fake.asked) == 4


def test_a_list_that_repeats_one_deposit_for_ever_is_given_up(fake, client):
    fake.answer = lambda handler: say(200, page(after(handler), lambda _: b"again"))(handler)
    with pytest.raises(MalformedData, match="repeats"):
        list(client.deposits())
    assert len(fake.asked) == 1


def test_a_page_of_deposits_that_is_not_full_is_the_last(fake, client):
    fake.answer = lambda handler: say(200, page(after(handler)[:1]))(handler)
    assert [each.index for each in client.deposits()] == [0]
    assert len(fake.asked) == 1


def test_a_leaf_that_is_not_its_statements_is_refused(fake, client):
    fake.answer = say(200, page([4]).replace(leaf_hash(b"4").hex().encode(), b"0" * 64))
    with pytest.raises(MalformedData, match="mislabels"):
        list(client.deposits())


def test_an_upload_that_the_notary_takes_and_forgets_is_given_up(fake, client):
    def answer(handler):
        status = 404 if handler.command == "HEAD" else 201
        say(status)(handler)

    fake.answer = answer
    with pytest.raises(Unavailable, match="does not hold it"):
        client.upload(Payload(40, bytes(32)), lambda at, n: bytes(n), b"header")
    assert [each.split()[0] for each in fake.asked] == ["HEAD", "PATCH", "PATCH", "HEAD"]


@pytest.mark.parametrize(
    ("status", "code", "asked"),
    [
        (507, "over-quota", ["HEAD", "PATCH"]),
        (507, "no-room", ["HEAD", "PATCH"]),
        (503, "suspended", ["HEAD", "PATCH"]),
        (507, "storage-failed", ["HEAD", "PATCH"] * 2),
    ],
)
def test_an_upload_that_is_not_taken_now_is_not_repeated_at_once(
    fake, client, slept, status, code, asked
):
    refuse = problem(status, code, "Not now.")

    def answer(handler):
        first = len(fake.asked) <= 2 or code != "storage-failed"
        say(404)(handler) if handler.command == "HEAD" else (refuse if first else say(403))(handler)

    fake.answer = answer
    with pytest.raises((Unavailable, Unexplained)):
        client.upload(Payload(40, bytes(32)), lambda at, n: bytes(n), b"header")
    assert [each.split()[0] for each in fake.asked] == asked


def test_of_a_batch_each_statement_has_its_own_reason_for_not_now(fake, client):
    answers = [
        {"code": code, "detail": "Why.", "status": status}
        for status, code in [(507, "no-room"), (503, "suspended"), (503, "over-limit")]
    ]
    fake.answer = say(200, cbor_encode(answers))
    found = client.submit_many([b"a", b"b", b"c"])
    assert [type(each) for each in found] == [NotNow, Suspended, Unavailable]
    assert [each.code for each in found] == ["no-room", "suspended", "unavailable"]


@pytest.mark.parametrize("length", ["-1", "1e3", "", "9" * 30, "999999999"])
def test_a_download_with_an_impossible_header_length_is_malformed(fake, client, length):
    fake.answer = say(206, b"x", envelope_header_length=length)
    with pytest.raises(MalformedData):
        client.download(Payload(40, bytes(32)), lambda block: None)


def test_a_download_stops_where_more_comes_than_was_deposited(fake, client):
    def answer(handler):
        handler.send_response(206)
        handler.send_header("content-length", str(LOUD))
        handler.send_header("envelope-header-length", "10")
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(bytes(65536))
        except OSError:
            handler.close_connection = True

    fake.answer = answer
    got: list[bytes] = []
    with pytest.raises(Exception, match="more than was deposited"):
        client.download(Payload(40, bytes(32)), got.append)
    assert sum(map(len, got)) <= 50
