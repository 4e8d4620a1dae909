"""A company's working day: deposit, list, show, open, receipt."""

import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.company.sending import (
    REFUSED,
    WAITING,
    Report,
    name_of,
    no_receipt,
    send,
    sentence_of,
    summary,
    verified_receipt,
)
from ledger.errors import InvalidInput, SealbookError
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.company.sending.spool import Wishes
    from ledger.company.vault.vault import StoredDeposit, Vault


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
    vault = shell.open_vault()
    wishes = Wishes(title, matter, commitment_only, output.absolute() if output else None)
    report = Report(as_json)
    if not paths and not vault.spooled():
        report.quiet("Nothing waits to be deposited.")
    fresh = []
    begun = time.monotonic()
    for number, path in enumerate(paths, 1):
        what = (
            f"sealing {path.name}" if len(paths) == 1 else f"{number} of {len(paths)}: {path.name}"
        )
        try:
            fresh.append(_seal(vault, path, wishes, report, what, begun))
        except SealbookError as error:
            report.failed(path, error)
    if paths:
        report.asked_for(fresh)
    aside = sum(each.refused for each in vault.deposits())
    if no_wait:
        for each in fresh:
            report.waiting(each, "sealed; `sealbook deposit` sends it")
    else:
        send(vault, report)
    if aside:
        shell.tell(
            f"{aside} earlier deposit{' was' if aside == 1 else 's were'} refused by the notary and "
            "not sent again; `sealbook list` says why."
        )
    report.finish()


def _seal(
    vault: "Vault", path: Path, wishes: "Wishes", report: Report, what: str, begun: float
) -> "StoredDeposit":
    from ledger.company.sealing.collecting import collect
    from ledger.company.sending.spool import seal_into_spool
    from ledger.company.vault.vault import MATTER_NAME

    tool = _tool()
    collected = collect(path, tool)
    report.left_out(path, collected.left_out)
    provenance = [("path", _utf8(collected.path)), ("host", platform.node()), ("tool", tool)]
    if wishes.matter:
        provenance.append((MATTER_NAME, wishes.matter))
    with shell.Progress(what, collected.size, begun=begun) as progress:
        return seal_into_spool(
            vault, collected, wishes, tuple(provenance), time.time, os.urandom, progress
        )


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
    vault = shell.open_vault()
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
    from ledger.cli.court.page import Value
    from ledger.cli.text import labelled
    from ledger.company.vault.home import IDENTITY

    vault = shell.open_vault()
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
    from ledger.cli.text import labelled
    from ledger.company.disclosing.opening import open_deposit

    vault = shell.open_vault()
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
        shell.connect(vault) as client,
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

    vault = shell.open_vault()
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


def _tool() -> str:
    from importlib.metadata import version

    return f"sealbook {version('sealbook')}"


def _utf8(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")
