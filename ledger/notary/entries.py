"""What a notary shows of its entries: those that are signed; and what an account's deposits name."""

from collections.abc import Callable, Iterator
from typing import Protocol

from ledger.chain.statement import Payload, parse_deposit, parse_statement
from ledger.notary.ports import Entry
from ledger.notary.storage.ledger_database import LedgerDatabase

_PAGE = 1_000


class Deposits(Protocol):
    """Who has an account's deposits: the signed ones, or all that are stored."""

    def deposits(self, account: str, after: int, limit: int) -> list[Entry]:
        """Return those with an index above `after`, at most `limit`, in order."""
        ...


def every_deposit(books: Deposits, account: str, after: int = -1) -> Iterator[Entry]:
    """Yield all deposits of an account from behind an entry on, in order."""
    while found := books.deposits(account, after, _PAGE):
        yield from found
        after = found[-1].index


def payloads_of(deposit: Entry) -> Iterator[Payload]:
    """Yield the age files that a deposit names. Raises MalformedData."""
    made = parse_deposit(parse_statement(deposit.statement))
    for payload in (made.content, made.manifest):
        if payload is not None:
            yield payload


class Entries:
    """The signed entries of the ledger. What is stored but not yet signed does not show."""

    def __init__(self, store: LedgerDatabase, signed_size: Callable[[], int]) -> None:
        self._store = store
        self._signed_size = signed_size

    @property
    def size(self) -> int:
        """The number of signed entries."""
        return self._signed_size()

    def find(self, leaf: bytes) -> Entry | None:
        """Return the entry with this leaf hash."""
        entry = self._store.entry(leaf)
        return None if entry is None else self._signed(entry)

    def read(self, index: int) -> Entry | None:
        """Return the entry at `index`."""
        entries = self._store.read(index, index + 1)
        return self._signed(entries[0]) if entries else None

    def read_range(self, start: int, end: int) -> list[Entry]:
        """Return the entries start .. end - 1, as many as there are."""
        return self._store.read(start, min(end, self._signed_size()))

    def deposits(self, account: str, after: int = -1, limit: int = 1000) -> list[Entry]:
        """Return an account's deposits with an index above `after`, at most `limit`, in order."""
        return [e for e in self._store.deposits(account, after, limit) if self._signed(e)]

    def office(self, kind: str, after: int = -1) -> list[Entry]:
        """Return the office's entries of a kind (notices, key, platform, ...) above `after`."""
        return [e for e in self._store.office(kind, after) if self._signed(e)]

    def of_the_office(self, start: int, end: int) -> list[int]:
        """Return the indices of the office's own entries (no blocks) from `start` to before `end`."""
        return self._store.of_the_office(start, min(end, self._signed_size()))

    def _signed(self, entry: Entry) -> Entry | None:
        return entry if entry.index < self._signed_size() else None
