"""Signing in and out, and what one signs in with."""

import os

import segno
from fastapi import Request, Response
from markupsafe import Markup

from ledger.errors import MalformedData
from ledger.notary.desk import codes
from ledger.notary.desk.door import CREATE
from ledger.notary.desk.roles import Right

from ..rendering import SCRIPT, SCRIPT_VERSION, guard
from .forms import Form
from .gate import (
    NOTHING,
    OFFICE,
    OWN,
    SIGN_IN,
    Gate,
    Tried,
    Visit,
    go_on,
    office_page,
    proof_of,
    signed_in,
    signed_out,
)

gate = Gate()
_FOR_EVER = "public, max-age=31536000, immutable"


@gate.router.get("/office.js")
async def script(request: Request) -> Response:
    """The one script, for passkeys."""
    current = request.query_params.get("v") == SCRIPT_VERSION
    headers = {**guard(), "cache-control": _FOR_EVER if current else "no-cache"}
    return Response(SCRIPT, media_type="text/javascript; charset=utf-8", headers=headers)


@gate.page(SIGN_IN, None)
def sign_in(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
    """The door."""
    if visit.session is not None and tried is NOTHING:
        return go_on(OFFICE)
    options = visit.door.sign_in_options(visit.visitor)
    return office_page(request, visit, "sign-in.html", options=options, tried=tried)


@gate.act(SIGN_IN, None, sign_in)
def enter(_: Request, visit: Visit, form: Form) -> Response:
    """Let in who has a passkey."""
    token = visit.door.enter_by_passkey(visit.visitor, form.text("answer"))
    return signed_in(visit, token, OFFICE)


@gate.page("/office/link", None)
def link(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
    """Where a link from the terminal leads. Its secret stands behind '#', which no server sees."""
    return office_page(request, visit, "link.html", tried=tried)


@gate.act("/office/link", None, link)
def enter_by_link(_: Request, visit: Visit, form: Form) -> Response:
    """Let in who has a link."""
    token = visit.door.enter_by_link(visit.visitor, form.text("secret"), form.text("code"))
    return signed_in(visit, token, OFFICE)


@gate.page(OWN, Right.OWN)
def own(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
    """What somebody signs in with."""
    assert visit.session is not None
    door, session = visit.door, visit.session
    means = door.means(session)
    secret = tried.form.text("secret")[:32] or codes.new_secret(os.urandom)
    address = codes.address_of(secret, visit.who.name, visit.notary.issuer)
    return office_page(
        request,
        visit,
        "own.html",
        means=means,
        first=session.first,
        create=door.creation_options(visit.visitor, session),
        confirm=door.confirm_options(visit.visitor, session, CREATE) if means.passkeys else None,
        removals=[
            (each.id.hex(), door.confirm_options(visit.visitor, session, _removal(each.id.hex())))
            for each in means.passkeys
        ],
        secret=secret,
        address=address,
        picture=Markup(segno.make(address, micro=False).svg_inline(scale=4, light="#fff")),  # noqa: S704
        tried=tried,
    )


@gate.act(f"{OWN}/passkey", Right.OWN, own)
def add_passkey(_: Request, visit: Visit, form: Form) -> Response:
    """Take in a new passkey."""
    assert visit.session is not None
    created = form.text("created")
    token = visit.door.add_passkey(visit.visitor, visit.session, created, proof_of(form))
    return signed_in(visit, token, OWN)


@gate.act(f"{OWN}/passkey/remove", Right.OWN, own)
def remove_passkey(_: Request, visit: Visit, form: Form) -> Response:
    """Give up a passkey."""
    assert visit.session is not None
    try:
        key_id = bytes.fromhex(form.text("passkey"))
    except ValueError as error:
        raise MalformedData("no passkey is named") from error
    visit.door.remove_passkey(visit.visitor, visit.session, key_id, proof_of(form))
    return go_on(OWN)


@gate.act(f"{OWN}/code", Right.OWN, own)
def set_code(_: Request, visit: Visit, form: Form) -> Response:
    """Use one-time codes, where there is no passkey."""
    assert visit.session is not None
    token = visit.door.set_code(visit.session, form.text("secret"), form.text("code"))
    return signed_in(visit, token, OFFICE)


@gate.act("/office/sign-out", Right.OWN, sign_in)
def sign_out(_: Request, visit: Visit, form: Form) -> Response:  # noqa: ARG001
    """Leave."""
    assert visit.session is not None
    visit.door.leave(visit.session)
    return signed_out(visit)


def _removal(key_id: str) -> str:
    return f"remove passkey {key_id}"
