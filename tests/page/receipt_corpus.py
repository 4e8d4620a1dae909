"""Receipts and trust files with something changed, and signed anew where that helps.

A change is signed by whoever would have made it: so it reaches the rule that it breaks, and not only
the signature over it.
"""

import random
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from functools import cache
from hashlib import sha256

from ledger.chain import statement as st
from ledger.chain.block import block_payload, parse_block
from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import cosign, sign_checkpoint
from ledger.chain.note import Note, VerifierKey, first_lines, format_note, format_vkey, parse_note
from ledger.chain.policy import parse_policy
from ledger.chain.receipt import (
    Earlier,
    Receipt,
    Times,
    TokenEntry,
    format_receipt,
)
from ledger.chain.retired import Retired, RevokedSeal
from ledger.chain.statement import parse_statement
from ledger.chain.timestamp.authority import Authority
from ledger.chain.trust import Trust, format_trust
from ledger.crypto.keys import MlDsaKey, SigningKey
from ledger.crypto.merkle import root_from_leaf_hashes
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData
from tests.certificates import YEAR
from tests.forge import forged
from tests.formats.test_document import stored
from tests.page.changing import changed_bytes, changed_value
from tests.page.files import Case
from tests.page.odd_der import changed_certificate
from tests.page.odd_texts import changed_lines, changed_trust
from tests.page.odd_tokens import CHAIN, DAY, ISSUER, ROOT, UNIT, odd_list, odd_token
from tests.simulator import LOG, ML_DSA, NOW, ORIGIN, Office, Tree, nonce
from tests.tsa import OTHER_POLICY, POLICY

WITNESSES: list[tuple[str, SigningKey | MlDsaKey]] = [
    ("w1.example", SigningKey(b"v" * 32)),
    ("w2.example", MlDsaKey(b"w" * 32)),
]
NEW, NEW_ML_DSA = SigningKey(b"n" * 32), MlDsaKey(b"m" * 32)
ODD_TIMES = (
    0, 1, NOW - 700, NOW - 601, NOW - 600, NOW, NOW + 600, NOW + 601, 2**53, 2**53 + 1, 253_402_300_799,
    253_402_300_800, 2**63 - 1,
)  # fmt: skip
MOMENTS = (None, NOW, NOW + 5 * YEAR, NOW + 12 * YEAR, 2**53 + 1)
KNOWN = Authority("Zeit GmbH", ROOT.der, None, accuracy=60)
TRUSTED = (
    (KNOWN,), (KNOWN,), (KNOWN,), (), (Authority("Own", UNIT.der, POLICY, 0),),
    (Authority("Mid", ISSUER.der),), (Authority("Other policy", ROOT.der, OTHER_POLICY), KNOWN),
)  # fmt: skip

Made = tuple[bytes, bytes, int | None]
"""A receipt, a trust file, and as of when it is asked."""


# --- receipts ---


def imprint(note: str) -> bytes:
    """What a token over the log's two lines of a note is for."""
    return sha256(first_lines(note, 2).encode()).digest()


@cache
def golden() -> list[tuple[str, bytes, bytes]]:
    """Name, receipt and trust file of the golden receipts."""
    files = stored()
    return [
        (name, files[name], files["notary.trust"])
        for name in ("deposit-1.receipt", "deposit-2.receipt")
    ]


def changed_message(
    rng: random.Random, data: bytes, sign: Callable[[bytes], bytes] | None
) -> bytes:
    """A COSE_Sign1 with its header, payload or signature changed, signed anew where a key is given."""
    protected, header, payload, signature = cbor_decode(data[1:])
    match rng.randrange(5):
        case 0:
            signature = changed_bytes(rng, signature)
            sign = None
        case 1 if header or rng.random() < 0.3:
            header = changed_value(rng, header)
        case 2:
            protected = _changed_cbor(rng, protected)
        case _ if payload is not None:
            payload = _changed_cbor(rng, payload)
    if sign is not None:
        signature = sign(cbor_encode(["Signature1", protected, b"", payload]))
    try:
        return data[:1] + cbor_encode([protected, header, payload, signature])
    except TypeError:
        return data


def _changed_cbor(rng: random.Random, data: bytes) -> bytes:
    if rng.random() < 0.15:
        return changed_bytes(rng, data)
    try:
        return cbor_encode(changed_value(rng, cbor_decode(data)))
    except (TypeError, MalformedData):
        return changed_bytes(rng, data)


def changed_receipt(rng: random.Random, data: bytes) -> bytes:
    """A receipt with one of its parts changed."""
    protected, header, payload, signature = cbor_decode(data[1:])
    ours = dict(header["sealbook"])
    match rng.randrange(12):
        case 0:
            return changed_bytes(rng, data)
        case 1:
            return changed_message(rng, data, None)
        case 2 | 3 | 4:
            ours["proof"] = changed_lines(rng, ours["proof"])
        case 5:
            ours["block"] = [changed_message(rng, ours["block"][0], None), *ours["block"][1:]]
        case 6:
            ours["enrolment"] = [
                changed_message(rng, ours["enrolment"][0], None),
                *ours["enrolment"][1:],
            ]
        case 7:
            seal = changed_message(rng, header[394][0], None)
            header = {**header, 394: [seal]}
        case 8:
            record = ours["enrolment"][3] or b"\xa0"
            ours["enrolment"] = [*ours["enrolment"][:3], _changed_cbor(rng, record)]
        case _:
            ours = changed_value(rng, ours)
    try:
        return data[:1] + cbor_encode([protected, {**header, "sealbook": ours}, payload, signature])
    except TypeError:
        return changed_bytes(rng, data)


class Changed(Office):
    """An office that enters what it should not, and signs it."""

    def enter(self, rng: random.Random) -> bytes:
        """The receipt of a deposit, some of which was changed before it was signed."""
        at = rng.choice((2, 3, 4))
        key = self.device if at == 4 else self.log
        if rng.random() < 0.2:
            key = rng.choice((self.device, self.log, NEW))
        if at == 3 and rng.random() < 0.4:
            block = parse_block(parse_statement(self.entries[3]))
            payload = block_payload(block) | {"time": rng.choice(ODD_TIMES)}
            self.entries[3] = self.say(st.BLOCK, payload)
        else:
            self.entries[at] = changed_message(rng, self.entries[at], key.sign)
        indices = [rng.randrange(5) if rng.random() < 0.1 else n for n in (4, 3, 2)]
        try:
            return format_receipt(self.parts(*indices))
        except MalformedData:
            return self.entries[at]


@cache
def _founded() -> Changed:
    return Changed()


def fresh() -> Changed:
    """An office whose entries are its own."""
    office = copy(_founded())
    office.entries = list(office.entries)
    return office


@cache
def _parts() -> Receipt:
    return _founded().parts()


def _office_case(rng: random.Random) -> Made:
    office = fresh()
    trust = office.trust()
    if rng.random() < 0.25:
        office.seal_der = changed_certificate(rng, office.seal_der, office.seal_root)
        return office.receipt(), format_trust(trust), None
    if rng.random() < 0.15:
        office.record = _changed_cbor(rng, office.record)
        return office.receipt(), format_trust(trust), None
    return office.enter(rng), format_trust(trust), None


# --- witnesses and retired keys ---


def _witnessed(rng: random.Random) -> Made:
    office = fresh()
    lines = [
        f"log {format_vkey(VerifierKey(ORIGIN, 1, LOG.public))}",
        f"witness own {format_vkey(VerifierKey(ORIGIN, 6, ML_DSA.public))}",
    ]
    for number, (name, key) in enumerate(WITNESSES):
        kind = 4 if isinstance(key, SigningKey) else 6
        lines.append(f"witness w{number} {format_vkey(VerifierKey(name, kind, key.public))}")
    lines += [
        f"group others {rng.choice(('all', 'any', '1', '2'))} w0 w1",
        "group both all own others",
        f"quorum {rng.choice(('both', 'own', 'both'))}",
    ]
    if rng.random() < 0.4:
        lines = changed_lines(rng, "\n".join(lines)).split("\n")
    parts = _parts()
    note = parse_note(parts.note)
    checkpoint = Checkpoint(
        ORIGIN, len(office.entries), root_from_leaf_hashes(Tree(office.entries).leaves)
    )
    signatures = list(note.signatures)
    for name, key in WITNESSES:
        if rng.random() < 0.7:
            signatures.append(cosign(checkpoint, name, key, rng.choice((NOW, 1, 2**63 - 1))))
    if rng.random() < 0.3:
        at = rng.randrange(len(signatures))
        changed = changed_bytes(rng, signatures[at].signature) or b"\0"
        signatures[at] = replace(signatures[at], signature=changed)
    if rng.random() < 0.2:
        rng.shuffle(signatures)
    trust = format_trust(office.trust()).decode()
    start, end = trust.index("log "), trust.index("quorum signed\n") + len("quorum signed\n")
    changed_trust = trust[:start] + "\n".join(lines) + "\n" + trust[end:]
    receipt = format_receipt(replace(parts, note=format_note(Note(note.text, tuple(signatures)))))
    return receipt, changed_trust.encode(), None


def _retired(rng: random.Random) -> Made:
    office = fresh()
    size = len(office.entries)

    def keys(log: SigningKey, ml_dsa: MlDsaKey) -> tuple[VerifierKey, VerifierKey]:
        return VerifierKey(ORIGIN, 1, log.public), VerifierKey(ORIGIN, 6, ml_dsa.public)

    log, own = map(format_vkey, keys(NEW, NEW_ML_DSA))
    policy = parse_policy(f"log {log}\nwitness own {own}\ngroup signed all own\nquorum signed\n")
    revoked = rng.choice((None, NOW - 1, NOW, NOW + 2, NOW + DAY))
    trust = replace(
        office.trust(), policy=policy, authorities=(KNOWN,),
        retired=(Retired(*keys(LOG, ML_DSA), rng.choice((size - 1, size, size + 3)), revoked),),
    )  # fmt: skip
    if rng.random() < 0.3:
        seal = RevokedSeal(
            office.seal.thumbprint, rng.choice((0, size, size + 1)), rng.choice((NOW - 1, NOW + 2))
        )
        trust = replace(trust, revoked_seals=(seal,))
    parts = _parts()
    checkpoint = Checkpoint(ORIGIN, size, root_from_leaf_hashes(Tree(office.entries).leaves))
    pairs = rng.choice(
        (
            [(LOG, ML_DSA)],
            [(NEW, NEW_ML_DSA)],
            [(LOG, NEW_ML_DSA)],
            [(LOG, ML_DSA), (NEW, NEW_ML_DSA)],
        )
    )
    note = sign_checkpoint(checkpoint, *pairs[0], NOW, *pairs[1:])
    time = rng.choice((NOW, NOW + 1, NOW + 3))
    token = TokenEntry(2, forged(imprint(note), UNIT, time, certificates=CHAIN))
    tokens = () if rng.random() < 0.4 else (token,)
    written = format_trust(trust)
    if rng.random() < 0.3:
        written = changed_trust(rng, written)
    return (
        format_receipt(replace(parts, note=note, times=Times(tokens))),
        written,
        rng.choice(MOMENTS),
    )


# --- tokens ---


def _stamped(rng: random.Random) -> Made:
    office = fresh()
    parts, earlier = _parts(), None
    if rng.random() < 0.35:
        before = office.note(3)
        token = (
            odd_token(rng, imprint(before))
            if rng.random() < 0.5
            else forged(imprint(before), UNIT, NOW - 5, certificates=CHAIN)
        )
        named = sha256(token if rng.random() < 0.9 else b"").digest()
        office.entries[3] = office.block(2, 3, 5, rng.choice((NOW, NOW, *ODD_TIMES)), (named,))
        parts = office.parts()
        earlier = Earlier(
            rng.choice((before, before, before, office.note(5))), TokenEntry(2, token)
        )
    tokens = tuple(
        TokenEntry(lines, odd_token(rng, imprint(parts.note)))
        for lines in rng.choice(((), (2,), (2,), (2, 2), (3,)))
    )
    own: tuple[bytes, ...] = ()
    if rng.random() < 0.25:
        own = (odd_token(rng, sha256(parts.statement).digest()),)
    validation = tuple(odd_list(rng) for _ in range(rng.choice((0, 0, 1, 2))))
    if rng.random() < 0.1:
        validation += (changed_certificate(rng, ISSUER.der, ROOT.key),)
    trust = replace(office.trust(), authorities=rng.choice(TRUSTED))
    if rng.random() < 0.2:
        trust = replace(trust, required=(*trust.required, "time", "existence"))
    receipt = format_receipt(replace(parts, times=Times(tokens, earlier, validation, own)))
    return receipt, format_trust(trust), rng.choice(MOMENTS)


# --- trust files ---


def _trust_case(rng: random.Random) -> Made:
    receipt, trust = _sample()
    if rng.random() < 0.3:
        log, own = VerifierKey(ORIGIN, 1, NEW.public), VerifierKey(ORIGIN, 6, NEW_ML_DSA.public)
        seal = RevokedSeal(nonce("seal"), 9, NOW)
        trust = replace(trust, retired=(Retired(log, own, 3, NOW),), revoked_seals=(seal,))
    written = format_trust(trust)
    for _ in range(rng.choice((1, 1, 1, 2))):
        try:
            written = changed_trust(rng, written)
        except ValueError:
            break
    return receipt, written, rng.choice(MOMENTS)


@cache
def _sample() -> tuple[bytes, Trust]:
    parts = _parts()
    token = forged(imprint(parts.note), UNIT, NOW + 1, certificates=CHAIN)
    receipt = format_receipt(replace(parts, times=Times((TokenEntry(2, token),))))
    return receipt, replace(_founded().trust(), authorities=(KNOWN,))


def _golden_case(rng: random.Random) -> Made:
    _, receipt, trust = rng.choice(golden())
    if rng.random() < 0.5:
        receipt, made = _sample()
        trust = format_trust(made)
    return changed_receipt(rng, receipt), trust, None


KINDS: tuple[tuple[int, Callable[[random.Random], Made]], ...] = (
    (30, _golden_case),
    (20, _office_case),
    (8, _witnessed),
    (8, _retired),
    (35, _stamped),
    (25, _trust_case),
)


def cases(seed: int, count: int) -> Iterator[Case]:
    """Yield `count` cases; the same for the same seed but for fresh signatures."""
    makers = [make for _, make in KINDS]
    weights = [weight for weight, _ in KINDS]
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        (make,) = rng.choices(makers, weights)
        file, trust, at = make(rng)
        yield Case(f"{make.__name__.strip('_')} {number}", file, trust, None, at)
