"""For everyone: is this receipt genuine? The core of `sealbook verify`, under the notary's own keys.

What is sent here is read in memory and neither kept nor logged. A receipt holds no plaintext; an
evidence file does, and who would rather not show it to the notary checks it with `sealbook verify`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from ledger.chain.inspection import parse_inspections
from ledger.chain.receipt import MEDIA_TYPE as RECEIPT
from ledger.chain.trust import parse_trust
from ledger.crypto.cose import TAG_SIGN1
from ledger.errors import Unavailable
from ledger.evidence.check import check_file
from ledger.evidence.examining import Examiner
from ledger.wire.protocol import MAX_CHECKED, OCTETS

from .requests import Budget, Service, read_body, service
from .resources import resources
from .schemas import Verification, body, problems

AT_ONCE = 2
"""Receipts at one time: a millisecond each, in turn with everything else that the notary computes."""
PATIENCE = 10.0
"""Seconds that a body, once it is there, waits for its turn."""
SECONDS = 60.0
"""Seconds for the check of an evidence file; its processor time is limited where it is made."""
MAX_BODIES = 64 << 20
"""Bytes of bodies that are arriving, waiting or being checked."""
_AGAIN = 0.1

router = resources("checks")


class Turns:
    """Who may be checked now. A body that does not come takes no turn.

    Receipts have a lane of their own. In that of the evidence files one at a time is checked, and each
    peer has one there, waiting or being checked: whoever sends many waits behind everybody else.
    """

    def __init__(self) -> None:
        self.bodies = Budget(MAX_BODIES)
        self.examiner = Examiner()
        self._receipts = asyncio.Semaphore(AT_ONCE)
        self._evidence = asyncio.Semaphore(1)
        self._peers: set[str] = set()

    @asynccontextmanager
    async def receipt(self) -> AsyncIterator[None]:
        """Hold a turn for a receipt. Raises Unavailable when none came within `PATIENCE`."""
        async with _turn(self._receipts):
            yield

    @asynccontextmanager
    async def evidence(self, peer: str) -> AsyncIterator[None]:
        """Hold the turn for an evidence file. Raises Unavailable, also for a second of one peer."""
        if peer in self._peers:
            raise Unavailable(
                "The notary checks an evidence file from your address already; send this one after it."
            )
        self._peers.add(peer)
        try:
            async with _turn(self._evidence):
                yield
        finally:
            self._peers.discard(peer)


@asynccontextmanager
async def _turn(gate: asyncio.Semaphore) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE):
            await gate.acquire()
    except TimeoutError as error:
        raise Unavailable(
            "The notary is checking other receipts; try again in a few seconds."
        ) from error
    try:
        yield
    finally:
        gate.release()


# A receipt under its own media type is taken as well; of two in the document, generators make clients
# that do not run.
@router.post("/verify", responses=problems(408, 413, 415, 422, 503), openapi_extra=body(OCTETS))
async def verify(request: Request, response: Response) -> Verification:
    """Check a receipt or an evidence file. The report gives each claim apart, also when one fails."""
    turns: Turns = request.app.state.checks
    response.headers["cache-control"] = "no-store"
    with turns.bodies.share() as grown_to:
        data = await read_body(request, MAX_CHECKED, RECEIPT, OCTETS, grown_to=grown_to)
        return await checked(request, turns, data)


async def checked(request: Request, turns: Turns, data: bytes, beside: bytes = b"") -> Verification:
    """Return the reports on a receipt or an evidence file once it has had its turn.

    `beside` is a file of inspection records, empty for none.

    Raises MalformedData, TooLarge, Unavailable, ClientDisconnect.
    """
    here = service(request)
    if data[:1] == TAG_SIGN1:
        async with turns.receipt():
            return await run_in_threadpool(_check_receipt, here, data, beside)
    async with turns.evidence(request.state.peer):
        found = await _examine(request, turns.examiner, here.notary.trust, data, beside)
    return await run_in_threadpool(_verification, here, found)


def _check_receipt(here: Service, data: bytes, beside: bytes) -> Verification:
    inspections = parse_inspections(beside) if beside else ()
    found = check_file(BytesIO(data), parse_trust(here.notary.trust), inspections)
    return _verification(here, found.as_dict())


async def _examine(
    request: Request, examiner: Examiner, trust: bytes, data: bytes, beside: bytes
) -> dict[str, Any]:
    """Return the reports on an evidence file, unless it takes too long or nobody waits for them."""
    work = asyncio.ensure_future(run_in_threadpool(examiner.examine, trust, data, beside))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((work, gone), timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        if gone.done():
            raise ClientDisconnect
        raise Unavailable(
            f"The check took longer than {SECONDS:g} seconds; check the file with `sealbook verify`."
        )
    finally:
        gone.cancel()
        while not work.done():  # its thread may not have started the process yet
            examiner.stop()
            await asyncio.wait((work,), timeout=_AGAIN)


async def _gone(request: Request) -> None:
    """Return when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _verification(here: Service, found: dict[str, Any]) -> Verification:
    standing = here.notary.standing
    return Verification.model_validate(
        {
            "deposits": [
                {
                    "report": report,
                    "standing": standing(bytes.fromhex(key), bytes.fromhex(leaf)).as_dict(),
                }
                for key, leaf, report in found["deposits"]
            ],
            "matters": found["matters"],
        }
    )
