"""`_gaps.txt`: what is shown of each document, in its order, and what is not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.cli import text
from ledger.cli.table import Value, labelled
from ledger.court import say
from ledger.court.shown import (
    called,
    content_words,
    document_called,
    gaps_in_words,
    hidden_pieces,
    joined,
    part_words,
    position,
    span,
)
from ledger.quoted import quoted


def gaps_page(documents: Sequence[Mapping[str, Any]], places: Sequence[str], language: str) -> str:
    """Return the page; `documents` are those of the content claim, `places` where its pieces went."""
    lines = [say("gaps-title", language), "", text.indent(content_words(documents, language), 0)]
    files = iter(places)
    for document in documents:
        rows = [(document_called(document["document"], language), called(document, language))]
        lines += ["", *labelled(rows), *labelled(list(_rows(document, files, language)), 2)]
    return "\n".join([*lines, "", text.indent(say("other-documents", language), 0), ""])


def _rows(
    document: Mapping[str, Any], files: Iterator[str], language: str
) -> Iterator[tuple[str, Value]]:
    if document["whole"]:
        yield say("all-shown", language), quoted(next(files))
        return
    if not document["parts"]:
        yield say("gap", language), gaps_in_words(document, language)
        return
    parts = {part["first"]: part for part in document["parts"]}
    gaps = dict(hidden_pieces(document))
    for first in sorted({*parts, *gaps}):
        if first in gaps:
            yield span(first, gaps[first], language), say("gap", language)
            continue
        part = parts[first]
        words = part_words(part, language)
        if part["position"] is not None:
            words = joined(position(part, language), words, language)
        named = [quoted(part["path"])] if part["path"] is not None else []
        where = span(first, first + part["count"] - 1, language)
        yield where, [words, *named, quoted(next(files))]
