"""Whether a timestamp token holds, by whose word, and for how long.

Specification: RFC 3161 section 2.4.2 and appendix B; RFC 5816.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.chain.timestamp.revocation import Revocation
from ledger.chain.timestamp.token import Token


@dataclass(frozen=True, slots=True)
class Authority:
    """A timestamp authority that a verifier trusts.

    `certificate` (DER) is its root, or the authority's own certificate; `policy` the object identifier
    that its tokens must state, None for any; `accuracy` what is assumed in seconds where a token is
    silent.
    """

    name: str
    certificate: bytes
    policy: str | None = None
    accuracy: int = 1


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token that holds; only `verify_token` makes one. Times are POSIX seconds.

    The imprint was known by `latest`, and the token was not made before `earliest`. `expires` is the
    last second of the certificates' path: from then on, or from the time of `revoked`, something newer
    must show that the token existed. `checked` is the time up to which lists show no revocation that
    is not named here, None where there are none.
    """

    token: Token
    authority: str
    earliest: int
    latest: int
    expires: int
    revoked: Revocation | None
    checked: int | None


def verify_token(
    token: Token,
    imprint: bytes,
    authorities: Sequence[Authority],
    validation: Sequence[bytes] = (),
    *,
    shown: int | None = None,
) -> VerifiedToken:
    """Return what a token proves about `imprint`, a SHA-256, SHA-384 or SHA-512.

    `validation` are certificates, CRLs and OCSP responses in DER, beside those in the token. `shown`
    is the POSIX second by which something newer that stands shows the token to have existed: a key
    that was lost later does not fell it then. Raises VerificationFailed, MalformedData and TooLarge.
    """
    raise NotImplementedError
