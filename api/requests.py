"""What every endpoint needs of a request: its body within limits, and who signed it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import Message

from ledger.encoding import parse_decimal
from ledger.errors import KeyRevoked, MalformedData, NotAuthenticated, TooLarge, Unavailable
from ledger.quoted import quoted
from ledger.wire.signatures import WHOLE, SignedRequest, verify_body, verify_request
from ledger.wire.signatures import Message as SignedMessage

from .arrivals import Arrivals
from .latency import Latency
from .metrics import Measures
from .problems import RequestTimeout, UnsupportedMedia
from .settings import Settings

if TYPE_CHECKING:
    from ledger.notary.notary import Notary

FREE_BYTES = 1 << 16
"""Bytes of a body that no budget counts: a receipt, or a hundred statements."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Service:
    """What the endpoints work with."""

    notary: "Notary"
    settings: Settings
    clock: Callable[[], float]
    latency: Latency
    measures: Measures
    arrivals: Arrivals


@dataclass(frozen=True, slots=True)
class Caller:
    """The account whose key signed the request."""

    account: str
    key_id: bytes


def service(request: Request) -> Service:
    """Return the service that a request belongs to."""
    return cast(Service, request.app.state.service)


class Budget:
    """Bytes that the bodies of one kind of request, which anybody may send, may take in memory at once.

    The first `FREE_BYTES` of each are not counted: whoever fills the budget and waits keeps only other
    large bodies out.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Yield what to call with the size of a body as it grows; it raises Unavailable.

        What was counted is given back at the end of the block. For the event loop's thread only.
        """
        counted = 0

        def grown_to(size: int) -> None:
            nonlocal counted
            more = max(0, size - FREE_BYTES) - counted
            if self.held + more > self.limit:
                raise Unavailable("The notary has too much to read; try again in a minute.")
            self.held += more
            counted += more

        try:
            yield grown_to
        finally:
            self.held -= counted


async def read_body(
    request: Request,
    limit: int,
    *media_types: str,
    grown_to: Callable[[int], None] = lambda _: None,
) -> bytes:
    """Return the whole body; `grown_to` is a share of a budget.

    Raises TooLarge, UnsupportedMedia, RequestTimeout, and what `grown_to` raises.
    """
    _require_media(request, media_types)
    data = bytearray()
    try:
        async with asyncio.timeout(service(request).settings.body):
            async for block in body_blocks(request, limit, None):
                grown_to(len(data) + len(block))
                data += block
    except TimeoutError as error:
        raise RequestTimeout("The request's body came too slowly; send it again.") from error
    return bytes(data)


async def body_blocks(request: Request, limit: int, idle: float | None) -> AsyncIterator[bytes]:
    """Yield the body as it arrives, up to `limit` bytes in all.

    Raises TooLarge before the surplus is yielded, RequestTimeout after `idle` seconds without a byte,
    ClientDisconnect.
    """
    declared = request.headers.get("content-length")
    if declared is not None and parse_decimal(declared) > limit:
        raise _too_large(limit)
    size = 0
    more = True
    while more:
        if idle is None:
            message = await request.receive()
        else:
            message = await _receive(request, idle)
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        block = message.get("body", b"")
        size += len(block)
        if size > limit:
            raise _too_large(limit)
        if block:
            yield block
        more = message.get("more_body", False)


async def _receive(request: Request, idle: float) -> Message:
    try:
        async with asyncio.timeout(idle):
            return await request.receive()
    except TimeoutError as error:
        raise RequestTimeout(
            f"Nothing came for {idle:g} seconds; send the request again."
        ) from error


async def large_blocks(blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join blocks to about a mebibyte each, so that a thread's turn is worth its price.

    What has come before an error is yielded before the error is raised.
    """
    data = bytearray()
    try:
        async for block in blocks:
            data += block
            if len(data) >= _BLOCK:
                yield bytes(data)
                data.clear()
    except (ClientDisconnect, RequestTimeout):
        if data:
            yield bytes(data)
        raise
    if data:
        yield bytes(data)


async def authenticate(request: Request, covered: Sequence[str]) -> Caller:
    """Return who signed a request whose body, if any, is not hashed (BARE or UPLOAD).

    Raises NotAuthenticated, KeyRevoked.
    """
    here = service(request)
    message = signed_message(request)

    def work() -> Caller:
        signed = _verify(here, message, covered)
        return _use_nonce(here, signed, _caller(here, signed))

    return await run_in_threadpool(work)


async def authenticate_with_body(
    request: Request, limit: int, *media_types: str
) -> tuple[Caller, bytes]:
    """Return who signed a request, and its whole body. Raises as `authenticate` and `read_body`.

    The signature is checked first: only an account can make the notary hold a body in memory.
    """
    here = service(request)
    message = signed_message(request)
    signed = await run_in_threadpool(_verify, here, message, WHOLE)
    data = await read_body(request, limit, *media_types)

    def work() -> Caller:
        verify_body(message, data)
        return _use_nonce(here, signed, _caller(here, signed))

    return await run_in_threadpool(work), data


def signed_message(request: Request) -> SignedMessage:
    """Return the request as its signature covers it: the target as it was sent."""
    fields: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        fields.setdefault(name, []).append(value)
    headers = {name: ", ".join(values) for name, values in fields.items()}
    target = request.scope["raw_path"].decode("ascii")
    query = request.scope["query_string"].decode("latin-1")
    return SignedMessage(request.method, f"{target}?{query}" if query else target, headers)


def _verify(here: Service, message: SignedMessage, covered: Sequence[str]) -> SignedRequest:
    notary = here.notary

    def public_key(key_id: bytes) -> bytes | None:
        key = notary.accounts.key(key_id)
        return None if key is None else key.public

    return verify_request(message, notary.origin, public_key, covered=covered, now=here.clock())


def _use_nonce(here: Service, signed: SignedRequest, caller: Caller) -> Caller:
    nonces = here.notary.nonces
    if not nonces.remember(caller.account, signed.key_id, signed.nonce, signed.expires):
        raise NotAuthenticated(
            "This request was received before, or its body took too long; sign it anew to repeat it."
        )
    return caller


def _caller(here: Service, signed: SignedRequest) -> Caller:
    key = here.notary.accounts.key(signed.key_id)
    if key is None:
        raise NotAuthenticated("The key that signed this request is not known here.")
    if key.revoked_index is not None:
        raise KeyRevoked("The key that signed this request was revoked; use another one.")
    return Caller(key.account, signed.key_id)


def _require_media(request: Request, media_types: Sequence[str]) -> None:
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in media_types:
        raise UnsupportedMedia(f"The body must be {' or '.join(media_types)}.")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request's body is over the limit of {limit} bytes.")


def require_header(request: Request, name: str) -> int:
    """Return a decimal header field. Raises MalformedData."""
    value = request.headers.get(name)
    if value is None:
        raise MalformedData(f"the header field {quoted(name)} is missing")
    return parse_decimal(value)
