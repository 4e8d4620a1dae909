"""The notary office's commands: each module adds its own to the group."""

from ledger.cli.notary import (
    accounts,
    auditors,
    care,
    certificates,
    check,
    inspect,
    keys,
    ledger,
    producing,
    staff,
    statement,
    terms,
    trail,
    vouching,
)

__all__ = [
    "accounts",
    "auditors",
    "care",
    "certificates",
    "check",
    "inspect",
    "keys",
    "ledger",
    "producing",
    "staff",
    "statement",
    "terms",
    "trail",
    "vouching",
]
