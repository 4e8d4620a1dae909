"""Certificates as the office issues them: signed, entered, found again, withdrawn."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pdf_oxide
import pikepdf
import pytest
from asn1crypto import x509
from cryptography import x509 as x509c
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import CertRevTrustPolicy, RevocationCheckingPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager

from ledger.chain.certificate import DOCUMENT_SIGNING, SealAnchor
from ledger.chain.office import Withdrawn
from ledger.chain.trust import parse_trust
from ledger.court.certificate.content import Issue, read_case
from ledger.court.certificate.drawing import draw, drawer
from ledger.crypto.keys import SealKey
from ledger.errors import Conflict, InvalidInput, NotFound, SealbookError, Unavailable
from ledger.notary.certificates.issuing import IssuedCertificate, issue
from ledger.notary.certificates.register import FILE, require_reason
from ledger.notary.certificates.signing import BASIC, LONG_TERM
from ledger.notary.notary import Notary
from ledger.notary.orders import EnterCertificates, ReserveCertificates, WithdrawCertificate
from ledger.notary.storage.directory import read_settings, write_settings
from tests.certificates import issue as issue_party
from tests.certificates import revocation_list
from tests.certifying.conftest import Office
from tests.notaries import examined


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, office: Office) -> Office:
    directory = shutil.copytree(office.directory, tmp_path_factory.mktemp("own") / "notary")
    return replace(office, directory=directory)


@pytest.fixture(scope="module")
def notary(own: Office) -> Iterator[Notary]:
    with own.open() as notary:
        yield notary


@pytest.fixture(scope="module")
def certificate(notary: Notary, own: Office) -> IssuedCertificate:
    (made,) = issued(notary, own.stamped)
    return made


def issued(notary: Notary, *receipts: bytes) -> list[IssuedCertificate]:
    desk = notary.desk()
    cases = [read_case(each, desk.trust, desk.entry) for each in receipts]
    by = Issue("王小明", int(desk.now()), desk.sealing.subject, desk.portal)
    return list(issue(desk, [each.verified.index for each in cases], drawer(cases, by)))


def pdfsig(pdf: bytes, folder: Path) -> str:
    path = folder / "cert.pdf"
    path.write_bytes(pdf)
    done = subprocess.run(["pdfsig", path], capture_output=True, text=True, check=False)
    return done.stdout


def test_pyhanko_finds_the_signature_valid_for_the_long_term(
    certificate: IssuedCertificate, own: Office
) -> None:
    (seal, _) = PdfFileReader(BytesIO(certificate.pdf)).embedded_signatures
    ders = [parse_trust(own.trust).seals[0].authority, own.tsa.root.der]
    roots = [x509.Certificate.load(each) for each in ders]
    context = ValidationContext(trust_roots=roots, revocation_mode="soft-fail")
    status = asyncio.run(async_validate_pdf_signature(seal, context))
    assert status.bottom_line and status.trusted, status.pretty_print_details()
    assert status.modification_level == ModificationLevel.LTA_UPDATES
    assert status.timestamp_validity is not None and status.timestamp_validity.trusted


def test_a_seal_that_a_public_authority_certified_is_valid_by_the_european_standard(
    notary: Notary, own: Office
) -> None:
    start = int(time.time()) - 86_400
    root = issue_party("Public Root", start=start, ca=True)
    points = x509c.CRLDistributionPoints(
        [
            x509c.DistributionPoint(
                [x509c.UniformResourceIdentifier(f"{own.tsa.url}public.crl")], None, None, None
            )
        ]
    )
    seal = issue_party(
        "Seal", root, start=start, usages=(DOCUMENT_SIGNING,), extensions={points: False}
    )
    own.tsa.files["/public.crl"] = revocation_list(root, int(time.time()) - 60)
    assert isinstance(seal.key, ec.EllipticCurvePrivateKey)
    sealing = replace(
        notary.desk().sealing,
        key=SealKey(seal.key),
        chain=(seal.der, root.der),
        roots=(SealAnchor("CN=Seal", root.der),),
    )
    case = read_case(own.stamped, own.trust)
    pdf = draw(case, Issue("x", int(time.time()), sealing.subject), 1)
    signed = sealing.signer().sign(pdf, "test")
    (found, _) = PdfFileReader(BytesIO(signed)).embedded_signatures
    roots = [x509.Certificate.load(each) for each in (root.der, own.tsa.root.der)]
    lists = CertRevTrustPolicy(RevocationCheckingPolicy.from_legacy("require"))
    policy = CertValidationPolicySpec(SimpleTrustManager.build(roots), lists)
    spec = PdfSignatureValidationSpec(SignatureValidationSpec(policy))
    result = asyncio.run(ades_lta_validation(found, spec))
    assert result.ades_subindic == AdESPassed.OK, result.failure_msg
    del own.tsa.files["/public.crl"]
    with pytest.raises(Unavailable):
        sealing.signer()


def test_pdfsig_finds_the_signature_valid_and_over_the_whole_file(
    certificate: IssuedCertificate, tmp_path: Path
) -> None:
    shown = pdfsig(certificate.pdf, tmp_path)
    assert "Signature Validation: Signature is Valid." in shown
    assert "O=示例公证处" in shown and "ETSI.CAdES.detached" in shown
    assert shown.count("Signature #") == 2 and "Total document signed" in shown


def test_a_validator_finds_pdf_a_3b_before_and_after_signing(
    certificate: IssuedCertificate, own: Office, tmp_path: Path
) -> None:
    case = read_case(own.stamped, own.trust)
    for pdf in (draw(case, Issue("x", 1_796_000_000, "CN=Seal"), 1), certificate.pdf):
        path = tmp_path / "cert.pdf"
        path.write_bytes(pdf)
        said = pdf_oxide.PdfDocument(str(path)).validate_pdf_a("3b")
        assert said["valid"] and not said["errors"], said
        with pikepdf.open(path) as opened:
            assert len(opened.pages) == 1
            metadata = opened.open_metadata()
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "B")
            (intent,) = opened.Root.OutputIntents
            assert intent.S == "/GTS_PDFA1" and intent.DestOutputProfile.read_bytes()
            (attached,) = opened.Root.AF
            assert attached.AFRelationship == "/Data"
            assert attached.EF.F.read_bytes() == own.stamped
            assert "/JavaScript" not in opened.Root.Names
            for font in opened.pages[0].Resources.Font.values():
                below = font.DescendantFonts[0].FontDescriptor
                assert "/FontFile2" in below or "/FontFile3" in below
            for each in opened.pages[0].get("/Annots", []):
                assert int(each.F) & 4, "a signature's field is printed"


def test_a_changed_byte_breaks_the_signature(
    certificate: IssuedCertificate, tmp_path: Path
) -> None:
    at = certificate.pdf.index(b"000001")
    changed = certificate.pdf[:at] + b"000002" + certificate.pdf[at + 6 :]
    assert "Signature is Valid" not in pdfsig(changed, tmp_path)


def test_the_ledger_answers_for_a_number(
    certificate: IssuedCertificate, notary: Notary, own: Office
) -> None:
    standing = notary.certificate(certificate.number)
    assert standing is not None and standing.withdrawn is None
    assert standing.digest == sha256(certificate.pdf).digest()
    case = read_case(own.stamped, own.trust)
    assert (standing.deposit, standing.index) == (case.verified.index, certificate.index)
    assert notary.block(standing.height)
    assert notary.certificate(10**9) is None and notary.certificate(-1) is None


def test_what_is_withdrawn_is_said_with_the_reason_and_once(notary: Notary, own: Office) -> None:
    (made,) = issued(notary, own.plain)
    order = WithdrawCertificate(Withdrawn(made.number, "开具有误"))
    index = notary.execute(order).index
    standing = notary.certificate(made.number)
    assert standing is not None and standing.withdrawn is not None
    assert (standing.withdrawn.index, standing.withdrawn.reason) == (index, "开具有误")
    assert standing.withdrawn.time >= standing.time
    with pytest.raises(Conflict):
        notary.execute(order)
    with pytest.raises(NotFound):
        notary.execute(WithdrawCertificate(Withdrawn(10**6, "x")))


def test_no_number_is_given_twice(notary: Notary, own: Office) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: issued(notary, own.plain, own.stamped), range(4)))
    numbers = [each.number for some in made for each in some]
    assert len(set(numbers)) == len(numbers) == 8
    assert all(notary.certificate(each) for each in numbers)


def test_a_number_is_lost_and_never_reused_when_its_certificate_is_not_finished(
    notary: Notary, own: Office
) -> None:
    first = notary.execute(ReserveCertificates(3)).first
    own.tsa.fault = "error"
    try:
        with pytest.raises(Unavailable, match="No timestamp authority"):
            issued(notary, own.plain)
    finally:
        own.tsa.fault = None
    (made,) = issued(notary, own.plain)
    assert made.number > first + 2
    assert notary.certificate(first) is None


def test_a_number_that_was_not_reserved_or_an_entry_that_is_no_deposit_is_refused(
    notary: Notary, certificate: IssuedCertificate
) -> None:
    from ledger.chain.office import Issued

    standing = notary.certificate(certificate.number)
    assert standing is not None
    for wrong, error in (
        (Issued(10**6, bytes(32), standing.deposit), InvalidInput),
        (Issued(certificate.number, bytes(32), 0), NotFound),
        (Issued(certificate.number, bytes(32), standing.deposit), Conflict),
    ):
        with pytest.raises(error):
            notary.execute(EnterCertificates((wrong,)))


def test_numbers_go_on_when_the_file_that_counts_them_is_lost(
    office: Office, tmp_path: Path
) -> None:
    own = replace(office, directory=shutil.copytree(office.directory, tmp_path / "notary"))
    with own.open() as notary:
        issued(notary, own.plain, own.stamped)
        (own.directory / FILE).unlink()
        (made,) = issued(notary, own.plain)
        assert made.number == 3
    assert not examined(own.directory)


def test_an_office_without_an_authority_signs_without_tokens(
    office: Office, tmp_path: Path
) -> None:
    own = replace(office, directory=shutil.copytree(office.directory, tmp_path / "notary"))
    settings = replace(read_settings(own.directory), timestamps=(), portal=None)
    write_settings(own.directory, settings)
    with own.open() as notary:
        assert notary.desk().sealing.level == BASIC != LONG_TERM
        (made,) = issued(notary, own.plain)
    (signature,) = PdfFileReader(BytesIO(made.pdf)).embedded_signatures
    assert signature.field_name == "Seal"
    assert "Signature is Valid." in pdfsig(made.pdf, tmp_path)


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "\u202eesrever", "x" * 1001])
def test_a_reason_is_one_line_that_can_be_read(reason: str) -> None:
    with pytest.raises(SealbookError):
        require_reason(reason)
