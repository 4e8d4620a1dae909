"""What the office can order of a notary, and what it is answered: a type for each, and as bytes.

An order may pass through `office.sqlite` to the process that serves; both sides read it strictly.
"""

from dataclasses import dataclass, fields, is_dataclass
from types import UnionType
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin, get_type_hints

from ledger.chain.office import Inspection, Issued, Platform, Recovery, Withdrawn
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import InvalidInput
from ledger.notary.sequencing.accounts import Standing
from ledger.quoted import Message, quoted

A = TypeVar("A")

MAX_ANSWER_ITEMS = 1 << 24
"""CBOR items of an answer, which the notary itself has made: the accounts of a province."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The entry that an order has made."""

    index: int


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An account as it stands; `new` is False when the key was enrolled before."""

    new: bool
    standing: Standing


@dataclass(frozen=True, slots=True)
class Erased:
    """How many identity records there were, and the entry of the notice."""

    records: int
    notice: int


@dataclass(frozen=True, slots=True)
class Discarded:
    """The entry of the notice, and how many files were deleted."""

    notice: int
    files: int


@dataclass(frozen=True, slots=True)
class Retired:
    """Deposits that lose ciphertext because its time is over; files, bytes and notices of it.

    `held` counts accounts that were left alone: they are under a legal hold. `until` is the POSIX
    second at which deposits are so old.
    """

    deposits: int = 0
    files: int = 0
    bytes: int = 0
    notices: int = 0
    held: int = 0
    until: int = 0


@dataclass(frozen=True, slots=True)
class RetiredPart:
    """What was deleted of it now; None when nothing was left."""

    part: Retired | None


@dataclass(frozen=True, slots=True)
class Tidied:
    """Files and bytes of ciphertext that no deposit names.

    `held` counts accounts that were left alone: they are under a legal hold.
    """

    files: int = 0
    bytes: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class GivenReceipt:
    """A deposit's place, its statement and its receipt."""

    index: int
    statement: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True)
class GivenReceipts:
    """Receipts of an account's deposits, in the ledger's order; none where there are no more."""

    receipts: tuple[GivenReceipt, ...]


@dataclass(frozen=True, slots=True)
class AllAccounts:
    """Every account, in the order of first enrolment."""

    accounts: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class ClockAccepted:
    """The entry of the notice about the clock, where one was due."""

    notice: int | None


@dataclass(frozen=True, slots=True)
class BackedUp:
    """The number of entries in the copy."""

    size: int


@dataclass(frozen=True, slots=True)
class State:
    """How far the ledger is. `detail` is what the office has to do before anything is signed.

    `anchors` says in words how it stands with anchors, witnesses and authorities; `anchors_until` is
    the POSIX second to which all stamped anchors stand, None without any. `keys` says in words what
    is signed with, `waiting` what is still to be entered, `desk` what somebody has to do about it.
    """

    origin: str
    size: int
    height: int
    root: bytes
    checkpoint: str
    accounts: int
    health: str
    detail: str | None
    seal_expires: int
    anchors: tuple[str, ...] = ()
    anchors_until: int | None = None
    keys: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    desk: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order was not carried out, as an error's code and sentence."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class KeysChanged:
    """The fingerprint of the trust file that counts from now on, and the entries that say why."""

    fingerprint: str
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SealAsked:
    """The certificate request of the seal's new key, PEM."""

    request: bytes


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry, its place, and its tlog-proof under the newest checkpoint."""

    index: int
    statement: bytes
    proof: str


@dataclass(frozen=True, slots=True)
class Inspected:
    """Entries about inspections, each with its proof."""

    entries: tuple[Proven, ...]


@dataclass(frozen=True, slots=True)
class Reserved:
    """The first of the numbers that were reserved."""

    first: int


@dataclass(frozen=True, slots=True)
class AllEntered:
    """The entries that an order has made, one for each thing it named."""

    indices: tuple[int, ...]


class Order(Generic[A]):
    """A command of the office that is answered with an A. `answer` is that type again."""

    answer: ClassVar[type[Any]] = Entered


@dataclass(frozen=True, slots=True)
class Enroll(Order[Enrolled]):
    """Open an account; `staged` names the identity record, which passes through no database."""

    request: bytes
    staged: str = ""
    answer: ClassVar[type[Any]] = Enrolled


@dataclass(frozen=True, slots=True)
class Join(Order[Enrolled]):
    """Add a key to an account, by an endorsed request."""

    request: bytes
    answer: ClassVar[type[Any]] = Enrolled


@dataclass(frozen=True, slots=True)
class Revoke(Order[Entered]):
    """Revoke the key with this thumbprint."""

    key: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Erase(Order[Erased]):
    """Erase an account's identity records, and say so. `by` and `role`: who orders it."""

    account: str
    reason: str
    by: str
    role: str
    answer: ClassVar[type[Any]] = Erased


@dataclass(frozen=True, slots=True)
class Discard(Order[Discarded]):
    """Delete the ciphertext of an account's deposits, and say so. `by` and `role`: who orders it."""

    account: str
    entries: tuple[int, ...]
    reason: str
    by: str
    role: str
    answer: ClassVar[type[Any]] = Discarded


@dataclass(frozen=True, slots=True)
class AskRetired(Order[Retired]):
    """Tell whose ciphertext's time is over."""

    answer: ClassVar[type[Any]] = Retired


@dataclass(frozen=True, slots=True)
class Retire(Order[RetiredPart]):
    """Delete a part of the ciphertext whose time is over at a POSIX second, and say so.

    `until` is what `AskRetired` has given, and a person has seen: the clock is taken for right.
    """

    until: int
    answer: ClassVar[type[Any]] = RetiredPart


@dataclass(frozen=True, slots=True)
class AskTidied(Order[Tidied]):
    """Tell what ciphertext has lain for so many seconds, and no deposit names."""

    older_than: int
    answer: ClassVar[type[Any]] = Tidied


@dataclass(frozen=True, slots=True)
class Tidy(Order[Tidied]):
    """Delete that."""

    older_than: int
    answer: ClassVar[type[Any]] = Tidied


@dataclass(frozen=True, slots=True)
class AskReceipts(Order[GivenReceipts]):
    """Give the receipts of at most `limit` of an account's deposits, from behind an entry on."""

    account: str
    after: int
    limit: int
    answer: ClassVar[type[Any]] = GivenReceipts


@dataclass(frozen=True, slots=True)
class ListAccounts(Order[AllAccounts]):
    """Tell how all accounts stand."""

    answer: ClassVar[type[Any]] = AllAccounts


@dataclass(frozen=True, slots=True)
class AskAccount(Order[Standing]):
    """Tell how an account stands."""

    account: str
    answer: ClassVar[type[Any]] = Standing


@dataclass(frozen=True, slots=True)
class SayNotice(Order[Entered]):
    """Put a notice on public record."""

    text: str


@dataclass(frozen=True, slots=True)
class StatePlatform(Order[Entered]):
    """Put on record what the platform is from now on."""

    platform: Platform


@dataclass(frozen=True, slots=True)
class StateRecovery(Order[Entered]):
    """Put on record from where the ledger went on."""

    recovery: Recovery


@dataclass(frozen=True, slots=True)
class AcceptClock(Order[ClockAccepted]):
    """Go on with the clock as it is."""

    answer: ClassVar[type[Any]] = ClockAccepted


@dataclass(frozen=True, slots=True)
class Seen:
    """A directory as one process sees it: another may have something else under that name."""

    path: str
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Backup(Order[BackedUp]):
    """Copy the notary to a directory. It may take hours, and can be stopped.

    `above` is the lowest directory on the way there that is to be had already, as whoever orders the
    backup sees it.
    """

    destination: str
    above: Seen | None = None
    answer: ClassVar[type[Any]] = BackedUp


@dataclass(frozen=True, slots=True)
class AskState(Order[State]):
    """Tell how far the ledger is."""

    answer: ClassVar[type[Any]] = State


@dataclass(frozen=True, slots=True)
class RotateLog(Order[KeysChanged]):
    """Give the log a new pair of keys, and sign with both."""

    answer: ClassVar[type[Any]] = KeysChanged


@dataclass(frozen=True, slots=True)
class RetireLog(Order[KeysChanged]):
    """Let the log's old pair sign no more."""

    answer: ClassVar[type[Any]] = KeysChanged


@dataclass(frozen=True, slots=True)
class RevokeLog(Order[KeysChanged]):
    """Let the log's pair sign no more; its signatures count from before `since` (POSIX) alone."""

    reason: str
    since: int
    answer: ClassVar[type[Any]] = KeysChanged


@dataclass(frozen=True, slots=True)
class AskSeal(Order[SealAsked]):
    """Make a new key for the seal."""

    answer: ClassVar[type[Any]] = SealAsked


@dataclass(frozen=True, slots=True)
class InstallSeal(Order[KeysChanged]):
    """Seal with the new key, under these certificates (PEM); with a reason the old one is revoked."""

    chain: bytes
    reason: str | None = None
    since: int | None = None
    answer: ClassVar[type[Any]] = KeysChanged


@dataclass(frozen=True, slots=True)
class Inspect(Order[Inspected]):
    """Put on record that an officer has seen these deposits: all of them, or none."""

    deposits: tuple[Inspection, ...]
    answer: ClassVar[type[Any]] = Inspected


@dataclass(frozen=True, slots=True)
class AskInspections(Order[Inspected]):
    """Prove every inspection of the deposits with these leaf hashes."""

    leaves: tuple[bytes, ...]
    answer: ClassVar[type[Any]] = Inspected


@dataclass(frozen=True, slots=True)
class ReserveCertificates(Order[Reserved]):
    """Reserve that many numbers for certificates."""

    count: int
    answer: ClassVar[type[Any]] = Reserved


@dataclass(frozen=True, slots=True)
class EnterCertificates(Order[AllEntered]):
    """Enter certificates, together."""

    issued: tuple[Issued, ...]
    answer: ClassVar[type[Any]] = AllEntered


@dataclass(frozen=True, slots=True)
class WithdrawCertificate(Order[Entered]):
    """Put on record that a certificate is withdrawn."""

    withdrawn: Withdrawn


BACKUP = "backup"
RECOVERY = "recovery"
_KINDS: dict[str, type[Order[Any]]] = {
    "enroll": Enroll,
    "join": Join,
    "revoke": Revoke,
    "erase": Erase,
    "discard": Discard,
    "ask-retired": AskRetired,
    "retire": Retire,
    "ask-tidied": AskTidied,
    "tidy": Tidy,
    "ask-receipts": AskReceipts,
    "accounts": ListAccounts,
    "ask-account": AskAccount,
    "notice": SayNotice,
    "platform": StatePlatform,
    RECOVERY: StateRecovery,
    "accept-clock": AcceptClock,
    "rotate-log": RotateLog,
    "retire-log": RetireLog,
    "revoke-log": RevokeLog,
    "ask-seal": AskSeal,
    "install-seal": InstallSeal,
    "inspect": Inspect,
    "ask-inspections": AskInspections,
    "reserve-certificates": ReserveCertificates,
    "enter-certificates": EnterCertificates,
    "withdraw": WithdrawCertificate,
    BACKUP: Backup,
    "status": AskState,
}
_NAMES = {order: name for name, order in _KINDS.items()}
LONG = frozenset(_NAMES[each] for each in (Discard, AskRetired, Retire, AskTidied, Tidy))
"""Orders that look through all deposits of an account: others have their turn meanwhile."""
READS = (
    ListAccounts, AskAccount, AskState, AskInspections, AskReceipts, AskRetired, AskTidied, Backup,
)  # fmt: skip
"""Orders that enter nothing and sign nothing: for them a ledger is opened to be read."""


def recovery_words(recovery: Recovery) -> Message:
    """Say that a recovery waits to be stated."""
    return (
        f"This copy goes on from {recovery.size} entries, and that is still to be stated: "
        "`sealbook notary serve` does so, or the first command that enters something. Where another "
        "copy of this ledger goes on, as when a restore is tried out, give neither here: that would "
        "fork the ledger."
    )


def format_order(order: Order[Any]) -> tuple[str, bytes]:
    """Return an order's name and its argument."""
    return _NAMES[type(order)], cbor_encode(_plain(order))


def parse_order(name: str, argument: bytes) -> Order[Any]:
    """Return an order. Raises InvalidInput for an unknown name or an argument that is not its own."""
    kind = _KINDS.get(name)
    if kind is None:
        raise InvalidInput(f"There is no command {quoted(name)}.")
    order: Order[Any] = _typed(kind, cbor_decode(argument))
    return order


def format_answer(answer: object) -> bytes:
    """Return an answer, or a refusal, as bytes."""
    return cbor_encode(_plain(answer))


def parse_answer(order: Order[A], data: bytes) -> A:
    """Return the answer to an order. Raises InvalidInput."""
    answer: A = _typed(order.answer, cbor_decode(data, MAX_ANSWER_ITEMS))
    return answer


def parse_refusal(data: bytes) -> Refusal:
    """Return the refusal of an order. Raises InvalidInput."""
    refusal: Refusal = _typed(Refusal, cbor_decode(data))
    return refusal


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _typed(kind: Any, value: Any) -> Any:
    """Return a value that `_plain` has taken apart. Raises InvalidInput when it is of another kind."""
    if isinstance(value, dict) and is_dataclass(kind):
        make: Any = kind
        hints, names = get_type_hints(kind), {each.name for each in fields(kind)}
        if value.keys() == names:
            return make(**{name: _typed(hints[name], value[name]) for name in names})
    elif get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_typed(get_args(kind)[0], each) for each in value)
    elif get_origin(kind) is UnionType:
        (one,) = (each for each in get_args(kind) if each is not type(None))
        return None if value is None else _typed(one, value)
    elif type(value) is kind:
        return value
    raise InvalidInput("The command lacks something, or it is not what it should be.")
