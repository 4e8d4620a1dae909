"""The notary's web service: `create_app` puts the endpoints, errors and the request log together.

No telemetry is sent unless the office asks for it (`telemetry`); measures are counted for whoever asks
(`metrics`).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.errors import SealbookError, Unavailable

from . import checks, deposits, envelopes, log, probes
from .arrivals import Arrivals
from .latency import Latency
from .metrics import Measures
from .portal import checking, pages
from .portal.charts import DepositsByDay
from .portal.errors import error_page
from .portal.office import routes as office
from .probes import PROBES
from .problems import answer_to, install, unexpected_response
from .rates import Limited
from .requests import Budget, Service
from .schemas import Problem
from .settings import Settings
from .telemetry import Spans, spans_to

if TYPE_CHECKING:
    from ledger.notary.notary import Notary

requests = structlog.get_logger()

REQUEST_ID = b"x-request-id"

_DESCRIPTION = (
    "A ledger for sealed deposits: sealed by the depositor, entered in an append-only, publicly "
    "auditable ledger, answered with a receipt that anyone can check offline. Errors are problem "
    "documents (RFC 9457). Requests about an account are signed (RFC 9421)."
)
_TELEMETRY_OFF: Any = {"auto_configure": False, "tracing": False, "metrics": False, "logs": False}


def create_app(
    notary: "Notary",
    settings: Settings | None = None,
    clock: Callable[[], float] | None = None,
) -> FastAPI:
    """Return the service of an open notary. `clock` judges how old a signed request is.

    By default it is the notary's, which no setting of the system's clock moves.
    """
    settings = settings or Settings()
    app = FastAPI(
        title="Sealbook notary",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_TELEMETRY_OFF,
    )
    now = clock or notary.now
    measures = Measures(notary)
    app.state.service = Service(notary, settings, now, Latency(now), measures, Arrivals())
    app.state.checks = checks.Turns()
    app.state.pages = asyncio.Semaphore(pages.AT_ONCE)
    app.state.deposits_by_day = DepositsByDay(notary)
    app.state.batches = Budget(deposits.MAX_BATCHES_BYTES)
    install(app, error_page)
    # Not include_router: it keeps routers nested, and each level is searched for every request.
    # Pages first: a face lets pass whoever did not ask for one.
    portal = (pages.faces, pages.router, checking.router, *office.ROUTERS)
    machines = (deposits.router, envelopes.router, log.router, checks.router, probes.router)
    for router in (*portal, *machines):
        app.router.routes.extend(router.routes)
    _describe(app)
    app.add_middleware(_Direct, routes=deposits.DIRECT)
    if settings.rates:
        app.add_middleware(Limited, rates=settings.rates, measures=measures)
    app.state.spans = None if settings.telemetry is None else spans_to(settings.telemetry)
    app.add_middleware(_Outermost, idle=settings.idle, measures=measures, spans=app.state.spans)
    return app


def _describe(app: FastAPI) -> None:
    """Put the problem schema into the OpenAPI document in place of FastAPI's own error."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema()
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


class _Direct:
    """Hands requests to endpoints that take nothing but the request, without FastAPI's layers.

    Those take as long as the endpoint does, and would do nothing for it: it has no parameters, and the
    errors that it raises are answered by the same handlers.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = {each.path: each for each in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is None or scope["method"] not in (route.methods or ()):
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive, send)
        try:
            answer = await route.endpoint(request)
        except (SealbookError, ClientDisconnect) as error:
            answer = await answer_to(request, error)
        await answer(scope, receive, send)


class _Outermost:
    """Logs and counts each request, by route and never by path; answers bugs; drops who does not read.

    A path can hold what nobody should find in a log, a route cannot. Each request has a number of its
    own, which its lines in the log and its answer carry; what the caller calls it is not looked at. It
    is counted: random digits are a system call, at which another thread takes the interpreter's lock.
    """

    def __init__(self, app: ASGIApp, idle: float, measures: Measures, spans: Spans | None) -> None:
        self._app = app
        self._idle = idle
        self._measures = measures
        self._spans = spans
        self._process = token_hex(4)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        number = f"{self._process}{next(self._numbers):08x}"
        structlog.contextvars.bind_contextvars(request=number)

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (REQUEST_ID, number.encode())]
            elif message.get("more_body"):
                async with asyncio.timeout(self._idle):
                    await send(message)
                return
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except TimeoutError:
            requests.warning("reader-too-slow")
            raise
        except asyncio.CancelledError:  # the service stops, and has waited for as long as it does
            requests.warning("cut-off")
            if status == 0:
                stops = Unavailable(
                    "The notary stops, and waits for this request no longer. Nothing is lost; send it "
                    "again in a minute."
                )
                answer = await answer_to(Request(scope), stops)
                await answer(scope, receive, watched)
        except Exception:  # noqa: BLE001 - whatever it was, the caller gets no traceback
            requests.exception("bug")
            if status == 0:
                await unexpected_response(Request(scope))(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", None)
            seconds = time.perf_counter() - started
            self._measures.request(scope["method"], route, status, seconds)
            if self._spans is not None:
                end = time.time_ns()
                start = end - int(seconds * 1e9)
                self._spans.request(scope["method"], route, status, number, start, end)
            if status != 200 or route not in PROBES:  # a proxy probes every two seconds
                requests.info(
                    "request",
                    method=scope["method"],
                    route=route,
                    status=status,
                    ms=round(1000 * seconds, 1),
                )
