"""A check of a whole ledger, beside Ed25519's limit: what all cores could verify of its signatures.

Entries are deposits with signatures of their own and age files that many of them share, in blocks of
256; so the disk's part, which grows with the files, is small here.

    python -m bench.fsck [ENTRIES]
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.row import Row, interleaved, ratio
from bench.sequencer import CORES, verified
from ledger.chain.statement import parse_statement
from ledger.notary.care.fsck import fsck
from tests.notaries import Company, examined, found, opened

ENTRIES = 50_000
BLOCK = 256
COMPANIES = 16
ROUNDS = 5
GATE = 60.0
"""Seconds for a million entries, on two cores that verify `QUIET` signatures a second."""
QUIET = 36_000


def rows(entries: int = ENTRIES) -> Iterator[Row]:
    """Yield the figures."""
    with tempfile.TemporaryDirectory() as folder:
        directory = found(Path(folder) / "notary")
        with opened(directory) as notary:
            companies = [Company().enrol(notary) for _ in range(COMPANIES)]
            with notary.sequencer.paused():
                for block in range(entries // BLOCK):
                    made = companies[block % COMPANIES].statements(BLOCK - 1)
                    notary._writer.write([parse_statement(each) for each in made])
                notary._writer.publish()
        examined(directory)

        def check() -> float:
            start = time.perf_counter()
            assert fsck(directory) == ()
            return entries / (time.perf_counter() - start)

        with ProcessPoolExecutor(CORES) as pool:
            rates, limits = interleaved(
                ROUNDS, (check, lambda: sum(pool.map(verified, range(CORES))))
            )
    share, least = ratio(rates, limits), 1e6 / GATE / QUIET
    yield Row(
        f"fsck of {entries:,} entries",
        f"{sorted(rates)[ROUNDS // 2]:,.0f} entries/s",
        f"{sorted(limits)[ROUNDS // 2]:,.0f} Ed25519 verifications/s on {CORES} cores",
        f"{share:.2f}; at {QUIET:,} a million takes {1e6 / share / QUIET:.0f} s",
        f"at least {least:.2f}: {GATE:.0f} s",
        share < least,
    )


if __name__ == "__main__":
    for row in rows(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES):
        print(row.markdown(), flush=True)
