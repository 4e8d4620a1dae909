"""For everyone: is this receipt genuine? The core of `sealbook verify`, under the notary's own keys.

What is sent here is read in memory and neither kept nor logged. A receipt holds no plaintext; an
evidence file does, and who would rather not show it to the notary checks it with `sealbook verify`.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from io import BytesIO

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from ledger.adapters.protocol import MAX_CHECKED, OCTETS
from ledger.chain.receipt import MEDIA_TYPE as RECEIPT
from ledger.chain.receipt import parse_receipt
from ledger.chain.report import Report
from ledger.chain.statement import Statement, parse_statement
from ledger.chain.trust import parse_trust
from ledger.crypto.cose import TAG_SIGN1
from ledger.errors import TooLarge, Unavailable
from ledger.evidence import read_evidence, verify_disclosed
from ledger.verify import ReceiptRefused, VerifiedReceipt, verify_receipt

from .requests import Service, read_body, service
from .schemas import Checked, Standing, Verification, body, problems

AT_ONCE = 4
"""Checks held in memory at one time."""
MAX_DEPOSITS = 100
"""Deposits in one evidence file that the service checks."""

router = APIRouter(tags=["checks"])


@router.post(
    "/verify", responses=problems(408, 413, 415, 422, 503), openapi_extra=body(RECEIPT, OCTETS)
)
async def verify(request: Request, response: Response) -> Verification:
    """Check a receipt or an evidence file. The report gives each claim apart, also when one fails."""
    here = service(request)
    gate: asyncio.Semaphore = request.app.state.checks
    if gate.locked():
        raise Unavailable("The notary is checking other receipts; try again in a few seconds.")
    async with gate:
        data = await read_body(request, MAX_CHECKED, RECEIPT, OCTETS)
        response.headers["cache-control"] = "no-store"
        return await run_in_threadpool(_check, here, data)


def _check(here: Service, data: bytes) -> Verification:
    trust = parse_trust(here.notary.trust)
    if data[:1] == TAG_SIGN1:
        statement = parse_statement(parse_receipt(data).statement)
        report = _report(lambda: verify_receipt(data, trust))
        return Verification(deposits=[_checked(here, statement, report)])
    disclosed = read_evidence(BytesIO(data))
    if len(disclosed) > MAX_DEPOSITS:
        raise TooLarge(f"The service checks at most {MAX_DEPOSITS} deposits at once.")
    checked = []
    for each in disclosed:
        statement = parse_statement(parse_receipt(each.receipt).statement)
        checked.append(_checked(here, statement, _report(partial(verify_disclosed, each, trust))))
    return Verification(deposits=checked)


def _report(verify: Callable[[], VerifiedReceipt]) -> Report:
    try:
        return verify().report
    except ReceiptRefused as refused:
        return refused.report


def _checked(here: Service, statement: Statement, report: Report) -> Checked:
    notary = here.notary
    key = notary.accounts.key(statement.key_id)
    standing = Standing(
        entered=notary.entries.find(statement.leaf_hash) is not None,
        key_revoked=None if key is None else key.revoked_index is not None,
        size=notary.sequencer.last.size,
    )
    return Checked(report=report.as_dict(), standing=standing)
