"""A deposit's life in the vault: its states, and what may happen to it in each.

    WAITING    -- put off, renumbered --> WAITING
    WAITING    -- put aside           --> REFUSED
    WAITING    -- accepted            --> CONFIRMED
    CONFIRMED  -- filed               --> DEPOSITED

A state is the folder that a deposit lies in and whether its receipt is there, nothing else: every step
from one to another is one rename, and whatever stops a process leaves the one before or the one after.
"""

from collections.abc import Mapping
from enum import StrEnum, auto

from ledger.company.vault.home import FILED, SPOOL
from ledger.company.vault.home import REFUSED as ASIDE


class State(StrEnum):
    """How far a deposit has come."""

    WAITING = auto()
    """Sealed and signed: to be sent, or sent again."""
    CONFIRMED = auto()
    """Entered in the ledger, its verified receipt kept; the user does not have it yet."""
    DEPOSITED = auto()
    """The user has the receipt, and the notary the ciphertext."""
    REFUSED = auto()
    """The notary will never take it: it is kept, and never sent again."""

    @property
    def entered(self) -> bool:
        """Whether the deposit is in the ledger, shown by a receipt."""
        return self in (State.CONFIRMED, State.DEPOSITED)


class Event(StrEnum):
    """What happens to a deposit."""

    PUT_OFF = auto()
    RENUMBERED = auto()
    PUT_ASIDE = auto()
    ACCEPTED = auto()
    FILED = auto()


TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.WAITING, Event.PUT_OFF): State.WAITING,
    (State.WAITING, Event.RENUMBERED): State.WAITING,
    (State.WAITING, Event.PUT_ASIDE): State.REFUSED,
    (State.WAITING, Event.ACCEPTED): State.CONFIRMED,
    (State.CONFIRMED, Event.FILED): State.DEPOSITED,
}
STATES: Mapping[tuple[str, bool], State] = {
    (SPOOL, False): State.WAITING,
    (SPOOL, True): State.CONFIRMED,
    (FILED, True): State.DEPOSITED,
    (ASIDE, False): State.REFUSED,
}
"""(folder, whether the receipt is there) -> state. Anything else is damage."""


class IllegalTransition(Exception):
    """Something was to be done to a deposit that its state does not allow: a bug of ours."""


def next_state(state: State, event: Event) -> State:
    """Return the state after an event. Raises IllegalTransition."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"a deposit that is {state} cannot be {event}") from None
