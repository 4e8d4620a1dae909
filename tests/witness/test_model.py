"""Every state of a small witness, a log that forks and a client, with crashes: no fork is cosigned."""

from collections.abc import Iterator
from itertools import product

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.witnessing import Request, Unwitnessed, require_consistent
from ledger.crypto.merkle import consistency_proof, leaf_hashes, root_from_leaf_hashes
from tests.simulator import Tree

ORIGIN = "log.example/model"
SIZES = 10
SHARED = 3
HISTORIES = tuple(
    tuple(f"{'all' if n < SHARED else fork}{n}".encode() for n in range(SIZES))
    for fork in "abcdefgh"
)
ENTRIES = tuple(dict.fromkeys(each[:size] for each in HISTORIES for size in range(SIZES + 1)))
"""The trees that the log may sign, each as its entries."""
TREES = tuple(
    Checkpoint(ORIGIN, len(each), root_from_leaf_hashes(leaf_hashes(each))) for each in ENTRIES
)
State = tuple[int, tuple[int, bool] | None, frozenset[int]]
"""(what is durable, the request being served and whether it is durable, what a client has received)"""


def begins(old: int, new: int) -> bool:
    return ENTRIES[new][: len(ENTRIES[old])] == ENTRIES[old]


def proofs() -> dict[tuple[int, int], set[tuple[bytes, ...]]]:
    """Return for each pair of sizes the proofs of every history."""
    found: dict[tuple[int, int], set[tuple[bytes, ...]]] = {}
    for history in HISTORIES:
        for old, new in product(range(SIZES + 1), repeat=2):
            if old <= new:
                found.setdefault((old, new), {()}).add(
                    tuple(consistency_proof(Tree(history[:new]), old, new))
                )
    return found


def accepted() -> list[list[int]]:
    """Return for each stored tree those that some request has cosigned: any old size and proof."""
    by_size = proofs()
    after: list[list[int]] = [[] for _ in TREES]
    for stored, new in product(range(len(TREES)), repeat=2):
        for old in range(SIZES + 1):
            for proof in by_size.get((old, TREES[new].size), {()}):
                try:
                    request = Request(old, proof, ORIGIN, "")
                    require_consistent(request, TREES[new], TREES[stored])
                except Unwitnessed:
                    continue
                assert old == TREES[stored].size
                after[stored].append(new)
    return after


def steps(state: State, after: list[list[int]]) -> Iterator[State]:
    durable, served, received = state
    if served is None:
        for new in after[durable]:
            yield durable, (new, False), received
        return
    new, committed = served
    yield durable, None, received  # killed: the lock is gone, and only what is durable is left
    if committed:
        yield durable, None, received | {new}
    else:
        yield new, (new, True), received


def test_no_reachable_state_has_cosigned_two_histories() -> None:
    after = accepted()
    assert all(begins(old, new) for old, news in enumerate(after) for new in news)
    start: State = (0, None, frozenset())
    seen, todo = {start}, [start]
    while todo:
        durable, _, received = state = todo.pop()
        assert all(begins(each, durable) for each in received)
        for each in steps(state, after):
            if each not in seen:
                seen.add(each)
                todo.append(each)
    assert len(seen) >= 100_000
