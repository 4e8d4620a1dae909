"""Brings what the notary's threads have done to the event loop: many answers with one call.

Waking the loop is a system call that lets go of the interpreter's lock, in the middle of a block's
answers; so it is woken once for all that are there when it looks.
"""

import asyncio
import threading
from concurrent.futures import Future
from typing import Any


class Arrivals:
    """What is waited for may be done by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}

    async def done(self, future: "Future[Any]") -> None:
        """Return when this is done, with a result or an error."""
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()

        def arrived(_: "Future[Any]") -> None:
            with self._lock:
                all_ = self._arrived.setdefault(loop, [])
                all_.append(waiting)
                first = len(all_) == 1
            if first and not loop.is_closed():
                loop.call_soon_threadsafe(self._tell, loop)

        future.add_done_callback(arrived)
        await waiting

    def _tell(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            arrived = self._arrived.pop(loop)
        for each in arrived:
            if not each.done():
                each.set_result(None)
