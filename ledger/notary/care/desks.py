"""What `fsck` looks at in the desk: its audit trail, and the records that wait."""

from collections.abc import Iterator

from ledger.chain import statement as st
from ledger.errors import VerificationFailed
from ledger.notary.desk.proposals import undecided
from ledger.notary.desk.trail import Action, rows, verify_trail
from ledger.notary.storage.desk import StaffDesk
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.quoted import Message

_KINDS = {
    Action.ENROLLED: st.ENROLMENT,
    Action.REVOKED: st.KEY,
    Action.CERTIFIED: st.CERTIFICATE,
    Action.WITHDRAWN: st.CERTIFICATE,
    Action.ERASED: st.NOTICE,
    Action.DISCARDED: st.NOTICE,
}
"""What kind of entry an action on the trail names."""


def desk_faults(desk: StaffDesk, store: LedgerDatabase) -> Iterator[Message]:
    """Yield what does not hold: the trail's chain, and the entries that it names."""
    try:
        verify_trail(desk.origin, rows(desk))
    except VerificationFailed as error:
        yield str(error)
        return
    for row in rows(desk):
        kind = _KINDS.get(Action(row.action)) if row.action in set(Action) else None
        if row.entry is not None:
            found = store.read(row.entry, row.entry + 1)
            if not found or found[0].kind != kind:
                yield f"row {row.number} of the audit trail names entry {row.entry}, which is not that"


def left_over(desk: StaffDesk) -> Iterator[str]:
    """Yield where identity records lie that no waiting request names."""
    waiting = {each.asked.request.digest.hex() for each in undecided(desk) if each.record}
    for name in desk.records.names():
        if name not in waiting:
            yield desk.records.files.where(name)
