"""Reports on a file as they are printed: a page for people, one JSON object for machines."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.speech import _
from ledger.errors import MalformedData
from ledger.quoted import Words, quoted

if TYPE_CHECKING:
    from ledger.chain.attesting import Renewed
    from ledger.chain.inspection import InspectionRecord
    from ledger.chain.report import Report
    from ledger.chain.trust import Trust
    from ledger.cli.court.questions import Examined
    from ledger.cli.table import Value
    from ledger.court.questions import Check
    from ledger.evidence.casefile import MatterShown

    Trusted = tuple[Trust, bytes, str]
    """The trust, its file's bytes, and the file's name, "" for the one pinned in the vault."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a result is shown: what its reader calls the file, the language, by which rule, how fully."""

    name: Path
    language: str
    as_json: bool
    rule: str | None = None
    full: bool = False

    @property
    def draft(self) -> bool:
        """Whether a declaration is wanted, which stands alone on stdout."""
        if self.rule is None:
            return False
        from ledger.court.questions import FRE_902

        return self.rule == FRE_902


@dataclass(frozen=True, slots=True)
class Beside:
    """What was handed over with a file: an evidence record over it, inspection records."""

    renewed: "Renewed | None" = None
    inspections: "tuple[InspectionRecord, ...]" = ()


def show_reports(
    reports: "Sequence[Report]",
    trusted: "Trusted | None",
    how: Shown,
    more: dict[str, Any] | None = None,
    *,
    matters: "Sequence[MatterShown]" = (),
    examined: "Sequence[Examined]" = (),
    readings: Sequence[str] = (),
) -> bool:
    """Print the reports on a file; return whether all are good.

    `matters` is what the file shows as a whole, `examined` what a rule's questions are answered from,
    `readings` what follows each report.
    """
    from ledger.chain.report import FAILED

    good = (
        trusted is not None
        and all(report.good for report in reports)
        and all(matter.status != FAILED for matter in matters)
    )
    check = None
    if how.rule is not None and trusted is not None:
        from ledger.cli.court.questions import check_of

        check = check_of(how.name, trusted, how.language)
        if how.draft and not good:
            shell.tell(_("No declaration is drafted, because the report is not good."))
            check = None
    if how.as_json:
        value = {"file": str(how.name), "good": good, "trust": _trust_value(trusted)}
        value["reports"] = [report.as_dict() for report in reports]
        value["matters"] = [matter.as_dict() for matter in matters]
        if check is not None:
            from ledger.cli.court.questions import structured

            value |= structured(str(how.rule), examined, check, matters)
        shell.emit(True, {**value, **(more or {})}, "")
    elif trusted is None:
        _say_untrusted(how)
    else:
        click.echo(_page(reports, trusted, how, matters, examined, check, readings))
    return good


def _page(
    reports: "Sequence[Report]",
    trusted: "Trusted",
    how: Shown,
    matters: "Sequence[MatterShown]",
    examined: "Sequence[Examined]",
    check: "Check | None",
    readings: Sequence[str],
) -> str:
    from ledger.cli.court.page import report_page
    from ledger.court.relied import refused

    head = [_file_row(how), *_trust_rows(trusted, how.language)]
    if how.draft and check is not None:
        from ledger.cli.court.questions import declaration_page

        return declaration_page(examined, check, matters)
    pages = []
    if len(reports) > 1:
        from ledger.cli.court.overview import overview_page, receipt_alone

        pages.append(overview_page(reports, matters, how.language, head, how.full))
    for number, report in enumerate(reports):
        if len(reports) > 1 and not how.full and receipt_alone(report):
            continue
        top = [*_place_rows(number, len(reports), how.language), *head]
        if check is None or refused(report) is not None:
            pages.append(report_page(report, how.language, top))
        else:
            from ledger.cli.court.questions import answers_page

            pages.append(answers_page(examined[number], check, how.language, top))
        if readings:
            pages[-1] += readings[number]
    return ("\n\n" + "-" * text.WIDTH + "\n\n").join(pages)


def _place_rows(number: int, count: int, language: str) -> list[tuple[str, str]]:
    """Return which deposit of the file a report is on, where there are several."""
    from ledger.court import say

    place = say("deposit-of", language, number=number + 1, count=count)
    return [(say("deposit", language), place)] if count > 1 else []


def _say_untrusted(how: Shown) -> None:
    from ledger.cli.table import labelled
    from ledger.court import say

    click.echo(click.style(say("title", how.language), bold=True) + "\n")
    click.echo("\n".join(labelled([_file_row(how)])))
    click.echo("\n" + click.style(text.indent(say("no-trust", how.language), 0), fg="red"))


def _file_row(how: Shown) -> "tuple[str, Value]":
    from ledger.court import say

    return say("file", how.language), quoted(how.name)


def _trust_rows(trusted: "Trusted", language: str) -> "list[tuple[str, Value]]":
    from ledger.chain.trust import fingerprint
    from ledger.court import say

    trust, data, source = trusted
    issued = say("issued", language, issued=Words(text.when(trust.issued)[:10]))
    where = quoted(source) if source else say("vault-trust", language)
    return [
        (say("trust", language), [where, issued, quoted(trust.issuer)]),
        (say("fingerprint", language), fingerprint(data)),
    ]


def _trust_value(trusted: "Trusted | None") -> dict[str, Any] | None:
    from ledger.chain.trust import fingerprint

    if trusted is None:
        return None
    trust, data, _ = trusted
    return {"origin": trust.origin, "issuer": trust.issuer, "fingerprint": fingerprint(data)}


@contextmanager
def damaged(path: Path) -> Iterator[None]:
    """Say what it means for a person that a parser refuses a receipt or an evidence file."""
    try:
        yield
    except MalformedData as error:
        raise MalformedData(
            f"{quoted(path)} is not a receipt or an evidence file, or it is incomplete or "
            "damaged; ask for a "
            f"new copy of it ({error})."
        ) from error
