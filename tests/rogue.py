"""A notary that lies as it pleases: a whole ledger from one's own hand, as a mirror's folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from ledger.auditor.mirror import Mirror
from ledger.chain import statement as st
from ledger.chain.anchorpage import StampedNote
from ledger.chain.block import GENESIS_PREVIOUS, Block, block_payload, note_digest
from ledger.chain.blockpage import SignedBlock
from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import sign_checkpoint
from ledger.chain.note import first_lines
from ledger.chain.receipt import TokenEntry
from ledger.chain.statement import Deposit, Matter, Payload, format_deposit
from ledger.chain.tiles import TileEdge
from ledger.chain.timestamp.authority import Authority
from ledger.chain.trust import Trust
from ledger.crypto.keys import SigningKey
from ledger.crypto.merkle import leaf_hash, root_from_leaf_hashes
from tests.certificates import Party, issue
from tests.forge import forged
from tests.simulator import NOW, Office, Tree, nonce

DAY = 86_400
ROOT = issue("Root", start=NOW - DAY, years=20, ca=True)
TSA = issue("Unit", ROOT, start=NOW - DAY, years=10)


def never(*_: object) -> bytes:
    raise AssertionError("a small tree needs no tile")


def stamp(note: str, time: int, signer: Party = TSA) -> TokenEntry:
    """A token over the log's two lines of a note."""
    return TokenEntry(2, forged(sha256(first_lines(note, 2).encode()).digest(), signer, time))


def trusting(office: Office) -> Trust:
    """The office's trust file with one timestamp authority."""
    return replace(office.trust(), authorities=(Authority("Test TSA", ROOT.der),))


@dataclass
class Rogue:
    """The ledger of an office, block by block; every argument that is given is a lie."""

    office: Office = field(default_factory=Office)
    entries: list[bytes] = field(default_factory=list)
    blocks: list[SignedBlock] = field(default_factory=list)
    anchors: list[StampedNote] = field(default_factory=list)

    @classmethod
    def begun(cls) -> "Rogue":
        """A ledger with its genesis and an enrolled company."""
        rogue = cls()
        rogue.close()
        rogue.close(rogue.office.enrolment)
        return rogue

    def copy(self) -> "Rogue":
        return Rogue(self.office, [*self.entries], [*self.blocks], [*self.anchors])

    def close(
        self,
        *entries: bytes,
        time: int = NOW,
        signed_at: int = NOW,
        tokens: Sequence[bytes] = (),
        height: int | None = None,
        previous: bytes | None = None,
        signer: SigningKey | None = None,
    ) -> str:
        """Enter a block; return the signed note that closes it."""
        office, start = self.office, len(self.entries)
        named = note_digest(self.blocks[-1].note) if self.blocks else GENESIS_PREVIOUS
        block = Block(
            office.origin,
            nonce(f"block {start}"),
            len(self.blocks) if height is None else height,
            start,
            start + 1 + len(entries),
            time,
            named if previous is None else previous,
            tuple(tokens),
            None,
        )
        own, office.log = office.log, signer or office.log
        record = office.say(st.BLOCK, block_payload(block))
        office.log = own
        self.entries += [record, *entries]
        note = self.note(signed_at)
        self.blocks.append(SignedBlock(record, note))
        return note

    def note(self, time: int = NOW, size: int | None = None) -> str:
        """Sign the tree as it is, or as it was."""
        size = len(self.entries) if size is None else size
        root = root_from_leaf_hashes(Tree(self.entries[:size]).leaves)
        checkpoint = Checkpoint(self.office.origin, size, root)
        return sign_checkpoint(checkpoint, self.office.log, self.office.ml_dsa, time)

    def anchor(self, *times: int) -> None:
        """Anchor the newest block, with a token of each time."""
        note = self.blocks[-1].note
        tokens = tuple(stamp(note, time) for time in times)
        self.anchors.append(StampedNote(len(self.blocks) - 1, note, tokens))

    def deposit(
        self, label: str, matter: Matter | None = None, key: SigningKey | None = None
    ) -> bytes:
        office = self.office
        made = Deposit(
            office.origin, nonce(label), Payload(1000, b"\1" * 32), Payload(500, b"\2" * 32), matter
        )
        return format_deposit(made, office.account, key or office.device, NOW)

    def publish(self, folder: Path, *, checkpoint: str | None = None) -> Path:
        """Write the ledger as a notary would serve it; return the folder."""
        mirror, edge = Mirror(folder), TileEdge(never)
        mirror.tiles(edge.extend([leaf_hash(each) for each in self.entries]))
        mirror.bundle(0, self.entries)
        mirror.blocks(0, self.blocks)
        if self.anchors:
            mirror.anchors(0, self.anchors)
        mirror.publish(edge, checkpoint or self.blocks[-1].note)
        return folder
