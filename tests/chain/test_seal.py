"""COSE Receipts: one seal for a checkpoint, under a certificate that the verifier's root has issued."""

import datetime
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as OID
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as some

from ledger.chain.certificate import DOCUMENT_SIGNING, SealAnchor, require_authority
from ledger.chain.seal import (
    MAX_PROOF,
    CoseReceipt,
    format_cose_receipt,
    parse_cose_receipt,
    sign_seal,
    verify_seal,
)
from ledger.crypto import cose
from ledger.crypto.keys import SealKey, SigningKey
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import MalformedData, SealbookError, VerificationFailed
from tests.mutations import changed_bytes, changed_value
from tests.simulator import NOW, ORIGIN, certificate

ROOT = bytes(range(32))
CA = ec.derive_private_key(4, ec.SECP256R1())
KEY = SealKey(ec.derive_private_key(5, ec.SECP256R1()))
CA_DER = certificate("root", CA, "root", CA, ca=True)
DER = certificate("seal", KEY.private, "root", CA, ca=False)
PROOF = (b"\1" * 32, b"\2" * 32, b"\3" * 32)
SEAL = sign_seal(ORIGIN, ROOT, KEY, DER)
RECEIPT = format_cose_receipt(SEAL, 7, 5, PROOF)
PROTECTED = cose.parse_sign1(RECEIPT).protected


ANCHORS = (SealAnchor("CN=seal", CA_DER),)


def verify(receipt: bytes, *, root: bytes = ROOT, anchors: tuple[SealAnchor, ...] = ANCHORS) -> str:
    return verify_seal(parse_cose_receipt(receipt), root, anchors, NOW)


def sealed(protected: Any = PROTECTED, unprotected: Any = None, key: SealKey = KEY) -> bytes:
    """A receipt with these headers, well signed whatever they hold."""
    message = cose.parse_sign1(RECEIPT)
    raw = cbor_encode(protected)
    signature = key.sign(cose.sig_structure(raw, ROOT))
    header = message.unprotected if unprotected is None else unprotected
    return b"\xd2" + cbor_encode([raw, header, None, signature])


def certified(**changes: Any) -> bytes:
    """A receipt under a certificate that differs from a good one in `changes`."""
    usage = {
        "digital_signature": True,
        "content_commitment": False,
        "key_encipherment": False,
        "data_encipherment": False,
        "key_agreement": False,
        "key_cert_sign": False,
        "crl_sign": False,
        "encipher_only": False,
        "decipher_only": False,
    }
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "seal")]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")]))
        .public_key(changes.get("public", KEY.public))
        .serial_number(9)
        .not_valid_before(changes.get("start", datetime.datetime(2026, 1, 1)))
        .not_valid_after(changes.get("end", datetime.datetime(2056, 1, 1)))
    )
    if changes.get("constraints", True):
        constraints = x509.BasicConstraints(changes.get("ca", False), None)
        builder = builder.add_extension(constraints, critical=True)
    if changes.get("usage", True):
        usage["digital_signature"] = changes.get("signs", True)
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    for extension, critical in changes.get("further", ()):
        builder = builder.add_extension(extension, critical=critical)
    der = builder.sign(CA, changes.get("digest", hashes.SHA256())).public_bytes(Encoding.DER)
    return format_cose_receipt(sign_seal(ORIGIN, ROOT, KEY, der), 7, 5, PROOF)


def test_a_seal_holds_under_its_root_and_names_the_certificate() -> None:
    assert verify(RECEIPT) == "CN=seal"


def test_a_receipt_reads_back() -> None:
    receipt = parse_cose_receipt(RECEIPT)
    assert (receipt.origin, receipt.size, receipt.index, receipt.proof) == (ORIGIN, 7, 5, PROOF)
    assert (receipt.key_id, receipt.certificate) == (KEY.thumbprint, DER)
    assert cose.format_sign1(receipt.message) == RECEIPT


def test_one_signature_serves_every_receipt_of_a_checkpoint() -> None:
    other = parse_cose_receipt(format_cose_receipt(SEAL, 7, 0, PROOF[:1]))
    assert other.message.signature == parse_cose_receipt(RECEIPT).message.signature
    verify_seal(other, ROOT, ANCHORS, NOW)


def test_a_seal_over_another_root_fails() -> None:
    with pytest.raises(VerificationFailed, match="does not hold"):
        verify(RECEIPT, root=bytes(32))


def test_a_seal_without_any_anchor_fails() -> None:
    with pytest.raises(VerificationFailed, match="another subject"):
        verify(RECEIPT, anchors=())


def test_one_of_several_anchors_is_enough() -> None:
    stranger = ec.derive_private_key(77, ec.SECP256R1())
    other = SealAnchor("CN=seal", certificate("root", stranger, "root", stranger, ca=True))
    assert verify(RECEIPT, anchors=(other, *ANCHORS)) == "CN=seal"
    with pytest.raises(VerificationFailed, match="authority you trust"):
        verify(RECEIPT, anchors=(other,))


def test_an_authority_vouches_for_the_subject_it_is_listed_with_and_no_other() -> None:
    # A public authority certifies mail servers and strangers too.
    stranger = ec.derive_private_key(77, ec.SECP256R1())
    theirs = SealAnchor("CN=stranger", certificate("root", stranger, "root", stranger, ca=True))
    der = certificate("stranger", KEY.private, "root", CA, ca=False)
    receipt = format_cose_receipt(sign_seal(ORIGIN, ROOT, KEY, der), 7, 5, PROOF)
    with pytest.raises(VerificationFailed, match="another subject"):
        verify(receipt)
    with pytest.raises(VerificationFailed, match="authority you trust"):
        verify(receipt, anchors=(*ANCHORS, theirs))


def test_a_new_key_of_the_same_subject_seals_under_the_same_anchor() -> None:
    key = SealKey(ec.derive_private_key(6, ec.SECP256R1()))
    der = certificate("seal", key.private, "root", CA, ca=False)
    assert verify(format_cose_receipt(sign_seal(ORIGIN, ROOT, key, der), 7, 5, PROOF)) == "CN=seal"


def test_an_authority_between_a_public_root_and_the_seal_is_an_anchor() -> None:
    public = ec.derive_private_key(78, ec.SECP256R1())
    between = certificate("root", CA, "public root", public, ca=True)
    require_authority(between)
    assert verify(RECEIPT, anchors=(SealAnchor("CN=seal", between),)) == "CN=seal"


def test_an_end_entity_is_no_authority() -> None:
    require_authority(CA_DER)
    with pytest.raises(MalformedData):
        require_authority(DER)


USAGE = x509.ExtendedKeyUsage
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"), b"\5\0")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"further": [(USAGE([DOCUMENT_SIGNING]), True)]},
        {"further": [(USAGE([OID.EMAIL_PROTECTION, OID.ANY_EXTENDED_KEY_USAGE]), False)]},
        {"further": [(UNKNOWN, False)]},
        {"digest": hashes.SHA512()},
    ],
    ids=["plain", "for documents", "for anything", "an unknown extension", "SHA-512"],
)
def test_a_seal_under_a_fit_certificate_holds(changes: dict[str, Any]) -> None:
    assert verify(certified(**changes)) == "CN=seal"


@pytest.mark.parametrize(
    "changes",
    [
        {"signs": False},
        {"ca": True},
        {"public": Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()},
        {"usage": False},
        {"constraints": False},
        {"start": datetime.datetime(2027, 1, 1)},
        {"end": datetime.datetime(2026, 6, 1)},
        {"public": ec.derive_private_key(5, ec.SECP384R1()).public_key()},
        {"public": SealKey(ec.derive_private_key(6, ec.SECP256R1())).public},
        {"further": [(USAGE([OID.CLIENT_AUTH]), False)]},
        {"further": [(USAGE([OID.TIME_STAMPING]), True)]},
        {"further": [(UNKNOWN, True)]},
        {"digest": hashes.SHA224()},
    ],
    ids=[
        "not for signing",
        "for signing, but an authority",
        "another kind of key",
        "no key usage",
        "no basic constraints",
        "not yet valid",
        "expired",
        "another curve",
        "another key",
        "for TLS clients",
        "for timestamps",
        "an unknown critical extension",
        "SHA-224",
    ],
)
def test_a_seal_under_an_unfit_certificate_fails(changes: dict[str, Any]) -> None:
    with pytest.raises(VerificationFailed):
        verify(certified(**changes))


@pytest.mark.parametrize(("seconds", "holds"), [(-1, False), (0, True), (60, True), (61, False)])
def test_a_certificate_holds_from_its_first_second_to_its_last(seconds: int, holds: bool) -> None:
    start = datetime.datetime(2026, 11, 23, 9, 0, 0)
    receipt = parse_cose_receipt(certified(start=start, end=start + datetime.timedelta(minutes=1)))
    time = int(start.replace(tzinfo=datetime.UTC).timestamp()) + seconds
    if holds:
        assert verify_seal(receipt, ROOT, ANCHORS, time) == "CN=seal"
    else:
        with pytest.raises(VerificationFailed):
            verify_seal(receipt, ROOT, ANCHORS, time)


@pytest.mark.parametrize("time", [2**53 + 1, 2**63 - 1])
def test_a_seal_at_a_time_that_no_date_has_fails(time: int) -> None:
    with pytest.raises(VerificationFailed, match="not valid at that time"):
        verify_seal(parse_cose_receipt(RECEIPT), ROOT, ANCHORS, time)


def test_a_seal_under_an_expired_root_fails() -> None:
    expired = certificate("root", CA, "root", CA, ca=True, until=2026)
    with pytest.raises(VerificationFailed):
        verify(RECEIPT, anchors=(SealAnchor("CN=seal", expired),))


def test_a_seal_under_a_certificate_that_is_a_ca_fails() -> None:
    receipt = format_cose_receipt(sign_seal(ORIGIN, ROOT, SealKey(CA), CA_DER), 7, 5, PROOF)
    with pytest.raises(VerificationFailed, match="for sealing"):
        verify(receipt, anchors=(SealAnchor("CN=root", CA_DER),))


def test_a_seal_through_an_intermediate_authority_fails() -> None:
    between = ec.derive_private_key(8, ec.SECP256R1())
    der = certificate("seal", KEY.private, "between", between, ca=False)
    with pytest.raises(VerificationFailed):
        verify(format_cose_receipt(sign_seal(ORIGIN, ROOT, KEY, der), 7, 5, PROOF))


@pytest.mark.parametrize(
    "der",
    [b"", b"\x30\x00", DER[:-1], DER + b"\0"],
    ids=["empty", "an empty sequence", "cut short", "trailing byte"],
)
def test_a_seal_under_an_unreadable_certificate_fails(der: bytes) -> None:
    with pytest.raises(VerificationFailed, match="cannot be read"):
        verify(format_cose_receipt(sign_seal(ORIGIN, ROOT, KEY, der), 7, 5, PROOF))


def test_a_seal_whose_key_id_is_another_s_fails() -> None:
    with pytest.raises(VerificationFailed, match="another key"):
        verify(sealed({**PROTECTED, 4: bytes(32)}))


@pytest.mark.parametrize(
    "change",
    [
        {1: -8},
        {4: "key"},
        {15: {1: ORIGIN, 2: "deposit"}},
        {15: {1: ORIGIN}},
        {15: {1: ORIGIN, 2: "checkpoint", 6: NOW}},
        {33: [DER]},
        {395: 2},
        {395: True},
        {2: [395]},
        {"more": 0},
    ],
    ids=lambda header: f"label {next(iter(header), None)}",
)
def test_another_protected_header_is_malformed(change: dict[Any, Any]) -> None:
    assert verify(sealed()) == "CN=seal"
    with pytest.raises(MalformedData):
        parse_cose_receipt(sealed({**PROTECTED, **change}))


PATH = cbor_encode([7, 5, list(PROOF)])


@pytest.mark.parametrize(
    "unprotected",
    [
        {},
        {396: {}},
        {396: {-2: [PATH]}},
        {396: {-1: []}},
        {396: {-1: [PATH, PATH]}},
        {396: {-1: [PATH], -2: [PATH]}},
        {396: {-1: PATH}},
        {396: {-1: [[7, 5, list(PROOF)]]}},
        {396: {-1: [PATH]}, 4: b""},
        {396: {-1: [cbor_encode([7, 5])]}},
        {396: {-1: [cbor_encode([7, -1, []])]}},
        {396: {-1: [cbor_encode([7, True, []])]}},
        {396: {-1: [cbor_encode([7, 5, [bytes(31)]])]}},
        {396: {-1: [cbor_encode([7, 5, [bytes(32)] * (MAX_PROOF + 1)])]}},
        {396: {-1: [PATH + b"\0"]}},
    ],
    ids=lambda header: f"label {next(iter(header), None)}",
)
def test_another_proof_header_is_malformed(unprotected: dict[Any, Any]) -> None:
    with pytest.raises(MalformedData):
        parse_cose_receipt(sealed(unprotected=unprotected))


def test_an_attached_root_is_malformed() -> None:
    # Some verifiers would check the signature over it and never recompute the root from the leaf.
    message = replace(cose.parse_sign1(RECEIPT), payload=ROOT)
    with pytest.raises(MalformedData):
        parse_cose_receipt(cose.format_sign1(message))


def test_a_statement_is_no_cose_receipt() -> None:
    key = SigningKey(bytes(32))
    with pytest.raises(MalformedData):
        parse_cose_receipt(cose.sign1({1: -8, 4: key.thumbprint}, b"", key.sign))


def _parsed(data: bytes) -> CoseReceipt | None:
    try:
        return parse_cose_receipt(data)
    except MalformedData:
        return None


@given(
    some.binary(max_size=300)
    | changed_bytes(RECEIPT)
    | changed_value(cbor_decode(RECEIPT[1:])).map(lambda value: b"\xd2" + cbor_encode(value))
    | changed_value(PROTECTED).map(sealed)
)
def test_a_changed_receipt_is_malformed_or_written_the_same(data: bytes) -> None:
    receipt = _parsed(data)
    assert receipt is None or cose.format_sign1(receipt.message) == data


@given(
    some.binary(min_size=32, max_size=32).map(lambda value: {4: value})
    | changed_bytes(DER).map(lambda value: {33: value})
)
def test_no_other_key_id_or_certificate_keeps_the_seal(change: dict[int, bytes]) -> None:
    # Signed anew by the true seal key.
    assert verify(sealed()) == "CN=seal"
    with pytest.raises(SealbookError):
        verify(sealed({**PROTECTED, **change}))
