"""A real server is told that receipts are there, checks who says so, and loses none."""

import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ledger.chain.trust import parse_trust
from ledger.cli.notary.webhooks import set_
from ledger.crypto.keys import SigningKey
from ledger.encoding import b64decode
from ledger.errors import InvalidInput, NotFound, OverLimit, StorageFailed, Unavailable
from ledger.notary import announcing
from ledger.notary.announcing import Announcing, tell
from ledger.notary.desk import hooks
from ledger.notary.desk.hooks import (
    OFFICE,
    Hook,
    keys_of,
    make_key,
    read_hooks,
    remove_hook,
    set_hook,
)
from ledger.notary.desk.trail import Actor
from ledger.notary.storage.desk import StaffDesk
from ledger.verify import verify_receipt
from ledger.wire import web
from ledger.wire.webhook import format_public

from .conftest import Account, Service

WHO = Actor("wang", "terminal")
HERE = (ip_network("127.0.0.0/8"),)
FORMATS = Path(__file__).parents[2] / "docs/formats.md"


@dataclass
class Told:
    """A server, and what it was sent. It answers with the next of `answers`, then with 204."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    body: bytes = b""
    promised: int = 0
    """Bytes of the body that are announced beyond it."""
    messages: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, count: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.messages) >= count, 30)

    def receipts(self) -> list[int]:
        return [
            each["index"]
            for _, body in self.messages
            for each in json.loads(body)["data"]["receipts"]
        ]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("hook") / "both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + private)
    return path


@pytest.fixture
def told(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with told.came:
                told.messages.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status = told.answers.pop(0) if told.answers else 204
                told.came.notify_all()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", told.url)
            self.send_header("Content-Length", str(len(told.body) + told.promised))
            self.end_headers()
            with suppress(OSError):  # who has read enough goes away
                self.wfile.write(told.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    told.url = f"https://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def desk(service: Service) -> Iterator[StaffDesk]:
    desk = service.notary.staff_desk
    assert desk is not None
    if not keys_of(desk):
        make_key(desk, WHO)
    yield desk
    for each in read_hooks(desk):
        remove_hook(desk, WHO, each.account)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "EVERY", 0.01)


def announcing_of(service: Service, desk: StaffDesk) -> Announcing:
    notary = service.notary
    return Announcing(notary.origin, notary.entries, desk, lambda: True, HERE)


def one_hook(desk: StaffDesk) -> Hook:
    (found,) = read_hooks(desk)
    return found


def index_of(account: Account, receipt: bytes) -> int:
    report = verify_receipt(receipt, parse_trust(account.client.trust())).report
    return int(report.claim("ledger").facts["index"])


def verify_as_documented(key: str, headers: dict[str, str], body: bytes) -> None:
    """Run what the handbook says."""
    (code,) = re.findall(
        r"```python\n(import time\n[^`]*?def verify\(.*?)```", FORMATS.read_text(), re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(code, names)
    names["verify"](key, headers, body)


def test_a_receipt_is_told_of_signed_and_can_be_fetched(
    service: Service, desk: StaffDesk, told: Told, stranger: Account
) -> None:
    one = service.enrol("Hooked Ltd")
    one.deposit()  # before: nobody asked
    set_hook(desk, WHO, one.account, told.url, service.notary.entries.size, HERE)
    with announcing_of(service, desk):
        _, receipt = one.deposit()
        stranger.deposit()
        told.wait(1)
    fields, body = told.messages[0]
    event = json.loads(body)
    index = index_of(one, receipt)
    (only,) = event["data"]["receipts"]
    assert (event["type"], event["data"]["ledger"]) == ("receipts.ready", service.notary.origin)
    assert only["index"] == index
    assert only["receipt"] == f"/receipts/{only['leaf']}"
    assert one.client.receipt(bytes.fromhex(only["leaf"])) == receipt
    assert b"Hooked" not in body and one.account.encode() not in body
    for key in map(format_public, keys_of(desk)):
        verify_as_documented(key, fields, body)
        with pytest.raises(ValueError, match="forged"):
            verify_as_documented(key, fields, body + b" ")
    assert len(told.messages) == 1


def test_what_fails_is_told_again_as_it_was_also_after_a_restart(
    service: Service, desk: StaffDesk, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = service.enrol("Failing Ltd")
    set_hook(desk, WHO, one.account, told.url, service.notary.entries.size, HERE)
    told.answers += [500, 302]
    monkeypatch.setattr(announcing, "FIRST_PAUSE", 1)
    receipts = []
    with announcing_of(service, desk):
        receipts.append(one.deposit()[1])
        while not one_hook(desk).failures:
            time.sleep(0.01)
    with announcing_of(service, desk):  # as after a restart
        receipts.append(one.deposit()[1])  # while the first waits for its next attempt
        told.wait(4)
        while one_hook(desk).failures or one_hook(desk).upto:
            time.sleep(0.01)
    first, second, third, last = told.messages
    assert first[1] == second[1] == third[1] != last[1]
    assert first[0]["webhook-id"] == third[0]["webhook-id"] != last[0]["webhook-id"]
    assert told.receipts() == [index_of(one, receipts[0])] * 3 + [index_of(one, receipts[1])]
    assert one_hook(desk).told > index_of(one, receipts[1])


def test_a_row_read_while_a_message_was_under_way_is_not_told_again(
    service: Service, desk: StaffDesk, told: Told, company: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_hook(desk, WHO, company.account, told.url, service.notary.entries.size, HERE)
    it = announcing_of(service, desk)
    under_way = threading.Event()
    looks = []

    def read_slowly(desk: StaffDesk) -> list[Hook]:
        rows = list(read_hooks(desk))
        looks.append(bool(it._busy))
        if it._busy:
            under_way.set()
            while it._busy:
                time.sleep(0.001)
        return rows

    monkeypatch.setattr(announcing, "read_hooks", read_slowly)
    company.deposit()
    with it:
        with told.came:  # no answer before the row was read
            assert under_way.wait(30)
        told.wait(1)
        seen = len(looks)
        while len(looks) < seen + 3:
            time.sleep(0.01)
    assert True in looks
    assert len(told.messages) == 1


def test_the_offices_own_hook_is_told_of_all_in_bounded_messages(
    service: Service, desk: StaffDesk, told: Told, company: Account, stranger: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(announcing, "MAX_RECEIPTS", 2)
    monkeypatch.setattr(announcing, "_RUN", 3)
    set_hook(desk, WHO, OFFICE, told.url, service.notary.entries.size, HERE)
    given = [
        index_of(each, each.deposit()[1])
        for each in (company, stranger, company, stranger, company)
    ]
    told.answers.append(503)
    monkeypatch.setattr(announcing, "FIRST_PAUSE", 1)
    with announcing_of(service, desk):
        while one_hook(desk).told <= given[-1]:
            time.sleep(0.01)
    assert sorted(set(told.receipts())) == given
    assert all(len(json.loads(body)["data"]["receipts"]) <= 2 for _, body in told.messages)
    assert told.messages[0][1] == told.messages[1][1]


def test_nothing_is_sent_into_networks_of_ones_own_unless_named(
    desk: StaffDesk, told: Told
) -> None:
    keys = keys_of(desk)
    mapped = told.url.replace("127.0.0.1", "[::ffff:127.0.0.1]")
    metadata = "https://169.254.169.254/"
    for url in (told.url, mapped, metadata, "https://[::1]/", "https://10.0.0.1/"):
        with pytest.raises(Unavailable, match=r"network of its own"):
            tell(url, b"{}", keys, 0, ())
    assert not told.messages
    told.answers.append(302)  # a redirect is not followed
    with pytest.raises(Unavailable, match="status 302"):
        tell(told.url, b"{}", keys, 0, HERE)
    tell(told.url, b"{}", keys, 0, HERE)
    assert len(told.messages) == 2


@pytest.mark.parametrize(
    "address",
    ["64:ff9b::a00:1", "2002:a00:1::1", "::10.0.0.1", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1", "fec0::1",
     "ff0e::1", "224.0.1.1", "::", "::1", "fe80::1%eth0", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"],
)  # fmt: skip
def test_addresses_that_lead_into_ones_own_network_are_not_asked(address: str) -> None:
    assert not web._may_be_asked(address, ())


def test_addresses_of_others_are_asked() -> None:
    for address in ("64:ff9b::808:808", "2002:808:808::1", "8.8.8.8", "2001:4860:4860::8888"):
        assert web._may_be_asked(address, ())
    assert web._may_be_asked("fec0::1", (ip_network("fec0::/16"),))
    assert web._may_be_asked("64:ff9b::a00:1", (ip_network("10.0.0.0/8"),))


def test_a_hook_that_stands_still_holds_up_no_other(
    service: Service, desk: StaffDesk, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:  # never accepts
        still, well = service.enrol("Still Ltd"), service.enrol("Well Ltd")
        monkeypatch.setattr(announcing, "DEADLINE", 1.0)
        size = service.notary.entries.size
        port = silent.server_address[1]
        set_hook(desk, WHO, still.account, f"https://127.0.0.1:{port}/", size, HERE)
        set_hook(desk, WHO, well.account, told.url, size, HERE)
        with announcing_of(service, desk):
            still.deposit()
            receipt = well.deposit()[1]
            told.wait(1)
        assert told.receipts() == [index_of(well, receipt)]


def test_hooks_with_much_to_tell_take_turns(
    service: Service, desk: StaffDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing, "MAX_RECEIPTS", 1)
    monkeypatch.setattr(announcing, "AT_ONCE", 1)
    order: list[str] = []
    both = [service.enrol(name) for name in ("Busy Ltd", "Other Ltd")]
    size = service.notary.entries.size
    for each in both:
        set_hook(desk, WHO, each.account, f"https://example.com/{each.account}", size)
        for _ in range(3):
            each.deposit()
    monkeypatch.setattr(announcing, "tell", lambda url, *_: order.append(url))
    with announcing_of(service, desk):
        until = time.monotonic() + 30
        while len(order) < 6 and time.monotonic() < until:
            time.sleep(0.01)
    assert len(order) == 6
    assert order[0::2] == [order[0]] * 3 and order[1::2] == [order[1]] * 3
    assert order[0] != order[1]


def test_a_desk_that_cannot_be_written_makes_no_flood(
    service: Service, desk: StaffDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    failing = [ValueError("not one of ours")]

    def reading(desk: StaffDesk) -> list[Hook]:
        if failing:
            raise failing.pop()
        return read_hooks(desk)

    def full(*_: object) -> bool:
        raise StorageFailed("the disk is full")

    monkeypatch.setattr(announcing, "read_hooks", reading)
    monkeypatch.setattr(announcing, "came_to", full)
    monkeypatch.setattr(announcing, "tell", lambda url, *_: sent.append(url))
    set_hook(desk, WHO, OFFICE, "https://example.com/", 0)
    with announcing_of(service, desk):
        until = time.monotonic() + 30
        while not sent and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.3)
    assert len(sent) == 1


def test_the_key_is_there_before_the_first_hook(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = service.notary.staff_desk
    assert desk is not None
    with desk.connections.writing() as connection:
        connection.execute("DELETE FROM hook_keys")
    kept, keys = hooks.set_hook, []

    def counting(*arguments: Any) -> None:
        keys.append(len(keys_of(desk)))
        kept(*arguments)

    monkeypatch.setattr(hooks, "set_hook", counting)
    directory = str(service.notary.directory)
    made = CliRunner().invoke(set_, ["https://example.com/", "--dir", directory])
    assert made.exit_code == 0, made.output
    assert keys == [1]
    remove_hook(desk, WHO, OFFICE)


@pytest.mark.parametrize(
    ("size", "promised"), [(announcing.MAX_ANSWER + 1, 0), (1 << 20, 0), (9, 1)]
)
def test_the_status_counts_whatever_follows_it(told: Told, size: int, promised: int) -> None:
    told.body, told.promised = bytes(size), promised
    key = SigningKey(bytes(32))
    told.answers += [200, 500]
    tell(told.url, b"{}", [key], 0, HERE)
    with pytest.raises(Unavailable, match="status 500"):
        tell(told.url, b"{}", [key], 0, HERE)
    assert len(told.messages) == 2


def test_nothing_is_sent_unsigned(told: Told) -> None:
    with pytest.raises(Unavailable, match="no key"):
        tell(told.url, b"{}", [], 0, HERE)
    assert not told.messages


def test_what_is_no_address_of_a_hook_is_refused_and_there_are_not_too_many(
    desk: StaffDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("http://example.com/", "https://a@example.com/", "https://x y/", "ftp://example.com",
                "https://example.com/" + "a" * hooks.MAX_URL):  # fmt: skip
        with pytest.raises(InvalidInput):
            set_hook(desk, WHO, "0" * 32, url, 0)
    monkeypatch.setattr(hooks, "MAX_HOOKS", 1)
    set_hook(desk, WHO, OFFICE, "https://example.com/one", 0)
    set_hook(desk, WHO, OFFICE, "https://example.com/two", 0)
    with pytest.raises(OverLimit):
        set_hook(desk, WHO, "0" * 32, "https://example.com/", 0)
    remove_hook(desk, WHO, OFFICE)
    with pytest.raises(NotFound):
        remove_hook(desk, WHO, OFFICE)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0", "127.1", "2130706433",
        "0x7f000001", "0177.0.0.1", "[::1]", "[fd00:ec2::254]", "[fe80::1]", "[::ffff:10.0.0.1]",
        "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]",
    ],
)  # fmt: skip
def test_an_address_to_which_nothing_would_be_sent_is_refused_when_it_is_set(
    desk: StaffDesk, host: str
) -> None:
    with pytest.raises(InvalidInput, match=r"network of its own.*webhook_network"):
        set_hook(desk, WHO, OFFICE, f"https://{host}:8443/hook", 0)
    assert not read_hooks(desk)


def test_public_addresses_names_and_networks_that_were_named_are_taken(
    service: Service, desk: StaffDesk
) -> None:
    for url in ("https://8.8.8.8/", "https://[2001:4860:4860::8888]/", "https://hook.invalid/",
                "https://a..b/"):  # fmt: skip
        set_hook(desk, WHO, OFFICE, url, 0)
    directory = str(service.notary.directory)
    order = ["https://127.0.0.1:1/", "--dir", directory]
    assert CliRunner().invoke(set_, order).exit_code == 1
    named = {"SEALBOOK_NOTARY_WEBHOOK_NETWORK": "127.0.0.0/8"}
    assert CliRunner().invoke(set_, order, env=named).exit_code == 0
    remove_hook(desk, WHO, OFFICE)


def test_a_new_key_signs_beside_the_one_before_it(desk: StaffDesk) -> None:
    before = keys_of(desk)[0]
    make_key(desk, WHO)
    new, old = keys_of(desk)
    assert old == before != new
    make_key(desk, WHO)
    assert keys_of(desk)[1] == new
    assert len(b64decode(format_public(new).removeprefix("whpk_"))) == 32
