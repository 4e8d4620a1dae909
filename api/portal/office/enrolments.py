"""What waits, enrolment requests, and the second pair of eyes."""

from fastapi import Request, Response

from ledger.crypto.keys import thumbprint_ed25519
from ledger.errors import Conflict, InvalidInput, NotFound
from ledger.notary.desk import proposals
from ledger.notary.desk.proposals import WAITING, Proposal
from ledger.notary.desk.roles import NotAllowed, Right, require_second_eyes
from ledger.notary.enrolling import MAX_TEXT, read_asked

from .. import health as words
from ..visitors import language_of
from .forms import MAX_UPLOAD, Form
from .gate import NOTHING, OFFICE, Gate, Tried, Visit, go_on, office_page, proof_of

gate = Gate()
REQUESTS = "/office/requests"
_SHOWN = 20
_LAST = 10**12


@gate.page(OFFICE, Right.OWN)
def desk(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
    """What waits, and how the notary is."""
    sees = Right.PROPOSE in visit.rights
    health, language = visit.notary.health, language_of(request)
    return office_page(
        request,
        visit,
        "desk.html",
        waiting=proposals.undecided(visit.desk)[:_SHOWN] if sees else [],
        reasons=[words.reason(each, language) for each in sorted(health.reasons)],
        warnings=[words.warning(each, language) for each in sorted(health.warnings)],
        tried=tried,
    )


@gate.page(REQUESTS, Right.PROPOSE)
def requests(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
    """All requests, and the form for a new one."""
    return office_page(
        request,
        visit,
        "requests.html",
        waiting=proposals.undecided(visit.desk),
        decided=proposals.decided(visit.desk, _SHOWN),
        most=MAX_TEXT,
        tried=tried,
    )


@gate.act(REQUESTS, Right.PROPOSE, requests, MAX_UPLOAD)
def propose(_: Request, visit: Visit, form: Form) -> Response:
    """Put a request before an officer."""
    sent = form.file("request")
    if not sent:
        raise InvalidInput("Choose the enrolment request that the company has sent.")
    key = thumbprint_ed25519(read_asked(sent).request.key)
    if visit.notary.accounts.key(key) is not None:
        raise Conflict(
            "The key of this request belongs to an account already: find it under Accounts."
        )
    number = proposals.propose(
        visit.desk,
        visit.who,
        sent,
        form.text("fingerprint"),
        account=form.text("account") or None,
        name=form.text("name"),
        registration=form.text("registration"),
    )
    return go_on(f"{REQUESTS}/{number}")


@gate.page(REQUESTS + "/{number}", Right.PROPOSE)
def request_page(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
    """One request: what it holds, who proposed it, what became of it."""
    assert visit.session is not None
    found = _proposal(request, visit)
    options = None
    if found.open and visit.door.means(visit.session).passkeys:
        options = visit.door.confirm_options(visit.visitor, visit.session, _purpose(found))
    return office_page(
        request,
        visit,
        "request.html",
        proposal=found,
        thumbprint=thumbprint_ed25519(found.asked.request.key),
        decides=found.open and _may_decide(visit, found),
        withdraws=found.state == WAITING and found.proposer.id == visit.who.id,
        options=options,
        tried=tried,
    )


@gate.act(REQUESTS + "/{number}/approve", Right.APPROVE, request_page)
def approve(request: Request, visit: Visit, form: Form) -> Response:
    """Enrol what another has proposed."""
    assert visit.session is not None
    found = _proposal(request, visit)
    require_second_eyes(visit.who, found.proposer)
    visit.door.confirm(visit.visitor, visit.session, _purpose(found), proof_of(form))
    proposals.approve(
        visit.desk,
        visit.who,
        found.id,
        form.text("fingerprint"),
        form.text("account") or None,
        visit.notary.execute,
        visit.notary.records,
    )
    return go_on(f"{REQUESTS}/{found.id}")


@gate.act(REQUESTS + "/{number}/decline", Right.PROPOSE, request_page)
def decline(request: Request, visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """Decline a request, or take back one's own."""
    found = _proposal(request, visit)
    proposals.decline(visit.desk, visit.who, found.id)
    return go_on(f"{REQUESTS}/{found.id}")


def _proposal(request: Request, visit: Visit) -> Proposal:
    number = request.path_params["number"]
    if not (number.isascii() and number.isdigit() and int(number) < _LAST):
        raise NotFound("There is no such request.")
    return proposals.proposal(visit.desk, int(number))


def _purpose(found: Proposal) -> str:
    return f"approve {found.id}"


def _may_decide(visit: Visit, found: Proposal) -> bool:
    try:
        require_second_eyes(visit.who, found.proposer)
    except NotAllowed:
        return False
    return True
