"""The manifest and the content index: what only the company and whom it tells can read.

`manifest.age` holds deterministic CBOR, then zeros up to the PADMÉ size. The longest key sorts last and
its value is not zero, so the padding can be told from the CBOR.

    manifest  = { "seed": bstr .size 32,               S; opens everything
                  "cover": [+ [field: tstr, value: tstr]],     the title first, each field once
                  "index": [offset, size] / index,     place in content.age; whole if there is none
                  "depositor": bstr .size 32,          thumbprint inside the commitment
                  "documents": [+ document],
                  "sealbook-manifest": 2 }
    document  = { "name": tstr, "size": uint, "tool": tstr, "parts": uint, "leaves": uint,
                  "offset": uint / null, "source": tstr, "unsplit": tstr, "modified": int / null,
                  "splitter": [name: tstr, version: uint], "rendition": rendition / null,
                  "media-type": tstr }
    rendition = [of: 1.., kind: tstr, position: uint, total: uint, D_j: bstr .size 32]
    index     = [+ { "cuts": bstr / null, "parts": [* part], "hashes": bstr }]
    part      = [path: tstr, first: uint, count: uint, label: tstr]

`cuts` are the lengths of the bytes leaves, two bytes each, null for 16,384 until the end; `hashes`
their commitments C_1.., 32 bytes each, empty in a commitment alone. A part is what a person would
point at: a range of bytes leaves, counted from 1 as in the view. Its label (a subject, a heading) is
for finding it and not part of the commitment. `unsplit` says why a document was not split that has
parts. A rendition was made from document `of` (from 1) at the deposit; D_j stands for it where only
originals are read.

Leaf data: structure {"path", "first", "count"}, metadata and cover [field, value], as CBOR.
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

from ledger.chain.statement import is_count
from ledger.crypto.commitment import (
    HASH_SIZE,
    MAX_LEAF,
    SEED_SIZE,
    Uncommitted,
    ViewBuilder,
    ViewHeader,
    place_of,
)
from ledger.crypto.padding import padme
from ledger.encoding import cbor_decode, cbor_encode_ordered
from ledger.errors import InvalidInput, MalformedData
from ledger.evidence.rules import (
    MAX_COVER,
    MAX_DOCUMENTS,
    MAX_LABEL,
    MAX_PATH,
    are_cover_fields,
    check_count,
    check_names,
    check_parts,
    check_renditions,
    check_uniform,
    is_field,
    is_splitter,
    is_text,
)

MAX_ITEMS = 80 * MAX_DOCUMENTS
"""CBOR items of a manifest or an index: 28 a document, and five for each part."""

TITLE = "title"
"""The first field of every cover."""

SEGMENT_LEAVES = 8_192
"""Leaves that are worked on at a time."""
_KEPT = 4096
"""Structure leaves that are kept: thousands of letters have the same fields in the same order."""

METADATA_SPLITTER = ("fields", 1)

_VERSION_KEY, _VERSION = "sealbook-manifest", 2


@dataclass(frozen=True, slots=True)
class Part:
    """`count` bytes leaves from leaf `first` on, under the `path` that a person would use.

    Parts nest or are apart, outer ones first. `label` helps to find one; nothing vouches for it.
    """

    path: str
    first: int
    count: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Splitting:
    """How a document was cut, and by what; the default cuts every 16,384 bytes.

    `unsplit` says why that default was used for a document in which there are parts.
    """

    splitter: str = "fixed"
    version: int = 1
    cuts: bytes | None = None
    parts: tuple[Part, ...] = ()
    unsplit: str = ""


@dataclass(frozen=True, slots=True)
class Rendition:
    """What a document that was made at the deposit shows: `kind` (page, text) `position` of `total`
    of document `of`, counted from 0."""

    of: int
    kind: str
    position: int
    total: int


@dataclass(frozen=True, slots=True)
class Record:
    """One document: its metadata, how many leaves and parts it has, and where content.age holds it.

    `commitment` is D_j of a rendition, None for an original.
    """

    name: str
    size: int
    modified: int | None
    media_type: str
    source: str
    tool: str
    splitter: str
    version: int
    leaves: int
    parts: int
    offset: int | None
    unsplit: str = ""
    rendition: Rendition | None = None
    commitment: bytes | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """What the company calls the deposit, and how it came about: fields and values, each field once."""

    title: str
    provenance: tuple[tuple[str, str], ...] = ()

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Every field, in the order of the leaves."""
        return ((TITLE, self.title), *self.provenance)


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


@dataclass(frozen=True, slots=True)
class Manifest:
    """A deposit as its owner knows it."""

    seed: bytes = field(repr=False)
    depositor: bytes
    cover: Cover
    documents: tuple[Record, ...]
    index: IndexPlace | Index


class Cuts:
    """Where a document's bytes leaves begin and end. Raises MalformedData if they do not fill it."""

    __slots__ = ("_starts", "count", "size")

    def __init__(self, size: int, cuts: bytes | None) -> None:
        self.size = size
        self._starts: array[int] | None = None
        if cuts is None:
            self.count = -(-size // MAX_LEAF)
            return
        if len(cuts) % 2:
            raise MalformedData("a document's cuts are not pairs of bytes")
        sizes = array("H", cuts)
        if sys.byteorder == "little":
            sizes.byteswap()
        if sum(sizes) != size or (sizes and not 0 < min(sizes) <= max(sizes) <= MAX_LEAF):
            raise MalformedData("a document's cuts do not add up to its size")
        self._starts = array("Q", accumulate(sizes, initial=0))
        self.count = len(sizes)

    def start(self, leaf: int) -> int:
        """Return the offset at which leaf `leaf` (from 0) begins; the size for `count`."""
        if self._starts is not None:
            return self._starts[leaf]
        return min(leaf * MAX_LEAF, self.size)

    def at(self, offset: int) -> int:
        """Return the first leaf that begins at or after `offset`; `count` if none does."""
        if self._starts is not None:
            return min(bisect_left(self._starts, offset), self.count)
        return min(-(-offset // MAX_LEAF), self.count)

    def segment(self, first: int, size: int) -> int:
        """Return the end of the leaves from `first` on, at least one, that are worked on at a time.

        They have up to `size` bytes. A leaf takes some 500 bytes beside its own until it is hashed, so
        there are at most SEGMENT_LEAVES, however short.
        """
        end = self.at(self.start(first) + size)
        return max(first + 1, min(end, first + SEGMENT_LEAVES))

    def split(self, data: memoryview, first: int, end: int) -> list[memoryview]:
        """Return leaves `first` .. `end` - 1 out of `data`, which they fill."""
        if self._starts is not None:
            start = self._starts[first]
            bounds = [each - start for each in self._starts[first : end + 1]]
        else:
            bounds = [*range(0, len(data), MAX_LEAF), len(data)]
        return [data[low:high] for low, high in pairwise(bounds)]


def format_cuts(lengths: Iterable[int]) -> bytes:
    """Return leaf lengths as an index holds them."""
    return b"".join(length.to_bytes(2, "big") for length in lengths)


def structure_leaves(parts: Sequence[Part]) -> list[bytes]:
    """Return the leaf data of a structure view."""
    return [_structure_leaf(part.path, part.first, part.count) for part in parts]


@lru_cache(_KEPT)
def _structure_leaf(path: str, first: int, count: int) -> bytes:
    return cbor_encode_ordered({"path": path, "count": count, "first": first})


def metadata_leaves(record: Record) -> list[bytes]:
    """Return the leaf data of a metadata view, one field each with its name."""
    fields = metadata_fields(record)
    if record.rendition is not None:
        name, (of, *rest) = fields[-1]
        fields[-1] = name, [place_of(of), *rest]
    return list(map(cbor_encode_ordered, fields))


def cover_leaves(cover: Cover) -> list[bytes]:
    """Return the leaf data of a cover, one field each with its name."""
    return [cbor_encode_ordered([name, value]) for name, value in cover.fields]


def numbered(field: str, values: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return a cover's fields for what there are several of: `field-1`, `field-2`, .."""
    return tuple((f"{field}-{number}", value) for number, value in enumerate(values, 1))


def in_family(field: str, family: str) -> bool:
    """Return whether a cover's field is `family` or one of its own: `dkim`, `dkim-1`, `dkim-1-key`."""
    return field == family or field.startswith(f"{family}-")


def clipped(text: str) -> str:
    """Return text cut to what a value of a cover can hold."""
    return text.encode("utf-8", "backslashreplace")[:MAX_PATH].decode("utf-8", "ignore")


def metadata_fields(record: Record) -> list[tuple[str, Any]]:
    """Return the fields of a metadata view: seven, and an eighth for a rendition.

    Documents count from 0 here, in leaf data as everywhere in the formats from 1.
    """
    fields: list[tuple[str, Any]] = [
        ("name", record.name),
        ("size", record.size),
        ("modified", record.modified),
        ("media-type", record.media_type),
        ("source", record.source),
        ("tool", record.tool),
        ("unsplit", record.unsplit),
    ]
    made = record.rendition
    if made is not None:
        fields.append(("rendition", [made.of, made.kind, made.position, made.total]))
    return fields


def bytes_view(view_seed: bytes, record: Record) -> ViewBuilder:
    """Return a document's bytes view, which takes its leaves, given v_j0."""
    return ViewBuilder(view_seed, ViewHeader(record.leaves, record.splitter, record.version))


def uncommitted(
    secret: bytes, document: int, record: Record, parts: Sequence[Part], content: ViewBuilder
) -> Uncommitted:
    """Return what D_j follows from: s_j, the document's bytes view, and what the other two say."""
    return Uncommitted(
        document,
        secret,
        content,
        (record.splitter, record.version, structure_leaves(parts)),
        (*METADATA_SPLITTER, metadata_leaves(record)),
    )


def check_cover(cover: Cover) -> None:
    """Raise InvalidInput unless the cover's fields can be read back."""
    if not are_cover_fields(cover.fields):
        raise InvalidInput(
            f"A deposit's title and what is stated of it are at most {MAX_COVER} fields, each named "
            f"once, in words of a-z and digits, and of at most {MAX_PATH} bytes."
        )


def format_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as CBOR and padding."""
    index = manifest.index
    data = cbor_encode_ordered(
        {
            "seed": manifest.seed,
            "cover": [[name, value] for name, value in manifest.cover.fields],
            "index": [index.offset, index.size]
            if isinstance(index, IndexPlace)
            else _index_value(index),
            "depositor": manifest.depositor,
            "documents": [_record_map(record) for record in manifest.documents],
            _VERSION_KEY: _VERSION,
        }
    )
    return data.ljust(padme(len(data)), b"\0")


def parse_manifest(data: bytes) -> Manifest:
    """Return the manifest in the plaintext of manifest.age. Raises MalformedData."""
    encoded = data.rstrip(b"\0")
    if padme(len(encoded)) != len(data):
        raise MalformedData("the manifest is not padded as specified")
    match cbor_decode(encoded, MAX_ITEMS):
        case {
            "seed": bytes(seed),
            "depositor": bytes(depositor),
            "cover": list(cover),
            "documents": list(documents),
            "index": list(place),
            "sealbook-manifest": 2,
            **rest,
        } if not rest:
            if len(seed) != SEED_SIZE or len(depositor) != HASH_SIZE:
                raise MalformedData("the manifest's seed or depositor is not as specified")
            records = tuple(map(_parse_record, documents))
            try:
                check_count(len(records))
                check_names([record.name for record in records])
            except InvalidInput as error:
                raise MalformedData(str(error)) from error
            index = _parse_place(place)
            alone = not isinstance(index, IndexPlace)
            if any((record.offset is None) != alone for record in records):
                raise MalformedData("the manifest's index and offsets contradict each other")
            made = {j: each.rendition.of for j, each in enumerate(records) if each.rendition}
            check_renditions(made.items(), made)
            if not isinstance(index, IndexPlace):
                _check_index(index, records)
            return Manifest(seed, depositor, _parse_cover(cover), records, index)
    raise MalformedData("the manifest's fields are not as specified")


def format_index(index: Index) -> bytes:
    """Return the content index as content.age holds it."""
    return cbor_encode_ordered(_index_value(index))


def parse_index(data: bytes, records: Sequence[Record]) -> Index:
    """Return the index of these documents. Raises MalformedData, also if it does not fit them."""
    value = cbor_decode(data, MAX_ITEMS)
    if not isinstance(value, list):
        raise MalformedData("the index is not as specified")
    index = tuple(map(_parse_document_index, value))
    _check_index(index, records)
    return index


def _check_index(index: Index, records: Sequence[Record]) -> None:
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


def _record_map(record: Record) -> dict[str, Any]:
    # In the order of their encoded keys, as in the manifest and the index.
    return {
        "name": record.name,
        "size": record.size,
        "tool": record.tool,
        "parts": record.parts,
        "leaves": record.leaves,
        "offset": record.offset,
        "source": record.source,
        "unsplit": record.unsplit,
        "modified": record.modified,
        "splitter": [record.splitter, record.version],
        "rendition": _rendition_value(record),
        "media-type": record.media_type,
    }


def _rendition_value(record: Record) -> list[Any] | None:
    made = record.rendition
    if made is None:
        return None
    return [place_of(made.of), made.kind, made.position, made.total, record.commitment]


def _parse_cover(value: list[Any]) -> Cover:
    if all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        fields = tuple((name, text) for name, text in value)
        if fields and fields[0][0] == TITLE and are_cover_fields(fields):
            return Cover(fields[0][1], fields[1:])
    raise MalformedData("the manifest's cover is not as specified")


def _parse_record(value: Any) -> Record:
    match value:
        case {
            "name": name,
            "size": size,
            "modified": modified,
            "media-type": media_type,
            "source": source,
            "tool": tool,
            "splitter": [splitter, version],
            "leaves": leaves,
            "parts": parts,
            "offset": offset,
            "unsplit": unsplit,
            "rendition": rendition,
        } if len(value) == 12:
            made, commitment = _parse_rendition(rendition)
            if (
                is_field("name", name)
                and is_field("size", size)
                and is_field("modified", modified)
                and is_field("media-type", media_type)
                and is_field("source", source)
                and is_field("tool", tool)
                and is_splitter(splitter, version)
                and all(map(is_count, (leaves, parts, 0 if offset is None else offset)))
                and is_text(unsplit, empty=True)
            ):
                return Record(
                    name=name,
                    size=size,
                    modified=modified,
                    media_type=media_type,
                    source=source,
                    tool=tool,
                    splitter=splitter,
                    version=version,
                    leaves=leaves,
                    parts=parts,
                    offset=offset,
                    unsplit=unsplit,
                    rendition=made,
                    commitment=commitment,
                )
    raise MalformedData("a document in the manifest is not as specified")


def _parse_rendition(value: Any) -> tuple[Rendition | None, bytes | None]:
    match value:
        case None:
            return None, None
        case [of, kind, position, total, bytes(commitment)] if (
            is_field("rendition", [of, kind, position, total]) and len(commitment) == HASH_SIZE
        ):
            return Rendition(of - 1, kind, position, total), commitment
    raise MalformedData("a rendition in the manifest is not as specified")


def _parse_place(value: list[Any]) -> IndexPlace | Index:
    match value:
        case [int(offset), int(size)] if is_count(offset) and is_count(size):
            return IndexPlace(offset, size)
    return tuple(map(_parse_document_index, value))


def _index_value(index: Index) -> list[Any]:
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
