"""The tables of a store, written once for both engines; and what every engine offers a store.

A version's tables are in SQLite's words. PostgreSQL's differ in the few that `postgres_script` names:
what is stored is the same, so a store's statements run on both unchanged. A version is never altered
once it was released; a new one is appended, and a database goes forward to it when it is opened.
"""

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ledger.notary.storage.connections import Connections

if TYPE_CHECKING:
    from ledger.notary.storage.postgres import Remade, Server

Place: TypeAlias = "Path | Server | Remade"
"""Where a store is kept: the path of an SQLite file, or a PostgreSQL server."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a version adds. `append_only` names tables whose rows never change, for the reason `why`.

    `sqlite` and `postgres` are what one of the two needs besides.
    """

    tables: str
    append_only: tuple[str, ...] = ()
    why: str = "the ledger is append-only"
    sqlite: str = ""
    postgres: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """A store by its name, and its versions: version n of the schema is the first n of them."""

    name: str
    versions: tuple[Version, ...]


class Session(Protocol):
    """An open connection, inside a transaction where it writes. Placeholders are `?`."""

    def execute(self, sql: str, arguments: Any = ()) -> Any:
        """Run a statement; return its cursor."""
        ...

    def executemany(self, sql: str, rows: Any) -> Any:
        """Run a statement for each row."""
        ...


class Snapshot(Protocol):
    """A store as it was at one moment."""

    def copy(self, destination: Path) -> None:
        """Write it to a new SQLite file."""
        ...


class Engine(Protocol):
    """Where the rows of one store lie. Methods raise StorageFailed, LedgerFault for a refused row."""

    def reading(self) -> AbstractContextManager[Any]:
        """Lend a `Session` for reading."""
        ...

    def writing(self) -> AbstractContextManager[Any]:
        """Run a block as one transaction; no other writes to this store meanwhile."""
        ...

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Hold on to the store as it is at this moment."""
        ...

    def require_held(self) -> None:
        """Raise NotSigning when what was opened is no longer ours to write to."""
        ...

    def check(self) -> str | None:
        """Return what the engine's own integrity check finds, None when all is well."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


def open_engine(
    place: Place,
    schema: Schema,
    *,
    create: bool = False,
    reading: bool = False,
    synchronous: str = "FULL",
    log_pages: int | None = None,
) -> Engine:
    """Open a store; see `Connections` for the arguments. Raises LedgerFault, StorageFailed."""
    if not isinstance(place, Path):
        return place.connections(schema, create=create, durable=synchronous == "FULL")
    pages = {} if log_pages is None else {"log_pages": log_pages}
    versions = tuple(sqlite_script(each) for each in schema.versions)
    return Connections(
        place, versions, create=create, reading=reading, synchronous=synchronous, **pages
    )


_CREATES = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)


def tables_of(schema: Schema) -> tuple[str, ...]:
    """Return a store's tables, in the order in which they are made."""
    return tuple(name for each in schema.versions for name in _CREATES.findall(each.tables))


def sqlite_script(version: Version) -> str:
    """Return a version's statements for SQLite."""
    triggers = "".join(
        f"CREATE TRIGGER IF NOT EXISTS {table}_not_{done} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{version.why}'); END;\n"
        for table in version.append_only
        for verb, done in (("UPDATE", "updated"), ("DELETE", "deleted"))
    )
    return version.tables + triggers + version.sqlite


def postgres_script(version: Version) -> str:
    """Return a version's statements for PostgreSQL."""
    tables = version.tables
    for ours, theirs in (
        ("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
        ("INTEGER", "BIGINT"),
        ("BLOB", "BYTEA"),
        (" STRICT, WITHOUT ROWID", ""),
        (" STRICT", ""),
    ):
        tables = tables.replace(ours, theirs)
    triggers = "".join(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{version.why}');\n"
        for table in version.append_only
    )
    return tables + triggers + version.postgres
