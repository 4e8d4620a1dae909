"""Staff: added, reset and removed at the terminal; each begins with a link that counts once.

A name is one person for ever: who was removed and comes back, also in another role, keeps the record,
so that nobody approves what they themselves proposed. A link's secret is printed once, kept as a hash.
"""

import base64
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger.errors import Conflict, NotFound
from ledger.lines import require_line
from ledger.notary.desk.roles import Member, Role, folded
from ledger.notary.desk.trail import Action, Actor, note
from ledger.notary.storage.desk import StaffDesk
from ledger.quoted import in_fours, quoted

MAX_NAME = 64
"""Characters of a name."""
MAX_STAFF = 1_000
LINK_SECONDS = 3_600
"""How long a link counts."""
_SECRET = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """Somebody of the staff, and what they can sign in with."""

    member: Member
    active: bool
    passkeys: int
    code: bool
    link: bool


def add(desk: StaffDesk, name: str, role: Role, by: Actor) -> str:
    """Add somebody; return the secret of their link. Raises InvalidInput, Conflict."""
    kept = require_line(name, MAX_NAME)
    with desk.connections.writing() as connection:
        sql = "SELECT id, active FROM staff WHERE folded = ?"
        found = connection.execute(sql, (folded(kept),)).fetchone()
        if found is not None and found[1]:
            raise Conflict(
                f"{quoted(kept)} is on the staff already; remove them first, or give the other person "
                "a name that tells the two apart."
            )
        if found is not None:
            sql = "UPDATE staff SET name = ?, role = ?, active = 1 WHERE id = ?"
            connection.execute(sql, (kept, role, found[0]))
            number = int(found[0])
        else:
            if connection.execute("SELECT count(*) FROM staff").fetchone()[0] >= MAX_STAFF:
                raise Conflict(f"The staff has {MAX_STAFF} names already.")
            sql = """INSERT INTO staff (name, folded, role, handle, active)
                VALUES (?, ?, ?, ?, 1) RETURNING id"""
            row = kept, folded(kept), role, desk.random(32)
            number = int(connection.execute(sql, row).fetchone()[0])
        note(desk, connection, by, Action.STAFF_ADDED, f"{kept} ({role})")
        return _link(desk, connection, number)


def link(desk: StaffDesk, name: str, by: Actor) -> str:
    """Return the secret of a new link, for one-time codes. Raises NotFound, Conflict."""
    with desk.connections.writing() as connection:
        member = _active(connection, name)
        if connection.execute("SELECT 1 FROM passkeys WHERE staff = ?", (member.id,)).fetchone():
            raise Conflict(
                f"{quoted(member.name)} has a passkey and signs in with that. If it is lost, "
                "`sealbook notary staff reset` takes it away."
            )
        note(desk, connection, by, Action.LINK_MADE, member.name)
        return _link(desk, connection, member.id)


def reset(desk: StaffDesk, name: str, by: Actor) -> str:
    """Take away what somebody signs in with, and return the secret of a link. Raises NotFound."""
    with desk.connections.writing() as connection:
        member = _active(connection, name)
        disarm(connection, member.id)
        note(desk, connection, by, Action.LINK_MADE, member.name)
        return _link(desk, connection, member.id)


def remove(desk: StaffDesk, name: str, by: Actor) -> None:
    """Take somebody off the staff, out of every session at once. Raises NotFound."""
    with desk.connections.writing() as connection:
        member = _active(connection, name)
        disarm(connection, member.id)
        connection.execute("UPDATE staff SET active = 0 WHERE id = ?", (member.id,))
        note(desk, connection, by, Action.STAFF_REMOVED, member.name)


def roster(desk: StaffDesk) -> list[Standing]:
    """Return everybody who is or was on the staff, by name."""
    sql = """SELECT id, name, role, active, code_secret IS NOT NULL,
        (SELECT count(*) FROM passkeys WHERE staff = staff.id),
        (SELECT count(*) FROM links WHERE staff = staff.id AND expires > ?)
        FROM staff ORDER BY active DESC, folded"""
    with desk.connections.reading() as connection:
        found = connection.execute(sql, (desk.moment,)).fetchall()
    return [
        Standing(Member(number, name, Role(role)), bool(active), keys, bool(code), bool(open_))
        for number, name, role, active, code, keys, open_ in found
    ]


def member_of(connection: Any, number: int) -> Member:
    """Return who has this number, also after they left."""
    sql = "SELECT id, name, role FROM staff WHERE id = ?"
    number, name, role = connection.execute(sql, (number,)).fetchone()
    return Member(number, name, Role(role))


def disarm(connection: Any, number: int) -> None:
    """Take away passkeys, one-time codes, links and sessions."""
    for table in ("passkeys", "links", "sessions"):
        connection.execute(f"DELETE FROM {table} WHERE staff = ?", (number,))  # noqa: S608
    connection.execute("UPDATE staff SET code_secret = NULL WHERE id = ?", (number,))


def secret_digest(secret: str) -> bytes:
    """Return what is kept of a link's secret; how it is spaced and spelled does not matter."""
    return sha256("".join(c for c in secret.upper() if c.isalnum()).encode()).digest()


def _link(desk: StaffDesk, connection: Any, number: int) -> str:
    text = base64.b32encode(desk.random(_SECRET)).decode()
    secret = "-".join(in_fours(text))
    connection.execute(
        "INSERT INTO links VALUES (?, ?, ?) ON CONFLICT (staff) "
        "DO UPDATE SET digest = excluded.digest, expires = excluded.expires",
        (number, secret_digest(secret), desk.moment + LINK_SECONDS),
    )
    return secret


def _active(connection: Any, name: str) -> Member:
    sql = "SELECT id FROM staff WHERE folded = ? AND active = 1"
    found = connection.execute(sql, (folded(name),)).fetchone()
    if found is None:
        raise NotFound(f"Nobody on the staff is named {quoted(name)}.")
    return member_of(connection, found[0])
