"""The notary office's commands: each module adds its own to the group."""

from ledger.cli.notary import accounts, auditors, care, check, keys, ledger, vouching

__all__ = ["accounts", "auditors", "care", "check", "keys", "ledger", "vouching"]
