"""What processes of one ledger leave for the one that writes, and what became of it: on the server.

A row is no promise: nobody was answered yet, so the table is not even kept over a crash of the server.
Rows are added one transaction after the other, so a reader that goes by their number misses none.
Notifications wake whoever waits.
"""

import contextlib
import secrets
import threading
from collections.abc import Sequence
from typing import Any

import psycopg

from ledger.encoding import cbor_decode, cbor_encode
from ledger.notary.ports import Left, Outcome
from ledger.notary.storage.postgres import Server
from ledger.notary.storage.schema import Schema, Version

_LEFT = "sealbook_left"
_TABLE = """
CREATE UNLOGGED TABLE submissions (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    process TEXT NOT NULL,
    token BYTEA NOT NULL,
    statements BYTEA NOT NULL,
    own BOOLEAN NOT NULL,
    endorser BYTEA,
    done BOOLEAN NOT NULL DEFAULT false,
    index BIGINT,
    code TEXT,
    detail TEXT,
    left_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX submissions_waiting ON submissions (id) WHERE NOT done;
CREATE INDEX submissions_done ON submissions (process) WHERE done;
"""
_NUMBERS = """
CREATE SEQUENCE submissions_number;
SELECT setval('submissions_number', (SELECT coalesce(max(id), 0) + 1 FROM submissions), false);
ALTER TABLE submissions
    ALTER id DROP IDENTITY, ALTER id SET DEFAULT nextval('submissions_number');
"""
"""A sequence of an unlogged table cannot be read where PostgreSQL 15 took over as a standby."""
_NO_ENDORSER = "ALTER TABLE submissions DROP COLUMN endorser;"
"""An enrolment names its endorser itself."""
SCHEMA = Schema(
    "queue", tuple(Version("", postgres=each) for each in (_TABLE, _NUMBERS, _NO_ENDORSER))
)
_KEPT = "10 minutes"
"""An answer whose process does not come for it any more."""
AT_ONCE = 1_024
"""Rows that are read at a time."""


class SubmissionQueue:
    """The queue, for one process. Methods raise StorageFailed."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._rows = server.connections(SCHEMA, create=True, durable=False)
        self.process = secrets.token_hex(8)
        self._listening: psycopg.Connection[Any] | None = None
        self._lock = threading.Lock()

    def leave(self, items: Sequence[Left]) -> None:
        """Add rows for whoever writes."""
        rows = [
            (self.process, each.token, cbor_encode(list(each.statements)), each.own)
            for each in items
        ]
        with self._rows.writing() as session:
            session.executemany(
                "INSERT INTO submissions (process, token, statements, own) VALUES (?, ?, ?, ?)",
                rows,
            )
            session.execute("SELECT pg_notify(?, '')", (_LEFT,))

    def waiting(self, after: int) -> list[Left]:
        """Return the rows behind number `after` that were not answered, some of them, in order."""
        sql = (
            "SELECT id, process, token, statements, own FROM submissions "
            "WHERE NOT done AND id > ? ORDER BY id LIMIT ?"
        )
        with self._rows.reading() as session:
            rows = session.execute(sql, (after, AT_ONCE)).fetchall()
        return [
            Left(token, tuple(cbor_decode(statements)), own, number, process)
            for number, process, token, statements, own in rows
        ]

    def answer(self, outcomes: Sequence[tuple[Left, Outcome]]) -> None:
        """Say what became of rows, and forget what nobody came for."""
        with self._rows.writing() as session:
            session.execute(
                "UPDATE submissions SET done = true, index = each.index, code = each.code, "
                "detail = each.detail FROM unnest(?::bigint[], ?::bigint[], ?::text[], ?::text[]) "
                "AS each (id, index, code, detail) WHERE submissions.id = each.id",
                (
                    [left.number for left, _ in outcomes],
                    [each.index for _, each in outcomes],
                    [each.code for _, each in outcomes],
                    [each.detail for _, each in outcomes],
                ),
            )
            for process in {left.process for left, _ in outcomes}:
                session.execute("SELECT pg_notify(?, '')", (_channel(process),))

    def forget(self) -> None:
        """Take away answers that nobody has come for."""
        with self._rows.writing() as session:
            session.execute(
                f"DELETE FROM submissions WHERE done AND left_at < now() - interval '{_KEPT}'"  # noqa: S608
            )

    def outcomes(self) -> dict[bytes, Outcome]:
        """Take what became of this process's rows, by their tokens."""
        with self._rows.writing() as session:
            rows = session.execute(
                "DELETE FROM submissions WHERE process = ? AND done "
                "RETURNING token, index, code, detail",
                (self.process,),
            ).fetchall()
        return {token: Outcome(index, code, detail) for token, index, code, detail in rows}

    def wait(self, seconds: float) -> None:
        """Return when something was left or answered, at the latest after this time."""
        with self._server.storage():
            if self._listening is None or self._listening.closed:
                self._listening = self._server.connect()
                self._listening.execute(f"LISTEN {_LEFT}")
                self._listening.execute(f"LISTEN {_channel(self.process)}")
            for _ in self._listening.notifies(timeout=seconds, stop_after=1):
                pass

    def close(self) -> None:
        """Stop listening."""
        with self._lock, contextlib.suppress(psycopg.Error):
            if self._listening is not None:
                self._listening.close()


def _channel(process: str) -> str:
    return f"sealbook_{process}"
