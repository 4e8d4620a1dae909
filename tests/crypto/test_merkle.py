import hashlib
import random
import warnings
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.crypto.merkle import (
    EMPTY_ROOT,
    MAX_TREE_SIZE,
    RootBuilder,
    consistency_proof,
    inclusion_proof,
    inclusion_proofs,
    inclusion_proofs_of_range,
    leaf_hash,
    node_hash,
    root_from_inclusion_proof,
    root_from_leaf_hashes,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from ledger.errors import InvalidInput, VerificationFailed

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it misses pysha3, which it never uses
    import merkletools

LEAVES = [leaf_hash(b"entry %d" % number) for number in range(600)]
ROOTS = [root_from_leaf_hashes(LEAVES[:size]) for size in range(len(LEAVES) + 1)]


class Hashes:
    """Complete subtrees of LEAVES, and how often they were asked for."""

    def __init__(self):
        self.rows = [LEAVES]
        while len(self.rows[-1]) > 1:
            row = self.rows[-1]
            self.rows.append([node_hash(*row[i : i + 2]) for i in range(0, len(row) - 1, 2)])
        self.calls = 0

    def hashes(self, level, start, end):
        self.calls += 1
        nodes = self.rows[level][start:end]
        assert len(nodes) == end - start
        return nodes


READER = Hashes()

# RFC 6962 tree over the eight leaves that certificate-transparency implementations share.
VECTOR_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
VECTOR_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def referee(size):
    tools = merkletools.MerkleTools()
    tools.hash_function = lambda data: hashlib.sha256(b"\x01" + data)
    tools.add_leaf([leaf.hex() for leaf in LEAVES[:size]])
    tools.make_tree()
    return tools


def test_published_roots_of_eight_leaves():
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTOR_LEAVES]
    builder = RootBuilder()
    for size, root in enumerate(VECTOR_ROOTS):
        assert root_from_leaf_hashes(hashes[:size]).hex() == root
        assert builder.root().hex() == root
        if size < len(hashes):
            builder.append(hashes[size])


def test_merkletools_agrees_on_roots_and_paths_up_to_200_leaves():
    for size in range(1, 201):
        tools = referee(size)
        assert tools.get_merkle_root() == ROOTS[size].hex()
        paths = [
            tuple(bytes.fromhex(next(iter(step.values()))) for step in tools.get_proof(index))
            for index in range(size)
        ]
        assert inclusion_proofs(READER, range(size), size) == paths


def test_a_leaf_may_be_any_buffer():
    data = b"x" * 70_000
    assert leaf_hash(memoryview(data)) == leaf_hash(bytearray(data)) == leaf_hash(data)
    assert leaf_hash(data) == hashlib.sha256(b"\0" + data).digest()


def test_every_way_to_the_root_agrees():
    builder = RootBuilder()
    for size, root in enumerate(ROOTS):
        assert (builder.size, builder.root()) == (size, root)
        assert tree_root(READER, size) == root
        if size < len(LEAVES):
            builder.append(LEAVES[size])


def test_leaves_added_many_at_a_time_have_the_same_root():
    for first in (0, 1, 2, 3, 7, 8, 15, 17):
        for second in range(first, len(ROOTS)):
            builder = RootBuilder()
            builder.extend(LEAVES[:first])
            builder.extend(LEAVES[first:second])
            assert (builder.size, builder.root()) == (second, ROOTS[second])


def test_every_inclusion_proof_up_to_130_leaves_holds():
    for size in range(1, 131):
        for index, proof in enumerate(inclusion_proofs(READER, range(size), size)):
            assert proof == inclusion_proof(READER, index, size)
            verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_every_consistency_proof_up_to_130_leaves_holds():
    for new in range(131):
        for old in range(new + 1):
            proof = consistency_proof(READER, old, new)
            verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)
            assert bool(proof) == (0 < old < new)


sizes = st.integers(1, len(LEAVES))
places = sizes.flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size)))


@given(places, st.data())
def test_an_altered_inclusion_proof_is_refused(place, data):
    index, size = place
    proof = inclusion_proof(READER, index, size)
    leaf, root = LEAVES[index], ROOTS[size]
    other = data.draw(st.integers(0, size + 5).filter(lambda i: i != index))
    attempts = [
        (leaf, other, size, proof, root),
        (LEAVES[index - 1] if size > 1 else b"\1" * 32, index, size, proof, root),
        (leaf, index, size, (*proof, root), root),
        (leaf, index, size, (b"\0" * 32, *proof), root),
        (leaf, index, size, proof, b"\0" * 32),
        (leaf[:-1], index, size, proof, root),
    ]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        flipped = bytearray(proof[at])
        flipped[bit // 8] ^= 1 << bit % 8
        attempts += [
            (leaf, index, size, (*proof[:at], bytes(flipped), *proof[at + 1 :]), root),
            (leaf, index, size, (*proof[:at], *proof[at + 1 :]), root),
            (leaf, index, size, (*proof[:at], proof[at] + b"\0", *proof[at + 1 :]), root),
        ]
    for attempt in attempts:
        with pytest.raises(VerificationFailed):
            verify_inclusion(*attempt)


@given(sizes.flatmap(lambda new: st.tuples(st.integers(1, new), st.just(new))), st.data())
def test_an_altered_consistency_proof_is_refused(pair, data):
    old, new = pair
    proof = consistency_proof(READER, old, new)
    zeros = b"\0" * 32
    attempts = [
        (old, zeros, new, ROOTS[new], proof),
        (old, ROOTS[old], new, zeros, proof),
        (old, ROOTS[old], new, ROOTS[new], (*proof, zeros)),
        (old, ROOTS[old], new, ROOTS[new], (zeros, *proof)),
        (old, ROOTS[old][:-1], new, ROOTS[new], proof),
    ]
    if old < new:
        at = data.draw(st.integers(0, len(proof) - 1))
        attempts += [
            (new, ROOTS[new], old, ROOTS[old], proof),
            (old, ROOTS[old], new, ROOTS[new], ()),
            (old, ROOTS[old], new, ROOTS[new], (*proof[:at], zeros, *proof[at + 1 :])),
            (old, ROOTS[old], new, ROOTS[new], (*proof[:at], *proof[at + 1 :])),
            (old, ROOTS[old], new, ROOTS[new], (*proof[:at], b"", *proof[at + 1 :])),
        ]
    for attempt in attempts:
        with pytest.raises(VerificationFailed):
            verify_consistency(*attempt)


@given(st.integers(-1, MAX_TREE_SIZE + 1), st.integers(-1, MAX_TREE_SIZE + 1), st.randoms())
def test_false_proofs_of_any_shape_raise_nothing_else(first, second, randomness):
    proof = [randomness.randbytes(randomness.choice((32, 32, 32, 31, 0)))] * randomness.randint(
        0, 70
    )
    with pytest.raises(VerificationFailed):
        verify_inclusion(b"\1" * 32, first, second, proof, b"\2" * 32)
    with pytest.raises(VerificationFailed):
        verify_consistency(first, b"\1" * 32, second, b"\2" * 32, proof)


def test_a_proof_is_as_long_as_the_tree_sizes_demand():
    """A proof for a small tree must not pass as one for a larger: sizes are signed, and counted."""
    for size in range(1, 40):
        for index, proof in enumerate(inclusion_proofs(READER, range(size), size)):
            for wrong in (*(proof[:n] for n in range(len(proof))), (*proof, ROOTS[1])):
                with pytest.raises(VerificationFailed):
                    root_from_inclusion_proof(LEAVES[index], index, size, wrong)
    with pytest.raises(VerificationFailed):
        verify_inclusion(LEAVES[0], 0, 2, (), LEAVES[0])
    with pytest.raises(VerificationFailed):
        verify_consistency(1, ROOTS[1], 3, ROOTS[2], consistency_proof(READER, 1, 2))


def test_a_byte_cannot_move_from_one_hash_to_its_neighbour():
    left, right = LEAVES[:2]
    with pytest.raises(VerificationFailed):
        verify_inclusion(left[:31], 0, 2, (left[31:] + right,), ROOTS[2])
    with pytest.raises(VerificationFailed):
        verify_consistency(1, left[:31], 2, ROOTS[2], (left[31:] + right,))


def test_the_empty_tree_has_the_hash_of_nothing_as_its_root():
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT
    verify_consistency(0, EMPTY_ROOT, 5, ROOTS[5], ())
    for attempt in (
        (0, ROOTS[1], 5, ROOTS[5], ()),
        (0, EMPTY_ROOT, 0, ROOTS[1], ()),
        (0, EMPTY_ROOT, 5, ROOTS[5], (ROOTS[5],)),
        (5, ROOTS[5], 5, ROOTS[4], ()),
    ):
        with pytest.raises(VerificationFailed):
            verify_consistency(*attempt)


def test_two_entries_cannot_pass_as_one():
    """Without the prefixes the concatenated children of a node would be a leaf of the same root."""
    forged = leaf_hash(LEAVES[0] + LEAVES[1])
    assert forged != node_hash(LEAVES[0], LEAVES[1])
    with pytest.raises(VerificationFailed):
        verify_inclusion(forged, 0, 1, (), ROOTS[2])


@pytest.mark.parametrize(
    "ask",
    [
        lambda: inclusion_proof(READER, 3, 3),
        lambda: inclusion_proof(READER, -1, 3),
        lambda: inclusion_proof(READER, 0, 0),
        lambda: consistency_proof(READER, 4, 3),
        lambda: consistency_proof(READER, -1, 3),
        lambda: consistency_proof(READER, 0, MAX_TREE_SIZE + 1),
        lambda: tree_root(READER, -1),
        lambda: inclusion_proofs_of_range(READER, 2, 4, 3),
        lambda: inclusion_proofs_of_range(READER, 2, 1, 3),
    ],
)
def test_a_proof_that_cannot_exist_is_not_made(ask):
    with pytest.raises(InvalidInput):
        ask()


def test_a_proof_for_the_largest_tree_is_checked():
    proof = (b"\5" * 32,) * 63
    root = root_from_inclusion_proof(b"\1" * 32, 0, MAX_TREE_SIZE, proof)
    verify_inclusion(b"\1" * 32, 0, MAX_TREE_SIZE, proof, root)


def test_proofs_of_one_checkpoint_read_shared_nodes_once():
    reader = Hashes()
    indices = random.Random(7).sample(range(555), 200)
    inclusion_proofs(reader, indices, 555)
    together, reader.calls = reader.calls, 0
    for index in indices:
        inclusion_proof(reader, index, 555)
    assert together < reader.calls / 2


def test_the_proofs_of_a_range_are_those_of_its_indices():
    for size in (*range(1, 35), 255, 256, 257, 600):
        alone = inclusion_proofs(READER, range(size), size)
        for start in range(0, size, 1 + size // 20):
            for end in {start, start + 1, (start + size) // 2 + 1, size - 1, size}:
                if start <= end <= size:
                    together = inclusion_proofs_of_range(READER, start, end, size)
                    assert together == alone[start:end]


def test_a_chain_of_consistency_proofs_spans_the_ledger():
    for old, new in pairwise((1, 2, 3, 64, 65, 256, 257, 511, 600)):
        verify_consistency(old, ROOTS[old], new, ROOTS[new], consistency_proof(READER, old, new))
