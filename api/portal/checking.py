"""The pages where anybody checks what he has: a receipt or an evidence file, a certificate's number."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from ledger.errors import MalformedData, NotFound, TooLarge
from ledger.wire.protocol import MAX_CHECKED

from ..checks import Turns, checked
from ..requests import read_body, service
from . import reports
from .rendering import page
from .uploads import FORM, MAX_FRAME, parse_upload
from .visitors import language_of, pages

if TYPE_CHECKING:
    from ledger.notary.notary import Notary

router = pages()

_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,39}")


@dataclass(frozen=True, slots=True)
class CertificateStanding:
    """A certificate that the ledger holds an entry of: its number, time, SHA-256 of its PDF.

    `withdrawn` is when the office withdrew it (POSIX seconds), `reason` what it gave for that.
    """

    number: str
    index: int
    time: int
    digest: bytes
    withdrawn: int | None = None
    reason: str = ""


FindCertificate = Callable[["Notary", str], CertificateStanding | None]


def no_certificates(_: "Notary", __: str) -> CertificateStanding | None:
    """Find nothing: this notary issues no certificates."""
    return None


@router.get("/check")
async def check_form(request: Request) -> Response:
    """The form that a receipt or an evidence file is checked with."""
    return page(request, "check.html", deposits=None, matters=[], refused=None)


@router.post("/check")
async def check(request: Request) -> Response:
    """Check what was sent: the same code, turns and limits as POST /verify."""
    turns: Turns = request.app.state.checks
    language = language_of(request)
    try:
        with turns.bodies.share() as grown_to:
            body = await read_body(request, MAX_CHECKED + MAX_FRAME, FORM, grown_to=grown_to)
            kind = request.headers["content-type"]
            data = await run_in_threadpool(parse_upload, kind, body, "file")
            del body
            if len(data) > MAX_CHECKED:
                raise TooLarge(f"The file is over the limit of {MAX_CHECKED} bytes.")
            found = await checked(request, turns, data)
    except MalformedData:
        return page(request, "check.html", status=422, deposits=None, matters=[], refused=True)

    def work() -> Response:
        return page(
            request,
            "check.html",
            deposits=reports.shown(found, language),
            total=len(found.deposits),
            matters=reports.matters(found, language),
            refused=None,
        )

    return await run_in_threadpool(work)


@router.get("/certificates")
async def certificates(request: Request) -> Response:
    """The form that asks for a certificate's number; with `number`, what the ledger says of it."""
    asked = request.query_params.get("number")
    if asked is None:
        return page(request, "certificate.html", asked=None, found=None)
    return await _certificate(request, asked.strip())


@router.get("/certificates/{number}")
async def certificate(request: Request, number: str) -> Response:
    """What the ledger says of the certificate with this number."""
    return await _certificate(request, number)


async def _certificate(request: Request, number: str) -> Response:
    find: FindCertificate = request.app.state.find_certificate
    if not _NUMBER.fullmatch(number):
        raise NotFound("A certificate's number has letters, digits and hyphens, at most 40.")
    found = await run_in_threadpool(find, service(request).notary, number)
    status = 404 if found is None else 200
    return page(request, "certificate.html", status=status, asked=number, found=found)
