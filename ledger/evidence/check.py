"""One check of a file, as a counter, a service or a portal makes it: a receipt or an evidence file."""

from typing import BinaryIO

from ledger.chain.receipt import MAX_RECEIPT
from ledger.chain.trust import Trust
from ledger.evidence.casefile import DisclosedDeposit, FileReport, verify_file
from ledger.evidence.file import read_evidence, verify_disclosed
from ledger.verify import VerifiedReceipt, parse_deposit_receipt

ZIP = b"PK"
"""What an evidence file begins with, and no receipt does."""


def check_file(file: BinaryIO, trust: Trust) -> FileReport:
    """Return the reports on a receipt or an evidence file. Raises MalformedData."""
    head = file.read(len(ZIP))
    if head == ZIP:
        return verify_file(read_evidence(file), trust, verify_shown)
    receipt = parse_deposit_receipt(head + file.read(MAX_RECEIPT))
    return verify_file([DisclosedDeposit(receipt)], trust, verify_shown)


def verify_shown(_: int, disclosed: DisclosedDeposit, trust: Trust) -> VerifiedReceipt:
    """Verify a deposit and what is shown of it, which nobody keeps."""
    return verify_disclosed(disclosed, trust)
