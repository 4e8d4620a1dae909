"""Issuing certificates: numbers reserved, PDFs made and signed, their hashes entered, then handed out.

What a certificate says and looks like is no business of the notary's: whoever issues brings the
function that draws one. A kill before the entry leaves a number that nobody has; one after it leaves a
certificate whose paper nobody has, which the office withdraws.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol, TypeVar

from ledger.chain.office import Issued
from ledger.notary.certificates.register import MAX_BATCH
from ledger.notary.certificates.signing import Sealing
from ledger.notary.orders import EnterCertificates, Order, ReserveCertificates

A = TypeVar("A")

_WORKERS = 4
"""Certificates that are made at once: while one waits for the authority, others are drawn."""


class Execute(Protocol):
    """Carries out an order of the office, here or in the process that serves."""

    def __call__(self, order: Order[A], /) -> A:
        """Return the answer. Raises what the order raises."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Where certificates are issued: who carries out orders, what signs, what the office is.

    `trust` are the bytes of the office's trust file, `portal` the URL of its portal or None. `entry`
    returns the entry with a leaf hash, None where there is none. `now` tells POSIX seconds.
    """

    execute: Execute
    sealing: Sealing
    trust: bytes
    portal: str | None
    entry: Callable[[bytes], bytes | None]
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate that is an entry of the ledger: its PDF may be handed out."""

    number: int
    index: int
    pdf: bytes


def issue(
    desk: Desk, deposits: Sequence[int], draw: Callable[[int, int], bytes]
) -> Iterator[IssuedCertificate]:
    """Yield a certificate for each deposit, by their entries, in order.

    `draw(which, number)` returns the PDF, unsigned, of the certificate with this number for
    `deposits[which]`; it may be called from several threads. Raises what it raises, what signing
    raises, and what the orders raise. What was yielded before stands.
    """
    sealer = desk.sealing.signer()

    def made(which: int, number: int) -> bytes:
        return sealer.sign(
            draw(which, number), "电子数据存证证明 / Certificate of Electronic Deposit"
        )

    with ThreadPoolExecutor(min(_WORKERS, len(deposits))) as workers:
        for at in range(0, len(deposits), MAX_BATCH):
            some = range(at, min(at + MAX_BATCH, len(deposits)))
            first = desk.execute(ReserveCertificates(len(some))).first
            numbers = range(first, first + len(some))
            pdfs = list(workers.map(made, some, numbers))
            said = [
                Issued(number, sha256(pdf).digest(), deposits[which])
                for which, number, pdf in zip(some, numbers, pdfs, strict=True)
            ]
            entries = desk.execute(EnterCertificates(tuple(said))).indices
            yield from map(IssuedCertificate, numbers, entries, pdfs)
