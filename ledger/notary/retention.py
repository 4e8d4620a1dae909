"""Ciphertext deleted when the time is over for which the office keeps it.

An account's deposits are as old as the ledger says: from the block that closes them to its newest one,
or to the notary's clock where that block lies ahead of it. Where nothing is entered nothing is deleted.

A notary that starts under a clock that is ahead signs blocks that are ahead. So each look of a service
is kept in the desk, and a clock more than `FURTHEST` beyond the last one is not believed: nothing is
deleted by itself until the clock is right, or until a person who was shown the time that it goes by has
deleted with the command. The first service takes its newest block for the last look, before it enters
anything. A clock that is ahead by less makes deposits older by as much.

They are taken in the ledger's order, and what is done is remembered:

    due:  entries below `end`, the size of the newest block that is old enough
    done: entries below `done`, a row of the desk
    gone: what due entries name and no later entry does; each notice lists all that lose a file by it

A deposit that comes to name a file between the pass and the deletion keeps it (`Withholding`).
A file that is missing counts as gone only while the ciphertext as a whole is here: before and after
each pass (`Deleting.require_here`).

A kill between a notice and the end of its deletion leaves files that are due: the next run says so
again in another notice, and deletes them. Nothing of an account under a legal hold is looked at, and
an account's terms are read again before each notice.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, takewhile

from ledger.chain.cosignature import newest_time
from ledger.chain.note import parse_note
from ledger.chain.office import MAX_DISCARDED
from ledger.errors import Conflict, SealbookError
from ledger.notary.clock import utc
from ledger.notary.deleting import DAY, Deleting, roots_of
from ledger.notary.desk.reviewing import OLDER, REVIEW, unreviewed
from ledger.notary.desk.terms import Terms, read_terms, require_no_hold
from ledger.notary.desk.trail import Actor
from ledger.notary.orders import Retired
from ledger.notary.ports import Entry, SignedCheckpoint, SignedCheckpoints
from ledger.notary.storage.desk import StaffDesk
from ledger.notary.storage.landmark import NotHere

EVERY = 3_600.0
"""Seconds between looks of a service."""
FURTHEST = 7 * DAY
"""Seconds by which a service's clock may be beyond the look before it: it may have stood still."""
AT_ONCE = 4_096
"""Deposits, at least, whose files are deleted after one pass over all of the account's: which may name
them too."""
PASSES = 64
"""Such passes, at most, until everything has gone: in a large ledger each is over more deposits."""
BY_ITSELF = Actor("retention", "service")
_LOOKS = ""
"""The account in whose row of the table stands when the last look was."""

_log = logging.getLogger("sealbook.notary")


@dataclass(frozen=True, slots=True)
class _Part:
    """Due deposits of an account, and the files that go, by those who name them; done below `done`.

    What deposits behind the entry `seen` name was not looked at.
    """

    files: dict[bytes, tuple[int, ...]]
    done: int
    seen: int


def look(deleting: Deleting) -> Retired:
    """Return what is due, and do nothing: one pass over the deposits of each account."""
    until = ledger_time(deleting)
    found = Retired(until=until)
    for terms in _retained(deleting.desk):
        if terms.held is not None:
            found = _plus(found, Retired(held=1))
            continue
        done = done_below(deleting.desk, terms.account)
        if (part := _next(deleting, terms, done, until, None)) is not None:
            found = _plus(found, _told(deleting, terms.account, part.files))
    return found


def retire(deleting: Deleting, until: int) -> Retired | None:
    """Delete a part of what is due at a time; return what that was, None when nothing is left.

    Raises Conflict where an account's terms are others by now.
    """
    for terms in _retained(deleting.desk):
        if terms.held is not None:
            continue
        limit = max(AT_ONCE, deleting.entries.size // PASSES)
        part = _next(deleting, terms, done_below(deleting.desk, terms.account), until, limit)
        if part is None:
            continue
        told = Retired()
        for files in _notices(part.files):
            told = _plus(told, _delete(deleting, terms, files, part.seen))
        _keep(deleting.desk, terms.account, part.done)
        return replace(told, until=until)
    return None


def _delete(
    deleting: Deleting, terms: Terms, files: dict[bytes, tuple[int, ...]], seen: int
) -> Retired:
    """Delete the files that one notice speaks of, but for what a deposit behind `seen` names."""
    with deleting.withheld(terms.account, files, seen) as free:
        gone = {root: by for root, by in files.items() if root in free}
        if not gone:
            return Retired()
        told = _told(deleting, terms.account, gone)
        listed = sorted({index for each in gone.values() for index in each})
        words, require = _words(_days(terms), listed), partial(_require_same, terms)
        deleting.delete(terms.account, gone, words, listed, BY_ITSELF, require)
        return told


def ledger_time(deleting: Deleting) -> int:
    """Return the POSIX second that the newest block states, or the clock's where that is ahead."""
    newest = deleting.signed.last()
    return 0 if newest is None else min(_time(newest), deleting.desk.moment)


def believe(desk: StaffDesk) -> None:
    """Take the clock for right: a person has deleted by it."""
    _keep(desk, _LOOKS, desk.moment)


def _begin(deleting: Deleting) -> None:
    """Take the newest block for the last look, where there was none."""
    newest = deleting.signed.last()
    if newest is not None and not done_below(deleting.desk, _LOOKS):
        _keep(deleting.desk, _LOOKS, _time(newest))


def _is_believed(desk: StaffDesk) -> bool:
    """Return whether the clock may be right, and keep this look if so."""
    now = desk.moment
    if now - done_below(desk, _LOOKS) <= FURTHEST:
        _keep(desk, _LOOKS, now)
        return True
    if _retained(desk):
        _log.warning(
            "no ciphertext is deleted by itself: the clock says %s, more than %d days beyond the last "
            "look. If that is wrong, set it right; if it is right, run "
            "`sealbook notary retention --delete`",
            utc(now),
            FURTHEST // DAY,
        )
    return False


def _require_same(old: Terms, terms: Terms) -> None:
    require_no_hold(terms)
    if terms.retain_days is None or _days(terms) != _days(old):
        raise Conflict(
            "The terms of this account have changed; nothing more of it was deleted now."
        )


def keep(
    stop: threading.Event, deleting: Callable[[], Deleting], leads: Callable[[], bool]
) -> None:
    """Delete what is due every hour, until `stop` is set."""
    _try(lambda: _begin(deleting()))
    while not stop.wait(EVERY):
        _try(lambda: _look_once(stop, deleting, leads))


def _try(do: Callable[[], None]) -> None:
    try:
        do()
    except Exception as error:  # noqa: BLE001 - whatever it was, the next look goes on there
        why = error.code if isinstance(error, SealbookError) else type(error).__name__
        if isinstance(error, NotHere):
            why = str(error)
        _log.warning("ciphertext whose time is over was not deleted: %s", why)


def _look_once(
    stop: threading.Event, deleting: Callable[[], Deleting], leads: Callable[[], bool]
) -> None:
    if not leads():
        return
    now = deleting()
    if not _is_believed(now.desk):
        return
    if unreviewed(now.desk) is not None:
        if _retained(now.desk):
            _log.warning("no ciphertext is deleted by itself: %s %s", OLDER, REVIEW)
        return
    until = ledger_time(now)
    while leads() and not stop.is_set() and (done := retire(deleting(), until)) is not None:
        if done.files:
            _log.info(
                "ciphertext was deleted because its time is over: deposits %d, files %d",
                done.deposits,
                done.files,
            )


def _keep(desk: StaffDesk, account: str, done: int) -> None:
    with desk.connections.writing() as connection:
        connection.execute("DELETE FROM retention WHERE account = ?", (account,))
        connection.execute("INSERT INTO retention VALUES (?, ?)", (account, done))


def done_below(desk: StaffDesk, account: str) -> int:
    """Return the entry below which an account's deposits have been gone through."""
    with desk.connections.reading() as connection:
        sql = "SELECT done FROM retention WHERE account = ?"
        row = connection.execute(sql, (account,)).fetchone()
    return 0 if row is None else int(row[0])


def due_below(signed: SignedCheckpoints, days: int, until: int) -> int:
    """Return the entry below which all are at least `days` old at a time."""
    newest = signed.last()
    if newest is None:
        return 0
    latest = until - days * DAY
    end = 0
    old, young = -1, newest.height + 1  # blocks: old enough up to one, no more from the other
    while young - old > 1:
        height = (old + young) // 2
        found = signed.at_height(height)
        if found is not None and _time(found) <= latest:
            old, end = height, found.size
        else:
            young = height
    return end


def _retained(desk: StaffDesk) -> list[Terms]:
    found = read_terms(desk).values()
    return sorted((e for e in found if e.retain_days is not None), key=lambda e: e.account)


def _days(terms: Terms) -> int:
    return max(terms.retain_days or 0, terms.keep_days or 0)


def _next(
    deleting: Deleting, terms: Terms, done: int, until: int, limit: int | None
) -> _Part | None:
    """Return the due deposits of an account from `done` on, at most so many; None without any."""
    seen = deleting.entries.size - 1
    end = due_below(deleting.signed, _days(terms), until)
    due = takewhile(lambda each: each.index < end, deleting.deposits(terms.account, done - 1))
    first = last = -1
    named: dict[bytes, list[int]] = {}
    for entry in islice(due, limit):
        first, last = entry.index if first < 0 else first, entry.index
        for root in roots_of(entry):
            if any(deleting.envelopes.sizes(terms.account, root)):
                named.setdefault(root, []).append(entry.index)
    if first < 0:
        return None
    if named:
        for entry in _others(deleting, terms.account, first, last):
            for root in named.keys() & set(roots_of(entry)):
                named[root].append(entry.index)
    deleting.require_here()
    gone = {root: tuple(by) for root, by in named.items() if max(by) < end}
    return _Part(gone, last + 1, seen)


def _others(deleting: Deleting, account: str, first: int, last: int) -> Iterator[Entry]:
    return (e for e in deleting.deposits(account) if not first <= e.index <= last)


def _notices(files: dict[bytes, tuple[int, ...]]) -> Iterator[dict[bytes, tuple[int, ...]]]:
    """Yield the files that one notice speaks of, together with at most so many deposits."""
    group: dict[bytes, tuple[int, ...]] = {}
    listed: set[int] = set()
    for root, by in sorted(files.items(), key=lambda each: each[1]):
        if group and len(listed | set(by)) > MAX_DISCARDED:
            yield group
            group, listed = {}, set()
        group[root] = by
        listed |= set(by)
    if group:
        yield group


def _words(days: int, listed: list[int]) -> str:
    more = len(listed) - MAX_DISCARDED  # of deposits that all name one file
    return (
        f"The time of {days} days is over for which the notary office keeps the ciphertext of these "
        f"deposits, and it has deleted it: {', '.join(map(str, listed[:MAX_DISCARDED]))}"
        f"{f' and {more} more that name the same file' if more > 0 else ''}. "
        "Their entries, commitments and receipts stay as they are."
    )


def _told(deleting: Deleting, account: str, files: dict[bytes, tuple[int, ...]]) -> Retired:
    sizes = [
        size
        for root in files
        for size in deleting.envelopes.sizes(account, root)
        if size is not None
    ]
    deposits = len({index for by in files.values() for index in by})
    notices = sum(1 for _ in _notices(files))
    return Retired(deposits, len(sizes), sum(sizes), notices)


def _time(checkpoint: SignedCheckpoint) -> int:
    return newest_time(parse_note(checkpoint.note))


def _plus(one: Retired, other: Retired) -> Retired:
    return Retired(*(getattr(one, name) + getattr(other, name) for name in Retired.__slots__))
