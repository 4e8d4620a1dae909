"""For everyone: is this receipt genuine? The core of `sealbook verify`, under the notary's own keys.

What is sent here is read in memory and neither kept nor logged. A receipt holds no plaintext; an
evidence file does, and who would rather not show it to the notary checks it with `sealbook verify`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from ledger.adapters.protocol import MAX_CHECKED, OCTETS
from ledger.casefile import verify_file
from ledger.chain.receipt import MEDIA_TYPE as RECEIPT
from ledger.chain.receipt import parse_receipt
from ledger.chain.report import Report
from ledger.chain.statement import Statement, parse_statement
from ledger.chain.trust import parse_trust
from ledger.crypto.cose import TAG_SIGN1
from ledger.errors import TooLarge, Unavailable
from ledger.evidence import read_evidence, verify_disclosed
from ledger.verify import ReceiptRefused, verify_receipt

from .requests import Budget, Service, read_body, service
from .schemas import Checked, Revocation, Standing, Verification, body, problems

AT_ONCE = 2
"""Checks at one time: they take turns with everything else that the notary computes."""
PATIENCE = 5.0
"""Seconds that a body, once it is there, waits for its turn."""
MAX_BODIES = 64 << 20
"""Bytes of bodies that are arriving, waiting or being checked."""
MAX_OPENING = 1 << 19
"""Bytes of an opening that the service reads, of some 2,500 documents: it takes 50 MB at worst."""
MAX_DEPOSITS = 100
"""Deposits in one evidence file that the service checks."""

router = APIRouter(tags=["checks"])


class Turns:
    """Who may be checked now. A body that does not come takes no turn."""

    def __init__(self) -> None:
        self.bodies = Budget(MAX_BODIES)
        self._gate = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold a turn. Raises Unavailable when none came within `PATIENCE`."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._gate.acquire()
        except TimeoutError as error:
            raise Unavailable(
                "The notary is checking other receipts; try again in a few seconds."
            ) from error
        try:
            yield
        finally:
            self._gate.release()


@router.post(
    "/verify", responses=problems(408, 413, 415, 422, 503), openapi_extra=body(RECEIPT, OCTETS)
)
async def verify(request: Request, response: Response) -> Verification:
    """Check a receipt or an evidence file. The report gives each claim apart, also when one fails."""
    here = service(request)
    turns: Turns = request.app.state.checks
    with turns.bodies.share() as grown_to:
        data = await read_body(request, MAX_CHECKED, RECEIPT, OCTETS, grown_to=grown_to)
        async with turns.one():
            response.headers["cache-control"] = "no-store"
            return await run_in_threadpool(_check, here, data)


def _check(here: Service, data: bytes) -> Verification:
    trust = parse_trust(here.notary.trust)
    if data[:1] == TAG_SIGN1:
        statement = parse_statement(parse_receipt(data).statement)
        try:
            report = verify_receipt(data, trust).report
        except ReceiptRefused as refused:
            report = refused.report
        return Verification(deposits=[_checked(here, statement, report)], matters=[])
    disclosed = read_evidence(BytesIO(data), MAX_OPENING)
    if len(disclosed) > MAX_DEPOSITS:
        raise TooLarge(f"The service checks at most {MAX_DEPOSITS} deposits at once.")
    result = verify_file(disclosed, trust, lambda _, each, used: verify_disclosed(each, used))
    return Verification(
        deposits=[
            _checked(here, statement, report)
            for statement, report in zip(result.statements, result.reports, strict=True)
        ],
        matters=[matter.as_dict() for matter in result.matters],
    )


def _checked(here: Service, statement: Statement, report: Report) -> Checked:
    notary = here.notary
    key = notary.accounts.key(statement.key_id)
    entry = notary.entries.find(statement.leaf_hash)
    index = None if entry is None else entry.index
    revoked = notary.revoked(key)
    standing = Standing(
        entered=entry is not None,
        index=index,
        key_revoked=None if key is None else revoked is not None,
        revocation=None
        if revoked is None
        else Revocation(
            index=revoked.index,
            time=revoked.time,
            reason=revoked.reason,
            after_deposit=revoked.follows(index),
        ),
        size=notary.sequencer.last.size,
    )
    return Checked(report=report.as_dict(), standing=standing)
