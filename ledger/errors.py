"""One error tree.

`str(error)` is a sentence for a person: what happened, to what, and what to do next. `code` names the
kind for machines and does not change between releases. Whose fault it is decides the branch: a caller
catches `SealbookError` and shows it; anything else is a bug of ours.
"""

from ledger.quoted import Message


class SealbookError(Exception):
    """Anything that a user can be told about."""

    code = "error"


class InvalidInput(SealbookError):
    """What was handed in cannot be used."""

    code = "invalid-input"


class MalformedData(InvalidInput):
    """A parser refused bytes. The only error a parser raises."""

    code = "malformed"


class TooLarge(InvalidInput):
    """Something is over a stated limit."""

    code = "too-large"


class SourceChanged(InvalidInput):
    """A file changed, shrank or could not be read while it was being sealed."""

    code = "source-changed"


class VerificationFailed(SealbookError):
    """A signature, proof, authentication tag or hash does not hold."""

    code = "verification-failed"


class DecryptionFailed(VerificationFailed):
    """An age file could not be opened."""

    code = "decryption-failed"


class NoMatchingIdentity(DecryptionFailed):
    """None of the identities at hand is a recipient of the file."""

    code = "no-matching-identity"


class WrongPassphrase(DecryptionFailed):
    """The passphrase does not open the file."""

    code = "wrong-passphrase"


class Refused(SealbookError):
    """Well-formed, but not allowed here."""

    code = "refused"


class NotEnrolled(Refused):
    """The account or key is not known to the ledger."""

    code = "not-enrolled"


class KeyRevoked(Refused):
    """The key was revoked."""

    code = "key-revoked"


class WrongOrigin(Refused):
    """Meant for another ledger."""

    code = "wrong-origin"


class CiphertextMissing(Refused):
    """The statement names an age file that the notary does not hold."""

    code = "ciphertext-missing"


class Conflict(Refused):
    """Something else already stands in this place."""

    code = "conflict"


class NotFound(Refused):
    """No such thing here, or not for this caller."""

    code = "not-found"


class NotAuthenticated(Refused):
    """The request's signature is missing, wrong, stale or replayed."""

    code = "not-authenticated"


class StorageFailed(SealbookError):
    """A disk is full, a folder cannot be written, or a store is locked."""

    code = "storage-failed"


class StoreDamaged(StorageFailed):
    """A store's own file is damaged: only a person can mend it."""


class NoRoom(StorageFailed):
    """The notary's disk has no room for this now, or not for this account."""

    code = "no-room"


class Unavailable(SealbookError):
    """The notary cannot be reached; what was to be sent stays in the spool."""

    code = "unavailable"


class Suspended(Unavailable):
    """The office takes nothing from this account for now; what was to be sent stays in the spool."""

    code = "suspended"


class OverLimit(Unavailable):
    """The account has had what the office grants it for now."""

    code = "over-limit"


class OverQuota(Unavailable):
    """The account's ciphertext would be more than the office grants it; what was to be sent waits."""

    code = "over-quota"


class NotSigning(Unavailable):
    """The notary signs nothing until something around it is put right; it goes on by itself then.

    The sentence is for whoever deposits; `detail` tells the office what to do. `reason` is a
    `ledger.notary.health.Reason`.
    """

    code = "not-signing"

    def __init__(self, reason: str, sentence: Message, detail: Message) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.detail = detail


class LedgerFault(SealbookError):
    """The ledger contradicts itself or would fork. Nothing is signed until this is resolved."""

    code = "ledger-fault"
