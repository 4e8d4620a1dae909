"""The record that an officer signs after opening a deposit: what was seen, in Chinese and English.

A draft from what the check showed. What only a person can say stays blank, and nothing here says more
than the report does. It names the content, so it is handed out and enters no ledger.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain import report as rp
from ledger.chain.inspection import VerifiedInspection
from ledger.chain.office import WHOLE
from ledger.chain.report import Report
from ledger.court.drafts import blank, value
from ledger.court.shown import document_called, position, span
from ledger.language import CHINESE, ENGLISH, tr, utc
from ledger.quoted import Words

LISTED = 200
"""Documents and parts of a deposit that the record lists; the file lists all."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A deposit that was opened: the report on it, and what the office entered."""

    report: Report
    inspection: VerifiedInspection


@dataclass(frozen=True, slots=True)
class Desk:
    """Where it was opened: the office and its ledger, the trust file's fingerprint, the file.

    `digest` is the file's SHA-256 in hex, `record` the name of the file of inspection records.
    """

    office: str
    origin: str
    fingerprint: str
    file: str
    digest: str
    record: str


def inspection_paper(opened: Sequence[Opened], desk: Desk) -> str:
    """Return the record: Chinese, then English; paragraphs with empty lines between them.

    `opened` holds at least one deposit.
    """
    pages = (_page(opened, desk, language) for language in (CHINESE, ENGLISH))
    return "\n\n".join(paragraph for page in pages for paragraph in page)


def _page(opened: Sequence[Opened], desk: Desk, language: str) -> Iterator[str]:
    who = opened[0].inspection.particulars
    yield tr("INSPECTION RECORD - UNSIGNED DRAFT", language)
    yield tr(
        "Made by a program from a check of the file. Compare every sentence with what you have seen "
        "yourself, complete every [blank], strike what you cannot say, then sign. A line that is set "
        "in and quoted holds words of others.",
        language,
    )
    numbered = [
        tr("Notary office and officer:", language)
        + value(tr("notary office", language), desk.office)
        + value(tr("ledger", language), desk.origin)
        + value(tr("officer", language), who.officer)
        + value(tr("office held", language), who.role),
        tr(
            "At {place}, at the request of {applicant}, in the presence of {present}, the officer "
            "opened the file named below on {machine} and looked at what it shows.",
            language,
            place=blank(tr("place, date and time", language)),
            applicant=blank(tr("applicant", language)),
            present=blank(tr("persons present", language)),
            machine=blank(tr("machine and software that displayed it", language)),
        )
        + value(tr("file opened", language), desk.file)
        + value(tr("its SHA-256", language), Words(desk.digest))
        + value(tr("fingerprint of the trust file", language), Words(desk.fingerprint)),
        *(_deposit(each, language) for each in opened),
        tr("What the officer noticed: {noticed}", language, noticed=blank(tr("remarks", language))),
        tr(
            "This record does not show who wrote the content, whether it is true or secret, or how it "
            "came about; of a deposit that was opened in part, it shows nothing of the rest. It is not "
            "a notarial act.",
            language,
        ),
        tr(
            "Anybody can check the entry without the office, offline: sealbook verify FILE --trust "
            "TRUST --inspection RECORD, with the file above and the record named below.",
            language,
        )
        + value(tr("inspection record", language), desk.record),
    ]
    for number, text in enumerate(numbered, 1):
        yield f"{number}. {text}"
    yield tr(
        "Officer: {signature}   Seal of the office: {seal}   Date: {date}",
        language,
        signature=blank(tr("signature", language)),
        seal=blank(tr("official seal", language)),
        date=blank(tr("date", language)),
    )


def _deposit(opened: Opened, language: str) -> str:
    report, found = opened.report, opened.inspection
    entry, block = report.claim(rp.LEDGER).facts, report.claim(rp.BLOCK).facts
    places = {
        "entry": entry["index"],
        "block": block["height"],
        "index": found.index,
        "time": utc(found.time),
    }
    if found.inspection.scope == WHOLE:
        text = tr(
            "Entry {entry} of the ledger, block {block}: the file shows the whole deposit. Recomputed "
            "from it, the commitment below equals the one in the ledger. Entered as inspected, whole: "
            "entry {index}, {time}. That entry names neither the officer nor anything that was seen.",
            language,
            **places,
        )
    else:
        text = tr(
            "Entry {entry} of the ledger, block {block}: the file shows a part of the deposit, as "
            "listed below, and that part alone was seen. Recomputed from it, the commitment below "
            "equals the one in the ledger. Entered as inspected in part: entry {index}, {time}. That "
            "entry names neither the officer nor anything that was seen.",
            language,
            **places,
        )
    lines = [text, value(tr("commitment", language), Words(entry["commitment"]))]
    identity = report.claim(rp.IDENTITY).facts
    if "name" in identity:
        holder = tr("account held by, as the office recorded", language)
        lines.append(value(holder, identity["name"]))
    return "".join([*lines, *_contents(opened, language)])


def _contents(opened: Opened, language: str) -> Iterator[str]:
    """Yield what was seen, a line each, at most `LISTED` documents and parts."""
    documents = opened.report.claim(rp.CONTENT).facts["documents"]
    lines = [
        line
        for number, each in enumerate(documents, 1)
        for line in (
            [_whole(number, each, language)]
            if opened.inspection.inspection.scope == WHOLE
            else _parts(each, language)
        )
    ]
    yield from lines[:LISTED]
    if len(lines) > LISTED:
        more = tr("and {count} more, which the file lists", language, count=len(lines) - LISTED)
        yield f"\n    {more}"


def _whole(number: int, document: Mapping[str, Any], language: str) -> str:
    name = document["name"] or tr("name not opened", language)
    whole = tr("whole, {size} bytes", language, size=Words(f"{document['size']:,}"))
    return f"{value(document_called(number, language), name)}\n        {whole}"


def _parts(document: Mapping[str, Any], language: str) -> Iterator[str]:
    """Yield what was seen of a document: which part of how many, as its software stated at sealing."""
    number = document["document"]
    if document["whole"]:
        yield _whole(number, document, language)
        return
    name = document["name"] or tr("name not opened", language)
    for part in document["parts"]:
        line = (
            f"{value(document_called(number, language), name)}\n        {position(part, language)}"
        )
        if part["path"] is not None:
            pieces = span(part["first"], part["first"] + part["count"] - 1, language)
            line += f" · {pieces}{value(tr('called, as stated', language), part['path'])}"
        yield line
