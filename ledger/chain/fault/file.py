"""The file: its structures, unverified (formats.md, section 18)."""

from dataclasses import dataclass
from typing import Any

from ledger.chain import statement as st
from ledger.chain.note import (
    MAX_NOTE_SIZE,
)
from ledger.chain.receipt import TokenEntry, parse_token_entries
from ledger.chain.timestamp.token import MAX_TOKEN
from ledger.crypto.keys import ED25519_PUBLIC_SIZE
from ledger.crypto.merkle import (
    MAX_PROOF_LENGTH,
)
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData

FORMAT = "sealbook-fault-v1"
MAX_FAULT = 2 * (MAX_NOTE_SIZE + st.MAX_ENTRY) + MAX_TOKEN + (1 << 16)
"""Bytes: two notes, two entries, a token, and their proofs."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Two signed notes, the smaller tree first; `path` is `consistency_path`, empty for equal sizes."""

    older: str
    newer: str
    path: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf hash at an index under a signed note, with its inclusion proof."""

    note: str
    index: int
    leaf: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Leaves:
    """Two different leaves of one index."""

    first: Leaf
    second: Leaf


@dataclass(frozen=True, slots=True)
class Rewind:
    """Two signed notes: the first over the larger tree, the second of a later time."""

    larger: str
    later: str


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry at an index under a signed note, with its inclusion proof."""

    note: str
    index: int
    entry: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Two entries, the one with the lower index first."""

    first: Placed
    second: Placed


@dataclass(frozen=True, slots=True)
class Link:
    """A block record, and the signed note that closed the block before it."""

    note: str
    record: Placed


@dataclass(frozen=True, slots=True)
class OutOfTime:
    """A block record, and a token: one that it names, or one over the first lines of `record.note`."""

    record: Placed
    token: TokenEntry


@dataclass(frozen=True, slots=True)
class Forged:
    """An entry; `key` is the Ed25519 key that a deposit names by its thumbprint, otherwise None."""

    entry: Placed
    key: bytes | None = None


Fault = Fork | Leaves | Rewind | Gap | Link | OutOfTime | Forged


def format_fault(fault: Fault) -> bytes:
    """Return the file."""
    fields: dict[str, Any]
    match fault:
        case Fork(older, newer, path):
            fields = {"kind": "fork", "notes": [older, newer], "path": list(path)}
        case Leaves(first, second):
            fields = {"kind": "leaves", "leaves": [_leaf_map(first), _leaf_map(second)]}
        case Rewind(larger, later):
            fields = {"kind": "rewind", "notes": [larger, later]}
        case Gap(first, second):
            fields = {"kind": "gap", "entries": [_placed_map(first), _placed_map(second)]}
        case Link(note, record):
            fields = {"kind": "link", "note": note, "record": _placed_map(record)}
        case OutOfTime(record, token):
            fields = {
                "kind": "time",
                "record": _placed_map(record),
                "token": [token.lines, token.der],
            }
        case Forged(entry, key):
            fields = {"kind": "forged", "entry": _placed_map(entry), "key": key}
    return cbor_encode({"format": FORMAT, **fields})


def parse_fault(data: bytes) -> Fault:
    """Return the fault in a file, nothing of it verified. Raises MalformedData."""
    if len(data) > MAX_FAULT:
        raise MalformedData(f"a fault file is over its limit of {MAX_FAULT} bytes")
    value = cbor_decode(data)
    match value:
        case {"kind": "fork", "notes": [str(older), str(newer)], "path": path}:
            fault: Fault = Fork(older, newer, _hashes(path))
        case {"kind": "leaves", "leaves": [first, second]}:
            fault = Leaves(_parse_leaf(first), _parse_leaf(second))
        case {"kind": "rewind", "notes": [str(larger), str(later)]}:
            fault = Rewind(larger, later)
        case {"kind": "gap", "entries": [first, second]}:
            fault = Gap(_parse_placed(first), _parse_placed(second))
        case {"kind": "link", "note": str(note), "record": record}:
            fault = Link(note, _parse_placed(record))
        case {"kind": "time", "record": record, "token": token}:
            fault = OutOfTime(_parse_placed(record), parse_token_entries([token])[0])
        case {"kind": "forged", "entry": entry, "key": bytes() | None as key}:
            if key is not None and len(key) != ED25519_PUBLIC_SIZE:
                raise MalformedData("a fault file's key has the wrong length")
            fault = Forged(_parse_placed(entry), key)
        case _:
            raise MalformedData("not a fault file")
    if format_fault(fault) != data:
        raise MalformedData("not a fault file: its fields are not as specified")
    return fault


def _leaf_map(leaf: Leaf) -> dict[str, Any]:
    return {"note": leaf.note, "index": leaf.index, "leaf": leaf.leaf, "proof": list(leaf.proof)}


def _placed_map(placed: Placed) -> dict[str, Any]:
    return {
        "note": placed.note,
        "index": placed.index,
        "entry": placed.entry,
        "proof": list(placed.proof),
    }


def _parse_leaf(value: Any) -> Leaf:
    match value:
        case {"note": str(note), "index": index, "leaf": leaf, "proof": proof}:
            if st.is_count(index) and st.is_bytes(leaf, st.HASH_SIZE):
                return Leaf(note, index, leaf, _hashes(proof))
    raise MalformedData("a fault file's leaf is not as specified")


def _parse_placed(value: Any) -> Placed:
    match value:
        case {"note": str(note), "index": index, "entry": bytes(entry), "proof": proof}:
            if st.is_count(index):
                return Placed(note, index, entry, _hashes(proof))
    raise MalformedData("a fault file's entry is not as specified")


def _hashes(value: Any) -> tuple[bytes, ...]:
    if (
        not isinstance(value, list)
        or len(value) > MAX_PROOF_LENGTH + 1
        or not all(st.is_bytes(each, st.HASH_SIZE) for each in value)
    ):
        raise MalformedData("a fault file's proof is not a list of hashes")
    return tuple(value)
