"""age recipients and identities: how a file key is wrapped in a stanza, and unwrapped.

https://c2sp.org/age, "Native recipient types". Envelopes are written to `mlkem768x25519` (post-quantum
hybrid), identity files to a passphrase (`scrypt`). X25519 files are read, and written for readers
that know nothing newer.

Every stanza's body is checked to be 32 bytes before it is decrypted: a longer one could be crafted to
open under several keys (a partitioning oracle).
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import shake_256
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ledger.crypto.bech32 import format_bech32, parse_bech32
from ledger.encoding import parse_decimal
from ledger.errors import InvalidInput, MalformedData
from ledger.quoted import quoted

FILE_KEY_SIZE = 16
SEED_SIZE = 32
WORK_FACTOR = 18
"""log2 of scrypt's N for files that we write: about a second and 256 MiB."""
MAX_WORK_FACTOR = 22
"""log2 of the largest N that is computed: 4 GiB of memory. More is refused before the work."""
MAX_IDENTITY_FILE = 1 << 20
"""Size of an identity file in characters; one identity has about 80."""

_WRAPPED_SIZE = FILE_KEY_SIZE + 16
_SALT_SIZE = 16
_ENCAPSULATED_SIZE = 1088 + 32
_ML_KEM_PUBLIC_SIZE = 1184
_HYBRID_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_HYBRID_INFO = b"age-encryption.org/mlkem768x25519"
_X25519_INFO = b"age-encryption.org/v1/X25519"
_SCRYPT_LABEL = b"age-encryption.org/v1/scrypt"
_ZERO_NONCE = bytes(12)

Random = Callable[[int], bytes]
"""A source of that many unpredictable bytes: `secrets.token_bytes`."""


@dataclass(frozen=True, slots=True)
class Stanza:
    """One recipient's line in a header: its type, further arguments, and the wrapped file key."""

    kind: str
    arguments: tuple[str, ...]
    body: bytes


class Identity(Protocol):
    """Something that can unwrap file keys."""

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Return the file key, None if no stanza is for us. Raises MalformedData."""
        ...


class Recipient(Protocol):
    """Something that a file key can be wrapped for."""

    @property
    def label(self) -> str:
        """Recipients of one file must share it: "postquantum", "classical" or "passphrase"."""
        ...

    def wrap(self, file_key: bytes, random: Random) -> Stanza:
        """Return the stanza that gives `file_key` (16 bytes) to this recipient."""
        ...


def b64encode_raw(data: bytes) -> str:
    """Return standard base64 without padding, as age headers have it."""
    return base64.b64encode(data).decode("ascii").rstrip("=")


def b64decode_raw(text: str) -> bytes:
    """Return the bytes of canonical base64 without padding. Raises MalformedData."""
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise MalformedData("the age header holds something that is not base64") from error
    if b64encode_raw(data) != text:
        raise MalformedData("the age header holds base64 that is not canonical")
    return data


@dataclass(frozen=True)
class HybridRecipient:
    """`age1pq1...`: 1,184 bytes of ML-KEM-768 and 32 of X25519."""

    public: bytes

    @property
    def label(self) -> str:
        return "postquantum"

    def wrap(self, file_key: bytes, random: Random) -> Stanza:  # noqa: ARG002
        # HPKE draws the encapsulation's randomness from the operating system; it takes no other.
        sealed = _HYBRID_SUITE.encrypt(file_key, self._key, _HYBRID_INFO)
        share, body = sealed[:_ENCAPSULATED_SIZE], sealed[_ENCAPSULATED_SIZE:]
        return Stanza("mlkem768x25519", (b64encode_raw(share),), body)

    @cached_property
    def _key(self) -> MLKEM768X25519PublicKey:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(self.public[:_ML_KEM_PUBLIC_SIZE]),
            X25519PublicKey.from_public_bytes(self.public[_ML_KEM_PUBLIC_SIZE:]),
        )

    def __str__(self) -> str:
        return format_bech32("age1pq", self.public)


@dataclass(frozen=True)
class HybridIdentity:
    """`AGE-SECRET-KEY-PQ-1...`: a seed of 32 bytes (draft-ietf-hpke-pq-03, MLKEM768-X25519)."""

    seed: bytes = field(repr=False)

    @cached_property
    def _keys(self) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        expanded = shake_256(self.seed).digest(64 + 32)
        return (
            MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
            X25519PrivateKey.from_private_bytes(expanded[64:]),
        )

    def recipient(self) -> HybridRecipient:
        """Return the public half."""
        ml_kem, x25519 = self._keys
        return HybridRecipient(
            ml_kem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        )

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        ml_kem, x25519 = self._keys
        key = MLKEM768X25519PrivateKey(ml_kem, x25519)
        for stanza in stanzas:
            if stanza.kind != "mlkem768x25519":
                continue
            share = _share(stanza, _ENCAPSULATED_SIZE)
            _exchange(x25519, share[-32:])
            try:
                return _HYBRID_SUITE.decrypt(share + stanza.body, key, _HYBRID_INFO)
            except InvalidTag:
                continue
        return None

    def __str__(self) -> str:
        return format_bech32("AGE-SECRET-KEY-PQ-", self.seed)


@dataclass(frozen=True, slots=True)
class X25519Recipient:
    """`age1...`: 32 bytes. Not secure against a quantum computer."""

    public: bytes

    @property
    def label(self) -> str:
        return "classical"

    def wrap(self, file_key: bytes, random: Random) -> Stanza:
        ephemeral = X25519PrivateKey.from_private_bytes(random(SEED_SIZE))
        share = ephemeral.public_key().public_bytes_raw()
        key = _x25519_wrap_key(_exchange(ephemeral, self.public), share, self.public)
        return Stanza("X25519", (b64encode_raw(share),), _seal(key, file_key))

    def __str__(self) -> str:
        return format_bech32("age", self.public)


@dataclass(frozen=True)
class X25519Identity:
    """`AGE-SECRET-KEY-1...`: 32 bytes."""

    seed: bytes = field(repr=False)

    def recipient(self) -> X25519Recipient:
        """Return the public half."""
        key = X25519PrivateKey.from_private_bytes(self.seed)
        return X25519Recipient(key.public_key().public_bytes_raw())

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        key = X25519PrivateKey.from_private_bytes(self.seed)
        for stanza in stanzas:
            if stanza.kind != "X25519":
                continue
            share = _share(stanza, 32)
            wrap_key = _x25519_wrap_key(_exchange(key, share), share, self.recipient().public)
            file_key = _open(wrap_key, stanza.body)
            if file_key is not None:
                return file_key
        return None

    def __str__(self) -> str:
        return format_bech32("AGE-SECRET-KEY-", self.seed)


@dataclass(frozen=True, slots=True)
class ScryptRecipient:
    """A passphrase; must be a file's only recipient."""

    passphrase: str = field(repr=False)
    work_factor: int = WORK_FACTOR

    @property
    def label(self) -> str:
        return "passphrase"

    def wrap(self, file_key: bytes, random: Random) -> Stanza:
        salt = random(_SALT_SIZE)
        key = _scrypt(self.passphrase, salt, self.work_factor)
        return Stanza("scrypt", (b64encode_raw(salt), str(self.work_factor)), _seal(key, file_key))


@dataclass(frozen=True, slots=True)
class ScryptIdentity:
    """A passphrase, and the largest work factor that is computed for it."""

    passphrase: str = field(repr=False)
    max_work_factor: int = MAX_WORK_FACTOR

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        for stanza in stanzas:
            if stanza.kind != "scrypt":
                continue
            if len(stanza.arguments) != 2 or len(stanza.body) != _WRAPPED_SIZE:
                raise MalformedData("the age header's passphrase stanza has the wrong form")
            salt = b64decode_raw(stanza.arguments[0])
            work_factor = parse_decimal(stanza.arguments[1])
            if len(salt) != _SALT_SIZE or work_factor == 0:
                raise MalformedData("the age header's passphrase stanza has the wrong form")
            if work_factor > self.max_work_factor:
                raise MalformedData(
                    f"the age file asks for scrypt work 2^{work_factor}; "
                    f"the limit is 2^{self.max_work_factor}"
                )
            return _open(_scrypt(self.passphrase, salt, work_factor), stanza.body)
        return None


def parse_recipient(text: str) -> HybridRecipient | X25519Recipient:
    """Return the recipient written as `age1pq1...` or `age1...`. Raises MalformedData."""
    prefix, data = parse_bech32(text)
    if prefix == "age1pq" and len(data) == _ML_KEM_PUBLIC_SIZE + 32:
        recipient = HybridRecipient(data)
        try:
            _ = recipient._key
        except ValueError as error:
            raise MalformedData("the age recipient holds no valid ML-KEM-768 key") from error
        return recipient
    if prefix == "age" and len(data) == 32:
        return X25519Recipient(data)
    raise MalformedData("not an age recipient: it must start with age1pq1 or age1")


def parse_identity(text: str) -> HybridIdentity | X25519Identity:
    """Return the identity written as `AGE-SECRET-KEY-PQ-1...` or `AGE-SECRET-KEY-1...`.

    Raises MalformedData.
    """
    prefix, data = parse_bech32(text)
    if prefix == "AGE-SECRET-KEY-PQ-" and len(data) == SEED_SIZE:
        return HybridIdentity(data)
    if prefix == "AGE-SECRET-KEY-" and len(data) == SEED_SIZE:
        return X25519Identity(data)
    raise MalformedData("not an age identity: it must start with AGE-SECRET-KEY-")


def parse_identity_file(text: str) -> tuple[HybridIdentity | X25519Identity, ...]:
    """Return the identities of a file as `age-keygen` writes it: one a line, `#` for comments.

    Raises MalformedData, also when there is none.
    """
    if len(text) > MAX_IDENTITY_FILE:
        raise MalformedData("the identity file is too large")
    lines = [line.strip() for line in text.splitlines()]
    identities = tuple(parse_identity(line) for line in lines if line and not line.startswith("#"))
    if not identities:
        raise MalformedData("the identity file holds no identity")
    return identities


def _share(stanza: Stanza, size: int) -> bytes:
    if len(stanza.arguments) != 1 or len(stanza.body) != _WRAPPED_SIZE:
        raise MalformedData(f"the age header's {quoted(stanza.kind)} stanza has the wrong form")
    share = b64decode_raw(stanza.arguments[0])
    if len(share) != size:
        raise MalformedData(f"the age header's {quoted(stanza.kind)} stanza has the wrong form")
    return share


def _exchange(key: X25519PrivateKey, share: bytes) -> bytes:
    try:
        return key.exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError as error:
        # A share of low order gives an all-zero secret that everyone knows.
        raise MalformedData("an X25519 share has low order and is refused") from error


def _x25519_wrap_key(secret: bytes, share: bytes, public: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=share + public, info=_X25519_INFO).derive(secret)


def _scrypt(passphrase: str, salt: bytes, work_factor: int) -> bytes:
    if not 1 <= work_factor <= MAX_WORK_FACTOR:
        raise InvalidInput(f"scrypt work factor {work_factor} is not within 1..{MAX_WORK_FACTOR}")
    kdf = Scrypt(_SCRYPT_LABEL + salt, length=32, n=1 << work_factor, r=8, p=1)
    return kdf.derive(passphrase.encode("utf-8", "surrogateescape"))


def _seal(key: bytes, file_key: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(_ZERO_NONCE, file_key, None)


def _open(key: bytes, body: bytes) -> bytes | None:
    try:
        return ChaCha20Poly1305(key).decrypt(_ZERO_NONCE, body, None)
    except InvalidTag:
        return None
