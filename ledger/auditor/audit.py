"""The audit of a ledger: every checkpoint in one tree, every block in one chain, every signature.

    1. The newest checkpoint is signed by both keys of the log, and its tree begins with the one that
       was audited last.
    2. For each block: its note is signed by both; the tiles give its root; its record is the entry at
       its start, signed by the log, follows the record before and names the note before.
    3. The time that notes state never runs backwards, and no token rules out the time of a block.
    4. With entries: each is the leaf in the tree, is signed by its signer and may follow what stands
       before (`ledger.chain.replay`).

Each node of the tree is hashed once; memory is the tree's right edge, and with entries what `Known`
holds. What is caught is checked as a stranger would, from the fault file alone, before it is said.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ledger.auditor.anchors import Anchored, Anchors
from ledger.auditor.catching import Catcher, Caught
from ledger.auditor.entries import Entries
from ledger.auditor.leaves import Leaves
from ledger.auditor.mirror import Mirror
from ledger.auditor.sources import Folder, Source
from ledger.auditor.state import Known, State
from ledger.chain.anchorpage import StampedNote
from ledger.chain.block import GENESIS_PREVIOUS, Block, note_digest, parse_block
from ledger.chain.blockpage import BLOCKS_PAGE, SignedBlock
from ledger.chain.fault.file import Forged, Fork, Gap, Link, OutOfTime, Rewind
from ledger.chain.fault.signed import SignedByLog, log_note, signed_by_both
from ledger.chain.policy import verify_note
from ledger.chain.receipt import TokenEntry
from ledger.chain.statement import parse_statement, signed_by_any
from ledger.chain.tiles import TILE_WIDTH, Tile, TileEdge, parse_bundle, parse_tile
from ledger.chain.trust import Trust
from ledger.crypto.merkle import leaf_hashes
from ledger.errors import InvalidInput, MalformedData, Unavailable, VerificationFailed
from ledger.quoted import Message

SAVE_EVERY = 10.0
"""Seconds between two states that are kept on the way."""


@dataclass(frozen=True, slots=True)
class Audited:
    """A ledger that was found good.

    Sizes and counts are of all of it, whether entries were read, and what its anchors show, which is of
    the part that this audit has read. `quorum` is whether the newest checkpoint is signed by all whom
    the trust file asks for.
    """

    size: int
    blocks: int
    time: int
    entries: bool
    anchors: Anchored
    quorum: bool


class Audit:
    """One pass over a ledger, from the beginning or from a state.

    Args:
        source: Nothing that it gives is believed.
        trust: Names the log's keys, the witnesses and the timestamp authorities.
        since: Where an earlier audit has stopped, None for the beginning.
        mirror: Keeps what was checked.
        notes: Signed checkpoints that others were shown, as in receipts: each must lie in this tree.
        save: Is given the state from time to time and at the end, after the mirror has its files.
        progress: Is given the number of entries that were read, and of all.
    """

    def __init__(
        self,
        source: Source,
        trust: Trust,
        *,
        since: State | None = None,
        mirror: Mirror | None = None,
        notes: Sequence[str] = (),
        save: Callable[[State], object] = lambda _: None,
        progress: Callable[[int, int], object] = lambda *_: None,
    ) -> None:
        self._source, self._trust = source, trust
        self._mirror, self._save, self._progress = mirror, save, progress
        self._state = since
        self._notes = notes
        self._edge = TileEdge(source.tile)
        self._page: list[SignedBlock] = []
        self._anchors = Anchors(trust)
        self._stamped: dict[int, StampedNote] = {}
        self._size = 0
        self._time = 0
        self._tail: list[bytes] = []
        self._known = (since.known if since else None) or Known()
        if source.entries and since and since.known is None:
            raise InvalidInput(
                "The earlier audit has read no entries; to audit them, begin anew without its state."
            )
        if mirror and since and since.known and not source.entries:
            raise InvalidInput(
                "This mirror has the entries, and would be left without the new ones: go on with the "
                "credential, or keep another mirror."
            )

    def run(self) -> Audited:
        """Audit up to the newest checkpoint.

        Raises:
            Caught: The log has signed what it must not, or its ledger breaks a rule.
            VerificationFailed, MalformedData: What was read is not what was signed.
            Unavailable, Refused: It cannot be read, or is older than what was audited.
            InvalidInput: The mirror and the state do not belong together.
        """
        note = self._source.checkpoint()
        head = signed_by_both(self._trust, note)
        self._size = head.checkpoint.size
        self._catcher = Catcher(self._source, self._trust, note, self._size)
        self._take_up(head)
        for shown in self._notes:
            self._require_before(shown, head)
        start = self._edge.size
        self._entries = Entries(self._catcher, self._known, start) if self._source.entries else None
        leaves = Leaves(self._source, start, self._size)
        saved = time.monotonic()
        for block in self._blocks():
            self._step(block, leaves)
            self._progress(self._edge.size, self._size)
            if time.monotonic() - saved > SAVE_EVERY:
                self._keep(self._last.note)
                saved = time.monotonic()
        if self._edge.size != self._size:
            raise VerificationFailed(
                f"The ledger has {self._size} entries, and shows no block for those from "
                f"{self._edge.size} on."
            )
        if head.checkpoint.root != self._edge.root():
            self._catcher.caught(self._catcher.fork(self._last.note, self._size))
        newest = max(self._time, head.time or 0)
        self._require_time(head, self._last.note)
        self._anchors.take(StampedNote(self._last.height, note), self._size)
        self._keep(note)
        return Audited(
            self._size,
            self._last.height + 1,
            newest,
            self._source.entries,
            self._anchors.found,
            self._has_quorum(note),
        )

    def _has_quorum(self, note: str) -> bool:
        try:
            verify_note(self._trust.policy, note)
        except VerificationFailed:
            return False
        return True

    @property
    def _last(self) -> State:
        if self._state is None:
            raise VerificationFailed("The ledger shows no block.")
        return self._state

    def _take_up(self, head: SignedByLog) -> None:
        """Restore the tree's edge as the earlier audit has left it.

        The mirror may be ahead of the state, where an audit was ended between the two; it may not be
        behind.
        """
        kept = None if self._mirror is None else self._mirror.checkpoint
        if kept is not None:
            _require_ours(kept, self._trust, "mirror's checkpoint")
            self._require_before(kept, head)
        if self._state is None:
            return
        _require_ours(self._state.note, self._trust, "state of the earlier audit")
        before, edge = self._require_before(self._state.note, head)
        self._time = before.time or 0
        size = before.checkpoint.size
        if self._mirror is not None and self._mirror.size < size:
            raise InvalidInput(
                f"The mirror has {self._mirror.size} entries, the earlier audit {size}; give the "
                "mirror that belongs to this state, or begin anew without it."
            )
        self._edge = edge
        for page in {
            max(0, self._state.height // BLOCKS_PAGE - 1),
            self._state.height // BLOCKS_PAGE,
        }:
            self._take_anchors(page, self._state.height, head)

    def _require_before(self, note: str, head: SignedByLog) -> tuple[SignedByLog, TileEdge]:
        """Return what an older note says, and its tree, where the newest checkpoint contains it."""
        before = signed_by_both(self._trust, note)
        old = before.checkpoint
        if self._size < old.size:
            if (head.time or 0) > (before.time or 0):
                self._catcher.caught(Rewind(note, self._catcher.note))
            raise Unavailable(
                f"The checkpoint here has {self._size} entries; one of {old.size} was signed before. "
                "This copy of the ledger is behind; try again in a minute, or audit another one."
            )
        edge = self._edge_at(old.size)
        if edge.root() != old.root:
            self._catcher.caught(self._catcher.fork(note, old.size))
        return before, edge

    def _edge_at(self, size: int) -> TileEdge:
        index, width = divmod(size, TILE_WIDTH)
        tail = parse_tile(self._source.tile(0, index, width)) if width else ()
        return TileEdge.restore(self._source.tile, size, tail)

    def _blocks(self) -> Iterator[SignedBlock]:
        """Yield the blocks that follow, as far as the newest checkpoint goes."""
        height = 0 if self._state is None else self._state.height + 1
        while self._edge.size < self._size:
            page, skip = divmod(height, BLOCKS_PAGE)
            found = self._source.blocks(page)
            if len(found) <= skip:
                return
            self._stamped = {each.height: each for each in self._source.anchors(page)}
            kept = Folder(self._mirror.root).blocks(page) if self._mirror and skip else ()
            # What was audited before is not audited again: the mirror's own stays.
            self._page = list(kept[:skip] if len(kept) >= skip else found[:skip])
            for block in found[skip:]:
                if self._edge.size >= self._size:
                    return
                yield block
                self._page.append(block)
                height += 1
            if self._mirror:
                self._keep_page(height - 1)

    def _step(self, block: SignedBlock, leaves: Leaves) -> None:
        """Check one block and take it in."""
        catcher, start = self._catcher, self._edge.size
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
            catcher.caught(catcher.fork(block.note, end))
        self._require_tiles(tiles)
        made = self._record(start, record)
        if made.size != end:
            raise Caught(
                f"The record at index {start} says that its block ends at {made.size}; the checkpoint "
                f"that closes it has {end} entries."
            )
        self._require_in_time(made, signed, block.note, record)
        if self._entries is not None and entries is not None:
            self._entries.take(made, entries)
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
            self._catcher.caught(Rewind(note, self._last.note))

    def _require_in_time(self, block: Block, signed: SignedByLog, note: str, record: bytes) -> None:
        """Take in the block's anchor, and compare the block's time with the tokens."""
        catcher, anchor = self._catcher, self._stamped.get(block.height)
        tokens = []
        if anchor is not None:
            of = signed_by_both(self._trust, anchor.note).checkpoint
            if of.size != block.size:
                raise VerificationFailed(
                    f"The anchor shown for block {block.height} is over {of.size} entries; the block "
                    f"ends at {block.size}."
                )
            if of != signed.checkpoint:
                catcher.caught(Fork(note, anchor.note))
            tokens = list(self._anchors.take(anchor, block.size))
        ruled_out = self._anchors.out_of_time(block, tokens)
        if ruled_out is None:
            return
        token, named = ruled_out
        if named or anchor is None:
            placed = catcher.placed(block.start, record)
            entry = TokenEntry(2, token.token.der)
        else:
            placed = catcher.placed_under(anchor.note, block.size, block.start, record)
            entry = next(each for each in anchor.tokens if each.first.der == token.token.der)
        catcher.caught(OutOfTime(placed, entry))

    def _take_anchors(self, page: int, last: int, head: SignedByLog) -> None:
        """Take in the anchors of a page up to a height; their blocks were audited before, they not."""
        for anchor in self._source.anchors(page):
            if anchor.height <= last:
                before, _ = self._require_before(anchor.note, head)
                size = before.checkpoint.size
                self._anchors.take(anchor, size)

    def _record(self, start: int, record: bytes) -> Block:
        """Check a block record by itself, then against the one before."""
        catcher = self._catcher
        keys = [key.public for key in self._trust.notary_keys]
        try:
            statement = parse_statement(record)
            if not signed_by_any(statement, keys):
                raise MalformedData("not the log's")
            block = parse_block(statement)
        except MalformedData:
            catcher.caught(Forged(catcher.placed(start, record)))
        if block.origin != self._trust.origin or block.start != start:
            catcher.caught(Forged(catcher.placed(start, record)))
        previous, height, since = GENESIS_PREVIOUS, 0, 0
        if self._state is not None:
            before = parse_block(parse_statement(self._state.record))
            previous = note_digest(log_note(self._trust, self._state.note))
            height, since = before.height + 1, before.time
            if block.height != height or block.time < since:
                first = catcher.placed(before.start, self._state.record)
                catcher.caught(Gap(first, catcher.placed(start, record)))
        if block.previous != previous and self._state is not None:
            catcher.caught(Link(self._state.note, catcher.placed(start, record)))
        if (block.height, block.previous) != (height, previous):
            raise Caught("The ledger does not begin with its genesis.")
        return block

    # --- what is kept ---

    def _require_tiles(self, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """Compare the full tiles above the leaves with those that are shown."""
        for tile, data in tiles:
            if tile.level and self._source.tile(tile.level, tile.index, tile.width) != data:
                raise VerificationFailed(
                    f"Tile {tile.index} of level {tile.level} does not follow from those below it."
                )

    def _keep_page(self, height: int) -> None:
        """Keep the page of blocks that the block of this height ends, and its anchors."""
        assert self._mirror is not None
        self._mirror.blocks(height, self._page)
        anchors = [each for each in self._stamped.values() if each.height <= height]
        if anchors:
            self._mirror.anchors(height // BLOCKS_PAGE, anchors)

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
                self._keep_page(self._last.height)
            if self._tail:
                self._mirror.bundle(self._edge.size // TILE_WIDTH, self._tail)
            self._mirror.publish(self._edge, note)
        self._save(self._last)


def _require_ours(note: str, trust: Trust, what: Message) -> None:
    """Raise InvalidInput where what this auditor has kept is damaged, or is of another ledger."""
    try:
        signed_by_both(trust, note)
    except (MalformedData, VerificationFailed) as error:
        raise InvalidInput(
            f"The {what} is damaged, or is of another ledger; begin anew in an empty folder."
        ) from error
