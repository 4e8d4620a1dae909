"""Several leaves of one RFC 9162 tree at once, with as few hashes as show them all.

The tree splits as RFC 9162 section 2.1.1 says. From the root downwards, left before right, a subtree
that holds none of the leaves is given by its hash; the hashes stand in that order. One leaf's proof is
as long as its inclusion proof; leaves that are neighbours share nearly all of theirs.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from ledger.crypto.merkle import HASH_SIZE, left_size, node_hash, parent_row
from ledger.errors import InvalidInput, VerificationFailed


def multi_proof(hashes: Sequence[bytes], indices: Sequence[int]) -> bytes:
    """Return the proof of the leaves at `indices` (ascending), 32 bytes a hash.

    `hashes` are all the tree's leaf hashes. Raises InvalidInput for indices that the tree lacks.
    """
    size = len(hashes)
    if not indices or list(indices) != sorted(set(indices)) or not 0 <= indices[0] <= indices[-1]:
        raise InvalidInput("the leaves to prove are not given once each, in order")
    if indices[-1] >= size:
        raise InvalidInput(f"a tree of {size} leaves has no leaf {indices[-1]}")
    rows = [hashes]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append(parent_row(row) + ([row[-1]] if len(row) & 1 else []))
    proof = bytearray()

    def add(start: int, end: int) -> None:
        at = bisect_left(indices, start)
        if at == len(indices) or indices[at] >= end:
            level = (end - start - 1).bit_length()
            proof.extend(rows[level][start >> level])
        elif end - start > 1:
            split = start + left_size(end - start)
            add(start, split)
            add(split, end)

    add(0, size)
    return bytes(proof)


def root_from_multi_proof(leaves: Mapping[int, bytes], size: int, proof: bytes) -> bytes:
    """Return the root of the tree of `size` leaves that has these leaf hashes at these indices.

    Raises VerificationFailed where an index is outside the tree, or the proof has not exactly the
    hashes that these indices demand.
    """
    indices = sorted(leaves)
    if not indices or indices[0] < 0 or indices[-1] >= size or len(proof) % HASH_SIZE:
        raise VerificationFailed("a proof names leaves that its tree cannot have")
    hashes = iter([proof[at : at + HASH_SIZE] for at in range(0, len(proof), HASH_SIZE)])
    root = _root(leaves, indices, 0, size, hashes)
    if next(hashes, None) is not None:
        raise VerificationFailed("a proof has more hashes than its leaves demand")
    return root


def _root(
    leaves: Mapping[int, bytes],
    indices: Sequence[int],
    start: int,
    end: int,
    proof: Iterator[bytes],
) -> bytes:
    at = bisect_left(indices, start)
    if at == len(indices) or indices[at] >= end:
        given = next(proof, None)
        if given is None:
            raise VerificationFailed("a proof has fewer hashes than its leaves demand")
        return given
    if end - start == 1:
        return leaves[start]
    split = start + left_size(end - start)
    left = _root(leaves, indices, start, split, proof)
    return node_hash(left, _root(leaves, indices, split, end, proof))
