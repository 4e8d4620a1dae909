"""Inspecting at the office: what a file shows is checked, entered, and proven for a court."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.chain.inspection import (
    MAX_PARTICULARS,
    MAX_RECORDS,
    SALT_SIZE,
    InspectionRecord,
    Particulars,
    Seen,
    format_particulars,
    parse_particulars,
    particulars_digest,
    seen_of,
)
from ledger.chain.office import PART, WHOLE, Inspection, parse_inspection
from ledger.chain.proof import parse_proof
from ledger.chain.report import CONTENT, LEDGER, PROVEN, Report, shows_nothing
from ledger.chain.statement import Statement, parse_statement
from ledger.chain.trust import Trust
from ledger.cli.court.reports import damaged
from ledger.errors import InvalidInput, NotFound, Refused, TooLarge, VerificationFailed
from ledger.evidence.check import check_file
from ledger.notary.ordering import command
from ledger.notary.orders import AskInspections, Inspect, Proven
from ledger.notary.storage.directory import read_settings
from ledger.notary.storage.stores import open_records
from ledger.quoted import quoted


@dataclass(frozen=True, slots=True)
class Shown:
    """A deposit of which a good file shows content."""

    statement: Statement
    report: Report

    @property
    def part(self) -> tuple[Seen, ...]:
        """What is shown, where that is a part; nothing for a whole deposit."""
        content = self.report.claim(CONTENT)
        return seen_of(content.facts["documents"]) if content.by == "partial-opening" else ()


def shown_in(plain: Path, name: Path, trust: Trust) -> tuple[Shown, ...]:
    """Return the deposits that the file at `plain`, called `name`, shows content of, each once.

    Raises VerificationFailed unless all of it is good, InvalidInput where it shows no content,
    TooLarge.
    """
    with damaged(name), plain.open("rb") as opened:
        checked = check_file(opened, trust)
    if not checked.good:
        raise VerificationFailed(
            f"{quoted(name)} does not show what is required; `sealbook notary check` says what. "
            "Nothing was entered."
        )
    found: dict[bytes, Shown] = {}
    for statement, report in zip(checked.statements, checked.reports, strict=True):
        content = report.claim(CONTENT)
        if content.status == PROVEN and not shows_nothing(content):
            found.setdefault(statement.leaf_hash, Shown(statement, report))
    if not found:
        raise InvalidInput(f"{quoted(name)} shows no content: there is nothing to be seen.")
    if len(found) > MAX_RECORDS:
        raise TooLarge(f"{quoted(name)} shows {len(found)} deposits; {MAX_RECORDS} go at once.")
    return tuple(found.values())


def enter(
    directory: Path, seen: Sequence[Shown], officer: str, role: str
) -> tuple[InspectionRecord, ...]:
    """Enter that an officer has seen these deposits; return the records.

    Who it was is durable before it is entered. Raises TooLarge where more pieces are shown than a
    record can list, and what `command` raises.
    """
    kept: dict[bytes, bytes] = {}
    deposits = []
    for each in seen:
        part = each.part
        data = format_particulars(Particulars(os.urandom(SALT_SIZE), officer, role, part))
        if len(data) > MAX_PARTICULARS:
            raise TooLarge(
                "The file shows more single pieces than a record can list; have the documents opened "
                "whole."
            )
        digest = particulars_digest(data)
        kept[digest] = data
        entry = each.report.claim(LEDGER).facts["index"]
        scope = PART if part else WHOLE
        deposits.append(Inspection(entry, each.statement.leaf_hash, scope, digest))
    records = open_records(directory, read_settings(directory))
    for digest, data in kept.items():
        records.write(digest, data)
    try:
        answer = command(directory, Inspect(tuple(deposits)))
    except Refused:
        for digest in kept:
            records.erase(digest)
        raise
    return tuple(_record(each, kept) for each in answer.entries)


def find(directory: Path, seen: Sequence[Shown]) -> tuple[InspectionRecord, ...]:
    """Return the newest record of each of these deposits in which just this was seen, proven anew.

    Raises NotFound where there is none.
    """
    shown = {each.statement.leaf_hash: each.part for each in seen}
    records = open_records(directory, read_settings(directory))
    found: dict[bytes, InspectionRecord] = {}
    for each in command(directory, AskInspections(tuple(shown))).entries:
        inspection = parse_inspection(parse_statement(each.statement))
        data = records.read(inspection.particulars)
        if data is not None and parse_particulars(data).seen == shown[inspection.leaf]:
            found[inspection.leaf] = _record(each, {inspection.particulars: data})
    if not found:
        raise NotFound(
            "The ledger has no inspection of just what this file shows, or who inspected is kept here "
            "no more; a backup of the notary may have it."
        )
    return tuple(found.values())


def _record(proven: Proven, kept: Mapping[bytes, bytes]) -> InspectionRecord:
    statement = parse_statement(proven.statement)
    inspection = parse_inspection(statement)
    proof = parse_proof(proven.proof)
    return InspectionRecord(statement, inspection, proof, kept[inspection.particulars])
