"""`sealbook audit`: read a whole ledger as a stranger."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.speech import _, told
from ledger.errors import InvalidInput, SealbookError
from ledger.quoted import Quoted, quoted

if TYPE_CHECKING:
    from ledger.auditor.audit import Audited
    from ledger.auditor.catching import Caught
    from ledger.auditor.sources import Source
    from ledger.chain.trust import Trust
    from ledger.cli.table import Value

STATE = "audit.state"
"""The state's name in a mirror."""
_MAX_CREDENTIAL = 1 << 10


@click.command(
    epilog="""\b
Examples:
  sealbook audit https://notary.example --trust office.trust
  sealbook audit https://notary.example --trust office.trust \\
      --mirror mirror/
  sealbook audit mirror/ --trust office.trust
"""
)
@click.argument("ledger")
@click.option("--trust", "trust_file", type=shell.FILE, required=True, help="The trust file.")
@click.option(
    "--since", type=shell.FILE, help="Begin where this state ends; keep the new one in it."
)
@click.option("--mirror", type=shell.FILE, help="Keep a mirror of what was checked in this folder.")
@click.option("--credential", type=shell.FILE, help="The office's credential, to read the entries.")
@click.option(
    "--receipt",
    "receipts",
    type=shell.FILE,
    multiple=True,
    help="Must lie in this ledger; repeatable.",
)
@click.option(
    "-o", "--output", type=shell.FILE, help="The fault's file. Default: LEDGER.fault, here."
)
@shell.json_option
def audit(
    ledger: str,
    trust_file: Path,
    since: Path | None,
    mirror: Path | None,
    credential: Path | None,
    receipts: tuple[Path, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Audit a whole ledger: a notary's, or a mirror's in a folder.

    Checked are the signatures of every checkpoint and block, that every checkpoint lies in one tree
    and every block in one chain, the order of times, the witnesses' cosignatures and the timestamps;
    with the entries also the signature of each and what may follow what. A mirror keeps its own state:
    the next audit into it goes on where this one ends, also after it was interrupted.

    With --receipt it is also checked that the ledger which a receipt was made from is this one, and
    not a second one that was shown to the receipt's owner alone.

    Exit code 1 where something does not hold. What no honest ledger does is written to a *.fault file,
    which proves it to whoever has the trust file (`sealbook fault`).
    """
    from ledger.auditor.audit import Audit
    from ledger.auditor.catching import Caught
    from ledger.auditor.mirror import Mirror
    from ledger.auditor.state import read_state, write_state

    trust, _data = shell.read_trust(trust_file)
    kept = since if since is not None else None if mirror is None else mirror / STATE
    source = _source(ledger, credential, mirror)
    before = None if kept is None else read_state(kept)
    progress = shell.Progress("entries audited", 0, bytes_=False)
    try:
        found = Audit(
            source,
            trust,
            since=before,
            mirror=None if mirror is None else Mirror(mirror),
            notes=[_note(each, trust) for each in receipts],
            save=lambda state: None if kept is None else write_state(kept, state),
            progress=progress,
        ).run()
    except Caught as caught:
        progress.close()
        _caught(caught, output, trust.origin, as_json)
    finally:
        progress.close()
    began = 0 if before is None else before.height + 1
    result, said = _result(trust.origin, found, began), _text(trust.origin, found, began)
    if receipts:
        result["receipts"] = [str(each.absolute()) for each in receipts]
        said += _("\n\nIn this ledger, and whole:\n")
        said += "\n".join(text.foreign(each, 2) for each in receipts)
    shell.emit(as_json, result, said)


def _note(file: Path, trust: "Trust") -> str:
    """Return the signed checkpoint of a receipt that holds by itself. Raises what verifying it does."""
    from ledger.chain.receipt import MAX_RECEIPT, parse_receipt
    from ledger.verify import verify_receipt

    data = shell.read_limited(file, MAX_RECEIPT, "a receipt")
    with shell.about(file):
        verify_receipt(data, trust, provisional=True)
        return parse_receipt(data).note


def _source(ledger: str, credential: Path | None, mirror: Path | None) -> "Source":
    from ledger.auditor.sources import Folder, Service

    if not ledger.startswith(("http://", "https://")):
        if credential is not None:
            raise click.UsageError("A folder needs no credential; leave out --credential.")
        folder = Path(ledger)
        if not folder.is_dir():
            raise click.UsageError(
                f"{quoted(ledger)} is no folder; name one, or a URL that begins with https://."
            )
        if mirror is not None and mirror.resolve() == folder.resolve():
            raise click.UsageError("The mirror would be written over what is audited.")
        return Folder(folder)
    from ledger.wire.client import NotaryClient

    secret = None
    if credential is not None:
        secret = shell.read_limited(credential, _MAX_CREDENTIAL, "a credential").decode(
            "ascii", "replace"
        )
        secret = secret.strip()
        if not (secret.isascii() and secret.isalnum()):
            raise InvalidInput(f"{quoted(credential)} is no credential of an auditor.")
    return Service(NotaryClient(ledger), secret)


def _caught(caught: "Caught", output: Path | None, origin: str, as_json: bool) -> None:
    """Write the fault's file, say what was caught, and end with exit code 1."""
    from ledger.chain.fault.file import format_fault

    said = str(caught)
    lines = [text.said(said)]
    result: dict[str, Any] = {"good": False, "caught": said, "fault": None}
    if caught.fault is None:
        lines.append(_("Only the whole ledger shows it; keep this copy of it."))
    else:
        try:
            output = _written(output, origin.replace("/", "-"), format_fault(caught.fault))
        except SealbookError as error:  # what was caught is said all the same
            result["not_written"] = str(error)
            lines += [_("The fault file is not written:"), text.said(str(error), 2)]
        else:
            result["fault"] = str(output.absolute())
            lines += [_("Written, for whoever has the trust file (`sealbook fault`):")]
            lines.append(text.foreign(output, 2))
    shell.emit(as_json, result, "\n".join(lines))
    raise click.exceptions.Exit(1)


def _written(output: Path | None, name: str, data: bytes) -> Path:
    from ledger.disk.outputs import write_new, write_numbered

    if output is None:
        return write_numbered(Path(), name, ".fault", data)
    write_new(output, data)
    return output


def _result(origin: str, found: "Audited", began: int) -> dict[str, Any]:
    anchors = found.anchors
    return {
        "good": True,
        "origin": origin,
        "entries": found.size,
        "blocks": found.blocks,
        "from_block": began,
        "time": found.time,
        "entries_read": found.entries,
        "witnesses": dict(anchors.witnesses),
        "quorum": found.quorum,
        "tokens": anchors.tokens,
        "stamped": anchors.stamped
        and {"entries": anchors.stamped[0], "latest": anchors.stamped[1]},
        "left_out": dict(anchors.left_out),
        "tokens_not_shown": anchors.unknown,
    }


def _text(origin: str, found: "Audited", began: int) -> str:
    from ledger.cli.table import labelled

    anchors = found.anchors
    witnesses: list[str | Quoted] = []
    for name, size in anchors.witnesses.items():
        witnesses += [quoted(name), told(f"  has cosigned {size:,} entries")]
    rows: list[tuple[str, Value]] = [
        (_("Ledger"), quoted(origin)),
        (_("Entries"), told(f"{found.size:,} in {found.blocks:,} blocks")),
        (_("Read"), told(f"from block {began:,} on") if began else _("from the beginning")),
        (_("Newest time"), text.when(found.time)),
        (
            _("Each entry"),
            _("signed, and in its order")
            if found.entries
            else _("not read: that takes the office's credential"),
        ),
        (_("Witnesses"), witnesses or _("none that the trust file names")),
        (
            _("Quorum"),
            _("met by the newest checkpoint")
            if found.quorum
            else _(
                "not met by the newest checkpoint: it lacks cosignatures that the trust file asks for"
            ),
        ),
        (_("Timestamps"), told(f"{anchors.tokens:,} that hold")),
    ]
    if anchors.stamped is not None:
        size, latest = anchors.stamped
        rows.append(
            (_("Newest of them"), told(f"{size:,} entries were there at {text.when(latest)}"))
        )
    if anchors.unknown:
        rows.append((_("Not shown"), told(f"{anchors.unknown:,} timestamps that blocks name")))
    lines = [
        _("The ledger is one tree and one chain, and every signature holds."),
        "",
        *labelled(rows),
    ]
    if anchors.left_out:
        lines += ["", _("What counts for nothing, and why:")]
        lines += [text.said(f"{count} × {reason}", 2) for reason, count in anchors.left_out.items()]
    return "\n".join(lines)
