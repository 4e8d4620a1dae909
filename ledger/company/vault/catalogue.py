"""The catalogue: what a vault holds, so kept that nothing has to read all of it to find one.

`catalogue.sqlite` has a row for each deposit: what meta.json and the statement say in the clear, and
nothing else. It is a cache. What is in the vault's folders is the truth: before each question, folders
that have changed since the last one are listed again, and what is new there is read. Where the file is
missing, damaged, or made by another version it is made anew; where it cannot be written, in memory.

    row       when it was sealed, in milliseconds, and a number: newer deposits have larger ones
    place     the folder that it lies in
    stamp     of its own folder, looked at while it may change: in the spool, and if it is damaged
    id        the commitment, null where the deposit is damaged; then nothing else is known of it
    words     title, path and matter as `vault.words` has them (FTS5)

A folder's stamp is inode, mtime and ctime. One that changed a moment ago is not believed: the clock of
a file system ticks slowly, and the next change may leave it as it is.
"""

import contextlib
import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

from ledger.company.vault.facts import DAMAGED, SHIFT, Facts, milliseconds, raw, read_facts, shown
from ledger.company.vault.home import FILED, REFUSED, SPOOL
from ledger.company.vault.words import folded, words
from ledger.errors import MalformedData, StorageFailed
from ledger.quoted import quoted

CATALOGUE = "catalogue.sqlite"

_FORM = "1"
"""Of the tables and of what is put into them: another version's file is made anew."""
_CHUNK = 4096
"""Deposits that are read in one transaction: a kill loses no more."""
_LONG = 2000
"""Deposits to be read from which on it is told."""
_PATIENCE = 20.0
"""Seconds for which another process may write."""
_FRESH = 2.0
"""Seconds for which a stamp is not believed: the coarsest clock of a file system that is in use."""
_MISSING = "missing"
_ATTEMPTS = 3
_QUIET = (FILED, REFUSED)
"""Places in which a deposit is what it was when it came there."""
_NOT_DAMAGE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_READONLY", "SQLITE_FULL", "SQLITE_CANTOPEN")

_SCHEMA = """
create table about (key text primary key, value text not null) strict;
create table deposits (
    row integer primary key,
    name text not null unique, place text not null, stamp text not null, state text not null, id text,
    title blob not null, path blob not null, file blob not null, folded text not null,
    called blob, matter blob, number integer,
    sealed integer not null, size integer not null, documents integer not null
) strict;
create index in_place on deposits (place, name);
create index by_state on deposits (state);
create index by_id on deposits (id);
create index by_title on deposits (title);
create index by_path on deposits (path);
create index by_file on deposits (file);
create index by_matter on deposits (matter, number) where matter is not null;
create index by_called on deposits (called, matter) where called is not null;
create virtual table words using fts5 (title, path, matter, tokenize = 'unicode61')
"""
_UNSETTLED = "select name, stamp, state from deposits where place = 'spool' or state = 'damaged'"
_NAMES = "select name from deposits where place = ?"


class Catalogue:
    """The catalogue of one vault, for any number of threads; `told` hears of long work."""

    def __init__(self, home: Path, told: Callable[[int], None] = lambda _: None) -> None:
        self._home = home
        self._path = home / CATALOGUE
        self._lock = RLock()
        self._db: sqlite3.Connection | None = None
        self._told = told

    def ask(self, query: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[Any]:
        """Return the rows that a query finds in the vault as it is now. Raises StorageFailed."""
        with self._lock:
            for attempt in range(_ATTEMPTS):
                try:
                    db = self._opened(in_memory=attempt == _ATTEMPTS - 1)
                    self._refresh(db)
                    return db.execute(query, values).fetchall()
                except (sqlite3.Error, OSError) as error:
                    self._give_up(error)
                    problem = error
            raise StorageFailed(f"{quoted(self._path)} cannot be made: {quoted(problem)}.")

    def note(self, names: Iterable[str]) -> None:
        """Note what has become of some deposits, if there is a catalogue to be kept up to date."""
        with self._lock, contextlib.suppress(sqlite3.Error, OSError):
            if self._db is None and not self._path.exists():
                return
            db = self._opened(in_memory=False)
            with _writing(db):
                for name in names:
                    _forget(db, [name])
                    self._read(db, name)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _opened(self, *, in_memory: bool) -> sqlite3.Connection:
        if self._db is None:
            if not in_memory:
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(
                ":memory:" if in_memory else self._path,
                timeout=_PATIENCE,
                isolation_level=None,
                check_same_thread=False,
            )
            weakref.finalize(self, self._db.close)
            self._db.execute("pragma journal_mode = persist")
            self._db.execute("pragma synchronous = normal")
            if not _is_ours(self._db):
                with _writing(self._db):
                    if not _is_ours(self._db):
                        _make(self._db)
        return self._db

    def _give_up(self, error: Exception) -> None:
        """Close the file; one that is damaged goes, so that it is made anew."""
        with contextlib.suppress(sqlite3.Error):
            self.close()
        self._db = None
        if isinstance(error, sqlite3.Error):
            name = getattr(error, "sqlite_errorname", "")
            if not name.startswith(_NOT_DAMAGE):
                for each in (self._path, self._path.with_name(f"{CATALOGUE}-journal")):
                    with contextlib.suppress(OSError):
                        each.unlink()

    # --- what has changed ---

    def _refresh(self, db: sqlite3.Connection) -> None:
        """Let the rows be what the folders hold."""
        done: set[str] = set()
        if not self._changed(db):
            return
        while True:
            with _writing(db):
                # Looked at under the lock: another process may have been here meanwhile.
                stamps, new, gone = self._looked(db)
                todo = sorted(new - done)
                if len(todo) > _LONG and not done:
                    self._told(len(todo))
                batch = todo[:_CHUNK]
                _forget(db, gone)
                _forget(db, batch)
                for name in batch:
                    self._read(db, name)
                done.update(batch)
                if len(batch) == len(todo):
                    _note_stamps(db, stamps)
                    return

    def _changed(self, db: sqlite3.Connection) -> bool:
        known = _noted_stamps(db)
        return any(_differ(known.get(each), _stamp(self._home / each)) for each in _QUIET) or bool(
            self._unsettled(db)
        )

    def _looked(self, db: sqlite3.Connection) -> tuple[dict[str, str], set[str], set[str]]:
        """Return the folders' stamps, the deposits to be read, and those that are there no more."""
        known = _noted_stamps(db)
        # The spool first: what is filed away meanwhile is then seen at least once.
        new = self._unsettled(db)
        stamps: dict[str, str] = {}
        gone = set()
        for place in _QUIET:
            stamps[place] = _stamp(self._home / place)
            if _differ(known.get(place), stamps[place]):
                names = {each.name for each in self._entries(place)}
                here = {name for (name,) in db.execute(_NAMES, (place,))}
                new |= names - here
                gone |= here - names
        return stamps, new, gone - new

    def _unsettled(self, db: sqlite3.Connection) -> set[str]:
        """Return what is new in the spool, has changed or left there, and what is damaged no more."""
        rows = {name: (stamp, state) for name, stamp, state in db.execute(_UNSETTLED).fetchall()}
        there = {each.name: _stamp(each) for each in self._entries(SPOOL)}
        for name, (_, state) in rows.items():
            if state == DAMAGED:
                there[name] = self._close_stamp(name)
        names = rows.keys() | there.keys()
        return {
            name for name in names if _differ(rows.get(name, (None,))[0], there.get(name, _MISSING))
        }

    def _close_stamp(self, name: str) -> str:
        """Return the stamp of a damaged deposit: somebody may mend its files where they are."""
        place = self._place(name)
        if place is None:
            return _MISSING
        folder = self._home / place / name
        stamps = [_stamp(each) for each in (folder, folder / "meta.json", folder / "statement")]
        return "; ".join((place, *stamps)) if all(stamps) else ""

    def _place(self, name: str) -> str | None:
        """Return where a deposit is now."""
        for place in (SPOOL, REFUSED, FILED):
            if os.access(f"{self._home}{os.sep}{place}{os.sep}{name}", os.F_OK):
                return place
        return None

    def _entries(self, place: str) -> list[os.DirEntry[str]]:
        with contextlib.suppress(FileNotFoundError), os.scandir(self._home / place) as found:
            return [each for each in found if not each.name.startswith(".")]
        return []

    # --- rows ---

    def _read(self, db: sqlite3.Connection, name: str) -> None:
        """Add the row of a deposit, if it still is there."""
        place = self._place(name)
        if place is None:
            return
        folder = f"{self._home}{os.sep}{place}{os.sep}{name}"
        stamp = _stamp(Path(folder)) if place == SPOOL else ""
        try:
            facts = read_facts(folder, place)
        except (OSError, MalformedData, ValueError, TypeError, KeyError, AttributeError):
            # If it was mended just now, its stamp is not believed.
            facts, stamp = Facts(DAMAGED), self._close_stamp(name)
        row = milliseconds(name) << SHIFT
        (last,) = db.execute(
            "select max(row) from deposits where row between ? and ?",
            (row, row + (1 << SHIFT) - 1),
        ).fetchone()
        row = row if last is None else last + 1
        while db.execute("select 1 from deposits where row = ?", (row,)).fetchone():
            row += 1
        title, path, called = facts.title, facts.path, facts.called
        values = (
            *(row, name, place, stamp, facts.state, facts.id),
            *(raw(title), raw(path), raw(os.path.split(path)[1]), folded(shown(title))),
            *(raw(called) if called else None, facts.matter, facts.number),
            *(facts.sealed, facts.size, facts.documents),
        )
        db.execute(f"insert into deposits values ({', '.join('?' * len(values))})", values)  # noqa: S608
        spaced = (" ".join(words(shown(each))) for each in (title, _below_home(path), called))
        db.execute(
            "insert into words (rowid, title, path, matter) values (?, ?, ?, ?)", (row, *spaced)
        )


def _below_home(path: str) -> str:
    """Return a path without the user's own folder: its name would be found in every path."""
    try:
        return path.removeprefix(f"{Path.home()}{os.sep}")
    except RuntimeError:
        return path


def _stamp(place: Path | os.DirEntry[str]) -> str:
    """Return the stamp of a folder or file, "" where it cannot be believed yet."""
    try:
        found = place.stat()
    except OSError:
        return _MISSING
    if time.time() - max(found.st_mtime, found.st_ctime) < _FRESH:
        return ""
    return f"{found.st_ino} {found.st_mtime_ns} {found.st_ctime_ns}"


def _differ(known: str | None, stamp: str) -> bool:
    return not stamp or known != stamp


def _noted_stamps(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("select key, value from about").fetchall())


def _note_stamps(db: sqlite3.Connection, stamps: Mapping[str, str]) -> None:
    db.executemany("insert or replace into about values (?, ?)", list(stamps.items()))


def _forget(db: sqlite3.Connection, names: Iterable[str]) -> None:
    for name in names:
        for (row,) in db.execute("select row from deposits where name = ?", (name,)).fetchall():
            db.execute("delete from words where rowid = ?", (row,))
            db.execute("delete from deposits where row = ?", (row,))


def _is_ours(db: sqlite3.Connection) -> bool:
    if not db.execute("select 1 from sqlite_master where name = 'about'").fetchone():
        return False
    return _noted_stamps(db).get("made") == _FORM


def _make(db: sqlite3.Connection) -> None:
    for (name,) in db.execute(
        "select name from sqlite_master where type = 'table' and name in ('about', 'deposits', 'words')"
    ).fetchall():
        db.execute(f"drop table {name}")
    for each in _SCHEMA.split(";"):
        db.execute(each)
    db.execute("insert into about values ('made', ?)", (_FORM,))


@contextlib.contextmanager
def _writing(db: sqlite3.Connection) -> Iterator[None]:
    """Hold the right to write, and write all of it or nothing."""
    db.execute("begin immediate")
    try:
        yield
        db.execute("commit")
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise
