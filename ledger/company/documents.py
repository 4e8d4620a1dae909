"""What sealing takes and gives: documents with their sources, and a sealed deposit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.chain.statement import Payload
from ledger.crypto.commitment import Uncommitted
from ledger.crypto.merkle import Buffer
from ledger.evidence.index import Index
from ledger.evidence.manifest import Manifest
from ledger.evidence.parts import Splitting
from ledger.evidence.records import Rendition

_UNIFORM = Splitting()


class Source(Protocol):
    """A document's bytes, which must not change while they are sealed."""

    @property
    def size(self) -> int: ...

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill the whole buffer from `offset` on. Raises SourceChanged. Called from any thread."""
        ...

    def check(self) -> None:
        """Raise SourceChanged unless the source is as it was at the start."""
        ...


class Sink(Protocol):
    """Where a file is written; appears whole or not at all."""

    def write_at(self, offset: int, data: Buffer) -> None:
        """Write all of `data`. Called from any thread, each place once."""
        ...


@dataclass(frozen=True, slots=True)
class Document:
    """A document to seal: where its bytes are, and what its metadata view will say."""

    source: Source
    name: str
    modified: int | None = None
    media_type: str = ""
    origin: str = ""
    tool: str = ""
    splitting: Splitting = _UNIFORM
    rendition: Rendition | None = None
    notice: str = ""
    """What is to be said of it besides (`ledger.evidence.notices`)."""


@dataclass(frozen=True, slots=True)
class SealedDeposit:
    """What was sealed: R, how a statement names the files, and what the manifest says."""

    commitment: bytes
    content: Payload | None
    manifest: Payload
    record: Manifest
    index: Index


Committer = Callable[[Sequence[Uncommitted]], Callable[[], Sequence[bytes]]]
"""Begins to commit to documents, and gives what returns their D_j."""
