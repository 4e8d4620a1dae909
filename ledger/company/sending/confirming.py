"""Depositing: sealed deposits out of the spool, receipts back in.

A deposit is confirmed in this order, so that a crash at any point leaves something to go on from:

1. Its age files are durable at the notary.
2. Its statement, signed and on disk before anything was sent, is submitted; sent again, it gives the
   receipt that exists.
3. The receipt is verified against the pinned trust, and is about this very statement.
4. The receipt's checkpoint is consistent with the largest one verified before: one ledger, append-only.
5. The checkpoint is kept, then the receipt; then only is the ciphertext here given up.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from ledger.chain.policy import VerifiedCheckpoint
from ledger.chain.report import CONTENT
from ledger.chain.statement import Deposit, parse_deposit, parse_statement
from ledger.chain.trust import Trust
from ledger.crypto.merkle import verify_consistency
from ledger.errors import (
    Conflict,
    InvalidInput,
    KeyRevoked,
    MalformedData,
    NotAuthenticated,
    NotEnrolled,
    NotFound,
    Refused,
    SealbookError,
    Unavailable,
    VerificationFailed,
    WrongOrigin,
)
from ledger.quoted import quoted
from ledger.verify import Memory, VerifiedReceipt, verify_receipt
from ledger.wire.transport import NotNow, Unexplained

BATCH = 100
"""Statements sent together: what a notary takes in one request."""


class ReceiptForAnother(VerificationFailed):
    """The notary answered with a receipt about another statement."""

    code = "receipt-for-another"


class LedgerForked(VerificationFailed):
    """Two checkpoints that the notary signed cannot belong to one append-only ledger."""

    code = "ledger-forked"


class NotShown(Unavailable):
    """Whether two checkpoints belong to one ledger cannot be checked: nothing of use was answered."""

    code = "not-shown"


class NotUploaded(SealbookError):
    """The notary does not take the age files at the moment."""

    code = "not-uploaded"


class Spooled(Protocol):
    """A sealed deposit that waits."""

    @property
    def encoded(self) -> bytes:
        """The signed statement."""
        ...

    def accept(self, receipt: bytes) -> None:
        """Keep a verified receipt, durably."""
        ...


D = TypeVar("D", bound=Spooled)
D_contra = TypeVar("D_contra", bound=Spooled, contravariant=True)


class Notary(Protocol[D_contra]):
    """What depositing asks of a notary; each call raises Unavailable or Refused."""

    def upload(self, deposits: Sequence[D_contra]) -> None:
        """Make the deposits' age files durable at the notary."""
        ...

    def submit_many(self, statements: Sequence[bytes]) -> Sequence[bytes | SealbookError]:
        """Return a receipt for each statement, or why there is none."""
        ...

    def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """Return a consistency proof, unverified."""
        ...


class Followed(Protocol):
    """The largest checkpoint that was ever verified."""

    def checkpoint(self) -> VerifiedCheckpoint | None:
        """Return it."""
        ...

    def keep_checkpoint(self, old: VerifiedCheckpoint | None, new: VerifiedCheckpoint) -> bool:
        """Replace it by `new` if it still is `old`; return whether it was."""
        ...


@dataclass(frozen=True, slots=True)
class Rejected:
    """A receipt that does not count, and why; it is evidence against whoever signed it."""

    receipt: bytes
    error: SealbookError


def confirm(
    deposits: Sequence[D], notary: Notary[D], trust: Trust, ledger: Followed
) -> Iterator[tuple[D, VerifiedReceipt | Rejected | SealbookError]]:
    """Send deposits and yield what became of each: a kept receipt, a rejected one, or a refusal.

    Raises NotEnrolled, and Unavailable unless it is NotNow, of one deposit alone: what was not yielded
    yet still waits.
    """
    known = ledger.checkpoint()
    verifying = Answers(trust)
    for at in range(0, len(deposits), BATCH):
        batch = deposits[at : at + BATCH]
        uploaded: list[D] = []
        for each, problem in _upload(notary, batch):
            if problem is None:
                uploaded.append(each)
            else:
                yield each, problem
        answers = notary.submit_many([each.encoded for each in uploaded])
        for each, answer in zip(uploaded, answers, strict=True):
            if isinstance(answer, NotEnrolled):
                raise answer
            if isinstance(answer, SealbookError):
                yield each, answer
                continue
            try:
                verified = verifying.verify(each.encoded, answer)
                known = keep_up(ledger, known, verified.checkpoint, notary.consistency)
            except (VerificationFailed, MalformedData) as error:
                yield each, Rejected(answer, error)
                continue
            each.accept(answer)
            yield each, verified


def _upload(notary: Notary[D], batch: Sequence[D]) -> Iterator[tuple[D, SealbookError | None]]:
    """Upload together, or one by one where something is wrong: one must not hold up the others."""
    try:
        notary.upload(batch)
    except NotAuthenticated:
        _raise_if_not_enrolled(notary, batch[0])
        raise
    except SealbookError as error:
        if isinstance(error, Unavailable) and not isinstance(error, NotNow):
            raise
        if len(batch) == 1:
            busy = isinstance(error, Conflict)
            yield batch[0], NotUploaded(str(error)) if busy else error
        else:
            for each in batch:
                yield from _upload(notary, [each])
    else:
        for each in batch:
            yield each, None


def is_final(error: SealbookError) -> bool:
    """Whether the notary would refuse the same statement again, whenever it is sent."""
    return type(error) in (Refused, KeyRevoked, WrongOrigin, Conflict)


class Answers:
    """Verifies a notary's answers; what those of one block share, once."""

    def __init__(self, trust: Trust) -> None:
        # The content is at home; a receipt alone never shows it.
        required = tuple(name for name in trust.required if name != CONTENT)
        self._trust = replace(trust, required=required)
        self._memory = Memory(self._trust)

    def verify(self, statement: bytes, receipt: bytes) -> VerifiedReceipt:
        """Return the verified receipt of this very statement, which may be provisional.

        Raises VerificationFailed, MalformedData.
        """
        verified = verify_receipt(receipt, self._trust, provisional=True, memory=self._memory)
        if verified.statement.encoded != statement:
            raise ReceiptForAnother("The notary answered with a receipt for another deposit.")
        return verified


def verify_answer(statement: bytes, receipt: bytes, trust: Trust) -> VerifiedReceipt:
    """Return one answer verified, as `Answers.verify` does."""
    return Answers(trust).verify(statement, receipt)


def follow(
    known: VerifiedCheckpoint | None,
    found: VerifiedCheckpoint,
    consistency: Callable[[int, int], tuple[bytes, ...]],
) -> VerifiedCheckpoint:
    """Return the larger of two verified checkpoints, once one is shown to contain the other.

    Raises LedgerForked where the notary denies it or its proof does not hold, NotShown where something
    else is answered, and Unavailable as `consistency` does.
    """
    if known is None:
        return found
    old, new = sorted((known, found), key=lambda each: each.checkpoint.size)
    first, second = old.checkpoint, new.checkpoint
    try:
        proof = () if first.size == second.size else _asked(consistency, first.size, second.size)
        verify_consistency(first.size, first.root, second.size, second.root, proof)
    except (VerificationFailed, MalformedData, NotFound) as error:
        # A notary that has signed both can always prove it, unless it has two histories.
        raise LedgerForked(
            f"The notary does not show that its ledger of {second.size} entries contains the one of "
            f"{first.size} entries; it has signed both. Keep the vault as it is and ask the notary "
            "office."
        ) from error
    return known if first.size == second.size else new


def _asked(
    consistency: Callable[[int, int], tuple[bytes, ...]], old_size: int, new_size: int
) -> tuple[bytes, ...]:
    """Return the notary's proof. Raises NotFound where it denies one, NotShown, Unavailable."""
    try:
        return consistency(old_size, new_size)
    except (Refused, InvalidInput, VerificationFailed) as error:
        if isinstance(error, NotFound) and not isinstance(error, Unexplained):
            raise
        raise NotShown(
            f"Whether the notary's ledger of {new_size} entries contains the one of {old_size} entries "
            f"cannot be checked now ({quoted(error)}), so nothing is confirmed. If it stays so, keep "
            "the vault as it is and ask the notary office."
        ) from error


def keep_up(
    ledger: Followed,
    known: VerifiedCheckpoint | None,
    found: VerifiedCheckpoint,
    consistency: Callable[[int, int], tuple[bytes, ...]],
) -> VerifiedCheckpoint:
    """Keep the checkpoint `found` where it is the largest; return the largest.

    `known` is what was kept when it was read last: where another process has replaced it, `found` is
    compared with what that one has kept. Raises as `follow` does.
    """
    while (newest := follow(known, found, consistency)) is not known:
        if ledger.keep_checkpoint(known, newest):
            return newest
        known = ledger.checkpoint()
    return newest


def _raise_if_not_enrolled(notary: Notary[D], deposit: D) -> None:
    """Ask by a statement: unlike a signed request, it is answered with the reason."""
    (answer,) = notary.submit_many([deposit.encoded])
    if isinstance(answer, NotEnrolled):
        raise answer


class NotOneSheet(InvalidInput):
    """The account is not the one that the secret belongs to."""

    code = "not-one-sheet"

    def __init__(self) -> None:
        super().__init__(
            "The account and the secret do not belong together. Check both against the recovery "
            "sheet: every digit of the account, and that both stand on the same sheet."
        )


def parse_own(statement: bytes, account: str, trust: Trust) -> Deposit:
    """Return a listed deposit, which must be this account's in this ledger.

    Raises NotOneSheet, MalformedData.
    """
    parsed = parse_statement(statement)
    deposit = parse_deposit(parsed)
    if parsed.issuer != account:
        raise NotOneSheet
    if deposit.origin != trust.origin:
        raise MalformedData("the notary lists a deposit of another ledger")
    return deposit
