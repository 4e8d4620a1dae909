"""Receipts, put together from the tree's nodes: never by reading the leaves.

A receipt leads to the checkpoint that closes the entry's own block, so it is the same whenever it is
asked for (until the identity record in it is erased). What the receipts of a block share is computed
once: the block record's proof, the seal, and the enrolment's proof of each key.
"""

from collections.abc import Callable, Sequence

from ledger.chain import statement as st
from ledger.chain.enrolment import parse_enrolment
from ledger.chain.receipt import Position, Receipt, format_receipt
from ledger.chain.seal import format_cose_receipt
from ledger.chain.statement import parse_statement
from ledger.crypto.merkle import HashReader, inclusion_proofs
from ledger.errors import LedgerFault, NotFound
from ledger.ports import Entry, LedgerStore, Records, SignedCheckpoint, SignedCheckpoints


class Receipts:
    """Puts receipts together. `tree` returns a reader of a tree that covers every signed entry."""

    def __init__(
        self,
        store: LedgerStore,
        signed: SignedCheckpoints,
        records: Records,
        tree: Callable[[], HashReader],
    ) -> None:
        self._store = store
        self._signed = signed
        self._records = records
        self._tree = tree
        self._enrolments: dict[int, tuple[bytes, bytes]] = {}

    def find(self, leaf: bytes) -> bytes:
        """Return the receipt of the deposit with this leaf hash. Raises NotFound."""
        index = self._store.find([leaf]).get(leaf)
        if index is None:
            raise NotFound("The ledger has no entry with this leaf hash.")
        return self.at(index)

    def at(self, index: int) -> bytes:
        """Return the receipt of the deposit at `index`. Raises NotFound."""
        entries = self._store.read(index, index + 1)
        checkpoint = self._signed.covering(index)
        if not entries or checkpoint is None:
            raise NotFound(f"The ledger has no signed entry {index}.")
        if entries[0].kind != st.DEPOSIT:
            raise NotFound(f"Entry {index} is not a deposit; only deposits have receipts.")
        return self.assemble(checkpoint, entries)[0]

    def assemble(self, checkpoint: SignedCheckpoint, deposits: Sequence[Entry]) -> list[bytes]:
        """Return the receipts of deposits that lie in the block which `checkpoint` closes."""
        start = self._start(checkpoint)
        block = self._store.read(start, start + 1)[0].statement
        enrolled = [self._enrolled(entry.statement) for entry in deposits]
        indices = sorted({start, *enrolled, *(entry.index for entry in deposits)})
        proofs = dict(
            zip(
                indices,
                inclusion_proofs(self._tree(), indices, checkpoint.size),
                strict=True,
            )
        )
        block_position = Position(start, proofs[start])
        receipts = []
        for entry, enrolled_index in zip(deposits, enrolled, strict=True):
            enrolment, digest = self._enrolment(enrolled_index)
            proof = proofs[entry.index]
            receipts.append(
                format_receipt(
                    Receipt(
                        statement=entry.statement,
                        position=Position(entry.index, proof),
                        note=checkpoint.note,
                        block=block,
                        block_position=block_position,
                        enrolment=enrolment,
                        enrolment_position=Position(enrolled_index, proofs[enrolled_index]),
                        record=self._records.read(digest),
                        cose_receipt=format_cose_receipt(
                            checkpoint.seal, checkpoint.size, entry.index, proof
                        ),
                    )
                )
            )
        return receipts

    def _start(self, checkpoint: SignedCheckpoint) -> int:
        before = self._signed.at_height(checkpoint.height - 1) if checkpoint.height else None
        return 0 if before is None else before.size

    def _enrolled(self, statement: bytes) -> int:
        key = self._store.key(parse_statement(statement).key_id)
        if key is None:
            raise LedgerFault("An entry's key is not enrolled. Run `sealbook notary fsck`.")
        return key.enrolled_index

    def _enrolment(self, index: int) -> tuple[bytes, bytes]:
        """Return an enrolment's statement and the digest of its identity record."""
        known = self._enrolments.get(index)
        if known is None:
            statement = self._store.read(index, index + 1)[0].statement
            digest = parse_enrolment(parse_statement(statement)).record
            known = self._enrolments[index] = (statement, digest)
        return known
