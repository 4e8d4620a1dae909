"""Copies the rows of a ledger from one engine to the other, and compares what is there already.

Entries, checkpoints and the trail never change, so a copy that was cut short goes on behind its last
row, and every row before is compared. The other tables are small and change: each run makes them anew,
a store at a time, all of it or nothing. Left out: orders of commands that wait, and the queue, in which
nothing lies that anybody was promised.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.chain.checkpoint import Checkpoint
from ledger.chain.statement import parse_statement
from ledger.chain.trust import Trust
from ledger.crypto.merkle import RootBuilder, leaf_hashes
from ledger.errors import Conflict, LedgerFault
from ledger.notary.ports import SignedCheckpoint
from ledger.notary.sequencing.forks import require_log_lines
from ledger.notary.storage import anchors, checkpoints, desk, ledger_database, office, packs
from ledger.notary.storage import directory as place
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.schema import Engine, Place, Schema, open_engine
from ledger.quoted import quoted

_ROWS = 1_000
"""Rows in memory at a time."""
At = Callable[[str], Place]
"""Where a store lies, by its file's name."""
Advance = Callable[[int], None]
"""Called with how many entries, or bytes of files, are done besides."""


@dataclass(frozen=True, slots=True)
class _Table:
    """A table by its name; `key` is the column by which its rows are read in order and in parts."""

    name: str
    key: str
    columns: str = "*"
    numbered: bool = False


_CHANGING: tuple[tuple[str, Schema, tuple[_Table, ...]], ...] = (
    (place.OFFICE, office.SCHEMA, (_Table("auditors", "name"), _Table("nonces", "key_id, nonce"))),
    (
        place.DESK,
        desk.SCHEMA,
        (
            _Table("staff", "id", numbered=True),
            _Table("passkeys", "id"),
            _Table("links", "staff"),
            _Table("sessions", "digest"),
            _Table("failures", "scope"),
            _Table("answered", "challenge"),
            _Table("proposals", "id", numbered=True),
            _Table("terms", "account"),
            _Table("retention", "account"),
            _Table("hooks", "account"),
            _Table("hook_keys", "number"),
        ),
    ),
    (
        place.ANCHORS,
        anchors.SCHEMA,
        (
            _Table("anchors", "height"),
            _Table("tokens", "rowid", "digest, height, lines, until, signer, der"),
        ),
    ),
    (
        place.PACKS,
        packs.SCHEMA,
        (
            _Table("packs", "id"),
            _Table("parts", "account, root, version"),
            _Table("newer", "account, root"),
            _Table("packing", "id"),
        ),
    ),
)
_GROWING = (
    (place.CHECKPOINTS, checkpoints.SCHEMA, _Table("checkpoints", "height")),
    (place.DESK, desk.SCHEMA, _Table("trail", "number")),
)
_LEDGER = ("entries", "matters", "keys", "revocations", "certificates", "withdrawals")


def copy_rows(old: At, new: At, advance: Advance) -> None:
    """Bring the new engine to what the old one holds. Hold both.

    Raises Conflict where the new one holds something else; LedgerFault, StorageFailed.
    """
    with _both(old, new, place.LEDGER, ledger_database.SCHEMA) as (source, target):
        for rows, there in _in_step(source, target, _Table("entries", "idx")):
            _require_same(rows[: len(there)], there, new(place.LEDGER))
            if len(there) < len(rows):
                _enter(new(place.LEDGER), rows[len(there) :])
            advance(len(rows))
    for file, schema, table in _GROWING:
        if not _is_there(old, file):
            continue
        with _both(old, new, file, schema) as (source, target):
            for rows, there in _in_step(source, target, table):
                _require_same(rows[: len(there)], there, new(file))
                with target.writing() as session:
                    _insert(session, table.name, rows[len(there) :])
    for file, schema, tables in _CHANGING:
        if not _is_there(old, file):
            if not isinstance(new(file), Path):
                open_engine(new(file), schema, create=True).close()
        else:
            with _both(old, new, file, schema) as (source, target):
                _copy_anew(source, target, tables, server=not isinstance(new(file), Path))


def verify_rows(old: At, new: At, trust: Trust, advance: Advance) -> SignedCheckpoint:
    """Return the last signed checkpoint, after its root was recomputed from what was copied.

    Raises LedgerFault where a table has another number of rows, or the entries another root;
    VerificationFailed where the ledger's keys have not signed it.
    """
    tables = [(place.LEDGER, ledger_database.SCHEMA, name) for name in _LEDGER]
    tables += [(file, schema, table.name) for file, schema, table in _GROWING]
    tables += [(file, schema, each.name) for file, schema, many in _CHANGING for each in many]
    for file, schema, name in tables:
        if not _is_there(old, file):
            continue
        with _both(old, new, file, schema) as (source, target):
            if _count(source, name) != _count(target, name):
                raise not_the_same(name)
    signed = checkpoints.CheckpointDatabase(new(place.CHECKPOINTS))
    store = LedgerDatabase(new(place.LEDGER))
    try:
        last = signed.last()
        if last is None:
            raise LedgerFault("This ledger has no signed checkpoint; it was never founded whole.")
        tree = RootBuilder()
        for start in range(0, last.size, _ROWS):
            rows = store.read(start, min(start + _ROWS, last.size))
            tree.extend(leaf_hashes(each.statement for each in rows))
            advance(len(rows))
        if tree.size != last.size or tree.root() != last.root:
            raise not_the_same(place.LEDGER)
        require_log_lines(trust, last.note, Checkpoint(trust.origin, last.size, last.root))
    finally:
        signed.close()
        store.close()
    return last


def count_entries(old: At) -> int:
    """Return how many entries there are to copy."""
    store = LedgerDatabase(old(place.LEDGER))
    try:
        return store.size()
    finally:
        store.close()


def not_the_same(what: str) -> LedgerFault:
    """Return the error that a table or a file was copied otherwise than it was."""
    return LedgerFault(
        f"What was copied is not what was there ({quoted(what)}). Nothing was switched. Give the "
        "command again; if that does not help, empty the new place first."
    )


def _is_there(at: At, file: str) -> bool:
    found = at(file)
    return not isinstance(found, Path) or found.exists()


@contextmanager
def _both(old: At, new: At, file: str, schema: Schema) -> Iterator[tuple[Engine, Engine]]:
    with ExitStack() as stack:
        source = open_engine(old(file), schema, create=not isinstance(old(file), Path))
        stack.callback(source.close)
        target = open_engine(new(file), schema, create=True)
        stack.callback(target.close)
        yield source, target


def _parts(engine: Engine, table: _Table) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all rows in the order of their key."""
    rows, after = _part(engine, table, ())
    while rows:
        yield rows
        rows, after = _part(engine, table, after)


def _part(
    engine: Engine, table: _Table, after: tuple[Any, ...]
) -> tuple[list[tuple[Any, ...]], tuple[Any, ...]]:
    """Return the next rows above a key, and the key of the last one."""
    above = f"WHERE ({table.key}) > ({', '.join('?' * len(after))}) " if after else ""
    sql = (
        f"SELECT {table.key}, {table.columns} FROM {table.name} {above}"  # noqa: S608
        f"ORDER BY {table.key} LIMIT {_ROWS}"
    )
    with engine.reading() as session:
        found = session.execute(sql, after).fetchall()
    width = table.key.count(",") + 1
    last = tuple(found[-1][:width]) if found else after
    return [tuple(each[width:]) for each in found], last


def _in_step(
    source: Engine, target: Engine, table: _Table
) -> Iterator[tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]]:
    """Yield rows of the source, and those that the target has in their place, in order."""
    rows, after = _part(source, table, ())
    there, _ = _part(target, table, ())
    while rows:
        yield rows, there
        there, _ = _part(target, table, after)
        rows, after = _part(source, table, after)
    if there:
        raise Conflict(
            f"The new place holds more than this ledger (in {quoted(table.name)}): it is another "
            "one's, or was gone on with. Choose an empty place."
        )


def _require_same(
    rows: Sequence[tuple[Any, ...]], there: Sequence[tuple[Any, ...]], where: Place
) -> None:
    if list(rows) != list(there):
        raise Conflict(
            f"{quoted(where)} holds other rows than this ledger, and is not written over. Choose an "
            "empty place."
        )


def _enter(where: Place, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add entries, and what follows from them, as they were added the first time."""
    store = LedgerDatabase(where)
    try:
        store.append(rows[0][0], [parse_statement(each[-1]) for each in rows])
    finally:
        store.close()


def _insert(session: Any, table: str, rows: Sequence[tuple[Any, ...]], columns: str = "") -> None:
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        session.executemany(f"INSERT INTO {table}{columns} VALUES ({marks})", rows)  # noqa: S608


def _copy_anew(source: Engine, target: Engine, tables: Sequence[_Table], *, server: bool) -> None:
    with target.writing() as session:
        for table in reversed(tables):
            session.execute(f"DELETE FROM {table.name}")  # noqa: S608 - a name of ours
        for table in tables:
            columns = "" if table.columns == "*" else f" ({table.columns})"
            for rows in _parts(source, table):
                _insert(session, table.name, rows, columns)
            if server and table.numbered:
                session.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), "  # noqa: S608
                    f"coalesce(max(id), 1), max(id) IS NOT NULL) FROM {table.name}"
                )


def _count(engine: Engine, table: str) -> int:
    with engine.reading() as session:
        return int(session.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
