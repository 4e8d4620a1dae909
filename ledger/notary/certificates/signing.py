"""The office's electronic signature of a PDF: PAdES-B-LTA with a timestamp authority, else PAdES-B-B.

The seal's key signs, under the certificates that `seal-chain.pem` names. The tokens are by the first of
the office's authorities that answers with one that holds.

Specification: ETSI EN 319 142-1, section 6; RFC 3161.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.x509 import (
    Certificate,
    CertificateRevocationList,
    load_der_x509_certificate,
)

from ledger.chain.certificate import SealAnchor, certified_key
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.revocation import parse_validation
from ledger.chain.timestamp.token import Token
from ledger.crypto.keys import P256Signer
from ledger.errors import InvalidInput, SealbookError, Unavailable, VerificationFailed
from ledger.notary.anchoring.authorities import stamp
from ledger.notary.anchoring.keeping import distribution_points, fetch_list
from ledger.notary.certificates.cms import ecdsa_value, signed_attributes, signed_data
from ledger.notary.certificates.revision import Evidence, Signature, read_paper, sign_paper

FIELD, TIMESTAMP_FIELD = "Seal", "Timestamp"
LONG_TERM, BASIC = "PAdES-B-LTA", "PAdES-B-B"
_TIMESTAMP = b"/Type/DocTimeStamp/SubFilter/ETSI.RFC3161"
_AROUND = 2_048
"""Bytes of a signature beside certificates and token."""

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
        self._sealing = sealing
        self._stamper = _Stamper(sealing) if sealing.authorities else None
        self._room = sum(map(len, sealing.chain)) + _AROUND
        if self._stamper is not None:
            self._room += self._stamper.room
            known = (*sealing.chain, *_lists(sealing), *self._stamper.known)
            self._evidence = _evidence(known)

    def sign(self, pdf: bytes, reason: str) -> bytes:
        """Return the PDF, signed. May be called from any thread.

        Raises what the key token raises; Unavailable where the authority gives no token that holds;
        InvalidInput where the seal's certificate is not one that the trust file allows, valid now.
        """
        sealing, stamper = self._sealing, self._stamper
        now = int(sealing.now())
        try:
            certified_key(sealing.chain[0], sealing.roots, now)
        except VerificationFailed as error:
            raise InvalidInput(
                f"Nothing can be signed now: {error}. See that seal-chain.pem holds the seal's "
                "certificate and those above it, and that they are valid."
            ) from error
        seal = Signature(FIELD, _seal_keys(now, reason), self._room, self._container)
        signed = sign_paper(read_paper(pdf), seal)
        if stamper is None:
            return signed.pdf
        over = Signature(TIMESTAMP_FIELD, _TIMESTAMP, stamper.room, stamper.token)
        return sign_paper(signed, over, self._evidence).pdf

    def _container(self, digest: bytes) -> bytes:
        """Return the seal's signature of a PDF with this hash, with a token over its value."""
        sealing, stamper = self._sealing, self._stamper
        attributes = signed_attributes(digest, sealing.chain[0])
        signature = ecdsa_value(sealing.key.sign(attributes))
        token = None if stamper is None else stamper.token(sha256(signature).digest())
        return signed_data(sealing.chain, attributes, signature, token)


def _seal_keys(now: int, reason: str) -> bytes:
    """Return what a seal's dictionary says: the time that the office states (UTC), and why."""
    time = f"/M(D:{datetime.fromtimestamp(now, UTC):%Y%m%d%H%M%S}Z)".encode()
    shown = f"\ufeff{reason}".encode("utf-16-be").hex().encode()
    return b"/Type/Sig/SubFilter/ETSI.CAdES.detached%b/Reason<%b>" % (time, shown)


def _evidence(ders: Iterable[bytes]) -> Evidence:
    """Return certificates, lists and answers, each kind by itself and each once."""
    items = {each: parse_validation(each) for each in ders}
    lists = tuple(each for each, i in items.items() if isinstance(i, CertificateRevocationList))
    certificates = tuple(each for each, i in items.items() if isinstance(i, Certificate))
    return Evidence(certificates, lists, tuple(items.keys() - {*certificates, *lists}))


def _lists(sealing: Sealing) -> Iterator[bytes]:
    """Yield the revocation lists that the seal's certificates name.

    Raises Unavailable, TooLarge, MalformedData and VerificationFailed.
    """
    ders = (*sealing.chain, *(each.authority for each in sealing.roots))
    certificates = [load_der_x509_certificate(each) for each in dict.fromkeys(ders)]
    urls = dict.fromkeys(url for each in certificates for url in distribution_points(each))
    for url in urls:
        yield fetch_list(url, certificates, public=False)


class _Stamper:
    """Asks one of the office's authorities, through the office's own client and checks.

    That is the first that answers, so that each token takes the room that the first one took.
    """

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing
        self._chosen, first = self._choose(sha256().digest())
        self.room = len(first.der) + len(first.der) // 2
        """Bytes that one of its tokens may have: those of the first, and some more."""
        self.known = (*first.certificates, *sealing.known([first.der]))
        """The certificates, lists and answers (DER) that check this authority's tokens."""

    def token(self, imprint: bytes) -> bytes:
        """Return a token (DER) over a SHA-256. Raises what `stamp` raises."""
        return self._ask(self._chosen, imprint).der

    def _choose(self, imprint: bytes) -> tuple[tuple[str, Authority], Token]:
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

    def _ask(self, authority: tuple[str, Authority], imprint: bytes) -> Token:
        sealing = self._sealing
        return stamp(*authority, imprint, sealing.random, sealing.known).token
