"""Reports as a page for people: one claim after the other, in 80 columns."""

from collections.abc import Iterator, Sequence

import click

from ledger.catalogue import Described, describe, say, verdict
from ledger.chain.report import FAILED, PROVEN, STATED, Report
from ledger.cli import text

_MARGIN = 4
_COLORS = {PROVEN: "green", STATED: "yellow", FAILED: "red"}


def report_page(report: Report, language: str, head: Sequence[tuple[str, str]]) -> str:
    """Return the report; `head` holds labelled lines that go first."""
    lines = [headed(report, say("title", language), language, head)]
    for claim in report.claims:
        words = describe(claim, language, text.when)
        lines += ["", *described(words, claim.status)]
    return "\n".join(lines)


def headed(report: Report, title: str, language: str, head: Sequence[tuple[str, str]]) -> str:
    """Return a report's title, labelled lines, and its result."""
    color = "green" if report.good else "red"
    rows = [*head, (say("result", language), verdict(report, language))]
    table = list(labelled(rows))
    result = [click.style(line, fg=color, bold=True) for line in table[-1].split("\n")]
    return "\n".join([click.style(title, bold=True), "", *table[:-1], *result])


def labelled(rows: Sequence[tuple[str, str]], margin: int = 0) -> Iterator[str]:
    """Yield a line or more for each label and value, values under each other."""
    width = max((text.columns(label) for label, _ in rows), default=0) + 2
    for label, value in rows:
        start = " " * margin + text.pad(label, width)
        body: list[str] = [value] if isinstance(value, text.Whole) else []
        for part in () if body else value.split("\n"):
            body += text.wrap(part, text.WIDTH - margin - width)
        yield "\n".join(
            (start if number == 0 else " " * (margin + width)) + line
            for number, line in enumerate(body)
        )


def described(words: Described, status: str) -> Iterator[str]:
    """Yield the lines of a claim or an answer: its title and status, what it says, the facts."""
    gap = max(2, text.WIDTH - text.columns(words.title) - text.columns(words.status))
    shown = click.style(words.status, fg=_COLORS.get(status), bold=status == FAILED)
    if text.columns(words.title) + text.columns(words.status) + gap > text.WIDTH:
        yield click.style(words.title, bold=True)
        yield " " * max(0, text.WIDTH - text.columns(words.status)) + shown
    else:
        yield click.style(words.title, bold=True) + " " * gap + shown
    yield text.indent(text.plain(words.text), _MARGIN)
    yield from (" " * (_MARGIN + 2) + line for line in words.command)
    if words.facts:
        yield from labelled(_fact_rows(words), _MARGIN)


def _fact_rows(words: Described) -> list[tuple[str, str]]:
    return [
        (text.shorten(text.plain(fact.label), 40), "\n".join(text.groups(fact.value)))
        if fact.digest
        else (text.shorten(text.plain(fact.label), 40), text.plain(fact.value))
        for fact in words.facts
    ]
