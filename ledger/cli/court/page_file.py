"""`sealbook page`, for anyone: the verifier page as a file to hand on."""

from hashlib import sha256
from pathlib import Path

import click

from ledger.cli import shell, text
from ledger.quoted import quoted


@click.command(
    epilog="""\b
Example:
  sealbook page -o verifier.html
"""
)
@click.option("-o", "--output", type=shell.FILE, required=True, help="Where to write the page.")
@shell.json_option
def page(output: Path, as_json: bool) -> None:
    """Write the verifier page: one HTML file that a browser opens, without a network.

    It checks receipts and evidence files as `sealbook verify` does, with code of its own, and sends
    nothing. Its SHA-256 is printed: compare it with the release notes before handing the page on.
    """
    from ledger.court.page import verifier_page
    from ledger.disk.outputs import write_new

    data = verifier_page()
    write_new(output, data)
    digest = sha256(data).hexdigest()
    shell.emit(
        as_json,
        {"file": str(output), "sha256": digest, "size": len(data)},
        f"{text.said(f'Written: {quoted(output)}')}\nSHA-256: {digest}",
    )
