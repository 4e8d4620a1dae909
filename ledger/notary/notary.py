"""The notary as one object: opens its directory, takes up its ledger, carries out commands.

The composition root on the notary's side; the service and the command line come in here. One process
holds the directory, and carries out the orders that another has left meanwhile (`ordering`).
"""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack, nullcontext, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from ledger.chain import statement as st
from ledger.chain.anchorpage import StampedNote
from ledger.chain.blockpage import SignedBlock
from ledger.chain.office import Notice, notice_payload
from ledger.chain.trust import Trust
from ledger.errors import (
    Conflict,
    LedgerFault,
    NotFound,
    NotSigning,
    SealbookError,
    StorageFailed,
    Unavailable,
)
from ledger.notary import retention
from ledger.notary.anchoring.anchoring import Anchoring, Peer
from ledger.notary.anchoring.authorities import read_authority, read_chain
from ledger.notary.anchoring.keeping import Keeping
from ledger.notary.anchoring.witnesses import witnesses_of
from ledger.notary.auditors import is_admitted
from ledger.notary.care.copying import MARK, storage
from ledger.notary.care.keychange import KeyChanges
from ledger.notary.care.whereabouts import is_here, require_here, settle
from ledger.notary.certificates.register import Register
from ledger.notary.certificates.standing import CertificateStanding, certificate_standing
from ledger.notary.clock import TOLERANCE, Clock, ClockWatch, utc
from ledger.notary.commands import Parts, carry_out
from ledger.notary.deleting import Deleting
from ledger.notary.desk import reviewing
from ledger.notary.desk.terms import TermsBook, require_no_hold, terms_of
from ledger.notary.entries import Entries
from ledger.notary.health import Health, Reason, Warn
from ledger.notary.inspecting import prove_entry
from ledger.notary.leaving import ORDERS_EVERY, leave
from ledger.notary.nonces import Nonces
from ledger.notary.orders import (
    BACKUP,
    LONG,
    READS,
    RECOVERY,
    Order,
    Refusal,
    State,
    format_answer,
    parse_order,
    recovery_words,
)
from ledger.notary.packing import Packer, Packing, named_in
from ledger.notary.ports import Hook, Right, Step, no_hook
from ledger.notary.recovering import owed, unstated
from ledger.notary.selfcheck import SEAL_WARNING, read_trust, require_own, require_verified
from ledger.notary.sequencing.accounts import Accounts
from ledger.notary.sequencing.admission import Admission
from ledger.notary.sequencing.blocks import ONLY_READ, BlockWriter, Nobody
from ledger.notary.sequencing.receipts import Receipts
from ledger.notary.sequencing.sequencer import BATCH, WINDOW, Own, Sequencer, nothing
from ledger.notary.sequencing.sharing import NO_DATABASE, Sharing
from ledger.notary.standing import DepositStanding, standing_of
from ledger.notary.storage import directory as place
from ledger.notary.storage.bucket import open_bucket
from ledger.notary.storage.directory import Settings
from ledger.notary.storage.highwater import open_high_water
from ledger.notary.storage.landmark import NotHere
from ledger.notary.storage.office import DONE, FAILED, LeftOrder, OfficeDatabase
from ledger.notary.storage.probing import BucketProbe
from ledger.notary.storage.room import DiskRoom
from ledger.notary.storage.stores import open_landmark, open_queue, open_server, open_stores
from ledger.notary.storage.uploads import Uploads
from ledger.notary.system_clock import SYSTEM_CLOCK
from ledger.quoted import Message, quoted

if TYPE_CHECKING:
    from ledger.notary.certificates.issuing import Desk

A = TypeVar("A")

_log = logging.getLogger("sealbook.notary")

_LATELY = 1024
"""Entries from the end in which the newest deposit is looked for at the start."""
_SIGNING = (
    Reason.CLOCK, Reason.SEAL_EXPIRED, Reason.FILE_GONE, Reason.KEYS_GONE, Reason.WITNESS,
    Reason.DATABASE, Reason.HANGS, Reason.WRITING, Reason.HIGH_WATER,
    Reason.OBJECTS_GONE,
)  # fmt: skip
"""Why nothing is signed, and goes on by itself."""
_HANGS: Message = (
    "the thread that writes has come no further for two minutes: look after disk, object store and key "
    "token, and start the notary again where it stays so"
)
_HANGS_SHARED: Message = (
    "the thread that writes has come no further for two minutes, so another process may write: look "
    "after disk, object store and key token, and start this process again where it stays so"
)


NOT_WRITTEN: Message = (
    "The notary cannot write a block now; nothing is entered until it can. Nothing was lost: keep the "
    "deposit and send it again later."
)


class Notary:
    """An open notary. Made by `open_notary`; closing it finishes what was submitted."""

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        random: Callable[[int], bytes],
        window: float,
        batch: int,
        workers: int,
        hook: Hook,
        room: DiskRoom,
        reading: bool,
        serve: bool,
    ) -> None:
        self.directory = directory
        self._room = room
        self._reading = reading
        self._health = room.health
        self._cancelled = threading.Event()
        self._closing = False
        self._copying: tuple[int, threading.Thread] | None = None
        self._beside: threading.Thread | None = None
        self._stack = ExitStack()
        self._is_open = False
        self._vouching = threading.Lock()
        with ExitStack() as stack:
            settings = _held_settings(directory, stack, hook, reading=reading)
            server = stack.enter_context(open_server(settings))
            lead: Right | None = Nobody() if reading else None
            if server is not None and not reading:
                lead = server.lead
                server.place()
                if not serve:
                    server.lead.require_alone()
            self.origin, self.issuer = settings.origin, settings.issuer
            self.portal = settings.portal
            self.trust, self._trust = read_trust(directory / settings.trust_file)
            keys = place.read_keys(directory, settings, self._trust)
            require_own(keys, self._trust)
            watch = ClockWatch(clock)
            self.now = watch.steady
            self._watch = watch
            accepted = place.read_accepted(directory)
            witnesses = witnesses_of(self._trust.policy)
            authorities = [(each, read_authority(each)) for each in settings.timestamps]
            chains = [one for each in settings.timestamps for one in read_chain(each)]
            anchoring = bool(witnesses or authorities)
            self._landmark = open_landmark(directory, settings)
            self._probe: BucketProbe | None = None
            stores = stack.enter_context(
                open_stores(
                    directory,
                    settings,
                    server,
                    room,
                    watch.steady,
                    random,
                    anchoring=anchoring,
                    reading=reading,
                    require_here=self._require_landmark,
                )
            )
            self._store, self._signed = stores.ledger, stores.signed
            self._office, self.staff_desk = stores.office, stores.desk
            self.log, self.records, self.envelopes = stores.log, stores.records, stores.envelopes
            self.uploads = Uploads(self.envelopes)
            self._packing = stores.envelopes
            self.terms = TermsBook(self.staff_desk, self.envelopes)
            self._anchors = anchors = stores.anchors
            self._settings, self._validation = settings, stores.validation
            here = reading or settle(self._landmark, self._store, self.envelopes)
            if settings.objects is not None and not reading:
                self._probe = BucketProbe(
                    open_bucket(settings.objects, hurried=True),
                    open_landmark(directory, settings, hurried=True),
                    here=here,
                )
            validation = stores.validation
            high_water = open_high_water(settings.high_water, self.origin)
            writer = BlockWriter(
                self._store,
                self._signed,
                self.log,
                keys,
                self._trust,
                watch,
                random,
                hook,
                accepted=accepted,
                anchoring=anchoring,
                lead=lead,
                high_water=high_water,
                require_objects=self._require_objects,
            )
            self._writer = writer
            self._receipts = Receipts(
                self._store,
                self._signed,
                self.records,
                lambda: writer.tree,
                self._verify,
                anchors,
                validation.pick,
                self._holds,
            )
            self._receipts.revoked = _revoked_size(self._trust)
            sharing = None
            if server is not None and serve:
                server.lead.watch(lambda: writer.turn.hangs)
                sharing = Sharing(
                    open_queue(server),
                    server.lead,
                    random,
                    self._lead_begins,
                    self._reaches_files,
                )
            self._sharing = sharing
            self.sequencer = Sequencer(
                writer,
                self._store,
                Admission(self.origin, self._store, self.envelopes, watch.steady, self.terms),
                self._receipts,
                room,
                watch.monotonic,
                random,
                window=window,
                batch=batch,
                workers=workers,
                sharing=sharing,
                owed=nothing if serve else self._owed,
            )
            if reading:
                self.sequencer.start_reading()
            else:
                stack.enter_context(self.sequencer)
            self.accounts = Accounts(
                self._store, self.records, self.sequencer, writer, room, random
            )
            self.entries = Entries(self._store, lambda: writer.tree.size)
            self.nonces = Nonces(self._office, room, watch.steady)
            self.key_changes = KeyChanges(
                directory,
                settings,
                writer,
                self.sequencer,
                self._store,
                self._take_up_trust,
                watch.now,
                random,
            )
            self._parts = Parts(
                self.accounts,
                self.records,
                self.sequencer,
                self.entries,
                lambda index: prove_entry(self._store, self._signed, writer.tree, index),
                self._state,
                self.accept_clock,
                self.backup,
                self._changing_keys,
                Register(directory, self._store, self.sequencer, high_water),
                self._deleting,
            )
            if not reading:
                with writer.step(Step.VALIDATION):
                    for certificate in chains:
                        validation.add(certificate)
            self.anchoring: Anchoring | None = None
            self._keeping: Keeping | None = None
            self._witnesses, self._authorities = witnesses, authorities
            self._random = random
            stack.callback(self._end_vouching)
            self._is_open = True
            if not reading:
                self._begin_vouching()
            if serve and (owing := self._enter_owed()) is not None:
                _log.error("a statement about the notary's keys could not be entered: %s", owing)
            self._check_newest()
            self.look()
            stack.callback(self._end_beside)
            if serve:
                self._carry_out_orders()
            self._stack = stack.pop_all()

    def _lead_begins(self) -> None:
        """Ask others to vouch, now that this process writes; the ledger goes on meanwhile."""
        if self._is_open:
            threading.Thread(target=self._begin_vouching, name="vouching", daemon=True).start()

    def _begin_vouching(self) -> None:
        """Have witnesses and authorities vouch for the ledger, where this process writes to it."""
        with self._vouching:
            self._end_vouching()
            if self._anchors is None or not self.sequencer.leads:
                return
            if self._witnesses or self._authorities:
                self.anchoring = Anchoring(
                    self._anchors,
                    self._writer,
                    self.sequencer.paused,
                    self._trust.policy,
                    self._witnesses,
                    self._authorities,
                    self._watch,
                    self._random,
                    self._validation.pick,
                )
                self.anchoring.start()
            if self._authorities:
                self._keeping = Keeping(
                    self._anchors,
                    self._validation,
                    self._writer.step,
                    self._authorities,
                    self._watch,
                    self._random,
                )
                self._keeping.start()

    def _end_vouching(self) -> None:
        for each in (self.anchoring, self._keeping):
            if each is not None:
                each.close()
        self.anchoring = self._keeping = None

    def _take_up_trust(self, data: bytes, trust: Trust) -> None:
        self.trust, self._trust = data, trust
        self._receipts.revoked = _revoked_size(trust)
        if self.anchoring is not None:
            self.anchoring.policy = trust.policy

    def _changing_keys(self) -> KeyChanges:
        """Return what changes keys. Raises Conflict while a backup copies them."""
        if self._is_copying():
            raise Conflict("A backup is being made; change the keys when it is done.")
        return self.key_changes

    def _is_copying(self) -> bool:
        copying = self._copying  # another thread sets it
        return copying is not None and copying[1].is_alive()

    def _deleting(self, account: str | None = None) -> Deleting:
        """Return what deletes, of one account or of all.

        Raises Unavailable where nothing can be written; NotHere where the ciphertext is not;
        Conflict under a legal hold of that account, and while a backup copies what would go.
        """
        if self.staff_desk is None:
            raise Unavailable("The notary's disk can only be read now, so nothing is deleted.")
        if account is not None:  # a hold is still there when the backup is done
            require_no_hold(terms_of(self.staff_desk, account))
        if self._is_copying():
            raise Conflict("A backup is being made; delete when it is done.")
        self._require_here()
        return Deleting(
            self.sequencer,
            self.entries,
            self._signed,
            self.accounts,
            self.envelopes,
            self.staff_desk,
            self._compare_desk,
            self._require_here,
        )

    def _is_here(self) -> bool:
        """Return whether the ciphertext is here; in a bucket, at the last look.

        Who only reads has made no landmark where an older release has left none.
        """
        if self._probe is not None:
            return self._probe.is_here()
        with suppress(StorageFailed):
            if self._reading:
                return is_here(self._landmark, self._store, self.envelopes)
            return self._landmark.stands()
        return False

    def _require_landmark(self) -> None:
        if not self._is_here():
            raise NotHere(self._landmark.gone)

    def _require_objects(self) -> None:
        if not self._is_here():
            raise NotSigning(
                Reason.OBJECTS_GONE,
                "The notary cannot find the sealed files that it keeps; nothing is entered until it "
                "can. Nothing was lost: keep the deposit and send it again later.",
                self._landmark.gone,
            )

    def _require_here(self) -> None:
        """Raise NotHere where the ciphertext is not, at this moment; StorageFailed."""
        require_here(self._landmark, self._store, self.envelopes)

    def _compare_desk(self) -> None:
        """Find out whether the desk is an older copy than the one that was here."""
        if self.staff_desk is not None and self._office is not None:
            reviewing.compare(self.staff_desk, self._office)

    def _enter_owed(self) -> SealbookError | None:
        """Enter what a change of keys has left to be said; return why that cannot be done now."""
        try:
            if self._office is not None and self.sequencer.leads:
                self.key_changes.enter_owed()
        except SealbookError as error:  # the next look does it again
            return error
        return None

    @property
    def health(self) -> Health:
        """How the notary is at this moment."""
        if not self._writer.turn.hangs:  # where its disk hangs, so would this
            self._room.look()
        if self.sequencer.fault is None:
            self._health.clear(Reason.FAULT)
        else:
            self._health.set(Reason.FAULT)
        self.look()
        return self._health

    def look(self) -> NotSigning | None:
        """Look whether anything keeps the notary from signing now; tell the log when that changes."""
        found = self._not_signing()
        for reason in _SIGNING:
            if found is None or reason != found.reason:
                if found is None and reason in self._health.reasons:
                    _log.warning("signing goes on: %s has passed", reason)
                self._health.clear(reason)
            elif reason not in self._health.reasons:
                self._health.set(reason)
                _log.error("nothing is signed (%s): %s", reason, found.detail)
        self._look_at_seal()
        self._look_at_bucket()
        return found

    def _not_signing(self) -> NotSigning | None:
        if self._writer.turn.hangs:  # asked for the time, a file or a token might hang as well
            if self._sharing is not None:
                return NotSigning(Reason.DATABASE, NO_DATABASE, _HANGS_SHARED)
            return NotSigning(
                Reason.HANGS,
                "The notary comes no further with a block; nothing is entered until it does. Nothing "
                "was lost: keep the deposit and send it again later.",
                _HANGS,
            )
        if self._sharing is not None and self._sharing.trouble is not None:
            return NotSigning(Reason.DATABASE, NO_DATABASE, str(self._sharing.trouble))
        try:
            self._writer.time  # noqa: B018 - raises
        except NotSigning as error:
            return error
        failed = self.sequencer.failed
        if failed is None or isinstance(failed, NotSigning):
            return failed
        return NotSigning(Reason.WRITING, NOT_WRITTEN, str(failed))

    @property
    def clock_difference(self) -> float:
        """Seconds by which the wall clock was set against one that nobody sets."""
        return self._watch.difference()

    @property
    def seal_expires(self) -> int:
        """POSIX seconds at which the seal's certificates run out."""
        return self._writer.seal_validity[1]

    def accept_clock(self) -> int | None:
        """Go on with the clock as it is; return the entry of the notice, where one was due.

        Where the newest block lies ahead of the clock, a public notice says from when to when the time
        in receipts is that block's. Raises NotSigning when something else is in the way; StorageFailed.
        """
        newest = self._writer.newest_time
        self._watch.accept()
        ahead = newest > self._watch.now() + TOLERANCE
        if ahead and newest > self._writer.accepted:
            with self._writer.step(Step.ORDER):
                place.write_accepted(self.directory, newest)
            self._writer.accepted = newest
            height = self.sequencer.last.height
            text = (
                f"Block {height} was signed under a wrong clock and states {utc(newest)}. Until that "
                f"moment later blocks state the same time. When this notice was entered the notary's "
                f"clock said {utc(self._watch.now())}."
            )
            entered = self.sequencer.enter((st.NOTICE, notice_payload(Notice(text)))).result()
            self.look()
            return int(entered[0].index)
        self.look()
        return None

    def backup(self, destination: Path) -> int:
        """Copy this notary to a new directory, or to its earlier backup, while it works on.

        Return the number of entries in the copy. Raises what `backup` raises; Unavailable when it is
        stopped by `close` or by whoever ordered it.
        """
        from ledger.notary.care.backup import Books, backup, note_backup

        if self.staff_desk is None:
            raise Unavailable(
                "The notary's disk can only be read now, so no backup is made. Copy the whole "
                "directory; `sealbook notary restore` takes it as well."
            )
        last, now = self.sequencer.last, self.now()
        books = Books(self._store, self._signed, self._anchors, self.staff_desk, last)
        with self._packing.turn:  # no loose file goes into a pack meanwhile
            backup(
                self.directory,
                self._settings,
                destination,
                books,
                now,
                self._room,
                self._cancelled,
                self._require_here,
                self._writer.hook,
            )
        note_backup(self.directory, now, last.size, destination)
        return last.size

    def block(self, height: int) -> tuple[bytes, str]:
        """Return a block's record and the signed note that closes it. Raises NotFound."""
        checkpoint = self._signed.at_height(height)
        before = self._signed.at_height(height - 1) if height > 0 else None
        if checkpoint is None or height < 0:
            raise NotFound(f"There is no block {height}.")
        start = 0 if before is None else before.size
        return self._store.read(start, start + 1)[0].statement, checkpoint.note

    def blocks(self, first: int, limit: int) -> list[SignedBlock]:
        """Return at most `limit` blocks from a height on, in order."""
        before = self._signed.at_height(first - 1) if first else None
        starts = [0 if before is None else before.size]
        closed = [] if first and before is None else self._signed.all(first - 1, limit)
        starts += [each.size for each in closed]
        return [
            SignedBlock(self._store.read(start, start + 1)[0].statement, each.note)
            for start, each in zip(starts, closed, strict=False)
        ]

    def standing(self, key_id: bytes, leaf: bytes) -> DepositStanding:
        """Return how a deposit and the key that signed it stand today; see `standing_of`."""
        return standing_of(self._store, self._signed, key_id, leaf)

    def certificate(self, number: int) -> CertificateStanding | None:
        """Return how the certificate of this number stands; see `certificate_standing`."""
        return certificate_standing(self._store, self._signed, number)

    def desk(self) -> "Desk":
        """Return the desk where certificates are issued."""
        from ledger.notary.certificates.desk import Office, make_desk

        office = Office(
            self._settings,
            self._writer.keys,
            self.trust,
            self._trust,
            self._store,
            self._validation,
        )
        return make_desk(office, self.execute, self.now)

    def anchored(self, first: int, limit: int) -> list[StampedNote]:
        """Return the anchors among at most `limit` blocks from a height on, in order."""
        found = [] if self._anchors is None else self._anchors.page(first, limit)
        return [StampedNote(each.height, each.note, each.tokens) for each in found]

    @property
    def newest_anchor(self) -> StampedNote | None:
        """The newest checkpoint that the quorum has cosigned, None before there is one."""
        found = None if self._anchors is None else self._anchors.last()
        return None if found is None else StampedNote(found.height, found.note, found.tokens)

    def anchor_over(self, index: int) -> StampedNote | None:
        """Return the first stamped anchor that covers an entry; without one, the first anchor."""
        found = None if self._anchors is None else self._anchors.covering(index)
        return None if found is None else StampedNote(found.height, found.note, found.tokens)

    @property
    def vouching(self) -> tuple[Peer, ...]:
        """The witnesses and authorities that are asked to vouch for the ledger, as they answer now."""
        return () if self.anchoring is None else self.anchoring.peers

    def admits(self, credential: str) -> bool:
        """Return whether a credential is that of an auditor, who may read entries."""
        return self._office is not None and is_admitted(self._office, credential)

    def execute(self, order: Order[A]) -> A:
        """Carry out a command of the office, or have the process do so that writes to the ledger.

        Raises what it raises; Unavailable for what does more than read, where the ledger is only read.
        """
        if self.sequencer.leads or isinstance(order, READS):
            return carry_out(self._parts, order)
        if self._reading or self._office is None:
            self._room.require_writable()
            raise Unavailable(ONLY_READ)
        return leave(self._office, order, lambda: True)

    def _state(self) -> State:
        last = self.sequencer.last
        return State(
            origin=self.origin,
            size=last.size,
            height=last.height,
            root=last.root,
            checkpoint=last.note,
            accounts=len(self.accounts.list()),
            health=str(self.health.status),
            detail=self._to_do(),
            waiting=self._waiting(),
            seal_expires=self.seal_expires,
            anchors=(
                *(() if self.anchoring is None else self.anchoring.words()),
                *(() if self._keeping is None else self._keeping.words()),
            ),
            anchors_until=None if self._anchors is None else self._anchors.until(),
            keys=self.key_changes.words(),
            desk=self._desk_words(),
        )

    def _to_do(self) -> str | None:
        """Return what the office has to do before anything is signed, None for nothing."""
        found, fault = self.look(), self.sequencer.fault
        return found.detail if found is not None else None if fault is None else str(fault)

    def _waiting(self) -> tuple[str, ...]:
        """Say what the ledger owes, and whoever enters the next statement states first."""
        office = self._office
        restored = () if office is None else unstated(office, self._store)
        return (*map(recovery_words, restored), *self.key_changes.owed_words())

    def _desk_words(self) -> tuple[str, ...]:
        """Say that somebody has to go through the desk, where that is so."""
        desk = self.staff_desk
        older = desk is not None and reviewing.unreviewed(desk) is not None
        return (reviewing.OLDER, reviewing.REVIEW) if older else ()

    def _owed(self) -> Own:
        return () if self._office is None else owed(self._office, self._store)

    def close(self) -> None:
        """Finish, publish the last anchor, let go of the directory. A backup is stopped first."""
        self._closing = True
        self._cancelled.set()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def serve_orders(self) -> None:
        """Start carrying out orders in the background, until `close`."""
        stop = threading.Event()
        if self._office is not None and self._sharing is None and not self._health.reasons:
            with suppress(StorageFailed):
                self._office.make_room()

        def work() -> None:
            while not stop.wait(ORDERS_EVERY):
                self.look()
                if not self.sequencer.leads:
                    continue
                self._enter_owed()
                with suppress(StorageFailed, NotSigning):  # the next look finds the order again
                    self._compare_desk()
                    self._carry_out_orders()
                    self._look_after_backup()

        packer = Packer(named_in(self._store), self._packing)
        self._stack.callback(Packing(packer, self._to_pack).close)
        retaining = partial(retention.keep, stop, self._deleting, lambda: self.sequencer.leads)
        for name, target in (("orders", work), ("retention", retaining)):
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._stack.callback(thread.join)
        self._stack.callback(stop.set)

    def _to_pack(self) -> int | None:
        """Return how many entries' ciphertext may be packed; None while it has to stay as it is."""
        if not self.sequencer.leads or self._is_copying() or not self._is_here():
            return None
        return self.sequencer.last.size

    def _verify(self, receipt: bytes) -> None:
        try:
            require_verified(receipt, self._trust)
        except LedgerFault as error:
            if Reason.SELF_CHECK not in self._health.reasons:
                self._health.set(Reason.SELF_CHECK)
                _log.error("%s", error)
            raise

    def _holds(self, receipt: bytes) -> bool:
        with suppress(LedgerFault):
            require_verified(receipt, self._trust)
            return True
        return False

    def _check_newest(self) -> None:
        """Verify the receipt of the newest deposit, if one was entered lately. Raises LedgerFault."""
        size = self._writer.tree.size
        for entry in reversed(self._store.read(max(0, size - _LATELY), size)):
            if entry.kind == st.DEPOSIT:
                with suppress(Unavailable):  # nothing was signed since its key was revoked
                    self._receipts.at(entry.index)
                return

    def _look_at_seal(self) -> None:
        if self.seal_expires - self._watch.steady() > SEAL_WARNING:
            self._health.clear(Warn.SEAL_EXPIRES)
        elif Warn.SEAL_EXPIRES not in self._health.warnings:
            self._health.set(Warn.SEAL_EXPIRES)
            _log.warning(
                "the seal's certificates run out at %s, and nothing is signed after that: put a new "
                "one of the seal's key into seal-chain.pem, and start the notary again",
                utc(self.seal_expires),
            )

    def _reaches_files(self) -> bool:
        return self._probe is None or self._probe.answers()

    def _look_at_bucket(self) -> None:
        if self._reaches_files():
            self._health.clear(Reason.OBJECTS)
        elif Reason.OBJECTS not in self._health.reasons:
            self._health.set(Reason.OBJECTS)
            _log.error("the object store cannot be written; deposits wait until it can")

    def _carry_out_orders(self) -> None:
        """Carry out what waits; of what may take long one at a time, in a thread of its own."""
        office = self._office
        if office is None or not self.sequencer.leads:
            return
        busy = self._is_busy_beside()
        for order in office.waiting():
            if order.kind in LONG:
                if not busy:
                    self._beside = self._carry_out_beside(office, order)
                    busy = True
            elif order.kind != BACKUP:
                self._carry_out(office, order)

    def _is_busy_beside(self) -> bool:
        return self._beside is not None and self._beside.is_alive()

    def _carry_out(self, office: OfficeDatabase, order: LeftOrder) -> None:
        try:
            answer = self.execute(parse_order(order.kind, order.argument))
            state, data = DONE, format_answer(answer)
        except SealbookError as error:
            if order.kind == RECOVERY and isinstance(error, Unavailable | StorageFailed):
                return  # nobody waits for it, and the ledger owes it
            said = error.detail if isinstance(error, NotSigning) else str(error)
            state, data = FAILED, format_answer(Refusal(error.code, said))
        except Exception as error:  # noqa: BLE001 - the orders after it are carried out all the same
            detail: Message = (
                f"The command failed in a way that it was not made for: {quoted(repr(error))}."
            )
            state, data = FAILED, format_answer(Refusal(SealbookError.code, detail))
        with self._writer.step(Step.ORDER):
            office.answer(order.id, state, data)

    def _look_after_backup(self) -> None:
        """Begin a backup that was ordered, in a thread of its own; stop one that was withdrawn."""
        office = self._office
        if office is None:
            return
        if self._copying is not None:
            number, thread = self._copying
            if thread.is_alive():
                if office.order(number) is None:
                    self._cancelled.set()
                return
            self._copying = None
        if self._is_busy_beside():  # it may delete what would be copied
            return
        order = next((each for each in office.waiting() if each.kind == BACKUP), None)
        if order is not None and not self._closing:
            self._cancelled.clear()
            if self._closing:  # between the two
                self._cancelled.set()
            self._copying = order.id, self._carry_out_beside(office, order)

    def _carry_out_beside(self, office: OfficeDatabase, order: LeftOrder) -> threading.Thread:
        def work() -> None:
            with suppress(StorageFailed):  # the next look finds the order again
                self._carry_out(office, order)

        thread = threading.Thread(target=work, name=order.kind, daemon=True)
        thread.start()
        return thread

    def _end_beside(self) -> None:
        self._cancelled.set()
        if self._copying is not None:
            self._copying[1].join()
        if self._beside is not None:
            self._beside.join()


def _held_settings(directory: Path, stack: ExitStack, hook: Hook, *, reading: bool) -> Settings:
    """Return the settings of a directory that is held until the stack ends.

    One whose rows lie on a server is held only while it has to be settled: who may write, the server
    says.
    """
    if (directory / MARK).exists():
        raise Conflict(
            f"{quoted(directory)} is a backup, and nobody signs in it. `sealbook notary restore` makes "
            "a notary from it."
        )
    with suppress(NotFound):
        settings = place.read_settings(directory)
        if settings.database is not None and not (directory / place.READY).exists():
            return settings
    with ExitStack() as held:
        with suppress(StorageFailed) if reading else nullcontext(), storage(directory):
            held.enter_context(place.lock(directory))
            place.settle(directory, hook)
        settings = place.read_settings(directory)
        if settings.database is None:
            stack.push(held.pop_all())
    return settings


def _revoked_size(trust: Trust) -> int:
    """Return the size of the largest tree that a key has signed or sealed which was revoked."""
    sizes = [each.size for each in trust.retired if each.revoked is not None]
    return max((*sizes, *(each.size for each in trust.revoked_seals)), default=0)


def open_notary(
    directory: Path,
    *,
    clock: Clock = SYSTEM_CLOCK,
    random: Callable[[int], bytes] = os.urandom,
    serve: bool = False,
    reading: bool = False,
    room: DiskRoom | None = None,
    window: float = WINDOW,
    batch: int = BATCH,
    workers: int = 0,
    hook: Hook = no_hook,
) -> Notary:
    """Open a notary's directory and take up its ledger; close what comes back.

    Args:
        directory: Made by `init_notary` or a restore.
        clock: What time it is.
        random: Returns that many random bytes.
        serve: Whether to enter what the ledger owes, and to carry out other processes' orders while
            open; and, where the rows lie on a server, to share the ledger with other processes that
            serve it. Without, nothing is entered before a command enters something.
        reading: Whether to sign nothing and enter nothing, ever: for whoever only looks, and for a disk
            that is full or can only be read, where nothing is written either. What waits to be entered
            waits on.
        room: The room on its disk; by default all of it but the reserve.
        window: Seconds that a statement waits for company.
        batch: Statements in a block, at most.
        workers: Processes that check statements; 0 to check all in this one.
        hook: Called around each durable step.

    Raises InUse, NotFound (no notary there), InvalidInput (keys), StorageFailed, LedgerFault.
    """
    room = room or DiskRoom(directory, reading=reading)
    notary = Notary(
        directory, clock, random, window, batch, workers, hook, room, reading, serve and not reading
    )
    if serve and not reading:
        notary.serve_orders()
    return notary
