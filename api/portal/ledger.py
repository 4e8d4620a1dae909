"""What the public pages show of the ledger: blocks, who vouches for them, and how old that is.

Everything here is read from what the log publishes; nothing names an account. Of deposits there is a
number: the entries of a block less its record and the office's own statements.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ledger.chain.anchorpage import StampedNote
from ledger.chain.attesting import verify_entry
from ledger.chain.block import Block, note_digest, parse_block
from ledger.chain.blockpage import SignedBlock
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.cosignature import TIME_SIZE
from ledger.chain.note import Note, parse_note
from ledger.chain.policy import by_address
from ledger.chain.receipt import TokenEntry
from ledger.chain.statement import parse_statement
from ledger.chain.trust import Trust, parse_trust
from ledger.errors import NotFound, SealbookError

if TYPE_CHECKING:
    from ledger.notary.anchoring.anchoring import Peer
    from ledger.notary.notary import Notary

PAGE = 25
"""Blocks on a page."""


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness that has cosigned: its own name, and when by its clock (POSIX seconds)."""

    name: str
    time: int


@dataclass(frozen=True, slots=True)
class Stamped:
    """A timestamp token over an anchor: its SHA-256, its time, and how it verifies.

    `time` is the latest that it shows, with the authority's accuracy. `authority` and `until` are None
    where it does not verify with what the token itself brings; `time` is then what it states.
    """

    digest: bytes
    time: int
    authority: str | None
    until: int | None


@dataclass(frozen=True, slots=True)
class Anchored:
    """A checkpoint that others vouch for: the height of its block, entries, cosigners, tokens."""

    height: int
    size: int
    cosigners: tuple[Cosigner, ...]
    tokens: tuple[Stamped, ...]

    @property
    def time(self) -> int | None:
        """The newest time that one of those who vouch for it has stated."""
        times = [each.time for each in self.cosigners] + [each.time for each in self.tokens]
        return max(times, default=None)


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A block as the chain shows it. `anchor` is its own, where it is one."""

    block: Block
    root: bytes
    deposits: int
    witnesses: int
    tokens: int


@dataclass(frozen=True, slots=True)
class BlockView:
    """A whole block: its row, its signed note, what the next block names it by, and its anchor."""

    row: BlockRow
    note: str
    digest: bytes
    anchor: Anchored | None


@lru_cache(maxsize=2)
def trust_of(data: bytes) -> Trust:
    """Return the trust file's content."""
    return parse_trust(data)


def witness_names(trust: Trust) -> list[str]:
    """Return the names of the institutions that the trust file names as witnesses."""
    names = [each.key.name for each in trust.policy.witnesses if each.key.name != trust.origin]
    return list(dict.fromkeys(names))


def peers(notary: "Notary") -> "list[Peer]":
    """Return who is asked to vouch, and whether they answer: witnesses by their own names."""
    known = by_address(trust_of(notary.trust).policy)
    return [
        replace(each, name=known[each.name][0].key.name) if each.name in known else each
        for each in notary.vouching
    ]


def block_at(notary: "Notary", height: int) -> Block:
    """Return a block's record. Raises NotFound."""
    return _record(notary.block(height)[0])


def rows(notary: "Notary", newest: int) -> list[BlockRow]:
    """Return at most `PAGE` blocks, from a height downwards."""
    first = max(0, newest - PAGE + 1)
    found = notary.blocks(first, newest - first + 1)
    anchors = {each.height: each for each in notary.anchored(first, newest - first + 1)}
    return _rows(notary, found, anchors)[::-1]


def view(notary: "Notary", height: int) -> BlockView:
    """Return a block and what vouches for it. Raises NotFound."""
    found = notary.blocks(height, 1)
    if not found:
        raise NotFound(f"There is no block {height}.")
    own = {each.height: each for each in notary.anchored(height, 1)}
    row = _rows(notary, found, own)[0]
    stamped = notary.anchor_over(row.block.start)
    anchor = None if stamped is None else anchored(stamped, notary.trust)
    return BlockView(row, found[0].note, note_digest(found[0].note), anchor)


def newest_anchor(notary: "Notary") -> Anchored | None:
    """Return the newest checkpoint that others vouch for."""
    found = notary.newest_anchor
    return None if found is None else anchored(found, notary.trust)


def anchored(found: StampedNote, trust: bytes) -> Anchored:
    """Return who vouches for a checkpoint, under a trust file."""
    note = parse_note(found.note)
    size = parse_checkpoint(note.text).size
    tokens = tuple(_stamped(found.note, each, trust) for each in found.tokens)
    return Anchored(found.height, size, _cosigners(note, trust_of(trust)), tokens)


def _rows(
    notary: "Notary", found: Sequence[SignedBlock], anchors: dict[int, StampedNote]
) -> list[BlockRow]:
    blocks = [_record(each.statement) for each in found]
    if not blocks:
        return []
    trust = trust_of(notary.trust)
    office = notary.entries.of_the_office(blocks[0].start, blocks[-1].size)
    made: list[BlockRow] = []
    for block, signed in zip(blocks, found, strict=True):
        own = sum(block.start <= index < block.size for index in office)
        anchor = anchors.get(block.height)
        cosigners = () if anchor is None else _cosigners(parse_note(anchor.note), trust)
        root = parse_checkpoint(parse_note(signed.note).text).root
        deposits = block.size - block.start - 1 - own
        tokens = 0 if anchor is None else len(anchor.tokens)
        made.append(BlockRow(block, root, deposits, len(cosigners), tokens))
    return made


@lru_cache(maxsize=256)
def _record(statement: bytes) -> Block:
    return parse_block(parse_statement(statement))


def _cosigners(note: Note, trust: Trust) -> tuple[Cosigner, ...]:
    """Return the witnesses among a note's signers: each once, with the time of its first line."""
    known = {
        (each.key.name, each.key.key_id)
        for each in trust.policy.witnesses
        if each.key.name != trust.origin
    }
    found: dict[str, int] = {}
    for line in note.signatures:
        if (line.name, line.key_id) in known:
            found.setdefault(line.name, int.from_bytes(line.signature[:TIME_SIZE], "big"))
    return tuple(Cosigner(name, time) for name, time in found.items())


@lru_cache(maxsize=256)
def _stamped(note: str, entry: TokenEntry, trust: bytes) -> Stamped:
    first = entry.first
    time, authority, until = int(first.gen_time), None, None
    with suppress(
        SealbookError
    ):  # a page says that it does not verify here, and does not end for it
        records, _ = verify_entry(entry, note, trust_of(trust).authorities, ())
        if records:
            token = records[0].tokens[0]
            time, authority, until = token.latest, token.authority, records[0].until
    return Stamped(entry.digest, time, authority, until)
