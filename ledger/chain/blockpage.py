"""Blocks by the page, `blocks/<page>`: what an auditor reads, many records and notes at once.

    page = [1*64 [statement: bstr, note: tstr]]       heights from 64 * page on

Full pages never change; the last one grows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.chain.note import MAX_NOTE_SIZE
from ledger.chain.statement import MAX_ENTRY
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData

BLOCKS_PAGE = 64
MAX_PAGE = BLOCKS_PAGE * (MAX_NOTE_SIZE + MAX_ENTRY)
"""Bytes; 64 blocks without cosignatures take 270 kB."""


@dataclass(frozen=True, slots=True)
class SignedBlock:
    """A block: the statement that opens it, the signed note that closes it; unverified."""

    statement: bytes
    note: str


def page_path(page: int) -> str:
    """Return the path of a page below the log's prefix."""
    return f"blocks/{page}"


def format_page(blocks: Sequence[SignedBlock]) -> bytes:
    """Return the bytes of a page."""
    return cbor_encode([[each.statement, each.note] for each in blocks])


def parse_page(data: bytes) -> tuple[SignedBlock, ...]:
    """Return the 1 to 64 blocks of a page. Raises MalformedData."""
    value = cbor_decode(data)
    if not isinstance(value, list) or not 1 <= len(value) <= BLOCKS_PAGE:
        raise MalformedData(f"a page holds 1 to {BLOCKS_PAGE} blocks")
    return tuple(_parse_block(each) for each in value)


def _parse_block(value: object) -> SignedBlock:
    match value:
        case [bytes(statement), str(note)]:
            return SignedBlock(statement, note)
    raise MalformedData("a block in a page is not a statement and its note")
