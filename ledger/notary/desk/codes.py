"""One-time codes (TOTP, RFC 6238), by the library `pyotp`: for whoever has no passkey."""

import base64
import hmac
from collections.abc import Callable

import pyotp

STEP = 30
"""Seconds that a code is shown for."""
_SECRET = 20
_AROUND = (0, -1, 1)
"""Steps by which a telephone's clock may be off."""


def new_secret(random: Callable[[int], bytes]) -> str:
    """Return a secret, base32, 160 bits as RFC 4226 recommends."""
    return base64.b32encode(random(_SECRET)).decode()


def address_of(secret: str, name: str, issuer: str) -> str:
    """Return the `otpauth:` address that an application takes in."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)


def step_of(secret: str, code: str, now: int, after: int) -> int | None:
    """Return the time step whose code this is, None where it is none or was used up (`after`).

    RFC 6238 section 5.2: a code counts once, and no older one after it.
    """
    typed = "".join(code.split())
    generate = pyotp.HOTP(secret).at
    steps = [now // STEP + each for each in _AROUND]
    found = [
        step
        for step in steps
        if hmac.compare_digest(generate(step).encode(), typed.encode()) and step > after
    ]
    return found[0] if found else None
