"""Receipts as files: one form, within limits. What they prove is tested with the verification core."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.chain.block import MAX_TOKENS
from ledger.chain.proof import TlogProof, format_proof
from ledger.chain.receipt import (
    MAX_RECEIPT,
    Earlier,
    Position,
    Receipt,
    Times,
    TokenEntry,
    format_receipt,
    parse_receipt,
)
from ledger.chain.statement import parse_statement
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData
from tests.mutations import changed_bytes, changed_value
from tests.simulator import Office

PARTS = Office().parts()
RECEIPT = format_receipt(PARTS)
MESSAGE = cbor_decode(RECEIPT[1:])
HEADER = MESSAGE[1]
OURS = HEADER["sealbook"]

HASHES = some.binary(min_size=32, max_size=32)
POSITIONS = some.builds(
    Position, some.integers(0, 2**62), some.lists(HASHES, max_size=63).map(tuple)
)


def with_header(header: Any) -> bytes:
    return b"\xd2" + cbor_encode([MESSAGE[0], header, *MESSAGE[2:]])


def with_ours(**changes: Any) -> bytes:
    return with_header({**HEADER, "sealbook": {**OURS, **changes}})


TOKENS = some.builds(TokenEntry, some.integers(2, 64), some.binary(max_size=20))


@given(
    some.builds(
        Receipt,
        some.just(PARTS.statement),
        POSITIONS,
        some.just(PARTS.note),
        some.binary(max_size=20),
        POSITIONS,
        some.binary(max_size=20),
        POSITIONS,
        some.none() | some.binary(max_size=20),
        some.binary(max_size=20),
        some.builds(
            Times,
            some.lists(TOKENS, max_size=MAX_TOKENS).map(tuple),
            some.none() | some.builds(Earlier, some.text(max_size=20), TOKENS),
            some.lists(some.binary(max_size=20), max_size=64).map(tuple),
        ),
    )
)
def test_parts_read_back_as_they_were_put_together(receipt: Receipt) -> None:
    data = format_receipt(receipt)
    assert parse_receipt(data) == receipt
    assert format_receipt(parse_receipt(data)) == data


def test_emptying_the_unprotected_header_gives_the_entry_back() -> None:
    assert with_header({}) == PARTS.statement
    assert parse_receipt(RECEIPT).statement == PARTS.statement
    parse_statement(parse_receipt(RECEIPT).statement)


def test_a_receipt_is_a_few_kilobytes() -> None:
    assert len(RECEIPT) < 8_000


def test_the_sample_itself_is_accepted() -> None:
    assert with_header(HEADER) == with_ours() == RECEIPT


@pytest.mark.parametrize(
    "header",
    [
        {},
        {394: HEADER[394]},
        {"sealbook": OURS},
        {**HEADER, 394: []},
        {**HEADER, 394: HEADER[394] * 2},
        {**HEADER, 394: HEADER[394][0]},
        {**HEADER, 394: [1]},
        {**HEADER, "sealbook": [OURS]},
        {**HEADER, "more": 0},
        {**HEADER, 395: 1},
    ],
    ids=[
        "the statement alone",
        "the COSE Receipt alone",
        "ours alone",
        "no COSE Receipt",
        "two COSE Receipts",
        "not in an array",
        "no bytes",
        "ours in an array",
        "a further header",
        "a header of the receipt",
    ],
)
def test_another_header_is_malformed(header: Any) -> None:
    with pytest.raises(MalformedData):
        parse_receipt(with_header(header))


@pytest.mark.parametrize(
    "changes",
    [
        {"more": 0},
        {"tokens": None},
        {"tokens": [1]},
        {"tokens": [b""]},
        {"tokens": [[1, b""]]},
        {"tokens": [[True, b""]]},
        {"tokens": [[2, b"", 0]]},
        {"tokens": [[2, b""]] * (MAX_TOKENS + 1)},
        {"earlier": 0},
        {"earlier": ["note", b""]},
        {"earlier": ["note", [1, b""]]},
        {"validation": None},
        {"validation": [""]},
        {"validation": [b""] * 65},
        {"block": OURS["block"][:2]},
        {"block": [*OURS["block"], None]},
        {"block": [OURS["block"][0], -1, []]},
        {"block": [OURS["block"][0], 3, [bytes(31)]]},
        {"block": [OURS["block"][0], 3, [bytes(32)] * 64]},
        {"enrolment": OURS["enrolment"][:3]},
        {"enrolment": [*OURS["enrolment"][:3], "record"]},
        {"proof": OURS["proof"].encode()},
        {"proof": OURS["proof"].replace("\n", "\r\n")},
        {"proof": OURS["proof"] + "\n"},
        {"proof": ""},
    ],
    ids=lambda changes: f"{next(iter(changes))} {str(next(iter(changes.values())))[:30]!r}",
)
def test_another_part_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedData):
        parse_receipt(with_ours(**changes))


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_part_is_required(name: str) -> None:
    fewer = {key: value for key, value in OURS.items() if key != name}
    with pytest.raises(MalformedData):
        parse_receipt(with_header({**HEADER, "sealbook": fewer}))


def test_extra_data_in_the_proof_is_malformed_since_nothing_authenticates_it() -> None:
    proof = TlogProof(PARTS.position.index, PARTS.position.proof, PARTS.note, b"extra")
    with pytest.raises(MalformedData, match="authenticates"):
        parse_receipt(with_ours(proof=format_proof(proof)))


def test_a_receipt_over_one_mebibyte_is_malformed_before_it_is_decoded() -> None:
    with pytest.raises(MalformedData, match="limit"):
        parse_receipt(b"\xd2" + bytes(MAX_RECEIPT))


def test_a_receipt_may_carry_64_tokens() -> None:
    receipt = replace(PARTS, times=Times((TokenEntry(2, b"token"),) * 64))
    assert parse_receipt(format_receipt(receipt)) == receipt


def test_a_receipt_of_one_mebibyte_is_read() -> None:
    around = len(format_receipt(replace(PARTS, times=Times(validation=(bytes(70_000),))))) - 70_000
    receipt = replace(PARTS, times=Times(validation=(bytes(MAX_RECEIPT - around),)))
    assert len(format_receipt(receipt)) == MAX_RECEIPT
    assert parse_receipt(format_receipt(receipt)) == receipt


@given(
    some.binary(max_size=400)
    | changed_bytes(RECEIPT)
    | changed_value(MESSAGE).map(lambda value: b"\xd2" + cbor_encode(value))
    | changed_value(HEADER).map(with_header)
)
def test_a_changed_receipt_is_written_the_same_or_malformed(data: bytes) -> None:
    try:
        receipt = parse_receipt(data)
    except MalformedData:
        return
    assert format_receipt(receipt) == data
