"""How long a receipt takes under load: deposits at a fixed rate, whether answers come or not.

The rate that the service can keep is measured first, with 64 connections that send the next statement
as soon as they have a receipt; then half of it and nine tenths of it are sent as they are due. A time
is from when the statement was due to its receipt, so it holds the waiting for a block and HTTP as well.
What is promised is less, from the block's closing to its last receipt, which the service counts itself:
the first of its bounds that 99 of 100 blocks kept, all rounds together with the measuring of the rate.
"""

import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.load import write_requests
from bench.row import Row
from bench.service import CONNECTIONS, SERVICE, SINGLES, Depositor, post, running
from ledger.wire.protocol import COSE
from tests.objects import free_ports

SECONDS = 10
"""At each rate, in each round."""
ROUNDS = 3
GATES = ((0.5, 0.3), (0.9, 1.0))
"""Part of the saturation, and the seconds from a block's closing to its receipts, for 99 of 100."""


def rows() -> Iterator[Row]:
    """Yield the figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        depositor = Depositor(folder / "notary")
        (metrics,) = free_ports(1)
        port = stack.enter_context(running(SERVICE, folder / "notary", metrics))

        def load(how: str, count: int) -> list[float]:
            statements = depositor.statements(count)
            write_requests(folder / "requests", [post("/statements", COSE, s) for s in statements])
            command = [sys.executable, "-m", "bench.load", str(port), how]
            done = subprocess.run(
                [*command, str(folder / "requests")], capture_output=True, text=True, check=True
            )
            return [float(each) for each in done.stdout.split()]

        def saturation() -> float:
            return SINGLES / load(str(CONNECTIONS), SINGLES)[0]

        saturation()
        for part, gate in GATES:
            rates, shares = [], []
            before = _closed(metrics)
            for _ in range(ROUNDS):
                rate = part * saturation()
                taken = load(f"{rate}/s", int(rate * SECONDS))
                rates.append(rate)
                shares.append(statistics.quantiles(taken, n=100))
            middle, late = (statistics.median(each[at] for each in shares) for at in (49, 98))
            yield Row(
                f"one a request at {part:.0%} of saturation, {statistics.median(rates):,.0f}/s: "
                "due to receipt",
                f"p50 {middle * 1000:.0f} ms, p99 {late * 1000:.0f} ms",
            )
            blocks = [
                b - a for a, b in zip(before.values(), _closed(metrics).values(), strict=True)
            ]
            kept = zip(before, blocks, strict=True)
            bound = next(each for each, count in kept if count >= 0.99 * blocks[-1])
            yield Row(
                f"the same, from a block's closing to its last receipt, {blocks[-1]:,.0f} blocks",
                f"p99 at most {bound * 1000:.0f} ms",
                gate=f"p99 at most {gate * 1000:.0f} ms",
                missed=bound > gate,
            )


def _closed(port: int) -> dict[float, float]:
    """Return how many blocks were answered within each bound, seconds, since the start."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    name = "sealbook_block_to_receipt_seconds_bucket"
    return {float(le): float(n) for le, n in re.findall(rf'{name}{{le="([^"]+)"}} (\S+)', text)}
