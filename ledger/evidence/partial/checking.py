"""Checking a partial opening: the commitment that follows from what it shows."""

from collections.abc import Callable, Iterator

from ledger.crypto.commitment import (
    COVER_PLACE,
    KIND_BYTES,
    KIND_COVER,
    KIND_METADATA,
    KIND_STRUCTURE,
    SEED_SIZE,
    VIEW_COVER,
    VIEW_METADATA,
    VIEW_STRUCTURE,
    VIEWS,
    View,
    ViewBuilder,
    ViewHeader,
    commitment_from_root,
    cover_commitment,
    document_commitment,
    header_commitment,
    leaf_commitment,
    leaf_commitments,
    place_of,
    view_digest,
)
from ledger.crypto.merkle import Buffer, leaf_hash, leaf_hashes
from ledger.crypto.multiproof import root_from_multi_proof
from ledger.errors import VerificationFailed
from ledger.evidence.partial.views import (
    DocumentOpening,
    OpenedHeader,
    PartialOpening,
    PartOfView,
    Piece,
    Run,
    WholeBytes,
    opened_cover,
    opened_fields,
    opened_parts,
    pieces_of,
)
from ledger.evidence.parts import Cuts
from ledger.quoted import quoted
from ledger.verify import OpenedDeposit

_KINDS = {VIEW_STRUCTURE: KIND_STRUCTURE, VIEW_METADATA: KIND_METADATA, VIEW_COVER: KIND_COVER}
_SEGMENT = 4 << 20
"""Bytes of a whole document that are read and hashed at a time."""


def recompute_partial(
    opening: PartialOpening,
    depositor: bytes,
    fetch: Callable[[int, int, int], bytes],
    write: Callable[[int, int, Buffer], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> OpenedDeposit:
    """Return the commitment that the opening and its content give, for `verify_receipt` to compare.

    `fetch(piece, offset, size)` gives bytes of a piece; `write(piece, offset, data)` gets them,
    unverified until the comparison. `depositor` is the thumbprint that the statement names.
    """
    pieces = opening.pieces
    done = 0

    def read(piece: int, offset: int, size: int) -> bytes:
        nonlocal done
        data = fetch(piece, offset, size)
        if len(data) != size:
            raise VerificationFailed(f"{_called(pieces[piece])} is shorter than what was deposited")
        if write:
            write(piece, offset, data)
        done += size
        if progress:
            progress(done)
        return data

    hashes: dict[int, bytes] = {}
    number = 0
    try:
        for each in opening.documents:
            digests = []
            for view, shown in zip(
                VIEWS, (each.content, each.structure, each.metadata), strict=True
            ):
                if isinstance(shown, bytes):
                    digests.append(shown)
                elif isinstance(shown, WholeBytes):
                    digests.append(view_digest(view, _whole_view(shown, number, read)))
                else:
                    digests.append(view_digest(view, _part_view(view, shown, number, read)))
            number += len(pieces_of(each))
            commitment = document_commitment(each.document, digests)
            hashes[place_of(each.document)] = leaf_hash(commitment)
        if opening.cover is not None:
            cover = _part_view(VIEW_COVER, opening.cover, number, read)
            hashes[COVER_PLACE] = leaf_hash(cover_commitment(cover))
        root = root_from_multi_proof(hashes, opening.padded, opening.proof)
    except VerificationFailed as error:
        return OpenedDeposit(None, problem=str(error))
    commitment = commitment_from_root(depositor, opening.padded, root)
    facts = tuple(map(_shown, opening.documents))
    return OpenedDeposit(commitment, shown=facts, cover=opened_cover(opening))


def _whole_view(shown: WholeBytes, piece: int, read: Callable[[int, int, int], bytes]) -> View:
    cuts = Cuts(shown.size, shown.cuts)
    builder = ViewBuilder(shown.seed, ViewHeader(cuts.count, shown.splitter, shown.version))
    first = 0
    while first < cuts.count:
        end = cuts.segment(first, _SEGMENT)
        start = cuts.start(first)
        data = memoryview(read(piece, start, cuts.start(end) - start))
        leaves = cuts.split(data, first, end)
        builder.extend(leaf_hashes(leaf_commitments(shown.seed, KIND_BYTES, first + 1, leaves)))
        first = end
    return builder.finish()


def _part_view(
    view: int, shown: PartOfView, piece: int, read: Callable[[int, int, int], bytes]
) -> View:
    kind = _KINDS.get(view, KIND_BYTES)
    hashes = {
        leaf.index - 1: leaf_hash(leaf_commitment(kind, leaf.index, leaf.salt, leaf.data))
        for leaf in shown.leaves
    }
    for number, run in enumerate(shown.runs, piece):
        for index, salt, data in _leaves_of(run, number, read):
            hashes[index - 1] = leaf_hash(leaf_commitment(KIND_BYTES, index, salt, data))
    root = root_from_multi_proof(hashes, shown.padded, shown.proof)
    header = shown.header
    if isinstance(header, OpenedHeader):
        header = header_commitment(header.salt, header.header)
    return View(header, shown.padded, root)


def _leaves_of(
    run: Run, piece: int, read: Callable[[int, int, int], bytes]
) -> Iterator[tuple[int, bytes, bytes]]:
    offset = 0
    for at, size in enumerate(run.sizes):
        salt = run.salts[at * SEED_SIZE : (at + 1) * SEED_SIZE]
        yield run.first + at, salt, read(piece, offset, size)
        offset += size


def _shown(opening: DocumentOpening) -> dict[str, object]:
    """Return what a report says of a document that was opened in part; counted from 1."""
    fields = opened_fields(opening)
    pieces = pieces_of(opening)
    content, structure = opening.content, opening.structure
    whole = isinstance(content, WholeBytes)
    total = None
    if isinstance(structure, PartOfView) and isinstance(structure.header, OpenedHeader):
        total = structure.header.header.count
    leaves = None
    if whole:
        leaves = pieces[0].count
    elif isinstance(content, PartOfView) and isinstance(content.header, OpenedHeader):
        leaves = content.header.header.count
    positions = {(part.first, part.count): index for index, part in reversed(opened_parts(opening))}
    made = fields.pop("rendition", None)
    return {
        "document": opening.document + 1,
        "name": fields.pop("name", None),
        "whole": whole,
        "size": pieces[0].size if whole else None,
        "fields": fields,
        "rendition": None if made is None else made.facts,
        "pieces": leaves,
        "parts": []
        if whole
        else [
            {
                "path": piece.path,
                "position": positions.get((piece.first, piece.count)),
                "total": total,
                "first": piece.first,
                "count": piece.count,
                "size": piece.size,
                "offset": piece.offset,
            }
            for piece in pieces
        ],
    }


def _called(piece: Piece) -> str:
    name = piece.path or piece.name
    return str(quoted(name)) if name else f"a piece of document {piece.document + 1}"
