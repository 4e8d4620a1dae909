"""Partial openings: what they show, that they hide the rest, and that no change of one passes."""

import contextlib
import io
import os
import random
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from ledger.company.documents import SealedDeposit
from ledger.crypto import commitment as cm
from ledger.crypto.envelope import decrypt_bytes
from ledger.crypto.multiproof import multi_proof
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import InvalidInput, MalformedData, VerificationFailed
from ledger.evidence.partial import (
    PartialOpening,
    Selection,
    format_partial,
    is_partial,
    open_in_part,
    parse_partial,
    recompute_partial,
)
from ledger.evidence.partial.views import DocumentOpening, Leaf, PartOfView, Run
from ledger.evidence.parts import Part, Splitting, format_cuts
from ledger.evidence.records import Rendition
from ledger.evidence.remarks import Remark
from ledger.evidence.rules import METADATA_FIELDS, check_padded, check_renditions, is_text
from ledger.verify import OpenedDeposit
from tests.core.test_sealing import DEPOSITOR, OFFICER, document, seal_in_memory

LINES = [
    b"From: lin@example.com\n",
    b"Subject: price\n",
    b"\n",
    b"The price is 17.\n" * 3,
    b"Bye\n",
]


def letter(count: int = 1) -> tuple[bytes, Splitting]:
    """A mailbox of `count` messages, each cut into five leaves, with a part for all and for each."""
    parts = []
    for n in range(count):
        first = 1 + n * len(LINES)
        parts.append(Part(f"message {n + 1} of {count}", first, len(LINES), "price"))
        parts += [
            Part(f"message {n + 1} of {count}/{name}", first + at, 1)
            for at, name in enumerate(["header/From", "header/Subject", "gap", "body", "end"])
        ]
    cuts = format_cuts([len(line) for line in LINES] * count)
    return b"".join(LINES) * count, Splitting("mbox", 1, cuts, tuple(parts))


def sealed_mail(
    extra: Sequence[bytes] = (b"formula", b"second"),
) -> tuple[SealedDeposit, list[bytes]]:
    data, splitting = letter(9)
    documents = [
        document(data, "inbox.mbox", splitting=splitting),
        *(document(each, f"annex {n}.bin") for n, each in enumerate(extra)),
    ]
    return seal_in_memory(documents)[0], [data, *extra]


SEALED, CONTENTS = sealed_mail()


def contents_of(
    opening: PartialOpening, contents: Sequence[bytes], deposit: SealedDeposit
) -> list[bytes]:
    """What belongs to each piece, by what the company knows of the cuts."""
    found = []
    for piece in opening.pieces:
        data = contents[piece.document]
        cuts = deposit.index[piece.document].cuts
        sizes = (
            [int.from_bytes(cuts[at : at + 2], "big") for at in range(0, len(cuts), 2)]
            if cuts is not None
            else [min(cm.MAX_LEAF, len(data) - at) for at in range(0, len(data), cm.MAX_LEAF)]
        )
        start = sum(sizes[: piece.first - 1])
        found.append(data[start : start + piece.size])
    return found


def check(
    opening: PartialOpening, shown: Sequence[bytes], depositor: bytes = DEPOSITOR
) -> OpenedDeposit:
    return recompute_partial(opening, depositor, lambda n, at, size: shown[n][at : at + size])


def opened(*selections: Selection, of: SealedDeposit = SEALED) -> PartialOpening:
    return open_in_part(of.record, of.index, selections, of.commitment)


BODY = opened(Selection(0, parts=(11,)))
"""The body of message 2."""


def test_one_body_is_shown_and_leads_to_the_commitment() -> None:
    (piece,) = BODY.pieces
    assert (piece.path, piece.first, piece.count) == ("message 2 of 9/body", 9, 1)
    shown = contents_of(BODY, CONTENTS, SEALED)
    assert shown == [LINES[3]]
    result = check(BODY, shown)
    assert result.commitment == SEALED.commitment
    (facts,) = result.shown or ()
    assert facts["document"] == 1
    assert facts["name"] is None
    assert facts["parts"] == [
        {
            "path": "message 2 of 9/body",
            "position": 11,
            "total": 54,
            "first": 9,
            "count": 1,
            "size": len(LINES[3]),
            "offset": None,
        }
    ]


def test_a_whole_document_a_range_and_metadata_are_shown_together() -> None:
    opening = opened(
        Selection(0, parts=(1, 5, 55 - 1), fields=("name", "modified")),
        Selection(1, whole=True),
        Selection(2, ranges=((1, 2),), fields=("name",)),
    )
    shown = contents_of(opening, CONTENTS, SEALED)
    assert shown == [b"".join(LINES), LINES[4], b"formula", b"second"]
    result = check(opening, shown)
    assert result.commitment == SEALED.commitment
    mail, formula, second = result.shown or ()
    assert mail["name"] == "inbox.mbox"
    assert mail["fields"] == {"modified": SEALED.record.documents[0].modified}
    assert (formula["whole"], formula["size"], formula["name"]) == (True, 7, None)
    assert second["pieces"] == 1
    assert second["parts"][0]["offset"] == 0  # type: ignore[index]


def test_metadata_alone_can_be_shown() -> None:
    opening = opened(Selection(1, fields=("media-type",)))
    assert opening.pieces == ()
    assert check(opening, []).commitment == SEALED.commitment


def test_parts_inside_parts_are_left_out_and_parts_of_one_range_both_named() -> None:
    data, splitting = letter(2)
    twice = replace(
        splitting, parts=(*splitting.parts[:6], Part("thread", 6, 5), *splitting.parts[6:])
    )
    sealed, _, _ = seal_in_memory([document(data, splitting=twice)])
    opening = opened(Selection(0, parts=(1, 3, 7, 8, 9)), of=sealed)
    structure = opening.documents[0].structure
    assert isinstance(structure, PartOfView)
    assert [leaf.index for leaf in structure.leaves] == [1, 7, 8]
    assert [piece.path for piece in opening.pieces] == ["message 1 of 2", "thread"]
    assert check(opening, contents_of(opening, [data], sealed)).commitment == sealed.commitment


def test_a_rendition_says_what_it_was_made_from() -> None:
    page = replace(
        document(b"%PDF", "a.pdf.pages/page 1.pdf"),
        rendition=Rendition(0, "page", 1, 12, (Remark("repaired", 1),)),
    )
    sealed, _, _ = seal_in_memory([document(b"all pages", "a.pdf"), page])
    opening = opened(Selection(1, whole=True, fields=("rendition", "tool")), of=sealed)
    result = check(opening, [b"%PDF"])
    assert result.commitment == sealed.commitment
    assert result.shown is not None
    assert result.shown[0]["rendition"] == {
        "of": 1,
        "kind": "page",
        "position": 1,
        "total": 12,
        "remarks": [
            {
                "what": "repaired",
                "count": 1,
                "names": [],
                "more_names": 0,
                "first": None,
                "last": None,
            }
        ],
    }
    with pytest.raises(InvalidInput, match="has the metadata"):
        opened(Selection(0, fields=("rendition",)), of=sealed)


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, 5 << 20])
def test_a_whole_document_of_any_size_is_shown(size: int) -> None:
    data = os.urandom(size)
    sealed, _, _ = seal_in_memory([document(b"other"), document(data, "b")])
    opening = opened(Selection(1, whole=True), of=sealed)
    assert check(opening, [data]).commitment == sealed.commitment
    if data:
        assert check(opening, [data[:-1] + bytes([data[-1] ^ 1])]).commitment != sealed.commitment
        assert check(opening, [data[:-1]]).commitment is None


@given(
    some.sets(some.integers(1, 54), max_size=6),
    some.lists(some.tuples(some.integers(0, 800), some.integers(1, 200)), max_size=3),
    some.sets(some.sampled_from(METADATA_FIELDS[:6]), max_size=6),
    some.booleans(),
)
def test_every_selection_gives_an_opening_that_reads_back_and_verifies(
    parts: set[int], ranges: list[tuple[int, int]], fields: set[str], whole: bool
) -> None:
    size = len(CONTENTS[0])
    inside = tuple((at, count) for at, count in ranges if at + count <= size)
    assume(parts or inside or fields or whole)
    opening = opened(
        Selection(0, whole, tuple(parts), inside, tuple(fields)), Selection(2, whole=True)
    )
    data = format_partial(opening)
    assert is_partial(data)
    assert parse_partial(data) == opening
    shown = contents_of(opening, CONTENTS, SEALED)
    assert check(opening, shown).commitment == SEALED.commitment
    for offset, count in inside:
        # What was asked for is in one of the pieces, or in one that a part opened.
        assert any(CONTENTS[0][offset : offset + count] in each for each in shown) or parts


@pytest.mark.parametrize("value", [None, 5, b"a", [], "", "a" * 9, "é" * 5, "\ud800"])
def test_what_is_no_text_within_the_limit_is_none(value: object) -> None:
    assert is_text("é" * 4, 8)
    assert not is_text(value, 8)


def test_a_tree_has_one_of_the_sizes_that_counts_are_padded_to() -> None:
    """Another size would tell more of the count than its class."""
    sizes = {cm.padded_count(count) for count in range(101)}
    for padded in range(2 * max(sizes)):
        with contextlib.nullcontext() if padded in sizes else pytest.raises(MalformedData):
            check_padded(padded, 100)


@pytest.mark.parametrize("made_from", [[(1, 1)], [(1, 2)], [(1, 0), (2, 1)]])
def test_a_rendition_is_of_an_original_that_stands_before_it(
    made_from: list[tuple[int, int]],
) -> None:
    check_renditions([(1, 0), (2, 0)], {1, 2})
    with pytest.raises(MalformedData):
        check_renditions(made_from, dict(made_from))


@pytest.mark.parametrize(
    "selection",
    [
        Selection(3, whole=True),
        Selection(-1, whole=True),
        Selection(0, parts=(0,)),
        Selection(0, parts=(55,)),
        Selection(0, ranges=((-1, 2),)),
        Selection(0, ranges=((0, 0),)),
        Selection(0, ranges=((len(CONTENTS[0]), 1),)),
        Selection(0, fields=("secret",)),
        Selection(0),
        Selection(None, fields=("secret",)),
        Selection(None),
    ],
)
def test_what_is_not_there_cannot_be_opened(selection: Selection) -> None:
    with pytest.raises(InvalidInput):
        opened(selection)


def test_an_index_that_is_not_the_deposit_s_opens_nothing() -> None:
    entry = SEALED.index[0]
    lies = replace(entry, parts=(replace(entry.parts[0], path="message 2 of 9"), *entry.parts[1:]))
    with pytest.raises(VerificationFailed):
        open_in_part(
            SEALED.record, (lies, *SEALED.index[1:]), [Selection(1, whole=True)], SEALED.commitment
        )


# --- what stays hidden ---


def test_deposits_that_differ_only_in_hidden_parts_differ_only_in_hashes_and_salts() -> None:
    """The security test of a partial opening: the shape tells nothing of what is hidden."""
    openings = []
    for secret in (b"one", b"quite another secret, and a longer one" * 100):
        data, splitting = letter(9)
        lengths = [len(line) for line in LINES] * 9
        changed = data[: -lengths[-1]] + secret  # the last leaf is hidden
        lengths[-1] = len(secret)
        cuts = replace(splitting, cuts=format_cuts(lengths))
        other = secret * 3
        sealed, _, _ = seal_in_memory(
            [document(changed, "inbox.mbox", splitting=cuts), document(other, f"{secret[:5]!r}")]
        )
        openings.append(opened(Selection(0, parts=(11,)), of=sealed))
    one, two = (cbor_decode(format_partial(each)) for each in openings)
    assert shape(one) == shape(two)
    assert one != two


def test_the_number_of_documents_and_parts_is_hidden_within_a_padme_class() -> None:
    shapes = []
    for messages, documents in ((10, 1), (10, 7)):
        data, splitting = letter(messages)
        sealed, _, _ = seal_in_memory(
            [
                document(data, splitting=splitting),
                *(document(b"x", f"{n}") for n in range(documents - 1)),
            ]
        )
        shapes.append(
            shape(cbor_decode(format_partial(opened(Selection(0, parts=(5,)), of=sealed))))
        )
    assert shapes[0] == shapes[1]


def shape(value: Any) -> Any:
    """A CBOR value with all hashes, salts and proofs replaced by their lengths."""
    if isinstance(value, bytes) and len(value) >= 32 and len(value) % 32 == 0:
        return len(value)
    if isinstance(value, list):
        return [shape(each) for each in value]
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return value


def test_an_opening_holds_no_seed_and_no_salt_of_what_stays_hidden() -> None:
    data = format_partial(BODY)
    seed = SEALED.record.seed
    secrets = [seed]
    for j in range(3):
        document_seed = cm.document_seed(seed, j)
        secrets.append(document_seed)
        for w in cm.VIEWS:
            view = cm.view_seed(document_seed, w)
            secrets.append(view)
            allowed = {(0, 0, 9), (0, 1, 0), (0, 1, 11)}
            secrets += [cm.leaf_salt(view, i) for i in range(64) if (j, w, i) not in allowed]
    assert not [secret for secret in secrets if secret in data]
    assert b"price" not in data  # labels stay at home
    assert b"inbox" not in data


def test_the_plaintext_that_a_stock_tool_sees_is_what_was_deposited() -> None:
    data, splitting = letter(2)
    _, content, _ = seal_in_memory([document(data, "inbox.mbox", splitting=splitting)])
    with tarfile.open(fileobj=io.BytesIO(decrypt_bytes(content, [OFFICER]))) as tar:
        member = tar.extractfile("inbox.mbox")
        assert member is not None
        assert member.read() == data


# --- what is refused ---


def test_every_single_bit_of_an_opening_counts() -> None:
    data = format_partial(BODY)
    shown = contents_of(BODY, CONTENTS, SEALED)
    for at in range(len(data)):
        for bit in (1, 128):
            mutant = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
            assert not passes(mutant, shown), at


def test_every_single_bit_of_the_content_counts() -> None:
    shown = contents_of(BODY, CONTENTS, SEALED)[0]
    for at in range(len(shown)):
        mutant = shown[:at] + bytes([shown[at] ^ 1]) + shown[at + 1 :]
        assert check(BODY, [mutant]).commitment != SEALED.commitment
    assert check(BODY, [shown + b"?"]).commitment == SEALED.commitment  # only what is named is read
    assert check(BODY, [shown[:-1]]).commitment is None


def passes(data: bytes, shown: Sequence[bytes], depositor: bytes = DEPOSITOR) -> bool:
    try:
        opening = parse_partial(data)
        if len(opening.pieces) != len(shown):
            return False
        return check(opening, shown, depositor).commitment == SEALED.commitment
    except MalformedData:
        return False


def body_value() -> Any:
    return cbor_decode(format_partial(BODY))


def mutants() -> list[Any]:
    """Openings of a forger who knows the format: other kinds, positions, views, documents, counts."""
    found = []

    def change(path: Sequence[Any], new: Any) -> None:
        value = body_value()
        inner = value
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = new(inner[path[-1]]) if callable(new) else new
        found.append(value)

    document: list[Any] = ["opened", 0]
    run, leaf = [*document, 1, 2, 0], [*document, 2, 2, 0]
    for n in (0, 2, 3, 7, 8, 2**40):
        change([*document, 0], n)  # another document
    for n in (0, 8, 10, 45, 48, 49, 2**62):
        change([*run, 0], n)  # another position of the content
    for n in (0, 1, 10, 12, 54, 55, 2**62):
        change([*leaf, 0], n)  # another position of the part
    for n in (7, 9, 10, 2**40):
        change(["padded"], n)
        change([*document, 1, 0], n)
        change([*document, 2, 0], n)
    for count in (0, 9, 53, 55, 56, 100):
        change([*document, 2, 1, 1], count)  # "part 11 of 9"
    change([*document, 2, 1, 2], "text")
    change([*document, 2, 1, 3], 2)
    for part in (
        {"path": "message 3 of 9/body", "first": 9, "count": 1},
        {"path": "message 2 of 9/body", "first": 14, "count": 1},
        {"path": "message 2 of 9/body", "first": 9, "count": 2},
    ):
        change([*leaf, 2], cbor_encode(part))
    for place in ([*run, 1], [*leaf, 1], [*document, 2, 1, 0], [*document, 3], [*document, 1, 1]):
        change(place, bytes(32))
    for place in (["proof"], [*document, 1, 3], [*document, 2, 3]):
        for new in (
            lambda proof: proof + bytes(32),
            lambda proof: proof[:-32],
            lambda proof: proof[32:],
            lambda proof: proof[32:64] + proof[:32] + proof[64:],
            lambda proof: proof[:-1],
            lambda _proof: b"",
        ):
            change(place, new)
    # A view under another's name: structure as bytes, metadata as structure, and both swapped.
    value = body_value()
    value["opened"][0][2:4] = value["opened"][0][3:1:-1]
    found.append(value)
    value = body_value()
    value["opened"][0][3] = value["opened"][0][2]
    found.append(value)
    # The same document twice, none, and the same part twice.
    for opened_documents in ([body_value()["opened"][0]] * 2, []):
        value = body_value()
        value["opened"] = opened_documents
        found.append(value)
    value = body_value()
    value["opened"][0][2][2] *= 2
    found.append(value)
    return found


def test_every_mutation_of_a_proof_is_refused() -> None:
    shown = contents_of(BODY, CONTENTS, SEALED)
    assert passes(cbor_encode(body_value()), shown)
    for number, value in enumerate(mutants()):
        assert not passes(cbor_encode(value), shown), number


def test_another_depositor_s_key_gives_another_commitment() -> None:
    shown = contents_of(BODY, CONTENTS, SEALED)
    assert not passes(format_partial(BODY), shown, bytes(32))


def test_openings_cannot_be_mixed_between_deposits() -> None:
    other, contents = sealed_mail((b"formula", b"third"))
    foreign = opened(Selection(0, parts=(11,)), of=other)
    shown = contents_of(foreign, contents, other)
    assert check(foreign, shown).commitment == other.commitment != SEALED.commitment
    for field in ("content", "structure", "metadata"):
        mixed = replace(
            BODY,
            documents=(
                replace(BODY.documents[0], **{field: getattr(foreign.documents[0], field)}),
            ),
        )
        assert check(mixed, shown).commitment not in (SEALED.commitment, other.commitment)
    assert check(replace(BODY, proof=foreign.proof), shown).commitment != SEALED.commitment


def test_a_header_leaf_cannot_pass_for_content_nor_a_dummy_for_a_leaf() -> None:
    view = cm.view_seed(cm.document_seed(SEALED.record.seed, 0), cm.VIEW_BYTES)
    content = BODY.documents[0].content
    assert isinstance(content, PartOfView)
    # 45 leaves in a tree of 48: leaf 46 is a dummy, of which nobody knows data.
    for first in (0, 46):
        salt = cm.leaf_salt(view, first)
        run = Run(first, salt, (1,))
        forged = replace(BODY.documents[0], content=replace(content, runs=(run,)))
        value = cbor_encode(cbor_decode(format_partial(replace(BODY, documents=(forged,)))))
        assert not passes(value, [b"x"])


@given(some.data())
def test_a_partial_opening_is_read_in_one_form_or_malformed(data: some.DataObject) -> None:
    encoded = bytearray(format_partial(BODY))
    for _ in range(data.draw(some.integers(1, 4))):
        at = data.draw(some.integers(0, len(encoded) - 1))
        encoded[at] = data.draw(some.integers(0, 255))
    try:
        opening = parse_partial(bytes(encoded))
    except MalformedData:
        return
    assert format_partial(opening) == bytes(encoded)
    recompute_partial(opening, DEPOSITOR, lambda _n, _at, size: bytes(size))


def test_a_splitter_that_lies_cannot_open_what_it_does_not_name() -> None:
    """A part's name is the depositor's word; the bytes under it are what was sealed, or nothing."""
    data, splitting = letter(1)
    lies = replace(splitting, parts=(Part("message 1 of 1/body", 1, 1), *splitting.parts[1:]))
    sealed, _, _ = seal_in_memory([document(data, splitting=lies)])
    opening = opened(Selection(0, parts=(1,)), of=sealed)
    assert check(opening, [LINES[3]]).commitment is None or (
        check(opening, [LINES[3]]).commitment != sealed.commitment
    )
    assert check(opening, [LINES[0]]).commitment == sealed.commitment


def test_proofs_of_one_body_among_ten_thousand_messages_are_short() -> None:
    # A folder of 10,000 messages: the tree over documents has 14 levels, a message's views 4.
    seed = os.urandom(32)
    shuffled = random.Random(1).randbytes
    data, splitting = letter(1)
    sealed, _, _ = seal_in_memory([document(data, splitting=splitting)])
    one = opened(Selection(0, parts=(5,)), of=sealed)
    documents = [shuffled(32) for _ in range(10_000)]

    many = replace(one, proof=multi_proof(cm.deposit_hashes(seed, bytes(32), documents), [7_001]))
    assert len(format_partial(many)) <= 1024


def test_a_document_of_which_nothing_is_shown_is_not_opened() -> None:
    opening = open_in_part(
        SEALED.record, SEALED.index, [Selection(0, parts=(1,), fields=("name",))], SEALED.commitment
    )
    (shown,) = opening.documents
    for view in (shown.content, shown.structure, shown.metadata):
        assert not isinstance(view, bytes)
    hidden = replace(shown, content=bytes(32), structure=bytes(32))
    data = format_partial(replace(opening, documents=(hidden,)))
    assert parse_partial(data).documents == (hidden,)
    nothing = replace(hidden, metadata=bytes(32))
    with pytest.raises(MalformedData, match="shows nothing"):
        parse_partial(format_partial(replace(opening, documents=(nothing,))))


def test_parts_of_one_path_keep_their_own_positions() -> None:
    parts = (Part("message 1 of 1", 1, 1), Part("message 1 of 1", 2, 1))
    splitting = Splitting("mbox", 1, format_cuts([1, 1]), parts)
    sealed, _, _ = seal_in_memory([document(b"ab", "a.mbox", splitting=splitting)])
    opening = open_in_part(
        sealed.record, sealed.index, [Selection(0, parts=(1, 2))], sealed.commitment
    )
    found = recompute_partial(opening, DEPOSITOR, lambda piece, *_: b"ab"[piece : piece + 1])
    (shown,) = found.shown or ()
    found_parts = shown["parts"]
    assert isinstance(found_parts, list)
    assert [part["position"] for part in found_parts] == [1, 2]


def test_leaves_of_an_opening_stand_in_order() -> None:
    leaf = Leaf(2, bytes(32), cbor_encode({"path": "p", "first": 9, "count": 1}))
    structure = BODY.documents[0].structure
    assert isinstance(structure, PartOfView)
    for leaves in ((structure.leaves[0], leaf), (structure.leaves[0],) * 2):
        shown = DocumentOpening(
            0, BODY.documents[0].content, replace(structure, leaves=leaves), bytes(32)
        )
        with pytest.raises(MalformedData):
            parse_partial(format_partial(replace(BODY, documents=(shown,))))
