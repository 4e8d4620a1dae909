"""Real notaries in temporary directories, and companies that deposit with them."""

import contextlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger.chain.enrolment import IdentityRecord, format_request, verify_enrolment_request
from ledger.chain.office import Platform
from ledger.chain.statement import (
    Deposit,
    Matter,
    Payload,
    format_deposit,
    parse_deposit,
    parse_statement,
)
from ledger.chain.trust import parse_trust
from ledger.crypto.keys import SigningKey
from ledger.errors import LedgerFault, SealbookError
from ledger.notary import clock as clocks
from ledger.notary.care.founding import init_notary
from ledger.notary.care.fsck import Finding, fsck
from ledger.notary.notary import Notary, open_notary
from ledger.notary.ports import Hook, no_hook
from ledger.notary.storage.directory import read_settings
from ledger.notary.storage.stores import open_books
from ledger.recognised import retold
from ledger.verify import VerifiedReceipt, verify_receipt

ORIGIN = "notary.example/ledger"
NOW = 1_795_000_000
PLATFORM = Platform("Notary Office", "ICP 1", "two machines", "sealbook 0.1", ("RFC 9162",))


class EveryEnvelope:
    """Holds whatever it is asked for: uploads are tested elsewhere."""

    def __init__(self) -> None:
        self.missing: set[bytes] = set()

    def holds(self, account: str, payload: Payload) -> bool:
        return payload.root not in self.missing


@dataclass
class Clock:
    """A clock that stands still until it is told how much time has passed.

    `wrong` is by how many seconds the wall clock was set since the start.
    """

    now: float = NOW
    wrong: float = 0.0

    def wall(self) -> float:
        return self.now + self.wrong

    def monotonic(self) -> float:
        return self.now


def found(
    directory: Path,
    *,
    hook: Hook = no_hook,
    database: str | None = None,
    objects: str | None = None,
) -> Path:
    """Found a notary; return its directory."""
    init_notary(
        directory,
        ORIGIN,
        issuer="Notary Office",
        platform=PLATFORM,
        database=database,
        objects=objects,
        clock=Clock(),
        random=os.urandom,
        hook=hook,
    )
    return directory


def opened(
    directory: Path,
    *,
    clock: clocks.Clock | None = None,
    window: float = 0.005,
    batch: int = 256,
    hook: Hook = no_hook,
    envelopes: EveryEnvelope | None = None,
    serve: bool = False,
    workers: int = 0,
) -> Notary:
    """Open a notary that believes every upload to have come."""
    notary = open_notary(
        directory,
        clock=clock or Clock(),
        window=window,
        batch=batch,
        hook=hook,
        serve=serve,
        workers=workers,
    )
    notary.envelopes = envelopes or EveryEnvelope()  # type: ignore[assignment]
    notary.sequencer._admission._envelopes = notary.envelopes
    return notary


@dataclass
class Company:
    """A depositor with one device and a recovery sheet."""

    key: SigningKey = field(default_factory=lambda: SigningKey(os.urandom(32)))
    recovery: SigningKey = field(default_factory=lambda: SigningKey(os.urandom(32)))
    account: str = ""
    request: bytes = b""
    roots: tuple[bytes, bytes] = field(default_factory=lambda: (os.urandom(32), os.urandom(32)))
    """Of the age files that every deposit names."""

    def enrol(self, notary: Notary) -> "Company":
        self.ask()
        record = IdentityRecord(os.urandom(32), "ACME 有限公司", "91310000", "clerk", NOW)
        self.account = notary.accounts.enrol(verify_enrolment_request(self.request), record).account
        return self

    def ask(self) -> bytes:
        self.request = format_request(
            self.key, origin=ORIGIN, nonce=os.urandom(32), issued_at=NOW, recovery=self.recovery
        )
        self.account = verify_enrolment_request(self.request).account_id
        return self.request

    def statement(
        self,
        *,
        time: int = NOW,
        origin: str = ORIGIN,
        matter: Matter | None = None,
        key: SigningKey | None = None,
        account: str | None = None,
        commitment: bytes | None = None,
        fixed: bool = False,
    ) -> bytes:
        """A deposit; with `fixed`, the same bytes for the same arguments."""
        roots = (bytes(32), bytes([1]) * 32) if fixed else self.roots
        deposit = Deposit(
            origin,
            commitment or os.urandom(32),
            Payload(70_000, roots[0]),
            Payload(4_096, roots[1]),
            matter,
        )
        return format_deposit(deposit, account or self.account, key or self.key, time)

    def statements(self, count: int) -> list[bytes]:
        return [self.statement() for _ in range(count)]


def deposit(notary: Notary, statements: Sequence[bytes]) -> list[bytes]:
    """Deposit and wait for the receipts."""
    return [each.result(30) for each in notary.sequencer.submit_many(statements)]


def examined(directory: Path) -> tuple[Finding, ...]:
    """Run `fsck` with stand-ins, as large, for the age files that `EveryEnvelope` answered for."""
    settings = read_settings(directory)
    with contextlib.suppress(LedgerFault), open_books(directory, settings) as (store, _):
        for entry in store.read(0, store.size()):
            with contextlib.suppress(SealbookError):
                statement = parse_statement(entry.statement)
                made = parse_deposit(statement)
                folder = directory / "objects" / statement.issuer
                for payload in (made.content, made.manifest):
                    if payload is not None:
                        stand_in(folder / f"{payload.root.hex()}.header", 200)
                        stand_in(folder / f"{payload.root.hex()}.payload", payload.size)
    found = fsck(directory)
    assert [each for each in found if _is_english(each.problem)] == []
    return found


def _is_english(sentence: str) -> bool:
    """Whether a sentence is left in English where the language is Chinese."""
    told, _ = retold(sentence, "zh")
    return re.search("(?:[A-Za-z]+ ){3}", re.sub("`[^`]*`", "", told)) is not None


def stand_in(path: Path, size: int) -> None:
    """Make a file of this size, all zeros, where there is none."""
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.truncate(path, size)


def descriptors() -> int:
    """How many files, sockets and pipes this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def check(notary: Notary, receipt: bytes) -> VerifiedReceipt:
    """Verify a receipt with the notary's trust file."""
    return verify_receipt(receipt, parse_trust(notary.trust))
