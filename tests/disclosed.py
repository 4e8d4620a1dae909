"""Evidence files in memory: a deposit in a simulated office's ledger, shown whole or in part."""

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.chain.statement import Deposit, format_deposit
from ledger.company.documents import Document, SealedDeposit
from ledger.company.sealing.seal import seal
from ledger.crypto.recipients import HybridIdentity
from ledger.evidence.file import Disclosure, self_contained, write_evidence
from ledger.evidence.manifest import Cover
from ledger.evidence.partial import PartialOpening, Selection, open_in_part
from ledger.evidence.parts import Part, Splitting, format_cuts
from ledger.evidence.plain_zip import Reader, Writer
from tests.core.test_sealing import Buffered, Memory
from tests.simulator import NOW, ORIGIN, Office


def cut(pieces: Sequence[bytes], parts: Sequence[Part], splitter: str = "mbox") -> Splitting:
    """A splitting of the pieces put together."""
    return Splitting(splitter, 1, format_cuts([len(each) for each in pieces]), tuple(parts))


def file(name: str, pieces: Sequence[bytes], *parts: Part) -> Document:
    """A document of these pieces and parts."""
    return Document(
        Memory(b"".join(pieces)),
        name,
        NOW,
        media_type="text/plain",
        origin=f"/home/li/{name}",
        tool="sealbook 0.1",
        splitting=cut(pieces, parts),
    )


CASE = Cover("case")


@dataclass
class Shown:
    """A deposit of these documents as entry 4 of an office's ledger."""

    documents: list[Document]
    cover: Cover = CASE

    def __post_init__(self) -> None:
        self.office = Office()
        content, manifest = Buffered(), Buffered()
        self.sealed: SealedDeposit = seal(
            self.documents,
            self.office.device.thumbprint,
            [HybridIdentity(bytes(32)).recipient()],
            self.cover,
            content,
            manifest,
            random.Random(7).randbytes,
        )
        sealed = self.sealed
        deposit = Deposit(ORIGIN, sealed.commitment, sealed.content, sealed.manifest)
        self.office.entries[4] = format_deposit(
            deposit, self.office.account, self.office.device, NOW
        )
        self.receipt = self.office.receipt()

    def opened(self, *selections: Selection) -> PartialOpening:
        """What opens these selections."""
        sealed = self.sealed
        return open_in_part(sealed.record, sealed.index, selections, sealed.commitment)

    def disclosure(self, *selections: Selection) -> Disclosure:
        """The deposit whole where nothing is selected, otherwise those selections."""
        if not selections:
            whole = self_contained(self.sealed.record, self.sealed.index)
            return Disclosure(self.receipt, whole, lambda n: io.BytesIO(self.data(n)))
        opening = self.opened(*selections)
        pieces = opening.pieces

        def content(n: int) -> io.BytesIO:
            piece = pieces[n]
            cuts = self.sealed.index[piece.document].cuts or b""
            sizes = [int.from_bytes(cuts[at : at + 2], "big") for at in range(0, len(cuts), 2)]
            start = sum(sizes[: piece.first - 1])
            return io.BytesIO(self.data(piece.document)[start : start + piece.size])

        return Disclosure(self.receipt, opening, content)

    def data(self, document: int) -> bytes:
        """A document's bytes."""
        buffer = bytearray(self.documents[document].source.size)
        self.documents[document].source.read_into(0, memoryview(buffer))
        return bytes(buffer)

    def evidence(self, *selections: Selection) -> bytes:
        """The evidence file."""
        return evidence(self.disclosure(*selections))


def receipt_only(disclosure: Disclosure) -> Disclosure:
    """The same, without content."""
    return replace(disclosure, opening=None)


def evidence(*disclosures: Disclosure) -> bytes:
    """An evidence file of these."""
    out = io.BytesIO()
    write_evidence(out, disclosures)
    return out.getvalue()


def members_of(data: bytes) -> list[tuple[str, bytes]]:
    """The members of an evidence file."""
    reader = Reader(io.BytesIO(data))
    return [(each.name, reader.read(each, 0, each.size)) for each in reader.members]


def zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    """An archive of these."""
    out = io.BytesIO()
    writer = Writer(out)
    for name, data in members:
        writer.add(name, len(data), [data])
    writer.finish()
    return out.getvalue()
