"""The audit of a ledger: every checkpoint in one tree, every block in one chain, every signature.

    1. The newest checkpoint is signed by both keys of the log, and its tree begins with the one that
       was audited last.
    2. For each block: its note is signed by both; the tiles give its root; its record is the entry at
       its start, signed by the log, follows the record before and names the note before.
    3. The time that notes state never runs backwards.
    4. With entries: each is the leaf in the tree, is signed by its signer and may follow what stands
       before (`ledger.chain.replay`).

Each node of the tree is hashed once; memory is the tree's right edge, and with entries what `Known`
holds. What is caught is checked as a stranger would, from the fault file alone, before it is said.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Never

from ledger.auditor.mirror import Mirror
from ledger.auditor.sources import Source
from ledger.auditor.state import Known, State
from ledger.chain import statement as st
from ledger.chain.block import GENESIS_PREVIOUS, Block, note_digest, parse_block
from ledger.chain.blockpage import BLOCKS_PAGE, SignedBlock
from ledger.chain.fault import (
    Fault,
    Forged,
    Fork,
    Gap,
    Link,
    Placed,
    Rewind,
    SignedByLog,
    log_note,
    signed_by_both,
    verify_fault,
)
from ledger.chain.replay import MatterStep, Replay, Rule, RuleBroken, effect
from ledger.chain.statement import Statement, parse_statement, verify_statement
from ledger.chain.tiles import TILE_WIDTH, Tile, TileEdge, TileHashes, parse_bundle, parse_tile
from ledger.chain.trust import Trust
from ledger.crypto.merkle import consistency_path, inclusion_proof, leaf_hashes
from ledger.errors import InvalidInput, MalformedData, Unavailable, VerificationFailed

SAVE_EVERY = 10.0
"""Seconds between two states that are kept on the way."""


class Caught(VerificationFailed):
    """What no honest log does. `fault` proves it, None where only the whole ledger shows it."""

    def __init__(self, sentence: str, fault: Fault | None = None) -> None:
        super().__init__(sentence)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Audited:
    """A ledger that was found good: sizes and counts of all of it, and whether entries were read."""

    size: int
    blocks: int
    time: int
    entries: bool


class Audit:
    """One pass over a ledger, from the beginning or from a state.

    Args:
        source: Nothing that it gives is believed.
        trust: Names the log's keys.
        since: Where an earlier audit has stopped, None for the beginning.
        mirror: Keeps what was checked.
        save: Is given the state from time to time and at the end, after the mirror has its files.
        progress: Is given the number of entries that were read.
    """

    def __init__(
        self,
        source: Source,
        trust: Trust,
        *,
        since: State | None = None,
        mirror: Mirror | None = None,
        save: Callable[[State], object] = lambda _: None,
        progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._source, self._trust = source, trust
        self._mirror, self._save, self._progress = mirror, save, progress
        self._state = since
        self._edge = TileEdge(source.tile)
        self._page: list[SignedBlock] = []
        self._head_note = ""
        self._size = 0
        self._time = 0
        self._tail: list[bytes] = []
        self._known = (since.known if since else None) or Known()
        self._replay: Replay | None = None
        if source.entries and since and since.known is None:
            raise InvalidInput(
                "The earlier audit has read no entries; to audit them, begin anew without its state."
            )

    def run(self) -> Audited:
        """Audit up to the newest checkpoint.

        Raises:
            Caught: The log has signed what it must not, or its ledger breaks a rule.
            VerificationFailed, MalformedData: What was read is not what was signed.
            Unavailable, Refused: It cannot be read, or is older than what was audited.
        """
        self._head_note = self._source.checkpoint()
        head = signed_by_both(self._trust, self._head_note)
        self._size = head.checkpoint.size
        self._take_up(head)
        start = self._edge.size
        self._replay = (
            Replay(self._trust.origin, self._known, start) if self._source.entries else None
        )
        leaves = _Leaves(self._source, start, self._size)
        saved = time.monotonic()
        for block in self._blocks():
            self._step(block, leaves)
            self._progress(self._edge.size)
            if time.monotonic() - saved > SAVE_EVERY:
                self._keep(self._last.note)
                saved = time.monotonic()
        if self._edge.size != self._size:
            raise VerificationFailed(
                f"The ledger has {self._size} entries, and shows no block for those from "
                f"{self._edge.size} on."
            )
        if head.checkpoint.root != self._edge.root():
            self._caught(self._fork(self._last.note, self._size))
        newest = max(self._time, head.time or 0)
        self._require_time(head, self._last.note)
        self._keep(self._head_note)
        return Audited(self._size, self._last.height + 1, newest, self._source.entries)

    @property
    def _last(self) -> State:
        if self._state is None:
            raise VerificationFailed("The ledger shows no block.")
        return self._state

    def _take_up(self, head: SignedByLog) -> None:
        """Restore the tree's edge as the earlier audit has left it."""
        if self._state is None:
            return
        before = signed_by_both(self._trust, self._state.note)
        old = before.checkpoint
        self._time = before.time or 0
        if self._size < old.size:
            if (head.time or 0) > self._time:
                self._caught(Rewind(self._state.note, self._head_note))
            raise Unavailable(
                f"The checkpoint here has {self._size} entries; {old.size} were audited already. This "
                "copy of the ledger is old; audit another one."
            )
        index, width = divmod(old.size, TILE_WIDTH)
        tail = parse_tile(self._source.tile(0, index, width)) if width else ()
        self._edge = TileEdge.restore(self._source.tile, old.size, tail)
        if self._edge.root() != old.root:
            self._caught(self._fork(self._state.note, old.size))

    def _blocks(self) -> Iterator[SignedBlock]:
        """Yield the blocks that follow, as far as the newest checkpoint goes."""
        height = 0 if self._state is None else self._state.height + 1
        while self._edge.size < self._size:
            page, skip = divmod(height, BLOCKS_PAGE)
            found = self._source.blocks(page)
            if len(found) <= skip:
                return
            self._page = list(found[:skip])
            for block in found[skip:]:
                if self._edge.size >= self._size:
                    return
                yield block
                self._page.append(block)
                height += 1
            if self._mirror:
                self._mirror.blocks(height - 1, self._page)

    def _step(self, block: SignedBlock, leaves: "_Leaves") -> None:
        """Check one block and take it in."""
        start = self._edge.size
        signed = signed_by_both(self._trust, block.note)
        end = signed.checkpoint.size
        self._require_time(signed, block.note)
        if not start < end <= self._size:
            raise VerificationFailed(
                f"The block that begins at index {start} is closed by a checkpoint of {end} entries."
            )
        hashes, entries = leaves.take(end - start)
        record = block.statement
        if leaf_hashes([record]) != hashes[:1]:
            raise VerificationFailed(
                f"The block record shown for index {start} is not the entry that was signed there."
            )
        tiles = self._edge.extend(hashes)
        if signed.checkpoint.root != self._edge.root():
            self._caught(self._fork(block.note, end))
        self._require_tiles(tiles)
        made = self._record(start, record)
        if made.size != end:
            raise Caught(
                f"The record at index {start} says that its block ends at {made.size}; the checkpoint "
                f"that closes it has {end} entries."
            )
        if entries is not None:
            self._entries(start, made, entries)
            if self._mirror:
                self._keep_entries(start, entries)
        if self._mirror:
            self._mirror.tiles(tiles)
        self._time = max(self._time, signed.time or 0)
        self._state = State(
            made.height, block.note, record, self._known if self._source.entries else None
        )

    def _require_time(self, signed: SignedByLog, note: str) -> None:
        if (signed.time or 0) < self._time:
            self._caught(Rewind(note, self._last.note))

    def _record(self, start: int, record: bytes) -> Block:
        """Check a block record by itself, then against the one before."""
        try:
            statement = parse_statement(record)
            if not self._by_log(statement):
                raise MalformedData("not the log's")
            block = parse_block(statement)
        except MalformedData:
            self._caught(Forged(self._placed(start, record)))
        if block.origin != self._trust.origin or block.start != start:
            self._caught(Forged(self._placed(start, record)))
        previous, height, since = GENESIS_PREVIOUS, 0, 0
        if self._state is not None:
            before = parse_block(parse_statement(self._state.record))
            previous = note_digest(log_note(self._trust, self._state.note))
            height, since = before.height + 1, before.time
            if block.height != height or block.time < since:
                first = self._placed(before.start, self._state.record)
                self._caught(Gap(first, self._placed(start, record)))
        if block.previous != previous and self._state is not None:
            self._caught(Link(self._state.note, self._placed(start, record)))
        if (block.height, block.previous) != (height, previous):
            raise Caught("The ledger does not begin with its genesis.")
        return block

    def _by_log(self, statement: Statement) -> bool:
        return any(_holds(statement, key.public) for key in self._trust.notary_keys)

    # --- entries ---

    def _entries(self, start: int, block: Block, entries: Sequence[bytes]) -> None:
        """Check the entries of a block, its record first."""
        assert self._replay is not None
        if block.platform != self._known.platform:
            raise Caught(f"At index {start}: {Rule.PLATFORM.value}.")
        self._replay.size += 1
        for index, entry in enumerate(entries[1:], start + 1):
            try:
                self._entry(start, entries[0], index, parse_statement(entry))
            except MalformedData:
                self._caught(Forged(self._placed(index, entry)))

    def _entry(self, start: int, record: bytes, index: int, statement: Statement) -> None:
        assert self._replay is not None
        known = self._known
        encoded = statement.encoded
        if statement.kind == st.BLOCK:
            self._caught(Gap(self._placed(start, record), self._placed(index, encoded)))
        key = known.key(statement.key_id) if statement.kind == st.DEPOSIT else None
        if statement.kind != st.DEPOSIT and not self._by_log(statement):
            self._caught(Forged(self._placed(index, encoded)))
        if key is not None and not _holds(statement, key.public):
            self._caught(Forged(self._placed(index, encoded), key.public))
        try:
            self._replay.enter(statement)
        except RuleBroken as error:
            self._broken(index, statement, error.rule)
        self._remember(index, statement)

    def _remember(self, index: int, statement: Statement) -> None:
        assert self._replay is not None
        known, replay = self._known, self._replay
        known.keys.update(replay.keys)
        replay.keys.clear()
        replay.tips.clear()
        match effect(index, statement):
            case MatterStep(account, matter):
                known.tips[account, matter.id] = matter.number, statement.leaf_hash, index
        if statement.kind == st.PLATFORM:
            known.platform = statement.leaf_hash

    def _broken(self, index: int, statement: Statement, rule: Rule) -> None:
        """Say which rule an entry breaks, with a fault where two entries show it."""
        other: int | None = None
        key = self._known.key(statement.key_id)
        if rule == Rule.REVOKED and key is not None:
            other = key.revoked_index
        step = effect(index, statement)
        if rule == Rule.MATTER and isinstance(step, MatterStep):
            tip = self._known.tips.get((step.account, step.matter.id))
            other = tip and tip[2]
        if rule == Rule.ORIGIN:
            self._caught(Forged(self._placed(index, statement.encoded)))
        if other is not None:
            bundle, at = divmod(other, TILE_WIDTH)
            entry = parse_bundle(self._source.bundle(bundle, at + 1))[at]
            fault = Gap(self._placed(other, entry), self._placed(index, statement.encoded))
            if self._proves(fault):
                self._caught(fault)
        raise Caught(f"The entry at index {index} breaks a rule of the ledger: {rule.value}.")

    # --- faults ---

    @property
    def _reader(self) -> TileHashes:
        return TileHashes(self._source.tile, self._size)

    def _placed(self, index: int, entry: bytes) -> Placed:
        proof = inclusion_proof(self._reader, index, self._size)
        return Placed(self._head_note, index, entry, proof)

    def _fork(self, older: str, size: int) -> Fork:
        same = size == self._size
        path = () if same else consistency_path(self._reader, size, self._size)
        return Fork(older, self._head_note, path)

    def _proves(self, fault: Fault) -> bool:
        try:
            verify_fault(fault, self._trust)
        except VerificationFailed:
            return False
        return True

    def _caught(self, fault: Fault) -> Never:
        """Raise Caught with a fault that a stranger can check.

        Raises VerificationFailed where the fault shows nothing: then it is the copy that is damaged.
        """
        try:
            proven = verify_fault(fault, self._trust)
        except VerificationFailed as error:
            raise VerificationFailed(
                "What is shown here is not the tree that the log has signed; the copy is damaged, or "
                "somebody has altered it. Audit another copy."
            ) from error
        raise Caught(f"The log is caught: {proven.sentence}.", fault)

    # --- what is kept ---

    def _require_tiles(self, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """Compare the full tiles above the leaves with those that are shown."""
        for tile, data in tiles:
            if tile.level and self._source.tile(tile.level, tile.index, tile.width) != data:
                raise VerificationFailed(
                    f"Tile {tile.index} of level {tile.level} does not follow from those below it."
                )

    def _keep_entries(self, start: int, entries: Sequence[bytes]) -> None:
        assert self._mirror is not None
        first = start - start % TILE_WIDTH
        if len(self._tail) != start - first:
            bundle = self._source.bundle(start // TILE_WIDTH, start - first)
            self._tail = list(parse_bundle(bundle))
        self._tail += entries
        while len(self._tail) >= TILE_WIDTH:
            self._mirror.bundle(first // TILE_WIDTH, self._tail[:TILE_WIDTH])
            del self._tail[:TILE_WIDTH]
            first += TILE_WIDTH

    def _keep(self, note: str) -> None:
        """Make what was checked so far durable: the mirror, then the state."""
        if self._mirror:
            if self._page:
                self._mirror.blocks(self._last.height, self._page)
            if self._tail:
                self._mirror.bundle(self._edge.size // TILE_WIDTH, self._tail)
            self._mirror.publish(self._edge, note)
        self._save(self._last)


class _Leaves:
    """Reads the leaf hashes of a tree in order, and with them the entries where they can be read."""

    def __init__(self, source: Source, start: int, size: int) -> None:
        self._source, self._size, self._next = source, size, start
        self._hashes: list[bytes] = []
        self._entries: list[bytes] = []

    def take(self, count: int) -> tuple[list[bytes], list[bytes] | None]:
        """Return the next leaf hashes and entries. Raises VerificationFailed where they differ."""
        while len(self._hashes) < count:
            self._read()
        hashes, self._hashes = self._hashes[:count], self._hashes[count:]
        if not self._source.entries:
            return hashes, None
        entries, self._entries = self._entries[:count], self._entries[count:]
        return hashes, entries

    def _read(self) -> None:
        index, skip = divmod(self._next, TILE_WIDTH)
        width = min(TILE_WIDTH, self._size - index * TILE_WIDTH)
        hashes = parse_tile(self._source.tile(0, index, width))
        if len(hashes) != width:
            raise MalformedData(f"tile {index} of the leaves has another width than was asked for")
        if self._source.entries:
            entries = parse_bundle(self._source.bundle(index, width))
            if tuple(leaf_hashes(entries)) != hashes:
                raise VerificationFailed(
                    f"The entries from index {index * TILE_WIDTH} on are not those that were signed."
                )
            self._entries += entries[skip:]
        self._hashes += hashes[skip:]
        self._next += width - skip


def _holds(statement: Statement, public: bytes) -> bool:
    try:
        verify_statement(statement, public)
    except VerificationFailed:
        return False
    return True
