"""What is forwarded to whoever writes is answered once, whatever fails on the way."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest

from ledger.errors import StorageFailed
from ledger.notary.ports import Lead, Left, Outcome, Queue, Room
from ledger.notary.sequencing.planning import OwnEntries, Planned
from ledger.notary.sequencing.sequencer import _running
from ledger.notary.sequencing.sharing import Sharing
from ledger.notary.sequencing.underway import UnderWay

INDEX = 7


class Disk:
    def require_writable(self) -> None:
        pass


class Others:
    """A queue: who writes answers at once, and `then` comes before `leave` returns."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self.left: list[Left] = []
        self._answered: dict[bytes, Outcome] = {}
        self._woken = threading.Event()

    def leave(self, items: Sequence[Left]) -> None:
        self.left += items
        self._answered = {each.token: Outcome(INDEX, None, None) for each in items}
        self._woken.set()
        self._then()

    def outcomes(self) -> dict[bytes, Outcome]:
        found, self._answered = self._answered, {}
        return found

    def wait(self, seconds: float) -> None:
        self._woken.wait(seconds)
        self._woken.clear()

    def close(self) -> None:
        pass


class NoLead:
    def release(self) -> None:
        pass


class Follower:
    """The sequencer's part: `answer` is what it does with what was entered."""

    def __init__(self, answer: Callable[[Sequence[tuple[Planned, int]]], None]) -> None:
        self.answer = answer

    def take_up(self, take: Callable[[], bool]) -> bool:
        raise AssertionError

    def follow(self) -> None:
        pass

    def put(self, items: Sequence[Planned]) -> None:
        raise AssertionError


@contextmanager
def following(
    others: Others, answer: Callable[[Sequence[tuple[Planned, int]]], None]
) -> Iterator[tuple[Sharing, UnderWay, OwnEntries]]:
    """Yield a process that does not write, and an item that is under way in it."""
    under_way = UnderWay(cast(Room, Disk()))
    sharing = Sharing(
        cast(Queue, others), cast(Lead, NoLead()), os.urandom, lambda: None, lambda: False,
    )  # fmt: skip
    sharing.start(Follower(answer), under_way)
    under_way.begin(1)
    yield sharing, under_way, OwnEntries((), _running())
    sharing.close()


def answered(under_way: UnderWay, entered: Sequence[tuple[Planned, int]]) -> None:
    for item, index in entered:
        under_way.end(item)
        item.future.set_result(cast(Any, index))


def test_what_another_process_has_answered_is_not_answered_again_by_a_failure() -> None:
    came, go = threading.Event(), threading.Event()

    def fails_late() -> None:
        assert came.wait(10)
        raise StorageFailed("the server went away behind its commit")

    def answer(entered: Sequence[tuple[Planned, int]]) -> None:
        came.set()
        assert go.wait(10)
        answered(under_way, entered)

    with following(Others(fails_late), answer) as (sharing, under_way, item):
        sharing.forward([item])
        assert under_way.count == 1 and not item.future.done()
        go.set()
        assert item.future.result(10) == INDEX
        assert under_way.count == 0


def test_what_was_entered_and_cannot_be_answered_is_told_so() -> None:
    def answer(entered: Sequence[tuple[Planned, int]]) -> None:
        raise StorageFailed("the rows cannot be read")

    with following(Others(lambda: None), answer) as (sharing, under_way, item):
        sharing.forward([item])
        with pytest.raises(StorageFailed, match="cannot be read"):
            item.future.result(10)
        assert under_way.count == 0


def test_what_another_process_has_left_here_is_not_left_once_more() -> None:
    others = Others(lambda: None)
    with following(others, lambda entered: answered(under_way, entered)) as found:
        sharing, under_way, item = found
        under_way.begin(1)
        of_another = OwnEntries((), _running(), remote=True)
        sharing.forward([of_another, item])
        assert item.future.result(10) == INDEX and len(others.left) == 1
        with pytest.raises(StorageFailed, match="in time"):
            of_another.future.result(10)
        assert under_way.count == 0
