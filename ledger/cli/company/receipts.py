"""`sealbook receipt`: a receipt written again, fetched again, or taken apart."""

from pathlib import Path

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.company.sending import name_of, no_receipt, sentence_of, summary
from ledger.cli.extras import require_extra
from ledger.cli.speech import _


class _IdOrCommand(click.Group):
    """`receipt ID`, `receipt refresh [ID…]` and `receipt unpack FILE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["write", *args]
        return super().resolve_command(ctx, args)


@click.group(
    cls=_IdOrCommand,
    epilog="""\b
Examples:
  sealbook receipt contract.pdf
  sealbook receipt unpack contract.pdf.receipt -o parts/
""",
)
def receipt() -> None:
    """Write a deposit's receipt once more (`receipt ID`), fetch or take apart."""


@receipt.command(
    "write",
    epilog="""\b
Example:
  sealbook receipt contract.pdf
""",
)
@click.argument("deposit_id", metavar="ID")
@click.option("-o", "--output", type=shell.FILE, help="The folder to write to. Default: here.")
@shell.json_option
def receipt_write(deposit_id: str, output: Path | None, as_json: bool) -> None:
    """Write a deposit's receipt once more."""
    from ledger.disk.outputs import safe_component, write_numbered

    require_extra("company")
    vault = own.open_vault()
    found = vault.find(deposit_id)
    data = found.receipt
    if data is None:
        raise no_receipt(found)
    folder = output or Path()
    folder.mkdir(parents=True, exist_ok=True)
    stem = Path(found.meta.path).name or safe_component(found.meta.title)
    place = write_numbered(folder, stem, ".receipt", data)
    shell.emit(
        as_json,
        {**summary(found), "receipt": str(place.absolute())},
        "Written\n" + text.foreign(place, 2),
    )


@receipt.command(
    epilog="""\b
Examples:
  sealbook receipt refresh
  sealbook receipt refresh contract.pdf
"""
)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@shell.json_option
def refresh(ids: tuple[str, ...], as_json: bool) -> None:
    """Fetch receipts again that lack what witnesses or timestamp authorities add later.

    Without ID, all of the vault's. A receipt is replaced only by one that shows more.
    """
    from ledger.company.sending.refreshing import NotRefreshed
    from ledger.company.sending.refreshing import refresh as use_case

    require_extra("company")
    vault = own.open_vault()
    deposits = [vault.find(each) for each in ids] if ids else list(vault.sound())
    values, lines, failures = [], [], 0
    with own.connect(vault) as client:
        for outcome in use_case(vault, client, deposits):
            value, name = summary(outcome.deposit), name_of(outcome.deposit)
            if isinstance(outcome, NotRefreshed):
                failures += 1
                values.append({**value, "error": outcome.error.code})
                lines += [text.foreign(name, 0), text.said(sentence_of(outcome.error), 2)]
                continue
            final = "final" if outcome.final else "provisional"
            values.append({**value, "receipt_state": final, "replaced": outcome.more})
            more = _(", replaced by one that shows more") if outcome.more else _(", nothing new")
            lines += [text.foreign(name, 0), text.said(f"{final}{more}", 2)]
    shell.emit(as_json, {"receipts": values}, "\n".join(lines) or _("No receipt is provisional."))
    if failures:
        raise SystemExit(1)


@receipt.command(
    epilog="""\b
Example:
  sealbook receipt unpack contract.pdf.receipt -o parts/
"""
)
@click.argument("file", type=shell.FILE)
@click.option("-o", "--output", type=shell.FILE, required=True, help="The folder to write to.")
@shell.json_option
def unpack(file: Path, output: Path, as_json: bool) -> None:
    """Take a receipt apart into files for other software. Nothing is verified."""
    from ledger.chain.receipt import MAX_RECEIPT, parse_receipt
    from ledger.cli.court.apart import of_receipt, write_parts

    with shell.about(file):
        parts = of_receipt(parse_receipt(shell.read_limited(file, MAX_RECEIPT, "a receipt")))
    listing = write_parts(output, parts)
    files = {name: str((output / name).absolute()) for name in parts}
    shell.emit(as_json, {"files": files}, listing)
