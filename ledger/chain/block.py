"""Block records and the notary's other statements.

A block opens with the notary's `block` statement and closes with a checkpoint: a deposit is in the
block where start < index < size, the tree size at which the block closes. (Without `size`, a deposit
could be paired with an older block record under a later checkpoint, and so with an earlier time.)
`previous` is H of the signed note that closed the block before (text, empty line, both log lines), so
the chain lies inside the tree that it seals.
Height 0 is genesis: alone in its block, `previous` zeros, `platform` null. `platform` is the leaf hash
of the newest platform statement with an index below `start`, null where there is none.

Every statement of the notary carries a random 32-byte nonce: a leaf must hide its entry.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger.chain import statement as st
from ledger.chain.statement import Statement, sign_statement
from ledger.crypto.keys import Ed25519Signer
from ledger.errors import MalformedData

GENESIS_PREVIOUS = bytes(32)
MAX_TOKENS = 64

CLOCKS_APART = 600
"""Seconds by which the notary's clock and an authority's may differ before a block is back-dated."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block record. `start` is its own index; `time` never runs below that of the block before."""

    origin: str
    nonce: bytes
    height: int
    start: int
    size: int
    time: int
    previous: bytes
    tokens: tuple[bytes, ...]
    platform: bytes | None


def block_payload(block: Block) -> dict[str, Any]:
    """Return the payload map of a block statement."""
    return {
        "origin": block.origin,
        "nonce": block.nonce,
        "height": block.height,
        "start": block.start,
        "size": block.size,
        "time": block.time,
        "previous": block.previous,
        "tokens": list(block.tokens),
        "platform": block.platform,
    }


def parse_block(statement: Statement) -> Block:
    """Return the block record in a statement of that kind. Raises MalformedData."""
    value = statement.payload
    match value:
        case {
            "origin": origin,
            "nonce": nonce,
            "height": height,
            "start": start,
            "size": size,
            "time": time,
            "previous": previous,
            "tokens": list(tokens),
            "platform": platform,
        } if statement.kind == st.BLOCK and len(value) == 9:
            if (
                st.is_origin(origin)
                and st.is_bytes(nonce, st.NONCE_SIZE)
                and st.is_count(height)
                and st.is_count(start)
                and st.is_count(size)
                and size > start
                and st.is_time(time)
                and st.is_bytes(previous, st.HASH_SIZE)
                and len(tokens) <= MAX_TOKENS
                and all(st.is_bytes(token, st.HASH_SIZE) for token in tokens)
                and (platform is None or st.is_bytes(platform, st.HASH_SIZE))
                and (height > 0 or (start == 0 and previous == GENESIS_PREVIOUS))
            ):
                return Block(
                    origin, nonce, height, start, size, time, previous, tuple(tokens), platform
                )
    raise MalformedData("not a block record")


def note_digest(signed_note: str) -> bytes:
    """Return H(signed note) with its log lines: what the next block names as `previous`."""
    return sha256(signed_note.encode()).digest()


def notary_statement(
    kind: str, payload: dict[str, Any], *, origin: str, key: Ed25519Signer, issued_at: int
) -> bytes:
    """Return a statement signed by the notary's Ed25519 log key; `payload` carries origin and nonce."""
    return sign_statement(
        kind,
        payload,
        issuer=origin,
        subject=kind,
        issued_at=issued_at,
        key_id=key.thumbprint,
        sign=key.sign,
    )
