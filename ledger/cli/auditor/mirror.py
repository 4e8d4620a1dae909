"""`sealbook mirror`: show others a ledger whose notary may be gone."""

from pathlib import Path

import click

from ledger.cli import shell


@click.group()
def mirror() -> None:
    """Show others a mirror that `sealbook audit --mirror` keeps.

    \b
    Example:
      sealbook mirror serve mirror/
    """


@mirror.command(
    epilog="""\b
Example:
  sealbook mirror serve mirror/ --listen 127.0.0.1:8600
"""
)
@click.argument("directory", type=shell.FILE)
@shell.listen_option(8600)
def serve(directory: Path, listen: str) -> None:
    """Serve a mirror under the paths of the notary: tree, blocks and anchors.

    Entries are not served, also where the mirror has them.
    """
    from ledger.auditor.serving import MirrorServer

    with MirrorServer(shell.listening_at(listen), directory) as server:
        shell.serve(server)
