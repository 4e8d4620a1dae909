"""COSE_Sign1: one form, one tag, and the Sig_structure of RFC 9052."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.crypto.cose import format_sign1, parse_sign1, sig_structure, sign1
from ledger.crypto.keys import SigningKey, verify_ed25519
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData
from tests.mutations import ANYTHING, changed_bytes, changed_value

KEY = SigningKey(b"\5" * 32)
PROTECTED = {1: -8, 4: KEY.thumbprint}
MESSAGE = sign1(PROTECTED, b"payload", KEY.sign)


def test_the_signature_covers_the_sig_structure_of_rfc_9052() -> None:
    protected = bytes.fromhex("a2012704") + b"\x58\x20" + KEY.thumbprint
    # ["Signature1", protected, h'', payload] written out by hand
    by_hand = (
        bytes.fromhex("84") + b"\x6aSignature1" + b"\x58" + bytes([len(protected)]) + protected
        + b"\x40" + b"\x47payload"
    )  # fmt: skip
    assert sig_structure(protected, b"payload") == by_hand
    verify_ed25519(KEY.public, by_hand, parse_sign1(MESSAGE).signature)


def test_a_message_reads_back_as_it_was_signed() -> None:
    message = parse_sign1(MESSAGE)
    assert (message.protected, message.unprotected) == (PROTECTED, {})
    assert message.payload == b"payload"
    assert format_sign1(message) == MESSAGE


def test_a_detached_payload_is_covered_all_the_same() -> None:
    message = parse_sign1(sign1(PROTECTED, b"payload", KEY.sign, detached=True))
    assert message.payload is None
    assert message.signature == parse_sign1(MESSAGE).signature
    verify_ed25519(KEY.public, message.to_be_signed(b"payload"), message.signature)
    with pytest.raises(MalformedData):
        message.to_be_signed()


def test_an_attached_payload_cannot_be_passed_over_for_another() -> None:
    message = parse_sign1(MESSAGE)
    assert message.to_be_signed(b"other") == message.to_be_signed()


@given(some.dictionaries(some.integers(-500, 500) | some.text(max_size=5), some.integers(0, 9)))
def test_the_unprotected_header_is_no_part_of_what_is_signed(header: dict[object, int]) -> None:
    message = parse_sign1(MESSAGE)
    filled = replace(message, unprotected=header)
    assert parse_sign1(format_sign1(filled)) == filled
    assert filled.to_be_signed() == message.to_be_signed()


@pytest.mark.parametrize(
    "data",
    [
        MESSAGE[1:],
        b"\xd1" + MESSAGE[1:],
        b"\xd8\x12" + MESSAGE[1:],
        b"\xd2" + MESSAGE,
        MESSAGE + b"\0",
        MESSAGE[:-1],
        b"\xd2" + cbor_encode([b"", {}, b"payload", bytes(64)]),
        b"\xd2" + cbor_encode([cbor_encode([1]), {}, b"payload", bytes(64)]),
        b"\xd2" + cbor_encode([{1: -8}, {}, b"payload", bytes(64)]),
        b"\xd2" + cbor_encode([cbor_encode({1: -8}), {}, "payload", bytes(64)]),
        b"\xd2" + cbor_encode([cbor_encode({1: -8}), {}, b"payload"]),
    ],
    ids=[
        "no tag",
        "tag 17",
        "tag 18 in two bytes",
        "tag twice",
        "trailing byte",
        "cut short",
        "empty protected header",
        "protected header no map",
        "protected header not wrapped",
        "payload a text",
        "no signature",
    ],
)
def test_other_forms_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_sign1(data)


def test_a_protected_header_out_of_order_is_malformed() -> None:
    header = bytes.fromhex("a20441010127")
    assert header != cbor_encode({1: -8, 4: b"\1"})
    with pytest.raises(MalformedData):
        parse_sign1(b"\xd2" + cbor_encode([header, {}, b"", b""]))


@given(
    some.binary(max_size=200)
    | changed_bytes(MESSAGE)
    | changed_value(cbor_decode(MESSAGE[1:])).map(lambda value: b"\xd2" + cbor_encode(value))
    | ANYTHING.map(lambda value: b"\xd2" + cbor_encode([cbor_encode(value), {}, b"", b""]))
)
def test_what_is_read_is_written_the_same_and_the_rest_is_malformed(data: bytes) -> None:
    try:
        message = parse_sign1(data)
    except MalformedData:
        return
    assert format_sign1(message) == data
