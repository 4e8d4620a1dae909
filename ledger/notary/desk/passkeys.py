"""Passkeys (WebAuthn), by the library `webauthn`: what a browser is asked, and what its answer proves.

User verification is always required: a passkey is then something one has and a PIN or a finger at once.
No attestation is asked for: the office hands out the links and sees who comes.

The library is imported where it is used: loading it is a tenth of a service's start.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ledger.errors import VerificationFailed

if TYPE_CHECKING:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

MAX_ANSWER = 16_384
"""Characters of what a browser answers."""
_TIMEOUT = 120_000


@dataclass(frozen=True, slots=True)
class Site:
    """Where the office is reached: the origin that browsers send, and the domain of its passkeys."""

    origin: str
    domain: str
    name: str


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as it is kept. `uses` is the authenticator's own count, 0 where it keeps none."""

    id: bytes
    public: bytes
    uses: int


def creation_options(
    site: Site, challenge: bytes, handle: bytes, name: str, known: Sequence[bytes]
) -> str:
    """Return what `navigator.credentials.create` is asked, as JSON."""
    import webauthn
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = webauthn.generate_registration_options(
        rp_id=site.domain,
        rp_name=site.name,
        user_name=name,
        user_id=handle,
        challenge=challenge,
        timeout=_TIMEOUT,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(each) for each in known],
        supported_pub_key_algs=_algorithms(),
    )
    return webauthn.options_to_json(options)


def request_options(site: Site, challenge: bytes, known: Sequence[bytes] = ()) -> str:
    """Return what `navigator.credentials.get` is asked, as JSON; without `known`, of anybody."""
    import webauthn
    from webauthn.helpers.structs import (
        PublicKeyCredentialDescriptor,
        UserVerificationRequirement,
    )

    options = webauthn.generate_authentication_options(
        rp_id=site.domain,
        challenge=challenge,
        timeout=_TIMEOUT,
        allow_credentials=[PublicKeyCredentialDescriptor(each) for each in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def verify_created(site: Site, challenge: bytes, answer: str) -> Passkey:
    """Return the passkey that a browser has made. Raises VerificationFailed."""
    import webauthn

    try:
        found = webauthn.verify_registration_response(
            credential=_parse(answer),
            expected_challenge=challenge,
            expected_rp_id=site.domain,
            expected_origin=site.origin,
            require_user_verification=True,
            supported_pub_key_algs=_algorithms(),
        )
    except Exception as error:
        raise VerificationFailed("The new passkey could not be accepted; try once more.") from error
    return Passkey(found.credential_id, found.credential_public_key, found.sign_count)


def verify_used(site: Site, challenge: bytes, answer: str, passkey: Passkey) -> int:
    """Return the count of a passkey that has answered the challenge. Raises VerificationFailed."""
    import webauthn

    try:
        return webauthn.verify_authentication_response(
            credential=_parse(answer),
            expected_challenge=challenge,
            expected_rp_id=site.domain,
            expected_origin=site.origin,
            credential_public_key=passkey.public,
            credential_current_sign_count=passkey.uses,
            require_user_verification=True,
        ).new_sign_count
    except Exception as error:
        raise VerificationFailed("The passkey's answer does not hold; try once more.") from error


def named_in(answer: str) -> tuple[bytes, bytes]:
    """Return the passkey's id and the challenge, as an answer names them. Raises VerificationFailed."""
    from webauthn import base64url_to_bytes as decode

    try:
        value = _parse(answer)
        said = json.loads(decode(value["response"]["clientDataJSON"]))
        return decode(value["id"]), decode(said["challenge"])
    except Exception as error:
        raise VerificationFailed("The browser's answer cannot be read; try once more.") from error


def _algorithms() -> "list[COSEAlgorithmIdentifier]":
    from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm

    return [Algorithm.ECDSA_SHA_256, Algorithm.EDDSA, Algorithm.RSASSA_PKCS1_v1_5_SHA_256]


def _parse(answer: str) -> dict[str, Any]:
    if len(answer) > MAX_ANSWER:
        raise VerificationFailed("The browser's answer is too large.")
    value = json.loads(answer)
    if not isinstance(value, dict):
        raise VerificationFailed("The browser's answer cannot be read.")
    return value
