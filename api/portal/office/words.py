"""States and reasons as people say them."""

from ledger.language import tr
from ledger.notary.desk.proposals import APPROVING, DECLINED, ENROLLED, WAITING
from ledger.quoted import Words


def state(name: str, language: str) -> Words:
    """Return the state of a request."""
    return {
        WAITING: tr("waits for an officer", language),
        APPROVING: tr("approved, not in the ledger yet", language),
        DECLINED: tr("declined", language),
        ENROLLED: tr("enrolled", language),
    }[name]


def reason(name: str, language: str) -> Words:
    """Return why a key is revoked."""
    return {
        "compromised": tr("compromised: somebody else may have it", language),
        "lost": tr("lost", language),
        "superseded": tr("superseded by another key", language),
        "ceased": tr("ceased: the company uses it no longer", language),
    }[name]
