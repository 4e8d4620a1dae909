"""Bytes and CBOR values with something changed, by likely and by odd things."""

import random
from collections.abc import Iterator
from typing import Any

ODD_NAMES = (
    "nul.txt", "CON", "a/b/c.txt", "𠮷.pdf", "é/é.txt", "x" * 300 + ".pdf", "名" * 90 + ".txt", "a.",
    "b ", "..c", "a:b|c?.txt", "com¹", "prn .x", "\u200bx", "\u212a.txt", "a\\b", "😀" * 60, ".hidden",
    "x." + "y" * 40, "\ufeffx", "\U000e0041", "İ.txt", "aux\u2028", "lpt1", "conin$.a", "ſ", "a/../b",
    "./a", "/a", "a//b", "", "\x7f", "a\n",
)  # fmt: skip
ODD_INTEGERS = (
    0, 1, 2, 7, 8, 9, 63, 64, 65, 16_384, 100_000, 2**31, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 2**62,
    2**63 - 1,
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, b"", "", [], {}, -1, -(2**63), b"\0" * 32, [0, 0], "title", [None],
)  # fmt: skip
ODD_CUTS = (b"", b"\0\1", b"\0\0", b"\x40\0", b"\x40\1", b"\0\1" * 3, b"\0")


def changed_bytes(rng: random.Random, data: bytes) -> bytes:
    """Up to eight bytes overwritten, put in or taken out, or an end cut off or put on."""
    at = rng.randrange(len(data) + 1)
    some = rng.randbytes(rng.randint(1, 8))
    match rng.randrange(6):
        case 0:
            return data[:at]
        case 1:
            return data + some
        case 2:
            return data[:at] + some + data[at:]
        case 3:
            return data[:at] + data[at + len(some) :]
        case 4 if at < len(data):
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    return data[:at] + some + data[at + len(some) :]


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """Every place in a CBOR value, as the keys that lead to it."""
    yield ()
    if isinstance(value, dict | list):
        for key, each in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield from ((key, *rest) for rest in places(each))


def changed_value(rng: random.Random, value: Any) -> Any:
    """A CBOR value with one item, anywhere in it, taken out, doubled, moved or replaced."""
    place = rng.choice(list(places(value)))
    return _changed_at(rng, value, place)


def _changed_at(rng: random.Random, value: Any, place: tuple[Any, ...]) -> Any:
    if not place:
        return _other(rng, value)
    key, *rest = place
    copy = value.copy()
    if not rest and rng.random() < 0.15:
        match rng.randrange(3):
            case 0:
                del copy[key]
            case 1 if isinstance(copy, list):
                copy.insert(key, copy[key])
            case _ if isinstance(copy, list):
                other = rng.randrange(len(copy))
                copy[key], copy[other] = copy[other], copy[key]
        return copy
    copy[key] = _changed_at(rng, value[key], tuple(rest))
    return copy


def _other(rng: random.Random, value: Any) -> Any:
    """Something that could stand in the place of a value."""
    if rng.random() < 0.1:
        return rng.choice(ODD_VALUES)
    match value:
        case bool() | None:
            return rng.choice(ODD_VALUES)
        case int():
            return rng.choice(
                [value + 1, max(0, value - 1), 2 * value, value + 8, rng.choice(ODD_INTEGERS)]
            )
        case str():
            long = rng.choice("x名") * rng.choice((160, 161, 480, 481, 1024, 1366, 4096, 4097))
            return rng.choice(
                [value + "x", value[1:], value.upper(), long, *rng.sample(ODD_NAMES, 4)]
            )
        case bytes():
            return rng.choice(
                [
                    changed_bytes(rng, value),
                    value[32:],
                    value[:-32],
                    value + bytes(32),
                    bytes(len(value)),
                    rng.choice(ODD_CUTS),
                ]
            )
        case list():
            return rng.choice(
                [[*value, rng.choice(ODD_VALUES)], value[:-1], value[::-1], [*value, *value[-1:]]]
            )
        case dict():
            return value | {rng.choice(("a", "cover", 0, "padded")): rng.choice(ODD_VALUES)}
    return value
