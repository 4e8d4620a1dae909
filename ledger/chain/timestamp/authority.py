"""Whom a verifier trusts for timestamps, and which hash functions no more from when on."""

from dataclasses import dataclass

from cryptography import x509

from ledger.errors import MalformedData

Doubts = tuple[tuple[str, int], ...]
"""Hash functions, each with the POSIX second from which on a verifier trusts it no more."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A timestamp authority that a verifier trusts.

    `certificate` (DER) is its root, or the authority's own certificate; `policy` the object identifier
    that its tokens must state, None for any; `accuracy` what is assumed in seconds where a token is
    silent; `url` where it can be asked, None where that is not known. Raises MalformedData where
    `certificate` is none.
    """

    name: str
    certificate: bytes
    policy: str | None = None
    accuracy: int = 1
    url: str | None = None

    def __post_init__(self) -> None:
        try:
            load_certificate(self.certificate)
        except (ValueError, TypeError, x509.InvalidVersion) as error:
            raise MalformedData(
                "what stands as a timestamp authority's certificate is none"
            ) from error


def load_certificate(data: bytes) -> x509.Certificate:
    """Return the certificate in DER. Raises ValueError, TypeError and x509.InvalidVersion."""
    certificate = x509.load_der_x509_certificate(data)
    # The library reads names only when they are asked for, and raises then.
    _ = certificate.subject, certificate.issuer
    return certificate
