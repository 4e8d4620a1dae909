"""Deposits per second through the whole service, against an empty FastAPI POST on the same server.

One statement is parsed, judged, its Ed25519 signature verified, entered in a durable block, signed with
Ed25519, ML-DSA-44 and ECDSA, proved and answered with its receipt. The empty POST reads its body and
answers. Server and load generator are processes of their own and share this machine's cores.
"""

import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.load import write_requests
from bench.row import Row, interleaved, ratio
from bench.sequencer import CORES, verified
from ledger.chain.enrolment import IdentityRecord, format_request, verify_enrolment_request
from ledger.chain.office import Platform
from ledger.chain.statement import Deposit, Payload, format_deposit
from ledger.crypto.envelope import encrypt_payload, seal_header
from ledger.crypto.keys import SigningKey
from ledger.crypto.recipients import X25519Identity
from ledger.crypto.stream import payload_root
from ledger.encoding import cbor_encode
from ledger.notary.care.founding import init_notary
from ledger.notary.notary import open_notary
from ledger.wire.protocol import CBOR, COSE, MAX_BATCH, SmallEnvelope
from tests.objects import free_ports

ORIGIN = "bench.example/ledger"
ROUNDS = 5
CONNECTIONS = 64
SINGLES = 3_000
BATCHES = 60
BATCH_CONNECTIONS = 8
EMPTY = 10_000
SINGLE = 0.3
"""Gate: deposits one a request for each empty POST that the same server could answer."""
BATCHED = 0.25
"""Gate: deposits in batches for each signature that all cores could verify."""

SERVICE = """
import sys
from pathlib import Path
from api.server import serve
from api.settings import Settings
sys.stderr = open("/dev/null", "w")
metrics = ("127.0.0.1", int(sys.argv[3])) if sys.argv[3:] else None
serve(Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]), Settings(workers=1, metrics=metrics))
"""
NOTHING = """
import sys
import uvicorn
from fastapi import FastAPI, Request, Response
app = FastAPI(telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False})

@app.post("/statements", status_code=201)
async def post(request: Request) -> Response:
    return Response(await request.body(), 201)

uvicorn.run(app, port=int(sys.argv[2]), access_log=False, log_level="critical")
"""


class Depositor:
    """An enrolled account with one age file at the notary, and statements without end."""

    def __init__(self, directory: Path) -> None:
        platform = Platform("Bench", "none", "bench", "sealbook", ())
        init_notary(directory, ORIGIN, issuer="Bench", platform=platform, random=os.urandom)
        self.key = SigningKey(os.urandom(32))
        now = int(time.time())
        request = format_request(self.key, origin=ORIGIN, nonce=os.urandom(32), issued_at=now)
        record = IdentityRecord(os.urandom(32), "Bench Ltd", "1", "bench", now)
        header = seal_header(b"k" * 16, [X25519Identity(b"i" * 32).recipient()], os.urandom)
        data = encrypt_payload(b"x", b"k" * 16, os.urandom(16))
        self.manifest = Payload(len(data), payload_root([data]))
        with open_notary(directory) as notary:
            self.account = notary.accounts.enrol(verify_enrolment_request(request), record).account
            small = SmallEnvelope(self.manifest, header, data)
            notary.envelopes.put_many(self.account, [small])

    def statements(self, count: int) -> list[bytes]:
        """Return new statements."""
        now = int(time.time())
        return [
            format_deposit(
                Deposit(ORIGIN, os.urandom(32), None, self.manifest), self.account, self.key, now
            )
            for _ in range(count)
        ]


def post(path: str, media_type: str, body: bytes) -> bytes:
    """Return the bytes of a request."""
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {media_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def running(script: str, directory: Path, *more: int) -> Iterator[int]:
    """Run a server, which is given `more`, until the end of the block; yield its port."""
    (port,) = free_ports(1)
    command = [sys.executable, "-c", script, *map(str, (directory, port, *more))]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1]) as process:
        try:
            for _ in range(300):
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.1)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)


def rows() -> Iterator[Row]:
    """Yield the figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        depositor = Depositor(folder / "notary")
        service = stack.enter_context(running(SERVICE, folder / "notary"))
        nothing = stack.enter_context(running(NOTHING, folder))

        def load(port: int, connections: int, requests: list[bytes]) -> float:
            write_requests(folder / "requests", requests)
            command = [sys.executable, "-m", "bench.load", str(port), str(connections)]
            done = subprocess.run(
                [*command, str(folder / "requests")], capture_output=True, text=True, check=True
            )
            return float(done.stdout)

        def empty() -> float:
            body = depositor.statements(1)[0]
            requests = [post("/statements", COSE, body)] * EMPTY
            return EMPTY / load(nothing, CONNECTIONS, requests)

        def singles() -> float:
            statements = depositor.statements(SINGLES)
            requests = [post("/statements", COSE, each) for each in statements]
            return SINGLES / load(service, CONNECTIONS, requests)

        def batches() -> float:
            statements = iter(depositor.statements(BATCHES * MAX_BATCH))
            requests = [
                post(
                    "/statements/batch",
                    CBOR,
                    cbor_encode(list(itertools.islice(statements, MAX_BATCH))),
                )
                for _ in range(BATCHES)
            ]
            return BATCHES * MAX_BATCH / load(service, BATCH_CONNECTIONS, requests)

        pool = stack.enter_context(ProcessPoolExecutor(CORES))

        def signatures() -> float:
            return sum(pool.map(verified, range(CORES)))

        singles()
        measures = (singles, batches, empty, signatures)
        alone, together, limit, verifying = interleaved(ROUNDS, measures)
    yield from (
        _row("deposits, one a request, 64 connections", alone, limit, "empty POSTs", SINGLE),
        _row(
            f"deposits, {MAX_BATCH} a request, 8 connections",
            together,
            verifying,
            f"Ed25519 verifications on {CORES} cores",
            BATCHED,
        ),
    )


def _row(
    figure: str, rates: tuple[float, ...], limit: tuple[float, ...], of: str, gate: float
) -> Row:
    share = ratio(rates, limit)
    return Row(
        figure,
        f"{sorted(rates)[len(rates) // 2]:,.0f}/s",
        f"{sorted(limit)[len(limit) // 2]:,.0f}/s {of}",
        f"{share:.2f}",
        f"at least {gate}",
        share < gate,
    )
