"""`sealbook receipt`: a receipt written again, or taken apart."""

from pathlib import Path

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.company.sending import no_receipt, summary
from ledger.cli.extras import require_extra
from ledger.errors import InvalidInput
from ledger.quoted import quoted


class _IdOrCommand(click.Group):
    """`receipt ID` and `receipt unpack FILE`."""

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
    """Write a deposit's receipt once more (`receipt ID`), or take one apart."""


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
Example:
  sealbook receipt unpack contract.pdf.receipt -o parts/
"""
)
@click.argument("file", type=shell.FILE)
@click.option("-o", "--output", type=shell.FILE, required=True, help="The folder to write to.")
@shell.json_option
def unpack(file: Path, output: Path, as_json: bool) -> None:
    """Take a receipt apart into files for other software. Nothing is verified."""
    from ledger.chain.proof import TlogProof, format_proof
    from ledger.chain.receipt import MAX_RECEIPT, parse_receipt
    from ledger.disk.outputs import write_new

    with shell.about(file):
        parts = parse_receipt(shell.read_limited(file, MAX_RECEIPT, "a receipt"))
    proof = TlogProof(parts.position.index, parts.position.proof, parts.note)
    files = {
        "statement.cose": (parts.statement, "what the depositor signed; the ledger's entry"),
        "receipt.cose": (parts.cose_receipt, "COSE Receipt, RFC 9942"),
        "proof.tlog-proof": (format_proof(proof).encode(), "C2SP tlog-proof with the checkpoint"),
        "checkpoint": (parts.note.encode(), "the checkpoint alone, a C2SP signed note"),
        "block.cose": (parts.block, "the block record, signed by the notary"),
        "enrolment.cose": (parts.enrolment, "the enrolment, signed by the notary"),
    }
    if parts.record is not None:
        files["identity.cbor"] = (parts.record, "the identity record")
    for number, token in enumerate(parts.tokens, 1):
        files[f"token-{number}.der"] = (token, "timestamp token, RFC 3161")
    output.mkdir(parents=True, exist_ok=True)
    taken = [name for name in files if (output / name).exists()]
    if taken:
        raise InvalidInput(f"{quoted(output / taken[0])} exists already and is not overwritten.")
    for name, (data, _) in files.items():
        write_new(output / name, data)
    width = max(map(len, files)) + 2
    shell.emit(
        as_json,
        {"files": {name: str((output / name).absolute()) for name in files}},
        "\n".join(f"{text.pad(name, width)}{what}" for name, (_, what) in files.items()),
    )
