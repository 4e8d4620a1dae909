"""The portal's pages over a ledger of 10^6 entries in 62,500 blocks, through the real service.

The databases are filled here: block records are the office's, deposits are 400 bytes of anything, the
signature lines of checkpoints and cosignatures have their lengths and no meaning, which no page asks
for. The notary that is opened is a small one; what it reads from is exchanged for them.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx2
import structlog

from api.settings import Settings
from bench.row import Row
from ledger.chain import statement as st
from ledger.chain.block import GENESIS_PREVIOUS, Block, block_payload, note_digest
from ledger.chain.checkpoint import Checkpoint
from ledger.chain.note import Note, Signature, format_note
from ledger.chain.seal import Seal
from ledger.crypto.merkle import leaf_hash
from ledger.notary.entries import Entries
from ledger.notary.notary import Notary, open_notary
from ledger.notary.ports import Anchor, SignedCheckpoint
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.ledger_database import LedgerDatabase
from tests.notaries import found
from tests.service.conftest import start
from tests.simulator import Office, nonce

ENTRIES, IN_A_BLOCK, BYTES = 1_000_000, 16, 400
DAYS = 30
ANCHOR_EVERY = 4
OFFICE_EVERY = 500
"""Entries between two of the office's own."""
ROUNDS = 100
MOST = 0.050
"""Seconds."""
PAGES = (
    ("first page", "/"),
    ("blocks", "/blocks"),
    ("blocks, in the middle", "/blocks?from=31000"),
    ("a block", "/block/31001"),
    ("health and charts", "/health"),
    ("the form of a check", "/check"),
)
_HTML = {"accept": "text/html"}


def rows() -> Iterator[Row]:
    """Yield the figures."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as name, _notary(Path(name)) as notary:
        server, thread, port = start(notary, Settings())
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, headers=_HTML) as http:
            for title, path in PAGES:
                first = _asked(http, path)
                taken = sorted(_asked(http, path) for _ in range(ROUNDS))
                middle = statistics.median(taken)
                yield Row(
                    f"portal at {ENTRIES:,} entries: {title}",
                    f"{1000 * middle:.1f} ms, 19 of 20 in {1000 * taken[ROUNDS * 19 // 20]:.1f} ms, "
                    f"first {1000 * first:.0f} ms",
                    gate=f"at most {1000 * MOST:.0f} ms",
                    missed=middle > MOST,
                )
        server.should_exit = True
        thread.join()


def _asked(http: httpx2.Client, path: str) -> float:
    begun = time.perf_counter()
    http.get(path).raise_for_status()
    return time.perf_counter() - begun


@contextmanager
def _notary(folder: Path) -> Iterator[Notary]:
    office = Office()
    store, signed, anchors = _filled(office, folder)
    last = signed.last()
    assert last is not None
    with open_notary(found(folder / "notary")) as notary:
        kept = notary._store, notary._signed, notary._anchors, notary.sequencer, notary.entries
        notary._store, notary._signed, notary._anchors = store, signed, anchors
        notary.sequencer = SimpleNamespace(last=last, fault=None)  # type: ignore[assignment]
        notary.entries = Entries(store, lambda: last.size)
        yield notary
        notary._store, notary._signed, notary._anchors, notary.sequencer, notary.entries = kept
    for each in (store, signed, anchors):
        each.close()


def _filled(
    office: Office, folder: Path
) -> tuple[LedgerDatabase, CheckpointDatabase, AnchorDatabase]:
    store = LedgerDatabase(folder / "ledger.sqlite", create=True)
    signed = CheckpointDatabase(folder / "checkpoints.sqlite", create=True)
    anchors = AnchorDatabase(folder / "anchors.sqlite")
    entries: list[tuple[object, ...]] = []
    notes: list[SignedCheckpoint] = []
    stood: list[Anchor] = []
    previous, size, height = GENESIS_PREVIOUS, 0, 0
    began = int(time.time()) - DAYS * 86_400
    while size < ENTRIES:
        begin, size = size, min(ENTRIES, size + (IN_A_BLOCK if height else 1))
        when = began + DAYS * 86_400 * size // ENTRIES
        block = Block(
            office.origin, nonce(f"{height}"), height, begin, size, when, previous, (), None
        )
        record = office.say(st.BLOCK, block_payload(block))
        entries.append((begin, leaf_hash(record), st.BLOCK, None, record))
        for index in range(begin + 1, size):
            kind = "notice" if index % OFFICE_EVERY == 0 else st.DEPOSIT
            entries.append((index, os.urandom(32), kind, "ab" * 16, os.urandom(BYTES)))
        root = os.urandom(32)
        text = Checkpoint(office.origin, size, root).text
        lines = (_line(office.origin, 64), _line(office.origin, 2_428))
        note = format_note(Note(text, lines))
        notes.append(SignedCheckpoint(height, size, root, note, Seal(b"", b"")))
        if height % ANCHOR_EVERY == 0:
            others = tuple(_line(f"witness.example/w{n}", 72) for n in range(3))
            stood.append(Anchor(height, size, format_note(Note(text, lines + others))))
        previous, height = note_digest(note), height + 1
        if len(notes) == 1_000 or size == ENTRIES:
            with store._connections.writing() as connection:
                connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", entries)
            signed.extend(notes)
            anchors.extend(stood, ())
            entries, notes, stood = [], [], []
    return store, signed, anchors


def _line(name: str, length: int) -> Signature:
    return Signature(name, os.urandom(4), os.urandom(length))
