"""Answers to a block's statements, on a thread of their own: the next block is written meanwhile."""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from time import monotonic
from typing import Any

from ledger.chain.replay import account_of
from ledger.chain.statement import Statement
from ledger.errors import LedgerFault, SealbookError
from ledger.notary.ports import Entry, SignedCheckpoint
from ledger.notary.sequencing.pace import Durations
from ledger.notary.sequencing.planning import Admitted, OwnEntries, Plan, Planned
from ledger.notary.sequencing.receipts import Receipts
from ledger.notary.sequencing.underway import UnderWay, bug
from ledger.quoted import Message


class Answers:
    """Plans that were carried out, and the checkpoints that close their blocks."""

    def __init__(
        self, receipts: Receipts, under_way: UnderWay, after: Callable[[], None] = lambda: None
    ) -> None:
        self._receipts = receipts
        self._after = after
        self._under_way = under_way
        self._queue: SimpleQueue[tuple[Plan, SignedCheckpoint | None, float] | None] = SimpleQueue()
        self.durations = Durations()
        self._put = self._answered = 0

    @property
    def busy(self) -> bool:
        """Whether a plan waits for its answers."""
        return self._put != self._answered

    def put(self, plan: Plan, checkpoint: SignedCheckpoint | None) -> None:
        """Let a plan be answered. The checkpoint is None when all of it was in the ledger already."""
        self._put += 1
        self._queue.put((plan, checkpoint, monotonic()))

    def close(self) -> None:
        """Let `work` end behind what was put so far."""
        self._queue.put(None)

    def work(self) -> None:
        """Answer until `close`: the thread's function."""
        while (work := self._queue.get()) is not None:
            plan, checkpoint, closed = work
            try:
                self._answer(plan, checkpoint)
                self.durations.add(monotonic() - closed)
                self._after()
            except Exception as error:  # noqa: BLE001 - it is entered; its receipt can be asked for
                entered: Message = "The statement was entered; ask for its receipt."
                answer = error if isinstance(error, SealbookError) else bug(error, entered)
                if isinstance(error, LedgerFault):
                    self._under_way.fault = error
                items: list[Planned] = [
                    *(item for same in plan.leaves.values() for item in same),
                    *(item for item, _ in plan.existing),
                ]
                for item in items:
                    if not item.future.done():
                        self._under_way.refuse(item, answer)
            self._answered += 1

    def _answer(self, plan: Plan, checkpoint: SignedCheckpoint | None) -> None:
        if checkpoint is not None:
            self._answer_block(plan, checkpoint)
        for item, index in plan.existing:
            if self._told(item, index):
                continue
            try:
                receipt = self._receipts.at(index)
            except LedgerFault as error:  # of an old entry: no reason to doubt the new ones
                self._under_way.refuse(item, error)
            else:
                self._end(item, receipt)

    def _told(self, item: Planned, index: int) -> bool:
        """Answer an item that takes no receipt; False for one that does."""
        if item.remote:
            self._end(item, index)
        elif isinstance(item, OwnEntries):
            self._end(item, _entries(item, index))
        else:
            return False
        return True

    def _end(self, item: Planned, result: Any) -> None:
        self._under_way.end(item)
        item.future.set_result(result)

    def of_others(self, entered: Sequence[tuple[Planned, int]]) -> None:
        """Answer items that another process has entered, by their indices."""
        blocks: dict[int, tuple[SignedCheckpoint, dict[int, list[Admitted]]]] = {}
        for item, index in entered:
            try:
                checkpoint = self._receipts.closing(index)
                if isinstance(item, OwnEntries):
                    self._end(item, _entries(item, index))
                    continue
                _, found = blocks.setdefault(checkpoint.height, (checkpoint, {}))
                found.setdefault(index, []).append(item)
            except SealbookError as error:
                self._under_way.refuse(item, error)
        for checkpoint, found in blocks.values():
            in_order = dict(sorted(found.items()))
            try:
                deposits = {index: items[0].statement for index, items in in_order.items()}
                receipts = self._receipts.of_block(checkpoint, deposits)
            except SealbookError as error:
                self._under_way.fail((one for items in found.values() for one in items), error)
            else:
                for items, receipt in zip(in_order.values(), receipts, strict=True):
                    for one in items:
                        self._end(one, receipt)

    def _answer_block(self, plan: Plan, checkpoint: SignedCheckpoint) -> None:
        index = checkpoint.size - len(plan.statements)
        deposits: dict[int, Statement] = {}
        waiting = []
        for item in plan.items:
            wanted = [each for each in plan.leaves[item.leaf] if not self._told(each, index)]
            if wanted and isinstance(item, Admitted):
                deposits[index] = item.statement
                waiting.append(wanted)
            index += len(item.statements) if isinstance(item, OwnEntries) else 1
        receipts = self._receipts.of_block(checkpoint, deposits) if deposits else []
        for same, receipt in zip(waiting, receipts, strict=True):
            for each in same:
                self._end(each, receipt)


def _entries(item: OwnEntries, first: int) -> list[Entry]:
    return [
        Entry(index, each.kind, account_of(each), each.encoded)
        for index, each in enumerate(item.statements, first)
    ]
