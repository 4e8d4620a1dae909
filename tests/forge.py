"""Timestamp tokens that no authority would make: asn1crypto writes what OpenSSL refuses to.

token = forged(imprint, signer, time)                       # a good one
token = forged(imprint, signer, time, gen_time=b"...", ess=("v1", "v2"), signers=2, ...)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import new

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from ledger.crypto.der import SET, encode
from tests.certificates import Party, instant
from tests.tsa import POLICY


@dataclass(frozen=True)
class Ess:
    """How a token names its certificate: SHA-1 of it (RFC 2634) or SHA-256 (RFC 5816)."""

    version: int
    certificate: bytes
    with_serial: bool = True


def forged(
    imprint: bytes,
    signer: Party,
    time: int,
    *,
    algorithm: str = "sha256",
    gen_time: bytes | None = None,
    accuracy: tuple[int | None, int | None, int | None] | None = (1, None, None),
    nonce: int | None = 1,
    policy: str = POLICY,
    critical: bool = False,
    certificates: Sequence[bytes] | None = None,
    crls: Sequence[bytes] = (),
    ess: Sequence[Ess] | None = None,
    sid: Party | None = None,
    by_key_identifier: bool = False,
    signers: int = 1,
    content_type: str = "tst_info",
    digest: bytes | None = None,
    signed_digest: str = "sha256",
    pss: bool = False,
    sorted_attributes: bool = True,
) -> bytes:
    """Return a token over `imprint` by `signer` at `time`; the rest says what is odd about it.

    `gen_time` is the time's text. `certificates` are the signer's by default; `ess` names the signer by
    SHA-256, and `sid` is whom the token names beside its signature.
    """
    content = _info(imprint, algorithm, time, gen_time, accuracy, nonce, policy, critical)
    names = (Ess(2, signer.der),) if ess is None else ess
    attributes = [
        cms.CMSAttribute({"type": "content_type", "values": [content_type]}),
        cms.CMSAttribute(
            {"type": "message_digest", "values": [digest or new(signed_digest, content).digest()]}
        ),
        *map(_ess, names),
    ]
    encoded = [each.dump() for each in attributes]
    raw = b"".join(sorted(encoded) if sorted_attributes else sorted(encoded, reverse=True))
    signed = encode(SET, raw)
    signature, kind = _sign(signer, signed, signed_digest, pss)
    info = cms.SignerInfo(
        {
            "version": "v3" if by_key_identifier else "v1",
            "sid": _sid(sid or signer, by_key_identifier),
            "digest_algorithm": {"algorithm": signed_digest},
            "signed_attrs": cms.CMSAttributes.load(signed),
            "signature_algorithm": kind,
            "signature": signature,
        }
    )
    found = (signer.der,) if certificates is None else certificates
    data: dict[str, object] = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": signed_digest}],
        "encap_content_info": {
            "content_type": "tst_info",
            "content": core.ParsableOctetString(content),
        },
        "signer_infos": [info] * signers,
    }
    if found:
        data["certificates"] = cms.CertificateSet.load(encode(SET, b"".join(found)))
    if crls:
        data["crls"] = [cms.RevocationInfoChoice.load(each) for each in crls]
    return bytes(
        cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)}).dump()
    )


def _info(
    imprint: bytes,
    algorithm: str,
    time: int,
    gen_time: bytes | None,
    accuracy: tuple[int | None, int | None, int | None] | None,
    nonce: int | None,
    policy: str,
    critical: bool,
) -> bytes:
    fields: dict[str, object] = {
        "version": "v1",
        "policy": policy,
        "message_imprint": {
            "hash_algorithm": {"algorithm": algorithm},
            "hashed_message": imprint,
        },
        "serial_number": 4711,
        "gen_time": instant(time),
    }
    if accuracy is not None:
        names = ("seconds", "millis", "micros")
        fields["accuracy"] = {n: v for n, v in zip(names, accuracy, strict=True) if v is not None}
    if nonce is not None:
        fields["nonce"] = nonce
    if critical:
        fields["extensions"] = [
            {"extn_id": "1.3.6.1.4.1.99999.9", "critical": True, "extn_value": b"\x05\x00"}
        ]
    info = tsp.TSTInfo(fields)
    if gen_time is not None:
        info["gen_time"].contents = gen_time
        info["gen_time"]._header = None
        info._mutated = True
    return bytes(info.dump(force=gen_time is None))


def _ess(ess: Ess) -> cms.CMSAttribute:
    named: dict[str, object] = {
        "cert_hash": new("sha1" if ess.version == 1 else "sha256", ess.certificate).digest()
    }
    if ess.with_serial:
        certificate = asn1_x509.Certificate.load(ess.certificate)
        named["issuer_serial"] = {
            "issuer": [asn1_x509.GeneralName("directory_name", certificate.issuer)],
            "serial_number": certificate.serial_number,
        }
    kind = "signing_certificate" if ess.version == 1 else "signing_certificate_v2"
    return cms.CMSAttribute({"type": kind, "values": [{"certs": [named]}]})


def _sid(party: Party, by_key_identifier: bool) -> cms.SignerIdentifier:
    certificate = asn1_x509.Certificate.load(party.der)
    if by_key_identifier:
        return cms.SignerIdentifier("subject_key_identifier", certificate.key_identifier)
    return cms.SignerIdentifier(
        "issuer_and_serial_number",
        {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
    )


def _sign(
    signer: Party, message: bytes, digest: str, pss: bool
) -> tuple[bytes, algos.SignedDigestAlgorithm]:
    kind: dict[str, object]
    if isinstance(signer.key, ed25519.Ed25519PrivateKey):
        signature, kind = signer.key.sign(message), {"algorithm": "ed25519"}
    elif isinstance(signer.key, ec.EllipticCurvePrivateKey):
        hashed = SHA512() if digest == "sha512" else SHA256()
        signature = signer.key.sign(message, ec.ECDSA(hashed))
        kind = {"algorithm": f"{digest}_ecdsa"}
    elif pss:
        signature = signer.key.sign(message, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
        kind = {
            "algorithm": "rsassa_pss",
            "parameters": {
                "hash_algorithm": {"algorithm": "sha256"},
                "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": "sha256"}},
                "salt_length": 32,
            },
        }
    else:
        signature = signer.key.sign(message, padding.PKCS1v15(), SHA256())
        kind = {"algorithm": "rsassa_pkcs1v15"}
    return signature, algos.SignedDigestAlgorithm(kind)
