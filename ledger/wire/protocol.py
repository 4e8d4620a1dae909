"""What both ends of the HTTP interface agree on: media types and limits."""

from dataclasses import dataclass

from ledger.chain.statement import Payload

CBOR = "application/cbor"
COSE = "application/cose"
OCTETS = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"

FOR_EVER = "public, max-age=31536000, immutable"
NEVER = "no-cache"
NEVER_SHARED = "private, no-store"
"""Cache-Control of what anybody may read and never changes, of the checkpoint, and of all else."""

PROBLEM = "application/problem+json"
CODE_HEADER = "sealbook-problem"
"""Repeats a problem's `code`, for answers that have no body."""

MAX_BATCH = 100
"""Statements in one request: what a block takes without making others wait."""
MAX_BATCH_BYTES = 2 << 20
"""Bytes of the statements in one request; most have 600."""
MAX_ENVELOPES = 512
"""Age files in one batch."""
MAX_ENVELOPES_BYTES = 8 << 20
"""Bytes of one batch of age files: it is held in memory."""
UPLOAD_PIECE = 64 << 20
"""Bytes of a payload in one request: what is sent again at most when a connection breaks unnoticed."""
MAX_CHECKED = 8 << 20
"""Bytes of a receipt or evidence file that the service checks; more is for the command line."""
DEPOSITS_PAGE = 256
"""Deposits in one answer."""


@dataclass(frozen=True, slots=True)
class Upload:
    """How far a payload has come. `offset` bytes are here; `complete` means checked and durable."""

    size: int
    offset: int
    complete: bool


@dataclass(frozen=True, slots=True)
class SmallEnvelope:
    """A whole age file in memory, as a batch carries it."""

    payload: Payload
    header: bytes
    data: bytes
