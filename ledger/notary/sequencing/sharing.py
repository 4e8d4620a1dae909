"""Several processes, one ledger: each admits and answers its own depositors, one of them writes.

    a process that does not write            the one that writes (`lead`)
    admission ─► leave ─► queue ───────────► take in ─► writer thread ─► block
    receipt ◄─ follow ◄─ outcomes ◄───────── answer ◄─ index or refusal

Whoever writes has a right that the database gives to one process, and takes back when that process
ends or is cut off; the others ask for it all the time. Who gets it takes up the ledger as after a
crash, then the queue from its start: what the one before it has entered is found as a block is
planned, and answered with its index once a checkpoint covers that. A process that writes enters its own
depositors' statements without the queue.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from ledger.chain.statement import parse_statement
from ledger.errors import (
    CiphertextMissing,
    Conflict,
    KeyRevoked,
    LedgerFault,
    NotEnrolled,
    NotFound,
    Refused,
    SealbookError,
    StorageFailed,
    Unavailable,
    WrongOrigin,
)
from ledger.notary.ports import Lead, Left, Outcome, Queue
from ledger.notary.sequencing.planning import Admitted, OwnEntries, Planned
from ledger.notary.sequencing.underway import UnderWay, bug
from ledger.quoted import Message

EVERY = 0.25
"""Seconds between looks where nobody wakes us: at the right to write, at the ledger's end."""
NO_DATABASE: Message = (
    "The notary's database does not answer; nothing is entered until it does. Nothing was lost: keep "
    "the deposit and send it again later."
)
_GOES_ON: Message = "The notary goes on by itself once it answers again."
PATIENCE = 30.0
"""Seconds that a statement waits for whoever writes; then its depositor sends it again."""
_TOKEN = 16
_REFUSALS = {
    each.code: each
    for each in (
        CiphertextMissing, Conflict, KeyRevoked, NotEnrolled, NotFound, Refused, Unavailable,
        WrongOrigin,
    )
}  # fmt: skip


class Line(Protocol):
    """What the sequencer does when its process's part changes."""

    def take_up(self, take: Callable[[], bool]) -> bool:
        """Take the right to write, and then the ledger up; False where that cannot be now.

        So it is while a block is under way here: one of a time when the right was had before.
        """
        ...

    def follow(self) -> None:
        """Take up what another process has signed."""
        ...

    def put(self, items: Sequence[Planned]) -> None:
        """Queue items for the next block."""
        ...

    def answer(self, entered: Sequence[tuple[Planned, int]]) -> None:
        """Answer items that another process has entered, by their indices."""
        ...


class Sharing:
    """This process's part in a ledger that several share. Methods may be called from any thread."""

    def __init__(
        self,
        queue: Queue,
        lead: Lead,
        random: Callable[[int], bytes],
        began: Callable[[], None],
        fit: Callable[[], bool],
    ) -> None:
        self.trouble: Message | None = None
        """Why the database cannot be used at this moment."""
        self._queue = queue
        self._lead = lead
        self._random = random
        self._began = began
        self._fit = fit
        self._up = 0
        self._taken = 0
        self._taking = True
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._waiting: dict[bytes, tuple[Planned, float]] = {}
        self._done: list[tuple[Left, Outcome]] = []
        self._thread: threading.Thread | None = None

    @property
    def leads(self) -> bool:
        """Whether this process writes to the ledger, and has taken it up."""
        return self._lead.held == self._up > 0

    def start(self, line: Line, under_way: UnderWay) -> None:
        """Take up the ledger, as who writes to it or as who follows; then go on in the background."""
        self._line, self._under_way = line, under_way
        if not self._take_part():
            self._line.follow()
        self._thread = threading.Thread(target=self._work, name="sharing", daemon=True)
        self._thread.start()

    def stop_taking(self) -> None:
        """Take in nothing more from the queue: what is in it waits for the next who writes."""
        self._taking = False

    def close(self) -> None:
        """Wait for what was left to be answered, and stop."""
        until = time.monotonic() + PATIENCE
        while self._waiting and time.monotonic() < until:
            self._stop.wait(EVERY / 10)
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with contextlib.suppress(StorageFailed):
            self.flush()
        self._queue.close()

    def forward(self, items: Sequence[Planned]) -> None:
        """Leave items for whoever writes. Those of other processes are in the queue as it is."""
        self._under_way.fail([each for each in items if each.remote], _late())
        left = []
        with self._lock:
            for item in (each for each in items if not each.remote):
                token, until = self._random(_TOKEN), time.monotonic() + PATIENCE
                self._waiting[token] = item, until
                left.append(_left(token, item))
        try:
            if left:
                self._queue.leave(left)
        except SealbookError as error:  # what was left all the same may be answered by now
            with self._lock:
                found = [self._waiting.pop(each.token, None) for each in left]
            self._under_way.fail([each[0] for each in found if each is not None], error)

    def hand_on(self, items: Sequence[Planned], error: SealbookError) -> None:
        """Leave what this process could not enter any more to whoever writes by now."""
        mine = [each for each in items if not each.future.done() and not each.remote]
        self._under_way.fail([each for each in items if each.remote], error)
        self.forward(mine)

    def flush(self) -> None:
        """Say what became of what was taken in. Raises StorageFailed; what is unsaid is said later."""
        with self._lock:
            done, self._done = self._done, []
        if done:
            try:
                self._queue.answer(done)
            except SealbookError:
                with self._lock:
                    self._done = done + self._done
                raise

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._queue.wait(EVERY)
                self._turn()
                if self.trouble is not None:
                    self._leave_again()
                self.trouble = None
            except (StorageFailed, Unavailable) as error:
                self.trouble = f"{error} {_GOES_ON}"
                self._stop.wait(EVERY)
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing more may be signed
                fault = error if isinstance(error, LedgerFault) else bug(error)
                with self._lock:
                    waiting = [item for item, _ in self._waiting.values()]
                    self._waiting.clear()
                self._under_way.fail(waiting, fault)
                return
            self._give_up()

    def _turn(self) -> None:
        if self._take_part():
            self._take_in()
            self.flush()
        else:
            self._line.follow()
        if self._waiting:
            self._collect()

    def _leave_again(self) -> None:
        """Leave once more what waits: a server that crashed, or its standby, has emptied the queue.

        Only deposits: of these whoever writes enters none twice.
        """
        with self._lock:
            waiting = [(token, item) for token, (item, _) in self._waiting.items()]
        left = [_left(token, item) for token, item in waiting if isinstance(item, Admitted)]
        if left:
            self._queue.leave(left)

    def _take_part(self) -> bool:
        """Return whether this process writes; take up the ledger where that is new.

        One that reaches the database but not the files lets others write.
        """
        if not self._fit():
            self._lead.release()
            return False
        if self._lead.check() and self.leads:
            return True
        if not self._taking or not self._line.take_up(self._lead.take):
            return False
        self._up, self._taken = self._lead.held, 0
        self._queue.forget()
        self._began()
        return True

    def _take_in(self) -> None:
        while self._taking and (found := self._queue.waiting(self._taken)):
            items = [each for left in found if (each := self._planned(left)) is not None]
            try:
                self._under_way.begin(len(items))
            except Unavailable:  # too much to do: they are taken in later
                return
            self._line.put(items)
            self._taken = found[-1].number

    def _planned(self, left: Left) -> Planned | None:
        """Return what was left, to be entered; None where it cannot be read."""
        future: Future[int] = Future()
        future.add_done_callback(lambda ended: self._note(left, ended))
        try:
            statements = tuple(parse_statement(each) for each in left.statements)
        except SealbookError as error:
            future.set_exception(error)
            return None
        if not left.own:
            (one,) = statements
            return Admitted(one, one.leaf_hash, None, future, remote=True)
        return OwnEntries(statements, future, remote=True)

    def _note(self, left: Left, ended: "Future[int]") -> None:
        error = ended.exception()
        if error is None:
            outcome = Outcome(ended.result(), None, None)
        elif not self.leads:
            return  # whoever writes by now takes it in again
        else:  # what may be entered yet is a failure of storage
            kind = Unavailable if isinstance(error, Unavailable) else StorageFailed
            code = error.code if isinstance(error, Refused) else kind.code
            outcome = Outcome(None, code, str(error))
        with self._lock:
            self._done.append((left, outcome))

    def _collect(self) -> None:
        """Answer those whose statements were entered or refused."""
        entered = []
        for token, outcome in self._queue.outcomes().items():
            with self._lock:
                found = self._waiting.pop(token, None)
            if found is None:
                continue
            if outcome.index is None:
                kind = _REFUSALS.get(outcome.code or "", StorageFailed)
                self._under_way.refuse(found[0], kind(outcome.detail or ""))
            else:
                entered.append((found[0], outcome.index))
        try:
            if entered:
                self._line.answer(entered)
        except SealbookError as error:  # they are entered, and no longer in the queue
            self._under_way.fail([item for item, _ in entered], error)
            raise

    def _give_up(self) -> None:
        now = time.monotonic()
        with self._lock:
            late = [token for token, (_, until) in self._waiting.items() if until < now]
            items = [self._waiting.pop(token)[0] for token in late]
        for item in items:
            self._under_way.refuse(item, _late())


def _late() -> StorageFailed:
    """Return what is to be said of what may be entered yet."""
    return StorageFailed(
        "The notary did not come to enter this in time. Nothing was lost: send it again."
    )


def _left(token: bytes, item: Planned) -> Left:
    if isinstance(item, OwnEntries):
        return Left(token, tuple(each.encoded for each in item.statements), True)
    return Left(token, (item.statement.encoded,), False)
