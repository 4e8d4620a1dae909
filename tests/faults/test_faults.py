"""Rounds in which one thing fails, drawn from a seed: kills, power cuts, errors of disk, database and
object store, clocks that jump, two that write, one that hangs.

    make soak                                                    # 200 rounds for each engine
    SEALBOOK_SOAK_SEED=17 SEALBOOK_SOAK_ROUNDS=1 make soak       # that one again

Each round works on a ledger of its own. After it nothing that was answered is lost, everything that was
asked can be sent again and is entered once, `fsck` finds no error, and an auditor finds nothing.
"""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
import tomli_w

from ledger.auditor.audit import Audit
from ledger.auditor.sources import Folder
from ledger.chain.enrolment import IdentityRecord, format_request, verify_enrolment_request
from ledger.chain.receipt import parse_receipt
from ledger.chain.statement import DEPOSIT, parse_statement
from ledger.chain.trust import parse_trust
from ledger.encoding import parse_toml
from ledger.notary.care.fsck import fsck
from ledger.notary.notary import Notary, open_notary
from ledger.notary.storage.bucket import open_bucket
from ledger.notary.storage.directory import InUse, read_settings
from ledger.verify import verify_receipt
from tests.faults.child import CLOSED, DIED, KEY, asked, note, noted, send
from tests.faults.disk import without_power
from tests.faults.drawing import draw
from tests.notaries import NOW, ORIGIN, found
from tests.objects import ObjectServer
from tests.postgres import Postgres
from tests.processes import ROOT, Program

ENGINES = ("embedded", "postgres", "bucket")
BEFORE = 244
"""Deposits that are there before, in a bucket one: a tile becomes full on the way."""
ROUNDS = int(os.environ.get("SEALBOOK_SOAK_ROUNDS", "200"))
SEED = int(os.environ.get("SEALBOOK_SOAK_SEED") or secrets.randbelow(1 << 32))
SOME = (("embedded", 7), ("postgres", 24))
"""The rounds that every run of the tests plays: a power cut, and a COMMIT whose answer is lost."""
HANGS = 2.5


@dataclass
class Place:
    """Where a round happens."""

    work: Path
    engine: str
    database: str = ""

    @property
    def directory(self) -> Path:
        return self.work / "notary"


class Engines:
    """Makes places, each with a ledger of its own."""

    def __init__(self, folder: Path, postgres: Postgres, store: Callable[[], str]) -> None:
        self._folder = folder
        self._postgres = postgres
        self._store = store
        self._templates: dict[str, tuple[Path, str]] = {}

    def place(self, engine: str, seed: int) -> Place:
        work = self._folder / f"{engine}-{seed}"
        work.mkdir()
        if engine == "bucket":
            _, url = _found(work, engine, self._postgres.new(), self._store())
            return Place(work, engine, url)
        if engine not in self._templates:
            template = self._folder / engine
            template.mkdir()
            self._templates[engine] = _found(
                template, engine, self._postgres.new() if engine != "embedded" else ""
            )
        template, url = self._templates[engine]
        shutil.copytree(template, work, dirs_exist_ok=True)
        if engine == "embedded":
            return Place(work, engine)
        settings = work / "notary" / "notary.toml"
        url = self._postgres.new(url)
        settings.write_text(
            tomli_w.dumps(parse_toml(settings.read_bytes()) | {"database": _hostless(url)})
        )
        return Place(work, engine, url)


def _hostless(url: str) -> str:
    return url.partition("?")[0]


def _found(work: Path, engine: str, url: str, store: str = "") -> tuple[Path, str]:
    directory = found(work / "notary", database=_hostless(url) or None, objects=store or None)
    request = verify_enrolment_request(
        format_request(KEY, origin=ORIGIN, nonce=bytes(32), issued_at=NOW)
    )
    with open_notary(directory) as notary:
        record = IdentityRecord(b"s" * 32, "ACME 有限公司", "91310000", "clerk", NOW)
        account = notary.accounts.enrol(request, record).account
        batch = asked(account, Random(0), BEFORE if engine != "bucket" else 1)
        assert all(isinstance(each, bytes) for each in send(notary, account, batch))
    (work / "account").write_text(account)
    (work / "before").write_text(str(len(batch)))
    return work, url


def _deposit(work: Path, notary: Notary, account: str, rng: Random) -> None:
    """Deposit, as often as it takes."""
    left, end = asked(account, rng), time.monotonic() + 60
    for each in left:
        note(work / "asked", *each)
    while left:
        assert time.monotonic() < end
        batch, left = left, []
        for each, receipt in zip(batch, send(notary, account, batch), strict=True):
            if isinstance(receipt, bytes):
                note(work / "answers", each[0], receipt)
            else:
                left.append(each)


@pytest.fixture(scope="module")
def engines(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Engines]:
    """What rounds need. An object store is started where one is asked for."""
    if not postgres.ours:
        pytest.skip("what fails here is a server that belongs to the tests")

    def store() -> str:
        server = request.getfixturevalue("object_server")
        if not isinstance(server, ObjectServer):
            pytest.skip("what fails here is an object store that belongs to the tests")
        patch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        return f"s3://sealbook-test/{secrets.token_hex(8)}"

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGHOST", postgres.host)
        yield Engines(tmp_path_factory.mktemp("faults"), postgres, store)


@pytest.mark.parametrize(("engine", "seed"), SOME)
def test_a_round_loses_and_forks_nothing(engines: Engines, engine: str, seed: int) -> None:
    play(engines, engine, seed)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("engine", ENGINES)
def test_many_rounds_lose_and_fork_nothing(
    engines: Engines, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ends: Counter[str] = Counter()
    for seed in range(SEED, SEED + ROUNDS):
        try:
            ends[play(engines, engine, seed)] += 1
        except BaseException:
            with capsys.disabled():
                print(f"\nSEALBOOK_SOAK_SEED={seed}: {engine}, {draw(engine, Random(seed))}")  # noqa: T201
            raise
    with capsys.disabled():
        print(f"\n{ROUNDS} rounds, {engine}, from seed {SEED}: {dict(sorted(ends.items()))}")  # noqa: T201


def play(engines: Engines, engine: str, seed: int) -> str:
    """Play a round; return what failed, and how its process ended."""
    rng = Random(seed)
    fault = draw(engine, rng)
    place = engines.place(engine, seed)
    environment = os.environ | {"SEALBOOK_FAULTS_DATABASE": place.database}
    words = ["-m", "tests.faults.child", place.work, seed, engine]
    with Program(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        if fault.kind in ("killed", "hangs"):
            _wait_for(place.work / "serving")
            if fault.kind == "hangs":
                _overtake(place, process, fault.count / 1000)
            else:
                time.sleep(fault.count / 1000)
                process.kill()
        _, errors = process.communicate(timeout=300)
    assert process.returncode in (0, DIED, CLOSED, -signal.SIGKILL), (fault, errors)
    if (durable := place.work / "durable").exists():
        without_power(place.directory, durable, rng)
    require_sound(place)
    shutil.rmtree(place.work)
    ends = {0: "mended", DIED: "died", CLOSED: "not opened", -signal.SIGKILL: "killed"}
    return f"{fault.kind}, {ends[process.returncode]}"


def _overtake(place: Place, process: "subprocess.Popen[str]", after: float) -> None:
    """Have the process hang that writes, and another one write meanwhile."""
    with _opened(place.directory, serve=True) as notary:
        time.sleep(after)
        process.send_signal(signal.SIGSTOP)
        try:
            account, rng = (place.work / "account").read_text(), Random(str(place.work))
            end = time.monotonic() + HANGS
            while time.monotonic() < end or not notary.sequencer.leads:
                _deposit(place.work, notary, account, rng)
        finally:
            process.send_signal(signal.SIGCONT)


def require_sound(place: Place) -> None:
    """Require that nothing is lost, all of it is entered once, and fsck and auditor find nothing."""
    wanted, account = noted(place.work / "asked"), (place.work / "account").read_text()
    answers = noted(place.work / "answers")
    with _opened(place.directory) as notary:
        trust = parse_trust(notary.trust)
        for statement, receipt in answers:
            leaf = verify_receipt(receipt, trust).statement.leaf_hash
            assert notary.sequencer.receipt(leaf) == receipt
            assert parse_statement(statement).leaf_hash == leaf
        again = send(notary, account, [(statement, data) for statement, data in wanted])
        receipts = [each for each in again if isinstance(each, bytes)]
        assert len(receipts) == len(again)
        assert set(receipts) >= {receipt for _, receipt in answers}
        size = notary.sequencer.last.size
        entries = [parse_statement(each.statement) for each in notary._store.read(0, size)]
        assert len({parse_receipt(each).position.index for each in receipts}) == len(wanted)
        before = int((place.work / "before").read_text())
        assert sum(each.kind == DEPOSIT for each in entries) == before + len(wanted)
    assert [each for each in fsck(place.directory, ciphertext=True) if each.level == "error"] == []
    audited = Audit(Folder(_log(place)), trust, save=lambda _: None).run()
    assert audited.size == size and audited.entries


def _log(place: Place) -> Path:
    """Return the log as a folder."""
    url = read_settings(place.directory).objects
    if url is None:
        return place.directory / "log"
    bucket = open_bucket(url)
    for key, _ in bucket.under("log/"):
        path, data = place.work / "copy" / key, bucket.read(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        assert data is not None
        path.write_bytes(data)
    return place.work / "copy" / "log"


def _opened(directory: Path, *, serve: bool = False) -> Notary:
    """Open a notary; a server may notice late that the one before is gone."""
    end = time.monotonic() + 30
    while True:
        try:
            return open_notary(directory, serve=serve)
        except InUse:
            assert time.monotonic() < end
            time.sleep(0.1)


def _wait_for(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
