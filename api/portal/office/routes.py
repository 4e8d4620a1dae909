"""Every address of the office."""

from . import enrolments, entry, holders, operating

ROUTERS = (
    entry.gate.router,
    enrolments.gate.router,
    holders.gate.router,
    operating.gate.router,
)
