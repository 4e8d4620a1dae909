"""`sealbook verify` of an evidence file: every deposit in it; documents appear once all is shown."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from ledger.adapters.opening import Opened, Staging
from ledger.cli import shell, text
from ledger.cli.court import damaged, show_reports
from ledger.errors import Conflict
from ledger.evidence import DisclosedDeposit, read_evidence, verify_disclosed
from ledger.manifest import Manifest
from ledger.verify import ReceiptRefused, unchecked_report

if TYPE_CHECKING:
    from ledger.chain.report import Report
    from ledger.chain.trust import Trust


def verify_evidence(
    file: Path,
    trusted: "tuple[Trust, bytes, str] | None",
    output: Path | None,
    language: str,
    as_json: bool,
) -> bool:
    """Verify the evidence file at `file`, print the reports, write the documents below `output`."""
    with ExitStack() as stack:
        opened = cast(BinaryIO, stack.enter_context(file.open("rb")))
        with damaged(file):
            disclosed = read_evidence(opened)
        if trusted is None:
            reports = [unchecked_report(each.receipt) for each in disclosed]
            return show_reports(file, reports, None, language, as_json)
        stagings: list[Staging] = []
        reports = []
        taken: Conflict | None = None
        for number, each in enumerate(disclosed, 1):
            if output is not None and taken is None and isinstance(each.opening, Manifest):
                folder = output if len(disclosed) == 1 else output / str(number)
                try:
                    staging = Staging(folder, each.opening.documents, file.stem)
                    stagings.append(stack.enter_context(staging))
                except Conflict as error:
                    # The report is due all the same; the documents need another place.
                    taken = error
                    stagings.clear()
            reports.append(_verify(file, each, trusted[0], stagings[-1] if stagings else None))
        placed: list[tuple[Path, Opened]] = []
        if output is not None and taken is None and all(report.good for report in reports):
            for number, staging in enumerate(stagings, 1):
                folder = output if len(disclosed) == 1 else output / str(number)
                placed.append((folder, staging.place()))
        more = {
            "documents": [
                {"name": name, "file": str((folder / place).absolute())}
                for folder, written in placed
                for name, place in written.names.items()
            ]
        }
        good = show_reports(file, reports, trusted, language, as_json, more)
        if taken is not None:
            shell.tell(f"Nothing was written: {text.plain(str(taken))}")
        elif not as_json:
            _say_where(output, placed)
        return good and taken is None


def _verify(
    file: Path, disclosed: DisclosedDeposit, trust: "Trust", staging: Staging | None
) -> "Report":
    total = sum(size for _, size in disclosed.contents)
    with shell.Progress(f"verifying {file.name}", total) as progress:
        try:
            write = staging.write if staging else None
            return verify_disclosed(disclosed, trust, write, progress).report
        except ReceiptRefused as error:
            return error.report


def _say_where(output: Path | None, placed: list[tuple[Path, Opened]]) -> None:
    if output is None:
        return
    click.echo("")
    if not placed:
        click.echo(f"Nothing was written to {output}: the report is not good.")
    for folder, written in placed:
        for name, place in written.names.items():
            renamed = f"   (deposited as {text.plain(name)})" if name in written.renamed else ""
            click.echo(f"{text.plain(str(folder / place))}{renamed}")
