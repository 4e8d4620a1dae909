"""The audit trail: who did what, when, to what. Rows are only added, each chained to the one before.

A row holds names of staff, thumbprints, accounts, numbers: no secret, nothing of a depositor's words.
Its hash is SHA-256 over the deterministic CBOR of

    ["sealbook-trail-v1", number, time, who, role, action, object, entry, previous]

and `previous` of row 0 is SHA-256 of the ledger's origin. Triggers refuse a change; whoever removes
them and changes a row breaks the chain. Whoever rewrites all of it, or cuts its end off, is found out
by an export that was kept elsewhere: `require_extends` compares.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeVar

from ledger.encoding import cbor_encode
from ledger.errors import SealbookError, VerificationFailed
from ledger.notary.desk.roles import Member
from ledger.notary.storage.desk import StaffDesk

A = TypeVar("A")

_PAGE = 1_000
_NO_END = (1 << 63) - 1
_ROW = "SELECT number, time, who, role, action, object, entry, previous, hash FROM trail"


class Action(StrEnum):
    """What is put on the trail."""

    STAFF_ADDED = "staff-added"
    STAFF_REMOVED = "staff-removed"
    LINK_MADE = "link-made"
    SIGNED_IN = "signed-in"
    SIGNED_OUT = "signed-out"
    REFUSED = "proof-refused"
    PASSKEY_ADDED = "passkey-added"
    PASSKEY_REMOVED = "passkey-removed"
    CODE_SET = "code-set"
    PROPOSED = "proposed"
    DECLINED = "declined"
    APPROVED = "approved"
    ENROLLING = "enrolling"
    ENROLLED = "enrolled"
    REVOKING = "revoking"
    REVOKED = "revoked"
    CERTIFYING = "certifying"
    CERTIFIED = "certified"
    WITHDRAWN = "certificate-withdrawn"
    FAILED = "not-entered"
    SUSPENDED = "account-suspended"
    RESUMED = "account-resumed"
    LIMITED = "account-limited"
    HELD = "account-held"
    RELEASED = "account-released"
    ERASED = "identity-erased"
    DISCARDED = "ciphertext-discarded"
    PRODUCED = "account-produced"
    HOOK_SET = "webhook-set"
    HOOK_REMOVED = "webhook-removed"
    HOOK_KEY = "webhook-key-made"
    DESK_OLDER = "desk-older"
    DESK_REVIEWED = "desk-reviewed"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as the trail says it: somebody of the staff, or whoever sits at the terminal."""

    name: str
    role: str

    @classmethod
    def of(cls, member: Member) -> "Actor":
        """Return a member as an actor."""
        return cls(member.name, member.role)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was done. `time` in POSIX seconds, `entry` the ledger's entry that came of it."""

    number: int
    time: int
    who: str
    role: str
    action: str
    object: str
    entry: int | None
    previous: bytes
    hash: bytes

    def computed(self) -> bytes:
        """Return the hash that the row should have."""
        return sha256(
            cbor_encode(
                [
                    "sealbook-trail-v1",
                    self.number,
                    self.time,
                    self.who,
                    self.role,
                    self.action,
                    self.object,
                    self.entry,
                    self.previous,
                ]
            )
        ).digest()

    def as_dict(self) -> dict[str, Any]:
        """Return the row as it is exported."""
        return asdict(self) | {"previous": self.previous.hex(), "hash": self.hash.hex()}


def note(
    desk: StaffDesk,
    connection: Any,
    actor: Actor,
    action: Action,
    object_: str,
    entry: int | None = None,
) -> None:
    """Add a row inside the transaction of what it tells of."""
    found = connection.execute("SELECT number, hash FROM trail ORDER BY number DESC LIMIT 1")
    number, previous = found.fetchone() or (-1, _start(desk.origin))
    row = Row(
        number + 1, desk.moment, actor.name, actor.role, action, object_, entry, previous, b""
    )
    connection.execute(
        "INSERT INTO trail VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.number, row.time, row.who, row.role, row.action, row.object, row.entry,
            row.previous, row.computed(),
        ),
    )  # fmt: skip


def record(
    desk: StaffDesk, actor: Actor, action: Action, object_: str, entry: int | None = None
) -> None:
    """Add a row by itself, durably."""
    with desk.connections.writing() as connection:
        note(desk, connection, actor, action, object_, entry)


def put_on_trail(
    desk: StaffDesk,
    actor: Actor,
    during: Action,
    done: Action,
    object_: str,
    act: Callable[[], A],
    entry: Callable[[A], int],
) -> A:
    """Carry something out, on the trail before it and again with what came of it.

    `entry` tells the entry of the ledger in its answer. Raises what `act` raises.
    """
    record(desk, actor, during, object_)
    try:
        answer = act()
    except SealbookError as error:
        record(desk, actor, Action.FAILED, f"{object_}: {error.code}")
        raise
    record(desk, actor, done, object_, entry(answer))
    return answer


def rows(desk: StaffDesk) -> Iterator[Row]:
    """Yield every row, oldest first."""
    after = -1
    while True:
        with desk.connections.reading() as connection:
            found = connection.execute(
                f"{_ROW} WHERE number > ? ORDER BY number LIMIT ?", (after, _PAGE)
            ).fetchall()
        yield from (Row(*each) for each in found)
        if len(found) < _PAGE:
            return
        after = found[-1][0]


def newest(desk: StaffDesk, before: int | None, limit: int) -> list[Row]:
    """Return at most `limit` rows, newest first, below number `before`."""
    with desk.connections.reading() as connection:
        sql = f"{_ROW} WHERE number < ? ORDER BY number DESC LIMIT ?"
        end = _NO_END if before is None else before
        return [Row(*each) for each in connection.execute(sql, (end, limit)).fetchall()]


def newest_of(desk: StaffDesk, actions: Sequence[Action]) -> Row | None:
    """Return the newest row of one of these actions."""
    places = ", ".join("?" * len(actions))
    with desk.connections.reading() as connection:
        sql = f"{_ROW} WHERE action IN ({places}) ORDER BY number DESC LIMIT 1"
        row = connection.execute(sql, tuple(map(str, actions))).fetchone()
    return None if row is None else Row(*row)


def verify_trail(origin: str, found: Iterable[Row]) -> tuple[int, bytes]:
    """Return (rows, hash of the last) of a trail whose chain holds. Raises VerificationFailed."""
    number, previous = 0, _start(origin)
    for row in found:
        if row.number != number or row.previous != previous or row.hash != row.computed():
            raise VerificationFailed(
                f"The audit trail does not hold at row {number}: it or the one before was altered, "
                "removed or put in. Compare it with an export or a backup that was kept elsewhere."
            )
        number, previous = number + 1, row.hash
    return number, previous


def require_extends(found: Iterable[Row], kept: dict[int, str]) -> None:
    """Raise VerificationFailed unless a trail holds the rows of an earlier export (number -> hash)."""
    left = dict(kept)
    for row in found:
        if left.pop(row.number, row.hash.hex()) != row.hash.hex():
            raise VerificationFailed(
                f"Row {row.number} of the audit trail is another than in the export: the trail was "
                "rewritten."
            )
    if left:
        raise VerificationFailed(
            f"The audit trail lacks row {min(left)}, which the export holds: its end was cut off."
        )


def _start(origin: str) -> bytes:
    return sha256(origin.encode()).digest()
