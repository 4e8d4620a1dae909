"""Envelopes: uploads in pieces or in one go, and a depositor's own age files back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from hashlib import sha256

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from ledger.chain.statement import Payload
from ledger.encoding import cbor_decode, parse_decimal, parse_hex
from ledger.errors import MalformedData, NotFound, SealbookError, TooLarge
from ledger.notary.storage.envelopes import MAX_KEPT_HEADER
from ledger.notary.storage.uploads import PayloadWriter
from ledger.wire.protocol import (
    CBOR,
    MAX_ENVELOPES,
    MAX_ENVELOPES_BYTES,
    OCTETS,
    SmallEnvelope,
    Upload,
)
from ledger.wire.signatures import BARE, UPLOAD

from .deposits import BLOCK, PRIVATE, Root, signed_request
from .problems import RangeNotSatisfiable, RequestTimeout
from .requests import (
    authenticate,
    authenticate_with_body,
    body_blocks,
    large_blocks,
    require_header,
    service,
)
from .resources import resources
from .schemas import binary, body, header, problems

_MAX_RANGE_HEADER = 64

router = resources("deposits")


@router.post(
    "/envelopes",
    status_code=204,
    response_class=Response,
    dependencies=[signed_request],
    responses=problems(401, 403, 409, 413, 415, 422, 503, 507),
    openapi_extra=body(CBOR),
)
async def put_envelopes(request: Request) -> Response:
    """Store a CBOR array of small age files {root, size, header, payload}; all durable, or none."""
    caller, data = await authenticate_with_body(request, MAX_ENVELOPES_BYTES, CBOR)
    notary = service(request).notary

    def work() -> None:
        envelopes = _parse_envelopes(data)

        def to_store() -> int:
            return sum(
                len(each.header) + len(each.data)
                for each in envelopes
                if not notary.envelopes.holds(caller.account, each.payload)
            )

        notary.terms.require_bytes(caller.account, to_store)
        notary.envelopes.put_many(caller.account, envelopes)

    await run_in_threadpool(work)
    return Response(status_code=204, headers=PRIVATE)


@router.put(
    "/envelopes/{root}/header",
    status_code=204,
    response_class=Response,
    dependencies=[signed_request],
    responses=problems(401, 403, 404, 409, 413, 415, 422, 503, 507),
    openapi_extra=body(OCTETS),
)
async def put_header(request: Request, root: Root) -> Response:
    """Store or replace an age header; the one that it replaces is kept."""
    caller, data = await authenticate_with_body(request, MAX_KEPT_HEADER, OCTETS)
    notary = service(request).notary

    def work() -> None:
        notary.terms.require_bytes(caller.account, lambda: len(data))
        notary.envelopes.put_header(caller.account, parse_hex(root, 32), data)

    await run_in_threadpool(work)
    return Response(status_code=204, headers=PRIVATE)


@router.head(
    "/envelopes/{root}/payload",
    status_code=204,
    response_class=Response,
    dependencies=[signed_request],
    responses=problems(401, 403, 404, 422),
)
async def payload_status(request: Request, root: Root) -> Response:
    """How far a payload's upload has come, in Upload-Offset, Upload-Length and Upload-Complete."""
    caller = await authenticate(request, BARE)
    store = service(request).notary.envelopes
    upload = await run_in_threadpool(store.status, caller.account, parse_hex(root, 32))
    if upload is None:
        raise NotFound("There is no age file with this root; upload it from the start.")
    return Response(status_code=204, headers=_upload_fields(upload))


@router.patch(
    "/envelopes/{root}/payload",
    status_code=204,
    response_class=Response,
    dependencies=[signed_request],
    responses=problems(401, 403, 408, 409, 413, 415, 422, 503, 507),
    openapi_extra=body(OCTETS)
    | {
        "parameters": [
            header("Upload-Offset", "Where in the payload the body begins."),
            header("Upload-Length", "The payload's size."),
        ]
    },
)
async def append_payload(request: Request, root: Root) -> Response:
    """Continue a payload's upload. What has come counts, also when the connection breaks.

    The last piece is answered once the payload has proved to have the root and is durable.
    """
    here = service(request)
    caller = await authenticate(request, UPLOAD)
    offset = require_header(request, "upload-offset")
    payload = Payload(require_header(request, "upload-length"), parse_hex(root, 32))

    def to_store() -> int:
        begun = here.notary.envelopes.status(caller.account, payload.root)
        return 0 if begun is not None and begun.size == payload.size else payload.size

    def begin() -> PayloadWriter:
        here.notary.terms.require_bytes(caller.account, to_store)
        return here.notary.uploads.begin(caller.account, payload, offset)

    writer = await run_in_threadpool(begin)
    try:
        blocks = body_blocks(request, payload.size - offset, here.settings.idle)
        async for block in large_blocks(blocks):
            await run_in_threadpool(writer.write, block)
    except BaseException as error:
        # Also when the server stops: what came is settled, and the upload is free again.
        closing = asyncio.ensure_future(run_in_threadpool(_settle, writer))
        with suppress(asyncio.CancelledError):
            await asyncio.shield(closing)
        if isinstance(error, ClientDisconnect):
            raise RequestTimeout("The connection broke; continue the upload.") from error
        raise
    upload = await run_in_threadpool(writer.close)
    return Response(status_code=204, headers=_upload_fields(upload))


@router.get(
    "/envelopes/{root}",
    response_class=Response,
    dependencies=[signed_request],
    responses={
        200: binary(OCTETS, "The age file: header, then payload."),
        206: binary(OCTETS, "The range asked for."),
        **problems(401, 403, 404, 416, 422),
    },
)
async def fetch(request: Request, root: Root) -> Response:
    """One of the account's age files, or a range of it. Envelope-Header-Length says where it splits."""
    here = service(request)
    caller = await authenticate(request, BARE)
    stack = ExitStack()
    opened = here.notary.envelopes.open(caller.account, parse_hex(root, 32))
    age_header, size, read_at = await run_in_threadpool(stack.enter_context, opened)
    try:
        total = len(age_header) + size
        etag = f'"{root[:32]}{sha256(age_header).hexdigest()[:32]}"'
        whole = request.method == "HEAD"  # for which no range is defined (RFC 9110 section 14.2)
        start, end, status = (0, total, 200) if whole else _range(request, total, etag)
        fields = PRIVATE | {
            "etag": etag,
            "accept-ranges": "bytes",
            "content-length": str(end - start),
            "envelope-header-length": str(len(age_header)),
        }
        if status == 206:
            fields["content-range"] = f"bytes {start}-{end - 1}/{total}"
        if whole:
            stack.close()
            return Response(None, status, fields, OCTETS)
    except BaseException:
        stack.close()
        raise

    async def blocks() -> AsyncIterator[bytes]:
        with stack:
            at = start
            while at < end:
                if at < len(age_header):
                    block = age_header[at:end]
                else:
                    length = min(BLOCK, end - at)
                    block = await run_in_threadpool(read_at, at - len(age_header), length)
                yield block
                at += len(block)

    return StreamingResponse(blocks(), status, fields, OCTETS)


def _parse_envelopes(data: bytes) -> list[SmallEnvelope]:
    items = cbor_decode(data)
    if not isinstance(items, list):
        raise MalformedData("the body is not an array of age files")
    if len(items) > MAX_ENVELOPES:
        raise TooLarge(f"One request takes at most {MAX_ENVELOPES} age files.")
    envelopes = []
    for item in items:
        match item:
            case {
                "root": bytes(root),
                "size": int(size),
                "header": bytes(age_header),
                "payload": bytes(payload),
            } if len(item) == 4 and len(root) == 32:
                envelopes.append(SmallEnvelope(Payload(size, root), age_header, payload))
            case _:
                raise MalformedData("an age file in the body is not as specified")
    return envelopes


def _settle(writer: PayloadWriter) -> None:
    with suppress(SealbookError):
        writer.close()


def _upload_fields(upload: Upload) -> dict[str, str]:
    return PRIVATE | {
        "upload-offset": str(upload.offset),
        "upload-length": str(upload.size),
        "upload-complete": "?1" if upload.complete else "?0",
    }


def _range(request: Request, total: int, etag: str) -> tuple[int, int, int]:
    """Return (start, end, status) for a Range field with one range (RFC 9110 section 14.2)."""
    field = request.headers.get("range", "")
    unit, _, spec = field.partition("=")
    first, dash, last = spec.strip().partition("-")
    if (
        len(field) > _MAX_RANGE_HEADER
        or unit.strip().lower() != "bytes"
        or not dash
        or request.headers.get("if-range", etag) != etag
    ):
        return 0, total, 200
    try:
        if not first:
            start, end = max(0, total - parse_decimal(last)), total
        else:
            start = parse_decimal(first)
            end = min(total, parse_decimal(last) + 1) if last else total
    except MalformedData:
        return 0, total, 200
    if first and last and end <= start < total:
        return 0, total, 200
    if start >= total:
        raise RangeNotSatisfiable(f"The age file has {total} bytes; ask for a range within them.")
    return start, end, 206
