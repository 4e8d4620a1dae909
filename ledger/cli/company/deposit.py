"""A company's working day: deposit, list, show, open, receipt."""

import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell
from ledger.cli.company import own
from ledger.cli.company.sending import (
    Report,
    send,
)
from ledger.cli.speech import _, told
from ledger.errors import SealbookError
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.sending.spool import Wishes
    from ledger.company.vault.stored import StoredDeposit
    from ledger.company.vault.vault import Vault
    from ledger.evidence.records import Record


@click.command(
    epilog="""\b
Examples:
  sealbook deposit contract.pdf annexes/ --matter "Nanjing supply"
  sealbook deposit                       # send what waits
"""
)
@click.argument("paths", nargs=-1, type=shell.FILE)
@click.option("--title", help="What the company calls it. Default: the path's name.")
@click.option("--matter", help="The matter that it belongs to; papers of one are numbered.")
@click.option("--commitment-only", is_flag=True, help="Deposit the fingerprint, keep the content.")
@click.option("--no-wait", is_flag=True, help="Only seal; the next deposit sends it.")
@click.option("-o", "--output", type=shell.FILE, help="The folder for receipts.")
@shell.json_option
def deposit(
    paths: tuple[Path, ...],
    title: str | None,
    matter: str | None,
    commitment_only: bool,
    no_wait: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Seal files and folders, deposit them, and write their receipts beside them.

    Each path is one deposit. What cannot be sent now, before enrolment or with the notary away, waits
    sealed in the vault; any later deposit sends it, also one without a path.
    """
    from ledger.company.sending.spool import Wishes

    if not paths and (title or matter or commitment_only or no_wait or output):
        raise click.UsageError("Name what to deposit; without a path, deposit takes no options.")
    if output is not None and not output.is_dir():
        raise click.UsageError(f"{quoted(output)} is not a folder; make it first.")
    if title is not None and not title.strip():
        raise click.UsageError("A title cannot be blank; leave out --title to use the path's name.")
    vault = own.open_vault()
    wishes = Wishes(title, matter, commitment_only, output.absolute() if output else None)
    report = Report(as_json)
    if not paths and not vault.spooled():
        report.quiet(_("Nothing waits to be deposited."))
    fresh = []
    begun = time.monotonic()
    for number, path in enumerate(paths, 1):
        what = (
            told(f"sealing {quoted(path.name)}")
            if len(paths) == 1
            else told(f"{number} of {len(paths)}: {quoted(path.name)}")
        )
        try:
            fresh.append(_seal(vault, path, wishes, report, what, begun))
            report.noted(fresh[-1])
        except SealbookError as error:
            report.failed(path, error)
    if paths:
        report.asked_for(fresh)
    aside = len(vault.refused())
    if no_wait:
        for each in fresh:
            report.waiting(each, "sealed; `sealbook deposit` sends it")
    else:
        send(vault, report)
    if aside:
        shell.tell(
            told(
                f"{aside} earlier deposit{' was' if aside == 1 else 's were'} refused by the notary "
                "and not sent again; `sealbook list` says why."
            )
        )
    report.finish()


def _seal(
    vault: "Vault", path: Path, wishes: "Wishes", report: Report, what: str, begun: float
) -> "StoredDeposit":
    from ledger.company.sealing.collecting import collect
    from ledger.company.sending.spool import seal_into_spool
    from ledger.company.vault.stored import MATTER_NAME
    from ledger.program import tool_name

    tool = tool_name()
    collected = collect(path, tool)
    report.left_out(path, collected.left_out)
    provenance = [("path", _utf8(collected.path)), ("host", platform.node()), ("tool", tool)]
    if wishes.matter:
        provenance.append((MATTER_NAME, wishes.matter))
    records: list[Record] = []
    with shell.Progress(what, collected.size, begun=begun) as progress:
        stored = seal_into_spool(
            vault,
            collected,
            wishes,
            tuple(provenance),
            time.time,
            os.urandom,
            progress,
            records.extend,
        )
    report.sealed(records)
    return stored


def _utf8(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")
