"""What a disclosure shows of a deposit, what stays hidden, and what it says besides, as data."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ledger.company.disclosing.contents import Contents, Target, kind_of, parents_of, targets_of
from ledger.company.disclosing.readings import first_line
from ledger.company.noting import noted
from ledger.evidence.manifest import Manifest
from ledger.evidence.partial import PartialOpening, Selection
from ledger.evidence.records import Record, Rendition, metadata_fields
from ledger.verify import VerifiedReceipt


def preview(
    contents: Contents,
    selections: Sequence[Selection],
    opening: PartialOpening,
    verified: VerifiedReceipt,
) -> dict[str, Any]:
    """Return what a partial disclosure reveals, hides and says besides, for a machine."""
    chosen = [each for each in selections if each.document is not None]
    shown = {name for each in selections if each.document is None for name in each.fields}
    return {
        "disclosed": "part",
        "revealed": [_revealed(contents, each) for each in targets_of(selections)],
        "hidden": {
            "cover": [name for name in contents.cover if name not in shown],
            "documents": [_hidden(contents, each) for each in chosen],
            "other_documents": len(contents.records) - len(chosen),
        },
        "says": {
            "cover_padded": opening.cover.padded if opening.cover else None,
            "documents": [_said(contents, each) for each in opening.documents],
            "documents_padded": opening.padded - 1,
            "receipt": receipt_says(verified),
        },
        "notices": _notices(_concerned(contents, chosen)),
    }


def whole_preview(manifest: Manifest, verified: VerifiedReceipt) -> dict[str, Any]:
    """Return what a whole disclosure reveals."""
    cover = manifest.cover
    return {
        "disclosed": "whole",
        "revealed": [
            {
                "document": number,
                "name": record.name,
                "size": record.size,
                "rendition": None if record.rendition is None else record.rendition.facts,
            }
            for number, record in enumerate(manifest.documents, 1)
        ],
        "hidden": {"cover": [], "documents": [], "other_documents": 0},
        "says": {
            "title": cover.title,
            "provenance": dict(cover.provenance),
            "receipt": receipt_says(verified),
        },
        "notices": _notices(manifest.documents),
    }


def receipt_preview(verified: VerifiedReceipt) -> dict[str, Any]:
    """Return what a receipt alone reveals."""
    says = {"receipt": receipt_says(verified)}
    return {"disclosed": "receipt", "revealed": [], "hidden": None, "says": says}


def receipt_says(verified: VerifiedReceipt) -> dict[str, Any]:
    """Return what any receipt tells: who, when, where in the ledger, how large the sealed files are."""
    deposit, record = verified.deposit, verified.record
    return {
        "account": verified.statement.issuer,
        "identity": record.name if record else None,
        "registered": verified.block.time,
        "index": verified.index,
        "block": verified.block.height,
        "matter_number": deposit.matter.number if deposit.matter else None,
        "sealed_size": deposit.content.size if deposit.content else None,
    }


def _concerned(contents: Contents, chosen: Sequence[Selection]) -> list[Record]:
    """Return the records of what is opened, and of what it was made from."""
    documents = [each.document for each in chosen if each.document is not None]
    made = (contents.records[each].rendition for each in documents)
    wanted = {*documents, *(each.of for each in made if each)}
    return [contents.records[each] for each in sorted(wanted)]


def _notices(records: Sequence[Record]) -> list[dict[str, Any]]:
    return [each.facts for each in noted(records)]


def _revealed(contents: Contents, target: Target) -> dict[str, Any]:
    if target.document is None:
        return {
            "document": None,
            "selector": contents.typed((target,)),
            "field": target.field,
            "value": contents.cover[target.field],
        }
    record = contents.records[target.document]
    value: dict[str, Any] = {"document": target.document + 1, "name": record.name}
    if target.field:
        stated = dict(metadata_fields(record))[target.field]
        return value | {
            "field": target.field,
            "value": stated.facts if isinstance(stated, Rendition) else stated,
        }
    offset, size = contents.extent(target)
    part = contents.part(target)
    return value | {
        "selector": contents.typed((target,)),
        "path": part.path if part else None,
        "label": part.label if part else "",
        "offset": offset,
        "size": size,
        "first_line": first_line(contents, target),
    }


def _hidden(contents: Contents, selection: Selection) -> dict[str, Any]:
    document = selection.document
    assert document is not None
    record, entry = contents.records[document], contents.index[document]
    shown = sum(contents.extent(each)[1] for each in targets_of([selection]))
    parents = parents_of(entry)
    tops: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    partly: Counter[str] = Counter()
    inside = _ancestors(parents, selection.parts)
    spans = [contents.extent(each) for each in targets_of([selection]) if each.span]
    for number, part in enumerate(entry.parts, 1):
        if parents[number - 1] == 0:
            kind = kind_of(part.path)
            tops[kind] += 1
            within, cut = _in_spans(contents, Target(document, number), spans)
            hidden[kind] += not (selection.whole or number in selection.parts or within)
            partly[kind] += number in inside or cut
    return {
        "document": document + 1,
        "name": record.name,
        "size": record.size,
        "size_hidden": 0 if selection.whole else record.size - shown,
        "parts": [
            {"kind": kind, "hidden": hidden[kind], "partly": partly[kind], "total": tops[kind]}
            for kind in tops
        ],
        "fields": [
            name
            for name, _ in metadata_fields(record)
            if name not in selection.fields and not (selection.whole and name == "size")
        ],
    }


def _in_spans(
    contents: Contents, target: Target, spans: Sequence[tuple[int, int]]
) -> tuple[bool, bool]:
    """Return whether a part lies in the bytes that are opened, and whether only some of it does."""
    if not spans:
        return False, False
    start, size = contents.extent(target)
    end = start + size
    if any(at <= start and end <= at + length for at, length in spans):
        return True, False
    return False, any(at < end and start < at + length for at, length in spans)


def _ancestors(parents: list[int], parts: tuple[int, ...]) -> set[int]:
    found: set[int] = set()
    for each in parts:
        up = parents[each - 1]
        while up:
            found.add(up)
            up = parents[up - 1]
    return found


def _said(contents: Contents, opened: Any) -> dict[str, Any]:
    """Return what the opening of one document says beside the content (ledger.evidence.partial)."""
    value: dict[str, Any] = {"document": opened.document + 1}
    record = contents.records[opened.document]
    content, structure = opened.content, opened.structure
    if not isinstance(structure, bytes):
        value["parts"] = [
            {
                "path": contents.index[opened.document].parts[leaf.index - 1].path,
                "position": leaf.index,
            }
            for leaf in structure.leaves
        ]
        value["parts_total"] = record.parts
    counted = getattr(getattr(content, "header", None), "header", None) is not None
    if not isinstance(structure, bytes) or counted or hasattr(content, "seed"):
        value["splitter"] = f"{record.splitter} {record.version}"
    if hasattr(content, "seed"):
        value["pieces_total"] = record.leaves
        value["size"] = record.size
    elif not isinstance(content, bytes):
        value["pieces_padded"] = content.padded
        if counted:
            value["pieces_total"] = record.leaves
    return value
