"""Readings beside a report: a section of the page, values for machines, files in a folder apart."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ledger.cli import text
from ledger.cli.court.page import described
from ledger.cli.table import labelled
from ledger.court.pieces import free
from ledger.court.reading_words import described_readings, how_read, readings_text
from ledger.court.readings import Reading, readings
from ledger.court.shown import document_called
from ledger.disk.staging import Staging
from ledger.evidence.casefile import DisclosedDeposit
from ledger.quoted import Quoted, quoted

LISTING = "_readings.txt"
SUFFIX = ".read"
"""Ends the name of the folder of readings, which stands beside the exact content."""


def readings_of(disclosed: DisclosedDeposit) -> list[Reading]:
    """Return what is read of a deposit that has been verified, without the files."""
    return [each.brief() for each in _all(disclosed)]


def _all(disclosed: DisclosedDeposit) -> Iterator[Reading]:
    if disclosed.opening is not None:
        yield from readings(disclosed.opening, disclosed.sizes, disclosed.fetch)


def readings_page(found: Sequence[Reading], language: str) -> str:
    """Return the section of a report, "" where there is nothing to read."""
    words = described_readings(found, language)
    return "\n".join(["", "", *described(words, "")]) if found else ""


def reading_values(
    found: Sequence[Sequence[Reading]], files: Sequence[Sequence[Path | None]]
) -> list[dict[str, Any]]:
    """Return the readings for machines; `files` are where they went, deposit by deposit."""
    return [
        {
            "deposit": number,
            "document": each.document,
            "path": each.path or None,
            "message": each.message or None,
            "charset": each.charset or None,
            "transfer_encoding": each.encoding or None,
            "rests_on": each.rests.value,
            "proven": False,
            "name": each.name or None,
            "name_guessed": each.name_guessed,
            "text": each.text,
            "damaged": each.damaged,
            "unpacked": each.unpacked,
            "not_read": each.why.value if each.why else None,
            "file": str(file.absolute()) if file else None,
        }
        for number, (several, places) in enumerate(zip(found, files, strict=True), 1)
        for each, file in zip(several, places, strict=True)
    ]


def write_readings(
    disclosed: DisclosedDeposit, found: Sequence[Reading], folder: Path, title: str, language: str
) -> list[Path | None]:
    """Write the files of readings, and a list of them; return where each went. Raises Conflict."""
    taken = {LISTING: 1}
    names = [free(each.place, taken) if each.place else "" for each in found]
    written = [name for name in names if name]
    if not written:
        return [None] * len(found)
    with ExitStack() as stack:
        staging = stack.enter_context(Staging(folder, [*written, LISTING], title + SUFFIX))
        number = 0
        for each in _all(disclosed):
            if each.place:
                staging.write(number, 0, each.data)
                number += 1
        places = [staging.names[name] if name else "" for name in names]
        listing = _listing(found, [place.partition("/")[2] for place in places], language)
        staging.write(number, 0, listing.encode())
        staging.place()
    return [folder / place if place else None for place in places]


def _listing(found: Sequence[Reading], places: Sequence[str], language: str) -> str:
    lines = [text.indent(readings_text(language), 0)]
    for each, place in zip(found, places, strict=True):
        said: list[str | Quoted] = [quoted(each.path)] if each.path else []
        said.append(how_read(each, language))
        lines += ["", *labelled([(document_called(each.document, language), said)])]
        if place:
            lines += labelled([("", quoted(place))], 2)
    return "\n".join([*lines, ""])
