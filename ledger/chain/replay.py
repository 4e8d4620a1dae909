"""What may follow what in a ledger: the rules of its order, for whoever writes, keeps or audits it.

    block     its record stands first and nowhere else, says its height and span, names the note that
              closed the block before and the newest platform statement below it; its time is not below
              that of the block before; genesis is alone
    entry     made for this ledger
    deposit   by a device key that was enrolled for its account and not revoked before; in a matter it
              is number n + 1 and names number n
    enrolment of a key that no entry has enrolled before, for any account; where it names who endorsed
              it, that is a recovery key of the same account, not revoked before
    key       revokes a key that was enrolled, once; or is about a key of the notary
    inspection of a deposit that stands before it
    certificate  has a number that none before it had, for an earlier entry; or withdraws one, once

A `Replay` is fed entry by entry, and knows what came before from its `Past`: nothing for who reads
from the start, a database for who goes on. It verifies no signature; `depositor` says whose a deposit
must carry, all others carry the log key's. That no entry stands twice an index over leaf hashes sees;
that an inspection is about the deposit that it names, `require_inspected`.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple, Protocol

from ledger.chain import statement as st
from ledger.chain.block import GENESIS_PREVIOUS, Block, note_digest, parse_block
from ledger.chain.enrolment import DEVICE, RECOVERY_SHEET, parse_enrolment
from ledger.chain.office import (
    Inspection,
    Issued,
    Revocation,
    check_office_statement,
    parse_certificate,
    parse_inspection,
    parse_key,
)
from ledger.chain.statement import Matter, Statement, parse_deposit, parse_statement
from ledger.crypto.keys import thumbprint_ed25519
from ledger.errors import VerificationFailed


class Rule(StrEnum):
    """The rules, each in the words that say how an entry broke it."""

    RECORD_FIRST = "a block record stands in the wrong place"
    SPAN = "the block record does not describe its block"
    GENESIS = "genesis is not alone in its block"
    PREVIOUS = "the block record does not continue the block before"
    TIME = "the block's time is below that of the block before"
    PLATFORM = "the block names another platform statement"
    ORIGIN = "it was made for another ledger"
    ENROLLED = "its key was not enrolled"
    ACCOUNT = "its key was not enrolled for its account"
    REVOKED = "its key was revoked before"
    DEVICE = "its key is a recovery key, which never deposits"
    MATTER = "it does not follow the one before in its matter"
    ENROLLED_ONCE = "its key was enrolled before"
    ENDORSED = "no recovery key of its account has endorsed it"
    ENDORSER_REVOKED = "the key that endorsed it was revoked before"
    REVOKES_ENROLLED = "it revokes a key that was not enrolled"
    REVOKED_ONCE = "it revokes a key that was revoked before"
    INSPECTED = "it is about a deposit that does not stand before it"
    CERTIFICATE_ONCE = "its number was given to a certificate before"
    CERTIFIES_EARLIER = "it certifies an entry that does not stand before it"
    WITHDRAWS_ISSUED = "it withdraws a certificate that was not issued"
    WITHDRAWN_ONCE = "it withdraws a certificate that was withdrawn before"


class RuleBroken(VerificationFailed):
    """An entry does not follow from what stands before it."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule.value)
        self.rule = rule


def _require(holds: bool, rule: Rule) -> None:
    if not holds:
        raise RuleBroken(rule)


@dataclass(frozen=True, slots=True)
class AccountKey:
    """A key and the account that it belongs to for ever.

    `role` is "device" or "recovery"; `enrolled_index` and `revoked_index` are entries of the ledger.
    """

    account: str
    public: bytes
    role: str
    enrolled_index: int
    revoked_index: int | None


@dataclass(frozen=True, slots=True)
class CertificatePlace:
    """The entries that a certificate was issued and, where it was, withdrawn with."""

    issued_index: int
    withdrawn_index: int | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """An entry enrols a key; `endorser` is the id of the key that endorsed it."""

    key_id: bytes
    key: AccountKey
    endorser: bytes | None = None


@dataclass(frozen=True, slots=True)
class EndOfKey:
    """An entry revokes a key."""

    key_id: bytes


@dataclass(frozen=True, slots=True)
class MatterStep:
    """A deposit takes the next number of a matter."""

    account: str
    matter: Matter


@dataclass(frozen=True, slots=True)
class NewCertificate:
    """An entry issues the certificate of this number, for the deposit at `entry`."""

    number: int
    entry: int


@dataclass(frozen=True, slots=True)
class EndOfCertificate:
    """An entry withdraws the certificate of this number."""

    number: int


class Deposited(NamedTuple):
    """What of a deposit decides whether it may follow; `leaf` is its leaf hash."""

    origin: str
    account: str
    key_id: bytes
    leaf: bytes
    matter: Matter | None


Effect = NewKey | EndOfKey | MatterStep | NewCertificate | EndOfCertificate


def effect(index: int, statement: Statement) -> Effect | None:
    """Return what the entry at `index` changes for those after it. Raises MalformedData."""
    if statement.kind == st.DEPOSIT:
        if "matter" in statement.payload:
            matter = parse_deposit(statement).matter
            assert matter is not None
            return MatterStep(statement.issuer, matter)
    elif statement.kind == st.ENROLMENT:
        made = parse_enrolment(statement)
        key = AccountKey(made.account, made.key, made.role, index, None)
        return NewKey(thumbprint_ed25519(made.key), key, made.endorser)
    elif statement.kind == st.KEY:
        found = parse_key(statement)
        return EndOfKey(found.key) if isinstance(found, Revocation) else None
    elif statement.kind == st.CERTIFICATE:
        said = parse_certificate(statement)
        if isinstance(said, Issued):
            return NewCertificate(said.number, said.entry)
        return EndOfCertificate(said.number)
    return None


def account_of(statement: Statement) -> str | None:
    """Return the account that an entry belongs to: of deposits and enrolments. Raises MalformedData."""
    if statement.kind == st.DEPOSIT:
        return statement.issuer
    return parse_enrolment(statement).account if statement.kind == st.ENROLMENT else None


def require_inspected(inspection: Inspection, entry: bytes) -> None:
    """Raise RuleBroken unless the entry at an inspection's place is the deposit that it names."""
    found = parse_statement(entry)
    _require((found.kind, found.leaf_hash) == (st.DEPOSIT, inspection.leaf), Rule.INSPECTED)


def require_link(block: Block, height: int, start: int, previous: bytes) -> None:
    """Raise RuleBroken unless a block record links block `height` to the note with this digest."""
    _require((block.height, block.start) == (height, start), Rule.SPAN)
    _require(block.previous == previous, Rule.PREVIOUS)
    _require(height > 0 or block.size == start + 1, Rule.GENESIS)


class Past(Protocol):
    """What came before the entries that a replay is fed."""

    def key(self, key_id: bytes) -> AccountKey | None:
        """Return the key with this thumbprint."""
        ...

    def matter_tip(self, account: str, matter: bytes) -> tuple[int, bytes] | None:
        """Return the last (number, leaf hash) entered in a matter."""
        ...

    def certificate(self, number: int) -> CertificatePlace | None:
        """Return the entries about the certificate of this number."""
        ...


class Nothing:
    """The past of a ledger's first entry."""

    def key(self, key_id: bytes) -> AccountKey | None:
        """Return None."""

    def matter_tip(self, account: str, matter: bytes) -> tuple[int, bytes] | None:
        """Return None."""

    def certificate(self, number: int) -> CertificatePlace | None:
        """Return None."""


class Replay:
    """A ledger as far as it was read. It is a `Past` itself, so that one can be tried upon another.

    `size` is the number of entries before the next one. An entry that breaks a rule is counted and
    changes nothing else, so a reader may go on behind it.
    """

    def __init__(self, origin: str, past: Past | None = None, size: int = 0) -> None:
        self.origin = origin
        self.size = size
        self.block: Block | None = None
        """The record of the block that is being read, or was read last; None where it was damaged."""
        self.keys: dict[bytes, AccountKey] = {}
        self.tips: dict[tuple[str, bytes], tuple[int, bytes]] = {}
        self.certificates: dict[int, CertificatePlace] = {}
        self._past = past or Nothing()
        self._between = True
        self._height = 0
        self._time = 0
        self._previous = GENESIS_PREVIOUS
        self._platform: bytes | None = None

    def key(self, key_id: bytes) -> AccountKey | None:
        """Return the key with this thumbprint, as it stands now."""
        return self.keys.get(key_id) or self._past.key(key_id)

    def matter_tip(self, account: str, matter: bytes) -> tuple[int, bytes] | None:
        """Return the last (number, leaf hash) entered in a matter."""
        return self.tips.get((account, matter)) or self._past.matter_tip(account, matter)

    def certificate(self, number: int) -> CertificatePlace | None:
        """Return the entries about the certificate of this number, as it stands now."""
        return self.certificates.get(number) or self._past.certificate(number)

    def depositor(self, statement: Statement) -> AccountKey:
        """Return the key that may make this deposit now, and must have signed it. Raises RuleBroken."""
        return self._depositor(statement.payload.get("origin"), statement.issuer, statement.key_id)

    def _depositor(self, origin: object, account: str, key_id: bytes) -> AccountKey:
        _require(origin == self.origin, Rule.ORIGIN)
        key = self.key(key_id)
        if key is None:
            raise RuleBroken(Rule.ENROLLED)
        _require(key.account == account, Rule.ACCOUNT)
        _require(key.revoked_index is None, Rule.REVOKED)
        _require(key.role == DEVICE, Rule.DEVICE)
        return key

    def add(self, statement: Statement) -> None:
        """Take the next entry of a ledger that is read block by block; see `close`.

        Raises RuleBroken; MalformedData where the entry is not what its kind says.
        """
        first = self._begin()
        if statement.kind != st.BLOCK:
            self.enter(statement)
            _require(not first, Rule.RECORD_FIRST)
            return
        index, self.size = self.size, self.size + 1
        _require(first, Rule.RECORD_FIRST)
        self.block = block = parse_block(statement)
        time, self._time = self._time, block.time
        _require(block.origin == self.origin, Rule.ORIGIN)
        require_link(block, self._height, index, self._previous)
        _require(block.time >= time, Rule.TIME)
        _require(block.platform == self._platform, Rule.PLATFORM)

    def add_deposit(self, made: Deposited) -> None:
        """Do what `add` does with a deposit, of which no more is at hand. Raises RuleBroken."""
        first = self._begin()
        self.size += 1
        self._depositor(made.origin, made.account, made.key_id)
        if made.matter is not None:
            self._step(made.account, made.matter, made.leaf)
        _require(not first, Rule.RECORD_FIRST)

    def _begin(self) -> bool:
        """Return whether the next entry is the first of its block."""
        first, self._between = self._between, False
        if first:
            self.block = None
        return first

    def close(self, note: str) -> None:
        """End a block with the signed note over all entries so far. Raises RuleBroken."""
        self._between = True
        self._height += 1
        self._previous = note_digest(note)
        _require(self.block is None or self.block.size == self.size, Rule.SPAN)

    def enter(self, statement: Statement) -> None:
        """Take the next entry, one that is no block record, without asking for its block.

        Raises RuleBroken; MalformedData where the entry is not what its kind says.
        """
        index, self.size = self.size, self.size + 1
        if statement.kind == st.DEPOSIT:
            self.depositor(statement)
        else:
            _require(statement.payload.get("origin") == self.origin, Rule.ORIGIN)
            if statement.kind != st.ENROLMENT:
                check_office_statement(statement)
        match effect(index, statement):
            case MatterStep(account, matter):
                self._step(account, matter, statement.leaf_hash)
            case NewKey(key_id, key, endorser):
                _require(self.key(key_id) is None, Rule.ENROLLED_ONCE)
                if endorser is not None:
                    self._endorsed(key.account, endorser)
                self.keys[key_id] = key
            case EndOfKey(key_id):
                known = self.key(key_id)
                if known is None:
                    raise RuleBroken(Rule.REVOKES_ENROLLED)
                _require(known.revoked_index is None, Rule.REVOKED_ONCE)
                self.keys[key_id] = replace(known, revoked_index=index)
            case NewCertificate(number, entry):
                _require(entry < index, Rule.CERTIFIES_EARLIER)
                _require(self.certificate(number) is None, Rule.CERTIFICATE_ONCE)
                self.certificates[number] = CertificatePlace(index, None)
            case EndOfCertificate(number):
                issued = self.certificate(number)
                if issued is None:
                    raise RuleBroken(Rule.WITHDRAWS_ISSUED)
                _require(issued.withdrawn_index is None, Rule.WITHDRAWN_ONCE)
                self.certificates[number] = replace(issued, withdrawn_index=index)
        if statement.kind == st.INSPECTION:
            _require(parse_inspection(statement).entry < index, Rule.INSPECTED)
        if statement.kind == st.PLATFORM:
            self._platform = statement.leaf_hash

    def _endorsed(self, account: str, endorser: bytes) -> None:
        by = self.key(endorser)
        if by is None or (by.account, by.role) != (account, RECOVERY_SHEET):
            raise RuleBroken(Rule.ENDORSED)
        _require(by.revoked_index is None, Rule.ENDORSER_REVOKED)

    def _step(self, account: str, matter: Matter, leaf: bytes) -> None:
        number, previous = self.matter_tip(account, matter.id) or (0, None)
        _require((matter.number, matter.previous) == (number + 1, previous), Rule.MATTER)
        self.tips[account, matter.id] = (matter.number, leaf)
