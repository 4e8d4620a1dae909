"""`sealbook notary migrate`."""

from collections.abc import Callable
from pathlib import Path

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import directory_option
from ledger.cli.speech import told
from ledger.errors import InvalidInput

_HERE = "none"


@click.command(
    epilog="""\b
Example:
  sealbook notary migrate --database postgresql://sealbook@db.example/ledger
"""
)
@click.option("--database", metavar="URL", help="For the rows: postgresql://..., or none.")
@click.option("--objects", metavar="URL", help="For the files: s3://..., or none.")
@directory_option
@shell.json_option
def migrate(database: str | None, objects: str | None, directory: Path, as_json: bool) -> None:
    """Move the ledger to PostgreSQL or a bucket, or back.

    `none` is the directory itself; what is not named stays where it is. Stop every process of the
    notary first. Everything is copied and checked before notary.toml names the new place. Give the
    command again if it was cut short: it goes on. Nothing is deleted.
    """
    from ledger.notary.care.migrating import migrate as run
    from ledger.notary.storage import directory as place

    if database is None and objects is None:
        raise InvalidInput("Say where the ledger is to go: --database or --objects.")
    settings = place.read_settings_of_any(directory)
    with (
        shell.Progress("entries copied and checked", 0, bytes_=False, passes=2) as rows,
        shell.Progress("files copied and checked", 0, passes=2) as files,
    ):
        moved = run(
            directory,
            database=_chosen(database, settings.database, place.parse_database),
            objects=_chosen(objects, settings.objects, place.parse_objects),
            rows_progress=rows,
            files_progress=files,
        )
    lines = []
    if moved.size is not None:
        lines.append(
            told(f"{moved.size} entries were moved; their root is the one that was signed.")
        )
    if moved.files is not None:
        lines.append(told(f"{moved.files} files were moved, and compared."))
    if moved.missing:
        lines.append(
            told(
                f"{moved.missing} deposits name age files that were missing before: `sealbook notary "
                "fsck` names them. Restore them from a backup of `objects`."
            )
        )
    lines += [
        told(
            "notary.toml names the new place. The old one stays as it was, and is refused from now on. "
            "Keep it until the first backup of the new one, then remove it:"
        ),
        *(text.foreign(each, 4) for each in moved.left),
        told(
            "Never start a copy of this notary that was made before: it would fork the ledger. Orders "
            "that waited and uploads under way were left out."
        ),
    ]
    value = {
        "entries": moved.size,
        "files": moved.files,
        "missing": moved.missing,
        "left": list(moved.left),
    }
    shell.emit(as_json, value, "\n".join(lines))


def _chosen(
    given: str | None, now: str | None, parse: Callable[[object], str | None]
) -> str | None:
    return now if given is None else parse(None if given == _HERE else given)
