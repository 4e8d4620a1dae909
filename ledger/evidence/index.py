"""The index in content.age: each document's cuts, parts and leaf commitments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain.statement import is_count
from ledger.crypto.commitment import HASH_SIZE
from ledger.encoding import cbor_decode, cbor_encode_ordered
from ledger.errors import MalformedData
from ledger.evidence.parts import Cuts, Part
from ledger.evidence.records import Record
from ledger.evidence.rules import (
    MAX_DOCUMENTS,
    MAX_LABEL,
    MAX_PATH,
    check_parts,
    check_uniform,
    is_text,
)

MAX_ITEMS = 80 * MAX_DOCUMENTS
"""CBOR items of a manifest or an index: 28 a document, and five for each part."""


@dataclass(frozen=True, slots=True)
class DocumentIndex:
    """One document's cuts (None: uniform), parts, and concatenated leaf commitments C_1.. ."""

    cuts: bytes | None
    parts: tuple[Part, ...]
    hashes: bytes

    def hash(self, leaf: int) -> bytes:
        """Return C_leaf of a bytes leaf, counted from 1."""
        return self.hashes[(leaf - 1) * HASH_SIZE : leaf * HASH_SIZE]


Index = tuple[DocumentIndex, ...]


@dataclass(frozen=True, slots=True)
class IndexPlace:
    """Where the index lies in the plaintext of content.age."""

    offset: int
    size: int


def format_index(index: Index) -> bytes:
    """Return the content index as content.age holds it."""
    return cbor_encode_ordered(index_value(index))


def parse_index(data: bytes, records: Sequence[Record]) -> Index:
    """Return the index of these documents. Raises MalformedData, also if it does not fit them."""
    value = cbor_decode(data, MAX_ITEMS)
    if not isinstance(value, list):
        raise MalformedData("the index is not as specified")
    index = tuple(map(_parse_document_index, value))
    check_index(index, records)
    return index


def check_index(index: Index, records: Sequence[Record]) -> None:
    if len(index) != len(records):
        raise MalformedData("the index does not have the manifest's documents")
    for entry, record in zip(index, records, strict=True):
        if Cuts(record.size, entry.cuts).count != record.leaves:
            raise MalformedData("the index and the manifest count leaves differently")
        if len(entry.hashes) != (0 if record.offset is None else record.leaves * HASH_SIZE):
            raise MalformedData("the index does not have one hash a leaf")
        if len(entry.parts) != record.parts:
            raise MalformedData("the index and the manifest count parts differently")
        check_uniform(record.splitter, entry.cuts is None, record.parts)
        check_parts(entry.parts, record.leaves)


def parse_place(value: list[Any]) -> IndexPlace | Index:
    match value:
        case [int(offset), int(size)] if is_count(offset) and is_count(size):
            return IndexPlace(offset, size)
    return tuple(map(_parse_document_index, value))


def index_value(index: Index) -> list[Any]:
    return [
        {
            "cuts": entry.cuts,
            "parts": [[part.path, part.first, part.count, part.label] for part in entry.parts],
            "hashes": entry.hashes,
        }
        for entry in index
    ]


def _parse_document_index(value: Any) -> DocumentIndex:
    match value:
        case {"cuts": bytes() | None as cuts, "hashes": bytes(hashes), "parts": list(parts)} if (
            len(value) == 3
        ):
            # In place: a decoded part takes thrice what it becomes, and there may be a million.
            for at, part in enumerate(parts):
                parts[at] = _parse_part(part)
            return DocumentIndex(cuts, tuple(parts), hashes)
    raise MalformedData("a document in the index is not as specified")


def _parse_part(value: Any) -> Part:
    match value:
        case [path, first, count, label] if (
            is_text(path, MAX_PATH)
            and is_text(label, MAX_LABEL, empty=True)
            and is_count(first)
            and is_count(count)
        ):
            return Part(path, first, count, label)
    raise MalformedData("a part in the index is not as specified")
