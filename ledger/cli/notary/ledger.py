"""The notary office's commands. Those that change the ledger work while the service runs."""

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.notary.group import books, directory_option
from ledger.cli.speech import _, told
from ledger.errors import InvalidInput, NotFound
from ledger.language import day, spelled, utc
from ledger.quoted import Message, quoted

if TYPE_CHECKING:
    from ledger.notary.ports import TokenPlace

SHOWN_BLOCKS = 20

_HEALTH: dict[str, Message] = {
    "ok": "ok",
    "fault": "fault",
    "read-only": "read-only",
    "full": "full",
    "clock": "clock",
    "seal-expired": "seal-expired",
    "keys-gone": "keys-gone",
    "file-gone": "file-gone",
    "objects-gone": "objects-gone",
    "database": "health\x04database",
    "hangs": "hangs",
    "writing": "writing",
    "objects": "health\x04objects",
    "witness": "health\x04witness",
    "high-water": "high-water",
    "self-check": "self-check",
}
"""`ledger.notary.health.Reason`, for a person."""


@click.command(
    epilog="""\b
Example:
  sealbook notary init --origin notary.example/ledger --issuer "Office"
  sealbook notary init --origin notary.example/ledger \\
    --database postgresql://sealbook@db.example/ledger \\
    --objects "s3://ledger/north?endpoint=https://s3.example"
  sealbook notary init --origin notary.example/ledger \\
    --token-module /usr/lib/libpkcs11.so --pin-file /etc/sealbook/pin
"""
)
@click.option("--origin", required=True, help="The ledger's name for ever.")
@click.option("--issuer", help="The office's name, for certificates. Default: the origin.")
@click.option("--filing", default="", help="The platform's filing number, for its statement.")
@click.option(
    "--token-module",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A PKCS#11 module: the Ed25519 log key and the seal's key are made in its token.",
)
@click.option("--token-label", default="sealbook", show_default=True, help="The token's label.")
@click.option(
    "--pin-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file, for its owner alone, with the token's PIN.",
)
@click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Its first line opens the private keys at every start. Keep it elsewhere.",
)
@click.option(
    "--database",
    metavar="URL",
    help="An empty PostgreSQL database for the rows. Default: SQLite files.",
)
@click.option(
    "--objects",
    metavar="URL",
    help="An unused place in a bucket for log and ciphertext. Default: folders.",
)
@directory_option
@shell.json_option
def init(
    origin: str,
    issuer: str | None,
    filing: str,
    token_module: Path | None,
    token_label: str,
    pin_file: Path | None,
    passphrase_file: Path | None,
    database: str | None,
    objects: str | None,
    directory: Path,
    as_json: bool,
) -> None:
    """Found a notary: keys, seal, trust file, the first two blocks."""
    import platform as machine

    from ledger.chain.office import Platform
    from ledger.chain.trust import fingerprint
    from ledger.notary.care.founding import init_notary
    from ledger.notary.storage.directory import read_settings
    from ledger.program import tool_name

    office = issuer or origin[:64]
    stated = Platform(
        operator=office,
        filing=filing,
        environment=f"{machine.system()} {machine.release()}, Python {machine.python_version()}",
        software=tool_name(),
        standards=(
            "RFC 9052", "RFC 9162", "RFC 9942", "RFC 9943", "FIPS 203", "FIPS 204",
            "C2SP age", "C2SP tlog-tiles", "C2SP tlog-cosignature", "C2SP tlog-proof",
        ),
    )  # fmt: skip
    token = _token_place(token_module, token_label, pin_file)
    init_notary(
        directory,
        origin,
        issuer=office,
        platform=stated,
        token=token,
        passphrase_file=passphrase_file,
        database=database,
        objects=objects,
        random=os.urandom,
    )
    trust = directory / read_settings(directory).trust_file
    printed = fingerprint(trust.read_bytes())
    shell.emit(
        as_json,
        {
            "directory": str(directory.resolve()),
            "origin": origin,
            "trust": str(trust.resolve()),
            "fingerprint": printed,
        },
        text.said(f"The ledger {quoted(origin)} stands in {quoted(directory.resolve())}.")
        + told(
            "\nHand its trust file to courts and companies, and the fingerprint on paper:\n"
            f"  {printed}\n{text.foreign(trust.name, 2)}\n"
        )
        + (
            _("Its private keys are in keys/.")
            if token is None
            else _(
                "The Ed25519 log key and the seal's key are in the token; the ML-DSA-44 key and the "
                "seal's root are in keys/."
            )
        )
        + _(" `sealbook notary serve` starts the service."),
    )


def _token_place(module: Path | None, label: str, pin_file: Path | None) -> "TokenPlace | None":
    from ledger.notary.ports import TokenPlace

    if module is None and pin_file is None:
        return None
    if module is None or pin_file is None:
        raise click.UsageError("Keys in a token need both --token-module and --pin-file.")
    if pin_file.stat().st_mode & 0o077:
        raise InvalidInput(
            f"{quoted(pin_file)} can be read by others than its owner. Run `chmod 600` on it first."
        )
    return TokenPlace(str(module.resolve()), label, str(pin_file.resolve()))


@click.command(
    epilog="""\b
Example:
  sealbook notary status
"""
)
@directory_option
@shell.json_option
def status(directory: Path, as_json: bool) -> None:
    """Say how far the ledger is."""
    from ledger.cli.table import Value, labelled
    from ledger.notary.ordering import command
    from ledger.notary.orders import AskState

    state = command(directory, AskState())
    value = asdict(state) | {"root": state.root.hex()}
    rows: list[tuple[str, Value]] = [
        (_("Ledger"), quoted(value["origin"])),
        (_("Entries"), str(value["size"])),
        (_("Blocks"), str(value["height"] + 1)),
        (_("Accounts"), str(value["accounts"])),
        (_("Root"), "\n".join(text.groups(value["root"]))),
        (_("Health"), _(_HEALTH.get(state.health, state.health))),
        (_("Seal until"), day(value["seal_expires"])),
    ]
    rows.append((_("Keys"), "\n".join(map(told, state.keys))))
    if state.anchors:
        rows.append((_("Anchors"), "\n".join(map(told, state.anchors))))
    if state.anchors_until is not None:
        rows.append((_("Anchors until"), day(state.anchors_until)))
    if state.waiting:
        rows.append((_("To be entered"), "\n".join(map(told, state.waiting))))
    if state.desk:
        rows.append((_("Desk"), "\n".join(map(told, state.desk))))
    if value["detail"]:
        rows.append((_("To do"), told(value["detail"])))
    shell.emit(as_json, value, "\n".join(labelled(rows)))


@click.command(
    epilog="""\b
Examples:
  sealbook notary blocks        # the newest
  sealbook notary blocks 12     # from height 12 on
"""
)
@click.argument("height", type=click.IntRange(0), required=False)
@directory_option
@shell.json_option
def blocks(height: int | None, directory: Path, as_json: bool) -> None:
    """List blocks and the hash that closes each."""
    from ledger.chain.block import note_digest, parse_block
    from ledger.chain.statement import parse_statement

    with books(directory) as (store, signed):
        last = signed.last()
        newest = -1 if last is None else last.height
        first = max(0, newest - SHOWN_BLOCKS + 1) if height is None else height
        if first > newest:
            raise NotFound(f"There is no block {first}; the newest is {newest}.")
        found: list[dict[str, Any]] = []
        for each in signed.all(first - 1, SHOWN_BLOCKS):
            before = signed.at_height(each.height - 1) if each.height else None
            start = before.size if before else 0
            block = parse_block(parse_statement(store.read(start, start + 1)[0].statement))
            found.append(
                {
                    "height": each.height,
                    "start": start,
                    "size": each.size,
                    "time": block.time,
                    "previous": block.previous.hex(),
                    "closed": note_digest(each.note).hex(),
                    "root": each.root.hex(),
                }
            )
    lines = [
        text.heads(
            (_("block"), -7),
            ("", 2),
            (_("entries"), 15),
            (_("time (UTC)"), 21),
            (_("previous"), 14),
            (_("closed by"), 0),
        )
    ]
    lines += [
        f"{each['height']:>7}  "
        f"{_span(each['start'], each['size']):<15}"
        f"{spelled(each['time'], '%Y-%m-%d %H:%M:%S'):<21}"
        f"{each['previous'][:12]}  {each['closed'][:12]}"
        for each in found
    ]
    shell.emit(as_json, {"blocks": found}, "\n".join(lines))


@click.command(
    name="accept-clock",
    epilog="""\b
Example:
  sealbook notary accept-clock
""",
)
@directory_option
@shell.json_option
def accept_clock(directory: Path, as_json: bool) -> None:
    """Go on with the clock as it is now.

    For a notary that signs nothing because of its clock: after a correction that was right, or when the
    newest block was signed under a wrong clock. Compare the clock with another one first.
    """
    from ledger.notary.ordering import command
    from ledger.notary.orders import AcceptClock

    notice = command(directory, AcceptClock()).notice
    now = utc(time.time())
    said: Message = (
        f"{now} is taken for right."
        if notice is None
        else f"{now} is taken for right. Entry {notice} says so in public."
    )
    shell.emit(as_json, {"notice": notice}, told(said))


def _span(start: int, size: int) -> str:
    return str(start) if size - start == 1 else f"{start}-{size - 1}"
