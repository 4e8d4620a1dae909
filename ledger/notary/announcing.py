"""Tells webhooks that receipts are there (`desk.hooks` says who and how far), while the ledger goes on.

A message names entries and leaf hashes, nobody's name and nothing of a document; who is told fetches
the receipt as always and checks it. Each hook has one message under way, and queues behind the others
before its next one, so that slow ones hold up nobody for long. What fails is repeated for ever, after
5 s, then after three times as long each time, up to an hour; 410 (gone) like everything else: only the
office removes a hook.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Self

from ledger.chain import statement as st
from ledger.crypto.keys import SigningKey
from ledger.errors import SealbookError, Unavailable
from ledger.notary.desk.hooks import OFFICE, Hook, came_to, keys_of, read_hooks
from ledger.notary.entries import Entries
from ledger.notary.ports import Entry
from ledger.notary.storage.desk import StaffDesk
from ledger.quoted import quoted
from ledger.wire.web import Network, post
from ledger.wire.webhook import receipts_event, signed_fields

EVERY = 0.5
"""Seconds between looks for new entries."""
AT_ONCE = 8
"""Hooks that are told at the same time."""
MAX_RECEIPTS = 100
"""Receipts that one message tells of."""
DEADLINE = 15.0
"""Seconds for a whole attempt."""
MAX_ANSWER = 4 << 10
"""Bytes of an answer that are read, so that whoever sends it is not cut off; its status counts."""
BROKEN = 60.0
"""Seconds that a hook rests after an exception: say, where the desk cannot be written."""
FIRST_PAUSE, LONGEST_PAUSE = 5, 3_600
_RUN = 1_000
"""Entries that are looked through at a time for the office's hook."""

_log = logging.getLogger("sealbook.notary")


def tell(
    url: str, body: bytes, keys: Sequence[SigningKey], now: int, inside: Collection[Network]
) -> None:
    """Send a message; return when it was taken (any 2xx).

    Nothing is sent to an address that is neither public nor in one of the networks `inside`. Raises
    Unavailable.
    """
    if not keys:
        raise Unavailable("There is no key yet that webhooks are signed with.")
    fields = signed_fields(body, now, keys)
    answer = post(
        url, body, fields, limit=MAX_ANSWER, deadline=DEADLINE, inside=inside, whole=False
    )
    if not 200 <= answer.status < 300:
        raise Unavailable(f"{quoted(url)} answers with status {answer.status}.")


class Announcing:
    """Tells the webhooks of a desk from a thread of its own; use `with`.

    `leads` says whether this process is the one that tells; `inside` see `tell`.
    """

    def __init__(
        self,
        origin: str,
        entries: Entries,
        desk: StaffDesk,
        leads: Callable[[], bool],
        inside: Collection[Network],
    ) -> None:
        self._origin = origin
        self._entries = entries
        self._desk = desk
        self._leads = leads
        self._inside = inside
        self._stop = threading.Event()
        self._busy: set[str] = set()
        self._drained: dict[str, tuple[Hook, int]] = {}
        """Of each account its hook, and the size of the ledger of which it was told everything."""
        self._rests: dict[str, float] = {}
        """Until when an account's hook rests after an exception, by a clock that nobody sets."""
        self._pool = ThreadPoolExecutor(AT_ONCE, "webhook")
        self._thread = threading.Thread(target=self._watch, name="webhooks", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._pool.shutdown()

    def _watch(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                if self._leads():
                    self._look()
            except SealbookError:  # the next look finds them again
                pass
            except Exception as error:  # noqa: BLE001 - the same, whatever it was
                _log.warning("webhooks were not looked at: %s", type(error).__name__)

    def _look(self) -> None:
        size, now, moment = self._entries.size, self._desk.moment, time.monotonic()
        # Before the rows are read: a message that ends meanwhile changes its own.
        busy = set(self._busy)
        for hook in read_hooks(self._desk):
            waits = 0 < hook.due - now <= LONGEST_PAUSE  # more only where a clock was set back
            drained = self._drained.get(hook.account) == (hook, size)
            rests = moment < self._rests.get(hook.account, moment)
            if not (waits or drained or rests or hook.account in busy):
                self._busy.add(hook.account)
                self._pool.submit(self._work, hook)

    def _work(self, hook: Hook) -> None:
        left: Hook | None = None
        try:
            left = self._tell_once(hook)
            if left is not None:  # behind the others
                self._pool.submit(self._work, left)
        except Exception as error:  # noqa: BLE001 - it is tried again, whatever it was
            left = None
            self._rests[hook.account] = time.monotonic() + BROKEN
            _log.warning("a webhook was not told: %s", type(error).__name__)
        finally:
            if left is None:
                self._busy.discard(hook.account)

    def _tell_once(self, kept: Hook) -> Hook | None:
        """Make an attempt, if anything is left to tell; return the hook where it may go on.

        `kept` is its row.
        """
        hook = kept
        while not self._stop.is_set():
            size = self._entries.size
            receipts, below = self._next(hook, hook.upto or size)
            if receipts:
                after = self._attempt(hook, receipts, below)
                goes_on = came_to(self._desk, kept, after) and not after.failures
                return after if goes_on and not self._stop.is_set() else None
            if below >= size:
                self._drained[hook.account] = kept, size
                return None
            hook = replace(hook, told=below, upto=0)
        return None

    def _attempt(self, hook: Hook, receipts: Sequence[Entry], below: int) -> Hook:
        """Tell of receipts, all before entry `below`; return how the hook stands after it."""
        body = receipts_event(self._origin, [(each.index, each.leaf_hash) for each in receipts])
        now = self._desk.moment
        try:
            tell(hook.url, body, keys_of(self._desk), now, self._inside)
        except Unavailable as error:
            _log.warning("a webhook was not told: attempt %d", hook.failures + 1)
            pause = min(FIRST_PAUSE * 3 ** min(hook.failures, 10), LONGEST_PAUSE)
            return replace(
                hook,
                upto=below,
                failures=hook.failures + 1,
                due=self._desk.moment + max(1, int(pause * random.uniform(0.5, 1.0))),  # noqa: S311
                trouble=str(error),
            )
        return Hook(hook.account, hook.url, below)

    def _next(self, hook: Hook, end: int) -> tuple[list[Entry], int]:
        """Return the next deposits to tell of, all before entry `end`, and the entry that follows."""
        if hook.account == OFFICE:
            end = min(end, hook.told + _RUN)
            found = [e for e in self._entries.read_range(hook.told, end) if e.kind == st.DEPOSIT]
        else:
            found = self._entries.deposits(hook.account, hook.told - 1, MAX_RECEIPTS)
            found = [each for each in found if each.index < end]
        if len(found) < MAX_RECEIPTS:
            return found, max(end, hook.told)
        return found[:MAX_RECEIPTS], found[MAX_RECEIPTS - 1].index + 1
