"""The sequencer: cost of a deposit as the ledger grows, and its rate beside Ed25519's limit.

*Flatness*: a ledger is filled to 10^3, 10^4, 10^5, 10^6 entries; at each size some blocks of 256
deposits go the whole way (admission, block, signatures, files, receipts). A second notary that stays at
10^3 entries works in turn with the growing one, so that what else the machine does falls on both; the
ratio of the two is taken of CPU time.

*Rate*: in-process, submitted in batches of 256, beside what all cores could verify of Ed25519 if they
did nothing else.

*Start*: the service's modules are loaded and the grown ledger is opened, in a process of its own as
`sealbook` starts it; modules are compiled before, as an installation has them.

*Doubts*: what a block costs because the notary verifies a receipt of it, keeps a copy of its
checkpoint, and looks at its clock and its files.

    python -m bench.sequencer [LARGEST]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from bench.installed import installed
from bench.row import Row, interleaved, ratio
from ledger.chain import statement as st
from ledger.chain.statement import Statement, parse_statement
from ledger.crypto.keys import SigningKey, verify_ed25519
from ledger.crypto.merkle import leaf_hash
from ledger.notary.notary import Notary
from ledger.notary.storage.signedlog import SignedLog
from tests.notaries import Company, deposit, found, opened

CORES = os.cpu_count() or 1
BATCH = 256
ROUNDS = 12
RATE_ROUNDS = 5
RATE_BATCHES = 24
FILL = 4_096
DOUBTS = 200
SMALLEST, LARGEST = 1_000, 1_000_000
FLAT = 1.2
"""Gate: a deposit into a ledger of any size costs at most this beside one into the smallest."""
STARTED, RESIDENT = 2.0, 120
"""Gates: seconds from nothing to a notary that takes deposits, and the MiB that it then holds."""
RATE = 0.25
"""Gate: deposits for each signature that all cores could verify."""
VERIFY_SECONDS = 1.0
STARTS = 3
START = """
from ledger.cli import collect_seldom
collect_seldom()
import sys
from pathlib import Path
import api.server
from tests.notaries import opened
with opened(Path(sys.argv[1])):
    status = Path("/proc/self/status").read_text()
    print(status.partition("VmRSS:")[2].split()[0], flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds for one deposit."""

    cpu: float
    wall: float


def rows(largest: int = LARGEST) -> Iterator[Row]:
    """Yield the figures."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _flatness(Path(folder), largest)
        yield _rate(Path(folder))
        yield from _doubts(Path(folder))


def _doubts(work: Path) -> Iterator[Row]:
    with opened(found(work / "doubts")) as notary:
        (receipt,) = deposit(notary, [Company().enrol(notary).statement()])
        last, copies = notary.sequencer.last, SignedLog(work / "copies")
        heights = iter(range(DOUBTS))
        for name, step in (
            ("its receipt verified", lambda: notary._verify(receipt)),
            ("its checkpoint copied", lambda: copies.append(replace(last, height=next(heights)))),
            ("clock and files looked at", notary.look),
        ):
            cost = _each(step)
            yield Row(
                f"a block's doubts: {name}",
                f"{cost.cpu * 1e6:.0f} µs CPU, {cost.wall * 1e6:.0f} µs",
            )


def _each(step: Callable[[], object]) -> Cost:
    """Return the median cost of a step."""
    taken = []
    for _ in range(DOUBTS):
        cpu, wall = time.thread_time(), time.perf_counter()
        step()
        taken.append((time.thread_time() - cpu, time.perf_counter() - wall))
    return Cost(statistics.median(c for c, _ in taken), statistics.median(w for _, w in taken))


def _flatness(work: Path, largest: int) -> Iterator[Row]:
    with opened(found(work / "small")) as small, opened(found(work / "grown")) as grown:
        one, other = Company().enrol(small), Company().enrol(grown)
        sample = parse_statement(other.statement())
        _grow(small, SMALLEST, sample)
        size, before = SMALLEST, 0.0
        while size <= largest:
            _grow(grown, size, sample)
            reference, costs = [], []
            for _ in range(ROUNDS):
                reference.append(_deposit(small, one))
                costs.append(_deposit(grown, other))
            found_ratio = ratio([c.cpu for c in costs], [c.cpu for c in reference])
            cpu, wall = (
                statistics.median(getattr(c, name) for c in costs) for name in ("cpu", "wall")
            )
            decade = f"; {found_ratio / before:.2f} beside the size before" if before else ""
            yield Row(
                f"deposit into a ledger of {size:,} entries",
                f"{cpu * 1e6:.0f} µs CPU, {wall * 1e6:.0f} µs",
                f"{SMALLEST:,} entries in turn",
                f"{found_ratio:.2f}{decade}",
                f"at most {FLAT}",
                found_ratio > FLAT,
            )
            before, size = found_ratio, size * 10
    yield from _start(work / "grown", size // 10)


def _start(directory: Path, size: int) -> Iterator[Row]:
    _started(directory)
    taken = [_started(directory) for _ in range(STARTS)]
    seconds, resident = (statistics.median(each) for each in zip(*taken, strict=True))
    yield Row(
        f"start with {size:,} entries",
        f"{seconds:.1f} s, {resident:.0f} MiB",
        gate=f"at most {STARTED:.0f} s and {RESIDENT} MiB",
        missed=seconds > STARTED or resident > RESIDENT,
    )


def _started(directory: Path) -> tuple[float, int]:
    """Return the seconds of a start, and the MiB that are then resident."""
    environment = installed(directory.with_name("compiled-modules"))
    started = time.perf_counter()
    command = [sys.executable, "-c", START, str(directory)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdin and process.stdout
        resident = int(process.stdout.readline()) >> 10
        seconds = time.perf_counter() - started
        process.stdin.close()
    return seconds, resident


def _rate(work: Path) -> Row:
    with (
        ProcessPoolExecutor(CORES) as pool,
        opened(found(work / "rate"), window=0.02, workers=1) as notary,
    ):
        company = Company().enrol(notary)
        _deposit(notary, company)
        rates, limits = interleaved(
            RATE_ROUNDS,
            (
                lambda: 1 / _deposit(notary, company, RATE_BATCHES).wall,
                lambda: sum(pool.map(verified, range(CORES))),
            ),
        )
    share = ratio(rates, limits)
    return Row(
        f"sequencer in process, batches of {BATCH}",
        f"{statistics.median(rates):,.0f} deposits/s",
        f"{statistics.median(limits):,.0f} Ed25519 verifications/s on {CORES} cores",
        f"{share:.2f}",
        f"at least {RATE}",
        share < RATE,
    )


def _grow(notary: Notary, size: int, sample: Statement) -> None:
    """Fill a ledger by blocks of entries that nobody signed: they only make it large."""
    writer = notary._writer
    length = len(sample.encoded)
    with notary.sequencer.paused():
        while (left := size - writer.tree.size) > 1:
            writer.write(
                [
                    Statement(
                        data,
                        st.DEPOSIT,
                        "0" * 32,
                        "",
                        0,
                        bytes(32),
                        {},
                        sample.message,
                        leaf_hash(data),
                    )
                    for data in (os.urandom(length) for _ in range(min(FILL, left - 1)))
                ]
            )
        writer.publish()


def _deposit(notary: Notary, company: Company, batches: int = 1) -> Cost:
    """Deposit, wait for the receipts, return what one took."""
    statements = company.statements(BATCH * batches)
    cpu, wall = time.process_time(), time.perf_counter()
    deposit(notary, statements)
    count = len(statements)
    return Cost((time.process_time() - cpu) / count, (time.perf_counter() - wall) / count)


def verified(_: int) -> float:
    """Return how many signatures one process verifies in a second."""
    key, message = SigningKey(bytes(32)), bytes(400)
    signature = key.sign(message)
    count, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < VERIFY_SECONDS:
        for _ in range(100):
            verify_ed25519(key.public, message, signature)
        count += 100
    return count / seconds


if __name__ == "__main__":
    for row in rows(int(sys.argv[1]) if len(sys.argv) > 1 else LARGEST):
        print(row.markdown(), flush=True)
