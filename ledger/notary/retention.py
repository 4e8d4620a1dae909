"""Ciphertext deleted when the time is over for which the office keeps it.

An account's deposits are as old as the ledger says: from the block that closes them to its newest one.
No setting of a clock makes them older, and where nothing is entered nothing is deleted. They are taken
in the ledger's order, and what is done is remembered:

    due:  entries below `end`, the size of the newest block that is old enough
    done: entries below `done`, a row of the desk
    gone: what due entries name and no later entry does; each notice lists all that lose a file by it

A kill between a notice and the end of its deletion leaves files that are due: the next run says so
again in another notice, and deletes them. Nothing of an account under a legal hold is looked at.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ledger.chain.cosignature import newest_time
from ledger.chain.note import parse_note
from ledger.errors import SealbookError
from ledger.notary.deleting import DAY, MAX_DISCARDED, Deleting, roots_of
from ledger.notary.desk.terms import Terms, read_terms
from ledger.notary.desk.trail import Actor
from ledger.notary.orders import Retired
from ledger.notary.ports import Entry, SignedCheckpoint, SignedCheckpoints
from ledger.notary.storage.desk import StaffDesk

EVERY = 3_600.0
"""Seconds between looks of a service."""
AT_ONCE = 4_096
"""Deposits whose files are looked for among an account's others in one pass."""
BY_ITSELF = Actor("retention", "service")

_log = logging.getLogger("sealbook.notary")


@dataclass(frozen=True, slots=True)
class _Part:
    """Due deposits of an account, and the files that go, by those who name them; done below `done`."""

    files: dict[bytes, tuple[int, ...]]
    done: int


def look(deleting: Deleting) -> Retired:
    """Return what is due, and do nothing."""
    found = Retired()
    for terms in _retained(deleting.desk):
        if terms.held is not None:
            found = _plus(found, Retired(held=1))
            continue
        done = done_below(deleting.desk, terms.account)
        while (part := _next(deleting, terms, done)) is not None:
            found = _plus(found, _told(deleting, terms.account, part))
            done = part.done
    return found


def retire(deleting: Deleting) -> Retired | None:
    """Delete a part of what is due; return what that was, None when nothing is left."""
    for terms in _retained(deleting.desk):
        if terms.held is not None:
            continue
        part = _next(deleting, terms, done_below(deleting.desk, terms.account))
        if part is None:
            continue
        told = _told(deleting, terms.account, part)
        for files in _notices(part.files):
            listed = sorted({index for each in files.values() for index in each})
            deleting.delete(terms.account, files, _words(_days(terms), listed), listed, BY_ITSELF)
        with deleting.desk.connections.writing() as connection:
            connection.execute("DELETE FROM retention WHERE account = ?", (terms.account,))
            connection.execute("INSERT INTO retention VALUES (?, ?)", (terms.account, part.done))
        return told
    return None


def keep(
    stop: threading.Event, deleting: Callable[[], Deleting], leads: Callable[[], bool]
) -> None:
    """Delete what is due, and look again every hour, until `stop` is set."""
    while not stop.wait(EVERY):
        try:
            while leads() and not stop.is_set() and (done := retire(deleting())) is not None:
                if done.files:
                    _log.info(
                        "ciphertext was deleted because its time is over: deposits %d, files %d",
                        done.deposits,
                        done.files,
                    )
        except SealbookError as error:  # the next look goes on there
            _log.warning("ciphertext whose time is over was not deleted: %s", error.code)


def done_below(desk: StaffDesk, account: str) -> int:
    """Return the entry below which an account's deposits have been gone through."""
    with desk.connections.reading() as connection:
        sql = "SELECT done FROM retention WHERE account = ?"
        row = connection.execute(sql, (account,)).fetchone()
    return 0 if row is None else int(row[0])


def due_below(signed: SignedCheckpoints, days: int) -> int:
    """Return the entry below which all are at least `days` old, by the ledger's own time."""
    newest = signed.last()
    if newest is None:
        return 0
    latest = _time(newest) - days * DAY
    old, young, end = (
        -1,
        newest.height + 1,
        0,
    )  # blocks: old enough up to one, no more from the other
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


def _next(deleting: Deleting, terms: Terms, done: int) -> _Part | None:
    """Return the first due deposits of an account from `done` on; None where there are none."""
    end = due_below(deleting.signed, _days(terms))
    chosen = [
        each
        for each in deleting.entries.deposits(terms.account, done - 1, AT_ONCE)
        if each.index < end
    ]
    if not chosen:
        return None
    named: dict[bytes, list[int]] = {}
    for entry in chosen:
        for root in roots_of(entry):
            if any(deleting.envelopes.sizes(terms.account, root)):
                named.setdefault(root, []).append(entry.index)
    if named:
        for entry in _others(deleting, terms.account, chosen[0].index, chosen[-1].index):
            for root in named.keys() & set(roots_of(entry)):
                named[root].append(entry.index)
    gone = {root: tuple(by) for root, by in named.items() if max(by) < end}
    return _Part(gone, chosen[-1].index + 1)


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


def _told(deleting: Deleting, account: str, part: _Part) -> Retired:
    sizes = [
        size
        for root in part.files
        for size in deleting.envelopes.sizes(account, root)
        if size is not None
    ]
    deposits = len({index for by in part.files.values() for index in by})
    notices = sum(1 for _ in _notices(part.files))
    return Retired(deposits, len(sizes), sum(sizes), notices)


def _time(checkpoint: SignedCheckpoint) -> int:
    return newest_time(parse_note(checkpoint.note))


def _plus(one: Retired, other: Retired) -> Retired:
    return Retired(*(getattr(one, name) + getattr(other, name) for name in Retired.__slots__))
