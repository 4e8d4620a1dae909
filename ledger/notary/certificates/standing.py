"""What the ledger says of a certificate's number: entries under a signed checkpoint, nothing else."""

from dataclasses import dataclass

from ledger.chain.block import parse_block
from ledger.chain.office import Issued, Withdrawn, parse_certificate
from ledger.chain.statement import parse_statement
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.ledger_database import LedgerDatabase


@dataclass(frozen=True, slots=True)
class CertificateWithdrawn:
    """The entry that withdraws a certificate, its block's time (POSIX seconds), the office's reason."""

    index: int
    time: int
    reason: str


@dataclass(frozen=True, slots=True)
class CertificateStanding:
    """A certificate by its number: its entry and block, that block's time, SHA-256 of its PDF.

    `deposit` is the entry that it is about.
    """

    number: int
    index: int
    height: int
    time: int
    digest: bytes
    deposit: int
    withdrawn: CertificateWithdrawn | None


def certificate_standing(
    store: LedgerDatabase, signed: CheckpointDatabase, number: int
) -> CertificateStanding | None:
    """Return how the certificate of this number stands, None where none was issued."""
    place = store.certificate(number) if 0 < number < 1 << 63 else None
    block = None if place is None else _block(store, signed, place.issued_index)
    if place is None or block is None:
        return None
    issued = _said(store, place.issued_index)
    assert isinstance(issued, Issued)
    return CertificateStanding(
        number,
        place.issued_index,
        *block,
        issued.digest,
        issued.entry,
        _withdrawn(store, signed, place.withdrawn_index),
    )


def _withdrawn(
    store: LedgerDatabase, signed: CheckpointDatabase, index: int | None
) -> CertificateWithdrawn | None:
    block = None if index is None else _block(store, signed, index)
    if index is None or block is None:
        return None
    said = _said(store, index)
    assert isinstance(said, Withdrawn)
    return CertificateWithdrawn(index, block[1], said.reason)


def _said(store: LedgerDatabase, index: int) -> Issued | Withdrawn:
    return parse_certificate(parse_statement(store.read(index, index + 1)[0].statement))


def _block(store: LedgerDatabase, signed: CheckpointDatabase, index: int) -> tuple[int, int] | None:
    """Return height and time of the signed block with this entry."""
    closing = signed.covering(index)
    if closing is None:
        return None
    before = signed.at_height(closing.height - 1)
    record = store.read(start := 0 if before is None else before.size, start + 1)[0]
    return closing.height, parse_block(parse_statement(record.statement)).time
