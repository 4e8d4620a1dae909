"""What the ledger says was deleted, and is there: an older copy has brought it back, or its deletion
was cut short.

Notices say of which deposits no ciphertext is kept, and of which account no identity record. An age
file is meant where such notices list every deposit that names it: what another deposit names is kept,
or was uploaded again.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ledger.chain import statement as st
from ledger.chain.enrolment import parse_enrolment
from ledger.chain.office import Notice, parse_notice
from ledger.chain.statement import parse_statement
from ledger.errors import MalformedData
from ledger.notary.deleting import record_discarded, roots_of
from ledger.notary.desk.reviewing import BY_A_RESTORE
from ledger.notary.desk.terms import read_terms
from ledger.notary.desk.trail import Action, record
from ledger.notary.entries import every_deposit
from ledger.notary.ports import Entry
from ledger.notary.storage.desk import StaffDesk
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.packed import PackedEnvelopes
from ledger.notary.storage.records import RecordStore
from ledger.quoted import Message, quoted


@dataclass(frozen=True, slots=True)
class Undone:
    """A deletion that the notice at an entry states, and that is not done here.

    Of age files `roots`, and the deposits that the notice lists; or, of an account, the digests of its
    identity records.
    """

    notice: int
    account: str
    deposits: tuple[int, ...] = ()
    roots: tuple[bytes, ...] = ()
    records: tuple[bytes, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it for machines."""
        return {
            "notice": self.notice,
            "account": self.account,
            "deposits": list(self.deposits),
            "age_files": len(self.roots),
            "records": len(self.records),
        }

    def words(self) -> Message:
        """Say what is there, and what to do."""
        if self.records:
            return (
                f"it says that the identity record of the account {quoted(self.account)} was deleted, "
                "and it is there: `sealbook notary account erase` deletes it"
            )
        return (
            f"it says that ciphertext of the account {quoted(self.account)} was deleted, and "
            f"{len(self.roots)} age files of it are there: `sealbook notary account discard` deletes "
            "them"
        )


def undone(
    store: LedgerDatabase, envelopes: PackedEnvelopes, records: RecordStore, *, marks: bool = False
) -> Iterator[Undone]:
    """Yield the deletions that are stated and not done: of what is there.

    With `marks` also of what is not, where nothing beside the ledger says why.
    """

    def is_undone(account: str, root: bytes) -> bool:
        there = any(each is not None for each in envelopes.sizes(account, root))
        return there or (marks and envelopes.discarded(account, root) is None)

    said = list(_notices(store))
    every = frozenset(each for _, notice in said for each in notice.discarded)
    kept: dict[str, set[bytes]] = {}
    for index, notice in said:
        if notice.erased is not None:
            found = [each for each in _records(store, notice.erased, index) if records.read(each)]
            if found:
                yield Undone(index, notice.erased, records=tuple(found))
        named: dict[str, set[bytes]] = {}
        for deposit in notice.discarded:
            for entry in store.read(deposit, deposit + 1):
                if entry.kind == st.DEPOSIT and entry.account is not None:
                    left = {each for each in _roots(entry) if is_undone(entry.account, each)}
                    named.setdefault(entry.account, set()).update(left)
        for account, roots in named.items():
            if not roots:
                continue
            if account not in kept:
                kept[account] = _kept(store, account, every)
            if gone := roots - kept[account]:
                yield Undone(index, account, notice.discarded, tuple(sorted(gone)))


def redo(
    store: LedgerDatabase, envelopes: PackedEnvelopes, records: RecordStore, desk: StaffDesk
) -> tuple[list[Undone], list[Undone]]:
    """Do what is undone in a restored copy, on the audit trail; return what was done, what was left.

    Nothing of an account under a legal hold is deleted.
    """
    terms, done, left = read_terms(desk), [], []
    for each in undone(store, envelopes, records, marks=True):
        one = terms.get(each.account)
        if one is not None and one.held is not None:
            left.append(each)
            continue
        for digest in each.records:
            records.erase(digest)
        if each.records:
            record(desk, BY_A_RESTORE, Action.ERASED, each.account, each.notice)
        else:
            envelopes.make(each.account)
            envelopes.discard(each.account, each.roots, each.notice)
            record_discarded(desk, BY_A_RESTORE, each.account, each.deposits, each.notice)
        done.append(each)
    return done, left


def _notices(store: LedgerDatabase) -> Iterator[tuple[int, Notice]]:
    """Yield the notices that can be read, and their entries."""
    for each in store.office(st.NOTICE):
        with suppress(MalformedData):
            yield each.index, parse_notice(parse_statement(each.statement))


def _roots(entry: Entry) -> set[bytes]:
    """Return what a deposit names, nothing of one that cannot be read: `fsck` says so by itself."""
    with suppress(MalformedData):
        return set(roots_of(entry))
    return set()


def _records(store: LedgerDatabase, account: str, before: int) -> Iterator[bytes]:
    """Yield the digests of the identity records that an account had when an entry came."""
    for key in store.keys_of(account):
        for entry in store.read(key.enrolled_index, key.enrolled_index + 1):
            if entry.index < before:
                yield parse_enrolment(parse_statement(entry.statement)).record


def _kept(store: LedgerDatabase, account: str, listed: frozenset[int]) -> set[bytes]:
    """Return the roots that an account's deposits name which no notice lists."""
    unlisted = (e for e in every_deposit(store, account) if e.index not in listed)
    return {root for each in unlisted for root in _roots(each)}
