"""The notary office's commands: each module adds its own to the group."""

from ledger.cli.notary import accounts, care, check, ledger

__all__ = ["accounts", "care", "check", "ledger"]
