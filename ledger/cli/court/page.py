"""Reports as a page for people: one claim after the other, in 80 columns."""

from collections.abc import Iterator

import click

from ledger.chain.report import FAILED, PROVEN, STATED, Report
from ledger.cli import text
from ledger.cli.table import Rows, Value, labelled
from ledger.court import Described, Fact, describe, say, verdict
from ledger.court.relied import refused, told
from ledger.quoted import Words, quoted

_MARGIN = 4
_COLORS = {PROVEN: "green", STATED: "yellow", FAILED: "red"}


def report_page(report: Report, language: str, head: Rows) -> str:
    """Return the report; `head` holds labelled lines that go first."""
    lines = [headed(report, say("title", language), language, head)]
    for claim in told(report):
        words = describe(claim, language, text.when)
        lines += ["", *described(words, claim.status)]
    if refused(report) is not None:
        lines += ["", text.indent(say("refused", language), 0)]
        lines += [text.indent(say("refused-why", language), 0)]
    return "\n".join(lines)


def headed(report: Report, title: str, language: str, head: Rows) -> str:
    """Return a report's title, labelled lines, and its result."""
    color = "green" if report.good else "red"
    rows = [*head, (say("result", language), verdict(report, language))]
    table = list(labelled(rows))
    result = [click.style(line, fg=color, bold=True) for line in table[-1].split("\n")]
    return "\n".join([click.style(title, bold=True), "", *table[:-1], *result])


def described(words: Described, status: str) -> Iterator[str]:
    """Yield the lines of a claim or an answer: its title and status, what it says, the facts."""
    gap = max(2, text.WIDTH - text.columns(words.title) - text.columns(words.status))
    shown = click.style(words.status, fg=_COLORS.get(status), bold=status == FAILED)
    if text.columns(words.title) + text.columns(words.status) + gap > text.WIDTH:
        yield click.style(text.indent(words.title, 0), bold=True)
        yield " " * max(0, text.WIDTH - text.columns(words.status)) + shown
    else:
        yield click.style(words.title, bold=True) + " " * gap + shown
    yield text.indent(words.text, _MARGIN)
    yield from (" " * (_MARGIN + 2) + line for line in words.command)
    if words.facts:
        yield from labelled(_fact_rows(words), _MARGIN)


def _fact_rows(words: Described) -> Rows:
    return [(fact.label, _fact_value(fact)) for fact in words.facts]


def _fact_value(fact: Fact) -> Value:
    if fact.digest:
        return text.groups(str(fact.value), 8 if text.WIDTH >= 80 else 4)
    return fact.value if isinstance(fact.value, Words) else quoted(fact.value)
