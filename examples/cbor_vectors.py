"""CBOR at the edges of what the formats take: each value's bytes, its items, and whether it is read."""

import json

from ledger.encoding import MAX_ITEMS


def cbor_cases() -> bytes:
    """Return the cases as JSON; `items` is how section 1 of formats.md counts them."""
    cases: list[dict[str, object]] = []

    def add(what: str, data: str, items: int, read: bool) -> None:
        cases.append({"what": what, "cbor": data, "items": items, "read": read})

    add("an empty map", "a0", 1, True)
    add("a map of one pair", "a10102", 3, True)
    add("a byte string is one item, whatever it holds", "43820102", 1, True)
    add("an array of an array", "8181f6", 3, True)
    add("keys in the order of their bytes: 10, then -1, then a", "a30af620f66161f6", 7, True)
    add("keys shortest first, as RFC 7049 had them", "a320f60af66161f6", 7, False)
    add("a key of bytes", "a14101f6", 3, True)
    add("a key that is an array", "a18001", 3, False)
    add("a key that is a boolean", "a1f501", 3, False)
    add("a key twice", "a2010201f6", 5, False)
    add("a number in a long head", "1817", 1, False)
    add("a length in a long head", "580101", 1, False)
    add("the largest integer", "1b7fffffffffffffff", 1, True)
    add("one more", "1b8000000000000000", 1, False)
    add("the smallest integer", "3b7fffffffffffffff", 1, True)
    add("one less", "3b8000000000000000", 1, False)
    add("a float", "f93c00", 1, False)
    add("undefined", "f7", 1, False)
    add("another simple value", "e0", 1, False)
    add("an indefinite length", "9fff", 1, False)
    add("a tag", "c000", 2, False)
    add("text that is not UTF-8", "61ff", 1, False)
    add("text with half a surrogate pair", "63eda080", 1, False)
    add("a byte too many", "f6f6", 2, False)
    add("a byte too few", "41", 1, False)
    for innermost, name in (("01", "a number"), ("60", "a text"), ("f6", "null")):
        add(f"{name} at level 16", "81" * 15 + innermost, 16, True)
        add(f"{name} at level 17", "81" * 16 + innermost, 17, False)
    add("an empty array at level 16", "81" * 15 + "80", 16, True)
    most = MAX_ITEMS - 1
    add(f"{MAX_ITEMS} items", f"99{most:04x}" + "f6" * most, MAX_ITEMS, True)
    add(f"{MAX_ITEMS + 1} items", f"99{most + 1:04x}" + "f6" * (most + 1), MAX_ITEMS + 1, False)
    return json.dumps(cases, indent=1).encode() + b"\n"
