"""Timestamp tokens and revocation lists that are odd in one or two ways, or changed and signed anew."""

import random
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from ledger.crypto import der
from tests.certificates import YEAR, Revoked, issue, ocsp_response, revocation_list
from tests.forge import Ess, forged
from tests.page.changing import changed_bytes
from tests.page.odd_der import changed_certificate, changed_der, changed_element, resigned
from tests.simulator import NOW
from tests.tsa import OTHER_POLICY

DAY = 86_400
ROOT = issue("Root", start=NOW - YEAR, years=30, ca=True)
ISSUER = issue("Authority", ROOT, start=NOW - YEAR, years=20, ca=True)
UNIT = issue("Unit", ISSUER, start=NOW - DAY)
CHAIN = (UNIT.der, ISSUER.der)
RESPONDER = issue("Answers", ISSUER, start=NOW - DAY, usages=(ExtendedKeyUsageOID.OCSP_SIGNING,))
SCOPES = (
    "only_contains_user_certs", "only_contains_ca_certs", "indirect_crl",
    "only_contains_attribute_certs",
)  # fmt: skip
SECOND = b"20260921133320"
ODD: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("gen_time", (
        SECOND + b"Z", SECOND + b".5Z", SECOND + b".000000000000000001Z", SECOND + b".50Z",
        SECOND + b",5Z",
        SECOND + b".1234567890123456789Z", b"20260921133360Z", b"20260921133361Z", b"20260931133320Z",
        b"00000921133320Z", b"99991231235959.9Z", "2026092113332\u0660Z".encode(),
    )),
    ("accuracy", (
        None, (None, 5, 250), (86_400, None, None), (86_400, 1, None), (0, 999, 999),
        (0, 1000, None), (None, None, 1),
    )),
    ("nonce", (None, 0, -1, 2**70)),
    ("policy", (OTHER_POLICY,)),
    ("critical", (True,)),
    ("certificates", ((), (UNIT.der,), (ISSUER.der, UNIT.der, ROOT.der), (*CHAIN, b"\x30\0"))),
    ("ess", (
        (), (Ess(1, UNIT.der),), (Ess(1, UNIT.der, False),), (Ess(1, UNIT.der), Ess(2, UNIT.der)),
        (Ess(1, ISSUER.der), Ess(2, UNIT.der)),
    )),
    ("sid", (ISSUER,)),
    ("by_key_identifier", (True,)),
    ("signers", (0, 2)),
    ("digest", (bytes(32),)),
    ("content_type", ("data",)),
    ("sorted_attributes", (False,)),
    ("signed_digest", ("sha1", "sha512")),
)  # fmt: skip
"""What `forged` takes, and likely wrong values of it."""


@dataclass(frozen=True)
class Raw:
    """A party whose certificate is bytes that may be none."""

    der: bytes
    key: Any


def odd_token(rng: random.Random, imprint: bytes) -> bytes:
    """A token that is odd in one or two ways, or has bytes changed, inside its signature or outside."""
    odd: dict[str, Any] = {"certificates": CHAIN}
    signer: Any = UNIT
    time = rng.choice((NOW + 1, NOW + 1, NOW - 599, NOW - 700, NOW + 11 * YEAR, NOW - 2 * DAY))
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        name, values = rng.choice(ODD)
        odd[name] = rng.choice(values)
    if rng.random() < 0.35:
        certificate = changed_certificate(rng, UNIT.der, ISSUER.key)
        signer, odd["certificates"] = Raw(certificate, UNIT.key), (certificate, ISSUER.der)
        odd["sid"], odd["ess"] = UNIT, (Ess(2, certificate, with_serial=False),)
        if rng.random() < 0.5:
            odd["ess"] = (Ess(1, certificate, with_serial=False),)
    elif rng.random() < 0.2:
        issuer = changed_certificate(rng, ISSUER.der, ROOT.key)
        odd["certificates"] = (
            (UNIT.der, issuer) if rng.random() < 0.7 else (UNIT.der, issuer, ISSUER.der)
        )
    if rng.random() < 0.1:
        odd["crls"] = [odd_list(rng)]
    try:
        token = forged(imprint, signer, time, **odd)
    except (ValueError, TypeError):  # what is changed cannot even be written
        token = forged(imprint, UNIT, time, certificates=CHAIN)
    if rng.random() < 0.3:
        token = changed_der(rng, token) if rng.random() < 0.7 else changed_bytes(rng, token)
    return token


def odd_list(rng: random.Random) -> bytes:
    """A revocation list or an OCSP response, some of them changed and signed anew."""
    about, by = rng.choice(((UNIT, ISSUER), (UNIT, ISSUER), (ISSUER, ROOT), (UNIT, ROOT)))
    reason = rng.choice((None, *x509.ReasonFlags)) if rng.random() < 0.7 else None
    if reason in (x509.ReasonFlags.remove_from_crl,) and rng.random() < 0.7:
        reason = None
    invalid = rng.choice((None, None, NOW - 5, NOW + 5))
    revoked = Revoked(about.serial, rng.choice((NOW - DAY, NOW + 1, NOW + DAY)), reason, invalid)
    when = NOW + rng.choice((-DAY, DAY, 2 * DAY, 10 * YEAR))
    if rng.random() < 0.4:
        responder = rng.choice((None, RESPONDER, UNIT))
        answer = ocsp_response(
            about, by, when, revoked if rng.random() < 0.6 else None, responder=responder
        )
        return changed_der(rng, answer) if rng.random() < 0.3 else answer
    extensions: dict[x509.ExtensionType, bool] = {}
    if rng.random() < 0.3:
        flags = dict.fromkeys(SCOPES, False) | {rng.choice(SCOPES): True}
        point = x509.IssuingDistributionPoint(
            full_name=None, relative_name=None, only_some_reasons=None, **flags
        )
        extensions[point] = True
    if rng.random() < 0.2:
        extensions[x509.DeltaCRLIndicator(1)] = True
    entries = [revoked] if rng.random() < 0.6 else []
    crl = revocation_list(by, when, entries, extensions=extensions)
    if rng.random() < 0.35:
        outer = der.children(der.read(crl))
        crl = der.sequence(changed_element(rng, outer[0]), *(each.raw for each in outer[1:]))
        crl = resigned(crl, by.key)
    return crl
