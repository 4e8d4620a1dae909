"""Honest deposits while one hostile peer works, against the same deposits in quiet, in turn.

The deposits come at a steady pace over loopback, each timed from its first byte to its receipt. The
hostile peer has an address of its own (127.0.0.2) and a process of its own, which yields its processor
to everybody: what it takes from the service counts, not what it takes from this machine.

    python -m bench.hostile KIND PORT FILE       works until it is ended; FILE is an evidence file
"""

import asyncio
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.mail import percentile
from bench.row import Row
from bench.service import SERVICE, Depositor, post, running
from ledger.wire.protocol import COSE, OCTETS
from tests.disclosed import Shown, file

PEER = "127.0.0.2"
ROUNDS = 8
SECONDS = 4.0
RATE = 25
"""Deposits a second: far from what the service can do, so that what is measured is its answer."""
GATE = 2.0
BODIES = 2_010
PAUSE = 5.0
"""Seconds before who was sent away comes again: a flood of connections is another attack."""
DOCUMENTS = 1_500
"""Documents of the evidence file: about as much work as the service does for one."""

_HEAD = b"POST /verify HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: "


async def field(port: int, _: bytes) -> None:
    """A header field that never ends, and again."""
    await _endless(port, b"GET /health HTTP/1.1\r\nHost: a\r\nX: ")


async def trailer(port: int, _: bytes) -> None:
    """A trailer that never ends, and again."""
    await _endless(port, _CHUNKED)


async def _endless(port: int, start: bytes) -> None:
    async def one() -> None:
        while True:
            with suppress(OSError):
                reader, writer = await _connect(port)
                writer.write(start)
                while not (reader.at_eof() or writer.is_closing()):
                    writer.write(b"a" * (1 << 16))
                    await writer.drain()
                writer.close()

    await asyncio.gather(*(one() for _ in range(64)))


async def bodies(port: int, _: bytes) -> None:
    """Thousands of bodies of which a byte comes now and then."""

    async def one(number: int) -> None:
        await asyncio.sleep(number / BODIES)
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await _connect(port)
                writer.write(_HEAD + b"Content-Length: 60000\r\n\r\n")
                while not (reader.at_eof() or writer.is_closing()):
                    writer.write(b"a")
                    await writer.drain()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(reader.read(1 << 16), 1)
                writer.close()
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*map(one, range(BODIES)))


async def checks(port: int, evidence: bytes) -> None:
    """Two clients with one evidence file after the other."""

    async def one() -> None:
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await _connect(port)
                writer.write(post("/verify", OCTETS, evidence))
                head = await reader.readuntil(b"\r\n\r\n")
                writer.close()
                if head[9:12] == b"503":
                    await asyncio.sleep(0.05)

    await asyncio.gather(one(), one())


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(PEER, 0))


KINDS: dict[str, Callable[[int, bytes], Coroutine[Any, Any, None]]] = {
    "field": field,
    "trailer": trailer,
    "bodies": bodies,
    "checks": checks,
}


def measure(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, list[float]]:
    """Return the seconds of each deposit: in quiet ("") and while each kind of peer works."""
    found: dict[str, list[float]] = {kind: [] for kind in ("", *KINDS)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        depositor = Depositor(folder / "notary")
        evidence = folder / "case.evidence"
        evidence.write_bytes(Shown([file(f"{n}", [b"x"]) for n in range(DOCUMENTS)]).evidence())
        with running(SERVICE, folder / "notary") as port:
            asyncio.run(_deposits(port, depositor, 1.0))
            for _ in range(rounds):
                for kind, times in found.items():
                    with _working(kind, port, evidence):
                        times += asyncio.run(_deposits(port, depositor, seconds))
    return found


def _working(kind: str, port: int, evidence: Path) -> "_Ended":
    if not kind:
        return _Ended(None)
    command = [sys.executable, "-m", "bench.hostile", kind, str(port), str(evidence)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(1)
    return _Ended(process)


class _Ended:
    """Ends a process with its block."""

    def __init__(self, process: subprocess.Popen[bytes] | None) -> None:
        self._process = process

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            assert self._process.poll() is None, "the hostile peer gave up"
            self._process.kill()
            self._process.communicate()


async def _deposits(port: int, depositor: Depositor, seconds: float) -> list[float]:
    """Return how long each of `seconds` * RATE deposits took, sent at their time and not later."""
    statements = depositor.statements(int(seconds * RATE))
    started = asyncio.get_running_loop().time()

    async def one(number: int, statement: bytes) -> float:
        await asyncio.sleep(started + number / RATE - asyncio.get_running_loop().time())
        begun = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post("/statements", COSE, statement))
        head = await reader.readuntil(b"\r\n\r\n")
        if head[9:12] != b"201":
            raise RuntimeError(f"an honest deposit was not taken: {head.decode()}")
        writer.close()
        return time.perf_counter() - begun

    return await asyncio.gather(*itertools.starmap(one, enumerate(statements)))


def ratios(found: dict[str, list[float]]) -> dict[str, float]:
    """Return by how much each kind of peer lengthens the 99th percentile."""
    quiet = percentile(found[""], 0.99)
    return {kind: percentile(found[kind], 0.99) / quiet for kind in KINDS}


def rows() -> Iterator[Row]:
    """Yield the figures."""
    found = measure()
    quiet = found[""]
    for kind, ratio in ratios(found).items():
        yield Row(
            f"deposits at {RATE}/s beside a hostile peer: {kind}",
            _shown(found[kind]),
            f"in quiet {_shown(quiet)}",
            f"{ratio:.2f}",
            f"p99 at most {GATE:g} times that in quiet",
            ratio > GATE,
        )


def _shown(times: list[float]) -> str:
    p50, p99 = (1000 * percentile(times, share) for share in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def main() -> None:
    """Be the hostile peer."""
    import resource

    kind, port, evidence = sys.argv[1:]
    os.nice(19)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print("working", flush=True)
    asyncio.run(KINDS[kind](int(port), Path(evidence).read_bytes()))


if __name__ == "__main__":
    main()
