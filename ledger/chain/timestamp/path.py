"""The path from a token's certificate to the authority that a verifier trusts.

Validation (RFC 5280 section 6.1) is the library's, at the token's time. On top of it stands what a
timestamp needs (RFC 3161 section 2.3): the extended key usage is critical and timeStamping alone, and
no certificate authority signs tokens. Not verified here, and named: RSA under 2,048 bits, curves other
than P-256, P-384 and P-521, signatures over SHA-1, Ed25519 in certificates, and all else that the
library does not know.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from ledger.chain.certificate import demand
from ledger.chain.timestamp.signature import CURVES, MIN_RSA
from ledger.errors import TooLarge, VerificationFailed
from ledger.quoted import quoted

MAX_POOL = 16
"""Certificates that may lie on the way."""
_MAX_DEPTH = 3

_SIGNATURES = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
        SignatureAlgorithmOID.RSASSA_PSS,
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    }
)
_STAMPING, _ANY = ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE


@lru_cache(maxsize=16)
def verify_path(
    signer: x509.Certificate,
    others: tuple[x509.Certificate, ...],
    anchor: x509.Certificate,
    time: int,
) -> tuple[x509.Certificate, ...]:
    """Return the certificates from the signer's to the anchor, valid at `time` (POSIX seconds).

    `others` are those that may lie between. Raises VerificationFailed and TooLarge.
    """
    pool = _on_the_way(signer, others)
    try:
        verifier = (
            PolicyBuilder()
            .store(Store([anchor]))
            .time(datetime.fromtimestamp(time, UTC))
            .max_chain_depth(_MAX_DEPTH)
            .extension_policies(ca_policy=_AUTHORITY, ee_policy=_STAMPER)
            .build_client_verifier()
        )
        return tuple(verifier.verify(signer, pool).chain)
    except (VerificationError, ValueError, OverflowError, OSError, x509.InvalidVersion) as error:
        for each in (signer, *pool, anchor):
            _require_known(each)
        raise VerificationFailed(
            "a timestamp token's certificate is not one that an authority you trust has issued for "
            "timestamps, or it was not valid at the token's time"
        ) from error


def _on_the_way(
    signer: x509.Certificate, others: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Return those of `others` that could have issued the signer's certificate, or one of theirs.

    Not those in which an authority names itself as issuer: the library counts no step for them.
    """
    names, found = {signer.issuer}, list[x509.Certificate]()
    left = [each for each in others if each.subject != each.issuer]
    while step := [each for each in left if each.subject in names]:
        left = [each for each in left if each.subject not in names]
        names = {each.issuer for each in step}
        found += step
    if len(found) > MAX_POOL:
        raise TooLarge(f"over {MAX_POOL} certificates could lie between a token and its authority")
    return found


def _require_known(certificate: x509.Certificate) -> None:
    """Raise VerificationFailed for an algorithm that the library does not verify in a path."""
    algorithm = certificate.signature_algorithm_oid
    try:
        key: object = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        key = None
    if algorithm not in _SIGNATURES:
        named = algorithm
    elif not (
        (isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA)
        or (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES)
    ):
        named = certificate.public_key_algorithm_oid
    else:
        return
    raise VerificationFailed(
        f"a timestamp token's certificates use the algorithm {quoted(named.dotted_string)}, which is "
        "not verified here or not in this size"
    )


_EITHER = Criticality.AGNOSTIC
_AUTHORITY = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, _EITHER, demand(lambda value: value.ca))
    .require_present(x509.KeyUsage, _EITHER, demand(lambda value: value.key_cert_sign))
    .may_be_present(
        x509.ExtendedKeyUsage,
        _EITHER,
        demand(lambda value: value is None or _STAMPING in value or _ANY in value),
    )
)
_STAMPER = (
    ExtensionPolicy.permit_all()
    .may_be_present(
        x509.BasicConstraints, _EITHER, demand(lambda value: value is None or not value.ca)
    )
    .may_be_present(
        x509.KeyUsage,
        _EITHER,
        demand(
            lambda value: (
                value is None
                or (
                    (value.digital_signature or value.content_commitment)
                    and not value.key_cert_sign
                )
            )
        ),
    )
    .require_present(
        x509.ExtendedKeyUsage,
        Criticality.CRITICAL,
        demand(lambda value: list(value) == [_STAMPING]),
    )
)
"""Any other extension may stand there, unless it is critical and the library does not know it."""
