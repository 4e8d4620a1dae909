"""What the receipts of a file show together of a matter, in words."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ledger.chain.report import FAILED, PROVEN
from ledger.court.claims import status_words
from ledger.court.sentences import say
from ledger.court.words import Described, Fact, hexadecimal, reason_facts
from ledger.quoted import Words

if TYPE_CHECKING:
    from ledger.evidence.casefile import MatterShown


def describe_matter(matter: "MatterShown", language: str) -> Described:
    """Return the matter in words."""
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
