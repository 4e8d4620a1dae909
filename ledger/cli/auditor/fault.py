"""`sealbook fault`: check what a ledger is accused of."""

from pathlib import Path

import click

from ledger.cli import shell, text
from ledger.quoted import quoted


@click.command(
    epilog="""\b
Example:
  sealbook fault ledger.fault --trust office.trust
"""
)
@click.argument("file", type=shell.FILE)
@click.option("--trust", "trust_file", type=shell.FILE, required=True, help="The trust file.")
@shell.json_option
def fault(file: Path, trust_file: Path, as_json: bool) -> None:
    """Check a *.fault file: what has this ledger signed that no honest one signs?

    It needs the trust file, and nothing else. Exit code 0 where the fault is proven, 1 where it is not.
    A proven fault shows that whoever holds the ledger's keys has signed both things, not who that was.
    """
    from ledger.chain.fault.file import MAX_FAULT, parse_fault
    from ledger.chain.fault.verifying import verify_fault

    trust, _ = shell.read_trust(trust_file)
    data = shell.read_limited(file, MAX_FAULT, "a fault file")
    with shell.about(file):
        proven = verify_fault(parse_fault(data), trust)
    shell.emit(
        as_json,
        {
            "proven": True,
            "kind": proven.kind,
            "origin": trust.origin,
            "sentence": str(proven.sentence),
        },
        text.said(
            f"Proven: the ledger {quoted(trust.origin)} is at fault ({proven.kind}); "
            f"{proven.sentence}. Whoever holds its keys has signed this."
        ),
    )
