"""The public pages: what anybody may see of the ledger, without an account and without scripts.

`/block/N` and `/health` are the program's addresses too: it gets JSON there, a browser the page.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from ledger.encoding import parse_decimal
from ledger.errors import NotFound

from ..log import Decimal
from ..requests import service
from . import health as health_words
from . import ledger
from .charts import DepositsByDay, deposits_chart, latency_chart
from .picture import block_picture
from .rendering import STYLE, STYLE_VERSION, guard, page, unchanged, verifier_page
from .visitors import Face, language_of, pages

router = pages()
faces = pages(Face)

_FOR_EVER = "public, max-age=31536000, immutable"
AT_ONCE = 2
"""Pages of the ledger that are made at one time; each takes some milliseconds."""
_SECONDS = 10
"""For which a cache may answer with a page of the ledger."""
_LOOPBACK = re.compile(r"(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?")
_HEAD = 4_096
"""Bytes of the verifier page in which its policy stands."""
_POLICY = re.compile(rb'http-equiv="Content-Security-Policy" content="([^"]{1,2000})"')
"""The verifier page's own, which holds without a server too."""


@router.get("/portal.css")
async def style(request: Request) -> Response:
    """The one style sheet."""
    current = request.query_params.get("v") == STYLE_VERSION
    headers = {**guard(), "cache-control": _FOR_EVER if current else "no-cache"}
    return Response(STYLE, media_type="text/css; charset=utf-8", headers=headers)


@router.get("/")
async def first(request: Request) -> Response:
    """What this is, and how the ledger stands."""

    def values() -> dict[str, Any]:
        notary = service(request).notary
        height = notary.sequencer.last.height
        return {
            "size": notary.sequencer.last.size,
            "block": ledger.block_at(notary, height),
            **_vouched(request),
        }

    return await _of_the_ledger(request, "first.html", values)


@router.get("/blocks")
async def blocks(
    request: Request,
    start: Annotated[str, Query(alias="from", pattern="^(|0|[1-9][0-9]{0,18})$")] = "",
) -> Response:
    """The chain, newest block first, a page at a time; `from` is the height that it begins with."""

    def values() -> dict[str, Any]:
        notary = service(request).notary
        last = notary.sequencer.last.height
        top = min(last, parse_decimal(start)) if start else last
        found = ledger.rows(notary, top)
        bottom = found[-1].block.height
        return {
            "rows": found,
            "last": last,
            "older": bottom - 1 if bottom else None,
            "newer": min(last, top + ledger.PAGE) if top < last else None,
        }

    return await _of_the_ledger(request, "blocks.html", values)


@faces.get("/block/{height}")
async def block(request: Request, height: Decimal) -> Response:
    """A block, what vouches for it, and how to check it without trusting this page."""

    def values() -> dict[str, Any]:
        notary = service(request).notary
        number, last = parse_decimal(height), notary.sequencer.last.height
        if number > last:
            raise NotFound(f"There is no block {number}; the newest is block {last}.")
        found = ledger.view(notary, number)
        return {
            "found": found,
            "picture": block_picture(found, notary.origin, language_of(request)),
            "last": last,
            "size": notary.sequencer.last.size,
            "here": _here(request),
        }

    return await _of_the_ledger(request, "block.html", values)


@faces.get("/health")
async def health(request: Request) -> Response:
    """How the notary, its witnesses and authorities are; deposits and waiting times as charts."""

    def work() -> Response:
        here = service(request)
        language = language_of(request)
        found = here.notary.health
        daily: DepositsByDay = request.app.state.deposits_by_day
        return page(
            request,
            "health.html",
            status=200 if not found.reasons else 503,
            reasons=[health_words.reason(each, language) for each in found.reasons],
            warnings=[health_words.warning(each, language) for each in found.warnings],
            peers=ledger.peers(here.notary),
            deposits=deposits_chart(daily.counted()),
            waited=latency_chart(here.latency.hours()),
            now=int(here.notary.now()),
            **_vouched(request),
        )

    return await _in_turn(request, work)


@router.get("/verifier.html")
async def verifier() -> Response:
    """The offline verifier page, as the package holds it: one file, which loads nothing."""
    found = verifier_page()
    if found is None:
        raise NotFound("This notary's program was installed without the verifier page.")
    stated = _POLICY.search(found, 0, _HEAD)
    policy = stated[1].decode("ascii") if stated else "default-src 'none'"
    headers = {**guard(), "content-security-policy": f"{policy}; frame-ancestors 'none'"}
    headers["cache-control"] = "no-cache"
    return Response(found, media_type="text/html; charset=utf-8", headers=headers)


async def _of_the_ledger(
    request: Request, template: str, values: Callable[[], dict[str, Any]]
) -> Response:
    """Return a page that is the same until the ledger, its anchors or the minute change."""

    def work() -> Response:
        notary = service(request).notary
        last, anchor = notary.sequencer.last, notary.newest_anchor
        state = (last.note, anchor, int(notary.now()) // 60, notary.health.status)
        headers, same = unchanged(request, state)
        headers["cache-control"] = f"public, max-age={_SECONDS}"
        return same or page(request, template, headers=headers, **values())

    return await _in_turn(request, work)


async def _in_turn(request: Request, work: Callable[[], Response]) -> Response:
    """Make a page when few others are being made: readers are not to take every thread."""
    gate: asyncio.Semaphore = request.app.state.pages
    async with gate:
        return await run_in_threadpool(work)


def _vouched(request: Request) -> dict[str, Any]:
    """Return who vouches for the ledger, and how old that is."""
    notary = service(request).notary
    anchor = ledger.newest_anchor(notary)
    trust = ledger.trust_of(notary.trust)
    age = None
    if anchor is not None:
        stated = anchor.time or ledger.block_at(notary, anchor.height).time
        age = max(0, int(notary.now()) - stated)
    return {
        "anchor": anchor,
        "age": age,
        "witnesses": ledger.witness_names(trust),
        "authorities": [each.name for each in trust.authorities],
    }


def _here(request: Request) -> str:
    """Return this service's address for a command line: what notary.toml names as portal.

    What the caller has called it is repeated only where that is his own machine: a page may be shown to
    others from a cache.
    """
    portal, host = service(request).notary.portal, request.headers.get("host", "")
    if portal is not None:
        return portal.rstrip("/")
    return f"http://{host}" if _LOOPBACK.fullmatch(host) else "https://notary.example"
