"""What the office's books show, for its statements: read as far as the ledger is signed."""

from dataclasses import dataclass
from pathlib import Path

from ledger.chain import report as rp
from ledger.chain import statement as st
from ledger.chain.block import parse_block
from ledger.chain.office import parse_inspection, parse_platform
from ledger.chain.report import Report
from ledger.chain.statement import parse_statement
from ledger.chain.trust import Trust
from ledger.cli.court.reports import damaged
from ledger.court.custody import Custody, Inspected, Stated
from ledger.errors import InvalidInput, NotFound, VerificationFailed
from ledger.evidence.check import check_file
from ledger.notary.ports import Entry
from ledger.notary.storage.checkpoints import CheckpointDatabase
from ledger.notary.storage.ledger_database import LedgerDatabase
from ledger.program import this_program
from ledger.quoted import quoted


@dataclass(frozen=True, slots=True)
class Found:
    """A deposit that a file shows: its leaf hash, and the report, which is good."""

    leaf: bytes
    report: Report


def deposit_in(file: Path, trust: Trust) -> Found:
    """Return the one deposit of a receipt or evidence file.

    Raises MalformedData; InvalidInput where there are several, VerificationFailed where it is not good.
    """
    with damaged(file), file.open("rb") as opened:
        checked = check_file(opened, trust)
    if len(checked.reports) > 1:
        raise InvalidInput(f"{quoted(file)} holds several deposits; name the receipt of one.")
    if not checked.good:
        raise VerificationFailed(
            f"{quoted(file)} does not show what is required, so nothing is drafted from it; "
            "`sealbook notary check` says what."
        )
    return Found(checked.statements[0].leaf_hash, checked.reports[0])


def read_custody(
    store: LedgerDatabase,
    signed: CheckpointDatabase,
    trust: Trust,
    fingerprint: str,
    deposit: Found | None,
) -> Custody:
    """Return what the books show; the platform as stated for `deposit`, else as stated last.

    Raises NotFound where nothing is signed, or the deposit is no entry here.
    """
    last = signed.last()
    if last is None:
        raise NotFound("Nothing is signed in this ledger yet.")

    def entries(kind: str) -> list[Entry]:
        return [each for each in store.office(kind) if each.index < last.size]

    platforms = entries(st.PLATFORM)
    stated = platforms[-1] if platforms else None
    if deposit is not None:
        entry = store.entry(deposit.leaf)
        if entry is None or entry.index >= last.size:
            raise NotFound("The ledger holds no such deposit under a signed checkpoint.")
        named = deposit.report.claim(rp.BLOCK).facts["platform"]
        stated = next((each for each in platforms if each.leaf_hash.hex() == named), None)
    return Custody(
        trust.issuer,
        trust.origin,
        fingerprint,
        last.size,
        last.height + 1,
        _time(store, signed, 0),
        _time(store, signed, last.size - 1),
        None if stated is None else _stated(store, signed, stated),
        len(platforms),
        len(entries(st.NOTICE)),
        len(entries(st.RECOVERY)),
        len(entries(st.INSPECTION)),
        len(trust.retired),
        sum(each.revoked is not None for each in trust.retired),
        tuple(each.name for each in trust.policy.witnesses if each.key.name != trust.origin),
        tuple(each.name for each in trust.authorities),
        this_program(),
    )


def inspections_of(store: LedgerDatabase, size: int, deposit: Found) -> tuple[Inspected, ...]:
    """Return the inspections of a deposit among `size` entries, in order."""
    found = []
    for each in store.office(st.INSPECTION):
        statement = parse_statement(each.statement)
        said = parse_inspection(statement)
        if said.leaf == deposit.leaf and each.index < size:
            found.append(Inspected(each.index, statement.issued_at, said.scope))
    return tuple(found)


def _stated(store: LedgerDatabase, signed: CheckpointDatabase, entry: Entry) -> Stated:
    platform = parse_platform(parse_statement(entry.statement))
    return Stated(entry.index, entry.leaf_hash, _time(store, signed, entry.index), platform)


def _time(store: LedgerDatabase, signed: CheckpointDatabase, index: int) -> int:
    """Return the time that the block of an entry states, POSIX seconds."""
    closing = signed.covering(index)
    before = None if closing is None else signed.at_height(closing.height - 1)
    start = 0 if before is None else before.size
    record = store.read(start, start + 1)[0]
    return parse_block(parse_statement(record.statement)).time
