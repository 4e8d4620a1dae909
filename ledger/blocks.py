"""Writes blocks: persist, then sign, then compare and swap, then publish.

    1. bundles      the entries, as files of the log         what a lost database is rebuilt from
    2. entries      the entries and what follows from them   one transaction
    3. checkpoint   signed by both log keys and the seal, swapped into a store of its own
    4. tiles        full hash tiles
    5. anchor       partial tiles, then /checkpoint          at most one per interval

Up to step 2 nothing has happened that anybody could rely on: bundles behind the last signed checkpoint
count for nothing. From step 2 on the block stands, and `recover` finishes it: the same entries, so the
same root, whoever signs it and however often. A receipt is given only after step 4, so whatever was
answered is in the bundles and under a checkpoint that no restart forgets.

One thread writes. `tree` is replaced with each block and never changed, so that any thread may read it.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ledger.chain import statement as st
from ledger.chain.block import (
    GENESIS_PREVIOUS,
    Block,
    block_payload,
    notary_statement,
    note_digest,
    parse_block,
)
from ledger.chain.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from ledger.chain.cosignature import verify_signature
from ledger.chain.note import COSIGNATURE_ML_DSA_44, ED25519, VerifierKey, parse_note
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
from ledger.crypto.keys import MlDsaKey, SealKey, SigningKey
from ledger.crypto.merkle import root_from_leaf_hashes
from ledger.errors import LedgerFault, MalformedData, SealbookError
from ledger.ports import Hook, LedgerStore, LogFiles, SignedCheckpoint, SignedCheckpoints, Step

REBUILD = "Run `sealbook notary fsck --rebuild`, or restore a newer backup."


@dataclass(frozen=True, slots=True)
class NotaryKeys:
    """What the notary signs with. `certificate` is the seal key's, in DER."""

    origin: str
    log: SigningKey
    ml_dsa: MlDsaKey
    seal: SealKey
    certificate: bytes

    @property
    def verifiers(self) -> tuple[VerifierKey, VerifierKey]:
        """The keys of the two lines that every checkpoint carries."""
        return (
            VerifierKey(self.origin, ED25519, self.log.public),
            VerifierKey(self.origin, COSIGNATURE_ML_DSA_44, self.ml_dsa.public),
        )


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
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        hook: Hook,
    ) -> None:
        self.keys = keys
        self.last: SignedCheckpoint | None = None
        self.tree = TileEdge(self._read_tile)
        self._store = store
        self._signed = signed
        self._log = log
        self._clock = clock
        self._random = random
        self.hook = hook
        self._time = 0
        self._platform: bytes | None = None
        self._published: str | None = None

    @property
    def time(self) -> int:
        """POSIX seconds for what is signed next: never below the last block's."""
        return max(int(self._clock()), self._time)

    @property
    def anchored(self) -> bool:
        """Whether the newest checkpoint is the published one."""
        return self.last is None or self._published == self.last.note

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
            tokens=(),
            platform=self._platform,
        )
        entries = [self.statement(st.BLOCK, block_payload(block)), *statements]
        with self.step(Step.BUNDLES):
            self._log.write_entries(start, [each.encoded for each in entries])
        with self.step(Step.ENTRIES):
            self._store.append(start, entries)
        return self._close(block, entries)

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
        """Make the newest checkpoint the anchor."""
        last = self.last
        if last is not None and not self.anchored:
            tree = self.tree
            tiles = [(tile, tile_data(tree, tile)) for tile in partial_tiles(last.size)]
            with self.step(Step.ANCHOR):
                self._log.publish(tiles, last.size, last.note)
            self._published = last.note

    def recover(self) -> None:
        """Take up the ledger where it stands and finish what was cut short.

        1. The last signed checkpoint is signed by our keys, and not older than the published one.
        2. The database has every entry under it, and they give its root.
        3. Entries behind it are one whole block, which is signed and published now.
        4. Every full tile and the anchor are in place, and no file holds more than is signed.

        Raises:
            LedgerFault: One of these does not hold; says what to do.
        """
        stored, published = self.take_up()
        size = 0 if self.last is None else self.last.size
        with self.step(Step.BUNDLES):
            head = self._store.read(size - size % TILE_WIDTH, size)
            self._log.trim(size, [entry.statement for entry in head])
        if stored > size:
            self._finish(stored)
        else:
            self._find_platform(size)
        self._mend_tiles(0 if published is None else _size_of(published))
        self._published = published
        self.publish()

    def take_up(self) -> tuple[int, str | None]:
        """Do the first two steps of `recover`, which write nothing: enough to read the ledger.

        Return the number of entries in the database and the note that stands published.
        """
        last = self._signed.last()
        published = self._log.published()
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
        self._platform = None
        self.tree = TileEdge.restore(
            self._read_tile, size, self._store.leaf_hashes(size - size % TILE_WIDTH, size)
        )
        if last is not None and self.tree.root() != last.root:
            raise LedgerFault(
                f"The entries do not give the root of the last signed checkpoint (size {size}): the "
                f"database or the tiles were altered. {REBUILD}"
            )
        return stored, published

    @contextlib.contextmanager
    def step(self, step: Step) -> Iterator[None]:
        """Mark a durable step."""
        self.hook(step, "before")
        yield
        self.hook(step, "after")

    def _close(self, block: Block, entries: Sequence[Statement]) -> SignedCheckpoint:
        """Sign, swap and publish the block whose entries are durable."""
        tree = self.tree.copy()
        tiles = tree.extend(entry.leaf_hash for entry in entries)
        keys, root, time = self.keys, tree.root(), max(block.time, self.time)
        new = SignedCheckpoint(
            block.height,
            block.size,
            root,
            sign_checkpoint(Checkpoint(keys.origin, block.size, root), keys.log, keys.ml_dsa, time),
            sign_seal(keys.origin, root, keys.seal, keys.certificate),
        )
        with self.step(Step.CHECKPOINT):
            self._signed.swap(self.last, new)
        if tiles:
            with self.step(Step.TILES):
                self._log.write_tiles(tiles)
        self.tree, self.last, self._time = tree, new, block.time
        for entry in entries:
            if entry.kind == st.PLATFORM:
                self._platform = entry.leaf_hash
        return new

    def _finish(self, stored: int) -> None:
        """Finish the block whose entries are in the database but under no checkpoint."""
        start = 0 if self.last is None else self.last.size
        entries = [parse_statement(each.statement) for each in self._store.read(start, stored)]
        block = require_next(self.last, entries)
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

    def _require_signed(self, last: SignedCheckpoint | None, published: str | None) -> None:
        if last is not None:
            note = parse_note(last.note)
            checkpoint = parse_checkpoint(note.text)
            try:
                if checkpoint != Checkpoint(self.keys.origin, last.size, last.root):
                    raise LedgerFault("The note says something else than its row.")
                for key, signature in zip(self.keys.verifiers, note.signatures, strict=True):
                    verify_signature(key, signature, checkpoint)
            except (SealbookError, ValueError) as error:
                raise LedgerFault(
                    "The last signed checkpoint is not one by the keys in `keys/`: files of different "
                    "ledgers were mixed, or it was altered. Put back the files that belong together."
                ) from error
        require_newest(last, published)

    def _mend_tiles(self, since: int) -> None:
        """Write the full tiles that a crash kept from being published."""
        assert self.last is not None or since == 0
        size = 0 if self.last is None else self.last.size
        missing = [
            (tile, self._read_tile(tile.level, tile.index, tile.width))
            for tile in full_tiles(min(since, size), size)
            if self._log.read_tile(tile.level, tile.index) is None
        ]
        if missing:
            with self.step(Step.TILES):
                self._log.write_tiles(missing)

    def _read_tile(self, level: int, index: int, width: int) -> bytes:
        """Return a full tile, recomputed from the entries where its file is missing."""
        assert width == TILE_WIDTH
        data = self._log.read_tile(level, index)
        return (
            rebuild_tile(self._store, self._read_tile, Tile(level, index)) if data is None else data
        )


def require_newest(last: SignedCheckpoint | None, published: str | None) -> None:
    """Raise LedgerFault when a newer checkpoint was published than `last`, the newest signed one."""
    if published is not None and _size_of(published) > (0 if last is None else last.size):
        raise LedgerFault(
            f"The checkpoint over {_size_of(published)} entries was published, but the newest in "
            "checkpoints.sqlite is older: that file is an old copy. Going on would fork the "
            "ledger. Put back the newest checkpoints.sqlite."
        )


def require_next(last: SignedCheckpoint | None, entries: Sequence[Statement]) -> Block:
    """Return the record of the one block that all entries behind the last signed checkpoint form.

    Raises LedgerFault when they are not the whole block that follows it.
    """
    start, height = (0, 0) if last is None else (last.size, last.height + 1)
    previous = GENESIS_PREVIOUS if last is None else note_digest(last.note)
    with contextlib.suppress(MalformedData):
        block = parse_block(entries[0])
        if (block.height, block.start, block.size, block.previous) == (
            height,
            start,
            start + len(entries),
            previous,
        ):
            return block
    raise LedgerFault(
        f"The entries from {start} on are not the one block that may wait to be signed: "
        "checkpoints.sqlite is an old copy, or another notary has written to ledger.sqlite. Put back "
        "the newest checkpoints.sqlite; if another notary runs, stop it."
    )


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


def _size_of(note: str) -> int:
    return parse_checkpoint(parse_note(note).text).size
