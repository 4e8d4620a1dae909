"""What a deposit must satisfy before it is sequenced. One statement's failure is its own.

Here: what can be judged of a statement by itself, on any thread. What depends on the order of entries
(duplicates, matters, a revocation that came in between) the sequencer judges.
"""

from collections.abc import Callable

from ledger.chain import statement as st
from ledger.chain.enrolment import DEVICE
from ledger.chain.office import parse_revocation
from ledger.chain.statement import Deposit, Statement, parse_deposit, parse_statement
from ledger.crypto.keys import verify_ed25519
from ledger.errors import (
    CiphertextMissing,
    KeyRevoked,
    NotEnrolled,
    Refused,
    VerificationFailed,
    WrongOrigin,
)
from ledger.notary.ports import AccountKey, Envelopes, LedgerStore
from ledger.quoted import quoted

MAX_AHEAD = 86_400
"""Seconds that a statement's time may lie ahead of ours: a wrong time zone is no reason to refuse."""


class Admission:
    """The rules. `revoked` holds the key ids that are no longer good; the sequencer keeps it."""

    def __init__(
        self,
        origin: str,
        store: LedgerStore,
        envelopes: Envelopes,
        clock: Callable[[], float],
    ) -> None:
        self.revoked: set[bytes] = set()
        self._origin = origin
        self._store = store
        self._envelopes = envelopes
        self._clock = clock
        self._keys: dict[bytes, AccountKey] = {}

    def reload(self) -> None:
        """Take the revoked keys from the ledger. Raises StorageFailed."""
        self.revoked = {
            parse_revocation(parse_statement(entry.statement)).key
            for entry in self._store.office(st.KEY)
        }

    def admit(self, statement: Statement) -> Deposit:
        """Return the deposit that this statement makes.

        1. It is a deposit, made for this ledger.
        2. Its key is enrolled, for the account that it names, as a device, and not revoked.
        3. Its time is not more than a day ahead.
        4. Its signature holds.
        5. The age files that it names are durable here.

        Raises Refused, or MalformedData.
        """
        if statement.kind != st.DEPOSIT:
            raise Refused("Only a deposit can be entered in this way.")
        deposit = parse_deposit(statement)
        if deposit.origin != self._origin:
            raise WrongOrigin(
                f"The statement was made for {quoted(deposit.origin)}; this ledger is "
                f"{quoted(self._origin)}."
            )
        key = self._key(statement)
        if statement.issued_at > self._clock() + MAX_AHEAD:
            raise Refused(
                "The statement's time is more than a day ahead; set the computer's clock and "
                "deposit again."
            )
        try:
            verify_ed25519(
                key.public, statement.message.to_be_signed(), statement.message.signature
            )
        except VerificationFailed as error:
            raise Refused("The statement's signature does not hold; deposit again.") from error
        for payload in (deposit.content, deposit.manifest):
            if payload is not None and not self._envelopes.holds(statement.issuer, payload):
                raise CiphertextMissing(
                    f"The notary does not hold the age file {payload.root.hex()} of {payload.size} "
                    "bytes; upload it, then send the statement again."
                )
        return deposit

    def require_good(self, statement: Statement) -> None:
        """Raise KeyRevoked where the statement's key has been revoked."""
        if statement.key_id in self.revoked:
            raise KeyRevoked(
                "The key that signed this statement was revoked; use another of the account's keys."
            )

    def _key(self, statement: Statement) -> AccountKey:
        key = self._keys.get(statement.key_id)
        if key is None:
            key = self._store.key(statement.key_id)
            if key is None:
                raise NotEnrolled(
                    "The key that signed this statement is not enrolled here; ask the notary office."
                )
            self._keys[statement.key_id] = key
        if key.account != statement.issuer:
            raise NotEnrolled("The statement's key belongs to another account than it names.")
        self.require_good(statement)
        if key.role != DEVICE:
            raise Refused("A recovery key reads and admits other keys; it never deposits.")
        return key
