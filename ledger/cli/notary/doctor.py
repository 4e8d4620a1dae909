"""`sealbook notary doctor`: what an operator has to see to."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import directory_option
from ledger.cli.speech import _

if TYPE_CHECKING:
    from ledger.notary.care.doctor import Diagnosis, Subject


@click.command(
    epilog="""\b
Examples:
  sealbook notary doctor
  sealbook notary doctor --serving
  sealbook notary doctor --json | jq '.found[] | select(.level != "ok")'
"""
)
@click.option(
    "--serving", is_flag=True, help="The service has to answer: that nothing does must be mended."
)
@directory_option
@shell.json_option
def doctor(directory: Path, serving: bool, as_json: bool) -> None:
    """Look for what has to be mended, and say what to do.

    Clock, disk, permissions, keys, seal, databases, standbys, deposits, backup, portal, witnesses,
    timestamp authorities, the service. It changes nothing, may run beside the service and ends within
    half a minute. Exit 1 means that something must be mended. Each authority is asked for one token.
    """
    from ledger.notary.care.asking import others
    from ledger.notary.care.doctor import Level, examine
    from ledger.notary.care.looking import files, settled

    found = examine(
        directory,
        os.environ,
        time.time(),
        files,
        lambda case: (*settled(case), *others(case, is_served=serving)),
    )
    value = {
        "found": [
            {"subject": each.subject, "level": each.level, "found": each.found, "todo": each.todo}
            for each in found
        ]
    }
    shell.emit(as_json, value, "\n".join(map(_shown, found)))
    if any(each.level is Level.MEND for each in found):
        raise SystemExit(1)


def _shown(each: "Diagnosis") -> str:
    lines = [f"{_level(each.level)}: {subject(each.subject)}", text.said(each.found, 4)]
    if each.todo:
        lines.append(text.said(each.todo, 4))
    return "\n".join(lines)


def _level(level: str) -> str:
    match level:
        case "ok":
            return click.style(_("ok"), fg="green")
        case "look":
            return click.style(_("look at it"), fg="yellow")
    return click.style(_("must be mended"), fg="red", bold=True)


def subject(name: "Subject") -> str:
    """Return what is looked at, in words."""
    names = {
        "settings": _("settings"),
        "log": _("log"),
        "disk": _("disk"),
        "permissions": _("permissions"),
        "databases": _("databases"),
        "ledger": _("ledger"),
        "standby": _("standby"),
        "objects": _("deposited files"),
        "clock": _("check\x04clock"),
        "keys": _("keys"),
        "seal": _("seal"),
        "backup": _("backup"),
        "desk": _("desk"),
        "high-water": _("high-water"),
        "witnesses": _("witnesses"),
        "authorities": _("timestamp authorities"),
        "portal": _("portal"),
        "service": _("service"),
    }
    return names[name]
