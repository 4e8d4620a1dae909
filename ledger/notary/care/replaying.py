"""What a mirror has and a backup lacks, entered into a copy of the backup: no fork, but what was
signed.

Blocks and entries come from anybody who has kept them, and are believed for the log's own signatures
alone. The seal over each root, which no mirror has, is made anew. Ciphertext, identity records and the
desk are in no mirror: of these the copy has what the backup had.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ledger.chain.block import note_digest, parse_block
from ledger.chain.blockpage import BLOCKS_PAGE, SignedBlock
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import parse_note
from ledger.chain.replay import RuleBroken, require_link
from ledger.chain.seal import sign_seal
from ledger.chain.statement import parse_statement
from ledger.chain.tiles import TILE_WIDTH, parse_bundle
from ledger.chain.trust import Trust, verify_own
from ledger.errors import LedgerFault, SealbookError
from ledger.notary.care.backup import complete, tree_at
from ledger.notary.ports import NotaryKeys, SignedCheckpoint
from ledger.notary.sequencing.forks import require_log_lines
from ledger.notary.storage import directory as place
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.notary.storage.logfiles import LogStore


class Mirror(Protocol):
    """Who has kept a ledger. Methods raise Unavailable where something is missing, MalformedData."""

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint."""
        ...

    def blocks(self, page: int) -> Sequence[SignedBlock]:
        """Return the blocks of a page, none where it does not exist."""
        ...

    def bundle(self, index: int, width: int) -> bytes:
        """Return the bundle of `width` entries."""
        ...


def replay(folder: Path, log: LogStore, mirror: Mirror, trust: Trust, keys: NotaryKeys) -> int:
    """Enter into a directory what a mirror has and it lacks; return how many entries.

    `log` is the directory's, wherever it lies. Raises LedgerFault where the two hold different
    histories, or the mirror not all up to its checkpoint; what the mirror raises; VerificationFailed.
    """
    head = mirror.checkpoint()
    verify_own(trust, head)
    size = parse_checkpoint(parse_note(head).text).size
    signed = CheckpointDatabase(folder / place.CHECKPOINTS)
    store = LedgerDatabase(folder / place.LEDGER)
    try:
        last = signed.last()
        assert last is not None
        begun = last.size
        tree = tree_at(last, store, log)
        for height, block in _blocks(mirror, last.height + 1):
            if last.size >= size:
                break
            new = _checkpoint(height, block, last, trust, keys)
            entries = _entries(mirror, last.size, new.size)
            if entries[0] != block.statement:
                raise _another(height)
            statements = [parse_statement(each) for each in entries]
            tiles = tree.extend(each.leaf_hash for each in statements)
            if tree.root() != new.root:
                raise _another(height)
            store.append(last.size, statements)
            log.write_entries(last.size, entries)
            log.write_tiles(tiles)
            signed.swap(last, new)
            last = new
        if last.size < size:
            raise LedgerFault(
                f"The mirror's checkpoint is over {size} entries, but its blocks end at {last.size}. "
                "Bring a whole one."
            )
        complete(log.signed, signed, last.height)
        return last.size - begun
    finally:
        store.close()
        signed.close()


def _blocks(mirror: Mirror, first: int) -> Iterator[tuple[int, SignedBlock]]:
    page = first // BLOCKS_PAGE
    while found := mirror.blocks(page):
        for height, block in enumerate(found, page * BLOCKS_PAGE):
            if height >= first:
                yield height, block
        page += 1


def _checkpoint(
    height: int, block: SignedBlock, last: SignedCheckpoint, trust: Trust, keys: NotaryKeys
) -> SignedCheckpoint:
    stated = parse_checkpoint(parse_note(block.note).text)
    try:
        require_log_lines(trust, block.note, stated)
        record = parse_block(parse_statement(block.statement))
        require_link(record, height, last.size, note_digest(last.note))
    except (SealbookError, RuleBroken) as error:
        raise _another(height) from error
    if record.size != stated.size:
        raise _another(height)
    seal = sign_seal(keys.origin, stated.root, keys.seal, keys.certificate)
    return SignedCheckpoint(height, stated.size, stated.root, block.note, seal)


def _entries(mirror: Mirror, start: int, end: int) -> list[bytes]:
    found: list[bytes] = []
    for index in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
        first = index * TILE_WIDTH
        bundle = parse_bundle(mirror.bundle(index, min(TILE_WIDTH, end - first)))
        found += bundle[max(0, start - first) : end - first]
    return found


def _another(height: int) -> LedgerFault:
    return LedgerFault(
        f"Block {height} of the mirror does not follow from the backup under the keys of this ledger: "
        "it is another ledger's, or was altered. Nothing is restored. Bring another mirror."
    )
