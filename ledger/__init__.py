"""Sealbook, a notarized evidence ledger: a room for each party, and the proofs that they share.

What stands in `__all__` is public: how other software checks a receipt, as the courts' command does.

    trust = parse_trust(Path("office.trust").read_bytes())
    print(fingerprint(Path("office.trust").read_bytes()))       # compare with the office's paper
    verified = verify_receipt(Path("contract.pdf.receipt").read_bytes(), trust)

`examples/verify_a_receipt.py` does all of it. Everything else is the program's own, and may change or
move with any version. Names are imported when they are used, so that the command line starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.chain.report import Claim, Report
    from ledger.chain.trust import Trust, fingerprint, parse_trust
    from ledger.errors import MalformedData, SealbookError
    from ledger.verify import OpenedDeposit, ReceiptRefused, VerifiedReceipt, verify_receipt

__all__ = [
    "Claim",
    "MalformedData",
    "OpenedDeposit",
    "ReceiptRefused",
    "Report",
    "SealbookError",
    "Trust",
    "VerifiedReceipt",
    "fingerprint",
    "parse_trust",
    "verify_receipt",
]

_HOMES = {
    "ledger.chain.report": ("Claim", "Report"),
    "ledger.chain.trust": ("Trust", "fingerprint", "parse_trust"),
    "ledger.errors": ("MalformedData", "SealbookError"),
    "ledger.verify": ("OpenedDeposit", "ReceiptRefused", "VerifiedReceipt", "verify_receipt"),
}


def __getattr__(name: str) -> object:
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value
