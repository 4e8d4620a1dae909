"""`office.sqlite`: what passes between processes and requests, and may be lost.

*Orders* are commands given while another process serves; that process carries them out. *Nonces* are
those of signed requests, kept until the request would be too old anyway. *Auditors* are who may read
entries, by a hash of each one's credential. *Beside* is how many rows the desk's audit trail had. None
of it belongs to the ledger: without this file a waiting command is given again, an auditor is admitted
again, a request could be replayed within its window, which enters nothing twice, and a desk that is an
older copy is not noticed.
"""

from dataclasses import dataclass
from pathlib import Path

from ledger.notary.storage.schema import Place, Schema, Version, open_engine

FILE = "office.sqlite"
WAITING, DONE, FAILED = "waiting", "done", "failed"
MAX_ORDERS_KEPT = 100
"""Finished orders whose answers are kept for whoever waits for them."""
_LOG_PAGES = 1_000
"""Pages between WAL checkpoints: nonces come with every signed request, and are not kept for long."""
_PAGE = 4_096
_PRUNE_EVERY = 256
_KEPT_LONGER = 60
"""Seconds: a thread whose `now` is a moment behind another's still finds what that one forgets."""

_TABLES = """
CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    argument BLOB NOT NULL,
    state TEXT NOT NULL,
    answer BLOB
) STRICT;
CREATE TABLE nonces (
    key_id BLOB NOT NULL,
    nonce BLOB NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (key_id, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_by_expiry ON nonces (expires);
CREATE TABLE auditors (
    name TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    admitted INTEGER NOT NULL
) STRICT;
"""
_BESIDE = """
CREATE TABLE beside (
    desk INTEGER NOT NULL
) STRICT;
"""
SCHEMA = Schema("office", (Version(_TABLES), Version(_BESIDE)))


@dataclass(frozen=True, slots=True)
class LeftOrder:
    """A command by name, as bytes (`ledger.notary.orders`); `answer` once it is "done" or "failed"."""

    id: int
    kind: str
    argument: bytes
    state: str
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class Auditor:
    """Who may read entries: SHA-256 of the credential, and since when, POSIX seconds."""

    name: str
    digest: bytes
    admitted: int


class OfficeDatabase:
    """Orders, nonces and auditors."""

    def __init__(self, place: Place) -> None:
        # NORMAL: a power cut may lose the last writes, which costs nothing here.
        self._connections = open_engine(
            place,
            SCHEMA,
            create=not (isinstance(place, Path) and place.exists()),
            synchronous="NORMAL",
            log_pages=_LOG_PAGES,
        )
        self._remembered = 0

    def give(self, kind: str, argument: bytes) -> int:
        """Leave an order; return its number."""
        with self._connections.writing() as connection:
            sql = "INSERT INTO orders (kind, argument, state) VALUES (?, ?, ?) RETURNING id"
            return int(connection.execute(sql, (kind, argument, WAITING)).fetchone()[0])

    def make_room(self) -> None:
        """Let file and log of changes be as long as they become: on a full disk orders still pass."""
        with self._connections.writing() as connection:
            sql = "INSERT INTO orders (kind, argument, state) VALUES ('', zeroblob(?), ?) RETURNING id"
            size = _LOG_PAGES * _PAGE
            (number,) = connection.execute(sql, (size, DONE)).fetchone()
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM orders WHERE id = ?", (number,))

    def order(self, number: int) -> LeftOrder | None:
        """Return an order."""
        return next(iter(self._orders("id = ?", (number,))), None)

    def waiting(self) -> list[LeftOrder]:
        """Return the orders that nobody has carried out."""
        return self._orders("state = ? ORDER BY id", (WAITING,))

    def answer(self, number: int, state: str, answer: bytes) -> None:
        """Answer an order, and forget those answered long ago."""
        with self._connections.writing() as connection:
            connection.execute(
                "UPDATE orders SET state = ?, answer = ?, argument = ? WHERE id = ?",
                (state, answer, b"", number),
            )
            connection.execute(
                "DELETE FROM orders WHERE state <> ? AND id <= ?",
                (WAITING, number - MAX_ORDERS_KEPT),
            )

    def withdraw(self, number: int) -> bool:
        """Take an order back; False when it was carried out already."""
        with self._connections.writing() as connection:
            sql = "DELETE FROM orders WHERE id = ? AND state = ?"
            return bool(connection.execute(sql, (number, WAITING)).rowcount)

    def remember(self, key_id: bytes, nonce: bytes, expires: int, now: int) -> bool:
        """Note the nonce of a signed request until `expires`; False when it was seen before.

        Both times in POSIX seconds. Nonces that have expired are forgotten, so one that expired before
        `now` counts as seen: a request may wait for its body longer than nonces are kept.
        """
        if expires < now:
            return False
        with self._connections.writing() as connection:
            if self._remembered % _PRUNE_EVERY == 0:
                connection.execute("DELETE FROM nonces WHERE expires < ?", (now - _KEPT_LONGER,))
            self._remembered += 1
            sql = "INSERT INTO nonces VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
            return bool(connection.execute(sql, (key_id, nonce, expires)).rowcount)

    def remembers(self, key_id: bytes, nonce: bytes) -> bool:
        """Return whether a nonce was noted. This writes nothing."""
        with self._connections.reading() as connection:
            sql = "SELECT 1 FROM nonces WHERE key_id = ? AND nonce = ?"
            return connection.execute(sql, (key_id, nonce)).fetchone() is not None

    def admit(self, auditor: Auditor) -> bool:
        """Admit an auditor; False where one of this name is admitted."""
        with self._connections.writing() as connection:
            sql = "INSERT INTO auditors VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
            row = auditor.name, auditor.digest, auditor.admitted
            return bool(connection.execute(sql, row).rowcount)

    def dismiss(self, name: str) -> bool:
        """Dismiss an auditor; False where none of this name was admitted."""
        with self._connections.writing() as connection:
            sql = "DELETE FROM auditors WHERE name = ?"
            return bool(connection.execute(sql, (name,)).rowcount)

    def auditors(self) -> list[Auditor]:
        """Return who is admitted, by name."""
        with self._connections.reading() as connection:
            sql = "SELECT name, digest, admitted FROM auditors ORDER BY name"
            return [Auditor(*row) for row in connection.execute(sql).fetchall()]

    def desk_rows(self) -> int:
        """Return how many rows the desk's trail had, 0 where nobody has kept that."""
        with self._connections.reading() as connection:
            row = connection.execute("SELECT desk FROM beside").fetchone()
        return 0 if row is None else int(row[0])

    def keep_desk_rows(self, rows: int) -> None:
        """Keep how many rows the desk's trail has."""
        with self._connections.writing() as connection:
            connection.execute("DELETE FROM beside")
            connection.execute("INSERT INTO beside VALUES (?)", (rows,))

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    def _orders(self, clause: str, arguments: tuple[int | str, ...]) -> list[LeftOrder]:
        sql = f"SELECT id, kind, argument, state, answer FROM orders WHERE {clause}"  # noqa: S608
        with self._connections.reading() as connection:
            rows = connection.execute(sql, arguments).fetchall()
        return [LeftOrder(*row) for row in rows]
