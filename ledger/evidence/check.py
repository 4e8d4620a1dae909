"""One check of a file, as a counter, a service or a portal makes it: a receipt or an evidence file."""

from collections.abc import Sequence
from typing import BinaryIO

from ledger.chain.inspection import InspectionRecord
from ledger.chain.receipt import MAX_RECEIPT
from ledger.chain.trust import Trust
from ledger.evidence.casefile import DisclosedDeposit, FileReport, verify_file
from ledger.evidence.file import read_evidence, verify_disclosed
from ledger.evidence.inspected import sort_inspections
from ledger.verify import VerifiedReceipt, parse_deposit_receipt

ZIP = b"PK"
"""What an evidence file begins with, and no receipt does."""


def check_file(
    file: BinaryIO, trust: Trust, inspections: Sequence[InspectionRecord] = ()
) -> FileReport:
    """Return the reports on a receipt or an evidence file. Raises MalformedData."""
    head = file.read(len(ZIP))
    if head == ZIP:
        return check_disclosed(read_evidence(file), trust, inspections)
    receipt = parse_deposit_receipt(head + file.read(MAX_RECEIPT))
    return check_disclosed([DisclosedDeposit(receipt)], trust, inspections)


def check_disclosed(
    disclosed: Sequence[DisclosedDeposit],
    trust: Trust,
    inspections: Sequence[InspectionRecord] = (),
) -> FileReport:
    """Verify deposits, what is shown of them, which nobody keeps, and what the office has seen."""
    beside = sort_inspections(inspections, disclosed)

    def verify(number: int, each: DisclosedDeposit, trust: Trust) -> VerifiedReceipt:
        return verify_disclosed(each, trust, inspections=beside[number])

    return verify_file(disclosed, trust, verify)
