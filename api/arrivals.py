"""Brings what the notary's threads have done to the event loop: many answers with one call.

Waking the loop is a system call that lets go of the interpreter's lock, in the middle of a block's
answers; so it is woken once for all that are there when it looks.
"""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any


class Arrivals:
    """What is waited for may be done by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}

    async def all_done(self, futures: Sequence["Future[Any]"]) -> None:
        """Return when all of these are done, with a result or an error; there is at least one."""
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        left = len(futures)

        def done(_: "Future[Any]") -> None:
            nonlocal left
            with self._lock:
                left -= 1
                if left:
                    return
                arrived = self._arrived.setdefault(loop, [])
                arrived.append(waiting)
                first = len(arrived) == 1
            if first and not loop.is_closed():
                loop.call_soon_threadsafe(self._tell, loop)

        for each in futures:
            each.add_done_callback(done)
        await waiting

    def _tell(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            arrived = self._arrived.pop(loop)
        for each in arrived:
            if not each.done():
                each.set_result(None)
