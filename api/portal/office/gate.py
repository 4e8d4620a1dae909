"""The gate: every address of the office is registered here, with the right that it takes.

Signing in is possible where nobody reads along: at `url` of notary.toml (https, behind a proxy), or on
this machine. What changes anything is a POST with the page's own token, from a page of this very
origin.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from ledger.errors import NotAuthenticated, SealbookError, Unavailable
from ledger.notary.desk import sessions
from ledger.notary.desk.address import LOCAL, NotHere, origin_of
from ledger.notary.desk.challenges import Challenges
from ledger.notary.desk.roles import RIGHTS, Member, NotAllowed, Right, require
from ledger.notary.desk.sessions import Session
from ledger.notary.storage.desk import StaffDesk
from ledger.quoted import Quoted, lifted
from ledger.recognised import in_language

from ...problems import status_of
from ...requests import service
from ..rendering import page
from ..visitors import language_of, pages
from .forms import EMPTY, MAX_FORM, Form, read_form

if TYPE_CHECKING:
    from ledger.notary.desk.door import Door, Proof, Visitor
    from ledger.notary.desk.passkeys import Site
    from ledger.notary.notary import Notary

OFFICE, SIGN_IN, OWN = "/office", "/office/sign-in", "/office/own"
_COOKIE = "sealbook-office"
_TOKEN = 64
"""Hexadecimal digits of a cookie."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at the office's pages: signed in, or on the way."""

    notary: "Notary"
    desk: StaffDesk
    site: "Site"
    door: "Door"
    visitor: "Visitor"
    session: Session | None

    @property
    def who(self) -> Member:
        """Who is signed in."""
        assert self.session is not None
        return self.session.member

    @property
    def token(self) -> str:
        """What a form of this visitor carries: whoever cannot read the cookie cannot make it."""
        return hmac.new(self.visitor.holder.encode(), b"form", sha256).hexdigest()

    @property
    def rights(self) -> frozenset[Right]:
        """What whoever is signed in may do."""
        if self.session is None or self.session.first:
            return frozenset()
        return RIGHTS[self.session.member.role]


@dataclass(frozen=True, slots=True)
class Tried:
    """What a form was sent with, and why it was not carried out."""

    form: Form = EMPTY
    problem: SealbookError | None = None


NOTHING = Tried()


class Show(Protocol):
    """Renders a page, also again after a form on it was refused."""

    def __call__(self, request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
        """Return the page."""
        ...


Act = Callable[[Request, Visit, Form], Response]
"""Carries out a form, and says where to go on."""


class Gate:
    """The office's routes. `right` is what it takes to be let in; None for whoever comes to sign in."""

    def __init__(self) -> None:
        self.router: APIRouter = pages()
        self._pages: set[str] = set()

    def page(self, path: str, right: Right | None) -> Callable[[Show], Show]:
        """Register what shows a page."""

        def register(show: Show) -> Show:
            async def answer(request: Request) -> Response:
                visit = await run_in_threadpool(_enter, request)
                if (away := _away(visit, right, path)) is not None:
                    return away
                return await run_in_threadpool(show, request, visit)

            self._pages.add(path)
            self._add(path, "GET", answer)
            return show

        return register

    def act(
        self, path: str, right: Right | None, back: Show, limit: int = MAX_FORM
    ) -> Callable[[Act], Act]:
        """Register what carries out a form; `back` shows the page again with what was refused."""

        def register(act: Act) -> Act:
            async def answer(request: Request) -> Response:
                visit = await run_in_threadpool(_enter, request)
                if (away := _away(visit, right, path)) is not None:
                    return away
                _require_own_page(request, visit)
                form = await read_form(request, limit)
                if not hmac.compare_digest(form.text("token").encode(), visit.token.encode()):
                    raise NotAllowed("This form is not from a page of yours; load the page again.")

                def work() -> Response:
                    try:
                        return act(request, visit, form)
                    except NotAllowed:
                        raise
                    except SealbookError as error:
                        return back(request, visit, Tried(form, error))

                return await run_in_threadpool(work)

            self._add(path, "POST", answer)
            if path not in self._pages:
                self._add(path, "GET", _back)
            return act

        return register

    def _add(
        self, path: str, method: str, answer: Callable[[Request], Awaitable[Response]]
    ) -> None:
        self.router.add_api_route(path, answer, methods=[method], response_model=None)


def office_page(
    request: Request,
    visit: Visit,
    template: str,
    *,
    tried: Tried,
    **values: Any,
) -> Response:
    """Return a page of the office, with what was refused where something was."""
    language, problem = language_of(request), tried.problem
    said, named = (None, ()) if problem is None else lifted(str(problem))
    told = None if said is None else in_language(said, language)
    response = page(
        request,
        f"office/{template}",
        status=200 if problem is None else status_of(problem),
        scripts=True,
        visit=visit,
        form=tried.form,
        refusal=told or said,
        foreign=said is not None and told is None,
        named=[Quoted.parse(each) for each in named],
        **values,
    )
    _give_cookie(response, visit, visit.visitor.holder)
    return response


def go_on(path: str) -> Response:
    """Send the browser to a page of ours after a form. `path` is a literal of ours and numbers."""
    return RedirectResponse(path, 303, {"cache-control": "no-store"})


def signed_in(visit: Visit, token: str, path: str) -> Response:
    """Send the browser on with the cookie of a new session."""
    response = go_on(path)
    _give_cookie(response, visit, token)
    return response


def signed_out(visit: Visit) -> Response:
    """Send the browser to the door, its cookie gone."""
    response = go_on(SIGN_IN)
    name, secure = _cookie(visit.site)
    response.delete_cookie(name, secure=secure, httponly=True, samesite="strict")
    return response


def proof_of(form: Form) -> "Proof":
    """Return what a form brings to confirm with."""
    from ledger.notary.desk.door import Proof

    return Proof(form.text("answer"), form.text("code"))


def _enter(request: Request) -> Visit:
    """Return who comes. Raises NotHere, Unavailable."""
    from ledger.notary.desk.door import Door, Visitor  # half a second: for the first who comes

    notary = service(request).notary
    if notary.staff_desk is None:
        raise Unavailable("The office rests: the notary's disk is full or can only be read.")
    site = _site(request, notary)
    challenges: Challenges | None = getattr(request.app.state, "challenges", None)
    if challenges is None:
        challenges = request.app.state.challenges = Challenges(notary.staff_desk)
    token = request.cookies.get(_cookie(site)[0], "")
    session = sessions.find(notary.staff_desk, token) if len(token) == _TOKEN else None
    holder = token if len(token) == _TOKEN else secrets.token_hex(_TOKEN // 2)
    visitor = Visitor(holder, request.state.peer)
    door = Door(notary.staff_desk, site, challenges)
    return Visit(notary, notary.staff_desk, site, door, visitor, session)


def _site(request: Request, notary: "Notary") -> "Site":
    """Return where the office is signed in to. Raises NotHere where that is not here.

    Without a proxy of ours before it, plain HTTP is for this machine alone.
    """
    from ledger.notary.desk.passkeys import Site

    client = ip_address(request.client.host if request.client else "0.0.0.0")  # noqa: S104
    client = getattr(client, "ipv4_mapped", None) or client
    proxied = any(
        client in each
        for each in service(request).settings.proxies
        if each.version == client.version
    )
    if notary.portal is None:
        origin = f"http://{request.headers.get('host', '')}"
        if urlsplit(origin).hostname != LOCAL or not client.is_loopback:
            raise NotHere(
                "The office signs in at the address that notary.toml names as portal, or on the "
                "notary's own machine at http://localhost. Not at this one."
            )
    else:
        origin = origin_of(notary.portal)
        if not (client.is_loopback or proxied):
            raise NotHere("The office signs in through the proxy in front of this service alone.")
    return Site(origin, urlsplit(origin).hostname or "", notary.issuer)


def _away(visit: Visit, right: Right | None, path: str) -> Response | None:
    """Return where to send who may not be here yet. Raises NotAllowed for who may never."""
    if right is None:
        return None
    if visit.session is None:
        return go_on(SIGN_IN)
    if visit.session.first:
        return None if path.startswith((OWN, "/office/sign-out")) else go_on(OWN)
    require(visit.session.member, right)
    return None


async def _back(request: Request) -> Response:
    """Send who asks for a form's address to the page that the form is on."""
    return go_on(request.url.path.rpartition("/")[0])


def _require_own_page(request: Request, visit: Visit) -> None:
    """Raise unless the browser says that a page of this origin sends the form."""
    if request.headers.get("origin") != visit.site.origin:
        raise NotAllowed("This form does not come from a page of this office; load the page again.")
    if visit.session is None and _cookie(visit.site)[0] not in request.cookies:
        raise NotAuthenticated("Signing in takes cookies; allow them, and load the page again.")


def _cookie(site: "Site") -> tuple[str, bool]:
    secure = site.origin.startswith("https:")
    return (f"__Host-{_COOKIE}" if secure else _COOKIE), secure


def _give_cookie(response: Response, visit: Visit, token: str) -> None:
    name, secure = _cookie(visit.site)
    response.set_cookie(name, token, secure=secure, httponly=True, samesite="strict")
