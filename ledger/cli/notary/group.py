"""`sealbook notary`: the group, its directory, and its books when the service does not run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell
from ledger.cli.speech import _

if TYPE_CHECKING:
    from ledger.notary.storage.checkpoints import CheckpointDatabase
    from ledger.notary.storage.ledger_database import LedgerDatabase


_LONGEST = 200
"""Characters of a line that says what a command does."""

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


class _Whole(click.Group):
    """A group that cuts no line of its commands short."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [
            (name, command.get_short_help_str(_LONGEST))
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) is not None
        ]
        with formatter.section(_("Commands")):
            formatter.write_dl(rows)


@click.group(cls=_Whole)
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
    from ledger.notary.storage.directory import read_settings
    from ledger.notary.storage.stores import open_books

    with open_books(directory, read_settings(directory)) as found:
        yield found
