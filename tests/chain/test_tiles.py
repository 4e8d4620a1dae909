from functools import lru_cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.chain.tiles import (
    MAX_ENTRY_SIZE,
    MAX_INDEX,
    MAX_LEVEL,
    Tile,
    TileEdge,
    TileHashes,
    entries_path,
    format_bundle,
    format_tile,
    full_tiles,
    parse_bundle,
    parse_entries_path,
    parse_tile,
    parse_tile_path,
    partial_tiles,
    tile_data,
    tile_path,
    tile_width,
)
from ledger.crypto.merkle import (
    RootBuilder,
    consistency_proof,
    inclusion_proofs,
    leaf_hash,
    root_from_leaf_hashes,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from ledger.errors import InvalidInput, MalformedData

SIZE = 70_000


@lru_cache
def leaves():
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(SIZE)]


class Store:
    """The tiles of a log, as a writer persists them."""

    def __init__(self):
        self.tiles = {}
        self.reads = 0

    def read(self, level, index, width):
        self.reads += 1
        return self.tiles[Tile(level, index, width)]

    def add(self, tiles):
        for tile, data in tiles:
            assert tile not in self.tiles
            self.tiles[tile] = data


@lru_cache
def whole_log():
    """The log of 70,000 entries, written at once and published."""
    store = Store()
    edge = TileEdge(store.read)
    store.add(edge.extend(leaves()))
    store.add((tile, tile_data(edge, tile)) for tile in partial_tiles(SIZE))
    return store, edge


# --- paths ---


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 0, 1), "tile/0/000.p/1"),
        (Tile(0, 999), "tile/0/999"),
        (Tile(1, 1000, 255), "tile/1/x001/000.p/255"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(63, 1234067, 8), "tile/63/x001/x234/067.p/8"),
    ],
)
def test_the_specification_s_paths(tile, path):
    assert tile_path(tile.level, tile.index, tile.width) == path
    assert parse_tile_path(path) == tile
    entries = path.replace(f"tile/{tile.level}/", "tile/entries/")
    assert entries_path(tile.index, tile.width) == entries
    assert parse_entries_path(entries) == (tile.index, tile.width)


@given(st.integers(0, MAX_LEVEL), st.integers(0, MAX_INDEX), st.integers(1, 256))
def test_a_path_reads_back_as_the_tile_it_names(level, index, width):
    assert parse_tile_path(tile_path(level, index, width)) == Tile(level, index, width)
    assert parse_entries_path(entries_path(index, width)) == (index, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/000/001",
        "tile/0/x000/001",
        "tile/0/x001/x000",
        "tile/0/X001/000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/../000",
        "tile/0/٠٠٠",
        "tile/entries/000",
        tile_path(0, MAX_INDEX + 1),
        "tile/0/" + "x001/" * 1000 + "000",
    ],
)
def test_any_other_path_is_refused(path):
    with pytest.raises(MalformedData):
        parse_tile_path(path)


@given(st.one_of(st.text(), st.from_regex(r"tile/\d{1,2}/(x\d{3}/){0,3}\d{3}(\.p/\d{1,3})?")))
def test_a_path_that_is_read_is_written_the_same(path):
    try:
        tile = parse_tile_path(path)
    except MalformedData:
        return
    assert tile_path(tile.level, tile.index, tile.width) == path


# --- contents ---


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256))
def test_a_bundle_reads_back(entries):
    assert parse_bundle(format_bundle(entries)) == tuple(entries)


@given(st.binary(max_size=300))
def test_a_bundle_that_is_read_is_written_the_same(data):
    try:
        entries = parse_bundle(data)
    except MalformedData:
        return
    assert format_bundle(entries) == data


def test_a_bundle_has_the_specification_s_bytes_and_bounds():
    assert format_bundle([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    assert parse_bundle(format_bundle([b"x" * MAX_ENTRY_SIZE])) == (b"x" * MAX_ENTRY_SIZE,)
    for entries in ([], [b""] * 257, [b"x" * (MAX_ENTRY_SIZE + 1)]):
        with pytest.raises(InvalidInput):
            format_bundle(entries)
    for data in (b"", b"\0", b"\0\2a", b"\0\0" * 257, b"\0\1ab"):
        with pytest.raises(MalformedData):
            parse_bundle(data)


@given(st.binary(max_size=9000))
def test_a_tile_is_whole_hashes(data):
    try:
        hashes = parse_tile(data)
    except MalformedData:
        assert len(data) % 32 or not data or len(data) > 8192
        return
    assert format_tile(hashes) == data


# --- which tiles a tree has ---


def test_a_tree_of_70000_entries_has_the_specification_s_tiles():
    full = list(full_tiles(0, SIZE))
    assert [sum(tile.level == level for tile in full) for level in range(3)] == [273, 1, 0]
    assert partial_tiles(SIZE) == (Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1))


def test_a_full_tile_gives_the_next_level_a_partial_one():
    assert list(full_tiles(0, 256)) == [Tile(0, 0)]
    assert partial_tiles(256) == (Tile(1, 0, 1),)
    assert partial_tiles(0) == ()
    assert list(full_tiles(0, 255)) == []


@given(st.integers(0, 2**40), st.integers(0, 2000))
def test_growth_fills_each_tile_once(old, more):
    new = old + more
    filled = list(full_tiles(old, new))
    assert len(set(filled)) == len(filled)
    for tile in filled:
        assert tile_width(tile.level, tile.index, new) == 256
        assert tile_width(tile.level, tile.index, old) < 256
    for tile in partial_tiles(new):
        assert tile_width(tile.level, tile.index, new) == tile.width < 256
        assert tile_width(tile.level, tile.index + 1, new) == 0


# --- the right edge ---


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 700), max_size=12))
def test_a_log_grown_in_steps_has_the_tiles_and_roots_of_its_leaves(steps):
    store = Store()
    edge = TileEdge(store.read)
    builder = RootBuilder()
    for step in steps:
        old = edge.size
        added = leaves()[old : old + step]
        tiles = edge.extend(added)
        assert {tile for tile, _ in tiles} == set(full_tiles(old, old + step))
        for leaf in added:
            builder.append(leaf)
        assert (edge.size, edge.root()) == (old + step, builder.root())
        store.add(tiles)
    for tile in [*full_tiles(0, edge.size), *partial_tiles(edge.size)]:
        data = tile_data(edge, tile)
        width = 256**tile.level
        start = tile.index * 256 * width
        assert data == b"".join(
            root_from_leaf_hashes(leaves()[start + at * width : start + (at + 1) * width])
            for at in range(tile.width)
        )
        assert store.tiles.get(tile, data) == data


def test_the_large_log_has_the_root_of_its_leaves():
    store, edge = whole_log()
    root = root_from_leaf_hashes(leaves())
    assert edge.root() == root
    assert tree_root(TileHashes(store.read, SIZE), SIZE) == root


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=20), st.data())
def test_tiles_prove_inclusion_at_every_size(indices, data):
    store, edge = whole_log()
    size = data.draw(st.integers(max(indices) + 1, SIZE))
    root = root_from_leaf_hashes(leaves()[:size])
    reader = TileHashes(store.read, SIZE)
    proofs = inclusion_proofs(reader, indices, size)
    assert proofs == inclusion_proofs(edge, indices, size)
    for index, proof in zip(indices, proofs, strict=True):
        verify_inclusion(leaves()[index], index, size, proof, root)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, SIZE), st.integers(0, SIZE))
def test_tiles_prove_consistency(one, other):
    old, new = sorted((one, other))
    store, edge = whole_log()
    proof = consistency_proof(TileHashes(store.read, SIZE), old, new)
    assert proof == consistency_proof(edge, old, new)
    old_root, new_root = (root_from_leaf_hashes(leaves()[:size]) for size in (old, new))
    verify_consistency(old, old_root, new, new_root, proof)


def test_a_proof_reads_few_tiles_and_a_neighbour_s_none():
    store, _ = whole_log()
    reader = TileHashes(store.read, SIZE)
    store.reads = 0
    inclusion_proofs(reader, [12_345], SIZE)
    assert store.reads <= 2 * 3
    before = store.reads
    inclusion_proofs(reader, [12_346], SIZE)
    assert store.reads == before


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, SIZE])
def test_the_edge_is_restored_from_full_tiles_and_the_last_leaves(size):
    store, _ = whole_log()

    def full_only(level, index, width):
        assert width == 256
        return store.read(level, index, width)

    last = leaves()[size - size % 256 : size]
    edge = TileEdge.restore(full_only, size, last)
    assert edge.root() == root_from_leaf_hashes(leaves()[:size])
    whole = TileEdge(full_only)
    whole.extend(leaves()[:size])
    more = leaves()[:300]
    assert edge.extend(more) == whole.extend(more)
    assert edge.root() == whole.root()
    with pytest.raises(InvalidInput):
        TileEdge.restore(full_only, size, [*last, leaves()[0]])


def test_a_copy_grows_apart():
    edge = TileEdge(Store().read)
    edge.extend(leaves()[:250])
    root = edge.root()
    trial = edge.copy()
    ((tile, _),) = trial.extend(leaves()[250:300])
    assert tile == Tile(0, 0)
    assert (edge.size, edge.root()) == (250, root)
    assert trial.root() == root_from_leaf_hashes(leaves()[:300])
    assert [tile for tile, _ in edge.extend(leaves()[250:300])] == [tile]
    assert edge.root() == trial.root()


def test_fresh_tiles_serve_proofs_before_they_are_stored():
    def nothing_stored(level, index, width):
        raise AssertionError("read before it was written")

    edge = TileEdge(nothing_stored)
    edge.extend(leaves()[:1000])
    root = edge.root()
    for index, proof in enumerate(inclusion_proofs(edge, range(1000), 1000)):
        verify_inclusion(leaves()[index], index, 1000, proof, root)


def test_the_edge_reads_earlier_tiles_from_the_store():
    store = Store()
    edge = TileEdge(store.read)
    store.add(edge.extend(leaves()[:256]))
    edge.hashes(0, 0, 1)
    assert store.reads == 0
    edge.extend(leaves()[256:300])
    assert list(edge.hashes(0, 255, 257)) == leaves()[255:257]
    assert store.reads == 1


def test_a_tile_of_the_wrong_width_is_refused():
    reader = TileHashes(lambda *_: b"\0" * 64, 300)
    with pytest.raises(MalformedData):
        reader.hashes(0, 0, 1)


def test_nodes_outside_the_tree_are_not_served():
    store, edge = whole_log()
    for reader in (edge, TileHashes(store.read, SIZE)):
        for level, start, end in ((0, 0, SIZE + 1), (8, 273, 274), (0, -1, 1), (0, 3, 2)):
            with pytest.raises(ValueError, match="not in a tree"):
                reader.hashes(level, start, end)


def test_levels_between_tiles_are_computed():
    store, _ = whole_log()
    reader = TileHashes(store.read, SIZE)
    for level in (1, 5, 7, 8, 9, 14):
        nodes = reader.hashes(level, 0, 3)
        bounds = [at << level for at in range(4)]
        assert list(nodes) == [root_from_leaf_hashes(leaves()[a:b]) for a, b in pairwise(bounds)]
