"""Answers to a block's statements, on a thread of their own: the next block is written meanwhile."""

from queue import SimpleQueue

from ledger.chain.replay import account_of
from ledger.chain.statement import Statement
from ledger.errors import LedgerFault, SealbookError
from ledger.notary.ports import Entry, SignedCheckpoint
from ledger.notary.sequencing.planning import OwnEntries, Plan, Planned
from ledger.notary.sequencing.receipts import Receipts
from ledger.notary.sequencing.underway import UnderWay, bug


class Answers:
    """Plans that were carried out, and the checkpoints that close their blocks."""

    def __init__(self, receipts: Receipts, under_way: UnderWay) -> None:
        self._receipts = receipts
        self._under_way = under_way
        self._queue: SimpleQueue[tuple[Plan, SignedCheckpoint | None] | None] = SimpleQueue()

    def put(self, plan: Plan, checkpoint: SignedCheckpoint | None) -> None:
        """Let a plan be answered. The checkpoint is None when all of it was in the ledger already."""
        self._queue.put((plan, checkpoint))

    def close(self) -> None:
        """Let `work` end behind what was put so far."""
        self._queue.put(None)

    def work(self) -> None:
        """Answer until `close`: the thread's function."""
        while (work := self._queue.get()) is not None:
            plan, checkpoint = work
            try:
                self._answer(plan, checkpoint)
            except Exception as error:  # noqa: BLE001 - it is entered; its receipt can be asked for
                entered = "The statement was entered; ask for its receipt."
                answer = error if isinstance(error, SealbookError) else bug(error, entered)
                if isinstance(error, LedgerFault):
                    self._under_way.fault = error
                items: list[Planned] = [
                    *(item for item in plan.items if isinstance(item, OwnEntries)),
                    *(item for same in plan.leaves.values() for item in same),
                    *(item for item, _ in plan.existing),
                ]
                for item in items:
                    if not item.future.done():
                        self._under_way.refuse(item, answer)

    def _answer(self, plan: Plan, checkpoint: SignedCheckpoint | None) -> None:
        if checkpoint is not None:
            self._answer_block(plan, checkpoint)
        for item, index in plan.existing:
            try:
                receipt = self._receipts.at(index)
            except LedgerFault as error:  # of an old entry: no reason to doubt the new ones
                self._under_way.refuse(item, error)
            else:
                self._under_way.end(item)
                item.future.set_result(receipt)

    def _answer_block(self, plan: Plan, checkpoint: SignedCheckpoint) -> None:
        index = checkpoint.size - len(plan.statements)
        deposits: dict[int, Statement] = {}
        waiting = []
        for item in plan.items:
            if isinstance(item, OwnEntries):
                self._under_way.end(item)
                item.future.set_result(
                    [_entry(at, each) for at, each in enumerate(item.statements, index)]
                )
                index += len(item.statements)
            else:
                deposits[index] = item.statement
                waiting.append(plan.leaves[item.leaf])
                index += 1
        receipts = self._receipts.of_block(checkpoint, deposits) if deposits else []
        for same, receipt in zip(waiting, receipts, strict=True):
            for each in same:
                self._under_way.end(each)
                each.future.set_result(receipt)


def _entry(index: int, statement: Statement) -> Entry:
    return Entry(index, statement.kind, account_of(statement), statement.encoded)
