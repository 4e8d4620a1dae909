"""What threads have done reaches the event loop: all of it, whoever waits and whatever became of it."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

from api.arrivals import Arrivals


def test_everybody_who_waits_is_told_when_all_of_his_own_are_done() -> None:
    async def main() -> None:
        arrivals = Arrivals()
        waited: list[list[Future[int]]] = [[Future() for _ in range(n % 4 + 1)] for n in range(200)]
        waited[0][0].set_result(0)
        tasks = [asyncio.create_task(arrivals.all_done(each)) for each in waited]
        late: Future[int] = Future()
        gone = asyncio.create_task(arrivals.all_done([late]))
        await asyncio.sleep(0)
        assert not any(task.done() for task in tasks[1:])
        gone.cancel()
        with ThreadPoolExecutor(4) as pool:
            for number, each in enumerate(future for some in waited for future in some):
                if number % 3 == 0 and not each.done():
                    pool.submit(each.set_exception, ValueError())
                elif not each.done():
                    pool.submit(each.set_result, number)
            pool.submit(late.set_result, 0)
            await asyncio.gather(*tasks)
        assert all(future.done() for some in waited for future in some)

    with ThreadPoolExecutor(1) as own:  # whose thread has no loop yet
        for _ in range(2):  # a second loop is another one
            own.submit(asyncio.run, asyncio.wait_for(main(), 30)).result()
