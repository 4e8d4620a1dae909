"""The commitment: what the formulas say, what an opening shows, and what it hides.

The formulas are written out anew here, with hmac and hashlib alone; `tests/formats` does the same for a
whole deposit out of its files.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.crypto import commitment as cm
from ledger.crypto.commitment import View, ViewHeader
from ledger.crypto.merkle import leaf_hash, root_from_leaf_hashes
from ledger.crypto.padding import padme
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData
from tests.mutations import ANYTHING, changed_bytes, changed_value

SEED, KEY = bytes(range(32)), b"\7" * 32
LEAVES = some.lists(
    some.binary(max_size=40) | some.sampled_from([2047, 2048, 5000]).map(bytes), max_size=30
)
"""Some of a size from which on hashing gives up the interpreter's lock."""
INDICES = some.integers(0, 2**40)


def hmac_prf(key: bytes, label: bytes, index: int) -> bytes:
    return hmac.new(key, label + index.to_bytes(8, "big"), sha256).digest()


@dataclass
class Opened:
    """A view as somebody sees it who recomputes it: C_0, every leaf commitment, and the root."""

    header: bytes
    commitments: list[bytes]
    root: bytes


def by_hand(seed: bytes, kind: int, header: list[object], leaves: list[bytes]) -> Opened:
    commitments = []
    for index, data in enumerate([cbor_encode(header), *leaves]):
        salt = hmac_prf(seed, b"sealbook1/salt\x00", index)
        block = b"sealbook1/leaf\x00" + bytes([0 if index == 0 else kind])
        block += index.to_bytes(8, "big") + len(data).to_bytes(8, "big") + salt
        commitments.append(sha256(block + data).digest())
    for index in range(len(leaves) + 1, max(8, padme(len(leaves))) + 1):
        salt = hmac_prf(seed, b"sealbook1/salt\x00", index)
        commitments.append(hmac_prf(salt, b"sealbook1/dummy\x00", index))
    root = root_from_leaf_hashes([leaf_hash(each) for each in commitments[1:]])
    return Opened(commitments[0], commitments[1:], root)


@given(INDICES)
def test_the_seeds_are_one_chain_of_prfs(index: int) -> None:
    document = cm.document_seed(SEED, index)
    assert document == hmac_prf(SEED, b"sealbook1/document-seed\x00", index + 1)
    for view in cm.VIEWS:
        secret = cm.view_seed(document, view)
        assert secret == hmac_prf(document, b"sealbook1/view-seed\x00", view)
        assert cm.leaf_salt(secret, index) == hmac_prf(secret, b"sealbook1/salt\x00", index)


@given(INDICES, some.integers(0, 9))
def test_a_range_of_a_prf_is_its_values(first: int, count: int) -> None:
    found = cm.Prf(KEY, b"label\0").range(first, first + count)
    assert found == [hmac_prf(KEY, b"label\0", first + at) for at in range(count)]


def test_a_leaf_s_prefix_fills_one_block_of_sha_256() -> None:
    prefix = b"sealbook1/leaf\0" + b"\1" + bytes(8) + bytes(8) + bytes(32)
    assert len(prefix) == 64
    assert cm.leaf_commitment(1, 0, bytes(32), b"") == sha256(prefix).digest()


@given(LEAVES, some.sampled_from([1, 2, 3]))
def test_a_view_is_what_the_formulas_say(leaves: list[bytes], kind: int) -> None:
    view = cm.commit_leaves(SEED, kind, "lines", 1, leaves)
    expected = by_hand(SEED, kind, [len(leaves), "lines", 1], leaves)
    assert view == View(expected.header, len(expected.commitments), expected.root)


@given(LEAVES)
def test_leaf_commitments_can_be_made_in_pieces(leaves: list[bytes]) -> None:
    half = len(leaves) // 2
    pieces = cm.leaf_commitments(SEED, 1, 1, leaves[:half])
    pieces += cm.leaf_commitments(SEED, 1, half + 1, leaves[half:])
    assert pieces == by_hand(SEED, 1, [len(leaves), "x", 1], leaves).commitments[: len(leaves)]


def test_a_header_that_miscounts_is_a_bug() -> None:
    with pytest.raises(ValueError, match="miscounts"):
        cm.commit_view(SEED, ViewHeader(2, "lines", 1), [bytes(32)])


@given(some.lists(some.binary(min_size=32, max_size=32), min_size=1, max_size=20))
def test_the_deposit_is_what_the_formulas_say(documents: list[bytes]) -> None:
    count = len(documents) + 1
    padded = max(8, padme(count))
    dummies = [
        hmac_prf(hmac_prf(SEED, b"sealbook1/document-seed\x00", j), b"sealbook1/dummy\x00", j)
        for j in range(count, padded)
    ]
    leaves = [bytes(32), *documents, *dummies]
    root = root_from_leaf_hashes([leaf_hash(each) for each in leaves])
    expected = sha256(b"sealbook1/deposit\x00" + KEY + padded.to_bytes(8, "big") + root).digest()
    assert cm.deposit_commitment(SEED, KEY, bytes(32), documents) == expected


@given(some.lists(some.binary(max_size=9), min_size=1, max_size=70))
def test_a_cover_is_what_the_formulas_say(fields: list[bytes]) -> None:
    padded = 64 if len(fields) <= 64 else 128
    secret = hmac_prf(
        hmac_prf(SEED, b"sealbook1/document-seed\x00", 0), b"sealbook1/view-seed\x00", 3
    )
    salts = [hmac_prf(secret, b"sealbook1/salt\x00", i) for i in range(padded + 1)]
    order = [hmac_prf(secret, b"sealbook1/place\x00", i) for i in range(padded + 1)]
    places = sorted(range(1, padded + 1), key=lambda i: order[i])[: len(fields)]
    entries = [hmac_prf(salts[i], b"sealbook1/dummy\x00", i) for i in range(padded + 1)]
    for place, data in zip(places, fields, strict=True):
        entries[place] = cm.leaf_commitment(4, place, salts[place], data)
    tree = cm.cover_tree(SEED, fields)
    assert tree.places == tuple(places)
    assert tree.hashes == tuple(map(leaf_hash, entries[1:]))
    header = cm.header_commitment(salts[0], ViewHeader(len(fields), "cover", 1))
    root = root_from_leaf_hashes([leaf_hash(each) for each in entries[1:]])
    assert tree.view == View(header, padded, root)
    digest = b"sealbook1/view\x00\x03" + header + padded.to_bytes(8, "big") + root
    expected = sha256(b"sealbook1/cover\x00" + sha256(digest).digest()).digest()
    assert cm.cover_commitment(tree.view) == expected


def test_the_places_of_a_cover_s_fields_are_another_deposit_s_no_guide() -> None:
    """Where an opened field stands must not tell how many fields go before it."""
    places = {cm.cover_tree(bytes([n]) * 32, [b"title", b"dkim"]).places for n in range(40)}
    assert len(places) > 30
    assert len({first for first, _ in places}) > 20


@given(INDICES, some.lists(some.binary(min_size=32, max_size=32), min_size=3, max_size=3))
def test_a_document_is_what_the_formulas_say(document: int, roots: list[bytes]) -> None:
    headers = [bytes([w]) * 32 for w in range(3)]
    views = [View(headers[w], 8 + w, root) for w, root in enumerate(roots)]
    digests = [
        sha256(
            b"sealbook1/view\x00" + bytes([w]) + headers[w] + (8 + w).to_bytes(8, "big") + roots[w]
        ).digest()
        for w in range(3)
    ]
    assert [cm.view_digest(w, view) for w, view in enumerate(views)] == digests
    assert (
        cm.document_commitment(document, digests)
        == sha256(
            b"sealbook1/document\x00" + (document + 1).to_bytes(8, "big") + b"".join(digests)
        ).digest()
    )
    with pytest.raises(ValueError, match="three"):
        cm.document_commitment(document, digests[:2])


# --- what an opening shows and hides ---


def deposit(seed: bytes, contents: list[list[bytes]], depositor: bytes = KEY) -> bytes:
    """R over documents of which each is given as its bytes leaves."""
    documents = []
    for j, leaves in enumerate(contents):
        secret = cm.document_seed(seed, j)
        views = [
            cm.commit_leaves(cm.view_seed(secret, cm.VIEW_BYTES), cm.KIND_BYTES, "x", 1, leaves),
            cm.commit_leaves(cm.view_seed(secret, cm.VIEW_STRUCTURE), 2, "x", 1, []),
            cm.commit_leaves(cm.view_seed(secret, cm.VIEW_METADATA), 3, "fields", 1, []),
        ]
        digests = [cm.view_digest(w, view) for w, view in enumerate(views)]
        documents.append(cm.document_commitment(j, digests))
    return cm.deposit_commitment(seed, depositor, bytes(32), documents)


def test_one_leaf_s_opening_shows_that_leaf_and_no_other_secret() -> None:
    # What r_3 gives to somebody who knows every label: none of the seeds above, no other salt.
    secret = cm.view_seed(cm.document_seed(SEED, 0), cm.VIEW_BYTES)
    salts = [cm.leaf_salt(secret, index) for index in range(64)]
    assert len({SEED, cm.document_seed(SEED, 0), secret, *salts}) == 67
    labels = (b"document-seed\0", b"view-seed\0", b"salt\0", b"dummy\0")
    derived = {
        hmac_prf(salts[3], b"sealbook1/" + label, index) for label in labels for index in range(64)
    }
    assert not derived & {SEED, secret, *salts}


@given(some.binary(max_size=40), some.binary(max_size=40))
def test_a_leaf_cannot_be_confirmed_by_guessing_without_its_salt(one: bytes, other: bytes) -> None:
    # The same text under two deposits' seeds, or in two places, has nothing in common.
    secrets = [cm.view_seed(cm.document_seed(seed, 0), 0) for seed in (SEED, bytes(32))]
    hashes = [cm.leaf_commitments(each, 1, 1, [one, one, other]) for each in secrets]
    assert len({*hashes[0], *hashes[1]}) == 6
    assert sha256(one).digest() not in {*hashes[0], *hashes[1]}


def test_a_leaf_is_bound_to_kind_index_length_salt_and_data() -> None:
    base: tuple[int, int, bytes, bytes] = (1, 1, bytes(32), b"data")
    others = [
        (2, 1, bytes(32), b"data"),
        (1, 2, bytes(32), b"data"),
        (1, 1, b"\1" * 32, b"data"),
        (1, 1, bytes(32), b"datb"),
        (1, 1, bytes(32), b"data\0"),
    ]
    assert cm.leaf_commitment(*base) not in {cm.leaf_commitment(*each) for each in others}


@pytest.mark.parametrize(("few", "many"), [(0, 8), (9, 10), (101, 104), (1001, 1008)])
def test_trees_of_one_padme_class_have_the_same_shape(few: int, many: int) -> None:
    one, other = (cm.commit_leaves(SEED, 1, "x", 1, [b"leaf"] * (count)) for count in (few, many))
    assert max(8, padme(few)) == max(8, padme(many))
    assert one.padded == other.padded
    assert one.root != other.root


def test_a_dummy_looks_like_a_leaf_and_is_none() -> None:
    # Who holds only commitments cannot tell a dummy; who holds the salt can.
    view = by_hand(SEED, 1, [2, "x", 1], [b"a", b"b"])
    assert len(view.commitments) == 8
    assert {len(each) for each in view.commitments} == {32}
    assert len(set(view.commitments)) == 8
    assert view.root == cm.commit_leaves(SEED, 1, "x", 1, [b"a", b"b"]).root


def test_deposits_of_one_to_seven_documents_have_the_same_shape() -> None:
    # R is one hash whatever the number; recomputing it with another padded count gives another R.
    root = root_from_leaf_hashes([leaf_hash(bytes(32))])
    assert cm.commitment_from_root(KEY, 8, root) != cm.commitment_from_root(KEY, 10, root)
    assert len({deposit(SEED, [[b"a"]] * count) for count in range(1, 8)}) == 7


def test_a_copied_commitment_is_no_use_to_another_depositor() -> None:
    contents = [[b"formula"]]
    assert deposit(SEED, contents) != deposit(SEED, contents, b"\x08" * 32)


@given(
    some.lists(some.lists(some.binary(max_size=4), max_size=3), min_size=1, max_size=3), some.data()
)
def test_every_change_of_a_leaf_changes_the_commitment(
    contents: list[list[bytes]], data: some.DataObject
) -> None:
    j = data.draw(some.integers(0, len(contents) - 1))
    changed = [[*each] for each in contents]
    if contents[j]:
        i = data.draw(some.integers(0, len(contents[j]) - 1))
        changed[j][i] += b"\0"
    else:
        changed[j] = [b""]
    assert deposit(SEED, contents) != deposit(SEED, changed)


def test_where_leaves_are_cut_is_part_of_the_commitment() -> None:
    assert deposit(SEED, [[b"ab", b"c"]]) != deposit(SEED, [[b"a", b"bc"]])
    assert deposit(SEED, [[b"a"], [b"b"]]) != deposit(SEED, [[b"b"], [b"a"]])


# --- leaf 0 ---

HEADER = ViewHeader(212, "paragraphs", 1)


@given(
    some.builds(ViewHeader, some.integers(0, 2**63 - 1), some.text(), some.integers(1, 2**63 - 1))
)
def test_a_view_header_reads_back(header: ViewHeader) -> None:
    assert cm.parse_view_header(cm.format_view_header(header)) == header


@pytest.mark.parametrize(
    "value", [[-1, "x", 1], [1, "x", 0], [1, "x"], [1, b"x", 1], [True, "x", 1], [1, "x", True], {}]
)
def test_other_view_headers_are_malformed(value: object) -> None:
    with pytest.raises(MalformedData):
        cm.parse_view_header(cbor_encode(value))


@given(
    some.binary(max_size=40)
    | changed_bytes(cm.format_view_header(HEADER))
    | changed_value(cbor_decode(cm.format_view_header(HEADER))).map(cbor_encode)
    | ANYTHING.map(cbor_encode)
)
def test_a_view_header_is_read_in_one_form_or_malformed(data: bytes) -> None:
    try:
        header = cm.parse_view_header(data)
    except MalformedData:
        return
    assert cm.format_view_header(header) == data
