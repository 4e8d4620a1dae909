"""The engines: statements a second into a ledger in PostgreSQL beside the embedded one.

The same statements in batches of 256 go the whole way, in turn: into SQLite files; into a real
PostgreSQL server on the same machine; into that by two processes that share the ledger, half of them
each, without HTTP. Each has a process that checks statements, as a service has. Only where a server can
be had.
"""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from bench.row import Row, interleaved, ratio
from ledger.crypto.keys import SigningKey
from ledger.notary.notary import Notary
from tests.notaries import Company, deposit, found, opened
from tests.postgres import Missing, Postgres

BATCH, BATCHES, ROUNDS = 256, 16, 7
LEAST = 0.8
"""Gate: PostgreSQL with two processes beside the embedded ledger."""


def rows() -> Iterator[Row]:
    """Yield the figures."""
    try:
        postgres = Postgres()
    except Missing as missing:
        yield Row("statements into PostgreSQL", f"not measured: {missing}")
        return
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield from _rates(Path(folder), postgres)
    finally:
        postgres.close()


def _rates(work: Path, postgres: Postgres) -> Iterator[Row]:
    shared = found(work / "shared", database=postgres.new())
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    with (
        opened(found(work / "embedded"), window=0.02, workers=1) as embedded,
        opened(found(work / "one", database=postgres.new()), window=0.02, workers=1) as one,
        opened(shared, window=0.02, workers=1, serve=True) as first,
    ):
        companies = {each: Company().enrol(each) for each in (embedded, one, first)}
        depositor = companies[first]
        other = multiprocessing.get_context("spawn").Process(
            target=_follow, args=(theirs, shared, depositor.key.seed, depositor.account)
        )
        other.start()
        ours.recv()

        def both() -> float:
            start = time.perf_counter()
            ours.send(BATCHES // 2)
            _deposit(first, depositor, BATCHES // 2)
            ours.recv()
            return BATCH * BATCHES / (time.perf_counter() - start)

        def alone(notary: Notary) -> float:
            start = time.perf_counter()
            _deposit(notary, companies[notary], BATCHES)
            return BATCH * BATCHES / (time.perf_counter() - start)

        for warm in (lambda: alone(embedded), lambda: alone(one), both):
            warm()
        plain, server, two = interleaved(
            ROUNDS, (lambda: alone(embedded), lambda: alone(one), both)
        )
        ours.send(0)
        other.join()
    limit = f"{statistics.median(plain):,.0f} embedded"
    for name, found_, gate in (
        ("one process", server, ""),
        ("two processes", two, f"at least {LEAST}"),
    ):
        part = ratio(found_, plain)
        yield Row(
            f"statements into PostgreSQL, {name}, batches of {BATCH}",
            f"{statistics.median(found_):,.0f}/s",
            limit,
            f"{part:.2f}",
            gate,
            bool(gate) and part < LEAST,
        )


def _deposit(notary: Notary, company: Company, batches: int) -> None:
    for _ in range(batches // 4):
        deposit(notary, company.statements(4 * BATCH))


def _follow(pipe: Connection, directory: Path, key: bytes, account: str) -> None:
    """Deposit as many batches as asked for, in a process that shares the ledger, until 0."""
    company = Company(SigningKey(key), account=account)
    with opened(directory, window=0.02, workers=1, serve=True) as notary:
        pipe.send(None)
        while batches := pipe.recv():
            _deposit(notary, company, batches)
            pipe.send(None)
