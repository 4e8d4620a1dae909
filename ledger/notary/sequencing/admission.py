"""What a deposit must satisfy before it is sequenced. One statement's failure is its own.

Here: what can be judged of a statement by itself, on any thread. What depends on the order of entries
(duplicates, matters, a revocation that came in between) the sequencer judges.
"""

from collections.abc import Callable, Collection, Iterable

from ledger.chain import statement as st
from ledger.chain.office import parse_key
from ledger.chain.replay import AccountKey, CertificatePlace, Replay, RuleBroken
from ledger.chain.statement import Payload, Statement, parse_statement, verify_statement
from ledger.errors import CiphertextMissing, Refused, VerificationFailed
from ledger.notary.ports import Envelopes, LedgerStore, Terms
from ledger.notary.sequencing.checking import Checked, check
from ledger.notary.sequencing.refusals import refusal

MAX_AHEAD = 86_400
"""Seconds that a statement's time may lie ahead of ours: a wrong time zone is no reason to refuse."""


class Admission:
    """What is judged of a deposit by itself, against the ledger as it stands.

    It is the `Past` of the next block: keys are kept in memory, and which of them are revoked the
    sequencer's thread alone says, so that no other can put back a key as it was before.
    """

    def __init__(
        self,
        origin: str,
        store: LedgerStore,
        envelopes: Envelopes,
        clock: Callable[[], float],
        terms: Terms,
    ) -> None:
        self._rules = Replay(origin, self)
        self._revoked: set[bytes] = set()
        self._store = store
        self._envelopes = envelopes
        self._clock = clock
        self._terms = terms
        self._keys: dict[bytes, AccountKey] = {}

    def reload(self) -> None:
        """Take the revoked keys from the ledger. Raises StorageFailed."""
        self._revoked = {
            parse_key(parse_statement(entry.statement)).key for entry in self._store.office(st.KEY)
        }

    def learn(self, statements: Iterable[Statement]) -> None:
        """Note what a block has changed."""
        for statement in statements:
            if statement.kind == st.KEY:
                self._revoked.add(parse_key(statement).key)

    def key(self, key_id: bytes) -> AccountKey | None:
        """Return the key with this thumbprint, as it stands."""
        key = self._keys.get(key_id)
        if key is None or (key.revoked_index is None and key_id in self._revoked):
            key = self._store.key(key_id)
            if key is not None:
                self._keys[key_id] = key
        return key

    def matter_tip(self, account: str, matter: bytes) -> tuple[int, bytes] | None:
        """Return the last (number, leaf hash) entered in a matter."""
        return self._store.matter_tip(account, matter)

    def certificate(self, number: int) -> CertificatePlace | None:
        """Return the entries about the certificate of this number."""
        return self._store.certificate(number)

    def admit(self, statement: Statement, checked: Checked | None = None) -> AccountKey:
        """Return the key that has signed the deposit which this statement makes.

        1. It is a deposit, made for this ledger.
        2. Its key is enrolled, for the account that it names, as a device, and not revoked.
        3. Its time is not more than a day ahead.
        4. Its signature holds.
        5. The office takes statements from its account, and as many as this.
        6. The age files that it names are durable here.

        `checked` is what was judged of it by itself already. Raises Refused, MalformedData, Suspended
        or OverLimit.
        """
        checked = checked or check(statement, {})
        try:
            key = self._rules.depositor(statement)
        except RuleBroken as broken:
            raise refusal(broken, statement, self._rules) from broken
        if statement.issued_at > self._clock() + MAX_AHEAD:
            raise Refused(
                "The statement's time is more than a day ahead; set the computer's clock and "
                "deposit again."
            )
        if not checked.signed:
            try:
                verify_statement(statement, key.public)
            except VerificationFailed as error:
                raise Refused("The statement's signature does not hold; deposit again.") from error
        self._terms.require_statement(statement.issuer)
        self.require_files(statement.issuer, checked.payloads)
        return key

    def require_files(
        self,
        account: str,
        payloads: Iterable[Payload],
        withheld: Collection[tuple[str, bytes]] = (),
    ) -> None:
        """Raise CiphertextMissing for a payload whose age file is not here, or is withheld."""
        for payload in payloads:
            if (account, payload.root) in withheld or not self._envelopes.holds(account, payload):
                raise CiphertextMissing(
                    f"The notary does not hold the age file {payload.root.hex()} of {payload.size} "
                    "bytes; upload it, then send the statement again."
                )
