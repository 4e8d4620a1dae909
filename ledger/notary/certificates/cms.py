"""A signature's container: CMS signed data, detached, with the attributes that PAdES asks for.

Specification: RFC 5652 section 5; RFC 5035 (signing certificate); RFC 3161 appendix A (token);
ETSI EN 319 122-1 section 5.2 and EN 319 142-1 section 6.
"""

from collections.abc import Sequence
from hashlib import sha256

from ledger.crypto import der

_DATA, _SIGNED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.47"
_STAMPED = "1.2.840.113549.1.9.16.2.14"
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
_ECDSA = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_VERSION = der.integer(1)


def signed_attributes(digest: bytes, certificate: bytes) -> bytes:
    """Return the SET that is signed: for content with this SHA-256, by this certificate (DER)."""
    issuer, serial = _issuer_and_serial(certificate)
    named = der.sequence(der.sequence(der.encode(der.context(4), issuer)), serial)
    identified = der.sequence(
        der.encode(der.OCTET_STRING, sha256(certificate).digest()), named
    )  # SHA-256 is what is meant where no algorithm stands
    return der.set_of(
        (
            _attribute(_CONTENT_TYPE, der.oid(_DATA)),
            _attribute(_MESSAGE_DIGEST, der.encode(der.OCTET_STRING, digest)),
            _attribute(_SIGNING_CERTIFICATE, der.sequence(der.sequence(identified))),
        )
    )


def signed_data(
    chain: Sequence[bytes], attributes: bytes, signature: bytes, token: bytes | None
) -> bytes:
    """Return the container of a signature over the attributes, which `ecdsa_value` has written.

    `chain` are the signer's certificate and those above it, `token` a timestamp over the signature,
    all in DER.
    """
    issuer, serial = _issuer_and_serial(chain[0])
    signer = [
        _VERSION,
        der.sequence(issuer, serial),
        _SHA256,
        der.encode(der.context(0), der.read(attributes).content),
        _ECDSA,
        der.encode(der.OCTET_STRING, signature),
    ]
    if token is not None:
        signer.append(der.set_of([_attribute(_STAMPED, token)], der.context(1)))
    signed = der.sequence(
        _VERSION,
        der.set_of([_SHA256]),
        der.sequence(der.oid(_DATA)),
        der.set_of(chain, der.context(0)),
        der.set_of([der.sequence(*signer)]),
    )
    return der.sequence(der.oid(_SIGNED_DATA), der.encode(der.context(0), signed))


def ecdsa_value(signature: bytes) -> bytes:
    """Return an ES256 signature, r and s of 32 bytes each, as X.509 writes it (RFC 3279, 2.2.3)."""
    r, s = signature[:32], signature[32:]
    return der.sequence(*(der.integer(int.from_bytes(each, "big")) for each in (r, s)))


def _attribute(kind: str, value: bytes) -> bytes:
    return der.sequence(der.oid(kind), der.set_of([value]))


def _issuer_and_serial(certificate: bytes) -> tuple[bytes, bytes]:
    """Return both as they stand in a certificate of version 3 (RFC 5280 section 4.1)."""
    signed, *_ = der.children(der.read(certificate), der.SEQUENCE)
    _, serial, _, issuer, *_ = der.children(signed, der.SEQUENCE)
    return issuer.raw, serial.raw
