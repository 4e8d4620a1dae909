"""Who asks: a person with a browser or a program, and in which language the person reads.

A browser names `text/html` in its Accept field; programs ask for `*/*` or for what they read. So one
address can show a block to both, `Face` being tried before the program's own endpoint.
"""

from typing import Any

from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import Scope

from ledger.language import CHINESE, ENGLISH, LANGUAGES

from ..resources import Resource

LANGUAGE = "lang"
"""The parameter and the cookie that choose a language."""
_MAX_FIELD = 1_000
"""Characters of an Accept or Accept-Language field that are read."""


class Face(Resource):
    """A page at an address where programs find something else: matches only who asks for a page."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return how well the request fits."""
        if scope["type"] != "http" or not wants_page(scope):
            return Match.NONE, {}
        return super().matches(scope)


def pages(route_class: type[Resource] = Resource) -> APIRouter:
    """Return a router of pages, which the OpenAPI document does not speak of."""
    return APIRouter(route_class=route_class, include_in_schema=False)


def wants_page(scope: Scope) -> bool:
    """Return whether the request names `text/html` among what it accepts."""
    return _quality(Headers(scope=scope).get("accept", ""), "text/html") > 0


def language_of(request: Request) -> str:
    """Return the language of the parameter, of the cookie, or of Accept-Language; else English."""
    for asked in (request.query_params.get(LANGUAGE), request.cookies.get(LANGUAGE)):
        if asked in LANGUAGES:
            return asked
    field = request.headers.get("accept-language", "")
    return CHINESE if _quality(field, "zh") > _quality(field, "en") else ENGLISH


def _quality(field: str, wanted: str) -> float:
    """Return the highest weight (RFC 9110, 12.4.2) of an item that is `wanted`, or a region of it."""
    best = 0.0
    for item in field[:_MAX_FIELD].lower().split(","):
        name, *parameters = (each.strip() for each in item.split(";"))
        if name == wanted or name.startswith(f"{wanted}-"):
            best = max(best, _weight(parameters))
    return best


def _weight(parameters: list[Any]) -> float:
    for each in parameters:
        if each.startswith("q="):
            try:
                return min(1.0, max(0.0, float(each[2:6])))
            except ValueError:
                return 0.0
    return 1.0
