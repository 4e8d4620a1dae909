"""Partial openings: what shows some parts of a deposit and hides the rest (formats.md, section 12).

    partial   = { ? "cover": part<leaf>,                its header stays hidden, or all of it
                  "opened": [* document],               documents in ascending order
                  "padded": uint,                       m'
                  "proof": bstr,                        multiproof over the D_j
                  "sealbook-opening": 2 }
    document  = [ j: 1.., bytes: hidden / part<run> / whole, structure: hidden / part<leaf>,
                  metadata: hidden / part<leaf> ]
    hidden    = bstr .size 32                           W_w
    part<x>   = [ padded: uint, header, [+ x], proof: bstr ]     multiproof over C_1 .. C_n'
    header    = bstr .size 32 / [salt, count: uint, splitter: tstr, version: uint]   C_0, or its opening
    run       = [first: uint, salts: bstr, sizes: bstr]      neighbouring bytes leaves, two bytes a size
    leaf      = [index: uint, salt: bstr .size 32, data: bstr]
    whole     = [seed: bstr .size 32, splitter: tstr, version: uint, size: uint, cuts: bstr / null]

Each run, and each whole document, is one piece of content that comes with the opening. A run is what an
opened structure leaf names; where none does, the header of the bytes view is opened. Everything in an
opening follows from what it shows and from hashes over salted data: about the rest it tells padded
counts, and how far a piece lies from the start of its document in leaves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain.statement import is_count
from ledger.crypto.commitment import (
    COVER_PLACE,
    HASH_SIZE,
    MAX_LEAF,
    MIN_COVER,
    SEED_SIZE,
    ViewHeader,
    padded_count,
    padded_cover,
    place_of,
)
from ledger.encoding import MAX_INTEGER, cbor_decode, cbor_encode
from ledger.errors import InvalidInput, MalformedData
from ledger.evidence.parts import Cuts, Part
from ledger.evidence.rules import (
    MAX_COVER,
    MAX_DOCUMENTS,
    MAX_PARTS,
    METADATA_FIELDS,
    UNIFORM,
    check_names,
    check_padded,
    check_parts,
    check_renditions,
    check_size,
    check_splitters,
    check_uniform,
    is_cover_field,
    is_field,
    is_splitter,
    is_text,
)

MAX_OPENED_ITEMS = 4_000_000
"""CBOR items of a partial opening."""

_COVER_KEY, _VERSION_KEY, _VERSION = "cover", "sealbook-opening", 2


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


def format_partial(opening: PartialOpening) -> bytes:
    """Return the opening as CBOR."""
    return cbor_encode(
        {
            **({} if opening.cover is None else {_COVER_KEY: _view_value(opening.cover)}),
            "opened": [
                [
                    place_of(each.document),
                    _content_value(each.content),
                    _view_value(each.structure),
                    _view_value(each.metadata),
                ]
                for each in opening.documents
            ],
            "padded": opening.padded,
            "proof": opening.proof,
            _VERSION_KEY: _VERSION,
        }
    )


def is_partial(data: bytes) -> bool:
    """Return whether an opening's bytes are those of a partial one, if of any: by their first key."""
    return data[1:7] in (cbor_encode(_COVER_KEY), cbor_encode("proof"))


def parse_partial(data: bytes) -> PartialOpening:
    """Return the partial opening. Raises MalformedData."""
    match cbor_decode(data, MAX_OPENED_ITEMS):
        case {
            "opened": list(opened),
            "padded": padded,
            "proof": bytes(proof),
            "sealbook-opening": 2,
            **rest,
        } if set(rest) <= {_COVER_KEY} and (opened or rest):
            if not is_count(padded):
                raise _malformed()
            check_padded(padded, MAX_DOCUMENTS + 1)
            documents = tuple(map(_parse_document, opened))
            places = [place_of(each.document) for each in documents]
            if places != sorted(set(places)) or any(
                place >= padded or place > MAX_DOCUMENTS for place in places
            ):
                raise MalformedData("an opening's documents are not in order")
            _check_together(documents)
            cover = _parse_cover(rest[_COVER_KEY]) if rest else None
            return PartialOpening(padded, documents, proof, cover)
    raise MalformedData("the opening's fields are not as specified")


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
            if name == "rendition":
                of, *rest = value
                value = [of - 1, *rest]
            return name, value
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


def _content_value(shown: bytes | PartOfView | WholeBytes) -> Any:
    if isinstance(shown, WholeBytes):
        return [shown.seed, shown.splitter, shown.version, shown.size, shown.cuts]
    return _view_value(shown)


def _view_value(shown: bytes | PartOfView) -> Any:
    if isinstance(shown, bytes):
        return shown
    header = shown.header
    if isinstance(header, OpenedHeader):
        of = header.header
        header = [header.salt, of.count, of.splitter, of.version]  # type: ignore[assignment]
    leaves: list[Any] = [[leaf.index, leaf.salt, leaf.data] for leaf in shown.leaves]
    leaves += [
        [run.first, run.salts, b"".join(size.to_bytes(2, "big") for size in run.sizes)]
        for run in shown.runs
    ]
    return [shown.padded, header, leaves, shown.proof]


def _parse_document(value: Any) -> DocumentOpening:
    match value:
        case [place, content, structure, metadata] if is_count(place) and place > COVER_PLACE:
            opening = DocumentOpening(
                place - place_of(0),
                _parse_content(content),
                _parse_view(structure, _parse_leaf),
                _parse_view(metadata, _parse_leaf),
            )
            _check_document(opening)
            return opening
    raise _malformed()


def _parse_cover(value: Any) -> PartOfView:
    """Return the opened part of the cover, whose header would count what is hidden."""
    cover = _parse_view(value, _parse_leaf)
    if (
        isinstance(cover, PartOfView)
        and isinstance(cover.header, bytes)
        and MIN_COVER <= cover.padded == padded_cover(cover.padded) <= MAX_COVER
    ):
        names = [cover_field(leaf.data)[0] for leaf in cover.leaves]
        if len(set(names)) == len(names):
            return cover
    raise MalformedData("the cover in the opening is not as specified")


def _parse_content(value: Any) -> bytes | PartOfView | WholeBytes:
    match value:
        case [bytes(seed), splitter, version, size, bytes() | None as cuts]:
            if len(seed) == SEED_SIZE and is_splitter(splitter, version) and is_count(size):
                Cuts(size, cuts)
                check_uniform(splitter, cuts is None, 0)
                return WholeBytes(seed, splitter, version, size, cuts)
            raise _malformed()
    return _parse_view(value, _parse_run)


def _parse_view(value: Any, parse: Callable[[Any], Leaf | Run]) -> bytes | PartOfView:
    match value:
        case bytes(digest) if len(digest) == HASH_SIZE:
            return digest
        case [padded, header, list(leaves), bytes(proof)] if is_count(padded) and leaves:
            parsed = [parse(leaf) for leaf in leaves]
            view = PartOfView(
                padded,
                _parse_header(header),
                tuple(each for each in parsed if isinstance(each, Leaf)),
                tuple(each for each in parsed if isinstance(each, Run)),
                proof,
            )
            _check_leaves(view)
            return view
    raise _malformed()


def _parse_header(value: Any) -> bytes | OpenedHeader:
    match value:
        case bytes(commitment) if len(commitment) == HASH_SIZE:
            return commitment
        case [bytes(salt), count, splitter, version] if (
            len(salt) == SEED_SIZE and is_count(count) and is_splitter(splitter, version)
        ):
            return OpenedHeader(salt, ViewHeader(count, splitter, version))
    raise _malformed()


def _parse_leaf(value: Any) -> Leaf:
    match value:
        case [index, bytes(salt), bytes(data)] if is_count(index) and len(salt) == SEED_SIZE:
            return Leaf(index, salt, data)
    raise _malformed()


def _parse_run(value: Any) -> Run:
    match value:
        case [first, bytes(salts), bytes(encoded)] if is_count(first):
            sizes = tuple(
                int.from_bytes(encoded[at : at + 2], "big") for at in range(0, len(encoded), 2)
            )
            if (
                sizes
                and len(encoded) == 2 * len(sizes)
                and len(salts) == SEED_SIZE * len(sizes)
                and all(0 < size <= MAX_LEAF for size in sizes)
            ):
                return Run(first, salts, sizes)
    raise _malformed()


def _check_leaves(view: PartOfView) -> None:
    """Raise unless the leaves are in order, apart, and within what the header counts."""
    ends = [(leaf.index, leaf.index + 1) for leaf in view.leaves]
    ends += [(run.first, run.first + len(run.sizes)) for run in view.runs]
    last = 1
    for first, end in ends:
        if first < last:
            raise MalformedData("an opening's leaves are not in order")
        last = end
    check_padded(view.padded, MAX_INTEGER)
    header = opened_header(view)
    if header is not None and view.padded != padded_count(header.count):
        raise MalformedData("an opening's padded count is not that of its header")
    if last - 1 > _most(view):
        raise MalformedData("an opening shows a leaf that its document does not have")


def opened_header(view: bytes | PartOfView | WholeBytes) -> ViewHeader | None:
    """Return what leaf 0 of a view says, None where that is hidden."""
    if isinstance(view, PartOfView) and isinstance(view.header, OpenedHeader):
        return view.header.header
    return None


def _most(view: PartOfView) -> int:
    """Return how many leaves the view has at most."""
    header = opened_header(view)
    return view.padded if header is None else header.count


def _check_document(opening: DocumentOpening) -> None:
    """Raise unless something is shown, and each piece named by a structure leaf or counted in its
    view's header; and unless what the views say agrees (ledger.evidence.rules)."""
    content, structure, metadata = opening.content, opening.structure, opening.metadata
    if all(isinstance(view, bytes) for view in (content, structure, metadata)):
        raise MalformedData("an opening names a document and shows nothing of it")
    runs = content.runs if isinstance(content, PartOfView) else ()
    found = {(run.first, len(run.sizes)) for run in runs}
    parts = [part for _, part in opened_parts(opening)]
    named = {(part.first, part.count) for part in parts}
    fields = opened_fields(opening)
    if not named <= found:
        raise MalformedData("an opening names a part whose content it does not show")
    if found - named and opened_header(content) is None:
        raise MalformedData("an opening shows a piece without saying of how many")
    if isinstance(structure, PartOfView):
        header = opened_header(structure)
        if header is None:
            raise MalformedData("an opening shows a part without saying of how many")
        check_padded(structure.padded, MAX_PARTS)
        check_uniform(header.splitter, False, len(parts))
        assert isinstance(content, PartOfView)
        check_parts(parts, _most(content))
    if isinstance(metadata, PartOfView):
        check_padded(metadata.padded, len(METADATA_FIELDS))
        if opened_header(metadata) is not None:
            raise MalformedData("an opening counts a document's metadata")
    check_splitters(_splitters(opening))
    if isinstance(content, PartOfView):
        _check_uniform_runs(content)
    if "size" in fields:
        check_size(fields["size"], *_bounds(content))


def _splitters(opening: DocumentOpening) -> set[tuple[str, int]]:
    content = opening.content
    found = {(content.splitter, content.version)} if isinstance(content, WholeBytes) else set()
    headers = (opened_header(content), opened_header(opening.structure))
    return found | {(each.splitter, each.version) for each in headers if each is not None}


def _check_uniform_runs(content: PartOfView) -> None:
    """Raise unless the leaves of a document cut `fixed` are full, except its last: where a piece
    begins in bytes is said of these alone."""
    header = opened_header(content)
    if header is None or header.splitter != UNIFORM:
        return
    for run in content.runs:
        full = run.sizes if run.first + len(run.sizes) <= header.count else run.sizes[:-1]
        check_uniform(UNIFORM, all(size == MAX_LEAF for size in full), 0)


def _bounds(content: bytes | PartOfView | WholeBytes) -> tuple[int, int]:
    """Return the least and the most bytes that a document with this content can have."""
    if isinstance(content, bytes):
        return 0, MAX_INTEGER
    if isinstance(content, WholeBytes):
        return content.size, content.size
    last = content.runs[-1]
    end, shown = last.first + len(last.sizes) - 1, sum(len(run.sizes) for run in content.runs)
    size = sum(run.size for run in content.runs)
    header = opened_header(content)
    count = end if header is None else header.count
    most = size + (_most(content) - shown) * MAX_LEAF
    if header is None or header.splitter != UNIFORM:
        return size + count - shown, most
    # All are full but the last, which has a byte at least.
    return most - (MAX_LEAF - 1 if end < count else 0), most


def _check_together(documents: Sequence[DocumentOpening]) -> None:
    """Raise unless what several documents say agrees."""
    fields = [(each.document, opened_fields(each)) for each in documents]
    made = {document: each["rendition"][0] for document, each in fields if "rendition" in each}
    check_renditions(made.items(), made)
    try:
        check_names([each["name"] for _, each in fields if "name" in each])
    except InvalidInput as error:
        raise MalformedData(str(error)) from error


def _malformed() -> MalformedData:
    return MalformedData("a document in the opening is not as specified")
