"""What the next block will hold: the items that wait, and the plan that they become."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ledger.chain.statement import Statement
from ledger.notary.ports import Hold


@dataclass(slots=True)
class Item:
    """Statements that enter one block together or not at all, and who waits for them."""

    future: "Future[Any]"
    data: bytes = b""
    statements: tuple[Statement, ...] = ()
    leaf: bytes = b""
    is_deposit: bool = True
    endorser: bytes | None = None
    held: Hold | None = None


@dataclass(slots=True)
class Plan:
    """What a block is going to hold, as it is put together."""

    items: list[Item] = field(default_factory=list)
    leaves: dict[bytes, list[Item]] = field(default_factory=dict)
    existing: list[tuple[Item, int]] = field(default_factory=list)
    tips: dict[tuple[str, bytes], tuple[int, bytes] | None] = field(default_factory=dict)
    keys: set[bytes] = field(default_factory=set)
