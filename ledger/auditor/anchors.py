"""What others have said of a ledger's checkpoints: witnesses by cosignatures, authorities by tokens.

A cosignature or token that does not count is no fault of the log, and stops no audit: it is counted,
with the reason. What is a fault is a block whose stated time its tokens rule out.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.chain.anchorpage import StampedNote
from ledger.chain.block import CLOCKS_APART, Block
from ledger.chain.policy import verify_signatures
from ledger.chain.timestamp.token import note_imprint
from ledger.chain.timestamp.verifying import VerifiedToken, verify_token
from ledger.chain.trust import Trust
from ledger.errors import SealbookError, VerificationFailed

MAX_TOKENS_KEPT = 4096
"""Tokens that block records still may name; the oldest are forgotten."""
MAX_REASONS = 16


@dataclass(frozen=True, slots=True)
class Anchored:
    """What the anchors that were read show.

    `witnesses` by name, with the largest size that each has cosigned. `tokens` is how many tokens hold,
    `stamped` the size and latest time of the newest of them; `left_out` how many tokens or notes count
    for nothing, by reason. `unknown` is how many tokens block records name that were not shown.
    """

    witnesses: dict[str, int]
    tokens: int
    stamped: tuple[int, int] | None
    left_out: dict[str, int]
    unknown: int


class Anchors:
    """Takes anchors in as the audit comes by their blocks."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._named: OrderedDict[bytes, VerifiedToken] = OrderedDict()
        self._witnesses: dict[str, int] = {}
        self._tokens = 0
        self._stamped: tuple[int, int] | None = None
        self._left_out: dict[str, int] = {}
        self._unknown = 0

    @property
    def found(self) -> Anchored:
        """What was found so far."""
        return Anchored(self._witnesses, self._tokens, self._stamped, self._left_out, self._unknown)

    def take(self, anchor: StampedNote, size: int) -> Sequence[VerifiedToken]:
        """Take in an anchor over `size` entries; return its tokens that hold."""
        try:
            signed = verify_signatures(self._trust.policy_at(size), anchor.note)
        except VerificationFailed as error:
            self._leave_out(error)
            return ()
        for name, seen in signed.witnesses:
            if seen.key.name != self._trust.origin:
                self._witnesses[name] = max(size, self._witnesses.get(name, 0))
        return tuple(self._hold(anchor, size))

    def out_of_time(
        self, block: Block, tokens: Sequence[VerifiedToken]
    ) -> tuple[VerifiedToken, bool] | None:
        """Return a token that rules out a block's time, and whether the block's record names it.

        `tokens` are those over the block's own anchor.
        """
        for digest in block.tokens:
            known = self._named.get(digest)
            if known is None:
                self._unknown += 1
            elif known.earliest > block.time + CLOCKS_APART:
                return known, True
        late = (each for each in tokens if each.latest < block.time - CLOCKS_APART)
        return next(((each, False) for each in late), None)

    def _hold(self, anchor: StampedNote, size: int) -> Iterator[VerifiedToken]:
        for entry in anchor.tokens:
            try:
                token = entry.first
                imprint = note_imprint(token, anchor.note, entry.lines)
                found = verify_token(token, imprint, self._trust.authorities)
            except SealbookError as error:
                self._leave_out(error)
                continue
            self._tokens += 1
            self._stamped = size, found.latest
            self._named[entry.digest] = found
            if len(self._named) > MAX_TOKENS_KEPT:
                self._named.popitem(last=False)
            yield found

    def _leave_out(self, error: SealbookError) -> None:
        reason = str(error)
        if reason in self._left_out or len(self._left_out) < MAX_REASONS:
            self._left_out[reason] = self._left_out.get(reason, 0) + 1
