"""Webhooks: who is told that receipts are there, how far that has come, and the keys that sign it.

The ledger is the queue. A hook's row holds the entry below which everything was told, and, while an
attempt has failed, the entry below which that attempt went: it is repeated as it was. So nothing that
waits takes room, a restart loses nothing, and what was told twice is the same message.
"""

from collections.abc import Collection
from dataclasses import astuple, dataclass
from urllib.parse import urlsplit

from ledger.crypto.keys import SigningKey
from ledger.errors import InvalidInput, NotFound, OverLimit
from ledger.notary.desk.trail import Action, Actor, note
from ledger.notary.storage.desk import StaffDesk
from ledger.notary.storage.schema import Session
from ledger.quoted import quoted
from ledger.wire.web import Network, require_address, strangers_may_ask

OFFICE = ""
"""The account under which the office's own hook stands: it is told of every account's receipts."""
MAX_HOOKS = 1_000
MAX_URL = 1_000
_COLUMNS = "account, url, told, upto, failures, due, trouble"


@dataclass(frozen=True, slots=True)
class Hook:
    """Where to tell of an account's receipts.

    Everything is told below entry `told`; an attempt that failed went to below `upto`, which is 0
    without one. After `failures` attempts the next one is due at POSIX second `due`; `trouble` says
    why the last one failed.
    """

    account: str
    url: str
    told: int
    upto: int = 0
    failures: int = 0
    due: int = 0
    trouble: str | None = None


def read_hooks(desk: StaffDesk) -> list[Hook]:
    """Return all hooks, the office's first."""
    with desk.connections.reading() as connection:
        rows = connection.execute(f"SELECT {_COLUMNS} FROM hooks ORDER BY account").fetchall()  # noqa: S608
    return [Hook(*row) for row in rows]


def set_hook(
    desk: StaffDesk,
    actor: Actor,
    account: str,
    url: str,
    size: int,
    inside: Collection[Network] = (),
) -> None:
    """Tell `url` of the receipts of entries from `size` on. Raises InvalidInput, OverLimit.

    Its address is public or in one of the networks `inside`: nothing is sent to any other.
    """
    require_address(url)
    if urlsplit(url).scheme != "https" or len(url) > MAX_URL:
        raise InvalidInput(f"{quoted(url)} is no webhook's address: https://, and not too long.")
    if not strangers_may_ask(url, inside):
        raise InvalidInput(
            f"{quoted(url)} lies in a network of its own, where nothing is sent. Give a public "
            "address, or name its network as webhook_network in [serve] of notary.toml."
        )
    with desk.connections.writing() as connection:
        connection.execute("DELETE FROM hooks WHERE account = ?", (account,))
        if connection.execute("SELECT count(*) FROM hooks").fetchone()[0] >= MAX_HOOKS:
            raise OverLimit(f"There are {MAX_HOOKS} webhooks already; remove one first.")
        _insert(connection, Hook(account, url, size))
        note(desk, connection, actor, Action.HOOK_SET, account or "office")


def remove_hook(desk: StaffDesk, actor: Actor, account: str) -> None:
    """Tell of an account's receipts no more. Raises NotFound."""
    with desk.connections.writing() as connection:
        if not connection.execute("DELETE FROM hooks WHERE account = ?", (account,)).rowcount:
            raise NotFound("There is no such webhook.")
        note(desk, connection, actor, Action.HOOK_REMOVED, account or "office")


def came_to(desk: StaffDesk, before: Hook, after: Hook) -> bool:
    """Keep what an attempt has come to; return False where the hook is another or gone by now."""
    with desk.connections.writing() as connection:
        found = connection.execute(
            f"SELECT {_COLUMNS} FROM hooks WHERE account = ?",  # noqa: S608
            (before.account,),
        ).fetchone()
        if found is None or Hook(*found) != before:
            return False
        connection.execute("DELETE FROM hooks WHERE account = ?", (before.account,))
        _insert(connection, after)
        return True


def keys_of(desk: StaffDesk) -> list[SigningKey]:
    """Return what signs for the hooks, the newest first: two while a new one takes over."""
    with desk.connections.reading() as connection:
        sql = "SELECT seed FROM hook_keys ORDER BY number DESC"
        return [SigningKey(bytes(seed)) for (seed,) in connection.execute(sql).fetchall()]


def make_key(desk: StaffDesk, actor: Actor) -> None:
    """Make a key that signs beside the newest one; an older one signs no more."""
    with desk.connections.writing() as connection:
        number = connection.execute("SELECT coalesce(max(number), -1) FROM hook_keys").fetchone()[0]
        connection.execute("DELETE FROM hook_keys WHERE number < ?", (number,))
        connection.execute("INSERT INTO hook_keys VALUES (?, ?)", (number + 1, desk.random(32)))
        note(desk, connection, actor, Action.HOOK_KEY, "")


def _insert(connection: Session, hook: Hook) -> None:
    connection.execute("INSERT INTO hooks VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(hook))
