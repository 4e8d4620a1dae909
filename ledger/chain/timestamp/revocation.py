"""What revocation lists and OCSP responses say about a certificate, and what follows for old tokens.

A list counts once the certificate's own issuer has signed it, an OCSP response also by a responder that
the issuer has certified. A revocation that one names counts from whenever it is; that a certificate is
absent counts only where the list is from after the token's time and covers the certificate. Indirect
lists and lists of changes are not read.

Specification: RFC 5280 section 5, RFC 6960, RFC 3161 section 4.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import new

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, OCSPExtensionOID

from ledger.chain.timestamp.authority import load_certificate
from ledger.chain.timestamp.signature import load_key, verify_signature
from ledger.crypto import der
from ledger.errors import MalformedData, SealbookError, TooLarge, VerificationFailed

MAX_VALIDATION, MAX_ITEMS = 16 << 20, 64
"""Bytes and items of validation data for one token."""

Validation = x509.Certificate | x509.CertificateRevocationList | ocsp.OCSPResponse

HARMLESS = ("unspecified", "affiliationChanged", "superseded", "cessationOfOperation")
"""Reasons that leave tokens from before the revocation standing, once a list states them."""
HOLD = "certificateHold"


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a certificate of a token's path was revoked.

    `time` is the POSIX second from which it counts: of the revocation, or of an earlier invalidity.
    `reason` is a name of RFC 5280 section 5.3.1, None where the list states none. `listed` is the time
    of the list.
    """

    time: int
    reason: str | None
    listed: int

    @property
    def is_harmless(self) -> bool:
        """Whether tokens from before it stand by themselves."""
        return self.reason in HARMLESS


@dataclass(frozen=True, slots=True)
class Standing:
    """What all lists together say about one certificate.

    `checked` is the time of the newest that covers it and is from after the token's, None for none.
    """

    revocations: tuple[Revocation, ...]
    checked: int | None


@dataclass(frozen=True, slots=True)
class _Word:
    """What one list says: at a time, a revocation or none, and whether it would have named one."""

    time: int
    revocation: Revocation | None
    covers: bool


def parse_validation(data: bytes) -> Validation:
    """Return a certificate, a CRL or an OCSP response (DER). Raises MalformedData and TooLarge."""
    if len(data) > MAX_VALIDATION:
        raise TooLarge(f"a file of validation data is over {MAX_VALIDATION:,} bytes")
    for load in (load_certificate, x509.load_der_x509_crl, ocsp.load_der_ocsp_response):
        try:
            return load(data)
        except (ValueError, TypeError, x509.InvalidVersion):
            continue
    raise MalformedData(
        "validation data is neither a certificate nor a revocation list nor an OCSP response, in DER"
    )


def standing(
    certificate: x509.Certificate, issuer: x509.Certificate, lists: Sequence[Validation], time: int
) -> Standing:
    """Return what `lists` say about a certificate of a path with a token at `time`."""
    words = [word for each in lists for word in _words(each, certificate, issuer)]
    expiry = _seconds(certificate.not_valid_after_utc)
    # A list may leave out what has expired.
    checks = [
        word.time
        for word in words
        if word.revocation is None and word.covers and time < word.time <= expiry
    ]
    checked = max(checks, default=None)
    return Standing(
        tuple(
            word.revocation
            for word in words
            if word.revocation
            # A hold is lifted by a later list that no longer names it.
            and not (word.revocation.reason == HOLD and checked and checked > word.time)
        ),
        checked,
    )


def _words(
    item: Validation, certificate: x509.Certificate, issuer: x509.Certificate
) -> Iterator[_Word]:
    try:
        if isinstance(item, x509.CertificateRevocationList):
            if item.issuer == issuer.subject and _may_sign_lists(issuer):
                yield from _listed(item, certificate, issuer)
        elif isinstance(item, ocsp.OCSPResponse):
            yield from _answered(item, certificate, issuer)
    except (SealbookError, ValueError, TypeError, UnsupportedAlgorithm,
            x509.DuplicateExtension, x509.UnsupportedGeneralNameType):  # fmt: skip
        return  # of somebody else, or not to be read: it says nothing


def _listed(
    crl: x509.CertificateRevocationList, certificate: x509.Certificate, issuer: x509.Certificate
) -> Iterator[_Word]:
    covers = _covers(crl, certificate)
    key = load_key(issuer.public_bytes(Encoding.DER))
    if covers is None or not crl.is_signature_valid(key):  # type: ignore[arg-type]
        return
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    revocation = None
    if entry is not None:
        time, reason = entry.revocation_date_utc, None
        for extension in entry.extensions:
            if isinstance(extension.value, x509.CRLReason):
                reason = extension.value.reason.value
            elif isinstance(extension.value, x509.InvalidityDate):
                time = min(time, extension.value.invalidity_date_utc)
        revocation = Revocation(_seconds(time), reason, _seconds(crl.last_update_utc))
    yield _Word(_seconds(crl.last_update_utc), revocation, covers)


def _covers(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool | None:
    """Return whether a list would name this certificate; None for one that is not read."""
    scope = None
    for extension in crl.extensions:
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            scope = extension.value
        elif extension.critical or isinstance(extension.value, x509.DeltaCRLIndicator):
            return None  # a list of changes (RFC 5280 section 5.2.4), or something unknown
    if scope is None:
        return True
    if scope.indirect_crl or scope.only_contains_attribute_certs:
        return None
    is_authority = _is_authority(certificate)
    return (
        not scope.only_some_reasons
        and not (scope.only_contains_user_certs and is_authority)
        and not (scope.only_contains_ca_certs and not is_authority)
        and _is_its_part(scope, certificate)
    )


def _is_its_part(scope: x509.IssuingDistributionPoint, certificate: x509.Certificate) -> bool:
    """Return whether the part of a list is the one that the certificate points to."""
    if scope.full_name is None and scope.relative_name is None:
        return True
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return False
    own = {name for point in points for name in point.full_name or ()}
    return not own.isdisjoint(scope.full_name or ())


def _answered(
    response: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate
) -> Iterator[_Word]:
    if response.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        return
    name, key = _issuer_hashes(issuer, response.hash_algorithm.name)
    named = (response.issuer_name_hash, response.issuer_key_hash, response.serial_number)
    if named != (name, key, certificate.serial_number):
        return
    if any(
        extension.critical and extension.oid != OCSPExtensionOID.NONCE
        for extension in (*response.extensions, *response.single_extensions)
    ):
        return
    _verify_responder(response, issuer)
    if response.certificate_status == ocsp.OCSPCertStatus.UNKNOWN:
        return
    revocation = None
    if response.revocation_time_utc is not None:
        time = response.revocation_time_utc
        for extension in response.single_extensions:
            if isinstance(extension.value, x509.InvalidityDate):
                time = min(time, extension.value.invalidity_date_utc)
        reason = response.revocation_reason
        revocation = Revocation(
            _seconds(time),
            None if reason is None else reason.value,
            _seconds(response.this_update_utc),
        )
    yield _Word(_seconds(response.this_update_utc), revocation, covers=True)


def _verify_responder(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> None:
    """Raise VerificationFailed unless the issuer, or a responder that it certified, has signed."""
    signer = issuer
    own = (issuer.subject, _issuer_hashes(issuer, "sha1")[1])
    if response.responder_name != own[0] and response.responder_key_hash != own[1]:
        signer = _responder(response, issuer)
    outer = der.children(der.read(response.public_bytes(Encoding.DER)), der.SEQUENCE)
    content = der.children(der.children(outer[1])[0])[1].content
    signed, algorithm, signature = der.children(der.read(content))[:3]
    verify_signature(
        load_key(signer.public_bytes(Encoding.DER)), algorithm, signature.content[1:], signed.raw
    )


def _responder(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> x509.Certificate:
    at = response.produced_at_utc
    for each in response.certificates[:4]:
        try:
            usage = each.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            each.verify_directly_issued_by(issuer)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError,
                x509.ExtensionNotFound, x509.DuplicateExtension):  # fmt: skip
            continue
        if (
            ExtendedKeyUsageOID.OCSP_SIGNING in usage
            and each.not_valid_before_utc <= at <= each.not_valid_after_utc
            and (
                response.responder_name == each.subject
                or response.responder_key_hash == _issuer_hashes(each, "sha1")[1]
            )
        ):
            return each
    raise VerificationFailed("an OCSP response is signed by nobody that its issuer has certified")


def _issuer_hashes(issuer: x509.Certificate, function: str) -> tuple[bytes, bytes]:
    """Return the hashes of name and key by which OCSP names an issuer."""
    outer = der.children(der.read(issuer.public_bytes(Encoding.DER)), der.SEQUENCE)
    fields = der.children(outer[0])
    subject, key = fields[5], der.children(fields[6])[1].content[1:]
    return (
        new(function, subject.raw, usedforsecurity=False).digest(),
        new(function, key, usedforsecurity=False).digest(),
    )


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
