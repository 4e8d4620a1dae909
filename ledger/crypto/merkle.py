"""RFC 9162 Merkle tree over SHA-256: roots, inclusion proofs, consistency proofs.

    leaf = SHA-256(0x00 || data)      node = SHA-256(0x01 || left || right)

A tree of n > 1 leaves splits at the largest power of two below n, so everything left of a split is
a complete subtree. A *node* here is (level, index): the root of the complete subtree over leaves
index * 2^level .. (index + 1) * 2^level - 1. Complete subtrees never change when the tree grows;
proofs are computed from a `HashReader` that serves them.

Specification: https://www.rfc-editor.org/rfc/rfc9162#section-2.1
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Protocol

from ledger.errors import InvalidInput, VerificationFailed

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
MAX_TREE_SIZE = 2**63 - 1
"""Sizes fit a signed 64-bit integer, so that every database and language can hold them."""
MAX_PROOF_LENGTH = 63
"""No valid inclusion proof over a tree of at most MAX_TREE_SIZE leaves has more hashes."""

_LEAF = b"\x00"
_NODE = b"\x01"

Buffer = bytes | bytearray | memoryview


class HashReader(Protocol):
    """Serves the roots of complete subtrees."""

    def hashes(self, level: int, start: int, end: int) -> Sequence[bytes]:
        """Return the nodes (level, start) .. (level, end - 1), 32 bytes each."""
        ...


def leaf_hash(data: Buffer) -> bytes:
    """Hash one entry as a leaf (section 2.1.1)."""
    state = sha256(_LEAF)
    state.update(data)
    return state.digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Hash short entries as leaves."""
    return [sha256(_LEAF + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtree roots into their parent (section 2.1.1)."""
    return sha256(_NODE + left + right).digest()


def parent_row(row: Sequence[bytes]) -> list[bytes]:
    """Hash neighbours of one level pairwise into the next; an odd last node is left out."""
    nodes = iter(row)
    return [
        sha256(_NODE + left + right).digest() for left, right in zip(nodes, nodes, strict=False)
    ]


def root_from_leaf_hashes(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes of 32 bytes; `EMPTY_ROOT` for none."""
    row = leaf_hashes
    if not row:
        return EMPTY_ROOT
    while len(row) > 1:
        parents = parent_row(row)
        if len(row) & 1:
            parents.append(row[-1])
        row = parents
    return row[0]


Node = tuple[int, bytes]
"""A level, and the root of one of its complete subtrees."""


def nodes_over(first: int, leaf_hashes: Sequence[bytes]) -> list[Node]:
    """Return the fewest nodes over the leaves from index `first` on, in order."""
    left: list[Node] = []
    right: list[Node] = []
    row, level = leaf_hashes, 0
    while row:
        if first & 1:
            left.append((level, row[0]))
            row = row[1:]
        if len(row) & 1:
            right.append((level, row[-1]))
        row = parent_row(row)
        first, level = (first + 1) >> 1, level + 1
    return left + right[::-1]


class RootBuilder:
    """The root of a stream of leaves, in memory for one hash per level.

    Holds the roots of the complete subtrees that the leaves so far decompose into, largest first.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self._peaks: list[bytes] = []
        self.size = 0

    def append(self, leaf_hash: bytes) -> None:
        """Add the next leaf by its 32-byte hash."""
        peaks = self._peaks
        count = self.size
        self.size = count + 1
        while count & 1:
            leaf_hash = sha256(_NODE + peaks.pop() + leaf_hash).digest()
            count >>= 1
        peaks.append(leaf_hash)

    def extend(self, leaf_hashes: Sequence[bytes]) -> None:
        """Add many leaves at once, row by row: twice as fast as one by one."""
        self.join(nodes_over(self.size, leaf_hashes))

    def join(self, nodes: Iterable[Node]) -> None:
        """Add the leaves under nodes that `nodes_over` the next leaves has returned."""
        peaks = self._peaks
        for level, node in nodes:
            count = self.size >> level
            self.size += 1 << level
            while count & 1:
                node = sha256(_NODE + peaks.pop() + node).digest()
                count >>= 1
            peaks.append(node)

    def root(self) -> bytes:
        """Return the root over the leaves so far; more may follow."""
        return fold_peaks(self._peaks)


def fold_peaks(peaks: Sequence[bytes]) -> bytes:
    """Join the roots of adjacent complete subtrees, largest and leftmost first, into one root."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in peaks[-2::-1]:
        root = sha256(_NODE + peak + root).digest()
    return root


def tree_root(reader: HashReader, size: int) -> bytes:
    """Return the root of the tree's first `size` leaves, from O(log size) nodes."""
    _require_size(size)
    return _Ranges(reader).root(0, size)


def inclusion_proof(reader: HashReader, index: int, size: int) -> tuple[bytes, ...]:
    """Return PATH(index, D_size), leaf's sibling first (section 2.1.3.1).

    Raises:
        InvalidInput: The tree of this size has no such leaf.
    """
    return inclusion_proofs(reader, (index,), size)[0]


def inclusion_proofs(
    reader: HashReader, indices: Iterable[int], size: int
) -> list[tuple[bytes, ...]]:
    """Return `inclusion_proof` of each index; nodes that the paths share are read once.

    Raises:
        InvalidInput: The tree of this size has no such leaf.
    """
    _require_size(size)
    ranges = _Ranges(reader)
    proofs = []
    for index in indices:
        if not 0 <= index < size:
            raise InvalidInput(
                f"A tree of {size} entries has no entry with index {index}; "
                "ask for an index below the size."
            )
        start, end = 0, size
        path = []
        while end - start > 1:
            split = start + left_size(end - start)
            if index < split:
                path.append(ranges.root(split, end))
                end = split
            else:
                path.append(ranges.root(start, split))
                start = split
        proofs.append(tuple(reversed(path)))
    return proofs


def inclusion_proofs_of_range(
    reader: HashReader, start: int, end: int, size: int
) -> list[tuple[bytes, ...]]:
    """Return `inclusion_proof` of each index start .. end - 1: the nodes of a level are read at once.

    Raises:
        InvalidInput: The tree of this size has no such leaves.
    """
    _require_size(size)
    if not 0 <= start <= end <= size:
        raise InvalidInput(f"A tree of {size} entries has no entries {start} to {end - 1}.")
    paths: list[list[bytes]] = [[] for _ in range(end - start)]
    ranges = _Ranges(reader)
    level = 0
    while start < end and (size - 1) >> level:
        last = (size - 1) >> level  # the level's last node, complete or not
        first = (start >> level) & ~1
        complete = min(((end - 1) >> level | 1) + 1, size >> level)
        nodes = list(reader.hashes(level, first, max(first, complete)))
        if first + len(nodes) == last and last <= (end - 1) >> level | 1:
            nodes.append(ranges.root(last << level, size))
        for index, path in enumerate(paths, start):
            sibling = index >> level ^ 1
            if sibling <= last:
                path.append(nodes[sibling - first])
        level += 1
    return [tuple(path) for path in paths]


def consistency_proof(reader: HashReader, old_size: int, new_size: int) -> tuple[bytes, ...]:
    """Return PROOF(old_size, D_new_size) (section 2.1.4.1).

    Empty when the sizes are equal, and from the empty tree, which every tree extends.

    Raises:
        InvalidInput: `old_size` is above `new_size`, or negative.
    """
    _require_size(new_size)
    if not 0 <= old_size <= new_size:
        raise InvalidInput(
            f"No tree of {new_size} entries extends one of {old_size}; "
            "ask from the smaller size to the larger."
        )
    if old_size in (0, new_size):
        return ()
    ranges = _Ranges(reader)
    start, end = 0, new_size
    path = []
    while end != old_size:
        split = start + left_size(end - start)
        if old_size <= split:
            path.append(ranges.root(split, end))
            end = split
        else:
            path.append(ranges.root(start, split))
            start = split
    if start:  # the old tree is not itself one complete subtree that the verifier already knows
        path.append(ranges.root(start, end))
    return tuple(reversed(path))


def root_from_inclusion_proof(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes]
) -> bytes:
    """Return the root that the proof leads to (section 2.1.3.2, steps 1 to 4).

    Only a comparison with a root that somebody has signed makes this a proof of inclusion.

    Raises:
        VerificationFailed: index is not below size, the length of the proof is not exactly that of
            this place in the tree, or a hash is not 32 bytes long.
    """
    if not 0 <= index < size <= MAX_TREE_SIZE:
        raise VerificationFailed(
            f"The inclusion proof names index {index} in a tree of {size} entries, "
            "where no such entry can be."
        )
    _require_hashes("inclusion", (leaf_hash, *proof))
    sides = path_sides(index, size)
    if len(proof) != len(sides):
        raise _wrong_length("inclusion")
    root = leaf_hash
    for left, sibling in zip(sides, proof, strict=True):
        root = node_hash(sibling, root) if left else node_hash(root, sibling)
    return root


def path_sides(index: int, size: int) -> list[bool]:
    """Return for each hash of an inclusion proof, leaf first, whether it stands on the left.

    `index` is below `size`. The steps of section 2.1.3.2, without the hashes.
    """
    fn, sn = index, size - 1
    sides = []
    while sn:
        left = bool(fn & 1) or fn == sn
        while left and fn and not fn & 1:
            fn >>= 1
            sn >>= 1
        sides.append(left)
        fn >>= 1
        sn >>= 1
    return sides


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the tree with this size and root has this leaf at this index (section 2.1.3.2).

    Raises:
        VerificationFailed: It is not shown.
    """
    if root_from_inclusion_proof(leaf_hash, index, size, proof) != root:
        raise VerificationFailed(
            f"The inclusion proof for entry {index} does not lead to the root of the tree of "
            f"{size} entries: the entry is not the one in the ledger, or the proof is for another "
            "checkpoint."
        )


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the new tree begins with the whole old tree, unchanged (section 2.1.4.2).

    Equal sizes demand equal roots; both those and an old size of 0 demand an empty proof.

    Raises:
        VerificationFailed: It is not shown.
    """
    if not 0 <= old_size <= new_size <= MAX_TREE_SIZE:
        raise VerificationFailed(
            f"A tree of {new_size} entries cannot extend one of {old_size} entries."
        )
    _require_hashes("consistency", (old_root, new_root, *proof))
    if old_size in (0, new_size):
        if proof:
            raise _wrong_length("consistency")
        if (old_size == 0 and old_root != EMPTY_ROOT) or (
            old_size == new_size and old_root != new_root
        ):
            raise _inconsistent(old_size, new_size)
        return
    path = (old_root, *proof) if _is_complete(old_size) else proof
    first, second = roots_from_consistency_path(old_size, new_size, path)
    if first != old_root or second != new_root:
        raise _inconsistent(old_size, new_size)


def consistency_path(reader: HashReader, old_size: int, new_size: int) -> tuple[bytes, ...]:
    """Return `consistency_proof` with the node that it leaves out where the old tree is complete.

    `roots_from_consistency_path` then needs nobody's word for the old root. `old_size` is at least 1
    and below `new_size`.
    """
    proof = consistency_proof(reader, old_size, new_size)
    return (tree_root(reader, old_size), *proof) if _is_complete(old_size) else proof


def roots_from_consistency_path(
    old_size: int, new_size: int, path: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Return the roots (of the first `old_size` leaves, of the tree) that a path leads to.

    If the second is the root of a tree, the first is the only one its first leaves can have.

    Raises:
        VerificationFailed: Not 1 <= old_size < new_size, or the path has the wrong number of hashes.
    """
    if not 1 <= old_size < new_size <= MAX_TREE_SIZE:
        raise VerificationFailed(f"No path leads from {old_size} entries to {new_size}.")
    _require_hashes("consistency", path)
    if not path:
        raise _wrong_length("consistency")
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    first = second = path[0]
    for node in path[1:]:
        if sn == 0:
            raise _wrong_length("consistency")
        if fn & 1 or fn == sn:
            first = node_hash(node, first)
            second = node_hash(node, second)
            while fn and not fn & 1:
                fn >>= 1
                sn >>= 1
        else:
            second = node_hash(second, node)
        fn >>= 1
        sn >>= 1
    if sn:
        raise _wrong_length("consistency")
    return first, second


def _is_complete(size: int) -> bool:
    """Return whether a tree of `size` entries is one complete subtree."""
    return size & (size - 1) == 0


class _Ranges:
    """Roots of the ranges that splits produce, each computed once."""

    def __init__(self, reader: HashReader) -> None:
        self._reader = reader
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, start: int, end: int) -> bytes:
        """Return the root over leaves start .. end - 1.

        `start` is a multiple of every power of two up to end - start, as it is in every split.
        """
        known = self._known.get((start, end))
        if known is None:
            known = self._known[start, end] = fold_peaks(self._peaks(start, end))
        return known

    def _peaks(self, start: int, end: int) -> list[bytes]:
        peaks = []
        while start < end:
            level = (end - start).bit_length() - 1
            index = start >> level
            peaks.append(self._reader.hashes(level, index, index + 1)[0])
            start += 1 << level
        return peaks


def left_size(size: int) -> int:
    """Return the largest power of two below `size`, at which a tree splits; `size` is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _require_size(size: int) -> None:
    if not 0 <= size <= MAX_TREE_SIZE:
        raise InvalidInput(f"{size} is no tree size; sizes run from 0 to {MAX_TREE_SIZE}.")


def _require_hashes(kind: str, hashes: Sequence[bytes]) -> None:
    if len(hashes) > MAX_PROOF_LENGTH + 2 or any(len(each) != HASH_SIZE for each in hashes):
        raise VerificationFailed(
            f"The {kind} proof is not a list of at most {MAX_PROOF_LENGTH} hashes of "
            f"{HASH_SIZE} bytes."
        )


def _wrong_length(kind: str) -> VerificationFailed:
    return VerificationFailed(
        f"The {kind} proof does not have the number of hashes that these tree sizes demand."
    )


def _inconsistent(old_size: int, new_size: int) -> VerificationFailed:
    return VerificationFailed(
        f"The tree of {new_size} entries does not extend the tree of {old_size} entries. Keep both "
        "checkpoints and the proof: if both are signed, the ledger has shown two histories."
    )
