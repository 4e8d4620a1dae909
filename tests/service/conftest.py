"""A real notary behind a real server on a loopback port, and accounts that deposit there."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import uvicorn

from api.app import create_app
from api.server import server_config
from api.settings import Settings
from ledger.chain.enrolment import IdentityRecord, format_request, verify_enrolment_request
from ledger.chain.office import Platform
from ledger.chain.statement import Deposit, Payload, format_deposit
from ledger.crypto.envelope import encrypt_payload, seal_header
from ledger.crypto.keys import SigningKey
from ledger.crypto.recipients import X25519Identity
from ledger.crypto.stream import payload_root
from ledger.notary.care.founding import init_notary
from ledger.notary.notary import Notary, open_notary
from ledger.wire.client import NotaryClient
from ledger.wire.protocol import SmallEnvelope
from ledger.wire.signatures import Message, sign_request
from tests import logs

ORIGIN = "notary.test/ledger"
HEADER = seal_header(b"k" * 16, [X25519Identity(b"i" * 32).recipient()], os.urandom)


def small_envelope(plain: bytes = b"contract") -> SmallEnvelope:
    """An age file with a payload of its own."""
    data = encrypt_payload(plain, b"k" * 16, os.urandom(16))
    return SmallEnvelope(Payload(len(data), payload_root([data])), HEADER, data)


@dataclass(frozen=True)
class Account:
    """An enrolled company: its device's key and a client that signs with it."""

    key: SigningKey
    account: str
    client: NotaryClient
    url: str

    def statement(
        self,
        manifest: Payload,
        *,
        origin: str = ORIGIN,
        content: Payload | None = None,
        issued_at: int | None = None,
    ) -> bytes:
        deposit = Deposit(origin, os.urandom(32), content, manifest)
        return format_deposit(deposit, self.account, self.key, issued_at or int(time.time()))

    def deposit(self) -> tuple[bytes, bytes]:
        """Upload an age file and enter a statement that names it: (statement, receipt)."""
        envelope = small_envelope()
        self.client.put_envelopes([envelope])
        statement = self.statement(envelope.payload)
        return statement, self.client.submit(statement)

    def signed(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        origin: str = ORIGIN,
        now: int | None = None,
        nonce: bytes | None = None,
    ) -> dict[str, str]:
        """Header fields that sign a request."""
        return sign_request(
            Message(method, target, headers or {}),
            self.key,
            origin,
            body=body,
            now=int(time.time()) if now is None else now,
            nonce=nonce or os.urandom(16),
        )


@dataclass(frozen=True)
class Service:
    """A running service."""

    notary: Notary
    url: str
    port: int
    http: httpx2.Client

    def enrol(self, name: str = "Example Ltd", recovery: SigningKey | None = None) -> Account:
        key = SigningKey(os.urandom(32))
        request = verify_enrolment_request(
            format_request(
                key,
                origin=ORIGIN,
                nonce=os.urandom(32),
                issued_at=int(time.time()),
                recovery=recovery,
            )
        )
        logs.plant(name)
        record = IdentityRecord(os.urandom(32), name, "1234", "clerk", int(time.time()))
        standing = self.notary.accounts.enrol(request, record)
        return Account(key, standing.account, self.client(key), self.url)

    def client(self, key: SigningKey | None = None, **options: object) -> NotaryClient:
        return NotaryClient(self.url, ledger=ORIGIN, key=key, **options)  # type: ignore[arg-type]


def start(notary: Notary, settings: Settings) -> tuple[uvicorn.Server, threading.Thread, int]:
    """Run the service of `notary` on a free loopback port, as `serve` does."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = server_config(create_app(notary, settings), settings)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    return server, thread, listener.getsockname()[1]


@pytest.fixture(scope="session", autouse=True)
def plain_log() -> None:
    """By default structlog draws tracebacks with every local variable, for seconds."""
    logs.keep_in_process()


@pytest.fixture(scope="session")
def notary_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notary") / "directory"
    platform = Platform("Office", "none", "test", "sealbook test", ())
    init_notary(folder, ORIGIN, issuer="Office", platform=platform, random=os.urandom)
    return folder


@pytest.fixture(scope="session")
def service(notary_folder: Path) -> Iterator[Service]:
    with open_notary(notary_folder) as notary:
        server, thread, port = start(notary, Settings(idle=1.0, body=3.0))
        url = f"http://127.0.0.1:{port}"
        with httpx2.Client(base_url=url, timeout=20) as http:
            yield Service(notary, url, port, http)
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def company(service: Service) -> Account:
    return service.enrol()


@pytest.fixture(scope="session")
def stranger(service: Service) -> Account:
    return service.enrol("Other Ltd")


@pytest.fixture
def raw_from() -> Iterator[Callable[[str, int], socket.socket]]:
    """Open plain connections from an address to a port, for what no client library sends."""
    opened: list[socket.socket] = []

    def connect(source: str, port: int) -> socket.socket:
        address = ("127.0.0.1", port)
        opened.append(socket.create_connection(address, 10, source_address=(source, 0)))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


@pytest.fixture
def raw(
    service: Service, raw_from: Callable[[str, int], socket.socket]
) -> Callable[[], socket.socket]:
    """Open plain connections to the service."""
    return lambda: raw_from("127.0.0.1", service.port)
