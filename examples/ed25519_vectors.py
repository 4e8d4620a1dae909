"""Ed25519 where implementations differ: signatures at the edges of RFC 8032, and which of them hold.

Each equation is `S B = R + k A`, with or without points of small order in it. Most libraries agree with
themselves and not with each other; what a verifier of ours decides is one of the formats.
"""

import json
from hashlib import sha512

from nacl.bindings import (
    crypto_core_ed25519_add,
    crypto_scalarmult_ed25519_base_noclamp,
    crypto_sign_seed_keypair,
)

MESSAGE = b"sealbook example: Ed25519"
ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19
EIGHTH = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
"""A point of order 8."""
NEUTRAL = (1).to_bytes(32, "little")
NEUTRAL_AGAIN = (PRIME + 1).to_bytes(32, "little")
"""The same point, in an encoding that is not canonical."""
SEED = bytes(range(32))


def ed25519_cases() -> bytes:
    """Return the cases as JSON: what each is, its bytes in hex, and whether the signature holds."""
    public, _ = crypto_sign_seed_keypair(SEED)
    secret = int.from_bytes(sha512(SEED).digest()[:32], "little") & (1 << 254) - 8 | 1 << 254
    mixed = crypto_core_ed25519_add(public, EIGHTH)
    cases: list[dict[str, object]] = []

    def add(what: str, key: bytes, point: bytes, scalar: int, holds: bool) -> None:
        case = {
            "public": key,
            "message": MESSAGE,
            "signature": point + scalar.to_bytes(32, "little"),
        }
        texts = {name: value.hex() for name, value in case.items()}
        cases.append({"what": what, **texts, "holds": holds})

    def answer(nonce: int, key: bytes, point: bytes) -> int:
        return (nonce + _challenge(point, key) * secret) % ORDER

    point = _times(1)
    add("as RFC 8032 signs", public, point, answer(1, public, point), True)
    add("S is the group order more", public, point, answer(1, public, point) + ORDER, False)
    shifted = crypto_core_ed25519_add(point, EIGHTH)
    add("holds with the cofactor only", public, shifted, answer(1, public, shifted), False)
    for remainder, holds in ((0, True), (1, False)):
        nonce = next(n for n in range(1, 999) if _challenge(_times(n), mixed) % 8 == remainder)
        what = "a key with a part of small order, k mod 8 is " + str(remainder)
        add(what, mixed, _times(nonce), answer(nonce, mixed, _times(nonce)), holds)
    add("the neutral point as key", NEUTRAL, _times(5), 5, False)
    add("the neutral point as key, not canonical", NEUTRAL_AGAIN, _times(5), 5, False)
    add("a key of order 8", EIGHTH, _times(5), 5, False)
    add("the neutral point as R", public, NEUTRAL, answer(0, public, NEUTRAL), False)
    return json.dumps(cases, indent=1).encode() + b"\n"


def _times(scalar: int) -> bytes:
    return crypto_scalarmult_ed25519_base_noclamp(scalar.to_bytes(32, "little"))


def _challenge(point: bytes, key: bytes) -> int:
    return int.from_bytes(sha512(point + key + MESSAGE).digest(), "little") % ORDER
