"""One history for all: another's checkpoint beside the largest that this vault has verified.

A notary that shows two clients two histories has signed both; whoever holds both notes can show it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ledger.chain.fault.file import Fork, Rewind, format_fault
from ledger.chain.fault.verifying import verify_fault
from ledger.chain.note import format_note
from ledger.chain.policy import VerifiedCheckpoint
from ledger.chain.trust import Trust
from ledger.company.sending.confirming import LedgerForked, follow
from ledger.company.vault.vault import Vault
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
    fault: Fork | Rewind | None


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
        fork = _proven(Fork(*notes, *proofs), trust)
        return Contradict(error, fork or _proven(Rewind(notes[1], notes[0]), trust))
    return Agree()


def _proven(fault: Fork | Rewind, trust: Trust) -> Fork | Rewind | None:
    try:
        verify_fault(fault, trust)
    except (VerificationFailed, MalformedData, Refused):
        return None
    return fault


def keep_proof(vault: Vault, theirs: VerifiedCheckpoint, found: Contradict) -> Path:
    """Keep what shows a contradiction, and return where: a fault file, or the note itself."""
    if found.fault is None:
        return vault.keep_fork(format_note(theirs.note), theirs.checkpoint)
    return vault.keep_fault(format_fault(found.fault))
