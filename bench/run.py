"""`make bench`: every figure that the project promises, as ratios taken in one interleaved run.

Each module of this folder has `rows() -> Iterator[Row]`. Machines are shared and noisy, so a figure is
compared with a limit that was measured between its own repetitions, never with another day's number.

    python -m bench.run [sealing] [disclosure] [verify] [sequencer] [fsck] [service] [pace] [hostile]
                        [realtime] [mail] [finding] [audit] [trust] [page] [portal] [certificate]
                        [engines] [packing]
"""

import argparse
import importlib
import os
import platform
import sys
from datetime import UTC, datetime

MODULES = (
    "sealing", "disclosure", "verify", "sequencer", "fsck", "service", "pace", "hostile", "realtime",
    "mail", "finding", "audit", "trust", "page", "portal", "certificate",
    "engines", "packing",
)  # fmt: skip


def main() -> int:
    """Print the table; exit 1 when a gate is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*")
    chosen = parser.parse_args().modules or MODULES
    print(f"{datetime.now(UTC):%Y-%m-%d} · {_machine()} · Python {platform.python_version()}\n")
    print("| figure | measured | machine's limit | ratio | gate |")
    print("|---|---|---|---|---|")
    missed = 0
    for name in chosen:
        for row in importlib.import_module(f"bench.{name}").rows():
            print(row.markdown(), flush=True)
            missed += row.missed
    return 1 if missed else 0


def _machine() -> str:
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as info:
            model = next(line.split(":")[1].strip() for line in info if "model name" in line)
    except (OSError, StopIteration):
        print("the processor's model is not known here", file=sys.stderr)
    return f"{os.cpu_count()} cores, {model}"


if __name__ == "__main__":
    sys.exit(main())
