"""What fails in a round, drawn from its seed."""

from dataclasses import dataclass
from random import Random

from ledger.notary.ports import Step
from tests.faults.disk import ERRORS
from tests.faults.wire import CUT_AFTER, CUT_BEFORE, ERROR, REFUSED, SLOW

STEPS = (Step.ENTRIES, Step.BUNDLES, Step.COPY, Step.CHECKPOINT, Step.TILES, Step.ANCHOR)
STATEMENTS = (
    "SerializationFailure",
    "DeadlockDetected",
    "DiskFull",
    "ReadOnlySqlTransaction",
    "QueryCanceled",
    "AdminShutdown",
    "OutOfMemory",
    "LockNotAvailable",
)
"""What a server says no with."""
JUMPS = (-40_000_000, -3_600, -15, 15, 3_600, 40_000_000)
"""Seconds by which the wall clock is set."""
KINDS = {
    "embedded": ("killed", "stopped", "power", "disk", "clock"),
    "postgres": (
        "killed", "stopped", "power", "disk", "clock", "statement", "wire", "leaders", "hangs",
    ),
    "bucket": ("killed", "disk", "clock", "statement", "wire", "store", "store", "leaders", "hangs"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What fails, how, and at which call or message, counted from 0; `early`: already at the start."""

    kind: str
    how: tuple[str, ...]
    count: int
    early: bool


def draw(engine: str, rng: Random) -> Fault:
    """Return the fault of a round."""
    kind = rng.choice(KINDS[engine])
    early = rng.random() < 0.2
    match kind:
        case "stopped":
            return Fault(
                kind, (rng.choice(STEPS), rng.choice(("before", "after"))), rng.randrange(6), early
            )
        case "leaders":
            return Fault(
                kind, (rng.choice(STEPS), rng.choice(("before", "after"))), rng.randrange(4), False
            )
        case "power":
            return Fault(kind, (), rng.randrange(90), early)
        case "disk":
            name, error = rng.choice(ERRORS)
            return Fault(kind, (name, error or ""), rng.randrange(20), early)
        case "clock":
            return Fault(kind, (str(rng.choice(JUMPS)),), rng.randrange(20), False)
        case "statement":
            return Fault(kind, (rng.choice(STATEMENTS),), rng.randrange(150), early)
        case "wire":
            how = rng.choice((CUT_BEFORE, CUT_AFTER, CUT_AFTER, SLOW, REFUSED))
            return Fault(
                kind, (how, rng.choice(("COMMIT", "COMMIT", "COPY", ""))), rng.randrange(60), early
            )
        case "store":
            how = rng.choice((CUT_BEFORE, CUT_AFTER, CUT_AFTER, SLOW, REFUSED, ERROR))
            return Fault(
                kind, (how, rng.choice(("PUT ", "PUT ", "GET ", "HEAD "))), rng.randrange(30), early
            )
        case _:  # killed, hangs: after so many milliseconds
            return Fault(kind, (), rng.randrange(900), False)
