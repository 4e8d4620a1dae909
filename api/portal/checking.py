"""The pages where anybody checks what he has: a receipt or an evidence file, a certificate's number."""

import re
import unicodedata

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from ledger.chain.inspection import parse_inspections
from ledger.errors import MalformedData, TooLarge
from ledger.wire.protocol import MAX_CHECKED

from ..checks import Turns, checked
from ..requests import read_body, service
from . import reports
from .rendering import page
from .uploads import FORM, MAX_FRAME, parse_upload
from .visitors import language_of, pages

router = pages()

MAX_BESIDE = 1 << 20
"""Bytes of inspection records beside a file: those of some 250 deposits."""
_NUMBER = re.compile(r"(?:no\.?|nr\.?|#|编号|第)?:?([0-9]{1,18})号?", re.IGNORECASE)
"""As it is printed, with zeros before it, and what people type around it; blanks are left out."""
_MAX_ASKED = 40


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
            limit = MAX_CHECKED + MAX_BESIDE + MAX_FRAME
            body = await read_body(request, limit, FORM, grown_to=grown_to)
            kind = request.headers["content-type"]
            data, beside = await run_in_threadpool(parse_upload, kind, body, "file", "inspection")
            del body
            if len(data) > MAX_CHECKED:
                raise TooLarge(f"The file is over the limit of {MAX_CHECKED} bytes.")
            if len(beside) > MAX_BESIDE:
                raise TooLarge(f"The inspection record is over the limit of {MAX_BESIDE} bytes.")
            if not data:
                return _refused(request, "file")
            if not await run_in_threadpool(_are_inspections, beside):
                return _refused(request, "inspection")
            found = await checked(request, turns, data, beside)
    except MalformedData:
        return _refused(request, "file")

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


def _refused(request: Request, what: str) -> Response:
    return page(request, "check.html", status=422, deposits=None, matters=[], refused=what)


def _are_inspections(data: bytes) -> bool:
    """Return whether the file beside is one of inspection records, or none was sent."""
    try:
        return not data or bool(parse_inspections(data))
    except MalformedData:
        return False


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


async def _certificate(request: Request, asked: str) -> Response:
    asked = asked[:_MAX_ASKED]
    plain = "".join(unicodedata.normalize("NFKC", asked).split())
    typed, found = _NUMBER.fullmatch(plain), None
    if typed is not None:
        found = await run_in_threadpool(service(request).notary.certificate, int(typed[1]))
    return page(
        request,
        "certificate.html",
        status=404 if found is None else 200,
        asked=asked,
        legible=typed is not None,
        found=found,
    )
