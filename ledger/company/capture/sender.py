"""What waits in the spool goes to the notary, in batches, for as long as the daemon runs."""

import contextlib
import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx2

from ledger.company.capture.intake import Intake
from ledger.company.capture.journal import Journal, Kind
from ledger.company.sending.confirming import BATCH
from ledger.company.sending.send import (
    Damaged,
    Delivered,
    NotItsTurn,
    PutAside,
    PutOff,
    Renumbered,
    Unsent,
    send,
)
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.errors import (
    InvalidInput,
    NotEnrolled,
    SealbookError,
    Unavailable,
)
from ledger.language import iso
from ledger.quoted import quoted
from ledger.wire.client import NotaryClient
from ledger.wire.deadlines import Deadline, http_client, within

ROUND = 5 * BATCH
"""Deposits that are sent before others may send: `sealbook deposit` waits for the same right."""
POLL = 30.0
"""Seconds after which the spool is looked at although nothing was announced."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds of back-off when the notary is away; doubled each time, and jittered."""
HOLD = 600.0
"""Seconds until a deposit that was refused is tried again."""
HOLD_PASSING = 60.0
"""Seconds until one is that the notary did not take at the moment; doubled each time, up to `HOLD`."""
AWAY = 900.0
"""Seconds after which a notary that is away, or does not take a deposit, counts as a failure."""
COMPARE = 3600.0
"""Seconds between two comparisons of the clocks."""
CLOCK_PATIENCE = 10.0
"""Seconds for one: a slower answer would tell little."""


@dataclass(slots=True)
class _Held:
    """A deposit that was not taken: since when and why, and when it is tried again (monotonic)."""

    since: float
    why: str = ""
    pause: float = 0.0
    until: float = 0.0
    failed: bool = False


class SenderLoop:
    """A thread that sends. `wake` it when something was spooled."""

    def __init__(
        self, vault: Vault, intake: Intake, journal: Journal, clock: Callable[[], float]
    ) -> None:
        self._vault = vault
        self._intake = intake
        self._journal = journal
        self._clock = clock
        self._news = threading.Event()
        self._stop = threading.Event()
        self._held: dict[str, _Held] = {}
        self._away_since: float | None = None
        self._reported = False
        self._compared = -math.inf
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._client = NotaryClient(
            vault.config.notary, ledger=vault.config.origin, key=vault.key, sleep=self._sleep
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Something was spooled."""
        self._news.set()

    def stop(self) -> None:
        """End after the request that is under way."""
        self._stop.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join(30)
        self._client.close()

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Unavailable("The daemon stops.")

    def _run(self) -> None:
        attempt = 0
        while not self._stop.is_set():
            self._news.clear()
            try:
                more = self._round()
                attempt, pause = 0, 0.0 if more else POLL
            except Exception as error:  # noqa: BLE001 - whatever a notary answers, sending goes on
                pause = backoff(attempt)
                attempt += 1
                self._trouble(error)
                self._stop.wait(pause)
                continue
            if pause:
                self._news.wait(pause)

    def _round(self) -> bool:
        """Send the oldest of what waits; return whether there is more."""
        self._compare_clocks()
        now = time.monotonic()
        with self._vault.sending(lambda: None):
            spooled = self._vault.spooled()
            names = {each.name for each in spooled}
            self._held = {name: held for name, held in self._held.items() if name in names}
            later = {name for name, held in self._held.items() if held.until > now}
            free = [each for each in spooled if each.name not in later]
            self._journal.set(waiting=len(spooled), held=len(later))
            done, moved = 0, set[str]()
            for outcome in send(self._vault, self._client, free[:ROUND], self._clock):
                each = outcome.deposit
                moved.discard(each.name)
                match outcome:
                    case Delivered():
                        done += 1
                        self._tell_delivered(outcome)
                    case PutAside(_, error, doubt):
                        done += 1
                        self._intake.refused(each)
                        self._hold(each, error)
                        if doubt is not None:
                            self._journal.note(Kind.FAILED, "sending", str(doubt), doubt.code)
                    case PutOff(_, error) | Damaged(_, error):
                        self._hold(each, error)
                    case Renumbered():
                        self._intake.refused(each)
                        moved.add(each.name)
                    case Unsent(_, error):
                        raise error
                self._journal.set(waiting=len(spooled) - done)
        if free:
            self._reachable()
        return len(free) > ROUND or bool(moved)

    def _tell_delivered(self, outcome: Delivered) -> None:
        deposit = outcome.deposit
        delay = self._journal.arrived(deposit.name)
        self._journal.note(
            Kind.DEPOSITED,
            deposit.meta.path or deposit.meta.title,
            f"entry {outcome.verified.index}" + ("" if delay is None else f", {delay:.1f} s"),
            identity=deposit.commitment,
        )

    def _hold(self, deposit: StoredDeposit, error: SealbookError) -> None:
        """Try a deposit again later, if at all; tell of it once, and anew when the reason changes.

        What the notary does not take at the moment waits; it is a failure once that lasts.
        """
        now, why, passing = time.monotonic(), str(error), isinstance(error, Unavailable)
        held = self._held.setdefault(deposit.name, _Held(since=now))
        held.pause = min(HOLD, 2 * held.pause or HOLD_PASSING) if passing else HOLD
        held.until = now + held.pause
        fails = not passing or (now - held.since > AWAY and not isinstance(error, NotItsTurn))
        if (why, fails) == (held.why, held.failed):
            return
        held.why, held.failed = why, fails
        what = deposit.name
        with contextlib.suppress(SealbookError):
            what = deposit.meta.path or deposit.meta.title
        kind = Kind.FAILED if fails else Kind.WAITING
        self._journal.note(kind, what, why, error.code, deposit.name.rpartition("-")[2])

    def _reachable(self) -> None:
        self._away_since, self._reported = None, False
        self._journal.set(notary="reachable")

    def _trouble(self, error: Exception) -> None:
        """Tell once that nothing goes out, and once more as a failure when it lasts."""
        if self._stop.is_set():
            return
        now = time.monotonic()
        expected = isinstance(error, (SealbookError, OSError))
        why = f"Something unexpected happened ({quoted(repr(error))})."
        if expected:
            why = str(error) if isinstance(error, SealbookError) else f"It failed: {quoted(error)}."
        passing = isinstance(error, (Unavailable, NotEnrolled))
        if self._away_since is None:
            self._away_since = now
            self._journal.note(Kind.WAITING, "the notary", why)
        if not self._reported and (not passing or now - self._away_since > AWAY):
            self._reported = True
            code = getattr(error, "code", "storage-failed" if expected else "unexpected")
            self._journal.note(Kind.FAILED, "sending", why, code)
        self._journal.set(notary=why, waiting=len(self._vault.spooled()))

    def _compare_clocks(self) -> None:
        """Learn this clock's offset against the notary's, to the second that HTTP's Date gives."""
        now = time.monotonic()
        if now - self._compared < COMPARE:
            return
        try:
            before = self._clock()
            place = f"{self._vault.config.notary.rstrip('/')}/health"
            # The head alone: nobody has to wait for the end of what follows.
            with (
                within(Deadline(CLOCK_PATIENCE)),
                http_client(place, CLOCK_PATIENCE) as http,
                http.stream("GET", place) as answer,
            ):
                after = self._clock()
                date = parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (httpx2.HTTPError, KeyError, ValueError, OverflowError, OSError, InvalidInput):
            self._compared = now - COMPARE + LONGEST_PAUSE
            return
        self._compared = now
        offset = (before + after) / 2 - (date + 0.5)
        margin = 0.5 + (after - before) / 2
        self._intake.clock_note = (
            f"{offset:+.1f} s against the notary's, within {margin:.1f} s, compared {iso(after)}"
        )
        self._journal.set(clock=self._intake.clock_note)
        self._reachable()


def backoff(attempt: int) -> float:
    """Return the pause after a failed attempt, counted from 0: doubled each time, jittered."""
    longest = min(FIRST_PAUSE * 2.0 ** min(attempt, 30), LONGEST_PAUSE)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 (jitter)
