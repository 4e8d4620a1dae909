"""The section of a report on the file as a whole: what its receipts show of their matters."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from ledger.chain.report import FAILED, PROVEN
from ledger.cli.court.page import described
from ledger.court import say, status_words
from ledger.court.words import Described, Fact, hexadecimal, reason_facts
from ledger.quoted import Words

if TYPE_CHECKING:
    from ledger.evidence.casefile import MatterShown


def matters_page(matters: "Sequence[MatterShown]", language: str) -> str:
    """Return the section; there is at least one matter."""
    lines = [click.style(say("title-matters", language), bold=True)]
    for each in matters:
        lines += ["", *described(_words(each, language), each.status)]
    return "\n".join(lines)


def _words(matter: "MatterShown", language: str) -> Described:
    by = "matter-chain" if matter.status == PROVEN else ""
    proven = "matter-runs" if matter.missing else "matter-unbroken"
    key = {PROVEN: proven, FAILED: "matter-failed"}.get(matter.status, "matter-scattered")
    return Described(
        say("matter", language),
        status_words(matter.status, by, language),
        say(key, language, numbers=_numbers(matter.runs, language)),
        tuple(_facts(matter, language)),
    )


def _facts(matter: "MatterShown", language: str) -> Iterator[Fact]:
    yield Fact(say("matter-id", language), hexadecimal(matter.id.hex()), digest=True)
    if matter.missing:
        yield Fact(say("matter-missing", language), _numbers(matter.missing, language))
    if matter.reason:
        yield from reason_facts(say("reason", language), matter.reason, language)


def _numbers(runs: Sequence[tuple[int, int]], language: str) -> Words:
    texts = [
        Words(first) if first == last else say("number-range", language, first=first, last=last)
        for first, last in runs
    ]
    return Words(say("and", language).join(texts))
