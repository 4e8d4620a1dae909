"""What an audit catches, checked as a stranger would check it before it is said."""

from dataclasses import dataclass
from typing import Never

from ledger.auditor.sources import Source
from ledger.chain.fault.file import Fault, Fork, Placed
from ledger.chain.fault.verifying import verify_fault
from ledger.chain.tiles import TileHashes
from ledger.chain.trust import Trust
from ledger.crypto.merkle import consistency_path, inclusion_proof
from ledger.errors import VerificationFailed


class Caught(VerificationFailed):
    """What no honest log does. `fault` proves it, None where only the whole ledger shows it."""

    def __init__(self, sentence: str, fault: Fault | None = None) -> None:
        super().__init__(sentence)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Catcher:
    """Makes faults of a ledger under its newest checkpoint, `note` over `size` entries."""

    source: Source
    trust: Trust
    note: str
    size: int

    def placed(self, index: int, entry: bytes) -> Placed:
        """Return an entry with its proof under the newest checkpoint."""
        return self.placed_under(self.note, self.size, index, entry)

    def placed_under(self, note: str, size: int, index: int, entry: bytes) -> Placed:
        """Return an entry with its proof under an earlier checkpoint over `size` entries."""
        proof = inclusion_proof(TileHashes(self.source.tile, self.size), index, size)
        return Placed(note, index, entry, proof)

    def fork(self, older: str, size: int) -> Fork:
        """Return that the newest checkpoint does not contain an older one over `size` entries."""
        same = size == self.size
        reader = TileHashes(self.source.tile, self.size)
        return Fork(older, self.note, () if same else consistency_path(reader, size, self.size))

    def proves(self, fault: Fault) -> bool:
        """Return whether a fault holds."""
        try:
            verify_fault(fault, self.trust)
        except VerificationFailed:
            return False
        return True

    def caught(self, fault: Fault) -> Never:
        """Raise Caught with a fault that a stranger can check.

        Raises VerificationFailed where the fault shows nothing: then it is the copy that is damaged.
        """
        try:
            proven = verify_fault(fault, self.trust)
        except VerificationFailed as error:
            raise VerificationFailed(
                "What is shown here is not the tree that the log has signed; the copy is damaged, or "
                "somebody has altered it. Audit another copy."
            ) from error
        raise Caught(f"The log is caught: {proven.sentence}.", fault)
