"""Which items were captured: the one memory that makes each of them exactly one deposit.

`capture.sqlite` in the vault has a row for each captured item, under a key that names it: a state of a
file, a message. A row is written before the deposit's folder gets its final name in the spool, so a row
without a folder means that the item was not captured; only rows that are not yet `settled` can be such,
and they are looked at when the index is opened. Of files it also keeps what the next rescan compares.

    key       what names the item
    name      the deposit's folder, in spool/ or deposits/
    matter    random id, number and leaf hash of the statement: what the next version follows; null in
              a matter that a rule names, to which others may add; number and leaf also after a refusal
    topic     what the matter is called where it has no row of its own in the vault; null for files
    path      where the file is after this row: bytes as the system has them; null for what is no file
    before    where it was, if this row records a move
    inode, size, modified_ns    the file's state, null once it is deleted
    settled   whether the folder is known to stand

The rollback journal, not WAL: SQLite before 3.51.3 can lose a WAL at a reset.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from ledger.chain.statement import Matter
from ledger.errors import StorageFailed
from ledger.quoted import quoted

INDEX = "capture.sqlite"

_SCHEMA = """
create table if not exists captures (
    id integer primary key,
    key blob not null unique,
    name text not null,
    matter blob, number integer, leaf blob,
    topic text,
    path blob, before blob,
    inode integer, size integer, modified_ns integer,
    settled integer not null default 0
) strict;
create index if not exists by_path on captures (path) where path is not null;
create index if not exists by_before on captures (before) where before is not null;
create index if not exists by_matter on captures (matter, number);
create index if not exists by_topic on captures (topic) where topic is not null;
create index if not exists by_inode on captures (inode) where inode is not null;
create index if not exists unsettled on captures (id) where not settled;
pragma temp_store = memory;
create temp table gone (key blob primary key);
create temp view live as select * from captures where key not in gone;
"""


@dataclass(frozen=True, slots=True)
class State:
    """A regular file's state, as far as a rescan can compare it. Numbers below 2^63."""

    inode: int
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a captured file is (`state` None: deleted), and where it was if it was moved."""

    path: str
    state: State | None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What was last captured at a path: a state, None after its deletion, and its matter's id."""

    row: int
    state: State | None
    matter: bytes | None


@dataclass(frozen=True, slots=True)
class Captured:
    """A row: what names the item, its deposit's folder, its matter, and where its file is."""

    key: bytes
    name: str
    matter: Matter | None
    leaf: bytes
    topic: str | None
    place: Place | None


class CaptureIndex:
    """The index of one vault; for any number of threads. Raises StorageFailed."""

    def __init__(self, home: Path, stands: Callable[[str], bool]) -> None:
        self._path = home / INDEX
        self._lock = Lock()
        self._stand: set[bytes] = set()
        with self._storage():
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._db.execute("pragma journal_mode = persist")
            self._db.execute("pragma synchronous = full")
            self._db.executescript(_SCHEMA)
            for number, name in self._db.execute(
                "select id, name from captures where not settled"
            ).fetchall():
                if not stands(name):
                    self._db.execute("delete from captures where id = ?", (number,))
            self._db.execute("update captures set settled = 1 where not settled")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def find(self, key: bytes) -> str | None:
        """Return the name of the deposit that an item became, None if it is new."""
        row = self._one("select name from live where key = ?", (key,))
        return None if row is None else str(row[0])

    def find_all(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """Return the names of the deposits that those items became that are not new."""
        marks = ",".join("?" * len(keys))
        with self._storage():
            return dict(
                self._db.execute(f"select key, name from live where key in ({marks})", keys)  # noqa: S608
            )

    def add(self, rows: Iterable[Captured]) -> None:
        """Note items whose folders get their names next; then call `stands` or `drop` for each."""
        values = [
            (
                *(row.key, row.name),
                *((row.matter.id, row.matter.number, row.leaf) if row.matter else (None,) * 3),
                *(row.topic, *_place_values(row.place)),
            )
            for row in rows
        ]
        with self._storage():
            self._db.execute("begin immediate")
            try:
                self._settle()
                self._db.executemany(
                    "insert into captures (key, name, matter, number, leaf, topic, path, before,"
                    " inode, size, modified_ns) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    values,
                )
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise
            self._stand.clear()

    def stands(self, keys: Iterable[bytes]) -> None:
        """Know that the items' folders have their names; the next `add` writes it down."""
        self._stand.update(keys)

    def drop(self, keys: Iterable[bytes]) -> None:
        """Forget items whose folders did not get their names, also where that cannot be written."""
        with self._storage():
            self._db.executemany("insert or ignore into gone values (?)", [(key,) for key in keys])

    def _settle(self) -> None:
        self._db.executemany(
            "update captures set settled = 1 where key = ?", [(key,) for key in self._stand]
        )
        self._db.execute("delete from captures where key in gone")
        self._db.execute("delete from gone")

    def topic(self, name: str) -> bytes | None:
        """Return the id of the matter that has a name here."""
        row = self._one("select matter from live where topic = ? order by id desc limit 1", (name,))
        return None if row is None else bytes(row[0])

    def next_in_matter(self, matter: bytes) -> Matter | None:
        """Return the place after the last that the index knows of a matter, None if it knows none."""
        row = self._one(
            "select number, leaf from live where matter = ? and number is not null"
            " order by number desc limit 1",
            (matter,),
        )
        return None if row is None else Matter(matter, row[0] + 1, row[1])

    def forget_numbers(self, matter: bytes) -> None:
        """Leave it to the vault to know where a matter stands: one of its deposits was refused."""
        with self._storage():
            self._db.execute(
                "update captures set number = null, leaf = null where matter = ?", (matter,)
            )

    def at(self, path: str) -> Known | None:
        """Return what was last captured at a path; None where nothing was, or it moved away."""
        return self.at_all([path]).get(path)

    def at_all(self, paths: Collection[str]) -> dict[str, Known]:
        """Return what `at` does of those of these paths of which it knows something."""
        if not paths:
            return {}
        with self._storage():
            rows = self._db.execute(
                f"with wanted (place) as (values {_rows(paths, 1)})"  # noqa: S608
                " select place, id, inode, size, modified_ns, matter from wanted join captures"
                " on path = place and id = max("
                "coalesce((select id from live where path = place order by id desc limit 1), 0),"
                "coalesce((select id from live where before = place order by id desc limit 1), 0))",
                [os.fsencode(path) for path in paths],
            ).fetchall()
        return {
            os.fsdecode(place): Known(row, None if state[0] is None else State(*state), matter)
            for place, row, *state, matter in rows
        }

    def with_state(self, state: State) -> list[str]:
        """Return the paths at which a file in this very state was last captured."""
        return self.with_states([state])[state]

    def with_states(self, states: Collection[State]) -> dict[State, list[str]]:
        """Return what `with_state` does of each of these states."""
        found: dict[State, list[str]] = {state: [] for state in states}
        if not found:
            return found
        with self._storage():
            rows = self._db.execute(
                f"with wanted (i, s, m) as (values {_rows(states, 3)})"  # noqa: S608
                " select distinct path from wanted join live"
                " on inode = i and size = s and modified_ns = m and path is not null",
                [each for state in states for each in (state.inode, state.size, state.modified_ns)],
            ).fetchall()
        for path, known in self.at_all([os.fsdecode(path) for (path,) in rows]).items():
            if known.state in found:
                found[known.state].append(path)
        return found

    def below(self, folder: str) -> dict[str, State]:
        """Return the files last captured below a folder that are not known to be gone."""
        prefix = os.fsencode(folder.rstrip("/" + os.sep) + os.sep)
        found: dict[str, State] = {}
        with self._storage():
            for path, before, *state in self._db.execute(
                "select path, before, inode, size, modified_ns from live"
                " where path >= ?1 and path < ?2 or before >= ?1 and before < ?2 order by id",
                (prefix, prefix[:-1] + bytes((prefix[-1] + 1,))),
            ):
                if before is not None:
                    found.pop(os.fsdecode(before), None)
                if state[0] is None:
                    found.pop(os.fsdecode(path), None)
                elif path.startswith(prefix):
                    found[os.fsdecode(path)] = State(*state)
        return found

    def _one(self, query: str, values: tuple[object, ...]) -> Any:
        with self._storage():
            return self._db.execute(query, values).fetchone()

    @contextlib.contextmanager
    def _storage(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as error:
                raise StorageFailed(
                    f"{quoted(self._path)} could not be written or read ({quoted(error)}); free some "
                    "space, then "
                    "try again"
                ) from error


def _rows(values: Sized, width: int) -> str:
    return ",".join(["(" + ",".join("?" * width) + ")"] * len(values))


def _place_values(place: Place | None) -> tuple[object, ...]:
    if place is None:
        return (None,) * 5
    before = None if place.before is None else os.fsencode(place.before)
    state = place.state
    values = (None,) * 3 if state is None else (state.inode, state.size, state.modified_ns)
    return (os.fsencode(place.path), before, *values)
