"""Making a partial opening from a deposit's manifest and index, without its content."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ledger.crypto.commitment import (
    COVER_PLACE,
    HASH_SIZE,
    KIND_METADATA,
    KIND_STRUCTURE,
    VIEW_BYTES,
    VIEW_METADATA,
    VIEW_STRUCTURE,
    VIEWS,
    CoverTree,
    View,
    ViewHeader,
    commitment_from_root,
    cover_commitment,
    cover_seed,
    cover_tree,
    deposit_hashes,
    document_commitment,
    document_seed,
    dummy_commitments,
    header_commitment,
    leaf_commitments,
    leaf_salt,
    padded_count,
    place_of,
    view_digest,
    view_seed,
)
from ledger.crypto.merkle import leaf_hashes, root_from_leaf_hashes
from ledger.crypto.multiproof import multi_proof
from ledger.errors import InvalidInput, VerificationFailed
from ledger.evidence.index import DocumentIndex, Index
from ledger.evidence.manifest import Cover, Manifest, cover_leaves
from ledger.evidence.partial.views import (
    DocumentOpening,
    Leaf,
    OpenedHeader,
    PartialOpening,
    PartOfView,
    Run,
    WholeBytes,
)
from ledger.evidence.parts import Cuts, Part, structure_leaves
from ledger.evidence.records import METADATA_SPLITTER, Record, metadata_leaves
from ledger.evidence.rules import METADATA_FIELDS
from ledger.quoted import quoted


@dataclass(frozen=True, slots=True)
class Selection:
    """What to open of document `document` (from 0), or of the cover, which is None and has fields only.

    `whole`: all its bytes. `parts`: positions in its structure view, from 1. `ranges`: (offset, size)
    in bytes, widened to whole leaves. `fields`: names of metadata fields, or of the cover's.
    """

    document: int | None
    whole: bool = False
    parts: tuple[int, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    fields: tuple[str, ...] = ()


def open_in_part(
    manifest: Manifest, index: Index, selections: Sequence[Selection], commitment: bytes
) -> PartialOpening:
    """Return what opens `selections` and nothing else. The index must hold the leaves' hashes.

    Parts inside other selected parts are left out. Raises InvalidInput for what is not there, and
    VerificationFailed unless manifest and index give `commitment`.
    """
    chosen = {each.document: each for each in selections}
    known = {None, *range(len(manifest.documents))}
    if len(chosen) != len(selections) or not set(chosen) <= known:
        raise InvalidInput("a selection names no document of the deposit, or one twice")
    if not all(each.whole or each.parts or each.ranges or each.fields for each in selections):
        raise InvalidInput("a selection names a document and nothing of it")
    documents: list[bytes] = []
    opened: list[DocumentOpening] = []
    for number, (record, entry) in enumerate(zip(manifest.documents, index, strict=True)):
        views = _Views(manifest.seed, number, record, entry)
        if number in chosen:
            opened.append(views.open(chosen[number]))
        documents.append(views.commitment())
    tree = cover_tree(manifest.seed, cover_leaves(manifest.cover))
    hashes = deposit_hashes(manifest.seed, cover_commitment(tree.view), documents)
    root = root_from_leaf_hashes(hashes)
    if commitment_from_root(manifest.depositor, len(hashes), root) != commitment:
        raise VerificationFailed(
            "what is known of the deposit's parts is not what was deposited: its commitment differs "
            "from the statement's"
        )
    cover = None
    if None in chosen:
        cover = _open_cover(manifest.seed, manifest.cover, tree, chosen[None].fields)
    places = sorted(COVER_PLACE if each is None else place_of(each) for each in chosen)
    return PartialOpening(len(hashes), tuple(opened), multi_proof(hashes, places), cover)


def _open_cover(seed: bytes, cover: Cover, tree: CoverTree, names: Sequence[str]) -> PartOfView:
    """Return what opens these fields of the cover; its header, which counts them all, stays hidden."""
    known = dict(
        zip(dict(cover.fields), zip(tree.places, cover_leaves(cover), strict=True), strict=True)
    )
    if not names or not set(names) <= set(known):
        raise InvalidInput(f"The deposit's cover has the fields {', '.join(known)}.")
    secret = cover_seed(seed)
    leaves = tuple(
        Leaf(place, leaf_salt(secret, place), data)
        for place, data in sorted(known[name] for name in set(names))
    )
    proof = multi_proof(tree.hashes, [leaf.index - 1 for leaf in leaves])
    return PartOfView(tree.view.padded, tree.view.header, leaves, (), proof)


@dataclass(frozen=True, slots=True)
class _Tree:
    """A view as the company knows it; `leaves` is empty for bytes, `hashes` are those of the tree."""

    seed: bytes
    header: ViewHeader
    leaves: list[bytes]
    hashes: list[bytes]

    def digest(self, view: int) -> bytes:
        """Return W_w."""
        header = header_commitment(leaf_salt(self.seed, 0), self.header)
        return view_digest(view, View(header, len(self.hashes), root_from_leaf_hashes(self.hashes)))

    def leaves_at(self, positions: Sequence[int]) -> tuple[Leaf, ...]:
        """Return what opens leaves, counted from 1."""
        return tuple(
            Leaf(each, leaf_salt(self.seed, each), self.leaves[each - 1]) for each in positions
        )

    def opened(
        self,
        counted: bool,
        leaves: tuple[Leaf, ...],
        runs: tuple[Run, ...],
        indices: Sequence[int],
    ) -> PartOfView:
        """Return the view with the leaves at `indices` shown, and its header where it is `counted`."""
        salt = leaf_salt(self.seed, 0)
        return PartOfView(
            len(self.hashes),
            OpenedHeader(salt, self.header) if counted else header_commitment(salt, self.header),
            leaves,
            runs,
            multi_proof(self.hashes, [index - 1 for index in indices]),
        )


class _Views:
    """The three views of one document."""

    def __init__(self, seed: bytes, document: int, record: Record, entry: DocumentIndex) -> None:
        self._document = document
        self._record = record
        self._entry = entry
        self._seed = document_seed(seed, document)
        self._trees: dict[int, _Tree] = {}
        if len(entry.hashes) != record.leaves * HASH_SIZE:
            raise InvalidInput(f"the hashes of {quoted(record.name)} are not known here")

    def commitment(self) -> bytes:
        """Return D_j."""
        return document_commitment(
            self._document, [self._tree(view).digest(view) for view in VIEWS]
        )

    def _tree(self, view: int) -> _Tree:
        tree = self._trees.get(view)
        if tree is None:
            tree = self._trees[view] = self._grown(view)
        return tree

    def _grown(self, view: int) -> _Tree:
        record, seed = self._record, view_seed(self._seed, view)
        splitter = (record.splitter, record.version)
        leaves: list[bytes] = []
        if view == VIEW_BYTES:
            known = self._entry.hashes
            commitments = [known[at : at + HASH_SIZE] for at in range(0, len(known), HASH_SIZE)]
        elif view == VIEW_STRUCTURE:
            leaves = structure_leaves(self._entry.parts)
            commitments = leaf_commitments(seed, KIND_STRUCTURE, 1, leaves)
        else:
            splitter = METADATA_SPLITTER
            leaves = metadata_leaves(record)
            commitments = leaf_commitments(seed, KIND_METADATA, 1, leaves)
        count = len(commitments)
        commitments += dummy_commitments(partial(leaf_salt, seed), count, padded_count(count))
        return _Tree(seed, ViewHeader(count, *splitter), leaves, leaf_hashes(commitments))

    def open(self, selection: Selection) -> DocumentOpening:
        """Return what opens a selection of it."""
        covered = {} if selection.whole else self._covered(selection.parts)
        runs = set(covered.values())
        stray = set() if selection.whole else set(self._ranges(selection.ranges, sorted(runs)))
        content: bytes | PartOfView | WholeBytes
        if selection.whole:
            content = self._whole()
        elif runs or stray:
            content = self._runs(sorted(runs | stray), counted=bool(stray))
        else:
            content = self._tree(VIEW_BYTES).digest(VIEW_BYTES)
        named = sorted(covered)
        return DocumentOpening(
            self._document,
            content,
            self._parts(named) if named else self._tree(VIEW_STRUCTURE).digest(VIEW_STRUCTURE),
            self._fields(selection.fields)
            if selection.fields
            else self._tree(VIEW_METADATA).digest(VIEW_METADATA),
        )

    # --- what is chosen ---

    def _covered(self, positions: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Return (first, end) of each chosen part that lies in no other."""
        parts = self._entry.parts
        if not all(1 <= position <= len(parts) for position in positions):
            raise InvalidInput(
                f"{quoted(self._record.name)} has {len(parts)} parts; one outside was asked for"
            )
        chosen = {position: _span(parts[position - 1]) for position in set(positions)}
        outer: dict[int, tuple[int, int]] = {}
        end = 1
        for position, span in sorted(chosen.items(), key=lambda each: (each[1][0], -each[1][1])):
            if span[1] <= end and outer:
                if span in outer.values():
                    outer[position] = span
                continue
            if span[0] < end:
                raise InvalidInput(f"two parts of {quoted(self._record.name)} overlap")
            outer[position] = span
            end = span[1]
        return outer

    def _ranges(
        self, ranges: Sequence[tuple[int, int]], taken: Sequence[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """Return the leaves of byte ranges as (first, end), without those that parts cover."""
        cuts = Cuts(self._record.size, self._entry.cuts)
        leaves: set[int] = set()
        for offset, size in ranges:
            if offset < 0 or size < 1 or offset + size > self._record.size:
                raise InvalidInput(
                    f"{quoted(self._record.name)} has {self._record.size} bytes; a range "
                    "outside was asked for"
                )
            at = cuts.at(offset)
            first = at if at < cuts.count and cuts.start(at) == offset else at - 1
            leaves.update(range(first + 1, cuts.at(offset + size) + 1))
        for low, high in taken:
            leaves.difference_update(range(low, high))
        return list(_grouped(sorted(leaves)))

    # --- what opens it ---

    def _whole(self) -> WholeBytes:
        record = self._record
        seed = view_seed(self._seed, VIEW_BYTES)
        return WholeBytes(seed, record.splitter, record.version, record.size, self._entry.cuts)

    def _runs(self, runs: Sequence[tuple[int, int]], counted: bool) -> PartOfView:
        cuts = Cuts(self._record.size, self._entry.cuts)
        tree = self._tree(VIEW_BYTES)
        opened = tuple(
            Run(
                first,
                b"".join(leaf_salt(tree.seed, leaf) for leaf in range(first, end)),
                tuple(cuts.start(leaf) - cuts.start(leaf - 1) for leaf in range(first, end)),
            )
            for first, end in runs
        )
        indices = [leaf for first, end in runs for leaf in range(first, end)]
        return tree.opened(counted, (), opened, indices)

    def _parts(self, positions: Sequence[int]) -> PartOfView:
        tree = self._tree(VIEW_STRUCTURE)
        return tree.opened(True, tree.leaves_at(positions), (), positions)

    def _fields(self, names: Sequence[str]) -> PartOfView:
        tree = self._tree(VIEW_METADATA)
        known = METADATA_FIELDS[: len(tree.leaves)]
        if not set(names) <= set(known):
            raise InvalidInput(f"{quoted(self._record.name)} has the metadata {', '.join(known)}")
        positions = sorted(known.index(name) + 1 for name in set(names))
        return tree.opened(False, tree.leaves_at(positions), (), positions)


def _span(part: Part) -> tuple[int, int]:
    return part.first, part.first + part.count


def _grouped(leaves: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for at, leaf in enumerate(leaves, 1):
        if at == len(leaves) or leaves[at] != leaf + 1:
            yield leaves[start], leaf + 1
            start = at
