"""Every address of the office."""

from . import enrolments, entry, holders, operating, papers

ROUTERS = (
    entry.gate.router,
    enrolments.gate.router,
    holders.gate.router,
    papers.gate.router,
    operating.gate.router,
)
