"""Certificates of the seal: its root's, and that of the key that seals."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.chain.certificate import DOCUMENT_SIGNING
from ledger.crypto.keys import SealKey, thumbprint_p256
from ledger.errors import InvalidInput, MalformedData

SEAL_ROOT_YEARS = 30
SEAL_YEARS = 15
_YEAR = timedelta(days=365.25)
_BACKDATE = timedelta(hours=1)
"""Certificates begin a little before they are made, for clocks that run behind."""


def format_request(subject: bytes, key: SealKey) -> bytes:
    """Return a certificate request (PKCS #10, PEM) for the subject of a certificate in DER."""
    name = x509.load_der_x509_certificate(subject).subject
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(key.private, hashes.SHA256()).public_bytes(Encoding.PEM)


def certify(request: bytes, root: bytes, root_key: SealKey, time: float) -> bytes:
    """Return the chain, PEM, of a seal's key that asks for it: its certificate and the root's.

    `root` is the root's certificate in DER, `time` POSIX seconds. Raises MalformedData for what is no
    request, InvalidInput for a root whose key is another one.
    """
    above = x509.load_der_x509_certificate(root)
    public = above.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey) or (
        thumbprint_p256(public) != root_key.thumbprint
    ):
        raise InvalidInput("This is not the key of the seal's root. Name the right file.")
    try:
        asked = x509.load_pem_x509_csr(request)
        key = asked.public_key()
    except ValueError as error:
        raise MalformedData("not a certificate request in PEM") from error
    if not (asked.is_signature_valid and isinstance(key, ec.EllipticCurvePublicKey)):
        raise MalformedData("the certificate request is not signed by a P-256 key of its own")
    now = datetime.fromtimestamp(int(time), UTC)
    made = certificate(asked.subject, key, above.subject, root_key, now, SEAL_YEARS, ca=False)
    return made.public_bytes(Encoding.PEM) + above.public_bytes(Encoding.PEM)


def certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    signer: SealKey,
    now: datetime,
    years: int,
    *,
    ca: bool,
) -> x509.Certificate:
    """Return a certificate of `key` by `signer`, for an authority of seals or for a seal."""
    usage = x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=not ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + years * _YEAR)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(authority, critical=False)
    )
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([DOCUMENT_SIGNING]), critical=False)
    return builder.sign(signer.private, hashes.SHA256())
