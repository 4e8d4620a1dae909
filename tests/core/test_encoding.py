"""Strict encodings have exactly one accepted form."""

import tomllib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.encoding import (
    MAX_KEY_PARTS,
    MAX_TOML,
    b64decode,
    b64encode,
    cbor_decode,
    cbor_encode,
    parse_decimal,
    parse_hex,
    parse_toml,
)
from ledger.errors import MalformedData

INTEGERS = some.integers(-(2**63), 2**63 - 1)
VALUES = some.recursive(
    some.none() | some.booleans() | INTEGERS | some.binary() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(INTEGERS | some.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_cbor_decodes_to_what_was_encoded(value: object) -> None:
    assert cbor_decode(cbor_encode(value)) == value


@given(some.binary(max_size=200))
def test_cbor_that_is_accepted_re_encodes_to_the_same_bytes(data: bytes) -> None:
    try:
        value = cbor_decode(data)
    except MalformedData:
        return
    assert cbor_encode(value) == data


def test_map_keys_are_sorted_by_their_encoded_bytes() -> None:
    # RFC 8949 section 4.2.1, the example's keys that our formats can hold.
    assert cbor_encode({"aa": 5, "z": 4, 100: 2, -1: 3, 10: 1}).hex() == (
        "a50a0118640220" + "03" + "617a04" + "62616105"
    )


@pytest.mark.parametrize(
    "data",
    [
        "1801",  # 1 in two bytes
        "a201010101",  # duplicate key
        "a220010a01",  # keys out of order
        "9fff",  # indefinite length
        "f97e00",  # a float
        "f7",  # undefined
        "c074323031332d30332d32315432303a30343a30305a",  # a tagged date
        "c249010000000000000000",  # a bignum
        "1bffffffffffffffff",  # over 2^63-1
        "61ff",  # not UTF-8
        "0101",  # two items
        "",
        "a1f401",  # a boolean as key
        "81" * 17 + "01",  # nested too deeply
        "d8641903e8",  # an unknown tag
        "5affffffff",  # a length beyond the data
        "9bffffffffffffffff",
    ],
)
def test_other_cbor_is_refused(data: str) -> None:
    with pytest.raises(MalformedData):
        cbor_decode(bytes.fromhex(data))


@given(some.binary())
def test_base64_round_trips(data: bytes) -> None:
    assert b64decode(b64encode(data)) == data


@pytest.mark.parametrize("text", ["AA", "AB==", "AA==\n", "A A=", "AA-_", "é===", "AA==AA=="])
def test_base64_that_is_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(MalformedData):
        b64decode(text)


@pytest.mark.parametrize("text", ["", "00", "01", "+1", "-1", "1_0", " 1", "1 ", "１", str(2**63)])
def test_decimals_that_are_not_canonical_are_refused(text: str) -> None:
    with pytest.raises(MalformedData):
        parse_decimal(text)


@given(some.integers(0, 2**63 - 1))
def test_decimals_round_trip(value: int) -> None:
    assert parse_decimal(str(value)) == value


@pytest.mark.parametrize("text", ["", "AB", "abc", "ab ab", "0xab"])
def test_hexadecimal_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(MalformedData):
        parse_hex(text, 2)


def _shared_references(levels: int) -> bytes:
    """A list of lists, each of ten references to the one before: 10^levels items when walked."""
    items = [b"\xd8\x1c\x81\x00"]
    items += [b"\xd8\x1c\x8a" + 10 * (b"\xd8\x1d" + bytes([level])) for level in range(levels)]
    return bytes([0x80 + len(items)]) + b"".join(items)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_shared_references(12), id="shared references"),
        pytest.param(
            b"\xc5\x82\x00\xc2\x5a" + (1 << 20).to_bytes(4, "big") + b"\xff" * (1 << 20),
            id="bigfloat",
        ),
        pytest.param(b"\xd2\x80", id="tag 18 inside"),
        pytest.param(b"\xd9\x30\x39\x00", id="unknown tag"),
    ],
)
def test_a_tag_is_refused_before_anything_is_made_of_it(data: bytes) -> None:
    with pytest.raises(MalformedData):
        cbor_decode(data)


@pytest.mark.parametrize("data", [b"\x80", b"\x40", b"\x20", b"\x00"], ids=bytes.hex)
def test_a_value_of_too_many_items_is_refused_before_it_is_made(data: bytes) -> None:
    many = b"\x9a" + (1 << 20).to_bytes(4, "big") + data * (1 << 20)
    tracemalloc.start()
    with pytest.raises(MalformedData, match="more than"):
        cbor_decode(many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_the_limit_counts_items_and_not_bytes() -> None:
    value = [bytes(1000)] * 99
    assert cbor_decode(cbor_encode(value), max_items=100) == value
    with pytest.raises(MalformedData, match="more than"):
        cbor_decode(cbor_encode(value), max_items=99)


DOTS = "a." * 50_000


@pytest.mark.parametrize(
    "text",
    [
        DOTS + "a = 1",
        '"a" . ' * 20_000 + "a = 1",
        f"[{DOTS}a]",
        f"x = [1, {{{DOTS}a = 1}}]",
        f'x = {{k = """a"""", {DOTS}a = 1}}',
        f"x = {{k = '''a''''', {DOTS}a = 1}}",
        f'x = {{k = "\\"", {DOTS}a = 1}}',
        "[a]\n" * 20_000,
        "x = " + "[" * 50_000,
        "x = " + "{a = " * 20_000,
        "x = 1" + "0" * 10_000,
        'x = "' + "a" * MAX_TOML,
    ],
    ids=lambda text: text[:12],
)
def test_toml_that_costs_more_than_its_size_is_refused_before_it_is_parsed(text: str) -> None:
    # Without the bounds the first of these takes minutes and all memory.
    with pytest.raises(MalformedData, match="TOML"):
        parse_toml(text.encode())


def test_toml_with_dots_where_they_mean_nothing_is_read() -> None:
    text = f'# {DOTS}\na.b.c.d.e.f.g.h = "{DOTS}"\n\'{DOTS}\' = """\n{DOTS}""""\n'
    value = parse_toml(text.encode())
    assert value["a"]["b"]["c"]["d"]["e"]["f"]["g"]["h"] == DOTS
    assert value[DOTS] == DOTS + '"'


def test_an_error_in_toml_tells_the_place_and_repeats_no_word_of_the_file() -> None:
    with pytest.raises(MalformedData) as caught:
        parse_toml(b"[Seal.proven]\n[Seal.proven]\n")
    assert str(caught.value) == "not TOML (at line 2, column 13)"


@given(some.text(alphabet="a.=\"'\\#[]{},\n 1", max_size=60))
def test_bounded_toml_is_the_toml_of_the_parser(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except ValueError:
        with pytest.raises(MalformedData):
            parse_toml(text.encode())
    else:
        try:
            assert parse_toml(text.encode()) == expected
        except MalformedData:
            assert text.count(".") >= MAX_KEY_PARTS
