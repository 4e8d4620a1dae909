"""What an evidence file shows of a deposit, what stays hidden, and what it says besides."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import text
from ledger.company.disclosing.contents import (
    COVER,
    Contents,
    Target,
    fold,
    kind_of,
    parents_of,
    targets_of,
)
from ledger.company.disclosing.selectors import texts
from ledger.crypto.commitment import MAX_LEAF
from ledger.evidence.parts import Splitting
from ledger.evidence.records import metadata_fields
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.evidence.manifest import Manifest
    from ledger.evidence.partial import PartialOpening, Selection
    from ledger.verify import VerifiedReceipt

_FIRST = 400
"""Bytes in which a first line is looked for."""
_MAIL = ("message", "mbox")
_MARGIN = 2
_SHOWN = 12
"""Parts that are listed one by one; of more, the first ones and their number."""


def preview(
    contents: Contents,
    selections: "Sequence[Selection]",
    opening: "PartialOpening",
    verified: "VerifiedReceipt",
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
    }


def whole_preview(manifest: "Manifest", verified: "VerifiedReceipt") -> dict[str, Any]:
    """Return what a whole disclosure reveals."""
    cover = manifest.cover
    return {
        "disclosed": "whole",
        "revealed": [
            {"document": number, "name": record.name, "size": record.size}
            for number, record in enumerate(manifest.documents, 1)
        ],
        "hidden": {"cover": [], "documents": [], "other_documents": 0},
        "says": {
            "title": cover.title,
            "provenance": dict(cover.provenance),
            "receipt": receipt_says(verified),
        },
    }


def receipt_preview(verified: "VerifiedReceipt") -> dict[str, Any]:
    """Return what a receipt alone reveals."""
    says = {"receipt": receipt_says(verified)}
    return {"disclosed": "receipt", "revealed": [], "hidden": None, "says": says}


def receipt_says(verified: "VerifiedReceipt") -> dict[str, Any]:
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
        return value | {
            "field": target.field,
            "value": dict(metadata_fields(record))[target.field],
        }
    offset, size = contents.extent(target)
    part = contents.part(target)
    return value | {
        "selector": contents.typed((target,)),
        "path": part.path if part else None,
        "label": part.label if part else "",
        "offset": offset,
        "size": size,
        "first_line": first_line(contents.content(target, _FIRST), record.splitter in _MAIL),
    }


def first_line(data: bytes, mail: bool) -> str:
    """Return the first line of what bytes say as text, "" where they are none.

    Only in mail an encoding of mail is taken off.
    """
    if b"\0" in data or data.startswith((b"%PDF", b"PK\3\4", b"\x89PNG")):
        return ""
    plain, *decoded = texts(data)
    words = decoded[-1] if mail and decoded else plain
    lines = (" ".join(line.split()) for line in words.splitlines())
    return next((line for line in lines if line and not line.startswith("--")), "")


def _hidden(contents: Contents, selection: "Selection") -> dict[str, Any]:
    document = selection.document
    assert document is not None
    record, entry = contents.records[document], contents.index[document]
    shown = sum(contents.extent(each)[1] for each in targets_of([selection]))
    parents = parents_of(entry)
    tops: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    partly: Counter[str] = Counter()
    inside = _ancestors(parents, selection.parts)
    for number, part in enumerate(entry.parts, 1):
        if parents[number - 1] == 0:
            kind = kind_of(part.path)
            tops[kind] += 1
            hidden[kind] += not (selection.whole or number in selection.parts)
            partly[kind] += number in inside
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


# --- for a person ---


def lines_of(value: dict[str, Any], name: str) -> Iterator[str]:
    """Yield a preview for a person, in 80 columns."""
    if value["disclosed"] == "whole":
        yield from _title("Shown: all of", name)
        for each in value["revealed"][:_SHOWN]:
            yield _row(each["name"], text.size(each["size"]))
        if len(value["revealed"]) > _SHOWN:
            yield f"  and {len(value['revealed']) - _SHOWN} more documents"
    else:
        yield from _title("Shown of", name)
        yield from _revealed_lines(value["revealed"])
        yield from _title("Hidden")
        yield from _hidden_lines(value["hidden"], value["says"]["cover_padded"] is not None)
    yield from _title("Said besides")
    says = value["says"]
    for line in (*_besides(says), f"receipt: {_receipt(says['receipt'])}"):
        yield text.said(line, _MARGIN)


def receipt_lines(found: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Yield what is said of deposits of which only the receipt is shown."""
    yield from _title("Receipts alone, with nothing of the content")
    for name, value in found[:_SHOWN]:
        receipt = value["says"]["receipt"]
        number = receipt["matter_number"]
        place = f"number {number}, " if number else ""
        yield _row(name, f"{place}entry {receipt['index']}, block {receipt['block']}")
    if len(found) > _SHOWN:
        yield f"  and {len(found) - _SHOWN} more"


def _title(words: str, name: str | None = None) -> Iterator[str]:
    yield click.style(words, bold=True)
    if name is not None:
        yield text.foreign(name, _MARGIN)


def _row(left: str, right: str, margin: int = _MARGIN) -> str:
    width = text.WIDTH - margin - len(right) - 2
    return " " * margin + text.pad(text.inline(left, width), width) + "  " + right


def _revealed_lines(revealed: list[dict[str, Any]]) -> Iterator[str]:
    content = [each for each in revealed if "field" not in each]
    for each in content[:_SHOWN]:
        yield _row(each["selector"], text.size(each["size"]))
        label, line = each["label"], each["first_line"]
        for more in (label if fold(label) not in fold(line) else "", line):
            if more:
                yield "    " + text.inline(more, text.WIDTH - 4)
    if len(content) > _SHOWN:
        rest = content[_SHOWN:]
        yield _row(f"and {len(rest)} more", text.size(sum(each["size"] for each in rest)))
    for each in revealed:
        if "field" in each:
            shown = field_words(each["field"], each["value"])
            where = COVER if each["document"] is None else f"document {each['document']}"
            yield f"  {where}, {each['field']}"
            yield "    " + text.inline(shown, text.WIDTH - 4)


def field_words(name: str, value: Any) -> str:
    """Return a metadata field's value for a person."""
    if value is None or value == "":
        return "none"
    if name == "modified":
        return text.when(value)
    if name == "rendition":
        of, kind, position, total = value
        return f"{kind} {position} of {total} of document {of + 1}"
    return str(value)


def _hidden_lines(hidden: dict[str, Any], opened: bool) -> Iterator[str]:
    """`opened`: whether anything of the cover is shown."""
    for each in hidden["documents"]:
        if each["size_hidden"]:
            yield _row(each["name"], f"{each['size_hidden']:,} of {each['size']:,} bytes")
        for part in each["parts"]:
            kinds = part["kind"] + ("" if part["total"] == 1 else "s")
            of, rest = f"of {part['total']:,} {kinds}", f"the rest of {part['partly']:,}"
            unseen = part["hidden"] - part["partly"]
            if unseen:
                yield f"  {unseen:,} {of}" + (f", and {rest}" if part["partly"] else "")
            elif part["partly"]:
                yield f"  {rest} {of}"
        if each["fields"]:
            yield f"  of document {each['document']}: {', '.join(each['fields'])}"
    others = hidden["other_documents"]
    if others:
        words = (
            "1 other document with its" if others == 1 else f"{others} other documents with their"
        )
        yield text.indent(f"{words} name and all else", 2)
    if hidden["cover"]:
        words = "title, path and origin of the deposit"
        yield text.indent(f"of the {COVER}: {', '.join(hidden['cover'])}" if opened else words, 2)


def _besides(says: dict[str, Any]) -> Iterator[str]:
    if "title" in says:
        yield f"title: {quoted(says['title'])}"
        for name, found in says["provenance"].items():
            yield f"{quoted(name)}: {quoted(found)}"
        return
    if "documents" not in says:
        return
    if says["cover_padded"]:
        yield f"that the {COVER} has at most {says['cover_padded']} fields"
    for each in says["documents"]:
        yield f"document {each['document']} of at most {says['documents_padded']}" + (
            f", {_cut_words(each['splitter'])}" if "splitter" in each else ""
        )
        parts = each.get("parts", [])
        for part in parts[:3]:
            yield f"{quoted(part['path'])}, part {part['position']} of {each['parts_total']}"
        if len(parts) > 3:
            yield f"and {len(parts) - 3} more paths like these"
        if "pieces_total" in each:
            yield f"{each['pieces_total']:,} piece{'' if each['pieces_total'] == 1 else 's'}"
        elif "pieces_padded" in each:
            yield f"at most {each['pieces_padded']} pieces, and which of them are shown"


def _cut_words(splitter: str) -> str:
    if splitter.split()[0] == Splitting().splitter:
        return f"cut every {MAX_LEAF >> 10} KiB"
    return f"cut by {text.inline(splitter, 20)}"


def _receipt(receipt: dict[str, Any]) -> str:
    number, sealed = receipt["matter_number"], receipt["sealed_size"]
    identity = receipt["identity"]
    return (
        f"{quoted(identity) if identity else 'identity not carried'}, account {receipt['account']}, "
        f"entry {receipt['index']} in block {receipt['block']}, {text.when(receipt['registered'])}"
        + (f", number {number} of a matter" if number else "")
        + (f", {text.size(sealed)} sealed and padded" if sealed else "")
    )
