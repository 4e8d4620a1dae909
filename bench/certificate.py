"""Certificates: one from a cold process, and each of a thousand, signed for the long term.

The authority is OpenSSL's, a process for each token, one after the other; its share is in the figures.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.row import Row
from tests.certifying.conftest import Office, found_office
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
        taken = [_issued(office, folder / f"cold-{n}", 1) for n in range(COLD)]
        cold, busy = (median(each) for each in zip(*taken, strict=True))
        yield Row(
            "`notary certificate`, PAdES-B-LTA, cold process",
            f"{cold:.2f} s",
            f"its processor time {busy:.2f} s",
            gate=f"at most {COLD_GATE} s",
            missed=cold > COLD_GATE,
        )
        asked = tsa.requests
        each, busy = (seconds / MANY for seconds in _issued(office, folder / "many", MANY))
        yield Row(
            f"the same, each of {MANY:,} in one command",
            f"{each * 1e3:.0f} ms",
            f"its processor time {busy * 1e3:.0f} ms; {(tsa.requests - asked) / MANY:.1f} tokens each",
            gate=f"at most {EACH_GATE * 1e3:.0f} ms",
            missed=each > EACH_GATE,
        )


def _issued(office: Office, folder: Path, count: int) -> tuple[float, float]:
    """Return the seconds of a command that issues this many certificates, and its processor seconds."""
    folder.mkdir()
    receipts = [folder / f"{number:04}.receipt" for number in range(count)]
    for each in receipts:
        each.write_bytes(office.stamped)
    command = [SEALBOOK, "notary", "certificate", *receipts, "--officer", "王小明"]
    start = perf_counter()
    with subprocess.Popen(
        [*command, "--dir", office.directory, "-o", folder / "out"], stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return perf_counter() - start, used.ru_utime + used.ru_stime
