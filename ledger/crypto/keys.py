"""Signing keys: Ed25519, ML-DSA-44, ECDSA P-256.

Ed25519 goes through libsodium, which verifies strictly (no small-order keys, no malleable signatures);
the rest through OpenSSL. A key's id is its RFC 9679 thumbprint: SHA-256 of the deterministic CBOR of
the COSE_Key's required members. Private keys rest in PKCS #8 PEM, which other software reads too.
"""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import CryptoError

from ledger.encoding import cbor_encode
from ledger.errors import MalformedData, VerificationFailed

ED25519_PUBLIC_SIZE = 32
ED25519_SIGNATURE_SIZE = 64
ML_DSA_44_PUBLIC_SIZE = 1312
ML_DSA_44_SIGNATURE_SIZE = 2420
P256_COORDINATE_SIZE = 32


class Ed25519Signer(Protocol):
    """An Ed25519 key that signs, wherever its private half lies."""

    @property
    def public(self) -> bytes:
        """The 32-byte public key."""
        ...

    @property
    def thumbprint(self) -> bytes:
        """The key id, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over `message` (RFC 8032)."""
        ...


class P256Signer(Protocol):
    """An ECDSA P-256 key that signs, wherever its private half lies."""

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """The public key."""
        ...

    @property
    def thumbprint(self) -> bytes:
        """The key id, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return r and s, 32 bytes each (RFC 9053 section 2.1)."""
        ...


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key, from its 32-byte seed."""

    seed: bytes = field(repr=False)

    @cached_property
    def _pair(self) -> tuple[bytes, bytes]:
        public, secret = crypto_sign_seed_keypair(self.seed)
        return public, secret

    @property
    def public(self) -> bytes:
        """The 32-byte public key."""
        return self._pair[0]

    @cached_property
    def thumbprint(self) -> bytes:
        """The key id, 32 bytes."""
        return thumbprint_ed25519(self.public)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over `message` (RFC 8032)."""
        return crypto_sign(message, self._pair[1])[:ED25519_SIGNATURE_SIZE]


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> None:
    """Raise VerificationFailed unless `signature` is `public`'s over `message`."""
    if len(public) != ED25519_PUBLIC_SIZE or len(signature) != ED25519_SIGNATURE_SIZE:
        raise VerificationFailed("the Ed25519 key or signature has the wrong length")
    try:
        crypto_sign_open(signature + message, public)
    except CryptoError as error:
        raise VerificationFailed("the Ed25519 signature does not hold") from error


@lru_cache(maxsize=4096)
def thumbprint_ed25519(public: bytes) -> bytes:
    """Return the RFC 9679 thumbprint of an Ed25519 key: {1: OKP, -1: Ed25519, -2: x}."""
    return sha256(cbor_encode({1: 1, -1: 6, -2: public})).digest()


@dataclass(frozen=True)
class MlDsaKey:
    """An ML-DSA-44 key (FIPS 204), from its 32-byte seed."""

    seed: bytes = field(repr=False)

    @cached_property
    def _private(self) -> mldsa.MLDSA44PrivateKey:
        return mldsa.MLDSA44PrivateKey.from_seed_bytes(self.seed)

    @cached_property
    def public(self) -> bytes:
        """The 1,312-byte public key."""
        return self._private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 2,420-byte signature over `message`, with an empty context."""
        return self._private.sign(message)


def verify_ml_dsa_44(public: bytes, message: bytes, signature: bytes) -> None:
    """Raise VerificationFailed unless `signature` is `public`'s over `message`."""
    try:
        key = mldsa.MLDSA44PublicKey.from_public_bytes(public)
        key.verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise VerificationFailed("the ML-DSA-44 signature does not hold") from error


@dataclass(frozen=True)
class SealKey:
    """An ECDSA P-256 key that signs COSE Receipts (ES256)."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """The public key."""
        return self.private.public_key()

    @cached_property
    def thumbprint(self) -> bytes:
        """The key id, 32 bytes."""
        return thumbprint_p256(self.public)

    def sign(self, message: bytes) -> bytes:
        """Return r and s, 32 bytes each (RFC 9053 section 2.1)."""
        r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(P256_COORDINATE_SIZE, "big") + s.to_bytes(P256_COORDINATE_SIZE, "big")


def verify_es256(public: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> None:
    """Raise VerificationFailed unless `signature` (r and s) is `public`'s over `message`."""
    if len(signature) != 2 * P256_COORDINATE_SIZE:
        raise VerificationFailed("the ES256 signature has the wrong length")
    r = int.from_bytes(signature[:P256_COORDINATE_SIZE], "big")
    s = int.from_bytes(signature[P256_COORDINATE_SIZE:], "big")
    try:
        public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise VerificationFailed("the ES256 signature does not hold") from error


def thumbprint_p256(public: ec.EllipticCurvePublicKey) -> bytes:
    """Return the RFC 9679 thumbprint of a P-256 key: {1: EC2, -1: P-256, -2: x, -3: y}."""
    numbers = public.public_numbers()
    x, y = (n.to_bytes(P256_COORDINATE_SIZE, "big") for n in (numbers.x, numbers.y))
    return sha256(cbor_encode({1: 2, -1: 1, -2: x, -3: y})).digest()


PrivateKey = SigningKey | MlDsaKey | SealKey


def format_pem(key: PrivateKey) -> bytes:
    """Return the private key as unencrypted PKCS #8 PEM."""
    private: ed25519.Ed25519PrivateKey | mldsa.MLDSA44PrivateKey | ec.EllipticCurvePrivateKey
    if isinstance(key, SigningKey):
        private = ed25519.Ed25519PrivateKey.from_private_bytes(key.seed)
    elif isinstance(key, MlDsaKey):
        private = mldsa.MLDSA44PrivateKey.from_seed_bytes(key.seed)
    else:
        private = key.private
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def format_public_pem(public: bytes) -> bytes:
    """Return an Ed25519 key's public half as a SubjectPublicKeyInfo in PEM (RFC 8410)."""
    return ed25519.Ed25519PublicKey.from_public_bytes(public).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def parse_pem(data: bytes) -> PrivateKey:
    """Return the key in an unencrypted PKCS #8 PEM. Raises MalformedData for any other kind."""
    try:
        private = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise MalformedData("not an unencrypted PKCS #8 private key") from error
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return SigningKey(private.private_bytes_raw())
    if isinstance(private, mldsa.MLDSA44PrivateKey):
        return MlDsaKey(private.private_bytes_raw())
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name == "secp256r1":
        return SealKey(private)
    raise MalformedData("not an Ed25519, ML-DSA-44 or P-256 private key")
