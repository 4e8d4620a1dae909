"""Certificates: issued to an officer's hand for a receipt, and withdrawn."""

from fastapi import Request, Response

from ledger.chain.office import Withdrawn
from ledger.court.certificate.content import MAX_RECEIPT, Issue, read_case
from ledger.encoding import parse_decimal
from ledger.errors import InvalidInput, MalformedData, SealbookError
from ledger.notary.certificates.register import MAX_REASON, require_reason
from ledger.notary.desk.roles import Right
from ledger.notary.desk.trail import Action, Actor, record
from ledger.notary.orders import WithdrawCertificate

from .forms import MAX_FORM, Form
from .gate import NOTHING, Gate, Tried, Visit, go_on, office_page, proof_of

gate = Gate()
CERTIFICATES = "/office/certificates"
_ISSUE, _WITHDRAW = "issue a certificate", "withdraw a certificate"


@gate.page(CERTIFICATES, Right.CERTIFY)
def certificates(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
    """The forms to issue a certificate and to withdraw one."""
    assert visit.session is not None
    passkey = bool(visit.door.means(visit.session).passkeys)
    asked = [
        visit.door.confirm_options(visit.visitor, visit.session, each) if passkey else None
        for each in (_ISSUE, _WITHDRAW)
    ]
    return office_page(
        request,
        visit,
        "certificates.html",
        tried=tried,
        issue=asked[0],
        withdraw=asked[1],
        most=MAX_REASON,
    )


@gate.act(CERTIFICATES, Right.CERTIFY, certificates, MAX_RECEIPT + MAX_FORM)
def issue(_: Request, visit: Visit, form: Form) -> Response:
    """Issue a certificate for a receipt; the answer is its PDF."""
    assert visit.session is not None
    receipt = form.file("receipt")
    if not receipt:
        raise InvalidInput("Choose the receipt that the certificate is about.")
    visit.door.confirm(visit.visitor, visit.session, _ISSUE, proof_of(form))
    number, pdf = _issued(visit, receipt)
    return Response(
        pdf,
        media_type="application/pdf",
        headers={
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="certificate-{number:06d}.pdf"',
            "x-content-type-options": "nosniff",
        },
    )


@gate.act(f"{CERTIFICATES}/withdraw", Right.CERTIFY, certificates)
def withdraw(_: Request, visit: Visit, form: Form) -> Response:
    """Put on public record that the office withdraws a certificate."""
    assert visit.session is not None
    try:
        number = parse_decimal(form.text("number").lstrip("0"))
    except MalformedData as error:
        raise InvalidInput("Type the certificate's number, as it is printed.") from error
    reason = require_reason(form.text("reason"))
    visit.door.confirm(visit.visitor, visit.session, _WITHDRAW, proof_of(form))
    what, who = f"certificate {number:06d}", Actor.of(visit.who)
    try:
        entered = visit.notary.execute(WithdrawCertificate(Withdrawn(number, reason)))
    except SealbookError as error:
        record(visit.desk, who, Action.FAILED, f"{what}: {error.code}")
        raise
    record(visit.desk, who, Action.WITHDRAWN, what, entered.index)
    return go_on(f"/certificates/{number}")


def _issued(visit: Visit, receipt: bytes) -> tuple[int, bytes]:
    """Return the number and the PDF of a new certificate: intent and entry are on the trail."""
    from ledger.court.certificate.drawing import drawer  # half a second: for who issues
    from ledger.notary.certificates.issuing import issue as issue_for

    issuing, who = visit.notary.desk(), Actor.of(visit.who)
    case = read_case(receipt, issuing.trust, issuing.entry)
    by = Issue(visit.who.name, int(issuing.now()), issuing.sealing.subject, issuing.portal)
    what = f"entry {case.verified.index}"
    record(visit.desk, who, Action.CERTIFYING, what)
    try:
        (made,) = issue_for(issuing, [case.verified.index], drawer([case], by))
    except SealbookError as error:
        record(visit.desk, who, Action.FAILED, f"{what}: {error.code}")
        raise
    record(visit.desk, who, Action.CERTIFIED, f"certificate {made.number:06d}", made.index)
    return made.number, made.pdf
