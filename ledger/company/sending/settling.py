"""What becomes of each paper that was sent: delivered, refused, or to be tried again."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ledger.chain.statement import Payload
from ledger.company.sending.confirming import BATCH, Rejected, confirm, verify_answer
from ledger.company.sending.giving_way import give_way
from ledger.company.sending.spool import Sender, deliver, keep_proof, note_refusal
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.errors import Conflict, MalformedData, SealbookError, VerificationFailed
from ledger.verify import VerifiedReceipt
from ledger.wire.client import NotaryClient

FILERS = 8
"""Threads that file receipts away."""
Outcome = VerifiedReceipt | SealbookError


def settle(
    vault: Vault, client: NotaryClient, spooled: Sequence[StoredDeposit]
) -> Iterator[tuple[StoredDeposit, Outcome]]:
    """Send deposits, deliver and file their receipts; yield what became of each.

    What has to give way to another computer's paper is not yielded: it waits under its next number.
    Raises what `confirm` raises: what was not yielded still waits.
    """
    for each in spooled:
        receipt = each.receipt
        if receipt is not None:
            yield each, _delivered(vault, each, receipt)
    # A matter's papers go out by number: the notary takes each only after the one before it.
    waiting = sorted((each for each in spooled if each.waits), key=_matter_number)
    sender = Sender(client)
    with ThreadPoolExecutor(FILERS, "file") as pool:
        for at in range(0, len(waiting), BATCH):
            batch = [_Answered(each) for each in waiting[at : at + BATCH]]
            outcomes: list[tuple[_Answered, VerifiedReceipt | Rejected | SealbookError]] = []
            trouble: Exception | None = None
            try:
                for found in confirm(batch, sender, vault.trust, vault):
                    outcomes.append(found)
            except (SealbookError, OSError) as error:
                trouble = error
            # The disk takes the syncs of many receipts together.
            list(pool.map(_Answered.file_away, batch))
            vault.sync_filed()
            lost = _lost(outcomes)
            again = frozenset(each.name for each in lost)
            try:
                if lost:
                    again = give_way(vault, client, lost, int(time.time()))
            except SealbookError as error:
                trouble = trouble or error
            for answered, outcome in outcomes:
                if answered.deposit.name not in again:
                    yield answered.deposit, _settled(vault, answered.deposit, outcome)
            if trouble is not None:
                raise trouble


class _Answered:
    """A deposit whose receipt, once verified, is filed away together with others."""

    def __init__(self, deposit: StoredDeposit) -> None:
        self.deposit = deposit
        self.encoded = deposit.encoded
        self._receipt: bytes | None = None

    @property
    def files(self) -> Iterator[tuple[Path, Payload]]:
        """The age files to upload."""
        return self.deposit.files

    def accept(self, receipt: bytes) -> None:
        """Note a verified receipt; `file_away` keeps it."""
        self._receipt = receipt

    def file_away(self) -> None:
        """Keep the receipt, if there is one, durably; then only is the ciphertext given up."""
        if self._receipt is None:
            return
        self.deposit.accept(self._receipt)
        deliver(self.deposit)


def _delivered(vault: Vault, deposit: StoredDeposit, receipt: bytes) -> Outcome:
    """File away what has its receipt since an earlier run; one that is damaged holds up no other."""
    try:
        verified = verify_answer(deposit.encoded, receipt, vault.trust)
    except (VerificationFailed, MalformedData) as error:
        return error
    deliver(deposit)
    return verified


def _lost(
    outcomes: Sequence[tuple[_Answered, VerifiedReceipt | Rejected | SealbookError]],
) -> list[StoredDeposit]:
    """Return the papers whose number in their matter was taken."""
    return [
        answered.deposit
        for answered, outcome in outcomes
        if type(outcome) is Conflict and answered.deposit.deposit.matter is not None
    ]


def _settled(
    vault: Vault, deposit: StoredDeposit, outcome: VerifiedReceipt | Rejected | SealbookError
) -> Outcome:
    if isinstance(outcome, Rejected):
        keep_proof(vault, deposit, outcome)
        return outcome.error
    if isinstance(outcome, SealbookError):
        note_refusal(vault, deposit, outcome)
    return outcome


def _matter_number(deposit: StoredDeposit) -> int:
    matter = deposit.deposit.matter
    return 0 if matter is None else matter.number
