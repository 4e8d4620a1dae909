"""Accounts: who may deposit. Keys are enrolled and revoked by entries of the ledger.

A key belongs to one account for ever, also after its revocation. The identity record is a file of its
own for each key, written before the enrolment that commits to it, and can be erased: the entry then
says nothing about anybody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.chain import statement as st
from ledger.chain.enrolment import (
    DEVICE,
    RECOVERY_SHEET,
    Enrolment,
    EnrolmentRequest,
    IdentityRecord,
    enrolment_payload,
    format_record,
    parse_endorsed,
    parse_enrolment,
    parse_record,
    record_digest,
    verify_endorsement,
    verify_enrolment_request,
)
from ledger.chain.office import Revocation, revocation_payload
from ledger.chain.replay import AccountKey, Rule
from ledger.chain.statement import parse_statement
from ledger.crypto.keys import thumbprint_ed25519
from ledger.errors import (
    Conflict,
    InvalidInput,
    NotEnrolled,
    NotFound,
    Refused,
    Unavailable,
    WrongOrigin,
)
from ledger.notary.ports import Entry, LedgerStore, Records, Room, Step, Terms
from ledger.notary.sequencing.blocks import BlockWriter
from ledger.notary.sequencing.refusals import refused
from ledger.notary.sequencing.sequencer import Sequencer
from ledger.quoted import quoted

JOIN_SIZE = 32_768
"""Bytes that two enrolments and the block around them take on the disk, without their records."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An account as it stands: its keys by order of enrolment, who it is (None once erased)."""

    account: str
    keys: tuple[AccountKey, ...]
    record: IdentityRecord | None

    def key(self, public: bytes) -> AccountKey:
        """Return how a key of the account stands."""
        return next(each for each in self.keys if each.public == public)

    def as_dict(self) -> dict[str, Any]:
        """Return it for machines. What an erased record held is None."""
        record = self.record
        return {
            "account": self.account,
            "name": record.name if record else None,
            "registration": record.registration if record else None,
            "checked_by": record.checked_by if record else None,
            "keys": [
                {
                    "key": thumbprint_ed25519(each.public).hex(),
                    "role": each.role,
                    "enrolled": each.enrolled_index,
                    "revoked": each.revoked_index,
                }
                for each in self.keys
            ],
        }


class AccountStore(LedgerStore, Protocol):
    """The main store, with the account's side of it."""

    def keys_of(self, account: str) -> list[AccountKey]:
        """Return an account's keys in the order of their enrolment."""
        ...

    def accounts(self) -> list[str]:
        """Return every account, in the order of first enrolment."""
        ...


class Accounts:
    """Enrols, revokes, erases, and tells how accounts stand. Methods wait for the next block."""

    def __init__(
        self,
        store: AccountStore,
        records: Records,
        sequencer: Sequencer,
        writer: BlockWriter,
        room: Room,
        random: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._records = records
        self._sequencer = sequencer
        self._writer = writer
        self._room = room
        self._random = random

    def key(self, key_id: bytes) -> AccountKey | None:
        """Return the key with this thumbprint."""
        key = self._store.key(key_id)
        signed = self._writer.tree.size
        return None if key is None or key.enrolled_index >= signed else key

    def enrol(self, request: EnrolmentRequest, record: IdentityRecord) -> Standing:
        """Open an account for a request whose paper the office has compared.

        Doing it again for the same request changes nothing. Raises WrongOrigin, InvalidInput when the
        request joins an account, Conflict when a key of it is enrolled already.
        """
        if request.account is not None:
            raise InvalidInput(
                "This request joins an account; it needs the signature of the account's recovery "
                "sheet, not a new identity check."
            )
        return self._enrol(request, format_record(record))

    def join(self, endorsed: bytes, terms: Terms | None = None) -> Standing:
        """Add a device to an account by a request that the account's recovery key has signed.

        A device endorses nothing: whoever has stolen one would go on with a key of their own after its
        revocation. `terms` are those that whoever asks over the network is held to; the office, which
        has compared a paper, passes none. Raises MalformedData, VerificationFailed, WrongOrigin,
        NotEnrolled, KeyRevoked, Refused, Suspended, Conflict, NoRoom.
        """
        encoded, endorser_id, message = parse_endorsed(endorsed)
        request = verify_enrolment_request(encoded)
        endorser = self.key(endorser_id)
        if request.account is None or endorser is None or endorser.account != request.account:
            raise NotEnrolled("The request is not signed by a key of the account that it joins.")
        if endorser.revoked_index is not None:
            raise refused(Rule.ENDORSER_REVOKED)
        verify_endorsement(message, endorser.public)
        if endorser.role != RECOVERY_SHEET:
            raise refused(Rule.ENDORSED)
        if terms is not None:
            terms.require_open(request.account)
        record = self._record(request.account)
        if record is None:
            raise Conflict(
                "The identity record of this account was erased; the office must enrol it anew."
            )
        held = self._room.hold(request.account, JOIN_SIZE + 2 * len(record))
        try:
            return self._enrol(request, record, endorser_id)
        finally:
            held.release()

    def revoke(self, key_id: bytes, reason: str) -> Entry:
        """Enter a public statement that a key is no longer good.

        Raises NotFound for an unknown key, Conflict for one that was revoked, MalformedData for a
        reason that is not in `REASONS`.
        """
        payload = revocation_payload(Revocation(key_id, reason))
        return self._sequencer.enter((st.KEY, payload)).result()[0]

    def erase(self, account: str) -> int:
        """Erase the identity records of an account; return how many there were."""
        keys = self._require(account)
        with self._writer.step(Step.RECORD):
            return sum(self._records.erase(self._digest(key)) for key in keys)

    def standing(self, account: str) -> Standing:
        """Return how an account stands. Raises NotFound."""
        keys = self._require(account)
        record = self._record(account)
        return Standing(account, keys, None if record is None else parse_record(record))

    def list(self) -> tuple[Standing, ...]:
        """Return all accounts, in the order of first enrolment."""
        return tuple(self.standing(account) for account in self._store.accounts())

    def page(self, first: int, limit: int, asked: str = "") -> tuple[int, tuple[Standing, ...]]:
        """Return how many accounts there are, and at most `limit` of them, the `first` skipped.

        With `asked`, of those alone whose name or registration holds it, or whose account or a key's
        thumbprint begins with it; that reads them all.
        """
        names = self._store.accounts()
        if not asked:
            shown = names[first : first + limit]
            return len(names), tuple(self.standing(each) for each in shown)
        found = [each for each in map(self.standing, names) if _answers(each, asked)]
        return len(found), tuple(found[first : first + limit])

    def _enrol(
        self, request: EnrolmentRequest, record: bytes, endorser: bytes | None = None
    ) -> Standing:
        origin, account = self._writer.keys.origin, request.account_id
        if request.origin != origin:
            raise WrongOrigin(
                f"The request was made for {quoted(request.origin)}; this ledger is {quoted(origin)}."
            )
        known = self._store.key(thumbprint_ed25519(request.key))
        if known is not None and known.account == account:
            return self.standing(account)
        enrolments = []
        for key, role in ((request.key, DEVICE), (request.recovery, RECOVERY_SHEET)):
            if key is not None:
                nonce = self._random(st.NONCE_SIZE)
                digest = record_digest(nonce, record)
                enrolments.append(Enrolment(origin, nonce, account, key, role, digest, endorser))
        with self._writer.step(Step.RECORD):
            for each in enrolments:
                self._records.write(each.record, record)
        entries = ((st.ENROLMENT, enrolment_payload(each)) for each in enrolments)
        try:
            self._sequencer.enter(*entries).result()
        except (Refused, Unavailable):  # it was not entered, unless its block waits to be signed
            for each in enrolments:
                known = self._store.key(thumbprint_ed25519(each.key))
                if known is None or self._digest(known) != each.record:
                    self._records.erase(each.record)
            raise
        return self.standing(account)

    def _require(self, account: str) -> tuple[AccountKey, ...]:
        keys = tuple(self._store.keys_of(account))
        if not keys:
            raise NotFound(f"There is no account {quoted(account)}.")
        return keys

    def _record(self, account: str) -> bytes | None:
        """Return the newest identity record of an account."""
        for key in reversed(self._store.keys_of(account)):
            record = self._records.read(self._digest(key))
            if record is not None:
                return record
        return None

    def _digest(self, key: AccountKey) -> bytes:
        entry = self._store.read(key.enrolled_index, key.enrolled_index + 1)[0]
        return parse_enrolment(parse_statement(entry.statement)).record


def _answers(standing: Standing, asked: str) -> bool:
    wanted, digits = asked.casefold(), "".join(asked.split()).lower()
    record = standing.record
    texts = () if record is None else (record.name.casefold(), record.registration.casefold())
    ids = (standing.account, *(thumbprint_ed25519(each.public).hex() for each in standing.keys))
    return any(wanted in each for each in texts) or any(each.startswith(digits) for each in ids)
