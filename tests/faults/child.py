"""Deposits while something fails: the process of a round.

    child.py WORK SEED ENGINE

PGHOST and AWS_ENDPOINT_URL lead to the servers. It ends with 0 when everything was answered in the end,
with `DIED` where it had to die, with `CLOSED` when the notary could not be opened. What it asks for is
in WORK/asked before, what was answered in WORK/answers.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from ledger.chain.statement import Deposit, Payload, format_deposit
from ledger.crypto.envelope import encrypt_payload, seal_header
from ledger.crypto.keys import SigningKey
from ledger.crypto.recipients import X25519Identity
from ledger.crypto.stream import payload_root
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import SealbookError
from ledger.notary.notary import Notary, open_notary
from ledger.notary.ports import Step
from ledger.notary.system_clock import SystemClock
from ledger.wire.protocol import SmallEnvelope
from tests.faults.disk import Disk
from tests.faults.drawing import Fault, draw
from tests.faults.wire import Wire, socket_before
from tests.notaries import NOW, ORIGIN

DIED, CLOSED = 77, 78
KEY = SigningKey(b"d" * 32)
BATCHES = 5
PATIENCE = 60.0
HEADER = seal_header(b"k" * 16, [X25519Identity(b"i" * 32).recipient()], lambda size: b"r" * size)
Asked = tuple[bytes, bytes]
"""A statement, and the payload of the age file that it names."""


def asked(account: str, rng: Random, count: int = 0) -> list[Asked]:
    """Return what a batch deposits, by default a few: the same for the same chance."""
    made = []
    for _ in range(count or rng.randrange(1, 9)):
        data = encrypt_payload(rng.randbytes(40), b"k" * 16, rng.randbytes(16))
        payload = Payload(len(data), payload_root([data]))
        deposit = Deposit(ORIGIN, rng.randbytes(32), None, payload)
        made.append((format_deposit(deposit, account, KEY, NOW), data))
    return made


def send(notary: Notary, account: str, batch: list[Asked]) -> list[bytes | SealbookError]:
    """Deposit; return the receipt of each, or why there is none."""
    try:
        payloads = [Payload(len(data), payload_root([data])) for _, data in batch]
        notary.envelopes.put_many(
            account,
            [
                SmallEnvelope(each, HEADER, data)
                for each, (_, data) in zip(payloads, batch, strict=True)
            ],
        )
        futures = notary.sequencer.submit_many([statement for statement, _ in batch])
    except SealbookError as error:
        return [error] * len(batch)
    found: list[bytes | SealbookError] = []
    for each in futures:
        try:
            found.append(each.result(PATIENCE))
        except SealbookError as error:
            found.append(error)
    return found


def note(path: Path, *values: bytes) -> None:
    """Add a line to a file, durably."""
    with path.open("ab") as file:
        data = cbor_encode(list(values))
        file.write(len(data).to_bytes(4, "big") + data)
        file.flush()
        os.fsync(file.fileno())


def noted(path: Path) -> list[list[bytes]]:
    """Return what was added to a file."""
    data, found = path.read_bytes() if path.exists() else b"", []
    while data:
        size = int.from_bytes(data[:4], "big")
        found.append(cbor_decode(data[4 : 4 + size], 1 << 24))
        data = data[4 + size :]
    return found


class WrongClock(SystemClock):
    """A clock that can be set wrong."""

    wrong = 0.0

    def wall(self) -> float:
        return super().wall() + self.wrong


class Round:
    """What fails in this process, and the notaries in it."""

    def __init__(self, work: Path, fault: Fault, engine: str) -> None:
        self.work, self.fault, self.engine = work, fault, engine
        self.directory = work / "notary"
        self.disk, self.clock = Disk(self.directory), WrongClock()
        self.asleep, self.wake = threading.Event(), threading.Event()
        self.armed = False
        self._count = fault.count
        self._wires: dict[str, Wire] = {}
        if engine != "embedded":
            (work / "pg").mkdir(exist_ok=True)
            self._wires["wire"] = socket_before(Path(os.environ["PGHOST"]), work / "pg")
            os.environ["PGHOST"] = str(work / "pg")
        if engine == "bucket":
            url = urlsplit(os.environ["AWS_ENDPOINT_URL"])
            wire = Wire((str(url.hostname), int(url.port or 0)), ("127.0.0.1", 0))
            os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{wire.at[1]}"
            self._wires["store"] = wire

    @contextlib.contextmanager
    def opened(self) -> Iterator[Notary]:
        with open_notary(
            self.directory, clock=self.clock, hook=self._hook, serve=self.engine != "embedded"
        ) as notary:
            yield notary

    def arm(self) -> None:
        """Let it fail from now on."""
        fault, self.armed = self.fault, True
        match fault.kind:
            case "power":
                self.disk.cut_at(fault.count, self.work / "durable", DIED)
            case "disk":
                self.disk.fail(fault.how[0], fault.how[1] or None, fault.count)
            case "statement":
                _fail_statement(fault.how[0], fault.count)
            case "wire" | "store":
                self._wires[fault.kind].fail(fault.how[0], fault.how[1].encode(), fault.count)

    def mend(self) -> None:
        """Let everything go well again."""
        self.armed = False
        self.disk.mend()
        self.clock.wrong = 0.0
        self.wake.set()

    def _hook(self, step: Step, side: str) -> None:
        if not self.armed:
            return
        kind = self.fault.kind
        if kind == "clock" or (kind in ("stopped", "leaders") and (step, side) == self.fault.how):
            self._count -= 1
            if self._count >= 0:
                return
            if kind == "stopped":
                os._exit(DIED)
            if kind == "clock":
                self.clock.wrong = float(self.fault.how[0])
            elif not self.asleep.is_set():
                self.asleep.set()
                self.wake.wait(PATIENCE)


def _fail_statement(name: str, count: int) -> None:
    import psycopg

    real, lock, left = psycopg.Connection.execute, threading.Lock(), count

    def execute(self: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal left
        with lock:
            left -= 1
            hit = left == -1
        if hit:
            if name == "AdminShutdown":
                self.close()
            raise getattr(psycopg.errors, name)("it was made to fail")
        return real(self, *arguments, **options)

    psycopg.Connection.execute = execute  # type: ignore[method-assign]


def cut_off() -> None:
    """End the connection on which the right to write hangs."""
    import psycopg

    with psycopg.connect(os.environ["SEALBOOK_FAULTS_DATABASE"], autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            "WHERE locktype = 'advisory' AND granted AND objsubid = 1"
        )


def deposit(round_: Round, notary: Notary, other: Notary | None, account: str, rng: Random) -> None:
    """Deposit, through what fails; then until everything is answered."""
    left: list[Asked] = []

    def ask(by: Notary, batch: list[Asked]) -> None:
        for each, receipt in zip(batch, send(by, account, batch), strict=True):
            if isinstance(receipt, bytes):
                note(round_.work / "answers", each[0], receipt)
            else:
                left.append(each)

    for number in range(BATCHES):
        batch = asked(account, rng)
        for each in batch:
            note(round_.work / "asked", *each)
        if number == 1 and not round_.armed:
            round_.arm()
        if other is not None and number > 0:
            thread = threading.Thread(target=ask, args=(notary, batch))
            thread.start()
            if round_.asleep.wait(0.3):
                cut_off()
                for each in (more := asked(account, rng)):
                    note(round_.work / "asked", *each)
                ask(other, more)
                round_.wake.set()
            thread.join()
        else:
            ask(notary, batch)
    round_.mend()
    end = time.monotonic() + PATIENCE
    while left:
        batch, left = left, []
        ask(notary, batch)
        assert time.monotonic() < end, "the notary does not go on"
        time.sleep(0.1 if left else 0)
    assert notary.sequencer.fault is None


def main() -> None:
    work, seed, engine = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    rng = Random(seed)
    round_ = Round(work, draw(engine, rng), engine)
    account = (work / "account").read_text()
    if round_.fault.early:
        round_.arm()
    with contextlib.ExitStack() as stack:
        try:
            notary = stack.enter_context(round_.opened())
        except SealbookError as error:
            sys.stderr.write(f"{error}\n")
            os._exit(CLOSED)
        other = None
        if round_.fault.kind == "leaders":
            other = stack.enter_context(round_.opened())
        (work / "serving").touch()
        deposit(round_, notary, other, account, rng)


if __name__ == "__main__":
    main()
