"""An evidence file as one: every deposit in it, and the matters that they belong to.

`verify_file` is what `sealbook verify`, `sealbook notary check` and POST /verify call; a receipt is a
file of one deposit of which nothing is shown. Where a trust file requires content, a receipt alone
lacks it, except one that is there only to show that nothing of a matter is missing: one of a matter of
which the same file opens another deposit of the same account.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ledger.chain import report as rp
from ledger.chain.report import Report
from ledger.chain.statement import Statement
from ledger.chain.trust import Trust
from ledger.errors import VerificationFailed
from ledger.evidence.matter import one_history, verify_matter, verify_places
from ledger.verify import DepositReceipt, ReceiptRefused, VerifiedReceipt

if TYPE_CHECKING:
    from ledger.evidence.manifest import Manifest
    from ledger.evidence.partial import PartialOpening


@dataclass(frozen=True, slots=True)
class DisclosedDeposit:
    """A deposit that somebody is shown; nothing in it is verified yet."""

    receipt: DepositReceipt
    opening: "Manifest | PartialOpening | None" = None
    fetch: Callable[[int, int, int], bytes] = lambda *_: b""
    """fetch(n, offset, size) gives at most `size` bytes of document n, or of piece n."""
    sizes: tuple[int, ...] = ()
    """Bytes that the ZIP holds of each of `contents`; what they should be says the opening."""
    check: Callable[[], None] = lambda: None
    """Raises MalformedData unless the ZIP's checksums are those of the content."""

    @property
    def contents(self) -> tuple[tuple[str, int], ...]:
        """What is shown, in the order of `fetch`: a name for people, and the size in bytes."""
        return () if self.opening is None else self.opening.contents


Verify = Callable[[int, DisclosedDeposit, Trust], VerifiedReceipt]
"""Verifies a deposit, by its number from 0, under a trust: `verify_disclosed` and what goes with it."""


@dataclass(frozen=True, slots=True)
class MatterShown:
    """What the receipts of a file show together of one matter.

    `runs` are the numbers shown, first and last of each unbroken run. Failed where receipts contradict
    each other, `reason` says how; not shown where no two are consecutive.
    """

    status: str
    account: str
    id: bytes
    runs: tuple[tuple[int, int], ...]
    reason: str = ""

    @property
    def missing(self) -> tuple[tuple[int, int], ...]:
        """Numbers between those shown that the file does not hold."""
        return tuple((before[1] + 1, after[0] - 1) for before, after in pairwise(self.runs))

    def as_dict(self) -> dict[str, Any]:
        """Return it for machines, beside the reports."""
        return {
            "status": self.status,
            "account": self.account,
            "id": self.id.hex(),
            "numbers": [list(run) for run in self.runs],
            "missing": [list(gap) for gap in self.missing],
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class FileReport:
    """The reports on a file's deposits, in its order, and what they show together."""

    reports: tuple[Report, ...]
    statements: tuple[Statement, ...]
    matters: tuple[MatterShown, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it for machines: of each deposit the key that signed, its leaf hash, the report."""
        return {
            "deposits": [
                [statement.key_id.hex(), statement.leaf_hash.hex(), report.as_dict()]
                for statement, report in zip(self.statements, self.reports, strict=True)
            ],
            "matters": [matter.as_dict() for matter in self.matters],
        }

    @property
    def good(self) -> bool:
        """Whether every report is good and no two receipts contradict each other."""
        return all(report.good for report in self.reports) and not any(
            matter.status == rp.FAILED for matter in self.matters
        )


def verify_file(disclosed: Sequence[DisclosedDeposit], trust: Trust, verify: Verify) -> FileReport:
    """Verify every deposit with `verify`, then what they show of their matters."""
    opened = {
        place
        for each in disclosed
        if each.opening is not None and (place := _matter(each.receipt)) is not None
    }
    reports: list[Report] = []
    verified: list[VerifiedReceipt] = []
    for number, each in enumerate(disclosed):
        used = trust
        if each.opening is None and _matter(each.receipt) in opened:
            required = tuple(name for name in trust.required if name != rp.CONTENT)
            used = replace(trust, required=required)
        try:
            verified.append(verify(number, each, used))
            reports.append(verified[-1].report)
        except ReceiptRefused as refused:
            reports.append(refused.report)
    statements = tuple(each.receipt.statement for each in disclosed)
    return FileReport(tuple(reports), statements, tuple(_matters(verified)))


def _matter(receipt: DepositReceipt) -> tuple[str, bytes] | None:
    matter = receipt.deposit.matter
    return None if matter is None else (receipt.statement.issuer, matter.id)


def _matters(verified: Sequence[VerifiedReceipt]) -> Iterable[MatterShown]:
    papers: dict[tuple[str, bytes], list[VerifiedReceipt]] = {}
    for each in verified:
        if each.deposit.matter is not None:
            place = each.statement.issuer, each.deposit.matter.id
            papers.setdefault(place, []).append(each)
    for (account, identity), found in papers.items():
        distinct = {each.statement.leaf_hash: each for each in found}
        if len(distinct) > 1:
            row = sorted(distinct.values(), key=_number)
            yield _together(account, identity, row, verified)


def _together(
    account: str,
    identity: bytes,
    papers: Sequence[VerifiedReceipt],
    verified: Sequence[VerifiedReceipt],
) -> MatterShown:
    runs: list[list[VerifiedReceipt]] = []
    for paper in papers:
        # A number that comes twice stays in its run, where it is refused.
        if runs and _number(paper) <= _number(runs[-1][-1]) + 1:
            runs[-1].append(paper)
        else:
            runs.append([paper])
    numbers = tuple((_number(run[0]), _number(run[-1])) for run in runs)
    try:
        for run in runs:
            verify_matter(run)
        verify_places(papers)
        one_history(verified)
    except VerificationFailed as error:
        return MatterShown(rp.FAILED, account, identity, numbers, str(error))
    unbroken = any(len(run) > 1 for run in runs)
    return MatterShown(rp.PROVEN if unbroken else rp.NOT_SHOWN, account, identity, numbers)


def _number(receipt: VerifiedReceipt) -> int:
    assert receipt.deposit.matter is not None
    return receipt.deposit.matter.number
