"""For everyone: the log's read path (C2SP tlog-tiles), blocks, consistency, the trust file.

What can never change is cached for ever; the checkpoint is not cached at all.
"""

from typing import Annotated

from fastapi import Path, Request, Response
from starlette.concurrency import run_in_threadpool

from ledger.chain.anchorpage import format_anchors
from ledger.chain.blockpage import BLOCKS_PAGE, format_page
from ledger.chain.tiles import entries_path, parse_entries_path, parse_tile_path, tile_path
from ledger.crypto.merkle import MAX_TREE_SIZE
from ledger.disk.tilefiles import read_bundle, read_tile
from ledger.disk.wholefiles import Reading
from ledger.encoding import b64encode, parse_decimal
from ledger.errors import MalformedData, NotFound, Refused
from ledger.notary.health import Reason
from ledger.notary.storage.logfiles import CHECKPOINT
from ledger.wire import protocol
from ledger.wire.protocol import CBOR, OCTETS, TEXT

from .requests import service
from .resources import resources
from .schemas import BlockOut, Consistency, Health, binary, problems, text

TOML = "application/toml"
FOR_EVER = {"cache-control": protocol.FOR_EVER}
VARIES = {"vary": "accept"}
"""Where the portal shows a page to whoever asks for one."""
NEVER = {"cache-control": protocol.NEVER}
NEVER_SHARED = {"cache-control": protocol.NEVER_SHARED}
A_WHILE = {"cache-control": "public, max-age=300"}

_LAST_PAGE = MAX_TREE_SIZE // BLOCKS_PAGE - 1

Decimal = Annotated[str, Path(pattern="^(0|[1-9][0-9]{0,18})$", examples=["12"])]

router = resources("log")


@router.get(
    "/health",
    responses={
        500: {"model": Health, "description": "The notary has a fault; a person has to look."},
        503: {"model": Health, "description": "Nothing is entered now; reading goes on."},
    },
)
async def health(request: Request, response: Response) -> Health:
    """How the notary is; 500 or 503 while it enters nothing."""
    notary = service(request).notary
    found = await run_in_threadpool(lambda: notary.health)
    response.headers.update({"cache-control": "no-store"} | VARIES)
    if found.reasons:
        response.status_code = 500 if Reason.FAULT in found.reasons else 503
    return Health(
        status=found.status,
        reasons=list(found.reasons),
        warnings=list(found.warnings),
        origin=notary.origin,
        size=notary.sequencer.last.size,
    )


@router.get(
    "/trust", response_class=Response, responses={200: binary(TOML, "The trust file, in TOML.")}
)
async def trust(request: Request) -> Response:
    """The trust file. Compare its fingerprint with the one that the office has printed."""
    return Response(service(request).notary.trust, media_type=TOML, headers=A_WHILE)


@router.get(
    "/checkpoint",
    response_class=Response,
    responses={200: text("text/plain", "A signed note."), **problems(404)},
)
async def checkpoint(request: Request) -> Response:
    """The newest anchor (C2SP tlog-checkpoint)."""
    note = await run_in_threadpool(_log(request).read, CHECKPOINT)
    if note is None:
        raise NotFound("Nothing is published yet.")
    return Response(note, media_type=TEXT, headers=NEVER)


@router.get(
    "/tile/{path:path}",
    response_class=Response,
    responses={200: binary(OCTETS, "32 bytes for each hash."), **problems(403, 404, 422)},
)
async def tile(
    request: Request,
    path: Annotated[str, Path(examples=["0/x001/x234/067", "1/000.p/17"])],
) -> Response:
    """A hash tile, or an entry bundle for an admitted auditor, who sends his credential as a bearer."""
    try:
        if path.startswith("entries/"):
            name = entries_path(*parse_entries_path(f"tile/{path}"))
        else:
            named = parse_tile_path(f"tile/{path}")
            name = tile_path(named.level, named.index, named.width)
    except MalformedData as error:
        raise NotFound("No tile has this path.") from error
    # %2F: a client that is made from the OpenAPI document takes all of the path for one parameter.
    if request.scope["raw_path"].replace(b"%2F", b"/") != f"/{name}".encode():
        raise NotFound("No tile has this path.")
    if path.startswith("entries/"):
        bundle = await run_in_threadpool(_bundle, request, *parse_entries_path(name))
        return Response(bundle, media_type=OCTETS, headers=NEVER_SHARED)
    data = await run_in_threadpool(read_tile, _log(request), named)
    if data is None:
        raise NotFound("The log has no such tile.")
    return Response(data, media_type=OCTETS, headers=FOR_EVER)


@router.get("/block/{height}", responses=problems(404, 422))
async def block(request: Request, response: Response, height: Decimal) -> BlockOut:
    """A block: the statement that opens it and the signed checkpoint that closes it."""
    number = parse_decimal(height)
    statement, note = await run_in_threadpool(service(request).notary.block, number)
    response.headers.update(FOR_EVER | VARIES)
    return BlockOut(height=number, statement=b64encode(statement), note=note)


@router.get(
    "/blocks/{page}",
    response_class=Response,
    responses={
        200: binary(CBOR, "An array of [statement, note], heights from 64 times the page on."),
        **problems(404, 422),
    },
)
async def blocks(request: Request, page: Decimal) -> Response:
    """Up to 64 blocks. A page that is not full grows; a full one never changes."""
    first = min(parse_decimal(page), _LAST_PAGE) * BLOCKS_PAGE
    found = await run_in_threadpool(service(request).notary.blocks, first, BLOCKS_PAGE)
    if not found:
        raise NotFound("There are no blocks on this page.")
    headers = FOR_EVER if len(found) == BLOCKS_PAGE else NEVER
    return Response(format_page(found), media_type=CBOR, headers=headers)


@router.get(
    "/anchors/{page}",
    response_class=Response,
    responses={
        200: binary(CBOR, "An array of [height, note, tokens], heights as in the page of blocks."),
        **problems(404, 422),
    },
)
async def anchors(request: Request, page: Decimal) -> Response:
    """The anchors among 64 blocks: their notes with cosignatures, and timestamp tokens."""
    first = min(parse_decimal(page), _LAST_PAGE) * BLOCKS_PAGE
    found = await run_in_threadpool(service(request).notary.anchored, first, BLOCKS_PAGE)
    if not found:
        raise NotFound("There are no anchors on this page.")
    return Response(format_anchors(found), media_type=CBOR, headers=NEVER)


@router.get("/consistency/{old}/{new}", responses=problems(404, 422))
async def consistency(
    request: Request, response: Response, old: Decimal, new: Decimal
) -> Consistency:
    """The proof that the tree of `new` entries begins with the whole tree of `old` entries."""
    first, second = parse_decimal(old), parse_decimal(new)
    proof = await run_in_threadpool(service(request).notary.sequencer.consistency, first, second)
    response.headers.update(FOR_EVER)
    return Consistency(old=first, new=second, proof=[b64encode(each) for each in proof])


def _bundle(request: Request, index: int, width: int) -> bytes:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not service(request).notary.admits(credential.strip()):
        raise Refused("Entries are for admitted auditors; ask the notary office.")
    data = read_bundle(_log(request), index, width)
    if data is None:
        raise NotFound("The log has no such entries.")
    return data


def _log(request: Request) -> Reading:
    return service(request).notary.log.files
