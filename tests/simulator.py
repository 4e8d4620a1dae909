"""A notary in memory: builds receipts from the core's own parts, with fixed keys and times."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ledger.chain import statement as st
from ledger.chain.block import GENESIS_PREVIOUS, Block, block_payload, notary_statement
from ledger.chain.certificate import SealAnchor
from ledger.chain.checkpoint import Checkpoint
from ledger.chain.cosignature import sign_checkpoint
from ledger.chain.enrolment import (
    DEVICE,
    Enrolment,
    IdentityRecord,
    enrolment_payload,
    format_record,
    format_request,
    record_digest,
    verify_enrolment_request,
)
from ledger.chain.note import VerifierKey, format_vkey
from ledger.chain.policy import parse_policy
from ledger.chain.receipt import Position, Receipt, format_receipt
from ledger.chain.seal import format_cose_receipt, sign_seal
from ledger.chain.statement import Deposit, Payload, format_deposit
from ledger.chain.trust import Trust
from ledger.crypto.keys import MlDsaKey, SealKey, SigningKey
from ledger.crypto.merkle import inclusion_proof, leaf_hash, root_from_leaf_hashes

ORIGIN = "notary.example/ledger"
NOW = 1_790_000_000
LOG, ML_DSA, DEVICE_KEY = SigningKey(b"\1" * 32), MlDsaKey(b"\2" * 32), SigningKey(b"\3" * 32)
COMMITMENT = bytes(range(32))
DEPOSITED = Deposit(ORIGIN, COMMITMENT, Payload(1000, b"\1" * 32), Payload(500, b"\2" * 32))


def nonce(label: str) -> bytes:
    return sha256(label.encode()).digest()


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
    until: int = 2056,
) -> bytes:
    def common_name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    usage = x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)
    built = (
        x509.CertificateBuilder()
        .subject_name(common_name(name))
        .issuer_name(common_name(issuer))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime.datetime(2026, 1, 1))
        .not_valid_after(datetime.datetime(until, 1, 1))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(usage, critical=True)
        .sign(signer, hashes.SHA256())
    )
    return built.public_bytes(Encoding.DER)


class Tree:
    """The hashes of a small tree, computed anew for every question."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.leaves = [leaf_hash(entry) for entry in entries]

    def hashes(self, level: int, start: int, end: int) -> list[bytes]:
        return [
            root_from_leaf_hashes(self.leaves[i << level : (i + 1) << level])
            for i in range(start, end)
        ]


@dataclass
class Office:
    """A notary's keys and entries, and an enrolled company."""

    origin: str = ORIGIN
    log: SigningKey = LOG
    ml_dsa: MlDsaKey = ML_DSA
    device: SigningKey = DEVICE_KEY
    seal_root: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.derive_private_key(4, ec.SECP256R1())
    )
    seal: SealKey = field(default_factory=lambda: SealKey(ec.derive_private_key(5, ec.SECP256R1())))
    entries: list[bytes] = field(default_factory=list)
    record: bytes = field(
        default_factory=lambda: format_record(
            IdentityRecord(nonce("salt"), "南京新材料有限公司", "91320100MA1", "王公证员", NOW)
        )
    )

    def __post_init__(self) -> None:
        request = format_request(
            self.device, origin=self.origin, nonce=nonce("request"), issued_at=NOW
        )
        self.account = verify_enrolment_request(request).account_id
        self.root_der = certificate("root", self.seal_root, "root", self.seal_root, ca=True)
        self.seal_der = certificate("seal", self.seal.private, "root", self.seal_root, ca=False)
        self.enrolment = self.enrol(self.account, self.device.public)
        self.entries += [
            self.block(0, 0, 1),
            self.block(1, 1, 3),
            self.enrolment,
            self.block(2, 3, 5),
            format_deposit(DEPOSITED, self.account, self.device, NOW),
        ]

    def enrol(
        self, account: str, key: bytes, role: str = DEVICE, endorser: bytes | None = None
    ) -> bytes:
        salt = nonce("enrolment" + role)
        enrolment = Enrolment(
            self.origin, salt, account, key, role, record_digest(salt, self.record), endorser
        )
        return self.say(st.ENROLMENT, enrolment_payload(enrolment))

    def block(
        self, height: int, start: int, size: int, time: int = NOW, tokens: tuple[bytes, ...] = ()
    ) -> bytes:
        previous = nonce(f"note {height}") if height else GENESIS_PREVIOUS
        block = Block(
            self.origin, nonce(f"{height}"), height, start, size, time, previous, tokens, None
        )
        return self.say(st.BLOCK, block_payload(block))

    def say(self, kind: str, payload: dict[str, object]) -> bytes:
        return notary_statement(kind, payload, origin=self.origin, key=self.log, issued_at=NOW)

    def trust(self) -> Trust:
        policy = parse_policy(
            f"log {format_vkey(VerifierKey(self.origin, 1, self.log.public))}\n"
            f"witness ml-dsa-44 {format_vkey(VerifierKey(self.origin, 6, self.ml_dsa.public))}\n"
            "group signed all ml-dsa-44\nquorum signed\n"
        )
        return Trust(self.origin, "公证处", NOW, policy, (SealAnchor("CN=seal", self.root_der),))

    def note(self, size: int) -> str:
        """The signed checkpoint over the first entries."""
        root = root_from_leaf_hashes(Tree(self.entries[:size]).leaves)
        checkpoint = Checkpoint(self.origin, size, root)
        return sign_checkpoint(checkpoint, self.log, self.ml_dsa, NOW)

    def parts(self, index: int = 4, block: int = 3, enrolment: int = 2) -> Receipt:
        """The parts of the receipt for the entry at `index`, against the whole tree."""
        tree, size = Tree(self.entries), len(self.entries)
        root = root_from_leaf_hashes(tree.leaves)
        checkpoint = Checkpoint(self.origin, size, root)

        def position(entry: int) -> Position:
            return Position(entry, inclusion_proof(tree, entry, size))

        seal = sign_seal(self.origin, root, self.seal, self.seal_der)
        return Receipt(
            self.entries[index],
            position(index),
            sign_checkpoint(checkpoint, self.log, self.ml_dsa, NOW),
            self.entries[block],
            position(block),
            self.entries[enrolment],
            position(enrolment),
            self.record,
            format_cose_receipt(seal, size, index, position(index).proof),
        )

    def receipt(self, **changes: Any) -> bytes:
        return format_receipt(replace(self.parts(), **changes))
