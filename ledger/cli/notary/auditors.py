"""`sealbook notary auditor add | list | remove`: who may read the entries."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import directory_option
from ledger.cli.speech import _, told
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.notary.storage.office import OfficeDatabase


@click.group()
def auditor() -> None:
    """Say who may read the entries of the ledger.

    The tree, the blocks and the timestamps are for everybody. The entries name who deposited when;
    an admitted auditor reads them with a credential and checks the signature of each.

    \b
    Examples:
      sealbook notary auditor add "Audit Ltd" -o audit.credential
      sealbook notary auditor list
    """


@auditor.command(
    epilog="""\b
Example:
  sealbook notary auditor add "Audit Ltd" -o audit.credential
"""
)
@click.argument("name")
@click.option("-o", "--output", type=shell.FILE, required=True, help="The credential's file.")
@directory_option
@shell.json_option
def add(name: str, output: Path, directory: Path, as_json: bool) -> None:
    """Admit an auditor and write his credential.

    The file is all that it takes to read the entries; hand it over as you would a key. The notary
    keeps only a hash of it.
    """
    from ledger.disk.outputs import write_new
    from ledger.notary.auditors import admit, dismiss

    with _office(directory) as office:
        credential = admit(office, name, int(time.time()), os.urandom)
        try:
            write_new(output, f"{credential}\n".encode())
        except BaseException:
            dismiss(office, name)
            raise
    shell.emit(
        as_json,
        {"name": name, "file": str(output.absolute())},
        told(f"Written\n{text.foreign(output, 2)}"),
    )


@auditor.command(
    "list",
    epilog="""\b
Example:
  sealbook notary auditor list
""",
)
@directory_option
@shell.json_option
def list_(directory: Path, as_json: bool) -> None:
    """List who may read the entries."""
    from ledger.cli.table import labelled

    with _office(directory) as office:
        found = office.auditors()
    shell.emit(
        as_json,
        {"auditors": [{"name": each.name, "admitted": each.admitted} for each in found]},
        "\n".join(labelled([(text.when(each.admitted), quoted(each.name)) for each in found]))
        or _("Nobody may read the entries."),
    )


@auditor.command(
    epilog="""\b
Example:
  sealbook notary auditor remove "Audit Ltd"
"""
)
@click.argument("name")
@directory_option
@shell.json_option
def remove(name: str, directory: Path, as_json: bool) -> None:
    """Dismiss an auditor: the credential opens nothing from now on."""
    from ledger.notary.auditors import dismiss

    with _office(directory) as office:
        dismiss(office, name)
    shell.emit(
        as_json, {"name": name}, text.said(f"{quoted(name)} may read the entries no longer.")
    )


@contextmanager
def _office(directory: Path) -> "Iterator[OfficeDatabase]":
    from ledger.notary.storage.directory import read_settings
    from ledger.notary.storage.stores import open_office

    with open_office(directory, read_settings(directory)) as office:
        yield office
