"""The office's electronic signature of a PDF: PAdES-B-LTA with a timestamp authority, else PAdES-B-B.

The seal's key signs, under the certificates that `seal-chain.pem` names. The tokens are by the first of
the office's authorities that answers with one that holds.

Specification: ETSI EN 319 142-1, through pyHanko; RFC 5652, RFC 3161.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import new
from io import BytesIO

from asn1crypto import cms, crl, ocsp, x509
from asn1crypto.algos import SignedDigestAlgorithm
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509 import (
    Certificate,
    CertificateRevocationList,
    load_der_x509_certificate,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, PdfTimeStamper, Signer
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko_certvalidator.registry import SimpleCertificateStore

from ledger.chain.certificate import SealAnchor, certified_key
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.revocation import parse_validation
from ledger.crypto.keys import P256Signer
from ledger.errors import InvalidInput, SealbookError, Unavailable, VerificationFailed
from ledger.notary.anchoring.authorities import stamp
from ledger.notary.anchoring.keeping import distribution_points, fetch_list

FIELD, TIMESTAMP_FIELD = "Seal", "Timestamp"
LONG_TERM, BASIC = "PAdES-B-LTA", "PAdES-B-B"
_DIGEST = "sha256"
_COORDINATE = 32
_AROUND = 4_096
"""Bytes of a signature beside certificates and token. Told the room, pyHanko signs but once."""

Known = Callable[[Iterable[bytes]], Sequence[bytes]]
"""Returns the certificates and revocation lists (DER) that are known for tokens."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """What certificates are signed with. `chain` is the seal's certificate first, in DER.

    `authorities` are where tokens come from, by URL; without any the signature has none. `roots` are
    what the office's trust file lets certify the seal. `now` tells POSIX seconds.
    """

    key: P256Signer
    chain: tuple[bytes, ...]
    roots: tuple[SealAnchor, ...]
    authorities: tuple[tuple[str, Authority], ...]
    known: Known
    random: Callable[[int], bytes]
    now: Callable[[], float]

    @property
    def level(self) -> str:
        """The level of the signatures that it makes."""
        return LONG_TERM if self.authorities else BASIC

    @property
    def subject(self) -> str:
        """Whom the seal's certificate names (RFC 4514)."""
        return load_der_x509_certificate(self.chain[0]).subject.rfc4514_string()

    def signer(self) -> "PdfSealer":
        """Return what signs one PDF after the other."""
        return PdfSealer(self)


class PdfSealer:
    """Signs PDFs. What its authority answers first tells the room that a token takes.

    Making one raises Unavailable where no authority answers, or a list that the seal's certificates
    name cannot be had.
    """

    def __init__(self, sealing: Sealing) -> None:
        self._chain = [x509.Certificate.load(each) for each in sealing.chain]
        self._sealing = sealing
        self._signer = _Seal(sealing.key, self._chain)
        self._stamper = _Stamper(sealing) if sealing.authorities else None
        token = 0 if self._stamper is None else self._stamper.room
        self._lists = [] if self._stamper is None else list(_lists(sealing))
        self._room = sum(map(len, sealing.chain)) + token + _AROUND

    def sign(self, pdf: bytes, reason: str) -> bytes:
        """Return the PDF, signed. May be called from any thread without an event loop.

        Raises what the key token raises; Unavailable where the authority gives no token that holds;
        InvalidInput where the seal's certificate is not one that the trust file allows, valid now.
        """
        sealing = self._sealing
        try:
            certified_key(sealing.chain[0], sealing.roots, int(sealing.now()))
        except VerificationFailed as error:
            raise InvalidInput(
                f"Nothing can be signed now: {error}. See that seal-chain.pem holds the seal's "
                "certificate and those above it, and that they are valid."
            ) from error
        metadata = PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm=_DIGEST,
            subfilter=SigSeedSubFilter.PADES,
            reason=reason,
            signer_key_usage=set(),
        )
        signed = BytesIO()
        PdfSigner(metadata, self._signer, timestamper=self._stamper).sign_pdf(
            _Writer(BytesIO(pdf)), output=signed, bytes_reserved=2 * self._room
        )
        return signed.getvalue() if self._stamper is None else self._preserved(signed)

    def _preserved(self, signed: BytesIO) -> bytes:
        """Return the signed PDF with all that checks the signature, under a timestamp."""
        assert self._stamper is not None
        writer, stamped = _Writer(signed), BytesIO()
        known = [*self._chain, *self._stamper.certificates, *self._stamper.known()]
        DocumentSecurityStore.supply_dss_in_writer(
            writer,
            None,
            certs=[each for each in known if isinstance(each, x509.Certificate)],
            crls=[
                *self._lists,
                *(each for each in known if isinstance(each, crl.CertificateList)),
            ],
            ocsps=[each for each in known if isinstance(each, ocsp.OCSPResponse)],
        )
        stamper = PdfTimeStamper(self._stamper, field_name=TIMESTAMP_FIELD)
        stamper.timestamp_pdf(
            writer, _DIGEST, bytes_reserved=2 * self._stamper.room, output=stamped
        )
        return stamped.getvalue()


def _lists(sealing: Sealing) -> Iterator[crl.CertificateList]:
    """Yield the revocation lists that the seal's certificates name.

    Raises Unavailable, TooLarge, MalformedData and VerificationFailed.
    """
    ders = (*sealing.chain, *(each.authority for each in sealing.roots))
    certificates = [load_der_x509_certificate(each) for each in dict.fromkeys(ders)]
    urls = dict.fromkeys(url for each in certificates for url in distribution_points(each))
    for url in urls:
        yield crl.CertificateList.load(fetch_list(url, certificates, public=False))


class _Writer(IncrementalPdfFileWriter):
    """Leaves the metadata as they are: pyHanko's would not be those of PDF/A."""

    def _update_meta(self) -> None: ...


class _Seal(Signer):
    """The seal's key, wherever it is."""

    def __init__(self, key: P256Signer, chain: Sequence[x509.Certificate]) -> None:
        super().__init__(
            signing_cert=chain[0],
            cert_registry=SimpleCertificateStore.from_certs(chain),  # type: ignore[no-untyped-call]
            signature_mechanism=SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
        )
        self._key = key

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        assert digest_algorithm == _DIGEST
        signature = bytes([255]) * (2 * _COORDINATE) if dry_run else self._key.sign(data)
        r, s = signature[:_COORDINATE], signature[_COORDINATE:]
        return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


class _Stamper(TimeStamper):
    """Asks one of the office's authorities, through the office's own client and checks.

    That is the first that answers, so that each token takes the room that the first one took.
    """

    def __init__(self, sealing: Sealing) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._sealing = sealing
        self._chosen, self._first = self._choose(new(_DIGEST).digest())
        dummy = cms.ContentInfo.load(self._first)
        self._register_dummy(_DIGEST, dummy)  # type: ignore[no-untyped-call]

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        assert len(message_digest) == new(md_algorithm).digest_size
        return cms.ContentInfo.load(self._ask(self._chosen, message_digest))

    @property
    def room(self) -> int:
        """Bytes that one of its tokens may have: those of the first, and some more."""
        return len(self._first) + len(self._first) // 2

    @property
    def certificates(self) -> list[x509.Certificate]:
        """Those that its tokens bring."""
        return list(self.cert_registry)

    def known(self) -> Iterator[object]:
        """Yield the certificates, lists and answers that check this authority's tokens."""
        for data in self._sealing.known([self._first]):
            item = parse_validation(data)
            if isinstance(item, Certificate):
                yield x509.Certificate.load(data)
            elif isinstance(item, CertificateRevocationList):
                yield crl.CertificateList.load(data)
            else:
                yield ocsp.OCSPResponse.load(data)

    def _choose(self, imprint: bytes) -> tuple[tuple[str, Authority], bytes]:
        failed: SealbookError | None = None
        for each in self._sealing.authorities:
            try:
                return each, self._ask(each, imprint)
            except SealbookError as error:
                failed = error
        raise Unavailable(
            "No timestamp authority of the office gives a token now, and without one no certificate is "
            f"issued: {failed}"
        ) from failed

    def _ask(self, authority: tuple[str, Authority], imprint: bytes) -> bytes:
        sealing = self._sealing
        return stamp(*authority, imprint, sealing.random, sealing.known).token.der
