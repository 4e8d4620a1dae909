"""Input that is almost right, for parsers: bytes and CBOR values with one thing changed."""

from typing import Any

from hypothesis import strategies as some

INTEGERS = some.sampled_from([-1, 0, 1, 2, 255, 2**63 - 1, -(2**63)]) | some.integers(-300, 300)
ATOMS = (
    some.none()
    | some.booleans()
    | INTEGERS
    | some.binary(max_size=40)
    | some.sampled_from([16, 32, 64]).map(bytes)
    | some.text(max_size=40)
)
ANYTHING = some.recursive(
    ATOMS,
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(INTEGERS | some.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@some.composite
def changed_bytes(draw: some.DrawFn, data: bytes) -> bytes:
    """`data` with up to six bytes overwritten, taken out or put in; always another string."""
    place = draw(some.integers(0, len(data) - 1))
    kind = draw(some.sampled_from(["overwrite", "insert", "delete", "truncate"]))
    if kind == "truncate":
        return data[:place]
    if kind == "delete":
        return data[:place] + data[place + draw(some.integers(1, 6)) :]
    patch = draw(some.binary(min_size=1, max_size=6))
    skip = len(patch) if kind == "overwrite" else 0
    changed = data[:place] + patch + data[place + skip :]
    return changed if changed != data else data + b"\0"


@some.composite
def changed_value(draw: some.DrawFn, value: Any) -> Any:
    """`value` with one node, somewhere inside, replaced, taken out, or put in."""
    if isinstance(value, dict | list) and value and draw(some.integers(0, 3)):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = draw(some.sampled_from(keys))
        copy = value.copy()
        copy[key] = draw(changed_value(value[key]))
        return copy
    if isinstance(value, dict):
        more = {draw(INTEGERS | some.text(max_size=8)): draw(ATOMS)}
        fewer = dict(list(value.items())[:-1])
        return draw(some.sampled_from([{**value, **more}, fewer]) | ANYTHING)
    if isinstance(value, list):
        return draw(some.sampled_from([[*value, draw(ATOMS)], value[:-1]]) | ANYTHING)
    return draw(ANYTHING)
