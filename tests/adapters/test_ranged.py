"""Reading in part: every leaf is compared with its hash, and every hash with the statement."""

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.statement import Payload
from ledger.company.disclosing.ranged import DepositView, checked, hashed, segments
from ledger.company.documents import SealedDeposit
from ledger.crypto.envelope import parse_header
from ledger.crypto.stream import PayloadReader
from ledger.errors import VerificationFailed
from ledger.evidence.opening import content_reader, open_manifest, read_index
from ledger.evidence.partial import Selection, open_in_part
from ledger.evidence.parts import Cuts, format_cuts
from tests.core.test_sealing import OFFICER, document, seal_in_memory

DATA = os.urandom(3 << 20)


def view_of(data: bytes, alone: bool = False) -> tuple[SealedDeposit, DepositView]:
    sealed, content, manifest_file = seal_in_memory([document(data, "a.bin")], alone)
    payload: Payload = sealed.manifest
    manifest = open_manifest(manifest_file, [OFFICER], payload)
    if alone:
        fetch = lambda _, offset, size: data[offset : offset + size]  # noqa: E731
        return sealed, DepositView(manifest, read_index(manifest, None), fetch, lambda: 0)
    header = parse_header(content)
    body = content[len(header.encoded) :]
    reader = PayloadReader(
        lambda offset, size: body[offset : offset + size], len(body), header.unwrap([OFFICER])
    )
    fetch_ = content_reader(manifest, reader)
    return sealed, DepositView(manifest, read_index(manifest, reader), fetch_, lambda: 0)


@pytest.fixture(scope="module")
def sealed_view() -> tuple[SealedDeposit, DepositView]:
    return view_of(DATA)


def blocks(view: DepositView, first: int, count: int) -> bytes:
    cuts = Cuts(len(DATA), None)
    return b"".join(checked(view, view.index, cuts, 0, first, count))


def test_what_is_read_is_what_was_sealed(sealed_view: tuple[SealedDeposit, DepositView]) -> None:
    _, view = sealed_view
    assert blocks(view, 1, 192) == DATA
    assert blocks(view, 7, 2) == DATA[6 * 16384 : 8 * 16384]


def test_another_content_than_the_index_hashes_is_refused_at_its_leaf(
    sealed_view: tuple[SealedDeposit, DepositView],
) -> None:
    _, view = sealed_view

    def lie(document: int, offset: int, size: int) -> bytes:
        data = bytearray(view.fetch(document, offset, size))
        if offset <= 100_000 < offset + size:
            data[100_000 - offset] ^= 1
        return bytes(data)

    false = replace(view, fetch=lie)
    assert blocks(false, 1, 6) == DATA[: 6 * 16384]
    with pytest.raises(VerificationFailed, match="not what was deposited"):
        blocks(false, 7, 1)
    short = replace(view, fetch=lambda *place: view.fetch(*place)[:-1])
    with pytest.raises(VerificationFailed):
        blocks(short, 3, 1)


def test_another_index_than_the_statement_commits_to_is_refused(
    sealed_view: tuple[SealedDeposit, DepositView],
) -> None:
    sealed, view = sealed_view
    (entry,) = view.index
    false = replace(entry, hashes=bytes(32) + entry.hashes[32:])
    selections = [Selection(0, ranges=((0, 1),))]
    open_in_part(view.manifest, view.index, selections, sealed.commitment)
    with pytest.raises(VerificationFailed):
        open_in_part(view.manifest, (false,), selections, sealed.commitment)


def test_the_hashes_of_a_commitment_alone_come_from_the_original() -> None:
    sealed, view = view_of(DATA, alone=True)
    done: list[int] = []
    index = hashed(view, done.append)
    assert done[-1] == len(DATA)
    open_in_part(view.manifest, index, [Selection(0, whole=True)], sealed.commitment)
    changed = replace(view, fetch=lambda _, offset, size: bytes(size))
    with pytest.raises(VerificationFailed):
        index = hashed(changed, done.append)
        open_in_part(view.manifest, index, [Selection(0, whole=True)], sealed.commitment)


@given(st.lists(st.integers(1, 16_384), max_size=300), st.data())
def test_leaves_are_read_in_order_a_mebibyte_at_a_time(
    lengths: list[int], data: st.DataObject
) -> None:
    cuts = Cuts(sum(lengths), format_cuts(lengths))
    first = data.draw(st.integers(0, cuts.count))
    end = data.draw(st.integers(first, cuts.count))
    found = list(segments(cuts, first, end))
    assert [low for low, _ in found] + [end] == [first] + [high for _, high in found]
    assert all(low < high and cuts.start(high) - cuts.start(low) <= 1 << 20 for low, high in found)
