"""The signature of a token: over its signed attributes, with a certificate that these name.

Specification: RFC 5652 sections 5.4 and 11, RFC 5035 section 5, RFC 5816; RFC 4055, 5753 and 8419 for
the algorithms.
"""

import hashlib
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from ledger.chain.timestamp.token import DIGESTS, Token, algorithm_oid
from ledger.crypto import der
from ledger.crypto.der import Element
from ledger.errors import MalformedData, VerificationFailed
from ledger.quoted import quoted

MIN_RSA, MAX_RSA = 2048, 8192
"""Bits of an RSA modulus."""
CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})

_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE, _SIGNING_CERTIFICATE_V2 = (
    "1.2.840.113549.1.9.16.2.12",
    "1.2.840.113549.1.9.16.2.47",
)
_TST_INFO = der.oid("1.2.840.113549.1.9.16.1.4")
_RSA, _PSS, _MGF1, _ED25519 = (
    "1.2.840.113549.1.1.1",
    "1.2.840.113549.1.1.10",
    "1.2.840.113549.1.1.8",
    "1.3.101.112",
)
_RSA_WITH = {
    f"1.2.840.113549.1.1.{n}": f"sha{size}" for n, size in ((11, 256), (12, 384), (13, 512))
}
_ECDSA_WITH = {f"1.2.840.10045.4.3.{n}": f"sha{size}" for n, size in ((2, 256), (3, 384), (4, 512))}
_HASHES: dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_DIRECTORY_NAME = der.context(4)


@lru_cache(maxsize=16)
def verify_signer(token: Token, candidates: tuple[bytes, ...]) -> bytes:
    """Return the certificate (DER) with which a token was signed, one of `candidates`.

    Raises VerificationFailed and MalformedData.
    """
    signer = token.signer
    attributes = _attributes(signer.attributes)
    digest = known_digest(signer.digest)
    if attributes.get(_CONTENT_TYPE) != _TST_INFO:
        raise VerificationFailed("a timestamp token's signature is for another kind of content")
    hashed = hashlib.new(digest, token.content).digest()
    if attributes.get(_MESSAGE_DIGEST) != der.encode(der.OCTET_STRING, hashed):
        raise VerificationFailed("a timestamp token's signature is over another statement")
    certificate = _certificate(signer.sid, attributes, candidates)
    verify_signature(
        load_key(certificate),
        signer.algorithm,
        signer.signature,
        signer.attributes,
        digest=digest,
    )
    return certificate


def verify_signature(
    key: object, algorithm: Element, signature: bytes, message: bytes, *, digest: str = ""
) -> None:
    """Raise VerificationFailed unless `signature` over `message` holds.

    `algorithm` is an AlgorithmIdentifier, which may leave the hash function open: it is `digest` then,
    and otherwise must be `digest` where one is given. MalformedData where it is not as specified.
    """
    oid = algorithm_oid(algorithm)
    hashed = _ECDSA_WITH.get(oid) or _RSA_WITH.get(oid) or (digest if oid == _RSA else "")
    try:
        if isinstance(key, ed25519.Ed25519PublicKey) and oid == _ED25519:
            key.verify(signature, message)
            return
        if isinstance(key, ec.EllipticCurvePublicKey) and oid in _ECDSA_WITH:
            key.verify(signature, message, ec.ECDSA(_HASHES[hashed]()))
        elif isinstance(key, rsa.RSAPublicKey) and oid == _PSS:
            hashed, salt = _pss(algorithm)
            chosen = _HASHES[hashed]()
            key.verify(signature, message, padding.PSS(padding.MGF1(chosen), salt), chosen)
        elif isinstance(key, rsa.RSAPublicKey) and hashed and oid not in _ECDSA_WITH:
            key.verify(signature, message, padding.PKCS1v15(), _HASHES[hashed]())
        else:
            raise VerificationFailed(
                f"a signature by the algorithm {quoted(oid)}, or with a key that is not of it, is not "
                "verified here"
            )
    except (InvalidSignature, ValueError) as error:
        raise VerificationFailed("a timestamp token's signature does not hold") from error
    if digest and hashed != digest:
        raise VerificationFailed(
            "a timestamp token's signature is over another hash than it states"
        )


def known_digest(algorithm: Element) -> str:
    """Return the name of a hash function. Raises MalformedData, VerificationFailed."""
    oid = algorithm_oid(algorithm)
    if oid not in DIGESTS:
        raise VerificationFailed(f"the hash function {quoted(oid)} is not verified here")
    return DIGESTS[oid]


def load_key(certificate: bytes) -> object:
    """Return a certificate's public key. Raises VerificationFailed for one that is of no use here."""
    try:
        loaded = x509.load_der_x509_certificate(certificate)
        key = loaded.public_key()
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        raise VerificationFailed("a timestamp authority's certificate cannot be read") from error
    except UnsupportedAlgorithm:
        key = None
    if (
        isinstance(key, ed25519.Ed25519PublicKey)
        or (isinstance(key, rsa.RSAPublicKey) and MIN_RSA <= key.key_size <= MAX_RSA)
        or (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES)
    ):
        return key
    raise VerificationFailed(
        "a timestamp authority's key is not verified here: "
        f"{quoted(loaded.public_key_algorithm_oid.dotted_string)}, or of another size"
    )


def _attributes(signed: bytes) -> dict[str, bytes]:
    """Return the one value of each signed attribute."""
    found: dict[str, bytes] = {}
    for attribute in der.children(der.read(signed), der.SET):
        fields = der.children(attribute, der.SEQUENCE)
        if len(fields) != 2 or fields[1].tag != der.SET:
            raise MalformedData("a timestamp token's signed attribute is not as specified")
        name = der.parse_oid(fields[0])
        values = der.children(fields[1])
        if len(values) != 1 or name in found:
            raise MalformedData("a timestamp token's signed attribute stands there twice")
        found[name] = values[0].raw
    return found


def _certificate(
    sid: Element, attributes: dict[str, bytes], candidates: tuple[bytes, ...]
) -> bytes:
    """Return the candidate that the signer names: by `sid`, and by hash in the signed attributes."""
    named = [
        _ess(attributes[name], name)
        for name in (_SIGNING_CERTIFICATE, _SIGNING_CERTIFICATE_V2)
        if name in attributes
    ]
    if not named:
        raise VerificationFailed(
            "a timestamp token does not name its certificate under its signature"
        )
    for each in candidates:
        if all(_agrees(each, ess) for ess in named) and _is_named(each, sid):
            return each
    if any(_is_named(each, sid) for each in candidates):
        raise VerificationFailed(
            "a timestamp token names one certificate under its signature and another beside it"
        )
    raise VerificationFailed(
        "a timestamp token brings no certificate of its signer; add it to the validation data"
    )


def _ess(value: bytes, name: str) -> tuple[str, bytes, Element | None]:
    """Return hash function, hash and IssuerSerial of the first ESSCertID or ESSCertIDv2."""
    fields = der.children(der.read(value), der.SEQUENCE)
    first = der.children(fields[0], der.SEQUENCE) if fields else ()
    parts = list(der.children(first[0], der.SEQUENCE)) if first else []
    digest = "sha1"
    if name == _SIGNING_CERTIFICATE_V2:
        stated = parts and parts[0].tag == der.SEQUENCE
        digest = known_digest(parts.pop(0)) if stated else "sha256"
    if not 1 <= len(parts) <= 2 or parts[0].tag != der.OCTET_STRING:
        raise MalformedData("a timestamp token's signing certificate is not named as specified")
    return digest, parts[0].content, parts[1] if len(parts) == 2 else None


def _agrees(certificate: bytes, ess: tuple[str, bytes, Element | None]) -> bool:
    digest, hashed, issuer_serial = ess
    # SHA-1 of RFC 2634: a second certificate for a given hash is beyond anybody, RFC 5816 section 3.
    if hashlib.new(digest, certificate, usedforsecurity=False).digest() != hashed:
        return False
    if issuer_serial is None:
        return True
    issuer, serial = _issuer_serial(certificate)
    expected = der.sequence(der.sequence(der.encode(_DIRECTORY_NAME, issuer)), serial)
    return issuer_serial.raw == expected


def _is_named(certificate: bytes, sid: Element) -> bool:
    try:
        if sid.tag == der.SEQUENCE:
            return der.sequence(*_issuer_serial(certificate)) == sid.raw
        loaded = x509.load_der_x509_certificate(certificate)
        identifier = loaded.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return identifier.value.digest == sid.content
    except (MalformedData, ValueError, x509.InvalidVersion, x509.ExtensionNotFound,
            x509.DuplicateExtension):  # fmt: skip
        return False


def _issuer_serial(certificate: bytes) -> tuple[bytes, bytes]:
    """Return issuer and serial number, as they are encoded."""
    outer = der.children(der.read(certificate), der.SEQUENCE)
    fields = der.children(outer[0], der.SEQUENCE) if outer else ()
    fields = fields[1:] if fields and fields[0].tag == der.context(0) else fields
    if len(fields) < 3:
        raise MalformedData("a timestamp authority's certificate is not as specified")
    return fields[2].raw, fields[0].raw


def _pss(algorithm: Element) -> tuple[str, int]:
    """Return hash function and salt's length of RSASSA-PSS. MGF1 must be over the same function."""
    _, *parameters = der.children(algorithm)
    fields = {each.tag: each for each in (der.children(parameters[0]) if parameters else ())}
    found = [der.children(fields[tag]) for tag in map(der.context, (0, 1, 2)) if tag in fields]
    if len(found) != 3 or any(len(each) != 1 for each in found):
        raise VerificationFailed("RSASSA-PSS with SHA-1 is not verified here")
    (hashed,), (mask,), (salt,) = found
    digest = known_digest(hashed)
    mask_fields = der.children(mask)
    if (
        algorithm_oid(mask) != _MGF1
        or len(mask_fields) != 2
        or known_digest(mask_fields[1]) != digest
    ):
        raise VerificationFailed("RSASSA-PSS with two hash functions is not verified here")
    return digest, der.parse_integer(salt)
