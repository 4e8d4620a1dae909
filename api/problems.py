"""Errors as problem documents (RFC 9457), by one table; people get them as a page.

    {"type": "about:blank", "title": "Forbidden", "status": 403, "code": "key-revoked", "detail": "..."}

`code` names the error class of `ledger.errors`, `detail` is its sentence. What is the notary's own
trouble says so without its paths and internals: those are for its log.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ledger import errors
from ledger.errors import SealbookError
from ledger.notary.desk.limits import TooManyAttempts
from ledger.quoted import Message
from ledger.wire.protocol import CODE_HEADER, PROBLEM

from .resources import allowed

log = structlog.get_logger()

Page = Callable[[Request, Mapping[str, Any], Mapping[str, str]], Response | None]
"""Makes a page of a problem document and its header fields, where a person asked."""


class BadRequest(SealbookError):
    """What came is not HTTP as it is read here."""

    code = "bad-request"


class RequestTimeout(SealbookError):
    """The body did not arrive in time."""

    code = "timeout"


class UnsupportedMedia(SealbookError):
    """The body has another media type than the endpoint takes."""

    code = "unsupported-media-type"


class OverRate(SealbookError):
    """A peer asks for this more often than it may."""

    code = "over-rate"

    def __init__(self, per_minute: int, seconds: int) -> None:
        super().__init__(
            f"Your address may ask for this {per_minute} times a minute. Nothing is lost; ask again "
            f"after {seconds} seconds."
        )
        self.seconds = seconds


class RangeNotSatisfiable(SealbookError):
    """The range lies behind the end."""

    code = "range-not-satisfiable"


_STATUS: dict[type[SealbookError], int] = {
    errors.InvalidInput: 422,
    errors.TooLarge: 413,
    errors.VerificationFailed: 422,
    errors.Refused: 403,
    errors.CiphertextMissing: 409,
    errors.Conflict: 409,
    errors.NotFound: 404,
    errors.NotAuthenticated: 401,
    TooManyAttempts: 429,
    OverRate: 429,
    errors.StorageFailed: 507,
    errors.OverQuota: 507,
    errors.Unavailable: 503,
    errors.LedgerFault: 500,
    BadRequest: 400,
    RequestTimeout: 408,
    UnsupportedMedia: 415,
    RangeNotSatisfiable: 416,
}
"""The nearest class above an error decides; for any other it is 500."""

_HTTP: dict[int, Message] = {
    404: "There is no such thing here.",
    405: "This address does not take requests of that kind.",
}
_OURS: dict[int, Message] = {
    500: "The notary has a fault and entered nothing more. Try again later, or ask the notary office.",
    507: "The notary cannot store anything now. Nothing was lost: keep the deposit and send it again "
    "later.",
}
_NO_FAULT = (errors.NoRoom, errors.OverQuota)
"""Full by what others or the account itself have stored: whoever deposits is told of it as it is."""
_FIELDS: dict[int, dict[str, str]] = {
    401: {"www-authenticate": 'Signature realm="sealbook"'},
    408: {"connection": "close"},
    413: {"connection": "close"},
    503: {"retry-after": "1"},
}


def status_of(error: SealbookError) -> int:
    """Return the HTTP status that tells of an error."""
    return next((_STATUS[each] for each in type(error).__mro__ if each in _STATUS), 500)


def problem(error: SealbookError) -> dict[str, Any]:
    """Return the problem document of an error; log what is the notary's own trouble."""
    status = status_of(error)
    if isinstance(error, _NO_FAULT):
        log.info("refused", code=error.code, detail=str(error))
    elif status in _OURS:
        log.error("fault", code=error.code, detail=str(error))
        return _document(status, error.code, _OURS[status])
    return _document(status, error.code, str(error))


def problem_response(error: SealbookError, fields: Mapping[str, str] | None = None) -> Response:
    """Return the answer that tells of an error."""
    return _response(problem(error), fields)


def unexpected_response(request: Request) -> Response:
    """Return the answer to a request that hit a bug of ours."""
    return _answer(request, _document(500, errors.LedgerFault.code, _OURS[500]))


async def answer_to(request: Request, error: SealbookError | ClientDisconnect) -> Response:
    """Return the answer to a request whose endpoint has raised an error."""
    if isinstance(error, SealbookError):
        fields = {"retry-after": str(error.seconds)} if isinstance(error, OverRate) else None
        return _answer(request, problem(error), fields)
    return problem_response(RequestTimeout("The connection ended before the request did."))


def install(app: FastAPI, page: Page) -> None:
    """Let every error of `app` be answered: with a `page`, or with a problem document."""
    app.state.problem_page = page

    for kind in (SealbookError, ClientDisconnect):
        app.add_exception_handler(kind, answer_to)  # type: ignore[arg-type]  # of these two only

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        # Not the values: they would be echoed into logs and pages.
        fields = ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors()}))
        detail: Message = f"The request is not as specified: {fields[:200]}."
        return _answer(request, _document(422, errors.InvalidInput.code, detail))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = "not-found" if error.status_code == 404 else "invalid-input"
        detail = _HTTP.get(error.status_code, HTTPStatus(error.status_code).phrase + ".")
        fields = {"allow": allowed(app, request.scope)} if error.status_code == 405 else {}
        return _answer(request, _document(error.status_code, code, detail), fields)


def _document(status: int, code: str, detail: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }


def _answer(
    request: Request, document: dict[str, Any], fields: Mapping[str, str] | None = None
) -> Response:
    page: Page = request.app.state.problem_page
    return page(request, document, _headers(document, fields)) or _response(document, fields)


def _response(document: dict[str, Any], fields: Mapping[str, str] | None = None) -> Response:
    headers = _headers(document, fields)
    return JSONResponse(document, document["status"], headers, media_type=PROBLEM)


def _headers(document: dict[str, Any], fields: Mapping[str, str] | None) -> dict[str, str]:
    return {
        "cache-control": "no-store",
        CODE_HEADER: document["code"],
        **_FIELDS.get(document["status"], {}),
        **(fields or {}),
    }
