"""Ciphertext and identity records deleted by the office: said first, in a public notice, then done.

The entry, its commitment and every receipt stay as they are; what can no longer be had is the age file,
or who the depositor was. A kill or a failure in between leaves a notice of what is still there: the
command, given again, finds it and does the rest under the same notice. Nothing under a legal hold is
deleted.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.chain import statement as st
from ledger.chain.cosignature import newest_time
from ledger.chain.note import parse_note
from ledger.chain.office import MAX_DISCARDED, Notice, notice_payload, parse_notice
from ledger.chain.statement import parse_statement
from ledger.errors import Conflict, InvalidInput, NotFound
from ledger.lines import require_line
from ledger.notary.desk.reviewing import require_reviewed
from ledger.notary.desk.terms import MAX_REASON, Terms, require_no_hold, terms_of
from ledger.notary.desk.trail import Action, Actor, record, rows
from ledger.notary.entries import Entries, every_deposit, payloads_of
from ledger.notary.orders import Discarded, Erased
from ledger.notary.ports import Entry, SignedCheckpoints
from ledger.notary.sequencing.accounts import Accounts
from ledger.notary.sequencing.sequencer import Sequencer
from ledger.notary.storage.desk import StaffDesk
from ledger.notary.storage.packed import PackedEnvelopes
from ledger.quoted import quoted

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Deleting:
    """What deleting works on; `compare` finds out whether the desk is an older copy.

    `require_here` raises NotHere where the ciphertext is not here as a whole: what looks deleted
    then is only out of sight.
    """

    sequencer: Sequencer
    entries: Entries
    signed: SignedCheckpoints
    accounts: Accounts
    envelopes: PackedEnvelopes
    desk: StaffDesk
    compare: Callable[[], None]
    require_here: Callable[[], None]

    def discard(self, account: str, indices: Sequence[int], reason: str, actor: Actor) -> Discarded:
        """Delete the age files of an account's deposits, all of them or none.

        Raises InvalidInput, NotFound for what is no deposit of the account; Conflict where that was
        done already, under a legal hold, before the days for which the office keeps ciphertext are
        over, and where another deposit of the account names the same age file.
        """
        self.require_reviewed()
        if not 0 < len(indices) <= MAX_DISCARDED:
            raise InvalidInput(f"Name 1 to {MAX_DISCARDED} deposits; delete the others after them.")
        told = require_line(reason, MAX_REASON)
        self.envelopes.finish()
        seen = self.entries.size - 1
        chosen = sorted(set(indices))
        deposits = [self._deposit(account, index) for index in chosen]

        def require(terms: Terms) -> None:
            require_no_hold(terms)
            for index in chosen:
                self._require_old(index, terms.keep_days)

        require(terms_of(self.desk, account))
        roots = {root for each in deposits for root in roots_of(each)}
        self._require_alone(account, roots, chosen)
        there = {each for each in roots if any(self.envelopes.sizes(account, each))}
        listed = ", ".join(map(str, chosen))
        words = (
            f"The notary office has deleted the ciphertext of these deposits: {listed}. Their entries, "
            f"commitments and receipts stay as they are.\nReason: {told}"
        )
        if not there:
            self.sequencer.settle()
            if self._begun(Notice(words, tuple(chosen))) is None:
                raise Conflict("There is no ciphertext of these deposits any more.")
            there = roots  # it was cut short before the trail said so
        with self.withheld(account, there, seen):
            self._require_alone(account, roots, chosen, seen)
            return self.delete(account, there, words, chosen, actor, require)

    @contextmanager
    def withheld(
        self, account: str, roots: Collection[bytes], seen: int
    ) -> Iterator[Collection[bytes]]:
        """Yield those of an account's age files that no deposit behind the entry `seen` names.

        Meanwhile no deposit comes to name one of these; see `Sequencer.withholding`.
        """

        def choose() -> set[bytes]:
            later = self.deposits(account, seen)
            return set(roots) - {root for each in later for root in roots_of(each)}

        with self.envelopes.turn, self.sequencer.withholding(account, choose) as chosen:
            yield chosen

    def _require_alone(
        self, account: str, roots: Collection[bytes], chosen: Sequence[int], after: int = -1
    ) -> None:
        """Raise Conflict where another deposit of an account behind an entry names an age file."""
        for entry in self.deposits(account, after):
            if entry.index not in chosen and not set(roots_of(entry)).isdisjoint(roots):
                raise Conflict(
                    f"Entry {entry.index} names an age file of these deposits too; name it as well, or "
                    "keep them."
                )

    def delete(
        self,
        account: str,
        roots: Collection[bytes],
        words: str,
        listed: Sequence[int],
        actor: Actor,
        require: Callable[[Terms], None],
    ) -> Discarded:
        """Say in a notice that age files are deleted, and delete them; `listed` are its deposits.

        `require` raises where the account's terms are against it: they are read once nothing else is
        waited for, and again after the notice, which may have to wait for its block. Call it while the
        files are `withheld`.
        """
        self.require_reviewed()
        with self.envelopes.turn:
            require(terms_of(self.desk, account))
            notice = self._say(Notice(words, tuple(listed[:MAX_DISCARDED])))
            require(terms_of(self.desk, account))
            self.sequencer.require_leading()
            self.require_here()
            files = self.envelopes.discard(account, sorted(roots), notice)
        record_discarded(self.desk, actor, account, listed, notice)
        return Discarded(notice, files)

    def erase(self, account: str, reason: str, actor: Actor) -> Erased:
        """Erase an account's identity records. Raises NotFound, Conflict under a legal hold."""
        self.require_reviewed()
        require_no_hold(terms_of(self.desk, account))
        told = require_line(reason, MAX_REASON)
        if self.accounts.standing(account).record is None:
            raise Conflict("The identity record of this account was erased already.")
        words = (
            f"The notary office has erased who the account {account} is. Its entries, keys and "
            f"receipts stay as they are.\nReason: {told}"
        )
        notice = self._say(Notice(words, erased=account))
        records = self.accounts.erase(account)
        record(self.desk, actor, Action.ERASED, account, notice)
        return Erased(records, notice)

    def require_reviewed(self) -> None:
        """Raise Conflict while nobody has gone through a desk that is an older copy."""
        self.compare()
        require_reviewed(self.desk)

    def _deposit(self, account: str, index: int) -> Entry:
        found = self.entries.read(index) if index >= 0 else None
        if found is None or found.kind != st.DEPOSIT or found.account != account:
            raise NotFound(f"Entry {index} is not a deposit of the account {quoted(account)}.")
        return found

    def _require_old(self, index: int, keep_days: int | None) -> None:
        closing, newest = self.signed.covering(index), self.signed.last()
        if keep_days is None or closing is None or newest is None:
            return
        age = newest_time(parse_note(newest.note)) - newest_time(parse_note(closing.note))
        if age < keep_days * DAY:
            raise Conflict(
                f"Entry {index} is {age // DAY} days old, and the office keeps this account's "
                f"ciphertext for {keep_days} days. `sealbook notary account limit` changes that."
            )

    def deposits(self, account: str, after: int = -1) -> Iterator[Entry]:
        """Return all signed deposits of an account from behind an entry on, in order."""
        return every_deposit(self.entries, account, after)

    def _say(self, said: Notice) -> int:
        """Return the entry of a notice: the same one where it was never acted on, or a new one."""
        self.sequencer.settle()
        begun = self._begun(said)
        if begun is not None:
            return begun
        entered = self.sequencer.enter((st.NOTICE, notice_payload(said))).result()
        return int(entered[0].index)

    def _begun(self, said: Notice) -> int | None:
        """Return the entry of this notice that the trail does not know of."""
        found = [
            each.index
            for each in self.entries.office(st.NOTICE)
            if parse_notice(parse_statement(each.statement)) == said
        ]
        done = {each.entry for each in rows(self.desk)} if found else set()
        left = [each for each in found if each not in done]
        return left[-1] if left else None


_LONGEST_OBJECT = 400
"""Characters of what a row of the trail names; the notice lists all."""


def record_discarded(
    desk: StaffDesk, actor: Actor, account: str, listed: Sequence[int], notice: int
) -> None:
    """Put on the trail that the ciphertext of deposits is deleted, and under which notice."""
    said = f"{account} entries {', '.join(map(str, listed))}"
    record(desk, actor, Action.DISCARDED, said[:_LONGEST_OBJECT], notice)


def roots_of(entry: Entry) -> Iterator[bytes]:
    """Return the roots of the age files that a deposit names. Raises MalformedData."""
    return (each.root for each in payloads_of(entry))
