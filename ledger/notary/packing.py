"""Packs the small age files that deposits name, in the background of the process that writes.

It follows the ledger: of the entries behind those that were looked at, it gathers what deposits name
and is small, and makes a pack of it once that is worth one. So what no deposit names is never packed,
what it costs depends on what came since, and at most `WORTH` age files wait as loose files. Headers
that were put since an earlier packing are packed again.

Only what is whole is packed: a loose file that was altered is passed over, which the log says once, and
stays for `sealbook notary fsck` to name. One that cannot be read stays loose as well, and is looked at
again after `AGAIN` while the process lives; where none can be read nothing is packed for now.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ledger.chain import statement as st
from ledger.chain.statement import parse_deposit, parse_statement
from ledger.errors import SealbookError, StorageFailed
from ledger.notary.ports import LedgerStore
from ledger.notary.storage.envelopeobjects import EnvelopeObjects
from ledger.notary.storage.envelopes import MAX_REPLACED_HEADERS
from ledger.notary.storage.packed import PackedEnvelopes
from ledger.notary.storage.packfile import BEFORE, MAX_PACK, MAX_PARTS, PAYLOAD, Part, packed_size
from ledger.notary.storage.packs import Progress
from ledger.notary.storage.packshelf import is_sound

SMALL = 1 << 16
"""Bytes of the largest payload that is packed."""
WORTH = 512
"""Age files that are worth a pack. Fewer wait, so that packs never have to be put together."""
EVERY = 5.0
"""Seconds between two looks."""
SHARE = 9
"""Times as long as packing took it rests, so that depositors are not kept waiting for it."""
AGAIN = 3_600.0
"""Seconds until what could not be read is looked at again."""
_LOOK = 16_384
"""Entries that are looked at in one turn."""
_MANY = 4_096
"""Age files that are known to wait, at most."""
_PAGE = 64
"""Entries, and age files, that are in memory at once besides a pack."""
_READERS = 16
"""Objects that are read from a bucket at once."""

_log = logging.getLogger("sealbook.notary")

_Key = tuple[str, bytes]
_Waiting = tuple[str, bytes, int]
"""Account, root and number of a header that was put since an earlier one was packed; else 0."""
Named = Callable[[int, int], Iterator[tuple[int, _Key]]]
"""Given a first entry and an end, yields an entry, and the account and root of an age file it names."""


def named_in(store: LedgerStore) -> Named:
    """Return what the deposits of a ledger name."""

    def named(start: int, end: int) -> Iterator[tuple[int, _Key]]:
        for entry in store.read(start, end):
            if entry.kind == st.DEPOSIT:
                statement = parse_statement(entry.statement)
                deposit = parse_deposit(statement)
                for payload in (deposit.content, deposit.manifest):
                    if payload is not None:
                        yield entry.index, (statement.issuer, payload.root)

    return named


@dataclass(slots=True)
class _Gathered:
    """What is going to be a pack."""

    parts: list[Part] = field(default_factory=list)
    size: int = BEFORE
    full: bool = False

    def add(self, parts: list[Part]) -> bool:
        """Add an age file with its headers; False where there is no room, for others either."""
        size = self.size + sum(map(packed_size, parts))
        self.full |= size > MAX_PACK or len(self.parts) + len(parts) > MAX_PARTS
        if not self.full:
            self.parts += parts
            self.size = size
        return not self.full


class Packer:
    """Packs what a ledger's deposits name. `turn` may be called by one thread at a time."""

    def __init__(self, named: Named, envelopes: PackedEnvelopes, *, worth: int = WORTH) -> None:
        self._named = named
        self._envelopes = envelopes
        self._rows, self._loose = envelopes.shelf.rows, envelopes.loose
        self._worth = worth
        self._progress: Progress | None = None
        self._at = 0
        """The first entry behind `_progress` that was not looked at."""
        self._waiting: dict[_Key, int] = {}
        """The loose age files that entries before it name, and which entry does."""
        self._passed_over: set[_Waiting] = set()
        """What is not whole, and was told of."""
        self._unread: dict[_Waiting, float] = {}
        """What could not be read, and when it is looked at again, by the monotonic clock."""
        self._pool = ThreadPoolExecutor(
            _READERS if isinstance(envelopes.loose, EnvelopeObjects) else 1, "packing"
        )

    def turn(self, size: int) -> bool:
        """Make a pack of what the first `size` entries name, if it is worth one; whether there is more.

        Raises StorageFailed, NoRoom, LedgerFault.
        """
        if not self._envelopes.turn.acquire(blocking=False):
            return False
        try:
            self._envelopes.shelf.finish()
            progress = self._rows.progress()
            if progress != self._progress:
                self._progress, self._at = progress, progress.entry
                again = [
                    each for each in self._unread if not each[2] and not self._is_put_off(each)
                ]
                self._waiting = {(account, root): self._at for account, root, _ in again}
            self._look(min(size, self._at + _LOOK))
            newer = self._rows.newer(_MANY + len(self._passed_over) + len(self._unread))
            passed = self._passed_over
            newer = [e for e in newer if e not in passed and not self._is_put_off(e)]
            if len(self._waiting) + len(newer) >= self._worth:
                self._pack(progress, newer)
                self._progress = None
                return True
            if not self._waiting and self._at >= progress.entry + _LOOK:
                self._rows.advance(progress, self._at)
            return self._at < size
        except SealbookError:
            self._progress = None
            raise
        finally:
            self._envelopes.turn.release()

    def close(self) -> None:
        """Let go of threads."""
        self._pool.shutdown(cancel_futures=True)

    def _look(self, end: int) -> None:
        """Find what waits and is named by entries before `end`."""
        while self._at < end and len(self._waiting) < _MANY:
            last = min(self._at + _PAGE, end)
            named = dict(reversed([(key, index) for index, key in self._named(self._at, last)]))
            for account in {account for account, _ in named}:
                roots = [root for whose, root in named if whose == account]
                for root in self._rows.among(account, roots):
                    del named[account, root]
            for key in reversed(named):
                if not self._is_put_off((*key, 0)):
                    self._waiting.setdefault(key, named[key])
            self._at = last

    def _pack(self, progress: Progress, newer: list[_Waiting]) -> None:
        """Pack what waits and is whole, as far as there is room."""
        found, packed = _Gathered(), list[_Waiting]()
        unread: dict[_Waiting, StorageFailed] = {}
        for each, parts in self._whole(newer, unread):
            if found.add(parts):
                packed.append(each)
        keys = list(self._waiting)
        entry = self._at
        for at in range(0, len(keys), _PAGE):
            part = keys[at : at + _PAGE]
            for each, parts in self._whole([(*key, 0) for key in part], unread):
                if found.add(parts):
                    packed.append(each)
                else:
                    entry = min(entry, self._waiting[each[:2]])
            if found.full:
                entry = min([entry, *(self._waiting[key] for key in keys[at + _PAGE :])])
                break
        if found.parts:
            headers = [each for each in packed if each[2]]
            self._envelopes.shelf.add(found.parts, progress, entry, headers)
        elif unread:
            raise next(iter(unread.values()))
        else:
            self._rows.advance(progress, entry)
        for each in packed:
            self._unread.pop(each, None)
        self._put_off(unread)

    def _whole(
        self, waiting: Sequence[_Waiting], unread: dict[_Waiting, StorageFailed]
    ) -> Iterator[tuple[_Waiting, list[Part]]]:
        """Yield what is whole, with its parts; add to `unread` what cannot be read, and why."""
        for each, parts in zip(waiting, self._pool.map(self._read, waiting), strict=True):
            if isinstance(parts, StorageFailed):
                unread[each] = parts
            elif parts is None:
                self._pass_over(each)
            else:
                yield each, parts

    def _read(self, each: _Waiting) -> list[Part] | StorageFailed | None:
        try:
            return self._newer(each) if each[2] else self._fresh(each[:2])
        except StorageFailed as error:
            return error

    def _is_put_off(self, each: _Waiting) -> bool:
        return self._unread.get(each, 0.0) > time.monotonic()

    def _put_off(self, unread: dict[_Waiting, StorageFailed]) -> None:
        if new := [error for each, error in unread.items() if each not in self._unread]:
            _log.warning(
                "age files that cannot be read stay as they are and are not packed: %d; the first: %s",
                len(new),
                new[0],
            )
        self._unread |= dict.fromkeys(unread, time.monotonic() + AGAIN)

    def _pass_over(self, each: _Waiting) -> None:
        if each not in self._passed_over:
            self._passed_over.add(each)
            account, root, _ = each
            _log.warning(
                "the age file %s/%s is not whole, so it is not packed: "
                "run `sealbook notary fsck --ciphertext`",
                account,
                root.hex(),
            )

    def _fresh(self, key: _Key) -> list[Part] | None:
        """Return the parts of an age file of which nothing is packed, None if it is not whole.

        Nothing is left of one that was erased.
        """
        account, root = key
        header, size = self._loose.sizes(account, root)
        if header is None and size is None:
            return []
        if header is None or size is None:
            return None
        parts = []
        if size <= SMALL:
            parts.append(self._part(account, root, PAYLOAD, "payload"))
        for number in range(1, MAX_REPLACED_HEADERS + 1):
            replaced = self._part(account, root, number, f"header.{number}")
            if replaced is None:
                break
            parts.append(replaced)
        number = 1 + sum(1 for each in parts if each is not None and each.version != PAYLOAD)
        parts.append(self._part(account, root, number, "header"))
        return _all_sound(parts)

    def _newer(self, waiting: _Waiting) -> list[Part] | None:
        """Return the headers put since an earlier one was packed, None if one is not whole."""
        account, root, number = waiting
        packed = self._rows.find(account, root).version
        numbers = range(packed + 1, number + 1)
        parts = [self._part(account, root, each, f"newer.{each}") for each in numbers]
        return _all_sound(parts)

    def _part(self, account: str, root: bytes, version: int, name: str) -> Part | None:
        data = self._loose.read_part(account, root, name)
        return None if data is None else Part(account, root, version, data)


def _all_sound(parts: Sequence[Part | None]) -> list[Part] | None:
    """Return parts that are all there and whole, None where one is not."""
    kept = [each for each in parts if each is not None]
    return kept if len(kept) == len(parts) and all(map(is_sound, kept)) else None


class Packing:
    """A thread that lets a packer take its turns, until it is closed.

    `size` is that of the signed ledger, or None while this process does not write or something keeps
    loose files where they are.
    """

    def __init__(self, packer: Packer, size: Callable[[], int | None]) -> None:
        self._packer, self._size = packer, size
        self._stop = threading.Event()
        self._troubled = False
        self._thread = threading.Thread(target=self._work, name="packing", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, after the turn that is being taken."""
        self._stop.set()
        self._thread.join()
        self._packer.close()

    def _work(self) -> None:
        rest = EVERY
        while not self._stop.wait(rest):
            start, rest = time.monotonic(), EVERY
            size = self._size()
            try:
                if size is not None and self._packer.turn(size):
                    rest = SHARE * (time.monotonic() - start)
                self._troubled = False
            except SealbookError as error:
                if not self._troubled:
                    _log.warning("small ciphertext is not packed for now: %s", error)
                self._troubled = True
