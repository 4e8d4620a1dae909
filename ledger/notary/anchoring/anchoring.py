"""Anchoring: the newest checkpoint goes to every witness, then to every authority that is due.

    newest checkpoint ─► witnesses ─► quorum ─► anchors.sqlite ─► /checkpoint ─► authorities ─► tokens

Each witness and each authority has a thread of its own: one that hangs delays no other, and no deposit.
A checkpoint is the target until its quorum is met, or given up for a newer one after a deadline; lines
that come later are added behind those that are there. A token is named by the next block record.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from hashlib import sha256

from ledger.chain.block import MAX_TOKENS
from ledger.chain.note import Note, Signature, format_note, parse_note
from ledger.chain.policy import Policy, has_quorum
from ledger.chain.receipt import TokenEntry
from ledger.chain.timestamp.authority import Authority
from ledger.crypto.merkle import HashReader, consistency_proof
from ledger.errors import NotSigning, SealbookError
from ledger.notary.anchoring.authorities import stamp, stamp_of
from ledger.notary.anchoring.witnesses import Contradicted, Witness, ask, extended
from ledger.notary.clock import ClockWatch, utc
from ledger.notary.health import Reason
from ledger.notary.ports import Anchor, SignedCheckpoint, Step
from ledger.notary.sequencing.blocks import BlockWriter
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.directory import TimestampSettings
from ledger.quoted import Message, quoted
from ledger.wire.web import DEADLINE

ANCHOR_INTERVAL = 1.0
"""Seconds between checkpoints that witnesses are asked for, at least."""
LOOK_EVERY = 0.1
"""Seconds between looks for a newer checkpoint."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
"""Seconds before somebody who failed is asked again; doubled each time."""

_WELL: Message = "well"

_log = logging.getLogger("sealbook.notary")


@dataclass(slots=True, eq=False)
class _Target:
    """A checkpoint that is on its way to become an anchor, with the lines that it has by now."""

    checkpoint: SignedCheckpoint
    tree: HashReader
    note: Note
    anchored: bool = False


@dataclass(slots=True)
class _Peer:
    """How it stands with a witness or an authority, in words."""

    words: Message
    trouble: str | None = None
    wait: float = field(default=FIRST_WAIT)
    heard: float | None = None
    """Seconds of the monotonic clock at which it last did what it was asked for."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is asked to vouch: a witness by its address, an authority by its name; whether it answers.

    `age`: seconds since it last did what it was asked for, None where it has not since the start.
    """

    name: str
    witness: bool
    well: bool
    age: float | None


class Anchoring:
    """Makes anchors in the background, from `start` to `close`."""

    def __init__(
        self,
        store: AnchorDatabase,
        writer: BlockWriter,
        paused: Callable[[], AbstractContextManager[object]],
        policy: Policy,
        witnesses: Sequence[Witness],
        authorities: Sequence[tuple[TimestampSettings, Authority]],
        watch: ClockWatch,
        random: Callable[[int], bytes],
        known: Callable[[Iterable[bytes]], Sequence[bytes]],
    ) -> None:
        self._store = store
        self._writer = writer
        self._paused = paused
        self.policy = policy
        self._witnesses = witnesses
        self._authorities = authorities
        self._watch = watch
        self._random = random
        self._known = known
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._target: _Target | None = None
        self._since = 0.0
        self._anchor = store.last()
        self._anchored_at: float | None = None
        self._unheard = set(range(len(witnesses)))
        self._objecting: dict[str, NotSigning] = {}
        self._peers: dict[str, _Peer] = {}
        for witness in witnesses:
            self._peers[witness.url] = _Peer(f"witness {quoted(witness.url)}")
        for settings, _ in authorities:
            self._peers[settings.name] = _Peer(f"timestamp authority {quoted(settings.name)}")

    def start(self) -> None:
        """Begin. Returns once every witness was heard, or has had its time.

        A notary whose files were put back from an old copy learns of it before it signs anything.
        """
        self._expect_unnamed()
        self._choose()
        works: list[Callable[[], None]] = [self._look]
        works += [
            lambda number=number, each=each: self._ask(number, each)  # type: ignore[misc]
            for number, each in enumerate(self._witnesses)
        ]
        works += [
            lambda settings=settings, each=each: self._stamp(settings, each)  # type: ignore[misc]
            for settings, each in self._authorities
        ]
        for work in works:
            threading.Thread(target=work, name="anchors", daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: not self._unheard, timeout=DEADLINE)

    def _expect_unnamed(self) -> None:
        """Have those tokens named that came too late for a block before the restart."""
        newest = self._store.newest(MAX_TOKENS)
        if newest:
            named = self._writer.named_after(min(each.height for each in newest))
            self._writer.expect(each.digest for each in newest if each.digest not in named)

    def close(self) -> None:
        """Stop. Whoever has not answered yet is not waited for."""
        with self._changed:
            self._stop.set()
            self._changed.notify_all()

    def words(self) -> tuple[str, ...]:
        """Say how it stands with the anchors, the witnesses and the authorities, a line each."""
        peers = (f"{each.words}: {each.trouble or _WELL}" for each in self._peers.values())
        return self._newest(), *peers

    def _newest(self) -> Message:
        anchor, at = self._anchor, self._anchored_at
        if anchor is None:
            return "no anchor yet"
        if at is None:
            return f"newest anchor over {anchor.size} entries"
        return f"newest anchor over {anchor.size} entries, since {utc(at)}"

    @property
    def peers(self) -> tuple[Peer, ...]:
        """The witnesses, then the authorities."""
        addresses = {each.url for each in self._witnesses}
        return tuple(
            Peer(
                name,
                name in addresses,
                each.trouble is None,
                None if each.heard is None else self._watch.monotonic() - each.heard,
            )
            for name, each in self._peers.items()
        )

    # --- targets ---

    def _look(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            try:
                self._choose()
            except SealbookError as error:
                _log.warning("no anchor could be made: %s", error)
                self._stop.wait(FIRST_WAIT)

    def _choose(self) -> None:
        """Make the newest checkpoint the target when it is time."""
        last, tree = self._writer.last, self._writer.tree
        if last is None or tree.size != last.size:
            return  # between two blocks
        with self._changed:
            target, now = self._target, self._watch.monotonic()
            if target is not None:
                if target.checkpoint == last and target.anchored:
                    return
                waits = ANCHOR_INTERVAL if target.anchored else DEADLINE
                if target.checkpoint == last or now - self._since < waits:
                    return
            known = self._store.at_height(last.height)
            note = parse_note(last.note if known is None else known.note)
            self._target, self._since = _Target(last, tree, note), now
            self._take(self._target, ())
            self._changed.notify_all()

    def _take(self, target: _Target, lines: Iterable[Signature]) -> None:
        """Add lines to a checkpoint; with its quorum it is kept, and published if it is the newest."""
        with self._changed:
            if self._stop.is_set():
                return
            note = extended(target.note, lines)
            signers = {(each.name, each.key_id) for each in note.signatures}
            names = {
                each.name
                for each in self.policy.witnesses
                if (each.key.name, each.key.key_id) in signers
            }
            if has_quorum(self.policy, names):
                checkpoint = target.checkpoint
                anchor = Anchor(checkpoint.height, checkpoint.size, format_note(note))
                with self._writer.step(Step.ANCHOR_STORED):
                    self._store.put(anchor)
                if self._anchor is None or anchor.height >= self._anchor.height:
                    with self._paused():
                        self._writer.publish_anchor(target.tree, anchor.size, anchor.note)
                    self._anchor = anchor
                    self._anchored_at = self._watch.steady()
                target.anchored = True
            target.note = note
            self._changed.notify_all()

    # --- witnesses ---

    def _ask(self, number: int, witness: Witness) -> None:
        done: _Target | None = None
        while True:
            with self._changed:
                while not self._stop.is_set() and self._target is done:
                    self._changed.wait()
                target = self._target
            if self._stop.is_set() or target is None:
                return
            try:
                lines = ask(
                    witness,
                    target.checkpoint.note,
                    lambda old, new=target: consistency_proof(  # type: ignore[misc]
                        new.tree, min(old, new.checkpoint.size), new.checkpoint.size
                    ),
                    self._writer.tree.size,
                    self._watch.steady(),
                )
                self._object(witness.url, None)
                self._take(target, lines)
                self._well(witness.url)
                done = target
            except Contradicted as error:
                self._object(witness.url, error)
                self._unwell(number, witness.url, error)
            except Exception as error:  # noqa: BLE001 - whatever it was, the witness is asked again
                self._unwell(number, witness.url, error)
            self._heard(number)

    def _heard(self, number: int) -> None:
        with self._changed:
            self._unheard.discard(number)
            self._changed.notify_all()

    def _object(self, url: str, error: Contradicted | None) -> None:
        """Stop signing while a witness knows another history; go on once it cosigns ours."""
        if error is None:
            self._objecting.pop(url, None)
        else:
            self._objecting[url] = NotSigning(
                Reason.WITNESS,
                "A witness of this ledger knows another history of it; nothing is entered until the "
                "office has looked. Nothing was lost: keep the deposit and send it again later.",
                f"{error} If this directory was put back from an older copy, stop the notary and put "
                "back the newest; if another notary signs with the same keys, stop both",
            )
        self._writer.objection = next(iter(self._objecting.values()), None)

    # --- authorities ---

    def _stamp(self, settings: TimestampSettings, authority: Authority) -> None:
        stamped, due = self._stamped(), 0.0
        while True:
            with self._changed:
                while not self._stop.is_set() and (
                    self._anchor is None or self._anchor.height <= stamped
                ):
                    self._changed.wait()
            if self._stop.wait(max(0.0, due - self._watch.monotonic())):
                return
            anchor = self._anchor
            assert anchor is not None
            try:
                imprint = sha256(anchor.note.encode()).digest()
                found = stamp(settings.url, authority, imprint, self._random, self._known)
                entry = TokenEntry(len(parse_note(anchor.note).signatures), found.token.der)
                digest = entry.digest
                with self._changed:
                    if self._stop.is_set():
                        return
                    with self._writer.step(Step.STAMP):
                        self._store.stamp([stamp_of(anchor.height, entry, found, digest)])
                self._writer.expect([digest])
                self._well(settings.name)
                stamped, due = anchor.height, self._watch.monotonic() + settings.interval
            except Exception as error:  # noqa: BLE001 - whatever it was, it is asked again later
                self._unwell(-1, settings.name, error)

    def _stamped(self) -> int:
        """Return the height of the newest anchor if it has a token, -1 otherwise."""
        anchor = self._anchor
        return anchor.height if anchor is not None and anchor.tokens else -1

    # --- trouble ---

    def _well(self, name: str) -> None:
        peer = self._peers[name]
        if peer.trouble is not None:
            _log.warning("%s answers again", peer.words)
        heard = self._watch.monotonic()
        self._peers[name] = replace(peer, trouble=None, wait=FIRST_WAIT, heard=heard)

    def _unwell(self, number: int, name: str, error: Exception) -> None:
        """Tell the log, once for each trouble, and wait before the next attempt."""
        peer = self._peers[name]
        trouble = str(error) if isinstance(error, SealbookError) else str(quoted(repr(error)))
        if peer.trouble != trouble:
            _log.warning("%s: %s", peer.words, trouble)
        self._peers[name] = replace(peer, trouble=trouble, wait=min(2 * peer.wait, LONGEST_WAIT))
        self._heard(number)
        self._stop.wait(peer.wait)
