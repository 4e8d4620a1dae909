"""Signed requests: HTTP Message Signatures (RFC 9421) by an account's Ed25519 key, both sides.

    Content-Digest: sha-256=:...:                                        (RFC 9530; whole bodies only)
    Sealbook-Ledger: "notary.example/ledger"
    Signature-Input: sealbook=("@method" "@path" "@query" "sealbook-ledger" "content-digest");
        created=1790000000;keyid="<thumbprint in hex>";alg="ed25519";nonce="<32 hex>";tag="sealbook"

What is covered is fixed by the kind of request, and nothing else is accepted: `BARE` without a body,
`WHOLE` with one, `UPLOAD` for a piece of a payload, which is not hashed beforehand: its place and the
payload's size are signed, and the root in the path authenticates all pieces together.

`@authority` and `@scheme` are not covered: behind a proxy the notary sees another host name and plain
HTTP. What they would prevent, that a request for one notary is handed to another, `sealbook-ledger`
prevents: the notary accepts only its own ledger's name. A proxy must leave path and query as they are.

A request counts for `WINDOW` seconds around `created`, and its nonce once.

Specification: https://www.rfc-editor.org/rfc/rfc9421
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
)
from http_message_signatures.algorithms import HTTPSignatureAlgorithm
from http_message_signatures.digests import ContentDigest
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from ledger.crypto.keys import SigningKey, verify_ed25519
from ledger.encoding import parse_hex
from ledger.errors import MalformedData, NotAuthenticated, SealbookError
from ledger.quoted import quoted

TAG = "sealbook"
LEDGER_HEADER = "sealbook-ledger"
WINDOW = 300
"""Seconds that the two clocks, and the way, may take. Nonces are kept that long."""
NONCE_BYTES = 16
KEY_ID_SIZE = 32

BARE = ("@method", "@path", "@query", LEDGER_HEADER)
WHOLE = (*BARE, "content-digest")
UPLOAD = (*BARE, "upload-offset", "upload-length")


@dataclass(frozen=True, slots=True)
class Message:
    """A request line and its header fields, names in lower case; `target` is path and query."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def url(self) -> str:
        """An absolute form, as the library wants one; scheme and host are never covered."""
        return "http://notary.invalid" + self.target


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """Who signed a request, verified. Its nonce is still to be remembered, until `expires`."""

    key_id: bytes
    nonce: bytes
    expires: int


PublicKey = Callable[[bytes], bytes | None]
"""Return the Ed25519 public key with a thumbprint, None for an unknown one."""


def sign_request(
    message: Message,
    key: SigningKey,
    ledger: str,
    *,
    body: bytes | None,
    now: int,
    nonce: bytes,
) -> dict[str, str]:
    """Return the header fields of `message` with those that sign it for the ledger `ledger`.

    `body` is the whole body, None for a request without one or for a piece of an upload, whose
    Upload-Offset and Upload-Length are in the message. `nonce` is 16 random bytes.
    """
    signed = Message(
        message.method, message.target, {**message.headers, LEDGER_HEADER: f'"{ledger}"'}
    )
    # With a body the library adds its digest, as field and as component: WHOLE.
    covered = UPLOAD if "upload-offset" in signed.headers else BARE
    signer = HTTPMessageSigner(signature_algorithm=_Ed25519, key_resolver=_Keys(private=key))
    signer.sign(
        signed,
        key_id=key.thumbprint.hex(),
        created=datetime.fromtimestamp(now, UTC),
        nonce=nonce.hex(),
        label=TAG,
        tag=TAG,
        covered_component_ids=covered,
        body=body,
    )
    return {name.lower(): value for name, value in signed.headers.items()}


def verify_request(
    message: Message,
    ledger: str,
    public_key: PublicKey,
    *,
    covered: Sequence[str],
    now: float,
) -> SignedRequest:
    """Return who signed the request; `covered` is BARE, WHOLE or UPLOAD.

    Raises NotAuthenticated, without saying whether the key is known. Still for the caller to check: a
    whole body with `verify_body`, and then that the nonce is new.
    """
    if message.headers.get(LEDGER_HEADER) != f'"{ledger}"':
        raise NotAuthenticated(
            f"The request is not signed for the ledger {quoted(ledger)}; send {LEDGER_HEADER} "
            "and sign it."
        )
    verifier = _Verifier(now, public_key)
    try:
        (result,) = verifier.verify(message, max_age=None, expect_tag=TAG)
        parameters: Mapping[str, Any] = result.parameters
        names = {f'"{name}"' for name in covered} | {'"@signature-params"'}
        if set(result.covered_components) != names:
            raise _rejected()
        nonce = parse_hex(parameters["nonce"], NONCE_BYTES)
        key_id = parse_hex(parameters["keyid"], KEY_ID_SIZE)
        return SignedRequest(key_id, nonce, parameters["created"] + WINDOW)
    except (HTTPMessageSignaturesException, MalformedData, KeyError, ValueError) as error:
        if verifier.keys.failed is not None:
            raise verifier.keys.failed from error
        raise _rejected() from error


def verify_body(message: Message, body: bytes) -> None:
    """Raise NotAuthenticated unless `body` has the digest that the message, signed WHOLE, names."""
    try:
        ContentDigest.verify(message.headers["content-digest"], body)
    except (HTTPMessageSignaturesException, KeyError, ValueError) as error:
        raise NotAuthenticated(
            "The request's body is not the one that was signed; send the request again."
        ) from error


def _rejected() -> NotAuthenticated:
    return NotAuthenticated(
        "The request's signature is missing, wrong or too old. Check that this computer's clock is "
        "right and that the key belongs to an account here."
    )


class _Ed25519(HTTPSignatureAlgorithm):
    """Ed25519 through libsodium, which refuses malleable signatures and small-order keys."""

    algorithm_id = "ed25519"

    def __init__(
        self, public_key: bytes | None = None, private_key: SigningKey | None = None
    ) -> None:
        self._public = public_key
        self._private = private_key

    def sign(self, message: bytes) -> bytes:
        assert self._private is not None
        return self._private.sign(message)

    def verify(self, signature: bytes, message: bytes) -> None:
        assert self._public is not None
        verify_ed25519(self._public, message, signature)


class _Keys(HTTPSignatureKeyResolver):
    def __init__(self, private: SigningKey | None = None, public: PublicKey | None = None) -> None:
        self._private, self._public = private, public
        self.failed: SealbookError | None = None
        """Why the keys could not be asked for."""

    def resolve_private_key(self, key_id: str) -> SigningKey:
        assert self._private is not None and self._private.thumbprint.hex() == key_id
        return self._private

    def resolve_public_key(self, key_id: str) -> bytes | None:
        assert self._public is not None
        wanted = parse_hex(key_id, KEY_ID_SIZE)
        try:
            return self._public(wanted)
        except SealbookError as error:  # which the library would take for a bad signature
            self.failed = error
            raise


class _Verifier(HTTPMessageVerifier):
    """The library's verifier, by the caller's clock."""

    def __init__(self, now: float, public_key: PublicKey) -> None:
        self.keys = _Keys(public=public_key)
        super().__init__(signature_algorithm=_Ed25519, key_resolver=self.keys)
        self._now = now

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:  # noqa: ARG002
        created = sig_input.params.get("created")
        if type(created) is not int or abs(self._now - created) > WINDOW:
            raise InvalidSignature("created is missing or outside the window")
        if "expires" in sig_input.params:
            raise InvalidSignature("expires is not used here")
