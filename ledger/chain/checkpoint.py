"""C2SP tlog-checkpoint: a tree's origin, size and root as the text of a signed note.

    notary.example/ledger/2026
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

Three lines exactly: nobody can audit extension lines, and ML-DSA-44 does not sign them. The notary
signs under the name = origin, with Ed25519 (type 0x01, over the text) and with ML-DSA-44 (type 0x06,
which carries the time).

Specification: https://c2sp.org/tlog-checkpoint (text of 2026-07-11)
"""

from dataclasses import dataclass

from ledger.chain.statement import MAX_ORIGIN, is_origin
from ledger.crypto.merkle import EMPTY_ROOT, HASH_SIZE, MAX_TREE_SIZE
from ledger.encoding import b64decode, b64encode, parse_decimal
from ledger.errors import MalformedData


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree: whose it is, how many entries it has, and its RFC 9162 root of 32 bytes."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's text, which is what the log and its witnesses sign."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root)}\n"


def require_origin(origin: str) -> str:
    """Return an origin of 1 to 255 printable ASCII characters without space or '+'.

    Raises:
        MalformedData: It is not one.
    """
    if not is_origin(origin):
        raise MalformedData(
            f"an origin has 1 to {MAX_ORIGIN} printable ASCII characters, no space and no '+'"
        )
    return origin


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint of a note's text. Raises MalformedData."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise MalformedData("a checkpoint has exactly three lines: origin, size and root")
    origin = require_origin(lines[0])
    size = parse_decimal(lines[1], MAX_TREE_SIZE)
    root = b64decode(lines[2])
    if len(root) != HASH_SIZE:
        raise MalformedData(f"a checkpoint's root has {HASH_SIZE} bytes")
    if size == 0 and root != EMPTY_ROOT:
        raise MalformedData("a checkpoint of no entries does not have the root of the empty tree")
    return Checkpoint(origin, size, root)


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Return the note's text, the inverse of `parse_checkpoint`."""
    return checkpoint.text
