"""Issuing certificates: numbers reserved, PDFs made, signed and kept, their hashes entered, handed out.

What a certificate says and looks like is no business of the notary's: whoever issues brings the
function that draws one, and may bring one that keeps it before the entry says that it exists. A kill
before the entry leaves a number that nobody has; one after it leaves a certificate whose paper nobody
was given, which the office withdraws.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol, TypeVar

from ledger.chain.office import Issued
from ledger.notary.certificates.register import MAX_BATCH
from ledger.notary.certificates.signing import Sealing
from ledger.notary.orders import EnterCertificates, Order, ReserveCertificates

A = TypeVar("A")

_WORKERS = 8
"""Certificates that are made at once: while some wait for the authority, others are drawn."""


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
    desk: Desk,
    deposits: Sequence[int],
    draw: Callable[[int, int], bytes],
    keep: Callable[[int, bytes], None] = lambda which, pdf: None,  # noqa: ARG005
) -> Iterator[IssuedCertificate]:
    """Yield a certificate for each deposit, by their entries, in order.

    `draw(which, number)` returns the PDF, unsigned, of the certificate with this number for
    `deposits[which]`; it may be called from several threads. `keep(which, pdf)` is given each
    signed one before it is entered: where that raises, it is not. Raises what they raise, what signing
    raises, and what the orders raise. What was yielded before stands.
    """
    sealer = desk.sealing.signer()

    def made(which: int, number: int) -> bytes:
        return sealer.sign(
            draw(which, number), "电子数据存证证明 / Certificate of Electronic Deposit"
        )

    workers = ThreadPoolExecutor(min(_WORKERS, len(deposits)))
    started: list[_Started] = []
    try:
        for at in range(0, len(deposits), MAX_BATCH):
            some = deposits[at : at + MAX_BATCH]
            first = desk.execute(ReserveCertificates(len(some))).first
            before, started = (
                started,
                [
                    _Started(at + i, first + i, deposit, workers.submit(made, at + i, first + i))
                    for i, deposit in enumerate(some)
                ],
            )
            yield from _entered(desk, before, keep)  # while the next ones are made
        yield from _entered(desk, started, keep)
    finally:
        workers.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Started:
    """A certificate that is being made: for which deposit, by place and entry, its number, the PDF."""

    which: int
    number: int
    deposit: int
    pdf: Future[bytes]


def _entered(
    desk: Desk, started: Sequence[_Started], keep: Callable[[int, bytes], None]
) -> Iterator[IssuedCertificate]:
    """Enter certificates, together, once they are made and kept; yield them, if there are any."""
    if not started:
        return
    pdfs = [each.pdf.result() for each in started]
    for each, pdf in zip(started, pdfs, strict=True):
        keep(each.which, pdf)
    said = tuple(
        Issued(each.number, sha256(pdf).digest(), each.deposit)
        for each, pdf in zip(started, pdfs, strict=True)
    )
    for each, index, pdf in zip(
        started, desk.execute(EnterCertificates(said)).indices, pdfs, strict=True
    ):
        yield IssuedCertificate(each.number, index, pdf)
