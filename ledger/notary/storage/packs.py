"""`packs.sqlite`, or tables on a server: where in the packs each small age file lies.

It follows from the packs, whose tables say the same, and is made anew from them where it is missing
(`packshelf.take_up`). What is more here: how far a pack has come, up to which entry the ledger's
ciphertext was packed, and which headers are newer than the packed ones.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ledger.errors import StorageFailed
from ledger.notary.storage.packfile import PAYLOAD, Packed
from ledger.notary.storage.schema import Place, Schema, Version, open_engine

FILE = "packs.sqlite"
_TABLES = """
CREATE TABLE packs (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL
) STRICT;
CREATE TABLE parts (
    account TEXT NOT NULL,
    root BLOB NOT NULL,
    version INTEGER NOT NULL,
    pack INTEGER NOT NULL,
    at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (account, root, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE newer (
    account TEXT NOT NULL,
    root BLOB NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (account, root)
) STRICT, WITHOUT ROWID;
CREATE TABLE packing (
    id INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL,
    changes INTEGER NOT NULL
) STRICT;
INSERT INTO packing VALUES (1, 0, 0);
"""
SCHEMA = Schema("packs", (Version(_TABLES),))
_ROOTS = 256


class State(StrEnum):
    """How far a pack has come."""

    MAKING = "making"
    """Nothing is read from it: it may not be there, and goes away if nobody finishes it."""
    SETTLING = "settling"
    """Its parts are read from it; their loose files may still lie about."""
    WHOLE = "whole"
    LEAVING = "leaving"
    """Nothing is read from it any more; it goes away."""


@dataclass(frozen=True, slots=True)
class Where:
    """Bytes of a pack."""

    pack: int
    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Found:
    """What is packed of an age file, None for nothing.

    `version` is that of the packed header; `settled` says that no loose one is newer than it but
    `newer`, the number of one that was put since.
    """

    payload: Where | None
    header: Where | None
    version: int
    settled: bool
    newer: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Entries below `entry` were looked at; `changes` counts what was erased from packs."""

    entry: int
    changes: int


class _Slower(Exception):
    """Somebody else was faster: what was written of a transaction is taken back."""


class PackDatabase:
    """Where packed age files lie. Every method may be called from any thread."""

    def __init__(self, place: Place, *, create: bool = False, reading: bool = False) -> None:
        self.place = place
        self._engine = open_engine(place, SCHEMA, create=create, reading=reading)

    def find(self, account: str, root: bytes) -> Found:
        """Return what is packed of an age file."""
        sql = (
            "SELECT version, pack, at, size, state FROM parts JOIN packs ON packs.id = parts.pack "
            "WHERE account = ? AND root = ? ORDER BY version"
        )
        newer = "SELECT number FROM newer WHERE account = ? AND root = ?"
        with self._engine.reading() as session:
            rows = session.execute(sql, (account, root)).fetchall()
            put = session.execute(newer, (account, root)).fetchone() if rows else None
        payload = header = None
        last, settled = 0, False
        for version, pack, at, size, state in rows:
            if version == PAYLOAD:
                payload = Where(pack, at, size)
            else:
                header, last = Where(pack, at, size), version
                settled = state == State.WHOLE
        return Found(payload, header, last, settled, None if put is None else int(put[0]))

    def among(self, account: str, roots: Sequence[bytes]) -> set[bytes]:
        """Return those of an account's age files of which something is packed."""
        found: set[bytes] = set()
        with self._engine.reading() as session:
            for at in range(0, len(roots), _ROOTS):
                part = roots[at : at + _ROOTS]
                marks = ",".join("?" * len(part))
                sql = f"SELECT DISTINCT root FROM parts WHERE account = ? AND root IN ({marks})"  # noqa: S608
                rows = session.execute(sql, (account, *part)).fetchall()
                found.update(bytes(root) for (root,) in rows)
        return found

    def used(self, account: str) -> int:
        """Return the bytes of an account's packed age files."""
        sql = "SELECT coalesce(sum(size), 0) FROM parts WHERE account = ?"
        with self._engine.reading() as session:
            return int(session.execute(sql, (account,)).fetchone()[0])

    def progress(self) -> Progress:
        """Return how far packing has come."""
        with self._engine.reading() as session:
            return Progress(*session.execute("SELECT entry, changes FROM packing").fetchone())

    def advance(self, old: Progress, entry: int) -> None:
        """Note that nothing below `entry` is to be packed, where nobody was faster."""
        with self._engine.writing() as session:
            _advance(session, old, entry)

    def packs(self, *states: State) -> dict[int, State]:
        """Return the packs that have come that far; all of them without a state."""
        with self._engine.reading() as session:
            rows = session.execute("SELECT id, state FROM packs ORDER BY id").fetchall()
        return {pack: State(state) for pack, state in rows if not states or state in states}

    def parts(self, pack: int, stated: Sequence[Packed] | None) -> list[Packed]:
        """Return what is read from a pack, in the order of its bytes.

        `stated` is what its own table says; without it every row there is has to be looked at.
        """
        columns = "account, root, version, at, size"
        with self._engine.reading() as session:
            if stated is None:
                sql = f"SELECT {columns} FROM parts WHERE pack = ?"  # noqa: S608
                found = session.execute(sql, (pack,)).fetchall()
            else:
                sql = (
                    f"SELECT {columns} FROM parts "  # noqa: S608
                    "WHERE account = ? AND root = ? AND pack = ?"
                )
                keys = sorted({(each.account, each.root) for each in stated})
                rows = [session.execute(sql, (*key, pack)).fetchall() for key in keys]
                found = [row for several in rows for row in several]
        return sorted((Packed(*row) for row in found), key=lambda each: each.at)

    def holding(self, account: str, root: bytes) -> set[int]:
        """Return the packs that hold anything of an age file."""
        sql = "SELECT DISTINCT pack FROM parts WHERE account = ? AND root = ?"
        with self._engine.reading() as session:
            return {pack for (pack,) in session.execute(sql, (account, root)).fetchall()}

    def where(self, part: Packed) -> Where | None:
        """Return where a part of this name is read, None where no row names one."""
        sql = "SELECT pack, at, size FROM parts WHERE account = ? AND root = ? AND version = ?"
        with self._engine.reading() as session:
            row = session.execute(sql, (part.account, part.root, part.version)).fetchone()
        return None if row is None else Where(*row)

    def begin(self, pack: int) -> None:
        """Note a pack that is going to be written."""
        with self._engine.writing() as session:
            session.execute("INSERT INTO packs VALUES (?, ?)", (pack, State.MAKING.value))

    def enter(
        self,
        pack: int,
        parts: Sequence[Packed],
        old: Progress,
        entry: int,
        newer: Iterable[tuple[str, bytes, int]],
    ) -> bool:
        """Let parts be read from a pack that was written; False where somebody else was faster.

        So it is too where another process has finished the pack meanwhile.

        `old` is what packing had come to when the parts were gathered, and `entry` what it comes to;
        `newer` are the headers among them that were put since an earlier packing.
        """
        with suppress(_Slower), self._engine.writing() as session:
            if not _advance(session, old, entry):
                raise _Slower
            if not _become(session, pack, State.MAKING, State.SETTLING):
                raise _Slower
            _insert(session, pack, parts)
            for account, root, number in newer:
                sql = "DELETE FROM newer WHERE account = ? AND root = ? AND number = ?"
                session.execute(sql, (account, root, number))
            return True
        return False

    def abandon(self, pack: int) -> bool:
        """Let nobody enter a pack that was begun; False where somebody has."""
        with self._engine.writing() as session:
            _become(session, pack, State.MAKING, State.LEAVING)
            row = session.execute("SELECT state FROM packs WHERE id = ?", (pack,)).fetchone()
        return row is None or row[0] == State.LEAVING

    def take_up(
        self, pack: int, parts: Sequence[Packed], instead: Sequence[Packed], *, begun: bool = False
    ) -> bool:
        """Enter a pack that no row names, or that was `begun`, less what another one holds.

        The rows of `instead`, which other packs do not hold whole, give way to this one's. False where
        somebody else was faster.
        """
        with self._engine.writing() as session:
            sql = "INSERT INTO packs VALUES (?, ?) ON CONFLICT DO NOTHING"
            if begun:
                if not _become(session, pack, State.MAKING, State.SETTLING):
                    return False
            elif not session.execute(sql, (pack, State.SETTLING.value)).rowcount:
                return False
            for each in instead:
                sql = "DELETE FROM parts WHERE account = ? AND root = ? AND version = ?"
                session.execute(sql, (each.account, each.root, each.version))
            for each in parts:
                sql = "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
                session.execute(sql, _row(pack, each))
        return True

    def replace(
        self,
        old: int,
        held: Sequence[Packed],
        new: int | None,
        parts: Sequence[Packed],
        gone: Iterable[tuple[str, bytes]],
    ) -> None:
        """Let what a pack `held` be read from another one, and nothing of what is gone from any.

        Raises StorageFailed where another process has finished the new one meanwhile.
        """
        with self._engine.writing() as session:
            session.execute("UPDATE packing SET changes = changes + 1")
            session.executemany(
                "DELETE FROM parts WHERE account = ? AND root = ? AND version = ? AND pack = ?",
                [(each.account, each.root, each.version, old) for each in held],
            )
            for key in gone:
                session.execute("DELETE FROM newer WHERE account = ? AND root = ?", key)
            if new is not None:
                _insert(session, new, parts)
                if not _become(session, new, State.MAKING, State.WHOLE):
                    raise StorageFailed(
                        "Another process has taken over the packs meanwhile. Give the command again."
                    )
            session.execute("UPDATE packs SET state = ? WHERE id = ?", (State.LEAVING.value, old))

    def finish(self, pack: int) -> None:
        """Note that none of a pack's loose files is left."""
        with self._engine.writing() as session:
            _become(session, pack, State.SETTLING, State.WHOLE)

    def forget(self, pack: int) -> None:
        """Forget a pack that is gone, and what was read from it."""
        with self._engine.writing() as session:
            session.execute("DELETE FROM packs WHERE id = ?", (pack,))

    def forget_empty(self, packs: Iterable[int]) -> None:
        """Forget those packs from which nothing is read."""
        with self._engine.writing() as session:
            for pack in packs:
                sql = (
                    "DELETE FROM packs WHERE id = ? "
                    "AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.pack = packs.id)"
                )
                session.execute(sql, (pack,))

    def put_newer(self, account: str, root: bytes, number: int) -> None:
        """Note a header that is newer than the packed one."""
        sql = (
            "INSERT INTO newer VALUES (?, ?, ?) ON CONFLICT (account, root) "
            "DO UPDATE SET number = excluded.number WHERE excluded.number > newer.number"
        )
        with self._engine.writing() as session:
            session.execute(sql, (account, root, number))

    def newer(self, limit: int) -> list[tuple[str, bytes, int]]:
        """Return headers that are newer than the packed ones, and wait to be packed."""
        sql = "SELECT account, root, number FROM newer ORDER BY account, root LIMIT ?"
        with self._engine.reading() as session:
            rows = session.execute(sql, (limit,)).fetchall()
        return [(account, bytes(root), number) for account, root, number in rows]

    def check(self) -> str | None:
        """Return what the engine's own integrity check finds, None when all is well."""
        return self._engine.check()

    def close(self) -> None:
        """Close every connection."""
        self._engine.close()


def _become(session: Any, pack: int, old: State, new: State) -> bool:
    sql = "UPDATE packs SET state = ? WHERE id = ? AND state = ?"
    return bool(session.execute(sql, (new.value, pack, old.value)).rowcount == 1)


def _advance(session: Any, old: Progress, entry: int) -> bool:
    sql = "UPDATE packing SET entry = ? WHERE entry = ? AND changes = ?"
    return bool(session.execute(sql, (entry, old.entry, old.changes)).rowcount)


def _insert(session: Any, pack: int, parts: Sequence[Packed]) -> None:
    session.executemany(
        "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?)", [_row(pack, each) for each in parts]
    )


def _row(pack: int, part: Packed) -> tuple[Any, ...]:
    return part.account, part.root, part.version, pack, part.at, part.size
