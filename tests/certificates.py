"""Certificates of authorities that do not exist, their revocation lists and OCSP responses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
Hash = SHA256 | SHA384 | SHA512
STAMPING = ExtendedKeyUsageOID.TIME_STAMPING
YEAR = 31_556_952


@dataclass(frozen=True)
class Party:
    """Somebody with a certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def serial(self) -> int:
        return self.certificate.serial_number


@dataclass(frozen=True)
class Revoked:
    """One entry of a revocation list."""

    serial: int
    time: int
    reason: x509.ReasonFlags | None = None
    invalidity: int | None = None


def issue(
    name: str,
    issuer: Party | None = None,
    *,
    start: int,
    years: float = 10,
    ca: bool = False,
    usages: Sequence[x509.ObjectIdentifier] = (STAMPING,),
    critical: bool = True,
    key: Key | None = None,
    hash: Hash | None = None,
    extensions: Mapping[x509.ExtensionType, bool] | None = None,
) -> Party:
    """Return a party certified by `issuer`, or by itself. Usages are not given to an authority."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signing = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(instant(start))
        .not_valid_after(instant(start + int(years * YEAR)))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(_key_usage(ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
        )
    )
    if usages and not (ca and usages == (STAMPING,)):
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
    for extension, is_critical in (extensions or {}).items():
        builder = builder.add_extension(extension, critical=is_critical)
    return Party(builder.sign(signing, _hash(signing, hash)), key)


def revocation_list(
    issuer: Party,
    this_update: int,
    revoked: Sequence[Revoked] = (),
    *,
    extensions: Mapping[x509.ExtensionType, bool] | None = None,
) -> bytes:
    """Return a CRL in DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(instant(this_update))
        .next_update(instant(this_update + 7 * 86_400))
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    for extension, critical in (extensions or {}).items():
        builder = builder.add_extension(extension, critical=critical)
    for each in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(each.serial)
            .revocation_date(instant(each.time))
        )
        if each.reason is not None:
            entry = entry.add_extension(x509.CRLReason(each.reason), critical=False)
        if each.invalidity is not None:
            entry = entry.add_extension(
                x509.InvalidityDate(instant(each.invalidity)), critical=False
            )
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, _hash(issuer.key, None)).public_bytes(Encoding.DER)


def ocsp_response(
    of: Party,
    issuer: Party,
    this_update: int,
    revoked: Revoked | None = None,
    *,
    responder: Party | None = None,
) -> bytes:
    """Return an OCSP response in DER, signed by the issuer or by a responder that it has certified."""
    signer = responder or issuer
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            of.certificate,
            issuer.certificate,
            SHA1(),
            ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
            instant(this_update),
            None,
            instant(revoked.time) if revoked else None,
            revoked.reason if revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    )
    if responder:
        builder = builder.certificates([responder.certificate])
    return builder.sign(signer.key, _hash(signer.key, None)).public_bytes(Encoding.DER)


def instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _hash(key: Key, chosen: Hash | None) -> Hash | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else chosen or SHA256()


def _key_usage(ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
