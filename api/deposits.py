"""For depositors: statements, age files, their own deposits and receipts, further keys.

A statement is signed in itself, and so is the request to join an account. Everything else needs a
signed request (RFC 9421, `ledger.wire.signatures`), and an account sees only what is its own: what
belongs to another is answered as what does not exist.
"""

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request, Response
from fastapi.security import APIKeyHeader
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from ledger.chain.enrolment import RECOVERY_SHEET, parse_endorsed, verify_enrolment_request
from ledger.chain.receipt import MEDIA_TYPE as RECEIPT
from ledger.chain.statement import DEPOSIT, MAX_ENTRY
from ledger.crypto.keys import thumbprint_ed25519
from ledger.encoding import b64encode, cbor_decode, cbor_encode, parse_decimal, parse_hex
from ledger.errors import MalformedData, NotFound, SealbookError, TooLarge
from ledger.notary.desk.proposals import object_of
from ledger.notary.desk.trail import Action, Actor, record
from ledger.wire.protocol import (
    CBOR,
    COSE,
    DEPOSITS_PAGE,
    MAX_BATCH,
    MAX_BATCH_BYTES,
    NEVER_SHARED,
)
from ledger.wire.signatures import BARE

from .problems import problem
from .requests import (
    Budget,
    authenticate,
    read_body,
    service,
)
from .resources import resources
from .schemas import DepositOut, Deposits, Enrolled, binary, body, problems

MAX_BATCHES_BYTES = 64 << 20
"""Bytes of batches of statements that are arriving at one time."""
BLOCK = 1 << 20
PRIVATE = {"cache-control": NEVER_SHARED}

Root = Annotated[str, Path(pattern="^[0-9a-f]{64}$", examples=["5d" * 32])]
signed_request = Depends(
    APIKeyHeader(
        name="Signature-Input",
        scheme_name="RFC-9421",
        description="HTTP Message Signatures by a key of the account; tag `sealbook`.",
        auto_error=False,
    )
)

router = resources("deposits")


@router.post(
    "/statements",
    status_code=201,
    response_class=Response,
    responses={
        201: binary(RECEIPT, "The receipt."),
        **problems(403, 409, 413, 415, 422, 503, 507),
    },
    openapi_extra=body(COSE),
)
async def enter(request: Request) -> Response:
    """Enter a depositor's signed statement; answer once it is durable and under a checkpoint.

    The same statement again gives the same receipt.
    """
    statement = await read_body(request, MAX_ENTRY, COSE)
    here = service(request)
    with here.latency.measured(), here.measures.answering() as count:
        future = here.notary.sequencer.submit(statement)
        await here.arrivals.done(future)
        receipt = future.result()
        count([receipt])
    return Response(receipt, 201, PRIVATE, RECEIPT)


@router.post(
    "/statements/batch",
    response_class=Response,
    responses={
        200: binary(CBOR, "For each statement its receipt (bytes), or a problem (a map)."),
        **problems(413, 415, 422, 503),
    },
    openapi_extra=body(CBOR),
)
async def enter_many(request: Request) -> Response:
    """Enter a CBOR array of up to 100 statements, each for itself."""
    batches: Budget = request.app.state.batches
    with batches.share() as grown_to:
        data = await read_body(request, MAX_BATCH_BYTES, CBOR, grown_to=grown_to)
        statements = await run_in_threadpool(_parse_batch, data)
    here = service(request)
    with here.latency.measured(), here.measures.answering() as count:
        replies = here.notary.sequencer.submit_many(statements)
        await here.arrivals.done(replies.done)
        answers = [each.value for each in replies]
        count(answers)
    items: list[Any] = []
    for answer in answers:
        if isinstance(answer, SealbookError):
            items.append(problem(answer))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            items.append(answer)
    return Response(cbor_encode(items), 200, PRIVATE, CBOR)


@router.get("/deposits", dependencies=[signed_request], responses=problems(401, 403, 422))
async def deposits(
    request: Request,
    response: Response,
    after: Annotated[str, Query(pattern="^(-1|0|[1-9][0-9]{0,18})$", examples=["-1"])] = "-1",
) -> Deposits:
    """The account's deposits with an index above `after`, in the ledger's order, a page at a time."""
    caller = await authenticate(request, BARE)
    first = -1 if after == "-1" else parse_decimal(after)
    entries = service(request).notary.entries

    def work() -> Deposits:
        return Deposits(
            deposits=[
                DepositOut(
                    index=entry.index,
                    leaf=entry.leaf_hash.hex(),
                    statement=b64encode(entry.statement),
                )
                for entry in entries.deposits(caller.account, first, DEPOSITS_PAGE)
            ]
        )

    response.headers.update(PRIVATE)
    return await run_in_threadpool(work)


@router.get(
    "/receipts/{leaf}",
    response_class=Response,
    dependencies=[signed_request],
    responses={200: binary(RECEIPT, "The receipt."), **problems(401, 403, 404, 422)},
)
async def receipt(request: Request, leaf: Root) -> Response:
    """The receipt of one of the account's deposits."""
    notary = service(request).notary
    caller = await authenticate(request, BARE)
    leaf_bytes = parse_hex(leaf, 32)

    def work() -> bytes:
        entry = notary.entries.find(leaf_bytes)
        if entry is None or entry.kind != DEPOSIT or entry.account != caller.account:
            raise NotFound("The account has no deposit with this leaf hash.")
        return notary.sequencer.receipt(leaf_bytes)

    return Response(await run_in_threadpool(work), 200, PRIVATE, RECEIPT)


@router.post(
    "/enrolments",
    status_code=201,
    responses=problems(403, 409, 413, 415, 422, 503, 507),
    openapi_extra=body(COSE),
)
async def join(request: Request, response: Response) -> Enrolled:
    """Enrol a further device of an account, by a request that its recovery key has signed."""
    data = await read_body(request, MAX_ENTRY, COSE)
    notary = service(request).notary

    def work() -> Enrolled:
        inner, endorser, _ = parse_endorsed(data)
        asked = verify_enrolment_request(inner)
        key_id = thumbprint_ed25519(asked.key)
        new = notary.accounts.key(key_id) is None
        standing = notary.accounts.join(data, notary.terms)
        key = standing.key(asked.key)
        if new and notary.staff_desk is not None:
            who = Actor(endorser.hex(), RECOVERY_SHEET)
            record(notary.staff_desk, who, Action.ENROLLED, object_of(asked), key.enrolled_index)
        return Enrolled(
            account=standing.account, key=key_id.hex(), role=key.role, index=key.enrolled_index
        )

    response.headers.update(PRIVATE)
    return await run_in_threadpool(work)


DIRECT = tuple(
    each
    for each in router.routes
    if isinstance(each, Route) and each.endpoint in (enter, enter_many)
)
"""Endpoints that take nothing but the request."""


def _parse_batch(data: bytes) -> list[bytes]:
    statements = cbor_decode(data)
    if not isinstance(statements, list) or not all(isinstance(each, bytes) for each in statements):
        raise MalformedData("the body is not an array of statements")
    if len(statements) > MAX_BATCH:
        raise TooLarge(f"One request takes at most {MAX_BATCH} statements.")
    return statements
