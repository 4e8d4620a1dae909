"""For the operator: staff and the audit trail."""

import json

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from ledger.errors import NotFound, VerificationFailed
from ledger.notary.desk import staff, trail
from ledger.notary.desk.roles import Right
from ledger.notary.desk.trail import Actor

from .forms import Form
from .gate import NOTHING, Gate, Tried, Visit, go_on, office_page, proof_of

gate = Gate()
STAFF, TRAIL = "/office/staff", "/office/trail"
PAGE = 50


@gate.page(STAFF, Right.STAFF)
def people(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
    """Who works at the office, and what they sign in with."""
    assert visit.session is not None
    found = staff.roster(visit.desk)
    passkey = bool(visit.door.means(visit.session).passkeys)
    rows = [
        (
            each,
            visit.door.confirm_options(visit.visitor, visit.session, _purpose(each.member.id))
            if passkey and each.active and each.member.id != visit.who.id
            else None,
        )
        for each in found
    ]
    return office_page(request, visit, "staff.html", rows=rows, tried=tried)


@gate.act(STAFF + "/{number}/remove", Right.STAFF, people)
def remove(request: Request, visit: Visit, form: Form) -> Response:
    """Take somebody off the staff."""
    assert visit.session is not None
    number = request.path_params["number"]
    found = [
        each.member
        for each in staff.roster(visit.desk)
        if each.active and str(each.member.id) == number and each.member.id != visit.who.id
    ]
    if not found:
        raise NotFound("There is nobody of that number to be removed.")
    purpose = _purpose(found[0].id)
    visit.door.confirm(visit.visitor, visit.session, purpose, proof_of(form))
    staff.remove(visit.desk, found[0].name, Actor.of(visit.who))
    return go_on(STAFF)


@gate.page(TRAIL, Right.TRAIL)
def trail_page(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
    """What was done, newest first; with `check`, whether the chain holds."""
    text = request.query_params.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) < 15 else None
    found = trail.newest(visit.desk, before, PAGE)
    checked = None
    if request.query_params.get("check"):
        try:
            checked = trail.verify_trail(visit.desk.origin, trail.rows(visit.desk))
        except VerificationFailed as error:
            tried = Tried(problem=error)
    older = found[-1].number if found and found[-1].number else None
    return office_page(
        request,
        visit,
        "trail.html",
        rows=found,
        older=older,
        checked=checked,
        tried=tried,
    )


@gate.page(f"{TRAIL}/export", Right.TRAIL)
def export(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:  # noqa: ARG001
    """The whole trail, one JSON object a line."""
    rows = trail.rows(visit.desk)
    return StreamingResponse(
        (json.dumps(each.as_dict(), ensure_ascii=False) + "\n" for each in rows),
        media_type="application/x-ndjson",
        headers={
            "cache-control": "no-store",
            "content-disposition": 'attachment; filename="audit.trail"',
            "x-content-type-options": "nosniff",
        },
    )


def _purpose(number: int) -> str:
    return f"remove staff {number}"
