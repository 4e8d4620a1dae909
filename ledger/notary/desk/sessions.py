"""Sessions: short, bound to a role, known by a random token of which only a hash is kept."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger.notary.desk.roles import Member
from ledger.notary.desk.staff import member_of
from ledger.notary.storage.desk import StaffDesk

IDLE = 15 * 60
"""Seconds without a request after which a session is over."""
LONGEST = 8 * 3_600
"""Seconds after which a session is over."""
_TOKEN = 32
_SEEN_EVERY = 30
"""Seconds within which a request that only reads writes nothing."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in. `first`: has nothing to sign in with yet, and may only set that up."""

    digest: bytes
    member: Member
    first: bool
    started: int


def begin(desk: StaffDesk, connection: Any, member: Member, *, first: bool = False) -> str:
    """Begin a session inside a transaction; return its token. Forgets those that are over."""
    now = desk.moment
    connection.execute(
        "DELETE FROM sessions WHERE seen <= ? OR started <= ?", (now - IDLE, now - LONGEST)
    )
    token = desk.random(_TOKEN).hex()
    row = _digest(token), member.id, member.role, int(first), now, now
    connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", row)
    return token


def find(desk: StaffDesk, token: str) -> Session | None:
    """Return the session of a token, None when there is none or it is over; a look keeps it alive."""
    digest, now = _digest(token), desk.moment
    sql = """SELECT staff, first, started, seen FROM sessions JOIN staff ON staff = id
        WHERE digest = ? AND active = 1 AND sessions.role = staff.role AND seen > ? AND started > ?"""
    with desk.connections.reading() as connection:
        found = connection.execute(sql, (digest, now - IDLE, now - LONGEST)).fetchone()
        if found is None:
            return None
        number, first, started, seen = found
        member = member_of(connection, number)
    if now - seen >= _SEEN_EVERY:
        with desk.connections.writing() as connection:
            sql = "UPDATE sessions SET seen = ? WHERE digest = ?"
            connection.execute(sql, (now, digest))
    return Session(digest, member, bool(first), started)


def end(connection: Any, session: Session) -> None:
    """End a session inside a transaction."""
    connection.execute("DELETE FROM sessions WHERE digest = ?", (session.digest,))


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
