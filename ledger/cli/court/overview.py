"""What stands before the reports on a file of several deposits: its result, matters, a line each."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from ledger.chain import report as rp
from ledger.chain.report import Report, shows_nothing
from ledger.cli import text
from ledger.cli.court.matters import matters_page
from ledger.cli.table import Rows, labelled
from ledger.court import say, verdict
from ledger.court.relied import refused
from ledger.language import utc

if TYPE_CHECKING:
    from ledger.evidence.casefile import MatterShown

_COLUMNS = ("column-number", "column-matter", "column-entry", "column-block", "column-time")
_GAP = "  "


def overview_page(
    reports: Sequence[Report],
    matters: "Sequence[MatterShown]",
    language: str,
    head: Rows,
    full: bool,
) -> str:
    """Return the overview; `full` says that every report follows, also on receipts alone."""
    good, result = _result(reports, matters, language)
    *rows, last = labelled([*head, (say("result", language), result)])
    color = "green" if good else "red"
    lines = [click.style(say("title", language), bold=True), "", *rows]
    lines += [click.style(line, fg=color, bold=True) for line in last.split("\n")]
    if matters:
        lines += ["", matters_page(matters, language)]
    lines += ["", click.style(say("title-deposits", language), bold=True), ""]
    lines += _table(reports, language)
    if not full and any(map(receipt_alone, reports)):
        lines += ["", text.indent(say("receipts-in-short", language), 0)]
    return "\n".join(lines)


def receipt_alone(report: Report) -> bool:
    """Return whether nothing of the content is shown and no claim failed: one line says it all."""
    return report.claim(rp.CONTENT).status == rp.NOT_SHOWN and not report.failed


def _result(
    reports: Sequence[Report], matters: "Sequence[MatterShown]", language: str
) -> tuple[bool, str]:
    bad = sum(not report.good for report in reports)
    contradicted = any(matter.status == rp.FAILED for matter in matters)
    found = []
    if bad:
        found.append(say("file-bad", language, bad=bad, count=len(reports)))
    if contradicted:
        found.append(say("matter-failed", language))
    return not found, "\n".join(found) or say("file-good", language, count=len(reports))


def _table(reports: Sequence[Report], language: str) -> Iterator[str]:
    heads = [say(key, language) for key in _COLUMNS]
    rows = [_cells(number, report) for number, report in enumerate(reports, 1)]
    widths = [max(map(text.columns, column)) for column in zip(heads, *rows, strict=True)]

    def line(cells: Sequence[str], last: str) -> str:
        padded = (text.pad(cell, width) for cell, width in zip(cells, widths, strict=True))
        return _GAP.join([*padded, last])

    yield line(heads, say("column-shown", language))
    for cells, report in zip(rows, reports, strict=True):
        shown = line(cells, say(_shown(report), language))
        yield shown if report.good else click.style(shown, fg="red", bold=True)
        if not report.good:
            yield text.indent(verdict(report, language), widths[0] + len(_GAP))


def _cells(number: int, report: Report) -> list[str]:
    names = (rp.MATTER, rp.LEDGER, rp.BLOCK, rp.TIME)
    facts = {name: report.claim(name).facts if refused(report) is None else {} for name in names}
    time = facts[rp.TIME].get("time")
    return [
        str(number),
        str(facts[rp.MATTER].get("number", "-")),
        str(facts[rp.LEDGER].get("index", "-")),
        str(facts[rp.BLOCK].get("height", "-")),
        "-" if time is None else utc(time),
    ]


def _shown(report: Report) -> str:
    content = report.claim(rp.CONTENT)
    if report.failed:
        return "shown-failed"
    if content.status == rp.NOT_SHOWN:
        return "shown-receipt"
    if shows_nothing(content):
        return "shown-fields"
    return "shown-in-part" if content.by == "partial-opening" else "shown-whole"
