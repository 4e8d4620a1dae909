"""The sequencer: many depositors' statements into one order, a block at a time (group commit).

    submit ─► admission threads ─► queue ─► writer thread ─► answering thread ─► futures
               ▲ │   rules                  duplicates, matters,   receipts
               │ ▼                          one block for all
              processes: parse, Ed25519

A block is written when `batch` statements wait, when no more are coming, or `window` seconds after the
first came, or longer where blocks take longer. A statement that fails is answered by itself; its
neighbours are not touched. When the disk fails, the statements of
that block are answered with StorageFailed and nothing is signed; before the next block the ledger is
taken up anew from what is durable, so a statement that did come through is found, not entered twice.
While the notary may sign nothing (`NotSigning`) the same happens, at the start too; reading goes on.
When the ledger contradicts itself, everything is answered with LedgerFault until a person has looked.
"""

import contextlib
import itertools
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from time import monotonic
from types import TracebackType
from typing import Any, Self

from ledger.chain import statement as st
from ledger.chain.enrolment import parse_enrolment
from ledger.chain.office import check_office_statement
from ledger.chain.replay import Replay
from ledger.chain.statement import Statement, parse_deposit, parse_statement
from ledger.crypto.merkle import consistency_proof
from ledger.errors import (
    LedgerFault,
    NotFound,
    NotSigning,
    SealbookError,
    StorageFailed,
    Unavailable,
)
from ledger.notary.ports import Entry, LedgerStore, Room, SignedCheckpoint
from ledger.notary.sequencing.admission import Admission
from ledger.notary.sequencing.answering import Answers
from ledger.notary.sequencing.blocks import BlockWriter
from ledger.notary.sequencing.checking import Checked, Checker
from ledger.notary.sequencing.pace import Durations, Pace
from ledger.notary.sequencing.planning import (
    Admitted,
    OwnEntries,
    Plan,
    Planned,
    Replies,
    Submitted,
    plan_block,
)
from ledger.notary.sequencing.receipts import Receipts
from ledger.notary.sequencing.sharing import NO_DATABASE, Sharing
from ledger.notary.sequencing.underway import UnderWay, bug
from ledger.notary.sequencing.withholding import LATE, Withholding

WINDOW = 0.02
"""Seconds that a statement waits for company at most: as long as more keep coming."""
LONGEST_WINDOW = 0.2
"""Seconds that it waits at most where blocks take longer than the window."""
QUIET = 0.1
"""Part of the window without a newcomer after which no more are expected."""
BATCH = 256
"""Statements in a block: as many as fill a tile. Larger ones gain little and make all wait longer."""
ANCHOR_INTERVAL = 1.0
"""Seconds between published checkpoints, at least."""
FAILED_FOR = 10.0
"""Seconds for which a block that could not be written counts, where taking up finds nothing wrong."""
ADMISSION_THREADS = min(4, os.cpu_count() or 1)
_FOR_EACH = 3
"""Admission threads for a process that checks: one asks it, one hears it, one judges further."""
_CATCHING_UP = 5.0
"""Seconds that a reader waits for a process that follows to see what was signed."""
ENTRY_COPIES = 4
"""How often the disk holds an entry at worst: bundle, row, log of changes, the bundle before it."""
ENTRY_REST = 4_096
"""Bytes of what an entry takes besides: its place in each index, its part of a checkpoint."""
_CHUNK = 128
"""Statements that an admission thread takes at a time."""

_log = logging.getLogger("sealbook.notary")


@dataclass(slots=True)
class _Submission:
    """Statements that came together: their chunks are admitted side by side and queued in order."""

    next: int = 0
    admitted: dict[int, list[Admitted]] = field(default_factory=dict)


_Chunk = tuple[_Submission, int, Sequence[Submitted]]
"""Part of what came together, and which part."""


Own = Sequence[tuple[str, dict[str, Any]]]
"""Statements of the notary itself: kind, and payload without origin and nonce."""


def nothing() -> Own:
    """Return that nothing is owed."""
    return ()


class Sequencer:
    """Enters statements and answers with receipts. Every method may be called from any thread."""

    def __init__(
        self,
        writer: BlockWriter,
        store: LedgerStore,
        admission: Admission,
        receipts: Receipts,
        room: Room,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        *,
        window: float = WINDOW,
        batch: int = BATCH,
        workers: int = 0,
        sharing: Sharing | None = None,
        owed: Callable[[], Own] = nothing,
    ) -> None:
        """`owed` gives what the next block states before all else; none is written for that alone."""
        self._writer = writer
        self._store = store
        self._admission = admission
        self._receipts = receipts
        self._room = room
        self._under_way = UnderWay(room)
        self._sharing = sharing
        self._owed = owed
        self._withholding = Withholding()
        after = (lambda: None) if sharing is None else sharing.flush
        self._answers = Answers(receipts, self._under_way, after)
        self._block_durations = Durations()
        self._clock = clock
        self._random = random
        self._window = window
        self._batch = batch
        self._checkers = [Checker() for _ in range(workers)]
        self._incoming: SimpleQueue[_Chunk | None] = SimpleQueue()
        self._queue: deque[Planned] = deque()
        self._coming = 0
        """Statements that the admission threads have."""
        self._ended = False
        """Nothing is queued any more."""
        self._ready = threading.Condition()
        self._turn = writer.turn
        self._anchored_at = 0.0
        self._took = 0.0
        self._stale = False
        self._failed: tuple[StorageFailed | NotSigning, float] | None = None
        self._reads = False
        self._admitters: list[threading.Thread] = []
        self._threads: list[threading.Thread] = []

    # --- life ---

    def start(self) -> None:
        """Take up the ledger and begin to work. Raises LedgerFault, StorageFailed."""
        if self._sharing is None:
            self._begin()
        else:
            self._sharing.start(self, self._under_way)
        threads = max(ADMISSION_THREADS, _FOR_EACH * len(self._checkers))
        checkers = itertools.cycle(self._checkers or [None])
        self._admitters = [
            threading.Thread(
                target=self._admit, args=(each,), name=f"admission-{number}", daemon=True
            )
            for number, each in zip(range(threads), checkers, strict=False)
        ]
        self._threads = [
            threading.Thread(target=self._write, name="sequencer", daemon=True),
            threading.Thread(target=self._answers.work, name="answers", daemon=True),
        ]
        for thread in (*self._admitters, *self._threads):
            thread.start()

    def start_reading(self) -> None:
        """Take up the ledger as it stands, to be read: nothing is entered here, ever.

        An old copy can be read, too, and says by its `fault` that it is one.
        """
        self._reads = True
        self._under_way.close()
        mark = self._writer.mark()
        self._writer.take_up()
        try:
            self._writer.require_not_behind(mark)
        except LedgerFault as fault:
            self._under_way.fail([], fault)

    def close(self) -> None:
        """Finish what was submitted, publish the last anchor, stop."""
        if self._under_way.close():
            return
        if self._sharing is not None:
            self._sharing.stop_taking()
        for _ in self._admitters:
            self._incoming.put(None)
        for thread in self._admitters:
            thread.join()
        for checker in self._checkers:
            checker.close()
        with self._ready:
            self._ended = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join()
        if self._sharing is not None:
            self._sharing.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- writing ---

    def submit(self, statement: bytes) -> "Future[bytes]":
        """Enter a depositor's statement; the future gives its receipt.

        A statement that is in the ledger already gives the receipt that exists. The future raises
        MalformedData, Refused, NoRoom, StorageFailed (send it again) or LedgerFault.
        Raises Unavailable when too many are under way, the disk can only be read, or the notary is
        stopping.
        """
        future: Future[bytes] = _running()
        self._submit([Submitted(statement, future)])
        return future

    def submit_many(self, statements: Sequence[bytes]) -> Replies:
        """Enter statements, each for itself and in this order; see `submit`."""
        replies = Replies(len(statements))
        self._submit([Submitted(*each) for each in zip(statements, replies, strict=True)])
        return replies

    def _submit(self, items: Sequence[Submitted]) -> None:
        self._under_way.begin(len(items))
        submission = _Submission()
        with self._ready:
            self._coming += len(items)
        for number, at in enumerate(range(0, len(items), _CHUNK)):
            self._incoming.put((submission, number, items[at : at + _CHUNK]))

    def enter(self, *entries: tuple[str, dict[str, Any]]) -> "Future[list[Entry]]":
        """Enter statements of the notary itself, (kind, payload without origin and nonce), together.

        Enrolments carry their nonce, because the identity record is bound to it. The future gives the
        entries; it raises Conflict, NotFound, KeyRevoked, Refused, StorageFailed or LedgerFault.
        """
        statements = tuple(self._statement(kind, payload) for kind, payload in entries)
        item = OwnEntries(statements, _running())
        self._under_way.begin(1)
        with self._ready:
            self._extend_queue([item])
        return item.future

    # --- reading ---

    @property
    def last(self) -> SignedCheckpoint:
        """The newest signed checkpoint."""
        last = self._writer.last
        if last is None:
            raise LedgerFault("This ledger has no genesis; run `sealbook notary init`.")
        return last

    @property
    def checkpoint(self) -> str:
        """The newest signed note."""
        return self.last.note

    @property
    def fault(self) -> LedgerFault | None:
        """Why nothing is entered any more, None when all is well."""
        return self._under_way.fault

    @property
    def waiting(self) -> int:
        """How many statements wait for their answer."""
        return self._under_way.count

    @property
    def pace(self) -> Pace:
        """How long blocks and their answers have taken since the start."""
        return Pace(self._block_durations, self._answers.durations)

    def receipt(self, leaf: bytes) -> bytes:
        """Return the receipt of the deposit with this leaf hash. Raises NotFound."""
        return self._receipts.find(leaf)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Return the consistency proof from the tree of `old` entries to that of `new`.

        Of several processes one that follows looks first whether more was signed: a depositor whom
        another has just answered may ask here, and takes NotFound for a second history.
        Raises NotFound when `new` is above the last signed checkpoint; InvalidInput, Unavailable,
        LedgerFault, StorageFailed.
        """
        if new > self._writer.tree.size and not self.leads:
            self._catch_up()
        tree = self._writer.tree
        if new > tree.size:
            raise NotFound(f"The ledger has {tree.size} signed entries, fewer than {new}.")
        return consistency_proof(tree, old, new)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Hold back the next block, so that all stores stand at the last checkpoint."""
        with self._turn:
            yield

    @contextlib.contextmanager
    def withholding(
        self, account: str, choose: Callable[[], Collection[bytes]]
    ) -> Iterator[Collection[bytes]]:
        """Yield the account's age files that `choose` returns; no deposit comes to name one meanwhile.

        `choose` is called between two blocks, when every entry is signed. One at a time; see
        `Withholding`. Raises what `settle` raises, and Unavailable where another process writes.
        """
        with self._turn:
            self._settle()
            self.require_leading()
            chosen = choose()
            self._withholding.begin(account, chosen)
        try:
            yield chosen
        finally:
            with self._turn:
                self._withholding.end()

    def require_leading(self) -> None:
        """Raise Unavailable unless this process writes to the ledger."""
        if not self.leads:
            raise Unavailable(
                "Another process writes to the ledger by now, so nothing was deleted here. Give the "
                "command again."
            )

    @property
    def failed(self) -> StorageFailed | NotSigning | None:
        """Why the last block could not be written; None once one was, or nothing is wrong any more."""
        found = self._failed
        return None if found is None else found[0]

    def settle(self) -> None:
        """Finish what a failure has cut short, as the next block would. Raises what that raises."""
        with self._turn:
            self._settle()

    def _settle(self) -> None:
        self._under_way.require_sound()
        if self._stale and self.leads:
            self._take_up()

    # --- a ledger that several processes share ---

    @property
    def leads(self) -> bool:
        """Whether this process writes to the ledger."""
        return not self._reads and (self._sharing is None or self._sharing.leads)

    def take_up(self, take: Callable[[], bool]) -> bool:
        """Take the right to write, and then the ledger up; False where that cannot be now.

        So it is while a block is under way here: one of a time when the right was had before.
        Raises LedgerFault, StorageFailed.
        """
        if not self._turn.acquire(blocking=False):
            return False
        try:
            if not take():
                return False
            self._begin()
            self._withholding.take_over(deleted=self._deleted_lately())
            return True
        finally:
            self._turn.release()

    def _begin(self) -> None:
        """Take up the ledger; what waits to be signed waits on while that may not be."""
        try:
            self._take_up()
        except NotSigning as error:
            self._note(error)

    def _deleted_lately(self) -> bool:
        """Return whether the newest notice, which comes before a deletion, is among the last blocks."""
        newest = self._store.newest(st.NOTICE)
        if newest is None:
            return False
        return self._writer.newest_time - parse_statement(newest.statement).issued_at < LATE

    def follow(self) -> None:
        """Take up what another process has signed. Raises LedgerFault, StorageFailed."""
        if self._turn.acquire(blocking=False):
            try:
                self._follow()
            finally:
                self._turn.release()

    def _catch_up(self) -> None:
        if not self._turn.acquire(timeout=_CATCHING_UP):
            raise Unavailable("The notary has too much to do; try again in a minute.")
        try:
            self._follow()
        finally:
            self._turn.release()

    def _follow(self) -> None:
        if self._writer.follow():
            self._admission.reload()

    def put(self, items: Sequence[Planned]) -> None:
        """Queue what another process has admitted."""
        with self._ready:
            self._extend_queue(items)

    def answer(self, entered: Sequence[tuple[Planned, int]]) -> None:
        """Answer items that another process has entered, by their indices."""
        with self._turn:
            self._follow()
        self._answers.of_others(entered)

    # --- admission threads ---

    def _admit(self, checker: Checker | None) -> None:
        while chunks := self._next_chunks():
            checked: Iterable[tuple[Statement, Checked] | None] = itertools.repeat(None)
            if checker is not None:
                try:
                    checked = checker.check([item.data for _, _, items in chunks for item in items])
                except Exception:  # noqa: BLE001 - a bug there costs no statement its answer
                    _log.exception("statements are judged without a process")
            found = iter(checked)
            for submission, number, items in chunks:
                good = []
                for item, each in zip(items, found, strict=False):
                    try:
                        good.append(self._admit_one(item, each, checker))
                    except SealbookError as error:
                        self._under_way.refuse(item, error)
                    except Exception as error:  # noqa: BLE001 - one statement's trouble is its own
                        self._under_way.refuse(item, bug(error, "This statement was not entered."))
                self._enqueue_in_order(submission, number, good, len(items))

    def _next_chunks(self) -> list[_Chunk]:
        """Wait for statements; return what waits, some `_CHUNK` of them; nothing at the end."""
        found: list[_Chunk] = []
        count = 0
        with contextlib.suppress(Empty):
            while count < _CHUNK:
                chunk = self._incoming.get(block=not found)
                if chunk is None:
                    if found:
                        self._incoming.put(None)
                    break
                found.append(chunk)
                count += len(chunk[2])
        return found

    def _admit_one(
        self, item: Submitted, found: tuple[Statement, Checked] | None, checker: Checker | None
    ) -> Admitted:
        self._under_way.require_sound()
        statement, checked = found or (parse_statement(item.data), None)
        leaf, held = statement.leaf_hash, None
        seen = self._withholding.count
        try:
            key = self._admission.admit(statement, checked)
            if checker is not None:
                checker.tell(key.public)
            size = ENTRY_COPIES * len(item.data) + ENTRY_REST
            held = self._room.hold(statement.issuer, size)
        except SealbookError:
            if leaf not in self._store.find([leaf]):
                raise  # what is entered already was good then: it goes on and finds its receipt
        return Admitted(statement, leaf, held, item.future, seen=seen)

    def _enqueue_in_order(
        self, submission: _Submission, number: int, items: list[Admitted], came: int
    ) -> None:
        """Queue a chunk behind the ones before it: a matter's papers name each other."""
        with self._ready:
            self._coming -= came
            submission.admitted[number] = items
            while (found := submission.admitted.pop(submission.next, None)) is not None:
                submission.next += 1
                self._extend_queue(found)

    def _extend_queue(self, items: Sequence[Planned]) -> None:
        """Queue items; wake the writer where there is a block to begin or to close, not for each."""
        before = len(self._queue)
        self._queue.extend(items)
        if before == 0 or before < self._batch <= len(self._queue):
            self._ready.notify_all()

    # --- the writer thread ---

    def _write(self) -> None:
        while True:
            batch, ending = self._next_batch()
            if batch:
                self._write_batch(batch)
            elif self._failed is not None:
                self._try_again(self._failed)
            self._anchor(ending)
            if ending:
                self._answers.close()
                return

    def _next_batch(self) -> tuple[list[Planned], bool]:
        """Wait for statements and their company; also return whether these are the last."""
        with self._ready:
            self._ready.wait_for(
                lambda: self._queue or self._ended,
                timeout=None if self._writer.anchored and not self._failed else ANCHOR_INTERVAL,
            )
            if self._queue:
                self._wait_for_company()
            count = min(len(self._queue), self._batch)
            batch = [self._queue.popleft() for _ in range(count)]
            return batch, self._ended and not self._queue

    def _wait_for_company(self) -> None:
        """Wait until a block is full, the window is over, or nobody more is on the way.

        Who gets an answer now may send the next statement with it, so a block waits for the answers to
        the one before; and as long as that one took, where this is more than the window: what a block
        takes by itself is shared by more statements the slower it is.
        """
        window = max(self._window, min(self._took, LONGEST_WINDOW))
        end = monotonic() + window
        while len(self._queue) < self._batch and not self._ended:
            waiting, left = len(self._queue), end - monotonic()
            if left <= 0:
                return
            self._ready.wait(min(left, QUIET * window))
            if len(self._queue) == waiting and not self._coming and not self._answers.busy:
                return

    def _write_batch(self, batch: list[Planned]) -> None:
        if self._sharing is not None and not self._sharing.leads:
            self._sharing.hand_on(batch, Unavailable(NO_DATABASE))
            return
        begun = monotonic()
        try:
            with self._turn:
                self._under_way.require_sound()
                try:
                    plan, checkpoint = self._write_block(batch)
                except LedgerFault:
                    if self._sharing is None or not self._sharing.leads:
                        raise
                    # One that has lost the right may have ended its last block: taking up tells.
                    left = [each for each in batch if not each.future.done()]
                    plan, checkpoint = self._write_block(left)
                if checkpoint is not None:
                    self._took = monotonic() - begun
                    self._block_durations.add(self._took)
        except SealbookError as error:
            self._note(error)
            if self.leads:
                self._under_way.fail(batch, error)
            else:
                assert self._sharing is not None
                self._sharing.hand_on(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing more may be signed
            self._under_way.fail(batch, bug(error))
        else:
            self._failed = self._failed if checkpoint is None else None
            self._answers.put(plan, checkpoint)

    def _note(self, error: SealbookError) -> None:
        """Keep why a block was not written, where it was begun; before that others say so."""
        if isinstance(error, StorageFailed | NotSigning) and self._stale:
            self._failed = error, monotonic()

    def _try_again(self, failed: tuple[StorageFailed | NotSigning, float]) -> None:
        """Finish what a failure has cut short, where nobody asks for a block that would.

        What taking up finds well may still fail to be written: so it counts as failed for a while.
        """
        try:
            with self._turn:
                self._settle()
        except (StorageFailed, NotSigning) as error:
            self._note(error)
        except Exception as error:  # noqa: BLE001
            if self.leads:
                self._under_way.fail((), error if isinstance(error, LedgerFault) else bug(error))
        else:
            if isinstance(failed[0], NotSigning) or monotonic() - failed[1] >= FAILED_FOR:
                self._failed = None

    def _write_block(self, batch: Sequence[Planned]) -> tuple[Plan, SignedCheckpoint | None]:
        if self._stale:
            self._take_up()
        plan = self._plan(batch)
        while any(index >= self._writer.tree.size for _, index in plan.existing):
            self._take_up()  # one that has lost the right has entered them, and signed nothing
            plan = self._plan([each for each in batch if not each.future.done()])
        checkpoint = None
        if statements := plan.statements:
            owed = [self._statement(*each) for each in self._owed()]
            self._stale = True
            checkpoint = self._writer.write([*owed, *statements])
            self._stale = False
            self._owed = nothing
            self._admission.learn(statements)
        return plan, checkpoint

    def _take_up(self) -> None:
        """Recover, and learn what the recovered block changes: it may hold a revocation."""
        self._stale = True
        self._writer.recover()
        self._admission.reload()
        self._stale = False

    def _plan(self, batch: Sequence[Planned]) -> Plan:
        behind_record = self._writer.tree.size + 1
        replay = Replay(self._writer.keys.origin, self._admission, behind_record)
        refuse = self._under_way.refuse
        return plan_block(batch, self._store, replay, refuse, self._require_files)

    def _require_files(self, item: Admitted) -> None:
        if self._withholding.doubts(item):
            made = parse_deposit(item.statement)
            payloads = [each for each in (made.content, made.manifest) if each is not None]
            self._admission.require_files(item.statement.issuer, payloads, self._withholding.files)

    def _anchor(self, now: bool) -> None:
        """Publish the newest checkpoint when it is time."""
        if self._writer.anchored or self._under_way.fault is not None or self._stale:
            return
        if not self.leads:
            return
        time = self._clock()
        if now or not 0 <= time - self._anchored_at < ANCHOR_INTERVAL:
            try:
                with self._turn:
                    self._writer.publish()
                self._anchored_at = time
            except (StorageFailed, NotSigning):
                self._stale = (
                    True  # the receipts hold without it; the next block starts with recovery
                )
            except Exception as error:  # noqa: BLE001
                self._under_way.fail((), bug(error))

    def _statement(self, kind: str, payload: dict[str, Any]) -> Statement:
        fields = {"origin": self._writer.keys.origin, "nonce": self._random(st.NONCE_SIZE)}
        statement = self._writer.statement(kind, fields | payload)
        if kind == st.ENROLMENT:
            parse_enrolment(statement)
        else:
            check_office_statement(statement)
        return statement


def _running() -> "Future[Any]":
    """Return a future that its owner cannot cancel: what is under way gets entered."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future
