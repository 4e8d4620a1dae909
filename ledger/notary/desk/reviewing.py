"""A desk that is older than the ledger beside it: nothing is deleted by it until somebody has gone
through it.

A backup's desk knows of no legal hold that was decided after it. So a restore, and a start that finds
the desk shorter than it was, put that on the audit trail; while no later row says that holds, terms and
suspensions were gone through, whatever deletes refuses.

The service keeps beside the desk, in `office.sqlite`, how many rows the trail had. On a server both are
in one database, and go back together.
"""

from ledger.errors import Conflict
from ledger.notary.desk.trail import Action, Actor, Row, newest_of, record
from ledger.notary.storage.desk import StaffDesk
from ledger.notary.storage.office import OfficeDatabase
from ledger.quoted import Message

BY_A_RESTORE = Actor("restore", "terminal")
_BY_ITSELF = Actor("notary", "service")
OLDER: Message = (
    "The desk was put back from an older copy: legal holds, suspensions and limits that were decided "
    "after it are not in it, so nothing is deleted for now."
)
REVIEW: Message = (
    "Set again what was decided since, then say so: `sealbook notary account reviewed`."
)


def unreviewed(desk: StaffDesk) -> Row | None:
    """Return the row that says that the desk is an older copy, None where nobody has to look."""
    row = newest_of(desk, (Action.DESK_OLDER, Action.DESK_REVIEWED))
    return row if row is not None and row.action == Action.DESK_OLDER else None


def require_reviewed(desk: StaffDesk) -> None:
    """Raise Conflict while nobody has gone through a desk that is an older copy."""
    if unreviewed(desk) is not None:
        raise Conflict(" ".join((OLDER, REVIEW)))


def review(desk: StaffDesk, actor: Actor) -> None:
    """Put on the trail that holds, terms and suspensions are complete. Raises Conflict if they were."""
    if unreviewed(desk) is None:
        raise Conflict("The desk is no older copy, or somebody has gone through it already.")
    record(desk, actor, Action.DESK_REVIEWED, "holds, suspensions, limits")


def put_back(desk: StaffDesk, actor: Actor, why: str) -> None:
    """Put on the trail that the desk is an older copy; `why` is what it is a copy of."""
    record(desk, actor, Action.DESK_OLDER, why)


def compare(desk: StaffDesk, office: OfficeDatabase) -> None:
    """Find out whether the desk is shorter than it was, and keep how long it is now."""
    rows, kept = length(desk), office.desk_rows()
    if rows < kept:
        put_back(desk, _BY_ITSELF, f"rows {rows} of {kept}")
        rows += 1
    if rows != kept:
        office.keep_desk_rows(rows)


def length(desk: StaffDesk) -> int:
    """Return how many rows the trail has; they are numbered from 0, without a gap."""
    with desk.connections.reading() as connection:
        row = connection.execute("SELECT max(number) FROM trail").fetchone()
    return 0 if row[0] is None else int(row[0]) + 1
