"""What a restored ledger owes: to state from where it goes on, before anything else is entered.

The restore leaves that as an order. The service states it when it starts; a command that only opens the
ledger signs nothing for it, and its first entry, where there is one, comes behind the statement in one
block. It owes it until it is an entry, whoever answers the order.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ledger.chain import statement as st
from ledger.chain.office import Recovery, parse_recovery, recovery_payload
from ledger.chain.statement import parse_statement
from ledger.notary.orders import RECOVERY, StateRecovery, parse_order
from ledger.notary.ports import Entry, LedgerStore
from ledger.notary.storage.office import OfficeDatabase


def unstated(office: OfficeDatabase, store: LedgerStore) -> list[Recovery]:
    """Return the recoveries that wait to be stated, and are no entries yet."""
    left = [each for each in office.waiting() if each.kind == RECOVERY]
    orders = [parse_order(each.kind, each.argument) for each in left]
    return [
        each.recovery
        for each in orders
        if isinstance(each, StateRecovery) and stated(store.office, each.recovery) is None
    ]


def stated(office: Callable[[str], Sequence[Entry]], recovery: Recovery) -> int | None:
    """Return the entry that states a recovery, None without one. `office` gives those of a kind."""
    for entry in office(st.RECOVERY):
        if parse_recovery(parse_statement(entry.statement)) == recovery:
            return entry.index
    return None


def owed(office: OfficeDatabase, store: LedgerStore) -> list[tuple[str, dict[str, Any]]]:
    """Return the statements that are due, as `Sequencer` takes them."""
    return [(st.RECOVERY, recovery_payload(each)) for each in unstated(office, store)]
