"""`desk.sqlite`: staff, their keys and sessions, what waits for a second pair of eyes, the audit trail,
the terms of accounts, how far their retention has gone (under the account "" when it looked last),
webhooks and their key.

It is no part of the ledger and cannot be rebuilt from it; a backup holds it. What opens something is
kept as a SHA-256 (links, sessions) or is a public key (passkeys); the secret of a one-time code has to
be read to be checked, and is protected as the notary's keys are: mode 0600. Identity records are not in
it: they lie as files in `requests/`, and can be erased.
"""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import LedgerFault
from ledger.notary.storage.records import RecordStore
from ledger.notary.storage.schema import Engine, Place, Schema, Snapshot, Version, open_engine
from ledger.quoted import quoted

FILE = "desk.sqlite"
REQUESTS = "requests"

_TABLES = """
CREATE TABLE staff (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    handle BLOB NOT NULL UNIQUE,
    active INTEGER NOT NULL,
    code_secret TEXT,
    code_step INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE passkeys (
    id BLOB PRIMARY KEY,
    staff INTEGER NOT NULL REFERENCES staff (id),
    public BLOB NOT NULL,
    uses INTEGER NOT NULL,
    added INTEGER NOT NULL
) STRICT;
CREATE TABLE links (
    staff INTEGER PRIMARY KEY REFERENCES staff (id),
    digest BLOB NOT NULL UNIQUE,
    expires INTEGER NOT NULL
) STRICT;
CREATE TABLE sessions (
    digest BLOB PRIMARY KEY,
    staff INTEGER NOT NULL REFERENCES staff (id),
    role TEXT NOT NULL,
    first INTEGER NOT NULL,
    started INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT;
CREATE TABLE failures (
    scope TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    count INTEGER NOT NULL
) STRICT;
CREATE TABLE answered (
    challenge BLOB PRIMARY KEY,
    expires INTEGER NOT NULL
) STRICT;
CREATE TABLE proposals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL,
    sent BLOB NOT NULL,
    proposer INTEGER NOT NULL REFERENCES staff (id),
    proposed INTEGER NOT NULL,
    state TEXT NOT NULL,
    decider INTEGER REFERENCES staff (id),
    decided INTEGER
) STRICT;
CREATE UNIQUE INDEX one_waits ON proposals (digest) WHERE state IN ('waiting', 'approving');
CREATE TABLE trail (
    number INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    who TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    entry INTEGER,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL UNIQUE
) STRICT;
"""
_IN_ORDER = """
CREATE TRIGGER trail_in_order BEFORE INSERT ON trail
    WHEN NEW.number IS NOT (SELECT coalesce(max(number) + 1, 0) FROM trail)
    BEGIN SELECT RAISE(ABORT, 'the audit trail has no gaps'); END;
"""
_TERMS = """
CREATE TABLE terms (
    account TEXT PRIMARY KEY,
    suspended TEXT,
    held TEXT,
    max_bytes INTEGER,
    per_minute INTEGER,
    keep_days INTEGER
) STRICT;
"""
_RETENTION = """
ALTER TABLE terms ADD COLUMN retain_days INTEGER;
CREATE TABLE retention (
    account TEXT PRIMARY KEY,
    done INTEGER NOT NULL
) STRICT;
"""
_HOOKS = """
CREATE TABLE hooks (
    account TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    told INTEGER NOT NULL,
    upto INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    due INTEGER NOT NULL,
    trouble TEXT
) STRICT;
CREATE TABLE hook_keys (
    number INTEGER PRIMARY KEY,
    seed BLOB NOT NULL
) STRICT;
"""
_IN_ORDER_ON_A_SERVER = """
CREATE FUNCTION require_no_gap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.number IS DISTINCT FROM (SELECT coalesce(max(number) + 1, 0) FROM trail) THEN
        RAISE EXCEPTION 'the audit trail has no gaps' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER trail_in_order BEFORE INSERT ON trail
    FOR EACH ROW EXECUTE FUNCTION require_no_gap();
"""
SCHEMA = Schema(
    "desk",
    (
        Version(
            _TABLES,
            ("trail",),
            "the audit trail is append-only",
            sqlite=_IN_ORDER,
            postgres=_IN_ORDER_ON_A_SERVER,
        ),
        Version(_TERMS),
        Version(_RETENTION),
        Version(_HOOKS),
    ),
)


@dataclass(frozen=True, slots=True)
class StaffDesk:
    """The office's desk: its database, its waiting records, and what its functions take as given.

    `now` gives POSIX seconds; `origin` is the ledger's name, with which its trail begins.
    """

    origin: str
    connections: Engine
    records: RecordStore
    now: Callable[[], float]
    random: Callable[[int], bytes]

    @property
    def moment(self) -> int:
        """POSIX seconds."""
        return int(self.now())

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Hold on to the database as it is at this moment."""
        return self.connections.snapshot()

    def shut_doors(self) -> None:
        """End every session and link: of a copy that takes the place of what ended some of them."""
        with self.connections.writing() as connection:
            for table in ("sessions", "links"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours

    def close(self) -> None:
        """Close every connection."""
        self.connections.close()


def open_staff_desk(
    place: Place,
    origin: str,
    records: RecordStore,
    now: Callable[[], float] = time.time,
    random: Callable[[int], bytes] = os.urandom,
    *,
    create: bool = False,
    reading: bool = False,
) -> StaffDesk:
    """Open a desk; close what comes back. Raises StorageFailed, LedgerFault where its file is missing.

    `place` is its database, `records` the records that wait. A file is made with `create` alone: an
    empty desk in place of a lost one would know of no legal hold.
    """
    if isinstance(place, Path):
        if not create and not place.exists():
            raise LedgerFault(
                f"{quoted(place)} is missing, with staff, legal holds, terms of accounts and the audit "
                "trail. Put it back from the newest backup, then set again what was decided since."
            )
        create = create and not place.exists()
    else:
        create = not reading
    connections = open_engine(place, SCHEMA, create=create, reading=reading)
    return StaffDesk(origin, connections, records, now, random)
