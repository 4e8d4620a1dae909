"""Receipts, put together from the tree's nodes: never by reading the leaves.

A new receipt leads to the checkpoint that closes the entry's own block; one that is asked for later,
to the first anchor that covers it, with the cosignatures and timestamps that this has by then. What the
receipts of a block share is computed and encoded once: the block record and its proof, the note, the
seal, each key's enrolment. The bytes are those of `ledger.chain.receipt.format_receipt`.

Before a receipt is given, the verification core says that it holds: each one that is asked for, and of
a new block one for each key that has not been seen since the start, at least one. What the others share
with it was checked with it; the rest of them is the depositor's statement, whose signature was.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ledger.chain import statement as st
from ledger.chain.block import parse_block
from ledger.chain.enrolment import parse_enrolment
from ledger.chain.receipt import Earlier, Position, Times
from ledger.chain.statement import Statement, parse_statement
from ledger.crypto.merkle import HashReader, inclusion_proofs, inclusion_proofs_of_range
from ledger.errors import LedgerFault, NotFound, Unavailable
from ledger.notary.ports import (
    Anchor,
    Anchors,
    LedgerStore,
    Records,
    SignedCheckpoint,
    SignedCheckpoints,
)
from ledger.notary.sequencing.frames import ReceiptFrame


@dataclass(frozen=True, slots=True)
class _Enrolled:
    """A key's enrolment: its place, its statement, the digest of its identity record."""

    index: int
    statement: bytes
    digest: bytes


class Receipts:
    """Puts receipts together. `tree` returns a reader of a tree that covers every signed entry.

    `verify` takes a receipt and raises LedgerFault where it does not hold; `validation` returns what
    checks tokens beside what they bring; `holds` whether a receipt holds.
    """

    def __init__(
        self,
        store: LedgerStore,
        signed: SignedCheckpoints,
        records: Records,
        tree: Callable[[], HashReader],
        verify: Callable[[bytes], None],
        anchors: Anchors | None = None,
        validation: Callable[[Iterable[bytes]], tuple[bytes, ...]] = lambda _: (),
        holds: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        self.revoked = 0
        """The largest tree that was signed by keys that were revoked later."""
        self._holds = holds
        self._store = store
        self._signed = signed
        self._records = records
        self._tree = tree
        self._verify = verify
        self._anchors = anchors
        self._validation = validation
        self._verified: set[bytes] = set()
        self._enrolments: dict[bytes, _Enrolled] = {}

    def find(self, leaf: bytes) -> bytes:
        """Return the receipt of the deposit with this leaf hash. Raises NotFound, LedgerFault."""
        index = self._store.find([leaf]).get(leaf)
        if index is None:
            raise NotFound("The ledger has no entry with this leaf hash.")
        return self.at(index)

    def at(self, index: int) -> bytes:
        """Return the receipt of the deposit at `index`. Raises NotFound, LedgerFault."""
        entries = self._store.read(index, index + 1)
        checkpoint = self.closing(index)
        if not entries:
            raise NotFound(f"The ledger has no signed entry {index}.")
        if entries[0].kind != st.DEPOSIT:
            raise NotFound(f"Entry {index} is not a deposit; only deposits have receipts.")
        anchor = None if self._anchors is None else self._anchors.covering(index)
        deposits = {index: parse_statement(entries[0].statement)}
        receipt = self.assemble(checkpoint, deposits, anchor)[0]
        if index < self.revoked and not self._holds(receipt):
            later = self._later()
            receipt = self.assemble(checkpoint, deposits, later)[0]
        self._verify(receipt)
        return receipt

    def closing(self, index: int) -> SignedCheckpoint:
        """Return the checkpoint that closes the block of entry `index`. Raises NotFound."""
        checkpoint = self._signed.covering(index)
        if checkpoint is None:
            raise NotFound(f"The ledger has no signed entry {index}.")
        return checkpoint

    def _later(self) -> Anchor:
        """Return the first anchor, or else checkpoint, that keys have signed which were not revoked."""
        anchor = None if self._anchors is None else self._anchors.covering(self.revoked)
        signed = self._signed.covering(self.revoked)
        if signed is None:
            raise Unavailable(
                "The key that signed this part of the ledger was revoked. The receipt is given once "
                "another one has signed: after the next block."
            )
        return anchor or Anchor(signed.height, signed.size, signed.note)

    def of_block(
        self, checkpoint: SignedCheckpoint, deposits: Mapping[int, Statement]
    ) -> list[bytes]:
        """Return the receipts of a new block's deposits, see `assemble`. Raises LedgerFault."""
        receipts = self.assemble(checkpoint, deposits)
        some = {
            each.key_id: receipt for each, receipt in zip(deposits.values(), receipts, strict=True)
        }
        unseen = some.keys() - self._verified
        for key_id in unseen or list(some)[:1]:
            self._verify(some[key_id])
        self._verified |= unseen
        return receipts

    def assemble(
        self,
        checkpoint: SignedCheckpoint,
        deposits: Mapping[int, Statement],
        anchor: Anchor | None = None,
    ) -> list[bytes]:
        """Return the receipts of deposits, by index, that lie in the block that `checkpoint` closes.

        There is at least one. With an anchor that covers them they lead to it, else to `checkpoint`.
        """
        before = self._signed.at_height(checkpoint.height - 1) if checkpoint.height else None
        start = 0 if before is None else before.size
        block = self._store.read(start, start + 1)[0].statement
        keys = {each.key_id: self._enrolled(each.key_id) for each in deposits.values()}
        target = checkpoint
        note = checkpoint.note
        times = Times(earlier=self._earlier(block))
        if anchor is not None:
            covering = self._signed.at_height(anchor.height)
            if covering is None or covering.size != anchor.size:
                raise LedgerFault(
                    "anchors.sqlite is another ledger's, or newer than checkpoints.sqlite. Stop the "
                    "notary and move it away: anchors are made anew."
                )
            target, note = covering, anchor.note
            stamps = [each.der for each in anchor.tokens]
            if times.earlier is not None:
                stamps.append(times.earlier.token.der)
            times = replace(times, tokens=anchor.tokens, validation=self._validation(stamps))
        tree, size = self._tree(), target.size
        single = sorted({start, *(enrolled.index for enrolled in keys.values())})
        proofs = dict(zip(single, inclusion_proofs(tree, single, size), strict=True))
        first, end = min(deposits), max(deposits) + 1
        proofs |= enumerate(inclusion_proofs_of_range(tree, first, end, size), first)
        frame = ReceiptFrame(note, size, block, Position(start, proofs[start]), target.seal, times)
        enrolments = {
            key_id: frame.enrolment(
                enrolled.statement,
                Position(enrolled.index, proofs[enrolled.index]),
                self._records.read(enrolled.digest),
            )
            for key_id, enrolled in keys.items()
        }
        return [
            frame.receipt(statement, Position(index, proofs[index]), enrolments[statement.key_id])
            for index, statement in deposits.items()
        ]

    def _earlier(self, block: bytes) -> Earlier | None:
        """Return the newest token that a block record names and that is kept here."""
        if self._anchors is None:
            return None
        for digest in reversed(parse_block(parse_statement(block)).tokens):
            found = self._anchors.stamped(digest)
            if found is not None:
                anchor, token = found
                return Earlier(anchor.note, token)
        return None

    def _enrolled(self, key_id: bytes) -> _Enrolled:
        known = self._enrolments.get(key_id)
        if known is None:
            key = self._store.key(key_id)
            if key is None:
                raise LedgerFault("An entry's key is not enrolled. Run `sealbook notary fsck`.")
            entry = self._store.read(key.enrolled_index, key.enrolled_index + 1)[0]
            digest = parse_enrolment(parse_statement(entry.statement)).record
            known = self._enrolments[key_id] = _Enrolled(entry.index, entry.statement, digest)
        return known
