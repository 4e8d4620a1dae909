"""The public pages: what anybody may see of the ledger, without an account and without scripts."""

from fastapi import Request, Response

from .rendering import STYLE, STYLE_VERSION, guard, page
from .visitors import pages

router = pages()

_FOR_EVER = "public, max-age=31536000, immutable"


@router.get("/portal.css")
async def style(request: Request) -> Response:
    """The one style sheet."""
    current = request.query_params.get("v") == STYLE_VERSION
    headers = {**guard(), "cache-control": _FOR_EVER if current else "no-cache"}
    return Response(STYLE, media_type="text/css; charset=utf-8", headers=headers)


@router.get("/")
async def first(request: Request) -> Response:
    """What this is, and how the ledger stands."""
    return page(request, "first.html")
