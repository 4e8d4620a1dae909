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
@click.option(
    "--lost", is_flag=True, help="Give up age files that are nowhere any more, and go on."
)
@click.option("--ciphertext", is_flag=True, help="Read every byte of the deposited age files too.")
@directory_option
@shell.json_option
def fsck(rebuild: bool, lost: bool, ciphertext: bool, directory: Path, as_json: bool) -> None:
    """Check the ledger's files against each other.

    Stop the service first. Entries, proofs, checkpoints and files are compared, and that the age files
    of every deposit are there in their size; --ciphertext reads those as well.

    Where the place of the age files is empty nothing is entered: its disk may not be mounted. --lost
    says that what is missing is lost, and in no backup. It is named all the same.
    """
    from ledger.notary.care.fsck import ERROR
    from ledger.notary.care.fsck import fsck as run
    from ledger.notary.care.rebuild import rebuild as make_anew
    from ledger.notary.care.whereabouts import give_up_lost

    value: dict[str, Any] = {}
    if lost:
        give_up_lost(directory)
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
        f"{_(each.level)}\n{text.foreign(told(each.place), 4)}\n{text.said(each.problem, 4)}"
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
@click.option("--database", metavar="URL", help="An empty one for the rows: postgresql://...")
@click.option("--objects", metavar="URL", help="An unused place for the files: s3://...")
@click.option("--checkpoints", type=shell.FILE, help="A checkpoints.sqlite that survived.")
@click.option("--mirror", type=shell.FILE, help="A mirror that holds what came after the backup.")
@directory_option
@shell.json_option
def restore(
    source: Path,
    database: str | None,
    objects: str | None,
    checkpoints: Path | None,
    mirror: Path | None,
    directory: Path,
    as_json: bool,
) -> None:
    """Make the directory from a backup.

    Rows and files come to lie in it, or where you say, wherever they lay before. It is refused where
    that would fork the ledger: then a mirror, or the `log` folder of the lost machine, gives back the
    entries that came after the backup. Ciphertext and identity records are in no mirror. What notices
    say was deleted is deleted again; what was decided about accounts since has to be set again.
    """
    from ledger.auditor.sources import Folder
    from ledger.notary.care.restore import restore as run
    from ledger.notary.clock import utc
    from ledger.notary.desk.reviewing import OLDER, REVIEW
    from ledger.notary.system_clock import SYSTEM_CLOCK

    with shell.waiting("restoring"):
        made = run(
            source,
            directory,
            database=database,
            objects=objects,
            checkpoints=checkpoints,
            mirror=None if mirror is None else Folder(mirror),
            clock=SYSTEM_CLOCK,
            random=os.urandom,
        )
    last = made.last
    value = {
        "directory": str(directory.resolve()),
        "size": last.size,
        "root": last.root.hex(),
        "desk_of": made.since,
        "deleted_again": [each.as_dict() for each in made.deleted],
        "held": [each.as_dict() for each in made.held],
    }
    records = sum(1 for each in made.deleted if each.records)
    ciphertext = len(made.deleted) - records
    lines = [
        text.said(
            f"Restored into {quoted(directory.resolve())}: the ledger goes on from {last.size} "
            "entries. If anybody holds a later checkpoint, do not serve it: that would be a fork."
        )
    ]
    if made.deleted:
        lines.append(
            text.said(
                "Deleted again, because the ledger says that it was. Notices about ciphertext: "
                f"{ciphertext}; about identity records: {records}."
            )
        )
    lines += (
        text.said(
            f"Under a legal hold, and not deleted again: what entry {each.notice} says of the account "
            f"{quoted(each.account)}."
        )
        for each in made.held
    )
    if made.since is not None:
        lines.append(text.said(f"The desk is of {utc(made.since)}, as the backup."))
    shell.emit(as_json, value, "\n".join([*lines, text.said(OLDER), text.said(REVIEW)]))


@click.command(
    "high-water",
    epilog="""\b
Example:
  sealbook notary high-water /mnt/other/sealbook
""",
)
@click.argument("place")
@click.option("--anew", is_flag=True, help="Make a mark anew that was lost for good.")
@directory_option
@shell.json_option
def high_water(place: str, anew: bool, directory: Path, as_json: bool) -> None:
    """Keep elsewhere how far the ledger was signed.

    PLACE is a folder on another medium or host, `s3://...`, or `none`. An old copy of the notary that
    is started again is told there that more was signed, and signs nothing. While the place cannot be
    read, nothing is entered. The service must not run meanwhile.
    """
    from ledger.notary.care.marking import keep_high_water

    last = keep_high_water(directory, None if place == "none" else place, anew=anew)
    line = told(f"The high-water mark stands at {last.size} entries. It is kept at:")
    if place == "none":
        words = _("No high-water mark is kept any more.")
    else:
        words = f"{line}\n{text.foreign(place, 4)}"
    shell.emit(as_json, {"place": None if place == "none" else place, "size": last.size}, words)
