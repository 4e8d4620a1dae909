"""Block records: where a block opens and closes, and what it follows."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.chain import statement as st
from ledger.chain.block import (
    GENESIS_PREVIOUS,
    MAX_TOKENS,
    Block,
    block_payload,
    notary_statement,
    note_digest,
    parse_block,
)
from ledger.chain.statement import Statement, parse_statement, verify_statement
from ledger.errors import MalformedData
from tests.mutations import changed_value
from tests.simulator import LOG, NOW, ORIGIN, Office, nonce

HASHES = some.binary(min_size=32, max_size=32)
COUNTS = some.integers(0, 2**62)
BLOCK = Block(ORIGIN, nonce("block"), 7, 40, 45, NOW, nonce("note"), (nonce("token"),), None)


def say(payload: dict[str, Any], kind: str = st.BLOCK) -> Statement:
    return parse_statement(notary_statement(kind, payload, origin=ORIGIN, key=LOG, issued_at=NOW))


@given(
    some.builds(
        Block,
        some.just(ORIGIN),
        HASHES,
        some.integers(1, 2**62),
        some.integers(0, 1000),
        some.integers(1001, 2**62),
        COUNTS,
        HASHES,
        some.lists(HASHES, max_size=3).map(tuple),
        some.none() | HASHES,
    )
)
def test_a_block_record_reads_back(block: Block) -> None:
    assert parse_block(say(block_payload(block))) == block


def test_a_block_record_is_signed_by_the_log_key_in_the_ledger_s_name() -> None:
    statement = say(block_payload(BLOCK))
    verify_statement(statement, LOG.public)
    assert (statement.issuer, statement.subject) == (ORIGIN, "block")


def test_genesis_starts_the_tree_and_follows_nothing() -> None:
    genesis = replace(BLOCK, height=0, start=0, size=1, previous=GENESIS_PREVIOUS, tokens=())
    assert parse_block(say(block_payload(genesis))) == genesis
    for change in ({"start": 1, "size": 2}, {"previous": nonce("note")}):
        with pytest.raises(MalformedData):
            parse_block(say({**block_payload(genesis), **change}))


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "a b"},
        {"nonce": bytes(31)},
        {"height": -1},
        {"height": True},
        {"height": "3"},
        {"start": "40"},
        {"size": 40},
        {"size": 39},
        {"size": "60"},
        {"time": -1},
        {"previous": bytes(20)},
        {"previous": None},
        {"tokens": [bytes(31)]},
        {"tokens": [bytes(32)] * (MAX_TOKENS + 1)},
        {"tokens": None},
        {"platform": ""},
        {"anchor": 0},
    ],
    ids=str,
)
def test_another_block_record_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedData):
        parse_block(say({**block_payload(BLOCK), **change}))


def test_a_block_record_may_name_64_tokens() -> None:
    full = replace(BLOCK, tokens=(nonce("token"),) * 64)
    assert parse_block(say(block_payload(full))) == full
    assert MAX_TOKENS == 64


@pytest.mark.parametrize("name", sorted(block_payload(BLOCK)))
def test_every_field_of_a_block_record_is_required(name: str) -> None:
    payload = block_payload(BLOCK)
    del payload[name]
    with pytest.raises(MalformedData):
        parse_block(say(payload))


def test_a_notice_with_a_block_s_fields_is_no_block_record() -> None:
    with pytest.raises(MalformedData):
        parse_block(say(block_payload(BLOCK), st.NOTICE))


@given(changed_value(block_payload(BLOCK)).filter(lambda value: isinstance(value, dict)))
def test_a_changed_block_record_is_another_one_or_malformed(payload: dict[str, Any]) -> None:
    try:
        statement = say(payload)
        block = parse_block(statement)
    except MalformedData:
        return
    assert block_payload(block) == payload


def test_the_next_block_names_the_note_with_both_log_lines() -> None:
    note = Office().parts().note
    text, lines = note.split("\n\n")
    assert lines.count("\n") == 2
    assert note_digest(note) == sha256(note.encode()).digest()
    ed25519_only = f"{text}\n\n{lines.splitlines()[0]}\n"
    assert note_digest(ed25519_only) != note_digest(note)
