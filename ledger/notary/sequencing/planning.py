"""What the next block will hold: who waits, and the plan that their statements become."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ledger.chain.replay import Replay, RuleBroken
from ledger.chain.statement import Statement
from ledger.errors import SealbookError
from ledger.notary.ports import Hold, LedgerStore
from ledger.notary.sequencing.refusals import refusal


class Reply:
    """The answer to one of several statements that came together: a future at a tenth of its price."""

    __slots__ = ("_together", "value")

    def __init__(self, together: "Replies") -> None:
        self._together = together
        self.value: bytes | BaseException | None = None

    def done(self) -> bool:
        """Return whether the answer is there."""
        return self.value is not None

    def result(self, timeout: float | None = None) -> bytes:
        """Return the receipt once all that came together are answered. Raises the error instead."""
        self._together.done.result(timeout)
        if isinstance(self.value, BaseException):
            raise self.value
        assert self.value is not None
        return self.value

    def set_result(self, value: bytes) -> None:
        """Answer with a receipt."""
        self._together.answered(self, value)

    def set_exception(self, error: BaseException) -> None:
        """Answer with an error."""
        self._together.answered(self, error)


class Replies(Sequence[Reply]):
    """The answers to statements that came together, in their order; `done` tells when all are there."""

    def __init__(self, count: int) -> None:
        self.done: Future[None] = Future()
        self._each = [Reply(self) for _ in range(count)]
        self._left = count
        self._lock = threading.Lock()
        if not count:
            self.done.set_result(None)

    def __getitem__(self, at: Any) -> Any:
        return self._each[at]

    def __len__(self) -> int:
        return len(self._each)

    def __iter__(self) -> Iterator[Reply]:
        return iter(self._each)

    def answered(self, reply: Reply, value: bytes | BaseException) -> None:
        """Answer one of them, unless it is answered already. Any thread may call it."""
        with self._lock:
            if reply.value is not None:
                return
            reply.value = value
            self._left -= 1
            left = self._left
        if not left:
            self.done.set_result(None)


Answer = Reply | Future[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Submitted:
    """A depositor's statement, unparsed; it is answered with its receipt."""

    data: bytes
    future: Answer


@dataclass(frozen=True, slots=True, eq=False)
class Admitted:
    """A deposit that is good by itself. `held` is its room, None when it is in the ledger already.

    Where it is `remote` the future gives the entry's index: another process makes the receipt. `seen`
    is `Withholding.count` from before it was admitted.
    """

    statement: Statement
    leaf: bytes
    held: Hold | None
    future: Answer
    remote: bool = False
    seen: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class OwnEntries:
    """Statements of the notary itself that enter one block together or not at all.

    The future gives their entries; where it is `remote`, the first one's index.
    """

    statements: tuple[Statement, ...]
    future: "Future[Any]"
    remote: bool = False

    @property
    def leaf(self) -> bytes:
        """The first one's leaf hash: where it is an entry, so are the others behind it."""
        return self.statements[0].leaf_hash


Planned = Admitted | OwnEntries


@dataclass(slots=True)
class Plan:
    """What a block is going to hold, as it is put together."""

    items: list[Planned] = field(default_factory=list)
    """In the block's order, each leaf once."""
    leaves: dict[bytes, list[Planned]] = field(default_factory=dict)
    """Everybody who waits for an item of this block."""
    existing: list[tuple[Planned, int]] = field(default_factory=list)
    """Items that are entries already, and the (first) entry's index."""

    @property
    def statements(self) -> list[Statement]:
        """The block's entries behind its record."""
        found: list[Statement] = []
        for item in self.items:
            found += item.statements if isinstance(item, OwnEntries) else (item.statement,)
        return found


def plan_block(
    batch: Sequence[Planned],
    store: LedgerStore,
    replay: Replay,
    refuse: Callable[[Planned, SealbookError], None],
    require_files: Callable[[Admitted], None],
) -> Plan:
    """Judge what depends on order, in that order; refuse what does not fit.

    `require_files` raises where a deposit's files have gone since it was admitted.
    """
    plan = Plan()
    entered = store.find([item.leaf for item in batch])
    for item in batch:
        try:
            if item.leaf in entered:
                plan.existing.append((item, entered[item.leaf]))
                continue
            if item.leaf in plan.leaves:
                plan.leaves[item.leaf].append(item)
                continue
            if isinstance(item, OwnEntries):
                _enter_together(replay, item)
            else:
                require_files(item)
                _enter(replay, item.statement)
            plan.leaves[item.leaf] = [item]
            plan.items.append(item)
        except SealbookError as error:
            refuse(item, error)
    return plan


def _enter(replay: Replay, statement: Statement) -> None:
    try:
        replay.enter(statement)
    except RuleBroken as broken:
        raise refusal(broken, statement, replay) from broken


def _enter_together(replay: Replay, item: OwnEntries) -> None:
    """Enter all or none."""
    trial = Replay(replay.origin, replay, replay.size)
    for statement in item.statements:
        _enter(trial, statement)
    for statement in item.statements:
        _enter(replay, statement)
