"""Writes blocks: persist, then sign, then compare and swap, then publish.

    1. entries      the entries and what follows from them   one transaction
    2. bundles      the entries, as files of the log         what a lost database is rebuilt from
    3. copy         the checkpoint, signed by both log keys and the seal, as a file of the log
    4. checkpoint   swapped into a store of its own
       high-water   and noted elsewhere, where that is asked for
    5. tiles        full hash tiles
    6. anchor       partial tiles, then /checkpoint          at most one per interval

From step 1 on the block stands, and `recover` finishes it: the same entries, so the same root, whoever
signs it and however often. Nothing is signed before both, rows and bundles, are durable. A receipt is
given only after step 5, so whatever was answered is in the bundles and under a checkpoint that no
restart forgets. The copies are never behind the store of step 4, so one that is made anew from them is
not older than what was signed last.

Where several processes may write to the ledger in turn (`shared`), one that has lost the right to may
not know so yet. `entries` and `checkpoint` fence it off: each takes only what follows the last one. All
files follow from these two, so step 4 comes before step 3 there, and a file that a late one writes
still holds what whoever came after would have written (ADR 0056). `lead` takes the right to write;
where a ledger is only read nobody has it (`Nobody`), and every step above asks for it first.

Nothing is signed by a clock that has jumped, or lies before the newest block; outside the validity of
the seal's certificates; into a database whose file has gone; or while the ciphertext is not in its
place. Those pass, and signing goes on.

One thread writes. `tree` is replaced with each block and never changed, so that any thread may read it.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from ledger.chain import statement as st
from ledger.chain.block import (
    GENESIS_PREVIOUS,
    MAX_TOKENS,
    Block,
    block_payload,
    notary_statement,
    note_digest,
    parse_block,
)
from ledger.chain.certificate import validity
from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import newest_time, sign_checkpoint
from ledger.chain.note import parse_note
from ledger.chain.seal import sign_seal
from ledger.chain.statement import Statement, parse_statement
from ledger.chain.tiles import (
    TILE_WIDTH,
    Tile,
    TileEdge,
    format_tile,
    full_tiles,
    parse_tile,
    partial_tiles,
    tile_data,
)
from ledger.chain.trust import Trust
from ledger.crypto.merkle import HashReader, root_from_leaf_hashes
from ledger.errors import LedgerFault, NotSigning, SealbookError, Unavailable
from ledger.notary.clock import TOLERANCE, ClockWatch, utc
from ledger.notary.health import Reason
from ledger.notary.ports import (
    SIGNED_IN_A_FILE,
    HighWater,
    Hook,
    LedgerStore,
    LogFiles,
    NotaryKeys,
    Right,
    SignedCheckpoint,
    SignedCheckpoints,
    Step,
    no_check,
)
from ledger.notary.sequencing.forks import (
    next_height,
    require_copied,
    require_high_water,
    require_newest,
    require_next,
    require_signed,
    size_of,
)
from ledger.notary.sequencing.turn import Turn
from ledger.quoted import Message

NAMING = 1024
"""Blocks in which it is looked for which timestamps are named already."""

ONLY_READ: Message = "The ledger was opened to be read; nothing is signed or changed here."
REBUILD: Message = "Run `sealbook notary fsck --rebuild`, or restore a newer backup."


class Nobody:
    """The right to sign where a ledger was opened to be read: nobody has it, whatever is tried."""

    def require(self) -> None:
        """Raise Unavailable."""
        raise Unavailable(ONLY_READ)


class BlockWriter:
    """The ledger's end: what was signed last, and the step to the next block.

    Raises from every method that writes: StorageFailed, after which `recover` must succeed before the
    next block; LedgerFault, after which nothing may be signed until a person has looked.
    """

    def __init__(
        self,
        store: LedgerStore,
        signed: SignedCheckpoints,
        log: LogFiles,
        keys: NotaryKeys,
        trust: Trust,
        watch: ClockWatch,
        random: Callable[[int], bytes],
        hook: Hook,
        *,
        accepted: int = 0,
        anchoring: bool = False,
        lead: Right | None = None,
        high_water: HighWater | None = None,
        require_objects: Callable[[], None] = no_check,
    ) -> None:
        """`require_objects` raises NotSigning while the ciphertext is not in its place."""
        self.take_up_keys(keys, trust)
        self.accepted = accepted
        self.last: SignedCheckpoint | None = None
        self.tree = TileEdge(self._read_tile)
        self._store = store
        self._signed = signed
        self._log = log
        self._watch = watch
        self._random = random
        self._lead = lead
        self._high_water = high_water
        self._require_objects = require_objects
        self._compared = high_water is None
        self.hook = hook
        self.turn = Turn()
        """Had by whoever changes `tree` and `last`."""
        self._time = 0
        self.objection: NotSigning | None = None
        self._anchoring = anchoring
        self._tokens: tuple[bytes, ...] = ()
        self._stated = 0
        self._platform: bytes | None = None
        self._published: str | None = None

    def take_up_keys(self, keys: NotaryKeys, trust: Trust) -> None:
        """Sign with these keys, which the trust file names, from the next block on."""
        self.keys, self._trust = keys, trust
        self.seal_validity = validity(keys.chain)

    @property
    def time(self) -> int:
        """POSIX seconds for what is signed next: never below the last block's.

        Raises NotSigning when the clock has jumped, or lies before the last block; when the seal's
        certificates are not valid now; when the key token does not answer, or a witness objects; or
        when a database's file, the ciphertext or the high-water mark has gone.
        """
        self._store.require_held()
        self._signed.require_held()
        self._require_objects()
        self.keys.require_held()
        if self._high_water is not None:
            self._high_water.require_held()
        if self.objection is not None:
            raise self.objection
        now = self._watch.now()
        if self._time > max(now + TOLERANCE, self.accepted):
            raise NotSigning(
                Reason.CLOCK,
                "The notary's clock lies before its newest block; nothing is entered until it is right "
                "again. Nothing was lost: keep the deposit and send it again later.",
                f"the clock says {utc(now)}, the newest block was signed at {utc(self._time)}. If the "
                "clock is behind, set it right, and the notary goes on by itself. If that block was "
                "signed under a wrong clock, `sealbook notary accept-clock` goes on from it: the time "
                "in receipts then stays at that block's until the clock has passed it, and a public "
                "notice says so",
            )
        start, end = self.seal_validity
        time = max(int(now), self._time)
        if not start <= time <= end:
            raise NotSigning(
                Reason.SEAL_EXPIRED,
                "The certificate of the notary's seal is not valid now; nothing is entered until it is "
                "renewed. Nothing was lost: keep the deposit and send it again later.",
                f"the seal's certificates are valid together from {utc(start)} to {utc(end)}. Put a "
                "certificate of the seal's key that is valid now, and its root, into seal-chain.pem, "
                "and start the notary again",
            )
        return time

    @property
    def newest_time(self) -> int:
        """The time of the newest signed block, POSIX seconds; 0 when there is none."""
        return self._time

    @property
    def anchored(self) -> bool:
        """Whether the newest checkpoint is the published one."""
        return self._anchoring or self.last is None or self._published == self.last.note

    def expect(self, tokens: Iterable[bytes]) -> None:
        """Have the next block record name timestamp tokens, by their SHA-256."""
        self._tokens = tuple(dict.fromkeys((*self._tokens, *tokens)))[-MAX_TOKENS:]

    def named_after(self, height: int) -> set[bytes]:
        """Return the timestamp tokens that block records name after the one at `height`.

        Only the newest `NAMING` blocks are read.
        """
        last = -1 if self.last is None else self.last.height
        some = range(max(height, last - NAMING) + 1, last + 1)
        return {token for each in some for token in self._block(each).tokens}

    def write(self, statements: Sequence[Statement]) -> SignedCheckpoint:
        """Write one block with these admitted statements; return the checkpoint that closes it."""
        last = self.last
        start, height = (0, 0) if last is None else (last.size, last.height + 1)
        time = self.time
        block = Block(
            origin=self.keys.origin,
            nonce=self._random(st.NONCE_SIZE),
            height=height,
            start=start,
            size=start + 1 + len(statements),
            time=time,
            previous=GENESIS_PREVIOUS if last is None else note_digest(last.note),
            tokens=(named := self._tokens),
            platform=self._platform,
        )
        entries = [self.statement(st.BLOCK, block_payload(block)), *statements]
        self._require_lead()
        self._require_high_water()
        with self._fenced(), self.step(Step.ENTRIES):
            self._store.append(start, entries)
        with self.step(Step.BUNDLES):
            self._log.write_entries(start, [each.encoded for each in entries])
        signed = self._close(block, entries)
        self._tokens = tuple(each for each in self._tokens if each not in named)
        return signed

    def statement(self, kind: str, payload: dict[str, object]) -> Statement:
        """Return a statement by the notary, of now."""
        return parse_statement(
            notary_statement(
                kind,
                payload,
                origin=self.keys.origin,
                key=self.keys.log,
                issued_at=self.time,
            )
        )

    def publish(self) -> None:
        """Make the newest checkpoint the anchor, where nobody else is asked about it first."""
        if self.last is not None and not self.anchored:
            self.publish_anchor(self.tree, self.last.size, self.last.note)

    def publish_anchor(self, tree: HashReader, size: int, note: str) -> None:
        """Publish an anchor over `size` entries of `tree`, with the lines that it has by now."""
        tiles = [(tile, tile_data(tree, tile)) for tile in partial_tiles(size)]
        self._require_lead()
        with self.step(Step.ANCHOR):
            self._log.publish(tiles, size, note)
        self._published = note

    def recover(self) -> None:
        """Take up the ledger where it stands and finish what was cut short.

        1. The last signed checkpoint is signed by our keys, and not older than the published one or
           than its copy; one that a crash left in the copy alone is taken over.
        2. The database has every entry under it, and they give its root.
        3. Entries behind it are one whole block, which is signed and published now.
        4. Every full tile and the anchor are in place, and no file holds more than is signed.

        Raises:
            LedgerFault: One of these does not hold; says what to do.
            NotSigning: The block of step 3 cannot be signed now, or another process has the right to
                write. What was signed can be read.
        """
        try:
            self._recover()
        except LedgerFault:
            if self._lead is None:
                raise
            self._recover()  # one that has lost the right may have ended its last block meanwhile

    def _recover(self) -> None:
        self._require_lead()
        last = self._take_over(self._signed.last())
        self._require_signed(last, self._log.published())
        stored, published = self.take_up()
        last = self.last
        self._require_objects()
        self._require_high_water()
        self._mend_copies(last)
        size = 0 if last is None else last.size
        with self.step(Step.BUNDLES):
            head = self._store.read(size - size % TILE_WIDTH, size)
            statements = [entry.statement for entry in head]
            self._log.trim(size, statements, cut=self._lead is None)
        self._published = published
        self._mend_tiles(0 if published is None else size_of(published))
        if stored > size:
            self._finish(stored)
        else:
            self._find_platform(size)
            self._raise_high_water(last)
        self.publish()

    def take_up(self) -> tuple[int, str | None]:
        """Do what `recover` does without writing: enough to read the ledger.

        Return the number of entries in the database and the note that stands published.
        """
        published = self._log.published()  # read first: another process may write on meanwhile
        last = self._signed.last()
        self._require_signed(last, published)
        size = 0 if last is None else last.size
        stored = self._store.size()
        if stored < size:
            raise LedgerFault(
                f"The database has {stored} entries, but a checkpoint over {size} was signed: it is "
                f"older than the ledger, or damaged. {REBUILD}"
            )
        self.last = last
        self._time = 0 if last is None else self._block(last.height).time
        self._stated = 0 if last is None else newest_time(parse_note(last.note))
        self._platform = None
        edge = self._store.leaf_hashes(size - size % TILE_WIDTH, size)
        head = self._store.read(size - size % TILE_WIDTH, size)
        self.tree = TileEdge.restore(self._read_tile, size, edge)
        if last is not None and self.tree.root() != last.root:
            raise LedgerFault(
                f"The entries do not give the root of the last signed checkpoint (size {size}): the "
                f"database or the tiles were altered. {REBUILD}"
            )
        if [each.leaf_hash for each in head] != edge:  # what follows would copy it into the log
            raise LedgerFault(f"An entry in the database was altered. {REBUILD}")
        return stored, published

    def mark(self) -> str | None:
        """Return the mark that is kept elsewhere; None where there is none, or it cannot be read now.

        Who compares it while another process may write reads it before the ledger's end: it is raised
        after a block was signed.
        """
        with contextlib.suppress(NotSigning):
            if self._high_water is not None:
                self._high_water.require_held()
                return self._high_water.note()
        return None

    def require_not_behind(self, mark: str | None) -> None:
        """Raise LedgerFault where a mark is ahead of what is here."""
        if mark is not None:
            require_high_water(self._trust, self.last, self._signed.at_size, mark)

    def follow(self) -> bool:
        """Take up what another process has signed since; return whether there was anything.

        The first time that the mark can be read it is compared, as before a block.
        Raises LedgerFault, StorageFailed.
        """
        mark = None if self._compared else self.mark()
        new = self._follow()
        self.require_not_behind(mark)
        self._compared = self._compared or mark is not None
        return new

    def _follow(self) -> bool:
        if self.last is None:
            self.take_up()
            return True
        last = self._signed.last()
        if last is None or last.size <= self.last.size:
            return False
        require_signed(self._trust, last)
        tree = self.tree.copy()
        tree.extend(self._store.leaf_hashes(tree.size, last.size))
        if tree.root() != last.root:
            raise LedgerFault(
                f"The entries do not give the root of the last signed checkpoint (size {last.size}): "
                "the database was altered. Stop every process and run `sealbook notary fsck`."
            )
        self.tree, self.last, self._time = tree, last, self._block(last.height).time
        self._stated = newest_time(parse_note(last.note))
        return True

    def _require_lead(self) -> None:
        if self._lead is not None:
            self._lead.require()

    @contextlib.contextmanager
    def _fenced(self) -> Iterator[None]:
        """Say of a refusal that somebody else writes by now, where that is so: it is no fault."""
        try:
            yield
        except LedgerFault:
            self._require_lead()
            raise

    @contextlib.contextmanager
    def step(self, step: Step) -> Iterator[None]:
        """Mark a durable step."""
        self.turn.advance()
        self.hook(step, "before")
        yield
        self.hook(step, "after")
        self.turn.advance()

    def _close(self, block: Block, entries: Sequence[Statement]) -> SignedCheckpoint:
        """Sign, swap and publish the block whose entries are durable."""
        tree = self.tree.copy()
        tiles = tree.extend(entry.leaf_hash for entry in entries)
        # In a clock's small steps backwards too: a later time over a smaller tree is a fault.
        keys, root, time = self.keys, tree.root(), max(block.time, self.time, self._stated)
        checkpoint = Checkpoint(keys.origin, block.size, root)
        successors = () if keys.successor is None else (keys.successor,)
        new = SignedCheckpoint(
            block.height,
            block.size,
            root,
            sign_checkpoint(checkpoint, keys.log, keys.ml_dsa, time, *successors),
            sign_seal(keys.origin, root, keys.seal, keys.certificate),
        )
        if self._lead is None:
            self._copy(new)
        self._require_lead()
        with self._fenced(), self.step(Step.CHECKPOINT):
            self._signed.swap(self.last, new)
        if self._lead is not None:
            self._copy(new)
        self._raise_high_water(new)
        if tiles:
            with self.step(Step.TILES):
                self._log.write_tiles(tiles)
        self.tree, self.last, self._time, self._stated = tree, new, block.time, time
        for entry in entries:
            if entry.kind == st.PLATFORM:
                self._platform = entry.leaf_hash
        return new

    def _require_high_water(self) -> None:
        """Raise LedgerFault where the mark that is kept elsewhere is ahead of what is here."""
        if self._high_water is not None:
            with self._fenced():
                self.require_not_behind(self._high_water.note())

    def _raise_high_water(self, new: SignedCheckpoint | None) -> None:
        if self._high_water is not None and new is not None and self._high_water.note() != new.note:
            with self.step(Step.HIGH_WATER):
                self._high_water.raise_note(new.note)

    def _copy(self, new: SignedCheckpoint) -> None:
        with self.step(Step.COPY):
            self._log.signed.append(new)

    def _finish(self, stored: int) -> None:
        """Finish the block whose entries are in the database but under no checkpoint."""
        start = 0 if self.last is None else self.last.size
        entries = [parse_statement(each.statement) for each in self._store.read(start, stored)]
        block = require_next(self.last, entries)
        self._time = block.time
        self._find_platform(start)
        with self.step(Step.BUNDLES):
            self._log.write_entries(start, [each.encoded for each in entries])
        self._close(block, entries)

    def _find_platform(self, size: int) -> None:
        for entry in reversed(self._store.office(st.PLATFORM)):
            if entry.index < size:
                self._platform = entry.leaf_hash
                return

    def _block(self, height: int) -> Block:
        """Return the record of a signed block."""
        before = self._signed.at_height(height - 1) if height else None
        start = 0 if before is None else before.size
        entries = self._store.read(start, start + 1)
        try:
            return parse_block(parse_statement(entries[0].statement))
        except SealbookError as error:
            raise LedgerFault(f"The record of block {height} is damaged. {REBUILD}") from error

    def _take_over(self, last: SignedCheckpoint | None) -> SignedCheckpoint | None:
        """Return the newest signed checkpoint, which a crash may have left in the copy alone."""
        copied = self._log.signed.last()
        require_copied(last, copied)
        if copied is None or copied.height != next_height(last):
            return last
        require_signed(self._trust, copied)
        with self.step(Step.CHECKPOINT):
            self._signed.swap(last, copied)
        return copied

    def _mend_copies(self, last: SignedCheckpoint | None) -> None:
        """Write the copies that are missing or cut short, from the database."""
        end = next_height(last)
        present = set(self._log.signed.numbers())
        newest = (end - 1) // SIGNED_IN_A_FILE
        for number in range(newest + 1):
            first = number * SIGNED_IN_A_FILE
            if number in present and number < newest:
                continue
            wanted = self._signed.all(first - 1, min(SIGNED_IN_A_FILE, end - first))
            if not self._log.signed.holds(number, wanted):
                with self.step(Step.COPY):
                    self._log.signed.write(number, wanted)

    def _require_signed(self, last: SignedCheckpoint | None, published: str | None) -> None:
        if last is not None:
            require_signed(self._trust, last)
        require_newest(last, published)

    def _mend_tiles(self, since: int) -> None:
        """Write the full tiles that a crash kept from being published."""
        assert self.last is not None or since == 0
        size = 0 if self.last is None else self.last.size
        missing = [
            (tile, self._read_tile(tile.level, tile.index, tile.width))
            for tile in full_tiles(min(since, size), size)
            if self._is_missing(tile)
        ]
        if missing:
            with self.step(Step.TILES):
                self._log.write_tiles(missing)

    def _is_missing(self, tile: Tile) -> bool:
        self.turn.advance()  # of all tiles, where nothing is published
        return self._log.read_tile(tile.level, tile.index) is None

    def _read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return a full tile, recomputed from the entries where its file is missing."""
        assert width == TILE_WIDTH
        data = self._log.read_tile(level, index)
        if data is None:
            self.turn.advance()  # of many, where all were lost
            return rebuild_tile(self._store, self._read_tile, Tile(level, index))
        return data


def rebuild_tile(
    store: LedgerStore, read_tile: Callable[[int, int, int], bytes], tile: Tile
) -> bytes:
    """Return a full tile from the leaf hashes, or from the tiles of the level below."""
    start = tile.index * TILE_WIDTH
    if tile.level == 0:
        return format_tile(store.leaf_hashes(start, start + TILE_WIDTH))
    return format_tile(
        root_from_leaf_hashes(parse_tile(read_tile(tile.level - 1, index, TILE_WIDTH)))
        for index in range(start, start + TILE_WIDTH)
    )
