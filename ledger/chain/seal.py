"""COSE Receipts (RFC 9942): the notary's seal, an ECDSA P-256 key under an X.509 certificate.

    protected   {1: -7 (ES256), 4: key id, 15: {1: origin, 2: "checkpoint"}, 33: certificate,
                 395: 1 (RFC9162_SHA256)}
    unprotected {396: {-1: [bstr .cbor [tree size, leaf index, [+ hash]]]}}
    payload     null: the tree's root, detached

The signature covers the root alone, so one signature serves every receipt of a checkpoint.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.chain import statement as st
from ledger.chain.certificate import SealAnchor, certified_key
from ledger.crypto import cose
from ledger.crypto.keys import P256Signer, thumbprint_p256, verify_es256
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData, VerificationFailed

RECEIPTS, VERIFIABLE_DATA_STRUCTURE, VERIFIABLE_PROOFS = 394, 395, 396
RFC9162_SHA256 = 1
INCLUSION = -1
SUBJECT = "checkpoint"
MAX_PROOF = 63


@dataclass(frozen=True, slots=True)
class Seal:
    """The signed half of a COSE Receipt, shared by all receipts of one checkpoint."""

    protected: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class CoseReceipt:
    """A parsed COSE Receipt; nothing in it is verified yet."""

    message: cose.Sign1
    origin: str
    key_id: bytes
    certificate: bytes
    size: int
    index: int
    proof: tuple[bytes, ...]


def sign_seal(origin: str, root: bytes, key: P256Signer, certificate: bytes) -> Seal:
    """Return the seal over a checkpoint's root; `certificate` is the key's, in DER."""
    protected = cbor_encode(
        {
            cose.ALG: cose.ES256,
            cose.KID: key.thumbprint,
            cose.CWT_CLAIMS: {cose.ISS: origin, cose.SUB: SUBJECT},
            cose.X5CHAIN: certificate,
            VERIFIABLE_DATA_STRUCTURE: RFC9162_SHA256,
        }
    )
    return Seal(protected, key.sign(cose.sig_structure(protected, root)))


def format_cose_receipt(seal: Seal, size: int, index: int, proof: Sequence[bytes]) -> bytes:
    """Return the COSE Receipt for one leaf of the tree that `seal` signs."""
    path = cbor_encode([size, index, list(proof)])
    unprotected: dict[Any, Any] = {VERIFIABLE_PROOFS: {INCLUSION: [path]}}
    return cose.format_sign1(cose.Sign1(seal.protected, {}, unprotected, None, seal.signature))


def parse_cose_receipt(data: bytes) -> CoseReceipt:
    """Return the COSE Receipt in `data`. Raises MalformedData."""
    message = cose.parse_sign1(data)
    match message.protected, message.unprotected:
        case (
            {
                cose.ALG: cose.ES256,
                cose.KID: bytes(key_id),
                cose.CWT_CLAIMS: {cose.ISS: str(origin), cose.SUB: "checkpoint"} as claims,
                cose.X5CHAIN: bytes(certificate),
                395: 1 as structure,
            } as protected,
            {396: {-1: [bytes(path)]} as proofs} as unprotected,
        ) if (message.payload is None and structure is not True) and (
            len(protected),
            len(claims),
            len(proofs),
            len(unprotected),
        ) == (5, 2, 1, 1):
            size, index, proof = parse_path(cbor_decode(path))
            return CoseReceipt(message, origin, key_id, certificate, size, index, proof)
    raise MalformedData("the COSE Receipt is not as specified")


def parse_path(value: Any) -> tuple[int, int, tuple[bytes, ...]]:
    """Return (tree size, leaf index, proof) of an RFC 9942 inclusion proof. Raises MalformedData."""
    match value:
        case [size, index, list(proof)]:
            if (
                st.is_count(size)
                and st.is_count(index)
                and len(proof) <= MAX_PROOF
                and all(st.is_bytes(item, st.HASH_SIZE) for item in proof)
            ):
                return size, index, tuple(proof)
    raise MalformedData("an inclusion proof is not as specified")


def verify_seal(
    receipt: CoseReceipt, root: bytes, anchors: tuple[SealAnchor, ...], time: int
) -> str:
    """Return the seal certificate's subject once the seal over `root` holds.

    `anchors` are the trust file's; `time` (POSIX seconds) must lie within the validity of both the
    certificate and its authority's. Raises VerificationFailed.
    """
    key, subject = certified_key(receipt.certificate, anchors, time)
    if thumbprint_p256(key) != receipt.key_id:
        raise VerificationFailed("the seal names another key than its certificate holds")
    verify_es256(key, receipt.message.to_be_signed(root), receipt.message.signature)
    return subject
