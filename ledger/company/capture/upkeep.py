"""What the daemon does beside capturing and sending: receipts become final, the ledger is watched.

Each has a thread and a client of its own: a notary or a witness that hangs delays no deposit.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ledger.company.capture.journal import Journal, Kind
from ledger.company.capture.sender import backoff
from ledger.company.sending.refreshing import ROUND, NotRefreshed, due, refresh
from ledger.company.sending.stamping import stamp_waiting
from ledger.company.sending.witnessed import Cosigned, Fetch, Silent, Split, look
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.errors import MalformedData, NotEnrolled, SealbookError, StorageFailed, Unavailable
from ledger.quoted import Message, quoted
from ledger.wire.client import NotaryClient
from ledger.wire.witnesses import newest_cosigned

TICK = 2.0
"""Seconds between two looks for receipts that are due."""
FIRST_WAIT, LONGEST_WAIT = 2.0, 900.0
"""Seconds until a receipt is asked for again; doubled each time that it is still provisional."""
LONGEST_ROUND = 20.0
"""Seconds for the receipts of one round."""
STOP_PATIENCE = 5.0
"""Seconds that the daemon's end waits for a request."""
GRACE = 10
"""Seconds that a deposit waits for the notary before an authority is asked for its time."""
STAMP_EVERY = 5.0
"""Seconds between two looks for what waits so long."""
LOOK_EVERY = 300.0
"""Seconds between two looks at the witnesses."""


class Upkeep:
    """A thread that works in rounds; a round returns the seconds until the next one."""

    def __init__(
        self, name: str, vault: Vault, journal: Journal, work: Callable[[NotaryClient], float]
    ) -> None:
        self._journal = journal
        self._work = work
        self._stop = threading.Event()
        self._told = ""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._client = NotaryClient(
            vault.config.notary, ledger=vault.config.origin, key=vault.key, sleep=self._sleep
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the request that is under way, or without it: every step is whole or not there."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_PATIENCE)
        self._client.close()

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Unavailable("The daemon stops.")

    def _run(self) -> None:
        attempt, pause = 0, 0.0
        while not self._stop.wait(pause):
            try:
                pause, attempt = self._work(self._client), 0
            except Exception as error:  # noqa: BLE001 - whatever was answered, it goes on
                pause, attempt = backoff(attempt), attempt + 1
                self._tell(error)

    def _tell(self, error: Exception) -> None:
        """Tell of what the sender does not meet, once for each reason."""
        if isinstance(error, (Unavailable, NotEnrolled)) or self._stop.is_set():
            return
        known = isinstance(error, SealbookError)
        why = str(error) if known else f"Something unexpected happened ({quoted(repr(error))})."
        if why != self._told:
            self._told = why
            code = error.code if isinstance(error, SealbookError) else "unexpected"
            self._journal.note(Kind.FAILED, self._thread.name, why, code)


class Refreshing:
    """Rounds that fetch provisional receipts again, each with a back-off of its own."""

    def __init__(self, vault: Vault, journal: Journal) -> None:
        self._vault = vault
        self._journal = journal
        self._due: dict[str, tuple[float, float]] = {}
        self._told: dict[str, str] = {}

    def __call__(self, client: NotaryClient) -> float:
        """Ask for the receipts that are due, up to `ROUND`."""
        now = time.monotonic()
        names = self._vault.provisional()
        self._due = {each: self._due.get(each, (now, FIRST_WAIT)) for each in names}
        ready = sorted(
            (each for each in names if self._due[each][0] <= now), key=self._due.__getitem__
        )
        self._told = {name: why for name, why in self._told.items() if name in self._due}
        for outcome in refresh(self._vault, client, due(self._vault, ready[:ROUND])):
            name = outcome.deposit.name
            _, wait = self._due[name]
            self._due[name] = time.monotonic() + wait, min(2 * wait, LONGEST_WAIT)
            if isinstance(outcome, NotRefreshed):
                self._tell(name, outcome.error)
            if time.monotonic() > now + LONGEST_ROUND:
                break
        return TICK

    def _tell(self, name: str, error: SealbookError) -> None:
        if self._told.get(name) != str(error):
            self._told[name] = str(error)
            self._journal.note(
                Kind.FAILED, "a receipt", str(error), error.code, name.rpartition("-")[2]
            )


class Stamping:
    """Rounds that have what waits stamped, once the notary has had its time."""

    def __init__(self, vault: Vault, clock: Callable[[], float]) -> None:
        self._vault = vault
        self._clock = clock
        self._stamped: set[str] = set()

    def __call__(self, _: NotaryClient) -> float:
        """Stamp what has waited for a while."""
        for each in stamp_waiting(self._vault.trust, self._late()):
            self._stamped.add(each.name)
        return STAMP_EVERY

    def _late(self) -> Iterator[StoredDeposit]:
        """Yield what waits too long and has no token; of what has one nothing is read again."""
        before, spooled = self._clock() - GRACE, self._vault.spooled()
        self._stamped.intersection_update(each.name for each in spooled)
        for each in spooled:
            if each.name in self._stamped:
                continue
            with contextlib.suppress(MalformedData, StorageFailed):  # the sender tells of it
                if each.own_token is not None:
                    self._stamped.add(each.name)
                elif each.meta.sealed <= before:
                    yield each


class Watching:
    """Rounds that ask the witnesses what they have cosigned, and raise an alarm where it is split."""

    def __init__(self, vault: Vault, journal: Journal, clock: Callable[[], float]) -> None:
        self._vault = vault
        self._journal = journal
        self._clock = clock
        self._told: dict[tuple[str, ...], str] = {}

    def __call__(self, client: NotaryClient, fetch: Fetch = newest_cosigned) -> float:
        """Look once."""
        shown: list[dict[str, Any]] = []
        told: dict[tuple[str, ...], str] = {}
        for each in look(self._vault, client, self._clock(), fetch):
            match each:
                case Cosigned(names, size, at, doubt):
                    shown.append(_shown(names, doubt, size=size, time=at))
                case Silent((), Unavailable()):
                    pass  # the sender tells of it
                case Silent(names, error):
                    if names:
                        shown.append(_shown(names, str(error)))
                    told[names] = str(error)
                    if self._told.get(names) != str(error):
                        self._journal.note(Kind.WAITING, _whose(names), str(error), error.code)
                case Split(names, error, proof):
                    told[*names, error.code] = ""
                    if (*names, error.code) not in self._told:
                        why: Message = f"{error} The proof is kept in {quoted(proof)}."
                        self._journal.note(Kind.FAILED, _whose(names), why, error.code)
        self._told = told
        self._journal.set(witnesses=shown)
        return LOOK_EVERY


def _whose(names: tuple[str, ...]) -> str:
    return f"the witness {', '.join(names)}" if names else "the notary"


def _shown(names: tuple[str, ...], trouble: str, **more: int) -> dict[str, Any]:
    return {"names": list(names), "trouble": trouble, **more}
