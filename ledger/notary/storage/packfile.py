"""A pack: small age files in one file, one after the other, behind a table that says what they are.

    "sealbook.pack/1\\n" || u64(bytes of the table) || table || SHA-256 of the table || parts

docs/formats.md has the table's CDDL. A part is what a loose file would hold: a payload, or a header and
the line with its digest; so each is checked by itself. A pack never changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ledger.chain.statement import is_account
from ledger.crypto.merkle import HASH_SIZE
from ledger.encoding import cbor_decode, cbor_encode, u64
from ledger.errors import MalformedData

MAGIC = b"sealbook.pack/1\n"
MAX_PACK = 8 << 20
"""Bytes: what is put at once, and written again when one age file of it is erased."""
MAX_PARTS = 1 << 14
HEAD = len(MAGIC) + 8
"""Bytes that say how long the table is."""
PAYLOAD = 0
"""The version of a part that is a payload; headers count from 1, the newest is the highest."""
BEFORE = HEAD + 9 + HASH_SIZE
"""Bytes of a pack besides its parts, at most."""
_BESIDE = 80
"""Bytes that a part takes in the table, at most."""
_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Part:
    """A file on its way into a pack."""

    account: str
    root: bytes
    version: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Packed:
    """Where a part lies in a pack: `size` bytes from byte `at` on."""

    account: str
    root: bytes
    version: int
    at: int
    size: int


def packed_size(part: Part) -> int:
    """Return the bytes that a part takes in a pack, at most."""
    return len(part.data) + _BESIDE


def format_pack(parts: Sequence[Part]) -> tuple[bytes, tuple[Packed, ...]]:
    """Return a pack, and where its parts lie."""
    table = cbor_encode(
        [[bytes.fromhex(each.account), each.root, each.version, len(each.data)] for each in parts]
    )
    front = MAGIC + u64(len(table)) + table + sha256(table).digest()
    return front + b"".join(each.data for each in parts), _places(front, parts)


def parse_pack(data: bytes) -> tuple[Packed, ...]:
    """Return where the parts of a pack lie. Raises MalformedData for what is none, or was altered."""
    return parse_front(data[: front_size(data[:HEAD])], len(data))


def front_size(head: bytes) -> int:
    """Return the bytes that stand before the first part, from the `HEAD` first ones."""
    if len(head) != HEAD or not head.startswith(MAGIC):
        raise MalformedData("this is no pack of age files")
    return HEAD + int.from_bytes(head[len(MAGIC) :], "big") + HASH_SIZE


def parse_front(front: bytes, size: int) -> tuple[Packed, ...]:
    """Return where the parts of a pack of `size` bytes lie, from what stands before them.

    Raises MalformedData.
    """
    table, digest = front[HEAD:-HASH_SIZE], front[-HASH_SIZE:]
    if sha256(table).digest() != digest:
        raise MalformedData("the table of a pack of age files was altered")
    rows = cbor_decode(table, (_FIELDS + 1) * MAX_PARTS + 1)
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise MalformedData("the table of a pack of age files is not as specified")
    found, at = [], len(front)
    for account, root, version, length in rows:
        found.append(Packed(account.hex(), root, version, at, length))
        at += length
    if at != size:
        raise MalformedData("a pack of age files has not the size that its table says")
    return tuple(found)


def _places(front: bytes, parts: Sequence[Part]) -> tuple[Packed, ...]:
    found, at = [], len(front)
    for each in parts:
        found.append(Packed(each.account, each.root, each.version, at, len(each.data)))
        at += len(each.data)
    return tuple(found)


def _is_row(row: object) -> bool:
    match row:
        case [bytes(account), bytes(root), int(version), int(size)]:
            return (
                is_account(account.hex()) and len(root) == HASH_SIZE and version >= 0 and size >= 0
            )
    return False
