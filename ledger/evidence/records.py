"""Records of a manifest: one document each, and the fields that can be opened alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain.statement import is_count
from ledger.crypto.commitment import HASH_SIZE, Uncommitted, ViewBuilder, ViewHeader, place_of
from ledger.encoding import cbor_encode_ordered
from ledger.errors import MalformedData
from ledger.evidence.parts import Part, structure_leaves
from ledger.evidence.remarks import Remark, parse_remarks, remark_facts, remark_values
from ledger.evidence.rules import is_field, is_splitter, is_text

METADATA_SPLITTER = ("fields", 1)


@dataclass(frozen=True, slots=True)
class Rendition:
    """What a document that was made at the deposit shows: `kind` (page, text, marked) `position` of
    `total` of document `of`, counted from 0; and what it says of itself."""

    of: int
    kind: str
    position: int
    total: int
    remarks: tuple[Remark, ...] = ()

    @classmethod
    def parse(cls, value: Sequence[Any]) -> "Rendition":
        """Return what a statement that `is_field` has accepted says."""
        of, kind, position, total, remarks = value
        return cls(of - 1, kind, position, total, parse_remarks(remarks))

    @property
    def value(self) -> list[Any]:
        """The statement, in which documents count from 1."""
        remarks = remark_values(self.remarks)
        return [place_of(self.of), self.kind, self.position, self.total, remarks]

    @property
    def facts(self) -> dict[str, Any]:
        """The statement by name, for a machine."""
        return {
            "of": place_of(self.of),
            "kind": self.kind,
            "position": self.position,
            "total": self.total,
            "remarks": [remark_facts(each) for each in self.remarks],
        }


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


def metadata_leaves(record: Record) -> list[bytes]:
    """Return the leaf data of a metadata view, one field each with its name."""
    fields = metadata_fields(record)
    if record.rendition is not None:
        fields[-1] = "rendition", record.rendition.value
    return list(map(cbor_encode_ordered, fields))


def metadata_fields(record: Record) -> list[tuple[str, Any]]:
    """Return the fields of a metadata view: seven, and an eighth, a `Rendition`, for a rendition."""
    fields: list[tuple[str, Any]] = [
        ("name", record.name),
        ("size", record.size),
        ("modified", record.modified),
        ("media-type", record.media_type),
        ("source", record.source),
        ("tool", record.tool),
        ("unsplit", record.unsplit),
    ]
    if record.rendition is not None:
        fields.append(("rendition", record.rendition))
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


def record_map(record: Record) -> dict[str, Any]:
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
    return [*made.value, record.commitment]


def parse_record(value: Any) -> Record:
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
        case [*made, bytes(commitment)] if (
            is_field("rendition", made) and len(commitment) == HASH_SIZE
        ):
            return Rendition.parse(made), commitment
    raise MalformedData("a rendition in the manifest is not as specified")
