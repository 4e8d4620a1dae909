"""Whether the kernel calls its clock synchronised (adjtimex(2), Linux)."""

import ctypes
import sys
from enum import Enum, auto

_TIME_ERROR = 5
_BYTES = 512
"""More than `struct timex` takes; with `modes` 0 the call only reads, which everybody may."""


class Discipline(Enum):
    """How it stands with the clock."""

    STEERED = auto()
    ADRIFT = auto()
    UNKNOWN = auto()


def discipline() -> Discipline:
    """Return how it stands with the machine's clock."""
    if sys.platform != "linux":
        return Discipline.UNKNOWN
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_BYTES))
    except (OSError, AttributeError):
        return Discipline.UNKNOWN
    if state < 0:
        return Discipline.UNKNOWN
    return Discipline.ADRIFT if state == _TIME_ERROR else Discipline.STEERED
