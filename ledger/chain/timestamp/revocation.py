"""What revocation lists and OCSP responses say about a certificate, and what follows for old tokens.

Specification: RFC 5280 section 5, RFC 6960, RFC 3161 section 4.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a certificate of a token's path was revoked.

    `time` is the POSIX second from which it counts: of the revocation, or of an earlier invalidity.
    `reason` is a name of RFC 5280 section 5.3.1, None where the list states none.
    """

    time: int
    reason: str | None
