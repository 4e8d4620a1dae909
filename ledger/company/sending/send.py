"""Sending what waits: one way for a person's command and for the daemon.

1. What has its receipt since an earlier run is delivered.
2. The rest goes out in batches, a matter's papers by number; a batch's receipts are filed together.
3. A paper whose number another computer has taken is numbered anew and goes out again. What the notary
   will never take is put aside. Everything else waits, and whoever sends decides when to send again.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.note import parse_note
from ledger.chain.receipt import parse_receipt
from ledger.chain.statement import Payload
from ledger.chain.trust import Trust
from ledger.company.sending.confirming import (
    BATCH,
    LedgerForked,
    NotShown,
    Rejected,
    confirm,
    is_final,
    verify_answer,
)
from ledger.company.sending.giving_way import give_way
from ledger.company.sending.refreshing import is_provisional
from ledger.company.sending.stamping import with_own_token
from ledger.company.sending.uploading import Progress, Sender
from ledger.company.vault.matters import number_of
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.disk.outputs import write_numbered
from ledger.errors import (
    Conflict,
    MalformedData,
    NotEnrolled,
    SealbookError,
    StorageFailed,
    Suspended,
    Unavailable,
    VerificationFailed,
)
from ledger.verify import VerifiedReceipt
from ledger.wire.client import NotaryClient

FILERS = 8
"""Threads that file receipts away: the disk takes the syncs of many together."""
TURNS = 5
"""Times that a matter's papers go out at once: each time, another computer may be faster."""


class NotItsTurn(Unavailable):
    """A paper before it in its matter waits; it follows that one by itself."""

    code = "not-its-turn"

    def __init__(self) -> None:
        super().__init__(
            "The paper before it in its matter waits, and a matter's papers are entered in order. It "
            "follows that one by itself."
        )


@dataclass(frozen=True, slots=True)
class Delivered:
    """It is in the ledger; `receipt` is where the user finds its receipt."""

    deposit: StoredDeposit
    receipt: Path
    verified: VerifiedReceipt


@dataclass(frozen=True, slots=True)
class PutAside:
    """The notary will never take it, and nothing sends it again.

    `doubt` says why what it was to give way to is not believed.
    """

    deposit: StoredDeposit
    error: SealbookError
    doubt: SealbookError | None = None


@dataclass(frozen=True, slots=True)
class PutOff:
    """It was not taken and waits; `proof` is where a receipt that does not count is kept."""

    deposit: StoredDeposit
    error: SealbookError
    proof: Path | None = None

    @property
    def passing(self) -> bool:
        """Whether the notary only takes it not now: nothing here has to be mended."""
        return isinstance(self.error, Unavailable)


@dataclass(frozen=True, slots=True)
class Renumbered:
    """It has given way to another computer's paper and waits under the next number."""

    deposit: StoredDeposit


@dataclass(frozen=True, slots=True)
class Unsent:
    """It waits: sending has ended before it, for everything."""

    deposit: StoredDeposit
    error: SealbookError

    @property
    def passing(self) -> bool:
        """Whether time alone mends it: the notary is away, or does not know the account yet."""
        return isinstance(self.error, (Unavailable, NotEnrolled))


@dataclass(frozen=True, slots=True)
class Damaged:
    """What the vault holds of it cannot be read, or is not what was confirmed."""

    deposit: StoredDeposit
    error: SealbookError


Outcome = Delivered | PutAside | PutOff | Renumbered | Unsent | Damaged


def send(
    vault: Vault,
    client: NotaryClient,
    spooled: Sequence[StoredDeposit],
    now: Callable[[], float],
    progress: Progress = lambda _: None,
) -> Iterator[Outcome]:
    """Send deposits, deliver and file their receipts; yield what became of each. Call under `sending`.

    A deposit that was renumbered is yielded again once it was sent. Raises OSError; what was not
    yielded by then still waits.
    """
    waiting: list[StoredDeposit] = []
    for each in spooled:
        try:
            each.check()
            receipt = each.receipt
            if receipt is None:
                waiting.append(each)
            else:
                verified = verify_answer(each.encoded, receipt, vault.trust)
                yield Delivered(each, deliver(each), verified)
        except SealbookError as error:
            yield Damaged(each, error)
    vault.sync_filed()
    with (
        ThreadPoolExecutor(FILERS, "file") as pool,
        ThreadPoolExecutor(1, "upload") as ahead,
    ):
        sender = Sender(client, ahead, progress)
        for _ in range(TURNS):
            # A matter's papers go out by number: the notary takes each only after the one before it.
            todo, waiting = sorted(waiting, key=number_of), []
            for at in range(0, len(todo), BATCH):
                if following := todo[at + BATCH : at + 2 * BATCH]:
                    sender.begin(following)
                outcomes, trouble = _batch(vault, client, sender, todo[at : at + BATCH], pool, now)
                yield from outcomes
                waiting += [each.deposit for each in outcomes if isinstance(each, Renumbered)]
                if trouble is not None:
                    done = {each.deposit.name for each in outcomes}
                    left = [each for each in todo[at:] if each.name not in done]
                    yield from _unsent([*left, *waiting], trouble)
                    return
            if not waiting:
                return


def bytes_to_send(spooled: Sequence[StoredDeposit]) -> int:
    """Return the bytes of the age files that are to be sent of these."""
    total = 0
    for each in spooled:
        with contextlib.suppress(MalformedData, StorageFailed):
            if each.waits:
                total += sum(payload.size for _, payload in each.files)
    return total


@dataclass(slots=True)
class _Answered:
    """A deposit whose receipt, once verified, is filed away together with others."""

    deposit: StoredDeposit
    trust: Trust
    receipt: bytes | None = None
    place: Path | None = None

    @property
    def encoded(self) -> bytes:
        return self.deposit.encoded

    @property
    def files(self) -> Iterator[tuple[Path, Payload]]:
        return self.deposit.files

    def accept(self, receipt: bytes) -> None:
        self.receipt = with_own_token(receipt, self.deposit, self.trust)

    def file_away(self) -> None:
        """Keep the receipt, if there is one, durably; then only is the ciphertext given up."""
        if self.receipt is not None:
            self.deposit.accept(self.receipt)
            self.place = deliver(self.deposit)


def _batch(
    vault: Vault,
    client: NotaryClient,
    sender: Sender,
    deposits: Sequence[StoredDeposit],
    pool: ThreadPoolExecutor,
    now: Callable[[], float],
) -> tuple[list[Outcome], SealbookError | OSError | None]:
    """Return what became of deposits that were sent together, and what has ended sending, if it has."""
    batch = [_Answered(each, vault.trust) for each in deposits]
    answers: list[tuple[_Answered, VerifiedReceipt | Rejected | SealbookError]] = []
    trouble: SealbookError | OSError | None = None
    try:
        for pair in confirm(batch, sender, vault.trust, vault):
            answers.append(pair)
    except (SealbookError, OSError) as error:
        trouble = error
    try:
        vault.mark_provisional(
            each.deposit.name
            for each, answer in answers
            if isinstance(answer, VerifiedReceipt) and is_provisional(answer, vault.trust)
        )
    except (
        OSError
    ) as error:  # without its mark a receipt would pass for final: it is asked for again
        trouble, batch = trouble or error, []
    for failed in pool.map(_file_away, [batch[n::FILERS] for n in range(FILERS)]):
        trouble = trouble or failed
    vault.sync_filed([each.deposit for each in batch if each.place is not None])
    lost = [each.deposit for each, answer in answers if _is_taken(each.deposit, answer)]
    again, doubt = frozenset[str](), None
    try:
        if lost:
            again = give_way(vault, client, lost, int(now()))
    except (VerificationFailed, MalformedData) as error:
        doubt = error
    except (SealbookError, OSError) as error:
        trouble = trouble or error
        answers = [pair for pair in answers if pair[0].deposit not in lost]
    outcomes: list[Outcome] = []
    for each, answer in answers:
        deposit = each.deposit
        if deposit.name in again:
            outcomes.append(Renumbered(deposit))
        elif isinstance(answer, Rejected):
            outcomes.append(PutOff(deposit, answer.error, keep_proof(vault, deposit, answer)))
        elif isinstance(answer, SealbookError):
            outcomes.append(_refused(vault, deposit, answer, doubt))
        elif each.place is not None:
            outcomes.append(Delivered(deposit, each.place, answer))
    return outcomes, trouble


def _file_away(answered: Sequence[_Answered]) -> SealbookError | OSError | None:
    """File these away, each whatever becomes of the others; return what went wrong first."""
    trouble: SealbookError | OSError | None = None
    for each in answered:
        try:
            each.file_away()
        except (SealbookError, OSError) as error:
            trouble = trouble or error
    return trouble


def _is_taken(deposit: StoredDeposit, answer: object) -> bool:
    """Whether another paper has this one's number in its matter."""
    return type(answer) is Conflict and deposit.deposit.matter is not None


def _refused(
    vault: Vault, deposit: StoredDeposit, error: SealbookError, doubt: SealbookError | None
) -> PutAside | PutOff:
    """Put a deposit aside that the notary will never take; any other waits."""
    if isinstance(error, Conflict) and _waits_for_another(vault, deposit):
        error = NotItsTurn()
    if is_final(error):
        deposit.put_aside(str(error))
        return PutAside(deposit, error, doubt)
    deposit.put_off(str(error))
    return PutOff(deposit, error)


def _unsent(left: Sequence[StoredDeposit], trouble: SealbookError | OSError) -> Iterator[Unsent]:
    if isinstance(trouble, OSError):
        raise trouble
    for each in left:
        outcome = Unsent(each, trouble)
        said = isinstance(trouble, (Suspended, NotShown)) or not outcome.passing
        if said and each.waits:
            with contextlib.suppress(StorageFailed):
                each.put_off(str(trouble))
        yield outcome


def deliver(deposit: StoredDeposit) -> Path:
    """Put a deposit's receipt where the user looks for it, and file the deposit away.

    Where it is to stay there, or that folder cannot be written, the receipt stays in the vault.
    Returns where it is; durable after `Vault.sync_filed`.
    """
    path, place = Path(deposit.meta.path), None
    if not deposit.meta.keep:
        receipt = deposit.receipt
        assert receipt is not None
        folder = Path(deposit.meta.deliver) if deposit.meta.deliver else path.parent
        with contextlib.suppress(StorageFailed):
            place = write_numbered(folder, path.name, ".receipt", receipt)
    deposit.file_away(place)
    return place or deposit.folder / "receipt"


def keep_proof(vault: Vault, deposit: StoredDeposit, rejected: Rejected) -> Path:
    """Keep a receipt that does not count, or the checkpoint of a fork, as proof; return where."""
    place = deposit.keep_rejected(rejected.receipt)
    if isinstance(rejected.error, LedgerForked):
        note = parse_receipt(rejected.receipt).note
        place = vault.keep_fork(note, parse_checkpoint(parse_note(note).text))
    return place


def _waits_for_another(vault: Vault, deposit: StoredDeposit) -> bool:
    """Whether the paper before it in its matter is still to be sent."""
    matter = deposit.deposit.matter
    if matter is None or matter.previous is None:
        return False
    for each in vault.spooled():
        with contextlib.suppress(MalformedData, StorageFailed):
            if each.waits and each.statement.leaf_hash == matter.previous:
                return True
    return False
