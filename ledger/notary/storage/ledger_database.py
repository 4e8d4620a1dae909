"""The main database: `ledger.sqlite`, or tables on a server.

Everything in it follows from the entries, and the entries also lie in the bundles of the log: it can
be deleted and rebuilt. Rows are only added; triggers refuse the rest. Writers say BEGIN IMMEDIATE
themselves: what begins deferred fails when it reads and then writes beside another one.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from ledger.chain.replay import (
    AccountKey,
    CertificatePlace,
    EndOfCertificate,
    EndOfKey,
    MatterStep,
    NewCertificate,
    NewKey,
    account_of,
    effect,
)
from ledger.chain.statement import BLOCK, DEPOSIT, KINDS, Statement
from ledger.errors import LedgerFault, StoreDamaged
from ledger.notary.ports import Entry
from ledger.notary.storage.schema import Place, Schema, Snapshot, Version, open_engine
from ledger.quoted import quoted

_MAX_VARIABLES = 1_000
_KEY_DIGITS = 64

_KINDS = ", ".join(f"'{each}'" for each in KINDS if each not in (DEPOSIT, BLOCK))
_OF_THE_OFFICE = f"""
SELECT idx FROM entries
WHERE kind NOT IN ('deposit', 'block') AND kind IN ({_KINDS}) AND idx >= ? AND idx < ?
ORDER BY idx
"""  # noqa: S608
"""Kinds are named so that the index is searched for each; else SQLite reads every entry between."""

_ENTRIES = """
CREATE TABLE entries (
    idx INTEGER PRIMARY KEY,
    leaf BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    account TEXT,
    statement BLOB NOT NULL
) STRICT;
CREATE INDEX deposits_by_account ON entries (account, idx) WHERE kind = 'deposit';
CREATE INDEX entries_of_the_office ON entries (kind, idx) WHERE kind NOT IN ('deposit', 'block');
CREATE TABLE matters (
    account TEXT NOT NULL,
    matter BLOB NOT NULL,
    number INTEGER NOT NULL,
    leaf BLOB NOT NULL,
    PRIMARY KEY (account, matter, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE keys (
    key_id BLOB PRIMARY KEY,
    account TEXT NOT NULL,
    public BLOB NOT NULL,
    role TEXT NOT NULL,
    enrolled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_by_account ON keys (account, enrolled);
CREATE TABLE revocations (
    key_id BLOB PRIMARY KEY,
    revoked INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
_CERTIFICATES = """
CREATE TABLE IF NOT EXISTS certificates (
    number INTEGER PRIMARY KEY,
    issued INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS withdrawals (
    number INTEGER PRIMARY KEY,
    withdrawn INTEGER NOT NULL
) STRICT;
"""
"""Some releases have added these without counting a version."""
SCHEMA = Schema(
    "ledger",
    (
        Version(_ENTRIES, ("entries", "matters", "keys", "revocations")),
        Version(_CERTIFICATES, ("certificates", "withdrawals")),
    ),
)
_KEY = (
    "SELECT account, public, role, enrolled, revoked FROM keys LEFT JOIN revocations USING (key_id)"
)


class LedgerDatabase:
    """The entries, and what follows from them: keys, revocations, matters, certificates."""

    def __init__(self, place: Place, *, create: bool = False, reading: bool = False) -> None:
        self.place = place
        self._connections = open_engine(place, SCHEMA, create=create, reading=reading)

    def size(self) -> int:
        """Return the number of entries."""
        with self._connections.reading() as connection:
            return _size(connection)

    def append(self, start: int, statements: Sequence[Statement]) -> None:
        """Add entries `start`, `start` + 1, ... and what follows from them, all or none.

        Raises LedgerFault when `start` is not the number of entries.
        """
        rows = _Rows()
        for index, statement in enumerate(statements, start):
            rows.add(index, statement)
        with self._connections.writing() as connection:
            size = _size(connection)
            if size != start:
                raise LedgerFault(
                    f"{quoted(self.place)} has {size} entries where {start} were expected: "
                    "another process "
                    "writes to it. Stop both, and start only one."
                )
            rows.insert(connection)

    def read(self, start: int, end: int) -> list[Entry]:
        """Return the entries start .. end - 1, as many as there are."""
        return self._entries("idx >= ? AND idx < ? ORDER BY idx", (start, end))

    def entry(self, leaf: bytes) -> Entry | None:
        """Return the entry with this leaf hash."""
        return next(iter(self._entries("leaf = ?", (leaf,))), None)

    def deposits(self, account: str, after: int, limit: int) -> list[Entry]:
        """Return an account's deposits with an index above `after`, at most `limit`, in order."""
        clause = "kind = 'deposit' AND account = ? AND idx > ? ORDER BY idx LIMIT ?"
        return self._entries(clause, (account, after, limit))

    def office(self, kind: str, after: int = -1) -> list[Entry]:
        """Return the entries of a kind of the office's own (no blocks) with an index above `after`."""
        clause = "kind = ? AND kind NOT IN ('deposit', 'block') AND idx > ? ORDER BY idx"
        return self._entries(clause, (kind, after))

    def of_the_office(self, start: int, end: int) -> list[int]:
        """Return the indices of the office's own entries (no blocks) from `start` to before `end`."""
        return [index for (index,) in self._rows(_OF_THE_OFFICE, (start, end))]

    def newest(self, kind: str) -> Entry | None:
        """Return the newest entry of a kind of the office's own (no blocks)."""
        clause = "kind = ? AND kind NOT IN ('deposit', 'block') ORDER BY idx DESC LIMIT 1"
        return next(iter(self._entries(clause, (kind,))), None)

    def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """Return the leaf hashes of entries start .. end - 1, as many as there are."""
        rows = self._rows(
            "SELECT leaf FROM entries WHERE idx >= ? AND idx < ? ORDER BY idx", (start, end)
        )
        return [leaf for (leaf,) in rows]

    def find(self, leaves: Sequence[bytes]) -> dict[bytes, int]:
        """Return the index of each leaf hash that is in the ledger."""
        found: dict[bytes, int] = {}
        for at in range(0, len(leaves), _MAX_VARIABLES):
            part = leaves[at : at + _MAX_VARIABLES]
            marks = ",".join("?" * len(part))
            sql = f"SELECT leaf, idx FROM entries WHERE leaf IN ({marks})"  # noqa: S608
            found.update(self._rows(sql, part))
        return found

    def key(self, key_id: bytes) -> AccountKey | None:
        """Return the key with this thumbprint."""
        return next(iter(self._keys("WHERE key_id = ?", (key_id,))), None)

    def keys_of(self, account: str) -> list[AccountKey]:
        """Return an account's keys in the order of their enrolment."""
        return self._keys("WHERE account = ? ORDER BY enrolled", (account,))

    def keys_beginning(self, start: str, limit: int) -> list[bytes]:
        """Return the ids of at most `limit` keys that begin with these hex digits, in order."""
        first, last = (bytes.fromhex(start.ljust(_KEY_DIGITS, each)) for each in "0f")
        sql = "SELECT key_id FROM keys WHERE key_id >= ? AND key_id <= ? ORDER BY key_id LIMIT ?"
        return [bytes(key_id) for (key_id,) in self._rows(sql, (first, last, limit))]

    def accounts(self) -> list[str]:
        """Return every account, in the order of first enrolment."""
        sql = "SELECT account FROM keys GROUP BY account ORDER BY min(enrolled)"
        return [account for (account,) in self._rows(sql, ())]

    def matter_tip(self, account: str, matter: bytes) -> tuple[int, bytes] | None:
        """Return the last (number, leaf hash) entered in a matter."""
        sql = (
            "SELECT number, leaf FROM matters WHERE account = ? AND matter = ? "
            "ORDER BY number DESC LIMIT 1"
        )
        return next(iter(self._rows(sql, (account, matter))), None)

    def certificate(self, number: int) -> CertificatePlace | None:
        """Return the entries about the certificate of this number."""
        sql = (
            "SELECT issued, withdrawn FROM certificates LEFT JOIN withdrawals USING (number) "
            "WHERE number = ?"
        )
        return next((CertificatePlace(*row) for row in self._rows(sql, (number,))), None)

    def highest_certificate(self) -> int:
        """Return the highest number of a certificate, 0 where there is none."""
        ((highest,),) = self._rows("SELECT max(number) FROM certificates", ())
        return highest or 0

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Hold on to the database as it is now."""
        return self._connections.snapshot()

    def require_held(self) -> None:
        """Raise NotSigning when the database was removed or replaced since it was opened."""
        self._connections.require_held()

    def check(self) -> str | None:
        """Return what the engine's own integrity check finds, None when all is well."""
        return self._connections.check()

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    def _rows(self, sql: str, arguments: Sequence[Any]) -> list[Any]:
        with self._connections.reading() as connection:
            rows: list[Any] = connection.execute(sql, arguments).fetchall()
        return rows

    def _entries(self, clause: str, arguments: Sequence[Any]) -> list[Entry]:
        sql = f"SELECT idx, kind, account, statement FROM entries WHERE {clause}"  # noqa: S608
        return [_entry(row) for row in self._rows(sql, arguments)]

    def _keys(self, clause: str, arguments: Sequence[Any]) -> list[AccountKey]:
        return [AccountKey(*row) for row in self._rows(f"{_KEY} {clause}", arguments)]


def _entry(row: Sequence[Any]) -> Entry:
    """Return a row as an entry. Raises StoreDamaged where it holds what no row is given."""
    index, kind, account, statement = row
    sound = isinstance(index, int) and isinstance(kind, str) and isinstance(statement, bytes)
    if not sound or not isinstance(account, str | None):
        raise StoreDamaged(
            "A row of the ledger's database is damaged. Stop the notary and run `sealbook notary fsck "
            "--rebuild`."
        )
    return Entry(index, kind, account, statement)


def _size(connection: Any) -> int:
    newest = connection.execute("SELECT max(idx) FROM entries").fetchone()[0]
    return 0 if newest is None else int(newest) + 1


class _Rows:
    """The rows that statements add."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []
        self.matters: list[tuple[Any, ...]] = []
        self.keys: list[tuple[Any, ...]] = []
        self.revocations: list[tuple[Any, ...]] = []
        self.certificates: list[tuple[Any, ...]] = []
        self.withdrawals: list[tuple[Any, ...]] = []

    def add(self, index: int, statement: Statement) -> None:
        leaf = statement.leaf_hash
        match effect(index, statement):
            case MatterStep(account, matter):
                self.matters.append((account, matter.id, matter.number, leaf))
            case NewKey(key_id, key):
                self.keys.append((key_id, key.account, key.public, key.role, index))
            case EndOfKey(key_id):
                self.revocations.append((key_id, index))
            case NewCertificate(number, _):
                self.certificates.append((number, index))
            case EndOfCertificate(number):
                self.withdrawals.append((number, index))
        self.entries.append((index, leaf, statement.kind, account_of(statement), statement.encoded))

    def insert(self, connection: Any) -> None:
        for table, rows in (
            ("entries", self.entries),
            ("matters", self.matters),
            ("keys", self.keys),
            ("revocations", self.revocations),
            ("certificates", self.certificates),
            ("withdrawals", self.withdrawals),
        ):
            if rows:
                marks = ",".join("?" * len(rows[0]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
