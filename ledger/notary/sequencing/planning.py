"""What the next block will hold: who waits, and the plan that their statements become."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ledger.chain.replay import Replay, RuleBroken
from ledger.chain.statement import Statement
from ledger.errors import KeyRevoked, SealbookError
from ledger.notary.ports import Hold, LedgerStore
from ledger.notary.sequencing.refusals import refusal


@dataclass(frozen=True, slots=True, eq=False)
class Submitted:
    """A depositor's statement, unparsed; the future gives its receipt."""

    data: bytes
    future: "Future[bytes]"


@dataclass(frozen=True, slots=True, eq=False)
class Admitted:
    """A deposit that is good by itself. `held` is its room, None when it is in the ledger already.

    Where it is `remote` the future gives the entry's index: another process makes the receipt.
    """

    statement: Statement
    leaf: bytes
    held: Hold | None
    future: "Future[Any]"
    remote: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class OwnEntries:
    """Statements of the notary itself that enter one block together or not at all.

    The future gives their entries; where it is `remote`, the first one's index.
    """

    statements: tuple[Statement, ...]
    endorser: bytes | None
    future: "Future[Any]"
    remote: bool = False


Planned = Admitted | OwnEntries


@dataclass(slots=True)
class Plan:
    """What a block is going to hold, as it is put together."""

    items: list[Planned] = field(default_factory=list)
    """In the block's order, each leaf once."""
    leaves: dict[bytes, list[Admitted]] = field(default_factory=dict)
    """Everybody who waits for a deposit of this block."""
    existing: list[tuple[Admitted, int]] = field(default_factory=list)
    """Deposits that are entries already."""

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
) -> Plan:
    """Judge what depends on order, in that order; refuse what does not fit."""
    plan = Plan()
    entered = store.find([item.leaf for item in batch if isinstance(item, Admitted)])
    for item in batch:
        try:
            if isinstance(item, OwnEntries):
                _enter_together(replay, item)
            elif item.leaf in entered:
                plan.existing.append((item, entered[item.leaf]))
                continue
            elif item.leaf in plan.leaves:
                plan.leaves[item.leaf].append(item)
                continue
            else:
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
    """Enter all or none. A key endorses nothing after its revocation."""
    endorser = None if item.endorser is None else replay.key(item.endorser)
    if endorser is not None and endorser.revoked_index is not None:
        raise KeyRevoked("The key that signed the request was revoked; use another one.")
    trial = Replay(replay.origin, replay, replay.size)
    for statement in item.statements:
        _enter(trial, statement)
    for statement in item.statements:
        _enter(replay, statement)
