"""The notary office's commands: each module adds its own to the group."""

from ledger.cli.notary import (
    accounts,
    auditors,
    care,
    certificates,
    check,
    doctor,
    inspect,
    keys,
    ledger,
    producing,
    serve,
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
    "doctor",
    "inspect",
    "keys",
    "ledger",
    "producing",
    "serve",
    "staff",
    "statement",
    "terms",
    "trail",
    "vouching",
]
