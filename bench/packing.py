"""Packing: what a small deposit costs on the disk and in a bucket, and whether packing slows deposits.

Deposits of two small age files go in batches into two notaries in turn; one packs meanwhile, as a
service does, and the other one does not. In the end files, disk and rows are counted on both. The same
deposits then go into a bucket, where there is an object store, and its objects are counted.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.row import Row, interleaved, ratio
from bench.service import ORIGIN, Depositor
from ledger.chain.statement import Deposit, Payload, format_deposit
from ledger.crypto.envelope import encrypt_payload, seal_header
from ledger.crypto.recipients import X25519Identity
from ledger.crypto.stream import payload_root
from ledger.notary.care.migrating import migrate
from ledger.notary.notary import Notary, open_notary
from ledger.notary.packing import Packer, Packing, named_in
from ledger.notary.storage import directory as place
from ledger.notary.storage.bucket import open_bucket
from ledger.wire.protocol import SmallEnvelope
from tests.objects import ObjectServer, running

BATCH, ROUNDS, IN_A_BUCKET = 100, 100, 5
PLAIN, MANIFEST, OFFICERS = 2_000, 1_000, 4
"""Bytes of a document and of its manifest; and who can open them."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """Files or objects, and the bytes that they take."""

    files: int
    size: int


def rows() -> Iterator[Row]:
    """Yield the figures."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield from _folder(Path(folder), stack)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        try:
            server = running(Path(folder), patch)
        except pytest.skip.Exception as missing:
            yield Row("packing in a bucket", f"not measured: {missing}")
            return
        try:
            yield from _bucket(Path(folder), server)
        finally:
            server.stop()


def _folder(work: Path, stack: ExitStack) -> Iterator[Row]:
    depositors = [Depositor(work / name) for name in ("plain", "packing")]
    plain, packed = (stack.enter_context(open_notary(work / name)) for name in ("plain", "packing"))
    packer = Packer(named_in(packed._store), packed.envelopes)
    thread = Packing(packer, lambda: packed.sequencer.last.size)
    for each in ((plain, depositors[0]), (packed, depositors[1])):
        _deposit(*each)
    alone, beside = interleaved(
        ROUNDS,
        (lambda: _deposit(plain, depositors[0]), lambda: _deposit(packed, depositors[1])),
    )
    thread.close()
    count = BATCH * (ROUNDS + 1)
    packer, start = Packer(named_in(packed._store), packed.envelopes), time.perf_counter()
    while packer.turn(packed.sequencer.last.size):
        pass
    rest = time.perf_counter() - start
    packer.close()
    before, after = _taken(work / "plain"), _taken(work / "packing")
    rows_ = (work / "packing" / place.PACKS).stat().st_size
    yield Row(
        f"files a deposit in a folder, {count:,} deposits",
        f"{after.files / count:.3f}, the last {rest:.1f} s of packing included",
        f"{before.files / count:.3f} loose",
    )
    yield Row(
        "disk a deposit, rows about packs included",
        f"{(after.size + rows_) / count / 1024:.1f} KiB",
        f"{before.size / count / 1024:.1f} KiB loose",
    )
    yield Row(
        "deposits a second while others are packed",
        f"{statistics.median(beside):,.0f}",
        f"{statistics.median(alone):,.0f} without",
        f"{ratio(beside, alone):.2f}",
    )


def _bucket(work: Path, server: ObjectServer) -> Iterator[Row]:
    url = server.url()
    depositor = Depositor(work / "notary")
    migrate(work / "notary", database=None, objects=url)
    with open_notary(work / "notary") as notary:
        for _ in range(IN_A_BUCKET):
            _deposit(notary, depositor)
        count = BATCH * IN_A_BUCKET
        before = len(list(open_bucket(url).under("objects/")))
        packer = Packer(named_in(notary._store), notary.envelopes)
        start = time.perf_counter()
        while packer.turn(notary.sequencer.last.size):
            pass
        took = time.perf_counter() - start
        packer.close()
        after = len(list(open_bucket(url).under("objects/")))
    yield Row(
        f"objects a deposit in a bucket, {count:,} deposits",
        f"{after / count:.3f}; {count / took:,.0f} deposits packed a second",
        f"{before / count:.3f} loose",
    )


def _deposit(notary: Notary, depositor: Depositor) -> float:
    """Deposit a batch; return deposits a second."""
    made = [(_age_file(PLAIN), _age_file(MANIFEST)) for _ in range(BATCH)]
    now = int(time.time())
    statements = [
        format_deposit(
            Deposit(ORIGIN, os.urandom(32), content.payload, manifest.payload),
            depositor.account,
            depositor.key,
            now,
        )
        for content, manifest in made
    ]
    start = time.perf_counter()
    notary.envelopes.put_many(depositor.account, [each for pair in made for each in pair])
    for each in notary.sequencer.submit_many(statements):
        each.result(60)
    return BATCH / (time.perf_counter() - start)


_HEADER = seal_header(
    b"k" * 16,
    [X25519Identity(bytes([n]) * 32).recipient() for n in range(OFFICERS)],
    os.urandom,
)


def _age_file(size: int) -> SmallEnvelope:
    data = encrypt_payload(os.urandom(size), b"k" * 16, os.urandom(16))
    return SmallEnvelope(Payload(len(data), payload_root([data])), _HEADER, data)


def _taken(directory: Path) -> _Taken:
    found = [each.stat() for each in (directory / place.OBJECTS).rglob("*") if each.is_file()]
    return _Taken(len(found), sum(512 * each.st_blocks for each in found))
