"""A load generator in a process of its own: plain HTTP/1.1 over keep-alive connections.

    python -m bench.load PORT CONNECTIONS FILE      FILE: requests, each after its length in 4 bytes
    python -m bench.load PORT RATE/s FILE

Sends each request once, as fast as answers come, and prints the seconds that it took; or so many a
second, whether answers come or not, and prints the seconds that each took from when it was due. Any
status but 200 or 201 is an error: a rate of refusals is no rate.
"""

import asyncio
import sys
import time
from pathlib import Path

MOST = 100
"""Connections at a fixed rate: fewer than a service grants to one address."""


def read_requests(path: Path) -> list[bytes]:
    """Return the requests in a file."""
    data, requests, at = path.read_bytes(), [], 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        requests.append(data[at + 4 : end])
        at = end
    return requests


def write_requests(path: Path, requests: list[bytes]) -> None:
    """Write the requests to a file, the inverse of `read_requests`."""
    path.write_bytes(b"".join(len(each).to_bytes(4, "big") + each for each in requests))


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    """Send a request and read its answer."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if head[9:12] not in (b"200", b"201"):
        raise RuntimeError(head.decode())
    at = head.lower().index(b"content-length:") + 15
    await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))


async def connection(port: int, requests: list[bytes]) -> None:
    """Send requests taken from the end of the list until none is left."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    while requests:
        await ask(reader, writer, requests.pop())
    writer.close()


async def run(port: int, connections: int, requests: list[bytes]) -> float:
    """Return the seconds that all requests took."""
    started = time.perf_counter()
    await asyncio.gather(*(connection(port, requests) for _ in range(connections)))
    return time.perf_counter() - started


async def paced(port: int, rate: float, requests: list[bytes]) -> list[float]:
    """Return the seconds that each took from when it was due, sent `rate` a second."""
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    free = asyncio.Semaphore(MOST)

    async def one(due: float, request: bytes) -> float:
        async with free:
            streams = (
                idle.pop()
                if idle
                else await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
            )
            await ask(*streams, request)
            idle.append(streams)
        return time.perf_counter() - due

    started, tasks = time.perf_counter(), []
    for number, request in enumerate(requests):
        due = started + number / rate
        await asyncio.sleep(due - time.perf_counter())
        tasks.append(asyncio.create_task(one(due, request)))
    return await asyncio.gather(*tasks)


if __name__ == "__main__":
    port, how, requests = int(sys.argv[1]), sys.argv[2], read_requests(Path(sys.argv[3]))
    if how.endswith("/s"):
        print(*asyncio.run(paced(port, float(how.removesuffix("/s")), requests)))
    else:
        print(asyncio.run(run(port, int(how), requests)))
