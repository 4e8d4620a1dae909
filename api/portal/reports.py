"""A report in words, for the page of a check: the same words as on the court's own page.

What is said where something fails, `ledger.court.relied` decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.chain.report import Claim, Report
from ledger.court import Described, describe, verdict
from ledger.court.matters import describe_matter
from ledger.court.relied import refused
from ledger.evidence.casefile import MatterShown
from ledger.language import tr
from ledger.quoted import Words

from ..schemas import Standing, Verification
from .rendering import moment

MAX_SHOWN = 20
"""Deposits of a file that the page shows in full."""


@dataclass(frozen=True, slots=True)
class Card:
    """A claim: its status, for the icon, and its words."""

    status: str
    words: Described


@dataclass(frozen=True, slots=True)
class Shown:
    """One deposit: the result in a sentence, and its cards; of one that is `refused` only why."""

    result: Words
    failed: bool
    refused: Described | None
    cards: tuple[Card, ...] = ()
    standing: tuple[Words, ...] = ()


def shown(found: Verification, language: str) -> list[Shown]:
    """Return the deposits that were checked, in the language."""
    return [
        _shown(report_of(each.report), each.standing, language)
        for each in found.deposits[:MAX_SHOWN]
    ]


def matters(found: Verification, language: str) -> list[Card]:
    """Return what the file shows of its matters; only deposits that are good count there."""
    return [
        Card(each["status"], describe_matter(_matter_of(each), language))
        for each in found.matters[:MAX_SHOWN]
    ]


def report_of(value: Mapping[str, Any]) -> Report:
    """Return the report that `Report.as_dict` has put into a dict."""
    claims = [
        Claim(each["claim"], each["status"], each["by"], each["reason"], each["facts"])
        for each in value["claims"]
    ]
    return Report(tuple(claims), tuple(value["required"]))


def _matter_of(value: Mapping[str, Any]) -> MatterShown:
    runs = tuple((first, last) for first, last in value["numbers"])
    return MatterShown(
        value["status"], value["account"], bytes.fromhex(value["id"]), runs, value["reason"]
    )


def _shown(report: Report, standing: Standing, language: str) -> Shown:
    result = verdict(report, language)
    if (failed := refused(report)) is not None:
        return Shown(result, True, describe(failed, language))
    cards = tuple(
        Card(claim.status, describe(claim, language, lambda seconds: moment(seconds, language)))
        for claim in report.claims
    )
    return Shown(result, bool(report.failed), None, cards, _standing(standing, language))


def _standing(standing: Standing, language: str) -> tuple[Words, ...]:
    """Return what the office says today of the entry and its key, in sentences."""
    said = []
    if standing.entered and standing.index is not None:
        said.append(
            tr(
                "The deposit is entry {index} of this ledger, which has {size} entries now.",
                language,
                index=standing.index,
                size=standing.size,
            )
        )
    else:
        said.append(tr("The deposit is not an entry of this ledger.", language))
    if standing.revocation is not None:
        revoked = standing.revocation
        time = moment(revoked.time, language)
        sentences = {
            True: tr("Its key was revoked at {time}, after the deposit.", language, time=time),
            False: tr("Its key was revoked at {time}, before the deposit.", language, time=time),
            None: tr("Its key was revoked at {time}.", language, time=time),
        }
        said.append(sentences[revoked.after_deposit])
    elif standing.key_revoked is None:
        said.append(tr("The key that signed it is not known here.", language))
    else:
        said.append(tr("The key that signed it is not revoked.", language))
    return tuple(said)
