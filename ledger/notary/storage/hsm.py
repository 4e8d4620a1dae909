"""Keys in a PKCS#11 token: the log's Ed25519 key and the seal's P-256 key never leave it.

The token is asked anew before each block, and opened anew once it is back; while it is gone the notary
signs nothing. ML-DSA-44 has no mechanism in PKCS#11 2.40 or in the tokens of today: that key is a file.

Specification: PKCS#11 v3.0 (CKM_EDDSA, CKM_ECDSA, CKM_EC_EDWARDS_KEY_PAIR_GEN), through python-pkcs11.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from ledger.crypto import der
from ledger.crypto.keys import ED25519_PUBLIC_SIZE, thumbprint_ed25519, thumbprint_p256
from ledger.errors import Conflict, InvalidInput, MalformedData, NotSigning
from ledger.notary.health import Reason
from ledger.notary.ports import TokenPlace
from ledger.quoted import quoted

T = TypeVar("T")

LOG, SEAL = "log", "seal"
_ED25519, _P256 = "1.3.101.112", "secp256r1"


class KeyToken:
    """A token that holds the keys of one ledger, under the labels "<origin> log" and "<origin> seal".

    Every method may be called from any thread, and raises NotSigning while the token cannot be used.
    """

    def __init__(self, place: TokenPlace, origin: str, directory: Path) -> None:
        self._place = place
        self._origin = origin
        self._pin_file = directory / place.pin_file
        self._lock = threading.Lock()
        self._session: pkcs11.Session | None = None
        self._keys: dict[str, Any] = {}

    @property
    def log(self) -> "TokenSigningKey":
        """The log's key of type 0x01."""
        point = self._use(lambda session: self._point(session, LOG))
        if len(point) != ED25519_PUBLIC_SIZE:
            raise InvalidInput(f"{self._named(LOG)} is no Ed25519 key.")
        return TokenSigningKey(self, point)

    @property
    def seal(self) -> "TokenSealKey":
        """The key that seals."""
        point = self._use(lambda session: self._point(session, SEAL))
        try:
            public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        except ValueError as error:
            raise InvalidInput(f"{self._named(SEAL)} is no P-256 key.") from error
        return TokenSealKey(self, public)

    def generate(self) -> None:
        """Make both keys inside the token. Raises Conflict where one is there already."""
        self._use(self._generate, writing=True)

    def require_held(self) -> None:
        """Raise NotSigning unless the token answers and holds both keys."""
        self._use(lambda session: [self._key(session, use)[Attribute.LABEL] for use in (LOG, SEAL)])

    def sign(self, use: str, mechanism: Mechanism, message: bytes) -> bytes:
        """Return the signature that the token makes."""
        return self._use(
            lambda session: bytes(self._key(session, use).sign(message, mechanism=mechanism))
        )

    def _use(self, action: Callable[[pkcs11.Session], T], *, writing: bool = False) -> T:
        """Return what `action` does with an open session; a session that fails is opened anew once."""
        with self._lock:
            for attempt in (1, 2):
                try:
                    return action(self._open(writing))
                except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
                    self._session = None
                    self._keys.clear()
                    if attempt == 2:
                        raise self._gone(error) from error
            raise AssertionError

    def _open(self, writing: bool) -> "pkcs11.Session":
        if self._session is None:
            library = pkcs11.lib(self._place.module)
            library.reinitialize()
            token = library.get_token(token_label=self._place.label)
            pin = self._pin_file.read_text().strip()
            self._session = token.open(user_pin=pin, rw=writing)
        return self._session

    def _key(self, session: "pkcs11.Session", use: str) -> Any:
        if use not in self._keys:
            self._keys[use] = session.get_key(
                object_class=ObjectClass.PRIVATE_KEY, label=self._label(use)
            )
        return self._keys[use]

    def _point(self, session: "pkcs11.Session", use: str) -> bytes:
        """Return the public key's point: raw in some tokens, inside an OCTET STRING in others."""
        key = session.get_key(object_class=ObjectClass.PUBLIC_KEY, label=self._label(use))
        point = bytes(key[Attribute.EC_POINT])
        if use == LOG and len(point) == ED25519_PUBLIC_SIZE:
            return point
        try:
            return der.read(point).content
        except MalformedData:
            return point

    def _generate(self, session: "pkcs11.Session") -> None:
        for use in (LOG, SEAL):
            if next(iter(session.get_objects({Attribute.LABEL: self._label(use)})), None):
                raise Conflict(
                    f"{self._named(use)} is in the token already. Choose another token or origin."
                )
        for use, kind, curve, mechanism in (
            (LOG, KeyType.EC_EDWARDS, der.oid(_ED25519), Mechanism.EC_EDWARDS_KEY_PAIR_GEN),
            (SEAL, KeyType.EC, encode_named_curve_parameters(_P256), Mechanism.EC_KEY_PAIR_GEN),
        ):
            parameters = session.create_domain_parameters(
                kind, {Attribute.EC_PARAMS: curve}, local=True
            )
            parameters.generate_keypair(mechanism=mechanism, label=self._label(use), store=True)

    def _label(self, use: str) -> str:
        return f"{self._origin} {use}"

    def _named(self, use: str) -> str:
        return f"The key {quoted(self._label(use))} of the token {quoted(self._place.label)}"

    def _gone(self, error: Exception) -> NotSigning:
        return NotSigning(
            Reason.KEYS_GONE,
            "The notary's key token does not answer; nothing is entered until it is back. Nothing was "
            "lost: keep the deposit and send it again later.",
            f"the token {quoted(self._place.label)} of {quoted(self._place.module)} cannot be used "
            f"({quoted(type(error).__name__)} {quoted(str(error))}). Plug it in or start its service, "
            f"and see that {quoted(self._pin_file)} holds its PIN; the notary then goes on by itself",
        )


@dataclass(frozen=True)
class TokenSigningKey:
    """An Ed25519 key inside a token. `public` has 32 bytes."""

    token: KeyToken = field(repr=False)
    public: bytes

    @property
    def thumbprint(self) -> bytes:
        """The key id, 32 bytes."""
        return thumbprint_ed25519(self.public)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature (RFC 8032). Raises NotSigning."""
        return self.token.sign(LOG, Mechanism.EDDSA, message)


@dataclass(frozen=True)
class TokenSealKey:
    """An ECDSA P-256 key inside a token."""

    token: KeyToken = field(repr=False)
    public: ec.EllipticCurvePublicKey

    @cached_property
    def thumbprint(self) -> bytes:
        """The key id, 32 bytes."""
        return thumbprint_p256(self.public)

    def sign(self, message: bytes) -> bytes:
        """Return r and s, 32 bytes each. Raises NotSigning."""
        return self.token.sign(SEAL, Mechanism.ECDSA, sha256(message).digest())
