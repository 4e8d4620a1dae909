"""SQLite as the notary uses it: connections, transactions, snapshots, and errors as sentences."""

import contextlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ledger.errors import LedgerFault, NotSigning, StorageFailed, StoreDamaged
from ledger.notary.health import Reason
from ledger.notary.storage.sqlite import sqlite3
from ledger.quoted import Message, quoted

FILE = "ledger.sqlite"

REBUILT = (FILE, "checkpoints.sqlite", "packs.sqlite")
"""Databases that are made anew from the log's files, or from packs."""
KEPT_READERS = 8
"""Connections kept for the next reader. More are open only while as many threads read at one moment."""

BUSY_TIMEOUT = 30.0
"""Seconds to wait for another process's write; each lasts milliseconds."""
SAID_AFTER = 1.0
"""Seconds after which somebody is told that a database which is opened is waited for."""
WAL_PAGES = 8_000
"""Pages (4 KiB) between WAL checkpoints: the leaf index is hit all over, so rarer is cheaper."""
PRIVATE = 0o600
BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a database."""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""The codes of a file that is not what it was: an ERROR is a table or column that is not there."""
_PRIMARY = 0xFF
"""The part of a code that says what kind of error it is."""
_log = logging.getLogger("sealbook.notary")


class Connections:
    """One connection that writes, for one thread at a time, and some that are lent to readers.

    These belong to no thread: threads come and go with the load, and what is tied to one stays open
    for ever. With `reading` nothing is written, not even what SQLite puts beside the file: for a disk
    that is full or can only be read. `versions` are the scripts of the schema's versions, see
    `ledger.notary.storage.schema`: a database of an earlier one goes forward, unless nothing may be
    written. `create` makes a file where there is none yet; without it a missing file is an error. The
    file is the owner's alone, and what SQLite puts beside it takes its mode.
    """

    def __init__(
        self,
        path: Path,
        versions: Sequence[str],
        *,
        create: bool = False,
        reading: bool = False,
        synchronous: str = "FULL",
        log_pages: int = WAL_PAGES,
    ) -> None:
        self._path = path
        self._reading = reading
        self._synchronous = synchronous
        self._log_pages = log_pages
        self._idle: list[Any] = []
        self._closed = False
        self._lock = threading.Lock()
        if not create and not path.exists():
            raise LedgerFault(
                f"{quoted(path)} is missing. Run `sealbook notary fsck --rebuild`, or restore a backup."
            )
        self._writing = threading.Lock()
        self._files = tuple(str(each) for each in (path, *beside(path)))
        self._held: dict[str, tuple[int, int]] = {}
        with storage(path):
            if not reading:
                keep_private(path)
            self._writer = self._connect()
            version = _version(self._writer)
            if not reading and (create or version > 0) and version < len(versions):
                with immediate(self._writer):
                    version = _version(self._writer)
                    for script in versions[version:]:
                        _execute_all(self._writer, script)
                    version = max(version, len(versions))
                    self._writer.execute(f"PRAGMA user_version = {version}")
        self.require_held()
        if version == 0:
            raise LedgerFault(
                f"{quoted(path)} is empty. Run `sealbook notary fsck --rebuild`, or restore a backup."
            )
        if version > len(versions):
            raise newer_schema(path, version, len(versions))

    @contextlib.contextmanager
    def writing(self) -> Iterator[Any]:
        """Run a block as one transaction on the connection that writes."""
        with storage(self._path), self._writing:
            self.require_held()
            with immediate(self._writer) as connection:
                yield connection
            self.require_held()

    def require_held(self) -> None:
        """Raise NotSigning when a file of the database is not the one that was opened.

        What is written to a file that was removed is gone with the process that holds it.
        """
        for path in self._files:
            try:
                found = os.stat(path)
            except FileNotFoundError:
                if path not in self._held:
                    continue  # SQLite makes the files beside it with the first transaction
            else:
                if self._held.setdefault(path, (found.st_dev, found.st_ino)) == (
                    found.st_dev,
                    found.st_ino,
                ):
                    continue
            raise NotSigning(
                Reason.FILE_GONE,
                "A file of the notary has gone; nothing is entered until the office has looked. "
                "Nothing was lost: keep the deposit and send it again later.",
                f"{quoted(path)} was removed or replaced while the notary runs. Put the same file "
                "back, or stop the notary and run `sealbook notary fsck --rebuild`",
            )

    @contextlib.contextmanager
    def reading(self) -> Iterator[Any]:
        """Lend a connection for reading."""
        with storage(self._path):
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                connection = self._connect()
                connection.execute("PRAGMA query_only = 1")
            good = False
            try:
                yield connection
                good = True
            finally:
                with self._lock:
                    kept = good and not self._closed and len(self._idle) < KEPT_READERS
                    if kept:
                        self._idle.append(connection)
                if not kept:
                    connection.close()

    def snapshot(self) -> "Snapshot":
        """Hold on to the database as it is at this moment; readers and writers go on."""
        with storage(self._path):
            return Snapshot(self._path, self._connect())

    def check(self) -> str | None:
        """Return what SQLite's own integrity check finds, None when all is well."""
        with self.reading() as connection:
            answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
        return None if answer == "ok" else str(answer)

    def close(self) -> None:
        """Close every connection; one that is lent is closed when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in (*idle, self._writer):
            connection.close()

    def _connect(self) -> Any:
        if self._reading:
            return sqlite3.connect(reading_uri(self._path), uri=True, check_same_thread=False)
        connection = sqlite3.connect(
            self._path.absolute().as_uri(),
            uri=True,
            timeout=SAID_AFTER,
            isolation_level=None,
            check_same_thread=False,
        )
        self._wait_for_others(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {self._log_pages}")
        connection.execute("PRAGMA trusted_schema = 0")
        connection.execute("PRAGMA recursive_triggers = 1")  # INSERT OR REPLACE also fires DELETE
        return connection

    def _wait_for_others(self, connection: Any) -> None:
        """Have a connection wait for other processes from now on; say so where one is in the way."""
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            _log.warning(
                "another process holds %s; it is waited for up to %d s", self._path, BUSY_TIMEOUT
            )
        connection.execute(f"PRAGMA busy_timeout = {1000 * BUSY_TIMEOUT:.0f}")


def newer_schema(place: object, version: int, known: int) -> LedgerFault:
    """Return why a database that a newer release has written is not touched."""
    return LedgerFault(
        f"{quoted(place)} has schema version {version}; this program knows {known}. "
        "Use the release that wrote it, or a newer one."
    )


def _version(connection: Any) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _execute_all(connection: Any, script: str) -> None:
    """Execute statements inside the open transaction, which `executescript` would commit."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


class Snapshot:
    """A database as it was at one moment, until it is closed."""

    def __init__(self, path: Path, connection: Any) -> None:
        self._path = path
        self._connection = connection
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()

    def copy(self, destination: Path) -> None:
        """Write it to a new file."""
        with storage(destination):
            keep_private(destination)
            copy = sqlite3.connect(str(destination))
            try:
                self._connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


def keep_private(path: Path) -> None:
    """Make a database its owner's alone, before there is anything in it. Raises StorageFailed.

    One that exists is not opened: closing it would let go of this process's locks on it (POSIX).
    """
    try:
        if not path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, PRIVATE))
        for each in (path, *beside(path)):
            with contextlib.suppress(FileNotFoundError):
                if each.stat().st_mode & 0o077:
                    each.chmod(PRIVATE)
    except OSError as error:
        raise StorageFailed(
            f"{quoted(path)} could not be made private ({error.strerror}); its owner must run this."
        ) from error


@contextlib.contextmanager
def immediate(connection: Any) -> Iterator[Any]:
    """Run a block as one transaction that holds the write lock from its start."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours. Raises LedgerFault, StoreDamaged, StorageFailed."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise LedgerFault(
            f"{quoted(path)} refused a row ({quoted(error)}); the ledger would contradict itself. Run "
            "`sealbook notary fsck`."
        ) from error
    except sqlite3.DatabaseError as error:
        mend: Message = (
            "run `sealbook notary fsck --rebuild`"
            if path.name in REBUILT
            else "put back its newest copy"
        )
        if _code(error) in _DAMAGE:
            raise StoreDamaged(
                f"{quoted(path)} is damaged ({quoted(error)}). Stop the notary and {mend}."
            ) from error
        if _code(error) == sqlite3.SQLITE_BUSY:
            raise StorageFailed(
                f"Another process holds {quoted(path)} and does not let go of it. End what reads or "
                "copies the notary's databases, then give the command again."
            ) from error
        raise StorageFailed(
            f"{quoted(path)} could not be read or written ({quoted(error)}). Free some space or mend "
            "the disk, then try again."
        ) from error


def _code(error: Exception) -> int:
    """Return the primary code of SQLite's error, 0 without one."""
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY


def reading_uri(path: Path) -> str:
    """Return how SQLite is asked for a database that nobody may write.

    It reads a log of changes where one stands. Without one it would make one; "immutable" keeps it from
    that, and is true of a directory whose lock is held, or that nobody can write.
    """
    log = path.with_name(f"{path.name}-wal")
    waiting = log.exists() and log.stat().st_size
    return f"{path.absolute().as_uri()}?mode=ro{'' if waiting else '&immutable=1'}"


def beside(path: Path) -> tuple[Path, ...]:
    """Return the files that SQLite keeps beside a database while it is open."""
    return tuple(path.with_name(f"{path.name}{suffix}") for suffix in BESIDE)
