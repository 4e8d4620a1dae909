"""`sealbook notary fsck | backup | restore`."""

import os
from pathlib import Path
from typing import Any

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import directory_option
from ledger.cli.speech import _, told
from ledger.quoted import Message, quoted

UNREAD: dict[bool, Message] = {
    False: "the bytes of the age files, beyond presence and size; `--ciphertext` reads them.",
    True: "whether the age files open; only the keys that they were sealed for can tell.",
}
"""What `fsck` leaves out, with and without --ciphertext."""


@click.command(
    epilog="""\b
Example:
  sealbook notary fsck --rebuild
"""
)
@click.option("--rebuild", is_flag=True, help="Make the database anew from the log's files first.")
@click.option("--ciphertext", is_flag=True, help="Read every byte of the deposited age files too.")
@directory_option
@shell.json_option
def fsck(rebuild: bool, ciphertext: bool, directory: Path, as_json: bool) -> None:
    """Check the ledger's files against each other.

    Stop the service first. Entries, proofs, checkpoints and files are compared, and that the age files
    of every deposit are there in their size; --ciphertext reads those as well.
    """
    from ledger.notary.care.fsck import ERROR
    from ledger.notary.care.fsck import fsck as run
    from ledger.notary.care.rebuild import rebuild as make_anew

    value: dict[str, Any] = {}
    if rebuild:
        with shell.waiting("making the database anew"):
            value["rebuilt"] = make_anew(directory)
        if not as_json:
            click.echo(told(f"The database was made anew: {value['rebuilt']} entries."))
    with shell.Progress("entries checked", 0, bytes_=False) as progress:
        found = run(directory, ciphertext=ciphertext, progress=progress)
    value["findings"] = [
        {"level": each.level, "place": each.place, "problem": each.problem} for each in found
    ]
    value["not_checked"] = UNREAD[ciphertext]
    lines = [
        f"{each.level}\n{text.foreign(each.place, 4)}\n{text.said(each.problem, 4)}"
        for each in found
    ]
    lines = lines or [_("Everything that was looked at agrees.")]
    shell.emit(as_json, value, "\n".join([*lines, told(f"Not looked at: {UNREAD[ciphertext]}")]))
    if any(each.level == ERROR for each in found):
        raise SystemExit(1)


@click.command(
    epilog="""\b
Example:
  sealbook notary backup /mnt/safe/notary
"""
)
@click.argument("destination", type=shell.FILE)
@directory_option
@shell.json_option
def backup(destination: Path, directory: Path, as_json: bool) -> None:
    """Copy everything to a directory.

    New, or an earlier backup, which is brought up to date. The private keys too: keep it like a seal.
    The service may run. Ctrl-C stops it; what was there
    before stays good, and the same command goes on from where it stopped.
    """
    from ledger.notary.ordering import command
    from ledger.notary.orders import Backup

    place = str(destination.resolve())
    with shell.waiting("copying"):
        size = command(directory, Backup(place)).size
    shell.emit(
        as_json,
        {"destination": place, "size": size},
        text.said(
            f"{quoted(place)} holds the ledger up to {size} entries, and the private keys: keep it "
            "like a seal."
        ),
    )


@click.command(
    epilog="""\b
Example:
  sealbook notary restore /mnt/safe/2026-11-23 --dir /srv/notary
"""
)
@click.argument("source", type=shell.FILE)
@click.option("--checkpoints", type=shell.FILE, help="A checkpoints.sqlite that survived.")
@directory_option
@shell.json_option
def restore(source: Path, checkpoints: Path | None, directory: Path, as_json: bool) -> None:
    """Make the directory from a backup.

    It is refused where that would fork the ledger.
    """
    from ledger.notary.care.restore import restore as run
    from ledger.notary.system_clock import SYSTEM_CLOCK

    with shell.waiting("restoring"):
        last = run(
            source, directory, checkpoints=checkpoints, clock=SYSTEM_CLOCK, random=os.urandom
        )
    shell.emit(
        as_json,
        {"directory": str(directory.resolve()), "size": last.size, "root": last.root.hex()},
        text.said(
            f"Restored into {quoted(directory.resolve())}: the ledger goes on from {last.size} "
            "entries. If anybody holds a later checkpoint, do not serve it: that would be a fork."
        ),
    )
