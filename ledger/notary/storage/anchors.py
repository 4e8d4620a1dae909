"""Anchors: checkpoints with their witnesses' cosignatures and their timestamps: `anchors.sqlite`.

It may be lost without harm to the ledger: a receipt is then made against the next anchor.
"""

from pathlib import Path
from typing import Any

from ledger.chain.receipt import TokenEntry
from ledger.notary.ports import Anchor
from ledger.notary.storage.connections import Connections

FILE = "anchors.sqlite"

_SCHEMA = """
CREATE TABLE anchors (
    height INTEGER PRIMARY KEY,
    size INTEGER NOT NULL UNIQUE,
    note TEXT NOT NULL
) STRICT;
CREATE TABLE tokens (
    digest BLOB PRIMARY KEY,
    height INTEGER NOT NULL REFERENCES anchors (height),
    lines INTEGER NOT NULL,
    der BLOB NOT NULL
) STRICT;
CREATE INDEX tokens_by_height ON tokens (height);
"""


class AnchorDatabase:
    """The anchors, by block height."""

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self._connections = Connections(
            path, _SCHEMA, create=not reading and not path.exists(), reading=reading
        )

    def put(self, anchor: Anchor) -> None:
        """Add an anchor, or the cosignatures that have come since. Its tokens are not touched."""
        with self._connections.writing() as connection:
            connection.execute(
                "INSERT INTO anchors VALUES (?, ?, ?) "
                "ON CONFLICT (height) DO UPDATE SET note = excluded.note",
                (anchor.height, anchor.size, anchor.note),
            )

    def add_token(self, height: int, token: TokenEntry) -> None:
        """Add a token to an anchor."""
        with self._connections.writing() as connection:
            connection.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (token.digest, height, token.lines, token.der),
            )

    def last(self) -> Anchor | None:
        """Return the newest anchor."""
        return self._one("ORDER BY height DESC LIMIT 1")

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
        return found, next(each for each in found.tokens if each.digest == digest)

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

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
