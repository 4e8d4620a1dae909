"""A load generator in a process of its own: plain HTTP/1.1 over keep-alive connections.

    python -m bench.load PORT CONNECTIONS FILE      FILE: requests, each after its length in 4 bytes

Sends each request once, as fast as answers come, and prints the seconds that it took. Any status but
200 or 201 is an error: a rate of refusals is no rate.
"""

import asyncio
import sys
import time
from pathlib import Path


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


async def connection(port: int, requests: list[bytes]) -> None:
    """Send requests taken from the end of the list until none is left."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    while requests:
        writer.write(requests.pop())
        head = await reader.readuntil(b"\r\n\r\n")
        if head[9:12] not in (b"200", b"201"):
            raise RuntimeError(head.decode())
        at = head.lower().index(b"content-length:") + 15
        await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
    writer.close()


async def run(port: int, connections: int, requests: list[bytes]) -> float:
    """Return the seconds that all requests took."""
    started = time.perf_counter()
    await asyncio.gather(*(connection(port, requests) for _ in range(connections)))
    return time.perf_counter() - started


if __name__ == "__main__":
    print(asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), read_requests(Path(sys.argv[3])))))
