"""PostgreSQL as the notary uses it: one server for all stores, and the right to write to the ledger.

Everything lies in a schema of its own, `sealbook`, in a database that belongs to one ledger. Each store
is an `Engine` over the server's pool: its transactions exclude each other by an advisory lock, as
SQLite's file lock does, and its SQL is that of the stores (`?` becomes `$1`).

Who sequences holds a second advisory lock, for as long as one connection lives and is used (`Lead`). A
process that was cut off may not know yet that it has lost it. What keeps it from a fork then are the
stores: `append` takes entries only behind the last one, `swap` a checkpoint only behind the last one.
"""

import contextlib
import functools
import logging
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql as names
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from ledger.errors import Conflict, InvalidInput, LedgerFault, NotSigning, StorageFailed
from ledger.notary.health import Reason
from ledger.notary.storage.connections import newer_schema
from ledger.notary.storage.directory import InUse
from ledger.notary.storage.schema import (
    Schema,
    Session,
    open_engine,
    postgres_script,
    tables_of,
)
from ledger.quoted import Quoted, quoted

SCHEMA, FOUNDING, LEFT = "sealbook", "sealbook_founding", "sealbook_moved_away"
"""Where a ledger lies, where it lies until all of it is there, and where it lies once it has left."""
CONNECTIONS = 16
"""Of one process at once, the two of `Lead` and `Listener` not counted."""
CONNECT_SECONDS = 5
LENT_SECONDS = 2
"""How long one is waited for: a server that does not answer is to be known soon."""
STATEMENT_SECONDS = 30
"""Also for a lock: each lasts milliseconds."""
PAUSED_SECONDS = 5
"""A transaction of a process that has stopped in its middle ends, and lets go of what it has locked."""
_NOTICED = {
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""How this side notices a cut network, seconds and milliseconds."""
_NOTICED_THERE = {
    "tcp_keepalives_idle": 1,
    "tcp_keepalives_interval": 1,
    "tcp_keepalives_count": 1,
    "tcp_user_timeout": 2_000,
}
"""How the server notices that the host of a connection has gone: soon, for a lock hangs on it."""
_SAFE = {"synchronous_commit": ("on", "remote_write", "remote_apply"), "fsync": ("on",)}
"""What the server must be set to: what it has confirmed is on its disk."""
_LOCKS = 0x5EA1B00C
"""The first half of the stores' advisory locks."""
_ASKED, _BETWEEN = 20, 0.1
"""How often it is looked whether others are gone, and seconds between: a server notices late."""
BEAT = 0.25
"""Seconds between the signs of life of the process that has the right to write."""
SILENT_SECONDS = 1.25
"""Without one, by the database's clock, another process ends it and takes the right."""
_SILENT = """
SELECT application_name, pid, state_change FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND datname = current_database()
AND (classid::bigint << 32) | objid::bigint = $1
AND state_change < clock_timestamp() - make_interval(secs => $2)
"""
_END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = $1
"""
_END_HOLDER = "SELECT pg_terminate_backend($1, 500)"
"""The connection whose end is waited for, milliseconds: the right goes with it."""
_STORES = ("ledger", "checkpoints", "office", "anchors", "desk", "queue", "versions", "packs")
_VERSIONS = """
CREATE TABLE IF NOT EXISTS versions (store TEXT PRIMARY KEY, version BIGINT NOT NULL);
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;
"""
_log = logging.getLogger("sealbook.notary")
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # each attempt in vain, else
_ROWS = 1_000
"""Rows of a copy in memory at a time."""
_MARK = re.compile(r"\?(\d*)")
_PLAIN = re.compile(r"INSERT INTO (\w+(?: \([\w, ]+\))?) VALUES \([?, ]+\)")


def redacted(url: str) -> str:
    """Return how a database is named in messages: never with its password. Raises InvalidInput."""
    try:
        found = conninfo_to_dict(url)
    except psycopg.Error:  # its words repeat the whole of it
        raise InvalidInput(
            "The database's URL cannot be read. It looks like postgresql://user@host:5432/name; a "
            "password may stand in PGPASSFILE instead."
        ) from None
    user, host, port = found.get("user"), found.get("host"), found.get("port")
    return "".join(
        (
            "postgresql://",
            f"{user}@" if user else "",
            str(host or ""),
            f":{port}" if str(port or "").strip(",") else "",
            f"/{found.get('dbname') or ''}",
        )
    )


class Server:
    """A PostgreSQL server, opened by one process; `str` names it without its password.

    `lead` is the right to write to the ledger. Every method raises StorageFailed where the server
    does not answer.
    """

    def __init__(self, url: str, origin: str, *, founding: bool = False) -> None:
        self._name = redacted(url)
        self._url = url
        self._process = f"sealbook {secrets.token_hex(8)}"
        self.schema = FOUNDING if founding else SCHEMA
        self.pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            url,
            kwargs=self.arguments(),
            min_size=1,
            max_size=CONNECTIONS,
            timeout=LENT_SECONDS,
            reconnect_timeout=CONNECT_SECONDS,
            configure=self._configure,
            check=self._require_open,
            open=False,
        )
        self.lead = Lead(self, origin)
        try:
            with self.storage(), self.connect() as connection:
                self._require_safe(connection)
                sql = "SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
                self._opened: Any = (connection.execute(sql).fetchone() or (None,))[0]
            self.pool.open()
        except BaseException:
            self.close()
            raise

    def __str__(self) -> str:
        return self._name

    def arguments(self) -> dict[str, Any]:
        """Return how this process connects."""
        options = {
            "search_path": self.schema,
            "statement_timeout": STATEMENT_SECONDS * 1000,
            "lock_timeout": STATEMENT_SECONDS * 1000,
            "idle_in_transaction_session_timeout": PAUSED_SECONDS * 1000,
            **_NOTICED_THERE,
        }
        return {
            "autocommit": True,
            "cursor_factory": psycopg.RawCursor,
            "application_name": self._process,
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
            **_NOTICED,
        }

    def connect(self) -> psycopg.Connection[Any]:
        """Return a connection outside the pool. Raises psycopg.Error."""
        return psycopg.Connection.connect(self._url, **self.arguments())

    def connections(self, schema: Schema, *, create: bool, durable: bool) -> "PostgresConnections":
        """Return the engine of one store; `create` makes its tables where there are none."""
        return PostgresConnections(self, schema, create=create, durable=durable)

    @contextlib.contextmanager
    def lent(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend a connection, and turn PostgreSQL's errors into ours."""
        with self.storage(), self.pool.connection() as connection:
            try:
                yield connection
            finally:
                if connection.closed:  # so may the others be
                    self.pool.drain()

    @contextlib.contextmanager
    def storage(self) -> Iterator[None]:
        """Turn PostgreSQL's errors into ours."""
        try:
            yield
        except psycopg.IntegrityError as error:
            raise LedgerFault(
                f"{quoted(self)} refused a row ({_words(error)}); the ledger would contradict "
                "itself. Run `sealbook notary fsck`."
            ) from error
        except (psycopg.Error, PoolTimeout, PoolClosed) as error:
            raise StorageFailed(
                f"The database {quoted(self)} could not be read or written ({_words(error)}). See that "
                "the server runs and that this machine reaches it, and compare host, port, name and "
                "user in its URL (--database, or `database` in notary.toml)."
            ) from error

    def place(self) -> None:
        """Let what was founded count: it takes the place that nothing has had. Hold the directory."""
        with self.storage(), self.connect() as connection:
            there, made = (_exists(connection, each) for each in (SCHEMA, FOUNDING))
            if made and not there:
                connection.execute(_named("ALTER SCHEMA {} RENAME TO {}", FOUNDING, SCHEMA))

    def clear(self) -> None:
        """Make the place for a new ledger, empty. Raises Conflict where there is a ledger already."""
        with self.storage(), self.connect() as connection:
            if _exists(connection, SCHEMA):
                raise Conflict(
                    f"The database {quoted(self)} holds a ledger already. Choose an empty one."
                )
            connection.execute(_named("DROP SCHEMA IF EXISTS {} CASCADE", FOUNDING))
            connection.execute(_named("CREATE SCHEMA {}", FOUNDING))

    def require_unused(self) -> None:
        """Make the place for a ledger that moves here, or go on with it. Raises Conflict."""
        with self.storage(), self.connect() as connection:
            for schema in (SCHEMA, LEFT):
                if _exists(connection, schema):
                    raise Conflict(
                        f"The database {quoted(self)} holds a ledger already, or the rows of one that "
                        "has left it. Choose an empty database."
                    )
            connection.execute(_named("CREATE SCHEMA IF NOT EXISTS {}", FOUNDING))

    def require_no_other(self) -> None:
        """Raise InUse where an older process of any notary is connected to the database."""
        sql = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name LIKE 'sealbook%' AND backend_start < $1"
        )
        with self.storage(), self.connect() as connection:
            for _ in range(_ASKED):
                if connection.execute(sql, (self._opened,)).fetchone() == (0,):
                    return
                time.sleep(_BETWEEN)
        raise InUse(
            f"Another process of this notary is connected to the database {quoted(self)}. Stop every "
            "process of it, also on other hosts, then give the command again."
        )

    def is_left(self) -> bool:
        """Return whether a ledger has left the database."""
        with self.storage(), self.connect() as connection:
            return _exists(connection, LEFT)

    def leave(self) -> None:
        """Let nobody open the ledger here any more, whatever a notary.toml says. Its rows stay."""
        with self.storage(), self.connect() as connection:
            if _exists(connection, SCHEMA):
                connection.execute(_named("ALTER SCHEMA {} RENAME TO {}", SCHEMA, LEFT))

    def standbys(self) -> tuple[int, bool]:
        """Return how many standbys are connected, and whether what is confirmed is on one of them."""
        sql = (
            "SELECT (SELECT count(*) FROM pg_stat_replication), "
            "current_setting('synchronous_standby_names') <> ''"
        )
        with self.lent() as connection:
            count, waits = connection.execute(sql).fetchone() or (0, False)
        return int(count), bool(waits)

    @contextlib.contextmanager
    def anew(self, schema: Schema) -> Iterator["Remade"]:
        """Make a store's tables anew, empty, in one transaction with what its block writes to them.

        Yields them as the place of that store. Nobody else may have it open.
        """
        with self.storage(), self.connect() as connection, connection.transaction():
            if _exists(connection, LEFT):
                raise Conflict(
                    f"The ledger has left the database {quoted(self)}. Let notary.toml name where it "
                    "lies now."
                )
            for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(_named("SET LOCAL {} = 0", limit))
            connection.execute(_named("CREATE SCHEMA IF NOT EXISTS {}", self.schema))
            connection.execute(_VERSIONS)
            for table in tables_of(schema):
                connection.execute(_named("DROP TABLE IF EXISTS {} CASCADE", table))
            for each in schema.versions:
                connection.execute(postgres_script(each))
            sql = (
                "INSERT INTO versions VALUES ($1, $2) ON CONFLICT (store) "
                "DO UPDATE SET version = excluded.version"
            )
            connection.execute(sql, (schema.name, len(schema.versions)))
            yield Remade(self, connection)

    def close(self) -> None:
        """Close every connection, and let go of the right to write."""
        self.lead.close()
        self.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _configure(self, connection: psycopg.Connection[Any]) -> None:
        connection.prepare_threshold = 2

    def _require_open(self, connection: psycopg.Connection[Any]) -> None:
        """Raise psycopg.Error where the server has ended a connection; nothing is asked of it."""
        try:
            for _ in range(2):  # its last words, the end
                connection.pgconn.consume_input()
        except psycopg.Error:
            self.pool.drain()
            raise

    def _require_safe(self, connection: psycopg.Connection[Any]) -> None:
        for setting, good in _SAFE.items():
            row = connection.execute(f"SHOW {setting}").fetchone()
            if row is None or row[0] not in good:
                raise StorageFailed(
                    f"The database {quoted(self)} has {setting} = {quoted(row and row[0])}: what it "
                    f"has confirmed could be lost. Set it to {good[0]}."
                )


class PostgresConnections:
    """The engine of one store."""

    def __init__(self, server: Server, schema: Schema, *, create: bool, durable: bool) -> None:
        self._server = server
        self._schema = schema
        self._durable = durable
        self._lock = _STORES.index(schema.name)
        with server.lent() as connection:
            known, version = len(schema.versions), self._version(connection)
            if (create or version > 0) and version < known:
                version = self._go_forward()
        if version == 0:
            store = schema.name
            raise LedgerFault(
                f"The database {quoted(server)} does not hold this ledger's {store}. Name the "
                "right one in notary.toml, or put back its newest copy; entries and checkpoints "
                "`sealbook notary fsck --rebuild` makes anew."
            )
        if version > known:
            raise newer_schema(server, version, known)

    @contextlib.contextmanager
    def reading(self) -> Iterator["PostgresSession"]:
        """Lend a connection for reading."""
        with self._server.lent() as connection:
            yield PostgresSession(connection)

    @contextlib.contextmanager
    def writing(self) -> Iterator["PostgresSession"]:
        """Run a block as one transaction; no other writes to this store meanwhile."""
        with self._server.lent() as connection, connection.transaction():
            if not self._durable:
                connection.execute("SET LOCAL synchronous_commit = off")
            session = PostgresSession(connection)
            session.execute("SELECT pg_advisory_xact_lock(?, ?)", (_LOCKS, self._lock))
            yield session

    @contextlib.contextmanager
    def snapshot(self) -> Iterator["PostgresSnapshot"]:
        """Hold on to the store as it is at this moment; readers and writers go on."""
        with self._server.lent() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            connection.execute("SELECT count(*) FROM versions")
            yield PostgresSnapshot(connection, self._schema)

    def require_held(self) -> None:
        """Do nothing: nobody takes a file away. Whether we may write, `Lead` says."""

    def check(self) -> str | None:
        """Return None: the server checks its own pages."""
        return None

    def close(self) -> None:
        """Do nothing: the connections are the server's."""

    def _version(self, connection: psycopg.Connection[Any]) -> int:
        if connection.execute("SELECT to_regclass('versions')").fetchone() == (None,):
            return 0
        sql = "SELECT version FROM versions WHERE store = $1"
        found = connection.execute(sql, (self._schema.name,)).fetchone()
        return 0 if found is None else int(found[0])

    def _go_forward(self) -> int:
        """Bring the tables to the version that this program knows, once for all processes."""
        with self._server.lent() as connection, connection.transaction():
            connection.execute("SET LOCAL statement_timeout = 0")
            place = _LOCKS, _STORES.index("versions")
            connection.execute("SELECT pg_advisory_xact_lock($1, $2)", place)
            connection.execute(_VERSIONS)
            version, known = self._version(connection), len(self._schema.versions)
            for each in self._schema.versions[version:]:
                connection.execute(postgres_script(each))
            sql = (
                "INSERT INTO versions VALUES ($1, $2) ON CONFLICT (store) "
                "DO UPDATE SET version = greatest(versions.version, excluded.version)"
            )
            connection.execute(sql, (self._schema.name, known))
        return max(version, known)


class PostgresSnapshot:
    """A store as it was at one moment, until its block ends."""

    def __init__(self, connection: psycopg.Connection[Any], schema: Schema) -> None:
        self._connection = connection
        self._schema = schema

    def copy(self, destination: Path) -> None:
        """Write it to a new SQLite file."""
        engine = open_engine(destination, self._schema, create=True)
        try:
            with engine.writing() as target:
                for table in tables_of(self._schema):
                    self._copy_table(target, table)
        finally:
            engine.close()

    def _copy_table(self, target: Session, table: str) -> None:
        with self._connection.cursor(name="copy") as cursor:
            cursor.execute(_named("SELECT * FROM {} ORDER BY 1", table))
            while rows := cursor.fetchmany(_ROWS):
                marks = ", ".join("?" * len(rows[0]))
                target.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608


class Remade:
    """The place of a store whose tables are made anew, inside the transaction that does it."""

    def __init__(self, server: Server, connection: psycopg.Connection[Any]) -> None:
        self._server = server
        self._session = PostgresSession(connection)

    def __str__(self) -> str:
        return str(self._server)

    def connections(self, _schema: Schema, **_: bool) -> "Remade":
        """Return itself: it is the engine of the one store that it was made for."""
        return self

    @contextlib.contextmanager
    def reading(self) -> Iterator["PostgresSession"]:
        """Lend the transaction."""
        yield self._session

    writing = reading

    def snapshot(self) -> contextlib.AbstractContextManager[PostgresSnapshot]:
        """Refuse: what is being made is copied by nobody."""
        raise NotImplementedError

    def require_held(self) -> None:
        """Do nothing: nobody else has it."""

    def check(self) -> str | None:
        """Return None: the server checks its own pages."""
        return None

    def close(self) -> None:
        """Do nothing: the transaction ends with its block."""


class PostgresSession:
    """A lent connection, for the SQL of the stores."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> Any:
        """Run a statement; return its cursor."""
        return self._connection.execute(
            translated(sql),
            arguments,
            binary=True,
        )

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each row; what only inserts goes by COPY, at two thirds of the cost."""
        plain = _PLAIN.fullmatch(sql)
        with self._connection.cursor() as cursor:
            if plain is None:
                cursor.executemany(translated(sql), rows)
                return
            with cursor.copy(f"COPY {plain[1]} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)


@functools.cache
def translated(sql: str) -> str:
    """Return a statement with `$1`, `$2`, ... where it has `?` or `?1`."""
    count = 0

    def mark(found: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"${found[1] or count}"

    return _MARK.sub(mark, sql)


class Lead:
    """The right to write to a ledger: an advisory lock that lasts as long as one connection.

    Of all processes one has it. The server takes it back when the connection ends, also when the
    process or its host does. One that hangs would keep it: so its connection is used all the time, and
    where it is not, another process that asks for the right ends all connections of that one. Where
    only the thread hangs that writes, which `watch` is told how to see, the process lets go of it.
    Every method may be called from any thread.
    """

    def __init__(self, server: Server, origin: str) -> None:
        self._server = server
        digest = sha256(b"sealbook sequencer\n" + origin.encode()).digest()
        self._key = int.from_bytes(digest[:8], "big", signed=True)
        self._connection: psycopg.Connection[Any] | None = None
        self._asking: psycopg.Connection[Any] | None = None
        self._times = 0
        self._silent: object = None
        self._hangs: Callable[[], bool] = lambda: False
        self._lock = threading.Lock()
        self._closed = threading.Event()

    @property
    def held(self) -> int:
        """How often the right was got, where it was had when last asked for; else 0."""
        return 0 if self._connection is None else self._times

    def take(self) -> bool:
        """Return whether the right is ours, by now or before. Raises StorageFailed."""
        with self._lock:
            if self._connection is not None and self._answers():
                return True
            with self._server.storage():
                if self._asking is None or self._asking.closed:
                    self._asking = self._server.connect()
                connection = self._asking
                if self._got(connection) or (
                    self._ended_silent(connection) and self._got(connection)
                ):
                    self._connection, self._asking = connection, None
                    self._times += 1
                    _log.info("this process writes to the ledger from now on")
                    beat = threading.Thread(target=self._beat, args=(connection,), daemon=True)
                    beat.start()
                    return True
            return False

    def require_alone(self) -> None:
        """Take the right, or raise InUse. Raises StorageFailed."""
        if not self.take():
            raise InUse(
                f"Another notary holds the ledger in the database {quoted(self._server)}. Only one may "
                "sign for a ledger: stop the service there first."
            )

    def check(self) -> bool:
        """Return whether the right is still ours."""
        with self._lock:
            return self._connection is not None and self._answers()

    def require(self) -> None:
        """Raise NotSigning unless the right is ours at this moment."""
        if self.check():
            return
        raise NotSigning(
            Reason.DATABASE,
            "The notary's database does not answer; nothing is entered until it does. Nothing was "
            "lost: keep the deposit and send it again later.",
            f"the database {quoted(self._server)} does not answer, or another process of this ledger "
            "writes to it. Look after the server; the notary goes on by itself",
        )

    def close(self) -> None:
        """Let go of the right for good."""
        self._closed.set()
        self.release()

    def release(self) -> None:
        """Let go of the right, where it is ours; it can be taken again."""
        with self._lock:
            if self._lose():
                _log.info("this process no longer writes to the ledger: it has let go of the right")
            if self._asking is not None:
                self._asking.close()
                self._asking = None

    def watch(self, hangs: Callable[[], bool]) -> None:
        """Let go of the right from now on where it hangs who writes here, as this says."""
        self._hangs = hangs

    def _got(self, connection: psycopg.Connection[Any]) -> bool:
        sql = "SELECT pg_try_advisory_lock($1)"
        return connection.execute(sql, (self._key,)).fetchone() == (True,)

    def _ended_silent(self, connection: psycopg.Connection[Any]) -> bool:
        """End the process that has the right if it gives no sign; return whether that was so.

        It must have been as silent at the look before: perhaps it was this process that slept.
        """
        found = connection.execute(_SILENT, (self._key, SILENT_SECONDS)).fetchone()
        before, self._silent = self._silent, found
        if found is None or found != before:
            return False
        _log.error("the process that writes gives no sign of life; its connections are ended")
        process, holder, _ = found
        connection.execute(_END, (process,))
        connection.execute(_END_HOLDER, (holder,))
        return True

    def _beat(self, connection: psycopg.Connection[Any]) -> None:
        while not self._closed.wait(BEAT):
            with self._lock:
                if self._connection is not connection:
                    return
                if self._hangs():
                    _log.error("the thread that writes hangs; the right to write is let go of")
                    self._lose()
                    _log.info("this process no longer writes to the ledger: its thread hangs")
                    return
                if not self._answers():
                    return

    def _answers(self) -> bool:
        assert self._connection is not None
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            self._lose()
            _log.info("this process no longer writes to the ledger: its connection has ended")
            return False
        return True

    def _lose(self) -> bool:
        """Be without the right; return whether it was had."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.close()
        return connection is not None


def _words(error: Exception) -> Quoted:
    """Return what a client says, on one line: some of it comes on several, with tabs."""
    return quoted(" ".join(str(error).split()))


def _exists(connection: psycopg.Connection[Any], schema: str) -> bool:
    sql = "SELECT 1 FROM pg_namespace WHERE nspname = $1"
    return connection.execute(sql, (schema,)).fetchone() is not None


def _named(statement: str, *schemas: str) -> names.Composed:
    return names.SQL(statement).format(*map(names.Identifier, schemas))
