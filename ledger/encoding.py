"""Strict encodings: base64, decimals, big-endian integers, deterministic CBOR; and TOML, bounded.

Everything read here has exactly one accepted form. CBOR is RFC 8949 section 4.2.1 (core deterministic
encoding, map keys sorted by their encoded bytes) over integers, byte and text strings, arrays, maps,
booleans and null; a decoded value is accepted only if it re-encodes to the same bytes. TOML, which
people write, has no such form; what it may cost is bounded before it is parsed.
"""

import base64
import binascii
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NoReturn

import cbor2

from ledger.errors import MalformedData

MAX_DEPTH = 16
"""Nesting of CBOR values. Our deepest structure has 7 levels."""

MAX_ITEMS = 8_192
"""Items of a CBOR value unless the caller knows better; a full request of age files has 4,609."""

MAX_INTEGER = 2**63 - 1
"""Largest integer in any format of ours: what every database and language holds exactly."""

MAX_TOML = 1 << 20
"""Bytes of a TOML file unless the caller knows better."""

MAX_TOML_KEYS = 4_096
"""Keys, tables and arrays of a TOML file unless the caller knows better; each takes some kilobytes."""

MAX_KEY_PARTS = 8
"""Of a dotted key, whose cost is their square: 32 KB of dots took 4.5 s and 1 GB."""


class _NoTags(Mapping[int, Any]):
    """Refuses every tag before the library acts on it.

    Its own decoders are an attack: shared references (tag 29) make 200 bytes a value of 10^15 items,
    and a bigfloat of 1 MiB takes minutes.
    """

    def __getitem__(self, tag: int) -> Any:
        return self._refuse

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[int]:
        return iter((0,))

    def _refuse(self, *_: Any) -> NoReturn:
        raise MalformedData("CBOR holds a tag where none belongs")


_NO_TAGS = _NoTags()


def b64encode(data: bytes) -> str:
    """Return standard base64 with padding (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def b64decode(text: str) -> bytes:
    """Return the bytes of canonical padded base64. Raises MalformedData."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise MalformedData("not base64") from error
    if b64encode(data) != text:
        raise MalformedData("base64 is not in its canonical form")
    return data


def parse_decimal(text: str, limit: int = MAX_INTEGER) -> int:
    """Return a non-negative decimal without sign or leading zeros, at most `limit`."""
    if (
        not (text.isascii() and text.isdigit())
        or len(text) > 20
        or (text[0] == "0" and text != "0")
    ):
        raise MalformedData("not a canonical decimal number")
    value = int(text)
    if value > limit:
        raise MalformedData("decimal number is out of range")
    return value


def u64(value: int) -> bytes:
    """Return `value` as eight bytes, big-endian."""
    return value.to_bytes(8, "big")


def parse_hex(text: str, length: int) -> bytes:
    """Return exactly `length` bytes from lower-case hexadecimal. Raises MalformedData."""
    if len(text) != 2 * length or set(text) - set("0123456789abcdef"):
        raise MalformedData(f"not {length} bytes in lower-case hexadecimal")
    return bytes.fromhex(text)


def cbor_encode(value: Any) -> bytes:
    """Return deterministic CBOR. A value outside the permitted types is a bug: TypeError."""
    return cbor2.dumps(_ordered(value, MAX_DEPTH, TypeError))


def cbor_encode_ordered(value: Any) -> bytes:
    """Return the same of a value of permitted types whose maps are in order; neither is checked.

    For what a deposit has by the hundred thousand.
    """
    return cbor2.dumps(value)


def cbor_decode(data: bytes, max_items: int = MAX_ITEMS) -> Any:
    """Return the value of deterministic CBOR: int, bytes, str, list, dict, bool or None.

    Raises MalformedData for anything else, trailing bytes, every non-canonical form, and more than
    `max_items` items.
    """
    if len(data) > max_items:
        _require_few_items(data, max_items)
    try:
        value = cbor2.loads(
            data,
            semantic_decoders=_NO_TAGS,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            max_depth=64,
        )
        _require_ours(value, MAX_DEPTH)
        canonical = cbor2.dumps(value)
    except MalformedData:
        raise
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise MalformedData("not valid CBOR") from error
    if canonical != data:
        raise MalformedData("CBOR is not in its deterministic form")
    return value


def parse_toml(
    data: bytes, *, max_size: int = MAX_TOML, max_keys: int = MAX_TOML_KEYS
) -> dict[str, Any]:
    """Return the content of a TOML file, at a cost linear in its size. Raises MalformedData."""
    if len(data) > max_size:
        raise MalformedData(f"TOML is over its limit of {max_size} bytes")
    try:
        text = data.decode()
        bare = _TOML_TEXT.sub("", text)
        if bare.count("=") + bare.count("[") > max_keys:
            raise MalformedData(f"TOML has more than {max_keys} keys, tables and arrays")
        if _LONG_KEY.search(bare):
            raise MalformedData(f"TOML has a key of more than {MAX_KEY_PARTS} parts")
        return tomllib.loads(text)
    except MalformedData:
        raise
    except (ValueError, RecursionError) as error:
        # The parser's own words quote the file.
        place = _TOML_PLACE.search(str(error))
        raise MalformedData(f"not TOML {place[0]}" if place else "not TOML") from error


def _require_few_items(data: bytes, limit: int) -> None:
    """Raise MalformedData for more items than `limit`, before any of them becomes an object.

    A decoded item takes a hundred times its encoded byte: a small file must not fill the memory.
    """
    at = count = 0
    end = len(data)
    while at < end:
        count += 1
        if count > limit:
            raise MalformedData(f"CBOR has more than {limit} items")
        head = data[at]
        at += 1
        argument = head & 0x1F
        if argument >= 24:
            if argument > 27:
                raise MalformedData("not valid CBOR")
            size = 1 << (argument - 24)
            argument = int.from_bytes(data[at : at + size], "big")
            at += size
        if head >> 5 in _STRINGS:
            at += argument


def _require_ours(value: Any, depth: int) -> None:
    """Raise MalformedData for a type that has no place in our CBOR, or keys out of their order."""
    if depth == 0:
        raise MalformedData("CBOR is nested too deeply")
    kind = type(value)
    if kind in _SCALARS:
        return
    if kind is int:
        if not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
            raise MalformedData("integer is out of range")
    elif kind is list:
        if depth == 1 and value:
            raise MalformedData("CBOR is nested too deeply")
        for item in value:
            if (
                type(item) not in _SCALARS
            ):  # most are, and a call for each takes as long as decoding
                _require_ours(item, depth - 1)
    elif kind is dict:
        last = b""
        for key, item in value.items():
            kind_of_key = type(key)
            if kind_of_key not in _KEYS:
                raise MalformedData("map key is neither integer nor string")
            short = kind_of_key is int or len(key) <= _SHORT_KEY
            encoded = _encoded_key(key) if short else cbor2.dumps(key)
            if encoded <= last:
                raise MalformedData("CBOR is not in its deterministic form")
            last = encoded
            if depth == 1 or type(item) not in _SCALARS:
                _require_ours(item, depth - 1)
    else:
        raise MalformedData(f"type {kind.__name__} has no place in our CBOR")


_TOML_TEXT = re.compile(
    r'"""(?:[^"\\]|\\.|""?(?!"))*+(?:"{3,5})?'
    r"|'''(?:[^']|''?(?!'))*+(?:'{3,5})?"
    r'|"(?:[^"\\\n]|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+",
    re.DOTALL,
)
"""Strings, also those that never end, and comments: where a dot or a bracket means nothing."""
_LONG_KEY = re.compile(rf"(?:\.[^.=,\[\]{{}}\n]*+){{{MAX_KEY_PARTS}}}")
_TOML_PLACE = re.compile(r"\(at [a-z0-9, ]+\)\Z")

_STRINGS = (2, 3)
_SCALARS = frozenset({bytes, str, bool, type(None)})
_KEYS = frozenset({bytes, str, int})
_SHORT_KEY = 64
"""Longest key that is cached: strangers' keys must not fill the memory."""


@lru_cache(maxsize=1024)
def _encoded_key(key: int | str | bytes) -> bytes:
    return cbor2.dumps(key)


def _ordered(value: Any, depth: int, error: Callable[[str], Exception]) -> Any:
    if depth == 0:
        raise error("CBOR is nested too deeply")
    if type(value) in _SCALARS or isinstance(value, bytes | str):
        return value
    if isinstance(value, int):
        if not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
            raise error("integer is out of range")
        return value
    if isinstance(value, list | tuple):
        return [_ordered(item, depth - 1, error) for item in value]
    if isinstance(value, dict):
        if any(isinstance(key, bool) or not isinstance(key, int | str | bytes) for key in value):
            raise error("map key is neither integer nor string")
        short = all(type(key) is str and len(key) <= _SHORT_KEY for key in value)
        keys = sorted(value, key=_encoded_key if short else cbor2.dumps)
        return {key: _ordered(value[key], depth - 1, error) for key in keys}
    raise error(f"type {type(value).__name__} has no place in our CBOR")
