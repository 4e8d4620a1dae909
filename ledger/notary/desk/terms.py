"""An account's terms: what the office has decided about it, and can take back.

They are no part of the ledger: a suspended account's entries and receipts are as good as before, and
its holder can still fetch what is its own. Each change is a row of the audit trail.

    suspended   nothing is taken from it: no statement, no upload, no further device; why
    held        nothing of it is deleted, whoever asks (legal hold); why
    max_bytes   ciphertext that it may keep here
    per_minute  statements that it may enter a minute, counted by each process since its start
    keep_days   days after its deposit for which ciphertext is kept at least
    retain_days days after its deposit after which ciphertext is deleted
"""

import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from ledger.errors import Conflict, InvalidInput, OverLimit, OverQuota, Suspended
from ledger.lines import require_line
from ledger.notary.desk.trail import Action, Actor, note
from ledger.notary.rates import Rates
from ledger.notary.storage.desk import StaffDesk
from ledger.quoted import quoted

MAX_REASON = 400
"""Characters of why: the number of an order and a line."""
FRESH = 1.0
"""Seconds after which terms are read again: another process may have changed them."""
COUNTED = 60.0
"""Seconds for which the bytes of an account are not counted anew."""
MAX_DAYS = 200 * 366
_MOST = (1 << 63) - 1
_COLUMNS = "account, suspended, held, max_bytes, per_minute, keep_days, retain_days"


@dataclass(frozen=True, slots=True)
class Terms:
    """An account's terms. None: no such term."""

    account: str
    suspended: str | None = None
    held: str | None = None
    max_bytes: int | None = None
    per_minute: int | None = None
    keep_days: int | None = None
    retain_days: int | None = None


class Mark(StrEnum):
    """A term that holds until it is taken back, with the reason for it."""

    SUSPENDED = "suspended"
    HELD = "held"


_MARKS = {
    Mark.SUSPENDED: (Action.SUSPENDED, Action.RESUMED),
    Mark.HELD: (Action.HELD, Action.RELEASED),
}


def read_terms(desk: StaffDesk) -> dict[str, Terms]:
    """Return the terms of every account that has any."""
    with desk.connections.reading() as connection:
        rows = connection.execute(f"SELECT {_COLUMNS} FROM terms").fetchall()  # noqa: S608
    return {row[0]: Terms(*row) for row in rows}


def terms_of(desk: StaffDesk, account: str) -> Terms:
    """Return the terms of an account."""
    with desk.connections.reading() as connection:
        return _read(connection, account)


def mark(desk: StaffDesk, actor: Actor, account: str, what: Mark, reason: str) -> None:
    """Suspend an account or put it under a legal hold. Raises InvalidInput, Conflict when it is so."""
    told = require_line(reason, MAX_REASON)

    def change(terms: Terms) -> Terms:
        if getattr(terms, what) is not None:
            raise Conflict(
                f"This was decided of the account {quoted(account)} before; `sealbook notary account "
                "show` says why."
            )
        return _with(terms, what, told)

    _change(desk, actor, account, _MARKS[what][0], change, told)


def clear(desk: StaffDesk, actor: Actor, account: str, what: Mark) -> None:
    """Let a suspended account go on, or end a legal hold. Raises Conflict where there is none."""

    def change(terms: Terms) -> Terms:
        if getattr(terms, what) is None:
            raise Conflict(f"The account {quoted(account)} is not in this state.")
        return _with(terms, what, None)

    _change(desk, actor, account, _MARKS[what][1], change)


def _with(terms: Terms, what: Mark, told: str | None) -> Terms:
    suspends = what is Mark.SUSPENDED
    return replace(terms, suspended=told) if suspends else replace(terms, held=told)


def limit(
    desk: StaffDesk,
    actor: Actor,
    account: str,
    max_bytes: int | None,
    per_minute: int | None,
    keep_days: int | None,
) -> None:
    """Set an account's limits, all three anew. Raises InvalidInput for one that is no limit."""
    for value in (max_bytes, per_minute, keep_days):
        if value is not None and not 0 <= value <= _MOST:
            raise InvalidInput(f"A limit is a whole number from 0 to {_MOST}.")
    if per_minute == 0:
        raise InvalidInput(
            "With 0 statements a minute nothing would be taken from the account, and it would be told "
            "to come again. Suspend it instead: `sealbook notary account suspend`."
        )

    def change(terms: Terms) -> Terms:
        return replace(terms, max_bytes=max_bytes, per_minute=per_minute, keep_days=keep_days)

    told = ", ".join(
        f"{name} {value}"
        for name, value in (
            ("bytes", max_bytes), ("per-minute", per_minute), ("keep-days", keep_days),
        )
        if value is not None
    )  # fmt: skip
    _change(desk, actor, account, Action.LIMITED, change, told or "none")


def retain(desk: StaffDesk, actor: Actor, account: str, days: int | None) -> None:
    """Delete an account's ciphertext so many days after its deposit, None for never.

    Raises InvalidInput for what is no number of days.
    """
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise InvalidInput(f"Ciphertext is deleted after 1 to {MAX_DAYS} days, or never.")
    told = f"retain-days {'none' if days is None else days}"
    _change(
        desk, actor, account, Action.LIMITED, lambda terms: replace(terms, retain_days=days), told
    )


def require_no_hold(terms: Terms) -> None:
    """Raise Conflict while an account is under a legal hold."""
    if terms.held is not None:
        raise Conflict(
            f"The account {quoted(terms.account)} is under a legal hold, so nothing of it is deleted: "
            f"{quoted(terms.held)}. `sealbook notary account release` ends the hold."
        )


class Ciphertext(Protocol):
    """What the office keeps for accounts."""

    def used(self, account: str) -> int:
        """Return the bytes that an account's age files take."""
        ...


class TermsBook:
    """The terms as the service keeps to them. Any thread may call every method.

    Without a desk (a notary that is open for reading only) no account has any terms.
    """

    def __init__(
        self,
        desk: StaffDesk | None,
        envelopes: Ciphertext,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk = desk
        self._envelopes = envelopes
        self._monotonic = monotonic
        self._terms: dict[str, Terms] = {}
        self._read_at = float("-inf")
        self._rates = Rates(monotonic)
        self._counted: dict[str, tuple[float, int]] = {}

    def of(self, account: str) -> Terms:
        """Return an account's terms, at most a second old."""
        now = self._monotonic()
        if self._desk is not None and now - self._read_at >= FRESH:
            self._terms, self._read_at = read_terms(self._desk), now
        return self._terms.get(account) or Terms(account)

    def require_open(self, account: str) -> None:
        """Raise Suspended while nothing is taken from an account."""
        self._open(account)

    def require_statement(self, account: str) -> None:
        """Count a statement. Raises Suspended, OverLimit above what the account may enter a minute."""
        per_minute = self._open(account).per_minute
        if per_minute is None:
            return
        if not per_minute or self._rates.take(account, per_minute):
            raise OverLimit(
                f"This account may enter {per_minute} statements a minute. Nothing is lost: it is "
                "sent again in a while."
            )

    def require_bytes(self, account: str, to_store: Callable[[], int]) -> None:
        """Count the bytes of ciphertext that are to be stored. Raises Suspended, OverQuota.

        `to_store` is asked where the account has a quota.
        """
        most = self._open(account).max_bytes
        if most is None:
            return
        more = to_store()
        now = self._monotonic()
        at, used = self._counted.get(account, (float("-inf"), 0))
        if now - at >= COUNTED:
            at, used = now, self._envelopes.used(account)
        if used + more > most:
            raise OverQuota(
                f"This account may keep {most} bytes of ciphertext at the notary, and these {more} "
                "would be over that. Nothing is lost: it waits until the notary office grants more."
            )
        self._counted[account] = at, used + more

    def _open(self, account: str) -> Terms:
        """Return an account's terms. Raises Suspended while nothing is taken from it."""
        terms = self.of(account)
        if terms.suspended is not None:
            raise Suspended(
                "The notary office takes nothing from this account for now. Nothing is lost: what was "
                "to be sent stays here, and receipts can be fetched. Ask the notary office."
            )
        return terms


def _change(
    desk: StaffDesk,
    actor: Actor,
    account: str,
    action: Action,
    change: Callable[[Terms], Terms],
    told: str = "",
) -> None:
    """Change terms as they are at that moment. Raises InvalidInput where they exclude each other."""
    with desk.connections.writing() as connection:  # no other writes meanwhile
        terms = change(_read(connection, account))
        if terms.retain_days is not None and (terms.keep_days or 0) > terms.retain_days:
            raise InvalidInput(
                f"This account's ciphertext is kept for {terms.keep_days} days at least, so it is not "
                f"deleted after {terms.retain_days}. Change one of the two first."
            )
        connection.execute("DELETE FROM terms WHERE account = ?", (account,))
        connection.execute("INSERT INTO terms VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(terms))
        note(desk, connection, actor, action, f"{account} {told}".rstrip())


def _read(connection: Any, account: str) -> Terms:
    sql = f"SELECT {_COLUMNS} FROM terms WHERE account = ?"  # noqa: S608
    row = connection.execute(sql, (account,)).fetchone()
    return Terms(account) if row is None else Terms(*row)
