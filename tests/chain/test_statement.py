"""Statements: one form, one kind, one signer; everything else is malformed."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.chain import statement as st
from ledger.chain.checkpoint import require_origin
from ledger.chain.statement import (
    Deposit,
    Matter,
    Payload,
    format_deposit,
    parse_deposit,
    parse_statement,
    sign_statement,
    verify_statement,
)
from ledger.crypto import cose
from ledger.crypto.keys import SigningKey
from ledger.encoding import MAX_INTEGER, cbor_encode
from ledger.errors import MalformedData, VerificationFailed
from tests.mutations import changed_bytes, changed_value
from tests.simulator import COMMITMENT, DEPOSITED, DEVICE_KEY, NOW, ORIGIN

ACCOUNT = "ab" * 16
OTHER = SigningKey(b"\x99" * 32)

COUNTS = some.integers(0, 2**63 - 1)
HASHES = some.binary(min_size=32, max_size=32)
PAYLOADS = some.builds(Payload, COUNTS, HASHES)
IDS = some.binary(min_size=16, max_size=16)
MATTERS = some.builds(Matter, IDS, some.just(1), some.none()) | some.builds(
    Matter, IDS, some.integers(2, 2**63 - 1), HASHES
)
ORIGINS = some.from_regex(r"[!-*,-~]{1,255}", fullmatch=True)
DEPOSITS = some.builds(
    Deposit, ORIGINS, HASHES, some.none() | PAYLOADS, PAYLOADS, some.none() | MATTERS
)

STATEMENT = format_deposit(
    replace(DEPOSITED, matter=Matter(bytes(16), 2, bytes(32))), ACCOUNT, DEVICE_KEY, NOW
)
PAYLOAD = parse_statement(STATEMENT).payload
PROTECTED = parse_statement(STATEMENT).message.protected


def signed(
    protected: Any = PROTECTED, payload: Any = PAYLOAD, unprotected: dict[Any, Any] | None = None
) -> bytes:
    """A statement with these headers and payload, well signed whatever they hold."""
    message = cose.parse_sign1(cose.sign1(protected, cbor_encode(payload), DEVICE_KEY.sign))
    return cose.format_sign1(replace(message, unprotected=unprotected or {}))


def parse(data: bytes) -> Deposit:
    return parse_deposit(parse_statement(data))


def test_the_largest_number_reads_back() -> None:
    largest = replace(DEPOSITED, manifest=Payload(MAX_INTEGER, bytes(32)))
    assert parse(format_deposit(largest, ACCOUNT, DEVICE_KEY, MAX_INTEGER)) == largest


@given(DEPOSITS, COUNTS)
def test_a_deposit_reads_back_as_it_was_signed(deposit: Deposit, time: int) -> None:
    statement = parse_statement(format_deposit(deposit, ACCOUNT, DEVICE_KEY, time))
    assert parse_deposit(statement) == deposit
    assert (statement.kind, statement.issuer, statement.issued_at) == (st.DEPOSIT, ACCOUNT, time)
    assert (statement.subject, statement.key_id) == (
        deposit.commitment.hex(),
        DEVICE_KEY.thumbprint,
    )
    verify_statement(statement, DEVICE_KEY.public)


def test_the_leaf_is_the_hash_of_the_entry_as_it_stands() -> None:
    assert parse_statement(STATEMENT).leaf_hash == sha256(b"\0" + STATEMENT).digest()


def test_a_deposit_says_nothing_but_its_five_fields() -> None:
    assert sorted(PAYLOAD) == ["commitment", "content", "manifest", "matter", "origin"]
    assert sorted(parse_statement(signed(payload=_without("content", "matter"))).payload) == [
        "commitment",
        "manifest",
        "origin",
    ]


def _without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in PAYLOAD.items() if name not in names}


# --- headers ---


def test_the_sample_itself_is_accepted() -> None:
    assert parse(signed()) == parse(STATEMENT)


@pytest.mark.parametrize("header", [{394: [b""]}, {"sealbook": {}}, {1: -8}])
def test_a_statement_with_an_unprotected_header_is_malformed(header: dict[Any, Any]) -> None:
    with pytest.raises(MalformedData, match="unprotected"):
        parse_statement(signed(unprotected=header))


@pytest.mark.parametrize(
    "change",
    [
        {1: -7},
        {1: "EdDSA"},
        {3: 0},
        {3: "application/vnd.sealbook.deposit-v2+cbor"},
        {3: "application/vnd.sealbook.deposit-v1+cbor "},
        {4: bytes(31)},
        {4: "ab" * 16},
        {2: []},
        {33: b"certificate"},
        {"more": 0},
        {15: {1: ACCOUNT, 2: COMMITMENT.hex()}},
        {15: {1: ACCOUNT, 2: COMMITMENT.hex(), 6: -1}},
        {15: {1: ACCOUNT, 2: COMMITMENT.hex(), 6: True}},
        {15: {1: ACCOUNT, 2: COMMITMENT.hex(), 6: NOW, 4: NOW}},
        {15: {1: ACCOUNT.encode(), 2: COMMITMENT.hex(), 6: NOW}},
        {15: {1: ACCOUNT, 2: COMMITMENT, 6: NOW}},
    ],
    ids=str,
)
def test_another_protected_header_is_malformed(change: dict[Any, Any]) -> None:
    with pytest.raises(MalformedData):
        parse_statement(signed({**PROTECTED, **change}))


@pytest.mark.parametrize("label", [1, 3, 4, 15])
def test_every_protected_header_is_required(label: int) -> None:
    with pytest.raises(MalformedData):
        parse_statement(signed({key: PROTECTED[key] for key in PROTECTED if key != label}))


@pytest.mark.parametrize("payload", [[], "deposit", None, 1])
def test_a_payload_that_is_no_map_is_malformed(payload: Any) -> None:
    with pytest.raises(MalformedData):
        parse_statement(signed(payload=payload))


def test_a_detached_payload_is_malformed() -> None:
    with pytest.raises(MalformedData, match="no payload"):
        parse_statement(cose.sign1(PROTECTED, cbor_encode(PAYLOAD), DEVICE_KEY.sign, detached=True))


def test_a_payload_in_another_order_is_malformed() -> None:
    # {"origin", "manifest", ...} as RFC 7049 would not sort it either: two keys changed places.
    encoded = cbor_encode({"a": 1, "b": 2})
    swapped = b"\xa2" + encoded[4:] + encoded[1:4]
    message = cose.sign1(PROTECTED, swapped, DEVICE_KEY.sign)
    with pytest.raises(MalformedData, match="deterministic"):
        parse_statement(message)


def test_a_longer_form_of_the_outer_array_is_malformed() -> None:
    assert STATEMENT[:2] == b"\xd2\x84"
    with pytest.raises(MalformedData):
        parse_statement(b"\xd2\x98\x04" + STATEMENT[2:])


def test_a_statement_may_have_65535_bytes_and_no_more() -> None:
    def padded(size: int) -> bytes:
        around = len(signed(payload={"more": bytes(65_000)})) - 65_000
        return signed(payload={"more": bytes(size - around)})

    largest = padded(st.MAX_ENTRY)
    assert len(largest) == 65_535
    parse_statement(largest)
    with pytest.raises(MalformedData, match="limit"):
        parse_statement(padded(st.MAX_ENTRY + 1))


@pytest.mark.parametrize("kind", [kind for kind in st.KINDS if kind != st.DEPOSIT])
def test_the_subject_of_any_other_kind_is_the_kind(kind: str) -> None:
    def say(subject: str) -> bytes:
        return sign_statement(
            kind,
            {},
            issuer=ORIGIN,
            subject=subject,
            issued_at=NOW,
            key_id=OTHER.thumbprint,
            sign=OTHER.sign,
        )

    assert parse_statement(say(kind)).kind == kind
    with pytest.raises(MalformedData, match="subject"):
        parse_statement(say("checkpoint"))


# --- deposits ---


@pytest.mark.parametrize("kind", [kind for kind in st.KINDS if kind != st.DEPOSIT])
def test_a_statement_of_another_kind_is_no_deposit(kind: str) -> None:
    other = sign_statement(
        kind,
        PAYLOAD,
        issuer=ACCOUNT,
        subject=kind,
        issued_at=NOW,
        key_id=DEVICE_KEY.thumbprint,
        sign=DEVICE_KEY.sign,
    )
    with pytest.raises(MalformedData, match="not a deposit"):
        parse(other)


@pytest.mark.parametrize("issuer", ["", "AB" * 16, "ab" * 15, "ab" * 17, ORIGIN, "ä" * 32])
def test_only_an_account_deposits(issuer: str) -> None:
    with pytest.raises(MalformedData, match="account"):
        parse(signed({**PROTECTED, 15: {1: issuer, 2: COMMITMENT.hex(), 6: NOW}}))


@pytest.mark.parametrize("subject", ["deposit", COMMITMENT.hex().upper(), bytes(32).hex()])
def test_the_subject_of_a_deposit_is_its_commitment(subject: str) -> None:
    with pytest.raises(MalformedData, match="subject"):
        parse(signed({**PROTECTED, 15: {1: ACCOUNT, 2: subject, 6: NOW}}))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "contract.pdf"},
        {"origin": ""},
        {"origin": "notary.example/a b"},
        {"origin": "a+b"},
        {"origin": "n" * 256},
        {"origin": "公证处"},
        {"commitment": COMMITMENT},
        {"commitment": {"sha-256": COMMITMENT[1:]}},
        {"commitment": {"sha-256": COMMITMENT, "sm3": COMMITMENT}},
        {"commitment": {"sha-512": COMMITMENT}},
        {"content": None},
        {"content": {"size": 1}},
        {"content": {"size": -1, "root": bytes(32)}},
        {"content": {"size": True, "root": bytes(32)}},
        {"content": {"size": 1, "root": bytes(31)}},
        {"manifest": {"size": 1, "root": bytes(32), "name": "x"}},
        {"manifest": [1, bytes(32)]},
        {"matter": None},
        {"matter": {"id": bytes(15), "number": 1, "previous": None}},
        {"matter": {"id": bytes(16), "number": 0, "previous": None}},
        {"matter": {"id": bytes(16), "number": 0, "previous": bytes(32)}},
        {"matter": {"id": bytes(16), "number": True, "previous": None}},
        {"matter": {"id": bytes(16), "number": 1, "previous": bytes(32)}},
        {"matter": {"id": bytes(16), "number": 2, "previous": None}},
        {"matter": {"id": bytes(16), "number": 2, "previous": bytes(20)}},
        {"matter": {"id": bytes(16), "number": 1}},
        {"matter": {"id": bytes(16), "number": 1, "previous": None, "name": "x"}},
    ],
    ids=str,
)
def test_another_payload_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedData):
        parse(signed(payload={**PAYLOAD, **change}))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_commitment_of_another_size_is_malformed_even_with_its_own_subject(size: int) -> None:
    claims = {1: ACCOUNT, 2: bytes(size).hex(), 6: NOW}
    with pytest.raises(MalformedData, match="commitment"):
        parse(
            signed({**PROTECTED, 15: claims}, {**PAYLOAD, "commitment": {"sha-256": bytes(size)}})
        )


@pytest.mark.parametrize("name", ["origin", "commitment", "manifest"])
def test_origin_commitment_and_manifest_are_required(name: str) -> None:
    with pytest.raises(MalformedData):
        parse(signed(payload=_without(name)))


@given(some.text(max_size=260) | ORIGINS | some.none() | some.integers())
def test_deposits_and_checkpoints_agree_on_what_an_origin_is(value: Any) -> None:
    try:
        require_origin(value)
        accepted = True
    except (MalformedData, TypeError):
        accepted = False
    assert st.is_origin(value) == accepted


# --- the law of all parsers ---


@given(
    some.binary(max_size=300)
    | changed_bytes(STATEMENT)
    | changed_value(PAYLOAD).map(lambda value: signed(payload=value))
    | changed_value(PROTECTED)
    .filter(lambda value: isinstance(value, dict))
    .map(lambda value: signed(protected=value))
)
def test_a_changed_statement_is_another_valid_one_or_malformed(data: bytes) -> None:
    try:
        statement = parse_statement(data)
        deposit = parse_deposit(statement)
    except MalformedData:
        return
    assert cose.format_sign1(statement.message) == data
    again = format_deposit(deposit, statement.issuer, DEVICE_KEY, statement.issued_at)
    assert parse_statement(again).message.payload == statement.message.payload


# --- signatures ---


def test_a_statement_under_another_key_than_it_names_fails() -> None:
    with pytest.raises(VerificationFailed, match="another key"):
        verify_statement(parse_statement(STATEMENT), OTHER.public)


def test_a_statement_that_names_a_key_which_did_not_sign_it_fails() -> None:
    forged = signed({**PROTECTED, 4: OTHER.thumbprint})
    with pytest.raises(VerificationFailed, match="does not hold"):
        verify_statement(parse_statement(forged), OTHER.public)


@given(changed_bytes(STATEMENT))
def test_no_changed_statement_keeps_its_signature(data: bytes) -> None:
    try:
        statement = parse_statement(data)
    except MalformedData:
        return
    with pytest.raises(VerificationFailed):
        verify_statement(statement, DEVICE_KEY.public)
