"""`sealbook notary`: the group, its directory, and its books when the service does not run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell

if TYPE_CHECKING:
    from ledger.notary.storage.checkpoints import CheckpointDatabase
    from ledger.notary.storage.ledger_database import LedgerDatabase


DIRECTORY_VARIABLE = "SEALBOOK_NOTARY_DIR"


def directory_option(function: shell.F) -> shell.F:
    """Add --dir."""
    return click.option(
        "--dir",
        "directory",
        type=shell.FILE,
        envvar=DIRECTORY_VARIABLE,
        default=Path(),
        callback=lambda _context, _option, path: path.resolve(),
        help=f"The notary's directory. Default: {DIRECTORY_VARIABLE}, or here.",
    )(function)


@click.group()
def notary() -> None:
    """Run and look after a notary.

    \b
    Examples:
      sealbook notary init --origin notary.example/ledger --dir /srv/notary
      sealbook notary serve --dir /srv/notary
      sealbook notary check contract.pdf.receipt --dir /srv/notary
    """


@contextmanager
def books(directory: Path) -> "Iterator[tuple[LedgerDatabase, CheckpointDatabase]]":
    """Yield the ledger's two databases for reading, also beside a running service."""
    from ledger.notary.storage import directory as place
    from ledger.notary.storage.checkpoints import CheckpointDatabase
    from ledger.notary.storage.ledger_database import LedgerDatabase

    place.read_settings(directory)
    store = LedgerDatabase(directory / place.LEDGER)
    try:
        signed = CheckpointDatabase(directory / place.CHECKPOINTS)
        try:
            yield store, signed
        finally:
            signed.close()
    finally:
        store.close()
