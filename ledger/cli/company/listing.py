"""`sealbook list | show | open`: what was deposited, and back again."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.company.sending import (
    REFUSED,
    WAITING,
    name_of,
    sentence_of,
    summary,
    verified_receipt,
)
from ledger.errors import InvalidInput, SealbookError
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.vault.stored import StoredDeposit


@click.command(
    "list",
    epilog="""\b
Example:
  sealbook list
""",
)
@shell.json_option
def list_(as_json: bool) -> None:
    """List what was deposited from this vault, and what waits."""
    vault = own.open_vault()
    found: list[dict[str, Any]] = []
    for each in vault.deposits():
        try:
            found.append(summary(each))
        except SealbookError as error:
            shell.tell(text.said(sentence_of(error)))
    lines = ["Nothing has been deposited yet."]
    if found:
        counts = [_count(value["documents"], value["size"]) for value in found]
        width = max(16, *(len(count) + 2 for count in counts))
        lines = [f"{'id':<14}{'sealed (UTC)':<18}{'state':<11}{'files':<{width}}title"]
        for value, count in zip(found, counts, strict=True):
            start = f"{value['id'][:12]}  {text.when(value['sealed'])[:16]}  {value['state']:<11}"
            lines.append(text.last(f"{start}{count:<{width}}", value["title"]))
            if value["state"] == REFUSED:
                lines.append(text.said(value["message"] or "", 14))
    waiting = sum(value["state"] == WAITING for value in found)
    if waiting:
        say = "waits, sealed in the vault; `sealbook deposit` sends it"
        more = "wait, sealed in the vault; `sealbook deposit` sends them"
        lines += ["", f"{waiting} {say if waiting == 1 else more}."]
    if any(value["state"] == REFUSED for value in found):
        lines += [
            "",
            "What was refused is kept and not sent again; deposit its path to seal it anew.",
        ]
    shell.emit(as_json, {"deposits": found}, "\n".join(lines))


@click.command(
    epilog="""\b
Example:
  sealbook show contract.pdf
"""
)
@click.argument("deposit_id", metavar="ID")
@shell.passphrase_option
@shell.json_option
def show(deposit_id: str, passphrase_file: Path | None, as_json: bool) -> None:
    """Show one deposit. ID is the start of its id, its path, name or title.

    The documents are listed where the vault opens without asking for a passphrase.
    """
    from ledger.cli.table import Value, labelled
    from ledger.company.vault.home import IDENTITY

    vault = own.open_vault()
    found = vault.find(deposit_id)
    value = summary(found)
    statement = found.deposit
    value["content_deposited"] = statement.content is not None
    meta = found.meta
    rows: list[tuple[str, Value]] = [
        ("Title", quoted(meta.title)),
        ("Id", "\n".join(text.groups(value["id"]))),
        ("State", value["state"]),
        *([("Refused", text.reason(meta.refused))] if meta.refused else []),
        ("Sealed", text.when(meta.sealed)),
        ("Path", quoted(meta.path) if meta.path else _no_path(found)),
        ("Documents", _count(meta.documents, meta.size)),
        ("Content", _where_content(found)),
    ]
    if statement.matter:
        name = meta.matter or statement.matter.id.hex()
        rows.append(("Matter", [quoted(name), f"number {statement.matter.number}"]))
    if found.receipt is not None:
        verified = verified_receipt(vault, found)
        value |= {"index": verified.index, "block": verified.block.height}
        rows += [
            ("Ledger", f"entry {verified.index} in block {verified.block.height}"),
            ("Registered", f"{text.when(verified.block.time)}, stated by the notary"),
            ("Receipt", quoted(value["receipt"])),
        ]
    if (vault.home / IDENTITY).exists() or passphrase_file:
        manifest = found.manifest(vault.identities(shell.passphrase_from(passphrase_file)))
        originals = [each for each in manifest.documents if each.rendition is None]
        made = len(manifest.documents) - len(originals)
        value["files"] = [{"name": each.name, "size": each.size} for each in originals]
        value["renditions"] = made
        value["provenance"] = dict(manifest.cover.provenance)
        rows += [
            ("" if number else "Files", [quoted(each.name), text.size(each.size)])
            for number, each in enumerate(originals)
        ]
        if made:
            rows.append(
                ("Rendered", f"{made} rendition{'' if made == 1 else 's'}, made at the deposit")
            )
    shell.emit(as_json, value, "\n".join(labelled(rows)))


@click.command(
    "open",
    epilog="""\b
Example:
  sealbook open contract.pdf -o opened/
""",
)
@click.argument("deposit_id", metavar="ID")
@click.option("-o", "--output", type=shell.FILE, required=True, help="The folder to write to.")
@shell.passphrase_option
@shell.json_option
def open_(deposit_id: str, output: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Fetch a deposit from the notary, decrypt it, and compare it with what was deposited.

    Nothing is overwritten, and nothing appears unless every byte is what was deposited. Names that some
    systems refuse are changed, and the changes are shown.
    """
    from ledger.cli.court.sealed import ended_in_order
    from ledger.cli.table import labelled
    from ledger.company.disclosing.opening import open_deposit

    vault = own.open_vault()
    found = vault.find(deposit_id)
    if found.deposit.content is None:
        raise InvalidInput(
            f"Only the fingerprint of {quoted(name_of(found))} was deposited; its content never "
            "left this "
            f"computer. It was at "
            f"{quoted(found.meta.path) if found.meta.path else 'a path that is not known here'}."
        )
    identities = vault.identities(shell.passphrase_from(passphrase_file))
    with (
        ended_in_order(),
        own.connect(vault) as client,
        shell.Progress(
            f"opening {name_of(found)}", found.deposit.content.size + found.meta.size, passes=2
        ) as progress,
    ):
        opened = open_deposit(found, client, identities, output, progress)
    lines = ["Written", *(text.foreign(output / place, 2) for place in opened.top)]
    lines.append(
        f"{_count(len(opened.names), found.meta.size)}, compared with the deposit byte for byte."
    )
    lines += [
        "\n".join(labelled([("renamed", quoted(name)), ("to", quoted(opened.names[name]))], 2))
        for name in opened.renamed
    ]
    shell.emit(
        as_json,
        {
            **summary(found),
            "output": str(output.absolute()),
            "files": [{"name": name, "file": place} for name, place in opened.names.items()],
        },
        "\n".join(lines),
    )


def _no_path(deposit: "StoredDeposit") -> str:
    if deposit.meta.measure:
        return "none: an entry in the register of measures"
    return "recovered, no path on this computer"


def _where_content(deposit: "StoredDeposit") -> str:
    if deposit.deposit.content is None:
        return "fingerprint only"
    return "sealed at the notary" if deposit.receipt else "sealed in the vault"


def _count(documents: int, size: int) -> str:
    return f"{documents} file{'' if documents == 1 else 's'}, {text.size(size)}"
