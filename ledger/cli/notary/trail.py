"""`sealbook notary trail list | check | export`: who did what at the portal."""

import json
from pathlib import Path

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import directory_option
from ledger.cli.notary.staff import opened_desk
from ledger.cli.speech import _, language
from ledger.errors import InvalidInput
from ledger.quoted import quoted

_SHOWN = 50
_MAX_EXPORT = 1 << 30
"""Bytes of an export that is compared: some million rows."""


@click.group()
def trail() -> None:
    """Read the audit trail of the portal, and check it.

    Every row is chained to the one before. An export that is kept elsewhere finds out who cuts its end
    off or writes all of it anew.

    \b
    Examples:
      sealbook notary trail list
      sealbook notary trail export -o 2026-11.trail
      sealbook notary trail check 2026-11.trail
    """


@trail.command(
    "list",
    epilog="""\b
Example:
  sealbook notary trail list
""",
)
@directory_option
@shell.json_option
def list_(directory: Path, as_json: bool) -> None:
    """Show what was done lately, newest first."""
    from ledger.notary.desk import words
    from ledger.notary.desk.trail import newest

    with opened_desk(directory) as desk:
        found = newest(desk, None, _SHOWN)
    lines = []
    for each in found:
        entry = "" if each.entry is None else "  " + _("entry {index}", index=each.entry)
        done = words.action(each.action, language())
        lines.append(f"{each.number}  {text.when(each.time)}  {done}{entry}")
        who = f"{each.who} ({words.role(each.role, language())})"
        for value in (who, words.thing(each.object, language())):
            lines += text.foreign(value, 4).splitlines() if value else []
    shell.emit(
        as_json,
        {"rows": [each.as_dict() for each in found]},
        "\n".join(lines) or _("Nothing was done at the portal yet."),
    )


@trail.command(
    epilog="""\b
Example:
  sealbook notary trail check 2026-11.trail
"""
)
@click.argument("export", type=shell.FILE, required=False)
@directory_option
@shell.json_option
def check(export: Path | None, directory: Path, as_json: bool) -> None:
    """Check the chain of the audit trail, and that it holds all of an earlier EXPORT."""
    from ledger.notary.desk.trail import require_extends, rows, verify_trail

    kept = {} if export is None else _read(export)
    with opened_desk(directory) as desk:
        count, head = verify_trail(desk.origin, rows(desk))
        require_extends(rows(desk), kept)
    lines = [_("The audit trail holds over {n} rows.", n=count)]
    if export is not None:
        lines.append(_("It has all {n} rows of the export.", n=len(kept)))
    lines.append(f"{_('Hash of the last row')}  {head.hex()}")
    shell.emit(
        as_json,
        {"rows": count, "head": head.hex(), "compared": len(kept)},
        "\n".join(lines),
    )


@trail.command(
    epilog="""\b
Example:
  sealbook notary trail export -o 2026-11.trail
"""
)
@click.option("-o", "--output", type=shell.FILE, required=True, help="A new file.")
@directory_option
@shell.json_option
def export(output: Path, directory: Path, as_json: bool) -> None:
    """Write the whole audit trail to a file, one JSON object a line. Keep it elsewhere."""
    from ledger.disk.outputs import write_new
    from ledger.notary.desk.trail import rows, verify_trail

    with opened_desk(directory) as desk:
        found = list(rows(desk))
        count, head = verify_trail(desk.origin, found)
    lines = (json.dumps(each.as_dict(), ensure_ascii=False) for each in found)
    write_new(output, "".join(f"{line}\n" for line in lines).encode())
    shell.emit(
        as_json,
        {"file": str(output.absolute()), "rows": count, "head": head.hex()},
        f"{_('Rows written: {n}', n=count)}\n{text.foreign(output, 2)}",
    )


def _read(path: Path) -> dict[int, str]:
    """Return the rows of an export: number -> hash. Raises InvalidInput."""
    data = shell.read_limited(path, _MAX_EXPORT, "an export of the audit trail")
    try:
        values = [json.loads(line) for line in data.splitlines()]
        return {int(each["number"]): str(each["hash"]) for each in values}
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{quoted(path)} is no export of the audit trail.") from error
