"""The words of a partial opening: what is shown of each document, where it stands, where gaps are.

A document's bytes were cut into pieces at sealing, its parts (messages, paragraphs, ...) are counted
apart; both counts, and every field, are as stated by the depositor's software at sealing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ledger.court.remarks import remarks_facts
from ledger.court.words import Fact
from ledger.evidence import notices
from ledger.language import CHINESE, Message, tr
from ledger.quoted import Quoted, Words
from ledger.recognised import values_in

Document = Mapping[str, Any]
"""A document of a CONTENT claim proven by a partial opening (see ledger.verify)."""


def hidden_pieces(document: Document) -> Iterator[tuple[int, int | None]]:
    """Yield (first, last) of each gap in a document, last None where it is not stated how far."""
    if document["whole"]:
        return
    next_piece = 1
    for part in document["parts"]:
        if part["first"] > next_piece:
            yield next_piece, part["first"] - 1
        next_piece = part["first"] + part["count"]
    total = document["pieces"]
    if total is None:
        yield next_piece, None
    elif total >= next_piece:
        yield next_piece, total


def content_words(documents: Iterable[Document], language: str) -> Words:
    """Return what the claim says of the content shown, and what it does not say."""
    shown = any(each["whole"] or each["parts"] for each in documents)
    return tr(_PARTIAL if shown else _FIELDS_ONLY, language)


def content_facts(
    documents: Iterable[Document], language: str, when: Callable[[int], Words]
) -> Iterator[Fact]:
    """Yield what is shown of each document, its gaps, and the fields that are opened."""
    for each in documents:
        yield Fact(document_called(each["document"], language), called(each, language))
        if each["whole"]:
            yield Fact("", tr(_WHOLE, language, each["size"]))
        for part in each["parts"]:
            words = part_words(part, language)
            if part["path"] is not None:
                yield Fact("  " + position(part, language), Quoted(part["path"]))
                pieces = span(part["first"], part["first"] + part["count"] - 1, language)
                yield Fact("", Words(f"{words} · {pieces}"))
            else:
                yield Fact("  " + position(part, language), words)
        if not each["whole"]:
            yield Fact("  " + tr(_GAP, language), gaps_in_words(each, language))
        if each["rendition"] is not None:
            made = {**each["rendition"], "tool": each["fields"].get("tool")}
            yield from made_facts(made, language)
            yield Fact("", tr(_MATCH, language))
        for name, value in each["fields"].items():
            yield from _field(name, value, language, when)


def _field(name: str, value: Any, language: str, when: Callable[[int], Words]) -> Iterator[Fact]:
    label = "  " + tr(_STATED, language, field=field_called(name, language))
    if name == "unsplit" and value:
        reasons = [each.reason for each in notices.read(str(value), language)]
        yield from (Fact("" if n else label, reason) for n, reason in enumerate(reasons))
    else:
        yield Fact(label, _field_value(name, value, language, when))


def _field_value(
    name: str, value: Any, language: str, when: Callable[[int], Words]
) -> Quoted | Words:
    if name == "modified" and isinstance(value, int):
        return when(value)
    if isinstance(value, int):
        return Words(f"{value:,} B")
    if value in (None, ""):
        return tr(_NOTHING, language)
    return Quoted(str(value))


def made_facts(made: Mapping[str, Any], language: str) -> Iterator[Fact]:
    """Yield which page or text of which document a rendition shows, by what it was made, and what it
    says of itself."""
    yield Fact("  " + tr(_RENDITION, language), rendition_called(made, language))
    if made["kind"] not in _KINDS:
        yield Fact("  " + tr(_KIND, language), Quoted(str(made["kind"])))
    tool = made["tool"]
    yield Fact("  " + tr(_TOOL, language), Quoted(str(tool)) if tool else tr(_SOME_TOOL, language))
    yield from remarks_facts(made["remarks"], language)


def rendition_called(made: Mapping[str, Any], language: str) -> Words:
    """Return which page or text of which document a rendition is."""
    kind = tr(_KINDS.get(made["kind"], _OTHER_KIND), language)
    places = {key: made[key] for key in ("position", "total", "of")}
    return tr(_MADE, language, kind=kind, **places)


def document_called(number: int, language: str) -> Words:
    """Return the name that a document has by its number, from 1."""
    return tr("document {0}", language, number)


def field_called(name: str, language: str) -> Words:
    """Return a metadata field's name for people."""
    return tr(_FIELDS[name], language)


def position(part: Mapping[str, Any], language: str) -> Words:
    """Return where a part stands: among the parts, or its pieces."""
    if part["position"] is not None:
        return tr("part {0:,} of {1:,}", language, part["position"], part["total"])
    return span(part["first"], part["first"] + part["count"] - 1, language)


def span(first: int, last: int | None, language: str) -> Words:
    """Return a run of pieces in words."""
    if last is None:
        return tr("from piece {0:,} on, if there are more", language, first)
    if first == last:
        return tr("piece {0:,}", language, first)
    return tr("pieces {0:,} to {1:,}", language, first, last)


def seen_words(seen: Mapping[str, Any], language: str) -> Words:
    """Return which pieces of a document somebody has seen, and of how many where that was opened."""
    spans = [span(first, first + count - 1, language) for first, count in seen["runs"]]
    text = Words(tr(", ", language).join(spans))
    if seen["pieces"] is None:
        return text
    if not spans or seen["runs"] == [[1, seen["pieces"]]]:
        return tr("whole", language)
    return tr("{0}, of {1:,}", language, text, seen["pieces"])


def joined(what: Words, said: Words, language: str) -> Words:
    """Return something and what is said of it."""
    return tr("{0}: {1}", language, what, said)


def gaps_in_words(document: Document, language: str) -> Words:
    """Return which pieces of a document are not shown."""
    if not document["parts"]:
        return tr("its whole content", language)
    gaps = list(hidden_pieces(document))
    closed = [_range(first, last, language) for first, last in gaps if last is not None]
    words = []
    if closed:
        listed = tr(", ", language).join(closed[:-1])
        listed = tr(" and ", language).join([listed, closed[-1]] if listed else closed)
        one = len(gaps) > 0 and closed == [f"{gaps[0][0]:,}"]
        words.append(tr("piece {0}" if one else "pieces {0}", language, Words(listed)))
    words += [span(first, last, language) for first, last in gaps if last is None]
    if not words:
        return tr("nothing: every piece is shown", language)
    text = Words(tr("; ", language).join(words))
    if document["pieces"] is None:
        return text
    return tr("{0}, of {1:,}", language, text, document["pieces"])


def _range(first: int, last: int, language: str) -> Words:
    if first == last:
        return Words(f"{first:,}")
    return tr("{0:,} to {1:,}", language, first, last)


def path_meaning(path: str) -> Words:
    """Return what a part's path means, for a Chinese reader: only what is known, and no name."""
    found = []
    # Only an archive's member brings a name of its own, which may hold slashes and stands last.
    places, _, _ = path.partition(": ")
    components = re.split("/|, ", places, maxsplit=_DEEPEST)
    for component in components[:_DEEPEST]:
        for message in _COMPONENTS:
            values = values_in(message, component)
            if values is not None and all(map(_NAMED.fullmatch, values)):
                found.append(tr(message, CHINESE, *map(Words, values)))
    return Words("，".join(found))


def called(document: Document, language: str) -> Quoted | Words:
    """Return what a document is called, where that is opened."""
    name = document["name"]
    return Quoted(name) if name else tr("name not opened", language)


def part_words(part: Mapping[str, Any], language: str) -> Words:
    """Return a part's size, or where it begins; for a Chinese reader what its path means goes first."""
    size = Words(f"{part['size']:,} B")
    if part["path"] is not None:
        meaning = path_meaning(part["path"]) if language == CHINESE else ""
        return Words(f"{meaning} · {size}") if meaning else size
    if part["offset"] is None:
        return size
    return tr("{0} · from byte {1:,} on", language, size, part["offset"])


_DEEPEST = 8
"""Components of a path that are explained."""

_COMPONENTS: tuple[Message, ...] = (
    "path\x04message {0} of {1}",
    "path\x04message",
    "path\x04header",
    "path\x04body",
    "path\x04part {0}",
    "path\x04paragraph {0} of {1}",
    "path\x04section {0} of {1}",
    "path\x04table {0} of {1}",
    "path\x04row {0}",
    "path\x04member {0} of {1}",
    "path\x04encrypted",
    "path\x04archive",
    "path\x04sparse",
    "path\x04folder",
    "path\x04hard link",
    "path\x04symbolic link",
    "path\x04device",
    "path\x04pipe",
    "path\x04name guessed as {0}",
)
"""What a component of a path may be."""
_NAMED = re.compile("[0-9a-z._-]{1,20}")

_PARTIAL: Message = (
    "Only a part of the deposit is shown. What is shown is exactly, byte for byte, what was "
    "deposited at that place: the commitment recomputed from it equals the one in the ledger. "
    "“Part n of m”, the number of pieces, names and other fields are as stated by the depositor's "
    "software at sealing. Not shown: the rest, and that nothing in it changes the meaning of what "
    "is shown."
)
_FIELDS_ONLY: Message = (
    "No content is shown, only fields that were sealed with it: the commitment recomputed from "
    "them equals the one in the ledger. They are as stated by the depositor's software at sealing."
)
_GAP: Message = "not shown"
_STATED: Message = "{field} (stated)"
_RENDITION: Message = "rendition"
_MADE: Message = "{kind} {position} of {total} of document {of}"
_WHOLE: Message = "whole, {0:,} B"
_NOTHING: Message = "nothing was stated"
_MATCH: Message = (
    "rendered at the deposit; the match with the original is shown only by a full opening"
)
_TOOL: Message = "rendered by (stated)"
_KIND: Message = "kind (stated)"
_OTHER_KIND: Message = "rendition"
_SOME_TOOL: Message = "software that is not named here"
_KINDS: dict[str, Message] = {
    "page": "page",
    "text": "text",
    "mail": "message",
    "marked": "text with its changes marked",
}
_FIELDS: dict[str, Message] = {
    "name": "name",
    "size": "size",
    "modified": "last change",
    "media-type": "media type",
    "source": "source",
    "tool": "tool",
    "unsplit": "what cannot be shown by itself",
}
