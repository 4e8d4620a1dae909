"""For whoever keeps the service running: whether it lives, and whether it can enter deposits now."""

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from ledger.language import ENGLISH

from .portal.health import reason
from .requests import service
from .resources import resources
from .schemas import Live, Obstacle, Ready

NEVER_KEPT = {"cache-control": "no-store"}
PROBES = ("/live", "/ready")

router = resources("operation")


@router.get("/live")
async def live(response: Response) -> Live:
    """Whether the process answers. To start it again mends nothing that `/ready` or `/health` says."""
    response.headers.update(NEVER_KEPT)
    return Live(live=True)


@router.get("/ready", responses={503: {"model": Ready, "description": "Nothing is entered now."}})
async def ready(request: Request, response: Response) -> Ready:
    """Whether deposits are entered now; 503 and why, while they are not. Reading goes on."""
    notary = service(request).notary
    found = await run_in_threadpool(lambda: notary.health)
    response.headers.update(NEVER_KEPT)
    if found.reasons:
        response.status_code = 503
    return Ready(
        ready=not found.reasons,
        reasons=[Obstacle(reason=each, detail=reason(each, ENGLISH)) for each in found.reasons],
    )
