"""The command line. Nothing heavy is imported until a command needs it."""

import atexit
import gc

_COLLECT = (200_000, 20, 50)
"""Garbage is looked for seldom: what a command reads and imports mostly stays until it ends."""


def collect_seldom() -> None:
    """Look for garbage seldom, and not at the end: the memory goes with the process."""
    gc.set_threshold(*_COLLECT)
    atexit.register(gc.freeze)


def main() -> None:
    """Run `sealbook` with the process's arguments and exit."""
    collect_seldom()
    from ledger.cli.root import cli

    cli(prog_name="sealbook")
