"""Three machines of everything, under load: one thing after another is killed, and nothing is lost.

    SEALBOOK_SOAK_ROUNDS=5 make soak

It says how long nobody was answered after each. Every statement is sent until it is answered, and in
the end the ledger has each of them once.
"""

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ledger.auditor.audit import Audit
from ledger.auditor.sources import Folder
from ledger.chain.office import Platform
from ledger.chain.receipt import parse_receipt
from ledger.chain.statement import DEPOSIT, parse_statement
from ledger.chain.trust import parse_trust
from ledger.crypto.keys import SigningKey
from ledger.errors import Refused, SealbookError
from ledger.notary.care.founding import init_notary
from ledger.notary.care.fsck import fsck
from ledger.notary.notary import open_notary
from ledger.notary.storage.bucket import open_bucket
from ledger.verify import verify_receipt
from ledger.wire.client import NotaryClient
from tests.cluster.machines import Cluster, Machine, answer, wait
from tests.postgres import Missing
from tests.service.conftest import ORIGIN, Account, Service, small_envelope

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]
DEPOSITORS = 4
AFTER = 20
"""Answers that every depositor has had before the next thing happens."""
HANGS = 6.0
PATIENCE = 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    try:
        made = Cluster()
    except Missing as missing:
        pytest.skip(str(missing))
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in (
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_ENDPOINT_URL",
                "PGPASSWORD",
            ):
                patch.setenv(name, made.machines[0].environment[name])
            # Who ends the tests ends what they have started, too.
            before = signal.signal(signal.SIGTERM, signal.default_int_handler)
            made.start()
            yield made
            signal.signal(signal.SIGTERM, before)
    finally:
        made.close()


@dataclass
class Depositor:
    """A company that deposits without end, at whichever machine answers."""

    account: str
    key: SigningKey
    clients: list[NotaryClient]
    answered: list[tuple[float, bytes, bytes]] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)
    refused: list[SealbookError] = field(default_factory=list)

    def work(self, stop: threading.Event) -> None:
        while not stop.is_set():
            envelope = small_envelope(os.urandom(32))
            mine = Account(self.key, self.account, self.clients[0], "")
            statement, began = mine.statement(envelope.payload), time.monotonic()
            while (receipt := self._send(envelope, statement)) is None:
                if stop.is_set() and time.monotonic() - began > PATIENCE:
                    return
                self.clients.append(self.clients.pop(0))
                time.sleep(0.1)
            now = time.monotonic()
            self.answered.append((now, statement, receipt))
            self.waiting.append(now - began)

    def _send(self, envelope: object, statement: bytes) -> bytes | None:
        try:
            self.clients[0].put_envelopes([envelope])  # type: ignore[list-item]
            return self.clients[0].submit(statement)
        except SealbookError as error:
            if isinstance(error, Refused):
                self.refused.append(error)
            return None


def found(cluster: Cluster) -> list[Depositor]:
    """Found the ledger, give every machine its directory, enrol the depositors."""
    first = cluster.machines[0]
    directory = Path(first.environment["SEALBOOK_NOTARY_DIR"])
    wait(lambda: takes_objects(cluster), 180)
    init_notary(
        directory,
        ORIGIN,
        issuer="Office",
        platform=Platform("Office", "none", "test", "sealbook test", ()),
        database=cluster.database,
        objects=cluster.objects,
        random=os.urandom,
    )
    depositors = []
    with open_notary(directory) as notary:
        for _ in range(DEPOSITORS):
            account = Service(notary, first.url, 0, None).enrol()  # type: ignore[arg-type]
            clients = [
                NotaryClient(each.url, ledger=ORIGIN, key=account.key) for each in cluster.machines
            ]
            random.shuffle(clients)
            depositors.append(Depositor(account.account, account.key, clients))
    for each in cluster.machines[1:]:
        shutil.copytree(directory, each.environment["SEALBOOK_NOTARY_DIR"])
    return depositors


def takes_objects(cluster: Cluster) -> bool:
    place = cluster.objects.replace("/ledger", "/ready")
    try:
        for each in cluster.machines:
            each.restart_ended()
            endpoint = each.environment["AWS_ENDPOINT_URL"]
            open_bucket(f"{place}?endpoint={endpoint}", hurried=True).put("1", b"", {})
    except SealbookError:
        return False
    return True


def events(cluster: Cluster) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what happens, each with what mends it again."""

    def killed(machine: Machine, what: str) -> Callable[[], object]:
        machine.kill(what)
        return lambda: machine.start(what)

    def hung(machine: Machine, what: str) -> Callable[[], object]:
        machine.pause(what, HANGS)
        return lambda: None

    yield "the process that writes is killed", killed(cluster.writer(), "notary")
    writer = cluster.writer()
    other = next(each for each in cluster.machines if each is not writer)
    yield "a process that does not write is killed", killed(other, "notary")
    yield f"the process that writes hangs for {HANGS:.0f} s", hung(cluster.writer(), "notary")
    yield "the database that leads is killed", killed(cluster.leader(), "patroni")
    leader = cluster.leader()
    standby = next(
        each for each in cluster.machines if cluster.members()[each.name] == "sync_standby"
    )
    assert standby is not leader
    yield "the standby that every commit waits for is killed", killed(standby, "patroni")
    yield "an object server is killed", killed(cluster.writer(), "weed")
    yield "an etcd is killed", killed(random.choice(cluster.machines), "etcd")


def is_whole(cluster: Cluster) -> bool:
    for each in cluster.machines:
        each.restart_ended()
    ready = [answer(f"{each.url}/ready") for each in cluster.machines]
    return cluster.is_synchronous() and len(cluster.members()) == 3 and all(ready)


def test_nothing_that_was_answered_is_lost(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = int(os.environ.get("SEALBOOK_SOAK_ROUNDS", "1"))
    depositors = found(cluster)
    for each in cluster.machines:
        each.start("notary")
    wait(lambda: is_whole(cluster))
    stop = threading.Event()
    threads = [threading.Thread(target=each.work, args=(stop,)) for each in depositors]
    for thread in threads:
        thread.start()

    def go_on() -> None:
        before = [len(each.answered) for each in depositors]
        wait(
            lambda: all(
                len(each.answered) >= count + AFTER
                for each, count in zip(depositors, before, strict=True)
            )
        )

    def gap(since: float) -> float:
        times = sorted(at for each in depositors for at, _, _ in each.answered if at >= since)
        return max(b - a for a, b in zip([since, *times], [*times, time.monotonic()], strict=True))

    try:
        go_on()
        for _ in range(rounds):
            since = time.monotonic()
            for what, mend in events(cluster):
                go_on()
                longest = gap(since)
                with capsys.disabled():
                    print(f"\n{what}: nobody was answered for {longest:.1f} s", end="")  # noqa: T201
                mend()
                wait(lambda: is_whole(cluster), 180)
                go_on()
                since = time.monotonic()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert [each.refused for each in depositors] == [[]] * DEPOSITORS
    assert [each.stop("notary") for each in cluster.machines] == [0, 0, 0]
    answered = [(each[1], each[2]) for one in depositors for each in one.answered]
    require_all(cluster, tmp_path, answered)
    with capsys.disabled():
        print(f"\n{len(answered)} deposits were answered, and each of them is in the ledger once")  # noqa: T201


def require_all(cluster: Cluster, folder: Path, answered: list[tuple[bytes, bytes]]) -> None:
    """Require what was answered, a sound ledger, and an auditor who finds nothing."""
    directory = Path(cluster.machines[2].environment["SEALBOOK_NOTARY_DIR"])
    with open_notary(directory) as notary:
        trust = parse_trust(notary.trust)
        size = notary.sequencer.last.size
        entries = [parse_statement(each.statement) for each in notary._store.read(0, size)]
    places = {each.encoded: at for at, each in enumerate(entries) if each.kind == DEPOSIT}
    assert len(places) == sum(each.kind == DEPOSIT for each in entries) == len(answered)
    for statement, receipt in answered:
        assert verify_receipt(receipt, trust).statement.encoded == statement
        assert parse_receipt(receipt).position.index == places[statement]
    assert fsck(directory, ciphertext=True) == ()
    bucket = open_bucket(cluster.objects)
    for key, _ in bucket.under("log/"):
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        data = bucket.read(key)
        assert data is not None
        path.write_bytes(data)
    audited = Audit(Folder(folder / "log"), trust, save=lambda _: None).run()
    assert audited.size == size and audited.entries
