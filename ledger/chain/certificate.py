"""The X.509 profile of the seal: whom a verifier lets seal, and what a certificate must be for that.

An anchor is an authority together with the one subject that it may name: a public authority certifies
many, and only one of them is the notary. Path validation (RFC 5280 section 6.1) is the library's, at a
given time and of depth 0: the anchor has issued the certificate itself. On top of it stands what a seal
needs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from ledger.errors import MalformedData, VerificationFailed

DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""id-kp-documentSigning (RFC 9336)."""


@dataclass(frozen=True, slots=True)
class SealAnchor:
    """Who may seal: `subject` (RFC 4514), certified by `authority`, a certificate in DER."""

    subject: str
    authority: bytes


def require_authority(der: bytes) -> None:
    """Raise MalformedData unless the certificate is one of an authority.

    Path validation ends at a listed certificate whatever it is: an end entity would vouch for itself.
    """
    try:
        extensions = x509.load_der_x509_certificate(der).extensions
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        if constraints.ca and usage.key_cert_sign:
            return
    except (ValueError, x509.InvalidVersion, x509.ExtensionNotFound, x509.DuplicateExtension):
        pass
    raise MalformedData("a seal's authority in the trust file is no certificate of an authority")


@lru_cache(maxsize=64)
def certified_key(
    der: bytes, anchors: tuple[SealAnchor, ...], time: int
) -> tuple[ec.EllipticCurvePublicKey, str]:
    """Return the certificate's key and subject, once an anchor vouches for both at `time`.

    Raises VerificationFailed.
    """
    certificate, subject, key = _load(der)
    authorities = [anchor.authority for anchor in anchors if anchor.subject == subject]
    if not authorities:
        raise VerificationFailed("the seal's certificate names another subject than you trust")
    if not any(_issued(certificate, authority, time) for authority in authorities):
        raise VerificationFailed(
            "the seal's certificate is not one that an authority you trust has issued for sealing, or "
            "it was not valid at that time"
        )
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise VerificationFailed("the seal's certificate holds no P-256 key")
    return key, subject


def validity(chain: Sequence[bytes]) -> tuple[int, int]:
    """Return the POSIX seconds from and up to which every certificate of a chain is valid.

    Raises VerificationFailed.
    """
    certificates = [_load(each)[0] for each in chain]
    return (
        int(max(each.not_valid_before_utc for each in certificates).timestamp()),
        int(min(each.not_valid_after_utc for each in certificates).timestamp()),
    )


def _load(der: bytes) -> tuple[x509.Certificate, str, object]:
    try:
        certificate = x509.load_der_x509_certificate(der)
        return certificate, certificate.subject.rfc4514_string(), certificate.public_key()
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise VerificationFailed("a certificate of the seal cannot be read") from error


def _issued(certificate: x509.Certificate, authority: bytes, time: int) -> bool:
    try:
        verifier = (
            PolicyBuilder()
            .store(Store([x509.load_der_x509_certificate(authority)]))
            .time(datetime.fromtimestamp(time, UTC))
            .max_chain_depth(0)
            .extension_policies(ca_policy=_AUTHORITY, ee_policy=_SEAL)
            .build_client_verifier()
        )
        verifier.verify(certificate, [])
    except (VerificationError, ValueError, OverflowError, OSError, x509.InvalidVersion):
        return False
    return True


def demand(
    holds: Callable[[Any], bool],
) -> Callable[[Policy, x509.Certificate, Any], None]:
    """Return a check of an extension's value; the library turns the error into its own."""

    def check(_policy: Policy, _of: x509.Certificate, value: Any) -> None:
        if not holds(value):
            raise ValueError("the certificate is not for this use")

    return check


def _is_for_documents(usage: x509.ExtendedKeyUsage | None) -> bool:
    return usage is None or DOCUMENT_SIGNING in usage or _ANY_USAGE in usage


_ANY_USAGE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
_EITHER = Criticality.AGNOSTIC
_AUTHORITY = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, _EITHER, demand(lambda value: value.ca))
    .require_present(x509.KeyUsage, _EITHER, demand(lambda value: value.key_cert_sign))
)
_SEAL = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, _EITHER, demand(lambda value: not value.ca))
    .require_present(x509.KeyUsage, _EITHER, demand(lambda value: value.digital_signature))
    .may_be_present(x509.ExtendedKeyUsage, _EITHER, demand(_is_for_documents))
)
"""Any other extension may stand there, unless it is critical and the library does not know it."""
