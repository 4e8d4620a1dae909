"""Anchors: checkpoints with their witnesses' cosignatures and their timestamps: `anchors.sqlite`.

It may be lost without harm to the ledger: a receipt is then made against the next anchor.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ledger.chain.receipt import TokenEntry
from ledger.notary.ports import Anchor, Stamp
from ledger.notary.storage.schema import Place, Schema, Version, open_engine

FILE = "anchors.sqlite"

_TABLES = """
CREATE TABLE anchors (
    height INTEGER PRIMARY KEY,
    size INTEGER NOT NULL UNIQUE,
    note TEXT NOT NULL
) STRICT;
CREATE TABLE tokens (
    digest BLOB PRIMARY KEY,
    height INTEGER NOT NULL REFERENCES anchors (height),
    lines INTEGER NOT NULL,
    until INTEGER NOT NULL,
    signer BLOB NOT NULL,
    der BLOB NOT NULL
) STRICT;
CREATE INDEX tokens_by_height ON tokens (height, until);
CREATE INDEX tokens_by_signer ON tokens (signer, until);
CREATE INDEX tokens_by_until ON tokens (until);
"""
_IN_ORDER = "ALTER TABLE tokens ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY;"
"""SQLite has this column unasked; `newest` goes by it."""
SCHEMA = Schema("anchors", (Version(_TABLES, postgres=_IN_ORDER),))


class AnchorDatabase:
    """The anchors, by block height."""

    def __init__(self, place: Place, *, reading: bool = False) -> None:
        create = not reading and not (isinstance(place, Path) and place.exists())
        self._connections = open_engine(place, SCHEMA, create=create, reading=reading)

    def put(self, anchor: Anchor) -> None:
        """Add an anchor, or the cosignatures that have come since. Its tokens are not touched."""
        self.extend([anchor], ())

    def stamp(self, stamps: Iterable[Stamp]) -> None:
        """Add tokens to their anchors, or renewals to tokens, all or none."""
        self.extend((), stamps)

    def extend(self, anchors: Iterable[Anchor], stamps: Iterable[Stamp]) -> None:
        """Do what `put` and `stamp` do, in one transaction; what is there already is not written."""
        notes = [(each.height, each.size, each.note) for each in anchors]
        tokens = [
            (each.digest, each.height, each.entry.lines, each.until, each.signer, each.entry.der)
            for each in stamps
        ]
        with self._connections.writing() as connection:
            connection.executemany(
                "INSERT INTO anchors VALUES (?, ?, ?) ON CONFLICT (height) DO UPDATE SET "
                "note = excluded.note WHERE anchors.note != excluded.note",
                notes,
            )
            connection.executemany(
                "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET "
                "until = excluded.until, signer = excluded.signer, der = excluded.der "
                "WHERE tokens.der != excluded.der OR tokens.until != excluded.until",
                tokens,
            )

    def all(self, after: int, limit: int) -> tuple[list[Anchor], list[Stamp]]:
        """Return the anchors above a block height, at most `limit`, in order, and their tokens."""
        sql = "SELECT height, size, note FROM anchors WHERE height > ? ORDER BY height LIMIT ?"
        with self._connections.reading() as connection:
            anchors = [Anchor(*each) for each in connection.execute(sql, (after, limit))]
        heights = {each.height for each in anchors}
        found = self._stamps("WHERE height > ? AND height <= ?", after, max(heights, default=after))
        return anchors, [stamp for _, stamp in found if stamp.height in heights]

    def running_out(self, now: int, before: int, limit: int) -> list[tuple[str, Stamp]]:
        """Return tokens that stand now, but not to `before`, with their notes, in the order of end."""
        return self._stamps(
            "WHERE until BETWEEN ? AND ? ORDER BY until LIMIT ?", now, before, limit
        )

    def signers(self, now: int) -> list[tuple[str, Stamp]]:
        """Return a token, with its note, of each signer's certificate whose tokens stand now."""
        sql = "SELECT DISTINCT signer FROM tokens WHERE until >= ?"
        with self._connections.reading() as connection:
            found = connection.execute(sql, (now,)).fetchall()
        clause = "WHERE signer = ? AND until >= ? LIMIT 1"
        return [each for (signer,) in found for each in self._stamps(clause, signer, now)]

    def revoke(self, signer: bytes, until: int) -> None:
        """Let no token of a signer's certificate stand beyond a time."""
        with self._connections.writing() as connection:
            connection.execute(
                "UPDATE tokens SET until = ?1 WHERE signer = ?2 AND until > ?1", (until, signer)
            )

    def until(self) -> int | None:
        """Return the POSIX second to which every stamped anchor stands, None without any."""
        sql = (
            "SELECT min(best) FROM (SELECT max(until) AS best FROM tokens GROUP BY height) AS each"
        )
        with self._connections.reading() as connection:
            found: int | None = connection.execute(sql).fetchone()[0]
        return found

    def last(self) -> Anchor | None:
        """Return the newest anchor."""
        return self._one("ORDER BY height DESC LIMIT 1")

    def newest(self, limit: int) -> list[Stamp]:
        """Return the tokens that came last, in the order of their coming."""
        found = self._stamps("ORDER BY tokens.rowid DESC LIMIT ?", limit)
        return [stamp for _, stamp in reversed(found)]

    def at_height(self, height: int) -> Anchor | None:
        """Return the anchor of a block."""
        return self._one("WHERE height = ?", height)

    def covering(self, index: int) -> Anchor | None:
        """Return the first stamped anchor of more than `index` entries; without one, the first."""
        return self._one(
            "WHERE size > ? AND height IN (SELECT height FROM tokens) ORDER BY size LIMIT 1", index
        ) or self._one("WHERE size > ? ORDER BY size LIMIT 1", index)

    def page(self, first: int, limit: int) -> list[Anchor]:
        """Return the anchors among the `limit` blocks from height `first` on, in order."""
        return self._some("WHERE height >= ? AND height < ? ORDER BY height", first, first + limit)

    def stamped(self, digest: bytes) -> tuple[Anchor, TokenEntry] | None:
        """Return the token with this digest, and the anchor that it stamps."""
        found = self._one("WHERE height = (SELECT height FROM tokens WHERE digest = ?)", digest)
        if found is None:
            return None
        with self._connections.reading() as connection:
            sql = "SELECT lines, der FROM tokens WHERE digest = ?"
            return found, TokenEntry(*connection.execute(sql, (digest,)).fetchone())

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    def _stamps(self, clause: str, *arguments: int | bytes) -> list[tuple[str, Stamp]]:
        columns = "note, height, digest, lines, der, until, signer"
        sql = f"SELECT {columns} FROM tokens JOIN anchors USING (height) {clause}"  # noqa: S608
        with self._connections.reading() as connection:
            rows = connection.execute(sql, arguments).fetchall()
        return [
            (note, Stamp(height, digest, TokenEntry(lines, der), until, signer))
            for note, height, digest, lines, der, until, signer in rows
        ]

    def _one(self, clause: str, *arguments: Any) -> Anchor | None:
        return next(iter(self._some(clause, *arguments)), None)

    def _some(self, clause: str, *arguments: Any) -> list[Anchor]:
        with self._connections.reading() as connection:
            sql = f"SELECT height, size, note FROM anchors {clause}"  # noqa: S608
            rows = connection.execute(sql, arguments).fetchall()
            sql = "SELECT lines, der FROM tokens WHERE height = ? ORDER BY rowid"
            tokens = [connection.execute(sql, row[:1]).fetchall() for row in rows]
        return [
            Anchor(row[0], row[1], row[2], tuple(TokenEntry(*each) for each in found))
            for row, found in zip(rows, tokens, strict=True)
        ]
