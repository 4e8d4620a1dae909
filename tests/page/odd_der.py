"""DER, certificates and lists with one element changed, signed anew by whoever would have made them."""

import random
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.crypto import der
from ledger.errors import MalformedData
from tests.page.changing import changed_bytes


def changed_der(rng: random.Random, data: bytes) -> bytes:
    """DER with one element inside taken out, doubled, moved, retagged or given other bytes."""
    try:
        element = der.read(data)
    except MalformedData:
        return changed_bytes(rng, data)
    return changed_element(rng, element)


def changed_element(rng: random.Random, element: der.Element) -> bytes:
    """The element with something in it changed; what encloses it is encoded anew."""
    inner = _inside(element)
    if element.tag == der.OCTET_STRING and rng.random() < 0.7:
        try:
            nested = der.read(element.content)
            return der.encode(element.tag, changed_element(rng, nested))
        except MalformedData:
            pass
    if inner and rng.random() < 0.9:
        raws = [each.raw for each in inner]
        at = rng.randrange(len(raws))
        match rng.randrange(14):
            case 0:
                del raws[at]
            case 1:
                raws.insert(at, raws[at])
            case 2:
                other = rng.randrange(len(raws))
                raws[at], raws[other] = raws[other], raws[at]
            case 3:
                raws.insert(
                    at, rng.choice((b"\5\0", b"\1\1\xff", b"\1\1\0", b"\2\1\0", b"\x30\0", b"\4\0"))
                )
            case _:
                raws[at] = changed_element(rng, inner[at])
        return der.encode(element.tag, b"".join(raws))
    match rng.randrange(8):
        case 0:
            return der.encode(element.tag ^ 1 << rng.randrange(8), element.content)
        case 1:
            return der.encode(element.tag, b"")
        case 2:
            return changed_bytes(rng, element.raw)
        case 3:
            return der.encode(element.tag, b"\0" + element.content)
        case 4 if element.tag == der.BOOLEAN:
            return der.encode(element.tag, bytes([rng.choice((0, 1, 255))]))
        case 5 if element.tag == der.INTEGER:
            return der.integer(rng.choice((-1, 0, 1, 2, 127, 128, 2**64, 2**63, 1 << 168)))
    if element.content:
        at = rng.randrange(len(element.content))
        flipped = bytes([element.content[at] ^ 1 << rng.randrange(8)])
        return der.encode(element.tag, element.content[:at] + flipped + element.content[at + 1 :])
    return der.encode(element.tag, bytes([rng.randrange(256)]))


def _inside(element: der.Element) -> tuple[der.Element, ...]:
    try:
        return der.children(element)
    except MalformedData:
        return ()


def signed_anew(data: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate or a list whose signature is by this key."""
    signed, algorithm, _ = der.children(der.read(data))
    signature = key.sign(signed.raw, ec.ECDSA(hashes.SHA256()))
    return der.sequence(signed.raw, algorithm.raw, der.encode(der.BIT_STRING, b"\0" + signature))


def changed_certificate(rng: random.Random, data: bytes, key: Any) -> bytes:
    """A certificate with something in it changed, mostly signed anew by its issuer's key."""
    if rng.random() < 0.2:
        return changed_der(rng, data)
    signed, *rest = der.children(der.read(data))
    changed = changed_element(rng, signed)
    if rng.random() < 0.3:
        changed = changed_der(rng, changed)
    whole = der.sequence(changed, *(each.raw for each in rest))
    return resigned(whole, key) if rng.random() < 0.95 else whole


def resigned(data: bytes, key: Any) -> bytes:
    """What `signed_anew` returns, or `data` where that cannot be done."""
    try:
        return signed_anew(data, key)
    except (MalformedData, ValueError):
        return data
