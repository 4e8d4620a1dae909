"""Inspection records as they lie beside the files that an officer has opened."""

from collections.abc import Sequence
from pathlib import Path

from ledger.chain.inspection import MAX_FILE, InspectionRecord, parse_inspections
from ledger.errors import InvalidInput, MalformedData
from ledger.evidence.casefile import DisclosedDeposit
from ledger.quoted import quoted

SUFFIX = ".inspection"
"""Ends the name of a file of records: that of the file inspected, and this."""


def inspections_of(file: Path) -> Path:
    """Return where a file's inspection records lie: beside it."""
    return file.parent / (file.name + SUFFIX)


def read_inspections(file: Path, named: Path | None = None) -> tuple[InspectionRecord, ...]:
    """Return the records in `named`, or else those beside a file, none where there are none.

    Raises InvalidInput where they cannot be read, MalformedData where they are none.
    """
    place = named or inspections_of(file)
    if named is None and not place.is_file():
        return ()
    try:
        with place.open("rb") as opened:
            data = opened.read(MAX_FILE + 1)
    except OSError as error:
        raise InvalidInput(f"{quoted(place)} cannot be read: {error.strerror}.") from error
    try:
        return parse_inspections(data)
    except MalformedData as error:
        raise MalformedData(
            f"{quoted(place)} is no inspection record, or it is damaged; ask the office for it again "
            f"({error})."
        ) from error


def sort_inspections(
    records: Sequence[InspectionRecord], disclosed: Sequence[DisclosedDeposit]
) -> list[tuple[InspectionRecord, ...]]:
    """Return which records to hold against each deposit: those about it.

    Where none is about any of them, all of them against each, so that nobody takes them for theirs.
    """
    leaves = [each.receipt.statement.leaf_hash for each in disclosed]
    found = [tuple(each for each in records if each.inspection.leaf == leaf) for leaf in leaves]
    return found if any(found) else [tuple(records)] * len(disclosed)
