"""Certificates: one from a cold process, and each of a thousand, signed for the long term.

The authority is OpenSSL's, a process for each token, one after the other, on the same cores: its share
is in the figures, and given apart. Modules are compiled before, as an installation has them.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, time

from bench.installed import installed
from bench.row import Row
from ledger.chain.receipt import parse_receipt
from ledger.crypto.merkle import leaf_hash
from tests.certifying.conftest import Office, found_office
from tests.crash_child import wait_stamped
from tests.notaries import Company, deposit
from tests.tsa import started

SEALBOOK = str(Path(sys.executable).with_name("sealbook"))
COLD, MANY = 5, 1_000
COLD_GATE, EACH_GATE = 1.5, 0.05
"""Seconds."""


def rows() -> Iterator[Row]:
    """Yield the figures."""
    with tempfile.TemporaryDirectory() as name, started(Path(name) / "tsa") as tsa:
        folder = Path(name)
        office = found_office(folder / "notary", tsa)
        tsa.files = dict(zip(("/issuer.crl", "/root.crl"), tsa.revocation_lists(), strict=True))
        receipts = _deposited(office, MANY)
        _issued(office, folder / "compiled", receipts[:1])
        taken = [_issued(office, folder / f"cold-{n}", receipts[:1]) for n in range(COLD)]
        cold, busy, authority = (median(each) for each in zip(*taken, strict=True))
        yield Row(
            "`notary certificate`, PAdES-B-LTA, cold process",
            f"{cold:.2f} s",
            f"its processor time {busy:.2f} s, the authority's {authority:.2f} s",
            gate=f"at most {COLD_GATE} s",
            missed=cold > COLD_GATE,
        )
        asked = tsa.requests
        taken = _issued(office, folder / "many", receipts)
        each, busy, authority = (seconds / MANY for seconds in taken)
        yield Row(
            f"the same, each of {MANY:,} in one command",
            f"{each * 1e3:.0f} ms",
            f"its processor time {busy * 1e3:.0f} ms, the authority's {authority * 1e3:.0f} ms for "
            f"{(tsa.requests - asked) / MANY:.1f} tokens",
            gate=f"at most {EACH_GATE * 1e3:.0f} ms",
            missed=each > EACH_GATE,
        )


def _deposited(office: Office, count: int) -> list[bytes]:
    """Return the final receipts of this many deposits of a company."""
    with office.open() as notary:
        company = Company().enrol(notary)
        statements = [company.statement(time=int(time())) for _ in range(count)]
        last = deposit(notary, statements)[-1]
        wait_stamped(notary, parse_receipt(last).position.index)
        found = [notary._receipts.find(leaf_hash(each)) for each in statements]
    return [each for each in found if each is not None]


def _issued(office: Office, folder: Path, receipts: Sequence[bytes]) -> tuple[float, float, float]:
    """Return the seconds of a command that issues certificates, its and the authority's processor's."""
    folder.mkdir()
    paths = [folder / f"{number:04}.receipt" for number in range(len(receipts))]
    for path, data in zip(paths, receipts, strict=True):
        path.write_bytes(data)
    command = [SEALBOOK, "notary", "certificate", *paths, "--officer", "王小明"]
    environment = installed(office.directory.with_name("compiled-modules"))
    before, start = _processor(), perf_counter()
    with subprocess.Popen(
        [*command, "--dir", office.directory, "-o", folder / "out"],
        stdout=subprocess.DEVNULL,
        env=environment,
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    taken = perf_counter() - start
    assert process.returncode == 0
    own = used.ru_utime + used.ru_stime
    return taken, own, _processor() - before - own


def _processor() -> float:
    """Return the processor seconds of this process, which is the authority's, and its children."""
    return sum(os.times()[:4])
