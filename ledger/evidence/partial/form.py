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

from collections.abc import Callable
from typing import Any

from ledger.chain.statement import is_count
from ledger.crypto.commitment import (
    COVER_PLACE,
    HASH_SIZE,
    MAX_LEAF,
    MIN_COVER,
    SEED_SIZE,
    ViewHeader,
    padded_cover,
    place_of,
)
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData
from ledger.evidence.partial.consistency import check_document, check_leaves, check_together
from ledger.evidence.partial.views import (
    DocumentOpening,
    Leaf,
    OpenedHeader,
    PartialOpening,
    PartOfView,
    Run,
    WholeBytes,
    cover_field,
)
from ledger.evidence.parts import Cuts
from ledger.evidence.rules import MAX_COVER, MAX_DOCUMENTS, check_padded, check_uniform, is_splitter

MAX_OPENED_ITEMS = 4_000_000
"""CBOR items of a partial opening."""

_COVER_KEY, _VERSION_KEY, _VERSION = "cover", "sealbook-opening", 2


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
            check_together({each.document: check_document(each) for each in documents})
            cover = _parse_cover(rest[_COVER_KEY]) if rest else None
            return PartialOpening(padded, documents, proof, cover)
    raise MalformedData("the opening's fields are not as specified")


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
            return DocumentOpening(
                place - place_of(0),
                _parse_content(content),
                _parse_view(structure, _parse_leaf),
                _parse_view(metadata, _parse_leaf),
            )
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
            check_leaves(view)
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


def _malformed() -> MalformedData:
    return MalformedData("a document in the opening is not as specified")
