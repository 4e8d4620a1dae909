"""Start-up and verification: `sealbook --help`, `sealbook verify` cold, the core warm."""

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from bench.row import Row, interleaved
from ledger.chain.trust import format_trust
from ledger.verify import verify_receipt
from tests.simulator import Office

ROUNDS = 15
SEALBOOK = str(Path(sys.executable).with_name("sealbook"))


def rows() -> Iterator[Row]:
    """Yield the figures."""
    office = Office()
    receipt, trust = office.receipt(), office.trust()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.receipt").write_bytes(receipt)
        (Path(folder) / "a.trust").write_bytes(format_trust(trust))
        command = (SEALBOOK, "verify", f"{folder}/a.receipt", "--trust", f"{folder}/a.trust")
        bare, help_, verify = interleaved(
            ROUNDS,
            (
                _process(sys.executable, "-c", "pass"),
                _process(SEALBOOK, "--help"),
                _process(*command),
            ),
        )
    python = f"bare Python {_ms(bare)}"
    yield _start("`sealbook --help`, cold process", help_, python, 0.100)
    yield _start("`sealbook verify` of one receipt, cold process", verify, python, 0.250)

    def core() -> float:
        start = perf_counter()
        for _ in range(100):
            verify_receipt(receipt, trust)
        return (perf_counter() - start) / 100

    (warm,) = interleaved(ROUNDS, (core,))
    yield _start("`verify_receipt`, warm", warm, "", 0.0015)


def _process(*command: str) -> Callable[[], float]:
    def run() -> float:
        start = perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return perf_counter() - start

    return run


def _ms(times: tuple[float, ...]) -> str:
    return f"{statistics.median(times) * 1e3:.3g} ms"


def _start(figure: str, times: tuple[float, ...], limit: str, gate: float) -> Row:
    missed = statistics.median(times) > gate
    return Row(figure, _ms(times), limit, "", f"under {gate * 1e3:g} ms", missed)
