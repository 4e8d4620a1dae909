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
    rendition = [of: 1.., kind: tstr, position: uint, total: uint, remarks: [* remark],
                 D_j: bstr .size 32]
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

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ledger.crypto.commitment import (
    HASH_SIZE,
    SEED_SIZE,
)
from ledger.crypto.padding import padme
from ledger.encoding import cbor_decode, cbor_encode_ordered
from ledger.errors import InvalidInput, MalformedData
from ledger.evidence.index import (
    MAX_ITEMS,
    Index,
    IndexPlace,
    check_index,
    index_value,
    parse_place,
)
from ledger.evidence.records import Record, parse_record, record_map
from ledger.evidence.rules import (
    MAX_COVER,
    MAX_PATH,
    are_cover_fields,
    check_count,
    check_names,
    check_renditions,
)

TITLE = "title"
"""The first field of every cover."""
_VERSION_KEY, _VERSION = "sealbook-manifest", 2


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
class Manifest:
    """A deposit as its owner knows it."""

    seed: bytes = field(repr=False)
    depositor: bytes
    cover: Cover
    documents: tuple[Record, ...]
    index: IndexPlace | Index

    @property
    def contents(self) -> tuple[tuple[str, int], ...]:
        """The name and the size in bytes of each document."""
        return tuple((record.name, record.size) for record in self.documents)


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
            else index_value(index),
            "depositor": manifest.depositor,
            "documents": [record_map(record) for record in manifest.documents],
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
            records = tuple(map(parse_record, documents))
            try:
                check_count(len(records))
                check_names([record.name for record in records])
            except InvalidInput as error:
                raise MalformedData(str(error)) from error
            index = parse_place(place)
            alone = not isinstance(index, IndexPlace)
            if any((record.offset is None) != alone for record in records):
                raise MalformedData("the manifest's index and offsets contradict each other")
            made = {j: each.rendition.of for j, each in enumerate(records) if each.rendition}
            check_renditions(made.items(), made)
            if not isinstance(index, IndexPlace):
                check_index(index, records)
            return Manifest(seed, depositor, _parse_cover(cover), records, index)
    raise MalformedData("the manifest's fields are not as specified")


def _parse_cover(value: list[Any]) -> Cover:
    if all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        fields = tuple((name, text) for name, text in value)
        if fields and fields[0][0] == TITLE and are_cover_fields(fields):
            return Cover(fields[0][1], fields[1:])
    raise MalformedData("the manifest's cover is not as specified")
