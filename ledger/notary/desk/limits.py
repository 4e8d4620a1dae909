"""How often somebody may fail: per address, and per name once it is known whose door it is.

A name is counted only for whoever holds that person's link, passkey or session: no stranger locks
anybody out.
"""

from ipaddress import IPv6Address, ip_address, ip_network

from ledger.errors import Refused
from ledger.notary.storage.desk import StaffDesk

WINDOW = 15 * 60
"""Seconds after which failures are forgotten."""
MOST = {"name": 5, "address": 30}
"""Failures within a window."""


class TooManyAttempts(Refused):
    """Failed too often lately."""

    code = "too-many-attempts"


def by_name(number: int) -> str:
    """Return the scope of a member of the staff."""
    return f"name {number}"


def by_address(peer: str) -> str:
    """Return the scope of a peer: its address, of IPv6 the network that one subscriber has."""
    try:
        address = ip_address(peer)
    except ValueError:
        return f"address {peer[:64]}"
    if isinstance(address, IPv6Address):
        return f"address {ip_network((address, 64), strict=False)}"
    return f"address {address}"


def require_few(desk: StaffDesk, *scopes: str) -> None:
    """Raise TooManyAttempts where one of the scopes has failed too often."""
    with desk.connections.reading() as connection:
        for scope in scopes:
            sql = "SELECT count FROM failures WHERE scope = ? AND since > ?"
            found = connection.execute(sql, (scope, desk.moment - WINDOW)).fetchone()
            if found is not None and found[0] >= MOST[scope.partition(" ")[0]]:
                raise TooManyAttempts(
                    f"There were too many failed attempts; try again in {WINDOW // 60} minutes."
                )


def failed(desk: StaffDesk, *scopes: str) -> None:
    """Count a failure for each scope."""
    now = desk.moment
    with desk.connections.writing() as connection:
        connection.execute("DELETE FROM failures WHERE since <= ?", (now - WINDOW,))
        for scope in scopes:
            connection.execute(
                "INSERT INTO failures VALUES (?, ?, 1) ON CONFLICT (scope) DO UPDATE "
                "SET count = failures.count + 1",
                (scope, now),
            )
