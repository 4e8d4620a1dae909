"""Hash trees over many documents, and the branch that leads from one of them to the root.

Specification: RFC 4998 section 4. A list of one hash stands for that hash: so the records do that
authorities and archives have made, and so two documents' branches never look like one group.
"""

import hashlib
from collections.abc import Iterator, Sequence

from ledger.crypto import der
from ledger.errors import VerificationFailed
from ledger.quoted import Message

MAX_LEAVES = 1_000_000
"""Documents under one token."""


class Tree:
    """A binary tree over leaves, under one hash function.

    Each leaf is joined with a blind, a hash of `seed` and itself, before it meets its neighbour: a
    branch goes to whoever reads one record and must not tell which documents its neighbours are.

    Args:
        algorithm: The hash function's name.
        leaves: Hashes of that length; equal ones are one leaf.
        seed: 32 random bytes, which nobody keeps.
    """

    def __init__(self, algorithm: str, leaves: Sequence[bytes], seed: bytes) -> None:
        self._new = getattr(hashlib, algorithm)
        self._leaves = sorted(set(leaves))
        self._seed = seed
        alone = len(self._leaves) == 1
        level = (
            self._leaves
            if alone
            else [self._join(leaf, self._blind(leaf)) for leaf in self._leaves]
        )
        self._levels = [level]
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            level = [self._join(*pair) for pair in pairs] + level[len(level) & ~1 :]
            self._levels.append(level)
        self.root: bytes = level[0]

    def branches(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield each leaf with its branch: the content of a reduced hash tree, none for one leaf."""
        if len(self._leaves) == 1:
            yield self._leaves[0], b""
            return
        todo = [(len(self._levels) - 1, 0, b"")]
        while todo:
            height, index, above = todo.pop()
            if not height:
                leaf = self._leaves[index]
                yield leaf, _list(leaf) + _list(self._blind(leaf)) + above
                continue
            below = self._levels[height - 1]
            left, right = 2 * index, 2 * index + 1
            if right == len(below):
                todo.append((height - 1, left, above))
                continue
            todo.append((height - 1, right, _list(below[left]) + above))
            todo.append((height - 1, left, _list(below[right]) + above))

    def _join(self, one: bytes, other: bytes) -> bytes:
        joined = one + other if one < other else other + one
        digest: bytes = self._new(joined).digest()
        return digest

    def _blind(self, leaf: bytes) -> bytes:
        digest: bytes = self._new(self._seed + leaf).digest()
        return digest


def root_of(algorithm: str, lists: Sequence[Sequence[bytes]], leaves: Sequence[bytes]) -> bytes:
    """Return the root to which a branch leads from all of `leaves`, the hashes of a document or group.

    Raises VerificationFailed where it does not begin with them (RFC 4998 section 4.3).
    """
    new = getattr(hashlib, algorithm)
    size = new().digest_size
    if any(len(value) != size for values in lists for value in values):
        raise VerificationFailed("a hash tree of an evidence record holds what is no such hash")
    first, *rest = lists or (leaves,)
    if not set(leaves) <= set(first) or (not lists and len(leaves) != 1):
        raise VerificationFailed(NOT_COVERED)
    node: bytes = first[0] if len(first) == 1 else new(b"".join(sorted(first))).digest()
    for values in rest:
        node = new(b"".join(sorted((node, *values)))).digest()
    return node


NOT_COVERED: Message = (
    "an evidence record does not cover this file: it is of another one, or was changed"
)


def _list(value: bytes) -> bytes:
    return der.sequence(der.encode(der.OCTET_STRING, value))
