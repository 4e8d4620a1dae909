"""DER is read strictly, and what is written reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from ledger.crypto import der
from ledger.errors import MalformedData


@given(hs.integers(-(2**200), 2**200))
def test_integers_read_back(value):
    element = der.read(der.integer(value))
    assert der.parse_integer(element) == value


@given(hs.integers(0, 2), hs.integers(0, 39), hs.lists(hs.integers(0, 2**40), max_size=5))
def test_identifiers_read_back(first, second, rest):
    dotted = ".".join(map(str, (first, second, *rest)))
    assert der.parse_oid(der.read(der.oid(dotted))) == dotted


@given(hs.binary(max_size=400))
def test_contents_read_back_whole(content):
    whole = der.encode(der.OCTET_STRING, content)
    assert der.read(whole) == der.Element(der.OCTET_STRING, whole, content)


@given(hs.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data):
    try:
        element = der.read(data)
    except MalformedData:
        return
    assert der.encode(element.tag, element.content) == data


@pytest.mark.parametrize(
    "data",
    [
        "",
        "02",
        "0203 0001",
        "020100 00",
        "0281 01 00",
        "0280 0000",
        "1f01 00",
        "02 85 0000000001 00",
    ],
)
def test_what_is_not_der_is_refused(data):
    with pytest.raises(MalformedData):
        der.read(bytes.fromhex(data.replace(" ", "")))


@pytest.mark.parametrize("data", ["0200", "02020001", "0202ff80", "0a0101"])
def test_integers_that_are_not_shortest_are_refused(data):
    with pytest.raises(MalformedData):
        der.parse_integer(der.read(bytes.fromhex(data)))


def test_a_set_is_written_in_order():
    parts = [der.integer(300), der.integer(2), der.integer(1)]
    assert der.set_of(parts) == der.encode(der.SET, parts[2] + parts[1] + parts[0])
    assert [der.parse_integer(each) for each in der.children(der.read(der.set_of(parts)))] == [
        1,
        2,
        300,
    ]
