"""What the use cases ask of storage: small protocols, owned by those who call them.

Every method that writes returns only once the bytes are durable, and raises StorageFailed when they
are not. Nothing here names a database or a folder; `ledger.notary.storage` does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ledger.chain.note import COSIGNATURE_ML_DSA_44, ED25519, VerifierKey
from ledger.chain.receipt import TokenEntry
from ledger.chain.replay import AccountKey, CertificatePlace
from ledger.chain.seal import Seal
from ledger.chain.statement import Payload, Statement
from ledger.chain.tiles import Tile
from ledger.crypto.keys import Ed25519Signer, MlDsaKey, P256Signer
from ledger.crypto.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the ledger. `account` is set for deposits and enrolments."""

    index: int
    kind: str
    account: str | None
    statement: bytes

    @property
    def leaf_hash(self) -> bytes:
        """The Merkle leaf hash, 32 bytes."""
        return leaf_hash(self.statement)


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """The checkpoint that closes block `height`: its signed note, and the seal over the same root."""

    height: int
    size: int
    root: bytes
    note: str
    seal: Seal


SIGNED_IN_A_FILE = 1024
"""Signed checkpoints in one file of copies: about 5 MB."""


class LedgerStore(Protocol):
    """The entries and what follows from them: keys, matters."""

    def size(self) -> int:
        """Return the number of entries."""
        ...

    def append(self, start: int, statements: Sequence[Statement]) -> None:
        """Add entries `start`, `start` + 1, ... and what follows from them, all or none.

        Raises LedgerFault when `start` is not the number of entries.
        """
        ...

    def read(self, start: int, end: int) -> list[Entry]:
        """Return the entries start .. end - 1, as many as there are."""
        ...

    def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """Return the leaf hashes of entries start .. end - 1, as many as there are."""
        ...

    def find(self, leaves: Sequence[bytes]) -> dict[bytes, int]:
        """Return the index of each leaf hash that is in the ledger."""
        ...

    def office(self, kind: str, after: int = -1) -> list[Entry]:
        """Return the entries of a kind of the office's own (no blocks) with an index above `after`."""
        ...

    def newest(self, kind: str) -> Entry | None:
        """Return the newest entry of a kind of the office's own (no blocks)."""
        ...

    def key(self, key_id: bytes) -> AccountKey | None:
        """Return the key with this thumbprint."""
        ...

    def matter_tip(self, account: str, matter: bytes) -> tuple[int, bytes] | None:
        """Return the last (number, leaf hash) entered in a matter."""
        ...

    def certificate(self, number: int) -> CertificatePlace | None:
        """Return the entries about the certificate of this number."""
        ...

    def require_held(self) -> None:
        """Raise NotSigning when the store was removed or replaced since it was opened."""
        ...


class SignedCheckpoints(Protocol):
    """Every checkpoint that was ever signed, in a store of its own."""

    def last(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint."""
        ...

    def swap(self, last: SignedCheckpoint | None, new: SignedCheckpoint) -> None:
        """Add `new` if `last` is still the newest. Raises LedgerFault otherwise."""
        ...

    def at_height(self, height: int) -> SignedCheckpoint | None:
        """Return the checkpoint that closes a block."""
        ...

    def at_size(self, size: int) -> SignedCheckpoint | None:
        """Return the checkpoint over this number of entries."""
        ...

    def covering(self, index: int) -> SignedCheckpoint | None:
        """Return the first checkpoint of more than `index` entries: it closes the entry's block."""
        ...

    def all(self, after: int = -1, limit: int = 1000) -> list[SignedCheckpoint]:
        """Return the checkpoints above a block height, at most `limit`, in order."""
        ...

    def require_held(self) -> None:
        """Raise NotSigning when the store was removed or replaced since it was opened."""
        ...


@dataclass(frozen=True, slots=True)
class Anchor:
    """The checkpoint that closes block `height`: the log's lines, then those of witnesses."""

    height: int
    size: int
    note: str
    tokens: tuple[TokenEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """A token over the anchor of block `height`, with its renewals.

    `digest` is what block records name it by, of the first token. Of the last one are `until`, the
    POSIX second to which it stands, and `signer`, the SHA-256 of its signer's certificate.
    """

    height: int
    digest: bytes
    entry: TokenEntry
    until: int
    signer: bytes


class Anchors(Protocol):
    """The anchors, in a store of their own that may be lost."""

    def covering(self, index: int) -> Anchor | None:
        """Return the first stamped anchor of more than `index` entries; without one, the first."""
        ...

    def stamped(self, digest: bytes) -> tuple[Anchor, TokenEntry] | None:
        """Return the token with this SHA-256, and the anchor that it stamps."""
        ...


class SignedCopies(Protocol):
    """Every signed checkpoint once more, as files: never behind `SignedCheckpoints`."""

    def append(self, checkpoint: SignedCheckpoint) -> None:
        """Add the next checkpoint, before it is swapped into the store."""
        ...

    def write(self, number: int, checkpoints: Sequence[SignedCheckpoint]) -> None:
        """Put a whole file of copies in place of whatever is there."""
        ...

    def read(self, number: int) -> tuple[list[SignedCheckpoint], bool]:
        """Return the checkpoints of a file, as far as they can be read, and whether that is all."""
        ...

    def holds(self, number: int, checkpoints: Sequence[SignedCheckpoint]) -> bool:
        """Return whether a file holds these and nothing else, as far as a crash could have left it."""
        ...

    def numbers(self) -> list[int]:
        """Return the numbers of the files that there are, in order."""
        ...

    def all(self) -> Iterator[SignedCheckpoint]:
        """Yield the checkpoints in order, up to the first that is missing or cannot be read."""
        ...

    def last(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint that can be read, None when there is none."""
        ...


class LogFiles(Protocol):
    """The log as static files: entry bundles, hash tiles, the checkpoint (C2SP tlog-tiles)."""

    @property
    def signed(self) -> SignedCopies:
        """The copies of the signed checkpoints."""
        ...

    def write_entries(self, start: int, entries: Sequence[bytes]) -> None:
        """Make the bundles that hold the entries from `start` on durable.

        `start` is at most the number of entries written before. What is there of the bundle in which
        `start` lies is kept up to `start`; whatever stood behind is replaced.
        """
        ...

    def trim(self, size: int, head: Sequence[bytes], *, cut: bool = True) -> None:
        """Take away what lies behind the first `size` entries: a commit that was cut short.

        `head` is the last partial bundle, size % 256 entries; it is put in place where it is missing.
        Without `cut` nothing is taken away: another process may have gone on.
        """
        ...

    def read_tile(self, level: int, index: int) -> bytes | None:
        """Return a full tile, 256 hashes of 32 bytes; None when there is none."""
        ...

    def write_tiles(self, tiles: Iterable[tuple[Tile, bytes]]) -> None:
        """Publish full tiles and remove the partial ones that they supersede."""
        ...

    def publish(self, tiles: Iterable[tuple[Tile, bytes]], size: int, note: str) -> None:
        """Publish the partial tiles of a tree of `size` entries, then its signed note."""
        ...

    def published(self) -> str | None:
        """Return the signed note that stands published."""
        ...


@dataclass(frozen=True, slots=True)
class Left:
    """Statements that a process has left for the one that writes, to be entered together.

    `own` are the notary's own; else it is one deposit, admitted. `number` and
    `process` are those of the row, once there is one.
    """

    token: bytes
    statements: tuple[bytes, ...]
    own: bool
    number: int = 0
    process: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of something left: the index of its first entry, or the refusal's code and words."""

    index: int | None
    code: str | None
    detail: str | None


class Queue(Protocol):
    """What processes of one ledger leave for the one that writes."""

    def leave(self, items: Sequence[Left]) -> None:
        """Add rows."""
        ...

    def waiting(self, after: int) -> list[Left]:
        """Return the rows behind number `after` that were not answered, some of them, in order."""
        ...

    def answer(self, outcomes: Sequence[tuple[Left, Outcome]]) -> None:
        """Say what became of rows."""
        ...

    def outcomes(self) -> dict[bytes, Outcome]:
        """Take what became of this process's rows, by their tokens."""
        ...

    def forget(self) -> None:
        """Take away answers that nobody has come for."""
        ...

    def wait(self, seconds: float) -> None:
        """Return when something was left or answered, at the latest after this time."""
        ...

    def close(self) -> None:
        """Stop waiting."""
        ...


class Right(Protocol):
    """The right to sign for a ledger."""

    def require(self) -> None:
        """Raise NotSigning or Unavailable unless the right is ours at this moment."""
        ...


class Lead(Right, Protocol):
    """The right to write to a ledger that several processes share: one of them has it."""

    @property
    def held(self) -> int:
        """How often the right was got, where it was had when last asked for; else 0."""
        ...

    def take(self) -> bool:
        """Return whether the right is ours, by now or before. Raises StorageFailed."""
        ...

    def check(self) -> bool:
        """Return whether the right is still ours."""
        ...

    def release(self) -> None:
        """Let go of the right, where it is ours; it can be taken again."""
        ...

    def watch(self, hangs: Callable[[], bool]) -> None:
        """Let go of the right from now on where it hangs who writes here, as this says."""
        ...


class HighWater(Protocol):
    """How far the ledger has been signed, kept elsewhere. Raises NotSigning where it cannot be read."""

    def require_held(self) -> None:
        """Raise NotSigning where the mark was not there a moment ago."""
        ...

    def note(self) -> str:
        """Return the note up to which was signed."""
        ...

    def raise_note(self, note: str) -> None:
        """Let the mark be at a note."""
        ...

    def number(self) -> int:
        """Return the highest number of a certificate that was reserved."""
        ...

    def raise_number(self, number: int) -> None:
        """Let the mark be at a number."""
        ...


class Records(Protocol):
    """Identity records, each under the digest that its enrolment entry holds. Erasable."""

    def read(self, digest: bytes) -> bytes | None:
        """Return a record, None once it was erased."""
        ...

    def write(self, digest: bytes, record: bytes) -> None:
        """Keep a record."""
        ...

    def erase(self, digest: bytes) -> bool:
        """Remove a record; whether there was one."""
        ...

    def names(self) -> list[str]:
        """Return the digests, in hex, of the records that there are; what is staged is named so."""
        ...

    def stage(self, record: bytes) -> str:
        """Put a record down for another process; return the token that fetches it."""
        ...

    def fetch(self, token: str) -> bytes:
        """Return a staged record. Raises NotFound."""
        ...

    def unstage(self, token: str) -> None:
        """Remove a staged record."""
        ...


class Envelopes(Protocol):
    """The ciphertext that depositors have uploaded."""

    def holds(self, account: str, payload: Payload) -> bool:
        """Return whether an age file with this payload is durable here, header and all."""
        ...


class Terms(Protocol):
    """What the office grants an account."""

    def require_open(self, account: str) -> None:
        """Raise Suspended while nothing is taken from an account."""
        ...

    def require_statement(self, account: str) -> None:
        """Count a statement. Raises Suspended, OverLimit above what the account may enter a minute."""
        ...


class Hold(Protocol):
    """Room on the disk that somebody has asked for."""

    def release(self) -> None:
        """Give it back: it is written, or is not going to be. Doing so again changes nothing."""
        ...


class Room(Protocol):
    """The room that is left on the disk: whoever makes it grow for a depositor asks first."""

    def hold(self, account: str | None, size: int) -> Hold:
        """Take room for `size` bytes. Raises NoRoom, Unavailable when nothing can be written."""
        ...

    def require_writable(self) -> None:
        """Raise Unavailable when nothing can be written."""
        ...


class Step(StrEnum):
    """Every step that changes what a restart finds, in one place; each is tested with a crash on
    both of its sides."""

    RECORD = "record"
    BUNDLES = "bundles"
    ENTRIES = "entries"
    COPY = "copy"
    CHECKPOINT = "checkpoint"
    HIGH_WATER = "high-water"
    TILES = "tiles"
    ANCHOR = "anchor"
    ANCHOR_STORED = "anchor-stored"
    STAMP = "stamp"
    RENEWAL = "renewal"
    VALIDATION = "validation"
    ORDER = "order"
    KEYS = "keys"
    INIT_FILES = "init-files"
    BACKUP_FILES = "backup-files"
    BACKUP_ENTRIES = "backup-entries"
    BACKUP_CHECKPOINTS = "backup-checkpoints"
    BACKUP_SETTINGS = "backup-settings"
    RESTORE_FILES = "restore-files"
    REBUILD_LOG = "rebuild-log"
    REBUILD_DATABASE = "rebuild-database"
    REBUILD_CHECKPOINTS = "rebuild-checkpoints"
    PLACE = "place"
    MOVE = "move"


DURABLE_STEPS = tuple(Step)

Hook = Callable[[Step, str], None]
"""Called with a step and "before" or "after"."""


def no_hook(step: Step, side: str) -> None:
    """Do nothing: the hook outside of tests."""


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """A PKCS#11 token: the module's path, the token's label, a file (mode 0600) with its PIN."""

    module: str
    label: str
    pin_file: str


def no_check() -> None:
    """Do nothing: what is there is held, as keys in files are since they were read."""


LogKeys = tuple[Ed25519Signer, MlDsaKey]
"""The pair that signs a checkpoint."""


@dataclass(frozen=True, slots=True)
class NotaryKeys:
    """What the notary signs with. `chain` is the seal's certificate and those above it, in DER.

    `log` signs the notary's statements, and with `ml_dsa` its checkpoints; where the two are to be
    replaced, `successor` signs these too. `require_held` raises NotSigning while a key token does not
    answer.
    """

    origin: str
    log: Ed25519Signer
    ml_dsa: MlDsaKey
    seal: P256Signer
    chain: tuple[bytes, ...]
    require_held: Callable[[], None] = no_check
    successor: LogKeys | None = None

    @property
    def certificate(self) -> bytes:
        """The certificate of the seal's key, in DER."""
        return self.chain[0]

    @property
    def verifiers(self) -> tuple[VerifierKey, VerifierKey]:
        """The keys of the first two lines that every checkpoint carries."""
        return verifiers(self.origin, (self.log, self.ml_dsa))

    @property
    def newest(self) -> LogKeys:
        """The log's keys that will go on signing."""
        return self.successor or (self.log, self.ml_dsa)


def verifiers(origin: str, keys: LogKeys) -> tuple[VerifierKey, VerifierKey]:
    """Return the public halves of a pair of log keys."""
    return (
        VerifierKey(origin, ED25519, keys[0].public),
        VerifierKey(origin, COSIGNATURE_ML_DSA_44, keys[1].public),
    )
