"""Check a receipt without a network, a notary or a vault, as `sealbook verify` does.

    python verify_a_receipt.py contract.pdf.receipt office.trust "4881 e36c .. 666a"

The fingerprint is what the notary's office gives out on paper: a trust file that came along with the
receipt proves nothing. Exit code 0: every claim that the trust file requires is proven.
"""

import sys
from pathlib import Path

from ledger import (
    MalformedData,
    ReceiptRefused,
    Report,
    fingerprint,
    parse_trust,
    verify_receipt,
)


def main(receipt: str, trust_file: str, printed: str) -> int:
    """Print the report; return the exit code."""
    data = Path(trust_file).read_bytes()
    if fingerprint(data) != printed:
        print(
            f"{trust_file} is not the office's trust file: its fingerprint is {fingerprint(data)}"
        )
        return 1
    try:
        verified = verify_receipt(Path(receipt).read_bytes(), parse_trust(data))
    except MalformedData as error:
        print(f"{receipt} is damaged, or no receipt: {error}")
        return 1
    except ReceiptRefused as refused:
        show(refused.report)
        return 1
    show(verified.report)
    print(f"deposited: {verified.deposit.commitment.hex()}")
    return 0


def show(report: Report) -> None:
    """Print one line for each claim."""
    for claim in report.claims:
        print(f"{claim.name:<12} {claim.status:<10} {claim.by or claim.reason}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
