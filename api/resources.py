"""Endpoints as HTTP has them (RFC 9110): HEAD wherever GET is, and Allow names every method."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send


class Resource(APIRoute):
    """An endpoint that answers HEAD as it answers GET; the server leaves the body out.

    The OpenAPI document describes GET alone, and calls each operation by its function's name.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.operation_id = self.unique_id = self.name

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return how well the request fits."""
        return super().matches({**scope, "method": "GET"} if self._heads(scope) else scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        if self._heads(scope):
            await self.app(scope, receive, send)
        else:
            await super().handle(scope, receive, send)

    def _heads(self, scope: Scope) -> bool:
        methods = self.methods or ()
        return scope["type"] == "http" and scope["method"] == "HEAD" and "GET" in methods


def resources(tag: str) -> APIRouter:
    """Return a router of resources, under `tag` in the OpenAPI document."""
    return APIRouter(tags=[tag], route_class=Resource)


def allowed(app: FastAPI, scope: Scope) -> str:
    """Return the methods that the request's address takes, for the field Allow."""
    methods: set[str] = set()
    for route in app.router.routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))
