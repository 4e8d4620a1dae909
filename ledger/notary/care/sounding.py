"""What is sound in a ledger, found in processes beside each other: most of a check's work.

They say of deposits and of entry bundles that all is well with each by itself, and nothing else: the
statement parses, its key has signed it, the database states its kind and account, its age files are
there. Which key that is, is the database's word until the statement's own thumbprint has confirmed it.
What they do not say, `fsck` looks at itself; so it finds the same however many of them there are.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ledger.chain import statement as st
from ledger.chain.replay import Deposited
from ledger.chain.statement import parse_deposit, parse_statement, verify_statement
from ledger.chain.tiles import TILE_WIDTH
from ledger.errors import SealbookError
from ledger.notary.care.payloads import payload_faults
from ledger.notary.ports import Entry
from ledger.notary.storage import directory as place
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.logfiles import LogStore, log_folder
from ledger.notary.storage.packed import PackedEnvelopes
from ledger.notary.storage.packs import PackDatabase
from ledger.notary.storage.stores import open_packed

PIECE = 4 * TILE_WIDTH
"""Entries that are looked at in one go."""
MANY = 8 * PIECE
"""Entries that are worth a process each core: it takes half a second to start."""
_AHEAD = 4
"""Pieces under way for each process: what they found waits in memory."""
_KEYS = 4_096


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a notary keeps what is looked at; `ciphertext` has all age files read as well."""

    database: Path
    packs: Path
    directory: Path
    ciphertext: bool

    def open(self) -> tuple[LedgerDatabase, LogStore, PackedEnvelopes]:
        """Open all of it for reading. Raises LedgerFault, StorageFailed."""
        settings = place.read_settings(self.directory)
        packs = PackDatabase(self.packs, reading=True)
        return (
            LedgerDatabase(self.database, reading=True),
            log_folder(self.directory / place.LOG),
            open_packed(self.directory, settings, packs),
        )


@dataclass(frozen=True, slots=True)
class Sound:
    """The deposits of a piece that are sound, None for every other entry; its sound full bundles."""

    deposits: tuple[Deposited | None, ...] = (None,) * PIECE
    bundles: frozenset[int] = frozenset()


class Sounding:
    """Hands out what is sound, for a reader that goes from the first entry to the last."""

    def __init__(self, pieces: Iterator[Sound]) -> None:
        self._pieces = pieces
        self._first = -PIECE
        self._piece = Sound()
        self._bundles: frozenset[int] = frozenset()

    def deposit(self, index: int) -> Deposited | None:
        """Return the deposit at `index` if it is known to be sound."""
        while index >= self._first + PIECE:
            self._first += PIECE
            before, self._piece = self._piece, next(self._pieces, Sound())
            self._bundles = before.bundles | self._piece.bundles
        return self._piece.deposits[index - self._first]

    def bundle(self, index: int) -> bool:
        """Return whether a full bundle of entries that were asked for holds what the database has."""
        return index in self._bundles


@contextmanager
def sounding(kept: Kept, size: int) -> Iterator[Sounding]:
    """Yield what is sound of the first `size` entries, found in processes where that is worth them."""
    starts = range(0, size, PIECE)
    if size < MANY:
        look = _Look(kept)
        try:
            yield Sounding(map(look.piece, starts))
        finally:
            look.close()
        return
    cores = os.cpu_count() or 1
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(cores, spawn, initializer=_begin)
    try:
        yield Sounding(_side_by_side(pool, kept, starts, cores * _AHEAD))
    finally:
        pool.shutdown(cancel_futures=True)


def _side_by_side(
    pool: ProcessPoolExecutor, kept: Kept, starts: range, ahead: int
) -> Iterator[Sound]:
    """Yield the pieces in order while others are under way; no more once a process has died."""
    waiting: deque[Future[Sound]] = deque()
    with suppress(BrokenExecutor):
        for start in starts:
            waiting.append(pool.submit(_look, kept, start))
            if len(waiting) == ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _begin() -> None:
    """Leave Ctrl-C to the process that started this one, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _look(kept: Kept, start: int) -> Sound:
    return _of_this_process(kept).piece(start)


class _Look:
    """Looks at pieces."""

    def __init__(self, kept: Kept) -> None:
        self._store, self._log, self._envelopes = kept.open()
        self._ciphertext = kept.ciphertext
        self._key = lru_cache(maxsize=_KEYS)(self._store.key)

    def piece(self, start: int) -> Sound:
        """Return what is sound of the piece that begins at `start`."""
        try:
            entries = self._store.read(start, start + PIECE)
        except SealbookError:
            return Sound()
        found: list[Deposited | None] = [None] * PIECE
        for entry in entries:
            with suppress(SealbookError):
                found[entry.index - start] = self._deposit(entry)
        statements = [entry.statement for entry in entries]
        bundles = frozenset(
            (start + at) // TILE_WIDTH
            for at in range(0, len(entries) - TILE_WIDTH + 1, TILE_WIDTH)
            if self._bundle((start + at) // TILE_WIDTH) == statements[at : at + TILE_WIDTH]
        )
        return Sound(tuple(found), bundles)

    def close(self) -> None:
        self._store.close()
        self._envelopes.shelf.rows.close()

    def _deposit(self, entry: Entry) -> Deposited | None:
        """Return a deposit that is sound, None if it is something else. Raises SealbookError if not."""
        statement = parse_statement(entry.statement)
        if (entry.kind, entry.account) != (st.DEPOSIT, statement.issuer):
            return None
        deposit = parse_deposit(statement)
        key = self._key(statement.key_id)
        if key is None:
            return None
        verify_statement(statement, key.public)
        for payload in (deposit.content, deposit.manifest):
            if payload is not None and any(
                payload_faults(self._envelopes, statement.issuer, payload, read=self._ciphertext)
            ):
                return None
        return Deposited(
            deposit.origin,
            statement.issuer,
            statement.key_id,
            statement.leaf_hash,
            deposit.matter,
        )

    def _bundle(self, index: int) -> list[bytes] | None:
        with suppress(SealbookError):
            return self._log.read_bundle(index, TILE_WIDTH)
        return None


_of_this_process = lru_cache(maxsize=1)(_Look)
