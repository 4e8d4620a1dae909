"""Errors as a person with a browser reads them; programs get the problem document."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from ledger.language import ENGLISH, tr
from ledger.quoted import Quoted, Words, lifted
from ledger.recognised import retold

from .rendering import page
from .visitors import language_of, wants_page


def error_page(
    request: Request, problem: Mapping[str, Any], headers: Mapping[str, str]
) -> Response | None:
    """Return a problem as a page with these header fields, None to whoever asked for no page."""
    if not wants_page(request.scope):
        return None
    language = language_of(request)
    title, advice = _told(problem["status"], request.url.path, language)
    detail, values = retold(problem["detail"], language)
    return page(
        request,
        "error.html",
        status=problem["status"],
        headers=headers,
        title=title,
        advice=advice,
        detail=detail,
        foreign=language != ENGLISH and detail == lifted(problem["detail"])[0],
        named=[Quoted.parse(each) for each in values],
    )


def _told(status: int, path: str, language: str) -> tuple[Words, Words]:
    """Return what has happened and what to do, in a sentence each."""
    match status:
        case 404:
            return (
                tr("Nothing was found at this address", language),
                tr("Look whether it is complete, or begin at the first page.", language),
            )
        case 401 | 403:
            return (
                tr("This is not for everyone", language),
                tr("Sign in, or ask the notary office.", language),
            )
        case 405:
            return (
                tr("This address does not take requests of that kind", language),
                tr("Begin at the first page.", language),
            )
        case 413 if path == "/check":
            return (
                tr("The file is too large for this service", language),
                tr("Check it with the offline page or the command line instead.", language),
            )
        case 413:
            return (
                tr("The file is too large for this service", language),
                tr("Look whether it is the file that the form asks for.", language),
            )
        case 408 | 429 | 503:
            return (
                tr("The service cannot answer this now", language),
                tr("Nothing is lost. Try again in a minute.", language),
            )
        case _ if status >= 500:
            return (
                tr("The notary has a fault", language),
                tr(
                    "Nothing of yours is lost. Try again later, or ask the notary office.", language
                ),
            )
        case _:
            return (
                tr("The request could not be read", language),
                tr("Look at what was sent, and send it again.", language),
            )
