"""The sequencer: many depositors' statements into one order, a block at a time (group commit).

    submit ─► admission threads ─► queue ─► writer thread ─► answering thread ─► futures
              parse, rules,                 duplicates, matters,   receipts
              Ed25519                       one block for all

A block is written when `batch` statements wait or `window` seconds after the first came. A statement
that fails is answered by itself; its neighbours are not touched. When the disk fails, the statements of
that block are answered with StorageFailed and nothing is signed; before the next block the ledger is
taken up anew from what is durable, so a statement that did come through is found, not entered twice.
While the notary may sign nothing (`NotSigning`) the same happens, at the start too; reading goes on.
When the ledger contradicts itself, everything is answered with LedgerFault until a person has looked.
"""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from ledger.chain import statement as st
from ledger.chain.enrolment import parse_enrolment
from ledger.chain.office import check_office_statement, parse_revocation
from ledger.chain.statement import Statement, parse_deposit, parse_statement
from ledger.crypto.keys import thumbprint_ed25519
from ledger.crypto.merkle import consistency_proof
from ledger.errors import (
    Conflict,
    KeyRevoked,
    LedgerFault,
    NotFound,
    NotSigning,
    SealbookError,
    StorageFailed,
    Unavailable,
)
from ledger.notary.ports import Entry, LedgerStore, Room, SignedCheckpoint
from ledger.notary.sequencing.admission import Admission
from ledger.notary.sequencing.blocks import BlockWriter
from ledger.notary.sequencing.planning import Item, Plan
from ledger.notary.sequencing.receipts import Receipts
from ledger.quoted import quoted

WINDOW = 0.02
"""Seconds that a statement waits for company."""
BATCH = 256
"""Statements in a block: as many as fill a tile. Larger ones gain little and make all wait longer."""
ANCHOR_INTERVAL = 1.0
"""Seconds between published checkpoints, at least."""
MAX_WAITING = 65_536
"""Statements under way at once: about 100 MB. More are sent away to come again."""
ADMISSION_THREADS = min(4, os.cpu_count() or 1)
ENTRY_COPIES = 4
"""How often the disk holds an entry at worst: bundle, row, log of changes, the bundle before it."""
ENTRY_REST = 4_096
"""Bytes of what an entry takes besides: its place in each index, its part of a checkpoint."""
_CHUNK = 32
"""Statements that an admission thread takes at a time."""


@dataclass(slots=True)
class _Submission:
    """Statements that came together: their chunks are admitted side by side and queued in order."""

    next: int = 0
    admitted: dict[int, list[Item]] = field(default_factory=dict)


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
    ) -> None:
        self._writer = writer
        self._store = store
        self._admission = admission
        self._receipts = receipts
        self._room = room
        self._clock = clock
        self._random = random
        self._window = window
        self._batch = batch
        self._incoming: SimpleQueue[tuple[_Submission, int, list[Item]] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[Plan, SignedCheckpoint | None] | None] = SimpleQueue()
        self._queue: deque[Item] = deque()
        self._ready = threading.Condition()
        self._block_lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._waiting = 0
        self._anchored_at = 0.0
        self._closing = False
        self._stale = False
        self._fault: LedgerFault | None = None
        self._admitters: list[threading.Thread] = []
        self._threads: list[threading.Thread] = []

    # --- life ---

    def start(self) -> None:
        """Take up the ledger and begin to work. Raises LedgerFault, StorageFailed."""
        with contextlib.suppress(NotSigning):  # what waits to be signed waits on
            self._take_up()
        self._admitters = [
            threading.Thread(target=self._admit, name=f"admission-{number}", daemon=True)
            for number in range(ADMISSION_THREADS)
        ]
        self._threads = [
            threading.Thread(target=self._write, name="sequencer", daemon=True),
            threading.Thread(target=self._answer, name="answers", daemon=True),
        ]
        for thread in (*self._admitters, *self._threads):
            thread.start()

    def start_reading(self) -> None:
        """Take up the ledger as it stands, for a room that nobody may write: nothing is entered."""
        self._writer.take_up()

    def close(self) -> None:
        """Finish what was submitted, publish the last anchor, stop."""
        with self._count_lock:
            if self._closing:
                return
            self._closing = True
        for _ in self._admitters:
            self._incoming.put(None)
        for thread in self._admitters:
            thread.join()
        with self._ready:
            self._queue.append(_END)
            self._ready.notify_all()
        for thread in self._threads:
            thread.join()

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
        return self.submit_many([statement])[0]

    def submit_many(self, statements: Sequence[bytes]) -> list["Future[bytes]"]:
        """Enter statements, each for itself and in this order; see `submit`."""
        items = [Item(_running(), data) for data in statements]
        self._reserve(len(items))
        submission = _Submission()
        for number, at in enumerate(range(0, len(items), _CHUNK)):
            self._incoming.put((submission, number, items[at : at + _CHUNK]))
        return [item.future for item in items]

    def enter(
        self, *entries: tuple[str, dict[str, Any]], endorser: bytes | None = None
    ) -> "Future[list[Entry]]":
        """Enter statements of the notary itself, (kind, payload without origin and nonce), together.

        Enrolments carry their nonce, because the identity record is bound to it. `endorser` is the
        thumbprint of an enrolled key on whose word they are entered: no revocation may come before
        them. The future gives the entries; it raises Conflict, NotFound, KeyRevoked, StorageFailed or
        LedgerFault.
        """
        statements = tuple(self._statement(kind, payload) for kind, payload in entries)
        item = Item(_running(), statements=statements, is_deposit=False, endorser=endorser)
        self._reserve(1)
        self._enqueue([item])
        future: Future[list[Entry]] = item.future
        return future

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
        return self._fault

    def receipt(self, leaf: bytes) -> bytes:
        """Return the receipt of the deposit with this leaf hash. Raises NotFound."""
        return self._receipts.find(leaf)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Return the consistency proof from the tree of `old` entries to that of `new`.

        Raises NotFound when `new` is above the last signed checkpoint; InvalidInput.
        """
        tree = self._writer.tree
        if new > tree.size:
            raise NotFound(f"The ledger has {tree.size} signed entries, fewer than {new}.")
        return consistency_proof(tree, old, new)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Hold back the next block, so that all stores stand at the last checkpoint."""
        with self._block_lock:
            yield

    # --- admission threads ---

    def _admit(self) -> None:
        while (chunk := self._incoming.get()) is not None:
            submission, number, items = chunk
            good = []
            for item in items:
                try:
                    self._admit_one(item)
                    good.append(item)
                except SealbookError as error:
                    self._refuse(item, error)
                except Exception as error:  # noqa: BLE001 - one statement's trouble is its own
                    self._refuse(item, _bug(error, "This statement was not entered."))
            self._enqueue_in_order(submission, number, good)

    def _admit_one(self, item: Item) -> None:
        self._require_sound()
        statement = parse_statement(item.data)
        item.statements = (statement,)
        item.leaf = statement.leaf_hash
        try:
            self._admission.admit(statement)
            size = ENTRY_COPIES * len(item.data) + ENTRY_REST
            item.held = self._room.hold(statement.issuer, size)
        except SealbookError:
            if item.leaf not in self._store.find([item.leaf]):
                raise  # what is entered already was good then: it goes on and finds its receipt

    def _enqueue(self, items: Sequence[Item]) -> None:
        with self._ready:
            self._queue.extend(items)
            self._ready.notify_all()

    def _enqueue_in_order(
        self, submission: _Submission, number: int, items: Sequence[Item]
    ) -> None:
        """Queue a chunk behind the ones before it: a matter's papers name each other."""
        with self._ready:
            submission.admitted[number] = list(items)
            while (found := submission.admitted.pop(submission.next, None)) is not None:
                submission.next += 1
                self._queue.extend(found)
            self._ready.notify_all()

    # --- the writer thread ---

    def _write(self) -> None:
        while True:
            batch, ending = self._next_batch()
            if batch:
                self._write_batch(batch)
            self._anchor(ending)
            if ending:
                self._answers.put(None)
                return

    def _next_batch(self) -> tuple[list[Item], bool]:
        """Wait for statements and their company; also return whether these are the last."""
        with self._ready:
            self._ready.wait_for(
                lambda: self._queue, timeout=None if self._writer.anchored else ANCHOR_INTERVAL
            )
            if self._queue:
                self._ready.wait_for(
                    lambda: len(self._queue) >= self._batch or self._queue[-1] is _END,
                    timeout=self._window,
                )
            batch: list[Item] = []
            while self._queue and len(batch) < self._batch:
                item = self._queue.popleft()
                if item is _END:
                    return batch, True
                batch.append(item)
            return batch, False

    def _write_batch(self, batch: list[Item]) -> None:
        plan = Plan()
        try:
            with self._block_lock:
                self._require_sound()
                if self._stale:
                    self._take_up()
                plan = self._plan(batch)
                statements = [each for item in plan.items for each in item.statements]
                checkpoint = None
                if statements:
                    self._stale = True
                    checkpoint = self._writer.write(statements)
                    self._stale = False
                    self._note_revocations(statements)
        except SealbookError as error:
            self._fail(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing more may be signed
            self._fail(batch, _bug(error))
        else:
            self._answers.put((plan, checkpoint))

    def _take_up(self) -> None:
        """Recover, and learn what the recovered block changes: it may hold a revocation."""
        self._stale = True
        self._writer.recover()
        self._admission.reload()
        self._stale = False

    def _plan(self, batch: Sequence[Item]) -> Plan:
        """Judge what depends on order; refuse what does not fit."""
        plan = Plan()
        entered = self._store.find([item.leaf for item in batch if item.is_deposit])
        for item in batch:
            try:
                if not item.is_deposit:
                    self._plan_office(plan, item)
                elif item.leaf in entered:
                    plan.existing.append((item, entered[item.leaf]))
                    continue
                elif item.leaf in plan.leaves:
                    plan.leaves[item.leaf].append(item)
                    continue
                else:
                    self._plan_deposit(plan, item)
                    plan.leaves[item.leaf] = [item]
                plan.items.append(item)
            except SealbookError as error:
                self._refuse(item, error)
        return plan

    def _plan_deposit(self, plan: Plan, item: Item) -> None:
        statement = item.statements[0]
        self._admission.require_good(statement)
        if statement.key_id in plan.keys:
            raise Conflict("The statement's key is being revoked; use another key.")
        if "matter" not in statement.payload:
            return
        matter = parse_deposit(statement).matter
        assert matter is not None
        place = (statement.issuer, matter.id)
        tip = plan.tips.get(place) or self._store.matter_tip(*place)
        number, leaf = (0, None) if tip is None else tip
        if matter.number <= number:
            raise Conflict(
                f"Number {matter.number} of this matter is taken by another statement; the next is "
                f"{number + 1}. Read the account's deposits, then deposit again."
            )
        if matter.number != number + 1 or matter.previous != leaf:
            raise Conflict(
                f"The matter stands at number {number}; a deposit must be number {number + 1} and "
                "name the one before. Read the account's deposits, then deposit again."
            )
        plan.tips[place] = (matter.number, item.leaf)

    def _plan_office(self, plan: Plan, item: Item) -> None:
        """A key is enrolled once and revoked once, and endorses nothing after its revocation."""
        if item.endorser is not None and (
            item.endorser in plan.keys or self._is_revoked(item.endorser)
        ):
            raise KeyRevoked("The key that signed the request was revoked; use another one.")
        keys = []
        for statement in item.statements:
            if statement.kind == st.ENROLMENT:
                key_id = thumbprint_ed25519(parse_enrolment(statement).key)
                if key_id in plan.keys or key_id in keys or self._store.key(key_id) is not None:
                    raise Conflict("This key is enrolled already; a key has one account for ever.")
                keys.append(key_id)
            elif statement.kind == st.KEY:
                key_id = parse_revocation(statement).key
                if self._store.key(key_id) is None:
                    raise NotFound("No enrolled key has this thumbprint.")
                if key_id in plan.keys or key_id in keys or self._is_revoked(key_id):
                    raise Conflict("This key is revoked already.")
                keys.append(key_id)
        plan.keys.update(keys)

    def _is_revoked(self, key_id: bytes) -> bool:
        key = self._store.key(key_id)
        return key is not None and key.revoked_index is not None

    def _note_revocations(self, statements: Sequence[Statement]) -> None:
        for statement in statements:
            if statement.kind == st.KEY:
                self._admission.revoked.add(parse_revocation(statement).key)

    def _anchor(self, now: bool) -> None:
        """Publish the newest checkpoint when it is time."""
        if self._writer.anchored or self._fault is not None or self._stale:
            return
        time = self._clock()
        if now or not 0 <= time - self._anchored_at < ANCHOR_INTERVAL:
            try:
                self._writer.publish()
                self._anchored_at = time
            except StorageFailed:
                self._stale = (
                    True  # the receipts hold without it; the next block starts with recovery
                )
            except Exception as error:  # noqa: BLE001
                self._fail([], _bug(error))

    def _fail(self, batch: Sequence[Item], error: SealbookError) -> None:
        if isinstance(error, LedgerFault):
            self._fault = error
        for item in batch:
            if not item.future.done():
                self._refuse(item, error)

    # --- the answering thread ---

    def _answer(self) -> None:
        while (work := self._answers.get()) is not None:
            plan, checkpoint = work
            try:
                self._answer_plan(plan, checkpoint)
            except Exception as error:  # noqa: BLE001 - it is entered; its receipt can be asked for
                entered = "The statement was entered; ask for its receipt."
                answer = error if isinstance(error, SealbookError) else _bug(error, entered)
                if isinstance(error, LedgerFault):
                    self._fault = error
                items = [item for item in plan.items if not item.is_deposit]
                items += [item for same in plan.leaves.values() for item in same]
                items += [item for item, _ in plan.existing]
                for item in items:
                    if not item.future.done():
                        self._refuse(item, answer)

    def _answer_plan(self, plan: Plan, checkpoint: SignedCheckpoint | None) -> None:
        if checkpoint is not None:
            count = sum(len(item.statements) for item in plan.items)
            index = checkpoint.size - count
            deposits = {}
            waiting = []
            for item in plan.items:
                if item.is_deposit:
                    deposits[index] = item.statements[0]
                    waiting.append(item)
                else:
                    entries = [_entry(index + i, each) for i, each in enumerate(item.statements)]
                    self._resolve(item, entries)
                index += len(item.statements)
            receipts = self._receipts.of_block(checkpoint, deposits) if deposits else []
            for item, receipt in zip(waiting, receipts, strict=True):
                for same in plan.leaves[item.leaf]:
                    self._resolve(same, receipt)
        for item, index in plan.existing:
            try:
                receipt = self._receipts.at(index)
            except LedgerFault as error:  # of an old entry: no reason to doubt the new ones
                self._refuse(item, error)
            else:
                self._resolve(item, receipt)

    # --- counting ---

    def _reserve(self, count: int) -> None:
        self._room.require_writable()
        with self._count_lock:
            if self._closing:
                raise Unavailable("The notary is stopping; try again in a minute.")
            self._require_sound()
            if self._waiting + count > MAX_WAITING:
                raise Unavailable("The notary has too much to do; try again in a minute.")
            self._waiting += count

    def _require_sound(self) -> None:
        if self._fault is not None:
            raise LedgerFault(str(self._fault)) from self._fault

    def _refuse(self, item: Item, error: SealbookError) -> None:
        self._let_go(item)
        item.future.set_exception(error)

    def _resolve(self, item: Item, value: Any) -> None:
        self._let_go(item)
        item.future.set_result(value)

    def _let_go(self, item: Item) -> None:
        with self._count_lock:
            self._waiting -= 1
        if item.held is not None:
            item.held.release()

    def _statement(self, kind: str, payload: dict[str, Any]) -> Statement:
        fields = {"origin": self._writer.keys.origin, "nonce": self._random(st.NONCE_SIZE)}
        statement = self._writer.statement(kind, fields | payload)
        if kind == st.ENROLMENT:
            parse_enrolment(statement)
        else:
            check_office_statement(statement)
        return statement


_END = Item(Future())
"""Stands behind the last item of a sequencer that is closing."""


def _running() -> "Future[Any]":
    """Return a future that its owner cannot cancel: what is under way gets entered."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future


def _entry(index: int, statement: Statement) -> Entry:
    account = None
    if statement.kind == st.DEPOSIT:
        account = statement.issuer
    elif statement.kind == st.ENROLMENT:
        account = parse_enrolment(statement).account
    return Entry(index, statement.kind, account, statement.encoded)


_STOPPED = "Nothing more is entered; stop it, keep its files and run `sealbook notary fsck`."


def _bug(error: Exception, then: str = _STOPPED) -> LedgerFault:
    fault = LedgerFault(
        f"The notary failed in a way that it was not made for ({type(error).__name__}: "
        f"{quoted(error)}). {then}"
    )
    fault.__cause__ = error
    return fault
