"""`sealbook renew`, for anyone who holds a receipt or an evidence file."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.speech import _, told
from ledger.quoted import Message

if TYPE_CHECKING:
    from ledger.evidence.renewing import Outcome

_DONE: dict[str, Message] = {
    "first": "first timestamp",
    "timestamp": "timestamp renewed",
    "hash-tree": "new chain, hashed anew",
}


@click.command(
    epilog="""\b
Examples:
  sealbook renew case.evidence --tsa http://tsa.example
  sealbook renew receipts/*.receipt --tsa http://tsa.example -o records/
  sealbook renew case.evidence --tsa http://tsa.example --hash-tree
"""
)
@click.argument("files", nargs=-1, type=shell.FILE, required=True)
@click.option("--tsa", "url", required=True, help="The timestamp authority's address (RFC 3161).")
@click.option("-o", "--output", type=shell.FILE, help="Keep the records in this folder.")
@click.option("--hash-tree", is_flag=True, help="Hash the files and their records anew.")
@shell.json_option
def renew(
    files: tuple[Path, ...], url: str, output: Path | None, hash_tree: bool, as_json: bool
) -> None:
    """Timestamp files again, so that they prove themselves for longer.

    All FILES go under one new timestamp. Beside each stands then FILE.ers, an evidence record
    (RFC 4998, SHA-512), which `sealbook verify FILE` reads; FILE itself stays as it is. Where there is
    a record already, it is prolonged: keep FILE and its newest record together.

    Renew before the last timestamp's certificate expires or its hash function is doubted; in the
    latter case with --hash-tree. Nobody needs to be asked but the authority, and it learns nothing but
    a hash. Which authorities count says whoever verifies. A record that was changed, or is of another
    file, is not prolonged; what it showed so far is said.
    """
    from ledger.evidence.renewed import SUFFIX
    from ledger.evidence.renewing import renew_files, request_token

    if output is not None and not output.is_dir():
        raise click.UsageError("The folder of -o does not exist.")
    wanted = [file for file in dict.fromkeys(files) if file.suffix != SUFFIX]
    left = len(dict.fromkeys(files)) - len(wanted)
    if not wanted:
        raise click.UsageError("Only records are named; name the files that they cover.")
    stamp = partial(_stamp, url, request_token)
    found: dict[Path, Outcome] = {}
    with shell.Progress("renewing", len(wanted), bytes_=False) as progress:
        for outcome in renew_files(wanted, stamp, folder=output, hash_tree=hash_tree):
            found[outcome.file] = outcome
            progress(len(found))
    outcomes = [found[file] for file in wanted]
    failed = sum(each.error is not None for each in outcomes)
    lines = [_line(each) for each in outcomes]
    lines.append(
        told(f"{len(outcomes) - failed} renewed, {failed} failed, {left} records left out")
    )
    shell.emit(as_json, {"files": [_object(each) for each in outcomes]}, "\n".join(lines))
    if failed:
        raise SystemExit(1)


def _stamp(url: str, request: Any, imprint: bytes) -> Any:
    return request(url, imprint, ())


def _line(outcome: "Outcome") -> str:
    name = text.last("", outcome.file)
    if outcome.kind is None or outcome.token is None:
        return f"{name}\n{text.said(text.sentence(f'Not renewed: {outcome.error}'), 4)}"
    lines = [name, f"    {_(_DONE[outcome.kind.value])}, {text.when(outcome.token.latest())}"]
    if outcome.kind.value != "first":
        lines += text.indent(_found(outcome), 4).split("\n")
    return "\n".join(lines)


def _found(outcome: "Outcome") -> str:
    """Return what the record showed before."""
    before = outcome.before
    if before is None:
        return _("The record before: none of its timestamps holds, so it shows only the new one.")
    said = told(
        f"The record before: the file by {text.when(before.since)}, until {text.when(before.until)}, "
        "by certificates of its own."
    )
    if outcome.lapsed:
        said += _(" That was over, so it shows only the new time.")
    return said


def _object(outcome: "Outcome") -> dict[str, Any]:
    found: dict[str, Any] = {"file": str(outcome.file), "record": str(outcome.record)}
    if outcome.kind is None or outcome.token is None:
        error = outcome.error
        code = "error" if error is None else error.code
        return found | {"error": {"code": code, "message": str(error)}}
    before = outcome.before
    if before is not None:
        found["before"] = {"since": before.since, "until": before.until, "held": not outcome.lapsed}
    return found | {"done": outcome.kind.value, "time": outcome.token.latest()}
