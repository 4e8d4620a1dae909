"""Every checkpoint that the notary has signed: `checkpoints.sqlite`, a store of its own.

It is what a restart, a rebuild and a restore are measured against. Rows are added by compare-and-swap
and never changed. `log/signed` holds each of them once more, written before, and gives back a lost one.
"""

from collections.abc import Sequence
from pathlib import Path

from ledger.chain.seal import Seal
from ledger.errors import LedgerFault
from ledger.notary.ports import SignedCheckpoint
from ledger.notary.storage.schema import Place, Schema, Session, Version, open_engine
from ledger.quoted import quoted

FILE = "checkpoints.sqlite"

_TABLES = """
CREATE TABLE checkpoints (
    height INTEGER PRIMARY KEY,
    size INTEGER NOT NULL UNIQUE,
    root BLOB NOT NULL,
    note TEXT NOT NULL,
    seal_protected BLOB NOT NULL,
    seal_signature BLOB NOT NULL
) STRICT;
"""
_NEVER = "signed checkpoints are never changed, and never deleted"
SCHEMA = Schema("checkpoints", (Version(_TABLES, ("checkpoints",), _NEVER),))
_COLUMNS = "height, size, root, note, seal_protected, seal_signature"
_LAST = "ORDER BY height DESC LIMIT 1"
_INSERT = f"INSERT INTO checkpoints ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608


def _row(each: SignedCheckpoint) -> tuple[int, int, bytes, str, bytes, bytes]:
    return (
        each.height,
        each.size,
        each.root,
        each.note,
        each.seal.protected,
        each.seal.signature,
    )


class CheckpointDatabase:
    """The signed checkpoints, by block height."""

    def __init__(self, place: Place, *, create: bool = False, reading: bool = False) -> None:
        if not create and isinstance(place, Path) and not place.exists():
            raise LedgerFault(
                f"{quoted(place)} is missing. Nothing can be signed without it: it says what was "
                "signed last, and going on from less would fork the ledger. Run `sealbook notary fsck "
                "--rebuild`, which makes it anew from `log/signed`."
            )
        self.place = place
        self._connections = open_engine(place, SCHEMA, create=create, reading=reading)

    def last(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint."""
        return self._one(_LAST, ())

    def swap(self, last: SignedCheckpoint | None, new: SignedCheckpoint) -> None:
        """Add `new` if `last` is still the newest. Raises LedgerFault otherwise."""
        with self._connections.writing() as connection:
            stored = next(iter(_select(connection, _LAST, ())), None)
            if stored != last or new.height != (0 if last is None else last.height + 1):
                raise LedgerFault(
                    f"{quoted(self.place)} holds another last checkpoint than this notary has "
                    "signed: another "
                    "process signs for the same ledger. Stop both, and start only one."
                )
            connection.execute(_INSERT, _row(new))

    def extend(self, checkpoints: Sequence[SignedCheckpoint]) -> None:
        """Add checkpoints that another store has signed and in its order: for a copy of it."""
        with self._connections.writing() as connection:
            connection.executemany(_INSERT, [_row(each) for each in checkpoints])

    def at_height(self, height: int) -> SignedCheckpoint | None:
        """Return the checkpoint that closes a block."""
        return self._one("WHERE height = ?", (height,))

    def at_size(self, size: int) -> SignedCheckpoint | None:
        """Return the checkpoint over this number of entries."""
        return self._one("WHERE size = ?", (size,))

    def covering(self, index: int) -> SignedCheckpoint | None:
        """Return the first checkpoint of more than `index` entries: it closes the entry's block."""
        return self._one("WHERE size > ? ORDER BY size LIMIT 1", (index,))

    def all(self, after: int = -1, limit: int = 1000) -> list[SignedCheckpoint]:
        """Return the checkpoints above a block height, at most `limit`, in order."""
        return self._many("WHERE height > ? ORDER BY height LIMIT ?", (after, limit))

    def require_held(self) -> None:
        """Raise NotSigning when the database was removed or replaced since it was opened."""
        self._connections.require_held()

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    def _one(self, clause: str, arguments: tuple[int, ...]) -> SignedCheckpoint | None:
        return next(iter(self._many(clause, arguments)), None)

    def _many(self, clause: str, arguments: tuple[int, ...]) -> list[SignedCheckpoint]:
        with self._connections.reading() as connection:
            return _select(connection, clause, arguments)


def _select(connection: Session, clause: str, arguments: tuple[int, ...]) -> list[SignedCheckpoint]:
    sql = f"SELECT {_COLUMNS} FROM checkpoints {clause}"  # noqa: S608
    return [
        SignedCheckpoint(height, size, root, note, Seal(protected, signature))
        for height, size, root, note, protected, signature in connection.execute(sql, arguments)
    ]
