"""What of a report a person is shown where not all of it holds: one rule for every face (ADR 0062).

A receipt as its notary made it fails none of its own claims. Where one fails, the paper is not the
notary's, and nothing that it says can be relied on. Where only what lies beside the receipt fails, the
content or an inspection record, the receipt's own claims stay: nothing of them rests on that.
"""

from ledger.chain import report as rp
from ledger.chain.report import Claim, Report

RECEIPT = (
    rp.LEDGER, rp.BLOCK, rp.DEPOSITOR, rp.IDENTITY, rp.SEAL, rp.TIME, rp.EXISTENCE, rp.WITNESSES,
    rp.MATTER, rp.REVOCATION, rp.AUTHORSHIP,
)  # fmt: skip
"""The claims of a receipt alone, in the order of the steps; others are about what lies beside it."""


def refused(report: Report) -> Claim | None:
    """Return the first of the receipt's own claims that failed; None where all of them may be shown."""
    claims = map(report.claim, RECEIPT)
    return next((each for each in claims if each.status == rp.FAILED), None)


def told(report: Report) -> tuple[Claim, ...]:
    """Return the claims that are shown: of a receipt that is not the notary's the one that failed."""
    failed = refused(report)
    return report.claims if failed is None else (failed,)
