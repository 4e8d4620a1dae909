"""Anchors by the page, `anchors/<page>`: checkpoints with what others have said of them since.

    page = [1*64 [height: uint, note: tstr, tokens: [* [lines: uint, token: bstr]]]]

The heights are those of page `blocks/<page>`, in order; a block that is no anchor is left out. Lines
and tokens that come late are added, so that a page may always grow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain import statement as st
from ledger.chain.blockpage import BLOCKS_PAGE
from ledger.chain.receipt import TokenEntry, parse_token_entries
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData

MAX_ANCHORS_PAGE = 1 << 24
"""Bytes; 64 anchors with five cosignatures and two tokens take 2 MB."""


@dataclass(frozen=True, slots=True)
class StampedNote:
    """The signed note that closes the block of a height, and tokens over it; unverified."""

    height: int
    note: str
    tokens: tuple[TokenEntry, ...] = ()


def anchors_path(page: int) -> str:
    """Return the path of a page below the log's prefix."""
    return f"anchors/{page}"


def format_anchors(anchors: Sequence[StampedNote]) -> bytes:
    """Return the bytes of a page."""
    return cbor_encode(
        [
            [each.height, each.note, [[token.lines, token.der] for token in each.tokens]]
            for each in anchors
        ]
    )


def parse_anchors(data: bytes, page: int) -> tuple[StampedNote, ...]:
    """Return the anchors of a page. Raises MalformedData."""
    value = cbor_decode(data)
    if len(data) > MAX_ANCHORS_PAGE or not isinstance(value, list) or not value:
        raise MalformedData("not a page of anchors")
    found = tuple(_parse_anchor(each) for each in value)
    heights = [each.height for each in found]
    first = page * BLOCKS_PAGE
    if (
        heights != sorted(set(heights))
        or not first <= heights[0] <= heights[-1] < first + BLOCKS_PAGE
    ):
        raise MalformedData("the anchors of a page do not stand at its heights, in order")
    return found


def _parse_anchor(value: Any) -> StampedNote:
    match value:
        case [height, str(note), list(tokens)] if st.is_count(height):
            return StampedNote(height, note, parse_token_entries(tokens))
    raise MalformedData("an anchor in a page is not a height, a note and its tokens")
