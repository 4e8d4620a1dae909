"""Bech32 (BIP 173) as age uses it: any length, all lower or all upper case.

https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki, https://c2sp.org/age
"""

from collections.abc import Iterable, Iterator

from ledger.errors import MalformedData

MAX_TEXT = 4096
"""Longest string read; the longest in use, an `age1tagpq` recipient, has about 2,010 characters."""

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES = {character: value for value, character in enumerate(_CHARSET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def format_bech32(prefix: str, data: bytes) -> str:
    """Return `data` under the human-readable `prefix`, whose case decides the case of the whole."""
    lower = prefix.lower()
    values = list(_regroup(data, 8, 5))
    if len(data) * 8 % 5:
        remainder = len(data) * 8 % 5
        values.append((data[-1] << (5 - remainder)) & 31)
    check = _polymod([*_expand(lower), *values, *[0] * _CHECKSUM]) ^ 1
    values += [(check >> 5 * (_CHECKSUM - 1 - i)) & 31 for i in range(_CHECKSUM)]
    text = lower + "1" + "".join(_CHARSET[value] for value in values)
    return text if prefix == lower else text.upper()


def parse_bech32(text: str) -> tuple[str, bytes]:
    """Return prefix (in the case found) and data. Raises MalformedData."""
    if len(text) > MAX_TEXT:
        raise MalformedData("the key is too long to be an age key")
    if text not in (text.lower(), text.upper()):
        raise MalformedData("the key mixes upper and lower case")
    prefix, separator, symbols = text.rpartition("1")
    if not separator or not prefix or len(symbols) < _CHECKSUM:
        raise MalformedData("the key is cut short")
    if any(not 33 <= ord(character) <= 126 for character in prefix):
        raise MalformedData("the key has a character that does not belong there")
    try:
        values = [_VALUES[character] for character in symbols.lower()]
    except KeyError as error:
        raise MalformedData("the key has a character that does not belong there") from error
    if _polymod([*_expand(prefix.lower()), *values]) != 1:
        raise MalformedData("the key has a typing error: its checksum does not match")
    values = values[:-_CHECKSUM]
    spare = len(values) * 5 % 8
    if spare >= 5 or (spare and values[-1] & ((1 << spare) - 1)):
        raise MalformedData("the key is not in its canonical form")
    return prefix, bytes(_regroup(values, 5, 8))


def _regroup(values: Iterable[int], width: int, to: int) -> Iterator[int]:
    """Yield the complete `to`-bit groups of a string of `width`-bit groups."""
    window = bits = 0
    for value in values:
        window = ((window << width) | value) & 0xFFFF
        bits += width
        while bits >= to:
            bits -= to
            yield (window >> bits) & ((1 << to) - 1)


def _expand(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                check ^= generator
    return check
