"""An order left for the process that carries orders out, and its answer."""

import itertools
import threading
from collections.abc import Callable
from typing import TypeVar

from ledger.errors import Refused, Unavailable
from ledger.notary.orders import (
    AskRetired,
    AskTidied,
    Backup,
    Order,
    Refusal,
    Retire,
    Tidy,
    format_order,
    parse_answer,
    parse_refusal,
)
from ledger.notary.storage.office import DONE, OfficeDatabase

A = TypeVar("A")

ORDERS_EVERY = 0.25
"""Seconds between looks at what other processes have ordered, and at their answers."""
ORDER_PATIENCE = 120.0
"""Seconds that a command waits for the serving process."""
_PATIENT = (Backup, AskRetired, Retire, AskTidied, Tidy)
"""Commands that take as long as they take: what they look through may be very large."""


def leave(
    office: OfficeDatabase,
    order: Order[A],
    served: Callable[[], bool],
    patience: float = ORDER_PATIENCE,
) -> A:
    """Leave an order for the process that carries orders out, and wait for its answer.

    `served` says whether there is one. Raises Refused with the other's words; Unavailable when no
    process answers in time.
    """
    patient = isinstance(order, _PATIENT)
    number = office.give(*format_order(order))
    pause = threading.Event()
    looks = itertools.count() if patient else range(max(1, int(patience / ORDERS_EVERY)))
    try:
        for _ in looks:
            pause.wait(ORDERS_EVERY)
            left = office.order(number)
            if left is None:
                break
            if left.answer is not None and left.state == DONE:
                return parse_answer(order, left.answer)
            if left.answer is not None:
                raise _refused(parse_refusal(left.answer))
            if patient and not served():
                break
    finally:  # also when whoever waits gives up: a backup that is withdrawn stops
        office.withdraw(number)
    raise Unavailable(
        "The process that serves this notary did not answer; see its log, then try again."
    )


def _refused(refusal: Refusal) -> Refused:
    error = Refused(refusal.detail)
    error.code = refusal.code
    return error
