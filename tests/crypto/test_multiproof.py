"""Proofs of several leaves: complete, sound, no longer than needed, and nothing else passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.crypto.merkle import leaf_hash, root_from_leaf_hashes, verify_inclusion
from ledger.crypto.multiproof import multi_proof, root_from_multi_proof
from ledger.errors import InvalidInput, VerificationFailed

LEAVES = [leaf_hash(bytes([n])) for n in range(70)]


@some.composite
def trees(draw: some.DrawFn) -> tuple[int, list[int]]:
    size = draw(some.integers(1, 70))
    return size, sorted(draw(some.sets(some.integers(0, size - 1), min_size=1)))


@given(trees())
def test_every_set_of_leaves_leads_to_the_root(tree: tuple[int, list[int]]) -> None:
    size, indices = tree
    proof = multi_proof(LEAVES[:size], indices)
    found = root_from_multi_proof({i: LEAVES[i] for i in indices}, size, proof)
    assert found == root_from_leaf_hashes(LEAVES[:size])


@given(some.integers(1, 70), some.data())
def test_one_leaf_s_proof_has_the_hashes_of_its_inclusion_proof(
    size: int, data: some.DataObject
) -> None:
    index = data.draw(some.integers(0, size - 1))
    proof = multi_proof(LEAVES[:size], [index])
    hashes = [proof[at : at + 32] for at in range(0, len(proof), 32)]
    # The inclusion proof runs from the leaf upwards, ours from left to right.
    start, end, lefts, rights = 0, size, [], []
    while end - start > 1:
        split = start + (1 << ((end - start - 1).bit_length() - 1))
        if index < split:
            rights.append(root_from_leaf_hashes(LEAVES[split:end]))
            end = split
        else:
            lefts.append(root_from_leaf_hashes(LEAVES[start:split]))
            start = split
    assert hashes == lefts + rights[::-1]
    root = root_from_leaf_hashes(LEAVES[:size])
    with_paths = sorted(range(len(hashes)), key=lambda at: _height(size, index, at, len(lefts)))
    verify_inclusion(LEAVES[index], index, size, [hashes[at] for at in with_paths], root)


def _height(size: int, index: int, at: int, lefts: int) -> int:
    """The distance from the leaf of the at-th hash of our proof."""
    start, end, sides = 0, size, []
    while end - start > 1:
        split = start + (1 << ((end - start - 1).bit_length() - 1))
        sides.append(index >= split)
        start, end = (split, end) if index >= split else (start, split)
    depth = [d for d, left in enumerate(sides) if left] + [
        d for d, left in reversed(list(enumerate(sides))) if not left
    ]
    return -depth[at]


@given(trees(), some.data())
def test_every_change_is_refused_or_gives_another_root(
    tree: tuple[int, list[int]], data: some.DataObject
) -> None:
    size, indices = tree
    root = root_from_leaf_hashes(LEAVES[:size])
    proof = multi_proof(LEAVES[:size], indices)
    leaves = {i: LEAVES[i] for i in indices}
    what = data.draw(some.sampled_from(["longer", "shorter", "bit", "leaf", "move", "size"]))
    if what == "longer":
        proof += data.draw(some.sampled_from([bytes(32), b"\0", root]))
    elif what == "shorter":
        proof = proof[: -data.draw(some.integers(1, 32))] if proof else bytes(32)
    elif what == "bit":
        at = data.draw(some.integers(0, max(0, len(proof) - 1)))
        proof = proof[:at] + bytes([(proof or b"\0")[at : at + 1][0] ^ 1]) + proof[at + 1 :]
    elif what == "leaf":
        leaves[indices[0]] = bytes(32)
    elif what == "move":
        leaves[indices[-1] + 1] = leaves.pop(indices[-1])
    else:
        size = data.draw(some.integers(0, 200).filter(lambda n: n != size))
    try:
        found = root_from_multi_proof(leaves, size, proof)
    except VerificationFailed:
        return
    # Another size can have the same split: it stands in what is hashed around the root.
    assert found != root or what == "size"


@pytest.mark.parametrize("indices", [[], [3, 2], [2, 2], [-1], [8]])
def test_leaves_that_are_not_there_cannot_be_proven(indices: list[int]) -> None:
    with pytest.raises(InvalidInput):
        multi_proof(LEAVES[:8], indices)


def test_no_leaf_proves_nothing() -> None:
    with pytest.raises(VerificationFailed):
        root_from_multi_proof({}, 1, bytes(32))
