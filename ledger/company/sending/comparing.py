"""One history for all: another's checkpoint beside the largest that this vault has verified.

A notary that shows two clients two histories has signed both; whoever holds both notes can show it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ledger.chain.fault import Fork, verify_fault
from ledger.chain.note import format_note
from ledger.chain.policy import VerifiedCheckpoint
from ledger.chain.trust import Trust
from ledger.company.sending.confirming import LedgerForked, follow
from ledger.errors import MalformedData, Refused, Unavailable, VerificationFailed


@dataclass(frozen=True, slots=True)
class Agree:
    """One checkpoint contains the other: the same ledger was shown to both."""


@dataclass(frozen=True, slots=True)
class NotCompared:
    """The sizes differ and nobody gave a proof; `why` says so."""

    why: str


@dataclass(frozen=True, slots=True)
class Contradict:
    """The two do not belong to one ledger; `fault` proves it to a stranger, where it can be proven."""

    error: LedgerForked
    fault: Fork | None


def compare(
    ours: VerifiedCheckpoint,
    theirs: VerifiedCheckpoint,
    trust: Trust,
    consistency: Callable[[int, int], tuple[bytes, ...]],
) -> Agree | NotCompared | Contradict:
    """Return how two verified checkpoints of one ledger stand to each other.

    `consistency` is asked only where the sizes differ; it may raise Unavailable.
    """
    proofs: list[tuple[bytes, ...]] = []

    def asked(old_size: int, new_size: int) -> tuple[bytes, ...]:
        proofs.append(consistency(old_size, new_size))
        return proofs[-1]

    try:
        follow(ours, theirs, asked)
    except Unavailable as error:
        return NotCompared(str(error))
    except LedgerForked as error:
        older, newer = sorted((ours, theirs), key=lambda each: each.checkpoint.size)
        notes = format_note(older.note), format_note(newer.note)
        return Contradict(error, _proven(Fork(*notes, *proofs), trust))
    return Agree()


def _proven(fault: Fork, trust: Trust) -> Fork | None:
    try:
        verify_fault(fault, trust)
    except (VerificationFailed, MalformedData, Refused):
        return None
    return fault
