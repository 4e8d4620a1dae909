"""`sealbook verify` of an evidence file: every deposit in it; content appears once all is shown."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from ledger.chain.report import CONTENT
from ledger.cli import shell, text
from ledger.cli.court.gaps import gaps_page
from ledger.cli.court.readings import reading_values, readings_of, readings_page, write_readings
from ledger.cli.court.reports import Shown, damaged, show_reports
from ledger.cli.court.sealed import ended_in_order
from ledger.cli.speech import _
from ledger.cli.table import labelled
from ledger.court import say
from ledger.court.pieces import content_names, outputs
from ledger.court.readings import Reading
from ledger.disk.staging import Opened, Staging
from ledger.errors import Conflict, StorageFailed
from ledger.evidence.casefile import DisclosedDeposit, FileReport, verify_file
from ledger.evidence.file import read_evidence, verify_disclosed
from ledger.evidence.inspected import sort_inspections
from ledger.evidence.manifest import Manifest
from ledger.evidence.partial import PartialOpening
from ledger.quoted import quoted
from ledger.verify import VerifiedReceipt, unchecked_report

_LISTED = 40
"""Files of readings that are named; `_readings.txt` names all."""

if TYPE_CHECKING:
    from ledger.chain.report import Report
    from ledger.chain.trust import Trust
    from ledger.cli.court.questions import Examined
    from ledger.cli.court.reports import Beside, Trusted


def verify_evidence(
    file: Path,
    trusted: "Trusted | None",
    beside: "Beside",
    output: Path | None,
    how: Shown,
) -> bool:
    """Verify the evidence file at `file`, print the reports, write the content below `output`."""
    with ExitStack() as stack:
        # Content on its way is in hiding, and must not stay there.
        stack.enter_context(ended_in_order())
        opened = cast(BinaryIO, stack.enter_context(file.open("rb")))
        with damaged(how.name):
            disclosed = read_evidence(opened)
            if trusted is None:
                return show_reports([unchecked_report()] * len(disclosed), None, how)
        writing = _Writing(output, disclosed, beside, how, stack)
        with damaged(how.name):
            result = verify_file(disclosed, trusted[0], writing.verify)
        writing.finish(result)
        found = [readings_of(each) if result.good else [] for each in disclosed]
        files = writing.write_readings(found)
        more = {
            "documents": writing.placed_files(),
            "readings": reading_values(found, files),
        }
        examined: list[Examined] = []
        # What is not good is not drafted, and may not even be there.
        if how.rule is not None and (result.good or not how.draft):
            examined = [
                _examined(each, report, how.rule)
                for each, report in zip(disclosed, result.reports, strict=True)
            ]
        good = show_reports(
            result.reports,
            trusted,
            how,
            more,
            matters=result.matters,
            examined=examined,
            readings=[readings_page(each, how.language) for each in found],
        )
        writing.say()
        return good and writing.taken is None


class _Writing:
    """Content on its way to the reader's folder: `finish` shows it where the report is good."""

    def __init__(
        self,
        output: Path | None,
        disclosed: tuple[DisclosedDeposit, ...],
        beside: "Beside",
        how: Shown,
        stack: ExitStack,
    ) -> None:
        self.taken: Conflict | None = None
        self._output, self._disclosed, self._renewed = output, disclosed, beside.renewed
        self._inspections = sort_inspections(beside.inspections, disclosed)
        self._how, self._stack = how, stack
        self._title = Path(how.name.name.removesuffix(".age")).stem
        self._stagings: dict[int, Staging] = {}
        self._placed: dict[int, Opened] = {}
        self._read: list[Path] = []
        self._withheld = False

    def verify(self, number: int, disclosed: DisclosedDeposit, trust: "Trust") -> VerifiedReceipt:
        """Verify one deposit, its content into hiding."""
        staging = self._staging(number, disclosed)
        total = sum(size for _, size in disclosed.contents)
        with shell.Progress(f"verifying {quoted(self._how.name.name)}", total) as progress:
            write = staging.write if staging else None
            inspections = self._inspections[number]
            return verify_disclosed(disclosed, trust, write, progress, self._renewed, inspections)

    def finish(self, result: FileReport) -> None:
        """Move what is good to its place."""
        if not result.good:
            self._withheld = bool(self._stagings) or self.taken is not None
            self.taken = None  # it says a document's name
            return
        if self.taken is not None:
            return
        for number, staging in self._stagings.items():
            opening = self._disclosed[number].opening
            if isinstance(opening, PartialOpening):
                documents = result.reports[number].claim(CONTENT).facts["documents"]
                # Below the folder in which the listing stands.
                places = [each.partition("/")[2] for each in staging.names.values()]
                listing = gaps_page(documents, places, self._how.language)
                staging.write(len(places) - 1, 0, listing.encode())
            self._placed[number] = staging.place()

    def write_readings(self, found: Sequence[Sequence[Reading]]) -> list[list[Path | None]]:
        """Write the files of readings beside what was placed; return where they went."""
        files: list[list[Path | None]] = [[None] * len(each) for each in found]
        for number in self._placed:
            disclosed, folder = self._disclosed[number], self._folder(number)
            try:
                files[number] = write_readings(
                    disclosed, found[number], folder, self._title, self._how.language
                )
            except (Conflict, StorageFailed) as error:
                # The exact content stands in its place, and the report is due.
                shell.tell(text.said(f"No readings were written: {error}"))
        self._read = [file for each in files for file in each if file is not None]
        return files

    def placed_files(self) -> list[dict[str, str]]:
        """Return what was written, for machines."""
        return [
            {"name": name, "file": str((self._folder(number) / place).absolute())}
            for number, written in self._placed.items()
            for name, place in written.names.items()
        ]

    def say(self) -> None:
        """Tell a person what was written, and what was not."""
        if self.taken is not None:
            shell.tell(text.said(f"Nothing was written: {self.taken}"))
        how = self._how
        if self._output is None or self.taken is not None or how.as_json:
            return
        lines = [""]
        if not self._placed:
            why = _("the report is not good") if self._withheld else _("the file shows no content")
            lines.append(text.said(f"Nothing was written to {quoted(self._output)}: {why}."))
        if self._placed:
            lines.append(say("written", how.language))
        for number, written in self._placed.items():
            whole = isinstance(self._disclosed[number].opening, Manifest)
            for name, place in written.names.items():
                renamed = whole and name in written.renamed
                lines.append(text.foreign(self._folder(number) / place, 2))
                if renamed:
                    lines += labelled([(_("deposited as"), quoted(name))], 4)
        if self._read:
            lines += [say("written-readings", how.language)]
            lines += [text.foreign(each, 2) for each in self._read[:_LISTED]]
            if len(self._read) > _LISTED:
                lines.append(say("more-readings", how.language, count=len(self._read) - _LISTED))
        # A draft stands alone on stdout.
        click.echo("\n".join(lines), err=how.draft)

    def _staging(self, number: int, disclosed: DisclosedDeposit) -> Staging | None:
        if self._output is None or self.taken is not None or disclosed.opening is None:
            return None
        try:
            staging = Staging(self._folder(number), outputs(disclosed.opening), self._title)
        except Conflict as error:
            # The report is due all the same; the content needs another place.
            self.taken = error
            return None
        self._stagings[number] = self._stack.enter_context(staging)
        return staging

    def _folder(self, number: int) -> Path:
        assert self._output is not None
        return self._output if len(self._disclosed) == 1 else self._output / str(number + 1)


def _examined(disclosed: DisclosedDeposit, report: "Report", rule: str) -> "Examined":
    """Return what a rule's questions are answered from, besides the report."""
    from ledger.cli.court.questions import Examined, digest_of
    from ledger.court.declaration import Copy
    from ledger.court.questions import FRE_902, stated_fields

    copies = []
    if rule == FRE_902:
        names = content_names(disclosed.opening)
        for n, (name, (_, size)) in enumerate(zip(names, disclosed.contents, strict=True)):
            copies.append(Copy(name, size, digest_of(partial(disclosed.fetch, n), size)))
    return Examined(report, stated_fields(disclosed.opening), tuple(copies))
