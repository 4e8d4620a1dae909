"""What threads have done reaches the event loop: all of it, whoever waits and whatever became of it."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from api.arrivals import Arrivals
from ledger.errors import Refused
from ledger.notary.sequencing.planning import Replies


def test_everybody_who_waits_is_told_when_his_own_is_done() -> None:
    async def main() -> None:
        arrivals = Arrivals()
        waited: list[Future[int]] = [Future() for _ in range(500)]
        waited[0].set_result(0)
        tasks = [asyncio.create_task(arrivals.done(each)) for each in waited]
        late: Future[int] = Future()
        gone = asyncio.create_task(arrivals.done(late))
        await asyncio.sleep(0)
        assert not any(task.done() for task in tasks[1:])
        gone.cancel()
        with ThreadPoolExecutor(4) as pool:
            for number, each in enumerate(waited[1:]):
                if number % 3 == 0:
                    pool.submit(each.set_exception, ValueError())
                else:
                    pool.submit(each.set_result, number)
            pool.submit(late.set_result, 0)
            await asyncio.gather(*tasks)
        assert all(future.done() for future in waited)

    with ThreadPoolExecutor(1) as own:  # whose thread has no loop yet
        for _ in range(2):  # a second loop is another one
            own.submit(asyncio.run, asyncio.wait_for(main(), 30)).result()


def test_statements_that_came_together_are_done_when_each_has_its_answer() -> None:
    assert Replies(0).done.done()
    for _ in range(20):
        replies = Replies(64)
        with ThreadPoolExecutor(8) as pool:
            for number, each in enumerate(replies[1:]):
                if number % 2:
                    pool.submit(each.set_result, bytes([number]))
                else:
                    pool.submit(each.set_exception, Refused("no"))
        assert not replies.done.done() and not replies[0].done()
        replies[0].set_result(b"first")
        assert replies[0].result(0) == b"first" and replies[2].result(0) == b"\x01"
        with pytest.raises(Refused):
            replies[1].result(0)


def test_a_statement_that_is_answered_twice_ends_nobody_elses_wait() -> None:
    replies = Replies(2)
    replies[0].set_result(b"first")
    replies[0].set_exception(Refused("after all"))
    replies[0].set_result(b"again")
    assert not replies.done.done()
    replies[1].set_exception(Refused("no"))
    replies[1].set_result(b"after all")
    assert replies[0].result(0) == b"first"
    with pytest.raises(Refused, match="no"):
        replies[1].result(0)
