"""Reports as a page for people: one claim after the other, in 80 columns."""

from collections.abc import Iterator, Sequence

import click

from ledger.catalogue import Described, describe, say, verdict
from ledger.chain.report import FAILED, PROVEN, STATED, Claim, Report
from ledger.cli import text

_MARGIN = 4
_COLORS = {PROVEN: "green", STATED: "yellow", FAILED: "red"}


def report_page(report: Report, language: str, head: Sequence[tuple[str, str]]) -> str:
    """Return the report; `head` holds labelled lines that go first."""
    lines = [click.style(say("title", language), bold=True), ""]
    color = "green" if report.good else "red"
    rows = [*head, (say("result", language), verdict(report, language))]
    table = list(labelled(rows))
    lines += table[:-1]
    lines += [click.style(line, fg=color, bold=True) for line in table[-1].split("\n")]
    for claim in report.claims:
        lines += ["", *_claim(claim, language)]
    return "\n".join(lines)


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


def _claim(claim: Claim, language: str) -> Iterator[str]:
    words = describe(claim, language, text.when)
    gap = max(2, text.WIDTH - text.columns(words.title) - text.columns(words.status))
    status = click.style(words.status, fg=_COLORS.get(claim.status), bold=claim.status == FAILED)
    yield click.style(words.title, bold=True) + " " * gap + status
    yield text.indent(text.plain(words.text), _MARGIN)
    if words.facts:
        yield from labelled(_fact_rows(words), _MARGIN)


def _fact_rows(words: Described) -> list[tuple[str, str]]:
    return [
        (text.shorten(text.plain(fact.label), 40), "\n".join(text.groups(fact.value)))
        if fact.digest
        else (text.shorten(text.plain(fact.label), 40), text.plain(fact.value))
        for fact in words.facts
    ]
