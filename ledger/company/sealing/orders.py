"""What a captured deposit is sealed of and into: an order, which another process can carry out, too."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ledger.chain.statement import Payload
from ledger.company.documents import Document
from ledger.company.noting import Noted, noted
from ledger.company.sealing.preparing import prepared
from ledger.company.sealing.seal import seal
from ledger.company.vault.recipients import parsed
from ledger.crypto.recipients import Random
from ledger.disk.files import NewFile
from ledger.errors import StorageFailed
from ledger.evidence.manifest import Cover
from ledger.quoted import quoted

LARGE = 8 << 20
"""Bytes of documents from which one deposit is sealed on all cores; smaller ones go side by side."""


@dataclass(frozen=True, slots=True)
class Order:
    """Documents, and the new `folder` for their age files.

    `room` is where renditions may lie meanwhile, None where only the commitment is deposited;
    `depositor` is the thumbprint of the key that will sign, `recipients` are texts, `age1...`.
    """

    documents: tuple[Document, ...]
    folder: Path
    room: Path | None
    depositor: bytes
    recipients: tuple[str, ...]
    cover: Cover


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a statement says of a sealed deposit, and what is to be told of its documents."""

    commitment: bytes
    content: Payload | None
    manifest: Payload
    notices: tuple[Noted, ...]


def carry_out(order: Order, random: Random) -> Sealed:
    """Seal an order; its age files are durable on return, their names are not.

    Raises StorageFailed, SourceChanged, InvalidInput.
    """
    try:
        order.folder.mkdir(mode=0o700)
    except OSError as error:
        raise StorageFailed(
            f"{quoted(order.folder)} could not be made: {error.strerror}."
        ) from error
    size = sum(document.source.size for document in order.documents)
    with ExitStack() as stack:
        documents = stack.enter_context(prepared(order.documents, order.room))
        manifest = stack.enter_context(NewFile(order.folder / "manifest.age"))
        content = None
        if order.room is not None:
            content = stack.enter_context(NewFile(order.folder / "content.age"))
        sealed = seal(
            documents,
            order.depositor,
            parsed(order.recipients),
            order.cover,
            content,
            manifest,
            random,
            workers=1 if size < LARGE else None,
        )
    notices = noted(sealed.record.documents)
    return Sealed(sealed.commitment, sealed.content, sealed.manifest, notices)
