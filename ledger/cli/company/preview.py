"""What a disclosure shows, hides and says besides, in words for a person."""

from collections.abc import Iterator
from typing import Any

import click

from ledger.cli import text
from ledger.cli.company.kinds import counted, field_called, fields_listed
from ledger.cli.company.remarks import remark_lines
from ledger.cli.speech import _, language, told
from ledger.company.disclosing.selectors import CALLED, TEXT
from ledger.court.shown import rendition_called
from ledger.crypto.commitment import MAX_LEAF
from ledger.evidence.parts import Splitting
from ledger.quoted import Message, Words, columns, quoted
from ledger.reading.shown import fold

_MARGIN = 2
_SAID: dict[str, Message] = {CALLED: "words in names", TEXT: "words in the text"}
"""What a selector was found by that is said: words may stand elsewhere too."""
_UNSEEN: dict[tuple[bool, bool], Message] = {
    (True, False): "{unseen:,} of {all}",
    (False, True): "the rest of {partly:,} of {all}",
    (True, True): "{unseen:,} of {all}, and the rest of {partly:,}",
}
"""What is hidden of the parts of a kind: whether of some everything, and whether of some a rest."""
_SHOWN = 12
"""Parts that are listed one by one; of more, the first ones and their number."""


def lines_of(value: dict[str, Any], name: str) -> Iterator[str]:
    """Yield a preview for a person, in 80 columns."""
    if value["disclosed"] == "whole":
        yield from _title(_("Shown: all of"), name)
        for each in value["revealed"][:_SHOWN]:
            yield _row(each["name"], text.size(each["size"]))
            if each["rendition"]:
                yield from remark_lines(each["rendition"]["remarks"], 4)
        if len(value["revealed"]) > _SHOWN:
            yield told(f"  and {len(value['revealed']) - _SHOWN} more documents")
    else:
        yield from _title(_("Shown of"), name)
        for each in value.get("asked", ()):
            if each["found_by"] in _SAID:
                yield text.said(f"{quoted(each['selector'])}: found by {each['found_by']}", _MARGIN)
        yield from _revealed_lines(value["revealed"])
        yield from _title(_("Hidden"))
        yield from _hidden_lines(value["hidden"], value["says"]["cover_padded"] is not None)
    yield from _title(_("Said besides"))
    says = value["says"]
    for line in (*_besides(says), told(f"receipt: {_receipt(says['receipt'])}")):
        yield text.said(line, _MARGIN)
    if value["notices"]:
        yield from _title(_("To know before"))
    for each in value["notices"]:
        yield from text.noted(each, _MARGIN)


def receipt_lines(found: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Yield what is said of deposits of which only the receipt is shown."""
    yield from _title(_("Receipts alone, with nothing of the content"))
    for name, value in found[:_SHOWN]:
        receipt = value["says"]["receipt"]
        number = receipt["matter_number"]
        place = told(f"number {number}, ") if number else ""
        yield _row(name, told(f"{place}entry {receipt['index']}, block {receipt['block']}"))
    if len(found) > _SHOWN:
        yield told(f"  and {len(found) - _SHOWN} more")


def _title(words: str, name: str | None = None) -> Iterator[str]:
    yield click.style(words, bold=True)
    if name is not None:
        yield text.foreign(name, _MARGIN)


def _row(left: str, right: str, margin: int = _MARGIN) -> str:
    width = text.WIDTH - margin - columns(right) - 2
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
        yield _row(told(f"and {len(rest)} more"), text.size(sum(each["size"] for each in rest)))
    for each in revealed:
        if "field" in each:
            shown = field_words(each["field"], each["value"])
            number = each["document"]
            where = _("cover") if number is None else _("document {0}", number)
            yield f"  {where}{_(', ')}{field_called(each['field'])}"
            yield "    " + text.inline(shown, text.WIDTH - 4)
            if each["field"] == "rendition":
                yield from remark_lines(each["value"]["remarks"], 4)


def field_words(name: str, value: Any) -> str:
    """Return a metadata field's value for a person."""
    if value is None or value == "":
        return _("none")
    if name == "modified":
        return text.when(value)
    if name == "rendition":
        return str(rendition_called(value, language()))
    return str(value)


def _hidden_lines(hidden: dict[str, Any], opened: bool) -> Iterator[str]:
    """`opened`: whether anything of the cover is shown."""
    for each in hidden["documents"]:
        if each["size_hidden"]:
            yield _row(each["name"], told(f"{each['size_hidden']:,} of {each['size']:,} bytes"))
        for part in each["parts"]:
            places = {
                "all": Words(counted(part["kind"], part["total"])),
                "unseen": part["hidden"] - part["partly"],
                "partly": part["partly"],
            }
            if places["unseen"] or places["partly"]:
                yield "  " + _(_UNSEEN[places["unseen"] > 0, part["partly"] > 0], **places)
        if each["fields"]:
            about = _(
                "of document {number}: {fields}",
                number=each["document"],
                fields=_fields(each["fields"]),
            )
            yield text.indent(about, 2)
    others = hidden["other_documents"]
    if others:
        words = (
            _("1 other document with its")
            if others == 1
            else told(f"{others} other documents with their")
        )
        yield text.indent(told(f"{words} name and all else"), 2)
    if hidden["cover"]:
        words = _("title, path and origin of the deposit")
        yield text.indent(
            _("of the cover: {fields}", fields=_fields(hidden["cover"])) if opened else words, 2
        )


def _besides(says: dict[str, Any]) -> Iterator[str]:
    if "title" in says:
        yield told(f"title: {quoted(says['title'])}")
        for name, found in says["provenance"].items():
            yield f"{quoted(name)}: {quoted(found)}"
        return
    if "documents" not in says:
        return
    if says["cover_padded"]:
        yield told(f"that the cover has at most {says['cover_padded']} fields")
    for each in says["documents"]:
        yield told(f"document {each['document']} of at most {says['documents_padded']}") + (
            _(", ") + _cut_words(each["splitter"]) if "splitter" in each else ""
        )
        parts = each.get("parts", [])
        for part in parts[:3]:
            yield told(f"{quoted(part['path'])}, part {part['position']} of {each['parts_total']}")
        if len(parts) > 3:
            yield told(f"and {len(parts) - 3} more paths like these")
        if "pieces_total" in each:
            yield told(f"{each['pieces_total']:,} piece{'' if each['pieces_total'] == 1 else 's'}")
        elif "pieces_padded" in each:
            yield told(f"at most {each['pieces_padded']} pieces, and which of them are shown")


def _cut_words(splitter: str) -> str:
    if splitter.split()[0] == Splitting().splitter:
        return told(f"cut every {MAX_LEAF >> 10} KiB")
    return told(f"cut by {text.inline(splitter, 20)}")


def _fields(names: list[str]) -> Words:
    return Words(text.inline(fields_listed(names), text.WIDTH))


def _receipt(receipt: dict[str, Any]) -> str:
    number, sealed = receipt["matter_number"], receipt["sealed_size"]
    identity = receipt["identity"]
    return (
        told(
            f"{quoted(identity) if identity else _('identity not carried')}, account "
            f"{receipt['account']}, entry {receipt['index']} in block {receipt['block']}, "
            f"{text.when(receipt['registered'])}"
        )
        + (told(f", number {number} of a matter") if number else "")
        + (told(f", {text.size(sealed)} sealed and padded") if sealed else "")
    )
