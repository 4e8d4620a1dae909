"""How often one peer may ask for what costs something: counted before anything of it is read.

A peer is what `connections` calls so: an IPv4 address or an IPv6 /64, behind a named proxy the one that
the proxy states. Reading is not counted. Each process counts for itself, from its start on.
"""

import math
import time
from collections.abc import Mapping
from enum import StrEnum

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.notary.rates import MINUTE, Rates

from .metrics import Measures
from .problems import OverRate, answer_to

log = structlog.get_logger()


class Kind(StrEnum):
    """What is counted together."""

    ENTERING = "entering"
    CHECKING = "checking"
    ENROLLING = "enrolling"
    SIGNING_IN = "signing-in"


_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_KINDS = {
    "/verify": Kind.CHECKING,
    "/check": Kind.CHECKING,
    "/enrolments": Kind.ENROLLING,
    "/office/sign-in": Kind.SIGNING_IN,
    "/office/link": Kind.SIGNING_IN,
}


def kind_of(method: str, path: str) -> Kind | None:
    """Return what a request is counted as, None for one that only reads.

    Whatever is not known here counts as entering: uploads, statements, the office's forms.
    """
    return None if method in _READING else _KINDS.get(path, Kind.ENTERING)


class Limited:
    """Answers 429 to a peer that asks too often; lets everything else pass.

    `rates` are requests a minute, by kind; one that is not in it is not limited.
    """

    def __init__(self, app: ASGIApp, rates: Mapping[str, int], measures: Measures) -> None:
        self._app = app
        self._rates = rates
        self._measures = measures
        self._counted = Rates()
        self._said = -math.inf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = kind_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        limit = None if kind is None else self._rates.get(kind)
        if kind is None or limit is None:
            await self._app(scope, receive, send)
            return
        peer = scope["state"]["peer"]
        wait = self._counted.take(f"{kind} {peer}", limit)
        if not wait:
            await self._app(scope, receive, send)
            return
        self._measures.limited(kind)
        if (now := time.monotonic()) - self._said > MINUTE:
            self._said = now
            log.warning("peer-over-limit", peer=peer, kind=kind, limit=limit)
        answer = await answer_to(Request(scope, receive), OverRate(limit, math.ceil(wait)))
        await answer(scope, receive, send)
