"""What a partial opening shows: views, the leaves opened in them, and the pieces of content."""

from dataclasses import dataclass
from typing import Any

from ledger.chain.statement import is_count
from ledger.crypto.commitment import MAX_LEAF, ViewHeader
from ledger.encoding import cbor_decode
from ledger.errors import MalformedData
from ledger.evidence.parts import Cuts, Part
from ledger.evidence.records import Rendition
from ledger.evidence.rules import METADATA_FIELDS, UNIFORM, is_cover_field, is_field, is_text


@dataclass(frozen=True, slots=True)
class Leaf:
    """An opened leaf of a structure or metadata view."""

    index: int
    salt: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring bytes leaves from `first` on that are opened together, and their sizes."""

    first: int
    salts: bytes
    sizes: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes that the run shows."""
        return sum(self.sizes)


@dataclass(frozen=True, slots=True)
class OpenedHeader:
    """A view's leaf 0, opened."""

    salt: bytes
    header: ViewHeader


@dataclass(frozen=True, slots=True)
class PartOfView:
    """Opened leaves of a view of which the others stay hidden; `header` is C_0 where it does too."""

    padded: int
    header: bytes | OpenedHeader
    leaves: tuple[Leaf, ...]
    runs: tuple[Run, ...]
    proof: bytes


@dataclass(frozen=True, slots=True)
class WholeBytes:
    """A document's bytes view, opened whole by its seed."""

    seed: bytes
    splitter: str
    version: int
    size: int
    cuts: bytes | None


@dataclass(frozen=True, slots=True)
class DocumentOpening:
    """What is opened of document `document` (from 0); a bare digest is a hidden view."""

    document: int
    content: bytes | PartOfView | WholeBytes
    structure: bytes | PartOfView
    metadata: bytes | PartOfView


@dataclass(frozen=True, slots=True)
class Piece:
    """Content that comes with an opening: `size` bytes of a document, a part's or a whole one's.

    `first` and `count` are its bytes leaves, `path` is what the structure view calls it, `name` the
    document's name where that is opened. `offset` is where it begins, None where that is hidden.
    """

    document: int
    first: int
    count: int
    size: int
    offset: int | None
    path: str | None
    name: str | None
    whole: bool


@dataclass(frozen=True, slots=True)
class PartialOpening:
    """What opens a deposit in part; see the module. `cover` is None where it stays hidden."""

    padded: int
    documents: tuple[DocumentOpening, ...]
    proof: bytes
    cover: PartOfView | None = None

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The pieces of content that belong to the opening, in order."""
        return tuple(piece for each in self.documents for piece in pieces_of(each))

    @property
    def contents(self) -> tuple[tuple[str, int], ...]:
        """A name for people and the size in bytes of each piece."""
        return tuple(
            (
                (piece.name if piece.whole else piece.path) or f"document {piece.document + 1}",
                piece.size,
            )
            for piece in self.pieces
        )


def structure_part(data: bytes) -> Part:
    """Return the part that a structure leaf names. Raises MalformedData."""
    match cbor_decode(data):
        case {"path": path, "first": first, "count": count, **rest} if (
            not rest and is_text(path) and is_count(first) and is_count(count) and first and count
        ):
            return Part(path, first, count)
    raise MalformedData("a structure leaf is not as specified")


def metadata_field(data: bytes, index: int) -> tuple[str, Any]:
    """Return the field that metadata leaf `index` states. Raises MalformedData."""
    match cbor_decode(data):
        case [str(name), value] if METADATA_FIELDS[index - 1 : index] == (name,) and is_field(
            name, value
        ):
            return name, Rendition.parse(value) if name == "rendition" else value
    raise MalformedData("a metadata leaf is not as specified")


def cover_field(data: bytes) -> tuple[str, str]:
    """Return the field that a leaf of the cover states. Raises MalformedData."""
    match cbor_decode(data):
        case [str(name), str(value)] if is_cover_field(name, value):
            return name, value
    raise MalformedData("a leaf of the cover is not as specified")


def pieces_of(opening: DocumentOpening) -> list[Piece]:
    """Return the pieces of content that belong to one document's opening."""
    content = opening.content
    name = opened_fields(opening).get("name")
    if isinstance(content, WholeBytes):
        count = Cuts(content.size, content.cuts).count
        return [Piece(opening.document, 1, count, content.size, 0, None, name, whole=True)]
    if isinstance(content, bytes):
        return []
    parts = {(part.first, part.count): part.path for _, part in reversed(opened_parts(opening))}
    header = opened_header(content)
    uniform = header is not None and header.splitter == UNIFORM
    return [
        Piece(
            opening.document,
            run.first,
            len(run.sizes),
            run.size,
            (run.first - 1) * MAX_LEAF if uniform else None,
            parts.get((run.first, len(run.sizes))),
            name,
            whole=False,
        )
        for run in content.runs
    ]


def opened_parts(opening: DocumentOpening) -> list[tuple[int, Part]]:
    """Return the parts that structure leaves name, each with its position in the view."""
    view = opening.structure
    if isinstance(view, bytes):
        return []
    return [(leaf.index, structure_part(leaf.data)) for leaf in view.leaves]


def opened_fields(opening: DocumentOpening) -> dict[str, Any]:
    """Return the metadata that is opened, by field."""
    view = opening.metadata
    if isinstance(view, bytes):
        return {}
    return dict(metadata_field(leaf.data, leaf.index) for leaf in view.leaves)


def opened_cover(opening: PartialOpening) -> dict[str, str]:
    """Return the fields of the cover that are opened, in the order of their places."""
    leaves = opening.cover.leaves if opening.cover else ()
    return dict(cover_field(leaf.data) for leaf in leaves)


def opened_header(view: bytes | PartOfView | WholeBytes) -> ViewHeader | None:
    """Return what leaf 0 of a view says, None where that is hidden."""
    if isinstance(view, PartOfView) and isinstance(view.header, OpenedHeader):
        return view.header.header
    return None
